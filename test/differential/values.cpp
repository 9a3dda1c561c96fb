// Arguments as text. Flags are names joined by '|'; a flag without a name is a number. Addresses
// and lengths in whole pages are decimal pages, others hexadecimal bytes.
#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "test/differential/operations.h"

namespace anonvma::differential {
namespace {

struct Name {
  std::int64_t value;
  std::string_view text;
};

constexpr Name kProtNames[] = {
    {1, "read"}, {2, "write"}, {4, "exec"}, {0x01000000, "growsdown"}, {0x02000000, "growsup"}};
constexpr Name kMapNames[] = {{1, "shared"},         {2, "private"},         {8, "droppable"},
                              {0x10, "fixed"},       {0x20, "anonymous"},    {0x100, "growsdown"},
                              {0x2000, "locked"},    {0x4000, "noreserve"},  {0x8000, "populate"},
                              {0x10000, "nonblock"}, {0x20000, "stack"},     {0x40000, "hugetlb"},
                              {0x80000, "sync"},     {0x100000, "noreplace"}};
constexpr Name kRemapNames[] = {{1, "maymove"}, {2, "fixed"}, {4, "dontunmap"}};
constexpr Name kAdviceNames[] = {
    {0, "normal"},           {1, "random"},         {2, "sequential"},
    {3, "willneed"},         {4, "dontneed"},       {8, "free"},
    {9, "remove"},           {10, "dontfork"},      {11, "dofork"},
    {12, "mergeable"},       {13, "unmergeable"},   {14, "hugepage"},
    {15, "nohugepage"},      {16, "dontdump"},      {17, "dodump"},
    {18, "wipeonfork"},      {19, "keeponfork"},    {20, "cold"},
    {21, "pageout"},         {22, "populate_read"}, {23, "populate_write"},
    {24, "dontneed_locked"}, {25, "collapse"},      {102, "guard_install"},
    {103, "guard_remove"}};
constexpr Name kFileNames[] = {
    {-1, "none"}, {0, "memfd"},      {1, "memfd_again"}, {2, "memfd_read"}, {3, "memfd_sealed"},
    {4, "disk"},  {5, "disk_again"}, {6, "disk_read"},   {7, "zero"},       {8, "perf"}};

std::span<const Name> names_of(Unit unit) {
  switch (unit) {
    case Unit::prot:
      return kProtNames;
    case Unit::map_flags:
      return kMapNames;
    case Unit::remap_flags:
      return kRemapNames;
    case Unit::advice:
      return kAdviceNames;
    case Unit::file:
      return kFileNames;
    case Unit::none:
    case Unit::address:
    case Unit::length:
    case Unit::number:
    case Unit::actor:
      break;
  }
  return {};
}

std::string bytes(std::int64_t value) {
  constexpr auto kPageBytes = static_cast<std::int64_t>(kPage);
  return value % kPageBytes == 0 ? std::to_string(value / kPageBytes) : fmt::format("{:#x}", value);
}

std::string flags(std::int64_t value, std::span<const Name> names) {
  std::string text;
  for (const Name& name : names) {
    if ((value & name.value) == 0) continue;
    text += fmt::format("{}{}", text.empty() ? "" : "|", name.text);
    value &= ~name.value;
  }
  if (value == 0 && !text.empty()) return text;
  return text + fmt::format("{}{:#x}", text.empty() ? "" : "|", value);
}

std::optional<std::int64_t> number(std::string_view text, std::int64_t decimal_unit = 1) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const bool hex = text.starts_with("0x");
  if (hex) text.remove_prefix(2);
  std::int64_t value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (!hex) value *= decimal_unit;
  return negative ? -value : value;
}

std::optional<std::int64_t> one_name(std::string_view text, std::span<const Name> names) {
  for (const Name& name : names)
    if (name.text == text) return name.value;
  return number(text);
}

std::optional<std::int64_t> parse_address(std::string_view text) {
  if (text == "anywhere") return kAnywhere;
  constexpr std::pair<std::string_view, std::int64_t> kBases[] = {
      {"heap", kHeap}, {"stack", kStack}, {"low", kLow}, {"tagged", kTagged}};
  std::int64_t base = 0;
  for (const auto& [name, value] : kBases) {
    if (!text.starts_with(name)) continue;
    base = value;
    text.remove_prefix(name.size());
    if (text.starts_with('+')) text.remove_prefix(1);
  }
  const std::optional<std::int64_t> offset = number(text, kPage);
  return offset ? std::optional(base + *offset) : std::nullopt;
}

std::string format_address(std::int64_t value) {
  if (value == kAnywhere) return "anywhere";
  const std::int64_t base = base_of(value);
  if (base == 0) return bytes(value);
  const std::string_view name = base == kHeap    ? "heap"
                                : base == kStack ? "stack"
                                : base == kLow   ? "low"
                                                 : "tagged";
  return fmt::format("{}{}{}", name, value < base ? "" : "+", bytes(value - base));
}

}  // namespace

std::string format_value(Unit unit, std::int64_t value) {
  switch (unit) {
    case Unit::none:
      return {};
    case Unit::address:
      return format_address(value);
    case Unit::length:
      return bytes(value);
    case Unit::number:
      return value < 10 ? std::to_string(value) : fmt::format("{:#x}", value);
    case Unit::actor:
      return std::to_string(value);
    case Unit::prot:
    case Unit::map_flags:
    case Unit::remap_flags:
      return flags(value, names_of(unit));
    case Unit::advice:
    case Unit::file:
      for (const Name& name : names_of(unit))
        if (name.value == value) return std::string(name.text);
      return std::to_string(value);
  }
  return {};
}

std::optional<std::int64_t> parse_value(Unit unit, std::string_view text) {
  if (unit == Unit::address) return parse_address(text);
  if (unit == Unit::length) return number(text, kPage);
  std::int64_t value = 0;
  for (;;) {
    const std::size_t bar = text.find('|');
    const std::optional<std::int64_t> part = one_name(text.substr(0, bar), names_of(unit));
    if (!part) return std::nullopt;
    value |= *part;
    if (bar == std::string_view::npos) return value;
    text.remove_prefix(bar + 1);
  }
}

}  // namespace anonvma::differential
