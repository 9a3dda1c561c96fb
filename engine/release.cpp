#include "engine/release.h"

#include <charconv>

namespace anonvma {

std::optional<Release> parse_release(std::string_view text) {
  Release release;
  for (unsigned* part : {&release.version, &release.patchlevel, &release.sublevel}) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *part);
    if (error != std::errc{}) break;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (!text.starts_with('.')) break;
    text.remove_prefix(1);
  }
  if (release == Release{}) return std::nullopt;
  return release;
}

}  // namespace anonvma
