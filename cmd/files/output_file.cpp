#include "cmd/files/output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

namespace anonvma::cmd {
namespace {

Error io_error(const std::string& path) {
  return {ErrorCode::io, fmt::format("{}: {}", path, std::strerror(errno))};
}

std::optional<unsigned> id_from(const char* name) {
  const char* const text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  const std::string_view view = text;
  unsigned id = 0;
  const auto [end, bad] = std::from_chars(view.data(), view.data() + view.size(), id);
  if (bad != std::errc{} || end != view.data() + view.size()) return std::nullopt;
  return id;
}

// After `sudo anonvma record` the file belongs to the user who called sudo, not to root.
void give_to_invoker(int fd) {
  const auto uid = id_from("SUDO_UID"), gid = id_from("SUDO_GID");
  if (geteuid() == 0 && uid && gid && fchown(fd, *uid, *gid) != 0) return;
}

}  // namespace

Result<OutputFile> OutputFile::standard_output() {
  if (isatty(STDOUT_FILENO))
    return Error{ErrorCode::usage,
                 "standard output is a terminal, and a trace is no text: add | or > behind -o -"};
  std::signal(SIGPIPE, SIG_IGN);  // EPIPE says the same, and the recording ends in order
  const int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return io_error("standard output");
  OutputFile file("standard output", fd, false);
  file.stream_ = true;
  return file;
}

Result<OutputFile> OutputFile::create(std::string path, bool force) {
  if (path == "-") return standard_output();
  constexpr int kFlags = O_WRONLY | O_CLOEXEC | O_NOFOLLOW;
  int fd = open(path.c_str(), kFlags | O_CREAT | O_EXCL, 0600);
  const bool made = fd >= 0;
  if (!made && errno == EEXIST) {
    if (!force)
      return Error{ErrorCode::io,
                   fmt::format("{}: file exists: choose another name or add --force", path)};
    fd = open(path.c_str(), kFlags);
  }
  if (fd < 0) return io_error(path);
  struct stat info {};
  if (!made && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && fchmod(fd, 0600) != 0)
    return io_error(path);
  if (made) give_to_invoker(fd);
  return OutputFile(std::move(path), fd, made);
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      made_(other.made_),
      stream_(other.stream_),
      written_(other.written_),
      whole_(other.whole_) {}

OutputFile::~OutputFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  if (made_ && !written_) unlink(path_.c_str());
}

Status OutputFile::write(std::span<const std::byte> bytes) {
  if (!written_ && !made_ && !stream_ && ftruncate(fd_, 0) != 0 && errno != EINVAL)
    return io_error(path_);
  written_ = true;
  off_t end = whole_;
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      const Error error = io_error(path_);
      // Half a chunk is of no use. Only a regular file can drop it again.
      if (end != whole_ && !stream_ && ftruncate(fd_, whole_) != 0) return error;
      return error;
    }
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    end += n;
  }
  whole_ = end;
  return ok();
}

Status OutputFile::close() {
  // The file was removed while it was open, so closing the descriptor deletes the data. This must
  // not pass for a finished recording.
  struct stat info {};
  if (!stream_ && fstat(fd_, &info) == 0 && S_ISREG(info.st_mode) && info.st_nlink == 0) {
    ::close(std::exchange(fd_, -1));
    return Error{
        ErrorCode::io,
        fmt::format("{}: was removed while it was written, and is lost: run this again", path_)};
  }
  if (::close(std::exchange(fd_, -1)) != 0) return io_error(path_);
  return ok();
}

Status write_file(const std::string& path, bool force, std::string_view text) {
  Result<OutputFile> file = OutputFile::create(path, force);
  if (!file) return file.error();
  if (const Status written = file->write(std::as_bytes(std::span(text))); !written) {
    file->discard();
    return written;
  }
  return file->close();
}

}  // namespace anonvma::cmd
