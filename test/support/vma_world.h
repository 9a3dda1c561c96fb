// A small language for tests of the VMA layer: pages instead of bytes, mm 0 by default, and a
// picture of the layout in the kernel's words:
//
//   "0-4 rw faulted a1 | 4-6 r unfaulted"
//
// "forked": the vma came through a fork, so its chain has more than one entry.
//
// expect(since("6.16"), life, picture): the result of a life under each of these rules.
#pragma once

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/replay/driver.h"
#include "engine/vma/address_spaces.h"
#include "test/catch.h"
#include "test/support/strategy_choice.h"

namespace anonvma::test {

inline constexpr std::uint64_t kPage = 4096;
inline constexpr std::uint64_t kBase = 0x100000;  // pages

inline std::uint64_t prot_of(std::string_view prot) {
  std::uint64_t bits = 0;
  for (const char c : prot) bits |= c == 'r' ? 1u : c == 'w' ? 2u : c == 'x' ? 4u : 0u;
  return bits;
}

// A vma of a snapshot. It is private anonymous memory unless it has a file.
struct Shown {
  std::uint64_t start = 0, end = 0;
  std::string_view prot;
  std::uint64_t flags = 0;     // VM_* other than those of access and VM_ACCOUNT
  std::uint32_t anon_vma = 0;  // 0: unfaulted
  std::uint32_t file = 0;
  std::uint64_t pgoff = 0;  // in a file
  std::uint32_t policy = 0, context = 0, name = 0;
};

class World {
 public:
  explicit World(std::string_view strategy = "num-children", std::string_view rules = "6.19",
                 Setting setting = {})
      : World(choice(strategy), rules, setting) {}
  explicit World(const StrategyChoice& strategy, std::string_view rules = "6.19",
                 Setting setting = {})
      : spaces_(*find_rules(rules), kPage, strategy, slab_, setting), driver_(spaces_, slab_) {
    exec(0, {});
  }

