// Threads that run at the same time in one address space.
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <atomic>
#include <barrier>
#include <thread>
#include <vector>

#include "corner.h"
#include "families.h"

namespace corners {
namespace {

constexpr int kPopulateWrite = 23;

template <class Work>
void together(int count, Work work) {
  std::vector<std::thread> all;
  for (int i = 0; i < count; ++i) all.emplace_back([work, i] { work(i); });
  for (std::thread& t : all) t.join();
}

// Without the C library, as another thread may hold its locks.
void fork_quietly(char* p) {
  const pid_t pid = fork_call();
  if (pid == 0) {
    *static_cast<volatile char*>(p) = 3;
    syscall(SYS_exit_group, 0);
  }
  must(pid > 0, "fork");
  int status = 0;
  must(waitpid(pid, &status, 0) == pid && status == 0, "child");
}

}  // namespace

void mixed_threads() {
  static const int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
  // Nothing else maps memory from here on, so each hole is that of the thread that made it.
  std::barrier start(8);
  together(8, [&](int number) {
    unsigned seed = static_cast<unsigned>(number) * 7919 + 1;
    const auto below = [&](unsigned n) {
      seed = seed * 1103515245u + 12345u;
      return (seed >> 16) % n;
    };
    char* mine = map(40);
    start.arrive_and_wait();
    for (int i = 0; i < 60; ++i) {
      char* p = at(mine, below(24));
      const std::size_t pages = 1 + below(8);
      switch (below(8)) {
        case 0: {
          char* q = map_over(at(mine, 32), pages);
          must(read(zero, q, pages * kPage) > 0, "read");
          unmap(q, pages);
          break;
        }
        case 1:
          protect(p, pages, PROT_READ);
          protect(p, pages, kRw);
          break;
        case 2:
          madvise(p, pages * kPage, kPopulateWrite);
          break;
        case 3:
          map_over(p, pages);
          break;
        case 4:
          unmap(p, pages);
          map_over(p, pages);
          (void)!read(zero, p, kPage);
          break;
        case 5:
          if (i % 8 == 0) fork_quietly(mine);
          break;
        default:
          write_pages(p, pages);
      }
    }
  });
}

// Two threads write to the same page at the same time, a fresh page each round.
void first_write_race() {
  for (int round = 0; round < 40; ++round) {
    char* p = island(4);
    std::barrier start(2);
    together(2, [&](int) {
      start.arrive_and_wait();
      write_pages(at(p, 1));
    });
    unmap(p, 4);
  }
}

// Makes no system calls between the rounds, so that more of them race.
void first_write_race_spinning() {
  constexpr std::size_t kRounds = 60;
  char* p = map(2 * kRounds + 1);
  for (std::size_t i = 0; i < kRounds; ++i) protect(at(p, 2 * i), 1, PROT_NONE);
  std::atomic<std::size_t> turn[2] = {0, 0};
  together(2, [&](int me) {
    for (std::size_t i = 0; i < kRounds; ++i) {
      turn[me].store(i + 1);
      while (turn[1 - me].load() < i + 1) std::this_thread::yield();
      write_pages(at(p, 2 * i + 1));
    }
  });
}

void fault_against_unmap() {
  char* p = island(16);
  std::atomic<bool> stop{false};
  std::thread other([&] {
    for (int i = 0; i < 400; ++i) {
      map_over(at(p, 4), 4);
      mprotect(at(p, 6), kPage, PROT_NONE);
      mprotect(at(p, 6), kPage, kRw);
    }
    stop = true;
  });
  const int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
  while (!stop) {
    (void)!read(zero, at(p, 3), 4 * kPage);
    write_pages(at(p, 5));
  }
  other.join();
}

void fault_against_move() {
  char* p = map(64);
  std::atomic<bool> stop{false};
  std::thread other([&] {
    for (int i = 0; i < 300; ++i) {
      // Before 6.17 the advice below is in the way: it makes two vmas.
      must(move(at(p, 16), 4, 4, kMoveTo, at(p, 40)) == at(p, 40) || errno == EFAULT, "mremap");
      map_over(at(p, 16), 4);
      madvise(at(p, 16), 2 * kPage, i % 2 ? MADV_DONTFORK : MADV_DOFORK);
    }
    stop = true;
  });
  const int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
  while (!stop) {
    (void)!read(zero, at(p, 16), 4 * kPage);
    (void)!read(zero, at(p, 40), 2 * kPage);
  }
  other.join();
}

void fork_against_faults() {
  char* p = map(1024);
  for (std::size_t i = 0; i < 1024; i += 8) protect(at(p, i), 1, PROT_NONE);
  std::atomic<bool> stop{false};
  std::vector<std::thread> writers;
  for (std::size_t t = 0; t < 3; ++t)
    writers.emplace_back([&, t] {
      for (std::size_t i = 1 + t; i < 1024 && !stop; i += 3)
        if (i % 8 != 0) write_pages(at(p, i));
      while (!stop) {
        char* q = map(2);
        write_pages(q);
        unmap(q, 2);
      }
    });
  for (int i = 0; i < 15; ++i) fork_quietly(at(p, 1));
  stop = true;
  for (std::thread& t : writers) t.join();
}

void forks_in_threads() {
  together(4, [](int number) {
    char* mine = map(8);
    write_pages(mine, 2);
    for (int i = 0; i < 12; ++i) {
      fork_quietly(mine);
      protect(at(mine, 4), 1, (i + number) % 2 ? PROT_READ : kRw);
    }
  });
}

void stack_growth_race() {
  // The hole is too small for the stacks of the threads and the gap above them.
  char* area = island(900, PROT_NONE);
  char* stack = map_over(at(area, 800), 16, kRw, MAP_GROWSDOWN);
  unmap(at(area, 100), 700);
  std::barrier start(4);
  together(4, [&](int number) {
    start.arrive_and_wait();
    for (std::size_t i = 1; i < 60; ++i)
      write_pages(stack - (4 * i + static_cast<std::size_t>(number)) * kPage);
  });
}

// Two tasks prepare neighbours that may share an anon_vma: each may find the other's vma without one.
void neighbours_at_once() {
  constexpr std::size_t kRounds = 1500;
  const int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
  char* arena = map(4 * kRounds, PROT_NONE);
  std::atomic<std::size_t> turn{0}, done{0};
  std::thread other([&] {
    for (std::size_t round = 1; round <= kRounds; ++round) {
      while (turn < round) std::this_thread::yield();
      char* mine = at(arena, 4 * round - 3);
      if (round % 4 == 0)
        must(read(zero, mine, 1) == 1, "read");
      else
        write_pages(mine);
      done = round;
    }
  });
  for (std::size_t round = 1; round <= kRounds; ++round) {
    char* mine = at(arena, 4 * round - 4);
    protect(mine, 1, kRw);
    protect(at(mine, 1), 1, kRw | PROT_EXEC);
    turn = round;
    for (std::size_t i = 0; i < round % 64 * 4; ++i) (void)turn.load();  // a little later each time
    write_pages(mine);
    while (done < round) std::this_thread::yield();
  }
  other.join();
}

void advise_race() {
  char* p = map(128);
  together(4, [&](int number) {
    for (int i = 0; i < 60; ++i) {
      const auto first = static_cast<std::size_t>((number * 16 + i * 7) % 100);
      madvise(at(p, first), 8 * kPage, kPopulateWrite);
      madvise(at(p, first), 4 * kPage, i % 2 ? MADV_DONTFORK : MADV_DOFORK);
      madvise(at(p, first), 8 * kPage, MADV_DONTNEED);
      write_pages(at(p, first), 2);
    }
  });
}

}  // namespace corners
