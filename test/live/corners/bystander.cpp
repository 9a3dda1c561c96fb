#include "bystander.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include "corner.h"
#include "registers.h"

#if defined(__x86_64__)
asm(".pushsection .text\n.globl corners_call\ncorners_call: mov %rbx, "
    "%rax\nsyscall\nint3\n.popsection\n");
#elif defined(__aarch64__)
asm(".pushsection .text\n.globl corners_call\ncorners_call: mov x0, x19\nmov x8, x20\nsvc #0\nbrk "
    "#0\n"
    ".popsection\n");
#endif

namespace corners {
namespace {

long error_of(bool good) { return good ? 0 : errno; }

long stop(pid_t pid) {
  if (ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) != 0) return errno;
  if (ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr) != 0) return errno;
  return error_of(waitpid(pid, nullptr, __WALL) == pid);
}

void let_go(pid_t pid) { ptrace(PTRACE_DETACH, pid, nullptr, nullptr); }

long poke(const Order& order) {
  if (const long error = stop(order.pid)) return error;
  errno = 0;
  const long word = ptrace(PTRACE_PEEKDATA, order.pid, order.where, nullptr);
  long error = errno;
  if (!error) error = error_of(ptrace(PTRACE_POKEDATA, order.pid, order.where, word) == 0);
  let_go(order.pid);
  return error;
}

long write_mem(const Order& order) {
  const std::string path = "/proc/" + std::to_string(order.pid) + "/mem";
  const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return errno;
  const std::string bytes(order.pages * kPage, 'x');
  const auto offset = static_cast<off_t>(reinterpret_cast<std::uintptr_t>(order.where));
  const long error = error_of(pwrite(fd, bytes.data(), bytes.size(), offset) > 0);
  close(fd);
  return error;
}

long write_vm(const Order& order) {
  std::string bytes(order.pages * kPage, 'x');
  const iovec from{bytes.data(), bytes.size()}, to{order.where, bytes.size()};
  return error_of(process_vm_writev(order.pid, &from, 1, &to, 1, 0) > 0);
}

int pidfd(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0u)); }

long advise(const Order& order) {
  const int fd = pidfd(order.pid);
  const iovec range{order.where, order.pages * kPage};
  const long error =
      error_of(syscall(SYS_process_madvise, fd, &range, 1ul, order.argument, 0u) >= 0);
  close(fd);
  return error;
}

long call(const Order& order) {
  if (const long error = stop(order.pid)) return error;
  Registers before{};
  bool good = get_registers(order.pid, before);
  Registers during = with_call(before, order.where, order.argument, order.arguments);
  int status = 0;
  good = good && set_registers(order.pid, during) &&
         ptrace(PTRACE_CONT, order.pid, nullptr, nullptr) == 0 &&
         waitpid(order.pid, &status, __WALL) == order.pid;
  long error = error_of(good);
  if (good && !(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP)) error = EPROTO;
  set_registers(order.pid, before);
  let_go(order.pid);
  return error;
}

long kill_and_reap(const Order& order) {
  const int fd = pidfd(order.pid);
  if (fd < 0) return errno;
  kill(order.pid, SIGKILL);
  const long error = error_of(syscall(448 /* process_mrelease */, fd, 0u) == 0);
  close(fd);
  return error == ESRCH || error == EINVAL ? 0 : error;  // it had no memory any more
}

long migrate(const Order& order) {
  void* page = order.where;
  int node = -1, status = 0;
  if (syscall(SYS_move_pages, order.pid, 1ul, &page, nullptr, &node, 0) != 0) return errno;
  if (node < 0) return -node;
  syscall(SYS_move_pages, order.pid, 1ul, &page, &node, &status, 0);
  const unsigned long here = 1ul << node;
  return error_of(syscall(SYS_migrate_pages, order.pid, 65ul, &here, &here) >= 0);
}

