// The findings of check() about events: each gets its place in the file. A finding that may follow
// from a loss waits for the loss marker, because the recorder learns of a loss a little after the
// first effect of the missing record.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/trace/check.h"

namespace anonvma {

class CheckFindings {
 public:
  using Report = std::function<void(Finding)>;

  CheckFindings(std::uint64_t page_size, Report report);
  // The events that follow are in this chunk.
  void chunk_at(std::uint64_t chunk, std::uint64_t offset);
  void find(FindingKind kind, std::string what);
  // Finds an address that is not a multiple of the page size.
  void check_page(std::string_view name, std::uint64_t address);
  // The latest time of an event so far.
  void set_time(std::uint64_t newest_ns) { newest_ns_ = newest_ns; }
  std::uint64_t newest_ns() const { return newest_ns_; }
  void next_event();
  // Events are missing here: what waited may be due to that.
  void gap();
  // The end of the file. If it was cut off, nobody knows whether a loss marker would have followed.
  void finish(bool is_cut);

  std::uint64_t events() const { return events_; }
  std::uint64_t softened() const { return softened_; }
  std::uint64_t undecided() const { return undecided_; }

 private:
  void hold(Finding finding);
  void release_held();

  const std::uint64_t page_mask_;
  const Report report_;
  std::uint64_t chunk_ = 0, offset_ = 0, events_ = 0;
  bool behind_loss_ = false;
  std::vector<Finding> held_;
  std::uint64_t held_since_ns_ = 0, newest_ns_ = 0;
  std::uint64_t softened_ = 0, undecided_ = 0;
};

}  // namespace anonvma
