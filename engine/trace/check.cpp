#include "engine/trace/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/trace/check_events.h"
#include "engine/trace/chunk_scan.h"
#include "engine/trace/columns.h"
#include "engine/trace/outline.h"

namespace anonvma {
namespace {

using Bytes = std::span<const std::byte>;

constexpr FindingInfo kKinds[] = {
#define FINDING(id, level, meaning) {#id, FindingLevel::level, meaning},
#include "engine/trace/check_kinds.def"
#undef FINDING
};
static_assert(std::size(kKinds) <= std::tuple_size_v<decltype(CheckResult::counts)>);

class Checker {
 public:
  Checker(Bytes file, const CheckOptions& options, const format::FileHeader& header)
      : file_(file), options_(options) {
    result_.compat = header.compat & ~format::kKnownCompat;
  }
  Result<CheckResult> run();

 private:
  void add(Finding finding);
  void find(FindingKind kind, std::uint64_t offset, std::string what) {
    add({kind, place_, offset, {}, std::move(what)});
  }
  void find(FindingKind kind, const Error& error) { find(kind, error.offset, error.message); }
  Status read_header(const Piece& piece);
  void check_chunk(const Chunk& chunk);
  void check_numbers(const Chunk& chunk);
  void check_events(const Chunk& chunk);
  void check_end(const Chunk& chunk);
  void check_footer(const Chunk& chunk);
  void check_totals();

