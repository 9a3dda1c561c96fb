// 32-bit system calls of a 64-bit process (int 0x80).
#include <setjmp.h>
#include <signal.h>

#include <thread>
#include <vector>

#include "corner.h"
#include "families.h"

namespace corners {

#if defined(__x86_64__)
namespace {

long call32(long number, std::uintptr_t a = 0, std::uintptr_t b = 0, std::uintptr_t c = 0,
            std::uintptr_t d = 0, std::uintptr_t e = 0) {
  long result = 0;
  asm volatile("int $0x80"
               : "=a"(result)
               : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
               : "r8", "r9", "r10", "r11", "memory");
  return static_cast<int>(result);
}

constexpr long kFork32 = 2, kGetpid32 = 20, kBrk32 = 45, kMunmap32 = 91, kMprotect32 = 125,
               kMremap32 = 163, kMmap32 = 192, kMadvise32 = 219, kExit32 = 1;

sigjmp_buf back;

void need32() {
  signal(SIGSEGV, [](int) { siglongjmp(back, 1); });
  if (sigsetjmp(back, 1) != 0) skip("no 32-bit system calls");
  if (call32(kGetpid32) != getpid()) skip("no 32-bit system calls");
  signal(SIGSEGV, SIG_DFL);
}

std::uintptr_t low(const char* p) { return reinterpret_cast<std::uintptr_t>(p); }

}  // namespace

void calls32() {
  need32();
  char* p = map(32, kRw, MAP_32BIT);
  write_pages(p, 4);
  call32(kMprotect32, low(at(p, 4)), 4 * kPage, PROT_READ);
  call32(kMunmap32, low(at(p, 20)), 2 * kPage);
  call32(kMadvise32, low(at(p, 24)), 2 * kPage, MADV_DONTFORK);
  protect(at(p, 4), 4, kRw);
  char* q = map(8, kRw, MAP_32BIT);
  call32(kMremap32, low(q), 8 * kPage, 4 * kPage, 0);
  call32(kMmap32, low(at(p, 20)), 2 * kPage, kRw, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, ~0u);
  write_pages(at(p, 20), 2);
  call32(kBrk32, 0);
  in_child([&] { write_pages(p, 4); });
}

void fork32() {
  need32();
  char* p = map(32, kRw, MAP_32BIT);
  write_pages(p, 4);
  const long pid = call32(kFork32);
  if (pid == 0) {
    *static_cast<volatile char*>(p) = 2;
    call32(kMunmap32, low(at(p, 8)), kPage);
    call32(kExit32, 0);
  }
  reap(static_cast<pid_t>(pid));
  write_pages(p, 8);
}

// Unseen writers would be read behind each call, and with threads that takes its time.
void threads32() {
  need32();
  std::vector<std::thread> threads;
  for (std::size_t number = 0; number < 4; ++number)
    threads.emplace_back([number] {
      char* p = map(64, kRw, MAP_32BIT);
      for (std::size_t i = 0; i < 200; ++i) {
        const std::uintptr_t there = low(at(p, 8 * ((i + number) % 8)));
        call32(kMprotect32, there, 2 * kPage, i % 3 == 0 ? kRw : PROT_READ);
        call32(kMunmap32, there + 4 * kPage, 2 * kPage);
        call32(kMmap32, there + 4 * kPage, 2 * kPage, kRw, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
               ~0u);
        write_pages(reinterpret_cast<char*>(there + 4 * kPage), 2);
        call32(kMadvise32, there + 4 * kPage, kPage, i % 2 == 0 ? MADV_DONTFORK : MADV_DOFORK);
      }
    });
  for (std::thread& thread : threads) thread.join();
}
#else
void threads32() { skip("not on this architecture"); }
void calls32() { skip("not on this architecture"); }
void fork32() { skip("not on this architecture"); }
#endif

}  // namespace corners
