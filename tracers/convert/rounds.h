// Suspects and rounds: mms that lost records are read again, with all that may share an anon_vma.
//
//   loss of A ─ begin() ─ walk: place(A), place(its relatives) ─ alive() ─ unplaced() ─ end()
//   A is a suspect                                        A is known again, or a suspect again
//
// The snapshots of a family replace the state that the model has of it. They must be complete and
// one state, as relatives decide whether the next fork reuses an anon_vma. Each of four signs shows
// that they are not, and leaves the family tainted for another round:
//   - an mm of the family lives and was not read: it is exiting, or a writer tore its walk;
//   - an mm lives that is not announced: only its snapshot can tell its family;
//   - a relative forked after its own snapshot, and another one was read (or ended) after that;
//   - anon_vmas have more children or vmas in the kernel than in the snapshots.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "engine/ids.h"
#include "tracers/convert/address_map.h"
#include "tracers/convert/families.h"
#include "tracers/convert/walked.h"

namespace anonvma {

class Rounds {
 public:
  // Tells whether the mm at an address still lives.
  using Lives = std::function<bool(std::uint64_t)>;

  Rounds(const AddressMap& addresses, Families& families, bool tracked_only)
      : addresses_(addresses), families_(families), tracked_only_(tracked_only) {}

  // Suspects, by kernel address, with the kinds of records that they lost.
  bool has_suspects() const { return all_suspect_ || !suspects_.empty(); }
  void suspect(std::uint64_t address, std::uint32_t kind) { suspects_[address] |= 1u << kind; }
  void suspect_all() { all_suspect_ = true; }
  bool is_suspect(std::uint64_t address) const { return suspects_.contains(address); }
  bool has_lost(std::uint64_t address, std::uint32_t kind) const;
  // Like is_suspect(), but also true for the suspects of the round that is in progress.
  bool was_suspect(std::uint64_t address) const {
    return suspects_.contains(address) || round_.suspects.contains(address);
  }
  void forget(std::uint64_t address) { suspects_.erase(address); }
  // Another mm takes the address between these two. Losses that may be its own are put back.
  std::optional<std::uint32_t> take(std::uint64_t address);
  void put(std::uint64_t address, std::uint32_t kinds) { suspects_[address] = kinds; }

  void begin();
  bool is_active() const { return round_.active; }
  // The addresses of all mms that live after the walk; nothing if they are not known.
  void alive(const std::optional<std::vector<std::uint64_t>>& addresses);
  // True if the mm at `address` may join the round. `in_exec`: an execve in progress fills it.
  bool contains(std::uint64_t address, bool in_exec) const;
  // True if the record of the end of `mm` was lost. An mm that lives at the address is another one.
  bool is_gone(std::uint64_t address, MmId mm) const;
  // The walk has read `mm`. Returns a relative that was read before, if there is one.
  MmId place(MmId mm, const WalkedMm& walked);
  // An exec after the walk: the whole state of `mm` is known.
  void exec(MmId mm);
  void fork(MmId parent, MmId child);
  void exit(MmId mm);

  // Mms, by address, that no walk has placed and that have ended: the record of the end was lost.
  std::vector<std::pair<std::uint64_t, MmId>> unplaced(const Lives& lives);
  // Ends the round. Returns the mms that are tainted from here on: they are suspects again.
  std::vector<MmId> end(const Lives& lives);

 private:
  // The numbers of an anon_vma in this round.
  struct Numbers {
    MmId by;  // the first mm that is linked to it
    std::uint64_t root = 0, parent = 0;
    std::uint64_t users = 0;  // children and own vmas, by the kernel's count
    std::uint64_t shown = 0;  // the users in the snapshots
    bool own = false;         // `users` was read where its own vmas are
    bool another = false;     // two objects had the address, one after the other
  };
  struct Round {
    bool active = false;
    bool all = false;
    std::unordered_map<std::uint64_t, std::uint32_t> suspects;
    std::unordered_set<std::uint32_t> families;
    std::unordered_set<MmId> placed;                // their state is known again
    std::unordered_map<std::uint64_t, MmId> roots;  // root anon_vma to a placed mm
    std::unordered_map<std::uint64_t, Numbers> numbers;
    std::unordered_set<std::uint32_t> forked;    // families with a fork after their snapshot
    std::unordered_set<std::uint32_t> doubtful;  // families
    std::uint32_t first_new = 0;                 // mms from this id on were born in the round
    bool sees_alive = false;
    std::unordered_set<std::uint64_t> alive;  // addresses
    std::uint32_t first_unlisted = 0;         // mms from this id on were born after that list
  };

  bool wants(MmId mm) const { return round_.all || round_.families.contains(families_.of(mm)); }
  void unite(std::uint32_t a, std::uint32_t b);
  void note_numbers(MmId mm, const WalkedMm& walked);
  void weigh_numbers();
  void look_for_unannounced(const Lives& lives);

  const AddressMap& addresses_;
  Families& families_;
  bool tracked_only_;
  std::unordered_map<std::uint64_t, std::uint32_t> suspects_;  // address to kinds lost
  bool all_suspect_ = false;
  Round round_;
};

}  // namespace anonvma
