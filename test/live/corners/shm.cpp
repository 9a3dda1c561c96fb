// System V shared memory: a file of its own per attach, and a close hook.
#include <sys/ipc.h>
#include <sys/shm.h>

#include "corner.h"
#include "families.h"

namespace corners {
namespace {

class Segment {
 public:
  explicit Segment(std::size_t pages) : id_(shmget(IPC_PRIVATE, pages * kPage, IPC_CREAT | 0600)) {
    available(id_ >= 0, "shmget");
  }
  char* attach(char* where = nullptr, int flags = 0) const {
    void* p = shmat(id_, where, flags);
    must(reinterpret_cast<std::intptr_t>(p) != -1, "shmat");
    return static_cast<char*>(p);
  }
  void drop() const { shmctl(id_, IPC_RMID, nullptr); }

 private:
  int id_;
};

}  // namespace

void shm_twice() {
  const Segment segment(8);
  char* a = segment.attach();
  char* b = segment.attach();
  segment.drop();
  write_pages(a, 4);
  read_pages(b, 4);
  in_child([&] {
    write_pages(b, 8);
    shmdt(a);
  });
  shmdt(a);
  shmdt(b);
}

void shm_split() {
  const Segment segment(8);
  char* a = segment.attach();
  segment.drop();
  protect(at(a, 2), 2, PROT_READ);
  write_pages(a, 2);
  protect(at(a, 2), 2, kRw);
  protect(at(a, 6), 2, PROT_READ);
  unmap(at(a, 4), 1);
  shmdt(a);
}

void shm_over() {
  const Segment segment(8);
  char* p = island(32);
  write_pages(p, 4);
  segment.attach(at(p, 8), SHM_REMAP);
  segment.attach(at(p, 16), SHM_REMAP | SHM_RDONLY);
  segment.attach();
  must(shmat(0, at(p, 24), 0) == reinterpret_cast<void*>(-1), "refused");
  segment.drop();
  must(mremap(at(p, 8), 8 * kPage, 4 * kPage, 0) == at(p, 8), "mremap");
  shmdt(at(p, 8));
  shmdt(at(p, 16));
}

void shm_exit_attached() {
  const Segment segment(8);
  segment.attach();
  segment.drop();
  in_child([&] { write_pages(segment.attach(), 1); });
}

}  // namespace corners
