#include "test/differential/shrink.h"

#include <algorithm>
#include <utility>

namespace anonvma::differential {
namespace {

using Fails = std::function<bool(const Program&)>;

// Makes one pass over the program in pieces of `size` operations.
bool drop_pieces(Program& program, std::size_t size, const Fails& fails) {
  bool smaller = false;
  for (std::size_t end = program.size(); end > 0;) {
    const std::size_t begin = end > size ? end - size : 0;
    Program without = program;
    without.erase(without.begin() + static_cast<std::ptrdiff_t>(begin),
                  without.begin() + static_cast<std::ptrdiff_t>(end));
    if (!without.empty() && fails(without)) {
      program = std::move(without);
      smaller = true;
    }
    end = begin;
  }
  return smaller;
}

// Simpler values for one argument, the simplest first.
std::vector<std::int64_t> simpler(Unit unit, std::int64_t value) {
  constexpr auto kPageBytes = static_cast<std::int64_t>(kPage);
  std::vector<std::int64_t> values;
  switch (unit) {
    case Unit::length:
      values = {kPageBytes, value / 2 / kPageBytes * kPageBytes, value - kPageBytes,
                (value + kPageBytes - 1) / kPageBytes * kPageBytes};
      std::erase_if(values, [&](std::int64_t v) { return v <= 0 || v >= value + kPageBytes; });
      break;
    case Unit::prot:
      values = {3, 1};
      break;
    case Unit::map_flags:
      for (int bit = 8; bit < 32; ++bit)
        if ((value & 1ll << bit) != 0) values.push_back(value & ~(1ll << bit));
      break;
    case Unit::none:
    case Unit::address:
    case Unit::number:
    case Unit::remap_flags:
    case Unit::advice:
    case Unit::file:
    case Unit::actor:
      break;
  }
  std::erase(values, value);
  return values;
}

bool simplify(Program& program, const Fails& fails) {
  bool simplified = false;
  for (std::size_t i = 0; i < program.size(); ++i) {
    for (std::size_t field = 0; field < kFields; ++field) {
      const Unit unit = info(program[i].op).fields[field].unit;
      for (const std::int64_t value : simpler(unit, program[i].args[field])) {
        Program candidate = program;
        candidate[i].args[field] = value;
        if (!fails(candidate)) continue;
        program = std::move(candidate);
        simplified = true;
        break;
      }
    }
  }
  return simplified;
}

}  // namespace

Program shrink(Program program, const Fails& fails) {
  for (std::size_t size = std::max<std::size_t>(program.size() / 2, 1);; size /= 2) {
    while (drop_pieces(program, size, fails) && size == 1) {
    }
    if (size == 1) break;
  }
  for (int round = 0; round < 3 && simplify(program, fails); ++round) {
    while (drop_pieces(program, 1, fails)) {
    }
  }
  return program;
}

}  // namespace anonvma::differential
