// What can be saved of a damaged trace: every whole chunk, copied into a new file as it is. Where
// chunks are missing a Lost event stands, so that no table is made of the rest without a word.
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
  std::uint64_t events = 0;  // in them
  std::uint64_t missing_chunks = 0;
  std::uint64_t missing_events = 0;  // by the numbers of the chunks around them
  bool end_missing = false;          // how many events came behind the last one is not known
  std::uint64_t unused_bytes = 0;    // that belong to no whole chunk
  std::vector<std::string> damage;   // what was found, the first few, one clause each
  EndInfo end;                       // as written
  bool intact() const { return damage.empty() && missing_chunks == 0 && !end_missing; }
  // Whether the result lacks events that the file once had.
  bool lossy() const { return missing_events > 0 || end_missing; }
};

// Writes the new file to `sink`. An error of kind bad_trace means that nothing can be made of it:
// it is no trace, needs a newer program, or its header chunk is gone.
Result<Salvage> salvage(std::span<const std::byte> file, ChunkWriter::Sink sink);

}  // namespace anonvma
