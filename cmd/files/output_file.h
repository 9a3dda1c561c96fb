// The output file of a recording. It is private, overwrites nothing by accident, and is removed
// again if nothing was written or the recording failed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "engine/result.h"

namespace anonvma::cmd {

class OutputFile {
 public:
  // Creates `path` with mode 0600, owned by the user who called sudo. "-" is standard output, which
  // must not be a terminal. Without `force` an existing
  // file is an error; with `force` it keeps its contents until the first write.
  static Result<OutputFile> create(std::string path, bool force);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  // Removes the file if this object created it and nothing was written.
  ~OutputFile();

  // Writes all bytes. If that fails, a regular file keeps none of them.
  Status write(std::span<const std::byte> bytes);
  // The recording failed: the destructor removes the file if this object created it.
  void discard() { written_ = false; }
  // Closes the file. It is an error if the file was removed meanwhile.
  Status close();
  const std::string& path() const { return path_; }

 private:
  OutputFile(std::string path, int fd, bool made) : path_(std::move(path)), fd_(fd), made_(made) {}
  static Result<OutputFile> standard_output();
  std::string path_;
  int fd_;
  bool made_;
  bool stream_ = false;  // cannot be cut off or removed
  bool written_ = false;
  std::int64_t whole_ = 0;  // bytes of the writes that succeeded
};

// Creates a file as OutputFile does and writes all of `text`. A file that it cannot write whole is removed
// again, if it was new.
Status write_file(const std::string& path, bool force, std::string_view text);

}  // namespace anonvma::cmd