  Bytes file_;
  const CheckOptions& options_;
  CheckResult result_;
  ChunkDecoder payloads_;
  ColumnDecoder columns_;
  TraceHash hash_;
  std::optional<EventCheck> events_;
  std::uint64_t place_ = 0;  // of the current piece, among all chunks and gaps
  std::uint64_t next_chunk_ = 0, next_event_ = 0;  // expected numbers of the next chunk
  std::uint64_t events_chunks_ = 0, raw_bytes_ = 0, end_offset_ = 0;
  std::array<std::uint64_t, 256> by_type_{};
  std::optional<EndInfo> end_;
  bool footer_seen_ = false, whole_ = true;
};

void Checker::add(Finding finding) {
  if (result_.counts[static_cast<std::size_t>(finding.kind)]++ < options_.most_of_a_kind)
    result_.findings.push_back(std::move(finding));
}

Status Checker::read_header(const Piece& piece) {
  if (!piece.chunk) return Error{ErrorCode::bad_trace, piece.what, piece.offset};
  Result<Meta> meta = read_meta(*piece.chunk);
  if (!meta) return meta.error();
  result_.meta = std::move(*meta);
  return ok();
}

// Numbers that jump mean that chunks are missing or out of place.
void Checker::check_numbers(const Chunk& chunk) {
  const format::ChunkHeader& header = chunk.header;
  if (header.sequence != next_chunk_ || header.first_event != next_event_) {
    find(FindingKind::sequence, chunk.offset,
         fmt::format("chunk {} of first event {} where chunk {} of first event {} should be",
                     header.sequence, header.first_event, next_chunk_, next_event_));
    whole_ = false;
    if (header.first_event != next_event_) events_->gap();
  }
  next_chunk_ = header.sequence + 1ull;
  next_event_ = header.first_event + header.event_count;
}

void Checker::check_chunk(const Chunk& chunk) {
  check_numbers(chunk);
  hash_.add(chunk.header);
  if (footer_seen_) find(FindingKind::misplaced, chunk.offset, "comes after the footer");
  if (chunk.header.kind != format::kEventsChunk && chunk.header.event_count != 0)
    find(FindingKind::misplaced, chunk.offset, "counts events and is no events chunk");
  switch (chunk.header.kind) {
    case format::kHeaderChunk:
      return find(FindingKind::misplaced, chunk.offset, "is a second header");
    case format::kEventsChunk:
      return check_events(chunk);
    case format::kEndChunk:
      return check_end(chunk);
    case format::kFooterChunk:
      return check_footer(chunk);
    default:
      ++result_.skipped_chunks;
  }
}

void Checker::check_events(const Chunk& chunk) {
  if (end_) find(FindingKind::misplaced, chunk.offset, "events come after the end chunk");
  events_->chunk_at(place_, chunk.offset);
  ++events_chunks_;
  raw_bytes_ += chunk.header.raw_bytes;
  const auto broken = [&](const Error& error) {
    find(FindingKind::payload, error);
    whole_ = false;
    events_->gap();
  };
  const Result<Bytes> payload = payloads_.decode(chunk);
  if (!payload) return broken(payload.error());
  const auto events = columns_.decode(*payload, chunk.header.event_count);
  if (!events) return broken(chunk.error(events.error().message));
  for (std::size_t type = 0; type < by_type_.size(); ++type)
    by_type_[type] += columns_.counts()[type];
  for (const Event& event : *events) events_->apply(event);
  if (options_.progress) options_.progress(events_->events(), chunk.next_offset());
}

void Checker::check_end(const Chunk& chunk) {
  if (end_) return find(FindingKind::misplaced, chunk.offset, "is a second end chunk");
  end_offset_ = chunk.offset;
  Result<EndInfo> end = read_end_info(chunk);
  if (!end) {
    find(FindingKind::payload, end.error());
    end_ = EndInfo{};
    whole_ = false;
    return;
  }
  end_ = std::move(*end);
  result_.repaired = end_->repaired;
}

void Checker::check_footer(const Chunk& chunk) {
  footer_seen_ = true;
  const Result<Footer> footer = parse_footer(chunk);
  if (!footer) return find(FindingKind::footer, footer.error());
  if (!whole_) return;  // its statements about missing chunks are no second finding
  const auto wrong = [&](std::string what) {
    find(FindingKind::footer, chunk.offset, std::move(what));
  };
  const format::FooterHead& head = footer->head;
  if (footer->offset != chunk.offset) wrong("it names another offset than its own");
  if (end_ && head.end_offset != end_offset_)
    wrong(fmt::format("end chunk at {:#x} instead of {:#x}", head.end_offset, end_offset_));
  if (head.events != next_event_)
    wrong(fmt::format("{} events instead of {}", head.events, next_event_));
  if (footer->hash && *footer->hash != hash_.value())
    wrong(fmt::format("hash {:016x} instead of {:016x}", *footer->hash, hash_.value()));
  if (const Status index = check_index(file_, *footer, events_chunks_); !index)
    wrong(index.error().message);
}

// Checks the end chunk's own numbers; numbers that early writers lacked are 0.
void Checker::check_totals() {
  const auto compare = [this](std::string_view what, std::uint64_t said, std::uint64_t counted) {
    if (said != counted)
      find(FindingKind::totals, end_offset_,
           fmt::format("{} {} instead of {}", said, what, counted));
  };
  compare("events", end_->events, next_event_);
  compare("lost", end_->lost, result_.lost);
  if (end_->events_chunks == 0) return;
  compare("events chunks", end_->events_chunks, events_chunks_);
  compare("decoded bytes", end_->raw_bytes, raw_bytes_);
  for (std::size_t type = 1; type < by_type_.size(); ++type) {
    const std::string_view name = name_of(static_cast<EventType>(type));
    if (name.empty()) continue;  // a newer writer has another name for it
    compare(name, count_of(end_->events_by_type, static_cast<std::uint8_t>(type)), by_type_[type]);
  }
}

Result<CheckResult> Checker::run() {
  ChunkScan scan(file_);
  std::optional<Piece> piece = scan.next();
  if (!piece) return Error{ErrorCode::bad_trace, "file ends inside a chunk", file_.size()};
  if (const Status read = read_header(*piece); !read) return read.error();
  events_.emplace(result_.meta.page_size, [this](Finding finding) { add(std::move(finding)); });
  const format::ChunkHeader& header = piece->chunk->header;
  if (header.sequence != 0 || header.first_event != 0)
    find(FindingKind::sequence, piece->offset, "the header's numbers are not 0");
  next_chunk_ = 1;
  hash_.add(header);
  for (place_ = 1; (piece = scan.next()); ++place_) {
    if (!piece->chunk) {
      find(FindingKind::no_chunk, piece->offset,
           fmt::format("{} ({} bytes)", piece->what, piece->bytes));
      whole_ = false;
      continue;
    }
    ++result_.chunks;
    check_chunk(*piece->chunk);
  }
  ++result_.chunks;  // the header
  events_->finish(end_ || footer_seen_ ? FileEnd::whole : FileEnd::cut);
  result_.events = events_->events();
  result_.lost = events_->lost();
  result_.softened = events_->softened();
  result_.undecided = events_->undecided();
  if (!end_) find(FindingKind::no_end, file_.size(), "file has no end chunk");
  if (!footer_seen_) find(FindingKind::no_end, file_.size(), "file has no footer");
  if (end_ && whole_) check_totals();
  result_.skipped_records = columns_.skipped();
  result_.hash = fmt::format("{:016x}", hash_.value());
  return std::move(result_);
}

}  // namespace

std::span<const FindingInfo> finding_kinds() { return kKinds; }
const FindingInfo& info_of(FindingKind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

std::uint64_t CheckResult::of(FindingLevel level) const {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < std::size(kKinds); ++i) {
    const bool container = kKinds[i].level == FindingLevel::container;
    if (container == (level == FindingLevel::container)) sum += counts[i];
  }
  return sum;
}
std::uint64_t CheckResult::all() const {
  return of(FindingLevel::container) + of(FindingLevel::event);
}

Result<CheckResult> check(Bytes file, const CheckOptions& options) {
  const Result<format::FileHeader> header = read_file_header(file);
  if (!header) return header.error();
  return Checker(file, options, *header).run();
}

}  // namespace anonvma
