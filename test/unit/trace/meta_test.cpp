// The JSON of the header and end chunks.
#include "engine/trace/meta.h"

#include "test/catch.h"

using namespace anonvma;

namespace {

Meta full_meta() {
  Meta meta;
  meta.tool_version = "0.1.0";
  meta.release = "6.18.44";
  meta.machine = "x86_64";
  meta.page_size = 65536;
  meta.cpus = 2;
  meta.boot_id_hash = "0123abcd";
  meta.start_unix_ns = ~0ull;
  meta.thp_mode = "madvise";
  meta.tier = "exact";
  meta.overcommit = 1;
  meta.stack_guard_pages = 0;
  meta.huge_page_bytes = 512u << 20;
  const CacheSpecs specs = default_cache_specs();
  std::copy_n(specs.begin(), meta.caches.size(), meta.caches.begin());
  meta.struct_sizes = {192, 64, 96};
  meta.anon_vma_members = {"root", "num_children"};
  meta.anon_vma_clone_args = 2;
  meta.behaviours = {{"remap_many", true}, {"self_merge", false}};
  meta.scope = "command";
  meta.cgroup = "/sys/fs/cgroup/a";
  meta.faults = "write";
  meta.truth = true;
  meta.command = {"sh", "-c", "echo \"\n\x01 \xc3\xa9\"", ""};
  meta.ring_bytes = 32u << 20;
  meta.reader = "realtime";
  meta.series = "0123456789abcdef";
  meta.part = 3;
  return meta;
}

}  // namespace

TEST_CASE("meta and end survive JSON") {
  REQUIRE(*parse_meta(to_json(full_meta())) == full_meta());
  REQUIRE(*parse_meta(to_json(Meta{})) == Meta{});
  const EndInfo end{.duration_ns = 1,
                    .events = 2,
                    .lost = 3,
                    .recursion_misses = 4,
                    .processes_at_attach = 5,
                    .relatives_at_attach = 17,
                    .unreadable_processes = ~0ull,
                    .torn_at_attach = 12,
                    .unread_writes = 13,
                    .unseen_writers = {{"ioctl", 14}, {"no call", 15}},
                    .spilled_bytes = 16,
                    .command_status = 256,
                    .continued = true,
                    .trigger = "SIGUSR1",
                    .events_by_type = {{"map", 7}, {"200", 8}},
                    .events_chunks = 9,
                    .raw_bytes = 10,
                    .repaired = true,
                    .missing_chunks = 11};
  REQUIRE(*parse_end_info(to_json(end)) == end);
  REQUIRE(*parse_end_info(to_json(EndInfo{})) == EndInfo{});
}

TEST_CASE("unknown keys are ignored, missing ones keep their default") {
  REQUIRE(parse_meta("{}")->page_size == 4096);
  REQUIRE(parse_meta(R"({"release":"7.3","new":[{"a":[[[[1]]]]}]})")->release == "7.3");
  REQUIRE(parse_end_info("{}")->command_status == -1);
  REQUIRE(parse_meta(R"({"caches":[{"name":"x"},{},{},{"name":"fourth"}]})")->caches[0].name ==
          "x");
}

TEST_CASE("malformed JSON is an error that says what is wrong") {
  REQUIRE(parse_meta("").error().message == "header is not a JSON object");
  REQUIRE(parse_meta("[]").error().message == "header is not a JSON object");
  REQUIRE(parse_meta(R"({"release":)").error().message == "header is not a JSON object");
  REQUIRE(parse_end_info("3").error().message == "end is not a JSON object");
  const auto refused = [](const char* json) {
    const auto meta = parse_meta(json);
    return !meta && meta.error().code == ErrorCode::bad_trace;
  };
  REQUIRE(parse_meta(R"({"cpus":"2"})").error().message ==
          "header: value of \"cpus\" has the wrong type or is out of range");
  REQUIRE(refused(R"({"cpus":-1})"));
  REQUIRE(refused(R"({"cpus":1.5})"));
  REQUIRE(refused(R"({"release":1})"));
  REQUIRE(refused(R"({"truth":1})"));
  REQUIRE(refused(R"({"command":[1]})"));
  REQUIRE(refused(R"({"command":"x"})"));
  REQUIRE(refused(R"({"behaviours":["self_merge"]})"));
  REQUIRE(refused(R"({"caches":[{"objsize":4294967296}]})"));
  REQUIRE(refused("{\"release\":\"\xff\"}"));
  REQUIRE(refused(std::string(1 << 16, '[').c_str()));
}

TEST_CASE("behaviours are an object of booleans, and bounded") {
  Meta meta;
  REQUIRE(to_json(meta).find("behaviours") == std::string::npos);
  meta.behaviours = {{"self_merge", false}, {"a", true}};
  REQUIRE(to_json(meta) == R"({"behaviours":{"a":true,"self_merge":false}})");
  REQUIRE(parse_meta(R"({"behaviours":{"a":1,"b":true,"c":null,"d":{"e":true}}})")->behaviours ==
          Behaviours{{"b", true}});
  std::string json = R"({"behaviours":{"x":0)";
  for (int i = 0; i < 1000; ++i) json += ",\"n" + std::to_string(i) + "\":true";
  REQUIRE(parse_meta(json + "}}")->behaviours.size() == kMaxBehaviours);
}

TEST_CASE("a command that is not UTF-8 is stored readable") {
  Meta meta;
  meta.command = {"a\xff"};
  REQUIRE(parse_meta(to_json(meta))->command[0] == "a\xef\xbf\xbd");
}
