// madvise, mseal and prctl(PR_SET_VMA): calls that walk a range and change flags or names
// (mm/madvise.c, mm/mseal.c).
//
// Same: the flags that an advice changes, the point where a call is refused, and its changes
// before. A name replaces another one, or removes it. Simplified: only the result of a call tells that
// shared anonymous memory can have a name; no allocation fails by itself. Ignored: effects of an advice on pages (MADV_DONTNEED, MADV_COLLAPSE and others change no
// vma).
#pragma once

#include "engine/trace/event.h"
#include "engine/vma/layer.h"

namespace anonvma {

void do_madvise(Layer& layer, Mm& mm, const Advise& event);
void do_mseal(Layer& layer, Mm& mm, const Seal& event);
void set_anon_vma_name(Layer& layer, Mm& mm, const Name& event);

}  // namespace anonvma
