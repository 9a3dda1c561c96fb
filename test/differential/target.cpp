// The recorded program: a family of processes and threads that run the commands of the mailbox. It
// is linked statically and has no heap of its own, so that only commands change its address space.
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <climits>

#include "test/differential/mailbox.h"

namespace anonvma::differential {
namespace {

constexpr std::size_t kStack = 4 * kPage;
alignas(kPage) char thread_stacks[kActors][kStack];
alignas(kPage) char vfork_stacks[kActors][kStack];

Mailbox& mailbox() { return *std::bit_cast<Mailbox*>(kMailboxAddress); }
unsigned index_of(const Slot& slot) { return static_cast<unsigned>(&slot - mailbox().slots); }

// The result as the kernel gives it. All threads would share the C library's errno.
std::int64_t call(std::int64_t nr, std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0,
                  std::uint64_t d = 0, std::uint64_t e = 0, std::uint64_t f = 0) {
#if defined(__x86_64__)
  register std::uint64_t r10 asm("r10") = d;
  register std::uint64_t r8 asm("r8") = e;
  register std::uint64_t r9 asm("r9") = f;
  std::int64_t result = nr;
  asm volatile("syscall"
               : "+a"(result)
               : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register std::int64_t x8 asm("x8") = nr;
  register std::uint64_t x0 asm("x0") = a;
  register std::uint64_t x1 asm("x1") = b;
  register std::uint64_t x2 asm("x2") = c;
  register std::uint64_t x3 asm("x3") = d;
  register std::uint64_t x4 asm("x4") = e;
  register std::uint64_t x5 asm("x5") = f;
  asm volatile("svc 0"
               : "+r"(x0)
               : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
               : "memory");
  return static_cast<std::int64_t>(x0);
#endif
}

// A 32-bit program's call, from 64-bit code. arm64 has no such thing.
std::int64_t call32(std::int64_t nr, const std::uint64_t* a) {
#if defined(__x86_64__)
  std::int64_t result = nr;
  // The sixth argument is in ebp, which the compiler may use for the frame.
  asm volatile("movq %%rbp, %%r12\n\tmovq %[sixth], %%rbp\n\tint $0x80\n\tmovq %%r12, %%rbp"
               : "+a"(result)
               : "b"(a[0]), "c"(a[1]), "d"(a[2]), "S"(a[3]), "D"(a[4]), [sixth] "r"(a[5])
               : "r8", "r9", "r10", "r11", "r12", "memory");
  return result;
#else
  static_cast<void>(nr), static_cast<void>(a);
  return -ENOSYS;
#endif
}

template <class T>
std::uint64_t address(T* pointer) {
  return reinterpret_cast<std::uint64_t>(pointer);
}

void wake(std::atomic<std::uint32_t>& word) {
  call(SYS_futex, address(&word), FUTEX_WAKE, INT_MAX);
}

// Signals are handled on the slot's own stack, which identifies the slot.
void on_fault(int, siginfo_t*, void*) {
  char here = 0;
  Slot& slot = mailbox().slots[(address(&here) - kMailboxAddress) / sizeof(Slot)];
  siglongjmp(slot.fault, 1);
}

std::int64_t touch(Slot& slot, std::uint64_t where, bool write) {
  if (sigsetjmp(slot.fault, 0) != 0) return -EFAULT;
  auto* byte = std::bit_cast<volatile char*>(where);
  if (write)
    *byte = 1;
  else
    static_cast<void>(*byte);
  return 0;
}

[[noreturn]] void live(Slot& slot);

int thread_main(void* slot) { live(*static_cast<Slot*>(slot)); }

int vfork_main(void* argument) {
  Slot& slot = *static_cast<Slot*>(argument);
  const Command& command = slot.queue[slot.current];
  const std::int64_t mapped =
      call(SYS_mmap, command.args[0], command.args[1], PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, ~0ull);
  if (mapped >= 0) touch(slot, command.args[0], true);
  call(SYS_exit_group);
  return 0;
}

[[noreturn]] void become(unsigned slot) {
  char name[] = {static_cast<char>('0' + slot), '\0'};
  char* argv[] = {mailbox().path, name, nullptr};
  char* environment[] = {nullptr};
  call(SYS_execve, address(mailbox().path), address(argv), address(environment));
  call(SYS_exit_group, 127);
  __builtin_unreachable();
}

int spawn_main(void* slot) { become(index_of(*static_cast<Slot*>(slot))); }

// Children are the driver's own children, so that it can wait for every one of them.
std::int64_t fork_into(Slot& child, bool without_userfaultfd) {
  const std::int64_t pid = call(SYS_clone, CLONE_PARENT | SIGCHLD);
  if (pid == 0 && without_userfaultfd) call(SYS_close, kUserfaultFd);
  if (pid == 0) live(child);
  return pid;
}

std::int64_t clone_into(int (*main)(void*), char* stack, int flags, Slot& slot) {
  const int tid = clone(main, stack + kStack, flags, &slot);
  return tid > 0 ? tid : -EAGAIN;
}

std::int64_t start_thread(Slot& child) {
  return clone_into(
      thread_main, thread_stacks[index_of(child)],
      CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM, child);
}

std::int64_t start_vfork(Slot& slot, int (*main)(void*), Slot& argument) {
  return clone_into(main, vfork_stacks[index_of(slot)],
                    CLONE_VM | CLONE_VFORK | CLONE_PARENT | SIGCHLD, argument);
}

// Touches get SIGBUS instead of waiting for an answer.
std::int64_t open_userfaultfd(bool events) {
  const std::int64_t fd = call(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return fd;
  uffdio_api api{};
  api.api = UFFD_API;
  api.features = UFFD_FEATURE_SIGBUS;
  if (events)
    api.features |= UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_EVENT_REMOVE |
                    UFFD_FEATURE_EVENT_UNMAP;
  const std::int64_t agreed = call(SYS_ioctl, fd, UFFDIO_API, address(&api));
  if (agreed == 0) call(SYS_dup3, fd, kUserfaultFd, O_CLOEXEC);
  call(SYS_close, fd);
  return agreed;
}

// Maps single pages until the kernel refuses, and unmaps the last `left` of them.
std::int64_t crowd(std::uint64_t left) {
  const std::uint64_t step = 2 * getauxval(AT_PAGESZ);
  const auto place = [&](std::uint64_t i) { return kCrowd + i * step; };
  std::uint64_t count = 0;
  while (call(SYS_mmap, place(count), step / 2, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
              ~0ull) == static_cast<std::int64_t>(place(count)))
    ++count;
  for (std::uint64_t i = 0; i < left && i < count; ++i)
    call(SYS_munmap, place(count - 1 - i), step / 2);
  return static_cast<std::int64_t>(count);
}

std::int64_t run(Slot& slot, const Command& command) {
  Slot& child = mailbox().slots[command.child];
  const std::uint64_t* a = command.args;
  switch (command.act) {
    case Act::call:
      return call(command.nr, a[0], a[1], a[2], a[3], a[4], a[5]);
    case Act::call32:
      // A kernel without 32-bit calls answers with a signal.
      return sigsetjmp(slot.fault, 0) != 0 ? -ENOSYS : call32(command.nr, a);
    case Act::crowd:
      return crowd(a[0]);
    case Act::read:
      return touch(slot, a[0], false);
    case Act::write:
      return touch(slot, a[0], true);
    case Act::fork:
      return fork_into(child, a[1] != 0);
    case Act::thread:
      return start_thread(child);
    case Act::vfork:
      return start_vfork(slot, vfork_main, slot);
    case Act::spawn:
      return start_vfork(slot, spawn_main, child);
    case Act::exec:
      become(index_of(slot));
    case Act::exit:
      return call(SYS_exit_group);
    case Act::leave:
      return call(SYS_exit);
    case Act::uffd:
      return open_userfaultfd(a[0] != 0);
  }
  return -ENOSYS;
}

void prepare_slot(Slot& slot) {
  stack_t stack{};
  stack.ss_sp = slot.signal_stack;
  stack.ss_size = sizeof(slot.signal_stack);
  sigaltstack(&stack, nullptr);
  call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
  slot.tgid = static_cast<std::int32_t>(call(SYS_getpid));
  slot.tid = static_cast<std::int32_t>(call(SYS_gettid));
  slot.done = slot.go.load();
  slot.ready = 1;
  wake(slot.ready);
}

void live(Slot& slot) {
  prepare_slot(slot);
  for (;;) {
    const std::uint32_t turn = slot.done + 1;
    while (slot.go != turn) call(SYS_futex, address(&slot.go), FUTEX_WAIT, turn - 1);
    for (slot.current = 0; slot.current < slot.count; ++slot.current) {
      Command& command = slot.queue[slot.current];
      command.result = run(slot, command);
    }
    slot.done = turn;
    wake(slot.done);
  }
}

int main(const char* name) {
  void* where = std::bit_cast<void*>(kMailboxAddress);
  if (mmap(where, sizeof(Mailbox), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, kMailboxFd, 0) !=
      where)
    return 126;
  struct sigaction action {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_ONSTACK | SA_NODEFER | SA_SIGINFO;
  sigaction(SIGSEGV, &action, nullptr);
  sigaction(SIGBUS, &action, nullptr);
  Slot& slot = mailbox().slots[name[0] - '0'];
  const std::uint64_t page = getauxval(AT_PAGESZ);
  slot.heap = (static_cast<std::uint64_t>(call(SYS_brk)) + page - 1) & ~(page - 1);
  slot.stack = address(__builtin_frame_address(0)) & ~(page - 1);
  live(slot);
}

}  // namespace
}  // namespace anonvma::differential

int main(int argc, char** argv) { return argc == 2 ? anonvma::differential::main(argv[1]) : 126; }
