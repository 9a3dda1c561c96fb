#include <algorithm>
#include <unordered_map>

#include "engine/trace/column_coding.h"
#include "engine/trace/columns.h"

namespace anonvma {

using namespace columns;

struct ColumnEncoder::State {
  struct Column {
    ByteBuffer bytes;
    std::uint64_t previous = 0;
  };
  std::array<Column, kHeadColumns> head;
  std::array<std::array<Column, kMaxColumns>, kTypes> body;
  std::array<std::uint32_t, kTypes> counts{};
  std::uint32_t events = 0;
  std::vector<MmState> mms{MmState{}};  // in the order of first appearance, after "none"
  std::unordered_map<std::uint32_t, std::uint32_t> slots{{MmId::kNone, 0}};
  std::uint32_t current = 0;
  ByteBuffer payload;

  MmState& select(MmId mm) {
    if (mms[current].mm == mm) {
      put_varint(head[kMmRef].bytes, 0);
      return mms[current];
    }
    const auto [slot, fresh] = slots.try_emplace(mm.v, static_cast<std::uint32_t>(mms.size()));
    current = slot->second;
    put_varint(head[kMmRef].bytes, current + 1u);
    if (fresh) {
      put_number(head[kNewMm], mm.v);
      mms.push_back({mm});
    }
    return mms[current];
  }

  static void put_number(Column& column, std::uint64_t value) {
    put_varint(column.bytes, zigzag(value - std::exchange(column.previous, value)));
  }

  MmState& add_head(const EventHead& event, EventType type) {
    head[kType].bytes.push_back(static_cast<std::uint8_t>(type));
    put_number(head[kTime], event.time_ns);
    MmState& mm = select(event.mm);
    const auto tid_delta = static_cast<std::int32_t>(event.tid - std::exchange(mm.tid, event.tid));
    put_varint(head[kTid].bytes, zigzag(static_cast<std::uint64_t>(std::int64_t{tid_delta})));
    put_sparse(head[kSeq].bytes, event.seq, mm.seq);
    put_sparse(head[kMapCount].bytes, event.map_count, mm.map_count);
    return mm;
  }

  static void put(Column& column, Coding coding, std::uint64_t value, MmState& mm) {
    switch (coding) {
      case Coding::number:
        return put_number(column, value);
      case Coding::address:
        return put_address(column.bytes, value, mm.page);
      case Coding::bits:
        return put_varint(column.bytes, value ^ std::exchange(column.previous, value));
      case Coding::text:
        for (int i = 0; i < 8; ++i)
          column.bytes.push_back(static_cast<std::uint8_t>(value >> 8 * i));
    }
  }

  template <class Body>
  void add_body(const Body& event, MmState& mm) {
    auto* column = body[kIndexOf[static_cast<std::uint8_t>(Body::type)]].data();
    std::apply(
        [&](const auto&... f) { (put(*column++, f.coding, to_word(event.*f.member), mm), ...); },
        Body::fields());
  }

  template <class Visit>
  void each_column(Visit visit) {
    for (Column& column : head) visit(column);
    for (std::size_t type = 0; type < kTypes; ++type) {
      for (std::size_t i = 0; i < kColumnCount[type]; ++i) visit(body[type][i]);
    }
  }

  void put_directory() {
    put_varint(payload, kHeadColumns);
    for (const Column& column : head) put_varint(payload, column.bytes.size());
    put_varint(payload, kTypes - std::count(counts.begin(), counts.end(), 0u));
    for (unsigned number = 0; number < kIndexOf.size(); ++number) {
      const std::size_t type = kIndexOf[number];
      if (type == kUnknownType || counts[type] == 0) continue;
      put_varint(payload, number);
      put_varint(payload, counts[type]);
      put_varint(payload, kColumnCount[type]);
      for (std::size_t i = 0; i < kColumnCount[type]; ++i) {
        put_varint(payload, body[type][i].bytes.size());
      }
    }
  }

  // Columns are in the order of the directory, which is that of the type numbers.
  void put_columns() {
    const auto append = [this](Column& column) {
      payload.insert(payload.end(), column.bytes.begin(), column.bytes.end());
    };
    for (Column& column : head) append(column);
    for (const std::uint8_t type : kIndexOf) {
      if (type == kUnknownType) continue;
      for (std::size_t i = 0; i < kColumnCount[type]; ++i) append(body[type][i]);
    }
  }

  void reset() {
    each_column([](Column& column) {
      column.bytes.clear();
      column.previous = 0;
    });
    counts.fill(0);
    events = 0;
    mms.assign(1, MmState{});
    slots = {{MmId::kNone, 0}};
    current = 0;
  }
};

ColumnEncoder::ColumnEncoder() : state_(std::make_unique<State>()) {}
ColumnEncoder::ColumnEncoder(ColumnEncoder&&) noexcept = default;
ColumnEncoder& ColumnEncoder::operator=(ColumnEncoder&&) noexcept = default;
ColumnEncoder::~ColumnEncoder() = default;

std::uint32_t ColumnEncoder::events() const { return state_->events; }

std::size_t ColumnEncoder::bytes() const {
  std::size_t sum = 0;
  state_->each_column([&sum](const auto& column) { sum += column.bytes.size(); });
  return sum;
}

void ColumnEncoder::add(const Event& event) {
  MmState& mm = state_->add_head(event.head, type_of(event.body));
  std::visit([&](const auto& body) { state_->add_body(body, mm); }, event.body);
  ++state_->counts[event.body.index()];
  ++state_->events;
}

std::span<const std::byte> ColumnEncoder::finish() {
  state_->payload.clear();
  state_->put_directory();
  state_->put_columns();
  state_->reset();
  return std::as_bytes(std::span(state_->payload));
}

}  // namespace anonvma
