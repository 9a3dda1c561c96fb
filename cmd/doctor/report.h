// The report of `doctor` on a machine is a pure function of facts, which doctor.cpp collects.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cmd/exit.h"
#include "engine/report/screen.h"
#include "engine/slab/slab_account.h"
#include "tracers/kernel/features.h"
#include "tracers/kernel/functions.h"

namespace anonvma::cmd {

// The result of the only real proof: loading and attaching everything.
struct DoctorLoad {
  std::string error;  // empty: it worked
  Tier tier = Tier::unsupported;
  std::uint64_t pinned_bytes = 0, spill_bytes = 0;
  std::string reader;  // how the scheduler treats the thread that empties the ring
};

// Plain values, one for each question that `doctor` asks.
struct DoctorFacts {
  std::vector<std::string> missing_capabilities;
  bool initial_user_namespace = true;
  bool compiles_bpf = true;
  bool realtime = false;
  bool tracefs = true;
  bool locked_down = false;
  std::string btf_path, btf_error;  // no error: the kernel has type information
  Features features;
  // Only root may read the rest.
  std::array<CacheSpec, kNumCaches> caches{};
  std::vector<KernelFunction> functions;
  std::optional<DoctorLoad> load;  // nothing: not tried
};

struct DoctorCheck {
  std::string name;
  bool ok = false;
  bool needed = false;  // without it nothing can be recorded
  std::string note;     // the replacement, or what to do
  std::string tier{};   // of a recording without it; empty: the check decides no tier
};

struct DoctorReport {
  std::vector<DoctorCheck> checks;
  std::vector<std::string> facts;  // differences between kernels that change no tier
  std::string tier;
  int status = kOk;  // kOk only where recording works
  std::string advice;
  std::string memory = {};  // taken while recording; empty: not known
};

DoctorReport report_on(const DoctorFacts& facts);
std::string as_text(const DoctorReport& report);
// The answer first, and only what is not as it should be.
std::string as_brief(const DoctorReport& report, const Screen& screen);
// "ok", "MISSING", "missing" or "replaced"
std::string_view word_for(const DoctorCheck& check);
std::string as_json(const DoctorReport& report);

}  // namespace anonvma::cmd
