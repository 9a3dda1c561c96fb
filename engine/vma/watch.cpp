// What is told to a Watcher.
#include <algorithm>

#include "engine/vma/address_spaces.h"

namespace anonvma {

void AddressSpaces::unlink(VmaId vma) {
  if (watcher_ != nullptr) watcher_->emptied(vma);
  strategy_->unlink(vma);
}

// A write to what `vma` maps of [start, end).
void AddressSpaces::written(VmaId vma, std::uint64_t start, std::uint64_t end) {
  if (watcher_ == nullptr || !faulted(vma)) return;
  const Vma& v = at(vma);
  start = std::max(start, v.start);
  end = std::min(end, v.end);
  if (start < end) watcher_->written(vma, v.pgoff + pages(start - v.start), pages(end - start));
}

void AddressSpaces::write_all(VmaId vma) {
  prepare(vma);
  written(vma, at(vma).start, at(vma).end);
}

void AddressSpaces::moved(VmaId to, VmaId from, std::uint64_t pgoff, std::uint64_t pages,
                          Watcher::Move why) {
  if (watcher_ != nullptr) watcher_->moved(to, from, pgoff, pages, why);
}

}  // namespace anonvma
