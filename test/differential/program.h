// A random program: a list of operations, a plain value. The text form has one line per operation:
//
//   n: spawn child=0
//   0: mmap addr=3 len=2 prot=read|write flags=private|fixed|anonymous file=none off=0
//   0: fork child=1
//
// The actor stands first; `n` is the nursery. Each operation is carried out, and its effect
// compared, before the next begins. In a program with "sync" lines, all operations between two of
// them run at the same time.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/result.h"
#include "test/differential/operations.h"

namespace anonvma::differential {

struct Operation {
  Op op = Op::sync;
  unsigned actor = 0;
  std::array<std::int64_t, kFields> args{};
  friend bool operator==(const Operation&, const Operation&) = default;
};
using Program = std::vector<Operation>;

std::string format(const Operation& operation);  // one line, no newline
std::string format(const Program& program);
Result<Program> parse_program(std::string_view text);
bool concurrent(const Program& program);

}  // namespace anonvma::differential
