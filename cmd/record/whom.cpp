#include "cmd/record/whom.h"

#include <cstdint>
#include <string>

namespace anonvma::cmd {
namespace {

std::string process_id(const std::string& word) {
  const auto value = number<int>(word);
  return value && *value > 0 ? "" : "'" + word + "' is no process id";
}

std::string cgroup_path(const std::string& word) {
  return word.empty() ? "an empty path names no cgroup" : "";
}

std::string seconds(const std::string& word) {
  const auto value = number<double>(word);
  const bool good = value && *value > 0 && *value < 1e9;
  return good ? "" : "'" + word + "' is no number of seconds above 0";
}

std::string ring_size(const std::string& word) {
  const std::uint64_t mib = number<std::uint64_t>(word).value_or(0);
  const bool good = mib >= 1 && mib <= 1024 && (mib & (mib - 1)) == 0;
  return good ? "" : "'" + word + "' is no power of two from 1 to 1024";
}

}  // namespace

void add_whom(const Subcommand& command, RecordOptions& options) {
  command.option("--pid", options.pids, "Only these processes and their descendants")
      .check(process_id);
  command
      .option("--cgroup", options.cgroup,
              "Only what lives in this cgroup and below it: a directory, or a path below the mount "
              "of its hierarchy")
      .check(cgroup_path);
}

Option add_duration(const Subcommand& command, RecordOptions& options, const std::string& meaning) {
  return command.option("--duration", options.duration_s, meaning).check(seconds);
}

void add_ring_size(const Subcommand& command, RecordOptions& options) {
  command
      .option("--ring-mib", options.ring_mib,
              "Size of the ring buffer in MiB (default: what fits the CPUs and the memory)")
      .check(ring_size);
}

Status check_whom(const RecordOptions& options) {
  if (!options.command.empty() && !options.pids.empty())
    return Error{ErrorCode::usage, "--pid and a command exclude each other"};
  if (!options.cgroup.empty() && !(options.command.empty() && options.pids.empty()))
    return Error{ErrorCode::usage,
                 "--cgroup excludes --pid and a command: start the command in the cgroup, while "
                 "--cgroup records it"};
  return ok();
}

}  // namespace anonvma::cmd
