// mremap and remap_file_pages.
#include <sys/syscall.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "corner.h"
#include "families.h"

namespace corners {
void move_basics() {
  char* p = island(64);
  char* to = map(256, PROT_NONE);
  write_pages(at(p, 4), 4);
  move(at(p, 4), 4, 2, 0);
  move(at(p, 10), 2, 4, 0);  // a neighbour is in the way
  move(at(p, 10), 2, 4, MREMAP_MAYMOVE);
  move(at(p, 20), 4, 4, kMoveTo, at(to, 8));
  move(at(p, 24), 4, 8, kMoveTo, at(to, 12));
  move(at(p, 30), 8, 4, kMoveTo, at(to, 40));
  move(at(p, 60), 4, 8, 0);  // grows into the hole after it
  move(at(p, 60), 8, 4, 0);
  move(at(to, 8), 4, 4, kMoveTo, at(p, 20));  // and back
  move(at(p, 20), 4, 4, kMoveTo, at(p, 22));  // overlapping: refused
  move(p, 0, 4, MREMAP_MAYMOVE);              // old length 0 of private: refused
  move(at(p, 40) + 1, 1, 1, MREMAP_MAYMOVE);
  move(at(p, 40), 2, 0, MREMAP_MAYMOVE);
}

void move_beside() {
  char* area = island(64, PROT_NONE);
  char* a = map_over(at(area, 4), 4);
  char* b = map_over(at(area, 16), 4);
  char* c = map_over(at(area, 28), 4);
  write_pages(a, 4);
  write_pages(c, 2);
  move(b, 4, 4, kMoveTo, at(area, 8));   // unfaulted, next to `a`
  move(c, 4, 4, kMoveTo, at(area, 12));  // faulted, its pgoff stays
  move(at(area, 12), 4, 4, kMoveTo, at(area, 28));
  in_child([&] {
    write_pages(a, 8);
    move(a, 4, 4, kMoveTo, at(area, 40));
    move(at(area, 8), 4, 4, kMoveTo, at(area, 44));
    move(at(area, 40), 8, 16, MREMAP_MAYMOVE);
  });
  char* d = map_over(at(area, 48), 4);
  unmap(at(area, 52), 4);
  move(d, 4, 8, 0);
  map_over(at(area, 56), 2);
  move(d, 8, 8, 0);
}

void move_many() {
  char* p = island(64);
  char* to = map(256, PROT_NONE);
  protect(at(p, 4), 4, PROT_READ);
  write_pages(at(p, 8), 4);
  unmap(at(p, 12), 4);
  const int file = scratch_file(8);
  must(mmap(at(p, 16), 4 * kPage, kRw, MAP_SHARED | MAP_FIXED, file, 0) == at(p, 16), "mmap");
  must(mmap(at(p, 20), 4 * kPage, kRw, MAP_PRIVATE | MAP_FIXED, file, 0) == at(p, 20), "mmap");
  write_pages(at(p, 20), 2);
  if (move(at(p, 2), 40, 40, kMoveTo, at(to, 8)) != at(to, 8))
    skip("this kernel moves one vma at a time");  // before 6.17
  must(move(at(to, 8), 40, 40, kMoveTo, at(p, 2)) == at(p, 2), "mremap of many");
  move(at(p, 2), 40, 44, kMoveTo, at(to, 8));  // many that grow: refused
  move(at(p, 2), 40, 40, kMoveTo | MREMAP_DONTUNMAP, at(to, 8));
  move(at(p, 2), 40, 20, kMoveTo, at(to, 100));
}

// The move stops at a mapping that cannot move; earlier mappings have moved.
void move_many_fails() {
  char* p = island(64);
  char* to = map(256, PROT_NONE);
  write_pages(p, 8);
  protect(at(p, 4), 4, PROT_READ);
  const bool sealed = syscall(462, at(p, 12), 4 * kPage, 0ul) == 0;
  move(p, 32, 32, kMoveTo, at(to, 8));
  write_pages(at(p, 20), 2);
  move(at(p, 20), 8, 8, kMoveTo, at(to, 64));
  if (!sealed) return;
  move(at(p, 10), 4, 4, kMoveTo, at(to, 100));
  move(at(p, 40), 4, 4, kMoveTo, at(p, 13));  // over sealed memory
  move(at(p, 40), 8, 4, kMoveTo, at(p, 13));
}

void move_dont_unmap() {
  char* p = island(64);
  char* to = map(256, PROT_NONE);
  write_pages(at(p, 4), 4);
  move(at(p, 4), 4, 4, kMoveTo | MREMAP_DONTUNMAP, at(to, 8));
  write_pages(at(p, 4), 2);
  move(at(p, 12), 4, 4, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
  char* whole = island(8);
  write_pages(whole, 8);
  move(whole, 8, 8, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
  write_pages(whole, 2);
  const int file = scratch_file(8);
  char* shared = map_file(file, 8, kRw, MAP_SHARED);
  write_pages(shared, 2);
  move(shared, 4, 4, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
  char* private_ = map_file(file, 8, kRw, MAP_PRIVATE);
  write_pages(private_, 2);
  move(private_, 4, 4, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
  move(private_, 8, 8, kMoveTo | MREMAP_DONTUNMAP, at(to, 40));
  char* locked = island(8);
  must(mlock(locked, 8 * kPage) == 0, "mlock");
  move(locked, 8, 8, kMoveTo | MREMAP_DONTUNMAP, at(to, 60));
  char* unfaulted = island(8);
  move(unfaulted, 8, 8, kMoveTo | MREMAP_DONTUNMAP, at(to, 80));
  char* next_to = island(24, PROT_NONE);
  map_over(next_to, 8);
  move(next_to, 8, 8, kMoveTo | MREMAP_DONTUNMAP, at(next_to, 8));  // merges with its own copy
  write_pages(next_to, 1);
  move(next_to, 8, 8, kMoveTo | MREMAP_DONTUNMAP, at(next_to, 16));
  in_child([&] { write_pages(next_to, 24); });
}

void move_duplicates() {
  const int file = scratch_file(16);
  char* shared = map_file(file, 16, kRw, MAP_SHARED);
  write_pages(shared, 2);
  char* to = map(256, PROT_NONE);
  move(at(shared, 4), 0, 4, MREMAP_MAYMOVE);
  move(at(shared, 4), 0, 4, kMoveTo, at(to, 8));
  move(at(shared, 8), 0, 4, kMoveTo, at(to, 12));
  char* s = static_cast<char*>(mmap(nullptr, 8 * kPage, kRw, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  move(s, 0, 8, MREMAP_MAYMOVE);
  move(s, 8, 16, MREMAP_MAYMOVE);
}

void move_over_neighbour() {
  char* p = island(64);
  char* q = at(p, 32);
  write_pages(q, 4);
  protect(at(p, 16), 4, PROT_READ);
  move(q, 4, 4, kMoveTo, at(p, 14));  // over the border of two
  move(at(p, 40), 4, 12, kMoveTo, at(p, 50));
  move(at(p, 2), 2, 20, MREMAP_MAYMOVE);
}

void move_accounting() {
  char* p = island(32);
  protect(p, 16, PROT_READ);
  char* to = map(256, PROT_NONE);
  move(p, 16, 16, kMoveTo, at(to, 8));
  write_pages(at(p, 20), 2);
  protect(at(p, 16), 16, PROT_READ);
  move(at(p, 16), 8, 8, kMoveTo, at(to, 40));
  move(at(p, 24), 8, 8, kMoveTo, at(to, 48));
  char* n = map(32, kRw, MAP_NORESERVE);
  move(n, 16, 16, kMoveTo, at(to, 80));
}

void file_pages() {
  const int file = scratch_file(32);
  char* p = map_file(file, 32, kRw, MAP_SHARED);
  write_pages(p, 4);
  available(syscall(SYS_remap_file_pages, at(p, 4), 4 * kPage, 0, 20, 0) == 0, "remap_file_pages");
  syscall(SYS_remap_file_pages, at(p, 4), 4 * kPage, 0, 4, 0);  // back: merges
  syscall(SYS_remap_file_pages, at(p, 8), 2 * kPage, 0, 0, MAP_NONBLOCK);
  protect(at(p, 16), 4, PROT_READ);
  syscall(SYS_remap_file_pages, at(p, 14), 8 * kPage, 0, 0, 0);  // over three vmas
  char* a = map(8);
  syscall(SYS_remap_file_pages, a, 2 * kPage, 0, 2, 0);  // private memory: refused
  must(mlock(at(p, 24), 4 * kPage) == 0, "mlock");
  syscall(SYS_remap_file_pages, at(p, 24), 2 * kPage, 0, 8, 0);
}

// The pages that the kernel maps into each process move like others, or stay.
void move_vdso() {
  std::ifstream maps("/proc/self/maps");
  std::vector<std::pair<char*, std::size_t>> parts;
  for (std::string line; std::getline(maps, line);) {
    if (line.find("[vdso]") == line.npos && line.find("[vvar") == line.npos) continue;
    char* end = nullptr;
    const auto start = std::strtoul(line.c_str(), &end, 16);
    const auto stop = std::strtoul(end + 1, nullptr, 16);
    parts.emplace_back(reinterpret_cast<char*>(start), (stop - start) / kPage);
  }
  if (parts.empty()) skip("there is no vdso here");
  in_child([&] {
    char* to = map(256, PROT_NONE);
    std::size_t room = 8;
    for (const auto& [part, pages] : parts) {
      char* moved = move(part, pages, pages, kMoveTo, at(to, room));
      move(part, pages, pages + 1, MREMAP_MAYMOVE);
      if (moved != MAP_FAILED) move(moved, pages, pages, kMoveTo | MREMAP_DONTUNMAP, at(to, 128));
      room += pages + 2;
    }
    in_child([&] { unmap(to, 64); });
    syscall(SYS_munmap, parts.front().first, kPage);
    syscall(SYS_mprotect, at(to, 9), kPage, PROT_READ);
    syscall(SYS_exit_group, 0);
  });
}

}  // namespace corners
