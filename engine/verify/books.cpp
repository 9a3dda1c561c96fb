#include "engine/verify/books.h"

#include <algorithm>

namespace anonvma {

Book* Books::find(MmId mm) {
  const auto found = by_mm_.find(mm);
  return found == by_mm_.end() ? nullptr : &found->second;
}

const Book* Books::find(MmId mm) const {
  const auto found = by_mm_.find(mm);
  return found == by_mm_.end() ? nullptr : &found->second;
}

std::optional<Book> Books::close(MmId mm) {
  const auto node = by_mm_.extract(mm);
  return node.empty() ? std::nullopt : std::optional(node.mapped());
}

void Books::add_kernel(MmId mm, const Counts& counts) {
  kernel_ += counts;
  by_mm_[mm].kernel += counts;
}

void Books::drop_kernel(MmId mm, const Counts& counts) {
  kernel_ -= counts;
  by_mm_[mm].kernel -= counts;
}

bool Books::agree() const {
  return std::all_of(by_mm_.begin(), by_mm_.end(), [](const auto& of) {
    const Book& book = of.second;
    return same_but_for_last_reference(book.kernel, book.model) &&
           book.kernel_prepared == book.model_prepared;
  });
}

}  // namespace anonvma
