// Registers of a traced process that is about to make a call, or has just made one.
#pragma once

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace corners {

using Registers = user_regs_struct;
using Word = unsigned long long;

// False if there is no such process, or it does not stand still.
inline bool get_registers(pid_t pid, Registers& all) {
  iovec area{&all, sizeof all};
  return ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &area) == 0;
}
inline bool set_registers(pid_t pid, Registers& all) {
  iovec area{&all, sizeof all};
  return ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &area) == 0;
}

// Code that makes the call in registers which no return from a call overwrites, and then traps.
extern "C" char corners_call[];
inline char* call_instructions() { return corners_call; }

#if defined(__x86_64__)
inline long call_of(const Registers& all) { return static_cast<long>(all.orig_rax); }
inline Word& result_of(Registers& all) { return all.rax; }
inline Word& argument_of(Registers& all, std::size_t n) {
  const std::array in{&all.rdi, &all.rsi, &all.rdx, &all.r10, &all.r8, &all.r9};
  return *in[n];
}
#elif defined(__aarch64__)
inline long call_of(const Registers& all) { return static_cast<long>(all.regs[8]); }
inline Word& result_of(Registers& all) { return all.regs[0]; }
inline Word& argument_of(Registers& all, std::size_t n) { return all.regs[n]; }
#endif

// The process goes on at call_instructions() of its own, and makes this call.
inline Registers with_call(Registers all, const char* instructions, long nr,
                           const long (&args)[6]) {
  for (std::size_t i = 0; i < 6; ++i) argument_of(all, i) = static_cast<Word>(args[i]);
  const auto where = reinterpret_cast<std::uintptr_t>(instructions);
#if defined(__x86_64__)
  all.rip = where;
  all.rbx = static_cast<Word>(nr);
  all.orig_rax = ~0ull;  // an interrupted call is not made again
#elif defined(__aarch64__)
  all.pc = where;
  all.regs[19] = static_cast<Word>(args[0]);
  all.regs[20] = static_cast<Word>(nr);
#endif
  return all;
}

}  // namespace corners
