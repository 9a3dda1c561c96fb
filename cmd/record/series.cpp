#include "cmd/record/series.h"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

namespace anonvma::cmd {
namespace {

constexpr std::uint64_t kFlushNs = 1'000'000'000;

}  // namespace

// FNV-1a over values that no two recordings have in common.
std::string series_id(const Meta& meta) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const unsigned char c :
       fmt::format("{} {} {}", meta.boot_id_hash, meta.start_unix_ns, getpid()))
    hash = (hash ^ c) * 0x100000001b3;
  return fmt::format("{:016x}", hash);
}

Result<std::unique_ptr<RecordingSeries>> RecordingSeries::create(PartFiles::Options options,
                                                                 Limits limits) {
  options.numbered = limits.rotates();
  std::unique_ptr<RecordingSeries> series(
      new RecordingSeries(PartFiles(std::move(options)), limits));
  Result<OutputFile> file = series->files_.create(1);
  if (!file) return file.error();
  series->first_path_ = file->path();
  series->current_ = std::make_unique<Part>(std::move(*file));
  return series;
}

Status RecordingSeries::begin_part(const Meta& meta, std::uint64_t now_ns) {
  const bool first = !current_->writer.has_value();
  Meta of_part = meta;
  if (first) series_ = series_id(meta);
  if (limits_.rotates()) of_part.series = series_, of_part.part = ended_ + (first ? 1 : 2);
  if (!first) {
    Result<OutputFile> file = files_.create(of_part.part);
    if (!file) return file.error();
    next_ = std::make_unique<Part>(std::move(*file));
  }
  Part& part = first ? *current_ : *next_;
  part.began_ns = now_ns;
  Result<TraceWriter> writer = TraceWriter::create(
      [&part](std::span<const std::byte> bytes) { return part.file.write(bytes); }, of_part);
  if (!writer) return writer.error();
  part.writer.emplace(std::move(*writer));
  return ok();
}

Status RecordingSeries::add(std::uint64_t part, const Event& event) {
  return (part == ended_ + 1 ? current_ : next_)->writer->add(event);
}

Status RecordingSeries::tick(std::uint64_t now_ns) {
  if (now_ns - flushed_at_ <= kFlushNs) return ok();
  flushed_at_ = now_ns;
  return current_->writer->flush();
}

bool RecordingSeries::wants_part(std::uint64_t now_ns) const {
  const std::uint64_t lasted = now_ns - current_->began_ns;
  if (limits_.part_bytes != 0 && current_->writer->bytes() >= limits_.part_bytes)
    return lasted >= kShortestPartNs;
  return limits_.part_ns != 0 && lasted >= limits_.part_ns;
}

bool RecordingSeries::full() const {
  return limits_.all_bytes != 0 && bytes() >= limits_.all_bytes;
}

Status RecordingSeries::end_part(const EndInfo& end, std::uint64_t) {
  Status status = current_->writer->finish(end);
  if (const Status s = current_->file.close(); !s && status) status = s;
  done_events_ += current_->writer->events();
  done_bytes_ += current_->writer->bytes();
  last_path_ = current_->file.path();
  ++ended_;
  current_ = std::move(next_);
  files_.prune();
  return status;
}

void RecordingSeries::discard() {
  for (const auto& part : {&current_, &next_})
    if (*part) (*part)->file.discard();
}

std::uint64_t RecordingSeries::events() const {
  std::uint64_t sum = done_events_;
  for (const auto& part : {&current_, &next_})
    if (*part && (*part)->writer) sum += (*part)->writer->events();
  return sum;
}

std::uint64_t RecordingSeries::bytes() const {
  std::uint64_t sum = done_bytes_;
  for (const auto& part : {&current_, &next_})
    if (*part && (*part)->writer) sum += (*part)->writer->bytes();
  return sum;
}

std::string RecordingSeries::written() const {
  if (ended_ <= 1) return first_path_;
  std::string text = fmt::format("{} to {}, {} files", first_path_, last_path_, ended_);
  if (files_.removed() > 0) text += fmt::format(", the first {} removed", files_.removed());
  return text;
}

}  // namespace anonvma::cmd
