// Access from other processes: /proc, and core dumps.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "corner.h"
#include "families.h"

namespace corners {
namespace {

bool read_through(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  char buffer[16384];
  ssize_t n = 0;
  while ((n = read(fd, buffer, sizeof buffer)) > 0) continue;
  close(fd);
  return n == 0;
}

}  // namespace

void clear_refs() {
  char* p = island(16);
  write_pages(p, 8);
  for (const char* what : {"1", "4", "3", "5"}) {
    const int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    must(fd >= 0, "clear_refs");
    (void)!write(fd, what, 1);
    close(fd);
    map_over(at(p, 8), 2);
    protect(at(p, 4), 2, PROT_READ);
    protect(at(p, 4), 2, kRw);
    write_pages(p, 10);
  }
  const Gate done;
  const pid_t child = spawn([&] {
    done.wait();
    write_pages(p, 16);
  });
  write_text(("/proc/" + std::to_string(child) + "/clear_refs").c_str(), "1");
  done.open();
  reap(child);
}

// The reader may be the last user: then it runs exit_mmap().
void read_while_exiting() {
  for (int round = 0; round < 10; ++round) {
    const Gate gate;
    const pid_t child = spawn([&] {
      char* p = map(64);
      for (std::size_t i = 0; i < 64; i += 2) protect(at(p, i), 1, PROT_READ);
      write_pages(at(p, 1), 1);
      gate.open();
      usleep(2000);
    });
    gate.wait();
    std::vector<std::thread> readers;
    for (const char* file : {"/maps", "/smaps"})
      readers.emplace_back([child, file] {
        for (int i = 0; i < 60; ++i) read_through("/proc/" + std::to_string(child) + file);
      });
    for (std::thread& t : readers) t.join();
    reap(child);
  }
}

// An open /proc/PID/mem keeps the mm_struct, not its users.
void mem_held_open() {
  const Gate gate;
  const pid_t child = spawn([&] {
    write_pages(map(4), 4);
    gate.wait();
  });
  const int fd = open(("/proc/" + std::to_string(child) + "/mem").c_str(), O_RDONLY | O_CLOEXEC);
  gate.open();
  reap(child);
  in_child([] { write_pages(map(4), 4); });
  close(fd);
}

void core_dump() {
  char folder[] = "/var/tmp/corner-core-XXXXXX";
  must(mkdtemp(folder) != nullptr && chdir(folder) == 0, "mkdtemp");
  const rlimit all{RLIM_INFINITY, RLIM_INFINITY};
  setrlimit(RLIMIT_CORE, &all);
  reap_any_end(spawn([] {
    char* p = island(16);
    write_pages(p, 8);
    advise(at(p, 12), 4, MADV_DONTDUMP);
    abort();
  }));
  reap_any_end(spawn([] {
    char* p = island(16);
    write_pages(p, 8);
    std::thread([] {
      for (;;) {
        char* q = map(2);
        write_pages(q, 1);
        unmap(q, 2);
      }
    }).detach();
    usleep(3000);
    *static_cast<volatile char*>(nullptr) = 1;
  }));
  must(chdir("/") == 0, "chdir");
  const std::string clean = std::string("rm -rf ") + folder;
  must(std::system(clean.c_str()) == 0, "rm");
}

}  // namespace corners
