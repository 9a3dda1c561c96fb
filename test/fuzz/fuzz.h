// What the fuzz targets share. A target is one LLVMFuzzerTestOneInput(): linked with libFuzzer by
// `scripts/build fuzz`, and with driver.cpp everywhere else.
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

// Ends the process with one line when something that always holds does not: a finding.
void require(bool holds, const char* what);

// Decides what is only done now and then. By content: the same input does the same everywhere.
bool one_in(unsigned n, Input input);

// `file` with right checksums: almost everything a fuzzer writes would be stopped by the first one.
// What is reserved in a chunk's header, and ignored by the reader, says what else is put right: the
// chunk's number and first event unless bit 0 is set, sizes unless bit 1 is, what the footer says
// unless bit 2 is. False when `file` was right before.
bool repair(Input file, std::vector<std::byte>& repaired);

// Takes the first bytes off `input`.
std::uint8_t take_byte(Input& input);

// Events a byte a field, in a small world where things meet: a few mms, pages of one range.
void few_words(Input input, std::size_t limit, std::vector<Event>& events);

}  // namespace anonvma::fuzz
