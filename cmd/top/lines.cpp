// The displays that are no terminal.
#include "cmd/exit.h"
#include "cmd/top/display.h"
#include "engine/report/live_json.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>

namespace anonvma::cmd {
namespace {

Status write_out(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0)
    return ok();
  return Error{ErrorCode::io, fmt::format("standard output: {}", std::strerror(errno))};
}

class TextDisplay final : public Display {
 public:
  explicit TextDisplay(std::size_t owners) : owners_(owners) {}
  Status show(const LiveFrame& frame, const LiveView& view) override {
    const std::string gap = std::exchange(shown_, true) ? "\n" : "";
    return write_out(gap + live_text(frame, view, owners_));
  }
  bool wants_owners(const LiveView&) const override { return owners_ > 0; }

 private:
  std::size_t owners_;
  bool shown_ = false;
};

class JsonDisplay final : public Display {
 public:
  explicit JsonDisplay(std::size_t owners) : owners_(owners) {}
  Status begin(const LiveFrame& frame) override { return write_out(live_json_head(frame)); }
  Status show(const LiveFrame& frame, const LiveView& view) override {
    return write_out(live_json_line(frame, view, owners_));
  }
  bool wants_owners(const LiveView&) const override { return owners_ > 0; }

 private:
  std::size_t owners_;
};

}  // namespace

std::unique_ptr<Display> make_text_display(std::size_t owners) {
  return std::make_unique<TextDisplay>(owners);
}

std::unique_ptr<Display> make_json_display(std::size_t owners) {
  return std::make_unique<JsonDisplay>(owners);
}

}  // namespace anonvma::cmd
