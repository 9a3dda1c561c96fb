#include "engine/trace/keyed.h"

#include <bit>
#include <cstring>
#include <string>

namespace anonvma {
namespace {

// SipHash-2-4 of Aumasson and Bernstein: a keyed hash that is useless without the key.
class Sip {
 public:
  explicit Sip(const Keyed::Key& key)
      : v_{key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d, key[0] ^ 0x6c7967656e657261,
           key[1] ^ 0x7465646279746573} {}

  std::uint64_t hash(std::string_view text) {
    const std::size_t whole = text.size() / 8 * 8;
    for (std::size_t i = 0; i < whole; i += 8) absorb(word(text.substr(i, 8)));
    absorb(word(text.substr(whole)) | std::uint64_t{text.size()} << 56);
    v_[2] ^= 0xff;
    for (int i = 0; i < 4; ++i) round();
    return v_[0] ^ v_[1] ^ v_[2] ^ v_[3];
  }

 private:
  static std::uint64_t word(std::string_view bytes) {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data(), bytes.size());
    return value;
  }
  void absorb(std::uint64_t value) {
    v_[3] ^= value;
    round();
    round();
    v_[0] ^= value;
  }
  void round() {
    half(0, 1, 13, 32);
    half(2, 3, 16, 0);
    half(2, 1, 17, 32);
    half(0, 3, 21, 0);
  }
  // One addition with the rotations that go with it.
  void half(std::size_t a, std::size_t b, int by, int spin) {
    v_[a] += v_[b];
    v_[b] = std::rotl(v_[b], by) ^ v_[a];
    v_[a] = std::rotl(v_[a], spin);
  }

  std::array<std::uint64_t, 4> v_;
};

std::string words(std::uint64_t a, std::uint64_t b) {
  std::string bytes(16, '\0');
  std::memcpy(bytes.data(), &a, 8);
  std::memcpy(bytes.data() + 8, &b, 8);
  return bytes;
}

}  // namespace

Keyed::Key Keyed::from_text(std::string_view text) {
  return {Sip({0, 0}).hash(text), Sip({0, 1}).hash(text)};
}

std::uint64_t Keyed::of(Kind kind, std::string_view text) const {
  return Sip(key_).hash(std::string(1, static_cast<char>(kind)).append(text));
}

std::uint64_t Keyed::of(Kind kind, std::uint64_t a, std::uint64_t b) const {
  return of(kind, words(a, b));
}

// A Feistel network over the next even number of bits, walked until it comes back below `size`.
std::uint64_t Keyed::permuted(Kind kind, std::uint64_t value, std::uint64_t size) const {
  if (value >= size || size < 2) return value;
  const auto half = static_cast<unsigned>((std::bit_width(size - 1) + 1) / 2);
  const std::uint64_t mask = (std::uint64_t{1} << half) - 1;
  do {
    std::uint64_t left = value >> half, right = value & mask;
    for (std::uint64_t round = 0; round < 6; ++round) {
      const std::uint64_t next = left ^ (of(kind, right, round) & mask);
      left = right;
      right = next;
    }
    value = left << half | right;
  } while (value >= size);
  return value;
}

}  // namespace anonvma
