#include "engine/trace/chunk_writer.h"

#include <string>
#include <utility>

namespace anonvma {
namespace {

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

void append(std::vector<std::byte>& out, std::span<const std::byte> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

Payload stored(std::span<const std::byte> bytes) {
  return {bytes, static_cast<std::uint32_t>(bytes.size()), format::kStored};
}

}  // namespace

Status ChunkWriter::fail(Error error) {
  failure_ = error;
  return error;
}

Status ChunkWriter::write() {
  if (Status status = sink_(buffer_); !status) return fail(status.error());
  bytes_ += buffer_.size();
  buffer_.clear();
  return ok();
}

// Appends to the buffer; write() hands the buffer to the sink.
Status ChunkWriter::put(format::ChunkHeader header, const Payload& payload) {
  if (failure_) return *failure_;
  if (payload.stored.size() > format::kMaxChunkBytes)
    return fail({ErrorCode::not_supported, "trace header is larger than a chunk may be"});
  header.sequence = sequence_++;
  header.first_event = events_;
  header.raw_bytes = payload.raw_bytes;
  header.stored_bytes = static_cast<std::uint32_t>(payload.stored.size());
  const auto before_crc = bytes_of(header).first(offsetof(format::ChunkHeader, crc));
  header.crc = crc_of(crc_of(0, before_crc), payload.stored);
  hash_.add(header);
  append(buffer_, bytes_of(header));
  append(buffer_, payload.stored);
  return ok();
}

Status ChunkWriter::start(std::uint32_t compat, std::string_view meta_json) {
  format::FileHeader header;
  header.compat = compat;
  header.crc = crc_of(0, bytes_of(header).first(offsetof(format::FileHeader, crc)));
  append(buffer_, bytes_of(header));
  format::ChunkHeader chunk;
  chunk.kind = format::kHeaderChunk;
  if (Status s = put(chunk, stored(std::as_bytes(std::span(meta_json)))); !s) return s;
  return write();
}

// A week of one chunk a second must not outgrow the footer: thin it out instead.
void ChunkWriter::add_to_index() {
  if (events_chunks_++ % stride_ != 0) return;
  if (index_.size() == format::kMaxIndexEntries) {
    for (std::size_t i = 0; i < index_.size() / 2; ++i) index_[i] = index_[2 * i];
    index_.resize(index_.size() / 2);
    stride_ *= 2;
  }
  index_.push_back({bytes_, events_});
}

Status ChunkWriter::events_chunk(const Payload& payload, std::uint32_t event_count) {
  format::ChunkHeader header;
  header.kind = format::kEventsChunk;
  header.codec = payload.codec;
  header.event_count = event_count;
  add_to_index();
  if (Status s = put(header, payload); !s) return s;
  events_ += event_count;
  raw_bytes_ += payload.raw_bytes;
  return write();
}

Status ChunkWriter::unknown_chunk(std::uint8_t kind, std::uint8_t codec, const Payload& payload) {
  format::ChunkHeader header;
  header.kind = kind;
  header.codec = codec;
  if (Status s = put(header, payload); !s) return s;
  return write();
}

Status ChunkWriter::finish(EndInfo end) {
  end.events = events_;
  end.events_chunks = events_chunks_;
  end.raw_bytes = raw_bytes_;
  const format::FooterHead head{bytes_, events_, stride_,
                                static_cast<std::uint32_t>(index_.size())};
  const std::string json = to_json(end);
  format::ChunkHeader header;
  header.kind = format::kEndChunk;
  if (Status s = put(header, stored(std::as_bytes(std::span(json)))); !s) return s;
  const format::FooterTail tail{bytes_ + buffer_.size()};
  std::vector<std::byte> footer;
  append(footer, bytes_of(head));
  append(footer, std::as_bytes(std::span(index_)));
  append(footer, bytes_of(hash_.value()));
  append(footer, bytes_of(tail));
  header.kind = format::kFooterChunk;
  if (Status s = put(header, stored(footer)); !s) return s;
  return write();
}

}  // namespace anonvma
