// A thread that empties the ring buffer into memory, whatever the converter is doing. It copies and
// does nothing else, so it may run before all other threads of the machine: a record is lost only
// when the spill in memory has reached its limit and the ring is full as well.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

namespace anonvma {

// How the scheduler treats the thread, from best to worst.
enum class Standing { realtime, nice, plain };
// What this process may have, tried on a thread that ends at once.
Standing best_standing();
// Gives the calling thread nice -20, and never more: its work may take long.
void prefer_this_thread();

class Drain {
 public:
  // Gives what the ring holds to take(), but stops when take() returns false. A negative errno
  // otherwise.
  using Consume = std::function<int(Drain&)>;

  Drain(Consume consume, std::size_t most_bytes);
  ~Drain();
  Drain(const Drain&) = delete;
  Drain& operator=(const Drain&) = delete;

  // For `consume`: copies a record; false when no more is wanted in this pass.
  bool take(std::span<const std::byte> record);

  // Empties the ring once more and tells whether that came to its end, or the error.
  int settle();
  // Gives records to `to`, in their order, until `most` were given or none is left; how many.
  std::size_t give(std::size_t most, const std::function<void(std::span<const std::byte>)>& to);
  bool empty() const;
  // The most bytes that were ever in memory.
  std::size_t peak_bytes() const;

 private:
  // Memory for records, which is written once: nothing clears it before.
  struct Block {
    std::unique_ptr<std::byte[]> memory;
    std::size_t size = 0, used = 0;
  };

  void run();
  int pass();
  bool hand_over();
  void make_room(std::size_t bytes);

  const Consume consume_;
  const std::size_t most_bytes_;
  mutable std::mutex mutex_;
  std::condition_variable wake_, settled_;
  bool stopping_ = false;
  std::size_t asked_ = 0, answered_ = 0;  // passes
  int answer_ = 0;
  std::size_t bytes_ = 0, peak_bytes_ = 0;  // of all blocks
  std::deque<Block> full_;
  std::vector<Block> spare_;  // read, to be filled again
  Block filling_;             // the thread's own
  std::size_t taken_ = 0;     // records in this pass
  Block giving_;              // the caller's own
  std::size_t given_ = 0;     // bytes of it
  std::thread thread_;
};

}  // namespace anonvma
