#include "engine/trace/syscall_names.h"

#include <fmt/format.h>

#include "engine/trace/event.h"

namespace anonvma {
namespace {

struct CallName {
  std::string_view name;
  int x86_64, arm64;  // -1: the machine has no such call
};
// Numbers of arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
constexpr CallName kCalls[] = {
    {"read", 0, 63},
    {"write", 1, 64},
    {"close", 3, 57},
    {"ioctl", 16, 29},
    {"pwrite64", 18, 68},
    {"writev", 20, 66},
    {"shmdt", 67, 197},
    {"ptrace", 101, 117},
    {"modify_ldt", 154, -1},
    {"prctl", 157, 167},
    {"arch_prctl", 158, -1},
    {"futex", 202, 98},
    {"io_setup", 206, 0},
    {"io_destroy", 207, 1},
    {"exit_group", 231, 94},
    {"mbind", 237, 235},
    {"migrate_pages", 256, 238},
    {"move_pages", 279, 239},
    {"process_vm_writev", 311, 271},
    {"userfaultfd", 323, 282},
    {"io_uring_setup", 425, 425},
    {"io_uring_enter", 426, 426},
    {"io_uring_register", 427, 427},
    {"close_range", 436, 436},
    {"process_madvise", 440, 440},
    {"process_mrelease", 448, 448},
    {"set_mempolicy_home_node", 450, 450},
    {"map_shadow_stack", 453, 453},
};

}  // namespace

std::string unseen_writer_name(std::uint64_t syscall, std::string_view machine) {
  if (syscall == 0) return "no call";
  if (syscall > UnknownWrite::kCompatCall)
    return fmt::format("32-bit call {}", syscall - 1 - UnknownWrite::kCompatCall);
  const auto number = static_cast<std::int64_t>(syscall - 1);
  for (const CallName& call : kCalls)
    if (number == (machine == "aarch64" ? call.arm64 : call.x86_64)) return std::string(call.name);
  return fmt::format("call {}", number);
}

EventCounts unseen_writers_by_name(const std::map<std::uint64_t, std::uint64_t>& counts,
                                   std::string_view machine) {
  EventCounts by_name;
  for (const auto& [call, count] : counts) by_name[unseen_writer_name(call, machine)] += count;
  return by_name;
}

}  // namespace anonvma
