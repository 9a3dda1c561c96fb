// Gives the vmas of an attach snapshot their objects: exactly where the strategy can take the
// kernel's own trees over, else by replaying them as a life, in which every anon_vma is prepared
// by, or forked to, one vma that stands for it, ancestors first.
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
  // `counts`: counters are counted from what is added, else taken over as the kernel had them.
  explicit Seeder(Strategy& strategy, bool counts = false) : strategy_(strategy), counts_(counts) {}
  void set_counts(bool counts) { counts_ = counts; }

  // A new set of snapshots. Names of anon_vmas hold over all sets of a trace; the vmas that stood
  // for them do not. `anew`: after a loss, when a name may be another one's by now.
  void begin(bool anew = false);

  void add(VmaId vma, AnonVmaId anon_vma, const std::vector<SnapChain>& chain);
  // Builds everything. `phantom` makes a vma that stands for an ancestor without vmas of its own;
  // those made are returned, to be removed by the caller. `about` is told before the objects of a
  // vma are made; false: there are enough of them, as a snapshot may say anything of ancestors.
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
    std::uint32_t set = 0;  // named in it
  };
  std::unordered_map<std::uint32_t, Name> dense_;  // ids come from a file
  std::uint32_t set_ = 0;
  bool anew_ = false;
};

}  // namespace anonvma
