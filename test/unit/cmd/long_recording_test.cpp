// The parts of `record` around a recording: sizes and times as typed, names of files and the choice
// of those kept, the flight recorder's memory, and slab caches that pass a threshold.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "cmd/files/part_files.h"
#include "cmd/quantities.h"
#include "cmd/record/flight.h"
#include "cmd/record/series.h"
#include "cmd/record/slab_watch.h"
#include "engine/trace/reader.h"
#include "test/catch.h"

using namespace anonvma;
using namespace anonvma::cmd;
namespace fs = std::filesystem;

namespace {

struct Folder {
  std::string path = fs::temp_directory_path() / "anonvma-unit-XXXXXX";
  Folder() { REQUIRE(mkdtemp(path.data()) != nullptr); }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  std::string operator/(const std::string& name) const { return path + "/" + name; }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& entry : fs::directory_iterator(path)) all.push_back(entry.path().filename());
    std::sort(all.begin(), all.end());
    return all;
  }
};

void put(const std::string& path, const std::string& text) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path) << text;
}

std::string get(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Event map_at(std::uint64_t time_ns) { return {{time_ns, 1, MmId{0}, 3, 0}, Map{}}; }

// Meta, events and end of a whole trace.
struct Whole {
  Meta meta;
  std::vector<Event> events;
  EndInfo end;
};
Whole whole(const std::string& path) {
  const std::string bytes = get(path);
  auto reader = TraceReader::open(std::as_bytes(std::span(bytes)));
  REQUIRE(reader);
  Whole found;
  found.meta = reader->meta();
  for (;;) {
    const auto batch = reader->next();
    REQUIRE(batch);
    if (batch->empty()) break;
    found.events.insert(found.events.end(), batch->begin(), batch->end());
  }
  found.end = reader->end().value();
  return found;
}

constexpr std::uint64_t kSecond = 1'000'000'000;

}  // namespace

TEST_CASE("sizes are MiB unless they say otherwise") {
  CHECK(parse_size("64") == 64u << 20);
  CHECK(parse_size("64M") == 64u << 20);
  CHECK(parse_size("1.5G") == 3ull << 29);
  CHECK(parse_size("512k") == 512u << 10);
  for (const char* const bad : {"", "0", "M", "-1", "1T", "1 M", "1.2.3", ".5", "5.", "1e3",
                                "64MiB", "99999999999999999999", "+5"}) {
    INFO(bad);
    CHECK_FALSE(parse_size(bad));
  }
}

TEST_CASE("times are seconds unless they say otherwise") {
  CHECK(parse_time("90") == 90 * kSecond);
  CHECK(parse_time("0.2") == kSecond / 5);
  CHECK(parse_time("10m") == 600 * kSecond);
  CHECK(parse_time("1.5h") == 5400 * kSecond);
  CHECK(parse_time("3s") == 3 * kSecond);
  for (const char* const bad : {"", "0", "s", "-1", "1d", "10 m", "1:30", "9999999999"}) {
    INFO(bad);
    CHECK_FALSE(parse_time(bad));
  }
}

TEST_CASE("parts are numbered before the suffix") {
  CHECK(part_name("make.trace", 1, "") == "make.0001.trace");
  CHECK(part_name("a.b/make", 12, "") == "a.b/make.0012.trace");
  CHECK(part_name("make.tar", 12345, "") == "make.tar.12345.trace");
  CHECK(part_name("d/.trace", 1, "") == "d/.trace.0001.trace");
  CHECK(part_name("x.trace", 2, "20260101-000000") == "x.20260101-000000.0002.trace");
}

