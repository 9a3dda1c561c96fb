// The first pass of every look at a trace: what can be known without a model.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/look/lives.h"
#include "engine/result.h"
#include "engine/slab/budget.h"
#include "engine/trace/meta.h"
#include "engine/trace/reader.h"
#include "engine/trace/texts.h"

namespace anonvma {

struct Survey {
  Meta meta;
  Lives lives;
  Texts texts;
  std::uint64_t events = 0, first_ns = 0, last_ns = 0;
  std::uint64_t lost = 0;
  std::string hash;
  std::string damage;  // why reading stopped early; empty: read to its end
  // Number of events up to the time that was asked for.
  std::optional<std::uint64_t> events_at;
};

// Reads all events of `reader`. `budget` limits the number of mms that a file may name. Fails for a
// trace without any event, which has nothing to show.
Result<Survey> survey(TraceReader& reader, std::optional<double> at_s, const Budget& budget);

}  // namespace anonvma
