// A family of three mms, and a look at it at any moment.
//
//   0,1 exec 0   2 map   3 write   4 fork 0 -> 1   5 fork 1 -> 2   6 exit 1
//
//   after 5:  mm 0 --> [1]     mm 1 --> 1, [2]     mm 2 --> 1, 2, [3]
//   after 6:  2 is an ancestor without a vma of its own
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/look/look.h"
#include "test/support/strategy_choice.h"
#include "test/support/trace_life.h"

namespace anonvma::test {

inline Life three_mms() {
  Life life;
  life.exec(0).map(0, 0).write(0, 0).fork(0, 1).fork(1, 2).exit(1);
  return life;
}

class Looking {
 public:
  explicit Looking(const Life& life, std::optional<double> at_s = {},
                   std::string_view strategy = "num-children")
      : bytes_(life.trace()), reader_(opened()), survey_(surveyed(at_s)) {
    look_ = std::make_unique<Look>(reader_, survey_, choice(strategy),
                                   LookOptions{.at_s = at_s, .path = "a.trace"});
  }
  const Look& look() const { return *look_; }
  const Survey& survey() const { return survey_; }
  const MmLife& life(std::uint32_t mm) const { return *survey_.lives.find(MmId{mm}); }
  Scene scene() const {
    const auto scene = look_->moment();
    REQUIRE(scene);
    return *scene;
  }
  Look::Stand stand(const Scene& scene) const {
    auto stand = look_->stand(scene);
    REQUIRE(stand);
    return std::move(*stand);
  }

 private:
  TraceReader opened() {
    auto reader = TraceReader::open(bytes_);
    REQUIRE(reader);
    return std::move(*reader);
  }
  Survey surveyed(std::optional<double> at_s) {
    auto found = anonvma::survey(reader_, at_s, Budget{});
    REQUIRE(found);
    return std::move(*found);
  }

  std::vector<std::byte> bytes_;
  TraceReader reader_;
  Survey survey_;
  std::unique_ptr<Look> look_;
};

}  // namespace anonvma::test
