// A process outside of the recording that acts on a recorded one. A script starts it before the recording
// (`live_corners --bystander PATH`), and scenarios find its socket in $CORNERS_BYSTANDER. A bystander
// acts while the scenario waits for its answer.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

namespace corners {

enum class Deed : int {
  poke,           // ptrace(PTRACE_POKEDATA)
  write_mem,      // /proc/PID/mem
  write_vm,       // process_vm_writev
  advise,         // process_madvise, with the advice in `argument`
  call,           // as a debugger: the process makes the call `argument` with `arguments`
  kill_and_reap,  // SIGKILL, and process_mrelease
  migrate,        // move_pages and migrate_pages, to the nodes where the pages are
  write_file,     // writes the number `argument` to `path`
  take_uffd,      // keeps a copy of the userfaultfd `argument` of the process
  register_uffd,  // registers the range with that copy
  dismiss_uffd,   // unregisters it
  fill_uffd,      // UFFDIO_COPY
  close_uffd,     // closes the copy
};

struct Order {
  Deed deed{};
  pid_t pid = 0;
  char* where = nullptr;
  std::size_t pages = 1;
  long argument = 0;
  long arguments[6] = {};
  char path[128] = {};
};

// Returns 0, or the error of the bystander. Skips the scenario if no bystander runs.
int bystander(const Order& order);

// Answers the scenarios that connect to the socket at `path`, until the socket's folder is gone.
void stand_by(const char* path);

}  // namespace corners
