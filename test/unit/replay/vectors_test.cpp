#include "engine/replay/vectors.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <string>

#include "test/catch.h"

namespace anonvma {
namespace {

std::string read_vectors(const char* name) {
  std::ifstream file(std::string(ANONVMA_SOURCE_DIR "/test/vectors/") + name, std::ios::binary);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

// One random life with the given operations and the expected rows.
std::string line(std::string_view ops, std::string_view rows) {
  return fmt::format(R"({{"strategy":"avc-3.0","seed":7,"ops":[{}],"expect":[{}],)"
                     R"("expect_fields":["anon_vma","anon_vma_chain"]}})",
                     ops, rows);
}
std::string error_of(std::string_view text) {
  const auto report = run_vectors(text);
  return report ? "no error" : report.error().message;
}

TEST_CASE("the hand-made vectors are met") {
  const auto report = run_vectors(read_vectors("vectors.json"));
  REQUIRE(report);
  INFO(report->first_mismatch);
  CHECK(report->mismatches == 0);
  CHECK(report->vectors == 24);
  CHECK(report->checkpoints >= 151);
  CHECK(report->checkpoints + report->skipped == 454);
}

TEST_CASE("the random vectors are met") {
  const auto report = run_vectors(read_vectors("vectors_random.jsonl"));
  REQUIRE(report);
  INFO(report->first_mismatch);
  CHECK(report->mismatches == 0);
  CHECK(report->vectors == 200);
  CHECK(report->checkpoints >= 9680);
  CHECK(report->checkpoints + report->skipped == 24200);
}

// mm 1 exits first, but its child holds its context.
TEST_CASE("vectors can name contexts") {
  const auto report = run_vectors(
      R"({"strategy":"cow-context","ops":["M 0 0 -1 -1 10 14 3","K 0 1 1 -1","K 1 2 2 -1","U 1",)"
      R"("P","U 2","P"],"expect_fields":["cow_context","cow_context_allocs"],)"
      R"("expect":[[3,3],[1,3]]})");
  REQUIRE(report);
  CHECK(report->checkpoints == 2);
  CHECK(report->mismatches == 0);
}

TEST_CASE("an altered vector is a mismatch, told in full") {
  const std::string ops = R"("M 0 0 -1 -1 10 14 3","P","F 0","K 0 1 1 -1","P")";
  const auto good = run_vectors(line(ops, "[0,0],[2,3]"));
  REQUIRE(good);
  CHECK(*good == VectorReport{.vectors = 1,
                              .checkpoints = 2,
                              .mismatches = 0,
                              .skipped = 0,
                              .skipped_strategies = {},
                              .first_mismatch = ""});
  const auto altered = run_vectors(line(ops, "[0,0],[2,4]"));
  REQUIRE(altered);
  CHECK(altered->mismatches == 1);
  CHECK(altered->first_mismatch ==
        "seed 7, strategy avc-3.0, checkpoint 2\n"
        "  anon_vma               expected        2, got        2\n"
        "  anon_vma_chain         expected        4, got        3  <-");
}

TEST_CASE("one altered number of a hand-made file is found") {
  std::string text = read_vectors("vectors.json");
  const auto from = text.find("\"avc-3.0\"", text.find("T13_chain100"));
  const auto at = text.find("\"anon_vma_chain_allocs\": 5050", from);
  REQUIRE(at != std::string::npos);
  text[text.find("5050", at) + 3] = '1';
  const auto report = run_vectors(text);
  REQUIRE(report);
  CHECK(report->mismatches == 1);
  CHECK_THAT(report->first_mismatch, ContainsSubstring("T13_chain100_last_alive"));
}

TEST_CASE("strategies that are not registered are skipped and named") {
  std::string text = line(R"("P","P")", "[0,0],[0,0]");
  text.replace(text.find("avc-3.0"), 7, "avc-9.9");
  const auto report = run_vectors(text + "\n\n" + line("", ""));
  REQUIRE(report);
  CHECK(report->vectors == 2);
  CHECK(report->checkpoints == 0);
  CHECK(report->skipped == 2);
  CHECK(report->skipped_strategies == std::vector<std::string>{"avc-9.9"});
}

TEST_CASE("bad vectors are errors with a reason") {
  const char* const kMap = R"("M 0 0 -1 -1 10 14 3",)";
  struct Bad {
    std::string ops, reason;
  };
  for (const Bad& bad : {
           Bad{R"("X 1")", "no such operation"},
           Bad{R"("")", "no such operation"},
           Bad{R"("F")", "field 1 is missing"},
           Bad{R"("F 1x")", "field 1 is missing or no number"},
           Bad{R"("F 99999999999999999999")", "no number from -1"},
           Bad{R"("F 0 0")", "more than 1 fields"},
           Bad{R"("F 7")", "there is no vma 7"},
           Bad{R"("F -1")", "there is no vma -1"},
           Bad{R"("U -2")", "no number from -1"},
           Bad{R"("M -1 0 -1 -1 10 14 3")", "vma id -1"},
           Bad{R"("M 99999999 0 -1 -1 10 14 3")", "not in 0..2^20"},
           Bad{R"("M 0 0 -1 -1 14 14 3")", "the range is empty"},
           Bad{R"("M 0 -1 -1 -1 10 14 3")", "negative"},
           Bad{kMap + std::string(R"("M 0 0 0 -1 20 24 3")"), "vma 0 is used"},
           Bad{kMap + std::string(R"("M 1 1 0 -1 20 24 3")"), "in another mm"},
           Bad{kMap + std::string(R"("M 1 0 0 -1 12 24 3")"), "not between"},
           Bad{kMap + std::string(R"("M 1 0 0 0 20 24 3")"), "no neighbours"},
           Bad{kMap + std::string(R"("S 0 1 10 1")"), "not inside"},
           Bad{kMap + std::string(R"("S 0 1 -1 1")"), "not inside"},
           Bad{kMap + std::string(R"("S 0 1 12 2")"), "below"},
           Bad{kMap + std::string(R"("G 0 0")"), "no neighbours"},
           Bad{kMap + std::string(R"("M 1 0 0 -1 16 18 3","G 0 1")"), "not adjacent"},
           Bad{kMap + std::string(R"("C 0 1 -1 0 -1")"), "start is negative"},
           Bad{kMap + std::string(R"("C 0 1 12 0 -1")"), "not between"},
           Bad{kMap + std::string(R"("K 0 1 0 0")"), "no other mm"},
           Bad{kMap + std::string(R"("K 0 1 -1 -1")"), "no other mm"},
           Bad{kMap + std::string(R"("U 0","U 0")"), "there is no vma 0"},
       }) {
    INFO(bad.ops);
    CHECK_THAT(error_of(line(bad.ops, "")), ContainsSubstring(bad.reason));
    CHECK_THAT(error_of(line(bad.ops, "")), ContainsSubstring("line 1: seed 7: operation"));
  }
}

TEST_CASE("bad files are errors with a reason") {
  CHECK(error_of("") == "the file is empty");
  CHECK_THAT(error_of("no json"), ContainsSubstring("line 1: no JSON"));
  CHECK_THAT(error_of(line("", "") + "\n{\"strategy\":"), ContainsSubstring("line 2: no JSON"));
  CHECK_THAT(error_of("{}"), ContainsSubstring("\"strategy\" is missing"));
  CHECK_THAT(error_of("[]"), ContainsSubstring("no object"));
  CHECK_THAT(error_of(R"({"vectors":3})"), ContainsSubstring("no list"));
  CHECK_THAT(error_of(R"({"vectors":[3]})"), ContainsSubstring("vector 1: it is no object"));
  CHECK_THAT(error_of(R"({"vectors":[{"name":"a","ops":["P"],"checkpoints":[]}]})"),
             ContainsSubstring("1 operations P, but numbers for 0"));
  CHECK_THAT(error_of(R"({"vectors":[{"name":"a","ops":["P"],"checkpoints":[3]}]})"),
             ContainsSubstring("\"expect\""));
  CHECK_THAT(error_of(line(R"("P")", "[1]")), ContainsSubstring("a row"));
  CHECK_THAT(error_of(line(R"("P")", "[1,-1]")), ContainsSubstring("no count"));
  CHECK_THAT(error_of(line(R"("P")", "")), ContainsSubstring("numbers for 0"));
  CHECK_THAT(error_of(line("1", "")), ContainsSubstring("no text"));
}

TEST_CASE("a cut vector file is an error or fewer vectors, never a crash") {
  const std::string text =
      line(R"("M 0 0 -1 -1 10 14 3","F 0","P")", "[1,1]") + "\n" + line(R"("P")", "[0,0]");
  for (std::size_t n = 0; n < text.size(); ++n) {
    const auto report = run_vectors(std::string_view(text).substr(0, n));
    if (report) CHECK(report->vectors <= 1);
  }
}

}  // namespace
}  // namespace anonvma
