// The second half of check(): events against each other, one at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/trace/check_findings.h"
#include "engine/trace/check_mms.h"
#include "engine/trace/check_snapshots.h"
#include "engine/trace/event.h"
#include "engine/trace/sparse_bits.h"
#include "engine/trace/texts.h"

namespace anonvma {

// How the file ends. After a cut, the next event is unknown.
enum class FileEnd : bool { cut, whole };

class EventCheck {
 public:
  EventCheck(std::uint64_t page_size, CheckFindings::Report report);
  void chunk_at(std::uint64_t chunk, std::uint64_t offset) { findings_.chunk_at(chunk, offset); }
  void apply(const Event& event);
  // Chunks are missing here or could not be read. The effect is that of a Lost event.
  void gap();
  void finish(FileEnd end);

  std::uint64_t events() const { return findings_.events(); }
  std::uint64_t lost() const { return lost_; }
  std::uint64_t softened() const { return findings_.softened(); }
  std::uint64_t undecided() const { return findings_.undecided(); }

 private:
  void check_time(const Event& event);
  void check_values(const Event& event);
  void check_truth(const Truth& truth);
  void check_text(const Text& piece);

  CheckFindings findings_;
  MmCheck mms_{findings_};
  SnapshotCheck snapshots_{findings_};
  Texts texts_;
  std::uint64_t lost_ = 0;
  std::vector<SparseBits> live_, freed_;  // objects of the truth lane, by cache
};

}  // namespace anonvma
