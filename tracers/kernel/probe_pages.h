// The scratch memory of the probe: system calls, and their results as /proc shows them. Allocates
// nothing, so that all new mappings are those of an experiment.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "tracers/kernel/fd.h"

namespace anonvma::probe {

inline constexpr int kGuardInstall = 102;  // MADV_GUARD_INSTALL, Linux 6.13
// Milliseconds of work may take seconds on an emulated machine with no CPU to spare.
inline constexpr int kPatienceSeconds = 10;

// Calls `visit` with each line of a file until `visit` returns false. Of a line longer than the
// buffer only the end is passed. Returns false if the file cannot be read.
template <class Visit>
bool each_line(const char* path, Visit visit) {
  const Fd file(open(path, O_RDONLY | O_CLOEXEC));
  std::array<char, 8192> buffer{};
  std::size_t kept = 0;
  for (;;) {
    const ssize_t n = read(file.get(), buffer.data() + kept, buffer.size() - kept);
    if (n <= 0) return n == 0;
    std::string_view text(buffer.data(), kept + static_cast<std::size_t>(n));
    for (auto end = text.find('\n'); end != text.npos; end = text.find('\n')) {
      if (!visit(text.substr(0, end))) return true;
      text.remove_prefix(end + 1);
    }
    kept = text.size() == buffer.size() ? 0 : text.size();
    std::memmove(buffer.data(), text.data(), kept);
  }
}

// The range of a line of maps or smaps that begins with "start-end "; nullopt for other lines.
struct Range {
  std::uintptr_t start = 0, end = 0;
};
inline std::optional<Range> range_of(std::string_view line) {
  Range range;
  const char* last = line.data() + line.size();
  const auto [dash, error] = std::from_chars(line.data(), last, range.start, 16);
  if (error != std::errc{} || dash == last || *dash != '-') return {};
  const auto [space, bad] = std::from_chars(dash + 1, last, range.end, 16);
  if (bad != std::errc{} || space == last || *space != ' ') return {};
  return range;
}

// Sixteen pages of address space with nothing beside them. Pages are named by their number. A step
// that fails spoils the experiment: the rest of it does nothing.
class Pages {
 public:
  Pages() {
    constexpr std::size_t kAround = 8;
    const std::size_t length = (kCount + 2 * kAround) * size_;
    void* hole = mmap(nullptr, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    spoiled_ = hole == MAP_FAILED || munmap(hole, length) != 0;
    if (!spoiled_) base_ = static_cast<char*>(hole) + kAround * size_;
  }

  void clear() { spoiled_ = munmap(at(0), kCount * size_) != 0; }
  bool spoiled() const { return spoiled_; }

  void map(std::size_t page, std::size_t count = 1, int prot = PROT_READ | PROT_WRITE,
           int flags = 0) {
    if (spoiled_) return;
    flags |= MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    spoiled_ = mmap(at(page), bytes(count), prot, flags, -1, 0) == MAP_FAILED;
  }
  // Makes the vma faulted, and drops the page at once. In later steps some kernels lose track of an
  // anon_vma; no page may refer to it then.
  void touch(std::size_t page) {
    if (spoiled_) return;
    *const_cast<volatile char*>(at(page)) = 1;
    spoiled_ = madvise(at(page), size_, MADV_DONTNEED) != 0;
  }
  void protect(std::size_t page, std::size_t count, int prot) {
    if (!spoiled_) spoiled_ = mprotect(at(page), bytes(count), prot) != 0;
  }
  void move(std::size_t from, std::size_t to, int flags = 0) {
    if (!spoiled_ && remap(from, 1, to, 1, flags) != 0) spoiled_ = true;
  }
  // mremap to a fixed place: an error number or 0.
  int remap(std::size_t from, std::size_t old_count, std::size_t to, std::size_t count,
            int flags = 0) const {
    flags |= MREMAP_MAYMOVE | MREMAP_FIXED;
    const void* moved = mremap(at(from), bytes(old_count), bytes(count), flags, at(to));
    return moved == MAP_FAILED ? errno : 0;
  }
  // Makes a mapping longer where it is.
  void grow(std::size_t page, std::size_t old_count, std::size_t count) {
    if (spoiled_) return;
    spoiled_ = mremap(at(page), bytes(old_count), bytes(count), 0) != at(page);
  }
  // Maps a page of a file, always of the same file. The file is made to end with this page.
  void map_file(std::size_t page, std::size_t of_file) {
    if (file_.get() < 0) file_ = Fd(memfd_create("anonvma", MFD_CLOEXEC));
    if (spoiled_) return;
    const auto offset = static_cast<off_t>(bytes(of_file));
    spoiled_ = ftruncate(file_.get(), offset + static_cast<off_t>(size_)) != 0 ||
               mmap(at(page), size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, file_.get(),
                    offset) == MAP_FAILED;
  }
  // Locks pages without reading any in.
  void lock_on_fault(std::size_t page, std::size_t count) {
    if (!spoiled_) spoiled_ = mlock2(at(page), bytes(count), MLOCK_ONFAULT) != 0;
  }
  // Maps something whose vma has a close hook: System V shared memory.
  void map_with_close(std::size_t page, std::size_t count) {
    const int id = shmget(IPC_PRIVATE, bytes(count), IPC_CREAT | 0600);
    if (id < 0) {
      spoiled_ = true;
      return;
    }
    spoiled_ = shmat(id, at(page), 0) != at(page);
    shmctl(id, IPC_RMID, nullptr);  // the segment lives as long as it is attached
  }
  void guard(std::size_t page) {
    if (!spoiled_) spoiled_ = madvise(at(page), size_, kGuardInstall) != 0;
  }

  // The number of vmas in the pages; whether a vma begins at a page; whether a page is mapped.
  int vmas() {
    look();
    int count = 0;
    for (const bool start : starts_) count += start;
    return count;
  }
  bool starts(std::size_t page) {
    look();
    return starts_.at(page);
  }
  bool mapped(std::size_t page) {
    look();
    return mapped_.at(page);
  }
  // True if the vma that begins at a page has VM_MAYBE_GUARD.
  bool guarded(std::size_t page) {
    bool here = false, found = false;
    const auto visit = [&](std::string_view line) {
      if (const auto range = range_of(line)) here = range->start == address(page);
      if (!here || !line.starts_with("VmFlags:")) return true;
      found = line.find(" gu") != line.npos;
      return false;
    };
    if (!each_line("/proc/self/smaps", visit)) spoiled_ = true;
    return found;
  }
  // The result of `life` in a child, where all mappings came through fork.
  template <class Life>
  int after_fork(Life life) {
    const pid_t pid = fork();
    if (pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      alarm(kPatienceSeconds);
      const int result = life();
      _exit(spoiled_ ? kSpoiled : result);
    }
    int status = 0;
    const bool ended = pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status);
    if (!ended || WEXITSTATUS(status) == kSpoiled) spoiled_ = true;
    return WEXITSTATUS(status);
  }

 private:
  static constexpr std::size_t kCount = 16;
  static constexpr int kSpoiled = 255;

  char* at(std::size_t page) const { return base_ + page * size_; }
  std::uintptr_t address(std::size_t page) const {
    return reinterpret_cast<std::uintptr_t>(at(page));
  }
  std::size_t bytes(std::size_t pages) const { return pages * size_; }

  void look() {
    starts_ = mapped_ = {};
    const auto visit = [&](std::string_view line) {
      const auto range = range_of(line);
      if (!range) return true;
      for (std::size_t i = 0; i < kCount; ++i) {
        const std::uintptr_t page = address(i);
        starts_[i] = starts_[i] || range->start == page;
        mapped_[i] = mapped_[i] || (range->start <= page && page < range->end);
      }
      return true;
    };
    if (!each_line("/proc/self/maps", visit)) spoiled_ = true;
  }

  std::size_t size_ = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  char* base_ = nullptr;
  Fd file_;
  bool spoiled_ = false;
  std::array<bool, kCount> starts_{}, mapped_{};
};

}  // namespace anonvma::probe
