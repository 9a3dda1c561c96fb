#include "engine/replay/reach.h"

#include <algorithm>
#include <cassert>
#include <string_view>
#include <utility>

namespace anonvma {
void ReachCheck::erase(std::vector<Extent>& extents, std::uint64_t begin, std::uint64_t end) {
  auto at = std::partition_point(extents.begin(), extents.end(),
                                 [&](const Extent& e) { return e.end <= begin; });
  if (at != extents.end() && at->begin < begin && at->end > end) {
    const Extent upper{end, at->end, at->target};
    at->end = begin;
    extents.insert(at + 1, upper);
    return;
  }
  if (at != extents.end() && at->begin < begin) (at++)->end = begin;
  auto last = at;
  while (last != extents.end() && last->end <= end) ++last;
  if (last != extents.end() && last->begin < end) last->begin = end;
  extents.erase(at, last);
}

void ReachCheck::insert(std::vector<Extent>& extents, const Extent& extent) {
  erase(extents, extent.begin, extent.end);
  auto at = std::partition_point(extents.begin(), extents.end(),
                                 [&](const Extent& e) { return e.end <= extent.begin; });
  at = extents.insert(at, extent);
  if (at + 1 != extents.end() && (at + 1)->begin == at->end && (at + 1)->target == at->target) {
    at->end = (at + 1)->end;
    extents.erase(at + 1);
  }
  if (at != extents.begin() && (at - 1)->end == at->begin && (at - 1)->target == at->target) {
    (at - 1)->end = at->end;
    extents.erase(at);
  }
}

// May reallocate books_.
ReachCheck::Book& ReachCheck::book(VmaId vma) {
  if (vma.v >= books_.size()) books_.resize(std::size_t{vma.v} + 1);
  return books_[vma.v];
}

void ReachCheck::change(VmaId vma, Book& book) {
  if (!std::exchange(book.changed, true)) changed_.push_back(vma);
}

// In a design that moves pages (moves_pages()), pages that pointed at the old target of `vma`
// follow it to the new one. Pages that came from relatives keep their targets.
void ReachCheck::follow(VmaId vma, Book& book) {
  const Strategy& strategy = spaces_.strategy();
  const std::uint64_t now = strategy.rmap_target(vma);
  const std::uint64_t before = std::exchange(book.own, now);
  if (now == before || now == 0 || before == 0 || !strategy.moves_pages()) return;
  if (strategy.reaches(before, vma)) return;
  const std::vector<Extent> old = std::exchange(book.extents, {});
  for (const Extent& e : old)
    insert(book.extents, {e.begin, e.end, e.target == before ? now : e.target});
}

void ReachCheck::began(OpKind kind, std::uint64_t event, std::uint64_t time_ns) {
  kind_ = kind;
  event_ = event;
  time_ns_ = time_ns;
}

void ReachCheck::written(VmaId vma, std::uint64_t pgoff, std::uint64_t pages) {
  Book& b = book(vma);
  follow(vma, b);
  if (b.own == 0) return;  // a design without anything to point at
  const Extent fresh{pgoff, pgoff + pages, b.own};
  const auto at = std::partition_point(b.extents.begin(), b.extents.end(),
                                       [&](const Extent& e) { return e.end <= pgoff; });
  if (at != b.extents.end() && at->begin <= fresh.begin && fresh.end <= at->end &&
      at->target == fresh.target)
    return;
  insert(b.extents, fresh);
  change(vma, b);
  origins_.try_emplace(b.own, Origin{spaces_.mm_of(vma), event_});
}

void ReachCheck::moved(VmaId to, VmaId from, std::uint64_t pgoff, std::uint64_t pages, Move why) {
  if (to == from || from.v >= books_.size() || books_[from.v].extents.empty()) return;
  book(to);
  Book &source = books_[from.v], &target = books_[to.v];
  follow(from, source);
  follow(to, target);
  const std::uint64_t end = pgoff + pages;
  for (const Extent& e : source.extents) {
    const Extent part{std::max(e.begin, pgoff), std::min(e.end, end), e.target};
    if (part.begin >= part.end) continue;
    insert(target.extents, part);
    target.came = why == Move::split   ? Came::by_split
                  : why == Move::merge ? Came::by_merge
                                       : Came::by_remap;
    change(to, target);
  }
  erase(source.extents, pgoff, end);
  change(from, source);  // a clone may have changed the target of its pages
}

void ReachCheck::forked(VmaId child, VmaId parent) {
  if (parent.v >= books_.size() || books_[parent.v].extents.empty()) return;
  book(child);
  Book &from = books_[parent.v], &to = books_[child.v];
  follow(parent, from);
  to.extents = from.extents;
  to.own = spaces_.strategy().rmap_target(child);
  to.came = Came::by_fork;
  change(child, to);
  change(parent, from);
}

void ReachCheck::emptied(VmaId vma) {
  if (vma.v >= books_.size()) return;
  Book& b = books_[vma.v];
  check(vma, b);
  const bool listed = b.changed;
  b.extents.clear();
  count(b);
  b = {};
  b.changed = listed;
}

void ReachCheck::settled() {
  for (const VmaId vma : changed_) {
    books_[vma.v].changed = false;
    check(vma, books_[vma.v]);
    count(books_[vma.v]);
  }
  changed_.clear();
}

// Each target of the vma is asked about once. Lost pages are reported and followed no further.
void ReachCheck::check(VmaId vma, Book& book) {
  if (book.extents.empty()) return;
  follow(vma, book);
  [[maybe_unused]] const VmaView view = spaces_.view(vma);
  assert(book.extents.front().begin >= view.pgoff);
  assert(book.extents.back().end <= view.pgoff + view.pages);
  // Each look-up goes through the whole chain, and through the targets found before.
  const std::size_t targets = book.extents.size();
  steps_ += targets;
  if (targets > 8) steps_ += targets * (targets + spaces_.strategy().chain_links(vma).size()) / 16;
  std::vector<std::uint64_t> reached;
  const auto is_lost = [&](const Extent& e) {
    if (std::find(reached.begin(), reached.end(), e.target) != reached.end()) return false;
    ++report_.checks;
    if (!spaces_.strategy().reaches(e.target, vma)) return true;
    reached.push_back(e.target);
    return false;
  };
  std::erase_if(book.extents, [&](const Extent& e) {
    const bool lost = is_lost(e);
    if (lost) report(vma, book, e);
    return lost;
  });
}

void ReachCheck::count(Book& book) {
  extents_ -= book.counted;
  extents_ += book.counted = static_cast<std::uint32_t>(book.extents.size());
}

Budget ReachCheck::spent() const {
  // Arrays may have twice the room they need; an origin is a node of a hash table.
  return {books_.size() * 2 * sizeof(Book) + extents_ * 2 * sizeof(Extent) + origins_.size() * 64,
          steps_};
}

std::string_view ReachCheck::why(Came came) {
  switch (came) {
    case Came::here:
      return "they were written here, and it has left what they point at";
    case Came::by_split:
      return "they came by a split, and it has not got all that the other half is linked to";
    case Came::by_merge:
      return "they came by a merge, and it is not linked to all that the vma merged away was";
    case Came::by_remap:
      return "they came by mremap, and it is not linked to all that the old place was";
    case Came::by_fork:
      return "they came by fork, and it is not linked to all that the parent's vma is";
  }
  return "";
}

void ReachCheck::report(VmaId vma, const Book& book, const Extent& extent) {
  ++report_.findings;
  report_.pages += extent.end - extent.begin;
  if (report_.first) return;
  const Vma& v = spaces_.vma(vma);
  const MmId mm = spaces_.mm_of(vma);
  const Origin origin = origins_.at(extent.target);
  report_.first = ReachFinding{
      .event = event_,
      .time_ns = time_ns_,
      .operation = std::string(op_kind_name(kind_)),
      .mm = mm.v,
      .comm = spaces_.comm(mm),
      .start = v.start,
      .end = v.end,
      .first_page = v.start + (extent.begin - v.pgoff) * page_size_,
      .pages = extent.end - extent.begin,
      .target = extent.target,
      .writer = origin.mm.v,
      .written = origin.event,
      .why = std::string(why(book.came)),
  };
}

ReachReport ReachCheck::finish() {
  for (std::size_t i = 0; i < books_.size(); ++i)
    check(VmaId{static_cast<std::uint32_t>(i)}, books_[i]);
  return report_;
}

}  // namespace anonvma
