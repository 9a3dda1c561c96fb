// Short files that ask for a lot: fuzz_bombs PROGRAM [FOLDER]
// Makes traces of at most 1 KiB that decode to hundreds of thousands of events, and gives them to
// every subcommand that reads traces. Fails if a run takes 1 GiB or ends by a signal. Prints the
// cost of each, and leaves the files in FOLDER.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "engine/strategy/strategy.h"
#include "engine/trace/abi.h"
#include "engine/trace/columns.h"
#include "engine/trace/format.h"

namespace anonvma::fuzz {
namespace {

constexpr std::size_t kMostBytes = 1024;
constexpr long kMostKib = 1 << 20;
constexpr std::uint64_t kPage = 4096, kLow = 0x100000000;
constexpr std::uint64_t kOneChunk = format::kMaxChunkEvents;

// A container by hand: the writer's own header alone takes half of the bytes.
class File {
 public:
  explicit File(std::string_view json) {
    format::FileHeader header;
    header.crc = crc(0, &header, offsetof(format::FileHeader, crc));
    append(&header, sizeof header);
    chunk(format::kHeaderChunk, json.data(), json.size(), 0, json.size() > kMostBytes);
  }
  void add(const Event& event) {
    encoder_.add(event);
    if (encoder_.events() == kOneChunk) flush();
  }
  void flush() {
    const std::uint32_t count = encoder_.events();
    if (count == 0) return;
    const auto payload = encoder_.finish();
    chunk(format::kEventsChunk, payload.data(), payload.size(), count);
  }
  // A place between two flushes, to roll back to.
  struct Mark {
    std::size_t bytes = 0;
    std::uint32_t number = 0;
    std::uint64_t events = 0;
  };
  Mark mark() const { return {bytes_.size(), number_, events_}; }
  void roll_back(const Mark& mark) {
    bytes_.resize(mark.bytes);
    number_ = mark.number;
    events_ = mark.events;
  }
  std::size_t bytes() const { return bytes_.size(); }
  const std::string& str() const { return bytes_; }

 private:
  static std::uint32_t crc(std::uint32_t before, const void* data, std::size_t size) {
    return static_cast<std::uint32_t>(
        crc32_z(before, static_cast<const unsigned char*>(data), size));
  }
  void append(const void* data, std::size_t size) {
    bytes_.append(static_cast<const char*>(data), size);
  }
  void chunk(format::ChunkKind kind, const void* data, std::size_t size, std::uint32_t events,
             bool packs = true) {
    std::string packed(static_cast<const char*>(data), size);
    if (packs) {
      packed.resize(ZSTD_compressBound(size));
      packed.resize(ZSTD_compress(packed.data(), packed.size(), data, size, 19));
    }
    format::ChunkHeader header{.kind = kind, .codec = packs ? format::kZstd : format::kStored};
    header.sequence = number_++;
    header.event_count = events;
    header.first_event = events_;
    header.stored_bytes = static_cast<std::uint32_t>(packed.size());
    header.raw_bytes = static_cast<std::uint32_t>(size);
    header.crc =
        crc(crc(0, &header, offsetof(format::ChunkHeader, crc)), packed.data(), packed.size());
    append(&header, sizeof header);
    bytes_ += packed;
    events_ += events;
  }

