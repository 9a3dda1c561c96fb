// Breakpoints that the kernel writes into code (uprobes). The first process to run into one gets a
// vma [uprobes]; every process that maps the file gets a private copy of the page.
#include <link.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

#include "corner.h"
#include "families.h"

namespace corners {
namespace {

struct Sought {
  std::uintptr_t address;
  std::uint64_t offset;
};

// The first object that dl_iterate_phdr() gives is the program itself.
int find_offset(dl_phdr_info* object, std::size_t, void* context) {
  auto& sought = *static_cast<Sought*>(context);
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const auto& segment = object->dlpi_phdr[i];
    const std::uintptr_t start = object->dlpi_addr + segment.p_vaddr;
    if (segment.p_type == PT_LOAD && sought.address - start < segment.p_filesz)
      sought.offset = segment.p_offset + (sought.address - start);
  }
  return 1;
}

// A breakpoint at must(), in every process that runs this program, until it is closed.
int probe_must() {
  Sought sought{reinterpret_cast<std::uintptr_t>(&must), 0};
  dl_iterate_phdr(find_offset, &sought);
  must(sought.offset != 0, "find the function in the file");
  if (access("/sys/bus/event_source/devices/uprobe/type", R_OK) != 0) skip("no uprobes");
  perf_event_attr attr{};
  attr.size = sizeof attr;
  attr.type = static_cast<std::uint32_t>(
      std::stoul(read_text("/sys/bus/event_source/devices/uprobe/type")));
  attr.uprobe_path = reinterpret_cast<std::uintptr_t>("/proc/self/exe");
  attr.probe_offset = sought.offset;
  const auto fd =
      static_cast<int>(syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC));
  available(fd >= 0, "perf_event_open of a uprobe");
  return fd;
}

void run_into_it() {
  for (int i = 0; i < 3; ++i) must(true, "run into the breakpoint");
}

[[noreturn]] void exec_self(const char* scenario) {
  execl("/proc/self/exe", "live_corners", scenario, nullptr);
  die("execl");
}

}  // namespace

void uprobes_of_family() {
  char* p = island(8);
  const int probe = probe_must();  // writes into this process, which runs the code
  run_into_it();
  in_child([&] {  // the copy has no [uprobes]
    write_pages(p, 2);
    run_into_it();
    in_child([] { run_into_it(); });
  });
  unmap(at(p, 4), 2);
  close(probe);  // takes the breakpoints away
  run_into_it();
  in_child([] { run_into_it(); });
}

void uprobes_of_exec() {
  const int probe = probe_must();
  in_child([] { exec_self("break_shrinks"); });
  in_child([] { exec_self("move_basics"); });
  reap_any_end(spawn([] {
    if (vfork() == 0) exec_self("break_shrinks");
    wait(nullptr);
  }));
  close(probe);
}

}  // namespace corners
