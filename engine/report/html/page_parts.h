// Texts that CMake puts into the program.
#pragma once

#include <string_view>

namespace anonvma::page_parts {

extern const std::string_view kHtml, kStyle, kScript;                    // of this folder
extern const std::string_view kChartScript, kChartStyle, kChartLicence;  // empty: not found

}  // namespace anonvma::page_parts
