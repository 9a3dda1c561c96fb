// May this process load tracing programs?
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace anonvma {

// Names of the capabilities it lacks; empty: none.
std::vector<std::string> missing_capabilities();

// The capabilities of a user namespace count for nothing outside of it.
inline constexpr std::string_view kInUserNamespace =
    "root of a user namespace does not suffice to load BPF programs: run it as root of the initial "
    "one";

// What a kernel under lockdown=confidentiality keeps even from root.
inline constexpr std::string_view kLockedDown =
    "this kernel is booted with lockdown=confidentiality, which keeps BPF programs from reading "
    "its "
    "memory: boot with lockdown=integrity or without lockdown";
bool is_locked_down();
// The same, from the text of securityfs's file `lockdown` ("none integrity [confidentiality]"),
// which may be empty where it is not mounted, and from the kernel's command line.
bool is_locked_down(std::string_view lockdown, std::string_view command_line);

}  // namespace anonvma
