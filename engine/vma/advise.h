// madvise and mseal: calls that walk a range and change flags (mm/madvise.c, mm/mseal.c).
//
// Same: the flags that an advice changes, the point where a call is refused, and its changes
// before. Simplified: no allocation fails by itself. Ignored: effects of an advice on pages (MADV_DONTNEED, MADV_COLLAPSE and others change no
// vma).
#pragma once

#include "engine/trace/event.h"
#include "engine/vma/layer.h"

namespace anonvma {

void do_madvise(Layer& layer, Mm& mm, const Advise& event);
void do_mseal(Layer& layer, Mm& mm, const Seal& event);

}  // namespace anonvma
