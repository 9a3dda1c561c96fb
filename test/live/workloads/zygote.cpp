// Usage: live_zygote [CHILDREN]
// A phone in small: a zygote preloads hundreds of mappings, most of them with names, and forks children
// that never exec. The threads of a child map, name and unmap, fork, and write to its heap. A thread
// collects garbage meanwhile, as a moving collector with userfaultfd does:
//
//   heap   pages ── mremap(MREMAP_DONTUNMAP) ──► from-space
//   heap   empty, registered: threads that touch it wait ◄── UFFDIO_COPY, page by page
//
// The heap of every other child is a memory file, mapped shared, whose pages stay in the file: they come
// back by UFFDIO_CONTINUE. A kernel without names refuses them, and all else is the same.
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "test/live/random.h"

namespace {

const auto kPage = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
constexpr int kBoth = PROT_READ | PROT_WRITE;
constexpr std::size_t kHeapPages = 128;
constexpr int kMutators = 4, kCollections = 3, kAtOnce = 8;

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::_Exit(1);
}

void name(char* p, std::size_t pages, const char* text) {
  constexpr int kSetVma = 0x53564d41;  // newer than the headers of the oldest toolchain
  if (prctl(kSetVma, 0UL, p, pages * kPage, text) != 0 && errno != EINVAL && errno != EBADF)
    die("PR_SET_VMA");
}

char* map(std::size_t pages, int prot, const char* text) {
  void* p = mmap(nullptr, pages * kPage, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) die("mmap");
  if (text != nullptr) name(static_cast<char*>(p), pages, text);
  return static_cast<char*>(p);
}

constexpr const char* kNames[] = {"linker_alloc",    "libc_malloc",        "scudo:primary",
                                  "scudo:secondary", "zygote space",       "large object space",
                                  "card table",      "thread local stacks"};
constexpr std::size_t kNumNames = sizeof kNames / sizeof *kNames;

// Mappings beside each other that have the same name are one vma, and others are not.
void preload(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    char* const p = map(2 + i % 3, kBoth, i % 5 == 4 ? nullptr : kNames[i / 4 % kNumNames]);
    p[0] = 1;
    if (i % 4 == 3 && mprotect(p, kPage, PROT_READ) != 0) die("mprotect");
  }
}

// A heap whose garbage is collected. In a file, it is mapped shared.
struct Heap {
  char* at;
  char* from;  // an empty range of the same size
  int file;    // -1: private anonymous memory
};

Heap make_heap(bool in_file) {
  Heap heap{nullptr, map(kHeapPages, PROT_NONE, "from-space"), -1};
  if (!in_file) {
    heap.at = map(kHeapPages, kBoth, "main space");
  } else {
    heap.file = memfd_create("main space", MFD_CLOEXEC);
    if (heap.file < 0 || ftruncate(heap.file, static_cast<off_t>(kHeapPages * kPage)) != 0)
      die("memfd_create");
    void* p = mmap(nullptr, kHeapPages * kPage, kBoth, MAP_SHARED, heap.file, 0);
    if (p == MAP_FAILED) die("mmap of a memory file");
    heap.at = static_cast<char*>(p);
  }
  for (std::size_t page = 0; page < kHeapPages; page += 2) heap.at[page * kPage] = 1;
  return heap;
}

// False if this kernel has no such userfaultfd.
bool open_userfaultfd(int& fd) {
  fd = static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
  uffdio_api api{};
  api.api = UFFD_API;
  return fd >= 0 && ioctl(fd, UFFDIO_API, &api) == 0;
}

// Newer than the headers of the oldest toolchain.
constexpr std::uint64_t kMinor = 1 << 2;  // UFFDIO_REGISTER_MODE_MINOR
struct Continue {
  uffdio_range range;
  std::uint64_t mode;
  std::int64_t mapped;
};

// Gives the page back to the heap. It is there already if a thread wrote to it before the registration.
void give_back(int fd, const Heap& heap, std::size_t page) {
  const std::uintptr_t to = reinterpret_cast<std::uintptr_t>(heap.at) + page * kPage;
  int failed = 0;
  if (heap.file >= 0) {
    Continue one{{to, kPage}, 0, 0};
    failed = ioctl(fd, _IOWR(UFFDIO, 0x07, Continue), &one);
    if (failed != 0 && errno == EFAULT) {  // the file has a hole there
      uffdio_zeropage zero{};
      zero.range = {to, kPage};
      failed = ioctl(fd, UFFDIO_ZEROPAGE, &zero);
    }
  } else if (page % 2 == 0) {
    uffdio_copy copy{};
    copy.dst = to;
    copy.src = reinterpret_cast<std::uintptr_t>(heap.from) + page * kPage;
    copy.len = kPage;
    failed = ioctl(fd, UFFDIO_COPY, &copy);
  } else {
    uffdio_zeropage zero{};
    zero.range = {to, kPage};
    failed = ioctl(fd, UFFDIO_ZEROPAGE, &zero);
  }
  if (failed != 0 && errno != EEXIST && errno != EAGAIN) die("a page of the heap");
}

