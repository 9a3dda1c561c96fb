// The break and the stack.
#include <alloca.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <cstring>
#include <thread>

#include "corner.h"
#include "families.h"

namespace corners {
namespace {

char* raw_break(char* to) { return reinterpret_cast<char*>(syscall(SYS_brk, to)); }

// Addresses below the stack pointer, far below the mapped stack.
char* below_stack(std::size_t pages) {
  return static_cast<char*>(__builtin_frame_address(0)) - pages * kPage;
}

void handler(int) {
  char* frame = static_cast<char*>(alloca(3 * kPage));
  memset(frame, 1, 3 * kPage);
  asm volatile("" ::"r"(frame) : "memory");
}

// Runs `work` with the stack pointer moved down.
[[gnu::noinline]] void deeper(std::size_t pages, void (*work)()) {
  char* room = static_cast<char*>(alloca(pages * kPage));
  asm volatile("" ::"r"(room) : "memory");
  work();
}

// Only PR_SET_MM_MAP, which sets all such numbers at once, needs no privilege.
void move_heap(char* start, char* end) {
  constexpr int kSetMm = 35, kMap = 14;
  const auto number = [](const void* p) { return reinterpret_cast<std::uintptr_t>(p); };
  prctl_mm_map all{};
  all.start_code = number(start), all.end_code = all.start_code + 1;
  all.start_data = all.end_data = all.start_stack = all.start_code;
  all.arg_start = all.arg_end = all.env_start = all.env_end = all.start_code;
  all.start_brk = number(start), all.brk = number(end);
  all.exe_fd = ~0u;
  available(prctl(kSetMm, kMap, &all, sizeof all, 0) == 0, "PR_SET_MM_MAP");
}

}  // namespace

void break_generations() {
  sbrk(1 << 16);
  char* top = static_cast<char*>(sbrk(0));
  write_pages(top - 4 * kPage, 4);
  in_child([&] {
    sbrk(8 * kPage);
    write_pages(top, 4);
    in_child([&] {
      sbrk(8 * kPage);
      write_pages(top + 8 * kPage, 4);
      in_child([&] {
        sbrk(8 * kPage);
        sbrk(-12 * static_cast<long>(kPage));
        sbrk(20 * kPage);
        write_pages(top, 8);
      });
    });
    sbrk(4 * kPage);
  });
  sbrk(8 * kPage);
}

// prctl(PR_SET_MM) moves the heap. brk then extends what is below the new break, unless that ends where
// the heap begins.
void break_moved() {
  in_child([] {
    char* first = island(32);
    unmap(at(first, 8), 24);
    write_pages(first, 8);
    move_heap(at(first, 8), at(first, 8));
    raw_break(at(first, 12));
    write_pages(at(first, 8), 4);
    raw_break(at(first, 16));
    in_child([&] {
      raw_break(at(first, 20));
      write_pages(first, 18);
    });
    move_heap(at(first, 4), at(first, 16));
    raw_break(at(first, 6));
    move_heap(at(first, 6), at(first, 6));
    raw_break(at(first, 10));
    raw_break(at(first, 12));
  });
}

void break_shrinks() {
  char* start = raw_break(nullptr);
  char* aligned = start + (kPage - reinterpret_cast<std::uintptr_t>(start) % kPage) % kPage;
  raw_break(at(aligned, 16));
  write_pages(at(aligned, 8), 2);
  raw_break(at(aligned, 4));
  raw_break(at(aligned, 4) + 10);
  raw_break(at(aligned, 5));
  raw_break(at(aligned, 24));
  protect(at(aligned, 10), 2, PROT_READ);
  raw_break(at(aligned, 11));
  raw_break(at(aligned, 30));
  write_pages(at(aligned, 20), 4);
  raw_break(nullptr);
  raw_break(aligned - 64 * kPage);  // below the start: refused
  map_over(at(aligned, 64), 1);
  raw_break(at(aligned, 80));  // into a mapping: refused
  raw_break(at(aligned, 63));  // within the guard gap of nothing: allowed
  raw_break(aligned);
  raw_break(at(aligned, 8));
}

void stack_grows() {
  write_pages(below_stack(64), 1);
  read_pages(below_stack(128), 1);
  const int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
  must(read(zero, below_stack(200), kPage) > 0, "read into the stack");
  in_child([] {
    write_pages(below_stack(300), 1);
    read_pages(below_stack(400), 1);
  });
  must(pipe2(reinterpret_cast<int*>(below_stack(500)), 0) == 0, "pipe");
}

// read() comes first, on a stack whose vma nothing has grown.
void stack_grows_in_kernel() {
  const int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
  in_child([&] {
    must(read(zero, below_stack(100), 8) == 8, "read into the stack");
    must(write(open("/dev/null", O_WRONLY), below_stack(200), 8) == 8, "write of the stack");
    int ends[2];
    must(pipe(ends) == 0, "pipe");
    must(write(ends[1], below_stack(300), 8) == 8, "write of the stack");
  });
}

void stack_by_signal() {
  struct sigaction action {};
  action.sa_handler = handler;
  sigaction(SIGUSR1, &action, nullptr);
  raise(SIGUSR1);
  deeper(100, [] { raise(SIGUSR1); });
  in_child([] { deeper(300, [] { raise(SIGUSR1); }); });
}

void grows_down() {
  char* area = island(600, PROT_NONE);
  char* stack = map_over(at(area, 500), 16, kRw, MAP_GROWSDOWN);
  unmap(area, 500);
  write_pages(stack - kPage, 1);
  read_pages(stack - 4 * kPage, 1);
  protect(at(stack, 8), 2, PROT_READ);
  // With PROT_GROWSDOWN the range begins where the vma does.
  must(mprotect(at(stack, 4), kPage, kRw | PROT_EXEC | PROT_GROWSDOWN) == 0, "PROT_GROWSDOWN");
  must(mprotect(at(stack, 4), kPage, PROT_READ | PROT_WRITE | PROT_GROWSDOWN) == 0,
       "PROT_GROWSDOWN");
  char* plain = island(4);
  must(mprotect(plain, kPage, PROT_READ | PROT_GROWSDOWN) != 0, "of no stack");
  // Refused before anything is done; without the refusal it would stop at the hole.
  must(mprotect(at(plain, 2), 8 * kPage, PROT_READ | PROT_GROWSDOWN) != 0, "of no stack");
  char* apart = island(600, PROT_NONE);
  map_over(at(apart, 500), 16, kRw, MAP_GROWSDOWN);
  unmap(apart, 500);
  (void)!mprotect(at(apart, 498), 6 * kPage, PROT_READ | PROT_GROWSDOWN);  // begins in a hole
}

// A mapping below is nearer than the gap, so the fault kills.
void grows_near_neighbour() {
  for (const int prot : {kRw, PROT_READ, PROT_NONE}) {
    reap_any_end(spawn([prot] {
      const rlimit none{0, 0};
      setrlimit(RLIMIT_CORE, &none);
      char* area = island(600, PROT_NONE);
      char* stack = map_over(at(area, 300), 16, kRw, MAP_GROWSDOWN);
      unmap(area, 300);
      map_over(at(stack, 0) - 100 * kPage, 4, prot);
      write_pages(stack - kPage, 1);
      write_pages(stack - 3 * kPage, 1);
    }));
  }
  reap_any_end(spawn([] {
    char* area = island(600, PROT_NONE);
    char* stack = map_over(at(area, 300), 16, kRw, MAP_GROWSDOWN);
    char* lower = map_over(at(area, 280), 4, kRw, MAP_GROWSDOWN);
    unmap(at(area, 284), 16);
    unmap(area, 280);
    write_pages(stack - kPage, 1);
    write_pages(lower - kPage, 1);
    for (std::size_t i = 2; i < 20; ++i) write_pages(stack - i * kPage, 1);
  }));
}

void grows_locked() {
  char* area = island(600, PROT_NONE);
  char* stack = map_over(at(area, 500), 16, kRw, MAP_GROWSDOWN);
  unmap(area, 500);
  must(mlock(stack, 16 * kPage) == 0, "mlock");
  write_pages(stack - 4 * kPage, 1);
  must(munlock(stack, 16 * kPage) == 0, "munlock");
  char* read_only = island(600, PROT_NONE);
  char* other = map_over(at(read_only, 500), 16, PROT_READ, MAP_GROWSDOWN);
  unmap(read_only, 500);
  read_pages(other - 2 * kPage, 1);
}

void stack_limit() {
  in_child([] {
    const rlimit little{64 * kPage, 64 * kPage};
    must(setrlimit(RLIMIT_STACK, &little) == 0, "setrlimit");
    const rlimit none{0, 0};
    setrlimit(RLIMIT_CORE, &none);
    reap_any_end(spawn([] { write_pages(below_stack(500), 1); }));
    write_pages(below_stack(30), 1);
  });
}

void thread_stacks() {
  for (int i = 0; i < 4; ++i) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, (64 + 16 * static_cast<std::size_t>(i)) * kPage);
    pthread_t thread;
    must(pthread_create(
             &thread, &attributes,
             [](void*) -> void* {
               write_pages(below_stack(20), 1);
               return nullptr;
             },
             nullptr) == 0,
         "pthread_create");
    pthread_join(thread, nullptr);
  }
  in_child([] { std::thread([] { write_pages(map(1)); }).join(); });
}

