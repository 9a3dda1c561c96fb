// A file's bytes, mapped read-only. Errors name the file and say what to do.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "engine/result.h"

namespace anonvma::cmd {

class MappedFile {
 public:
  static Result<MappedFile> open(const std::string& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  MappedFile() = default;
  std::span<const std::byte> bytes_;
};

}  // namespace anonvma::cmd
