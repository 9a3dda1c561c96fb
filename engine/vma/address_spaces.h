// The VMA layer of one replay: every mm of a trace, under the rules of one kernel era, driving one
// strategy. It knows mms, vmas and ranges; it knows no strategy by name.
//
// One file per family of operations: map, unmap, protect, advise (and lock), remap, fork (and exec,
// exit), fault, snapshot; merge, modify and layer_locks hold what they share. Functions bear the
// kernel's names where the kernel has one. Addresses are bytes, pgoff is in pages. Limits
// (max_map_count, rlimits) are never decided again: the outcome of a call is replayed as recorded.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/replay/result.h"
#include "engine/slab/slab_account.h"
#include "engine/strategy/registry.h"
#include "engine/trace/event.h"
#include "engine/vma/kernel_rules.h"
#include "engine/vma/seen.h"
#include "engine/vma/vma_list.h"
#include "engine/vma/watcher.h"

namespace anonvma {

class Seeder;

// A vm_area_struct, as far as merging, splitting and sharing depend on it.
struct Vma {
  std::uint64_t start = 0, end = 0;
  std::uint64_t flags = 0;
  std::uint64_t pgoff = 0;
  std::uint32_t mm = 0;  // slot of its mm
  FileId file = 0;
  std::uint32_t ops = 0;  // VmaOps
  // Memory policy; userfaultfd context and name: ids, as SnapVma has them.
  std::uint32_t policy = 0, context = 0;
  // Its place less vm_anon_pgoff, in pages: how far what it holds of its own has moved. Only read
  // of files, and where KernelRules::anon_pgoff is set. No trace shows it.
  std::uint64_t displaced = 0;

  bool anonymous() const { return (ops & kOpsAnonymous) != 0; }
  bool has_close() const { return (ops & kOpsClose) != 0; }
  bool may_prepare() const { return (flags & (kVmWrite | kVmShared)) == kVmWrite; }
};

// A bit of Vma::ops that no recorder writes, but a slice of a trace may hold: the mapping came with
// VM_LOCKED of its own (secretmem), and mlock and munlock pass it by.
inline constexpr std::uint32_t kOpsKeepsLock = 1u << 31;

// Ids from here on are for files that the recorder could not name.
inline constexpr FileId kUnnamedFile = 0x80000000u;

// Whose objects a replay counts.
enum class Role : std::uint8_t {
  rival,  // another design, under the same workload
  own,    // that of the kernel which recorded the trace: what its tasks raced for is known
};

struct Setting {
  Role role = Role::rival;
  // The counters of an anon_vma are counted from the attach snapshots. Where these show all there
  // is they agree with each other better than the kernel's counters, as they were read one mm after
  // the other; and a kernel may have other counters than the strategy.
  bool counts_anew = false;
  // The trace tells how far forks and exits had come that ran beside each other (Step events).
  bool tells_steps = false;
  // Snapshots after a loss show all mms that share an anon_vma: not when only some processes of a
  // family were recorded.
  bool sees_families = true;
};

class AddressSpaces final : public Layout {
 public:
  AddressSpaces(const KernelRules& rules, std::uint64_t page_size, const StrategyChoice& strategy,
                SlabAccount& slab, Setting setting = {});
  ~AddressSpaces() override;

  // Whom to tell of pages, before the first event; none by default.
  void watch(Watcher* watcher) { watcher_ = watcher; }

  // Applies one event; `index` is its position in the trace.
  void apply(const Event& event, std::uint64_t index);
  // True when `event` changes nothing, as most do: it is counted then, and apply() is not needed.
  bool pass_by(const Event& event, std::uint64_t index);
  // The trace is over: what a snapshot still holds back is built.
  void finish();

  // An operation with another lock token than that of the fork under way: the fork failed, and what
  // it has copied goes again. True when there was one.
  bool abandon_fork_before(const EventHead& head);
  // Forks that the end of the trace cut short: what they have copied goes again.
  void abandon_forks();

  // Layout.
  VmaId prev(VmaId id) const override;
  VmaId next(VmaId id) const override;
  bool compatible(VmaId lower, VmaId upper) const override;
  VmaView view(VmaId vma) const override;
  void recycle(VmaId vma) override;

