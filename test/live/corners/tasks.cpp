// Sharing, giving up and taking over of address spaces: vfork, spawn, clone and exec.
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>
#include <thread>
#include <vector>

#include "corner.h"
#include "families.h"

namespace corners {
namespace {

char kTrue[] = "/bin/true";
char* const kTrueArgs[] = {kTrue, nullptr};

pid_t clone_on(char* stack, std::size_t pages, int (*work)(void*), int flags, void* argument) {
  const pid_t pid = clone(work, stack + pages * kPage, flags, argument);
  must(pid >= 0, "clone");
  return pid;
}

int maps_and_unmaps(void* argument) {
  char* p = static_cast<char*>(argument);
  for (int i = 0; i < 10; ++i) {
    void* q = mmap(nullptr, 4 * kPage, kRw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *static_cast<volatile char*>(q) = 1;
    munmap(static_cast<char*>(q) + kPage, kPage);
    mprotect(p + (i % 8) * kPage, kPage, PROT_READ);
    p[9 * kPage] = 1;
  }
  return 0;
}

int execs(void* argument) {
  static_cast<volatile char*>(argument)[0] = 1;
  execve(kTrue, kTrueArgs, environ);
  _exit(1);
}

int fails_to_exec(void* argument) {
  static_cast<volatile char*>(argument)[kPage] = 1;
  char missing[] = "/nowhere";
  execve(missing, kTrueArgs, environ);
  execve("/proc/self/maps", kTrueArgs, environ);
  _exit(0);
}

// Wraps the fork primitive so that no code of the C library runs in the child.
pid_t clone3_with_tid(pid_t tid) {
  clone_args args{};
  args.exit_signal = SIGCHLD;
  args.set_tid = reinterpret_cast<std::uintptr_t>(&tid);
  args.set_tid_size = 1;
  return static_cast<pid_t>(syscall(SYS_clone3, &args, sizeof args));
}

}  // namespace

void vfork_exec() {
  char* p = island(4);
  const pid_t pid = vfork();
  if (pid == 0) {
    *static_cast<volatile char*>(p) = 1;
    execve(kTrue, kTrueArgs, environ);
    _exit(1);
  }
  reap(pid);
  const pid_t second = vfork();
  if (second == 0) _exit(0);
  reap(second);
}

void spawn_many() {
  for (int i = 0; i < 3; ++i) {
    pid_t pid = 0;
    must(posix_spawn(&pid, kTrue, nullptr, nullptr, kTrueArgs, environ) == 0, "posix_spawn");
    reap(pid);
  }
  pid_t pid = 0;
  must(posix_spawn(&pid, "/nowhere", nullptr, nullptr, kTrueArgs, environ) != 0, "posix_spawn");
}

void clone_vm() {
  char* p = island(16);
  char* stack = map(16);
  const pid_t a = clone_on(stack, 16, maps_and_unmaps, CLONE_VM | SIGCHLD, p);
  for (int i = 0; i < 10; ++i) {
    protect(at(p, 4), 2, PROT_READ);
    protect(at(p, 4), 2, kRw);
  }
  reap(a);
  in_child([&] { write_pages(at(p, 12), 2); });
}

void clone_vm_exec() {
  char* p = island(16);
  char* stack = map(16);
  reap(clone_on(stack, 16, execs, CLONE_VM | CLONE_VFORK | SIGCHLD, p));
  reap(clone_on(stack, 16, fails_to_exec, CLONE_VM | CLONE_VFORK | SIGCHLD, p));
  reap(clone_on(stack, 16, execs, CLONE_VM | SIGCHLD, at(p, 4)));  // not waited for
  write_pages(p, 16);
}

// The parent ends first: its mm lives on in a task that is no thread of its group.
void clone_vm_outlives() {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  in_child([] {
    static const pid_t parent = getpid();
    char* p = island(16);
    char* stack = map(16);
    clone_on(
        stack, 16,
        [](void* q) {
          outlive(parent);
          return maps_and_unmaps(q);
        },
        CLONE_VM | SIGCHLD, p);
  });
  must(wait(nullptr) > 0, "the task that outlives its parent");
}

void exec_from_thread() {
  in_child([] {
    std::thread other([] { execve(kTrue, kTrueArgs, environ); });
    other.join();
  });
  in_child([] {
    std::vector<std::thread> all;
    for (int i = 0; i < 3; ++i)
      all.emplace_back([i] {
        write_pages(map(4), 4);
        if (i == 2) execve(kTrue, kTrueArgs, environ);
        for (;;) {
          char* p = map(4);
          write_pages(p);
          unmap(p, 4);
        }
      });
    for (std::thread& t : all) t.join();
  });
}

void exec_fails() {
  char* p = island(8);
  const auto try_exec = [&](const char* path, char* const* argv) {
    protect(at(p, 2), 1, PROT_READ);
    must(execve(path, argv, environ) < 0, "execve");
    protect(at(p, 2), 1, kRw);
  };
  try_exec("/nowhere", kTrueArgs);
  try_exec("/", kTrueArgs);
  char text[] = "/var/tmp/corner-text-XXXXXX", script[] = "/var/tmp/corner-script-XXXXXX";
  close(mkstemp(text));
  write_text(text, "neither one nor the other\n");
  chmod(text, 0755);
  try_exec(text, kTrueArgs);  // ENOEXEC
  unlink(text);
  close(mkstemp(script));
  write_text(script, "#!/nowhere/interpreter\n");
  chmod(script, 0755);
  try_exec(script, kTrueArgs);
  unlink(script);
  std::string word(200000, 'x');  // longer than one argument may be: E2BIG
  char* const long_args[] = {kTrue, word.data(), nullptr};
  try_exec(kTrue, long_args);
  std::string shorter(100000, 'x');
  std::vector<char*> many(100, shorter.data());
  many.push_back(nullptr);
  try_exec(kTrue, many.data());
  char* const bad_args[] = {kTrue, reinterpret_cast<char*>(8), nullptr};
  try_exec(kTrue, bad_args);  // EFAULT
  write_pages(p, 8);
}

// After the point of no return the mm is the new one, and a signal ends the process.
void exec_fails_late() {
  const std::string whole = [] {
    std::string all;
    const int fd = open(kTrue, O_RDONLY | O_CLOEXEC);
    char buffer[4096];
    for (ssize_t n = 0; (n = read(fd, buffer, sizeof buffer)) > 0;)
      all.append(buffer, static_cast<std::size_t>(n));
    close(fd);
    return all;
  }();
  for (const std::size_t keep : {std::size_t{64}, std::size_t{900}, std::size_t{5000}}) {
    char name[] = "/var/tmp/corner-elf-XXXXXX";
    close(mkstemp(name));
    write_text(name, whole.substr(0, keep));
    chmod(name, 0755);
    reap_any_end(spawn([&] {
      write_pages(map(4), 4);
      execve(name, kTrueArgs, environ);
    }));
    unlink(name);
  }
}

// Fails after dup_mmap().
void fork_fails() {
  char* p = island(16);
  write_pages(p, 8);
  for (int i = 0; i < 3; ++i) {
    errno = 0;
    const pid_t pid = clone3_with_tid(getpid());
    if (pid == 0) _exit(0);
    available(pid < 0 && errno == EEXIST, "clone3 with set_tid");
    protect(at(p, 2), 2, i % 2 ? kRw : PROT_READ);
    write_pages(at(p, 8), 1);
    in_child([&] { write_pages(at(p, 4), 1); });
  }
}

// Two forks of one mm at the same time; one of them fails.
void fork_fails_beside() {
  char* p = island(16);
  write_pages(p, 8);
  std::thread other([&] {
    for (int i = 0; i < 30; ++i) {
      const pid_t pid = clone3_with_tid(getpid());
      if (pid == 0) _exit(0);
      if (pid > 0) reap(pid);
    }
  });
  for (int i = 0; i < 10; ++i) {
    const pid_t pid = fork_call();
    if (pid == 0) {
      *static_cast<volatile char*>(p) = 1;
      _exit(0);
    }
    reap(pid);
  }
  other.join();
}

void fork_over_limit() {
  in_child([] {
    char* p = island(16);
    write_pages(p, 8);
    must(setresuid(54321, 54321, 54321) == 0, "setresuid");
    const rlimit one{1, 1};
    must(setrlimit(RLIMIT_NPROC, &one) == 0, "setrlimit");
    for (int i = 0; i < 3; ++i) {
      const pid_t pid = fork_call();
      if (pid == 0) _exit(0);
      if (pid > 0) reap(pid);
    }
    write_pages(p, 16);
  });
}

void fork_many_vmas() {
  char* p = island(6000);
  for (std::size_t i = 0; i < 6000; i += 2) protect(at(p, i), 1, PROT_READ);
  for (std::size_t i = 1; i < 6000; i += 20) write_pages(at(p, i), 1);
  in_child([&] {
    for (std::size_t i = 1; i < 6000; i += 30) write_pages(at(p, i), 1);
    in_child([&] { protect(p, 6000, kRw); });
  });
  protect(p, 6000, kRw);
}

void threads_exit_group() {
  in_child([] {
    for (int i = 0; i < 6; ++i)
      std::thread([] {
        for (;;) {
          char* p = map(4);
          write_pages(p, 2);
          unmap(p, 4);
        }
      }).detach();
    usleep(10000);
  });
  reap_any_end(spawn([] {
    for (int i = 0; i < 4; ++i)
      std::thread([] {
        for (;;) {
          char* p = map(4);
          write_pages(p, 2);
          unmap(p, 4);
        }
      }).detach();
    usleep(5000);
    kill(getpid(), SIGKILL);
    pause();
  }));
}

// The leader ends before its threads.
void leader_exits_first() {
  in_child([] {
    std::thread([] {
      usleep(10000);
      write_pages(map(4), 4);
      in_child([] { write_pages(map(2)); });
      _exit(0);
    }).detach();
    syscall(SYS_exit, 0);
  });
}

}  // namespace corners
