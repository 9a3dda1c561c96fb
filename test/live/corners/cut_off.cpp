// Calls that are cut off half-way: by a signal, by a limit of a memory cgroup, or by the end of their
// process.
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <string>

#include "cgroup.h"
#include "corner.h"
#include "families.h"

namespace corners {
namespace {

constexpr std::size_t kMany = 256;

// True for the calls that look for a signal while KSM gives up pages.
bool enters_long_call(pid_t pid) {
  __ptrace_syscall_info info{};
  available(ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) > 0,
            "PTRACE_GET_SYSCALL_INFO");
  if (info.op != PTRACE_SYSCALL_INFO_ENTRY) return false;
  return info.entry.nr == SYS_mremap ||
         (info.entry.nr == SYS_madvise && info.entry.args[2] == MADV_UNMERGEABLE);
}

// Lets the traced `pid` run to its end. Each of its long calls is stopped at its entry and gets a
// signal there, which is pending when the call goes on.
void interrupt_calls_of(pid_t pid) {
  const auto next_stop = [pid] {
    int status = 0;
    must(waitpid(pid, &status, 0) == pid, "waitpid");
    if (!WIFSTOPPED(status)) must_have_ended_well(status);
    return WIFSTOPPED(status) ? WSTOPSIG(status) : 0;
  };
  if (next_stop() == 0) return;
  const auto options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
  must(ptrace(PTRACE_SETOPTIONS, pid, nullptr, options) == 0, "PTRACE_SETOPTIONS");
  for (int deliver = 0;;) {
    must(ptrace(PTRACE_SYSCALL, pid, nullptr, deliver) == 0, "PTRACE_SYSCALL");
    const int stop = next_stop();
    if (stop == 0) return;
    const bool at_call = stop == (SIGTRAP | 0x80);
    if (at_call && enters_long_call(pid)) must(kill(pid, SIGUSR1) == 0, "kill");
    deliver = at_call ? 0 : stop;
  }
}

template <class Work>
void in_interrupted_child(Work work) {
  interrupt_calls_of(spawn([work] {
    struct sigaction action = {};  // without SA_RESTART
    action.sa_handler = [](int) {};
    must(sigaction(SIGUSR1, &action, nullptr) == 0, "sigaction");
    available(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0, "PTRACE_TRACEME");
    raise(SIGSTOP);
    work();
  }));
}

// The first pages of a larger mapping. KSM has to give them up before they move, and checks for a
// signal before each page.
char* mergeable_island() {
  char* p = island(2 * kMany);
  available(madvise(p, kMany * kPage, MADV_MERGEABLE) == 0, "MADV_MERGEABLE");
  write_pages(p, kMany);
  return p;
}

void must_be_interrupted(char* moved) {
  must(moved == MAP_FAILED && errno == EINTR, "an interrupted mremap");
}

// Each of these calls fails after its target was unmapped, and after a shrinking call has
// cut its source.
void moves_that_are_interrupted() {
  char* to = map(2 * kMany);
  const auto renew = [&] { write_pages(map_over(to, 2 * kMany)); };
  renew();
  must_be_interrupted(move(mergeable_island(), kMany, kMany / 2, kMoveTo, at(to, 64)));
  must_be_interrupted(move(mergeable_island(), kMany / 2, kMany / 2, kMoveTo, at(to, 32)));
  must_be_interrupted(move(mergeable_island(), kMany / 2, kMany, MREMAP_MAYMOVE));
  renew();
  must_be_interrupted(move(mergeable_island(), kMany, 2 * kMany, kMoveTo, to));
  renew();
  char* p = mergeable_island();
  must(move(p, kMany, kMany / 2, MREMAP_MAYMOVE) == p, "a mapping that shrinks does not move");
}

// Two mappings in one call. KSM stops the move of the first one. If KSM has no part in the first
// one, it stops that of the second after the first has moved.
void interrupted_among_mappings() {
  char* to = map(2 * kMany);
  for (const bool first_moves : {false, true}) {
    char* p = mergeable_island();
    if (first_moves)
      write_pages(map_over(p, 8));
    else
      protect(p, 8, PROT_READ);
    const char* moved = move(p, kMany, kMany, kMoveTo, at(to, 16));
    const bool refused = errno == EFAULT;  // Linux before 6.17 moves one mapping at a time
    must(moved == MAP_FAILED && (errno == EINTR || refused), "an interrupted mremap of two");
    const bool gone = msync(p, kPage, MS_ASYNC) != 0;
    must(refused || gone == first_moves, "the mapping that moves before the signal is looked for");
  }
}

}  // namespace

