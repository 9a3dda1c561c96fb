// Names of the system calls that are known to take the mmap_lock for writing outside
// every traced operation.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "engine/trace/meta.h"

namespace anonvma {

// `syscall` as in UnknownWrite, `machine` as in Meta. Results: "ioctl", "32-bit call 192", "call
// 500", or "no call" for writes that the kernel did by itself.
std::string unseen_writer_name(std::uint64_t syscall, std::string_view machine);

// The same for counts by UnknownWrite.syscall.
EventCounts unseen_writers_by_name(const std::map<std::uint64_t, std::uint64_t>& counts,
                                   std::string_view machine);

}  // namespace anonvma
