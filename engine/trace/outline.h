// A summary of a trace from its header, its end chunk and its footer: a few pages, however large
// the file is. The chunks between are not read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "engine/trace/meta.h"

namespace anonvma {

struct Outline {
  Meta meta;
  EndInfo end;
  std::string hash;  // 16 hex digits
  std::uint64_t chunks = 0;
  std::uint64_t skipped_chunks = 0, skipped_records = 0;  // of kinds newer than this program
  std::uint32_t compat = 0;
};

// The number of events of a type. The key is the name of a type that the writer knew, or the number
// of another type.
std::uint64_t count_of(const EventCounts& counts, std::uint8_t type);

// nullopt if the file is damaged in these parts, was cut short, or comes from an early writer that
// stored too little. Reading the whole file then shows more, or the reason.
std::optional<Outline> read_outline(std::span<const std::byte> file);

}  // namespace anonvma
