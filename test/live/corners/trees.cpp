// Families of processes, in every order of birth and death.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <functional>
#include <vector>

#include "corner.h"
#include "families.h"

namespace corners {
namespace {

// Each generation writes before and after it forks; some wait for their child.
void generation(char* p, int left, bool waits) {
  write_pages(at(p, static_cast<std::size_t>(left)), 2);
  if (left > 0) {
    const pid_t child = spawn([&] { generation(p, left - 1, waits); });
    write_pages(at(p, static_cast<std::size_t>(10 + left)), 1);
    if (waits) reap(child);
  }
  write_pages(p, 1);
}

void wait_for_all() {
  while (wait(nullptr) > 0) continue;
}

}  // namespace

void chain_of_six() {
  char* p = island(24);
  write_pages(p, 2);
  in_child([&] { generation(p, 6, true); });
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  in_child([&] { generation(p, 6, false); });
  wait_for_all();
}

// Ancestors end first; descendants fork again from the remaining objects.
void chain_of_orphans() {
  char* p = island(24);
  write_pages(p, 4);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  spawn([&] {
    write_pages(at(p, 2), 2);
    spawn([&, parent = getpid()] {
      outlive(parent);
      write_pages(at(p, 4), 2);
      spawn([&, middle = getpid()] {
        outlive(middle);
        write_pages(at(p, 6), 2);
        protect(at(p, 3), 2, PROT_READ);
        in_child([&] { write_pages(at(p, 8), 2); });
        unmap(at(p, 10), 2);
      });
    });
  });
  wait_for_all();
  write_pages(p, 24);
}

void fifty_exits() {
  char* p = island(24);
  write_pages(p, 12);
  const Gate ready;
  int go[2];
  must(pipe(go) == 0, "pipe");
  std::vector<pid_t> children;
  for (int i = 0; i < 50; ++i)
    children.push_back(spawn([&] {
      close(go[1]);
      write_pages(p, 4);
      char byte;
      (void)!read(go[0], &byte, 1);  // until the other end is closed
    }));
  close(go[0]);
  close(go[1]);
  for (int i = 0; i < 10; ++i) in_child([&] { write_pages(p, 6); });
  for (const pid_t child : children) reap(child);
}

void kill_fifty() {
  char* p = island(24);
  write_pages(p, 12);
  std::vector<pid_t> children;
  for (int i = 0; i < 50; ++i)
    children.push_back(spawn([&] {
      write_pages(p, 4);
      for (;;) pause();
    }));
  for (const pid_t child : children) kill(child, SIGKILL);
  for (int i = 0; i < 10; ++i) in_child([&] { write_pages(p, 6); });
  for (const pid_t child : children) reap_any_end(child);
}

void bushy() {
  char* p = island(24);
  write_pages(p, 4);
  const std::function<void(int)> grow = [&](int depth) {
    write_pages(at(p, static_cast<std::size_t>(depth * 3)), 3);
    if (depth == 4) return;
    const pid_t a = spawn([&] { grow(depth + 1); });
    protect(at(p, 20), 2, PROT_READ);
    const pid_t b = spawn([&] { grow(depth + 1); });
    reap(a);
    reap(b);
  };
  grow(0);
}

void outlives_command() {
  char* p = island(24);
  write_pages(p, 4);
  spawn([&] {
    for (int i = 0; i < 20; ++i) {
      usleep(20000);
      in_child([&] { write_pages(p, 8); });
    }
  });
  usleep(30000);
}

// Forks and exits for 4000 rounds or until a signal, for recordings that end first.
void restless() {
  char* p = island(24);
  write_pages(p, 4);
  for (int i = 0; i < 4000; ++i) {
    in_child([&] {
      write_pages(p, 8);
      spawn([&] { write_pages(p, 12); });
    });
    while (waitpid(-1, nullptr, WNOHANG) > 0) continue;
  }
}

}  // namespace corners
