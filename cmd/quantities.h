// Sizes and times as people type them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace anonvma::cmd {

// Bytes: "64" and "64M" are 64 MiB, "1G" is 1 GiB, "512K" is 512 KiB. nullopt for 0 or other texts.
std::optional<std::uint64_t> parse_size(std::string_view text);
// Nanoseconds: "90" and "90s" are seconds, "1.5m" minutes, "2h" hours. nullopt for 0 or other
// texts.
std::optional<std::uint64_t> parse_time(std::string_view text);

// 67108864 is "64.0 MiB", 1500000000 is "1.5 s".
std::string size_text(std::uint64_t bytes);
std::string time_text(std::uint64_t ns);

}  // namespace anonvma::cmd
