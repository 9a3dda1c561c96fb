// The first screen: the answer in at most 24 lines, for people at a terminal. Every number of it is
// also in the full text.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/report/render.h"
#include "engine/report/rows.h"

namespace anonvma {

// One strategy at one moment.
struct BriefRow {
  std::string strategy;
  bool baseline = false;
  std::uint64_t bytes = 0;
  std::vector<std::pair<CacheIndex, std::uint64_t>> objs;  // of every cache of the comparison
  std::uint64_t remap_entries = 0;
  std::uint64_t allocs = 0, locks = 0;    // of the whole trace
  std::optional<std::uint64_t> walk_p99;  // at the moment; none: nothing was faulted, or a sum
};

enum class BriefMoment : std::uint8_t { peak, at };
std::vector<BriefRow> brief_rows(const Comparison& comparison, BriefMoment moment);

// The colour of a change, which is plain where the change would be shown as 0.
Tint tint_of(Change change);

// The rows of several traces added up; all have the same strategies.
std::vector<BriefRow> add_up(std::span<const std::vector<BriefRow>> all);

// The table, and a sentence on each strategy that also holds something else.
std::string brief_table(const std::vector<BriefRow>& rows, const Screen& screen);

// The proof of a table: one line whether it is verified, lossless, and how exact the recorder was;
// further lines on everything that is not as it should be.
std::string proof_lines(const Comparison& comparison, const Screen& screen);
// One line: "make.trace: 3.8 s of 'make -j8' on 6.18.44 x86_64".
std::string subject_line(const Comparison& comparison, const Screen& screen);

std::string render_brief(const Comparison& comparison, const ReportOptions& options);
std::string render_brief_depth(const Comparison& comparison, const ReportOptions& options);
std::string sum_brief(std::span<const Comparison> comparisons, const ReportOptions& options);

}  // namespace anonvma
