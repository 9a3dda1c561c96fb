#include "engine/vma/attach.h"

#include <unordered_map>
#include <utility>

#include "engine/vma/fork.h"
#include "engine/vma/pages.h"
#include "engine/vma/snapshot.h"

namespace anonvma {
namespace {

// The part of an mm that its new state after a loss does not replace.
struct Known {
  std::uint32_t family;
  bool tainted_before;
};

}  // namespace

Seeder& Attach::seeder(bool counts, bool anew) {
  if (!seeder_) seeder_ = std::make_unique<Seeder>(layer_.strategy);
  seeder_->set_counts(counts);
  seeder_->begin(anew);
  return *seeder_;
}

// Gives an empty mm the vmas that a snapshot shows. seed() makes their objects.
void Attach::take_vmas(Mm& mm, const MmSnapshot& seen) {
  layer_.acts_for(mm);
  take_mm(mm, seen);
  for (const VmaSnapshot& s : seen.vmas)
    if (const VmaId id = take_vma(layer_, mm, s.vma)) seeder_->add(id, s.vma.anon_vma, s.chain);
}

VmaId Attach::add_phantom() {
  if (!phantom_slot_) phantom_slot_ = mm_init(layer_);
  const std::uint64_t start = (phantom_pages_ += 2) << layer_.page.shift();  // never adjacent
  layer_.slab.acts_for(*phantom_slot_);
  const VmaId id = layer_.vmas.alloc({.start = start,
                                      .end = start + layer_.page.bytes(),
                                      .flags = kVmRead | kVmWrite | kVmMayAccess | kVmAccount,
                                      .pgoff = layer_.pages(start),
                                      .mm = *phantom_slot_,
                                      .ops = kOpsAnonymous});
  layer_.vmas.insert(id);
  return id;
}

void Attach::remove_phantoms(const std::vector<VmaId>& phantoms) {
  phantom_pages_ = 0;
  if (!phantom_slot_) return;
  layer_.slab.acts_for(*phantom_slot_);
  for (const VmaId id : phantoms) {
    unlink_anon_vmas(layer_, id);
    layer_.vmas.erase(id);
    layer_.strategy.release(id);
  }
  mmdrop(layer_, *std::exchange(phantom_slot_, std::nullopt));
}

// Makes the objects of all vmas that were taken over.
void Attach::seed(const SnapshotSet& set) {
  remove_phantoms(seeder_->build([&] { return add_phantom(); },
                                 [&](VmaId id) {
                                   layer_.slab.acts_for(layer_.at(id).mm);
                                   return !layer_.slab.over_budget();
                                 }));
  layer_.strategy.settle();
  if (layer_.watcher != nullptr) {
    for (const MmSnapshot& seen : set)
      if (const Mm* mm = layer_.mms.find(seen.head.mm))
        for (const VmaId id : layer_.vmas.range(*mm, 0, kTaskSizeMax))
          written(layer_, id, layer_.at(id).start, layer_.at(id).end);
    layer_.watcher->settled();
  }
  if (!seeder_->exact()) layer_.anomalies[Anomaly::seed_approximate] += seeder_->vmas();
}

void Attach::attach(const SnapshotSet& set) {
  const bool first = !seeder_;
  seeder(layer_.setting.counts_anew, false);
  const auto active = [&](std::size_t cache) {
    return layer_.slab.usage(static_cast<CacheIndex>(cache)).active_objs;
  };
  std::array<std::uint64_t, kAllCaches> before{};
  for (std::size_t c = 0; c < kAllCaches; ++c) before[c] = active(c);
  for (const MmSnapshot& seen : set)
    if (Mm* mm = mm_alloc(layer_, seen.head.mm)) take_vmas(*mm, seen);
  seed(set);
  // A later set has mms that the recorder found late: they were not part of the start.
  if (first) layer_.slab.begin_here();
  for (std::size_t c = 0; c < kAllCaches; ++c) at_start_[c] += active(c) - before[c];
}

void Attach::resync(const SnapshotSet& set) {
  seeder(layer_.setting.counts_anew || layer_.setting.sees_families, true);
  std::unordered_map<MmId, Known> known;  // mms
  for (const MmSnapshot& seen : set) {
    Mm* mm = layer_.mms.find(seen.head.mm);
    if (mm == nullptr) continue;
    if (known.emplace(seen.head.mm, Known{mm->family, mm->tainted_before}).second)
      layer_.mms.hold_family(mm->family);
    layer_.acts_for(*mm);
    exit_mmap(layer_, *mm);
    layer_.mms.expect_again();
  }
  layer_.strategy.settle();
  for (const MmSnapshot& seen : set) {
    Mm* mm = mm_alloc(layer_, seen.head.mm);
    if (mm == nullptr) continue;
    const auto before = known.find(seen.head.mm);
    if (before != known.end()) mm->tainted_before = before->second.tainted_before;
    layer_.mms.join_family(
        *mm, before != known.end() ? before->second.family : family_by(seen.snapshot.by));
    take_vmas(*mm, seen);
  }
  for (const auto& [mm, before] : known) layer_.mms.drop_family(before.family);
  unite_families(set);
  seed(set);
}

// The snapshot of an mm whose birth was lost may come before that of any relative. An anon_vma of
// the same root proves the same family.
void Attach::unite_families(const SnapshotSet& set) {
  std::unordered_map<std::uint32_t, MmId> first;  // by root
  for (const MmSnapshot& seen : set) {
    Mm* mm = layer_.mms.find(seen.head.mm);
    if (mm == nullptr) continue;
    for (const VmaSnapshot& vma : seen.vmas)
      for (const SnapChain& link : vma.chain) {
        const MmId relative = first.try_emplace(link.root.v, seen.head.mm).first->second;
        if (Mm* other = layer_.mms.find(relative)) layer_.mms.unite_families(*other, *mm);
      }
  }
}

// The family of an mm whose birth was lost.
std::uint32_t Attach::family_by(MmId relative) {
  if (const Mm* mm = layer_.mms.find(relative)) return mm->family;
  return layer_.mms.new_family();
}

}  // namespace anonvma
