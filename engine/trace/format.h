// The container of traces/FORMAT.md: constants and the two structs that lie in files byte by byte.
// Nothing here may change meaning; the page says what may be added.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace anonvma::format {

static_assert(std::endian::native == std::endian::little, "files are little endian, read in place");

inline constexpr std::uint32_t kVersion = 1;
inline constexpr std::uint32_t kKnownCompat = 0;    // other bits may be ignored
inline constexpr std::uint32_t kKnownIncompat = 0;  // a reader refuses a file with other bits

// Limits of one chunk. A reader refuses more before it allocates anything.
inline constexpr std::uint32_t kMaxChunkBytes = 16u << 20;  // of the payload, uncompressed
inline constexpr std::uint32_t kMaxChunkEvents = 65536;
// The writer closes a chunk of this size by itself.
inline constexpr std::size_t kWriterChunkBytes = 1u << 20;
inline constexpr std::size_t kMaxIndexEntries = 65536;

inline constexpr std::array<char, 8> kFileMagic = {'\x89', 'a', 'n', 'o', 'n', 'v', 'm', 'a'};
inline constexpr std::array<char, 8> kEndMagic = {'a', 'm', 'v', 'n', 'o', 'n', 'a', '\x89'};
inline constexpr std::array<char, 4> kChunkMagic = {'A', 'V', 'C', 'K'};

enum ChunkKind : std::uint8_t {
  kHeaderChunk = 1,
  kEventsChunk = 2,
  kEndChunk = 3,
  kFooterChunk = 4
};
enum ChunkCodec : std::uint8_t { kStored = 0, kZstd = 1 };

struct FileHeader {
  std::array<char, 8> magic = kFileMagic;
  std::uint32_t version = kVersion;
  std::uint32_t compat = 0;
  std::uint32_t incompat = 0;
  std::uint32_t crc = 0;  // covers the bytes before it
};
static_assert(sizeof(FileHeader) == 24);

struct ChunkHeader {
  std::array<char, 4> magic = kChunkMagic;
  std::uint8_t kind = 0;
  std::uint8_t codec = kStored;
  std::uint16_t reserved = 0;
  std::uint32_t sequence = 0;
  std::uint32_t event_count = 0;
  std::uint64_t first_event = 0;
  std::uint32_t stored_bytes = 0;  // size of the payload in the file
  std::uint32_t raw_bytes = 0;     // size of the payload decoded
  std::uint32_t reserved2 = 0;
  std::uint32_t crc = 0;  // covers the bytes before it and the payload as stored
};
static_assert(sizeof(ChunkHeader) == 40);

// The footer's payload: this, `entries` IndexEntries, then a FooterTail as the file's last bytes.
struct FooterHead {
  std::uint64_t end_offset = 0;  // of the end chunk
  std::uint64_t events = 0;
  std::uint32_t stride = 1;  // every stride-th events chunk has an entry
  std::uint32_t entries = 0;
};
static_assert(sizeof(FooterHead) == 24);

struct IndexEntry {
  std::uint64_t offset = 0;  // of an events chunk
  std::uint64_t first_event = 0;
};
static_assert(sizeof(IndexEntry) == 16);

struct FooterTail {
  std::uint64_t footer_offset = 0;  // of the footer chunk
  std::array<char, 8> magic = kEndMagic;
};
static_assert(sizeof(FooterTail) == 16);

}  // namespace anonvma::format
