// A set of numbers from a file. They are dense in an honest file, and arbitrary in others.
#pragma once

#include <cstdint>
#include <unordered_map>

namespace anonvma {

class SparseBits {
 public:
  bool test(std::uint64_t at) const {
    const auto word = words_.find(at / 64);
    return word != words_.end() && (word->second >> at % 64 & 1) != 0;
  }
  void set(std::uint64_t at) { words_[at / 64] |= 1ull << at % 64; }
  void clear(std::uint64_t at) {
    const auto word = words_.find(at / 64);
    if (word != words_.end() && (word->second &= ~(1ull << at % 64)) == 0) words_.erase(word);
  }

 private:
  std::unordered_map<std::uint64_t, std::uint64_t> words_;
};

}  // namespace anonvma
