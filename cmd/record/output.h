// The destination of a recording: one file, a series of files, or a flight recorder's memory. It
// has parts, numbered from 1. While one part follows another, both are open. Times count from the
// start of the whole recording.
//
//   part 1  |###########|
//   part 2           |###########|       both hold the events of the overlap
//   part 3                    |####...
#pragma once

#include <cstdint>
#include <string>

#include "engine/result.h"
#include "engine/trace/event.h"
#include "engine/trace/meta.h"

namespace anonvma::cmd {

class RecordingOutput {
 public:
  virtual ~RecordingOutput() = default;

  // Begins a part. Another part may still be open.
  virtual Status begin_part(const Meta& meta, std::uint64_t now_ns) = 0;
  virtual Status add(std::uint64_t part, const Event& event) = 0;
  // Ends the open part; of two, the older one.
  virtual Status end_part(const EndInfo& end, std::uint64_t now_ns) = 0;
  // Ends the recording, after all parts have ended.
  virtual Status finish() = 0;

  // Called every few milliseconds.
  virtual Status tick(std::uint64_t now_ns) = 0;
  // True when it is time for a new part.
  virtual bool wants_part(std::uint64_t now_ns) const = 0;
  // True when nothing more may be written and the recording has to end.
  virtual bool full() const { return false; }
  // Called for SIGUSR1.
  virtual void user_signal() {}
  // Removes everything: the recording has failed.
  virtual void discard() {}

  virtual std::uint64_t events() const = 0;
  virtual std::uint64_t bytes() const = 0;
  // A name for the files that were written, for the line at the end: "make.trace".
  virtual std::string written() const = 0;
};

}  // namespace anonvma::cmd
