// Where a recording goes: one file, a series of files, or a flight recorder's memory. It has parts,
// numbered from 1, of which two are open while one follows the other. Times are those of the whole
// recording.
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

  // A part begins, beside the one that is open if there is one.
  virtual Status begin_part(const Meta& meta, std::uint64_t now_ns) = 0;
  virtual Status add(std::uint64_t part, const Event& event) = 0;
  // Ends the part that is open, the older one of two.
  virtual Status end_part(const EndInfo& end, std::uint64_t now_ns) = 0;
  // The end, after all parts have ended.
  virtual Status finish() = 0;

  // Every few milliseconds.
  virtual Status tick(std::uint64_t now_ns) = 0;
  // Is it time for a new part?
  virtual bool wants_part(std::uint64_t now_ns) const = 0;
  // Nothing more may be written: the recording ends.
  virtual bool full() const { return false; }
  // SIGUSR1.
  virtual void user_signal() {}
  // Nothing came of it.
  virtual void discard() {}

  virtual std::uint64_t events() const = 0;
  virtual std::uint64_t bytes() const = 0;
  // What was written, for the line at the end: "make.trace".
  virtual std::string written() const = 0;
};

}  // namespace anonvma::cmd
