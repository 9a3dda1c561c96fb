// May this process load tracing programs?
#pragma once

#include <string>
#include <vector>

namespace anonvma {

// Names of the capabilities it lacks; empty: none.
std::vector<std::string> missing_capabilities();

}  // namespace anonvma
