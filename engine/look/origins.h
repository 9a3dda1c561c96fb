// Observes where anon_vmas come from: which write or fork made each of them, and for chosen ones
// which forks carried them into other mms. It numbers them in the order in which they were made, from
// 1: the number is the same in every look at a trace under one design.
//
// A design that makes anon_vmas at other moments (a guard region, a stack that grows by a read) shows
// them late: at their first write, or at the first fork of their mm.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/ids.h"
#include "engine/slab/slab_account.h"
#include "engine/vma/address_spaces.h"
#include "engine/vma/watcher.h"

namespace anonvma {

struct Origin {
  // unknown: it was never seen to be made.
  enum class How : std::uint8_t { unknown, write, fork, exec, start, reading };
  How how = How::unknown;
  MmId mm{};      // the mm whose vma got it first
  MmId parent{};  // of a fork
  OpKind kind{};  // the operation that made it
  std::uint64_t event = 0, ns = 0;
  std::uint64_t addr = 0;  // that was written to, or the start of the vma
  friend bool operator==(const Origin&, const Origin&) = default;
};

// A fork that gave the child of `from` a vma that is linked to an anon_vma.
struct Carried {
  MmId from, to;
  std::uint64_t event = 0, ns = 0;
  friend bool operator==(const Carried&, const Carried&) = default;
};

class Origins final : public Watcher {
 public:
  // `slab` is the account of `spaces`: the memory of the notes belongs to its budget.
  Origins(const AddressSpaces& spaces, SlabAccount& slab, std::uint64_t page_size)
      : spaces_(spaces), slab_(slab), page_size_(page_size) {}
  // Forks are noted for the anon_vmas of these numbers only.
  void follow(std::span<const std::uint64_t> numbers);

  // The number of an anon_vma. One that was never seen to be made gets the next; 0 stays 0.
  std::uint64_t number(std::uint64_t name);
  std::uint64_t known_number(std::uint64_t name) const;  // 0 for one that was never seen
  // None if there is no anon_vma of that number.
  std::optional<std::uint64_t> name(std::uint64_t number) const;
  Origin of(std::uint64_t name) const;
  // In the order of the trace.
  std::span<const Carried> carried(std::uint64_t number) const;

  void began(OpKind kind, std::uint64_t event, std::uint64_t time_ns) override;
  void settled() override {}
  void written(VmaId vma, std::uint64_t pgoff, std::uint64_t pages) override;
  void moved(VmaId to, VmaId from, std::uint64_t pgoff, std::uint64_t pages, Move why) override;
  void forked(VmaId child, VmaId parent) override;
  void emptied(VmaId) override {}

 private:
  void note(VmaId vma, Origin origin);
  void note_carried(std::uint64_t name, const Carried& carried);
  struct Entry {
    Origin origin;
    std::uint64_t number = 0;
  };

  const AddressSpaces& spaces_;
  SlabAccount& slab_;
  std::uint64_t page_size_;
  OpKind kind_ = OpKind::start;
  std::uint64_t event_ = 0, ns_ = 0;
  std::unordered_map<std::uint64_t, Entry> entries_;                 // by name
  std::vector<std::uint64_t> names_;                                 // by number - 1
  std::unordered_map<std::uint64_t, std::vector<Carried>> carried_;  // of followed numbers
};

}  // namespace anonvma
