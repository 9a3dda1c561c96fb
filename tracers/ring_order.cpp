#include "tracers/ring_order.h"

#include <cstring>

namespace anonvma {

// The number of an operation that ends here.
std::uint32_t RingOrder::end(const anonvma_record& record) {
  const auto open = open_.extract(record.tid);
  if (!open.empty() && open.mapped().mm == record.mm) return open.mapped().seq;
  return take(record.mm);
}

void RingOrder::number(std::span<std::byte> bytes) {
  anonvma_record record;
  if (bytes.size() < sizeof record) return;
  std::memcpy(&record, bytes.data(), sizeof record);
  switch (record.kind) {
    case ANONVMA_PLACE:
      record.seq = take(record.mm);
      open_[record.tid] = {record.mm, record.seq};
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
      const auto open = open_.find(record.tid);
      const bool inside = record.seq != 0 && open != open_.end() && open->second.mm == record.mm;
      record.seq = inside ? open->second.seq : 0;
      break;
    }
    case ANONVMA_EXEC:
      taken_.erase(record.mm);
      record.seq = 0;
      break;
    default: {
      const auto taken = taken_.find(record.mm);
      record.seq = taken == taken_.end() ? 0 : 2 * taken->second;
      if (record.kind == ANONVMA_EXIT_MMAP && taken != taken_.end()) taken_.erase(taken);
    }
  }
  std::memcpy(bytes.data(), &record, sizeof record);
}

}  // namespace anonvma
