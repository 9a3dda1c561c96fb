#include "tracers/convert/ring_order.h"

#include <cstring>

namespace anonvma {

// Several tasks may report that a call was under the lock, and one of them after its return.
std::uint32_t RingOrder::place(const anonvma_record& record) {
  Calls& calls = calls_[record.tid];
  const bool late =
      calls.returned != 0 && static_cast<std::int32_t>(record.seq - calls.returned) <= 0;
  if (late || (calls.call == record.seq && calls.mm == record.mm)) return calls.seq;
  calls = {record.mm, take(record.mm), record.seq, calls.returned};
  return calls.seq;
}

// The number of an operation that ends here.
std::uint32_t RingOrder::end(const anonvma_record& record) {
  if (record.seq == 0) return take(record.mm);
  Calls& calls = calls_[record.tid];
  const bool placed = calls.call == record.seq && calls.mm == record.mm;
  calls.returned = record.seq;
  calls.call = 0;
  return placed ? calls.seq : take(record.mm);
}

void RingOrder::number(std::span<std::byte> bytes) {
  anonvma_record record;
  if (bytes.size() < sizeof record) return;
  std::memcpy(&record, bytes.data(), sizeof record);
  switch (record.kind) {
    case ANONVMA_PLACE:
      record.seq = place(record);
      break;
    case ANONVMA_OP:
    case ANONVMA_EXTRA:
    case ANONVMA_UNKNOWN:
      record.seq = end(record);
      break;
    case ANONVMA_FORK:
      record.seq = end(record);
      if (anonvma_fork_record fork; bytes.size() >= sizeof fork) {
        std::memcpy(&fork, bytes.data(), sizeof fork);
        taken_.erase(fork.child_mm);
      }
      break;
    case ANONVMA_TRUTH: {
      const auto calls = calls_.find(record.tid);
      const bool inside = record.seq != 0 && calls != calls_.end() &&
                          calls->second.call == record.seq && calls->second.mm == record.mm;
      record.seq = inside ? calls->second.seq : 0;
      break;
    }
    case ANONVMA_EXEC:
      taken_.erase(record.mm);
      record.seq = 0;
      break;
    default: {  // every other kind of record is read as the calls before it left the mm
      const auto taken = taken_.find(record.mm);
      record.seq = taken == taken_.end() ? 0 : 2 * taken->second;
      if (record.kind == ANONVMA_EXIT_MMAP && taken != taken_.end()) taken_.erase(taken);
    }
  }
  std::memcpy(bytes.data(), &record, sizeof record);
}

}  // namespace anonvma
