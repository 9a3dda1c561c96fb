// From events to operations: which mm, is it known, does the kernel's map_count agree.
#include <algorithm>
#include <bit>
#include <utility>

#include "engine/vma/address_spaces.h"
#include "engine/vma/seeder.h"

namespace anonvma {
namespace {
// Beyond any address a user mapping can have, on 5-level paging too.
constexpr std::uint64_t kTaskSizeMax = 1ull << 57;

OpKind kind_of(const Event& event) {
  const auto* step = std::get_if<Step>(&event.body);
  if (step == nullptr) return traits_of(event.body).op;
  return step->copied > 0 ? OpKind::fork : OpKind::exit;
}

}  // namespace

AddressSpaces::AddressSpaces(const KernelRules& rules, std::uint64_t page_size,
                             const StrategyChoice& strategy, SlabAccount& slab, Setting setting)
    : rules_(rules),
      setting_(setting),
      page_shift_(static_cast<unsigned>(std::countr_zero(page_size))),
      page_mask_(page_size - 1),
      slab_(slab),
      strategy_(strategy.make(slab, *this)) {}

AddressSpaces::~AddressSpaces() = default;

AddressSpaces::Mm* AddressSpaces::find_mm(MmId id) {
  if (!id) return nullptr;
  if (id == last_mm_) return &mms_[last_slot_];
  const auto found = slot_of_.find(id.v);
  if (found == slot_of_.end()) return nullptr;
  last_mm_ = id;
  last_slot_ = found->second;
  return &mms_[last_slot_];
}

AddressSpaces::Mm* AddressSpaces::known_mm(MmId id) {
  Mm* mm = find_mm(id);
  if (mm == nullptr) ++anomalies_[Anomaly::unknown_mm];
  return mm;
}

AddressSpaces::Mm* AddressSpaces::birth(MmId id) {
  if (!id || slot_of_.contains(id.v)) {
    ++anomalies_[Anomaly::born_twice];
    return nullptr;
  }
  const std::uint32_t slot = take_slot();
  slot_of_.emplace(id.v, slot);
  ++mms_seen_;
  mms_[slot].id = id;
  strategy_->mm_init(MmSlot{slot});
  return &mms_[slot];
}

// May move mms_.
std::uint32_t AddressSpaces::take_slot() {
  std::uint32_t slot = static_cast<std::uint32_t>(mms_.size());
  slab_.worked(1);
  if (free_mms_.empty()) {
    slab_.holds(kMmBytes);
    mms_.emplace_back();
  } else {
    slot = free_mms_.back();
    free_mms_.pop_back();
  }
  Mm& mm = mms_[slot];
  VmaList list = std::move(mm.list);  // empty; its memory is used again
  mm = {};
  mm.list = std::move(list);
  return slot;
}

// No mm lives in `slot` any more.
void AddressSpaces::retire(std::uint32_t slot) {
  strategy_->mm_exit(MmSlot{slot});
  slab_.holder_gone(slot);
  free_mms_.push_back(slot);
}

std::vector<MmId> AddressSpaces::mms() const {
  std::vector<MmId> all;
  for (const auto& [id, slot] : slot_of_) all.emplace_back(id);
  std::sort(all.begin(), all.end());
  return all;
}

MmSlot AddressSpaces::mm_slot(MmId mm) const {
  const auto found = slot_of_.find(mm.v);
  return found == slot_of_.end() ? MmSlot{} : MmSlot{found->second};
}

std::string AddressSpaces::comm(MmId mm) const {
  const auto found = slot_of_.find(mm.v);
  if (found == slot_of_.end()) return {};
  std::array<char, 16> storage{};
  return std::string(comm_view(mms_[found->second].comm, storage));
}

AddressSpaces::MmState AddressSpaces::state(MmId mm) const {
  const auto found = slot_of_.find(mm.v);
  if (found == slot_of_.end()) return {};
  const Mm& of = mms_[found->second];
  return {of.def_flags, of.start_brk, of.comm};
}

std::string_view AddressSpaces::last_rule(MmId mm) const {
  const auto found = slot_of_.find(mm.v);
  return found == slot_of_.end() ? std::string_view{} : mms_[found->second].rule;
}

std::vector<VmaId> AddressSpaces::vmas(MmId mm) const {
  std::vector<VmaId> all;
  const auto found = slot_of_.find(mm.v);
  if (found == slot_of_.end()) return all;
  const VmaList& list = mms_[found->second].list;
  for (std::size_t i = 0; i < list.size(); ++i) all.push_back(list[i]);
  return all;
}

// A program may ask for anything, and is refused: only a call that succeeded proves damage.
bool AddressSpaces::valid_range(std::uint64_t start, std::uint64_t len, std::int64_t ret) {
  const bool valid =
      (start & page_mask_) == 0 && start < kTaskSizeMax && len < kTaskSizeMax - start;
  if (!valid && ret >= 0) ++anomalies_[Anomaly::bad_range];
  return valid;
}

// What the model has of an mm that lost records is no measure of what it may do.
void AddressSpaces::impossible(const Mm& mm) {
  if (!mm.tainted) ++anomalies_[Anomaly::bad_range];
}

// The kernel refuses offsets that wrap (-EOVERFLOW), and so need nobody else.
bool AddressSpaces::valid_pgoff(std::uint64_t pgoff) {
  constexpr std::uint64_t kMostPgoff = 1ull
                                       << 60;  // with any length on top it is no more than 2^61
  if (pgoff > kMostPgoff) ++anomalies_[Anomaly::bad_range];
  return pgoff <= kMostPgoff;
}

void AddressSpaces::check_map_count(const Event& event, std::uint64_t index) {
  if (event.head.map_count == 0) return;
  Mm* mm = find_mm(event.head.mm);
  if (mm == nullptr || mm->tainted) return;
  ++map_counts_compared_;
  const bool equal = mm->list.size() == event.head.map_count;
  if (!equal && setting_.role == Role::own) mm->drifted = true;
  if (mm->drifted) ++anomalies_[Anomaly::drifted];
  if (equal) return;
  ++map_count_mismatches_;
  if (first_mismatch_) return;
  first_mismatch_ = Mismatch{index,
                             event.head.time_ns,
                             event.head.mm.v,
                             comm(event.head.mm),
                             std::string(name_of(type_of(event.body))),
                             event.head.map_count,
                             mm->list.size()};
}

void AddressSpaces::begin_op(OpKind kind, bool counts, std::uint32_t tid) {
  slab_.begin_op(kind, now_event_, now_ns_, counts, tid);
  if (watcher_ != nullptr) watcher_->began(kind, now_event_, now_ns_);
}

void AddressSpaces::end_op() {
  strategy_->settle();
  if (watcher_ != nullptr) watcher_->settled();
  slab_.end_op();
}

// Most events are faults in a vma that has its anon_vma: seen from here, there is no more to them.
bool AddressSpaces::pass_by(const Event& event, std::uint64_t index) {
  const auto* fault = std::get_if<Fault>(&event.body);
  if (fault == nullptr || event.head.map_count != 0 || watcher_ != nullptr || !collector_.empty() ||
      !attached_.empty())
    return false;
  Mm* mm = find_mm(event.head.mm);
  const VmaId vma = mm == nullptr ? VmaId{} : find_vma(*mm, fault->addr);
  if (!vma) return false;
  if ((fault->flags & kFaultWrite) && at(vma).may_prepare() && !strategy_->faulted(vma))
    return false;
  now_event_ = index;
  now_ns_ = event.head.time_ns;
  slab_.pass_by(OpKind::fault, now_event_, now_ns_);
  return true;
}

void AddressSpaces::apply(const Event& event, std::uint64_t index) {
  if (std::holds_alternative<Truth>(event.body)) return;  // what the kernel did is never an input
  if (pass_by(event, index)) return;
  // A snapshot is built when the next event shows that it is complete: at the time of its last
  // part.
  const bool taken = collect(event);
  now_event_ = index;
  now_ns_ = event.head.time_ns;
  if (taken) return;
  abandon_fork_before(event.head);
  begin_op(kind_of(event), traits_of(event.body).counts, event.head.tid);
  replay(event, index);
  end_op();
}

void AddressSpaces::replay(const Event& event, std::uint64_t index) {
  check_map_count(event, index);
  const auto with_mm = [&](auto&& operation) {
    Mm* mm = known_mm(event.head.mm);
    if (mm == nullptr) return;
    acts_for(*mm);
    operation(*mm);
  };
  std::visit(overloaded{
                 [&](const Map& e) { with_mm([&](Mm& mm) { map(mm, e); }); },
                 [&](const Unmap& e) {
                   with_mm([&](Mm& mm) {
                     const std::uint64_t len = page_align(e.len);
                     if (!valid_range(e.addr, len, e.ret)) return;
                     if (e.ret >= 0)
                       munmap(mm, e.addr, e.addr + len);
                     else
                       munmap_refused(mm, e.addr, e.addr + len, e.ret);
                   });
                 },
                 [&](const Brk& e) { with_mm([&](Mm& mm) { brk(mm, e); }); },
                 [&](const Protect& e) { with_mm([&](Mm& mm) { protect(mm, e); }); },
                 [&](const Advise& e) { with_mm([&](Mm& mm) { advise(mm, e); }); },
                 [&](const Lock& e) { with_mm([&](Mm& mm) { lock(mm, e); }); },
                 [&](const Remap& e) { with_mm([&](Mm& mm) { remap(mm, e); }); },
                 [&](const Seal& e) { with_mm([&](Mm& mm) { seal(mm, e); }); },
                 [&](const Fork& e) { with_mm([&](Mm& mm) { fork(mm, e); }); },
                 [&](const Exec&) {
                   if (Mm* mm = birth(event.head.mm)) {
                     mm->family = static_cast<std::uint32_t>(endings_.size());
                     endings_.push_back(0);
                   }
                 },
                 [&](const ExitMmap&) { with_mm([&](Mm& mm) { exit_mmap(mm); }); },
                 [&](const Step& e) { with_mm([&](Mm& mm) { step(mm, event.head, e); }); },
                 [&](const Fault& e) { with_mm([&](Mm& mm) { fault(mm, event.head, e); }); },
                 [&](const Touch& e) { with_mm([&](Mm& mm) { touch(mm, e); }); },
                 [&](const UnknownWrite&) { ++anomalies_[Anomaly::unknown_writer]; },
                 [&](const Lost& e) {
                   anomalies_[Anomaly::lost_events] += e.count;
                   if (e.unnamed == 0) taint(event.head.mm);
                 },
                 [&](const ExitTask&) {
                   if (Mm* mm = find_mm(event.head.mm)) exit_task(*mm, event.head);
                 },
                 // A task that shares an mm leaves its vmas as they are.
                 [&](const Shared&) {
                   if (Mm* mm = find_mm(event.head.mm)) mm->shared = true;
                 },
                 [](const Truth&) {},
                 // collect() has taken these; a stray one belongs to no snapshot.
                 [](const Snapshot&) {},
                 [&](const SnapVma&) { ++anomalies_[Anomaly::bad_range]; },
                 [&](const SnapChain&) { ++anomalies_[Anomaly::bad_range]; },
             },
             event.body);
}

}  // namespace anonvma
