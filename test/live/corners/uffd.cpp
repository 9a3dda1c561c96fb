// userfaultfd: registering changes vma flags and forbids merges; closing it is a writer of its own.
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>

#include "bystander.h"
#include "corner.h"
#include "families.h"

namespace corners {
namespace {

int open_uffd(std::uint64_t features = 0) {
  const int fd = static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
  available(fd >= 0, "userfaultfd");
  uffdio_api api{};
  api.api = UFFD_API;
  api.features = features;
  available(ioctl(fd, UFFDIO_API, &api) == 0, "UFFDIO_API");
  return fd;
}

uffdio_range range_of(char* p, std::size_t pages) {
  return {reinterpret_cast<std::uintptr_t>(p), pages * kPage};
}

void enrol(int fd, char* p, std::size_t pages, std::uint64_t mode = UFFDIO_REGISTER_MODE_MISSING) {
  uffdio_register r{};
  r.range = range_of(p, pages);
  r.mode = mode;
  available(ioctl(fd, UFFDIO_REGISTER, &r) == 0, "UFFDIO_REGISTER");
}

void dismiss(int fd, char* p, std::size_t pages) {
  uffdio_range r = range_of(p, pages);
  must(ioctl(fd, UFFDIO_UNREGISTER, &r) == 0, "UFFDIO_UNREGISTER");
}

void copy_to(int fd, char* p, std::size_t pages) {
  static char source[16 * kLargestPage];
  uffdio_copy c{};
  c.dst = reinterpret_cast<std::uintptr_t>(p);
  c.src = reinterpret_cast<std::uintptr_t>(source);
  c.len = pages * kPage;
  must(ioctl(fd, UFFDIO_COPY, &c) == 0, "UFFDIO_COPY");
}

void zero(int fd, char* p, std::size_t pages) {
  uffdio_zeropage z{};
  z.range = range_of(p, pages);
  must(ioctl(fd, UFFDIO_ZEROPAGE, &z) == 0, "UFFDIO_ZEROPAGE");
}

}  // namespace

void uffd_part() {
  char* p = island(16);
  const int fd = open_uffd();
  enrol(fd, at(p, 4), 4);
  write_pages(p, 2);
  enrol(fd, at(p, 12), 4);
  dismiss(fd, at(p, 5), 1);
  dismiss(fd, p, 16);
  enrol(fd, at(p, 4), 4);
  unmap(at(p, 6), 1);
  map_over(at(p, 6), 1);
  protect(at(p, 7), 2, PROT_READ);
  close(fd);
  protect(p, 16, kRw);
}

void uffd_exit_open() {
  char* p = island(16);
  const int fd = open_uffd();
  enrol(fd, at(p, 4), 4);
  write_pages(p, 2);
  copy_to(fd, at(p, 5), 1);
  in_child([&] { write_pages(at(p, 5), 1); });
}

void uffd_fork() {
  char* p = island(16);
  write_pages(p, 16);
  const int fd = open_uffd();
  enrol(fd, at(p, 4), 4);
  in_child([&] {
    protect(at(p, 4), 4, PROT_READ);
    protect(at(p, 4), 4, kRw);
    write_pages(p, 16);
  });
  in_child([&] { unmap(at(p, 5), 1); });
  close(fd);
}

// With UFFD_FEATURE_EVENT_FORK the child stays registered, and fork waits for a reader.
void uffd_fork_event() {
  char* p = island(16);
  write_pages(p, 16);
  const int fd = open_uffd(UFFD_FEATURE_EVENT_FORK);
  enrol(fd, at(p, 4), 4);
  std::thread reader([&] {
    for (int left = 1; left > 0;) {
      pollfd poll_fd{fd, POLLIN, 0};
      poll(&poll_fd, 1, -1);
      uffd_msg message{};
      if (read(fd, &message, sizeof message) != sizeof message) continue;
      if (message.event != UFFD_EVENT_FORK) continue;
      --left;
      close(static_cast<int>(message.arg.fork.ufd));
    }
  });
  in_child([&] {
    usleep(20000);
    write_pages(p, 16);
    unmap(at(p, 5), 1);
  });
  reader.join();
  close(fd);
}

void uffd_mremap() {
  char* p = island(16);
  write_pages(p, 8);
  const int fd = open_uffd();
  enrol(fd, at(p, 4), 8);
  char* to = map(64);
  must(
      mremap(at(p, 4), 4 * kPage, 4 * kPage, MREMAP_MAYMOVE | MREMAP_FIXED, at(to, 8)) == at(to, 8),
      "mremap");
  must(mremap(at(p, 8), 4 * kPage, 4 * kPage, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
              at(to, 32)) == at(to, 32),
       "mremap DONTUNMAP");
  close(fd);
}

void uffd_mremap_event() {
  char* p = island(16);
  write_pages(p, 8);
  const int fd = open_uffd(UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_EVENT_UNMAP);
  enrol(fd, at(p, 4), 8);
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    while (!stop) {
      pollfd poll_fd{fd, POLLIN, 0};
      poll(&poll_fd, 1, 5);
      uffd_msg message{};
      (void)!read(fd, &message, sizeof message);
    }
  });
  char* to = map(64);
  must(
      mremap(at(p, 4), 4 * kPage, 4 * kPage, MREMAP_MAYMOVE | MREMAP_FIXED, at(to, 8)) == at(to, 8),
      "mremap");
  unmap(at(p, 8), 2);
  stop = true;
  reader.join();
  close(fd);
}

