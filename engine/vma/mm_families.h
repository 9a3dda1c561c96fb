// The families of mms: see mm_table.h. The number of a family without members is used again, so that
// a replay without end needs no more memory than its live mms.
#pragma once

#include <cstdint>
#include <vector>

namespace anonvma {

class MmFamilies {
 public:
  // The family of all mms of the attach. It never ends.
  static constexpr std::uint32_t kOfAttach = 0;

  // A family without members. Somebody has to join it.
  std::uint32_t make();
  void join(std::uint32_t family) { ++all_[family].members; }
  void leave(std::uint32_t family);

  // The exits that are under way in a family.
  void begin_exit(std::uint32_t family) { ++all_[family].exiting; }
  void end_exit(std::uint32_t family) { --all_[family].exiting; }
  bool is_exiting(std::uint32_t family) const { return all_[family].exiting > 0; }
  // The exits of `from` count for `to`. The members of `from` move one by one.
  void move_exits(std::uint32_t from, std::uint32_t to);

  std::size_t numbers() const { return all_.size(); }  // in use, or to be used again

 private:
  struct Family {
    std::uint32_t members = 0, exiting = 0;
  };
  std::vector<Family> all_{1};
  std::vector<std::uint32_t> free_;
};

}  // namespace anonvma
