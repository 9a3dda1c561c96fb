// The kernel writes to user memory on its own: get_user_pages and copy_to_user.
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <cerrno>

#include "corner.h"
#include "families.h"

namespace corners {

void direct_read() {
  char name[] = "/var/tmp/corner-XXXXXX";
  const int fd = mkostemp(name, O_DIRECT | O_CLOEXEC);
  available(fd >= 0, "O_DIRECT");
  unlink(name);
  char* source = map(8);
  write_pages(source, 8);
  available(pwrite(fd, source, 8 * kPage, 0) == static_cast<ssize_t>(8 * kPage),
            "write with O_DIRECT");
  char* p = island(16);
  must(pread(fd, at(p, 4), 4 * kPage, 0) == static_cast<ssize_t>(4 * kPage), "read with O_DIRECT");
  protect(at(p, 8), 4, PROT_READ);
  must(pread(fd, at(p, 8), 2 * kPage, 0) < 0, "read into read-only");
  (void)!pread(fd, at(p, 7), 2 * kPage, 0);
  in_child([&] { must(pread(fd, at(p, 4), 8 * kPage, 0) != 0, "read"); });
  char* q = island(4);
  in_child([&] { must(pread(fd, q, 4 * kPage, 0) > 0, "read"); });
}

void plain_read() {
  const int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
  char* p = island(16);
  must(read(zero, at(p, 4), 4 * kPage) > 0, "read");
  protect(at(p, 8), 4, PROT_READ);
  (void)!read(zero, at(p, 8), kPage);
  (void)!read(zero, at(p, 7), 2 * kPage);
  char* q = island(4);
  in_child([&] { must(read(zero, q, 2 * kPage) > 0, "read"); });
  const int file = scratch_file(4);
  char* mapped = map_file(file, 4, kRw, MAP_PRIVATE);
  must(pread(file, mapped, 2 * kPage, 0) > 0, "read into its own mapping");
  char* shared = map_file(file, 4, kRw, MAP_SHARED);
  must(pread(zero, shared, 2 * kPage, 0) > 0, "read into shared");
  struct stat info;
  (void)info;
  char* r = island(4);
  must(syscall(SYS_getrandom, at(r, 1) - 8, 16, 0) == 16, "getrandom over two pages");
  char* none = island(2, PROT_NONE);
  must(read(zero, none, 8) < 0 && errno == EFAULT, "read into nothing");
}

void futex_shared() {
  char* p = island(8);
  const auto wait_briefly = [](char* word, int op) {
    const timespec now{0, 1000000};
    return syscall(SYS_futex, word, op, 0, &now, nullptr, 0);
  };
  wait_briefly(at(p, 1), FUTEX_WAIT);  // get_user_pages for writing
  wait_briefly(at(p, 3), FUTEX_WAIT_PRIVATE);
  syscall(SYS_futex, at(p, 5), FUTEX_LOCK_PI, 0, nullptr, nullptr, 0);
  char* read_only = island(2, PROT_READ);
  wait_briefly(read_only, FUTEX_WAIT);
  syscall(SYS_futex, read_only, FUTEX_WAKE, 1, nullptr, nullptr, 0);
  const int file = scratch_file(2);
  char* mapped = map_file(file, 2, kRw, MAP_PRIVATE);
  syscall(SYS_futex, mapped, FUTEX_WAKE, 1, nullptr, nullptr, 0);
  wait_briefly(at(mapped, 1), FUTEX_WAIT);
}

void splices() {
  int ends[2];
  must(pipe2(ends, O_CLOEXEC) == 0, "pipe");
  char* p = island(8);
  iovec part{at(p, 1), 2 * kPage};
  must(vmsplice(ends[1], &part, 1, 0) > 0, "vmsplice");
  char* q = island(8);
  iovec into{at(q, 1), 2 * kPage};
  must(vmsplice(ends[0], &into, 1, 0) > 0, "vmsplice");  // a plain copy
  const int file = scratch_file(4);
  must(sendfile(ends[1], file, nullptr, kPage) > 0, "sendfile");
  char* r = island(4);
  must(read(ends[0], at(r, 2), kPage) > 0, "read");
  char* gift = island(4);
  iovec given{gift, 2 * kPage};
  must(vmsplice(ends[1], &given, 1, SPLICE_F_GIFT) > 0, "vmsplice");
  in_child([&] { write_pages(p, 8); });
}

void socket_read() {
  int ends[2];
  must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
  char* from = map(4);
  write_pages(from, 4);
  must(send(ends[0], from, 2 * kPage, 0) > 0, "send");
  char* p = island(8);
  iovec parts[2] = {{at(p, 1), kPage}, {at(p, 4), kPage}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  must(recvmsg(ends[1], &message, 0) > 0, "recvmsg");
}

}  // namespace corners
