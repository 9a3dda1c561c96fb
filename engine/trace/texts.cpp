#include "engine/trace/texts.h"

#include <algorithm>
#include <array>

namespace anonvma {
namespace {

constexpr std::size_t kEntryBytes = 128;  // an entry of the map, and room of its string

constexpr std::array kWords = {&Text::bytes_0, &Text::bytes_1, &Text::bytes_2, &Text::bytes_3};
static_assert(kWords.size() * 8 == Text::kPieceBytes);

void put_bytes(Text& piece, std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i)
    piece.*kWords[i / 8] |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << i % 8 * 8;
}

std::array<char, Text::kPieceBytes> bytes_of(const Text& piece) {
  std::array<char, Text::kPieceBytes> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>(piece.*kWords[i / 8] >> i % 8 * 8);
  return bytes;
}

// True if the piece lies inside of its text: an empty text has one empty piece.
bool is_inside(const Text& piece) {
  return piece.offset % Text::kPieceBytes == 0 &&
         (piece.offset < piece.length || (piece.offset == 0 && piece.length == 0));
}

}  // namespace

std::vector<Text> text_pieces(TextKind kind, std::uint64_t id, std::string_view text) {
  text = text.substr(0, std::min<std::size_t>(text.find('\0'), Text::kMaxLength));
  std::vector<Text> pieces;
  std::size_t offset = 0;
  do {
    Text& piece = pieces.emplace_back(Text{.kind = static_cast<std::uint64_t>(kind),
                                           .id = id,
                                           .length = text.size(),
                                           .offset = offset});
    put_bytes(piece, text.substr(offset, Text::kPieceBytes));
    offset += Text::kPieceBytes;
  } while (offset < text.size());
  return pieces;
}

std::string_view Texts::take(const Text& piece) {
  std::optional<Open> text = std::exchange(open_, std::nullopt);
  if (piece.id == 0) return "0 is no id";
  if (piece.length > Text::kMaxLength) return "it is longer than 4096 bytes";
  if (!is_inside(piece)) return "a piece lies outside of it";
  const auto bytes = bytes_of(piece);
  const auto size = std::min<std::size_t>(Text::kPieceBytes, piece.length - piece.offset);
  if (std::find(bytes.begin(), bytes.end(), '\0') < bytes.begin() + size ||
      std::any_of(bytes.begin() + size, bytes.end(), [](char c) { return c != '\0'; }))
    return "its bytes are not those of a text of its length";
  const Key key{piece.kind, piece.id};
  const bool follows = text && text->key == key && text->length == piece.length &&
                       text->bytes.size() == piece.offset;
  if (piece.offset != 0 && !follows) return "a piece of it does not follow the one before";
  const std::string_view cut = text && !follows ? "the text before it is not whole" : "";
  if (!follows) text = Open{key, piece.length, {}};
  text->bytes.append(bytes.data(), size);
  if (text->bytes.size() < text->length) {
    open_ = std::move(text);
    return cut;
  }
  const std::string_view refused = keep(std::move(*text));
  return refused.empty() ? cut : refused;
}

std::string_view Texts::keep(Open whole) {
  if (const auto known = texts_.find(whole.key); known != texts_.end())
    return known->second == whole.bytes ? "" : "its id has another text already";
  const std::size_t bytes = whole.bytes.size() + kEntryBytes;
  if (bytes > kMaxBytes - bytes_) return kFull;
  bytes_ += bytes;
  texts_.emplace(whole.key, std::move(whole.bytes));
  return {};
}

std::optional<std::string_view> Texts::find(std::uint64_t kind, std::uint64_t id) const {
  const auto known = texts_.find({kind, id});
  if (known == texts_.end()) return std::nullopt;
  return known->second;
}

}  // namespace anonvma
