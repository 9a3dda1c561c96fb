// Feeds ring records to a Converter, and writes down its output.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "engine/trace/event.h"
#include "tracers/convert/convert.h"
#include "tracers/convert/order.h"
#include "tracers/convert/walked.h"

namespace anonvma::test {

inline constexpr std::uint64_t kA = 0xffff888000001000, kB = 0xffff888000002000,
                               kC = 0xffff888000003000;

// One word per event: "map/0/3" is a Map of mm 0 with seq 3.
struct Pipe {
  explicit Pipe(bool tracked_only = false) : converter{order, 4096, tracked_only} {}

  std::string out;
  std::vector<Event> events;
  Order order{[this](const Event& event) {
    events.push_back(event);
    if (!out.empty()) out += ' ';
    out += name_of(type_of(event.body));
    if (event.head.mm) out += '/' + std::to_string(event.head.mm.v);
    if (event.head.seq) out += '/' + std::to_string(event.head.seq);
  }};
  Converter converter;
  std::uint64_t clock = 1000;

  template <class T>
  void feed(const T& record) {
    converter.record(std::as_bytes(std::span(&record, 1)));
  }
  anonvma_record head(anonvma_kind kind, std::uint64_t mm, std::uint32_t seq,
                      std::uint32_t count = 9) {
    return {++clock, mm, seq, count, 41, static_cast<std::uint16_t>(kind), 0};
  }
  void simple(anonvma_kind kind, std::uint64_t mm, std::uint32_t seq = 0) {
    feed(head(kind, mm, seq));
  }
  void unknown(std::uint64_t mm, std::uint32_t seq, std::uint64_t syscall = 0) {
    feed(anonvma_unknown_record{head(ANONVMA_UNKNOWN, mm, seq), syscall});
  }
  void op(anonvma_op op, std::uint64_t mm, std::uint32_t seq, std::int64_t ret = 0) {
    anonvma_op_record r{};
    r.head = head(ANONVMA_OP, mm, seq);
    r.op = op;
    r.ret = ret;
    feed(r);
  }
  void name_text(std::uint64_t name, std::string_view text) {
    anonvma_name_record r{};
    r.head = head(ANONVMA_NAME, 0, 0);
    r.name = name;
    text.copy(r.text, sizeof r.text);
    feed(r);
  }
  // A prctl that names a page, or removes its name if the pointer is 0.
  void name(std::uint64_t mm, std::uint32_t seq, std::uint64_t pointer, std::uint64_t name,
            std::uint32_t ops = 1, std::int64_t ret = 0) {
    anonvma_op_record r{};
    r.head = head(ANONVMA_OP, mm, seq);
    r.op = ANONVMA_OP_NAME;
    r.args[0] = 0x7000;
    r.args[1] = 0x1000;
    r.args[2] = pointer;
    r.name = name;
    r.ops = ops;
    r.ret = ret;
    feed(r);
  }
  void fault(std::uint64_t mm, std::uint32_t seq, anonvma_kind kind = ANONVMA_FAULT) {
    feed(anonvma_fault_record{head(kind, mm, seq), 0x7000 | ANONVMA_FAULT_WRITE});
  }
  void fork(std::uint64_t parent, std::uint32_t seq, std::uint64_t child) {
    feed(anonvma_fork_record{head(ANONVMA_FORK, parent, seq), child, 2, 42, 42, 0});
  }
  void exec(std::uint64_t mm, std::uint32_t seq, std::uint64_t old_mm, std::uint32_t nr_vmas = 0,
            bool torn = false) {
    for (std::uint32_t i = 0; i < nr_vmas; ++i)
      feed(anonvma_exec_vma_record{
          head(ANONVMA_EXEC_VMA, mm, 0),
          {0x1000 + 0x1000ull * i, 0x2000 + 0x1000ull * i, 1, 0, 0, 0, 0, 0, 1, 0, 0}});
    anonvma_exec_record r{};
    r.head = head(ANONVMA_EXEC, mm, seq, nr_vmas);
    r.old_mm = old_mm;
    r.nr_vmas = nr_vmas;
    r.torn = torn;
    std::strcpy(r.comm, "sh");
    feed(r);
  }
  WalkedMm walked(std::uint64_t mm, std::uint32_t seq, std::uint32_t tgid = 41) {
    WalkedMm w{};
    w.head.mm = mm;
    w.head.seq = seq;
    w.head.tgid = w.head.tid = tgid;
    w.head.map_count = 1;
    w.head.start_brk = 0x500000;
    w.vmas.push_back(
        {{0x1000, 0x2000, 0x73, 1, 0, 0xa000, 0, 0, 1, 0, 0}, {{0xa000, 0xa000, 0xa000, 1, 1, 1}}});
    return w;
  }
  void walk(std::uint64_t id, SnapReason reason, std::uint64_t mm, std::uint32_t seq) {
    converter.add_walk(id, reason, {walked(mm, seq)});
    feed(anonvma_walk_record{head(ANONVMA_WALK, mm, seq), id});
  }
  void cgroup(std::uint64_t mm, std::uint64_t id, bool joins = false) {
    feed(anonvma_cgroup_record{head(ANONVMA_CGROUP, mm, 4, 0), id, 77, joins});
  }
  void take() { out.clear(); }
};

}  // namespace anonvma::test
