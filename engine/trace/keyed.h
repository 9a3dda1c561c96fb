// Pseudonyms under a key. Equal values get equal pseudonyms. Without the key nobody can find the
// value or test a guess.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace anonvma {

class Keyed {
 public:
  using Key = std::array<std::uint64_t, 2>;
  // The use of a pseudonym: equal values of different kinds have nothing in common.
  enum class Kind : std::uint8_t { comm, task, shift, text };

  explicit Keyed(Key key) : key_(key) {}
  // A key of any length, as a person or a file has it.
  static Key from_text(std::string_view text);

  // A pseudorandom number for `text` (SipHash-2-4).
  std::uint64_t of(Kind kind, std::string_view text) const;
  std::uint64_t of(Kind kind, std::uint64_t a, std::uint64_t b = 0) const;
  // A permutation of the numbers below `size`, which is at least 1. Larger numbers stay
  // as they are.
  std::uint64_t permuted(Kind kind, std::uint64_t value, std::uint64_t size) const;

 private:
  Key key_;
};

}  // namespace anonvma
