// anonvma anonymize FILE -o OUT: the same trace without names, ids and addresses.
#include <fmt/format.h>
#include <sys/random.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "cmd/commands.h"
#include "cmd/exit.h"
#include "cmd/files/mapped_file.h"
#include "cmd/files/rewrite.h"
#include "cmd/messages.h"
#include "cmd/progress.h"
#include "engine/trace/anonymize.h"

namespace anonvma::cmd {
namespace {

struct AnonymizeOptions {
  std::string file;
  std::string output;
  bool force = false;              // overwrite
  std::optional<std::string> key;  // none, and no file: a random one
  std::string key_file;
};

// A random key, which is forgotten when the program ends.
Result<Keyed::Key> random_key() {
  Keyed::Key key;
  if (getrandom(key.data(), sizeof key, 0) != sizeof key)
    return Error{ErrorCode::io, fmt::format("no random key: {}", std::strerror(errno))};
  return key;
}

Result<Keyed::Key> key_of(const AnonymizeOptions& options) {
  if (options.key_file.empty() && !options.key) return random_key();
  std::string text = options.key.value_or("");
  if (!options.key_file.empty()) {
    std::ifstream file(options.key_file, std::ios::binary);
    std::ostringstream all;
    if (!file || !(all << file.rdbuf()))
      return Error{ErrorCode::io, fmt::format("{}: cannot be read, or is empty", options.key_file)};
    text = std::move(all).str();
  }
  if (text.empty())
    return Error{ErrorCode::usage, "the key is empty: leave it out for a random one"};
  return Keyed::from_text(text);
}

int run_anonymize(const AnonymizeOptions& options) {
  const auto key = key_of(options);
  if (!key) return fail(key.error());
  const auto file = MappedFile::open(options.file);
  if (!file) return fail(file.error());
  auto reader = TraceReader::open(file->bytes());
  if (!reader) return fail(in_file(options.file, reader.error()));

  Anonymizer anonymizer(*key, reader->meta());
  std::optional<Error> damage;
  Progress progress(options.file, 2 * file->bytes().size());
  const auto learn = [&](const Event& event) {
    anonymizer.learn(event);
    return ok();
  };
  const auto show = [&](std::uint64_t events, std::uint64_t bytes) {
    progress.show(events, bytes);
  };
  if (const Status status = each_event(*reader, damage, learn, show); !status)
    return fail(status.error());
  anonymizer.settle();

  auto again = reader->again();
  if (!again) return fail(in_file(options.file, again.error()));
  auto copy = Rewrite::create(options.file, options.output, options.force,
                              Anonymizer::conceal(reader->meta()));
  if (!copy) return fail(copy.error());
  const std::uint64_t events = reader->position(), bytes = reader->bytes_read();
  Status status = each_event(
      *again, damage, [&](const Event& event) { return copy->add(anonymizer.conceal(event)); },
      [&](std::uint64_t more_events, std::uint64_t more) {
        progress.show(events + more_events, bytes + more);
      });
  // The copy of a damaged trace has no end chunk, so it does not pass for a whole trace.
  if (status) status = copy->finish(damage ? std::nullopt : again->end());
  if (!status) return fail(status.error());
  warn_of_skipped(options.file, reader->skipped());
  return damage ? fail(in_file(options.file, *damage)) : kOk;
}

}  // namespace

void add_anonymize(CommandLine& line) {
  const auto [command, options] = line.add(
      "anonymize", "Copy a trace without names, ids and addresses; replays find what they found",
      run_anonymize);
  command.option("FILE", options.file, "Trace").required();
  command.option("-o,--output", options.output, "The copy").required();
  command.flag("--force", options.force, "Overwrite the copy");
  const Option key = command.word(
      "--key", [&key = options.key](const std::string& given) { key = given; },
      "Equal keys give equal pseudonyms (default: random, forgotten)");
  command.option("--key-file", options.key_file, "A file whose contents are the key").excludes(key);
  command.footer(
      "Goes: command line, comms, pids and tids, addresses, boot id, start time. Stays: what was\n"
      "done, lengths, flags, times, kernel release.\n\nExamples:\n"
      "  anonvma anonymize make.trace -o public.trace\n"
      "  anonvma anonymize make.trace -o public.trace --key-file secret");
}

}  // namespace anonvma::cmd
