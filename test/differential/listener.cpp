#include "test/differential/listener.h"

#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace anonvma::differential {
namespace {

// These are newer than the headers of the oldest toolchain.
constexpr long kPidfdOpen = 434, kPidfdGetfd = 438;

}  // namespace

std::unique_ptr<Listener> Listener::of(pid_t process, int fd) {
  const auto pidfd = static_cast<int>(syscall(kPidfdOpen, process, 0));
  const auto taken = static_cast<int>(syscall(kPidfdGetfd, pidfd, fd, 0));
  if (pidfd >= 0) close(pidfd);
  if (taken < 0) return nullptr;
  return std::unique_ptr<Listener>(new Listener(taken, eventfd(0, EFD_CLOEXEC)));
}

Listener::Listener(int fd, int stop) : fd_(fd), stop_(stop), thread_([this] { listen(); }) {}

Listener::~Listener() {
  const std::uint64_t one = 1;
  if (write(stop_, &one, sizeof one) == sizeof one) thread_.join();
  close(stop_);
  close(fd_);
}

void Listener::settle() const {
  while (busy_) usleep(100);
}

void Listener::listen() {
  pollfd watched[] = {{fd_, POLLIN, 0}, {stop_, POLLIN, 0}};
  while (poll(watched, 2, -1) > 0 && watched[1].revents == 0) {
    uffd_msg message{};
    busy_ = true;  // before the event is read, as the fork goes on then
    const bool forked =
        read(fd_, &message, sizeof message) == sizeof message && message.event == UFFD_EVENT_FORK;
    if (forked) {
      usleep(2000);  // see the head of listener.h
      close(static_cast<int>(message.arg.fork.ufd));
    }
    busy_ = false;
  }
}

}  // namespace anonvma::differential
