// The options of `compare --plot`.
#pragma once

#include <optional>
#include <vector>

#include "cmd/cli.h"
#include "cmd/screen.h"
#include "engine/report/picture/plot.h"

namespace anonvma::cmd {

struct PlotRequest {
  bool plot = false;
  std::optional<CacheIndex> of;  // none: the sum
  bool ascii = false;
};

// Adds --plot, --of and --ascii. A plot has no use for `of_tables`, which become errors beside --plot.
void add_plot_options(const Subcommand& command, PlotRequest& request,
                      const std::vector<Option>& of_tables);

// The plot on the screen as it is now: braille where the locale is UTF-8.
PlotOptions plot_options(const PlotRequest& request, const ScreenOptions& screen);

}  // namespace anonvma::cmd
