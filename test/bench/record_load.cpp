// The loads that scripts/bench-record records: each stresses one hook, and a stopwatch
// around any command.
//
// Usage: record_load timed FILE COMMAND...   wall and CPU nanoseconds of it and its children
//        record_load fork_exec|mmap|faults COUNT FILE   writes COUNT into FILE at its end
//
// Both files prove that the load ran: a recorder may end without having started it.
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string_view>

namespace {

constexpr std::size_t kPage = 4096;

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

long long now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

long long nanoseconds(const timeval& time) {
  return time.tv_sec * 1'000'000'000LL + time.tv_usec * 1000LL;
}

char* map(std::size_t bytes) {
  void* const p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) die("mmap");
  return static_cast<char*>(p);
}

int timed(const char* file, char** command) {
  const long long start = now_ns();
  const pid_t pid = fork();
  if (pid < 0) die("fork");
  if (pid == 0) {
    execvp(command[0], command);
    die(command[0]);
  }
  int status = 0;
  rusage used{};
  if (wait4(pid, &status, 0, &used) != pid) die("wait4");
  const long long wall = now_ns() - start;
  std::FILE* const out = std::fopen(file, "w");
  if (!out) die(file);
  std::fprintf(out, "%lld %lld %d\n", wall, nanoseconds(used.ru_utime) + nanoseconds(used.ru_stime),
               status);
  return std::fclose(out) == 0 && status == 0 ? 0 : 1;
}

int completed(const char* file, long count) {
  std::FILE* const out = std::fopen(file, "w");
  if (!out) die(file);
  std::fprintf(out, "%ld\n", count);
  return std::fclose(out) == 0 ? 0 : 1;
}

// Like a shell: fork(2), and execve(2) of a program that does nothing.
void fork_exec(long count) {
  for (long i = 0; i < count; ++i) {
    const pid_t pid = fork();
    if (pid < 0) die("fork");
    if (pid == 0) {
      execl("/bin/true", "true", nullptr);
      _exit(1);
    }
    int status = 0;
    if (waitpid(pid, &status, 0) != pid || status != 0) die("true");
  }
}

// Makes one mapping, touches, protects and unmaps it.
void mappings(long count) {
  for (long i = 0; i < count; ++i) {
    char* const p = map(4 * kPage);
    p[0] = 1;
    if (mprotect(p + kPage, kPage, PROT_READ) != 0) die("mprotect");
    if (munmap(p, 4 * kPage) != 0) die("munmap");
  }
}

// Touches pages for the first time, 16 MiB at a time.
void faults(long count) {
  constexpr std::size_t kBytes = 16 << 20;
  for (long done = 0; done < count;) {
    char* const p = map(kBytes);
    if (madvise(p, kBytes, MADV_NOHUGEPAGE) != 0) die("madvise");
    for (std::size_t i = 0; i < kBytes && done < count; i += kPage, ++done) p[i] = 1;
    munmap(p, kBytes);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view load = argc > 1 ? argv[1] : "";
  if (load == "timed" && argc > 3) return timed(argv[2], argv + 3);
  const long count = argc == 4 ? std::atol(argv[2]) : 0;
  if (load == "fork_exec" && count > 0)
    fork_exec(count);
  else if (load == "mmap" && count > 0)
    mappings(count);
  else if (load == "faults" && count > 0)
    faults(count);
  else
    return 2;
  return completed(argv[3], count);
}
