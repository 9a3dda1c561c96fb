#include "engine/trace/writer.h"

#include <zstd.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "engine/trace/chunk_writer.h"
#include "engine/trace/columns.h"

namespace anonvma {
namespace {

constexpr int kZstdLevel = 3;
// The column sizes are summed up only every so many events, as that takes time: a chunk may exceed
// kWriterChunkBytes by the bytes of these events.
constexpr std::uint32_t kSizeCheckInterval = 256;

struct ContextDeleter {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

constexpr std::size_t kTypes = std::variant_size_v<EventBody>;
template <std::size_t... I>
EventCounts named(const std::array<std::uint64_t, kTypes>& counts, std::index_sequence<I...>) {
  EventCounts by_name;
  ((counts[I] != 0
        ? void(by_name[std::string(std::variant_alternative_t<I, EventBody>::name)] = counts[I])
        : void()),
   ...);
  return by_name;
}

}  // namespace

struct TraceWriter::State {
  ChunkWriter chunks;
  ColumnEncoder columns;
  std::unique_ptr<ZSTD_CCtx, ContextDeleter> zstd{ZSTD_createCCtx()};
  std::vector<std::byte> compressed;
  std::array<std::uint64_t, kTypes> by_type{};  // by index in EventBody
  bool finished = false;

  explicit State(Sink sink) : chunks(std::move(sink)) {}

  Payload compressed_if_smaller(std::span<const std::byte> raw) {
    Payload payload{raw, static_cast<std::uint32_t>(raw.size()), format::kStored};
    compressed.resize(ZSTD_compressBound(raw.size()));
    const std::size_t size = ZSTD_compressCCtx(zstd.get(), compressed.data(), compressed.size(),
                                               raw.data(), raw.size(), kZstdLevel);
    if (ZSTD_isError(size) || size >= raw.size()) return payload;
    payload.stored = std::span(compressed).first(size);
    payload.codec = format::kZstd;
    return payload;
  }

  Status write_events() {
    const std::uint32_t count = columns.events();
    if (count == 0) return ok();
    return chunks.events_chunk(compressed_if_smaller(columns.finish()), count);
  }

  Status write_end(EndInfo end) {
    end.events_by_type = named(by_type, std::make_index_sequence<kTypes>{});
    return chunks.finish(std::move(end));
  }
};

TraceWriter::TraceWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
TraceWriter::TraceWriter(TraceWriter&&) noexcept = default;
TraceWriter& TraceWriter::operator=(TraceWriter&&) noexcept = default;
TraceWriter::~TraceWriter() = default;

Result<TraceWriter> TraceWriter::create(Sink sink, const Meta& meta) {
  auto state = std::make_unique<State>(std::move(sink));
  if (Status status = state->chunks.start(0, to_json(meta)); !status) return status.error();
  return TraceWriter(std::move(state));
}

Status TraceWriter::add(const Event& event) {
  assert(!state_->finished);
  if (state_->chunks.failure()) return *state_->chunks.failure();
  state_->columns.add(event);
  ++state_->by_type[event.body.index()];
  const std::uint32_t count = state_->columns.events();
  const bool full =
      count == format::kMaxChunkEvents ||
      (count % kSizeCheckInterval == 0 && state_->columns.bytes() >= format::kWriterChunkBytes);
  return full ? state_->write_events() : ok();
}

Status TraceWriter::flush() {
  if (state_->chunks.failure()) return *state_->chunks.failure();
  return state_->write_events();
}

Status TraceWriter::finish(EndInfo end) {
  assert(!state_->finished);
  if (Status status = flush(); !status) return status;
  state_->finished = true;
  return state_->write_end(std::move(end));
}

std::uint64_t TraceWriter::events() const {
  return state_->chunks.events() + state_->columns.events();
}
std::uint64_t TraceWriter::bytes() const { return state_->chunks.bytes(); }

}  // namespace anonvma