void read_implies_exec() {
  must(personality(READ_IMPLIES_EXEC) != -1, "personality");
  char* p = island(16);
  protect(at(p, 4), 4, PROT_READ);
  protect(at(p, 4), 4, PROT_NONE);
  protect(at(p, 4), 4, kRw);
  const int file = scratch_file(4);
  char* f = map_file(file, 4, PROT_READ, MAP_PRIVATE);
  protect(f, 2, kRw);
  const int no_exec = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  close(no_exec);
  const int shm = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (shm >= 0 && ftruncate(shm, 4 * kPage) == 0) {
    char* s = map_file(shm, 4, PROT_READ, MAP_PRIVATE);
    protect(s, 2, kRw);
  }
  sbrk(1 << 16);
  in_child([&] { write_pages(p, 4); });
}

void protection_keys() {
  char* p = island(16);
  protect(at(p, 2), 2, PROT_EXEC);
  protect(at(p, 2), 2, kRw);
  map_over(at(p, 6), 2, PROT_EXEC);
  pkey_mprotect(at(p, 8), 2 * kPage, PROT_READ, -1);
  pkey_mprotect(at(p, 8), 2 * kPage, kRw, 0);
  const int key = pkey_alloc(0, 0);
  if (key < 0) return;
  must(pkey_mprotect(at(p, 10), 2 * kPage, kRw, key) == 0, "pkey_mprotect");
  write_pages(at(p, 10), 2);
  protect(at(p, 8), 6, PROT_READ);
  protect(at(p, 8), 6, kRw);
  in_child([&] {
    write_pages(p, 6);
    write_pages(at(p, 8), 4);
  });
  pkey_free(key);
}

