// Checks that the pages of a workload are still found. This is the one thing that an anon_vma
// design must never get wrong: a walk from the target of a page (folio->mapping) has to visit every
// vma that maps the page, whatever was split, merged, moved, forked and unmapped since its first
// write.
//
// The check keeps the targets of the pages of each vma. After each operation it asks the design
// about the vmas whose pages have changed; about all others when they go, and at the end.
//
// Same: a recorded write makes a page that points at the vma's rmap_target() of that moment. A
// forked child maps the pages of its parent until it writes.
//
// Simplified: a vma that an attach or exec snapshot shows faulted counts as written from end to
// end.
//
// Ignored: pages that are given back (MADV_DONTNEED, truncation) or swapped stay, as the trace does
// not record that.
//
// A finding therefore says that a page, if it still exists, is lost. No finding means that all
// recorded writes are found.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/replay/result.h"
#include "engine/slab/budget.h"
#include "engine/vma/address_spaces.h"
#include "engine/vma/watcher.h"

namespace anonvma {

class ReachCheck final : public Watcher {
 public:
  // `spaces` must call the check from the first event on.
  ReachCheck(const AddressSpaces& spaces, std::uint64_t page_size)
      : spaces_(spaces), page_size_(page_size) {}

  // To be called after the last event.
  ReachReport finish();
  // Estimated memory and steps of the check itself, without the address spaces.
  Budget spent() const;

  void began(OpKind kind, std::uint64_t event, std::uint64_t time_ns) override;
  void settled() override;
  void written(VmaId vma, std::uint64_t pgoff, std::uint64_t pages) override;
  void moved(VmaId to, VmaId from, std::uint64_t pgoff, std::uint64_t pages, Move why) override;
  void forked(VmaId child, VmaId parent) override;
  void emptied(VmaId vma) override;

 private:
  // Pages with the same target; [begin, end) of page offsets.
  struct Extent {
    std::uint64_t begin = 0, end = 0;
    std::uint64_t target = 0;
  };
  enum class Came : std::uint8_t { here, by_split, by_merge, by_remap, by_fork };
  struct Book {
    std::vector<Extent> extents;  // ascending, apart or of different targets
    std::uint64_t own = 0;        // rmap_target() when last asked
    Came came = Came::here;       // origin of the last pages that were not written here
    bool changed = false;         // in this operation
    std::uint32_t counted = 0;    // number of its extents in extents_
  };
  // The first writer of a page with that target.
  struct Origin {
    MmId mm;
    std::uint64_t event = 0;
  };

  static void erase(std::vector<Extent>& extents, std::uint64_t begin, std::uint64_t end);
  static void insert(std::vector<Extent>& extents, const Extent& extent);
  Book& book(VmaId vma);
  void change(VmaId vma, Book& book);
  void follow(VmaId vma, Book& book);
  void check(VmaId vma, Book& book);
  static std::string_view why(Came came);
  void count(Book& book);
  void report(VmaId vma, const Book& book, const Extent& extent);

  const AddressSpaces& spaces_;
  std::uint64_t page_size_;
  std::vector<Book> books_;  // by VmaId
  std::vector<VmaId> changed_;
  std::unordered_map<std::uint64_t, Origin> origins_;  // by target
  std::uint64_t extents_ = 0;                          // number in all books, between operations
  std::uint64_t steps_ = 0;
  OpKind kind_ = OpKind::start;
  std::uint64_t event_ = 0, time_ns_ = 0;
  ReachReport report_;
};

}  // namespace anonvma
