// A flight recorder. The last seconds stay in memory as complete traces (segments). A trigger
// writes them to files and frees them, so a second trigger soon afterwards writes only newer
// segments.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cmd/files/part_files.h"
#include "cmd/record/output.h"
#include "cmd/record/slab_watch.h"
#include "engine/trace/writer.h"

namespace anonvma::cmd {

// Each segment goes through its states here: 18 fields are the queues of these states and the
// counts of what has left them.
class Flight : public RecordingOutput {
 public:
  struct Options {
    std::uint64_t span_ns = 0;     // the time to keep at least
    std::uint64_t most_bytes = 0;  // limit of all segments
    bool once = false;             // the first trigger ends the recording
    bool at_end = false;           // the end is a trigger, too
    // The sink of messages; the time stamp in file names.
    std::function<void(const std::string&)> say{};
    std::function<std::string()> stamp{};
  };
  Flight(Options options, PartFiles::Options files, std::optional<SlabWatch> watch);

  Status begin_part(const Meta& meta, std::uint64_t now_ns) override;
  Status add(std::uint64_t part, const Event& event) override;
  Status end_part(const EndInfo& end, std::uint64_t now_ns) override;
  Status finish() override;
  Status tick(std::uint64_t now_ns) override;
  bool wants_part(std::uint64_t now_ns) const override;
  bool full() const override;
  void user_signal() override { trigger("SIGUSR1"); }
  std::uint64_t events() const override { return events_; }
  std::uint64_t bytes() const override;
  std::string written() const override;
  // The bytes in memory now.
  std::uint64_t kept_bytes() const;

 private:
  // One trace in memory. Its end chunk has the reason of the trigger and is written when one comes.
  struct Segment {
    std::uint64_t part = 0;
    std::optional<TraceWriter> writer;
    std::vector<std::vector<std::byte>> chunks;
    std::uint64_t bytes = 0;
    EndInfo end;
    std::uint64_t began_ns = 0, end_ns = 0;
    std::size_t chunks_written = 0;
    std::uint64_t span_ns() const { return end_ns - began_ns; }
  };
  void announce();
  void trigger(std::string reason);
  void forget_oldest();
  Status release(const std::string& reason);  // queues the sealed segments for writing
  Status write_some(std::size_t bytes);

  Options options_;
  PartFiles files_;
  std::optional<SlabWatch> watch_;
  std::string series_;
  std::uint64_t parts_ = 0;                       // parts begun so far
  std::deque<std::unique_ptr<Segment>> sealed_;   // oldest first
  std::unique_ptr<Segment> current_, next_;       // being filled
  std::deque<std::unique_ptr<Segment>> writing_;  // on their way to disk
  std::optional<OutputFile> file_;                // of the first in writing_
  std::string reason_;                            // of a pending trigger
  std::uint64_t watched_at_ = 0, flushed_at_ = 0;
  std::uint64_t triggers_ = 0, files_written_ = 0, events_ = 0, written_bytes_ = 0;
  std::string last_path_;
};

}  // namespace anonvma::cmd