TEST_CASE("the oldest files of this run go, and nobody else's") {
  const Folder folder;
  put(folder / "x.0000.trace", "theirs");
  PartFiles files({folder / "x.trace", true, false, 2});
  for (std::uint64_t number = 1; number <= 4; ++number) {
    auto file = files.create(number);
    REQUIRE(file);
    REQUIRE(file->write(std::as_bytes(std::span("abc", 3))));
    REQUIRE(file->close());
    if (number == 2) {  // another process has replaced the file
      put(folder / "new", "theirs");
      fs::rename(folder / "new", folder / "x.0002.trace");
    }
    files.prune();
  }
  CHECK(folder.names() ==
        std::vector<std::string>{"x.0000.trace", "x.0002.trace", "x.0003.trace", "x.0004.trace"});
  CHECK(files.removed() == 1);
  struct stat info {};
  REQUIRE(stat((folder / "x.0004.trace").c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0600);
}

TEST_CASE("each file of a series is whole, and the next begins before it ends") {
  const Folder folder;
  auto series = RecordingSeries::create({folder / "x.trace", false, false, 0}, {0, kSecond, 0});
  REQUIRE(series);
  RecordingSeries& out = **series;
  Meta meta;
  meta.release = "6.18.0";
  REQUIRE(out.begin_part(meta, 0));
  CHECK_FALSE(out.wants_part(kSecond - 1));
  CHECK(out.wants_part(kSecond));
  REQUIRE(out.add(1, map_at(5)));
  REQUIRE(out.begin_part(meta, kSecond));
  REQUIRE(out.add(2, map_at(7)));
  REQUIRE(out.add(1, map_at(kSecond + 7)));  // the same moment on the other clock
  EndInfo end;
  end.continued = true;
  REQUIRE(out.end_part(end, kSecond + 10));
  CHECK_FALSE(out.wants_part(2 * kSecond - 1));
  CHECK(out.wants_part(2 * kSecond));
  REQUIRE(out.add(2, map_at(20)));
  REQUIRE(out.end_part({}, 2 * kSecond));
  REQUIRE(out.finish());
  CHECK(out.events() == 4);

  const Whole first = whole(folder / "x.0001.trace"), second = whole(folder / "x.0002.trace");
  CHECK(first.meta.part == 1);
  CHECK(second.meta.part == 2);
  CHECK(first.meta.series == second.meta.series);
  CHECK(first.meta.series.size() == 16);
  CHECK(first.end.continued);
  CHECK_FALSE(second.end.continued);
  REQUIRE(first.events.size() == 2);
  REQUIRE(second.events.size() == 2);
  CHECK(first.events[1].head.time_ns == kSecond + 7);
  CHECK(second.events[0].head.time_ns == 7);
}

TEST_CASE("a series is full when all its files together are") {
  const Folder folder;
  auto series = RecordingSeries::create({folder / "x.trace", false, false, 0}, {1, 0, 600});
  REQUIRE(series);
  RecordingSeries& out = **series;
  REQUIRE(out.begin_part({}, 0));
  CHECK_FALSE(out.wants_part(RecordingSeries::kShortestPartNs - 1));
  CHECK(out.wants_part(RecordingSeries::kShortestPartNs));
  CHECK_FALSE(out.full());
  std::uint64_t parts = 1;
  for (; parts < 20 && !out.full(); ++parts) {
    REQUIRE(out.begin_part({}, parts));
    REQUIRE(out.end_part({}, parts));
  }
  CHECK(out.full());
  CHECK(parts > 1);
  CHECK(out.bytes() >= 600);
  REQUIRE(out.end_part({}, parts));
}

TEST_CASE("one file is named as asked, and has no part") {
  const Folder folder;
  auto series = RecordingSeries::create({folder / "x", false, false, 0}, {});
  REQUIRE(series);
  RecordingSeries& out = **series;
  REQUIRE(out.begin_part({}, 0));
  CHECK_FALSE(out.wants_part(~0ull));
  REQUIRE(out.end_part({}, 1));
  CHECK(out.written() == folder / "x");
  CHECK(whole(folder / "x").meta.part == 0);
  CHECK(whole(folder / "x").meta.series.empty());
}

namespace {

struct Recorder {
  std::vector<std::string> said;
  Flight flight;
  std::uint64_t now = 0, part = 1;
  Meta meta;

  Recorder(const Folder& folder, Flight::Options options, std::size_t keep = 0)
      : flight(complete(std::move(options)), {folder / "f.trace", true, false, keep}, {}) {
    meta.release = "6.18.0";
    REQUIRE(flight.begin_part(meta, 0));
  }
  Flight::Options complete(Flight::Options options) {
    options.say = [this](const std::string& line) { said.push_back(line); };
    options.stamp = [] { return std::string("day"); };
    return options;
  }
  // One event a second, as a recorder would drive it.
  void run(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      now += kSecond;
      REQUIRE(flight.add(part, map_at(now)));
      REQUIRE(flight.tick(now));
      if (!flight.wants_part(now)) continue;
      REQUIRE(flight.begin_part(meta, now));
      REQUIRE(flight.end_part({}, now));
      ++part;
    }
  }
  void finish() {
    REQUIRE(flight.end_part({}, now));
    REQUIRE(flight.finish());
  }
};

}  // namespace

