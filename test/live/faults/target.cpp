// Usage: live_faults_target family SECONDS [QUIET_SECONDS] | short N | vmas N | reuse N | nothing
// The process that is recorded while something goes wrong.
//   family  workers that map, write, protect, unmap and fork without a pause, and then stay alive
//           for a while and hold still; the parent ends a second before they do
//   short   N processes that write to a page and end
//   vmas    one process with N mappings
//   reuse   N processes one after the other, all of the same pid (in a pid namespace of its own)
//   nothing ends at once
#include <linux/sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "test/live/random.h"

namespace {

constexpr std::size_t kPage = 4096;
constexpr int kBoth = PROT_READ | PROT_WRITE;

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::_Exit(1);
}

char* map(std::size_t pages, int prot = kBoth) {
  void* p = mmap(nullptr, pages * kPage, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) die("mmap");
  return static_cast<char*>(p);
}

double now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

void pause_for(double seconds) { usleep(static_cast<useconds_t>(seconds * 1e6)); }

// One step of a worker in its area of 64 pages, which may have holes.
void step(char* area, Random& random) {
  const std::size_t pages = 1 + random.below(8);
  char* at = area + random.below(56) * kPage;
  switch (random.below(4)) {
    case 0:
      munmap(at, pages * kPage);
      break;
    case 1:
      mprotect(at, pages * kPage, random.below(2) ? kBoth : PROT_READ);
      break;
    default: {
      void* p = mmap(at, pages * kPage, kBoth, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
      if (p == MAP_FAILED) die("mmap");
      for (std::size_t i = 0; i < pages; ++i) at[i * kPage] = 1;
    }
  }
}

// Forks now and then; every fourth child lives as long as its parent does.
void work(unsigned seed, double until, double quiet, int generation) {
  Random random(seed);
  char* area = map(64);
  while (now() < until) {
    for (int i = 0; i < 200; ++i) step(area, random);
    if (generation > 2) continue;
    const bool stays = random.below(64) == 0;
    const pid_t child = fork();
    if (child == 0) {
      for (int i = 0; i < 20; ++i) step(area, random);
      if (stays) work(seed * 31 + 1, until, quiet, generation + 1);
      _exit(0);
    }
    while (waitpid(-1, nullptr, WNOHANG) > 0) continue;
  }
  pause_for(quiet + 1);
}

int family(double seconds, double quiet) {
  char* mine = map(16);
  std::memset(mine, 1, 16 * kPage);
  const double until = now() + seconds;
  for (unsigned worker = 1; worker <= 2; ++worker)
    if (fork() == 0) {
      work(worker, until, quiet, 0);
      _exit(0);
    }
  pause_for(seconds + quiet);
  return 0;
}

int many_processes(long n) {
  for (long i = 0; i < n; ++i) {
    const pid_t child = fork();
    if (child < 0) die("fork");
    if (child == 0) {
      map(1)[0] = 1;
      _exit(0);
    }
    waitpid(child, nullptr, 0);
  }
  return 0;
}

// Every second one is read-only, so that nothing merges.
int many_vmas(long n) {
  char* area = map(static_cast<std::size_t>(n));
  for (long i = 1; i < n; i += 2)
    if (mprotect(area + i * static_cast<long>(kPage), kPage, PROT_READ) != 0) die("mprotect");
  for (long i = 0; i < n; i += 2) area[i * static_cast<long>(kPage)] = 1;
  if (fork() == 0) {
    pause_for(3);
    _exit(0);
  }
  pause_for(1);
  return 0;
}

int same_pid(long n) {
  const pid_t wanted = 77;
  for (long i = 0; i < n; ++i) {
    clone_args args{};
    args.exit_signal = SIGCHLD;
    args.set_tid = reinterpret_cast<std::uint64_t>(&wanted);
    args.set_tid_size = 1;
    const long child = syscall(SYS_clone3, &args, sizeof args);
    if (child < 0) die("clone3");
    if (child == 0) {
      char* area = map(8);
      std::memset(area, 1, 8 * kPage);
      mprotect(area + 2 * kPage, kPage, PROT_READ);
      _exit(0);
    }
    waitpid(static_cast<pid_t>(child), nullptr, 0);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const char* const mode = argc > 1 ? argv[1] : "";
  const double n = argc > 2 ? std::atof(argv[2]) : 0;
  if (std::strcmp(mode, "family") == 0) return family(n, argc > 3 ? std::atof(argv[3]) : 2);
  if (std::strcmp(mode, "short") == 0) return many_processes(static_cast<long>(n));
  if (std::strcmp(mode, "vmas") == 0) return many_vmas(static_cast<long>(n));
  if (std::strcmp(mode, "reuse") == 0) return same_pid(static_cast<long>(n));
  if (std::strcmp(mode, "nothing") == 0) return 0;
  std::fprintf(stderr, "usage: see the head of target.cpp\n");
  return 2;
}
