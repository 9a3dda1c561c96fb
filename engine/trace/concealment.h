// The fate of each field of each event in a pseudonymous trace; see anonymize.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tuple>

#include "engine/trace/event.h"

namespace anonvma {

// The fate of one field.
enum class Concealed : std::uint8_t {
  kept,
  tid,
  name,           // characters of a comm or of a text
  place,          // an address: moves; below 64 KiB it stays, where nothing is mapped
  place_or_none,  // the same; 0: no address
  result,         // the same, or -errno
  by_hand,        // see conceal_body()
};

struct ConcealmentRow {
  EventType type;
  std::string_view field;
  Concealed how;
};
inline constexpr auto kConcealment = [] {
  using enum Concealed;
  using T = EventType;
  return std::to_array<ConcealmentRow>({
      {T::map, "addr", by_hand},  // an address with MAP_FIXED, else a hint without effect
      {T::map, "len", by_hand},   // unchanged, unless the range ends where user addresses do
      {T::map, "prot", kept},
      {T::map, "map_flags", kept},
      {T::map, "vm_flags", kept},
      {T::map, "pgoff", by_hand},  // the file's; for anonymous memory an argument that is ignored
      {T::map, "file", kept},      // made up
      {T::map, "stored_file", kept},
      {T::map, "ops", kept},
      {T::map, "ret", result},
      {T::unmap, "addr", place},
      {T::unmap, "len", by_hand},
      {T::unmap, "ret", kept},
      {T::brk, "old_brk", place_or_none},
      {T::brk, "addr", place_or_none},  // 0 for brk(0), a query
      {T::brk, "vm_flags", kept},
      {T::brk, "ret", result},
      {T::protect, "addr", place},
      {T::protect, "len", by_hand},
      {T::protect, "prot", kept},
      {T::protect, "pkey", kept},
      {T::protect, "ret", kept},
      {T::advise, "addr", place},
      {T::advise, "len", by_hand},
      {T::advise, "advice", kept},
      {T::advise, "ret", kept},
      {T::lock, "addr", place},
      {T::lock, "len", by_hand},
      {T::lock, "op", kept},
      {T::lock, "flags", kept},
      {T::lock, "ret", kept},
      {T::lock, "vm_flags", kept},
      {T::lock, "locked", kept},
      {T::remap, "addr", place},
      {T::remap, "old_len", kept},
      {T::remap, "new_len", kept},
      {T::remap, "flags", kept},
      {T::remap, "new_addr", by_hand},  // without a flag that uses it: garbage of a register
      {T::remap, "ret", result},
      {T::remap, "stopped", by_hand},  // 0: not read, ~0: nothing is mapped there any more
      {T::seal, "addr", place},
      {T::seal, "len", by_hand},
      {T::seal, "ret", kept},
      {T::name, "addr", place},
      {T::name, "len", by_hand},
      {T::name, "vma_name", kept},  // the text itself becomes a pseudonym
      {T::name, "ret", kept},
      {T::fork, "child", kept},
      {T::fork, "child_tid", tid},
      {T::shared, "child_tid", tid},
      {T::exec, "old_mm", kept},
      {T::snapshot, "reason", kept},
      {T::snapshot, "nr_vmas", kept},
      {T::snapshot, "def_flags", kept},
      {T::snapshot, "brk", place_or_none},
      {T::snapshot, "tgid", tid},
      {T::snapshot, "comm", name},
      {T::snapshot, "start_brk", place_or_none},
      {T::snapshot, "by", kept},
      {T::snap_vma, "start", place},
      {T::snap_vma, "end", place},
      {T::snap_vma, "vm_flags", kept},
      {T::snap_vma, "pgoff", by_hand},
      {T::snap_vma, "file", kept},
      {T::snap_vma, "ops", kept},
      {T::snap_vma, "anon_vma", kept},
      {T::snap_vma, "nr_chain", kept},
      {T::snap_vma, "policy", kept},
      {T::snap_vma, "context", kept},
      {T::snap_vma, "vma_name", kept},
      {T::snap_chain, "anon_vma", kept},
      {T::snap_chain, "root", kept},
      {T::snap_chain, "parent", kept},
      {T::snap_chain, "num_children", kept},
      {T::snap_chain, "num_active_vmas", kept},
      {T::snap_chain, "refcount", kept},
      {T::fault, "addr", place},
      {T::fault, "flags", kept},
      {T::touch, "addr", place},
      {T::touch, "syscall", kept},
      {T::touch, "by", kept},
      {T::unknown_write, "syscall", kept},
      {T::lost, "count", kept},
      {T::lost, "kind", kept},
      {T::lost, "cpu", kept},
      {T::lost, "unnamed", kept},
      {T::truth, "cache", kept},
      {T::truth, "site", kept},
      {T::truth, "object", kept},  // made up
      {T::truth, "freed", kept},
      {T::truth, "in_exec", kept},
      {T::step, "copied", kept},
      {T::step, "unlinked", place_or_none},
      {T::text, "kind", kept},
      {T::text, "id", kept},
      {T::text, "length", by_hand},  // of the pseudonym
      {T::text, "offset", kept},     // the pseudonym has as many pieces
      {T::text, "text", name},
      {T::in_cgroup, "cgroup", kept},
      {T::new_anon_vma, "addr", place},
  });
}();

// The index of the row, or kConcealment.size() if there is none.
constexpr std::size_t concealment_of(EventType type, std::string_view field) {
  std::size_t i = 0;
  while (i < kConcealment.size() &&
         (kConcealment[i].type != type || kConcealment[i].field != field))
    ++i;
  return i;
}
template <class Body, std::size_t I>
constexpr Concealed concealed() {
  constexpr std::size_t row = concealment_of(Body::type, std::get<I>(Body::fields()).name);
  static_assert(row < kConcealment.size(), "kConcealment has to say what becomes of each field");
  return kConcealment[row].how;
}

}  // namespace anonvma
