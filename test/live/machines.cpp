// Programs for machines of other kinds than the one that builds: scripts/vmtest runs each in a guest that has
// what it needs, and compares the recording with the kernel.
//
// Usage: live_machines CASE [NUMBER]
//
// A case that writes in the area at kArea prints the number of page faults for writing that the recording
// must have there.
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csetjmp>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

using Address = std::uintptr_t;
const auto kPage = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
constexpr int kRw = PROT_READ | PROT_WRITE;
constexpr int kPrivate = MAP_PRIVATE | MAP_ANONYMOUS;
constexpr Address kArea = 0x7000000000;
constexpr std::size_t kAreaPages = 64;

void must(bool good, const char* what) {
  if (good) return;
  std::perror(what);
  std::_Exit(1);
}

char* map(Address hint, std::size_t pages, int prot = kRw, int flags = 0) {
  void* const p = mmap(reinterpret_cast<void*>(hint), pages * kPage, prot, kPrivate | flags, -1, 0);
  must(p != MAP_FAILED, "mmap");
  return static_cast<char*>(p);
}

char* at(char* base, std::size_t page) { return base + page * kPage; }

void write_pages(char* p, std::size_t pages) {
  for (std::size_t i = 0; i < pages; ++i) *static_cast<volatile char*>(at(p, i)) = 1;
}

template <class Work>
void in_child(Work&& work) {
  const pid_t pid = fork();
  must(pid >= 0, "fork");
  if (pid == 0) {
    work();
    std::_Exit(0);
  }
  int status = 0;
  must(waitpid(pid, &status, 0) == pid && status == 0, "child");
}

