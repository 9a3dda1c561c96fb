// The kinds of operations by which costs are split.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace anonvma {

enum class OpKind : std::uint8_t {
#define OP_KIND(id) id,
#include "engine/slab/op_kinds.def"
#undef OP_KIND
  count
};
inline constexpr std::size_t kNumOpKinds = static_cast<std::size_t>(OpKind::count);
std::string_view op_kind_name(OpKind kind);

}  // namespace anonvma
