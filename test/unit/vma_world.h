// A little language for tests of the VMA layer: pages instead of bytes, one mm unless said
// otherwise, and a picture of the layout in the kernel's words:
//
//   "0-4 rw faulted a1 | 4-6 r unfaulted"
//
// forked: the vma came through a fork, its chain has more than one entry.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "engine/vma/address_spaces.h"

namespace anonvma::test {

inline constexpr std::uint64_t kPage = 4096;
inline constexpr std::uint64_t kBase = 0x100000;  // pages

inline std::uint64_t prot_of(std::string_view prot) {
  std::uint64_t bits = 0;
  for (const char c : prot) bits |= c == 'r' ? 1u : c == 'w' ? 2u : c == 'x' ? 4u : 0u;
  return bits;
}

class World {
 public:
  explicit World(std::string_view strategy = "num-children", std::string_view rules = "6.19")
      : spaces_(*find_rules(rules), kPage, *find_strategy(strategy), slab_) {
    apply(Exec{}, MmId{0});
    apply(Snapshot{.reason = static_cast<std::uint64_t>(SnapReason::exec)}, MmId{0});
  }

  template <class Body>
  World& apply(const Body& body, MmId mm, std::uint32_t map_count = 0) {
    spaces_.apply(Event{{.mm = mm, .map_count = map_count}, body}, index_++);
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
  World& brk(std::uint64_t from, std::uint64_t to) {
    return apply(Brk{addr(from), addr(to), 0, static_cast<std::int64_t>(addr(to))}, mm_);
  }
  World& write(std::uint64_t page) { return apply(Fault{addr(page), kFaultWrite}, mm_); }
  World& fork(std::uint32_t child) { return apply(Fork{MmId{child}, 0}, mm_); }
  World& exit() { return apply(ExitMmap{}, mm_); }

  // The layout of `mm`. anon_vmas cannot be named from outside; vmas that share one show the same
  // letter and number, in order of appearance.
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
      if (v.flags & kVmLocked) out += " locked";
      out += faulted_text(id, groups);
    }
    return out;
  }

  std::uint64_t active(CacheIndex cache) const { return slab_.usage(cache).active_objs; }
  std::uint64_t allocs(CacheIndex cache) const { return slab_.usage(cache).allocs; }
  AddressSpaces& spaces() { return spaces_; }
  static std::uint64_t addr(std::uint64_t page) { return (kBase + page) * kPage; }

 private:
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
  MmId mm_{0};
  std::uint64_t index_ = 0;
};

}  // namespace anonvma::test
