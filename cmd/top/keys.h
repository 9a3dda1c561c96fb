// The keys of `top`: what each of them changes. No terminal is needed for them.
#pragma once

#include <cstddef>

#include "cmd/top/display.h"

namespace anonvma::cmd {

// Keys that are no characters.
enum Key : int { kKeyUp = 0x1000, kKeyDown, kKeyBackspace, kKeyEscape, kKeyEnter };

// Changes `view` as `key` says, a character or a Key. The result is what the session has to do.
Wishes press(int key, LiveView& view, std::size_t designs);

}  // namespace anonvma::cmd
