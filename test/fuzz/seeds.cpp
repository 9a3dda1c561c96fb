// Makes the seeds of the corpora: fuzz_seeds OUTPUT TEXT_OR_TRACE...
// Every file gives a seed for each target, cut to the sizes that fuzz well: all of a text file, and
// the first events of a trace.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "engine/strategy/registry.h"
#include "engine/trace/columns.h"
#include "engine/trace/reader.h"
#include "engine/trace/text.h"
#include "engine/trace/writer.h"
#include "test/fuzz/fuzz.h"

namespace anonvma::fuzz {
namespace {

using Events = std::vector<Event>;
using File = std::vector<std::byte>;

File slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

Events events_of(const File& file) {
  if (auto reader = TraceReader::open(file)) {
    const auto events = reader->next();
    return events ? Events(events->begin(), events->end()) : Events{};
  }
  auto parsed = parse_text({reinterpret_cast<const char*>(file.data()), file.size()});
  return parsed ? *parsed : Events{};
}

class Folder {
 public:
  Folder(const std::filesystem::path& root, const std::string& seed) : root_(root), seed_(seed) {}
  void write(const std::string& target, std::string_view what, std::span<const std::byte> bytes,
             std::initializer_list<unsigned char> before = {}) const {
    std::filesystem::create_directories(root_ / target);
    std::ofstream out(root_ / target / fmt::format("{}-{}", seed_, what), std::ios::binary);
    for (const unsigned char byte : before) out.put(static_cast<char>(byte));
    out.write(reinterpret_cast<const char*>(bytes.data()),
              static_cast<std::streamsize>(bytes.size()));
  }

 private:
  std::filesystem::path root_;
  std::string seed_;
};

File trace_of(const Events& events, std::size_t flush_every) {
  File file;
  const auto append = [&file](std::span<const std::byte> bytes) {
    file.insert(file.end(), bytes.begin(), bytes.end());
    return ok();
  };
  Meta meta;
  meta.release = "6.18.44";
  meta.anon_vma_members = {"root", "num_children"};
  meta.anon_vma_clone_args = 2;
  meta.faults = "write";
  auto writer = TraceWriter::create(append, meta);
  if (!writer) return file;
  for (std::size_t i = 0; i < events.size(); ++i) {
    (void)writer->add(events[i]);
    if ((i + 1) % flush_every == 0) (void)writer->flush();
  }
  (void)writer->finish({});
  return file;
}

void make(const Folder& folder, const Events& events) {
  const File trace = trace_of(events, 20);
  folder.write("container", "trace", trace);
  folder.write("replay", "trace", trace, {0, 8, 1});
  std::string text;
  for (const Event& event : events) text += format_text(event) + '\n';
  folder.write("text", "text", std::as_bytes(std::span(text)));
  folder.write("replay", "text", std::as_bytes(std::span(text)), {1, 8, 1 | 16});
  ColumnEncoder encoder;
  for (const Event& event : events) encoder.add(event);
  const auto payload = encoder.finish();
  folder.write("columns", "payload", payload, {0xff, 0xff});
  for (unsigned char i = 0; i < strategies().size(); ++i)
    folder.write("replay", fmt::format("{}", strategies()[i].name), payload,
                 {3, i, static_cast<unsigned char>(i * 5)});
  folder.write("replay", "all", payload, {3, 0xff, 0xff});
}

}  // namespace
}  // namespace anonvma::fuzz

int main(int argc, char** argv) {
  using namespace anonvma::fuzz;
  if (argc < 3) return fmt::print(stderr, "usage: fuzz_seeds OUTPUT TEXT_OR_TRACE...\n"), 2;
  for (int i = 2; i < argc; ++i) {
    const std::string path = argv[i];
    Events events = events_of(slurp(path));
    if (events.empty()) return fmt::print(stderr, "fuzz_seeds: {}: no event\n", path), 1;
    if (events.size() > 60) events.resize(60);
    make(Folder(argv[1], std::filesystem::path(path).stem()), events);
  }
}
