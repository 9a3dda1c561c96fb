// Texts inside of XML and HTML.
#pragma once

#include <string>
#include <string_view>

namespace anonvma {

// `text` as markup: what would be markup becomes entities, and what XML does not allow becomes '?'.
std::string markup_of(std::string_view text);

}  // namespace anonvma
