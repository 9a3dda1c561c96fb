// The keys of `anonvma top`.
#include "cmd/top/keys.h"
#include "test/catch.h"

namespace anonvma::cmd {
namespace {

constexpr std::size_t kDesigns = 3;

LiveView after(std::string_view keys, LiveView view = {}) {
  for (const char key : keys) press(key, view, kDesigns);
  return view;
}

}  // namespace

TEST_CASE("keys select a design, around both ends") {
  LiveView view;
  CHECK(press(kKeyUp, view, kDesigns).redraw);
  CHECK(view.design == 2);
  press(kKeyDown, view, kDesigns);
  CHECK(view.design == 0);
  CHECK(after("jj").design == 2);
}

TEST_CASE("keys change the owners") {
  CHECK(after("o").by == By::mm);
  CHECK(after("oo").by == By::comm);
  CHECK(after("s").sort == LiveSort::vmas);
  CHECK(after("sssss").sort == LiveSort::bytes);
  CHECK(after("r").reversed);
}

TEST_CASE("a filter is typed until Enter, and dropped by Escape") {
  LiveView view = after("/q c");
  CHECK(view.typing);
  CHECK(view.filter == "q c");  // no quit, no pause, no check
  press(kKeyBackspace, view, kDesigns);
  CHECK(view.filter == "q ");
  press(kKeyEnter, view, kDesigns);
  CHECK_FALSE(view.typing);
  CHECK(view.filter == "q ");
  press('/', view, kDesigns);
  press(kKeyEscape, view, kDesigns);
  CHECK(view.filter.empty());
  CHECK(after("/" + std::string(100, 'x')).filter.size() < 100);
  CHECK(after("/\x01\x7f").filter.empty());
}

TEST_CASE("only q quits, and c checks") {
  LiveView view;
  CHECK(press('q', view, kDesigns).quit);
  CHECK(press('c', view, kDesigns).check);
  CHECK_FALSE(press('x', view, kDesigns).redraw);
}

TEST_CASE("pages open and close, one at a time") {
  CHECK(after("?").help);
  CHECK_FALSE(after("??").help);
  const LiveView both = after("?d");
  CHECK(both.differences);
  CHECK_FALSE(both.help);
  LiveView view = after("?", {.filter = "x"});
  press(kKeyEscape, view, kDesigns);
  CHECK_FALSE(view.help);
  CHECK(view.filter == "x");
  press(kKeyEscape, view, kDesigns);
  CHECK(view.filter.empty());
}

TEST_CASE("a pause is on and off") {
  CHECK(after(" ").paused);
  CHECK_FALSE(after("  ").paused);
}

}  // namespace anonvma::cmd
