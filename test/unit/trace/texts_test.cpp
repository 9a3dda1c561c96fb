// Texts: what was cut into pieces is whole again, and nothing in a file is trusted.
#include "engine/trace/texts.h"

#include <random>

#include "engine/trace/text.h"
#include "test/catch.h"

namespace anonvma::test {
namespace {

constexpr TextKind kName = TextKind::vma_name;

std::string complaints(Texts& texts, std::string_view lines) {
  const auto events = parse_text(lines);
  if (!events) FAIL(events.error().message);
  std::string all;
  for (const Event& event : *events) {
    const std::string_view why = texts.take(std::get<Text>(event.body));
    all += std::string(why.empty() ? "ok" : why) + "\n";
  }
  return all;
}
std::string complaints(std::string_view lines) {
  Texts texts;
  return complaints(texts, lines);
}

}  // namespace

TEST_CASE("a text of any length is its pieces", "[texts]") {
  Texts texts;
  std::uint64_t id = 0;
  for (const std::size_t length : {0, 1, 8, 31, 32, 33, 64, 80, 100, 4095, 4096}) {
    CAPTURE(length);
    std::string text;
    for (std::size_t i = 0; i < length; ++i) text.push_back(static_cast<char>(1 + i * 7 % 255));
    const std::vector<Text> pieces = text_pieces(kName, ++id, text);
    REQUIRE(pieces.size() == std::max<std::size_t>(1, (length + 31) / 32));
    for (const Text& piece : pieces) {
      REQUIRE(texts.find(kName, id) == std::nullopt);
      REQUIRE(texts.take(piece) == "");
      // Each piece survives the text form.
      REQUIRE(parse_text(format_text({{}, piece}))->at(0).body == EventBody{piece});
    }
    REQUIRE(texts.find(kName, id) == text);
    REQUIRE(texts.find(TextKind::cgroup, id) == std::nullopt);
    REQUIRE_FALSE(texts.open());
  }
}

TEST_CASE("a text ends at its first NUL and at the limit", "[texts]") {
  CHECK(text_pieces(kName, 1, std::string_view("ab\0cd", 5)) == text_pieces(kName, 1, "ab"));
  CHECK(text_pieces(kName, 1, std::string(5000, 'x')) ==
        text_pieces(kName, 1, std::string(4096, 'x')));
}

TEST_CASE("a short text is one line of dump", "[texts]") {
  const Event event{{}, text_pieces(TextKind::cgroup, 3, "/a b").at(0)};
  CHECK(format_text(event) == R"(0.000000000 text kind=2 id=3 length=4 text=/a\x20b)");
}

TEST_CASE("a piece that is no part of a text is not used", "[texts]") {
  const std::string first = "text kind=1 id=1 length=34 text=0123456789abcdef0123456789abcdef\n";
  const std::string second = "text kind=1 id=1 length=34 offset=32 text=xy\n";
  CHECK(complaints(first + second) == "ok\nok\n");
  CHECK(complaints(second) == "a piece of it does not follow the one before\n");
  CHECK(complaints(first + second + second) ==
        "ok\nok\na piece of it does not follow the one before\n");
  CHECK(complaints(first + "text kind=1 id=2 length=34 offset=32 text=xy\n") ==
        "ok\na piece of it does not follow the one before\n");
  CHECK(complaints(first + "text kind=2 id=1 length=34 offset=32 text=xy\n") ==
        "ok\na piece of it does not follow the one before\n");
  CHECK(complaints(first + "text kind=1 id=1 length=35 offset=32 text=xyz\n") ==
        "ok\na piece of it does not follow the one before\n");
  CHECK(complaints(first + first + second) == "ok\nthe text before it is not whole\nok\n");
  CHECK(complaints("text kind=1 length=1 text=x\n") == "0 is no id\n");
  CHECK(complaints("text kind=1 id=1 length=4097 text=x\n") == "it is longer than 4096 bytes\n");
  CHECK(complaints("text kind=1 id=1 length=1 offset=32 text=x\n") ==
        "a piece lies outside of it\n");
  CHECK(complaints("text kind=1 id=1 length=64 offset=1 text=x\n") ==
        "a piece lies outside of it\n");
  for (const char* bytes :
       {"length=2 text=x", "length=1 text=xy", "length=3 text=x\\x00y", "text=x"})
    CHECK(complaints(std::string("text kind=1 id=1 ") + bytes + "\n") ==
          "its bytes are not those of a text of its length\n");
}

TEST_CASE("of two texts of one id the first counts", "[texts]") {
  Texts texts;
  CHECK(complaints(texts,
                   "text kind=1 id=1 length=1 text=x\n"
                   "text kind=1 id=1 length=1 text=x\n"
                   "text kind=1 id=1 length=1 text=y\n") ==
        "ok\nok\nits id has another text already\n");
  CHECK(texts.find(kName, 1) == "x");
}

TEST_CASE("a kind of a newer file is a text like others", "[texts]") {
  Texts texts;
  CHECK(complaints(texts, "text kind=77 id=1 length=1 text=x\n") == "ok\n");
  CHECK(texts.find(77, 1) == "x");
  CHECK(texts.find(kName, 1) == std::nullopt);
}

TEST_CASE("texts have a limit, and what lies behind it is refused", "[texts]") {
  Texts texts;
  const std::string text(4096, 'x');
  std::uint64_t id = 0;
  std::string_view why;
  while (why.empty())
    for (const Text& piece : text_pieces(kName, id + 1, text))
      if (why = texts.take(piece); piece.offset == 4064) ++id;
  CHECK(why == Texts::kFull);
  CHECK(id > Texts::kMaxBytes / 4096 * 9 / 10);
  CHECK(id <= Texts::kMaxBytes / 4096);
  CHECK(texts.find(kName, id) == std::nullopt);
  CHECK(texts.find(kName, id - 1) == text);
}

TEST_CASE("any pieces in any order are survived", "[texts]") {
  std::mt19937_64 random(3);
  Texts texts;
  const std::vector<Text> pieces = text_pieces(kName, 1, std::string(100, 'y'));
  for (int i = 0; i < 20000; ++i) {
    Text piece = pieces[random() % pieces.size()];
    piece.id = random() % 50;
    if (random() % 4 == 0) piece.length = random() % 200;
    if (random() % 4 == 0) piece.bytes_3 = random();
    texts.take(piece);
  }
  texts.each([](std::uint64_t, std::uint64_t, std::string_view text) {
    CHECK(text.find('\0') == text.npos);
  });
}

}  // namespace anonvma::test
