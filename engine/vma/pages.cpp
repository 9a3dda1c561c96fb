#include "engine/vma/pages.h"

#include <algorithm>

namespace anonvma {

void unlink_anon_vmas(Layer& layer, VmaId vma) {
  if (layer.watcher != nullptr) layer.watcher->emptied(vma);
  layer.strategy.unlink(vma);
}

void written(Layer& layer, VmaId vma, std::uint64_t start, std::uint64_t end) {
  if (layer.watcher == nullptr || !layer.faulted(vma)) return;
  const Vma& v = layer.at(vma);
  start = std::max(start, v.start);
  end = std::min(end, v.end);
  if (start >= end) return;
  layer.watcher->written(vma, v.pgoff + layer.pages(start - v.start), layer.pages(end - start));
}

void write_all(Layer& layer, VmaId vma) {
  layer.rmap.prepare(vma);
  written(layer, vma, layer.at(vma).start, layer.at(vma).end);
}

void moved(Layer& layer, VmaId to, VmaId from, std::uint64_t pgoff, std::uint64_t pages,
           Watcher::Move why) {
  if (layer.watcher != nullptr) layer.watcher->moved(to, from, pgoff, pages, why);
}

}  // namespace anonvma
