// Calls that somebody else answers: a seccomp filter, its supervisor, or a tracer. The kernel has done
// nothing then, whatever the program was told, or something else than the program asked for.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/mempolicy.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <functional>
#include <iterator>
#include <set>
#include <thread>
#include <vector>

#include "corner.h"
#include "families.h"
#include "registers.h"

namespace corners {
namespace {

constexpr long kCalls[] = {SYS_mmap, SYS_munmap, SYS_mprotect, SYS_madvise,
                           SYS_brk,  SYS_mremap, SYS_mlock,    SYS_munlock};

// Only calls whose last argument has this mark are answered: libc makes calls of its own.
constexpr long kMark = 0x5eed;

long marked(long nr, char* p, long b, long c = 0, long d = 0, long e = 0) {
  return syscall(nr, p, b, c, d, e, kMark);
}

// The same calls before, below and behind the answers.
void all_calls(char* p) {
  const long kPages = 4 * static_cast<long>(kPage);
  constexpr long kAnonymous = MAP_PRIVATE | MAP_ANONYMOUS;
  marked(SYS_mmap, nullptr, kPages, kRw, kAnonymous, -1);
  marked(SYS_mmap, at(p, 4), kPages, PROT_READ, kAnonymous | MAP_FIXED, -1);
  marked(SYS_munmap, at(p, 10), kPages);
  marked(SYS_mprotect, at(p, 16), kPages, PROT_READ);
  marked(SYS_madvise, at(p, 22), kPages, MADV_DONTFORK);
  marked(SYS_madvise, at(p, 26), kPages, 23);  // MADV_POPULATE_WRITE
  marked(SYS_mremap, at(p, 32), kPages, 2 * kPages, MREMAP_MAYMOVE);
  marked(SYS_mlock, at(p, 40), kPages);
  marked(SYS_munlock, at(p, 41), kPage);
  char* end = static_cast<char*>(sbrk(0));
  marked(SYS_brk, end + kPages, 0);
  marked(SYS_brk, end, 0);
}

char* fresh_memory() {
  char* p = island(64);
  write_pages(at(p, 6), 8);
  write_pages(at(p, 34), 1);
  return p;
}

// Memory for all_calls() in a process that `answer` has prepared, and a child of it.
void under(const std::function<void()>& answer) {
  char* p = fresh_memory();
  in_child([&] {
    answer();
    all_calls(p);
    write_pages(at(p, 16), 8);
    in_child([&] {
      all_calls(p);
      write_pages(at(p, 12), 2);
    });
  });
  all_calls(p);
}

// Has the kernel give `action` for each marked call of kCalls. Returns the supervisor's descriptor, if
// `flags` asks for one.
int filter(std::uint32_t action, unsigned flags = 0) {
  std::vector<sock_filter> code;
  const auto add = [&](unsigned operation, std::size_t k, unsigned yes = 0, unsigned no = 0) {
    code.push_back({static_cast<std::uint16_t>(operation), static_cast<std::uint8_t>(yes),
                    static_cast<std::uint8_t>(no), static_cast<std::uint32_t>(k)});
  };
  constexpr unsigned kLoad = BPF_LD | BPF_W | BPF_ABS, kEqual = BPF_JMP | BPF_JEQ | BPF_K;
  add(kLoad, offsetof(seccomp_data, args) + 5 * sizeof(std::uint64_t));
  add(kEqual, kMark, 1, 0);
  add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  add(kLoad, offsetof(seccomp_data, nr));
  for (const long nr : kCalls) {
    add(kEqual, static_cast<std::size_t>(nr), 0, 1);
    add(BPF_RET | BPF_K, action);
  }
  add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  available(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "PR_SET_NO_NEW_PRIVS");
  const long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
  available(fd >= 0, "seccomp");
  return static_cast<int>(fd);
}

// A stop of a traced process. Registers that were changed are written back by set().
class Stop {
 public:
  explicit Stop(pid_t pid) : pid_(pid) { must(get_registers(pid, all_), "PTRACE_GETREGSET"); }
  Registers& registers() { return all_; }
  bool marked() { return argument_of(all_, 5) == kMark; }
  void set() { must(set_registers(pid_, all_), "PTRACE_SETREGSET"); }
  void set_call(long nr) {
#if defined(__x86_64__)
    all_.orig_rax = static_cast<Word>(nr);
    set();
#elif defined(__aarch64__)
    set();
    int number = static_cast<int>(nr);
    iovec area{&number, sizeof number};
    must(ptrace(PTRACE_SETREGSET, pid_, NT_ARM_SYSTEM_CALL, &area) == 0, "number of a call");
#endif
  }

