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

  // To be called with every event in order; if comms(), from the start of the trace. Returns the
  // events to print now, perhaps none. An Exec is held back until its snapshot shows the comm. The
  // result is valid until the next call.
  const std::vector<Event>& pass(const Event& event);
  // At the end: returns the event that is still held back.
  const std::vector<Event>& finish();

  // True if events are selected by comm, which only a snapshot of the process or its parent shows.
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
