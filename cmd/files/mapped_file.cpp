#include "cmd/files/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace anonvma::cmd {
namespace {

struct Descriptor {
  int fd = -1;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

Error io_error(const std::string& path, std::string_view what) {
  return {ErrorCode::io, path + ": " + std::string(what)};
}
Error errno_error(const std::string& path) { return io_error(path, std::strerror(errno)); }

}  // namespace

Result<MappedFile> MappedFile::open(const std::string& path) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) return errno_error(path);
  struct stat info = {};
  if (::fstat(file.fd, &info) != 0) return errno_error(path);
  if (S_ISDIR(info.st_mode)) return io_error(path, "is a directory, not a trace");
  if (!S_ISREG(info.st_mode))
    return io_error(path, "is not a regular file: copy its contents into one first");
  MappedFile mapped;
  if (info.st_size == 0) return mapped;  // mmap refuses an empty file
  const auto size = static_cast<std::size_t>(info.st_size);
  void* start = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (start == MAP_FAILED) return errno_error(path);
  ::madvise(start, size, MADV_SEQUENTIAL);
  mapped.bytes_ = {static_cast<const std::byte*>(start), size};
  return mapped;
}

MappedFile::MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace anonvma::cmd
