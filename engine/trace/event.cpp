#include "engine/trace/event.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace anonvma {
namespace {

constexpr std::size_t kCommBytes = 16;

template <std::size_t... I>
constexpr std::string_view name_at(EventType type, std::index_sequence<I...>) {
  std::string_view name;
  ((std::variant_alternative_t<I, EventBody>::type == type
        ? void(name = std::variant_alternative_t<I, EventBody>::name)
        : void()),
   ...);
  return name;
}

template <std::size_t... I>
constexpr auto all_traits(std::index_sequence<I...>) {
  return std::array{std::variant_alternative_t<I, EventBody>::traits...};
}

}  // namespace

Comm make_comm(std::string_view name) {
  std::array<char, kCommBytes> bytes{};
  std::memcpy(bytes.data(), name.data(), std::min(name.size(), kCommBytes - 1));
  Comm comm;
  std::memcpy(&comm.lo, bytes.data(), 8);
  std::memcpy(&comm.hi, bytes.data() + 8, 8);
  return comm;
}

std::string_view comm_view(const Comm& comm, std::array<char, 16>& storage) {
  std::memcpy(storage.data(), &comm.lo, 8);
  std::memcpy(storage.data() + 8, &comm.hi, 8);
  const auto* const end = std::find(storage.begin(), storage.end(), '\0');
  return {storage.data(), static_cast<std::size_t>(end - storage.begin())};
}

EventType type_of(const EventBody& body) {
  return std::visit([](const auto& event) { return event.type; }, body);
}

const EventTraits& traits_of(const EventBody& body) {
  static constexpr auto kTraits =
      all_traits(std::make_index_sequence<std::variant_size_v<EventBody>>{});
  return kTraits[body.index()];
}

std::string_view name_of(EventType type) {
  return name_at(type, std::make_index_sequence<std::variant_size_v<EventBody>>{});
}

}  // namespace anonvma
