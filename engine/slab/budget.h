// The limits of a replay. A short file can ask for a lot: a chunk of some bytes decodes to 65536
// events, and each of them may be a fork that copies all mappings made before.
#pragma once

#include <cstddef>
#include <cstdint>

namespace anonvma {

struct Budget {
  static constexpr std::uint64_t kUnlimited = ~0ull;
  std::uint64_t bytes = kUnlimited;  // the model's estimate of its memory, for one strategy
  std::uint64_t steps = kUnlimited;  // for one strategy: objects made and dropped, vmas visited
  friend bool operator==(const Budget&, const Budget&) = default;
};

// A node of a hash table or of a map, in estimates of memory.
inline constexpr std::uint64_t kNodeBytes = 64;

// The budget of each of `replays` that run beside each other over a file of `file_bytes`.
//
// Half of a life may map and the other half fork it, so its cost grows with the square of its
// length. A recording takes two bytes an event and more, and so is far below the limit. A server of
// 5000 vmas with 1000 children is a file of 10 KiB at the very least, for which this allows 30 GiB.
// A file of 1 KiB is allowed 428 MiB.
constexpr Budget budget_for(std::uint64_t file_bytes, std::size_t replays) {
  constexpr std::uint64_t kMostBytes = 1ull << 24;  // longer files have no limit
  if (file_bytes > kMostBytes) return {};
  const std::uint64_t square = file_bytes * file_bytes;
  return {((128ull << 20) + 300 * square) / (replays == 0 ? 1 : replays),
          (32ull << 20) + 16 * square};
}

}  // namespace anonvma