void collect(int fd, const Heap& heap) {
  constexpr int kDontUnmap = 4;  // MREMAP_DONTUNMAP
  const std::size_t size = kHeapPages * kPage;
  if (mremap(heap.at, size, size, MREMAP_MAYMOVE | MREMAP_FIXED | kDontUnmap, heap.from) ==
      MAP_FAILED)
    die("mremap");
  uffdio_register range{};
  range.range = {reinterpret_cast<std::uintptr_t>(heap.at), size};
  range.mode = UFFDIO_REGISTER_MODE_MISSING | (heap.file >= 0 ? kMinor : 0);
  if (ioctl(fd, UFFDIO_REGISTER, &range) != 0) die("UFFDIO_REGISTER");
  for (std::size_t page = 0; page < kHeapPages; ++page) give_back(fd, heap, page);
  uffdio_range all = range.range;
  if (ioctl(fd, UFFDIO_UNREGISTER, &all) != 0) die("UFFDIO_UNREGISTER");
  if (mmap(heap.from, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
      MAP_FAILED)
    die("mmap");
  name(heap.from, kHeapPages, "from-space");
}

struct Child {
  Heap heap;
  int userfaultfd;
  std::uintptr_t number;
  std::atomic<bool> over{false};
};

void* collector(void* given) {
  Child& child = *static_cast<Child*>(given);
  for (int i = 0; i < kCollections; ++i) collect(child.userfaultfd, child.heap);
  child.over = true;
  return nullptr;
}

struct Mutator {
  Child* child;
  std::uintptr_t number;
};

void* mutate(void* given) {
  const auto [child, number] = *static_cast<Mutator*>(given);
  Random random(child->number * 16 + number);
  for (int i = 0; i < 20 || !child->over; ++i) {
    child->heap.at[random.below(kHeapPages) * kPage] = 1;
    if (i >= 200) continue;
    const std::size_t pages = 1 + random.below(16);
    char* const p = map(pages, kBoth, kNames[random.below(kNumNames)]);
    p[0] = 1;
    if (random.below(3) == 0) name(p, 1, nullptr);
    if (random.below(3) != 0) munmap(p, pages * kPage);
    if (i % 40 != 10) continue;
    const pid_t grandchild = fork();
    if (grandchild == 0) {
      p[0] = 2;
      _exit(0);
    }
    waitpid(grandchild, nullptr, 0);
  }
  return nullptr;
}

[[noreturn]] void live(std::uintptr_t number, const Heap& of_zygote) {
  static Child child;  // lives as long as its threads
  child.number = number;
  child.heap = number % 2 == 0 ? of_zygote : make_heap(true);
  if (!open_userfaultfd(child.userfaultfd)) _exit(77);
  name(child.heap.at, kHeapPages, "app space");
  Mutator mutators[kMutators];
  pthread_t threads[kMutators + 1];
  if (pthread_create(&threads[kMutators], nullptr, collector, &child) != 0) _exit(1);
  for (std::uintptr_t i = 0; i < kMutators; ++i) {
    mutators[i] = {&child, i};
    if (pthread_create(&threads[i], nullptr, mutate, &mutators[i]) != 0) _exit(1);
  }
  for (const pthread_t thread : threads) pthread_join(thread, nullptr);
  _exit(0);
}

// The first bad end of the children that have ended.
void note_end(int status, int& worst) {
  const int ended = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
  if (worst == 0) worst = ended;
}

}  // namespace

int main(int argc, char** argv) {
  const int children = argc > 1 ? std::atoi(argv[1]) : 60;
  preload(300);
  const Heap heap = make_heap(false);
  int alive = 0, worst = 0, status = 0;
  for (int i = 0; i < children; ++i) {
    const pid_t child = fork();
    if (child < 0) die("fork");
    if (child == 0) live(static_cast<std::uintptr_t>(i), heap);
    *map(2, kBoth, kNames[static_cast<std::size_t>(i) % kNumNames]) = 1;
    if (++alive == kAtOnce && wait(&status) > 0) note_end(status, worst), --alive;
  }
  while (wait(&status) > 0) note_end(status, worst);
  if (worst == 77) std::printf("skipped: this kernel has no userfaultfd\n");
  return worst;
}
