#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

#include "engine/trace/field_visit.h"
#include "engine/trace/text.h"

namespace anonvma {
namespace {

constexpr std::string_view kBlank = " \t\r";

std::optional<std::uint64_t> parse_word(std::string_view text, bool is_signed) {
  const bool negative = is_signed && text.starts_with('-');
  int base = 10;
  if (negative)
    text.remove_prefix(1);
  else if (text.starts_with("0x"))
    base = 16, text.remove_prefix(2);
  std::uint64_t word = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, word, base);
  if (error != std::errc{} || rest != end) return std::nullopt;
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (is_signed && base == 10 && word > kMax + negative) return std::nullopt;
  return negative ? 0 - word : word;
}

template <class T>
bool assign(T& member, std::string_view text) {
  if constexpr (std::is_integral_v<T>) {
    const auto word = parse_word(text, std::is_signed_v<T>);
    if (!word || (sizeof(T) < sizeof *word && *word > std::numeric_limits<T>::max())) return false;
    member = static_cast<T>(*word);
  } else {
    const auto word = parse_word(text, false);
    if (!word || *word >= T::kNone) return false;
    member = T{static_cast<std::uint32_t>(*word)};
  }
  return true;
}

std::optional<std::uint64_t> parse_time(std::string_view text) {
  const std::size_t dot = std::min(text.find('.'), text.size());
  const auto seconds = parse_word(text.substr(0, dot), false);
  std::string fraction(text.substr(std::min(dot + 1, text.size())));
  if (!seconds || text.starts_with("0x") || fraction.size() > 9) return std::nullopt;
  if (dot < text.size() && fraction.empty()) return std::nullopt;
  fraction.resize(9, '0');
  const auto ns = parse_word(fraction, false);
  if (!ns || fraction.starts_with("0x")) return std::nullopt;
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  if (*seconds > kMax / kNsPerSecond || *seconds * kNsPerSecond > kMax - *ns) return std::nullopt;
  return *seconds * kNsPerSecond + *ns;
}

std::optional<std::string> unescape(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      bytes.push_back(text[i]);
      continue;
    }
    unsigned byte = 0;
    const char* digits = text.data() + i + 2;
    if (text.size() - i < 4 || text[i + 1] != 'x') return std::nullopt;
    if (std::from_chars(digits, digits + 2, byte, 16).ptr != digits + 2) return std::nullopt;
    bytes.push_back(static_cast<char>(byte));
    i += 3;
  }
  return bytes;
}

enum class Take { done, unknown_key, bad_value };

struct Token {
  std::string_view key, value;
};

Take take_head(EventHead& head, Token token) {
  Take result = Take::unknown_key;
  each_head_key(head, [&](std::string_view name, auto& member) {
    if (name == token.key) result = assign(member, token.value) ? Take::done : Take::bad_value;
  });
  return result;
}

template <class Body>
Take take_field(Body& body, Token token) {
  Take result = Take::unknown_key;
  std::optional<std::string> name_bytes;
  each_field(body, [&](std::string_view name, auto& member, Coding coding, const auto&) {
    if (name != token.key) return;
    if (coding != Coding::text) {
      result = assign(member, token.value) ? Take::done : Take::bad_value;
      return;
    }
    if (!name_bytes) name_bytes = unescape(token.value);
    if (!name_bytes) {
      result = Take::bad_value;
      return;
    }
    std::uint64_t word = 0;
    const std::size_t count = std::min(name_bytes->size(), kWordBytes);
    for (std::size_t i = 0; i < count; ++i)
      word |= std::uint64_t{static_cast<unsigned char>((*name_bytes)[i])} << 8 * i;
    name_bytes->erase(0, count);
    member = from_word<std::remove_cvref_t<decltype(member)>>(word);
    result = name_bytes->empty() ? Take::done : Take::bad_value;  // too long for all its columns
  });
  return result;
}

template <std::size_t... I>
std::optional<EventBody> body_named(std::string_view name, std::index_sequence<I...>) {
  std::optional<EventBody> body;
  ((std::variant_alternative_t<I, EventBody>::name == name
        ? void(body.emplace(std::in_place_index<I>))
        : void()),
   ...);
  return body;
}

// One line, already without its comment and not blank. Errors are bare clauses.
class LineParser {
 public:
  explicit LineParser(std::string_view line) : rest_(line) {}

  Result<Event> parse() {
    bool first = true;
    for (std::string_view token = next_token(); !token.empty(); token = next_token()) {
      Status status = std::exchange(first, false) && token.find('=') == token.npos &&
                              token[0] >= '0' && token[0] <= '9'
                          ? take_time(token)
                          : take_token(token);
      if (!status) return status.error();
    }
    if (!body_) return error("no event name");
    return Event{head_, *body_};
  }

 private:
  static Error error(std::string message) { return {ErrorCode::bad_trace, std::move(message)}; }

  std::string_view next_token() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(kBlank), rest_.size()));
    const std::string_view token = rest_.substr(0, rest_.find_first_of(kBlank));
    rest_.remove_prefix(token.size());
    return token;
  }

  Status take_time(std::string_view token) {
    const auto time = parse_time(token);
    if (!time) return error(fmt::format("malformed time '{}'", token));
    head_.time_ns = *time;
    return ok();
  }

  Status take_token(std::string_view token) {
    const std::size_t equals = token.find('=');
    if (equals == token.npos) return take_name(token);
    const Token pair{token.substr(0, equals), token.substr(equals + 1)};
    const std::string_view owner =
        body_ ? name_of(type_of(*body_)) : std::string_view("an event's head");
    for (const std::string_view seen : seen_) {
      if (seen == pair.key) return error(fmt::format("key '{}' is given twice", pair.key));
    }
    seen_.push_back(pair.key);
    const Take result = body_
                            ? std::visit([&](auto& body) { return take_field(body, pair); }, *body_)
                            : take_head(head_, pair);
    if (result == Take::unknown_key)
      return error(fmt::format("unknown key '{}' of {}", pair.key, owner));
    if (result == Take::bad_value)
      return error(fmt::format("malformed value '{}' of '{}'", pair.value, pair.key));
    return ok();
  }

  Status take_name(std::string_view name) {
    if (body_) return error(fmt::format("'{}' after the event name has no '='", name));
    body_ = body_named(name, std::make_index_sequence<std::variant_size_v<EventBody>>{});
    seen_.clear();
    if (!body_) return error(fmt::format("unknown event '{}'", name));
    return ok();
  }

  std::string_view rest_;
  EventHead head_;
  std::optional<EventBody> body_;
  std::vector<std::string_view> seen_;  // keys of the current part of the line
};

}  // namespace

Result<std::vector<Event>> parse_text(std::string_view text) {
  std::vector<Event> events;
  std::size_t offset = 0;
  for (std::size_t number = 1; offset < text.size(); ++number) {
    const std::string_view whole = text.substr(offset, text.find('\n', offset) - offset);
    const std::string_view line = whole.substr(0, whole.find('#'));
    if (line.find_first_not_of(kBlank) != line.npos) {
      Result<Event> event = LineParser(line).parse();
      if (!event)
        return Error{ErrorCode::bad_trace,
                     fmt::format("line {}: {}", number, event.error().message), offset};
      events.push_back(*event);
    }
    offset += whole.size() + 1;
  }
  return events;
}

}  // namespace anonvma
