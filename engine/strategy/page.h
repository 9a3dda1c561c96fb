// The page of a design, written by its strategy: what the design is, how far the model goes, and
// which kernels run it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/kernel_facts.h"

namespace anonvma {

// A choice within one design: `strategy:key=value`.
struct Parameter {
  std::string_view key;
  std::span<const std::string_view> values;  // the first is the default
  std::string_view meaning;
};
// Values that differ from the default, by key.
using Parameters = std::vector<std::pair<std::string, std::string>>;

// The counters that an anon_vma of the design has for the vmas and the child anon_vmas that keep
// it.
enum class Counters : std::uint8_t {
  none,
  degree,  // one for both
  two,     // num_active_vmas and num_children
};

struct StrategyPage {
  // The text that `anonvma strategies NAME` prints.
  std::string_view idea;
  std::string_view price;
  std::string_view source;  // kernel commits with their subjects, or the posting
  // The model does this as the kernel does, object for object. A proposal names the design it
  // builds on.
  std::string_view same;
  std::string_view simplified;
  std::string_view ignored;
  std::span<const Parameter> parameters = {};
  // One line below each table that has the design. Proposals and ideas need it; it is empty for
  // designs of released kernels.
  std::string_view basis = {};
  Counters counters = Counters::none;
  // True if a kernel with these facts runs the design. Newer designs are asked first. nullptr: no
  // recorded kernel can run it, or none can be recognised.
  bool (*runs_in)(const KernelFacts& kernel) = nullptr;
};

// The value of `key`: as chosen, or the default that `page` names.
std::string_view parameter(const Parameters& chosen, const StrategyPage& page,
                           std::string_view key);

}  // namespace anonvma
