// A pager: the program that shows a long text screen by screen.
#pragma once

#include <string>
#include <string_view>

namespace anonvma::cmd {

// The command line for the shell: `pager`, the value of $PAGER, if it is set and not empty; else less,
// which ends at once if one screen is enough and lets colours through. "cat" and "" mean no pager.
std::string pager_command(const char* pager);

// Shows `text` and waits until the user is done. False if there is no pager: nothing was shown.
bool page(std::string_view text, const char* pager);

}  // namespace anonvma::cmd
