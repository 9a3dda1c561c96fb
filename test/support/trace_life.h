// A trace made in memory, for tests that read one: a life with one event per second.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "test/catch.h"
#include "test/support/trace_bytes.h"
#include "test/support/vma_world.h"

namespace anonvma::test {

class Life {
 public:
  template <class Body>
  Life& add(std::uint32_t mm, const Body& body) {
    events_.push_back({{.time_ns = events_.size() * 1'000'000'000, .mm = MmId{mm}}, body});
    return *this;
  }
  Life& exec(std::uint32_t mm) {
    add(mm, Exec{});
    const Comm comm = make_comm(fmt::format("task{}", mm));
    return add(mm, Snapshot{.reason = static_cast<std::uint64_t>(SnapReason::exec),
                            .tgid = 100 + mm,
                            .comm_lo = comm.lo,
                            .comm_hi = comm.hi});
  }
  Life& map(std::uint32_t mm, std::uint64_t page) {
    const std::uint64_t at = World::addr(page);
    return add(mm, Map{.addr = at,
                       .len = 2 * kPage,
                       .prot = 3,
                       .map_flags = 0x22,
                       .ops = kOpsUnread,
                       .ret = static_cast<std::int64_t>(at)});
  }
  Life& write(std::uint32_t mm, std::uint64_t page) {
    return add(mm, Fault{World::addr(page), kFaultWrite});
  }
  Life& unmap(std::uint32_t mm, std::uint64_t page) {
    return add(mm, Unmap{.addr = World::addr(page), .len = 2 * kPage});
  }
  Life& fork(std::uint32_t parent, std::uint32_t child) {
    return add(parent, Fork{.child = MmId{child}, .child_tid = 100 + child});
  }
  Life& exit(std::uint32_t mm) { return add(mm, ExitMmap{}); }

  std::vector<std::byte> trace() const {
    Meta meta;
    meta.release = "6.18.44";
    meta.faults = "write";
    meta.anon_vma_members = {"root", "num_children", "num_active_vmas"};
    meta.anon_vma_clone_args = 2;
    std::vector<std::byte> bytes = write_trace(events_, 0, meta);
    REQUIRE(!bytes.empty());
    return bytes;
  }

 private:
  std::vector<Event> events_;
};

}  // namespace anonvma::test
