// Calls that fail half-way, and the state that they leave behind.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <cerrno>
#include <fstream>
#include <thread>
#include <vector>

#include "corner.h"
#include "families.h"

namespace corners {
namespace {

std::size_t count_vmas() {
  std::ifstream maps("/proc/self/maps");
  std::size_t n = 0;
  for (std::string line; std::getline(maps, line);) ++n;
  return n;
}

}  // namespace

// Memory that is not executable may not become so, while memory that is may change otherwise.
void exec_gain_refused() {
  in_child([] {
    constexpr int kSetMdwe = 65, kRefuseExecGain = 1;
    char* p = island(32);
    write_pages(p, 32);
    protect(at(p, 4), 4, kRw | PROT_EXEC);
    protect(at(p, 16), 4, kRw | PROT_EXEC);
    available(prctl(kSetMdwe, kRefuseExecGain, 0, 0, 0) == 0, "PR_SET_MDWE");
    must(mprotect(at(p, 6), 4 * kPage, PROT_READ | PROT_EXEC) != 0, "an executable page more");
    must(mprotect(at(p, 14), 4 * kPage, PROT_READ | PROT_EXEC) != 0, "an executable page more");
    must(mprotect(at(p, 16), 8 * kPage, PROT_READ | PROT_EXEC) != 0, "an executable page more");
    in_child([&] { write_pages(at(p, 8), 2); });
    protect(at(p, 2), 8, PROT_READ);
  });
}

// The calls of several threads fail half-way while the others change what they have.
void exec_gain_refused_in_threads() {
  in_child([] {
    constexpr int kSetMdwe = 65, kRefuseExecGain = 1, kThreads = 4;
    std::vector<char*> islands;
    for (int i = 0; i < kThreads; ++i) {
      islands.push_back(island(64));
      write_pages(islands.back(), 64);
      for (std::size_t page = 0; page < 64; page += 8)
        protect(at(islands.back(), page), 4, kRw | PROT_EXEC);
    }
    available(prctl(kSetMdwe, kRefuseExecGain, 0, 0, 0) == 0, "PR_SET_MDWE");
    std::vector<std::thread> threads;
    for (char* p : islands)
      threads.emplace_back([p] {
        for (std::size_t round = 0; round < 100; ++round) {
          const std::size_t page = 8 * (round % 8);
          mprotect(at(p, page + round % 3), 6 * kPage, PROT_READ | PROT_EXEC);
          mprotect(at(p, page + 5), 2 * kPage, round % 2 == 0 ? PROT_READ : kRw);
        }
      });
    for (std::thread& thread : threads) thread.join();
  });
}

// max_map_count is machine-wide. At 4000 it hurts no other process.
void map_count_reached() {
  char* plain = island(64);
  char* other = island(64);
  write_pages(at(other, 20), 4);
  char* to = map(256, PROT_NONE);
  char* many = island(20000);
  const Setting limit("/proc/sys/vm/max_map_count", "4000");
  std::size_t i = 0;
  while (i < 20000 && mprotect(at(many, i), kPage, PROT_READ) == 0) i += 2;
  for (int room = 0; room < 4; ++room) {
    must(mprotect(at(plain, 4), 4 * kPage, PROT_READ) != 0 || room > 1, "mprotect");
    munmap(at(plain, 4), 4 * kPage);
    mmap(at(plain, 20), 4 * kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    mmap(at(plain, 30), 4 * kPage, kRw, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    mmap(nullptr, kPage, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    mlock(at(other, 4), 4 * kPage);
    madvise(at(other, 12), 4 * kPage, MADV_DONTFORK);
    mremap(at(other, 20), 4 * kPage, 8 * kPage, MREMAP_MAYMOVE | MREMAP_FIXED, at(to, 16));
    mremap(at(other, 32), 4 * kPage, 4 * kPage, MREMAP_MAYMOVE | MREMAP_FIXED, at(to, 64));
    mremap(at(other, 40), 4 * kPage, 2 * kPage, MREMAP_MAYMOVE | MREMAP_FIXED, at(to, 96));
    mremap(at(other, 48), 4 * kPage, 4 * kPage, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
           at(to, 128));
    munmap(at(other, 60), 8 * kPage);
    sbrk(kPage);
    // One fewer each round.
    protect(at(many, 4 * static_cast<std::size_t>(room)), 2, kRw);
  }
  in_child([&] {
    mprotect(at(plain, 40), 4 * kPage, PROT_READ);
    write_pages(at(plain, 50), 1);
  });
  unmap(many, 20000);
}

// The split at the start succeeds, and there is no room for the one at the end.
void split_once() {
  char* plain = island(64);
  char* second = island(64);
  char* many = island(20000);
  const Setting limit("/proc/sys/vm/max_map_count", "4000");
  std::size_t i = 0;
  while (i < 20000 && mprotect(at(many, i), kPage, PROT_READ) == 0) i += 2;
  while (mprotect(many, (20000 - i) * 0 + kPage, PROT_READ) != 0) break;
  protect(many, 2, kRw);  // room for one or two
  for (int round = 0; round < 3; ++round) {
    mprotect(at(plain, 4 + 8 * static_cast<std::size_t>(round)), 4 * kPage, PROT_READ);
    mlock(at(second, 4 + 8 * static_cast<std::size_t>(round)), 4 * kPage);
    madvise(at(second, 32 + 8 * static_cast<std::size_t>(round)), 4 * kPage, MADV_DONTDUMP);
    if (count_vmas() > 3990) continue;
  }
  unmap(many, 20000);
  mprotect(plain, 64 * kPage, PROT_READ);
}

void size_limit() {
  in_child([] {
    char* p = island(64);
    write_pages(p, 2);
    const rlimit here{1, RLIM_INFINITY};
    must(setrlimit(RLIMIT_AS, &here) == 0, "setrlimit");
    mmap(nullptr, 16 * kPage, kRw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mmap(at(p, 8), 8 * kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    mremap(at(p, 32), 4 * kPage, 8 * kPage, MREMAP_MAYMOVE);
    mremap(at(p, 60), 4 * kPage, 8 * kPage, 0);
    sbrk(kPage);
    mprotect(at(p, 20), 2 * kPage, PROT_READ);
    write_pages(static_cast<char*>(__builtin_frame_address(0)) - 2 * kPage, 1);
    (void)!fork();
    const rlimit data{1, RLIM_INFINITY};
    const rlimit all{RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_AS, &all);
    setrlimit(RLIMIT_DATA, &data);
    mprotect(at(p, 40), 4 * kPage, PROT_READ);
    mprotect(at(p, 40), 4 * kPage, kRw);
    mmap(at(p, 44), 4 * kPage, kRw, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    sbrk(kPage);
    _exit(0);
  });
}

void no_replace() {
  char* p = island(16);
  must(mmap(at(p, 4), 4 * kPage, kRw, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) ==
               MAP_FAILED &&
           errno == EEXIST,
       "MAP_FIXED_NOREPLACE");
  unmap(at(p, 4), 4);
  must(mmap(at(p, 4), 4 * kPage, kRw, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) ==
           at(p, 4),
       "MAP_FIXED_NOREPLACE");
  must(mmap(at(p, 4), 4 * kPage, kRw, MAP_PRIVATE | MAP_FIXED, 999, 0) == MAP_FAILED, "EBADF");
  const int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  must(mmap(at(p, 4), 4 * kPage, PROT_READ, MAP_PRIVATE | MAP_FIXED, dir, 0) == MAP_FAILED,
       "ENODEV");
  const int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  must(mmap(at(p, 4), 4 * kPage, kRw, MAP_SHARED | MAP_FIXED, self, 0) == MAP_FAILED, "EACCES");
  must(mmap(at(p, 4), 4 * kPage, PROT_READ, MAP_PRIVATE | MAP_FIXED, self, 100) == MAP_FAILED,
       "EINVAL");
}

void overcommit_strict() {
  char* p = island(64);
  const std::size_t huge = 1ul << 44;
  mmap(nullptr, huge, kRw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);  // ENOMEM under the heuristic
  mmap(at(p, 8), huge, kRw, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  char* reserve =
      static_cast<char*>(mmap(nullptr, huge, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (reserve != MAP_FAILED) {
    mprotect(reserve, huge, kRw);  // cannot be accounted for
    mprotect(reserve, 4 * kPage, kRw);
    munmap(reserve, huge);
  }
  mmap(nullptr, huge, kRw, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

// Lengths and addresses at which sums wrap, or that no process can have.
void absurd_lengths() {
  char* p = island(32);
  write_pages(at(p, 8), 4);
  constexpr std::size_t kHalf = ~0ul / 2 + 1, kUser = 1ul << 47;
  for (const std::size_t length :
       {std::size_t{0}, ~0ul, ~0ul - kPage, ~0ul - 2 * kPage + 2, kHalf, kHalf - 1, kHalf - kPage,
        kUser, kUser - kPage, kUser - reinterpret_cast<std::uintptr_t>(p) + kPage,
        std::size_t{1}}) {
    for (char* where : {at(p, 8), at(p, 9) + 1, static_cast<char*>(nullptr)}) {
      // This call would change all that is mapped behind.
      const bool wraps = reinterpret_cast<std::uintptr_t>(where) + length < length;
      const bool kills = where == nullptr || (length > 1 && !wraps);
      const auto call = [&](long nr, long c = 0, long d = 0, long e = 0, long f = 0) {
        syscall(nr, where, length, c, d, e, f);
      };
      if (!kills) {
        call(SYS_munmap);
        call(SYS_mremap, kPage, 0);
        for (const int advice : {MADV_DONTFORK, 102}) call(SYS_madvise, advice);
      }
      call(SYS_mprotect,
           kills ? PROT_READ | PROT_WRITE | PROT_GROWSDOWN | PROT_GROWSUP : PROT_READ);
      for (const int advice : {MADV_DODUMP, 23, 12345}) call(SYS_madvise, advice);
      call(SYS_mlock);
      call(SYS_munlock);
      call(SYS_mremap, static_cast<long>(length), MREMAP_MAYMOVE);
      call(462 /* mseal */, 1);
      call(SYS_mmap, kRw, MAP_PRIVATE | MAP_ANONYMOUS | (kills ? 0 : MAP_FIXED), -1, 0);
    }
    syscall(SYS_mremap, at(p, 16), kPage, length, MREMAP_MAYMOVE);
    syscall(SYS_brk, length);
    syscall(SYS_mmap, at(p, 20), kPage, kRw, MAP_PRIVATE | MAP_FIXED, 0, length & ~(kPage - 1));
    syscall(SYS_remap_file_pages, at(p, 20), length, 0, 0, 0);
  }
  in_child([&] { write_pages(at(p, 24), 4); });
}

}  // namespace corners
