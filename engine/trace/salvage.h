// Saves the undamaged part of a trace: every whole chunk is copied unchanged into a new file. A
// Lost event stands where chunks are missing, so that every table made of the file mentions it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/result.h"
#include "engine/trace/chunk_writer.h"
#include "engine/trace/meta.h"

namespace anonvma {

struct Salvage {
  std::uint64_t chunks = 0;  // copied, of every kind
  std::uint64_t events = 0;  // in the copied chunks
  std::uint64_t missing_chunks = 0;
  std::uint64_t missing_events = 0;  // by the numbers of the chunks around them
  bool end_missing = false;          // the number of events after the last one is not known
  std::uint64_t unused_bytes = 0;    // bytes that belong to no whole chunk
  std::vector<std::string> damage;   // the first few kinds of damage, one clause each
  EndInfo end;                       // as written
  bool intact() const { return damage.empty() && missing_chunks == 0 && !end_missing; }
  // True if the result lacks events that the file once had.
  bool lossy() const { return missing_events > 0 || end_missing; }
};

// Writes the new file to `sink`. An error of kind bad_trace means that nothing can be saved: the
// file is no trace, needs a newer program, or has lost its header chunk.
Result<Salvage> salvage(std::span<const std::byte> file, ChunkWriter::Sink sink);

}  // namespace anonvma