void move_interrupted() {
  in_interrupted_child([] {
    moves_that_are_interrupted();
    interrupted_among_mappings();
  });
}

// KSM gives up the pages of one mapping after the other, and looks for a signal before each page.
void unmerge_interrupted() {
  in_interrupted_child([] {
    for (const std::size_t plain : {std::size_t{0}, std::size_t{8}}) {
      char* p = mergeable_island();
      if (plain > 0) write_pages(map_over(p, plain));
      must(madvise(p, kMany * kPage, MADV_UNMERGEABLE) != 0 && errno == EINTR,
           "an interrupted madvise");
    }
  });
}

// The kernel may not kill the process for its memory, so it refuses a vma in the middle of a call. At
// the limit no page may be touched for the first time, as such a fault waits for ever.
void memory_refused() {
  constexpr std::size_t kPieces = 6000;
  char* pieces = island(4 * kPieces, PROT_NONE);
  std::size_t cut = 0;
  const auto cut_next = [&] {
    return cut < kPieces && mprotect(at(pieces, 4 * cut++ + 1), 2 * kPage, PROT_READ) == 0;
  };
  // Each of these needs vmas.
  const auto calls = [](char* p) {
    mprotect(at(p, 4), 4 * kPage, PROT_READ);
    madvise(at(p, 12), 4 * kPage, MADV_DONTDUMP);
    munmap(at(p, 20), 4 * kPage);
    mmap(at(p, 28), 4 * kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    mremap(at(p, 36), 4 * kPage, 8 * kPage, MREMAP_MAYMOVE);
  };
  char* rehearsal = island(64);
  char* written = island(64);
  write_pages(written, 64);
  calls(rehearsal);
  cut_next();

  const MemoryCgroup cgroup;
  cgroup.refuse_instead_of_killing();
  alarm(60);
  cgroup.join();
  cgroup.limit("1M");
  while (cut_next()) {
  }
  std::size_t gone = 0;
  const auto give_back = [&](std::size_t vmas) {
    for (; vmas > 0; --vmas, ++gone) munmap(at(pieces, 4 * gone + 1), 2 * kPage);
  };
  for (int round = 0; round < 12; ++round) {
    calls(written);
    give_back(1);
  }
  for (int round = 0; round < 6 && cut < kPieces; ++round) {
    give_back(200);
    if (fork_call() == 0) syscall(SYS_exit_group, 0);
  }
  const bool refused = cut < kPieces;
  cgroup.unlimit();
  cgroup.leave();
  if (!refused) skip("the kernel charges no vmas to memory cgroups");
  while (wait(nullptr) > 0) {
  }
}

// The whole process is killed while it forks, at another moment each time.
void fork_killed() {
  for (unsigned round = 0; round < 20; ++round) {
    reap_any_end(spawn([round] {
      char* p = map(6000);
      for (std::size_t i = 0; i < 6000; i += 2) protect(at(p, i), 1, PROT_READ);
      for (std::size_t i = 1; i < 6000; i += 2) write_pages(at(p, i));
      const pid_t parent = getpid();
      if (fork() == 0) {
        usleep(100 * round);
        kill(parent, SIGKILL);
        _exit(0);
      }
      for (;;)
        if (fork() == 0) _exit(0);
    }));
  }
}

}  // namespace corners
