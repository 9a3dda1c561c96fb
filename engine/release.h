// The release of a kernel, in the words of the kernel's Makefile.
#pragma once

#include <compare>
#include <optional>
#include <string_view>

namespace anonvma {

struct Release {
  unsigned version = 0, patchlevel = 0, sublevel = 0;
  // clang-tidy 14 takes the 0 that this comparison is rewritten with for a null pointer.
  // NOLINTNEXTLINE(modernize-use-nullptr)
  friend auto operator<=>(const Release&, const Release&) = default;
};

// Reads up to three numbers with dots between them, and ignores what follows: "6.18.8-rc1-amd64" is
// {6, 18, 8}, "7.0-rc3" and "7" are {7, 0, 0}. A release candidate counts as its release. Nothing
// when the text does not begin with a number above 0.
std::optional<Release> parse_release(std::string_view text);

}  // namespace anonvma
