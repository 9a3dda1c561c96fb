// The place where `top` shows its frames: a terminal, text without an end, or JSON lines.
#pragma once

#include <cstddef>
#include <memory>

#include "engine/live/frame.h"
#include "engine/report/live_screen.h"
#include "engine/result.h"

namespace anonvma::cmd {

// The wishes of a user at the keyboard.
struct Wishes {
  bool quit = false;
  bool check = false;
  bool redraw = false;  // the view has changed
};

class Display {
 public:
  virtual ~Display() = default;
  // The state of the start, before any interval.
  virtual Status begin(const LiveFrame&) { return ok(); }
  virtual Status show(const LiveFrame& frame, const LiveView& view) = 0;
  // Called some 60 times a second. Keys change `view`.
  virtual Wishes poll(LiveView&, std::size_t /*designs*/) { return {}; }
  virtual bool wants_owners(const LiveView&) const = 0;
  // True if the last frame stays to be looked at when the command has ended.
  virtual bool stays() const { return false; }
};

std::unique_ptr<Display> make_text_display(std::size_t owners);
std::unique_ptr<Display> make_json_display(std::size_t owners);
// Fails if the terminal is not known, or the build has no library for terminals.
Result<std::unique_ptr<Display>> make_terminal_display();

}  // namespace anonvma::cmd
