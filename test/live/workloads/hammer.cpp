// Usage: live_hammer [OPERATIONS] [SEED] [THREADS] [FORKS]
// Threads that map, write, protect, advise, move and unmap in one address space. Each thread has
// areas of its own, which lie side by side. FORKS of each thread's operations are forks. The
// program is finite and has the same operations with the same seed; their interleaving differs.
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "test/live/random.h"

namespace {

const auto kPage = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
constexpr std::size_t kAreaPages = 32;
constexpr int kAll = PROT_READ | PROT_WRITE;

struct Options {
  unsigned operations = 4000;
  unsigned seed = 1;
  unsigned threads = 8;
  unsigned forks = 4;
};

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::_Exit(1);
}
void check(bool good, const char* what) {
  if (!good) die(what);
}

char* map_at(char* at, std::size_t pages, int prot, int flags) {
  void* p = mmap(at, pages * kPage, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
  check(p != MAP_FAILED, "mmap");
  return static_cast<char*>(p);
}

// One operation in an area that is mapped throughout, and belongs to this thread alone.
void operate(char* area, Random& random) {
  const std::size_t pages = 1 + random.below(6);
  char* at = area + random.below(kAreaPages - 6) * kPage;
  const std::size_t len = pages * kPage;
  switch (random.below(8)) {
    case 0:
      check(mprotect(at, len, PROT_READ) == 0, "mprotect");
      break;
    case 1: {  // never a hole in the area: another thread's mapping might fall into it
      char* elsewhere = map_at(nullptr, pages + 4, kAll, 0);
      for (std::size_t i = 0; i < pages + 4; ++i) elsewhere[i * kPage] = 1;
      check(munmap(elsewhere + 2 * kPage, len) == 0, "munmap");
      check(munmap(elsewhere + (pages + 2) * kPage, 2 * kPage) == 0, "munmap");
      check(munmap(elsewhere, 2 * kPage) == 0, "munmap");
      break;
    }
    case 2:
      map_at(at, pages, kAll, MAP_FIXED);
      *at = 1;
      break;
    case 3:
      check(madvise(at, len, random.below(2) ? MADV_DONTFORK : MADV_DOFORK) == 0, "madvise");
      break;
    case 4: {  // wherever the kernel finds room, beside mappings of other threads
      char* elsewhere = map_at(nullptr, pages, kAll, 0);
      elsewhere[(pages - 1) * kPage] = 1;
      void* moved = mremap(elsewhere, len, 2 * len, MREMAP_MAYMOVE);
      check(moved != MAP_FAILED, "mremap");
      check(munmap(moved, 2 * len) == 0, "munmap");
      break;
    }
    case 5:
      check(madvise(at, len, MADV_DONTNEED) == 0, "madvise");
      break;
    default:
      check(mprotect(at, len, kAll) == 0, "mprotect");
      for (std::size_t i = 0; i < pages; ++i) at[i * kPage] = static_cast<char>(i);
      break;
  }
}

void fork_and_write(char* area, Random& random) {
  const pid_t child = fork();
  check(child >= 0, "fork");
  if (child == 0) {
    // The child must take no lock of the C library: another thread may have held it.
    map_at(area, kAreaPages, kAll, MAP_FIXED);
    for (unsigned i = 0; i < 20; ++i) operate(area, random);
    _exit(0);
  }
  int status = 0;
  check(waitpid(child, &status, 0) == child && status == 0, "child");
}

struct Task {
  Options options;
  unsigned number = 0;
  char* area = nullptr;
};

void* run(void* argument) {
  const Task& task = *static_cast<Task*>(argument);
  Random random(task.options.seed * 1000u + task.number);
  const unsigned forks = task.options.forks;
  for (unsigned i = 0; i < task.options.operations; ++i) {
    if (forks != 0 && i % (task.options.operations / forks + 1) == 0)
      fork_and_write(task.area, random);
    else
      operate(task.area, random);
  }
  return nullptr;
}

unsigned number(const char* text) { return static_cast<unsigned>(std::strtoul(text, nullptr, 10)); }

}  // namespace

int main(int argc, char** argv) {
  Options options;
  unsigned* fields[] = {&options.operations, &options.seed, &options.threads, &options.forks};
  for (int i = 1; i < argc && i <= 4; ++i) *fields[i - 1] = number(argv[i]);

  char* areas = map_at(nullptr, options.threads * kAreaPages, kAll, 0);
  std::vector<Task> tasks(options.threads);
  std::vector<pthread_t> threads(options.threads);
  for (unsigned t = 0; t < options.threads; ++t) {
    tasks[t] = {options, t, areas + t * kAreaPages * kPage};
    check(pthread_create(&threads[t], nullptr, run, &tasks[t]) == 0, "pthread_create");
  }
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
  return 0;
}