  std::string bytes_;
  ColumnEncoder encoder_;
  std::uint32_t number_ = 0;
  std::uint64_t events_ = 0;
};

constexpr std::string_view kMeta =
    R"({"anon_vma_members":["num_children"],"anon_vma_clone_args":2,"truth":true})";

template <class Body>
Event event(std::uint64_t mm, const Body& body) {
  return {{.mm = MmId{static_cast<std::uint32_t>(mm)}}, body};
}
Map map_at(std::uint64_t at, std::uint64_t pages = 1) {
  return {.addr = at,
          .len = pages * kPage,
          .prot = 3,
          .map_flags = kMapAnonymous | kMapFixed | 2,
          .ops = kOpsUnread,
          .ret = static_cast<std::int64_t>(at)};
}
Fork child(std::uint64_t id) { return {.child = MmId{static_cast<std::uint32_t>(id)}}; }
std::uint64_t nth(std::uint64_t i) { return kLow + 2 * i * kPage; }  // never adjacent

// An exec, and a number of vmas with a page each.
void server(File& file, std::uint64_t vmas) {
  file.add(event(0, Exec{}));
  for (std::uint64_t i = 0; i < vmas; ++i) file.add(event(0, map_at(nth(i))));
  for (std::uint64_t i = 0; i < vmas; ++i) file.add(event(0, Fault{nth(i), kFaultWrite}));
}
// `make(i)` for a number of i, or until the file reaches its limit. If every event takes bytes (a
// new mm does), a chunk holds few events.
void flood(File& file, const std::function<void(std::uint64_t)>& make,
           std::uint64_t most = 11 * kOneChunk) {
  file.flush();
  std::uint64_t i = 0;
  for (std::uint64_t chunk = kOneChunk / 4; chunk > 0 && i < most;) {
    const File::Mark before = file.mark();
    for (std::uint64_t n = 0; n < chunk; ++n) make(i + n);
    file.flush();
    if (file.bytes() <= kMostBytes) {
      i += chunk;
    } else {
      file.roll_back(before);
      chunk /= 2;
    }
  }
}

void fork_bomb(File& file) {
  server(file, 8000);
  flood(file, [&](std::uint64_t i) { file.add(event(0, child(i + 1))); });
}
// Chains grow by an entry with each generation.
void fork_chain(File& file) {
  server(file, 1000);
  flood(file, [&](std::uint64_t i) { file.add(event(i, child(i + 1))); });
}
// Every generation writes a page of its own, which --check-reach must keep.
void writers(File& file) {
  file.add(event(0, Exec{}));
  file.add(event(0, map_at(kLow, 1 << 20)));
  flood(file, [&](std::uint64_t i) {
    file.add(event(i, Fault{kLow + i * kPage, kFaultWrite}));
    file.add(event(i, child(i + 1)));
  });
}
// Nothing stays, but everything is copied each time.
void fork_and_exit(File& file) {
  server(file, 30000);
  flood(file, [&](std::uint64_t i) {
    file.add(event(0, child(i + 1)));
    file.add(event(i + 1, ExitMmap{}));
  });
}
void execs(File& file) {
  flood(file, [&](std::uint64_t i) { file.add(event(i, Exec{})); });
}
void maps(File& file) {
  file.add(event(0, Exec{}));
  flood(file, [&](std::uint64_t i) { file.add(event(0, map_at(nth(i)))); });
}
void faulted_maps(File& file) {
  file.add(event(0, Exec{}));
  flood(file, [&](std::uint64_t i) {
    file.add(event(0, map_at(nth(i))));
    file.add(event(0, Fault{nth(i), kFaultWrite}));
  });
}
// Maps in the middle and at the end in turn: half of the list of vmas is moved each time.
void two_places(File& file) {
  file.add(event(0, Exec{}));
  flood(file, [&](std::uint64_t i) {
    file.add(event(0, map_at(nth(i))));
    file.add(event(0, map_at((1ull << 40) + nth(i))));
  });
}
void walks(File& file) {
  server(file, 60000);
  flood(file,
        [&](std::uint64_t i) { file.add(event(0, Lock{.op = i % 2 ? 3u : 2u, .flags = 1})); });
}
void snapshot(File& file, SnapReason reason) {
  file.add(event(0, Snapshot{.reason = static_cast<std::uint64_t>(reason), .nr_vmas = ~0ull}));
}
void attach(File& file) {
  snapshot(file, SnapReason::attach);
  flood(file, [&](std::uint64_t i) {
    file.add(event(0, SnapVma{.start = nth(i),
                              .end = nth(i) + kPage,
                              .vm_flags = kVmRead | kVmWrite,
                              .ops = kOpsAnonymous,
                              .anon_vma = AnonVmaId{static_cast<std::uint32_t>(i)}}));
  });
}
// One vma with a chain of half a million entries, and then its children.
void long_chain(File& file) {
  snapshot(file, SnapReason::attach);
  file.add(event(0, SnapVma{.start = kLow,
                            .end = kLow + kPage,
                            .vm_flags = kVmRead | kVmWrite,
                            .ops = kOpsAnonymous,
                            .anon_vma = AnonVmaId{0},
                            .nr_chain = ~0ull}));
  const auto link = [](std::uint64_t i) { return AnonVmaId{static_cast<std::uint32_t>(i)}; };
  flood(
      file,
      [&](std::uint64_t i) {
        file.add(event(0, SnapChain{.anon_vma = link(i),
                                    .root = link(i),
                                    .parent = link(i + 1),
                                    .num_children = 5,
                                    .num_active_vmas = 5}));
      },
      5 * kOneChunk);
  flood(file, [&](std::uint64_t i) { file.add(event(0, child(i + 1))); });
}
void many_attached(File& file) {
  flood(file, [&](std::uint64_t i) {
    file.add(event(i, Snapshot{.reason = static_cast<std::uint64_t>(SnapReason::attach)}));
  });
}
// Copies of one range at ever more places: arrays of offsets, and trees that are cut into pieces.
void remaps(File& file) {
  file.add(event(0, Exec{}));
  file.add(event(0, map_at(kLow, 4096)));
  file.add(event(0, Fault{kLow, kFaultWrite}));
  flood(file, [&](std::uint64_t i) {
    const std::uint64_t to = kLow + (i + 1) * (4099 * kPage);
    file.add(event(0, Remap{.addr = kLow + i * (4099 * kPage),
                            .old_len = 4096 * kPage,
                            .new_len = 4096 * kPage,
                            .flags = kMremapMayMove | kMremapFixed | kMremapDontUnmap,
                            .new_addr = to,
                            .ret = static_cast<std::int64_t>(to)}));
    file.add(event(0, Fault{to, kFaultWrite}));
  });
}
// Vmas that go while others still need them as roots.
void zombies(File& file) {
  file.add(event(0, Exec{}));
  flood(file, [&](std::uint64_t i) {
    const std::uint64_t at = kLow + 4 * i * kPage;
    file.add(event(0, map_at(at, 2)));
    file.add(event(0, Fault{at, kFaultWrite}));
    file.add(event(0, Protect{.addr = at + kPage, .len = kPage, .prot = 1}));
    file.add(event(0, Unmap{.addr = at, .len = kPage}));
  });
}
void truths(File& file) {
  flood(file, [&](std::uint64_t i) {
    Event e = event(0, Truth{.cache = kAnonVma, .site = 3, .object = i});
    e.head.tid = static_cast<std::uint32_t>(i);
    e.head.seq = 1;
    file.add(e);
  });
}
// Truth events of operations that no event names: every exit searches all of them.
void operations(File& file) {
  flood(
      file,
      [&](std::uint64_t i) {
        Event e = event(5, Truth{.cache = kVmAreaStruct, .site = 1, .object = i});
        e.head.seq = static_cast<std::uint32_t>(2 * i + 1);
        file.add(e);
      },
      5 * kOneChunk);
  flood(file, [&](std::uint64_t i) {
    file.add(event(i + 10, Exec{}));
    file.add(event(i + 10, ExitMmap{}));
  });
}
void end_snapshots(File& file) {
  server(file, 60000);
  flood(file, [&](std::uint64_t) {
    file.add(event(0, Snapshot{.reason = static_cast<std::uint64_t>(SnapReason::end)}));
  });
}
void resyncs(File& file) {
  server(file, 60000);
  flood(file, [&](std::uint64_t) {
    file.add(event(0, Snapshot{.reason = static_cast<std::uint64_t>(SnapReason::unknown_write),
                               .nr_vmas = 1}));
    file.add(event(
        0, SnapVma{.start = kLow, .end = kLow + (1ull << 40), .vm_flags = 3, .anon_vma = {}}));
  });
}

struct Bomb {
  const char* name;
  void (*make)(File&);
  std::string json = std::string(kMeta);
};

// Many strings. The number that fits into a chunk would take more than 1 KiB.
std::string strings() {
  std::string json = R"({"command":[)";
  while (json.size() < format::kMaxChunkBytes / 2) json += R"("",)";
  return json + R"(""]})";
}

std::vector<Bomb> bombs() {
  return {{"fork_bomb", fork_bomb},
          {"fork_chain", fork_chain},
          {"writers", writers},
          {"fork_and_exit", fork_and_exit},
          {"execs", execs},
          {"maps", maps},
          {"faulted_maps", faulted_maps},
          {"two_places", two_places},
          {"walks", walks},
          {"attach", attach},
          {"long_chain", long_chain},
          {"many_attached", many_attached},
          {"remaps", remaps},
          {"zombies", zombies},
          {"truths", truths},
          {"operations", operations},
          {"end_snapshots", end_snapshots},
          {"resyncs", resyncs},
          {"header", [](File&) {}, strings()}};
}

struct Outcome {
  int status = -1;  // exit status; -1: a signal ended it
  long peak_kib = 0;
  double seconds = 0;
};

Outcome run(const std::string& program, std::vector<std::string> words) {
  words.insert(words.begin(), program);
  const auto begin = std::chrono::steady_clock::now();
  const pid_t child = fork();
  if (child == 0) {
    const int nowhere = open("/dev/null", O_RDWR);
    dup2(nowhere, 1);
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    execv(program.c_str(), argv.data());
    _exit(127);
  }
  Outcome outcome;
  int status = 0;
  rusage use{};
  if (child < 0 || wait4(child, &status, 0, &use) != child) return outcome;
  if (WIFEXITED(status)) outcome.status = WEXITSTATUS(status);
  outcome.peak_kib = use.ru_maxrss;
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return outcome;
}

bool try_all(const std::string& program, const std::string& name, const std::string& path,
             std::size_t bytes, std::string_view only) {
  const std::vector<std::vector<std::string>> commands = {
      {"compare", "--strategies", "all", path},
      {"compare", "--strategies", "all", "--check-reach", "--slub", "--at", "1", path},
      {"replay", "--check-reach", "--strategy", "linux-7.0", path},
      {"replay", "--check-reach", "--strategy", "lazy-v1", path},
      {"replay", "--check-reach", "--strategy", "cow-context:remaps=prototype", path},
      {"verify", path},
      {"dump", path},
      {"info", path}};
  bool good = bytes <= kMostBytes;
  for (const auto& words : commands) {
    if (!only.empty() && words[0] != only) continue;
    const Outcome got = run(program, words);
    const bool fine = got.status >= 0 && got.status < 126 && got.peak_kib < kMostKib;
    good &= fine;
    fmt::print("{:<14} {:>5} {:>8} MiB {:>7.1f} s  {:>3}  {}{}\n", name, bytes, got.peak_kib >> 10,
               got.seconds, got.status, fmt::join(words.begin(), words.end() - 1, " "),
               fine ? "" : "  TOO MUCH");
    std::fflush(stdout);
  }
  return good;
}

}  // namespace
}  // namespace anonvma::fuzz

int main(int argc, char** argv) {
  using namespace anonvma::fuzz;
  if (argc < 3) {
    fmt::print(stderr, "usage: fuzz_bombs PROGRAM FOLDER [BOMB [SUBCOMMAND]]\n");
    return 2;
  }
  const std::filesystem::path folder = argv[2];
  const std::string_view only = argc > 3 ? argv[3] : "", command = argc > 4 ? argv[4] : "";
  std::filesystem::create_directories(folder);
  bool good = true;
  for (const Bomb& bomb : bombs()) {
    if (!only.empty() && only != bomb.name) continue;
    File file(bomb.json);
    bomb.make(file);
    file.flush();
    const std::filesystem::path path = folder / (std::string(bomb.name) + ".trace");
    std::ofstream(path, std::ios::binary) << file.str();
    if (command != "none")
      good &= try_all(argv[1], bomb.name, path, file.bytes(), command);
    else
      fmt::print("{} {}\n", bomb.name, file.bytes());
  }
  return good ? 0 : 1;
}
