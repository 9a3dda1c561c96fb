// A thread that empties the ring buffer into memory, whatever the converter is doing. It only
// copies, so it may have priority over all other threads of the machine. A record is lost only if
// the spill in memory has reached its limit and the ring is full as well.
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
// The best standing that the kernel allows this process, tried on a thread that ends at once.
Standing best_standing();
// Gives the calling thread nice -20, but never realtime priority, as its work may take long.
void prefer_this_thread();

// It has 18 fields: each of the two threads has its own, and they share the rest under the mutex.
class Drain {
 public:
  // Passes the records of the ring to take() until take() returns false. Returns a negative errno
  // if that fails.
  using Consume = std::function<int(Drain&)>;

  Drain(Consume consume, std::size_t most_bytes);
  ~Drain();
  Drain(const Drain&) = delete;
  Drain& operator=(const Drain&) = delete;

  // Called by `consume`: copies a record. False ends the pass.
  bool take(std::span<const std::byte> record);

  // Waits for one more pass. 1: the ring is empty; 0: records may be left; negative: an error.
  int settle();
  // Passes up to `most` records to `to`, in their order. Returns their number.
  std::size_t give(std::size_t most, const std::function<void(std::span<const std::byte>)>& to);
  bool empty() const;
  // The most bytes that were ever in memory.
  std::size_t peak_bytes() const;

 private:
  // Memory for records. It is not cleared first, as the records overwrite it.
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
  std::size_t asked_ = 0, answered_ = 0;  // passes requested and done
  int answer_ = 0;
  std::size_t bytes_ = 0, peak_bytes_ = 0;  // of `full_` and `giving_`
  std::deque<Block> full_;
  std::vector<Block> spare_;  // for reuse
  Block filling_;             // the thread's own
  std::size_t taken_ = 0;     // records in this pass
  Block giving_;              // the caller's own
  std::size_t given_ = 0;     // bytes of `giving_`
  std::thread thread_;
};

}  // namespace anonvma
