// Selects the events that `dump` prints.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/trace/event.h"

namespace anonvma::cmd {

class DumpFilter {
 public:
  struct Options {
    std::optional<double> from_s, to_s;
    std::vector<std::uint32_t> mms;
    std::vector<std::string> comms;
  };
  explicit DumpFilter(const Options& options);

  // Takes every event of the trace in order, from its start when comms() is asked for. Returns
  // those to print now, which may be none, and an Exec that was held back until its snapshot told
  // the comm. Valid until the next call.
  const std::vector<Event>& pass(const Event& event);
  // At the end: what is still held back.
  const std::vector<Event>& finish();

  // By the name of a process, which only its snapshot or its parent's tells.
  bool comms() const { return !comms_.empty(); }

 private:
  bool in_window(const Event& event) const;
  bool concerns_mm(const Event& event) const;
  bool concerns_comm(const Event& event) const;
  bool is_one_of(MmId mm) const;
  void follow(const Event& event);
  void add(const Event& event);

  std::uint64_t from_ns_, to_ns_;
  std::unordered_set<std::uint32_t> mms_;
  std::unordered_set<std::string> comms_;
  std::unordered_map<std::uint32_t, std::string> comm_of_;
  std::optional<Event> exec_;  // waits for its snapshot
  std::vector<Event> out_;
};

}  // namespace anonvma::cmd
