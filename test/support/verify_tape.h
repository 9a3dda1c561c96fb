// Made-up recordings for tests of the verifier: events, the kernel's allocations and frees between
// them, and snapshots. Functions below make one small life, in parts.
#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "engine/replay/driver.h"
#include "engine/strategy/own.h"
#include "engine/verify/verifier.h"
#include "test/catch.h"
#include "test/support/vma_world.h"

namespace anonvma::test {

// One entry of a chain: anon_vma, root, parent, and the kernel's counters.
struct Link {
  std::uint32_t anon_vma, root, parent;
  std::uint64_t num_children, num_active_vmas;
};
struct Seen {
  Shown vma;
  std::vector<Link> chain;  // most recently added first
};

// A recording under construction.
struct Tape {
  std::vector<Event> events;
  EventHead head{.tid = 10, .mm = MmId{0}};
  std::uint32_t token = 1;
  std::uint64_t objects = 100;

  Tape& in(std::uint32_t mm) { return head.mm = MmId{mm}, *this; }
  Tape& by(std::uint32_t tid) { return head.tid = tid, *this; }
  template <class Body>
  Tape& add(const Body& body) {
    return events.push_back({head, body}), *this;
  }
  // An operation under the next lock token, and the kernel's allocations and frees in it.
  template <class Body>
  Tape& op(const Body& body, std::uint32_t map_count, const std::string& kernels) {
    head.seq = token;
    kernel(kernels);
    head.map_count = map_count;
    add(body);
    token += 2;
    head.seq = head.map_count = 0;
    return *this;
  }
  // "+v -v +c +a7": allocations and frees of a vma, of an anon_vma_chain (p: one of a prepare), and
  // of anon_vma 7.
  Tape& kernel(const std::string& words, bool in_exec = false) {
    std::istringstream in(words);
    for (std::string word; in >> word;) {
      const char kind = word[1];
      const CacheIndex cache = kind == 'v' ? kVmAreaStruct : kind == 'a' ? kAnonVma : kAnonVmaChain;
      // fork makes an anon_vma in an operation; outside operations a prepare makes it.
      const bool prepares = kind == 'p' || (kind == 'a' && head.seq == 0);
      const TruthSite site = prepares ? TruthSite::prepare : TruthSite::other;
      add(Truth{.cache = cache,
                .site = static_cast<std::uint64_t>(site),
                .object = kind == 'a' ? std::stoul(word.substr(2)) : ++objects,
                .freed = word[0] == '-',
                .in_exec = in_exec});
    }
    return *this;
  }
  Tape& see(SnapReason reason, const std::vector<Seen>& vmas) {
    Snapshot snapshot = World::snapshot_event(reason, vmas.size());
    snapshot.tgid = 10;
    add(snapshot);
    for (const Seen& seen : vmas) {
      SnapVma vma = World::snap_vma(seen.vma);
      vma.nr_chain = seen.chain.size();
      add(vma);
      for (const Link& l : seen.chain)
        add(SnapChain{.anon_vma = AnonVmaId{l.anon_vma},
                      .root = AnonVmaId{l.root},
                      .parent = AnonVmaId{l.parent},
                      .num_children = l.num_children,
                      .num_active_vmas = l.num_active_vmas});
    }
    return *this;
  }
  // The nth event of a kind.
  template <class Body>
  std::vector<Event>::iterator nth(std::size_t n) {
    auto at = events.begin();
    for (;; ++at) {
      REQUIRE(at != events.end());
      if (std::holds_alternative<Body>(at->body) && n-- == 0) return at;
    }
  }
  template <class Body>
  Body& body(std::size_t n) {
    return std::get<Body>(nth<Body>(n)->body);
  }
};

inline Map map_event(std::uint64_t page, std::uint64_t pages) {
  return {.addr = World::addr(page),
          .len = pages * kPage,
          .prot = 3,
          .map_flags = 2 | kMapAnonymous | kMapFixed,
          .ops = kOpsUnread,
          .ret = static_cast<std::int64_t>(World::addr(page))};
}
inline Protect protect_event(std::uint64_t page, std::uint64_t pages, std::uint64_t prot,
                             int ret = 0) {
  return {World::addr(page), pages * kPage, prot, -1, ret};
}
inline Fault write_event(std::uint64_t page, std::uint64_t flags = 0) {
  return {World::addr(page), kFaultWrite | flags};
}

//  parent |  rw a2  |  r a2  |   |  stack a1  |        child |  rw a3  |  r a4  |   |  stack a5  |
inline std::vector<Seen> parent(std::uint64_t relatives) {
  const Link a2{2, 2, 2, 1 + 2 * relatives, 2}, a1{1, 1, 1, 1 + relatives, 1};
  return {{{.start = 0, .end = 2, .prot = "rw", .anon_vma = 2}, {a2}},
          {{.start = 2, .end = 4, .prot = "r", .flags = kVmAccount, .anon_vma = 2}, {a2}},
          {{.start = 1000, .end = 1002, .prot = "rw", .flags = kVmGrowsDown, .anon_vma = 1}, {a1}}};
}
inline std::vector<Seen> child() {
  std::vector<Seen> seen = parent(1);
  for (std::uint32_t i = 0; i < 3; ++i) {
    const std::uint32_t old = seen[i].vma.anon_vma;
    seen[i].vma.anon_vma = 3 + i;
    seen[i].chain.insert(seen[i].chain.begin(), {3 + i, old, old, 0, 1});
  }
  return seen;
}
inline std::vector<Seen> without_chains(std::vector<Seen> seen) {
  for (Seen& s : seen) s.chain.clear();
  return seen;
}

inline constexpr const char* kForked = "+v +c +a3 +c +v +c +a4 +c +v +c +a5 +c";

// The first part: exec, mmap, a first write, an mprotect that splits.
inline Tape youth() {
  Tape t;
  t.kernel("+v -v +v +p +a1", true).add(Exec{});
  t.see(SnapReason::exec, without_chains({parent(0)[2]}));
  t.op(map_event(0, 4), 1, "+v");
  t.kernel("+p +a2").add(write_event(0));
  return t.op(protect_event(2, 2, 1), 2, "+v +c");
}
inline Tape& child_exits(Tape& t) {
  return t.in(1).kernel("-c -c -a3 -c -c -a4 -c -c -a5 -v -v -v").add(ExitMmap{}).in(0);
}
inline Tape& parent_exits(Tape& t) {
  t.see(SnapReason::exit, without_chains(parent(0)));
  return t.kernel("-c -c -a2 -c -a1 -v -v -v").add(ExitMmap{});
}
// The whole life: also a fork, walks over both mms, and both exits.
inline Tape life() {
  Tape t = youth();
  t.op(Fork{MmId{1}, 11}, 3, kForked).see(SnapReason::end, parent(1));
  t.in(1).see(SnapReason::end, child());
  child_exits(t);
  return parent_exits(t);
}

// Verifies with the own strategy of the kernel in `meta`, or else with num-children.
inline Verdict verify(const Tape& tape, bool truth = true, Meta meta = {}) {
  meta.truth = truth;
  const std::string_view own = own_strategy(meta);
  SlabAccount slab;
  AddressSpaces spaces(*find_rules("6.18.16"), kPage,
                       *find_strategy(own.empty() ? "num-children" : own), slab,
                       {.role = Role::own});
  Verifier verifier(meta, slab, spaces);
  Driver driver(spaces, slab, &verifier);
  std::uint64_t index = 0;
  for (const Event& event : tape.events) driver.apply(event, index++);
  return driver.verdict();
}

}  // namespace anonvma::test