TEST_CASE("flight recorder: nothing is written unless something asks for it") {
  const Folder folder;
  Recorder r(folder, {.span_ns = 5 * kSecond, .most_bytes = 1 << 20});
  r.run(60);
  r.finish();
  CHECK(folder.names().empty());
  CHECK_THAT(r.flight.written(), ContainsSubstring("nothing written"));
}

TEST_CASE("flight recorder: a signal writes between once and twice the time asked for") {
  const Folder folder;
  const int seconds = GENERATE(range(7, 23));
  Recorder r(folder, {.span_ns = 5 * kSecond, .most_bytes = 1 << 20});
  r.run(seconds);
  r.flight.user_signal();
  r.run(2);
  const auto names = folder.names();
  std::size_t events = 0;
  for (const std::string& name : names) {
    const Whole trace = whole(folder / name);
    CHECK(trace.end.trigger == "SIGUSR1");
    CHECK(trace.meta.release == "6.18.0");
    events += trace.events.size();
  }
  INFO(seconds << " seconds, " << names.size() << " files");
  CHECK(events >= 5);
  CHECK(events <= 11);
  r.finish();
  CHECK(folder.names() == names);
  CHECK(names.front().starts_with("f.day.0"));
}

TEST_CASE("flight recorder: what was written is not written again") {
  const Folder folder;
  Recorder r(folder, {.span_ns = 5 * kSecond, .most_bytes = 1 << 20});
  r.run(8);
  r.flight.user_signal();
  r.run(2);
  r.flight.user_signal();
  r.run(2);
  std::vector<std::uint64_t> parts;
  for (const std::string& name : folder.names()) parts.push_back(whole(folder / name).meta.part);
  CHECK(std::is_sorted(parts.begin(), parts.end()));
  CHECK(std::adjacent_find(parts.begin(), parts.end()) == parts.end());
  CHECK(parts.size() == 3);
}

TEST_CASE("flight recorder: memory is bounded, at the price of time") {
  const Folder folder;
  Recorder r(folder, {.span_ns = 1'000'000 * kSecond, .most_bytes = 16 << 10});
  for (int i = 0; i < 300; ++i) {
    r.run(1);
    CHECK(r.flight.kept_bytes() < 32 << 10);
  }
  r.flight.user_signal();
  r.run(2);
  CHECK_FALSE(folder.names().empty());
}

TEST_CASE("flight recorder: --trigger-once ends it, --flight-at-end writes at the end") {
  const Folder folder;
  SECTION("once") {
    Recorder r(folder, {.span_ns = 5 * kSecond, .most_bytes = 1 << 20, .once = true});
    r.run(3);
    CHECK_FALSE(r.flight.full());
    r.flight.user_signal();
    r.run(2);
    CHECK(r.flight.full());
    CHECK(folder.names().size() == 1);
  }
  SECTION("at the end") {
    Recorder r(folder, {.span_ns = 5 * kSecond, .most_bytes = 1 << 20, .at_end = true});
    r.run(3);
    r.finish();
    REQUIRE(folder.names().size() == 1);
    CHECK(whole(folder / folder.names()[0]).end.trigger == "the end of the recording");
  }
}

TEST_CASE("a trigger is a share or a number of objects") {
  CHECK(*parse_slab_trigger("anon_vma=+20%") == SlabTrigger{"anon_vma", 20, 0});
  CHECK(*parse_slab_trigger("vm_area_struct=50000") == SlabTrigger{"vm_area_struct", 0, 50000});
  for (const char* const bad :
       {"", "=", "anon_vma", "anon_vma=", "anon_vma=20%", "anon_vma=+20", "anon_vma=+%",
        "anon_vma=-5", "anon_vma=0", "anon_vma=+0%", "anon_vma=1e3", "=5", "../x=5", "a/b=5"}) {
    INFO(bad);
    const auto trigger = parse_slab_trigger(bad);
    REQUIRE_FALSE(trigger);
    CHECK(trigger.error().code == ErrorCode::usage);
  }
}

namespace {

std::string slabinfo(std::uint64_t anon_vmas) {
  return "slabinfo - version: 2.1\n"
         "# name            <active_objs> <num_objs> <objsize>\n"
         "anon_vma            " +
         std::to_string(anon_vmas) +
         "   1950    104   39    1 : tunables    0    0    0 : slabdata     50     50      0\n"
         "kmalloc-64          9000   9000     64   64    1 : tunables    0    0    0\n"
         "anon_vma_other       7      7     64   64    1\n";
}

}  // namespace

