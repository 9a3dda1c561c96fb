// The facts that `info` knows about one trace, and its texts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/report/screen.h"
#include "engine/result.h"
#include "engine/trace/meta.h"

namespace anonvma::cmd {

// Everything that info prints about one file, as far as the file could be read.
struct Summary {
  std::string path;
  Meta meta;
  std::optional<EndInfo> end;
  std::optional<Error> damage;
  bool full = false;  // every chunk was read
  std::uint64_t bytes = 0, chunks = 0, events = 0, lost = 0;
  std::uint64_t skipped_chunks = 0, skipped_records = 0;
  std::uint64_t last_ns = 0;
  std::uint32_t unknown_compat = 0;
  std::vector<std::pair<std::string, std::uint64_t>> by_type;  // in the order of their numbers
  std::string hash;

  double bytes_per_event() const {
    return events == 0 ? 0 : static_cast<double>(bytes) / static_cast<double>(events);
  }
  // For a file that was cut short, the time of its last event.
  std::uint64_t duration_ns() const { return end ? end->duration_ns : last_ns; }
};

// The first screen, all lines, and the schema "anonvma.info/1".
std::string info_brief(const Summary& summary, const Screen& screen);
std::string info_text(const Summary& summary);
std::string info_json(const Summary& summary);

// "unknown" for an empty text.
std::string_view or_unknown(std::string_view text);
std::string start_time(std::uint64_t unix_ns);

}  // namespace anonvma::cmd
