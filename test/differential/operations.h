// The operations of a program, as one table: names, arguments, weights.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "test/differential/mailbox.h"

namespace anonvma::differential {

enum class Op : std::uint8_t {
  mmap,
  mmap_device,
  munmap,
  mprotect,
  pkey_mprotect,
  madvise,
  guard,
  process_madvise,
  mlock,
  mlock2,
  munlock,
  mlockall,
  munlockall,
  mremap,
  remap_file_pages,
  brk,
  mseal,
  mbind,
  shmat,
  shmdt,
  io_setup,
  io_destroy,
  uffd_open,
  uffd_register,
  uffd_unregister,
  uffd_close,
  memory_merge,
  name,
  pkey_alloc,
  pkey_free,
  refuse_exec_gain,
  limit,
  crowd,
  mmap32,
  munmap32,
  mprotect32,
  madvise32,
  mlock32,
  munlock32,
  mremap32,
  brk32,
  personality,
  read,
  write,
  remote_write,
  poke,
  fork,
  thread,
  vfork,
  spawn,
  exec,
  exit,
  leave,
  sync,
  count
};
inline constexpr std::size_t kOps = static_cast<std::size_t>(Op::count);

// The kind of an argument, which also decides its text.
enum class Unit : std::uint8_t {
  none,
  address,  // bytes from the arena, or from one of the bases below
  length,   // bytes
  number,
  prot,
  map_flags,
  remap_flags,
  advice,
  file,   // a File
  actor,  // a slot
};

// Address 0: the kernel chooses.
inline constexpr std::int64_t kAnywhere = -static_cast<std::int64_t>(kArena);
// Added to an address that is not in the arena.
inline constexpr std::int64_t kHeap = std::int64_t{1} << 40;
inline constexpr std::int64_t kStack = std::int64_t{1} << 41;
inline constexpr std::int64_t kLow = std::int64_t{1} << 42;     // the arena of 32-bit calls
inline constexpr std::int64_t kTagged = std::int64_t{1} << 43;  // the arena, with a tag (arm64)
// The base of `address`; 0: the arena.
constexpr std::int64_t base_of(std::int64_t address) {
  if (address >= kTagged - kHeap / 2) return kTagged;
  if (address >= kLow - kHeap / 2) return kLow;
  if (address >= kStack - kHeap / 2) return kStack;
  return address >= kHeap / 2 ? kHeap : 0;
}

// Descriptors, in the order of kFirstFileFd.
enum class File : std::int8_t {
  none = -1,
  memfd,         // shared memory
  memfd_again,   // the same file, opened a second time
  memfd_read,    // and for reading only
  memfd_sealed,  // no new writable shared mappings
  disk,
  disk_again,
  disk_read,
  zero,  // /dev/zero
  perf,  // a perf event, whose driver refuses most mappings after the old ones are gone
  count
};
inline constexpr std::size_t kFiles = static_cast<std::size_t>(File::count);

struct Field {
  std::string_view name;
  Unit unit = Unit::none;
};
inline constexpr std::size_t kFields = 6;
struct OpInfo {
  Op op;
  std::string_view name;
  unsigned weight;  // out of about 1000; 0: only when asked for by name
  Act act;
  long nr;  // number of a plain call, whose arguments are the fields
  std::array<Field, kFields> fields;
};
std::span<const OpInfo, kOps> operations();
const OpInfo& info(Op op);
std::optional<Op> find_op(std::string_view name);

// The number of bytes of a program that make one page of the kernel: a length in pages is in pages
// on every machine.
std::int64_t page_factor();

// "rw", "private|fixed", "12", "heap+0x80": the text of one argument, and back.
std::string format_value(Unit unit, std::int64_t value);
std::optional<std::int64_t> parse_value(Unit unit, std::string_view text);

}  // namespace anonvma::differential
