// Walks the fields of an event's head and body by name, for the text forms.
#pragma once

#include <string_view>
#include <tuple>
#include <type_traits>

#include "engine/trace/event.h"

namespace anonvma {

inline constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
inline constexpr std::size_t kWordBytes = 8;  // of a name in one column of Coding::text

template <class Head, class Visit>
void each_head_key(Head& head, Visit visit) {
  visit("tid", head.tid);
  visit("mm", head.mm);
  visit("seq", head.seq);
  visit("map_count", head.map_count);
}

// visit(name, member, coding, the member's default)
template <class Body, class Visit>
void each_field(Body& body, Visit visit) {
  using Plain = std::remove_const_t<Body>;
  [[maybe_unused]] const Plain plain{};
  std::apply(
      [&](const auto&... f) { (visit(f.name, body.*f.member, f.coding, plain.*f.member), ...); },
      Plain::fields());
}

}  // namespace anonvma
