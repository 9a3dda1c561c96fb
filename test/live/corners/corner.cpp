#include "corner.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

namespace corners {
namespace {

// Some files list all values, with the present one in brackets.
std::string chosen(const std::string& text) {
  const std::size_t begin = text.find('['), end = text.find(']');
  return begin == text.npos || end == text.npos ? text : text.substr(begin + 1, end - begin - 1);
}

pid_t thread_of_kernel(const std::string& name) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream comm(entry.path() / "comm");
    std::string line;
    if (std::getline(comm, line) && line == name) return std::stoi(entry.path().filename());
  }
  skip(("there is no " + name).c_str());
}

std::vector<Undo*> to_undo;  // the newest last

[[noreturn]] void leave(int status) {
  while (!to_undo.empty()) to_undo.back()->run();
  std::_Exit(status);
}

}  // namespace

void die(const char* what) {
  std::perror(what);
  leave(1);
}

void skip(const char* reason) {
  std::printf("skipped: %s\n", reason);
  std::fflush(stdout);
  leave(77);
}

void must(bool good, const char* what) {
  if (!good) die(what);
}

void available(bool good, const char* what) {
  if (good) return;
  if (errno != EINVAL && errno != ENOSYS && errno != EPERM && errno != ENOENT &&
      errno != EOPNOTSUPP && errno != EACCES && errno != ENODEV)
    die(what);
  skip((std::string(what) + ": " + std::strerror(errno)).c_str());
}

char* at(char* base, std::size_t page) { return base + page * kPage; }

char* map(std::size_t pages, int prot, int flags) {
  void* p = mmap(nullptr, pages * kPage, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
  must(p != MAP_FAILED, "mmap");
  return static_cast<char*>(p);
}

char* map_over(char* where, std::size_t pages, int prot, int flags) {
  const int all = (flags & MAP_SHARED ? 0 : MAP_PRIVATE) | MAP_ANONYMOUS | MAP_FIXED | flags;
  void* p = mmap(where, pages * kPage, prot, all, -1, 0);
  must(p == where, "mmap MAP_FIXED");
  return where;
}

char* map_file(int fd, std::size_t pages, int prot, int flags, std::size_t first_page) {
  void* p = mmap(nullptr, pages * kPage, prot, flags, fd, static_cast<off_t>(first_page * kPage));
  must(p != MAP_FAILED, "mmap of a file");
  return static_cast<char*>(p);
}

void protect(char* p, std::size_t pages, int prot) {
  must(mprotect(p, pages * kPage, prot) == 0, "mprotect");
}

void advise(char* p, std::size_t pages, int advice) {
  must(madvise(p, pages * kPage, advice) == 0, "madvise");
}

void unmap(char* p, std::size_t pages) { must(munmap(p, pages * kPage) == 0, "munmap"); }

char* move(char* from, std::size_t old_pages, std::size_t new_pages, int flags, char* to) {
  return static_cast<char*>(mremap(from, old_pages * kPage, new_pages * kPage, flags, to));
}

void write_pages(char* p, std::size_t pages) {
  for (std::size_t i = 0; i < pages; ++i) *static_cast<volatile char*>(at(p, i)) = 1;
}

void read_pages(const char* p, std::size_t pages) {
  for (std::size_t i = 0; i < pages; ++i) (void)*static_cast<const volatile char*>(p + i * kPage);
}

char* island(std::size_t pages, int prot, int flags) {
  char* all = map(pages + 32, PROT_NONE);
  char* inner = at(all, 16);
  map_over(inner, pages, prot, flags);
  unmap(all, 16);
  unmap(at(inner, pages), 16);
  return inner;
}

int scratch_file(std::size_t pages) {
  char name[] = "/var/tmp/corner-XXXXXX";
  const int fd = mkostemp(name, O_CLOEXEC);
  must(fd >= 0, "mkstemp");
  unlink(name);
  must(ftruncate(fd, static_cast<off_t>(pages * kPage)) == 0, "ftruncate");
  return fd;
}

void write_text(const char* path, const std::string& text) {
  const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
  available(fd >= 0, path);
  available(write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()), path);
  close(fd);
}

std::string read_text(const char* path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  available(fd >= 0, path);
  std::string all(4096, '\0');
  const ssize_t got = read(fd, all.data(), all.size());
  must(got >= 0, path);
  all.resize(static_cast<std::size_t>(got));
  close(fd);
  return all;
}

void must_have_ended_well(int status) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) leave(77);
  if (status == 0) return;
  std::fprintf(stderr, "a child ended with %#x\n", static_cast<unsigned>(status));
  leave(1);
}

pid_t fork_call() { return static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)); }

void reap(pid_t pid) {
  int status = 0;
  must(waitpid(pid, &status, 0) == pid, "waitpid");
  must_have_ended_well(status);
}

void reap_any_end(pid_t pid) { must(waitpid(pid, nullptr, 0) == pid, "waitpid"); }

void outlive(pid_t parent) {
  while (getppid() == parent) usleep(1000);
}

Gate::Gate() { must(pipe2(ends_, O_CLOEXEC) == 0, "pipe"); }
void Gate::open() const { must(write(ends_[1], "x", 1) == 1, "gate"); }
void Gate::wait() const {
  char byte = 0;
  must(read(ends_[0], &byte, 1) == 1, "gate");
}

Undo::Undo(std::function<void()> undo) : undo_(std::move(undo)), owner_(getpid()) {
  to_undo.push_back(this);
}

void Undo::run() {
  if (std::erase(to_undo, this) > 0 && getpid() == owner_) undo_();
}

Setting::Setting(const std::string& path, const std::string& value)
    : undo_(
          [path, before = chosen(read_text(path.c_str()))] { write_text(path.c_str(), before); }) {
  write_text(path.c_str(), value);
}

Hurry::Hurry(const std::string& name)
    : tid_(thread_of_kernel(name)),
      undo_([tid = tid_, before = getpriority(PRIO_PROCESS, static_cast<id_t>(tid_))] {
        setpriority(PRIO_PROCESS, static_cast<id_t>(tid), before);
      }) {
  available(setpriority(PRIO_PROCESS, static_cast<id_t>(tid_), -15) == 0, name.c_str());
}

}  // namespace corners
