// Reads the events of a userfaultfd, as a monitor does: the process that caused one waits until it is
// read. The userfaultfd that a fork brings is closed a moment later, so that the recorder knows the
// child by then.
//
// The listener holds the descriptor, too. It has to go before the last descriptor of the process
// does, so that the process itself ends the userfaultfd.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <memory>
#include <thread>

namespace anonvma::differential {

class Listener {
 public:
  // Takes `fd` from the process. Null if that is not possible.
  static std::unique_ptr<Listener> of(pid_t process, int fd);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();
  // Waits until no userfaultfd of a child is left to be closed.
  void settle() const;

 private:
  Listener(int fd, int stop);
  void listen();

  int fd_, stop_;
  std::atomic<bool> busy_ = false;
  std::thread thread_;
};

}  // namespace anonvma::differential
