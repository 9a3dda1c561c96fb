#include "test/differential/files.h"

#include <fcntl.h>
#include <linux/perf_event.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace anonvma::differential {
namespace {

constexpr std::size_t kFilePages = 64;
const std::size_t page_bytes = kPage * static_cast<std::size_t>(page_factor());
constexpr std::size_t kSegmentPages = 4;
constexpr int kSealFutureWrite = 0x0010;

int again(int fd, int flags) {
  return ::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), flags | O_CLOEXEC);
}

int sized(int fd, std::size_t bytes) {
  if (fd < 0 || ftruncate(fd, static_cast<off_t>(bytes)) == 0) return fd;
  close(fd);
  return -1;
}

int memory_file(unsigned flags = 0) {
  return sized(memfd_create("differential", MFD_CLOEXEC | flags), kFilePages * page_bytes);
}

int disk_file() {
  std::string name = std::filesystem::temp_directory_path() / "anonvma-differential-XXXXXX";
  const int fd = mkostemp(name.data(), O_CLOEXEC);
  if (fd >= 0) unlink(name.c_str());
  return sized(fd, kFilePages * page_bytes);
}

// Some machines refuse a perf event: then mappings of it fail.
int perf_event() {
  perf_event_attr attr{};
  attr.size = sizeof(attr);
  attr.type = PERF_TYPE_SOFTWARE;
  attr.config = PERF_COUNT_SW_DUMMY;
  return static_cast<int>(syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
}

}  // namespace

Files::Files() {
  fds_.fill(-1);
  segments_.fill(-1);
}

Files::Files(Files&& other) noexcept
    : mailbox_(other.mailbox_), fds_(other.fds_), segments_(other.segments_) {
  other.mailbox_ = -1;
  other.fds_.fill(-1);
  other.segments_.fill(-1);
}

Files::~Files() {
  for (const int fd : fds_)
    if (fd >= 0) close(fd);
  if (mailbox_ >= 0) close(mailbox_);
  for (const int segment : segments_)
    if (segment >= 0) shmctl(segment, IPC_RMID, nullptr);
}

Result<Files> Files::open() {
  Files files;
  const auto fd = [&](File file) -> int& { return files.fds_[static_cast<std::size_t>(file)]; };
  files.mailbox_ = sized(memfd_create("mailbox", MFD_CLOEXEC), sizeof(Mailbox));
  fd(File::memfd) = memory_file();
  fd(File::memfd_again) = again(fd(File::memfd), O_RDWR);
  fd(File::memfd_read) = again(fd(File::memfd), O_RDONLY);
  fd(File::memfd_sealed) = memory_file(MFD_ALLOW_SEALING);
  fcntl(fd(File::memfd_sealed), F_ADD_SEALS, kSealFutureWrite);
  fd(File::disk) = disk_file();
  fd(File::disk_again) = again(fd(File::disk), O_RDWR);
  fd(File::disk_read) = again(fd(File::disk), O_RDONLY);
  fd(File::zero) = ::open("/dev/zero", O_RDWR | O_CLOEXEC);
  fd(File::perf) = perf_event();
  for (int& segment : files.segments_)
    segment = shmget(IPC_PRIVATE, kSegmentPages * page_bytes, IPC_CREAT | 0600);
  if (files.mailbox_ < 0 || fd(File::disk_read) < 0)
    return Error{ErrorCode::io,
                 "cannot make files to map: " + std::generic_category().message(errno)};
  return files;
}

void Files::place() const {
  dup2(mailbox_, kMailboxFd);
  for (std::size_t i = 0; i < kFiles; ++i)
    if (fds_[i] >= 0) dup2(fds_[i], kFirstFileFd + static_cast<int>(i));
}

}  // namespace anonvma::differential
