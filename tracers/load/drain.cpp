#include "tracers/load/drain.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <utility>

namespace anonvma {
namespace {

constexpr std::size_t kBlockBytes = 1u << 20;
// Time between passes that settle() does not request. The ring holds far more than arrives in it.
constexpr std::chrono::milliseconds kBetween{8};
constexpr std::size_t kMostPerPass = 1u << 18;
constexpr std::size_t kHead = sizeof(std::uint64_t);
constexpr std::size_t kMostSpare = 4;  // blocks

std::size_t padded(std::size_t bytes) { return (bytes + kHead - 1) / kHead * kHead; }

bool is_nice() {
  // On Linux each thread has its own nice value; 0 is the calling thread.
  return setpriority(PRIO_PROCESS, 0, -20) == 0;
}

Standing take_best_standing() {
  sched_param lowest{};
  lowest.sched_priority = sched_get_priority_min(SCHED_FIFO);
  if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &lowest) == 0) return Standing::realtime;
  return is_nice() ? Standing::nice : Standing::plain;
}

}  // namespace

Standing best_standing() {
  Standing standing = Standing::plain;
  std::thread([&] { standing = take_best_standing(); }).join();
  return standing;
}

void prefer_this_thread() { (void)is_nice(); }

Drain::Drain(Consume consume, std::size_t most_bytes)
    : consume_(std::move(consume)), most_bytes_(most_bytes), thread_([this] { run(); }) {}

Drain::~Drain() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

bool Drain::take(std::span<const std::byte> record) {
  const std::uint64_t size = record.size();
  const std::size_t needed = kHead + padded(size);
  bool has_room = true;
  if (filling_.size - filling_.used < needed) {
    has_room = hand_over();
    make_room(needed);
  }
  std::byte* const to = filling_.memory.get() + filling_.used;
  std::memcpy(to, &size, kHead);
  std::memcpy(to + kHead, record.data(), size);
  filling_.used += needed;
  return ++taken_ < kMostPerPass && has_room;
}

// Moves the filled block to `full_`. False if the waiting records have reached the limit.
bool Drain::hand_over() {
  const std::lock_guard lock(mutex_);
  if (filling_.used > 0) {
    bytes_ += filling_.used;
    peak_bytes_ = std::max(peak_bytes_, bytes_);
    full_.push_back(std::exchange(filling_, {}));
  }
  return bytes_ < most_bytes_;
}

// Makes `filling_` an empty block of at least `bytes`.
void Drain::make_room(std::size_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    if (bytes <= kBlockBytes && !spare_.empty()) {
      filling_ = std::move(spare_.back());
      spare_.pop_back();
      return;
    }
  }
  filling_.size = std::max(bytes, kBlockBytes);
  filling_.memory = std::make_unique_for_overwrite<std::byte[]>(filling_.size);
}

// 1: the ring is empty; 0: records may be left in it; negative: an error.
int Drain::pass() {
  taken_ = 0;
  const int error = consume_(*this);
  const bool has_room = hand_over();
  return error < 0 ? error : taken_ < kMostPerPass && has_room ? 1 : 0;
}

void Drain::run() {
  take_best_standing();
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const bool has_room = bytes_ < most_bytes_;
    const std::size_t asked = asked_;
    lock.unlock();
    const int result = has_room ? pass() : 0;
    lock.lock();
    if (asked != answered_) {
      answered_ = asked;
      answer_ = result;
      settled_.notify_one();
    }
    const bool goes_on = result == 0 && bytes_ < most_bytes_;
    if (asked_ == answered_ && !stopping_ && !goes_on) wake_.wait_for(lock, kBetween);
  }
}

int Drain::settle() {
  std::unique_lock lock(mutex_);
  const std::size_t mine = ++asked_;
  wake_.notify_one();
  settled_.wait(lock, [&] { return answered_ >= mine; });
  return answer_;
}

std::size_t Drain::give(std::size_t most,
                        const std::function<void(std::span<const std::byte>)>& to) {
  std::size_t count = 0;
  while (count < most) {
    if (given_ == giving_.used) {
      const std::lock_guard lock(mutex_);
      bytes_ -= giving_.used;
      given_ = giving_.used = 0;
      if (giving_.size == kBlockBytes && spare_.size() < kMostSpare)
        spare_.push_back(std::move(giving_));
      giving_ = {};
      if (full_.empty()) break;
      giving_ = std::move(full_.front());
      full_.pop_front();
    }
    std::uint64_t size = 0;
    const std::byte* const from = giving_.memory.get() + given_;
    std::memcpy(&size, from, kHead);
    to({from + kHead, size});
    given_ += kHead + padded(size);
    ++count;
  }
  return count;
}

bool Drain::empty() const {
  const std::lock_guard lock(mutex_);
  return full_.empty() && given_ == giving_.used;
}

std::size_t Drain::peak_bytes() const {
  const std::lock_guard lock(mutex_);
  return peak_bytes_;
}

}  // namespace anonvma
