#include "engine/report/markup.h"

namespace anonvma {

std::string markup_of(std::string_view text) {
  std::string out;
  for (const char c : text) switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += (c >= 0 && c < ' ' && c != '\n' && c != '\t') || c == 127 ? '?' : c;
    }
  return out;
}

}  // namespace anonvma
