// The program that the live tests record. It forks, maps, protects, moves and unmaps in a fixed
// way, in three generations, and leaves one process alive for a second.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace {

const auto kPage = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));

char* map(std::size_t pages, int prot = PROT_READ | PROT_WRITE, int flags = 0) {
  void* p = mmap(nullptr, pages * kPage, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
  if (p == MAP_FAILED) _exit(2);
  return static_cast<char*>(p);
}

void check(int result) {
  if (result != 0) _exit(3);
}

// Splits, merges and holes in a region of 64 pages.
void shuffle(unsigned seed) {
  char* region = map(64);
  for (int i = 0; i < 200; ++i) {
    seed = seed * 1103515245u + 12345u;
    const std::size_t at = (seed >> 16) % 60;
    const std::size_t n = 1 + (seed >> 24) % 4;
    char* p = region + at * kPage;
    switch ((seed >> 8) % 5) {
      case 0:
        check(mprotect(region, 64 * kPage, PROT_READ | PROT_WRITE));
        break;
      case 1:
        check(mprotect(p, n * kPage, PROT_READ));
        break;
      case 2:
        check(mprotect(p, n * kPage, PROT_READ | PROT_WRITE));
        *p = 1;
        break;
      case 3:
        check(madvise(p, n * kPage, MADV_DONTDUMP));
        break;
      case 4:
        if (mmap(p, n * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                 0) != p)
          _exit(4);
        break;
    }
  }
  check(munmap(region + 8 * kPage, 16 * kPage));
}

void spawn(unsigned depth, unsigned seed) {
  const pid_t child = fork();
  if (child < 0) _exit(5);
  if (child == 0) {
    shuffle(seed);
    if (depth > 0) spawn(depth - 1, seed * 7 + 1);
    shuffle(seed + 1);
    _exit(0);
  }
  shuffle(seed + 2);
  int status = 0;
  waitpid(child, &status, 0);
  if (status != 0) _exit(6);
}

}  // namespace

int main() {
  char* kept = map(16);
  std::memset(kept, 1, 8 * kPage);
  shuffle(1);
  for (unsigned i = 0; i < 5; ++i) spawn(3, 100 + i);
  void* moved = mremap(kept, 16 * kPage, 32 * kPage, MREMAP_MAYMOVE);
  if (moved == MAP_FAILED) return 7;
  if (fork() == 0) {  // outlives the recorded command
    shuffle(9);
    sleep(2);
    _exit(0);
  }
  shuffle(10);
  usleep(200000);
  return 0;
}
