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

Result<int> open_path(const std::string& path) {
  if (path != "-") {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    return fd < 0 ? Result<int>(errno_error(path)) : fd;
  }
  if (isatty(STDIN_FILENO))
    return Error{ErrorCode::usage,
                 "standard input is a terminal: pipe a trace into it, or name a file"};
  const int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
  return fd < 0 ? Result<int>(errno_error(shown_path(path))) : fd;
}

}  // namespace

std::string shown_path(const std::string& path) { return path == "-" ? "standard input" : path; }

Result<MappedFile> MappedFile::open(const std::string& path) {
  Result<MappedFile> file = open_live(path, ReadTimes::twice);
  if (!file || file->pipe() == nullptr) return file;
  const auto all = file->pipe()->all();
  if (!all) return all.error();
  file->bytes_ = *all;
  return file;
}

Result<MappedFile> MappedFile::open_live(const std::string& path, ReadTimes times) {
  const Result<int> opened = open_path(path);
  if (!opened) return opened.error();
  const std::string name = shown_path(path);
  Descriptor file{*opened};
  struct stat info = {};
  if (::fstat(file.fd, &info) != 0) return errno_error(name);
  if (S_ISDIR(info.st_mode)) return io_error(name, "is a directory, not a trace");
  MappedFile mapped;
  if (S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode)) {
    auto copy = PipeCopy::create(std::exchange(file.fd, -1), name, times);
    if (!copy) return copy.error();
    mapped.pipe_ = std::move(*copy);
    return mapped;
  }
  if (!S_ISREG(info.st_mode)) return io_error(name, "is neither a regular file nor a pipe");
  if (info.st_size == 0) return mapped;  // mmap refuses an empty file
  const auto size = static_cast<std::size_t>(info.st_size);
  void* start = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (start == MAP_FAILED) return errno_error(name);
  ::madvise(start, size, MADV_SEQUENTIAL);
  mapped.bytes_ = {static_cast<const std::byte*>(start), size};
  return mapped;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : bytes_(std::exchange(other.bytes_, {})), pipe_(std::move(other.pipe_)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  std::swap(pipe_, other.pipe_);
  return *this;
}

MappedFile::~MappedFile() {
  if (!pipe_ && !bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace anonvma::cmd
