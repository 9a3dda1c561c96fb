// One comparison as text for people or as data for programs. Pure: equal values give equal bytes.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "engine/replay/result.h"
#include "engine/report/screen.h"

namespace anonvma {

// `brief` is the first screen, `text` is all of it.
enum class Format : std::uint8_t { text, brief, markdown, lkml, csv, json };
// Objects by holder: all mms with one comm or in one cgroup together, each mm, or all vmas with
// one name.
enum class By : std::uint8_t { nobody, comm, mm, name, cgroup };
std::string_view by_name(By by);  // "comm"

struct ReportOptions {
  Format format = Format::text;
  By by = By::nobody;
  std::size_t top = 10;   // number of holders with a line of their own
  bool in_depth = false;  // all details, for a single strategy
  Screen screen = {};     // of `brief`
};

// Renders one trace. A brief text has 24 lines and the columns of the screen, as long as nothing
// special was asked for. Text has at most 100 columns. lkml has 75 and is plain ASCII, to be pasted
// into a mail. With a single row there is nothing to compare, so the columns of changes are left
// out. CSV has a header line; JSON is the schema "anonvma.compare/1" of cmd/README.md; both end
// with a newline.
std::string render(const Comparison& comparison, const ReportOptions& options);

// Renders several traces: a block each, then their sum.
std::string render_all(std::span<const Comparison> comparisons, const ReportOptions& options);

// The findings of `verify`, lane by lane, and the first differences. The comparison has a verdict.
std::string render_verdict_text(const Comparison& comparison);
// The same in at most 24 lines.
std::string render_verdict_brief(const Comparison& comparison, const Screen& screen);
// The schema "anonvma.verify/1"; ends with a newline.
std::string render_verdict_json(const Comparison& comparison);
// The reason why there is nothing to verify, as a clause; empty where there is a verdict.
std::string_view unverified_reason(const Comparison& comparison);
// The verdict in a few words, and as one word: "objects" (every lane is equal), "map_count" (the
// same for a trace without the truth lane), "differs", "no" (nothing to compare).
std::string verdict_words(const Comparison& comparison);
std::string_view verdict_name(const Comparison& comparison);

}  // namespace anonvma
