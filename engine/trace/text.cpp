#include "engine/trace/text.h"

#include <fmt/format.h>

#include <iterator>
#include <type_traits>
#include <utility>

#include "engine/trace/field_visit.h"

namespace anonvma {
namespace {

// A name is any eight bytes per column. Trailing NULs are padding, unprintable bytes are escaped.
void append_word(std::string& bytes, std::uint64_t word) {
  for (std::size_t i = 0; i < kWordBytes; ++i) bytes.push_back(static_cast<char>(word >> 8 * i));
}

std::string escaped(std::string bytes, std::string_view prefix, std::string_view special) {
  bytes.resize(bytes.find_last_not_of('\0') + 1);
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f || special.find(c) != special.npos) {
      fmt::format_to(std::back_inserter(out), "{}{:02x}", prefix, byte);
    } else {
      out.push_back(c);
    }
  }
  return out;
}

template <class T>
void print_text(std::string& out, T value, Coding coding) {
  const auto end = std::back_inserter(out);
  if constexpr (!std::is_integral_v<T>) {
    fmt::format_to(end, "{}", value.v);
  } else {
    const bool errno_like = std::is_signed_v<T> && value < 0 && to_word(value) + 4095 < 4095;
    if (coding == Coding::number || errno_like)
      fmt::format_to(end, "{}", value);
    else
      fmt::format_to(end, "{:#x}", to_word(value));
  }
}

template <class T>
void print_json(std::string& out, T value) {
  if constexpr (std::is_integral_v<T>)
    fmt::format_to(std::back_inserter(out), "{}", value);
  else if (value)
    fmt::format_to(std::back_inserter(out), "{}", value.v);
  else
    out += "null";
}

}  // namespace

std::string format_text(const Event& event) {
  std::string out =
      fmt::format("{}.{:09}", event.head.time_ns / kNsPerSecond, event.head.time_ns % kNsPerSecond);
  const auto print = [&out](std::string_view name, auto value, Coding coding) {
    fmt::format_to(std::back_inserter(out), " {}=", name);
    print_text(out, value, coding);
  };
  each_head_key(event.head, [&](std::string_view name, auto value) {
    if (to_word(value) != 0) print(name, value, Coding::number);
  });
  fmt::format_to(std::back_inserter(out), " {}", name_of(type_of(event.body)));
  std::string bytes;
  std::string_view bytes_name;
  std::visit(
      [&](const auto& body) {
        each_field(body, [&](std::string_view name, auto value, Coding coding, auto plain) {
          if (coding == Coding::text)
            append_word(bytes, to_word(value)), bytes_name = name;
          else if (value != plain)
            print(name, value, coding);
        });
      },
      event.body);
  if (bytes = escaped(std::move(bytes), "\\x", "\\#"); !bytes.empty())
    fmt::format_to(std::back_inserter(out), " {}={}", bytes_name, bytes);
  return out;
}

std::string format_json(const Event& event) {
  std::string out = fmt::format("{{\"time_ns\":{}", event.head.time_ns);
  const auto print = [&out](std::string_view name, auto value) {
    fmt::format_to(std::back_inserter(out), ",\"{}\":", name);
    print_json(out, value);
  };
  each_head_key(event.head, print);
  fmt::format_to(std::back_inserter(out), ",\"type\":\"{}\"", name_of(type_of(event.body)));
  std::string bytes;
  std::string_view bytes_name;
  std::visit(
      [&](const auto& body) {
        each_field(body, [&](std::string_view name, auto value, Coding coding, auto) {
          if (coding == Coding::text)
            append_word(bytes, to_word(value)), bytes_name = name;
          else
            print(name, value);
        });
      },
      event.body);
  if (!bytes_name.empty())
    fmt::format_to(std::back_inserter(out), ",\"{}\":\"{}\"", bytes_name,
                   escaped(std::move(bytes), "\\u00", "\\\""));
  out += '}';
  return out;
}

}  // namespace anonvma
