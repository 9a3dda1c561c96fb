// The heads of events: times of the kernel's clock become times since the start of the trace.
#pragma once

#include <algorithm>
#include <cstdint>

#include "engine/trace/event.h"
#include "tracers/convert/order.h"
#include "tracers/records.h"

namespace anonvma {

class Heads {
 public:
  // Sets the CLOCK_MONOTONIC of time 0 of the trace.
  void set_start(std::uint64_t start_ns) { start_ns_ = start_ns; }
  // A record that was reserved on another cpu may have a time just before the start.
  std::uint64_t since_start(std::uint64_t time_ns) const {
    return time_ns - std::min(time_ns, start_ns_);
  }
  EventHead head(const anonvma_record& r, MmId mm) const {
    return {since_start(r.time_ns), r.tid, mm, r.seq, r.map_count};
  }
  EventGroup group(const anonvma_record& r, MmId mm, const EventBody& body) const {
    return {{head(r, mm), body}, {}};
  }

 private:
  std::uint64_t start_ns_ = 0;
};

}  // namespace anonvma
