// Random events of every type for the trace tests. Seeds are printed by the tests that use them.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <random>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/trace/event.h"

namespace anonvma::test {

class RandomEvents {
 public:
  explicit RandomEvents(std::uint64_t seed) : random_(seed) {}

  Event next() {
    Event event;
    event.head.time_ns = word();
    event.head.tid = static_cast<std::uint32_t>(word());
    event.head.mm = value<MmId>();
    event.head.seq = static_cast<std::uint32_t>(word());
    event.head.map_count = static_cast<std::uint32_t>(word());
    fill(event.body, random_() % std::variant_size_v<EventBody>,
         std::make_index_sequence<std::variant_size_v<EventBody>>{});
    return event;
  }
  std::vector<Event> take(std::size_t count) {
    std::vector<Event> events;
    while (events.size() < count) events.push_back(next());
    return events;
  }

 private:
  // Mostly values that traces hold, sometimes extremes.
  std::uint64_t word() {
    static constexpr std::array<std::uint64_t, 8> kExtremes = {
        0, 1, ~0ull, 1ull << 63, (1ull << 63) - 1, 0xffffffff, 4095, 0ull - 4096};
    switch (random_() % 5) {
      case 0:
        return kExtremes[random_() % kExtremes.size()];
      case 1:
        return 0x7f0000000000 + (random_() % 4096 << 12);
      case 2:
        return 0ull - random_() % 5000;
      case 3:
        return random_() % 300;
      default:
        return random_() >> random_() % 64;
    }
  }

  template <class T>
  T value() {
    if constexpr (std::is_integral_v<T>)
      return static_cast<T>(word());
    else
      return random_() % 4 == 0 ? T{} : T{static_cast<std::uint32_t>(random_() >> random_() % 32)};
  }

  template <std::size_t... I>
  void fill(EventBody& body, std::size_t index, std::index_sequence<I...>) {
    ((I == index ? fill_fields(body.emplace<I>()) : void()), ...);
  }

  template <class Body>
  void fill_fields(Body& body) {
    std::apply(
        [&](const auto&... f) {
          ((body.*f.member = value<std::remove_cvref_t<decltype(body.*f.member)>>()), ...);
        },
        Body::fields());
  }

  std::mt19937_64 random_;
};

}  // namespace anonvma::test
