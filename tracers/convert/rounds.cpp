#include "tracers/convert/rounds.h"

#include <algorithm>
#include <utility>

#include "tracers/records.h"

namespace anonvma {

bool Rounds::has_lost(std::uint64_t address, std::uint32_t kind) const {
  const auto suspect = suspects_.find(address);
  return suspect != suspects_.end() && (suspect->second >> kind & 1) != 0;
}

std::optional<std::uint32_t> Rounds::take(std::uint64_t address) {
  const auto suspect = suspects_.extract(address);
  if (suspect.empty()) return std::nullopt;
  return suspect.mapped();
}

void Rounds::begin() {
  round_ = {};
  round_.active = true;
  round_.all = std::exchange(all_suspect_, false);
  round_.suspects = std::exchange(suspects_, {});
  round_.first_new = addresses_.next_mm();
  for (const auto& [address, kinds] : round_.suspects)
    if (const MmId mm = addresses_.mm(address)) round_.families.insert(families_.of(mm));
}

void Rounds::alive(const std::optional<std::vector<std::uint64_t>>& addresses) {
  round_.sees_alive = addresses.has_value();
  if (addresses) round_.alive.insert(addresses->begin(), addresses->end());
  round_.first_unlisted = addresses_.next_mm();
}

bool Rounds::contains(std::uint64_t address, bool in_exec) const {
  const MmId mm = addresses_.mm(address);
  if (mm && !is_gone(address, mm)) return wants(mm) && !round_.placed.contains(mm);
  // The mm lives and is not announced. An execve in progress will announce the mm that it fills.
  return round_.suspects.contains(address) || !in_exec;
}

bool Rounds::is_gone(std::uint64_t address, MmId mm) const {
  const auto kinds = round_.suspects.find(address);
  return mm.v < round_.first_new && kinds != round_.suspects.end() &&
         (kinds->second >> ANONVMA_EXIT_MMAP & 1) != 0;
}

void Rounds::unite(std::uint32_t a, std::uint32_t b) {
  if (a == b) return;
  const auto [kept, gone] = std::minmax(a, b);
  families_.unite(kept, gone);
  for (auto* const set : {&round_.families, &round_.forked, &round_.doubtful})
    if (set->erase(gone) > 0) set->insert(kept);
}

MmId Rounds::place(MmId mm, const WalkedMm& walked) {
  MmId relative;
  for (const WalkedVma& vma : walked.vmas)
    for (const anonvma_walk_avc& avc : vma.chain) {
      const auto [root, first] = round_.roots.try_emplace(avc.root, mm);
      if (first) continue;
      if (root->second != mm) relative = root->second;
      unite(families_.of(root->second), families_.of(mm));
    }
  round_.placed.insert(mm);
  if (walked.torn) suspect(walked.head.mm, ANONVMA_WALK);
  if (round_.forked.contains(families_.of(mm))) round_.doubtful.insert(families_.of(mm));
  note_numbers(mm, walked);
  return relative;
}

void Rounds::exec(MmId mm) {
  if (round_.active) round_.placed.insert(mm);
}

void Rounds::fork(MmId parent, MmId child) {
  if (!round_.placed.contains(parent)) return;
  round_.placed.insert(child);
  round_.forked.insert(families_.of(parent));
}

// Relatives that forked after their snapshots depend on this mm, and no snapshot shows it.
void Rounds::exit(MmId mm) {
  if (round_.forked.contains(families_.of(mm)) && !round_.placed.contains(mm))
    round_.doubtful.insert(families_.of(mm));
}

// The kernel's count for an anon_vma is taken from mms with own vmas of it, or else it is the least
// count that others saw.
void Rounds::note_numbers(MmId mm, const WalkedMm& walked) {
  for (const WalkedVma& vma : walked.vmas)
    for (const anonvma_walk_avc& avc : vma.chain) {
      Numbers& numbers = round_.numbers[avc.anon_vma];
      const bool own = vma.vma.anon_vma == avc.anon_vma;
      const std::uint64_t users = avc.num_children + avc.num_active_vmas;
      if (!numbers.by)
        numbers = {mm, avc.root, avc.parent, users, 0, false, false};
      else if (numbers.root != avc.root || numbers.parent != avc.parent)
        numbers.another = true;
      if (own == numbers.own)
        numbers.users = std::min(numbers.users, users);
      else if (own)
        numbers.users = users;
      numbers.own |= own;
      numbers.shown += own ? 1 : 0;
    }
}

// If an anon_vma has more users than the snapshots show, an mm was not read. The next round reads
// all.
void Rounds::weigh_numbers() {
  for (const auto& [anon_vma, numbers] : round_.numbers)
    if (const auto parent = round_.numbers.find(numbers.parent); parent != round_.numbers.end())
      ++parent->second.shown;
  for (const auto& [anon_vma, numbers] : round_.numbers) {
    const std::uint32_t family = families_.of(numbers.by);
    if (family == 0 && tracked_only_) continue;  // it may have relatives that are not recorded
    if (numbers.users <= numbers.shown && !numbers.another) continue;
    round_.doubtful.insert(family);
    all_suspect_ = true;
  }
}

std::vector<std::pair<std::uint64_t, MmId>> Rounds::unplaced(const Lives& lives) {
  std::vector<std::pair<std::uint64_t, MmId>> gone;
  for (const auto& [address, mm] : addresses_.mms()) {
    if (round_.placed.contains(mm)) continue;
    if (is_gone(address, mm) || (round_.sees_alive && mm.v < round_.first_unlisted &&
                                 !round_.alive.contains(address) && !lives(address))) {
      gone.emplace_back(address, mm);
    } else if (wants(mm)) {
      suspect(address, ANONVMA_WALK);
      round_.doubtful.insert(families_.of(mm));
    }
  }
  std::sort(gone.begin(), gone.end(),
            [](const auto& a, const auto& b) { return a.second.v < b.second.v; });
  return gone;
}

// Mms that live and are not announced, though the ring was read after the list of live mms.
void Rounds::look_for_unannounced(const Lives& lives) {
  bool found = !round_.sees_alive;
  for (const std::uint64_t address : round_.alive) {
    if (addresses_.mm(address) || !lives(address)) continue;
    suspect(address, ANONVMA_FORK);
    found = true;
  }
  if (round_.sees_alive)  // no longer of interest
    std::erase_if(suspects_, [&](const auto& suspect) {
      return !addresses_.mm(suspect.first) && !lives(suspect.first);
    });
  if (!found) return;
  for (const MmId mm : round_.placed) round_.doubtful.insert(families_.of(mm));
}

std::vector<MmId> Rounds::end(const Lives& lives) {
  look_for_unannounced(lives);
  weigh_numbers();
  for (const auto& [address, mm] : addresses_.mms())
    if (round_.placed.contains(mm) && round_.doubtful.contains(families_.of(mm)))
      suspect(address, ANONVMA_WALK);
  std::vector<MmId> tainted;
  for (const auto& [address, kinds] : suspects_)
    if (const MmId mm = addresses_.mm(address)) tainted.push_back(mm);
  std::sort(tainted.begin(), tainted.end(), [](MmId a, MmId b) { return a.v < b.v; });
  round_ = {};
  return tainted;
}

}  // namespace anonvma
