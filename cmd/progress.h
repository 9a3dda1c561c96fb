// The line on stderr that shows how far a command has come.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace anonvma::cmd {

// How far a command has come.
struct Advance {
  std::uint64_t events = 0;
  std::uint64_t done = 0, total = 0;  // bytes; a total of 0 is not known
  std::uint64_t elapsed_ns = 0;
};
// "make.trace: 12,345,678 events read, 5.10M/s, 34 %, 12 s left", cut off behind `columns`.
std::string progress_line(const std::string& name, const Advance& advance, std::size_t columns);

// Shows the line if stderr is a terminal, from the first second on, unless -q was given. Removes it at
// the end.
class Progress {
 public:
  // `total` as in Advance.
  Progress(std::string name, std::uint64_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void show(std::uint64_t events, std::uint64_t done);
  // Time since this object was made.
  std::uint64_t elapsed_ns() const;

 private:
  void overwrite(const std::string& line);
  std::string name_;
  std::uint64_t total_;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::uint64_t shown_at_ = 0;
  std::size_t shown_ = 0;
  bool visible_;
};

}  // namespace anonvma::cmd
