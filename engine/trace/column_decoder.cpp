#include <algorithm>

#include "engine/trace/column_coding.h"
#include "engine/trace/columns.h"
#include "engine/trace/format.h"

namespace anonvma {

using namespace columns;

struct ColumnDecoder::State {
  struct Column {
    Cursor in;
    std::uint64_t previous = 0;
  };
  std::array<Column, kHeadColumns> head;
  std::array<std::array<Column, kMaxColumns>, kTypes> body;
  std::vector<MmState> mms;  // grows by the entries the file really holds
  std::uint32_t current = 0;
  bool bad = false;
  std::vector<Event> events;
  std::uint64_t skipped = 0;

  // One column: its length in the directory, and then its place.
  struct Extent {
    std::uint64_t length = 0;
    Cursor* target = nullptr;  // null: a column that this build does not know
  };
  std::vector<Extent> extents;
  std::array<std::uint32_t, 256> counts;

  bool read_directory(std::span<const std::byte> payload);
  bool read_extents(Cursor& in, std::uint64_t columns, std::span<Column> known);
  bool read_type(Cursor& in);
  bool place_columns(Cursor in);
  bool counts_match(std::uint32_t total) const;
  bool all_read() const;

  void read_head(EventHead& event);
  MmState& select_mm();

  std::uint64_t read_number(Column& column) {
    return column.previous += unzigzag(column.in.varint(bad));
  }

  template <class T>
  T narrow(std::uint64_t word) {
    if constexpr (!std::is_integral_v<T>) bad |= word > 0xffffffff;
    return from_word<T>(word);
  }

  template <class Body, std::size_t I>
  void read_field(Body& event, MmState& mm) {
    constexpr auto field = std::get<I>(Body::fields());
    constexpr std::size_t kIndex = kIndexOf[static_cast<std::uint8_t>(Body::type)];
    using T = std::remove_cvref_t<decltype(event.*field.member)>;
    Column& column = body[kIndex][I];
    if constexpr (field.coding == Coding::number) {
      event.*field.member = narrow<T>(read_number(column));
    } else if constexpr (field.coding == Coding::address) {
      event.*field.member = narrow<T>(get_address(column.in, mm.page, bad));
    } else if constexpr (field.coding == Coding::bits) {
      event.*field.member = narrow<T>(column.previous ^= column.in.varint(bad));
    } else {
      event.*field.member = narrow<T>(column.in.word(bad));
    }
  }

  template <std::size_t Type>
  static void read_body(State& state, EventBody& out) {
    auto& event = out.emplace<Type>();
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      [[maybe_unused]] MmState& mm = state.mms[state.current];
      (state.read_field<BodyAt<Type>, I>(event, mm), ...);
    }
    (std::make_index_sequence<kColumnsOf<Type>>{});
  }

  using ReadBody = void (*)(State&, EventBody&);
  template <std::size_t... I>
  static constexpr std::array<ReadBody, kTypes> body_readers(std::index_sequence<I...>) {
    return {&read_body<I>...};
  }

  std::size_t read_events(std::uint32_t count);
};

bool ColumnDecoder::State::read_extents(Cursor& in, std::uint64_t columns,
                                        std::span<Column> known) {
  if (columns > kMaxFileColumns) return false;
  for (std::uint64_t i = 0; i < columns; ++i) {
    extents.push_back({in.varint(bad), i < known.size() ? &known[i].in : nullptr});
  }
  return !bad;
}

bool ColumnDecoder::State::read_type(Cursor& in) {
  const std::uint64_t number = in.varint(bad), count = in.varint(bad), columns = in.varint(bad);
  if (number == 0 || number > 255 || count == 0 || count > format::kMaxChunkEvents) return false;
  if (counts[number] != 0) return false;
  counts[number] = static_cast<std::uint32_t>(count);
  const std::uint8_t type = kIndexOf[number];
  if (type == kUnknownType) return read_extents(in, columns, {});
  return read_extents(in, columns, std::span(body[type]).first(kColumnCount[type]));
}

bool ColumnDecoder::State::place_columns(Cursor in) {
  for (const Extent& extent : extents) {
    if (extent.length > static_cast<std::uint64_t>(in.end - in.at)) return false;
    if (extent.target) *extent.target = {in.at, in.at + extent.length};
    in.at += extent.length;
  }
  return in.exhausted();
}

