// The shared part of both sides of the column codec: tables made from fields(), and codings that
// are more than a varint. Included by column_encoder.cpp and column_decoder.cpp only.
#pragma once

#include <array>
#include <utility>

#include "engine/trace/event.h"
#include "engine/trace/varint.h"

namespace anonvma::columns {

inline constexpr std::size_t kTypes = std::variant_size_v<EventBody>;
inline constexpr std::size_t kMaxColumns = 11;
inline constexpr std::uint8_t kUnknownType = 0xff;
inline constexpr std::uint64_t kMaxFileTypes = 255, kMaxFileColumns = 64;

enum HeadColumn : std::size_t { kType, kTime, kMmRef, kNewMm, kTid, kSeq, kMapCount, kHeadColumns };

template <std::size_t I>
using BodyAt = std::variant_alternative_t<I, EventBody>;
template <std::size_t I>
constexpr std::size_t kColumnsOf = std::tuple_size_v<decltype(BodyAt<I>::fields())>;

template <std::size_t... I>
constexpr auto make_type_table(std::index_sequence<I...>) {
  std::array<std::uint8_t, 256> table{};
  table.fill(kUnknownType);
  ((table[static_cast<std::uint8_t>(BodyAt<I>::type)] = I), ...);
  return table;
}
template <std::size_t... I>
constexpr auto make_column_counts(std::index_sequence<I...>) {
  static_assert(((kColumnsOf<I> <= kMaxColumns) && ...));
  return std::array<std::size_t, kTypes>{kColumnsOf<I>...};
}
// Maps an event's number in files to its index in EventBody.
inline constexpr auto kIndexOf = make_type_table(std::make_index_sequence<kTypes>{});
inline constexpr auto kColumnCount = make_column_counts(std::make_index_sequence<kTypes>{});

template <class Body>
constexpr std::size_t address_columns() {
  return std::apply([](auto... f) { return (std::size_t{f.coding == Coding::address} + ... + 0); },
                    Body::fields());
}
template <std::size_t... I>
constexpr std::size_t all_address_columns(std::index_sequence<I...>) {
  return (address_columns<BodyAt<I>>() + ...);
}
// Address columns predict each other. A reader that does not know a new one would mispredict the
// others, so the set is closed: new fields code addresses as `number` (FORMAT.md, "Compatibility").
static_assert(all_address_columns(std::make_index_sequence<kTypes>{}) == 18);

// The state that codings keep for one mm within one chunk.
struct MmState {
  MmId mm;
  std::uint32_t tid = 0, seq = 0, map_count = 0;
  std::uint64_t page = 0;  // page of the mm's last address
};

inline constexpr std::uint64_t kPageMask = (1ull << 52) - 1;
inline constexpr std::uint64_t sign_extend_page(std::uint64_t page) {
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(page << 12) >> 12);
}

// Page deltas are short; machine pages above 4 KiB only cost zero bits. Zero and -errno are no
// addresses: they have a code of their own and leave the prediction alone.
inline void put_address(ByteBuffer& out, std::uint64_t value, std::uint64_t& last_page) {
  if (value + 4095 <= 8190) return put_varint(out, zigzag(value) << 2);  // 0, -errno
  const std::uint64_t low = value & 0xfff;
  const std::uint64_t delta = zigzag(sign_extend_page((value >> 12) - last_page));
  last_page = value >> 12;
  if (low == 0) return put_varint(out, delta << 1 | 1);
  put_varint(out, delta << 2 | 2);
  put_varint(out, low);
}

inline std::uint64_t get_address(Cursor& in, std::uint64_t& last_page, bool& bad) {
  const std::uint64_t code = in.varint(bad);
  if ((code & 3) == 0) return unzigzag(code >> 2);
  const std::uint64_t delta = code & 1 ? code >> 1 : code >> 2;
  last_page = (last_page + unzigzag(delta)) & kPageMask;
  const std::uint64_t low = code & 1 ? 0 : in.varint(bad);
  bad |= low > 0xfff;
  return last_page << 12 | low;
}

// seq and map_count: zero means "not read" and leaves the prediction alone.
inline void put_sparse(ByteBuffer& out, std::uint32_t value, std::uint32_t& last) {
  if (value == 0) return put_varint(out, 0);
  const auto delta = static_cast<std::int32_t>(value - std::exchange(last, value));
  put_varint(out, zigzag(static_cast<std::uint64_t>(std::int64_t{delta})) + 1);
}

inline std::uint32_t get_sparse(Cursor& in, std::uint32_t& last, bool& bad) {
  const std::uint64_t code = in.varint(bad);
  if (code == 0) return 0;
  bad |= code > 0x1'0000'0000;
  return last += static_cast<std::uint32_t>(unzigzag(code - 1));
}

}  // namespace anonvma::columns
