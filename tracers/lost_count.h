// Records that did not fit into the ring, as the BPF programs count them.
#pragma once

#include <cstdint>

namespace anonvma {

struct LostCount {
  std::uint32_t kind = 0;
  std::uint32_t cpu = 0;
  std::uint64_t count = 0;  // since the last read; 0: another mm's loss concerns this mm
  std::uint64_t mm = 0;     // kernel address of the mm concerned; 0: none
  bool of_anybody = false;  // the mm was not noted: any mm may be concerned
};

}  // namespace anonvma
