// The moment of an answer about one mm.
#pragma once

#include <string>

#include "engine/look/mm_list.h"
#include "engine/result.h"

namespace anonvma::cmd {

struct MmMoment {
  MmLife mm;
  Scene scene;
};
// The mm that `word` names, at the time of --at, else at the peak of the sum, else, if it does not live
// then, at its last whole state.
Result<MmMoment> moment_of(const Look& look, const std::string& word, bool has_at);

// The error for a moment without any live mm.
Error nobody_alive(const Survey& survey, const Scene& scene);

}  // namespace anonvma::cmd
