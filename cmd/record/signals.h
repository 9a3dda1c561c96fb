// The signals that end a recording, or make a flight recorder write. They are blocked and waited
// for here, without a handler. The wait is also the sleep of the recorder's loop.
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
    if (flight_) signal(SIGUSR1, SIG_IGN);  // a late signal must not kill the recorder
    sigprocmask(SIG_SETMASK, &before_, nullptr);
  }

  // The signal that came within `ns`, or 0. The end of a child only ends the wait.
  int wait(long ns) const {
    const timespec timeout{0, ns};
    const int signal = sigtimedwait(&set_, nullptr, &timeout);
    return signal > 0 && signal != SIGCHLD ? signal : 0;
  }
  // True if SIGUSR1 is pending. The kernel gives lower numbers first: SIGINT before an earlier
  // SIGUSR1.
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
