// Decides whether results are printed in colours.
#pragma once

#include <cstdint>

namespace anonvma::cmd {

enum class ColorMode : std::uint8_t { automatic, always, never };

// `terminal` says whether stdout is one; `no_color` and `term` are the environment variables, null if
// they are not set.
bool wants_color(ColorMode mode, bool terminal, const char* no_color, const char* term);

}  // namespace anonvma::cmd
