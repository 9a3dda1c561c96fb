// May this process load tracing programs?
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace anonvma {

// Names of the capabilities that this process lacks; empty: it has all of them.
std::vector<std::string> missing_capabilities();

// The capabilities of a user namespace count for nothing outside of it.
inline constexpr std::string_view kInUserNamespace =
    "root of a user namespace does not suffice to load BPF programs: run it as root of the initial "
    "one";

// Under lockdown=confidentiality not even root may read kernel memory.
inline constexpr std::string_view kLockedDown =
    "this kernel is booted with lockdown=confidentiality, which keeps BPF programs from reading "
    "its "
    "memory: boot with lockdown=integrity or without lockdown";
bool is_locked_down();
// The same, from the text of securityfs's file `lockdown` ("none integrity [confidentiality]",
// empty if securityfs is not mounted) and from the kernel's command line.
bool is_locked_down(std::string_view lockdown, std::string_view command_line);

}  // namespace anonvma