  template <class Body>
  World& apply(const Body& body, MmId mm, std::uint32_t map_count = 0, std::uint32_t seq = 0) {
    driver_.apply(Event{{.mm = mm, .seq = seq, .map_count = map_count}, body}, index_++);
    return *this;
  }
  World& in(std::uint32_t mm) {
    mm_ = MmId{mm};
    return *this;
  }
  World& map(std::uint64_t page, std::uint64_t pages, std::string_view prot,
             std::uint64_t extra_flags = 0, std::uint64_t file = 0, std::uint64_t pgoff = 0,
             std::uint64_t ops = 0) {
    const std::uint64_t kind = (extra_flags & kMapTypeMask) ? 0 : 2u;
    return apply(Map{.addr = addr(page),
                     .len = pages * kPage,
                     .prot = prot_of(prot),
                     .map_flags = kind | extra_flags | (file == 0 ? kMapAnonymous : 0) | kMapFixed,
                     .pgoff = pgoff,
                     .file = file,
                     .stored_file = file,
                     .ops = kOpsUnread | ops,
                     .ret = static_cast<std::int64_t>(addr(page))},
                 mm_);
  }
  // A private mapping of a file, at the offset of its first page in the picture.
  World& file(std::uint64_t page, std::uint64_t pages, std::string_view prot, std::uint64_t id,
              std::uint64_t ops = 0) {
    return map(page, pages, prot, 0, id, page, ops);
  }
  // A mapping that was read back after the call; `stored` is the vma's file.
  World& map_read_back(std::uint64_t page, std::uint64_t pages, std::uint64_t vm_flags,
                       std::uint64_t file = 0, std::uint64_t stored = 0) {
    return apply(Map{.addr = addr(page),
                     .len = pages * kPage,
                     .map_flags = 2u | (file == 0 ? kMapAnonymous : 0) | kMapFixed,
                     .vm_flags = vm_flags,
                     .pgoff = page,
                     .file = file,
                     .stored_file = stored,
                     .ret = static_cast<std::int64_t>(addr(page))},
                 mm_);
  }
  World& unmap(std::uint64_t page, std::uint64_t pages) {
    return apply(Unmap{addr(page), pages * kPage, 0}, mm_);
  }
  World& protect(std::uint64_t page, std::uint64_t pages, std::string_view prot, int ret = 0) {
    return apply(Protect{addr(page), pages * kPage, prot_of(prot), -1, ret}, mm_);
  }
  World& advise(std::uint64_t page, std::uint64_t pages, std::uint64_t advice, int ret = 0) {
    return apply(Advise{addr(page), pages * kPage, advice, ret}, mm_);
  }
  World& lock(std::uint64_t page, std::uint64_t pages, LockOp op, std::uint64_t flags = 0,
              int ret = 0) {
    return apply(Lock{addr(page), pages * kPage, static_cast<std::uint64_t>(op), flags, ret}, mm_);
  }
  World& remap(std::uint64_t page, std::uint64_t pages, std::uint64_t new_pages,
               std::uint64_t flags, std::uint64_t to) {
    return apply(Remap{addr(page), pages * kPage, new_pages * kPage, flags, addr(to),
                       static_cast<std::int64_t>(addr(to))},
                 mm_);
  }
  World& remap_fails(std::uint64_t page, std::uint64_t pages, std::uint64_t new_pages,
                     std::uint64_t flags, std::uint64_t to, int error) {
    return apply(Remap{addr(page), pages * kPage, new_pages * kPage, flags, addr(to), error}, mm_);
  }
  World& move(std::uint64_t page, std::uint64_t pages, std::uint64_t to,
              std::uint64_t extra_flags = 0) {
    return remap(page, pages, pages, kMremapMayMove | kMremapFixed | extra_flags, to);
  }
  World& seal(std::uint64_t page, std::uint64_t pages, int ret = 0) {
    return apply(Seal{addr(page), pages * kPage, ret}, mm_);
  }
  World& name(std::uint64_t page, std::uint64_t pages, std::uint32_t vma_name, int ret = 0) {
    return apply(Name{addr(page), pages * kPage, vma_name, ret}, mm_);
  }
  World& mlock(std::uint64_t page, std::uint64_t pages, int ret = 0) {
    return lock(page, pages, LockOp::mlock, 0, ret);
  }
  World& mlock_onfault(std::uint64_t page, std::uint64_t pages) {
    return lock(page, pages, LockOp::mlock2, 1);
  }
  World& munlock(std::uint64_t page, std::uint64_t pages) {
    return lock(page, pages, LockOp::munlock);
  }
  World& mlockall(std::uint64_t flags) {
    return apply(Lock{.op = static_cast<std::uint64_t>(LockOp::mlockall), .flags = flags}, mm_);
  }
  World& munlockall() {
    return apply(Lock{.op = static_cast<std::uint64_t>(LockOp::munlockall)}, mm_);
  }
  World& brk(std::uint64_t from, std::uint64_t to) {
    return apply(Brk{addr(from), addr(to), 0, static_cast<std::int64_t>(addr(to))}, mm_);
  }
  World& write(std::uint64_t page) { return apply(Fault{addr(page), kFaultWrite}, mm_); }
  World& read(std::uint64_t page) { return apply(Fault{addr(page), 0}, mm_); }
  // A fault below a stack, and the write acquire by which the kernel grants the growth.
  World& grow(std::uint64_t page, std::uint32_t flags = 0) {
    const Fault fault{addr(page), flags};
    apply(fault, mm_);
    return apply(fault, mm_, static_cast<std::uint32_t>(spaces_.vmas(mm_).size()));
  }
  // A write fault in an mm with more than one task.
  World& race(std::uint64_t page) {
    return apply(Fault{addr(page), kFaultWrite | kFaultShared}, mm_);
  }
  // The task of the last race() or touch() at this page has allocated an anon_vma.
  World& allocates(std::uint64_t page) { return apply(NewAnonVma{addr(page)}, mm_); }
  World& touch(std::uint64_t page) { return apply(Touch{addr(page), 0, {}}, mm_); }
  World& fork(std::uint32_t child) { return apply(Fork{MmId{child}, 0}, mm_); }
  World& exit() { return apply(ExitMmap{}, mm_); }

  World& exec(std::uint32_t mm, const std::vector<Shown>& vmas) {
    apply(Exec{}, MmId{mm});
    return snapshot(mm, SnapReason::exec, vmas);
  }
  // An unseen writer, and the state of the mm after it.
  World& unseen_writer(const std::vector<Shown>& vmas) {
    apply(UnknownWrite{}, mm_);
    return snapshot(mm_.v, SnapReason::unknown_write, vmas);
  }
  World& snapshot(std::uint32_t mm, SnapReason reason, const std::vector<Shown>& vmas) {
    apply(snapshot_event(reason, vmas.size()), MmId{mm});
    for (const Shown& v : vmas) apply(snap_vma(v), MmId{mm});
    return *this;
  }

  // The trace is over: applies snapshots that wait for the rest of their set.
  void finish() { driver_.finish(); }

  // The layout of `mm`. anon_vmas get names in the order of appearance ("a1"); vmas that share one
  // show the same name.
  std::string show(std::uint32_t mm = 0) {
    std::string out;
    std::vector<VmaId> groups;
    for (const VmaId id : spaces_.vmas(MmId{mm})) {
      const Vma& v = spaces_.vma(id);
      if (!out.empty()) out += " | ";
      out += std::to_string(v.start / kPage - kBase) + "-" + std::to_string(v.end / kPage - kBase);
      out += ' ';
      if (v.flags & kVmRead) out += 'r';
      if (v.flags & kVmWrite) out += 'w';
      if (v.flags & kVmExec) out += 'x';
      if (!(v.flags & kVmAccess)) out += "-";
      for (const auto& [flag, word] : kWords)
        if (v.flags & flag) out += word;
      if (v.name != 0) out += " name" + std::to_string(v.name);
      out += faulted_text(id, groups);
    }
    return out;
  }

