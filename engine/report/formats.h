// The formats behind render() and render_all().
#pragma once

#include <optional>
#include <string>

#include "engine/report/render.h"
#include "engine/report/rows.h"

namespace anonvma {

std::string render_text(const Comparison& comparison, const ReportOptions& options);
std::string render_markdown(const Comparison& comparison, const ReportOptions& options);
std::string render_lkml(const Comparison& comparison, const ReportOptions& options);
std::string render_csv(const Comparison& comparison, const ReportOptions& options);
std::string render_json(const Comparison& comparison, const ReportOptions& options);

// The sum of several traces, printed after their own blocks.
std::string sum_text(const Rows& sum, std::size_t traces, std::optional<double> at_s);
std::string sum_markdown(const Rows& sum, std::size_t traces, std::optional<double> at_s);
std::string sum_lkml(const Rows& sum, std::size_t traces, std::optional<double> at_s);
std::string sum_csv(const Rows& sum);
std::string sum_json(const Rows& sum, std::size_t traces, std::string_view baseline);

std::string csv_header();

}  // namespace anonvma
