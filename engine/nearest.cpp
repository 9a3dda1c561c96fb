#include "engine/nearest.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace anonvma {
namespace {

constexpr std::size_t kLongest = 64;  // longer words are no typing errors

// Letters to insert, remove or replace, or pairs to exchange, until `a` is `b`.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t other = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + other});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::string_view nearest(std::string_view word, std::span<const std::string_view> known) {
  if (word.size() < 2 || word.size() > kLongest) return {};
  std::string_view best;
  std::size_t least = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string_view name : known) {
    const bool begins = word.size() >= 3 && name.starts_with(word);
    const std::size_t away = begins ? 1 : distance(word, name);
    if (away < least) best = name, least = away;
  }
  return best;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> known) {
  const std::string_view like = nearest(word, known);
  return like.empty() ? "" : "; did you mean '" + std::string(like) + "'?";
}

}  // namespace anonvma