TEST_CASE("slabinfo is read by the whole name of a cache") {
  CHECK(active_objs(slabinfo(1700), "anon_vma") == 1700);
  CHECK(active_objs(slabinfo(1700), "anon_vma_other") == 7);
  CHECK_FALSE(active_objs(slabinfo(1700), "anon_vma_chain"));
  CHECK_FALSE(active_objs(slabinfo(1700), "anon"));
  CHECK_FALSE(active_objs("", "anon_vma"));
  CHECK_FALSE(active_objs("anon_vma", "anon_vma"));
  CHECK_FALSE(active_objs("anon_vma x 1\n", "anon_vma"));
}

TEST_CASE("a threshold is passed once, and a share counts from the last time") {
  const Folder folder;
  const SlabWatch::Sources sources{folder / "slabinfo", folder / "slab"};
  put(sources.slabinfo, slabinfo(1000));
  auto watch = SlabWatch::open({{"anon_vma", 20, 0}}, sources);
  REQUIRE(watch);
  CHECK_FALSE(watch->look());
  put(sources.slabinfo, slabinfo(1199));
  CHECK_FALSE(watch->look());
  put(sources.slabinfo, slabinfo(1200));
  CHECK(watch->look() == "anon_vma=+20%: 1200 objects after 1000");
  CHECK_FALSE(watch->look());
  watch->rebase();
  put(sources.slabinfo, slabinfo(1300));
  CHECK_FALSE(watch->look());
  put(sources.slabinfo, slabinfo(1500));
  CHECK(watch->look());
}

TEST_CASE("a number of objects triggers when it is reached, not while it lasts") {
  const Folder folder;
  const SlabWatch::Sources sources{folder / "slabinfo", folder / "slab"};
  put(sources.slabinfo, slabinfo(1000));
  auto watch = SlabWatch::open({{"anon_vma", 0, 900}}, sources);
  REQUIRE(watch);
  CHECK_FALSE(watch->look());  // relative to the start
  put(sources.slabinfo, slabinfo(800));
  CHECK_FALSE(watch->look());
  put(sources.slabinfo, slabinfo(950));
  CHECK(watch->look() == "anon_vma=900: 950 objects");
}

TEST_CASE("a merged cache is found under the name the kernel lists") {
  const Folder folder;
  const SlabWatch::Sources sources{folder / "slabinfo", folder / "slab"};
  put(sources.slabinfo, slabinfo(1000));
  put(sources.folder + "/:0000064/objects", "9000 N0=9000\n");
  for (const char* const name : {"anon_vma_chain", "kmalloc-64"})
    fs::create_directory_symlink(":0000064", sources.folder + "/" + name);
  auto watch = SlabWatch::open({{"anon_vma_chain", 0, 9500}}, sources);
  REQUIRE(watch);
  REQUIRE(watch->describe().size() == 1);
  CHECK_THAT(watch->describe()[0], ContainsSubstring("listed as kmalloc-64"));
}

TEST_CASE("a cache that is not there, and numbers that are not for everybody") {
  const Folder folder;
  const SlabWatch::Sources sources{folder / "slabinfo", folder / "slab"};
  fs::create_directories(sources.folder + "/anon_vma");
  SECTION("not there") {
    put(sources.slabinfo, slabinfo(1));
    const auto watch = SlabWatch::open({{"anon_wma", 20, 0}}, sources);
    REQUIRE_FALSE(watch);
    CHECK(watch.error().code == ErrorCode::usage);
    CHECK_THAT(watch.error().message, ContainsSubstring("anon_wma"));
  }
  SECTION("unprivileged") {
    const auto watch = SlabWatch::open({{"anon_vma", 20, 0}}, sources);
    REQUIRE_FALSE(watch);
    CHECK(watch.error().code == ErrorCode::no_privilege);
  }
  SECTION("the folder tells where slabinfo does not") {
    put(sources.folder + "/anon_vma/objects", "1234 N0=1234\n");
    const auto watch = SlabWatch::open({{"anon_vma", 50, 0}}, sources);
    REQUIRE(watch);
    CHECK_THAT(watch->describe()[0], ContainsSubstring("1234 objects now, writes at 1851"));
  }
}
