// The files of one recording: FILE alone, or BASE.0001.trace, BASE.0002.trace, ..., perhaps only
// the newest of them.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "cmd/files/output_file.h"
#include "engine/result.h"

namespace anonvma::cmd {

class PartFiles {
 public:
  struct Options {
    std::string output;
    bool numbered = false;
    bool force = false;
    std::size_t keep = 0;  // 0: all; with `numbered` only
  };
  explicit PartFiles(Options options) : options_(std::move(options)) {}

  // Creates the file of part `number`, from 1. `stamp`, if any, comes before the number.
  Result<OutputFile> create(std::uint64_t number, const std::string& stamp = {});
  // Removes the oldest files beyond `keep`. Only files that this object created are removed, and
  // none that was replaced since.
  void prune();
  std::uint64_t removed() const { return removed_; }

 private:
  struct Made {
    std::string path;
    dev_t device;
    ino_t inode;
  };
  Options options_;
  std::deque<Made> made_;
  std::uint64_t removed_ = 0;
};

// "a/b.trace", 7 is "a/b.0007.trace"; a suffix other than .trace belongs to the name.
std::string part_name(const std::string& output, std::uint64_t number, const std::string& stamp);

}  // namespace anonvma::cmd
