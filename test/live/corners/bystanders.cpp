// Processes outside of the recording, and threads of the kernel, that write to recorded address spaces,
// change them, or hold their objects.
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <optional>
#include <string>

#include "bystander.h"
#include "cgroup.h"
#include "corner.h"
#include "families.h"
#include "registers.h"

namespace corners {
namespace {

constexpr std::size_t kHuge = 512;  // pages
const std::string kKsm = "/sys/kernel/mm/ksm/";
const std::string kHugePages = "/sys/kernel/mm/transparent_hugepage/";

// A deed that may be refused on this kernel or machine.
void try_deed(const Order& order, const char* what) {
  errno = bystander(order);
  available(errno == 0, what);
}

long number_in(const std::string& path) { return std::atol(read_text(path.c_str()).c_str()); }

// Waits for a thread of the kernel; false if it takes too long.
bool wait_until(const std::function<bool()>& done) {
  for (int i = 0; i < 4000; ++i) {
    if (done()) return true;
    usleep(5000);
  }
  return done();
}

// Goes on with memory that others have written to: all calls that depend on chains.
void live_on(char* p) {
  write_pages(at(p, 2), 2);
  protect(at(p, 3), 2, PROT_READ);
  protect(at(p, 3), 2, kRw);
  in_child([&] {
    write_pages(p, 6);
    in_child([&] { unmap(at(p, 1), 2); });
  });
  map_over(at(p, 6), 1);
  must(mremap(p, 2 * kPage, 4 * kPage, MREMAP_MAYMOVE) != MAP_FAILED, "mremap");
}

void written_by(Deed deed, const char* what, bool forces) {
  char* never_touched = island(16);
  char* part = island(16);
  write_pages(at(part, 8), 2);
  protect(at(part, 8), 4, PROT_READ);
  char* none = island(8, PROT_NONE);
  char* read_only = island(8, PROT_READ);
  const int file = scratch_file(8);
  char* mapped = map_file(file, 8, forces ? PROT_READ : kRw, MAP_PRIVATE);
  char* shared = map_file(file, 8, kRw, MAP_SHARED);
  try_deed({.deed = deed, .pid = getpid(), .where = at(never_touched, 5)}, what);
  for (char* where : {at(part, 2), at(part, 9), at(part, 14), at(none, 2), at(read_only, 2),
                      at(mapped, 3), at(shared, 3), at(none, 100)})
    bystander({.deed = deed, .pid = getpid(), .where = where});
  const pid_t here = getpid();
  in_child([&] {  // a copy, whose anon_vma is its own
    bystander({.deed = deed, .pid = getpid(), .where = at(part, 2)});
    bystander({.deed = deed, .pid = getpid(), .where = at(never_touched, 1)});
    bystander({.deed = deed, .pid = here, .where = at(read_only, 4)});
  });
  for (char* p : {never_touched, part, read_only}) {
    protect(p, 8, kRw);
    live_on(p);
  }
}

}  // namespace

void outside_poke() { written_by(Deed::poke, "PTRACE_POKEDATA", true); }
void outside_proc_mem() { written_by(Deed::write_mem, "/proc/PID/mem", true); }
void outside_vm_write() { written_by(Deed::write_vm, "process_vm_writev", false); }

// Memory that a stack could grow to.
void outside_stack() {
  for (const Deed deed : {Deed::poke, Deed::write_vm}) {
    char* p = island(64, kRw, MAP_GROWSDOWN);
    write_pages(at(p, 32), 8);
    char* fresh = island(64, kRw, MAP_GROWSDOWN);
    for (char* where : {at(p, -2ul), at(p, -8ul), at(fresh, -1ul)})
      bystander({.deed = deed, .pid = getpid(), .where = where});
    write_pages(p, 2);
    in_child([&] { write_pages(p, 2); });
  }
}

void outside_advice() {
  constexpr int kCollapse = 25;
  char* p = island(3 * kHuge);
  write_pages(at(p, 8), 8);
  write_pages(at(p, kHuge), 64);
  try_deed({.deed = Deed::advise, .pid = getpid(), .where = p, .argument = MADV_COLD},
           "process_madvise");
  in_child([&] {
    for (const int advice : {MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED, kCollapse})
      for (const std::size_t first : {std::size_t{0}, std::size_t{12}, kHuge})
        bystander({.deed = Deed::advise,
                   .pid = getpid(),
                   .where = at(p, first),
                   .pages = first == kHuge ? 2 * kHuge : 8,
                   .argument = advice});
    for (const int refused : {MADV_DONTNEED, MADV_DONTFORK, MADV_FREE, MADV_MERGEABLE})
      bystander({.deed = Deed::advise,
                 .pid = getpid(),
                 .where = at(p, 8),
                 .pages = 4,
                 .argument = refused});
    live_on(p);
    live_on(at(p, kHuge));
  });
  live_on(p);
}

// A debugger that lets the program make calls: they are calls like any other.
void outside_calls() {
  char* p = island(32);
  write_pages(at(p, 8), 4);
  const auto call = [&](long nr, char* where, long length, long a = 0, long b = 0, long c = -1) {
    Order order{.deed = Deed::call, .pid = getpid(), .where = call_instructions(), .argument = nr};
    const long all[] = {reinterpret_cast<long>(where), length, a, b, c, 0};
    std::memcpy(order.arguments, all, sizeof all);
    try_deed(order, "a call for another process");
  };
  const long kPages = 4 * static_cast<long>(kPage);
  call(SYS_mmap, nullptr, kPages, kRw, MAP_PRIVATE | MAP_ANONYMOUS);
  call(SYS_mmap, at(p, 4), kPages, kRw, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);
  call(SYS_mprotect, at(p, 10), kPages, PROT_READ);
  call(SYS_munmap, at(p, 16), kPages);
  call(SYS_madvise, at(p, 24), kPages, MADV_DONTFORK);
  call(SYS_mremap, at(p, 8), kPage, 2 * kPage, MREMAP_MAYMOVE);
  call(SYS_madvise, at(p, 4), kPages, MADV_DONTNEED);
  call(SYS_brk, static_cast<char*>(sbrk(0)) + kPages, 0);
  call(SYS_munmap, nullptr, -1);
  call(SYS_mlock, at(p, 28), kPages);
  write_pages(at(p, 4), 4);
  in_child([&] {
    write_pages(at(p, 4), 4);
    call(SYS_munmap, at(p, 4), kPages);
    call(SYS_mmap, at(p, 4), kPages, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);
  });
}

// The kernel takes the memory of a killed process before the process has exited.
void outside_kill() {
  char* p = island(kHuge);
  write_pages(p, kHuge / 2);
  for (int round = 0; round < 6; ++round) {
    const Gate ready;
    const pid_t child = spawn([&] {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      write_pages(p, kHuge);
      for (std::size_t i = 0; i < kHuge; i += 4) protect(at(p, i), 2, PROT_READ);
      const pid_t here = getpid();
      spawn([&] {
        write_pages(at(p, 2), 1);
        ready.open();
        outlive(here);
        write_pages(at(p, 6), 1);
      });
      for (;;) (void)!mmap(nullptr, kPage, kRw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    });
    ready.wait();
    usleep(1000 * static_cast<useconds_t>(round));
    const int error = bystander({.deed = Deed::kill_and_reap, .pid = child});
    reap_any_end(child);
    errno = error;
    available(error == 0, "process_mrelease");
  }
  live_on(p);
}

// The kernel kills a process for its memory, and a thread of the kernel takes what it had.
void oom_reaped() {
  const MemoryCgroup cgroup;
  char* p = island(2048);
  write_pages(p, 16);
  for (int round = 0; round < 3; ++round) {
    const Gate joined;
    const pid_t child = spawn([&] {
      cgroup.join();
      cgroup.limit("8M");
      in_child([&] { write_pages(at(p, 8), 16); });
      for (std::size_t i = 0; i < 2048; i += 8) protect(at(p, i), 2, PROT_READ);
      for (;;) write_pages(map(256), 256);
    });
    int status = 0;
    must(waitpid(child, &status, 0) == child, "waitpid");
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) must_have_ended_well(status);
  }
  cgroup.unlimit();
  live_on(p);
}

namespace {

// While this lives, ksmd merges as fast as it can.
class Merging {
 public:
  Merging()
      : pace_(kKsm + "sleep_millisecs", "1"),
        pages_(kKsm + "pages_to_scan", "10000"),
        run_(kKsm + "run", "1") {}