long write_file(const Order& order) {
  const int fd = open(order.path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const std::string text = std::to_string(order.argument);
  const long error = error_of(write(fd, text.data(), text.size()) > 0);
  close(fd);
  return error;
}

// The userfaultfd of another process, of which this process has a copy.
long use_uffd(const Order& order) {
  static int fd = -1;
  const uffdio_range range{reinterpret_cast<std::uintptr_t>(order.where), order.pages * kPage};
  switch (order.deed) {
    case Deed::take_uffd: {
      const int process = pidfd(order.pid);
      fd = static_cast<int>(syscall(438 /* pidfd_getfd */, process, order.argument, 0u));
      const long error = error_of(fd >= 0);
      close(process);
      return error;
    }
    case Deed::register_uffd: {
      uffdio_register all{range, UFFDIO_REGISTER_MODE_MISSING, 0};
      return error_of(ioctl(fd, UFFDIO_REGISTER, &all) == 0);
    }
    case Deed::dismiss_uffd:
      return error_of(ioctl(fd, UFFDIO_UNREGISTER, &range) == 0);
    case Deed::fill_uffd: {
      static const char source[16 * kLargestPage] = {};
      uffdio_copy all{range.start, reinterpret_cast<std::uintptr_t>(source), range.len, 0, 0};
      return error_of(ioctl(fd, UFFDIO_COPY, &all) == 0);
    }
    default:
      return error_of(close(fd) == 0);
  }
}

long act(const Order& order) {
  switch (order.deed) {
    case Deed::poke:
      return poke(order);
    case Deed::write_mem:
      return write_mem(order);
    case Deed::write_vm:
      return write_vm(order);
    case Deed::advise:
      return advise(order);
    case Deed::call:
      return call(order);
    case Deed::kill_and_reap:
      return kill_and_reap(order);
    case Deed::migrate:
      return migrate(order);
    case Deed::write_file:
      return write_file(order);
    case Deed::take_uffd:
    case Deed::register_uffd:
    case Deed::dismiss_uffd:
    case Deed::fill_uffd:
    case Deed::close_uffd:
      return use_uffd(order);
  }
  return EINVAL;
}

sockaddr_un address_of(const char* path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  must(std::strlen(path) < sizeof address.sun_path, "the path of the socket");
  std::strcpy(address.sun_path, path);
  return address;
}

int new_socket() {
  const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  must(fd >= 0, "socket");
  return fd;
}

// Merged pages hold objects of processes that have ended, until ksmd runs again.
void unmerge_leftovers() {
  const char* run = "/sys/kernel/mm/ksm/run";
  if (access(run, W_OK) != 0 || read_text(run) != "0\n") return;
  write_text(run, "2");
  write_text(run, "0");
}

}  // namespace

int bystander(const Order& order) {
  const char* path = std::getenv("CORNERS_BYSTANDER");
  if (path == nullptr) skip("no bystander runs beside this recording");
  const int fd = new_socket();
  const sockaddr_un address = address_of(path);
  must(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "connect");
  must(send(fd, &order, sizeof order, 0) == sizeof order, "send");
  int answer = 0;
  must(recv(fd, &answer, sizeof answer, 0) == sizeof answer, "no answer of the bystander");
  close(fd);
  return answer;
}

void stand_by(const char* path) {
  const std::string folder = std::filesystem::path(path).parent_path();
  const sockaddr_un address = address_of(path);
  const int door = new_socket();
  must(bind(door, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0, "bind");
  must(listen(door, 8) == 0, "listen");
  while (access(folder.c_str(), F_OK) == 0) {
    pollfd ready{door, POLLIN, 0};
    if (poll(&ready, 1, 200) <= 0) continue;
    const int fd = accept4(door, nullptr, nullptr, SOCK_CLOEXEC);
    Order order;
    if (recv(fd, &order, sizeof order, 0) == sizeof order) {
      const int answer = static_cast<int>(act(order));
      (void)!send(fd, &answer, sizeof answer, MSG_NOSIGNAL);
    }
    close(fd);
  }
  unmerge_leftovers();
}

}  // namespace corners