  VmaId id(std::uint64_t page) const {
    for (const VmaId id : spaces_.vmas(mm_))
      if (spaces_.vma(id).start <= addr(page) && addr(page) < spaces_.vma(id).end) return id;
    return {};
  }
  bool has(std::uint64_t page, std::uint64_t vm_flags) const {
    return (spaces_.vma(id(page)).flags & vm_flags) == vm_flags;
  }
  std::uint64_t pgoff(std::uint64_t page) const { return spaces_.vma(id(page)).pgoff - kBase; }

  std::uint64_t active(CacheIndex cache) const { return slab_.usage(cache).active_objs; }
  std::uint64_t allocs(CacheIndex cache) const { return slab_.usage(cache).allocs; }
  std::uint64_t layer_locks() const {
    std::uint64_t locks = 0;
    for (std::size_t k = 0; k < kNumOpKinds; ++k)
      locks += slab_.cost(static_cast<OpKind>(k)).vma_layer_locks;
    return locks;
  }
  std::uint64_t all_locks() const { return layer_locks() + slab_.root_locks(); }
  AddressSpaces& spaces() { return spaces_; }
  static Snapshot snapshot_event(SnapReason reason, std::uint64_t vmas = 0,
                                 std::uint64_t def_flags = 0) {
    Snapshot snapshot;
    snapshot.reason = static_cast<std::uint64_t>(reason);
    snapshot.nr_vmas = vmas;
    snapshot.def_flags = def_flags;
    return snapshot;
  }
  static SnapVma snap_vma(const Shown& v) {
    std::uint64_t flags = prot_of(v.prot) | kVmMayAccess | v.flags;
    if ((flags & (kVmWrite | kVmShared | kVmNoReserve)) == kVmWrite) flags |= kVmAccount;
    return {.start = addr(v.start),
            .end = addr(v.end),
            .vm_flags = flags,
            .pgoff = v.file == 0 ? kBase + v.start : v.pgoff,
            .file = v.file,
            .ops = v.file == 0 ? kOpsAnonymous : 0u,
            .anon_vma = v.anon_vma != 0 ? AnonVmaId{v.anon_vma} : AnonVmaId{},
            .policy = v.policy,
            .context = v.context,
            .vma_name = v.name};
  }
  static std::uint64_t addr(std::uint64_t page) { return (kBase + page) * kPage; }

 private:
  static constexpr std::array<std::pair<std::uint64_t, const char*>, 8> kWords = {
      {{kVmLocked, " locked"},
       {kVmLockOnFault, " onfault"},
       {kVmDontCopy, " dontfork"},
       {kVmWipeOnFork, " wipe"},
       {kVmMaybeGuard, " guard"},
       {kVmUffdMissing, " uffd"},
       {kVmRandRead, " random"},
       {kVmSealed42 | kVmSealed63, " sealed"}}};

  std::string faulted_text(VmaId id, std::vector<VmaId>& groups) {
    const Strategy& s = spaces_.strategy();
    if (!s.faulted(id)) return " unfaulted";
    std::size_t g = 0;
    while (g < groups.size() && !s.same(groups[g], id)) ++g;
    if (g == groups.size()) groups.push_back(id);
    return (s.singular(id) ? " faulted a" : " forked a") + std::to_string(g + 1);
  }

  SlabAccount slab_;
  AddressSpaces spaces_;
  Driver driver_;
  MmId mm_{0};
  std::uint64_t index_ = 0;
};

using Eras = std::vector<std::string_view>;

inline bool contains(const Eras& eras, std::string_view era) {
  return std::find(eras.begin(), eras.end(), era) != eras.end();
}
// The eras of several intervals.
inline Eras join(std::initializer_list<Eras> intervals) {
  Eras all;
  for (const Eras& eras : intervals) all.insert(all.end(), eras.begin(), eras.end());
  return all;
}

// Every set of rules from `first` on, up to but not including `end`.
inline Eras between(std::string_view first, std::string_view end) {
  Eras eras;
  bool inside = first.empty();
  for (const KernelRules& rules : known_rules()) {
    inside = (inside || rules.name == first) && rules.name != end;
    if (inside) eras.push_back(rules.name);
  }
  REQUIRE_FALSE(eras.empty());
  return eras;
}
inline Eras since(std::string_view first) { return between(first, ""); }
inline Eras before(std::string_view end) { return between("", end); }
inline Eras every_era() { return between("", ""); }

// The layout after `life`, a function of a World&, under the rules of one era.
template <class Life>
std::string after(std::string_view era, Life life, std::uint32_t mm = 0) {
  World w("num-children", era);
  life(w);
  return w.show(mm);
}
// The same under the rules of each of `eras`.
template <class Life>
void expect(const Eras& eras, Life life, std::string_view picture, std::uint32_t mm = 0) {
  for (const std::string_view era : eras) {
    INFO("rules of " << era);
    CHECK(after(era, life, mm) == picture);
  }
}

}  // namespace anonvma::test
