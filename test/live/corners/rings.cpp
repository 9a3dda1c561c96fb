// Kernel rings in user memory, and the kernel's writes for them: aio, io_uring, perf events.
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <atomic>
#include <cstring>

#include "corner.h"
#include "families.h"

namespace corners {
namespace {

class Ring {
 public:
  explicit Ring(unsigned flags = 0) {
    params_.flags = flags;
    fd_ = static_cast<int>(syscall(SYS_io_uring_setup, 8, &params_));
    available(fd_ >= 0, "io_uring_setup");
    rings_len_ = params_.sq_off.array + params_.sq_entries * sizeof(unsigned);
    const std::size_t completions = params_.cq_off.cqes + params_.cq_entries * sizeof(io_uring_cqe);
    if (completions > rings_len_) rings_len_ = completions;
    rings_ = static_cast<char*>(
        mmap(nullptr, rings_len_, kRw, MAP_SHARED | MAP_POPULATE, fd_, IORING_OFF_SQ_RING));
    must(rings_ != MAP_FAILED, "mmap of the rings");
    entries_ =
        static_cast<io_uring_sqe*>(mmap(nullptr, params_.sq_entries * sizeof(io_uring_sqe), kRw,
                                        MAP_SHARED | MAP_POPULATE, fd_, IORING_OFF_SQES));
    must(entries_ != MAP_FAILED, "mmap of the entries");
  }
  int fd() const { return fd_; }

  int submit(const io_uring_sqe& sqe) {
    unsigned& tail = word(params_.sq_off.tail);
    const unsigned index = tail & word(params_.sq_off.ring_mask);
    entries_[index] = sqe;
    (&word(params_.sq_off.array))[index] = index;
    std::atomic_ref(tail).store(tail + 1, std::memory_order_release);
    must(syscall(SYS_io_uring_enter, fd_, 1, 1, IORING_ENTER_GETEVENTS, nullptr, 0ul) >= 0,
         "io_uring_enter");
    unsigned& head = word(params_.cq_off.head);
    const auto* done = reinterpret_cast<io_uring_cqe*>(rings_ + params_.cq_off.cqes);
    const int result = done[head & word(params_.cq_off.ring_mask)].res;
    std::atomic_ref(head).store(head + 1, std::memory_order_release);
    return result;
  }
  int advise(char* p, std::size_t pages, int advice, unsigned char flags) {
    io_uring_sqe sqe{};
    sqe.opcode = IORING_OP_MADVISE;
    sqe.flags = flags;
    sqe.fd = -1;
    sqe.addr = reinterpret_cast<std::uintptr_t>(p);
    sqe.len = static_cast<unsigned>(pages * kPage);
    sqe.fadvise_advice = static_cast<unsigned>(advice);
    return submit(sqe);
  }
  int read_into(int file, char* p, std::size_t pages, unsigned char flags) {
    io_uring_sqe sqe{};
    sqe.opcode = IORING_OP_READ;
    sqe.flags = flags;
    sqe.fd = file;
    sqe.addr = reinterpret_cast<std::uintptr_t>(p);
    sqe.len = static_cast<unsigned>(pages * kPage);
    return submit(sqe);
  }
  void close_all() {
    munmap(rings_, rings_len_);
    munmap(entries_, params_.sq_entries * sizeof(io_uring_sqe));
    close(fd_);
  }

 private:
  unsigned& word(unsigned offset) { return *reinterpret_cast<unsigned*>(rings_ + offset); }

