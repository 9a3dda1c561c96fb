// Mms that an unseen writer has changed and that nothing has read since: the recorder walks them.
#pragma once

#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

#include "engine/ids.h"
#include "engine/trace/event.h"

namespace anonvma {

class Rewalks {
 public:
  void note(const Event& event);
  // The mms to walk now: a few at a time, and each mm not too often.
  std::vector<MmId> due(std::uint64_t now_ns);

 private:
  std::map<MmId, std::uint64_t> stale_;                // mms to walk, each with its earliest time
  std::unordered_map<MmId, std::uint64_t> walked_at_;  // when a stale mm was last walked
};

}  // namespace anonvma
