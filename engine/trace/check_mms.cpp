#include "engine/trace/check_mms.h"

#include <fmt/format.h>

namespace anonvma {
namespace {

// True if head.seq is the number of the event's own write acquire. A Step carries its fork's.
bool is_write(const Event& event) {
  if (event.head.seq % 2 == 0) return false;
  const bool grew_stack = std::holds_alternative<Fault>(event.body) && event.head.map_count != 0;
  return traits_of(event.body).takes_lock || grew_stack;
}

}  // namespace

void MmCheck::bear(MmId id, std::uint32_t seq) {
  if (!id) return findings_.find(FindingKind::value, "the address space that is born has no id");
  if (dead_.test(id.v) || mms_.contains(id))
    findings_.find(FindingKind::mm_born_twice, fmt::format("mm {}", id.v));
  dead_.clear(id.v);
  mms_[id] = {seq, 0, seq != 0};
}

void MmCheck::bear_by(const Event& event) {
  if (std::holds_alternative<Exec>(event.body) || is_attach(event.body))
    return bear(event.head.mm, event.head.seq);
  if (const auto* fork = std::get_if<Fork>(&event.body)) bear(fork->child, 0);
}

// Objects of the truth lane are written at once, before the fork that gives birth to their mm.
void MmCheck::apply(const Event& event) {
  const MmId id = event.head.mm;
  const EventType type = type_of(event.body);
  if (type == EventType::truth || type == EventType::text || is_snapshot_part(event.body)) return;
  if (type == EventType::exec || is_attach(event.body)) bear_by(event);
  if (!id)
    return findings_.find(FindingKind::value, fmt::format("{} of no address space", name_of(type)));
  const auto mm = mms_.find(id);
  if (mm == mms_.end()) {
    const bool dead = dead_.test(id.v);
    findings_.find(dead ? FindingKind::mm_dead : FindingKind::mm_unborn,
                   fmt::format("{} of mm {}", name_of(type), id.v));
  } else {
    check_seq(event, mm->second);
  }
  if (type == EventType::fork) bear_by(event);
  if (type != EventType::exit_mmap) return;
  mms_.erase(id);
  dead_.set(id.v);
}

// The recorder may give up waiting for a number. The event with that number then comes after the
// UnknownWrite that took its place.
void MmCheck::check_seq(const Event& event, Mm& mm) {
  if (!is_write(event)) return;
  const std::uint32_t seq = event.head.seq;
  const auto above = [seq](std::uint32_t other) {
    return static_cast<std::int32_t>(seq - other) > 0;  // seq wraps around
  };
  if (mm.written && !above(mm.last_write)) {
    if (mm.given_up == 0 || above(mm.given_up))
      findings_.find(FindingKind::seq,
                     fmt::format("{} of mm {} has seq {} after {}", name_of(type_of(event.body)),
                                 event.head.mm.v, seq, mm.last_write));
    return;
  }
  mm.last_write = seq;
  mm.written = true;
  if (std::holds_alternative<UnknownWrite>(event.body)) mm.given_up = seq;
}

}  // namespace anonvma
