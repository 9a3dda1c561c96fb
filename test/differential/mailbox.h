// The memory that the driver and the recorded processes share: one page-aligned file, mapped by
// both. The driver hands out commands through it, one burst at a time.
//
// Addresses that the target chooses do not matter: operations act on the arena, a range of
// addresses that nothing else uses, on the heap after its first page, and below the stack.
#pragma once

#include <atomic>
#include <csetjmp>
#include <cstddef>
#include <cstdint>

namespace anonvma::differential {

inline constexpr std::uint64_t kPage = 4096;  // page of a program; the kernel's may be larger
inline constexpr std::uint64_t kArena = 0x100000000000;
inline constexpr std::uint64_t kLowArena = 0x20000000;   // for addresses of 32 bits
inline constexpr std::uint64_t kCrowd = 0x200000000000;  // mappings up to the limit
inline constexpr std::uint64_t kTag = 0xb4ull << 56;
inline constexpr std::uint64_t kMailboxAddress = 0x300000000000;

// Descriptors of every target.
inline constexpr int kMailboxFd = 100;
inline constexpr int kFirstFileFd = 101;
inline constexpr int kUserfaultFd = 120;

inline constexpr unsigned kFamily = 8;  // processes and threads of one program
inline constexpr unsigned kNursery = kFamily;
inline constexpr unsigned kActors = kFamily + 1;
inline constexpr unsigned kBurst = 64;  // commands in one turn

enum class Act : std::uint32_t {
  call,    // system call `nr`
  call32,  // system call `nr` of a 32-bit program
  crowd,   // mappings up to the limit, and args[0] fewer
  read,    // one byte at args[0]
  write,   // one byte at args[0]
  fork,    // into slot `child`; without the userfaultfd if args[1] is set
  thread,  // into slot `child`
  vfork,   // a child that shares everything maps args[1] bytes at args[0], writes there, and exits
  spawn,   // vfork, and exec of the target as slot `child`
  exec,    // the target, as this slot
  exit,    // ends the process
  leave,   // ends the thread
  uffd,    // userfaultfd(2), as descriptor kUserfaultFd; with events if args[0] is set
};

struct Command {
  Act act = Act::call;
  std::uint32_t child = 0;
  std::int64_t nr = 0;
  std::uint64_t args[6] = {};
  std::uint64_t data[6] = {};  // data of a pointer argument
  std::int64_t result = 0;     // -errno on failure
};

// `go` counts the turns the driver has given, `done` those the actor has finished.
struct Slot {
  std::atomic<std::uint32_t> go, done;
  std::atomic<std::uint32_t> ready;  // set by the actor when it is born
  std::uint32_t count;               // commands of this turn
  std::uint32_t current;             // the command in progress
  std::int32_t tgid, tid;
  std::uint64_t heap;   // first page that operations may use
  std::uint64_t stack;  // page of the stack pointer
  std::uint64_t aio;    // an aio_context_t
  char byte;            // source of remote writes
  Command queue[kBurst];
  sigjmp_buf fault;
  alignas(kPage) char signal_stack[4 * kPage];
};

struct Mailbox {
  Slot slots[kActors];
  char path[256];  // path of the target program
};

}  // namespace anonvma::differential
