#include "engine/report/screen.h"

#include "engine/report/grid.h"
#include "test/catch.h"

using namespace anonvma;

TEST_CASE("counts take five letters, and amounts have one unit") {
  CHECK(short_count(0) == "0");
  CHECK(short_count(99'999) == "99999");
  CHECK(short_count(100'000) == "100k");
  CHECK(short_count(999'499) == "999k");
  CHECK(short_count(999'500) == "1.00M");
  CHECK(short_count(1'318'000) == "1.32M");
  CHECK(short_count(13'180'000) == "13.2M");
  for (std::uint64_t n = 1; n < ~0ull / 7; n *= 7) CHECK(short_count(n).size() <= 5);
  CHECK(short_count(~0ull) == "18.4E");
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1'234'567) == "1,234,567");

  const Screen screen;
  CHECK(amount_text(140'000, screen) == "136.7 KiB");
  CHECK(amount_text(3u << 20, screen) == "3072 KiB");
  CHECK(amount_text(1ull << 40, screen) == "1024 GiB");
  CHECK(amount_text(140'000, {.raw_bytes = true}) == "140000 bytes");
  CHECK(unit_for(20'000ull << 20, screen).name == "GiB");
}

TEST_CASE("colours are codes around a text, and take no width") {
  const Screen plain, colored{.color = true};
  CHECK(tinted("+3%", Tint::worse, plain) == "+3%");
  CHECK(tinted("+3%", Tint::worse, colored) == "\x1b[31m+3%\x1b[0m");
  CHECK(tinted("", Tint::worse, colored).empty());
  CHECK(tinted("x", Tint::plain, colored) == "x");
  CHECK(width_of(tinted("+3%", Tint::better, colored)) == 3);

  Grid grid({"name", "n"});
  grid.add({tinted("a", Tint::baseline, colored), tinted("10", Tint::better, colored)});
  grid.add({"bb", "9"});
  CHECK(grid.text() == "name   n\n\x1b[36ma\x1b[0m     \x1b[32m10\x1b[0m\nbb     9\n");
  CHECK(grid.least_columns() == 7);
}

TEST_CASE("paragraphs leave empty blocks out") {
  CHECK(paragraphs({"a\n", "", "b\n"}) == "a\n\nb\n");
  CHECK(paragraphs({}).empty());
}
