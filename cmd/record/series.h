// A recording on disk: one file, or several that follow each other, each complete in itself.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "cmd/files/part_files.h"
#include "cmd/record/output.h"
#include "engine/trace/writer.h"

namespace anonvma::cmd {

class RecordingSeries : public RecordingOutput {
 public:
  struct Limits {
    std::uint64_t part_bytes = 0;  // 0: no limit
    std::uint64_t part_ns = 0;
    std::uint64_t all_bytes = 0;  // of all files together, removed ones included
    bool rotates() const { return part_bytes != 0 || part_ns != 0; }
  };
  // The shortest part, however small --rotate-size is: the snapshot at its beginning may be larger.
  static constexpr std::uint64_t kShortestPartNs = 1'000'000'000;

  // The first file is created at once.
  static Result<std::unique_ptr<RecordingSeries>> create(PartFiles::Options options, Limits limits);

  Status begin_part(const Meta& meta, std::uint64_t now_ns) override;
  Status add(std::uint64_t part, const Event& event) override;
  Status end_part(const EndInfo& end, std::uint64_t now_ns) override;
  Status finish() override { return ok(); }
  Status tick(std::uint64_t now_ns) override;
  bool wants_part(std::uint64_t now_ns) const override;
  bool full() const override;
  void discard() override;
  std::uint64_t events() const override;
  std::uint64_t bytes() const override;
  std::string written() const override;

 private:
  struct Part {
    explicit Part(OutputFile to) : file(std::move(to)) {}
    OutputFile file;
    std::optional<TraceWriter> writer;  // none before begin_part()
    std::uint64_t began_ns = 0;
  };
  RecordingSeries(PartFiles files, Limits limits) : files_(std::move(files)), limits_(limits) {}

  PartFiles files_;
  Limits limits_;
  std::string series_, first_path_, last_path_;
  std::uint64_t ended_ = 0;               // parts that ended
  std::unique_ptr<Part> current_, next_;  // the open part, or the older of two; the newer one
  std::uint64_t flushed_at_ = 0;
  std::uint64_t done_events_ = 0, done_bytes_ = 0;  // of the parts that ended
};

// A value that all parts of one recording share, and no other recording has.
std::string series_id(const Meta& meta);

}  // namespace anonvma::cmd
