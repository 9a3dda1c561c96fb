// The payload of an events chunk. The first two bytes are the event count of its header. 0xffff
// stands for the length of its type column, which is the right count.
#include <algorithm>
#include <cstring>

#include "engine/trace/columns.h"
#include "engine/trace/varint.h"
#include "test/fuzz/fuzz.h"

namespace anonvma::fuzz {
namespace {

std::uint32_t right_count(Input payload) {
  const auto* at = reinterpret_cast<const std::uint8_t*>(payload.data());
  Cursor in{at, at + payload.size()};
  bool bad = payload.empty();
  (void)in.varint(bad);  // columns
  return static_cast<std::uint32_t>(in.varint(bad));
}

void run(Input payload, std::uint32_t count) {
  static ColumnDecoder decoder, second;
  static ColumnEncoder encoder;
  const bool thoroughly = one_in(16, payload);
  const auto events = decoder.decode(payload, count);
  if (thoroughly) {
    ColumnDecoder fresh;
    const auto same = fresh.decode(payload, count);
    require(static_cast<bool>(same) == static_cast<bool>(events), "nothing is kept between calls");
    if (same) require(std::ranges::equal(*same, *events), "a fresh decoder gives the same events");
  }
  if (!events) return require(!events.error().message.empty(), "an error says what");
  for (const Event& event : *events) encoder.add(event);
  require(encoder.events() == events->size(), "the encoder counts");
  const auto encoded = encoder.finish();
  const auto again = second.decode(encoded, static_cast<std::uint32_t>(events->size()));
  require(static_cast<bool>(again), "what was encoded decodes");
  require(std::ranges::equal(*again, *events), "what was encoded decodes to the same events");
}

}  // namespace
}  // namespace anonvma::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace anonvma::fuzz;
  if (size < 2) return 0;
  std::uint16_t count = 0;
  std::memcpy(&count, data, sizeof count);
  const Input payload = as_input(data + 2, size - 2);
  run(payload, count == 0xffff ? right_count(payload) : count);
  return 0;
}