  // Mergeable pages, of which each eighth has the same content.
  static void mark(char* p, std::size_t pages) {
    available(madvise(p, pages * kPage, MADV_MERGEABLE) == 0, "MADV_MERGEABLE");
    for (std::size_t i = 0; i < pages; ++i)
      std::memset(at(p, i), static_cast<int>(i % 8) + 1, kPage);
  }
  // ksmd merges a page when it sees it for the second time. Since Linux 5.19 the process is told.
  static void wait() {
    const long then = scans();
    const bool told = access(kMerged, R_OK) == 0;
    must(wait_until([&] { return told ? number_in(kMerged) > 8 : scans() >= then + 3; }),
         "ksmd merges");
  }
  // ksmd forgets processes that have ended.
  static void forget() {
    const long then = scans();
    must(wait_until([&] { return scans() >= then + 2; }), "ksmd scans");
  }

 private:
  static constexpr const char* kMerged = "/proc/self/ksm_merging_pages";
  static long scans() { return number_in(kKsm + "full_scans"); }
  Hurry hurry_{"ksmd"};
  Setting pace_, pages_, run_;
};

}  // namespace

// ksmd merges pages of processes that write, split, fork and end. A merged page holds the anon_vma of a
// process that has ended, also when the recording ends.
void ksm_merges() {
  const Merging ksm;
  char* p = island(64);
  Merging::mark(p, 32);
  Merging::wait();
  for (int round = 0; round < 2; ++round)
    in_child([&] {
      Merging::mark(at(p, 32), 16);
      Merging::mark(island(32), 16);
      Merging::wait();
      write_pages(at(p, 4), 8);
      protect(at(p, 8), 4, PROT_READ);
      in_child([&] {
        write_pages(at(p, 12), 4);
        unmap(at(p, 32), 8);
      });
    });
  advise(at(p, 4), 8, MADV_UNMERGEABLE);
  write_pages(p, 8);
}

// ksmd forgets processes that have ended while the family lives.
void ksm_forgets() {
  const Merging ksm;
  char* p = island(64);
  Merging::mark(p, 32);
  for (int round = 0; round < 2; ++round)
    in_child([&] {
      Merging::mark(island(32), 32);
      Merging::wait();
    });
  Merging::forget();
  write_pages(p, 4);
}

// A program that inherits the wish to be merged: also what its exec has made is held.
void ksm_inherited() {
  constexpr int kSetMemoryMerge = 67;  // PR_SET_MEMORY_MERGE
  const Merging ksm;
  for (int round = 0; round < 2; ++round)
    in_child([&] {
      available(prctl(kSetMemoryMerge, 1, 0, 0, 0) == 0, "PR_SET_MEMORY_MERGE");
      execl("/bin/sleep", "sleep", "0.1", nullptr);
    });
}

// A process that none of the merged pages belongs to unmerges them all.
void ksm_unmerged() {
  {
    const Merging ksm;
    char* p = island(64);
    Merging::mark(p, 32);
    in_child([&] {
      Merging::mark(island(32), 32);
      Merging::wait();
    });
  }
  const std::string run = kKsm + "run";
  const std::string before = read_text(run.c_str());
  write_text(run.c_str(), "2");
  write_text(run.c_str(), before);
}

void khugepaged_hurries() {
  const Hurry hurry("khugepaged");
  const Setting always(kHugePages + "enabled", "always");
  const Setting pace(kHugePages + "khugepaged/scan_sleep_millisecs", "0");
  const Setting scan(kHugePages + "khugepaged/pages_to_scan", "8192");
  const std::string collapsed = kHugePages + "khugepaged/pages_collapsed";
  const long before = number_in(collapsed);
  bool seen = false;
  for (int round = 0; round < 12 || (!seen && round < 200); ++round)
    in_child([&, round] {
      char* p = map(4 * kHuge, PROT_NONE);
      map_over(p, 4 * kHuge);
      for (std::size_t i = 0; i < 4 * kHuge; i += 2) write_pages(at(p, i));
      for (int wait = 0; wait < 20 && number_in(collapsed) == before; ++wait) usleep(5000);
      in_child([&] {
        for (std::size_t i = 1; i < 4 * kHuge; i += 16) write_pages(at(p, i));
        protect(at(p, kHuge + 8), 8, PROT_READ);
      });
      for (std::size_t i = 0; i < 32; ++i) {
        protect(at(p, 8 + 32 * i), 4, PROT_READ);
        advise(at(p, 600), 64, MADV_DONTNEED);
        write_pages(at(p, 620), 4);
        protect(at(p, 8 + 32 * i), 4, kRw);
      }
      must(mremap(p, kHuge * kPage, kHuge * kPage, MREMAP_MAYMOVE) != MAP_FAILED, "mremap");
      unmap(at(p, kHuge + 100), 300);
    }),
        seen = number_in(collapsed) > before;
  if (!seen) skip("khugepaged collapsed nothing");
}

// Another process moves this one between two cpusets and changes their nodes, which rebinds its memory
// policies.
void outside_cpuset() {
  const Cpusets cpusets;
  const pid_t child = spawn([] {
    char* p = island(64);
    write_pages(at(p, 8), 8);
    const unsigned long node = 1;
    for (int round = 0; round < 400; ++round) {
      const auto first = static_cast<std::size_t>(round % 40);
      available(syscall(SYS_mbind, at(p, first), 8 * kPage, MPOL_BIND, &node, 65ul, 0u) == 0,
                "mbind");
      protect(at(p, first + 4), 8, round % 3 ? PROT_READ : kRw);
      map_over(at(p, first + 6), 4);
      write_pages(at(p, first + 6), 2);
      if (round % 50 == 0) in_child([&] { write_pages(p, 2); });
    }
  });
  int error = 0;
  for (int round = 0; round < 60; ++round) {
    const bool second = round % 2 == 0;
    Order move{.deed = Deed::write_file, .argument = child};
    std::strcpy(move.path, cpusets.file(second, "cgroup.procs").c_str());
    if (const int now = bystander(move); now != ESRCH) error = now;
    if (!cpusets.several_nodes()) continue;
    Order nodes{.deed = Deed::write_file, .argument = std::stol(cpusets.node(round % 4 < 2))};
    std::strcpy(nodes.path, cpusets.file(second, "cpuset.mems").c_str());
    if (const int now = bystander(nodes); now != 0) error = now;
  }
  errno = error;
  available(error == 0, "cpuset");
  reap(child);
}

// DAMON advises a process by rules that an administrator has set: the flags of its vmas change in a
// thread of the kernel.
void damon_advises() {
  const std::string admin = "/sys/kernel/mm/damon/admin/kdamonds/";
  if (access(admin.c_str(), W_OK) != 0) skip("this kernel has no DAMON");
  if (number_in(admin + "nr_kdamonds") != 0) skip("somebody else uses DAMON");
  // The kernel's own statistics keep DAMON busy.
  constexpr const char* kStatistics = "/sys/module/damon_stat/parameters/enabled";
  std::optional<Setting> without_statistics;
  if (access(kStatistics, W_OK) == 0) without_statistics.emplace(kStatistics, "N");
  const auto put = [&](const std::string& file, const std::string& value) {
    write_text((admin + file).c_str(), value);
  };
  put("nr_kdamonds", "1");
  put("0/contexts/nr_contexts", "1");
  const std::string context = "0/contexts/0/";
  const std::string kinds = read_text((admin + context + "avail_operations").c_str());
  if (kinds.find("vaddr") == kinds.npos) {
    put("nr_kdamonds", "0");
    skip("this kernel's DAMON looks at no address spaces");
  }
  in_child([&] {
    char* p = island(4 * kHuge);
    write_pages(p, kHuge);
    put(context + "operations", "vaddr");
    put(context + "monitoring_attrs/intervals/sample_us", "1000");
    put(context + "monitoring_attrs/intervals/aggr_us", "5000");
    put(context + "monitoring_attrs/intervals/update_us", "20000");
    put(context + "targets/nr_targets", "1");
    put(context + "targets/0/pid_target", std::to_string(getpid()));
    put(context + "schemes/nr_schemes", "2");
    for (const char* scheme : {"0", "1"}) {
      const std::string rule = context + "schemes/" + scheme + "/";
      put(rule + "action", scheme[0] == '0' ? "nohugepage" : "pageout");
      for (const char* range : {"sz", "nr_accesses", "age"}) {
        put(rule + "access_pattern/" + range + "/min", "0");
        put(rule + "access_pattern/" + range + "/max", "4294967295");
      }
    }
    put("0/state", "on");
    for (std::size_t i = 0; i < 100; ++i) {
      write_pages(at(p, 4 * i), 2);
      protect(at(p, kHuge + 8 * i), 4, i % 3 ? PROT_READ : kRw);
      map_over(at(p, 4 * i + 2), 1);
      if (i % 25 == 0) in_child([&] { write_pages(at(p, 900), 4); });
      usleep(3000);
    }
    put("0/state", "off");
  });
  put("nr_kdamonds", "0");
}

// Pages move while processes write, fork and end.
void pages_migrate() {
  char* p = island(kHuge);
  write_pages(p, kHuge);
  const Gate ready;
  const pid_t child = spawn([&] {
    ready.open();
    for (std::size_t i = 0; i < 400; ++i) {
      write_pages(at(p, i % 64), 64);
      char* q = map(64);
      write_pages(q, 64);
      protect(at(q, 8), 4, PROT_READ);
      unmap(q, 64);
      if (i % 40 == 0) in_child([&] { write_pages(at(p, 100), 8); });
    }
  });
  ready.wait();
  const pid_t compacts = spawn([] { write_text("/proc/sys/vm/compact_memory", "1"); });
  const auto migrate = [&] {
    return bystander({.deed = Deed::migrate, .pid = child, .where = at(p, 8)});
  };
  errno = migrate();
  available(errno == 0, "move_pages");
  while (migrate() == 0) continue;  // until the child has ended
  kill(compacts, SIGKILL);          // compacting a large machine takes long
  reap_any_end(compacts);
  reap(child);
}

}  // namespace corners
