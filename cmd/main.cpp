// The program: all subcommands on one command line.
#include <algorithm>
#include <exception>
#include <string>
#include <vector>

#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/messages.h"

namespace anonvma::cmd {
namespace {

int run(std::vector<std::string> words) {
  CommandLine line(
      {.summary = "How many vm_area_struct, anon_vma_chain and anon_vma objects a"
                  " recorded workload costs under each\nanon_vma design.",
       .version = "anonvma " ANONVMA_VERSION,
       .footer = "Exit status, the first that applies: 2 usage, 77 no privilege, 69 not"
                 " supported here,\n"
                 "65 bad trace, 74 I/O error, 130 interrupted, 1 a finding, 3 events were"
                 " lost, 0.\n"
                 "'anonvma COMMAND --help' has examples."},
      std::move(words));
#define COMMAND(id) add_##id(line);
#include "cmd/commands.def"
#undef COMMAND
  return line.run();
}

}  // namespace
}  // namespace anonvma::cmd

int main(int argc, char** argv) {
  try {
    anonvma::cmd::set_up_messages();
    return anonvma::cmd::run(std::vector<std::string>(argv + std::min(argc, 1), argv + argc));
  } catch (const std::exception& error) {  // out of memory, or a thread that cannot be started
    return anonvma::cmd::fail({anonvma::ErrorCode::io, error.what()});
  }
}