  const Strategy& strategy() const { return *strategy_; }
  std::vector<VmaId> vmas(MmId mm) const;  // in address order; empty for an unknown mm
  std::vector<MmId> mms() const;           // alive, ascending
  MmSlot mm_slot(MmId mm) const;           // what the strategy knows it by; none when unknown
  const Vma& vma(VmaId id) const { return table_[id.v]; }
  MmId mm_of(VmaId id) const { return mms_[at(id).mm].id; }  // none: of a fork under way
  std::string comm(MmId mm) const;
  // What a snapshot has of an mm beside its vmas; all zero for an unknown one.
  struct MmState {
    std::uint64_t def_flags = 0, start_brk = 0;
    Comm comm;
  };
  MmState state(MmId mm) const;
  // What the last operation on `mm` came to, in the kernel's words; empty for an unknown mm.
  std::string_view last_rule(MmId mm) const;
  const KernelRules& rules() const { return rules_; }
  // Has `mm`, or a relative of it, lost records since its last snapshot?
  bool tainted(MmId mm) const;
  std::uint64_t tainted_now() const;
  std::uint64_t mms_seen() const { return mms_seen_; }
  std::uint64_t prepared() const { return prepared_; }  // vmas that got their first anon_vma
  const std::array<std::uint64_t, kNumCaches>& prepared_objs() const { return prepared_objs_; }
  const Anomalies& anomalies() const { return anomalies_; }
  std::uint64_t map_counts_compared() const { return map_counts_compared_; }
  std::uint64_t map_count_mismatches() const { return map_count_mismatches_; }
  const std::optional<Mismatch>& first_mismatch() const { return first_mismatch_; }
  // Objects alive when recording began (attach snapshots), per cache.
  const std::array<std::uint64_t, kAllCaches>& at_start() const { return at_start_; }

 private:
  static constexpr std::uint32_t kNoCopy = 0xffffffffu;
  // For the budget: an mm with its first few vmas, a part of a snapshot that is not built yet.
  static constexpr std::uint64_t kMmBytes = 640, kPartBytes = 320;
  static constexpr std::size_t kMovesPerStep = 16;  // entries of a list, at one go
  struct Mm {
    VmaList list;
    std::uint64_t def_flags = 0;
    std::uint64_t start_brk = 0;
    Comm comm;
    MmId id;
    VmaId last;                    // the vma of the last look-up: faults come in runs
    std::string_view rule;         // see last_rule()
    std::size_t unlinked = 0;      // exit_mmap() has come so far
    std::uint32_t copy = kNoCopy;  // slot of the child a fork is filling
    std::uint32_t copy_seq = 0;    // and the lock token of that fork
    std::uint32_t family = 0;      // mms that forked from each other since their exec; 0: at attach
    bool ending = false;           // its last task has exited
    bool shared = false;           // another task has used it, too
    bool drifted = false;          // its map_count differed, and no snapshot has put it right
    bool tainted = false;          // records were lost, and no snapshot has put it right
  };
  // A mapping about to be made or moved, in the words of struct vma_merge_struct.
  struct Proposal {
    std::uint64_t start = 0, end = 0, flags = 0, pgoff = 0;
    FileId file = 0;
    std::uint32_t policy = 0, context = 0;
    std::uint64_t displaced = 0;
    VmaId anon;    // the vma whose anon_vma the range carries; none: unfaulted
    VmaId middle;  // the vma being modified, when the range is part of one
    VmaId copied;  // mremap: the vma being copied
  };
  // A change of the layout, as far as it depends on it whether the VMA layer locks an anon_vma.
  struct Adjustment {
    VmaId vma;                  // the one adjusted, after its chain was cloned
    VmaId shrinks = {};         // loses to `vma` what lies at their boundary,
    VmaId grows = {};           // or gains it
    std::uint32_t removed = 0;  // vmas that go into it wholly
    bool inserts = false;       // a vma that was split off it
    bool start_moves = false;
  };
  // apply.cpp
  void begin_op(OpKind kind, bool counts, std::uint32_t tid);
  void end_op();
  void replay(const Event& event, std::uint64_t index);
  void check_map_count(const Event& event, std::uint64_t index);
  Mm* find_mm(MmId id);
  Mm* known_mm(MmId id);  // counts an anomaly when there is none
  Mm* birth(MmId id);
  std::uint32_t take_slot();
  std::uint32_t slot(const Mm& mm) const { return static_cast<std::uint32_t>(&mm - mms_.data()); }
  void acts_for(const Mm& mm) { slab_.acts_for(slot(mm)); }
  void retire(std::uint32_t slot);
  bool valid_range(std::uint64_t start, std::uint64_t len, std::int64_t ret = 0);
  bool valid_pgoff(std::uint64_t pgoff);
  void impossible(const Mm& mm);  // an operation that only a damaged trace can hold