bool ColumnDecoder::State::read_directory(std::span<const std::byte> payload) {
  head.fill({});
  body.fill({});
  counts.fill(0);
  extents.clear();
  mms.assign(1, MmState{});
  current = 0;
  bad = payload.empty();
  const auto* start = reinterpret_cast<const std::uint8_t*>(payload.data());
  Cursor in{start, start + payload.size()};
  if (!read_extents(in, in.varint(bad), head)) return false;
  const std::uint64_t types = in.varint(bad);
  if (types > kMaxFileTypes) return false;
  for (std::uint64_t i = 0; i < types && !bad; ++i) {
    if (!read_type(in)) return false;
  }
  return !bad && place_columns(in);
}

// Compares the type column with the directory, so that the loop need not check again.
bool ColumnDecoder::State::counts_match(std::uint32_t total) const {
  const Cursor& types = head[kType].in;
  if (static_cast<std::uint64_t>(types.end - types.at) != total) return false;
  std::array<std::uint32_t, 256> seen{};
  for (const std::uint8_t* at = types.at; at != types.end; ++at) ++seen[*at];
  return seen == counts;
}

MmState& ColumnDecoder::State::select_mm() {
  const std::uint64_t code = head[kMmRef].in.varint(bad);
  if (code == 0) return mms[current];
  if (code > mms.size() + 1) {
    bad = true;
    return mms[current];
  }
  current = static_cast<std::uint32_t>(code - 1);
  if (current == mms.size()) {
    const std::uint64_t id = read_number(head[kNewMm]);
    bad |= id > MmId::kNone;
    mms.push_back({MmId{static_cast<std::uint32_t>(id)}});
  }
  return mms[current];
}

void ColumnDecoder::State::read_head(EventHead& event) {
  event.time_ns = read_number(head[kTime]);
  MmState& mm = select_mm();
  event.mm = mm.mm;
  event.tid = mm.tid += static_cast<std::uint32_t>(unzigzag(head[kTid].in.varint(bad)));
  event.seq = get_sparse(head[kSeq].in, mm.seq, bad);
  event.map_count = get_sparse(head[kMapCount].in, mm.map_count, bad);
}

std::size_t ColumnDecoder::State::read_events(std::uint32_t count) {
  static constexpr auto kReaders = body_readers(std::make_index_sequence<kTypes>{});
  if (events.size() < count) events.resize(count);
  std::size_t known = 0;
  const std::uint8_t* types = head[kType].in.at;
  for (std::uint32_t i = 0; i < count; ++i) {
    Event& event = events[known];
    read_head(event.head);
    const std::uint8_t type = kIndexOf[types[i]];
    if (type == kUnknownType) continue;
    kReaders[type](*this, event.body);
    ++known;
  }
  return known;
}

bool ColumnDecoder::State::all_read() const {
  const auto read = [](const Column& column) { return column.in.exhausted(); };
  if (!std::all_of(head.begin() + kTime, head.end(), read)) return false;
  return std::all_of(body.begin(), body.end(), [&](const auto& columns) {
    return std::all_of(columns.begin(), columns.end(), read);
  });
}

ColumnDecoder::ColumnDecoder() : state_(std::make_unique<State>()) {}
ColumnDecoder::ColumnDecoder(ColumnDecoder&&) noexcept = default;
ColumnDecoder& ColumnDecoder::operator=(ColumnDecoder&&) noexcept = default;
ColumnDecoder::~ColumnDecoder() = default;

std::uint64_t ColumnDecoder::skipped() const { return state_->skipped; }
const std::array<std::uint32_t, 256>& ColumnDecoder::counts() const { return state_->counts; }

Result<std::span<const Event>> ColumnDecoder::decode(std::span<const std::byte> payload,
                                                     std::uint32_t events) {
  const auto damaged = [](const char* what) { return Error{ErrorCode::bad_trace, what}; };
  if (events > format::kMaxChunkEvents) return damaged("holds more events than the limit");
  if (!state_->read_directory(payload)) return damaged("column directory is malformed");
  if (!state_->counts_match(events)) return damaged("event counts contradict each other");
  const std::size_t known = state_->read_events(events);
  if (state_->bad || !state_->all_read()) return damaged("a column is malformed");
  state_->skipped += events - known;
  return std::span<const Event>(state_->events).first(known);
}

}  // namespace anonvma
