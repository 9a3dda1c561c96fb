// Kinds of memory: huge pages, memory files, secret and droppable memory, devices, guards, seals.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cerrno>

#include "corner.h"
#include "families.h"

#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 0x08
#endif

namespace corners {
namespace {

const std::size_t kHuge = kPage / sizeof(void*);  // pages: what a full page table maps
constexpr int kGuardInstall = 102, kGuardRemove = 103, kCollapse = 25, kPopulateRead = 22,
              kPopulateWrite = 23;
constexpr long kMseal = 462;
constexpr int kSetMemoryMerge = 67;  // PR_SET_MEMORY_MERGE

char* map_huge(std::size_t count, int flags) {
  void* p = mmap(nullptr, count * kHuge * kPage, kRw, MAP_ANONYMOUS | MAP_HUGETLB | flags, -1, 0);
  available(p != MAP_FAILED, "MAP_HUGETLB");
  return static_cast<char*>(p);
}

char* huge_aligned(std::size_t huge_pages) {
  char* all = map((huge_pages + 1) * kHuge, PROT_NONE);
  const std::uintptr_t unit = kHuge * kPage;
  char* p =
      reinterpret_cast<char*>((reinterpret_cast<std::uintptr_t>(all) + unit - 1) / unit * unit);
  return map_over(p, huge_pages * kHuge);
}

long seal(char* p, std::size_t pages) { return syscall(kMseal, p, pages * kPage, 0ul); }

}  // namespace

void huge_tlb() {
  const Setting pages("/proc/sys/vm/nr_hugepages", "8");
  char* p = map_huge(2, MAP_PRIVATE);
  read_pages(p);
  in_child([&] { read_pages(p); });
  write_pages(p);
  in_child([&] { write_pages(p); });
  must(mprotect(p, kPage, PROT_READ) != 0, "part of a huge page");
  must(munmap(at(p, 1), kPage) != 0, "part of a huge page");
  must(madvise(p, kPage, MADV_DONTFORK) == 0 || errno == EINVAL, "madvise");
  protect(p, kHuge, PROT_READ);
  protect(p, kHuge, kRw);
  char* s = map_huge(2, MAP_SHARED);
  write_pages(s);
  in_child([&] { write_pages(s + kHuge * kPage); });
  unmap(s, kHuge);
  unmap(at(s, kHuge), kHuge);
  unmap(p, 2 * kHuge);
}

// munmap of plain memory and of half a huge page. The split at the start stays.
void huge_tlb_half() {
  const Setting pages("/proc/sys/vm/nr_hugepages", "8");
  char* p = map_huge(1, MAP_PRIVATE);
  map_over(p - 16 * kPage, 16);
  must(munmap(p - 8 * kPage, 16 * kPage) != 0, "munmap of half a huge page");
  must(mmap(p - 8 * kPage, 16 * kPage, kRw, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
           MAP_FAILED,
       "mmap over half a huge page");
  must(mprotect(p - 12 * kPage, 16 * kPage, PROT_READ) != 0, "mprotect over half a huge page");
  write_pages(p - 16 * kPage, 4);
  must(mremap(p, kHuge * kPage, 2 * kHuge * kPage, MREMAP_MAYMOVE) != nullptr, "mremap");
}

void huge_tlb_fork() {
  const Setting pages("/proc/sys/vm/nr_hugepages", "16");
  char* p = map_huge(2, MAP_PRIVATE);
  write_pages(p);
  in_child([&] {
    read_pages(at(p, kHuge));
    write_pages(p);
    in_child([&] { write_pages(at(p, kHuge)); });
    mremap(p, kHuge * kPage, kHuge * kPage, MREMAP_MAYMOVE | MREMAP_FIXED, p + 16 * kHuge * kPage);
  });
}

void memfds() {
  const int fd = memfd_create("corner", MFD_ALLOW_SEALING | MFD_CLOEXEC);
  must(fd >= 0 && ftruncate(fd, 16 * kPage) == 0, "memfd_create");
  char* shared = map_file(fd, 8, kRw, MAP_SHARED);
  char* private_ = map_file(fd, 8, kRw, MAP_PRIVATE);
  write_pages(shared, 4);
  write_pages(private_, 2);
  read_pages(at(private_, 4), 2);
  in_child([&] { write_pages(private_, 8); });
  protect(at(shared, 2), 2, PROT_READ);
  unmap(shared, 8);
  must(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0, "F_SEAL_WRITE");
  char* sealed = map_file(fd, 8, PROT_READ, MAP_SHARED);
  must(mprotect(sealed, kPage, kRw) != 0, "a sealed file");
  char* copy = map_file(fd, 8, kRw, MAP_PRIVATE);
  write_pages(copy, 4);
  const int future = memfd_create("corner", MFD_ALLOW_SEALING | MFD_CLOEXEC);
  must(ftruncate(future, 16 * kPage) == 0, "ftruncate");
  char* before = map_file(future, 8, kRw, MAP_SHARED);
  must(fcntl(future, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) == 0, "F_SEAL_FUTURE_WRITE");
  char* after = map_file(future, 8, PROT_READ, MAP_SHARED);
  must(mprotect(after, kPage, kRw) != 0, "a sealed file");
  protect(at(before, 4), 4, PROT_READ);
  protect(at(before, 4), 4, kRw);
}

void secret_memory() {
  const int fd = static_cast<int>(syscall(SYS_memfd_secret, 0u));
  available(fd >= 0, "memfd_secret");
  must(ftruncate(fd, 8 * kPage) == 0, "ftruncate");
  char* p = map_file(fd, 8, kRw, MAP_SHARED);
  write_pages(p, 4);
  munlock(p, 4 * kPage);
  mlock(p, 4 * kPage);
  protect(at(p, 2), 2, PROT_READ);
  in_child([&] { read_pages(p, 2); });
}

void droppable() {
  void* m = mmap(nullptr, 16 * kPage, kRw, MAP_ANONYMOUS | MAP_DROPPABLE, -1, 0);
  available(m != MAP_FAILED, "MAP_DROPPABLE");
  char* p = static_cast<char*>(m);
  write_pages(p, 8);
  madvise(at(p, 4), 4 * kPage, MADV_KEEPONFORK);
  madvise(at(p, 4), 4 * kPage, MADV_DODUMP);
  madvise(at(p, 4), 4 * kPage, MADV_MERGEABLE);
  mlock(at(p, 8), 4 * kPage);
  protect(at(p, 2), 2, PROT_READ);
  in_child([&] { write_pages(p, 1); });
}

void devices() {
  const int zero = open("/dev/zero", O_RDWR | O_CLOEXEC);
  char* p = map_file(zero, 8, kRw, MAP_PRIVATE);
  char* s = map_file(zero, 8, kRw, MAP_SHARED);
  write_pages(p, 4);
  write_pages(s, 4);
  char* q = island(24);
  must(mmap(at(q, 8), 8 * kPage, kRw, MAP_PRIVATE | MAP_FIXED, zero, 0) == at(q, 8), "mmap");
  must(mmap(at(q, 12), 8 * kPage, kRw, MAP_PRIVATE | MAP_FIXED, zero, 0) == at(q, 12), "mmap");
  must(mmap(at(q, 16), 8 * kPage, kRw, MAP_PRIVATE | MAP_FIXED, zero, 16 * kPage) == at(q, 16),
       "mmap");
  write_pages(q, 24);
  in_child([&] { write_pages(q, 24); });
  for (const char* path : {"/proc/self/status", "/sys/kernel/mm/transparent_hugepage/enabled",
                           "/dev/null", "/dev/kmsg", "/proc/self/maps"}) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    char* r = island(8);
    mmap(at(r, 2), 2 * kPage, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0);
    mmap(at(r, 4), 2 * kPage, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
    write_pages(r, 1);
    close(fd);
  }
}

// Without a file the offset is ignored, and memory that is mapped shared starts at 0.
void anonymous_offsets() {
  char* p = island(24);
  void* shared = mmap(at(p, 4), 4 * kPage, kRw, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1,
                      static_cast<off_t>(7 * kPage));
  must(shared == at(p, 4), "mmap");
  void* own = mmap(at(p, 12), 4 * kPage, kRw, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                   static_cast<off_t>(7 * kPage));
  must(own == at(p, 12), "mmap");
  protect(at(p, 5), 1, PROT_READ);
  protect(at(p, 13), 1, PROT_READ);
}

void guards() {
  char* p = island(32);
  available(madvise(at(p, 4), 4 * kPage, kGuardInstall) == 0, "MADV_GUARD_INSTALL");
  write_pages(p, 4);
  in_child([&] {
    write_pages(p, 4);
    advise(at(p, 4), 4, kGuardRemove);
    write_pages(p, 12);
  });
  protect(at(p, 6), 4, PROT_READ);
  protect(at(p, 6), 4, kRw);
  advise(at(p, 4), 2, kGuardRemove);
  const int file = scratch_file(16);
  char* f = map_file(file, 16, kRw, MAP_PRIVATE);
  madvise(at(f, 4), 4 * kPage, kGuardInstall);
  in_child([&] { write_pages(f, 4); });
  write_pages(f, 4);
  char* s = map_file(file, 16, kRw, MAP_SHARED);
  madvise(at(s, 4), 4 * kPage, kGuardInstall);
  protect(at(s, 2), 4, PROT_READ);
  protect(at(s, 2), 4, kRw);
  char* q = island(16);
  must(mlock(at(q, 8), 4 * kPage) == 0, "mlock");
  madvise(q, 16 * kPage, kGuardInstall);  // refused in the middle
  char* r = island(16);
  unmap(at(r, 8), 4);
  madvise(r, 16 * kPage, kGuardInstall);  // a hole
  madvise(r, 16 * kPage, kGuardRemove);
  // Guards make the vma sticky: merges with vmas that have none.
  char* t = island(16);
  advise(t, 4, kGuardInstall);
  protect(at(t, 4), 4, PROT_READ);
  protect(at(t, 4), 4, kRw);
  must(mremap(t, 8 * kPage, 8 * kPage, MREMAP_MAYMOVE | MREMAP_FIXED, map(64)) != MAP_FAILED,
       "mremap");
  char* ro = island(8, PROT_READ);
  madvise(at(ro, 2), 2 * kPage, kGuardInstall);
  char* none = island(8, PROT_NONE);
  madvise(at(none, 2), 2 * kPage, kGuardInstall);
}

void seals() {
  char* p = island(32);
  available(seal(at(p, 8), 8) == 0, "mseal");
  write_pages(at(p, 4), 16);
  mprotect(at(p, 4), 8 * kPage, PROT_READ);
  mprotect(at(p, 10), 10 * kPage, PROT_READ);
  mprotect(p, 4 * kPage, PROT_READ);
  munmap(at(p, 4), 8 * kPage);
  munmap(at(p, 10), 8 * kPage);
  munmap(at(p, 6), 20 * kPage);
  mmap(at(p, 6), 4 * kPage, kRw, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  mremap(at(p, 6), 4 * kPage, 4 * kPage, MREMAP_MAYMOVE | MREMAP_FIXED, map(64));
  mremap(at(p, 8), 8 * kPage, 4 * kPage, 0);
  mremap(at(p, 8), 8 * kPage, 8 * kPage, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, map(64));
  madvise(at(p, 4), 8 * kPage, MADV_DONTNEED);
  madvise(at(p, 4), 8 * kPage, MADV_DONTFORK);
  madvise(at(p, 4), 8 * kPage, MADV_WIPEONFORK);
  mlock(at(p, 6), 4 * kPage);
  seal(at(p, 10), 8);
  seal(at(p, 24), 2);
  seal(p, 32);
  char* q = island(16);
  unmap(at(q, 8), 2);
  seal(q, 16);
  in_child([&] {
    write_pages(at(p, 20), 2);
    munmap(p, 32 * kPage);
  });
}

void seal_discard() {
  char* p = island(16, PROT_READ);
  available(seal(at(p, 4), 4) == 0, "mseal");
  madvise(at(p, 2), 4 * kPage, MADV_DONTNEED);
  madvise(at(p, 2), 4 * kPage, MADV_FREE);
  madvise(at(p, 2), 4 * kPage, MADV_DONTFORK);
  madvise(at(p, 4), 4 * kPage, kGuardInstall);
  madvise(at(p, 2), 4 * kPage, kGuardInstall);
}

void thp_fault() {
  char* p = huge_aligned(2);
  available(madvise(p, 2 * kHuge * kPage, MADV_HUGEPAGE) == 0, "MADV_HUGEPAGE");
  read_pages(p);
  write_pages(p);
  in_child([&] {
    write_pages(p);
    read_pages(at(p, kHuge));
  });
  write_pages(at(p, kHuge));
  advise(at(p, kHuge), 8, MADV_DONTNEED);
  protect(at(p, 16), 16, PROT_READ);
}

void thp_read_first() {
  char* p = huge_aligned(4);
  available(madvise(p, 4 * kHuge * kPage, MADV_HUGEPAGE) == 0, "MADV_HUGEPAGE");
  read_pages(at(p, kHuge));
  in_child([&] {
    read_pages(p);
    write_pages(at(p, kHuge));
  });
  in_child([&] {
    char* q = huge_aligned(2);
    madvise(q, 2 * kHuge * kPage, MADV_HUGEPAGE);
    protect(q, 2 * kHuge, PROT_READ);
    read_pages(q, 2 * kHuge);
  });
}

// Too small for a huge page: a read does not prepare.
void thp_unaligned() {
  char* p = huge_aligned(2);
  available(madvise(at(p, 16), kHuge * kPage, MADV_HUGEPAGE) == 0, "MADV_HUGEPAGE");
  read_pages(at(p, 20));
  read_pages(at(p, kHuge + 4));
  char* q = huge_aligned(1);
  advise(q, kHuge, MADV_HUGEPAGE);
  unmap(q, 1);
  read_pages(at(q, 4));
  char* r = huge_aligned(1);
  advise(r, kHuge, MADV_HUGEPAGE);
  if (madvise(r, kHuge * kPage, kPopulateRead) != 0) read_pages(r);  // since 5.14
  char* s = huge_aligned(1);
  advise(s, kHuge, MADV_HUGEPAGE);
  const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  (void)!write(null, s, 1);
  int ends[2];
  must(pipe2(ends, O_CLOEXEC) == 0, "pipe");
  must(write(ends[1], s, 100) == 100, "write");  // the kernel reads
}

void thp_collapse() {
  char* p = huge_aligned(2);
  write_pages(p, 64);
  available(madvise(p, kHuge * kPage, kCollapse) == 0, "MADV_COLLAPSE");
  madvise(at(p, kHuge), kHuge * kPage, kCollapse);
  protect(at(p, 16), 16, PROT_READ);
  in_child([&] { write_pages(p, 4); });
}

void thp_disabled() {
  must(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0, "PR_SET_THP_DISABLE");
  char* p = huge_aligned(2);
  madvise(p, 2 * kHuge * kPage, MADV_HUGEPAGE);
  read_pages(p);
  in_child([&] { write_pages(p); });
}

void ksm_prctl() {
  char* p = island(16);
  write_pages(p, 4);
  available(prctl(kSetMemoryMerge, 1, 0, 0, 0) == 0, "PR_SET_MEMORY_MERGE");
  char* q = island(16);
  write_pages(q, 4);
  map_over(at(p, 4), 4);
  in_child([&] {
    map_over(at(p, 8), 4);
    write_pages(island(4), 2);
  });
  sbrk(1 << 16);
  must(prctl(kSetMemoryMerge, 0, 0, 0, 0) == 0, "PR_SET_MEMORY_MERGE");
  map_over(at(q, 4), 4);
  sbrk(1 << 16);
}

void ksm_advice() {
  char* p = island(16);
  write_pages(p, 8);
  available(madvise(at(p, 4), 4 * kPage, MADV_MERGEABLE) == 0, "MADV_MERGEABLE");
  in_child([&] { write_pages(p, 4); });
  advise(at(p, 6), 4, MADV_UNMERGEABLE);
  const int file = scratch_file(8);
  char* s = map_file(file, 8, kRw, MAP_SHARED);
  madvise(at(s, 2), 2 * kPage, MADV_MERGEABLE);
  advise(p, 16, MADV_UNMERGEABLE);
}

void fork_advice() {
  char* p = island(32);
  write_pages(p, 16);
  advise(at(p, 4), 4, MADV_WIPEONFORK);
  advise(at(p, 10), 4, MADV_DONTFORK);
  advise(at(p, 20), 4, MADV_WIPEONFORK);
  const int file = scratch_file(8);
  char* s = map_file(file, 8, kRw, MAP_PRIVATE);
  madvise(at(s, 2), 2 * kPage, MADV_WIPEONFORK);  // EINVAL
  char* between = island(16);
  unmap(at(between, 6), 2);
  madvise(between, 16 * kPage, MADV_WIPEONFORK);  // ENOMEM, and all of it changed
  in_child([&] {
    write_pages(at(p, 2), 4);
    advise(at(p, 4), 4, MADV_KEEPONFORK);
    map_over(at(p, 10), 4);
    in_child([&] { write_pages(p, 32); });
  });
  advise(p, 32, MADV_DOFORK);
  advise(p, 32, MADV_KEEPONFORK);
  madvise(at(p, 30), 8 * kPage, MADV_DONTFORK);
  madvise(p, 32 * kPage, kPopulateWrite);
}

}  // namespace corners
