#include "engine/verify/words.h"

#include <fmt/format.h>

namespace anonvma {

std::string place(const AddressSpaces& spaces, const EventHead& head, std::uint64_t index,
                  std::string_view what) {
  return fmt::format("event {} ({:.6f} s), {} in mm {} ({})", index,
                     static_cast<double>(head.time_ns) / 1e9, what, head.mm.v,
                     spaces.comm(head.mm));
}

std::string objs_text(const ObjsByCache& objs) {
  return fmt::format("{} vma, {} avc, {} anon_vma", objs[kVmAreaStruct], objs[kAnonVmaChain],
                     objs[kAnonVma]);
}

}  // namespace anonvma
