// Rounds: those who lost records are read again, with all who may share an anon_vma with them.
//
// The snapshots of a family replace what the model had of it. That is right when they are one
// state, and nobody is missing: the next fork reuses an anon_vma or not by what relatives have.
// Four things tell that it is not so, and each leaves the family tainted for another round:
//   - an mm of the family lives and was not read: it is exiting, or a writer tore its walk;
//   - an mm lives that nobody has announced: whose it is, only its snapshot can tell;
//   - a relative forked behind its own snapshot, and another one was read (or ended) after that;
//   - anon_vmas have more children or vmas in the kernel than the snapshots show.
#include <algorithm>
#include <utility>

#include "tracers/convert/convert.h"

namespace anonvma {

std::uint32_t Converter::family_of(MmId mm) const {
  const auto found = families_.find(mm);
  return found == families_.end() ? 0 : found->second;
}

// They share an anon_vma: they were one family before a Fork was lost.
void Converter::unite(std::uint32_t a, std::uint32_t b) {
  if (a == b) return;
  const auto [kept, gone] = std::minmax(a, b);
  for (auto& [mm, family] : families_)
    if (family == gone) family = kept;
  for (auto* const set : {&round_.families, &round_.forked, &round_.doubtful})
    if (set->erase(gone) > 0) set->insert(kept);
}

void Converter::begin_round() {
  round_ = {};
  round_.active = true;
  round_.all = std::exchange(all_suspect_, false);
  round_.suspects = std::exchange(suspects_, {});
  round_.first_new = addresses_.next_mm();
  for (const auto& [address, kinds] : round_.suspects)
    if (const MmId mm = addresses_.mm(address)) round_.families.insert(family_of(mm));
}

void Converter::alive(std::optional<std::vector<std::uint64_t>> addresses) {
  round_.sees_alive = addresses.has_value();
  if (addresses) round_.alive.insert(addresses->begin(), addresses->end());
  round_.first_unlisted = addresses_.next_mm();
}

bool Converter::wanted_in_round(MmId mm) const {
  return round_.all || round_.families.contains(family_of(mm));
}

bool Converter::in_round(std::uint64_t address) const {
  const MmId mm = addresses_.mm(address);
  if (mm && !is_gone(address, mm)) return wanted_in_round(mm) && !round_.placed.contains(mm);
  // It lives and was not announced; by an execve that is under way it is still to be.
  return round_.suspects.contains(address) || !execs_.contains(address);
}

// The record of its end was lost: who lives at the address now, if anybody, is another one.
bool Converter::is_gone(std::uint64_t address, MmId mm) const {
  const auto kinds = round_.suspects.find(address);
  return mm.v < round_.first_new && kinds != round_.suspects.end() &&
         (kinds->second >> ANONVMA_EXIT_MMAP & 1) != 0;
}

void Converter::end_unseen(std::uint64_t address, MmId mm, std::uint64_t time_ns) {
  order_.exit(mm, {{{since_start(time_ns), 0, mm, 0, 0}, ExitMmap{}}, {}});
  retire(address, mm, time_ns);
}

void Converter::on_resync(const anonvma_walk_record& r, WalkedMm& walked) {
  if (!round_.active || !in_round(r.head.mm)) return;
  MmId mm = addresses_.mm(r.head.mm), relative;
  if (mm && is_gone(r.head.mm, mm)) {
    end_unseen(r.head.mm, mm, r.head.time_ns);
    mm = {};
  }
  const bool unborn = !mm;
  const Tgid tgid{walked.head.tgid, walked.head.local_tgid};
  if (unborn) mm = bear(r.head.mm, tgid, r.head, next_family_++);
  for (const WalkedVma& vma : walked.vmas)
    for (const anonvma_walk_avc& avc : vma.chain) {
      const auto [root, first] = round_.roots.try_emplace(avc.root, mm);
      if (first) continue;
      if (root->second != mm) relative = root->second;
      unite(family_of(root->second), family_of(mm));
    }
  const EventHead at{since_start(r.head.time_ns), r.head.tid, mm, walked.head.seq,
                     static_cast<std::uint32_t>(walked.vmas.size())};
  EventGroup event = snapshot(at, walked, SnapReason::resync);
  if (unborn) std::get<Snapshot>(event.first.body).by = relative;
  order_.resynchronise(mm, walked.head.seq, std::move(event));
  round_.placed.insert(mm);
  if (walked.torn) suspects_[r.head.mm] |= 1u << ANONVMA_WALK;
  if (round_.forked.contains(family_of(mm))) round_.doubtful.insert(family_of(mm));
  note_numbers(mm, walked);
}

// What the kernel counts for an anon_vma, where its own mm was read, or the least that others saw.
void Converter::note_numbers(MmId mm, const WalkedMm& walked) {
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

// An anon_vma that has more users than the snapshots show: somebody was not read. Next time all
// are.
void Converter::weigh_numbers() {
  for (const auto& [anon_vma, numbers] : round_.numbers)
    if (const auto parent = round_.numbers.find(numbers.parent); parent != round_.numbers.end())
      ++parent->second.shown;
  for (const auto& [anon_vma, numbers] : round_.numbers) {
    const std::uint32_t family = family_of(numbers.by);
    if (family == 0 && tracked_only_) continue;  // it may have relatives that are not recorded
    if (numbers.users <= numbers.shown && !numbers.another) continue;
    round_.doubtful.insert(family);
    all_suspect_ = true;
  }
}

// Whom no walk has placed: gone, as the record of its end was lost, or to be looked for again.
void Converter::settle_unplaced(std::uint64_t now_ns,
                                const std::function<bool(std::uint64_t)>& lives) {
  std::vector<std::pair<std::uint64_t, MmId>> gone;
  for (const auto& [address, mm] : addresses_.mms()) {
    if (round_.placed.contains(mm)) continue;
    if (is_gone(address, mm) || (round_.sees_alive && mm.v < round_.first_unlisted &&
                                 !round_.alive.contains(address) && !lives(address))) {
      gone.emplace_back(address, mm);
    } else if (wanted_in_round(mm)) {
      suspects_[address] |= 1u << ANONVMA_WALK;
      round_.doubtful.insert(family_of(mm));
    }
  }
  std::sort(gone.begin(), gone.end(),
            [](const auto& a, const auto& b) { return a.second.v < b.second.v; });
  for (const auto& [address, mm] : gone) end_unseen(address, mm, now_ns);
}

// Those that live and were not announced, though the ring was read behind the look at who lives.
void Converter::look_for_unannounced(const std::function<bool(std::uint64_t)>& lives) {
  bool found = !round_.sees_alive;
  for (const std::uint64_t address : round_.alive) {
    if (addresses_.mm(address) || !lives(address)) continue;
    suspects_[address] |= 1u << ANONVMA_FORK;
    found = true;
  }
  if (round_.sees_alive)  // no longer of interest
    std::erase_if(suspects_, [&](const auto& suspect) {
      return !addresses_.mm(suspect.first) && !lives(suspect.first);
    });
  if (!found) return;
  for (const MmId mm : round_.placed) round_.doubtful.insert(family_of(mm));
}

void Converter::end_round(std::uint64_t now_ns, const std::function<bool(std::uint64_t)>& lives) {
  settle_unplaced(now_ns, lives);
  look_for_unannounced(lives);
  weigh_numbers();
  for (const auto& [address, mm] : addresses_.mms())
    if (round_.placed.contains(mm) && round_.doubtful.contains(family_of(mm)))
      suspects_[address] |= 1u << ANONVMA_WALK;
  // What was found out behind their snapshots holds there.
  std::vector<MmId> tainted;
  for (const auto& [address, kinds] : suspects_)
    if (const MmId mm = addresses_.mm(address)) tainted.push_back(mm);
  std::sort(tainted.begin(), tainted.end(), [](MmId a, MmId b) { return a.v < b.v; });
  for (const MmId mm : tainted) taint(mm, now_ns);
  round_ = {};
}

}  // namespace anonvma
