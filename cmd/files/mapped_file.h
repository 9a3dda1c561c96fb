// A file's bytes, mapped read-only. Errors name the file and say what to do.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "cmd/files/pipe_copy.h"
#include "engine/result.h"

namespace anonvma::cmd {

class MappedFile {
 public:
  // A pipe, or "-" for standard input, is read to its end first.
  static Result<MappedFile> open(const std::string& path);
  // The same, but of a pipe nothing is read yet: bytes() is empty and pipe() is set.
  static Result<MappedFile> open_live(const std::string& path, ReadTimes times);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();
  std::span<const std::byte> bytes() const { return bytes_; }
  PipeCopy* pipe() const { return pipe_.get(); }

 private:
  MappedFile() = default;
  std::span<const std::byte> bytes_;
  std::unique_ptr<PipeCopy> pipe_;  // which then has the bytes
};

// The name of a file in messages and tables: "-" is "standard input".
std::string shown_path(const std::string& path);

}  // namespace anonvma::cmd
