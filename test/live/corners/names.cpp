// Names of vmas (PR_SET_VMA): they keep vmas apart, go with a copy, and are set half-way by a call that
// fails. Only kernels with CONFIG_ANON_VMA_NAME have them.
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "corner.h"
#include "families.h"

namespace corners {
namespace {

// They are newer than the headers of the oldest toolchain.
constexpr int kSetVma = 0x53564d41;
constexpr unsigned long kAnonName = 0;

int name(char* p, std::size_t pages, const char* text) {
  return prctl(kSetVma, kAnonName, p, pages * kPage, text);
}

void must_name(char* p, std::size_t pages, const char* text) {
  available(name(p, pages, text) == 0, "PR_SET_VMA");
}

}  // namespace

// Parts of a vma are named, renamed, joined with neighbours of the same name, and unnamed.
void names_merge() {
  char* p = island(32);
  write_pages(p, 16);
  must_name(at(p, 4), 4, "one");
  must_name(at(p, 8), 4, "one");
  must_name(at(p, 12), 4, "two");
  must_name(at(p, 12), 4, "one");
  must_name(p, 4, "one");
  in_child([&] { write_pages(p, 32); });
  must_name(at(p, 2), 20, "three");
  protect(at(p, 6), 4, PROT_READ);
  protect(at(p, 6), 4, kRw);
  must_name(p, 32, nullptr);
  must_name(at(p, 8), 8, "");
  must_name(at(p, 16), 8, std::string(79, 'n').c_str());
  must_name(at(p, 24), 8, std::string(79, 'n').c_str());
  must(name(p, 4, std::string(80, 'n').c_str()) != 0 && errno == EINVAL, "a name that is too long");
  must(name(p, 4, "[brackets]") != 0 && errno == EINVAL, "a name with brackets");
  must(name(p, 0, "nothing") == 0, "an empty range");
  must(name(p + 1, 4, "odd") != 0 && errno == EINVAL, "half a page");
}

// A new mapping has no name, whatever is beside it.
void names_beside() {
  char* p = island(32);
  map_over(p, 8);
  must_name(p, 32, "heap");
  write_pages(p, 4);
  map_over(at(p, 8), 8);
  write_pages(at(p, 8), 2);
  must_name(at(p, 8), 8, "heap");
  map_over(at(p, 4), 8);
  must_name(at(p, 4), 8, "heap");
  unmap(at(p, 6), 2);
  in_child([&] { must_name(p, 6, "child"); });
}

// The break grows behind a heap with a name, and a stack keeps its own.
void names_break_and_stack() {
  char* start = static_cast<char*>(sbrk(16 * kPage));
  must(start != reinterpret_cast<char*>(-1), "sbrk");
  start += -reinterpret_cast<std::uintptr_t>(start) % kPage;
  write_pages(start, 4);
  must_name(start, 8, "break");
  must(sbrk(16 * kPage) != reinterpret_cast<void*>(-1), "sbrk");
  write_pages(at(start, 16), 2);
  must_name(start, 24, "break");
  must(sbrk(-8 * static_cast<int>(kPage)) != reinterpret_cast<void*>(-1), "sbrk");
  char* stack = map(64, PROT_NONE);
  stack = map_over(at(stack, 32), 8, kRw, MAP_GROWSDOWN);
  must_name(stack, 8, "stack");
  write_pages(stack, 8);
  for (int page = 1; page < 8; ++page) write_pages(stack - page * static_cast<long>(kPage));
  in_child([&] { write_pages(stack, 8); });
}

void names_move() {
  char* p = island(64);
  write_pages(p, 16);
  must_name(p, 8, "one");
  must_name(at(p, 8), 8, "two");
  char* q = island(64);
  write_pages(q, 8);
  must_name(q, 8, "one");
  move(p, 4, 4, kMoveTo, at(q, 8));
  move(at(p, 8), 4, 4, kMoveTo, at(q, 12));
  move(at(p, 4), 4, 8, kMoveTo, at(q, 16));
  constexpr int kDontUnmap = 4;
  available(move(at(p, 12), 4, 4, kMoveTo | kDontUnmap, at(q, 40)) != MAP_FAILED,
            "MREMAP_DONTUNMAP");
  write_pages(at(p, 12), 4);
  must_name(q, 24, "one");
  move(q, 8, 8, kMoveTo, p);
  in_child([&] { move(at(q, 8), 8, 8, kMoveTo, at(p, 8)); });
}

// The call names all vmas that can have a name, up to the first that cannot.
void names_half_way() {
  char* p = island(64);
  write_pages(p, 64);
  must_name(at(p, 60), 2, "probe");
  unmap(at(p, 8), 4);
  must(name(at(p, 4), 12, "holes") != 0 && errno == ENOMEM, "a hole");
  must(name(at(p, 8), 8, "begins") != 0 && errno == ENOMEM, "a hole at the start");
  must(name(at(p, 9), 1, "nothing") != 0 && errno == ENOMEM, "nothing but a hole");
  const int fd = scratch_file(16);
  must(mmap(at(p, 24), 4 * kPage, kRw, MAP_PRIVATE | MAP_FIXED, fd, 0) != MAP_FAILED, "mmap");
  must(name(at(p, 20), 12, "file") != 0 && errno == EBADF, "a file");
  must(name(at(p, 24), 8, "file") != 0 && errno == EBADF, "a file at the start");
  must(name(at(p, 20), 12, nullptr) != 0 && errno == EBADF, "a file");
  const int memfd = memfd_create("corner", MFD_CLOEXEC);
  must(ftruncate(memfd, 4 * kPage) == 0, "ftruncate");
  must(mmap(at(p, 36), 4 * kPage, kRw, MAP_SHARED | MAP_FIXED, memfd, 0) != MAP_FAILED, "mmap");
  must(name(at(p, 34), 8, "memfd") != 0 && errno == EBADF, "a memory file");
  in_child([&] { write_pages(at(p, 20), 2); });
}

// Shared anonymous memory has names from 6.2 on.
void names_shared() {
  char* p = island(32);
  must_name(p, 2, "probe");
  must(mmap(at(p, 8), 8 * kPage, kRw, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED,
       "mmap");
  write_pages(at(p, 8), 8);
  if (name(at(p, 10), 2, "shared") != 0) must(errno == EBADF, "shared memory");
  if (name(at(p, 4), 12, "both") != 0) must(errno == EBADF, "shared memory");
  protect(at(p, 12), 2, PROT_READ);
  in_child([&] {
    if (name(at(p, 8), 8, nullptr) != 0) must(errno == EBADF, "shared memory");
  });
}

// A vma with a name and a userfaultfd keeps the name when it loses the userfaultfd.
void names_and_userfaultfd() {
  char* p = island(32);
  write_pages(p, 8);
  must_name(p, 16, "moving space");
  const int fd = static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
  available(fd >= 0, "userfaultfd");
  uffdio_api api{};
  api.api = UFFD_API;
  available(ioctl(fd, UFFDIO_API, &api) == 0, "UFFDIO_API");
  uffdio_register r{};
  r.range = {reinterpret_cast<std::uintptr_t>(at(p, 4)), 4 * kPage};
  r.mode = UFFDIO_REGISTER_MODE_MISSING;
  available(ioctl(fd, UFFDIO_REGISTER, &r) == 0, "UFFDIO_REGISTER");
  in_child([&] { write_pages(p, 16); });
  must_name(at(p, 6), 8, "other");
  move(at(p, 4), 4, 4, kMoveTo, at(p, 24));
  must_name(at(p, 24), 4, "moving space");
  close(fd);
  must_name(p, 16, "moving space");
}

// max_map_count is reached while parts are named.
void names_at_the_limit() {
  char* p = island(64);
  write_pages(p, 64);
  must_name(at(p, 40), 2, "probe");
  char* many = island(20000);
  const Setting limit("/proc/sys/vm/max_map_count", "4000");
  std::size_t i = 0;
  while (i < 20000 && mprotect(at(many, i), kPage, PROT_READ) == 0) i += 2;
  for (std::size_t room = 0; room < 4; ++room) {
    name(at(p, 8), 4, "full");
    name(at(p, 20), 24, "full");
    name(at(p, 50), 14, "full");
    name(at(p, 36), 2, nullptr);
    protect(at(many, 4 * room), 2, kRw);  // one fewer each round
  }
  in_child([&] { name(at(p, 54), 4, "child"); });
  unmap(many, 20000);
}

// Threads name what others map, move and unmap at the same time.
void names_in_threads() {
  char* probe = island(4);
  must_name(probe, 1, "probe");
  std::vector<std::thread> threads;
  char* common = island(256);
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([common, t] {
      const std::string mine = "thread" + std::to_string(t);
      for (std::size_t round = 0; round < 200; ++round) {
        char* p = map(4);
        write_pages(p);
        must_name(p, 4, mine.c_str());
        must_name(at(p, 1), 2, round % 2 == 0 ? "common" : nullptr);
        char* q = at(common, (round * 37 + static_cast<std::size_t>(t) * 61) % 240);
        name(q, 1 + round % 16, round % 3 == 0 ? "common" : mine.c_str());
        if (round % 5 == 0) map_over(at(common, (round * 13) % 240), 8);
        if (round % 3 == 0) unmap(p, 4);
      }
    });
  for (std::thread& thread : threads) thread.join();
  in_child([&] { must_name(common, 256, "child"); });
}

}  // namespace corners
