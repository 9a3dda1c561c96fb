#include "cmd/messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "cmd/exit.h"

namespace anonvma::cmd {

int print_result(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0)
    return kOk;
  return fail({ErrorCode::io, fmt::format("standard output: {}", std::strerror(errno))});
}

std::string one_line(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '?';
  return out;
}

Error in_file(const std::string& path, Error error) {
  error.message = path + ": " + error.message;
  return error;
}

int first_that_applies(int a, int b) {
  constexpr std::array kOrder{kUsage,       kNoPrivilege, kNotSupported, kBadTrace, kIoError,
                              kInterrupted, kFinding,     kEventsLost,   kOk};
  const auto rank = [&](int status) { return std::find(kOrder.begin(), kOrder.end(), status); };
  return rank(a) <= rank(b) ? a : b;
}

}  // namespace anonvma::cmd
