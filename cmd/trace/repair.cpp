// anonvma repair FILE -o OUT: copies the whole chunks of a damaged trace into a trace.
#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/files/mapped_file.h"
#include "cmd/files/output_file.h"
#include "cmd/messages.h"
#include "engine/report/grid.h"
#include "engine/trace/salvage.h"

namespace anonvma::cmd {
namespace {

struct RepairOptions {
  std::string file, output;
  bool force = false;
  bool json = false;
};

using Json = nlohmann::ordered_json;

std::string as_text(const RepairOptions& options, const Salvage& saved) {
  std::string out;
  for (const std::string& damage : saved.damage)
    out += fmt::format("{}: {}\n", printable(options.file), printable(damage));
  out += fmt::format("{}: {} chunks with {} events", printable(options.output), saved.chunks,
                     saved.events);
  if (saved.intact()) return out + "; nothing was damaged\n";
  out +=
      fmt::format("; missing {} chunks with {} events", saved.missing_chunks, saved.missing_events);
  if (saved.end_missing) out += ", and an unknown number at the end";
  return out + fmt::format("; {} bytes not used\n", saved.unused_bytes);
}

std::string as_json(const RepairOptions& options, const Salvage& saved) {
  const Json json = {{"schema", "anonvma.repair/1"},
                     {"path", options.file},
                     {"output", options.output},
                     {"intact", saved.intact()},
                     {"chunks", saved.chunks},
                     {"events", saved.events},
                     {"missing_chunks", saved.missing_chunks},
                     {"missing_events", saved.missing_events},
                     {"end_missing", saved.end_missing},
                     {"unused_bytes", saved.unused_bytes},
                     {"lost", saved.end.lost},
                     {"damage", saved.damage}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Salvage> repair(const RepairOptions& options) {
  const auto file = MappedFile::open(options.file);
  if (!file) return file.error();
  std::error_code none;
  if (std::filesystem::equivalent(options.file, options.output, none))
    return Error{ErrorCode::usage,
                 options.output + ": is the damaged file itself: name another one with -o"};
  auto output = OutputFile::create(options.output, options.force);
  if (!output) return output.error();
  Result<Salvage> saved = salvage(
      file->bytes(), [&](std::span<const std::byte> bytes) { return output->write(bytes); });
  if (!saved) {
    output->discard();
    return saved.error().code == ErrorCode::bad_trace ? in_file(options.file, saved.error())
                                                      : saved.error();
  }
  if (const Status closed = output->close(); !closed) return closed.error();
  return saved;
}

int run_repair(const RepairOptions& options) {
  const Result<Salvage> saved = repair(options);
  if (!saved) return fail(saved.error());
  const int printed =
      print_result(options.json ? as_json(options, *saved) : as_text(options, *saved));
  return first_that_applies(printed, saved->lossy() ? kEventsLost : kOk);
}

}  // namespace

void add_repair(CommandLine& line) {
  const auto [command, options] =
      line.add("repair", "Save the whole parts of a damaged trace", run_repair);
  command.option("FILE", options.file, "Trace").required();
  command.option("-o,--output", options.output, "The new trace").required();
  command.flag("--force", options.force, "Overwrite the new trace");
  command.flag("--json", options.json, "Print JSON");
  command.footer(
      "Keeps whole chunks, makes a new index, and puts a lost event where chunks are missing.\n"
      "Status 3 if events are missing.\n\nExample:\n"
      "  anonvma repair broken.trace -o saved.trace");
}

}  // namespace anonvma::cmd
