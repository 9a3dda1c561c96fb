#include "engine/report/live_screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/report/fitted_table.h"
#include "engine/report/grid.h"
#include "engine/report/live_lines.h"
#include "engine/report/live_tables.h"

namespace anonvma {
namespace {

constexpr std::string_view kKeys =
    "? help  q quit  space pause  up/down design  s sort  o owners  / filter  c check";

struct Key {
  const char *key, *meaning;
};
constexpr Key kHelp[] = {{"q", "quit"},
                         {"space", "pause the screen; recording goes on, and so do all numbers"},
                         {"up, down", "select a design: its caches and owners are shown"},
                         {"o", "owners by comm, or by mm"},
                         {"s, r", "sort owners by KB, vmas, chains, anon_vmas or name; reverse"},
                         {"/", "only owners whose name has a text; Enter ends it, Escape drops it"},
                         {"c", "check now: walk all address spaces and compare"},
                         {"d", "the first differences between kernel and model, if there are any"},
                         {"?", "this page, and back"}};

// The lines of a screen, as long as there is room.
class Lines {
 public:
  Lines(std::size_t columns, std::size_t lines) : columns_(columns), most_(lines) {}
  void add(std::string text, LineStyle style = LineStyle::plain) {
    if (lines_.size() < most_) lines_.push_back({cut_off(std::move(text), columns_), style});
  }
  void gap() {
    if (!lines_.empty()) add("");
  }
  // The first line is a header; line `selected` of the others is marked.
  void table(std::vector<std::string> rows, std::size_t selected = ~std::size_t{0}) {
    for (std::size_t i = 0; i < rows.size(); ++i)
      add(std::move(rows[i]), i == 0              ? LineStyle::header
                              : i - 1 == selected ? LineStyle::selected
                                                  : LineStyle::plain);
  }
  std::size_t columns() const { return columns_; }
  std::size_t room() const { return most_ - lines_.size(); }
  void fill(std::size_t until) {
    while (lines_.size() < until) lines_.push_back({});
  }
  std::vector<ScreenLine> take() { return std::move(lines_); }

 private:
  std::size_t columns_, most_;
  std::vector<ScreenLine> lines_;
};

void add_head(Lines& screen, const LiveFrame& frame, const LiveView& view) {
  screen.add(title_line(frame, view.paused), LineStyle::title);
  screen.add(rates_line(frame), frame.lost > 0 ? LineStyle::bad : LineStyle::plain);
  const CheckLine check = check_line(frame);
  screen.add(check.text, check.style);
  for (const std::string& note : start_notes(frame)) screen.add(note, LineStyle::dim);
}

void add_owners(Lines& screen, const LiveFrame& frame, const LiveView& view) {
  if (screen.room() < 3) return;
  screen.gap();
  screen.add(owners_line(frame, view), LineStyle::dim);
  const LiveOwners owners = live_owners(frame, view);
  screen.table(owner_table(owners, view.by, screen.room() - 1, screen.columns()));
}

void add_help(Lines& screen) {
  screen.gap();
  for (const Key& key : kHelp) screen.add(fmt::format("  {:<10} {}", key.key, key.meaning));
  screen.gap();
  for (const std::string_view line : kMeanings) screen.add(std::string(line), LineStyle::dim);
}

std::string last_line(const LiveView& view) {
  if (view.typing) return fmt::format("filter: {}_", printable(view.filter));
  return view.message.empty() ? std::string(kKeys) : view.message;
}

std::vector<ScreenLine> too_small(std::size_t columns) {
  return {{cut_off(fmt::format("{} columns and {} lines are needed", kLeastColumns, kLeastLines),
                   columns),
           LineStyle::bad}};
}

}  // namespace

std::vector<ScreenLine> live_screen(const LiveFrame& frame, const LiveView& view,
                                    std::size_t columns, std::size_t lines) {
  if (columns < kLeastColumns || lines < kLeastLines) return too_small(columns);
  const std::size_t body = view.keys ? lines - 1 : lines;
  const std::size_t design = std::min(view.design, frame.now.designs.size() - 1);
  Lines screen(columns, body);
  add_head(screen, frame, view);
  if (view.help) {
    add_help(screen);
  } else if (view.differences) {
    screen.gap();
    for (const std::string& line : difference_lines(frame, columns)) screen.add(line);
  } else {
    screen.gap();
    screen.table(design_table(frame, columns), design);
    for (const std::string& note : design_notes(frame)) screen.add(note, LineStyle::dim);
    screen.table(cache_table(frame, design, columns));
    add_owners(screen, frame, view);
  }
  screen.fill(body);
  std::vector<ScreenLine> all = screen.take();
  if (view.keys) all.push_back({cut_off(last_line(view), columns), LineStyle::title});
  return all;
}

std::string live_text(const LiveFrame& frame, const LiveView& view, std::size_t owners) {
  constexpr std::size_t kColumns = 100, kEnough = 1000;
  Lines screen(kColumns, kEnough);
  add_head(screen, frame, view);
  screen.gap();
  screen.table(design_table(frame, kColumns));
  for (const std::string& note : design_notes(frame)) screen.add(note);
  for (std::size_t d = 0; d < frame.now.designs.size(); ++d) {
    screen.gap();
    screen.table(cache_table(frame, d, kColumns));
  }
  if (frame.holders) {
    screen.gap();
    screen.add(owners_line(frame, view));
    screen.table(owner_table(live_owners(frame, view), view.by, owners, kColumns));
  }
  std::string text;
  for (const ScreenLine& line : screen.take()) text += line.text + "\n";
  return text;
}

}  // namespace anonvma
