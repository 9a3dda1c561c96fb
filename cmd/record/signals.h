// The signals that end a recording, or make a flight recorder write. They are taken here instead of
// being delivered: no handler, and waiting for one is also how the recorder's loop sleeps.
#pragma once

#include <signal.h>

#include <ctime>

namespace anonvma::cmd {

class Signals {
 public:
  explicit Signals(bool flight) : flight_(flight) {
    sigemptyset(&set_);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&set_, signal);
    if (flight) sigaddset(&set_, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set_, &before_);
    signal(SIGPIPE, SIG_IGN);
  }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  ~Signals() {
    if (flight_) signal(SIGUSR1, SIG_IGN);  // one that came too late must not kill
    sigprocmask(SIG_SETMASK, &before_, nullptr);
  }

  // The signal that came within `ns`, or 0. A child's end only wakes up.
  int wait(long ns) const {
    const timespec timeout{0, ns};
    const int signal = sigtimedwait(&set_, nullptr, &timeout);
    return signal > 0 && signal != SIGCHLD ? signal : 0;
  }
  // The kernel gives lower numbers first: SIGINT, though SIGUSR1 came before.
  bool user_signal_waits() const {
    sigset_t waiting;
    return flight_ && sigpending(&waiting) == 0 && sigismember(&waiting, SIGUSR1) == 1;
  }

 private:
  bool flight_;
  sigset_t set_;
  sigset_t before_;
};

}  // namespace anonvma::cmd
