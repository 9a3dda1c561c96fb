#include "engine/verify/kernel_books.h"

#include <algorithm>

namespace anonvma {

// Objects of a prepare are never in the snapshot, as an operation may populate after the snapshot.
bool KernelBooks::is_in_snapshot(const EventHead& head, TruthSite site) const {
  const auto attach = attach_seq_.find(head.mm);
  return attach != attach_seq_.end() && head.seq != 0 && head.seq < attach->second &&
         site != TruthSite::prepare;
}

bool KernelBooks::take(const EventHead& head, const Truth& truth) {
  const auto site = static_cast<TruthSite>(truth.site);
  if (truth.cache >= kNumCaches || is_in_snapshot(head, site)) return false;
  const auto cache = static_cast<CacheIndex>(truth.cache);
  const bool freed = truth.freed != 0;
  const bool known = freed && alive_[cache].erase(truth.object) > 0;
  const Counts one = Counts::one(cache, freed);
  if (truth.in_exec) {
    InExec& exec = execs_[head.tid];
    exec.counts += one;
    if (cache == kAnonVma && freed) exec.anon_vmas.erase(truth.object);
    if (cache == kAnonVma && !freed) exec.anon_vmas.insert(truth.object);
    return true;
  }
  prepares_.object_of(head.tid);
  if (!head.mm) {
    if (known) left_out_.failed += one;  // of a copy that no Fork has announced
    return true;
  }
  if (site == TruthSite::vma_free_rcu && rcu_.came_back(head.mm)) return true;
  if (freed && site == TruthSite::prepare && cache == kAnonVmaChain) {
    lost_race(head);
    return true;
  }
  book(head, site, one);
  if (freed) {
    prepares_.freed(head.tid, cache, truth.object);
    return true;
  }
  alive_[cache].insert(truth.object);
  if (site == TruthSite::prepare) prepared(head, cache, truth.object);
  return true;
}

void KernelBooks::book(const EventHead& head, TruthSite site, const Counts& one) {
  books_.add_kernel(head.mm, one);
  if (site == TruthSite::prepare) return;
  if (head.seq != 0) operations_[token_of(head.mm, head.seq)] += one;
  if (one.frees == ObjsByCache{} || site == TruthSite::vma_free_rcu) return;
  Book& book = books_[head.mm];
  (head.seq != 0 ? book.freed_ns : book.exit_ns) = head.time_ns;
}

void KernelBooks::prepared(const EventHead& head, CacheIndex cache, std::uint64_t object) {
  prepares_.allocated(head, cache, object);
  if (head.seq % 2 == 1) preparing_[token_of(head.mm, head.seq)] += Counts::one(cache, false);
  if (cache == kAnonVmaChain) ++books_[head.mm].kernel_prepared;
}

// Two threads prepared one vma: the slower one frees the objects that it has allocated.
void KernelBooks::lost_race(const EventHead& head) {
  Counts lost = Counts::one(kAnonVmaChain, false);
  --books_[head.mm].kernel_prepared;
  Counts again = lost;
  if (prepares_.lost_race(head.tid)) {
    ++lost.allocs[kAnonVma];
    again = lost + Counts::one(kAnonVma, true);
  }
  left_out_.lost_races += lost;
  books_.drop_kernel(head.mm, again);
}

void KernelBooks::attached(const MmSnapshot& snapshot) {
  attach_seq_[snapshot.head.mm] = snapshot.head.seq;
  for (const VmaSnapshot& vma : snapshot.vmas)
    for (const SnapChain& link : vma.chain) alive_[kAnonVma].insert(link.anon_vma.v);
}

void KernelBooks::ended(const MmSnapshot& snapshot) {
  for (const VmaSnapshot& vma : snapshot.vmas)
    for (const SnapChain& link : vma.chain) {
      shown_at_end_.insert(link.anon_vma.v);
      shown_at_end_.insert(link.root.v);
    }
}

std::uint64_t KernelBooks::anon_vmas_without_vma() const {
  const auto& alive = alive_[kAnonVma];
  return static_cast<std::uint64_t>(std::count_if(
      alive.begin(), alive.end(), [&](std::uint64_t id) { return !shown_at_end_.contains(id); }));
}

std::uint32_t KernelBooks::attach_seq(MmId mm) const {
  const auto found = attach_seq_.find(mm);
  return found == attach_seq_.end() ? 0 : found->second;
}

Counts KernelBooks::take_operation(MmId mm, std::uint32_t seq) {
  const auto node = operations_.extract(token_of(mm, seq));
  return node.empty() ? Counts{} : node.mapped();
}

Counts KernelBooks::take_exec(std::uint32_t tgid) {
  const auto node = execs_.extract(tgid);
  if (node.empty()) return {};
  alive_[kAnonVma].merge(node.mapped().anon_vmas);
  return node.mapped().counts;
}

KernelBooks::Unfinished KernelBooks::take_behind(MmId mm, std::uint32_t seq) {
  Unfinished found;
  const Token from = token_of(mm, seq);
  for (auto it = operations_.upper_bound(from); it != operations_.end() && it->first >> 32 == mm.v;
       it = operations_.erase(it)) {
    found.operations += it->second;
    found.any = true;
  }
  for (auto it = preparing_.upper_bound(from); it != preparing_.end() && it->first >> 32 == mm.v;
       it = preparing_.erase(it))
    found.preparing += it->second;
  return found;
}

void KernelBooks::close(MmId mm) {
  for (auto it = operations_.lower_bound(token_of(mm, 0));
       it != operations_.end() && it->first >> 32 == mm.v; it = operations_.erase(it)) {
    left_out_.failed += it->second;
    books_.drop_kernel(mm, it->second);
  }
  attach_seq_.erase(mm);
}

bool KernelBooks::at_rest() const {
  return operations_.empty() && std::all_of(execs_.begin(), execs_.end(), [](const auto& exec) {
           const Counts& counts = exec.second.counts;
           return counts.allocs == counts.frees;
         });
}

std::uint64_t KernelBooks::bytes() const {
  std::uint64_t nodes = attach_seq_.size() + shown_at_end_.size();
  for (const auto& alive : alive_) nodes += alive.size();
  for (const auto& [tgid, exec] : execs_) nodes += exec.anon_vmas.size();
  return nodes * kNodeBytes +
         (operations_.size() + preparing_.size() + execs_.size()) * (kNodeBytes + sizeof(Counts));
}

}  // namespace anonvma
