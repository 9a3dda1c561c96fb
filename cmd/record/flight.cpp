#include "cmd/record/flight.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cmd/quantities.h"
#include "cmd/record/series.h"

namespace anonvma::cmd {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::size_t kLongestReason = 160;  // bytes
constexpr std::size_t kWriteAtOnce = 4u << 20;

}  // namespace

Flight::Flight(Options options, PartFiles::Options files, std::optional<SlabWatch> watch)
    : options_(std::move(options)), files_(std::move(files)), watch_(std::move(watch)) {}

void Flight::announce() {
  options_.say(fmt::format("flight recorder: keeps {} to {} or {}, writes on SIGUSR1",
                           time_text(options_.span_ns), time_text(2 * options_.span_ns),
                           size_text(options_.most_bytes)));
  if (watch_)
    for (const std::string& line : watch_->describe()) options_.say(line);
}

Status Flight::begin_part(const Meta& meta, std::uint64_t now_ns) {
  if (parts_++ == 0) {
    series_ = series_id(meta);
    announce();
  }
  Meta of_part = meta;
  of_part.series = series_;
  of_part.part = parts_;
  auto begun = std::make_unique<Segment>();
  begun->part = parts_;
  begun->began_ns = now_ns;
  Result<TraceWriter> writer = TraceWriter::create(
      [&segment = *begun](std::span<const std::byte> bytes) -> Status {
        segment.chunks.emplace_back(bytes.begin(), bytes.end());
        segment.bytes += bytes.size();
        return ok();
      },
      of_part);
  if (!writer) return writer.error();
  begun->writer.emplace(std::move(*writer));
  (current_ ? next_ : current_) = std::move(begun);
  return ok();
}

Status Flight::add(std::uint64_t part, const Event& event) {
  ++events_;
  return (part == current_->part ? current_ : next_)->writer->add(event);
}

std::uint64_t Flight::kept_bytes() const {
  std::uint64_t bytes = (current_ ? current_->bytes : 0) + (next_ ? next_->bytes : 0);
  for (const auto& segment : sealed_) bytes += segment->bytes;
  return bytes;
}

std::uint64_t Flight::bytes() const { return kept_bytes() + written_bytes_; }

Status Flight::tick(std::uint64_t now_ns) {
  if (now_ns - flushed_at_ > kSecond) {
    flushed_at_ = now_ns;
    if (const Status s = current_->writer->flush(); !s) return s;
  }
  if (watch_ && now_ns - watched_at_ > kSecond) {
    watched_at_ = now_ns;
    if (const auto passed = watch_->look()) trigger(*passed);
  }
  return write_some(kWriteAtOnce);
}

void Flight::trigger(std::string reason) {
  if (options_.once && triggers_ > 0) return;
  if (reason_.empty())
    reason_ = std::move(reason);
  else if (reason_.size() + reason.size() < kLongestReason)
    reason_ += "; " + reason;
}

bool Flight::wants_part(std::uint64_t now_ns) const {
  return !reason_.empty() || now_ns >= current_->began_ns + options_.span_ns ||
         current_->bytes >= options_.most_bytes / 2;
}

Status Flight::end_part(const EndInfo& end, std::uint64_t now_ns) {
  if (const Status s = current_->writer->flush(); !s) return s;
  current_->end = end;
  current_->end_ns = now_ns;
  sealed_.push_back(std::move(current_));
  current_ = std::move(next_);
  forget_oldest();
  const std::string reason = std::exchange(reason_, {});
  return reason.empty() ? ok() : release(reason);
}

// Drops the oldest segments while the others cover the requested time, or all are over the limit.
void Flight::forget_oldest() {
  const auto enough = [&] {
    std::uint64_t others_ns = 0;
    for (std::size_t i = 1; i < sealed_.size(); ++i) others_ns += sealed_[i]->span_ns();
    return others_ns >= options_.span_ns || kept_bytes() > options_.most_bytes;
  };
  while (sealed_.size() > 1 && enough()) sealed_.pop_front();
}

Status Flight::release(const std::string& reason) {
  ++triggers_;
  std::uint64_t span_ns = 0, bytes = 0;
  for (auto& segment : sealed_) {
    span_ns += segment->span_ns();
    bytes += segment->bytes;
    segment->end.trigger = reason;
    if (const Status s = segment->writer->finish(segment->end); !s) return s;
    writing_.push_back(std::move(segment));
  }
  sealed_.clear();
  options_.say(
      fmt::format("{}: writing the last {}, {}", reason, time_text(span_ns), size_text(bytes)));
  if (watch_) watch_->rebase();
  return ok();
}

// Writes only some bytes at a time, so that the ring is drained in between.
Status Flight::write_some(std::size_t bytes) {
  for (std::size_t done = 0; !writing_.empty() && done < bytes;) {
    Segment& segment = *writing_.front();
    if (!file_) {
      Result<OutputFile> file = files_.create(segment.part, options_.stamp());
      if (!file) return file.error();
      file_.emplace(std::move(*file));
    }
    if (segment.chunks_written < segment.chunks.size()) {
      std::vector<std::byte>& chunk = segment.chunks[segment.chunks_written++];
      if (const Status s = file_->write(chunk); !s) return s;
      done += chunk.size();
      written_bytes_ += chunk.size();
      chunk = {};
      continue;
    }
    if (const Status s = file_->close(); !s) return s;
    ++files_written_;
    last_path_ = file_->path();
    options_.say(fmt::format("{}: {} events, {}, {}", last_path_, segment.writer->events(),
                             size_text(segment.bytes), time_text(segment.span_ns())));
    file_.reset();
    writing_.pop_front();
    files_.prune();
  }
  return ok();
}

bool Flight::full() const { return options_.once && triggers_ > 0 && writing_.empty(); }

// Every part has ended, and a pending trigger was answered when the last one ended.
Status Flight::finish() {
  if (options_.at_end && !sealed_.empty())
    if (const Status s = release("the end of the recording"); !s) return s;
  return write_some(~std::size_t{0});
}

std::string Flight::written() const {
  if (files_written_ == 0) return "nothing written, as there was no trigger";
  return fmt::format("{} files for {} triggers, the last is {}", files_written_, triggers_,
                     last_path_);
}

}  // namespace anonvma::cmd
