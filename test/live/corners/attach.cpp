// A family that is older than its recording: three living generations, and a dead one between them.
// It prints the process ids, waits until the file named by $CORNERS_GO exists or its folder is
// gone, and goes on.
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "corner.h"
#include "families.h"

namespace corners {
namespace {

void wait_for_go() {
  const char* file = std::getenv("CORNERS_GO");
  if (file == nullptr) return;
  const std::string folder = std::filesystem::path(file).parent_path();
  while (access(file, F_OK) != 0 && access(folder.c_str(), F_OK) == 0) usleep(10000);
}

void tell(const char* who) {
  std::printf("%s %d\n", who, getpid());
  std::fflush(stdout);
}

// Makes every call that allocates or frees objects, in memory that was split, faulted and forked.
void live_on(char* p) {
  write_pages(at(p, 6), 16);
  protect(at(p, 6), 2, PROT_READ);
  protect(at(p, 6), 2, kRw);
  unmap(at(p, 14), 1);
  map_over(at(p, 14), 1);
  in_child([&] {
    write_pages(at(p, 6), 10);
    in_child([&] { write_pages(at(p, 8), 4); });
    must(mremap(at(p, 20), 2 * kPage, 4 * kPage, MREMAP_MAYMOVE) != MAP_FAILED, "mremap");
  });
  sbrk(1 << 16);
  write_pages(map(4), 2);
}

}  // namespace

void older_family() {
  char* p = island(32);
  write_pages(p, 8);
  protect(at(p, 4), 2, PROT_READ);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  tell("root");
  in_child([] { write_pages(map(2), 2); });
  spawn([&] {
    tell("child");
    write_pages(at(p, 8), 4);
    spawn([&] {
      write_pages(at(p, 12), 4);  // this generation is dead when the recording begins
      spawn([&] {
        tell("grandchild");
        write_pages(p, 2);
        advise(at(p, 16), 2, MADV_DONTFORK);
        wait_for_go();
        usleep(20000);
        live_on(p);
      });
    });
    wait(nullptr);
    spawn([&] {
      tell("second");
      wait_for_go();
      live_on(p);
    });
    wait_for_go();
    usleep(10000);
    live_on(p);
    while (wait(nullptr) > 0) continue;
  });
  wait_for_go();
  live_on(p);
  while (wait(nullptr) > 0) continue;
}

}  // namespace corners
