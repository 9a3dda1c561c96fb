// Turns events into operations: finds the mm, and compares the kernel's map_count.
#include <algorithm>
#include <utility>

#include "engine/vma/address_spaces.h"
#include "engine/vma/advise.h"
#include "engine/vma/fault.h"
#include "engine/vma/fork.h"
#include "engine/vma/lock.h"
#include "engine/vma/map.h"
#include "engine/vma/protect.h"
#include "engine/vma/remap.h"
#include "engine/vma/snapshot.h"
#include "engine/vma/unmap.h"

namespace anonvma {
namespace {

OpKind kind_of(const Event& event) {
  const auto* step = std::get_if<Step>(&event.body);
  if (step == nullptr) return traits_of(event.body).op;
  return step->copied > 0 ? OpKind::fork : OpKind::exit;
}

void do_unmap(Layer& layer, Mm& mm, const Unmap& event) {
  const std::uint64_t len = layer.page_align(event.len);
  if (!layer.valid_range(event.addr, len, event.ret)) return;
  if (event.ret >= 0)
    do_munmap(layer, mm, event.addr, event.addr + len);
  else
    munmap_refused(layer, mm, event.addr, event.addr + len, event.ret);
}

}  // namespace

AddressSpaces::AddressSpaces(KernelRules rules, std::uint64_t page_size,
                             const StrategyChoice& strategy, SlabAccount& slab, Setting setting)
    : rules_(std::move(rules)),
      setting_(setting),
      slab_(slab),
      mms_(slab, anomalies_),
      vmas_(rules_, PageSize(page_size), strategy, slab, mms_),
      rmap_(vmas_.strategy(), slab),
      layer_{.rules = rules_,
             .setting = setting_,
             .page = PageSize(page_size),
             .slab = slab_,
             .anomalies = anomalies_,
             .mms = mms_,
             .vmas = vmas_,
             .strategy = vmas_.strategy(),
             .rmap = rmap_},
      attach_(layer_) {}

Mm* AddressSpaces::known_mm(MmId id) {
  Mm* mm = mms_.find(id);
  if (mm == nullptr) ++anomalies_[Anomaly::unknown_mm];
  return mm;
}

MmSlot AddressSpaces::mm_slot(MmId id) const {
  const Mm* mm = mms_.find(id);
  return mm == nullptr ? MmSlot{} : MmSlot{mms_.slot(*mm)};
}

std::uint64_t AddressSpaces::cgroup(MmId id) const {
  const Mm* mm = mms_.find(id);
  return mm == nullptr ? 0 : mm->cgroup;
}

std::string AddressSpaces::comm(MmId id) const {
  const Mm* mm = mms_.find(id);
  if (mm == nullptr) return {};
  std::array<char, 16> storage{};
  return std::string(comm_view(mm->comm, storage));
}

AddressSpaces::MmState AddressSpaces::state(MmId id) const {
  const Mm* mm = mms_.find(id);
  if (mm == nullptr) return {};
  return {mm->def_flags, mm->start_brk, mm->comm};
}

std::string_view AddressSpaces::last_rule(MmId id) const {
  const Mm* mm = mms_.find(id);
  return mm == nullptr ? std::string_view{} : mm->rule;
}

std::vector<VmaId> AddressSpaces::vmas(MmId id) const {
  std::vector<VmaId> all;
  const Mm* mm = mms_.find(id);
  if (mm == nullptr) return all;
  for (std::size_t i = 0; i < mm->list.size(); ++i) all.push_back(mm->list[i]);
  return all;
}

bool AddressSpaces::tainted(MmId id) const {
  const Mm* mm = mms_.find(id);
  return mm != nullptr && mm->tainted;
}

void AddressSpaces::begin_op(OpKind kind, bool counts, std::uint32_t tid) {
  slab_.begin_op(kind, now_event_, now_ns_, counts, tid);
  if (layer_.watcher != nullptr) layer_.watcher->began(kind, now_event_, now_ns_);
}

void AddressSpaces::end_op() {
  layer_.strategy.settle();
  if (layer_.watcher != nullptr) layer_.watcher->settled();
  slab_.end_op();
}

bool AddressSpaces::abandon_fork_before(const EventHead& head, std::uint64_t index) {
  if (head.seq % 2 == 0) return false;
  Mm* mm = mms_.find(head.mm);
  if (mm == nullptr || mm->copy == Mm::kNoCopy || mm->copy_seq == head.seq) return false;
  now(index, head.time_ns);
  begin_op(OpKind::fork, false, head.tid);
  abandon_fork(layer_, *mm);
  end_op();
  return true;
}

void AddressSpaces::abandon_forks() {
  mms_.for_each_slot([this](Mm& mm) { abandon_fork(layer_, mm); });
}

// Most events are faults in a vma that has its anon_vma: the model does not change.
bool AddressSpaces::pass_by(const Event& event, std::uint64_t index) {
  const auto* fault = std::get_if<Fault>(&event.body);
  if (fault == nullptr || event.head.map_count != 0 || layer_.watcher != nullptr) return false;
  Mm* mm = mms_.find(event.head.mm);
  const VmaId vma = mm == nullptr ? VmaId{} : vmas_.vma_lookup(*mm, fault->addr);
  if (!vma) return false;
  if ((fault->flags & kFaultWrite) && vmas_[vma].may_prepare() && !layer_.strategy.faulted(vma))
    return false;
  now(index, event.head.time_ns);
  slab_.pass_by(OpKind::fault, now_event_, now_ns_);
  return true;
}

OpEffect AddressSpaces::apply(const Event& event, std::uint64_t index) {
  if (std::holds_alternative<Truth>(event.body)) return {};  // never an input of the model
  now(index, event.head.time_ns);
  const Prepared before = rmap_.prepared();
  OpEffect effect;
  begin_op(kind_of(event), traits_of(event.body).counts, event.head.tid);
  if (!map_counts_.compare(layer_, event, index)) {
    effect.map_count_differs = true;
    effect.rule_before = last_rule(event.head.mm);
  }
  replay(event);
  end_op();
  effect.objs = slab_.of_op();
  effect.prepared = rmap_.prepared() - before;
  return effect;
}

OpEffect AddressSpaces::apply(const MmSnapshot& snapshot) {
  const bool execs = snapshot.reason() == SnapReason::exec;
  if (!execs && snapshot.reason() != SnapReason::unknown_write) return {};
  now(snapshot.event, snapshot.time_ns);
  begin_op(execs ? OpKind::exec : OpKind::unseen, false, snapshot.head.tid);
  Prepared grown;
  if (execs)
    take_exec(layer_, snapshot);
  else if (Mm* mm = known_mm(snapshot.head.mm))
    grown = resynchronise(layer_, *mm, snapshot);
  end_op();
  return {.objs = slab_.of_op(), .prepared = grown, .rule_before = {}};
}

void AddressSpaces::apply(const SnapshotSet& set) {
  now(set.back().event, set.back().time_ns);
  begin_op(OpKind::start, true, 0);
  if (set.front().reason() == SnapReason::attach)
    attach_.attach(set);
  else
    attach_.resync(set);
  slab_.end_op();
}

void AddressSpaces::replay(const Event& event) {
  const auto with_mm = [&](auto&& operation) {
    Mm* mm = known_mm(event.head.mm);
    if (mm == nullptr) return;
    layer_.acts_for(*mm);
    operation(*mm);
  };
  const auto call = [&](auto operation, const auto& e) {
    with_mm([&](Mm& mm) { operation(layer_, mm, e); });
  };
  std::visit(
      overloaded{
          [&](const Map& e) { call(mmap_region, e); },
          [&](const Unmap& e) { call(do_unmap, e); },
          [&](const Brk& e) { call(do_brk_flags, e); },
          [&](const Protect& e) { call(do_mprotect_pkey, e); },
          [&](const Advise& e) { call(do_madvise, e); },
          [&](const Lock& e) { call(do_mlock, e); },
          [&](const Remap& e) { call(do_mremap, e); },
          [&](const Seal& e) { call(do_mseal, e); },
          [&](const Name& e) { call(set_anon_vma_name, e); },
          [&](const Fork& e) { call(dup_mm, e); },
          [&](const Exec&) {
            if (Mm* mm = mm_alloc(layer_, event.head.mm)) mms_.join_family(*mm, mms_.new_family());
          },
          [&](const ExitMmap&) { with_mm([&](Mm& mm) { exit_mmap(layer_, mm); }); },
          [&](const Step& e) { with_mm([&](Mm& mm) { step(layer_, mm, event.head, e); }); },
          [&](const Fault& e) {
            with_mm([&](Mm& mm) { handle_fault(layer_, mm, event.head, e); });
          },
          [&](const Touch& e) { with_mm([&](Mm& mm) { touch(layer_, mm, event.head, e); }); },
          [&](const NewAnonVma& e) {
            with_mm([&](Mm& mm) { new_anon_vma(layer_, mm, event.head, e); });
          },
          [&](const UnknownWrite&) { ++anomalies_[Anomaly::unknown_writer]; },
          [&](const Lost& e) {
            anomalies_[Anomaly::lost_events] += e.count;
            if (e.unnamed == 0) mms_.taint(event.head.mm);
          },
          // The last task of an mm carries a map_count.
          [&](const ExitTask&) {
            Mm* mm = mms_.find(event.head.mm);
            if (mm != nullptr && event.head.map_count != 0) mms_.begin_exit(*mm);
          },
          // A task that shares an mm leaves its vmas as they are.
          [&](const Shared&) {
            if (Mm* mm = mms_.find(event.head.mm)) mm->shared = true;
          },
          [](const Truth&) {},
          [](const Text&) {},
          [&](const InCgroup& e) {
            if (Mm* mm = mms_.find(event.head.mm)) mm->cgroup = e.cgroup;
          },
          // Parts of snapshots that belong to none.
          [](const Snapshot&) {},
          [&](const SnapVma&) { ++anomalies_[Anomaly::bad_range]; },
          [&](const SnapChain&) { ++anomalies_[Anomaly::bad_range]; },
      },
      event.body);
}

}  // namespace anonvma
