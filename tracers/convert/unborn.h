// Records that are dropped because the birth of their mm was lost.
#pragma once

#include <cstdint>
#include <map>
#include <utility>

namespace anonvma {

class Unborn {
 public:
  // Records were lost. From here on an mm may be unknown because the record of its birth was lost.
  void expect() { expected_ = true; }
  bool expected() const { return expected_; }
  void drop(std::uint32_t kind) { ++dropped_[kind]; }
  // The numbers of dropped records since the last call, by kind.
  std::map<std::uint32_t, std::uint64_t> take() { return std::exchange(dropped_, {}); }

 private:
  bool expected_ = false;
  std::map<std::uint32_t, std::uint64_t> dropped_;
};

}  // namespace anonvma
