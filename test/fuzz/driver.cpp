// Runs a fuzz target without libFuzzer: fuzz_NAME CORPUS [EXECUTIONS [SEED]]
// Runs every file of the corpus unchanged, then random changes of them. The same seed gives the
// same inputs. An input that ends the process is left in a file.
#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "test/fuzz/fuzz.h"

// A function of the sanitizer, if there is one: called before it ends the process.
extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace {

using Bytes = std::vector<std::uint8_t>;
constexpr std::size_t kMaxBytes = 4096;

struct {
  const Bytes* input = nullptr;
  unsigned long seed = 0, execution = 0;
} now;  // the input, for a process that is about to end

void keep_input() {
  if (now.input == nullptr) return;
  const char* name = "fuzz-finding";
  if (std::FILE* file = std::fopen(name, "wb")) {
    std::fwrite(now.input->data(), 1, now.input->size(), file);
    std::fclose(file);
  }
  std::fprintf(stderr, "fuzz: seed %lu, execution %lu; the input is in %s\n", now.seed,
               now.execution, name);
}

void on_signal(int number) {
  keep_input();
  std::signal(number, SIG_DFL);
  std::raise(number);
}

void execute(const Bytes& input) {
  now.input = &input;
  ++now.execution;
  LLVMFuzzerTestOneInput(input.data(), input.size());
  now.input = nullptr;
}

std::vector<Bytes> read_corpus(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry);
  std::sort(paths.begin(), paths.end());  // the order of a folder is the file system's
  std::vector<Bytes> corpus;
  for (const auto& path : paths) {
    std::ifstream in(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return corpus;
}

class Mutator {
 public:
  Mutator(const std::vector<Bytes>& corpus, unsigned long seed) : corpus_(corpus), random_(seed) {}

  Bytes next() {
    Bytes bytes = corpus_[below(corpus_.size())];
    for (std::size_t n = 1 + below(6); n > 0; --n) change(bytes);
    if (bytes.size() > kMaxBytes) bytes.resize(kMaxBytes);
    return bytes;
  }

 private:
  std::size_t below(std::size_t n) { return n == 0 ? 0 : random_() % n; }
  std::uint8_t byte() {
    static constexpr std::array<std::uint8_t, 8> kOften = {0, 1, 2, 0x7f, 0x80, 0xfe, 0xff, '0'};
    return below(2) ? kOften[below(kOften.size())] : static_cast<std::uint8_t>(random_());
  }
  void change(Bytes& bytes) {
    const std::size_t at = below(bytes.size());
    const auto here = [&](const Bytes& b, std::size_t i) {
      return b.begin() + static_cast<std::ptrdiff_t>(i);
    };
    const std::size_t length = below(std::min<std::size_t>(bytes.size() - at, 64) + 1);
    switch (below(6)) {
      case 0:
        if (!bytes.empty()) bytes[at] ^= static_cast<std::uint8_t>(1u << below(8));
        break;
      case 1:
        if (!bytes.empty()) bytes[at] = byte();
        break;
      case 2:
        bytes.insert(here(bytes, at), 1 + below(8), byte());
        break;
      case 3:
        bytes.erase(here(bytes, at), here(bytes, at + length));
        break;
      case 4: {  // a piece twice
        const Bytes part(here(bytes, at), here(bytes, at + length));
        bytes.insert(here(bytes, below(bytes.size() + 1)), part.begin(), part.end());
        break;
      }
      default: {  // a piece of another input
        const Bytes& other = corpus_[below(corpus_.size())];
        const std::size_t from = below(other.size());
        const std::size_t count = below(std::min<std::size_t>(other.size() - from, 256) + 1);
        bytes.insert(here(bytes, at), here(other, from), here(other, from + count));
      }
    }
  }

  const std::vector<Bytes>& corpus_;
  std::mt19937_64 random_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s CORPUS [EXECUTIONS [SEED]]\n", argv[0]);
    return 2;
  }
  const unsigned long executions = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 0;
  now.seed = argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 1;
  for (const int number : {SIGABRT, SIGSEGV, SIGFPE, SIGBUS, SIGALRM, SIGTERM})
    std::signal(number, on_signal);
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(keep_input);

  const std::vector<Bytes> corpus = read_corpus(argv[1]);
  if (corpus.empty()) {
    std::fprintf(stderr, "fuzz: %s holds no input\n", argv[1]);
    return 1;
  }
  std::printf("fuzz: %zu inputs, then %lu executions, seed %lu\n", corpus.size(), executions,
              now.seed);
  std::fflush(stdout);
  for (const Bytes& input : corpus) execute(input);
  Mutator mutator(corpus, now.seed);
  for (unsigned long i = 0; i < executions; ++i) execute(mutator.next());
  return 0;
}
