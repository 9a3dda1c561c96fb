// Locked memory: flags that later mappings get, and pages that are written at once.
#include <sys/resource.h>
#include <sys/syscall.h>

#include <cerrno>

#include "corner.h"
#include "families.h"

namespace corners {
namespace {

void all_kinds_of_calls() {
  char* p = map(16);
  protect(at(p, 4), 4, PROT_READ);
  protect(at(p, 4), 4, kRw);
  char* none = map(8, PROT_NONE);
  protect(none, 4, kRw);
  char* moved = static_cast<char*>(mremap(p, 8 * kPage, 12 * kPage, MREMAP_MAYMOVE));
  must(moved != MAP_FAILED, "mremap");
  sbrk(1 << 16);
  sbrk(-(1 << 15));
  in_child([&] {
    write_pages(moved, 4);
    sbrk(1 << 16);
    map(4);
  });
  const int file = scratch_file(8);
  map_file(file, 8, kRw, MAP_PRIVATE);
  map_file(file, 8, PROT_READ, MAP_PRIVATE);
  map_file(file, 8, kRw, MAP_SHARED);
}

}  // namespace

void lock_all_now() {
  char* p = island(16);
  island(4, PROT_READ);
  island(4, PROT_NONE);
  available(mlockall(MCL_CURRENT) == 0, "mlockall");
  all_kinds_of_calls();
  munlockall();
  write_pages(p, 16);
}
void lock_all_future() {
  available(mlockall(MCL_FUTURE) == 0, "mlockall");
  all_kinds_of_calls();
  munlockall();
  all_kinds_of_calls();
}
void lock_all_both() {
  available(mlockall(MCL_CURRENT | MCL_FUTURE) == 0, "mlockall");
  all_kinds_of_calls();
  must(mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0, "mlockall");
  all_kinds_of_calls();
  in_child([] { all_kinds_of_calls(); });
}
void lock_all_on_fault() {
  available(mlockall(MCL_CURRENT | MCL_ONFAULT) == 0, "mlockall");
  all_kinds_of_calls();
  must(mlockall(MCL_FUTURE | MCL_ONFAULT) == 0, "mlockall");
  all_kinds_of_calls();
}

void lock_parts() {
  char* p = island(32);
  must(mlock(at(p, 4), 4 * kPage) == 0, "mlock");
  must(mlock2(at(p, 12), 4 * kPage, MLOCK_ONFAULT) == 0, "mlock2");
  must(mlock2(at(p, 14), 4 * kPage, 0) == 0, "mlock2");
  must(mlock(at(p, 5) + 100, 2 * kPage) == 0, "mlock");
  must(munlock(at(p, 6), 8 * kPage) == 0, "munlock");
  unmap(at(p, 20), 1);
  must(mlock(at(p, 18), 4 * kPage) != 0, "a hole");
  must(munlock(at(p, 17), 8 * kPage) != 0, "a hole");
  in_child([&] {
    write_pages(p, 8);
    mlock(p, 20 * kPage);
  });
  munlock(p, 20 * kPage);
}

void lock_read_only() {
  char* p = island(16, PROT_READ);
  must(mlock(p, 16 * kPage) == 0, "mlock");
  protect(at(p, 4), 4, kRw);  // populated by the lock
  protect(at(p, 10), 2, kRw);
  const int file = scratch_file(8);
  char* f = map_file(file, 8, PROT_READ, MAP_PRIVATE);
  must(mlock(f, 8 * kPage) == 0, "mlock");
  protect(at(f, 2), 2, kRw);
  char* o = island(16, PROT_READ);
  must(mlock2(o, 16 * kPage, MLOCK_ONFAULT) == 0, "mlock2");
  protect(at(o, 2), 2, kRw);
  char* none = island(8, PROT_NONE);
  (void)!mlock(none, 8 * kPage);
  protect(at(none, 2), 2, kRw);
  char* half = island(12);
  protect(at(half, 4), 4, PROT_NONE);
  (void)!mlock(half, 12 * kPage);  // populating stops at the second
}

void lock_limit() {
  in_child([] {
    const rlimit little{16 * kPage, 16 * kPage};
    must(setrlimit(RLIMIT_MEMLOCK, &little) == 0, "setrlimit");
    must(setresuid(54322, 54322, 54322) == 0, "setresuid");
    char* p = island(64);
    must(mlock(p, 8 * kPage) == 0, "mlock");
    must(mlock(p, 40 * kPage) != 0, "mlock over the limit");
    must(mmap(nullptr, 64 * kPage, kRw, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0) ==
                 MAP_FAILED &&
             errno == EAGAIN,
         "MAP_LOCKED over the limit");
    must(mmap(at(p, 4), 32 * kPage, kRw, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_FIXED, -1,
              0) == MAP_FAILED,
         "MAP_LOCKED over the limit");
    must(mremap(p, 8 * kPage, 40 * kPage, MREMAP_MAYMOVE) == MAP_FAILED, "mremap of locked");
    must(mlockall(MCL_CURRENT) != 0, "mlockall");
    must(mlockall(MCL_FUTURE) == 0, "mlockall");
    mmap(nullptr, 64 * kPage, kRw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sbrk(1 << 20);
    map(2);
  });
}

void map_locked() {
  char* p = island(32);
  map_over(at(p, 4), 4, kRw, MAP_LOCKED);
  map_over(at(p, 8), 4, PROT_READ, MAP_LOCKED);
  map_over(at(p, 12), 4, PROT_NONE, MAP_LOCKED);
  map_over(at(p, 16), 4, kRw, MAP_POPULATE);
  map_over(at(p, 20), 4, kRw, MAP_POPULATE | MAP_NONBLOCK);
  map_over(at(p, 24), 4, PROT_READ, MAP_POPULATE);
  map_over(at(p, 28), 4, kRw, MAP_SHARED | MAP_POPULATE);
}

}  // namespace corners
