#include "engine/look/origins.h"

namespace anonvma {
namespace {

Origin::How how_of(OpKind kind) {
  switch (kind) {
    case OpKind::start:
      return Origin::How::start;
    case OpKind::exec:
      return Origin::How::exec;
    case OpKind::fork:
      return Origin::How::fork;
    case OpKind::unseen:
      return Origin::How::reading;
    case OpKind::exit:
    case OpKind::map:
    case OpKind::unmap:
    case OpKind::brk:
    case OpKind::protect:
    case OpKind::advise:
    case OpKind::lock:
    case OpKind::remap:
    case OpKind::seal:
    case OpKind::name:
    case OpKind::fault:
    case OpKind::count:
      break;
  }
  return Origin::How::write;
}

}  // namespace

void Origins::follow(std::span<const std::uint64_t> numbers) {
  for (const std::uint64_t number : numbers) carried_.try_emplace(number);
}

std::uint64_t Origins::number(std::uint64_t name) {
  if (name == 0) return 0;
  const auto [place, fresh] = entries_.try_emplace(name);
  if (!fresh) return place->second.number;
  slab_.holds(sizeof(Entry) + kNodeBytes);
  names_.push_back(name);
  return place->second.number = names_.size();
}

std::uint64_t Origins::known_number(std::uint64_t name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? 0 : found->second.number;
}

std::optional<std::uint64_t> Origins::name(std::uint64_t number) const {
  if (number == 0 || number > names_.size()) return {};
  return names_[number - 1];
}

Origin Origins::of(std::uint64_t name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? Origin{} : found->second.origin;
}

std::span<const Carried> Origins::carried(std::uint64_t number) const {
  const auto found = carried_.find(number);
  if (found == carried_.end()) return {};
  return found->second;
}

void Origins::began(OpKind kind, std::uint64_t event, std::uint64_t time_ns) {
  kind_ = kind;
  event_ = event;
  ns_ = time_ns;
}

void Origins::note(VmaId vma, Origin origin) {
  const std::uint64_t name = spaces_.strategy().anon_vma_name(vma);
  if (name == 0) return;
  if (entries_.contains(name)) return;
  number(name);
  origin.mm = spaces_.mm_of(vma);
  origin.kind = kind_;
  origin.event = event_;
  origin.ns = ns_;
  entries_[name].origin = origin;
}

void Origins::written(VmaId vma, std::uint64_t pgoff, std::uint64_t) {
  const Vma& v = spaces_.vma(vma);
  note(vma, {.how = how_of(kind_), .addr = v.start + (pgoff - v.pgoff) * page_size_});
}

void Origins::moved(VmaId to, VmaId, std::uint64_t, std::uint64_t, Move) {
  note(to, {.how = how_of(kind_), .addr = spaces_.vma(to).start});
}

// Some designs make the parent's anon_vma only now.
void Origins::forked(VmaId child, VmaId parent) {
  const std::uint64_t start = spaces_.vma(child).start;
  note(parent, {.how = Origin::How::fork, .addr = start});
  const MmId from = spaces_.mm_of(parent), to = spaces_.mm_of(child);
  note(child, {.how = Origin::How::fork, .parent = from, .addr = start});
  if (carried_.empty()) return;
  const Carried carried{from, to, event_, ns_};
  note_carried(spaces_.strategy().anon_vma_name(child), carried);
  for (const StrategyView::ChainLink& link : spaces_.strategy().chain_links(child))
    note_carried(link.anon_vma, carried);
}

void Origins::note_carried(std::uint64_t name, const Carried& carried) {
  const auto entry = entries_.find(name);
  if (entry == entries_.end()) return;
  const Origin& origin = entry->second.origin;
  if (origin.event == event_ && origin.mm == carried.to) return;  // made by this very fork
  const auto followed = carried_.find(entry->second.number);
  if (followed == carried_.end()) return;
  std::vector<Carried>& forks = followed->second;
  if (!forks.empty() && forks.back() == carried) return;  // another vma of the same child
  slab_.holds(2 * sizeof(Carried));
  forks.push_back(carried);
}

}  // namespace anonvma
