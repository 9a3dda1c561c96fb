// Properties of each field of an event: a name, a member, and the coding of its column.
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>

namespace anonvma {

// How a column of this field is coded, and how text prints it. All values travel as 64 bits.
enum class Coding : std::uint8_t {
  number,   // delta to the same column's previous value; decimal
  address,  // page-rotated delta to this mm's previous address; hexadecimal
  bits,     // xor with the column's previous value; hexadecimal
  text,     // eight characters of a name; text joins adjacent ones
};

template <class Owner, class T>
struct Field {
  std::string_view name;
  T Owner::*member;
  Coding coding;
};
template <class Owner, class T>
Field(std::string_view, T Owner::*, Coding) -> Field<Owner, T>;

// Field values in files: ids and enums are numbers.
template <class T>
constexpr std::uint64_t to_word(T value) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<std::uint64_t>(value);
  else
    return value ? std::uint64_t{value.v} + 1 : 0;  // an Id: none is 0
}
template <class T>
constexpr T from_word(std::uint64_t word) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(word);
  else
    return word == 0 ? T{} : T{static_cast<std::uint32_t>(word - 1)};
}

}  // namespace anonvma
