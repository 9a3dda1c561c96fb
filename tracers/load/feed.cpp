#include "tracers/load/feed.h"

#include <cstring>
#include <utility>

namespace anonvma {

Result<std::shared_ptr<Feed>> Feed::open(const LoaderOptions& options) {
  std::shared_ptr<Feed> feed(new Feed);
  Result<Loader> loader =
      Loader::open(options, [f = feed.get()](std::span<const std::byte> bytes) { f->take(bytes); });
  if (!loader) return loader.error();
  feed->loader_ = std::make_unique<Loader>(std::move(*loader));
  return feed;
}

void Feed::join(Reader* reader) {
  give_lost();
  readers_.push_back({reader, {}});
  for (const auto& [hash, record] : names_) reader->on_record(std::as_bytes(std::span(&record, 1)));
}

void Feed::take(std::span<const std::byte> bytes) {
  anonvma_name_record name;
  if (bytes.size() == sizeof name) {
    std::memcpy(&name, bytes.data(), sizeof name);
    if (name.head.kind == ANONVMA_NAME) names_.try_emplace(name.name, name);
  }
  for (const Joined& joined : readers_) joined.reader->on_record(bytes);
}

void Feed::leave(const Reader* reader) {
  std::erase_if(readers_, [&](const Joined& joined) { return joined.reader == reader; });
}

void Feed::give_lost() {
  const std::vector<LostCount> taken = loader_->take_lost();
  for (Joined& joined : readers_) joined.lost.insert(joined.lost.end(), taken.begin(), taken.end());
}

std::vector<LostCount> Feed::take_lost(const Reader* reader) {
  give_lost();
  for (Joined& joined : readers_)
    if (joined.reader == reader) return std::exchange(joined.lost, {});
  return {};
}

}  // namespace anonvma
