// The shared part of the scenarios: small calls that end the process when they fail.
#pragma once

#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace corners {

inline const auto kPage = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
inline constexpr std::size_t kLargestPage = 65536;
inline constexpr int kRw = PROT_READ | PROT_WRITE;
inline constexpr int kMoveTo = MREMAP_MAYMOVE | MREMAP_FIXED;

[[noreturn]] void die(const char* what);
// Ends the scenario as skipped: this machine or this kernel lacks a facility.
[[noreturn]] void skip(const char* reason);
void must(bool good, const char* what);
// For the first use of a facility: an error that says that it is missing skips the scenario.
void available(bool good, const char* what);

char* at(char* base, std::size_t page);
// Private anonymous memory: at any place, or in place of the mapping at `where`.
char* map(std::size_t pages, int prot = kRw, int flags = 0);
char* map_over(char* where, std::size_t pages, int prot = kRw, int flags = 0);
char* map_file(int fd, std::size_t pages, int prot, int flags, std::size_t first_page = 0);
void protect(char* p, std::size_t pages, int prot);
void advise(char* p, std::size_t pages, int advice);
void unmap(char* p, std::size_t pages);
// mremap, which may fail.
char* move(char* from, std::size_t old_pages, std::size_t new_pages, int flags, char* to = nullptr);
void write_pages(char* p, std::size_t pages = 1);
void read_pages(const char* p, std::size_t pages = 1);
// Memory between holes, so that nothing else merges with it.
char* island(std::size_t pages, int prot = kRw, int flags = 0);

int scratch_file(std::size_t pages);  // unlinked, on a real file system
void write_text(const char* path, const std::string& text);
std::string read_text(const char* path);

pid_t fork_call();  // the call alone, without the C library's locks
void must_have_ended_well(int wait_status);
void reap(pid_t pid);          // its status must be 0
void reap_any_end(pid_t pid);  // its status does not matter
void outlive(pid_t parent);    // until this process has another parent
template <class Work>
pid_t spawn(Work&& work) {
  const pid_t pid = fork();
  must(pid >= 0, "fork");
  if (pid == 0) {
    std::forward<Work>(work)();
    _exit(0);
  }
  return pid;
}
template <class Work>
void in_child(Work&& work) {
  reap(spawn(std::forward<Work>(work)));
}

// One-shot gate between processes.
class Gate {
 public:
  Gate();
  void open() const;
  void wait() const;

 private:
  int ends_[2];
};

// Undoes something at its end, or when the scenario fails or is skipped, in the process that has made it.
class Undo {
 public:
  explicit Undo(std::function<void()> undo);
  Undo(const Undo&) = delete;
  Undo& operator=(const Undo&) = delete;
  ~Undo() { run(); }
  void run();

 private:
  std::function<void()> undo_;
  pid_t owner_;
};

// Sets a file of /proc/sys, or one like it, and restores it.
class Setting {
 public:
  Setting(const std::string& path, const std::string& value);

 private:
  Undo undo_;
};

// Lets a thread of the kernel run beside a busy machine. Its own priority is restored.
class Hurry {
 public:
  explicit Hurry(const std::string& name);

 private:
  pid_t tid_;
  Undo undo_;
};

struct Scenario {
  const char* name;
  void (*run)();
};

}  // namespace corners