 private:
  pid_t pid_;
  Registers all_{};
};

// A call of libc may find the mark in its register. Its forks have other flags than those below.
bool may_be_answered(Stop& stop) {
  const long nr = call_of(stop.registers());
  if (!stop.marked()) return false;
  if (nr == SYS_clone) return argument_of(stop.registers(), 0) == SIGCHLD;
  return nr == SYS_execve ||
         std::find(std::begin(kCalls), std::end(kCalls), nr) != std::end(kCalls);
}

using Visit = std::function<void(Stop&, bool enters)>;

// Runs `work` in a child, and `visit` when a marked call of the child, or of its children, begins and
// ends. With `only_filtered` it runs at the stop of a seccomp filter instead.
void traced(const std::function<void()>& work, const Visit& visit, bool only_filtered = false) {
  const pid_t child = spawn([&] {
    available(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0, "PTRACE_TRACEME");
    raise(SIGSTOP);
    work();
  });
  int status = 0;
  must(waitpid(child, &status, 0) == child, "waitpid");
  if (!WIFSTOPPED(status)) return must_have_ended_well(status);
  const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEFORK |
                       PTRACE_O_TRACECLONE | PTRACE_O_TRACESECCOMP;
  must(ptrace(PTRACE_SETOPTIONS, child, nullptr, options) == 0, "PTRACE_SETOPTIONS");
  const auto go_on = only_filtered ? PTRACE_CONT : PTRACE_SYSCALL;
  must(ptrace(go_on, child, nullptr, nullptr) == 0, "the first step");
  std::set<pid_t> inside;
  for (pid_t pid = 0; (pid = waitpid(-1, &status, __WALL)) > 0;) {
    if (!WIFSTOPPED(status)) {
      must_have_ended_well(status);
      continue;
    }
    const int event = status >> 16, signal = WSTOPSIG(status);
    if (event == PTRACE_EVENT_SECCOMP || signal == (SIGTRAP | 0x80)) {
      __ptrace_syscall_info info{};
      available(ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) > 0,
                "PTRACE_GET_SYSCALL_INFO");
      Stop stop(pid);
      if (info.op != PTRACE_SYSCALL_INFO_EXIT && may_be_answered(stop)) {
        inside.insert(pid);
        visit(stop, true);
      } else if (inside.erase(pid) > 0) {
        visit(stop, false);
      }
    }
    const bool own = event != 0 || signal == (SIGTRAP | 0x80) || signal == SIGSTOP;
    ptrace(go_on, pid, nullptr, own ? 0 : signal);
  }
}

}  // namespace

// The calls fail, or claim to have succeeded.
void answered_by_filter() {
  for (const int error : {EPERM, ENOMEM, EINVAL, 0})
    under([&] { filter(SECCOMP_RET_ERRNO | static_cast<unsigned>(error)); });
}

// A handler of a signal answers: it may return anything.
void answered_by_trap() {
  under([] {
    struct sigaction action = {};
    action.sa_flags = SA_SIGINFO;
    action.sa_sigaction = [](int, siginfo_t*, void*) {};
    must(sigaction(SIGSYS, &action, nullptr) == 0, "sigaction");
    filter(SECCOMP_RET_TRAP);
  });
}

