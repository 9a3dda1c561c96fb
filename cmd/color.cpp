#include "cmd/color.h"

#include <string_view>

namespace anonvma::cmd {

bool wants_color(ColorMode mode, bool terminal, const char* no_color, const char* term) {
  if (mode != ColorMode::automatic) return mode == ColorMode::always;
  const bool refused = no_color != nullptr && *no_color != '\0';
  const bool can = term != nullptr && *term != '\0' && std::string_view(term) != "dumb";
  return terminal && can && !refused;
}

}  // namespace anonvma::cmd
