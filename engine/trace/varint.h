// LEB128 variable-length integers, zigzag, and the bounded cursor that reads a column.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

namespace anonvma {

constexpr std::uint64_t zigzag(std::uint64_t delta) { return (delta << 1) ^ (0 - (delta >> 63)); }
constexpr std::uint64_t unzigzag(std::uint64_t code) { return (code >> 1) ^ (0 - (code & 1)); }

using ByteBuffer = std::vector<std::uint8_t>;

inline void put_varint(ByteBuffer& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<std::uint8_t>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<std::uint8_t>(value));
}

// Reading past the end sets `bad` and gives zeros: a loop of a bounded number of reads needs
// no other check. A default cursor stands for a column that the file does not have, and
// reads as zeros.
struct Cursor {
  const std::uint8_t* at = nullptr;
  const std::uint8_t* end = nullptr;

  bool exhausted() const { return at == end; }

  std::uint64_t varint(bool& bad) {
    if (at != end && *at < 0x80) [[likely]]
      return *at++;
    return long_varint(bad);
  }

  std::uint64_t word(bool& bad) {
    std::uint64_t value = 0;
    if (end - at >= 8) {
      std::memcpy(&value, at, 8);
      at += 8;
    } else if (at) {
      bad = true;
    }
    return value;
  }

 private:
  std::uint64_t long_varint(bool& bad) {
    if (!at) return 0;
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && at != end; shift += 7) {
      const std::uint8_t byte = *at++;
      value |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) {
        if (shift == 63 && byte > 1) break;
        return value;
      }
    }
    bad = true;
    return 0;
  }
};

}  // namespace anonvma
