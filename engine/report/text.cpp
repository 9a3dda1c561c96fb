// Aligned text and Markdown: the same tables, drawn differently.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/report/formats.h"
#include "engine/report/grid.h"
#include "engine/report/reach_lines.h"
#include "engine/report/tables.h"

namespace anonvma {
namespace {

std::string draw_text(const Table& table) { return draw(table, kTextColumns) + "\n"; }

std::string escaped(std::string_view cell) {
  std::string out;
  for (const char c : cell) {
    if (c == '|' || c == '<' || c == '*' || c == '_' || c == '`') out += '\\';
    out += c;
  }
  return out;
}

std::string markdown_line(const std::vector<std::string>& cells) {
  std::string line = "|";
  for (const std::string& cell : cells) line += fmt::format(" {} |", escaped(cell));
  return line + "\n";
}

std::string draw_markdown(const Table& table) {
  std::string text =
      fmt::format("### {}\n\n{}|:--|", escaped(table.title), markdown_line(table.header));
  for (std::size_t i = 1; i < table.header.size(); ++i) text += "--:|";
  text += "\n";
  for (const auto& cells : table.rows) text += markdown_line(cells);
  for (const std::string& note : table.notes) text += fmt::format("\n{}\n", escaped(note));
  return text + "\n";
}

std::vector<Table> all_tables(const Comparison& comparison, const Rows& all,
                              const ReportOptions& options) {
  std::vector<Table> tables = object_tables(all, comparison.at_s);
  const auto append = [&](std::vector<Table> more) {
    for (Table& table : more) tables.push_back(std::move(table));
  };
  append(cost_tables(comparison));
  if (options.in_depth)
    append(depth_tables(comparison));
  else if (Table slubs = slub_table(comparison); !slubs.rows.empty())
    tables.push_back(std::move(slubs));
  append(holder_tables(comparison, options));
  tables.push_back(map_count_table(comparison));
  return tables;
}

std::string text_footer(const Footer& lines) {
  std::string text;
  for (const auto& [label, words] : lines) text += labelled(label, words);
  return text;
}

std::string markdown_footer(const Footer& lines) {
  std::string text;
  for (const auto& [label, words] : lines)
    text += label.empty()
                ? fmt::format("; {}", escaped(words))
                : fmt::format("{}- {}: {}", text.empty() ? "" : "\n", label, escaped(words));
  return text + "\n";
}

}  // namespace

std::string draw(const Table& table, std::size_t columns) {
  Grid grid(table.header);
  for (const auto& cells : table.rows) grid.add(cells);
  std::string text = table.title + "\n" + grid.text(columns);
  for (const std::string& note : table.notes) text += wrapped(note, 0, 2, columns);
  return text;
}

std::string render_text(const Comparison& comparison, const ReportOptions& options) {
  const Rows all = rows(comparison);
  std::string text;
  if (comparison.rows.size() > 1) text = fmt::format("change: against {}\n\n", comparison.baseline);
  for (const Table& table : all_tables(comparison, all, options)) text += draw_text(table);
  if (const std::string reach = reach_lines(comparison); !reach.empty()) text += reach + "\n";
  const std::vector<std::string> anomalies = anomaly_lines(comparison, all);
  for (const std::string& line : anomalies) text += wrapped(line, 0, 2);
  if (!anomalies.empty()) text += "\n";
  return text + text_footer(footer(comparison, all));
}

std::string render_markdown(const Comparison& comparison, const ReportOptions& options) {
  const Rows all = rows(comparison);
  std::string text;
  if (comparison.rows.size() > 1)
    text = fmt::format("Change: against {}.\n\n", comparison.baseline);
  for (const Table& table : all_tables(comparison, all, options)) text += draw_markdown(table);
  if (const std::string reach = reach_lines(comparison); !reach.empty())
    text += fmt::format("```\n{}```\n\n", reach);
  for (const std::string& line : anomaly_lines(comparison, all)) text += escaped(line) + "\n\n";
  return text + markdown_footer(footer(comparison, all));
}

std::string sum_text(const Rows& sum, std::size_t traces, std::optional<double> at_s) {
  std::string text = fmt::format("sum of {} traces\n\n", traces);
  for (const Table& table : object_tables(sum, at_s)) text += draw_text(table);
  return text + wrapped(kSumOfPeaks, 0, 2);
}

std::string sum_markdown(const Rows& sum, std::size_t traces, std::optional<double> at_s) {
  std::string text = fmt::format("## Sum of {} traces\n\n", traces);
  for (const Table& table : object_tables(sum, at_s)) text += draw_markdown(table);
  return text + std::string(kSumOfPeaks) + "\n";
}

}  // namespace anonvma