// Splits, merges, forks and moves of a mapping of 32 pages, of which `to` is another place.
void live_through(char* p, char* to) {
  write_pages(p, 16);
  must(mprotect(at(p, 4), 4 * kPage, PROT_READ) == 0, "mprotect");
  must(munmap(at(p, 24), 2 * kPage) == 0, "munmap");
  in_child([&] {
    write_pages(p, 4);
    must(madvise(at(p, 8), 4 * kPage, MADV_DONTFORK) == 0, "madvise");
    in_child([&] { write_pages(p, 2); });
  });
  must(mremap(p, 4 * kPage, 4 * kPage, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to, "mremap");
  must(mprotect(at(p, 4), 4 * kPage, kRw) == 0, "mprotect");
  map(reinterpret_cast<Address>(p), 4, kRw, MAP_FIXED);
  write_pages(p, 8);
  in_child([&] { write_pages(to, 4); });
}

// More levels of page tables: addresses above `bits` bits are given to those who ask for one.
void high_addresses(long bits) {
  constexpr Address kHint = 0xab'cdef'0000'0000;  // 56 bits
  char* const p = map(kHint, 32);
  must(reinterpret_cast<Address>(p) >> bits != 0, "an address above that");
  char* const low = map(0, 32);
  live_through(p, at(map(kHint, 32, PROT_NONE), 8));
  live_through(low, at(map(kHint, 32, PROT_NONE), 8));  // from below to above
  must(mremap(at(p, 26), 4 * kPage, 8 * kPage, MREMAP_MAYMOVE) != MAP_FAILED, "mremap");
}

sigjmp_buf back;

bool writes(char* p) {
  if (sigsetjmp(back, 1) != 0) return false;
  *static_cast<volatile char*>(p) = 1;
  return true;
}

// stack_guard_gap: a stack grows to `guard` pages above an accessible mapping, and not further.
void stack_guard(long guard) {
  const auto gap = static_cast<std::size_t>(guard);
  stack_t other = {};
  other.ss_sp = map(0, 16);
  other.ss_size = 16 * kPage;
  must(sigaltstack(&other, nullptr) == 0, "sigaltstack");
  struct sigaction action = {};
  action.sa_handler = [](int) { siglongjmp(back, 1); };
  action.sa_flags = SA_ONSTACK;
  must(sigaction(SIGSEGV, &action, nullptr) == 0, "sigaction");
  char* const area = map(0, gap + 40, PROT_NONE);
  map(reinterpret_cast<Address>(area), 2, kRw, MAP_FIXED);
  map(reinterpret_cast<Address>(at(area, gap + 30)), 4, kRw, MAP_FIXED | MAP_GROWSDOWN);
  must(munmap(at(area, 2), (gap + 28) * kPage) == 0, "munmap");
  write_pages(at(area, gap + 30), 4);
  must(writes(at(area, gap + 10)), "growth far above the mapping");
  in_child([&] {
    must(!writes(at(area, gap + 1)), "no growth into the gap");
    must(writes(at(area, gap + 2)), "growth down to the gap");
  });
  must(mprotect(area, 2 * kPage, PROT_NONE) == 0, "mprotect");
  must(writes(at(area, 3)), "growth down to what nobody can reach");
}

// hugetlb mappings that name no size, and one that does.
void huge_pages(long) {
  const auto map_huge = [](int flags) {
    return static_cast<char*>(
        mmap(nullptr, kPage, kRw, kPrivate | MAP_HUGETLB | MAP_NORESERVE | flags, -1, 0));
  };
  char* const usual = map_huge(0);
  must(usual != MAP_FAILED, "MAP_HUGETLB");
  must(munmap(usual, kPage) != 0, "no part of a huge page can go");
  map_huge(21 << 26);  // 2 MiB, if this kernel has them
  in_child([] {});
}

bool runs_on(unsigned cpu) {
  std::vector<unsigned long> mask(cpu / (8 * sizeof(long)) + 1);
  mask.back() = 1ul << cpu % (8 * sizeof(long));
  return sched_setaffinity(0, mask.size() * sizeof(long),
                           reinterpret_cast<const cpu_set_t*>(mask.data())) == 0;
}

void wait_for(unsigned cpu) {
  while (!runs_on(cpu)) usleep(1000);
}

unsigned g_faults = 0;

// Write faults of a first life, and of copies.
void fault_in_area() {
  char* const area = map(kArea, kAreaPages, kRw, MAP_FIXED);
  madvise(area, kAreaPages * kPage, MADV_NOHUGEPAGE);
  write_pages(area, kAreaPages);
  in_child([&] { write_pages(area, kAreaPages); });
  g_faults += 2 * kAreaPages;
}

void on_cpu(long cpu) {
  wait_for(static_cast<unsigned>(cpu));
  fault_in_area();
}

void set_online(long cpu, bool online) {
  const std::string path = "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/online";
  std::FILE* const file = std::fopen(path.c_str(), "w");
  must(file != nullptr, path.c_str());
  must(std::fputs(online ? "1" : "0", file) >= 0 && std::fclose(file) == 0, path.c_str());
}

// A CPU that is offline when the recording begins, and leaves and comes back three times. The recorder gets
// the time to see it, or else must say that something was missed.
void hotplug(long cpu, useconds_t patience) {
  for (int round = 0; round < 3; ++round) {
    set_online(cpu, true);
    usleep(patience);
    on_cpu(cpu);
    set_online(cpu, false);  // this task goes on elsewhere
    fault_in_area();
  }
}
void patient_hotplug(long cpu) { hotplug(cpu, 300'000); }
void hasty_hotplug(long cpu) { hotplug(cpu, 0); }

#ifdef __aarch64__
#ifndef PROT_BTI
#define PROT_BTI 0x10
#endif
#ifndef PROT_MTE
#define PROT_MTE 0x20
#endif

char* tagged(char* p, Address tag) {
  return reinterpret_cast<char*>(reinterpret_cast<Address>(p) | tag << 56);
}

// Addresses with a tag in their top byte.
void tagged_pointers(long) {
  char* const p = map(0, 32);
  write_pages(p, 32);
  must(mprotect(tagged(at(p, 2), 0xb4), kPage, PROT_READ) == 0, "mprotect");
  must(madvise(tagged(at(p, 4), 0xff), kPage, MADV_DONTFORK) == 0, "madvise");
  must(mlock(tagged(at(p, 6), 1), 2 * kPage) == 0, "mlock");
  must(munlock(tagged(at(p, 7), 2), kPage) == 0, "munlock");
  must(munmap(tagged(at(p, 10), 0x7f), kPage) == 0, "munmap");
  must(mremap(tagged(at(p, 12), 0x80), kPage, 2 * kPage, MREMAP_MAYMOVE) != MAP_FAILED, "mremap");
  must(mremap(tagged(at(p, 14), 3), kPage, kPage, MREMAP_MAYMOVE | MREMAP_FIXED, at(p, 10)) ==
           at(p, 10),
       "mremap");
  in_child([&] { write_pages(at(p, 16), 8); });
}

// Protections with PROT_BTI, and with PROT_MTE where the machine has it.
void arm64_protections(long) {
  char* const code = map(0, 16);
  write_pages(code, 16);
  must(mprotect(code, 16 * kPage, PROT_READ | PROT_EXEC) == 0, "mprotect");
  must(mprotect(at(code, 2), 2 * kPage, PROT_READ | PROT_EXEC | PROT_BTI) == 0, "PROT_BTI");
  must(mprotect(at(code, 3), 1 * kPage, PROT_READ | PROT_EXEC) == 0, "mprotect");
  map(0, 2, PROT_READ | PROT_EXEC | PROT_BTI);
  char* const data = map(0, 16);
  write_pages(data, 4);
  must(mprotect(at(data, 3), 2 * kPage, kRw | PROT_MTE) == 0, "PROT_MTE");
  write_pages(at(data, 3), 2);
  char* const beside = map(reinterpret_cast<Address>(at(data, 5)), 2, kRw | PROT_MTE, MAP_FIXED);
  write_pages(beside, 2);
  must(mprotect(at(data, 3), 4 * kPage, PROT_READ) == 0, "mprotect");
  must(mprotect(tagged(at(data, 8), 5), 2 * kPage, kRw | PROT_MTE) == 0, "PROT_MTE");
  in_child([&] {
    write_pages(at(data, 8), 2);
    map(reinterpret_cast<Address>(at(data, 10)), 1, kRw | PROT_MTE, MAP_FIXED);
  });
}
#endif

struct Case {
  const char* name;
  void (*run)(long number);
};
constexpr Case kCases[] = {
    {"high_addresses", high_addresses},   {"stack_guard", stack_guard},
    {"huge_pages", huge_pages},           {"on_cpu", on_cpu},
    {"patient_hotplug", patient_hotplug}, {"hasty_hotplug", hasty_hotplug},
#ifdef __aarch64__
    {"tagged_pointers", tagged_pointers}, {"arm64_protections", arm64_protections},
#endif
};

}  // namespace

int main(int argc, char** argv) {
  const long number = argc > 2 ? std::atol(argv[2]) : 0;
  for (const Case& one : kCases) {
    if (argc < 2 || std::strcmp(one.name, argv[1]) != 0) continue;
    one.run(number);
    std::printf("faults %u\n", g_faults);
    return 0;
  }
  std::fprintf(stderr, "usage: live_machines CASE [NUMBER]\n");
  return 64;
}
