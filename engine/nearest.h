// "Did you mean": the known word that a mistyped word is most like.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace anonvma {

// The word of `known` that is most like `word`: it differs in few letters, or begins with `word`.
// Empty if no word is like it. Of words that are equally like it the first one counts.
std::string_view nearest(std::string_view word, std::span<const std::string_view> known);

// The end of a message about an unknown word: "; did you mean 'compare'?", or nothing.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> known);

}  // namespace anonvma
