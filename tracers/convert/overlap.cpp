#include "tracers/convert/overlap.h"

namespace anonvma {

// True when one more vma has been copied.
bool Overlap::fork_step(Forking& fork, const anonvma_truth_record& r) {
  if (fork.seq != r.head.seq) fork = {.seq = r.head.seq};
  if (r.cache == ANONVMA_CACHE_VMA) {
    ++fork.begun;
    fork.entries = 0;
    return false;
  }
  if (r.cache != ANONVMA_CACHE_AVC) return false;
  ++fork.entries;
  const bool locked = r.site == ANONVMA_SITE_FORK || fork.entries == 2;
  if (!locked || fork.done == fork.begun) return false;
  fork.done = fork.begun;
  return true;
}

void Overlap::tell(std::vector<std::pair<MmId, Event>>& steps, const EventHead& head) {
  for (auto& [mm, fork] : forks_) {
    if (fork.done == fork.reported) continue;
    fork.reported = fork.done;
    steps.emplace_back(mm,
                       Event{{head.time_ns, head.tid, mm, fork.seq, 0}, Step{.copied = fork.done}});
  }
  for (auto& [mm, exit] : exits_) {
    if (exit.unlinked == exit.reported) continue;
    exit.reported = exit.unlinked;
    steps.emplace_back(mm,
                       Event{{head.time_ns, head.tid, mm, 0, 0}, Step{.unlinked = *exit.unlinked}});
  }
}

std::vector<std::pair<MmId, Event>> Overlap::on_object(MmId mm, const anonvma_truth_record& r,
                                                       const EventHead& head) {
  std::vector<std::pair<MmId, Event>> steps;
  if (!mm) return steps;
  const bool forks = r.forking != 0 && r.freed == 0;
  const bool exits = r.exiting != 0 && r.freed != 0 && r.cache == ANONVMA_CACHE_AVC;
  if (!forks && !exits) {
    // Any other operation on chains may depend on how far the forks and exits have come.
    if (r.cache != ANONVMA_CACHE_VMA) tell(steps, head);
    return steps;
  }
  const bool alone = forks_.size() + exits_.size() <= 1;
  // One more fork or exit begins: the steps of the others until now precede it.
  const bool begins = forks ? !forks_.contains(mm) : !exits_.contains(mm);
  if (begins) tell(steps, head);
  bool moved = false;
  if (forks) {
    moved = fork_step(forks_[mm], r);
  } else {
    Exiting& exit = exits_[mm];
    if (r.start != 0) {  // 0: the vma could not be read any more
      moved = exit.unlinked != r.start;
      exit.unlinked = r.start;
    }
  }
  if (moved && !(alone && !begins)) tell(steps, head);
  return steps;
}

}  // namespace anonvma
