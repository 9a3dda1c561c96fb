#include "tracers/kernel/kallsyms.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <system_error>

namespace anonvma {
namespace {

bool is_part(std::string_view suffix) {
  constexpr std::string_view kSuffixes[] = {".cold", ".isra.", ".constprop.", ".part.", ".llvm."};
  return suffix.empty() || std::any_of(std::begin(kSuffixes), std::end(kSuffixes),
                                       [&](std::string_view s) { return suffix.starts_with(s); });
}

struct Symbol {
  std::uint64_t address = 0;
  char type = 0;
  std::string_view name;
  bool in_module = false;
};

// "ffffffff81602340 T __anon_vma_prepare", with "\t[module]" behind a module's symbol.
Symbol parse(std::string_view line) {
  Symbol symbol;
  const auto [end, bad] =
      std::from_chars(line.data(), line.data() + line.size(), symbol.address, 16);
  const auto at = static_cast<std::size_t>(end - line.data());
  if (bad != std::errc{} || line.size() < at + 4) return {};
  symbol.type = line[at + 1];
  symbol.name = line.substr(at + 3);
  const auto space = symbol.name.find_first_of(" \t");
  symbol.in_module = space != std::string_view::npos;
  symbol.name = symbol.name.substr(0, space);
  return symbol;
}

}  // namespace

std::vector<SymbolRange> find_functions(std::istream& kallsyms,
                                        std::span<const std::string_view> names) {
  std::vector<SymbolRange> found;
  std::vector<std::uint64_t> starts;  // of all code: a range ends where the next symbol begins
  std::string line;
  while (std::getline(kallsyms, line)) {
    const Symbol symbol = parse(line);
    if (symbol.address == 0 || (symbol.type != 't' && symbol.type != 'T')) continue;
    starts.push_back(symbol.address);
    if (symbol.in_module) continue;  // a module's function may bear the same name
    const auto dot = std::min(symbol.name.find('.'), symbol.name.size());
    const std::string_view base = symbol.name.substr(0, dot);
    if (std::find(names.begin(), names.end(), base) == names.end()) continue;
    if (is_part(symbol.name.substr(dot)))
      found.push_back({std::string(base), symbol.address, 0, std::string(symbol.name)});
  }
  std::sort(starts.begin(), starts.end());
  for (SymbolRange& range : found) {
    const auto next = std::upper_bound(starts.begin(), starts.end(), range.start);
    if (next != starts.end()) range.size = *next - range.start;
  }
  return found;
}

std::vector<SymbolRange> find_functions(std::span<const std::string_view> names) {
  std::ifstream file("/proc/kallsyms");
  return find_functions(file, names);
}

}  // namespace anonvma
