// The bytes of a pipe, as a file that grows while they are read. So a trace can be replayed while it is
// recorded, and be read a second time.
//
//   pipe ─ read() ─► file without a name ─ mmap() ─► span, as far as the pipe has come
//
// Memory stays bounded: pages that were read are given back. A copy to read twice is on the disk, in
// $TMPDIR or /var/tmp. A copy to read once is in memory, and its beginning is given back, too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "engine/result.h"

namespace anonvma::cmd {

enum class ReadTimes : std::uint8_t { once, twice };

class PipeCopy {
 public:
  // Takes over the descriptor `pipe`; `path` is its name in messages. From now on the first Ctrl-C is for
  // the program that writes into the pipe: this one reads to the end. The second one ends this one.
  static Result<std::unique_ptr<PipeCopy>> create(int pipe, std::string path, ReadTimes times);
  ~PipeCopy();
  PipeCopy(const PipeCopy&) = delete;
  PipeCopy& operator=(const PipeCopy&) = delete;

  // Waits until `wanted` bytes are there, or the pipe has ended. Returns all bytes that are there.
  // Those before `from` are needed no more, in this reading.
  Result<std::span<const std::byte>> more(std::uint64_t from, std::uint64_t wanted);
  // Waits for the end of the pipe.
  Result<std::span<const std::byte>> all();

 private:
  PipeCopy(int pipe, std::string path, ReadTimes times)
      : pipe_(pipe), path_(std::move(path)), times_(times) {}
  Status open_file();
  Status map_file();
  Status append(std::span<const std::byte> bytes);
  void forget(std::uint64_t from);
  std::span<const std::byte> bytes() const { return {start_, size_}; }

  int pipe_;
  std::string path_;
  ReadTimes times_;
  int file_ = -1;
  std::string folder_;  // of the file
  const std::byte* start_ = nullptr;
  std::size_t most_ = 0;  // bytes that are mapped
  std::size_t size_ = 0, forgotten_ = 0;
  bool ended_ = false;
};

}  // namespace anonvma::cmd
