#include "engine/verify/unseen_writers.h"

namespace anonvma {

void UnseenWriters::acquired(MmId mm, std::uint64_t now_ns, const Counts& kernel) {
  Open& open = open_[mm];
  ++open.acquires;
  open.last_ns = now_ns;
  open.kernel += kernel;
}

std::optional<UnseenWriters::Open> UnseenWriters::take(MmId mm) {
  const auto node = open_.extract(mm);
  return node.empty() ? std::nullopt : std::optional(node.mapped());
}

const UnseenWriters::Open* UnseenWriters::find(MmId mm) const {
  const auto found = open_.find(mm);
  return found == open_.end() ? nullptr : &found->second;
}

}  // namespace anonvma