void protect_failures() {
  char* p = island(24);
  unmap(at(p, 12), 2);
  must(mprotect(at(p, 4), 16 * kPage, PROT_READ) != 0, "a hole");
  must(mprotect(at(p, 12), 4 * kPage, PROT_READ) != 0, "begins with a hole");
  const int file = scratch_file(8);
  char* f = static_cast<char*>(mmap(at(p, 16), 4 * kPage, PROT_READ, MAP_SHARED | MAP_FIXED,
                                    open("/proc/self/exe", O_RDONLY | O_CLOEXEC), 0));
  must(f == at(p, 16), "mmap");
  must(mprotect(at(p, 14), 6 * kPage, kRw) != 0, "a read-only file");
  must(mprotect(at(p, 14), 6 * kPage, 0x70) != 0, "bad protection");
  must(mprotect(at(p, 14) + 1, kPage, PROT_READ) != 0, "not aligned");
  must(mprotect(at(p, 14), 0, PROT_READ) == 0, "nothing");
  close(file);
}

void harmless_calls() {
#ifdef SYS_arch_prctl
  syscall(SYS_arch_prctl, 0x1003, below_stack(0));  // ARCH_GET_FS
#endif
  syscall(SYS_rseq, nullptr, 0, 0, 0);
  syscall(SYS_membarrier, 0, 0, 0);
  char* p = island(8);
  msync(p, 8 * kPage, MS_SYNC);
  unsigned char present[8];
  mincore(p, 8 * kPage, present);
  must(madvise(p, 8 * kPage, 4711) != 0, "bad advice");
  must(munmap(p + 1, kPage) != 0, "not aligned");
  must(munmap(p, 0) != 0, "nothing");
  for (const int advice :
       {MADV_WILLNEED, MADV_COLD, MADV_PAGEOUT, MADV_FREE, MADV_DONTNEED, MADV_REMOVE, 25, 22})
    madvise(p, 8 * kPage, advice);
}

}  // namespace corners
