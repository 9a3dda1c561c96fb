// The payload of an events chunk: one column per field, coded as traces/FORMAT.md says. Both sides
// are driven by the fields() of the event structs, so a new event needs no line here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "engine/result.h"
#include "engine/trace/event.h"

namespace anonvma {

class ColumnEncoder {
 public:
  ColumnEncoder();
  ColumnEncoder(ColumnEncoder&&) noexcept;
  ColumnEncoder& operator=(ColumnEncoder&&) noexcept;
  ~ColumnEncoder();

  void add(const Event& event);
  std::uint32_t events() const;  // added since the last finish()
  std::size_t bytes() const;     // size of the columns so far, without the directory
  // The payload of the events added, valid until the next call. The encoder starts afresh.
  std::span<const std::byte> finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class ColumnDecoder {
 public:
  ColumnDecoder();
  ColumnDecoder(ColumnDecoder&&) noexcept;
  ColumnDecoder& operator=(ColumnDecoder&&) noexcept;
  ~ColumnDecoder();

  // Decodes one payload, for which the chunk header says `events` (at most kMaxChunkEvents). The
  // span is valid until the next call. An error delivers no event of this payload, and its message
  // is a bare clause.
  Result<std::span<const Event>> decode(std::span<const std::byte> payload, std::uint32_t events);
  std::uint64_t skipped() const;  // records of unknown types, over all calls
  // Events of the last good payload by type number, unknown types too.
  const std::array<std::uint32_t, 256>& counts() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace anonvma
