#include <array>
#include <type_traits>
#include <utility>

#include "engine/trace/abi.h"
#include "engine/trace/field_visit.h"
#include "test/fuzz/fuzz.h"

namespace anonvma::fuzz {
namespace {

constexpr std::uint64_t kLowest = 0x100000000;
constexpr std::uint64_t kPageBytes = 4096;

std::uint64_t address(std::uint8_t byte) {
  if (byte == 0xff) return 0 - std::uint64_t{12};  // -ENOMEM
  if (byte == 0xfe) return 0;
  return kLowest + byte % 64 * kPageBytes;
}

// Bits of vm_flags, prot and map_flags, for combinations that are not in the table of
// the commonest values.
std::uint64_t bits(std::string_view name, std::uint8_t byte) {
  if (name == "len" || name == "old_len" || name == "new_len") return byte % 32 * kPageBytes;
  if (name == "map_flags") return 0x20 | (byte & 0x1f);
  if (name == "vm_flags") {
    static constexpr std::array<std::uint64_t, 8> kFlags = {
        kVmRead | kVmWrite | kVmMayAccess,
        kVmRead | kVmMayAccess,
        kVmRead | kVmWrite | kVmMayAccess | kVmAccount,
        kVmRead | kVmWrite | kVmShared,
        kVmWipeOnFork | kVmWrite,
        kVmDontCopy | kVmWrite,
        kVmGrowsDown | kVmWrite,
        ~0ull};
    return kFlags[byte % kFlags.size()];
  }
  return byte;
}

class Words {
 public:
  explicit Words(Input input) : input_(input) {}
  bool empty() const { return input_.empty(); }

  Event next() {
    Event event;
    const std::uint8_t type = take_byte(input_), where = take_byte(input_);
    event.head.mm = MmId{where & 7u};
    event.head.tid = where >> 6;
    if (where & 8) event.head.seq = take_byte(input_);
    if (where & 16) event.head.map_count = take_byte(input_);
    event.head.time_ns = time_ += where & 32 ? 1'000'000'000 : 1000;
    fill(event.body, type % std::variant_size_v<EventBody>,
         std::make_index_sequence<std::variant_size_v<EventBody>>{});
    return event;
  }

 private:
  template <std::size_t... I>
  void fill(EventBody& body, std::size_t index, std::index_sequence<I...>) {
    ((I == index ? fill_fields(body.emplace<I>()) : void()), ...);
  }
  template <class Body>
  void fill_fields(Body& body) {
    each_field(body, [&](std::string_view name, auto& member, Coding coding, const auto&) {
      using T = std::remove_cvref_t<decltype(member)>;
      const std::uint8_t byte = take_byte(input_);
      if constexpr (!std::is_integral_v<T>)
        member = byte < 128 ? T{byte & 15u} : T{};
      else
        member = static_cast<T>(coding == Coding::address ? address(byte)
                                : coding == Coding::bits  ? bits(name, byte)
                                                          : signed_byte(byte));
    });
  }
  static std::uint64_t signed_byte(std::uint8_t byte) {
    return static_cast<std::uint64_t>(std::int64_t{static_cast<std::int8_t>(byte)});
  }

  Input input_;
  std::uint64_t time_ = 0;
};

}  // namespace

void few_words(Input input, std::size_t limit, std::vector<Event>& events) {
  events.clear();
  for (Words words(input); !words.empty() && events.size() < limit;) events.push_back(words.next());
}

}  // namespace anonvma::fuzz
