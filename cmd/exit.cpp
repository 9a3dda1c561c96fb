// Exit statuses and error messages. No other file needs spdlog's sinks.
#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>

#include "cmd/exit.h"
#include "cmd/messages.h"

namespace anonvma::cmd {

void set_up_messages() {
  const char* no_color = std::getenv("NO_COLOR");
  const bool plain = no_color != nullptr && *no_color != '\0';
  auto logger = spdlog::stderr_color_mt(
      "anonvma", plain ? spdlog::color_mode::never : spdlog::color_mode::automatic);
  logger->set_pattern("%^anonvma:%$ %v");
  spdlog::set_default_logger(std::move(logger));
}

void set_verbosity(Verbosity verbosity) {
  spdlog::set_level(verbosity == Verbosity::quiet ? spdlog::level::warn : spdlog::level::debug);
}

int exit_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::usage:
      return kUsage;
    case ErrorCode::no_privilege:
      return kNoPrivilege;
    case ErrorCode::not_supported:
      return kNotSupported;
    case ErrorCode::bad_trace:
      return kBadTrace;
    case ErrorCode::io:
      return kIoError;
    case ErrorCode::interrupted:
      return kInterrupted;
  }
  return kIoError;
}

int fail(const Error& error) {
  std::string line = error.message;
  if (error.offset != Error::kNoOffset) line += fmt::format(" (offset {:#x})", error.offset);
  spdlog::error("{}", one_line(line));
  return exit_status(error.code);
}

}  // namespace anonvma::cmd