  io_uring_params params_{};
  int fd_ = -1;
  std::size_t rings_len_ = 0;
  char* rings_ = nullptr;
  io_uring_sqe* entries_ = nullptr;
};

void advise_by_ring(unsigned char flags) {
  Ring ring;
  char* p = island(16);
  write_pages(p, 16);
  must(ring.advise(at(p, 4), 4, MADV_DONTFORK, flags) == 0, "MADV_DONTFORK");
  in_child([&] { write_pages(p, 4); });
  must(ring.advise(at(p, 6), 4, MADV_DOFORK, flags) == 0, "MADV_DOFORK");
  must(ring.advise(at(p, 8), 2, MADV_DONTNEED, flags) == 0, "MADV_DONTNEED");
  must(ring.advise(at(p, 12), 4, MADV_SEQUENTIAL, flags) == 0, "MADV_SEQUENTIAL");
  must(ring.advise(p, 16, MADV_NORMAL, flags) == 0, "MADV_NORMAL");
  must(ring.advise(p, 16, MADV_DOFORK, flags) == 0, "MADV_DOFORK");
  char* q = island(8);
  ring.advise(q, 4, MADV_POPULATE_WRITE, flags);
  write_pages(p, 1);
  ring.close_all();
}

}  // namespace

void aio_ring() {
  aio_context_t first = 0, second = 0;
  available(syscall(SYS_io_setup, 8, &first) == 0, "io_setup");
  must(syscall(SYS_io_setup, 128, &second) == 0, "io_setup");
  in_child([] { write_pages(map(1)); });
  must(syscall(SYS_io_destroy, first) == 0, "io_destroy");
}

// aio is the only special mapping, besides mmap's own, that may be moved.
void aio_ring_moved() {
  aio_context_t context = 0;
  available(syscall(SYS_io_setup, 8, &context) == 0, "io_setup");
  char* to = map(16);
  void* moved = mremap(reinterpret_cast<void*>(context), kPage, kPage,
                       MREMAP_MAYMOVE | MREMAP_FIXED, at(to, 4));
  if (moved != MAP_FAILED) context = reinterpret_cast<std::uintptr_t>(moved);
  syscall(SYS_io_destroy, context);
}

void uring_inline() { advise_by_ring(0); }
void uring_async() { advise_by_ring(IOSQE_ASYNC); }

void uring_buffers() {
  Ring ring;
  char* p = island(16);
  iovec parts[2] = {{p, 4 * kPage}, {at(p, 8), 4 * kPage}};
  available(syscall(SYS_io_uring_register, ring.fd(), IORING_REGISTER_BUFFERS, parts, 2) == 0,
            "IORING_REGISTER_BUFFERS");
  const int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
  must(ring.read_into(zero, at(p, 13), 2, 0) > 0, "read");
  must(ring.read_into(zero, island(4), 2, IOSQE_ASYNC) > 0, "read");
  in_child([&] { write_pages(p, 8); });
  ring.close_all();
}

// A kernel thread that shares the mm submits.
void uring_polled() {
  Ring ring(IORING_SETUP_SQPOLL);
  char* p = island(16);
  write_pages(p, 4);
  in_child([&] { write_pages(p, 2); });
  protect(at(p, 2), 2, PROT_READ);
}

void perf_ring() {
  perf_event_attr attr{};
  attr.type = PERF_TYPE_SOFTWARE;
  attr.size = sizeof attr;
  attr.config = PERF_COUNT_SW_TASK_CLOCK;
  attr.sample_period = 1000000;
  const int fd = static_cast<int>(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0ul));
  available(fd >= 0, "perf_event_open");
  char* p = map_file(fd, 3, kRw, MAP_SHARED);
  in_child([] { write_pages(map(1)); });
  char* again = map_file(fd, 3, kRw, MAP_SHARED);
  munmap(again, 3 * kPage);
  munmap(p, kPage);
  munmap(at(p, 1), 2 * kPage);
  // A driver that refuses a MAP_FIXED mapping leaves a hole behind.
  char* q = island(16);
  write_pages(q, 16);
  must(mmap(at(q, 4), 6 * kPage, kRw, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED, "6 pages");
  mmap(at(q, 4), 6 * kPage, kRw, MAP_SHARED | MAP_FIXED, fd, 0);
  write_pages(q, 4);
  protect(at(q, 10), 2, PROT_READ);
  protect(at(q, 10), 2, kRw);
}

}  // namespace corners
