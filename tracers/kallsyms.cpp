#include "tracers/kallsyms.h"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace anonvma {
namespace {

bool is_part(std::string_view suffix) {
  constexpr std::string_view kSuffixes[] = {".cold", ".isra.", ".constprop.", ".part."};
  return suffix.empty() || std::any_of(std::begin(kSuffixes), std::end(kSuffixes),
                                       [&](std::string_view s) { return suffix.starts_with(s); });
}

}  // namespace

std::vector<SymbolRange> find_functions(std::istream& kallsyms,
                                        std::span<const std::string_view> names) {
  std::vector<SymbolRange> found;
  std::vector<std::uint64_t> starts;  // of all code: a range ends where the next symbol begins
  std::string line;
  while (std::getline(kallsyms, line)) {
    std::istringstream fields(line);
    std::uint64_t address = 0;
    char type = 0;
    std::string symbol, module;
    if (!(fields >> std::hex >> address >> type >> symbol) || address == 0) continue;
    if (type != 't' && type != 'T') continue;
    starts.push_back(address);
    if (fields >> module) continue;  // a module's function may bear the same name
    const auto dot = std::min(symbol.find('.'), symbol.size());
    const std::string_view base = std::string_view(symbol).substr(0, dot);
    if (!is_part(std::string_view(symbol).substr(dot))) continue;
    if (std::find(names.begin(), names.end(), base) != names.end())
      found.push_back({std::string(base), address, 0});
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
