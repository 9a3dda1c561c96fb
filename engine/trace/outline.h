// What a trace says of itself in its header, its end chunk and its footer: a few pages, however
// large the file is. What lies between is not looked at.
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

// Of the events of a type that this program knows: under its name, or, from one that did not know
// it, under its number.
std::uint64_t count_of(const EventCounts& counts, std::uint8_t type);

// Nothing when the file is damaged there, was cut short, or is of an early writer that did not say
// enough: a reader of the whole file knows more, or the reason.
std::optional<Outline> read_outline(std::span<const std::byte> file);

}  // namespace anonvma
