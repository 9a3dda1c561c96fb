// One loader for all recordings in progress. There are two while a long recording changes files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/result.h"
#include "tracers/load/loader.h"
#include "tracers/lost_count.h"
#include "tracers/records.h"

namespace anonvma {

class Feed {
 public:
  class Reader {
   public:
    virtual void on_record(std::span<const std::byte> bytes) = 0;

   protected:
    ~Reader() = default;
  };

  static Result<std::shared_ptr<Feed>> open(const LoaderOptions& options);
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  // From join() on, a reader gets all records that any reader drains, and all losses. It first gets
  // the names that earlier readers have seen, as their texts are not sent again.
  void join(Reader* reader);
  void leave(const Reader* reader);
  std::size_t readers() const { return readers_.size(); }
  // The losses since the last call for this reader.
  std::vector<LostCount> take_lost(const Reader* reader);

  Loader& loader() { return *loader_; }
  std::uint64_t new_walk() { return next_walk_++; }  // an id that no other walk has

 private:
  struct Joined {
    Reader* reader;
    std::vector<LostCount> lost;
  };
  Feed() = default;
  void take(std::span<const std::byte> bytes);
  void give_lost();

  std::unique_ptr<Loader> loader_;
  std::vector<Joined> readers_;
  std::unordered_map<std::uint64_t, anonvma_name_record> names_;  // by hash
  std::uint64_t next_walk_ = 1;
};

}  // namespace anonvma
