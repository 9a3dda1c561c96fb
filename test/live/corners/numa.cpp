// Memory policies: a reason not to merge, set by calls of their own.
#include <linux/mempolicy.h>
#include <sys/syscall.h>

#include "corner.h"
#include "families.h"

namespace corners {
namespace {

long bind(char* p, std::size_t pages, int mode, unsigned long nodes, unsigned flags = 0) {
  return syscall(SYS_mbind, p, pages * kPage, mode, nodes ? &nodes : nullptr, nodes ? 65ul : 0ul,
                 flags);
}

}  // namespace

void mbind_parts() {
  char* p = island(24);
  write_pages(p, 4);
  available(bind(at(p, 4), 4, MPOL_PREFERRED, 1) == 0, "mbind");
  available(bind(at(p, 8), 4, MPOL_BIND, 1) == 0, "mbind");
  available(bind(at(p, 12), 4, MPOL_INTERLEAVE, 1) == 0, "mbind");
  write_pages(at(p, 6), 8);
  bind(at(p, 4), 4, MPOL_BIND, 1);
  protect(at(p, 5), 6, PROT_READ);
  protect(at(p, 5), 6, kRw);
  bind(p, 24, MPOL_DEFAULT, 0);
  in_child([&] { write_pages(p, 24); });
}

void mbind_fork() {
  char* p = island(24);
  available(bind(at(p, 4), 4, MPOL_BIND, 1) == 0, "mbind");
  write_pages(p, 12);
  in_child([&] {
    write_pages(p, 12);
    bind(at(p, 2), 8, MPOL_PREFERRED, 1, MPOL_MF_MOVE);
    bind(p, 24, MPOL_DEFAULT, 0);
    must(mremap(at(p, 4), 4 * kPage, 8 * kPage, MREMAP_MAYMOVE) != MAP_FAILED, "mremap");
  });
  map_over(at(p, 4), 2);
  unmap(at(p, 7), 1);
}

void mbind_merges() {
  char* p = island(24);
  available(bind(p, 12, MPOL_BIND, 1) == 0, "mbind");
  map_over(at(p, 4), 2);             // no policy: apart from both sides
  bind(at(p, 4), 2, MPOL_BIND, 1);   // and joined again
  bind(at(p, 12), 4, MPOL_BIND, 1);  // grows the first
  bind(at(p, 10), 2, MPOL_DEFAULT, 0);
  unmap(at(p, 20), 4);
  bind(p, 24, MPOL_PREFERRED, 1);  // a hole: EFAULT after the parts before it
}

void home_node() {
  char* p = island(16);
  available(bind(p, 16, MPOL_BIND, 1) == 0, "mbind");
  available(syscall(SYS_set_mempolicy_home_node, at(p, 4), 4 * kPage, 0ul, 0ul) == 0,
            "set_mempolicy_home_node");
  protect(at(p, 4), 4, PROT_READ);
  protect(at(p, 4), 4, kRw);
  bind(p, 16, MPOL_DEFAULT, 0);
}

void task_policy() {
  unsigned long nodes = 1;
  available(syscall(SYS_set_mempolicy, MPOL_BIND, &nodes, 65ul) == 0, "set_mempolicy");
  char* p = island(16);
  write_pages(p, 4);
  map_over(at(p, 4), 4);
  syscall(SYS_set_mempolicy, MPOL_DEFAULT, nullptr, 0ul);
  map_over(at(p, 8), 4);
}

}  // namespace corners
