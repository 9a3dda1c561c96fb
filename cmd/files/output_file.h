// The file a recording goes to: private, never an overwrite by accident, never a half-made
// leftover.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "engine/result.h"

namespace anonvma::cmd {

class OutputFile {
 public:
  // Creates `path` with mode 0600, owned by the user behind sudo. An existing file is an error
  // without `force`, and keeps its contents until the first write with it.
  static Result<OutputFile> create(std::string path, bool force);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  // Removes the file again when this made it and nothing was written.
  ~OutputFile();

  // All of it, or none of it and the reason.
  Status write(std::span<const std::byte> bytes);
  // Nothing came of it: removes the file when this made it.
  void discard() { written_ = false; }
  // On the disk, or the reason why not.
  Status close();
  const std::string& path() const { return path_; }

 private:
  OutputFile(std::string path, int fd, bool made) : path_(std::move(path)), fd_(fd), made_(made) {}
  std::string path_;
  int fd_;
  bool made_;
  bool written_ = false;
  std::int64_t whole_ = 0;  // bytes of the writes that succeeded
};

}  // namespace anonvma::cmd