  // merge.cpp
  Vma& at(VmaId id) { return table_[id.v]; }
  const Vma& at(VmaId id) const { return table_[id.v]; }
  std::uint64_t pages(std::uint64_t bytes) const { return bytes >> page_shift_; }
  std::uint64_t page_align(std::uint64_t n) const { return (n + page_mask_) & ~page_mask_; }
  VmaId find_vma(Mm& mm, std::uint64_t addr);  // the vma that holds addr, none
  VmaId alloc_vma(const Vma& attributes);
  void insert_vma(Mm& mm, VmaId vma);
  void remove_vma(Mm& mm, VmaId vma, VmaId kept);  // unlink, out of the list, release
  void set_start(VmaId id, std::uint64_t start, bool with_pgoff);
  void set_end(Mm& mm, VmaId id, std::uint64_t end);
  bool faulted(VmaId vma) const { return vma && strategy_->faulted(vma); }
  bool came_through_fork(VmaId vma) const { return faulted(vma) && !strategy_->singular(vma); }
  bool attributes_match(const Vma& vma, const Proposal& range) const;
  bool anon_vma_ok(VmaId target, const Proposal& range) const;
  bool can_merge_left(VmaId prev, const Proposal& range) const;
  bool can_merge_right(VmaId next, const Proposal& range) const;
  bool neighbours_ok(VmaId prev, VmaId next) const;
  void dup_anon_vma(VmaId dst, VmaId src);
  VmaId merge_new(Mm& mm, VmaId prev, VmaId next, const Proposal& range, bool extend_only);
  VmaId merge_existing(Mm& mm, VmaId middle, const Proposal& range);
  VmaId merge_left(Mm& mm, VmaId middle, VmaId next_vma, const Proposal& range);
  VmaId merge_right(Mm& mm, VmaId middle, VmaId next_vma, const Proposal& range);
  VmaId split(Mm& mm, VmaId vma, std::uint64_t addr, bool fresh_below);
  VmaId modify(Mm& mm, VmaId vma, std::uint64_t start, std::uint64_t end, std::uint64_t flags);
  VmaId modify(Mm& mm, VmaId vma, const Proposal& range);
  Proposal part(VmaId vma, std::uint64_t start, std::uint64_t end, std::uint64_t flags) const;
  void unlink(VmaId vma);
  void written(VmaId vma, std::uint64_t start, std::uint64_t end);
  void moved(VmaId to, VmaId from, std::uint64_t pgoff, std::uint64_t pages, Watcher::Move why);
  void write_all(VmaId vma);
  // Visits the vmas of [start, end) as madvise and mlock do: `change(vma)` gives the new flags, or
  // nothing to stop there. Returns whether a hole was met (and, with stop_at_hole, stopped at).
  template <class Change>
  bool walk(Mm& mm, std::uint64_t start, std::uint64_t end, bool stop_at_hole, Change change);

  // layer_locks.cpp
  bool layer_locks(const Adjustment& change) const;
  void lock_layer(const Adjustment& change);
  void lock_stack(VmaId stack);

