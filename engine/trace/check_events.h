// The second half of check(): compares events with each other, one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/trace/check.h"
#include "engine/trace/event.h"

namespace anonvma {

// A set of numbers from a file. They are dense in an honest file, and arbitrary in others.
class SparseBits {
 public:
  bool test(std::uint64_t at) const {
    const auto word = words_.find(at / 64);
    return word != words_.end() && (word->second >> at % 64 & 1) != 0;
  }
  void set(std::uint64_t at) { words_[at / 64] |= 1ull << at % 64; }
  void clear(std::uint64_t at) {
    const auto word = words_.find(at / 64);
    if (word != words_.end() && (word->second &= ~(1ull << at % 64)) == 0) words_.erase(word);
  }

 private:
  std::unordered_map<std::uint64_t, std::uint64_t> words_;
};

// How the file ends. After a cut, the next event is unknown.
enum class FileEnd : bool { cut, whole };

class EventCheck {
 public:
  using Report = std::function<void(Finding)>;

  // Findings get the chunk and the offset given to chunk_at().
  EventCheck(std::uint64_t page_size, Report report);
  void chunk_at(std::uint64_t chunk, std::uint64_t offset);
  void apply(const Event& event);
  // Chunks are missing here or could not be read. The effect is that of a Lost event.
  void gap();
  void finish(FileEnd end);

  std::uint64_t events() const { return events_; }
  std::uint64_t lost() const { return lost_; }
  std::uint64_t softened() const { return softened_; }
  std::uint64_t undecided() const { return undecided_; }

 private:
  struct Mm {
    std::uint32_t last_write = 0;  // seq of its last operation, or of its birth
    std::uint32_t given_up = 0;    // the highest seq that an UnknownWrite stands for
    bool written = false;          // last_write is known
  };

  void find(FindingKind kind, std::string what);
  void hold(Finding finding);
  void release_held();
  void check_time(const Event& event);
  void check_mm(const Event& event);
  void check_seq(const Event& event, Mm& mm);
  void bear(MmId id, std::uint32_t seq);
  void bear_by(const Event& event);
  void check_values(const Event& event);
  void check_page(std::string_view name, std::uint64_t address);
  void check_group(const Event& event);
  void begin_snapshot(const Event& event, const Snapshot& snapshot);
  void check_vma(const SnapVma& vma);
  void check_chain(const SnapChain& chain);
  void end_chain();
  void end_group(std::string_view why);
  void check_truth(const Truth& truth);

  std::uint64_t page_mask_;
  Report report_;
  std::uint64_t chunk_ = 0, offset_ = 0, events_ = 0;
  bool behind_loss_ = false;
  // The recorder learns of a loss a little after the first effect of the missing record. Findings
  // that may follow from a loss wait here for the loss marker.
  std::vector<Finding> held_;
  std::uint64_t held_since_ns_ = 0;
  std::uint64_t lost_ = 0, softened_ = 0, undecided_ = 0;
  std::uint64_t newest_ns_ = 0;

  std::unordered_map<MmId, Mm> mms_;  // alive
  SparseBits dead_;

  // The snapshot in progress.
  bool in_group_ = false;
  MmId group_mm_;
  std::uint64_t vmas_left_ = 0, chains_left_ = 0, vma_end_ = 0;
  AnonVmaId own_;  // anon_vma of the last SnapVma, until one of its chains names it
  std::unordered_map<AnonVmaId, SnapChain> links_;  // chains of this snapshot
  std::unordered_set<AnonVmaId> roots_;             // their roots
  bool exec_ = false;                               // an Exec waits for its snapshot
  MmId exec_mm_;

  std::vector<SparseBits> live_, freed_;  // objects of the truth lane, by cache
};

}  // namespace anonvma
