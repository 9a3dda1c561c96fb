// Lives of mms as check() wants them: born once, no event before or after, and write acquires in
// rising order.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "engine/trace/check_findings.h"
#include "engine/trace/event.h"
#include "engine/trace/sparse_bits.h"

namespace anonvma {

class MmCheck {
 public:
  explicit MmCheck(CheckFindings& findings) : findings_(findings) {}
  void apply(const Event& event);

 private:
  struct Mm {
    std::uint32_t last_write = 0;  // seq of its last operation, or of its birth
    std::uint32_t given_up = 0;    // the highest seq that an UnknownWrite stands for
    bool written = false;          // last_write is known
  };

  void check_seq(const Event& event, Mm& mm);
  void bear(MmId id, std::uint32_t seq);
  void bear_by(const Event& event);

  CheckFindings& findings_;
  std::unordered_map<MmId, Mm> mms_;  // alive
  SparseBits dead_;
};

}  // namespace anonvma
