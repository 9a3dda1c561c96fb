// Compares the kernel's map_count at the beginning of an operation with the model's.
//
// Same: the kernel's own number, compared at each write acquire that an event carries.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/trace/event.h"

namespace anonvma {

struct Layer;

// The first event whose recorded map_count differs from the model's.
struct Mismatch {
  std::uint64_t event = 0;  // index in the trace
  std::uint64_t time_ns = 0;
  std::uint32_t mm = 0;
  std::string comm;
  std::string operation;  // event type name
  std::uint64_t kernel = 0, model = 0;
  friend bool operator==(const Mismatch&, const Mismatch&) = default;
};

class MapCounts {
 public:
  // False if kernel and model differ.
  bool compare(Layer& layer, const Event& event, std::uint64_t index);

  std::uint64_t compared() const { return compared_; }
  std::uint64_t mismatches() const { return mismatches_; }
  const std::optional<Mismatch>& first() const { return first_; }

 private:
  std::uint64_t compared_ = 0;
  std::uint64_t mismatches_ = 0;
  std::optional<Mismatch> first_;
};

}  // namespace anonvma
