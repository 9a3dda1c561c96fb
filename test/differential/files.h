// Files that programs map: some opened more than once, the mailbox, and shared memory segments.
#pragma once

#include <array>
#include <string>

#include "engine/result.h"
#include "test/differential/operations.h"

namespace anonvma::differential {

inline constexpr std::size_t kSegments = 2;

class Files {
 public:
  static Result<Files> open();
  Files(Files&& other) noexcept;
  Files& operator=(Files&&) = delete;
  ~Files();

  int mailbox() const { return mailbox_; }
  int segment(std::size_t i) const { return segments_[i % kSegments]; }
  // In a child: moves all descriptors to the numbers that targets expect.
  void place() const;

 private:
  Files();
  int mailbox_ = -1;
  std::array<int, kFiles> fds_;
  std::array<int, kSegments> segments_;
};

}  // namespace anonvma::differential
