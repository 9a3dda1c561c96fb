// The shared part of the fuzz targets. A target is one LLVMFuzzerTestOneInput(). `scripts/build
// fuzz` links it with libFuzzer, all other builds with driver.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/trace/event.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace anonvma::fuzz {

using Input = std::span<const std::byte>;

inline Input as_input(const std::uint8_t* data, std::size_t size) {
  return std::as_bytes(std::span(data, size));
}

// Ends the process with one line if a condition that must always hold does not: a finding.
void require(bool holds, const char* what);

// Decides rare actions by content: the same input does the same everywhere.
bool one_in(unsigned n, Input input);

// Repairs the checksums of `file`: otherwise the first one would stop almost every input of a
// fuzzer. Reserved bits of a chunk's header, which the reader ignores, choose further repairs. The
// chunk's number and first event are repaired unless bit 0 is set, sizes unless bit 1 is, and the
// footer's content unless bit 2 is. False if `file` was right before.
bool repair(Input file, std::vector<std::byte>& repaired);

// Takes the first bytes off `input`.
std::uint8_t take_byte(Input& input);

// Events with one byte per field, in a small world where things meet: a few mms, pages
// of one range.
void few_words(Input input, std::size_t limit, std::vector<Event>& events);

}  // namespace anonvma::fuzz
