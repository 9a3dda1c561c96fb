// The screen that results go to: its width and colours, and a pager for long results.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "cmd/cli.h"
#include "cmd/color.h"
#include "cmd/pager.h"
#include "engine/report/screen.h"

namespace anonvma::cmd {

struct ScreenOptions {
  ColorMode color = ColorMode::automatic;
  bool no_pager = false;
  bool raw_bytes = false;
  bool full = false;
};
// Adds --full, --color, --no-pager and --raw-bytes. `full_means` says what --full adds.
void add_screen_options(const Subcommand& command, ScreenOptions& options,
                        const std::string& full_means);

// Adds only --no-pager.
void add_no_pager(const Subcommand& command, ScreenOptions& options);

// The screen as it is now: the terminal of stdout, or 80 columns without colours.
Screen screen_of(const ScreenOptions& options);

// Prints a result as print_result() does, through a pager if it is longer than the terminal.
int show_result(std::string_view text, const ScreenOptions& options);
// The pager of a result that is written piece by piece: null where stdout is no terminal or none is wanted.
std::unique_ptr<Pager> pager_of(const ScreenOptions& options);

}  // namespace anonvma::cmd