// A supervisor answers each call in turn: an error, a success, an address, and "go on".
void answered_by_supervisor() {
  char* p = fresh_memory();
  in_child([&] {
    const int fd = filter(SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER);
    std::thread([=] {
      for (unsigned turn = 0;; ++turn) {
        seccomp_notif request{};
        if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &request) != 0) return;
        seccomp_notif_resp answer{};
        answer.id = request.id;
        if (turn % 4 == 0) answer.error = -ENOMEM;
        if (turn % 4 == 2) answer.val = reinterpret_cast<long>(p);
        if (turn % 4 == 3) answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &answer);
      }
    }).detach();
    for (int round = 0; round < 4; ++round) {
      all_calls(p);
      marked(SYS_munlock, p, kPage);  // so that each round has other answers
      in_child([&] { all_calls(p); });
    }
  });
}

// The filter leaves the calls to a tracer, which lets them be skipped, changed or made.
void answered_by_tracer() {
  char* p = fresh_memory();
  unsigned turn = 0;
  traced(
      [&] {
        filter(SECCOMP_RET_TRACE);
        for (int round = 0; round < 3; ++round) {
          all_calls(p);
          in_child([&] { all_calls(p); });
        }
      },
      [&](Stop& stop, bool) {
        switch (turn++ % 4) {
          case 0:
            result_of(stop.registers()) = static_cast<Word>(0);
            return stop.set_call(-1);
          case 1:
            argument_of(stop.registers(), 1) = kPage;
            return stop.set();
          case 2:
            argument_of(stop.registers(), 5) = 0;
            return stop.set_call(SYS_getpid);
        }
      },
      true);
  all_calls(p);
}

// As strace's fault injection: the call is replaced by none at its beginning, and its result is
// written at its end. Other calls are made, and have another result for the program.
void answered_by_injection() {
  char* p = fresh_memory();
  unsigned turn = 0;
  bool replaced = false;
  traced(
      [&] {
        for (int round = 0; round < 6; ++round) {
          all_calls(p);
          marked(SYS_munlock, p, kPage);
        }
        in_child([&] { all_calls(p); });
      },
      [&](Stop& stop, bool enters) {
        if (enters) {
          replaced = ++turn % 2 == 0;
          if (replaced) stop.set_call(-1);
          return;
        }
        const long results[] = {0, -ENOMEM, -EINVAL, reinterpret_cast<long>(p)};
        if (!replaced && turn % 4 == 1) return;
        result_of(stop.registers()) = static_cast<Word>(results[turn % 4]);
        stop.set();
      });
  all_calls(p);
}

// Forks and execs that did not happen, and that happened though the program was told otherwise.
void answered_forks() {
  char* p = fresh_memory();
  unsigned turn = 0;
  bool replaced = false;
  traced(
      [&] {
        for (int round = 0; round < 6; ++round) {
          const long child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0, kMark);
          if (child == 0) {
            write_pages(at(p, 4), 4);
            syscall(SYS_exit_group, 0);
          }
          write_pages(at(p, 8), 2);
          char* const none[] = {nullptr};
          syscall(SYS_execve, "/nowhere", none, none, 0, 0, kMark);
          while (wait(nullptr) > 0) continue;
        }
      },
      [&](Stop& stop, bool enters) {
        if (enters) {
          replaced = ++turn % 3 == 0;
          if (replaced) stop.set_call(-1);
          return;
        }
        if (turn % 3 == 1) return;
        result_of(stop.registers()) = static_cast<Word>(replaced ? 1 : -EAGAIN);
        stop.set();
      });
  write_pages(p, 16);
}

