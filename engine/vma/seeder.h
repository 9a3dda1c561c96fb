// Gives the vmas of an attach snapshot their objects. A strategy that can take over the kernel's
// own trees does so exactly. For any other strategy the trees are replayed as a life: each anon_vma
// is prepared by, or forked to, one vma that stands for it, ancestors first.
//
//   snapshot             replayed as a life
//   A (root, no vma)     a phantom vma is prepared: A
//   └─ B (vmas 1 2)      vma 1 is forked from the phantom: B; vma 2 is cloned from vma 1
//      └─ C (vma 3)      vma 3 is forked from vma 1: C
//
// Same: for the kernel's own design, every link and counter. Simplified: for any other design, the
// order in which its objects would have been made.
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "engine/strategy/strategy.h"
#include "engine/trace/event.h"

namespace anonvma {

class Seeder {
 public:
  // With `counts`, counters are computed from the added vmas, and the kernel's counters are
  // ignored.
  explicit Seeder(Strategy& strategy, bool counts = false) : strategy_(strategy), counts_(counts) {}
  void set_counts(bool counts) { counts_ = counts; }

  // Begins a set of snapshots. Names of anon_vmas are valid for all sets of a trace; the vmas that
  // stand for them are not. With `anew` (after a loss) a name may have been reused.
  void begin(bool anew = false);

  void add(VmaId vma, AnonVmaId anon_vma, const std::vector<SnapChain>& chain);
  // Builds everything. `phantom` makes a vma that stands for an ancestor without vmas of its own.
  // All phantoms are returned, and the caller removes them. `about` is called before the objects of
  // a vma are made. It returns false to stop: a snapshot of a hostile file may name any number of
  // ancestors.
  std::vector<VmaId> build(const std::function<VmaId()>& phantom,
                           const std::function<bool(VmaId)>& about);

  bool exact() const { return strategy_.can_seed(); }
  std::uint64_t vmas() const { return seen_.size(); }

 private:
  struct Seen {
    VmaId vma;
    std::uint32_t anon_vma = kNone;  // dense
    std::vector<Strategy::SeedLink> chain;
  };
  struct Node {
    std::uint32_t parent = kNone;  // kNone: a root
    VmaId stand_in;
    bool built = false;
  };
  static constexpr std::uint32_t kNone = 0xffffffffu;

  AnonVmaId dense(AnonVmaId id);
  void stand_for(std::uint32_t node, const std::function<VmaId()>& phantom,
                 const std::function<bool(VmaId)>& about, std::vector<VmaId>& phantoms);

  void count();
  void count_unshared();

  Strategy& strategy_;
  bool counts_;
  std::vector<Seen> seen_;
  std::vector<Node> nodes_;
  struct Name {
    std::uint32_t dense = 0;
    std::uint32_t set = 0;  // the set in which it got this name
  };
  std::unordered_map<std::uint32_t, Name> dense_;  // ids come from a file
  std::uint32_t set_ = 0;
  bool anew_ = false;
};

}  // namespace anonvma
