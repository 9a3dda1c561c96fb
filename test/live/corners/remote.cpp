// One process that changes or writes the memory of another.
#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>

#include "corner.h"
#include "families.h"

namespace corners {
namespace {

int pidfd(pid_t pid) {
  const int fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0u));
  available(fd >= 0, "pidfd_open");
  return fd;
}

long advise_process(int fd, char* p, std::size_t pages, int advice) {
  const iovec range{p, pages * kPage};
  return syscall(SYS_process_madvise, fd, &range, 1ul, advice, 0u);
}

// Runs `work` on a child that waits. Afterwards the child runs `after`, if given, and ends.
template <class Work>
void with_peer(Work&& work, void (*after)(char*) = nullptr, char* p = nullptr) {
  const Gate ready, done;
  const pid_t child = spawn([&] {
    ready.open();
    done.wait();
    if (after != nullptr) after(p);
  });
  ready.wait();
  work(child);
  done.open();
  reap(child);
}

int text_page() { return 42; }

}  // namespace

void advise_self() {
  char* p = island(16);
  write_pages(p, 4);
  const int fd = pidfd(getpid());
  available(advise_process(fd, at(p, 4), 4, MADV_DONTNEED) >= 0, "process_madvise");
  advise_process(fd, at(p, 4), 4, MADV_DONTFORK);
  advise_process(fd, at(p, 4), 4, MADV_POPULATE_WRITE);
  advise_process(fd, at(p, 4), 4, 102);  // MADV_GUARD_INSTALL
  char* q = island(8);
  advise_process(fd, q, 4, 102);
  advise_process(fd, q, 4, 103);
  write_pages(p, 4);
  write_pages(q, 8);
}

void advise_peer() {
  char* p = island(16);
  write_pages(p, 4);
  with_peer([&](pid_t child) {
    const int fd = pidfd(child);
    available(advise_process(fd, at(p, 4), 4, MADV_COLD) >= 0, "process_madvise");
    advise_process(fd, at(p, 4), 4, MADV_PAGEOUT);
    advise_process(fd, at(p, 4), 4, MADV_WILLNEED);
    advise_process(fd, at(p, 4), 4, 25);  // MADV_COLLAPSE
  });
}

void poke() {
  char* p = island(16);
  char* none = island(4, PROT_NONE);
  char* read_only = island(4, PROT_READ);
  const pid_t child = spawn([] {
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    raise(SIGSTOP);
  });
  int status = 0;
  must(waitpid(child, &status, 0) == child && WIFSTOPPED(status), "stop");
  const auto put = [&](void* where) {
    errno = 0;
    const long word = ptrace(PTRACE_PEEKDATA, child, where, nullptr);
    ptrace(PTRACE_POKEDATA, child, where, word);
  };
  put(at(p, 5));
  put(none);
  put(read_only);
  put(reinterpret_cast<void*>(&text_page));
  ptrace(PTRACE_CONT, child, nullptr, nullptr);
  reap(child);
}

void vm_write() {
  char* p = island(16);
  char* read_only = island(4, PROT_READ);
  char* local = map(4);
  write_pages(local, 4);
  with_peer([&](pid_t child) {
    const auto put = [&](char* where, std::size_t pages) {
      const iovec from{local, pages * kPage}, to{where, pages * kPage};
      return process_vm_writev(child, &from, 1, &to, 1, 0);
    };
    must(put(at(p, 4), 2) > 0, "process_vm_writev");
    put(read_only, 1);
    const iovec to{local, kPage}, from{at(p, 8), kPage};
    process_vm_readv(child, &to, 1, &from, 1, 0);
    put(at(p, 14), 4);
  });
}

void proc_mem() {
  char* p = island(16);
  char* read_only = island(4, PROT_READ);
  const int file = scratch_file(4);
  char* mapped = map_file(file, 4, PROT_READ, MAP_PRIVATE);
  char* shared = map_file(file, 4, PROT_READ, MAP_SHARED);
  with_peer([&](pid_t child) {
    const std::string path = "/proc/" + std::to_string(child) + "/mem";
    const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
    available(fd >= 0, "open of /proc/PID/mem");
    for (char* where : std::array{at(p, 5), read_only, mapped, shared})
      (void)!pwrite(fd, "x", 1, static_cast<off_t>(reinterpret_cast<std::uintptr_t>(where)));
  });
  const int self = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
  for (char* where : std::array{at(p, 9), at(read_only, 1), at(mapped, 1)})
    (void)!pwrite(self, "x", 1, static_cast<off_t>(reinterpret_cast<std::uintptr_t>(where)));
  protect(read_only, 4, kRw);
  protect(mapped, 2, kRw);
}

// A read of memory that a stack vma could grow to, by another process: refused or grown.
void peer_stack() {
  char* p = island(64, kRw, MAP_GROWSDOWN);
  write_pages(at(p, 32), 32);
  with_peer([&](pid_t child) {
    char word[8];
    const iovec to{word, 8}, from{p - 2 * kPage, 8};
    process_vm_readv(child, &to, 1, &from, 1, 0);
    process_vm_writev(child, &to, 1, &from, 1, 0);
  });
}

}  // namespace corners
