// Usage: live_crowd quiet clear_refs|pkey|aio | nursery [CHILDREN]
// Address spaces that are never still.
//   quiet    four threads commit reserved ranges page by page, as allocators do, and a fifth takes
//            the mmap_lock by a call that is not traced
//   nursery  a process with some hundred faulted mappings forks children that never exec: their
//            threads map, protect and unmap, and others fork again, all at the same time
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>
#include <vector>

#include "test/live/random.h"

namespace {

const auto kPage = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
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

// Islands: ranges that never merge with each other.
void map_many(int count) {
  for (int i = 0; i < count; ++i) {
    char* const p = map(2);
    p[0] = 1;
    if (mprotect(p, kPage, PROT_READ) != 0) die("mprotect");
  }
}

void commit(char* reserved, std::size_t pages) {
  for (std::size_t i = 0; i + 2 <= pages; i += 2) {
    if (mprotect(reserved + i * kPage, 2 * kPage, kBoth) != 0) die("mprotect");
    reserved[i * kPage] = 1;
    if (i % 64 == 0) *map(4) = 1;
  }
}

// One call that takes the lock for writing; false if this kernel does not know it.
bool write_quietly(std::string_view how, int clear_refs) {
  if (how == "clear_refs") return pwrite(clear_refs, "5", 1, 0) == 1;
  if (how == "pkey") {
    const long key = syscall(SYS_pkey_alloc, 0, 0);
    if (key >= 0) syscall(SYS_pkey_free, key);
    return true;  // a call that finds no free key takes the lock, too
  }
  aio_context_t context = 0;
  return syscall(SYS_io_setup, 1, &context) == 0 && syscall(SYS_io_destroy, context) == 0;
}

int quiet(std::string_view how) {
  map_many(300);
  const int clear_refs = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
  if (!write_quietly(how, clear_refs)) {
    std::printf("skipped: this kernel has no such call\n");
    return 77;
  }
  std::atomic<int> committing{4};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&committing, reserved = map(1000, PROT_NONE)] {
      commit(reserved, 1000);
      --committing;
    });
  while (committing > 0)
    if (!write_quietly(how, clear_refs)) die("the quiet writer");
  for (std::thread& thread : threads) thread.join();
  return 0;
}

void* play(void* seed) {
  Random random(reinterpret_cast<std::uintptr_t>(seed));
  for (int i = 0; i < 40; ++i) {
    char* const p = map(1 + random.below(32));
    p[0] = 1;
    if (random.below(2)) mprotect(p, kPage, PROT_READ);
    if (random.below(3) == 0) munmap(p, kPage);
  }
  return nullptr;
}

void* fork_again(void*) {
  for (int i = 0; i < 2; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      execl("/bin/true", "true", nullptr);
      _exit(1);
    }
    waitpid(child, nullptr, 0);
  }
  return nullptr;
}

[[noreturn]] void child_of_nursery(std::uintptr_t number) {
  pthread_t threads[10];
  for (std::uintptr_t i = 0; i < 10; ++i)
    if (pthread_create(&threads[i], nullptr, i < 8 ? play : fork_again,
                       reinterpret_cast<void*>(number * 100 + i)) != 0)
      _exit(1);
  for (const pthread_t thread : threads) pthread_join(thread, nullptr);
  _exit(0);
}

int nursery(int children) {
  map_many(400);
  for (int i = 0; i < children; ++i) {
    const pid_t child = fork();
    if (child < 0) die("fork");
    if (child == 0) child_of_nursery(static_cast<std::uintptr_t>(i));
    if (i % 6 == 5)
      for (int k = 0; k < 5; ++k) wait(nullptr);
    *map(2) = 1;
  }
  int failed = 0;
  for (int status = 0; wait(&status) > 0;) failed += status != 0;
  return failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "quiet" && argc > 2) return quiet(argv[2]);
  if (what == "nursery") return nursery(argc > 2 ? std::atoi(argv[2]) : 60);
  std::fprintf(stderr, "usage: live_crowd quiet clear_refs|pkey|aio | nursery [CHILDREN]\n");
  return 2;
}