  // map.cpp, unmap.cpp, protect.cpp, advise.cpp, remap.cpp, fork.cpp, fault.cpp
  void map(Mm& mm, const Map& event);
  std::uint64_t map_flags(const Mm& mm, const Map& event) const;
  void map_failed(Mm& mm, const Map& event);
  void brk(Mm& mm, const Brk& event);
  std::vector<VmaId> detach(Mm& mm, std::uint64_t start, std::uint64_t end);
  void munmap(Mm& mm, std::uint64_t start, std::uint64_t end);
  bool is_mapped(const Mm& mm, std::uint64_t start, std::uint64_t end, std::uint64_t flags) const;
  bool holds_sealed(const Mm& mm, std::uint64_t start, std::uint64_t end) const;
  bool splits_huge(const Vma& vma, std::uint64_t addr) const;
  void munmap_refused(Mm& mm, std::uint64_t start, std::uint64_t end, std::int64_t ret);
  void protect(Mm& mm, const Protect& event);
  std::uint64_t asked_access(const Vma& vma, const Protect& event) const;
  std::optional<std::uint64_t> stack_start(const Mm& mm, std::uint64_t start,
                                           std::uint64_t end) const;
  VmaId protect_fixup(Mm& mm, VmaId vma, std::uint64_t start, std::uint64_t end,
                      std::uint64_t access, std::uint64_t access_mask);
  void advise(Mm& mm, const Advise& event);
  void lock(Mm& mm, const Lock& event);
  void seal(Mm& mm, const Seal& event);
  // Populating takes place without the write lock of the call. Where other tasks may come in
  // between, Touch events tell the recording kernel's own strategy what was prepared.
  bool populates_as_told(const Mm& mm) const { return setting_.role == Role::own && mm.shared; }
  bool over_lock_limit(Mm& mm, const Lock& event, std::uint64_t start, std::uint64_t end,
                       std::uint64_t wanted);
  void lock_all(Mm& mm, const Lock& event);
  void remap(Mm& mm, const Remap& event);
  void remap_failed(Mm& mm, const Remap& event);
  bool refused_by_source(Mm& mm, const Remap& event);
  void remap_refused(Mm& mm, const Remap& event);
  std::uint64_t remap_stops_at(Mm& mm, const Remap& event, std::uint64_t target);
  void remap_many(Mm& mm, const Remap& event, std::uint64_t length);
  void remap_grow(Mm& mm, VmaId vma, std::uint64_t old_end, std::uint64_t new_end);
  void move_vma(Mm& mm, std::uint64_t addr, std::uint64_t old_len, std::uint64_t new_addr,
                std::uint64_t new_len, bool keep_source);
  void leave_source(Mm& mm, std::uint64_t start, std::uint64_t end, VmaId copy);
  VmaId copy_vma(Mm& mm, VmaId vma, std::uint64_t addr, std::uint64_t new_addr,
                 std::uint64_t new_len, bool keep_source);
  void fork(Mm& parent, const Fork& event);
  void step(Mm& mm, const EventHead& head, const Step& event);
  std::uint32_t begin_copy(std::uint32_t parent);
  void copy_vmas(std::uint32_t parent, std::uint64_t count);
  void drop_copy(Mm& parent);
  void tell_of_fork(std::uint32_t parent, std::uint32_t child);
  void exit_task(Mm& mm, const EventHead& head);
  void exit_mmap(Mm& mm);
  void fault(Mm& mm, const EventHead& head, const Fault& event);
  void touch(Mm& mm, const Touch& event);
  bool expand_stack(Mm& mm, std::uint64_t addr);
  void prepare(VmaId vma);
  void populate(Mm& mm, std::uint64_t start, std::uint64_t end,
                std::uint64_t skipped = kVmLockOnFault);

  // snapshot.cpp
  bool collect(const Event& event);  // true when the event belongs to a snapshot
  void take_snapshot(SeenMm&& seen);
  void take_exec(const SeenMm& seen);
  void resynchronise(Mm& mm, const SeenMm& seen);
  bool shows_same(const Vma& vma, const SnapVma& wanted) const;
  bool take_over(Mm& mm, const SnapVma& wanted);
  void map_seen(Mm& mm, const SnapVma& wanted, std::uint64_t start, std::uint64_t end);
  VmaId take_vma(Mm& mm, const SnapVma& vma);

  // seed.cpp
  void finish_attach();  // all attach snapshots are in: build them
  void finish_resync();  // all of those after a loss
  void take_vmas(Mm& mm, const SeenMm& seen);
  void seed(const std::vector<SeenMm>& all);
  std::uint32_t phantom_slot();
  std::uint32_t family_by(MmId relative);
  void unite_families(const std::vector<SeenMm>& all);
  void taint(MmId id);
  void set_tainted(Mm& mm);

  KernelRules rules_;
  Setting setting_;
  unsigned page_shift_;
  std::uint64_t page_mask_;
  SlabAccount& slab_;
  std::unique_ptr<Strategy> strategy_;
  Watcher* watcher_ = nullptr;

  std::vector<Vma> table_;
  std::vector<std::uint32_t> free_vmas_;
  std::vector<Mm> mms_;
  std::vector<std::uint32_t> free_mms_;
  std::unordered_map<std::uint32_t, std::uint32_t> slot_of_;  // ids come from a file: not dense
  MmId last_mm_;
  std::uint32_t last_slot_ = 0;
  std::uint64_t mms_seen_ = 0;
  std::uint64_t prepared_ = 0;
  std::array<std::uint64_t, kNumCaches> prepared_objs_{};  // allocated for them
  std::vector<std::uint32_t> endings_{0};  // by family: mms between last exit_task and exit_mmap
  FileId unnamed_files_ = 0;

  SnapshotCollector collector_;
  std::vector<SeenMm> attached_;  // read, and not yet built
  std::uint64_t parts_ = 0;       // of snapshots, in these two
  std::unique_ptr<Seeder> seeder_;
  std::optional<std::uint32_t> phantom_slot_;
  std::array<std::uint64_t, kAllCaches> at_start_{};
  std::unordered_set<std::uint32_t> tainted_ever_;  // mms

  std::uint64_t now_event_ = 0, now_ns_ = 0;
  Anomalies anomalies_;
  std::uint64_t map_counts_compared_ = 0;
  std::uint64_t map_count_mismatches_ = 0;
  std::optional<Mismatch> first_mismatch_;
};

}  // namespace anonvma
