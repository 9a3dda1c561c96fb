#include "cmd/trace/window.h"

namespace anonvma::cmd {

void add_window(const Subcommand& command, std::optional<double>& from_s,
                std::optional<double>& to_s) {
  command.option("--from", from_s, "Seconds after the first event (default: the start)")
      .check(point_in_time);
  command.option("--to", to_s, "Seconds after the first event (default: the end)")
      .check(point_in_time);
}

}  // namespace anonvma::cmd
