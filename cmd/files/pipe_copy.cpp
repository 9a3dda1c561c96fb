#include "cmd/files/pipe_copy.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

namespace anonvma::cmd {
namespace {

constexpr std::size_t kReadBytes = 1u << 18;
constexpr std::size_t kForgetBytes = 1u << 20;  // given back at once
// Addresses, not memory. What a limit or a small address space refuses is asked for in half. More is
// not free everywhere: some emulators keep a note for each page.
constexpr std::size_t kMostMapped = std::size_t{1} << 36, kLeastMapped = std::size_t{1} << 28;

Error io_error(const std::string& path, int error, std::string_view hint = "") {
  return {ErrorCode::io, fmt::format("{}: {}{}", path, std::strerror(error), hint)};
}

void survive_first_interrupt() {
  struct sigaction action = {};
  action.sa_handler = [](int) {};
  action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
}

std::string folder_for_copies() {
  const char* const named = std::getenv("TMPDIR");
  if (named != nullptr && *named != '\0') return named;
  return access("/var/tmp", W_OK) == 0 ? "/var/tmp" : "/tmp";
}

// A file without a name; -1 with errno.
int nameless_file(const std::string& folder) {
  const int fd = open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
  if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR)) return fd;
  std::string name = folder + "/anonvma.XXXXXX";
  const int named = mkostemp(name.data(), O_CLOEXEC);
  if (named >= 0) unlink(name.c_str());
  return named;
}

}  // namespace

Result<std::unique_ptr<PipeCopy>> PipeCopy::create(int pipe, std::string path, ReadTimes times) {
  std::unique_ptr<PipeCopy> copy(new PipeCopy(pipe, std::move(path), times));
  if (const Status s = copy->open_file(); !s) return s.error();
  if (const Status s = copy->map_file(); !s) return s.error();
  survive_first_interrupt();
  return copy;
}

PipeCopy::~PipeCopy() {
  if (start_ != nullptr) munmap(const_cast<std::byte*>(start_), most_);
  if (file_ >= 0) close(file_);
  close(pipe_);
}

Status PipeCopy::open_file() {
  const bool once = times_ == ReadTimes::once;
  folder_ = once ? "memory" : folder_for_copies();
  file_ = once ? memfd_create("anonvma", MFD_CLOEXEC) : nameless_file(folder_);
  if (file_ >= 0) return ok();
  return io_error(folder_, errno, ": no place for a copy of the pipe: set TMPDIR");
}

Status PipeCopy::map_file() {
  for (most_ = kMostMapped; most_ >= kLeastMapped; most_ /= 2) {
    void* const start = mmap(nullptr, most_, PROT_READ, MAP_SHARED | MAP_NORESERVE, file_, 0);
    if (start == MAP_FAILED) continue;
    start_ = static_cast<const std::byte*>(start);
    return ok();
  }
  return io_error(path_, errno, ": no addresses for a copy of the pipe");
}

Status PipeCopy::append(std::span<const std::byte> bytes) {
  if (bytes.size() > most_ - size_)
    return Error{ErrorCode::io, fmt::format("{}: is longer than {} GiB: save it to a file first",
                                            path_, most_ >> 30)};
  while (!bytes.empty()) {
    const ssize_t n = pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      return io_error(folder_, errno,
                      ": the copy of the pipe for the second reading does not fit: set TMPDIR to a "
                      "larger file system, or save the trace to a file");
    size_ += static_cast<std::size_t>(n);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return ok();
}

// Gives memory back. Pages of a file on a disk come again when they are read again.
void PipeCopy::forget(std::uint64_t from) {
  if (from < forgotten_) forgotten_ = 0;  // a second reading
  const std::size_t end = from & ~(kForgetBytes - 1);
  if (end <= forgotten_) return;
  const std::size_t bytes = end - forgotten_;
  madvise(const_cast<std::byte*>(start_) + forgotten_, bytes, MADV_DONTNEED);
  if (times_ == ReadTimes::once &&
      fallocate(file_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(forgotten_),
                static_cast<off_t>(bytes)) != 0)
    return;
  forgotten_ = end;
}

Result<std::span<const std::byte>> PipeCopy::more(std::uint64_t from, std::uint64_t wanted) {
  forget(from);
  std::vector<std::byte> buffer(ended_ || size_ >= wanted ? 0 : kReadBytes);
  while (!ended_ && size_ < wanted) {
    const ssize_t n = read(pipe_, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return io_error(path_, errno);
    ended_ = n == 0;
    if (const Status s = append(std::span(buffer).first(static_cast<std::size_t>(n))); !s)
      return s.error();
  }
  return bytes();
}

Result<std::span<const std::byte>> PipeCopy::all() { return more(0, ~std::uint64_t{0}); }

}  // namespace anonvma::cmd
