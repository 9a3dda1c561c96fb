// Any bytes as the text form: events that parse are printed, and parse to the same events.
#include <nlohmann/json.hpp>
#include <string>

#include "engine/trace/text.h"
#include "test/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace anonvma;
  using fuzz::require;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto events = parse_text(text);
  if (!events) {
    require(events.error().offset <= size, "an error lies in the text");
    return 0;
  }
  static std::string printed;
  printed.clear();
  for (const Event& event : *events) printed.append(format_text(event)).push_back('\n');
  const auto again = parse_text(printed);
  require(static_cast<bool>(again), "what was printed parses");
  require(*again == *events, "what was printed parses to the same events");
  if (!fuzz::one_in(16, fuzz::as_input(data, size))) return 0;
  for (const Event& event : *events)
    require(nlohmann::json::accept(format_json(event)), "what is printed as JSON is JSON");
  return 0;
}