// A debugger that stops a process in its fork, and has it make calls there. The fork then seems to end
// as no call.
void calls_in_fork() {
  char* p = fresh_memory();
  const unsigned long node = 1;
  const auto number = [](const void* q) {
    return static_cast<long>(reinterpret_cast<std::uintptr_t>(q));
  };
  const long bind[6] = {
      number(at(p, 6)), static_cast<long>(4 * kPage), MPOL_BIND, number(&node), 65, 0};
  const pid_t child = spawn([&] {
    available(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0, "PTRACE_TRACEME");
    raise(SIGSTOP);
    for (int round = 0; round < 2; ++round)
      if (syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) == 0) {
        write_pages(at(p, 4), 4);
        syscall(SYS_exit_group, 0);
      }
    write_pages(at(p, 8), 2);
    while (wait(nullptr) > 0) continue;
  });
  const auto stopped = [&] {
    int status = 0;
    must(waitpid(child, &status, __WALL) == child, "waitpid");
    if (!WIFSTOPPED(status)) must_have_ended_well(status);
    return WIFSTOPPED(status) ? status >> 8 : 0;
  };
  if (stopped() == 0) return;
  must(ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_EXITKILL | PTRACE_O_TRACEFORK) == 0,
       "PTRACE_SETOPTIONS");
  for (int signal = 0;;) {
    must(ptrace(PTRACE_CONT, child, nullptr, signal) == 0, "PTRACE_CONT");
    const int stop = stopped();
    if (stop == 0) break;
    signal = stop >> 8 ? 0 : stop;
    if (stop != (SIGTRAP | PTRACE_EVENT_FORK << 8)) continue;
    unsigned long copy = 0;
    must(ptrace(PTRACE_GETEVENTMSG, child, nullptr, &copy) == 0, "PTRACE_GETEVENTMSG");
    must(waitpid(static_cast<pid_t>(copy), nullptr, __WALL) > 0, "waitpid");
    must(ptrace(PTRACE_DETACH, static_cast<pid_t>(copy), nullptr, nullptr) == 0, "PTRACE_DETACH");
    Registers before{};
    must(get_registers(child, before), "PTRACE_GETREGSET");
    Registers during = with_call(before, call_instructions(), SYS_mbind, bind);
    must(set_registers(child, during), "PTRACE_SETREGSET");
    int trap = 0;
    do {
      must(ptrace(PTRACE_CONT, child, nullptr, nullptr) == 0, "PTRACE_CONT");
      trap = stopped();
    } while (trap == SIGCHLD);
    must(trap == SIGTRAP, "a trap");
    result_of(before) = copy;
#if defined(__x86_64__)
    before.orig_rax = ~0ull;
#endif
    must(set_registers(child, before), "PTRACE_SETREGSET");
  }
}

#if defined(__x86_64__)
// An emulator: no call of the program reaches the kernel.
void emulated() {
  char* p = fresh_memory();
  const pid_t child = spawn([&] {
    available(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0, "PTRACE_TRACEME");
    raise(SIGSTOP);
    all_calls(p);
    write_pages(at(p, 20), 2);
  });
  int status = 0;
  must(waitpid(child, &status, 0) == child && WIFSTOPPED(status), "stop");
  for (;;) {
    must(ptrace(PTRACE_SYSEMU, child, nullptr, nullptr) == 0, "PTRACE_SYSEMU");
    must(waitpid(child, &status, 0) == child, "waitpid");
    if (!WIFSTOPPED(status)) break;
    Stop stop(child);
    if (call_of(stop.registers()) == SYS_exit_group) {
      must(kill(child, SIGKILL) == 0, "kill");
      reap_any_end(child);
      break;
    }
    result_of(stop.registers()) = static_cast<Word>(0);
    stop.set();
  }
  all_calls(p);
}
#else
void emulated() { skip("only x86 is emulated"); }
#endif

// The program answers its own calls (PR_SET_SYSCALL_USER_DISPATCH).
void dispatched() {
  constexpr int kSetDispatch = 59;
  static char selector;
  char* p = fresh_memory();
  in_child([&] {
    struct sigaction action = {};
    action.sa_flags = SA_SIGINFO;
    action.sa_sigaction = [](int, siginfo_t*, void*) { selector = 0; };
    must(sigaction(SIGSYS, &action, nullptr) == 0, "sigaction");
    available(prctl(kSetDispatch, 1, 0, 0, &selector) == 0, "PR_SET_SYSCALL_USER_DISPATCH");
    for (int round = 0; round < 8; ++round) {
      selector = 1;  // SYSCALL_DISPATCH_FILTER_BLOCK, until the next call
      if (round % 2) marked(SYS_munmap, at(p, 10), 4 * kPage);
      marked(SYS_mprotect, at(p, 16 + static_cast<std::size_t>(round)), kPage, PROT_READ);
    }
  });
}

}  // namespace corners
