// Words that the pictures of address spaces share.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/look/space_map.h"

namespace anonvma {

inline constexpr std::size_t kLookColumns = 80;

// "132K", "4.0M"
std::string short_size(std::uint64_t bytes);
// "1.234 s"
std::string seconds_text(std::uint64_t ns);
// "rw-p" and the two-letter words of /proc/PID/smaps for flags that keep vmas from merging.
std::string access_text(std::uint64_t vm_flags);
std::string flag_words(std::uint64_t vm_flags);
// "[heap]", "[anon:a name]", "file 12"
std::string what_text(const MappedVma& vma);
// "55d0c0000000-55d0c0021000"
std::string range_text(std::uint64_t start, std::uint64_t end);

// "at 1.234 s, the peak of the sum, under num-children, the recording kernel's own"
std::string moment_text(const Scene& scene);
std::string_view moment_name(Scene::Why why);  // in JSON
// "mm 12 (cc1), pid 4242, forked from mm 3 (make) at 0.812 s"
std::string life_text(const MmLife& mm, const MmNames& names);
std::string_view birth_name(Birth birth);  // in JSON
// "0.010 s  write, mm 1 (bash)"
std::string origin_text(const Origin& origin, const MmNames& names);
std::string_view origin_name(Origin::How how);  // in JSON
// Lines below an answer: damage, losses, notes.
std::string scene_notes(const Scene& scene);

// "1 vma", "2 vmas", "2 entries"
std::string counted(std::uint64_t n, std::string_view what);

}  // namespace anonvma
