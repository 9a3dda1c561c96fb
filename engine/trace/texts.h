// The texts of a trace: names that other events use by an id (see Text in event.h).
//
//   "a name of more than 32 bytes ..." ─ text_pieces() ─ Text Text ══ trace ══ Text Text ─ Texts::take()
//
// A file decides nothing about memory: a Texts holds at most kMaxBytes of a trace.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/trace/event.h"

namespace anonvma {

// The events that bind `id` to `text`, in order. A text is cut off at its first NUL and behind
// Text::kMaxLength bytes.
std::vector<Text> text_pieces(TextKind kind, std::uint64_t id, std::string_view text);

class Texts {
 public:
  static constexpr std::size_t kMaxBytes = 16u << 20;
  static constexpr std::string_view kFull = "there are more than 16 MiB of texts before it";

  // Takes the pieces in the order of the trace, of kinds that this build does not know, too. The
  // answer is empty, or says as a bare clause why the piece is not used. A text that is not whole is
  // none, and of two texts of one id the first counts.
  std::string_view take(const Text& piece);

  // The text of an id; none if no whole text has come.
  std::optional<std::string_view> find(std::uint64_t kind, std::uint64_t id) const;
  std::optional<std::string_view> find(TextKind kind, std::uint64_t id) const {
    return find(static_cast<std::uint64_t>(kind), id);
  }
  // True if the last piece was not the end of its text.
  bool open() const { return open_.has_value(); }

  // Calls visit(kind, id, text) for each text, in the order of kinds and ids.
  template <class Visit>
  void each(Visit visit) const {
    for (const auto& [key, text] : texts_) visit(key.first, key.second, std::string_view(text));
  }

 private:
  using Key = std::pair<std::uint64_t, std::uint64_t>;  // kind, id
  struct Open {
    Key key;
    std::uint64_t length = 0;
    std::string bytes;  // so far
  };
  std::string_view keep(Open whole);

  std::optional<Open> open_;
  std::map<Key, std::string> texts_;
  std::size_t bytes_ = 0;
};

}  // namespace anonvma