void uffd_copy_thread() {
  char* p = island(16);
  const int fd = open_uffd();
  enrol(fd, at(p, 4), 8);
  std::thread other([&] {
    copy_to(fd, at(p, 4), 2);
    zero(fd, at(p, 8), 2);
  });
  other.join();
  write_pages(at(p, 8), 1);
  close(fd);
}

void uffd_zero_thread() {
  char* p = island(16);
  const int fd = open_uffd();
  enrol(fd, at(p, 4), 8);
  std::thread other([&] { zero(fd, at(p, 8), 2); });
  other.join();
  read_pages(at(p, 8), 1);
  close(fd);
}

// A real fault that another thread answers.
void uffd_fault() {
  char* p = island(16);
  const int fd = open_uffd();
  enrol(fd, at(p, 4), 8);
  std::thread handler([&] {
    pollfd poll_fd{fd, POLLIN, 0};
    poll(&poll_fd, 1, -1);
    uffd_msg message{};
    must(read(fd, &message, sizeof message) == sizeof message, "read");
    copy_to(fd, reinterpret_cast<char*>(message.arg.pagefault.address & ~(kPage - 1)), 1);
  });
  write_pages(at(p, 6), 1);
  handler.join();
  dismiss(fd, at(p, 4), 8);
}

void uffd_copy_foreign() {
  char* p = island(16);
  const int fd = open_uffd();
  enrol(fd, at(p, 4), 8);
  fcntl(fd, F_SETFD, 0);
  in_child([&] {
    copy_to(fd, at(p, 4), 1);
    zero(fd, at(p, 8), 1);
  });
  in_child([&] { dismiss(fd, at(p, 6), 1); });  // another process changes flags
  in_child([&] { enrol(fd, at(p, 1), 1); });
  write_pages(at(p, 8), 1);
  protect(at(p, 2), 2, PROT_READ);
  protect(at(p, 2), 2, kRw);
}

// The last reference to the descriptor is dropped by another process.
void uffd_close_foreign() {
  char* p = island(16);
  const int fd = open_uffd();
  enrol(fd, at(p, 4), 8);
  const Gate gate, done;
  const pid_t child = spawn([&] {
    gate.wait();
    close(fd);
    done.open();
  });
  close(fd);
  gate.open();
  done.wait();
  reap(child);
  protect(at(p, 5), 1, PROT_READ);
  write_pages(p, 4);
}

void uffd_wp() {
  char* p = island(16);
  write_pages(p, 8);
  const int fd = open_uffd(UFFD_FEATURE_PAGEFAULT_FLAG_WP);
  enrol(fd, at(p, 4), 8, UFFDIO_REGISTER_MODE_WP);
  uffdio_writeprotect wp{};
  wp.range = range_of(at(p, 4), 4);
  wp.mode = UFFDIO_WRITEPROTECT_MODE_WP;
  must(ioctl(fd, UFFDIO_WRITEPROTECT, &wp) == 0, "UFFDIO_WRITEPROTECT");
  in_child([&] { write_pages(at(p, 4), 4); });
  wp.mode = 0;
  must(ioctl(fd, UFFDIO_WRITEPROTECT, &wp) == 0, "UFFDIO_WRITEPROTECT");
  write_pages(at(p, 4), 4);
  dismiss(fd, at(p, 6), 2);
  close(fd);
}

void uffd_shmem_minor() {
  const int memfd = memfd_create("corner", MFD_CLOEXEC);
  must(ftruncate(memfd, 16 * kPage) == 0, "ftruncate");
  char* p = map_file(memfd, 16, kRw, MAP_SHARED);
  const int fd = open_uffd();
  enrol(fd, at(p, 4), 4);
  copy_to(fd, at(p, 4), 1);
  char* q = map_file(memfd, 16, kRw, MAP_PRIVATE);
  enrol(fd, at(q, 4), 4);
  copy_to(fd, at(q, 6), 1);
  close(fd);
  write_pages(q, 2);
}

// These are newer than the headers of the oldest toolchain.
void uffd_move() {
  struct {
    std::uint64_t dst, src, len, mode;
    std::int64_t moved;
  } m{};
  char* p = island(32);
  const int fd = open_uffd(1u << 16);  // UFFD_FEATURE_MOVE
  enrol(fd, at(p, 16), 8);
  write_pages(p, 4);
  m.dst = reinterpret_cast<std::uintptr_t>(at(p, 16));
  m.src = reinterpret_cast<std::uintptr_t>(p);
  m.len = 4 * kPage;
  available(ioctl(fd, _IOWR(UFFDIO, 5, m), &m) == 0, "UFFDIO_MOVE");
  close(fd);
}

// Another process, with a copy of the userfaultfd, registers parts, fills pages, and closes the last copy.
void outside_uffd() {
  char* p = island(48);
  write_pages(at(p, 8), 4);
  const int fd = open_uffd();
  enrol(fd, at(p, 4), 12);
  const auto outside = [&](Deed deed, char* where, std::size_t pages) {
    return bystander(
        {.deed = deed, .pid = getpid(), .where = where, .pages = pages, .argument = fd});
  };
  errno = outside(Deed::take_uffd, p, 0);
  available(errno == 0, "pidfd_getfd");
  close(fd);
  protect(at(p, 6), 4, PROT_READ);
  must(outside(Deed::register_uffd, at(p, 20), 8) == 0, "UFFDIO_REGISTER");
  must(outside(Deed::register_uffd, at(p, 32), 8) == 0, "UFFDIO_REGISTER");
  must(outside(Deed::dismiss_uffd, at(p, 34), 2) == 0, "UFFDIO_UNREGISTER");
  must(outside(Deed::fill_uffd, at(p, 36), 2) == 0, "UFFDIO_COPY");
  must(outside(Deed::fill_uffd, at(p, 22), 2) == 0, "UFFDIO_COPY");
  in_child([&] { write_pages(at(p, 20), 4); });
  char* fresh = island(16);
  must(outside(Deed::register_uffd, at(fresh, 4), 8) == 0, "UFFDIO_REGISTER");
  must(outside(Deed::fill_uffd, at(fresh, 6), 2) == 0, "UFFDIO_COPY");
  must(outside(Deed::dismiss_uffd, at(fresh, 8), 2) == 0, "UFFDIO_UNREGISTER");
  must(outside(Deed::close_uffd, p, 0) == 0, "close");
  protect(at(p, 6), 4, kRw);
  for (char* all : {p, fresh}) {
    in_child([&] { write_pages(all, 16); });
    write_pages(all, 16);
  }
}

}  // namespace corners
