#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/report/json.h"
#include "engine/report/look/look_json.h"
#include "engine/report/look/map.h"
#include "engine/report/look/words.h"

namespace anonvma {
namespace {

std::string_view kind_name(VmaKind kind) {
  switch (kind) {
    case VmaKind::anonymous:
      return "anonymous";
    case VmaKind::heap:
      return "heap";
    case VmaKind::stack:
      return "stack";
    case VmaKind::file:
      return "file";
    case VmaKind::shared_memory:
      return "shared_memory";
    case VmaKind::special:
      return "special";
  }
  return "";
}

Json vma_json(const MappedVma& vma) {
  return {{"start", vma.start},
          {"end", vma.end},
          {"vm_flags", vma.flags},
          {"access", access_text(vma.flags)},
          {"pgoff", vma.pgoff},
          {"kind", kind_name(vma.kind)},
          {"file", vma.file},
          {"name", vma.name},
          {"faulted", vma.faulted},
          {"anon_vma", anon_vma_json(vma.anon_vma)},
          {"points_at", anon_vma_json(vma.points_at != 0 ? vma.points_at : vma.anon_vma)},
          {"chain", vma.chain},
          {"walk", vma.walk}};
}

Json entry_json(const MappedAnonVma& entry, const MmNames& names) {
  Json others = Json::array();
  for (const MmId mm : entry.others) others.push_back(mm_json(mm, names.comm(mm)));
  return {{"anon_vma", entry.number},
          {"root", anon_vma_json(entry.root)},
          {"parent", anon_vma_json(entry.parent)},
          {"depth", entry.depth},
          {"num_children", entry.num_children},
          {"num_active_vmas", entry.num_active_vmas},
          {"descendants", entry.descendants},
          {"own_vmas_here", entry.own_here},
          {"own_vmas_elsewhere", entry.own_elsewhere},
          {"linked_vmas_here", entry.linked_here},
          {"linked_vmas_elsewhere", entry.linked_elsewhere},
          {"shared_with", others},
          {"made", origin_json(entry.origin, names)}};
}

Json map_of(const SpaceMap& map) {
  Json vmas = Json::array(), anon_vmas = Json::array();
  for (const MappedVma& vma : map.vmas) vmas.push_back(vma_json(vma));
  for (const MappedAnonVma& entry : map.anon_vmas)
    anon_vmas.push_back(entry_json(entry, map.names));
  return {{"strategy", map.scene.strategy},
          {"held", objs_json(map.objs)},
          {"held_bytes", map.bytes},
          {"chain_entries", map.chain_entries},
          {"vmas", vmas},
          {"anon_vmas", anon_vmas}};
}

}  // namespace

std::string map_json(const SpaceMap& first, const SpaceMap* second) {
  Json json = {{"schema", "anonvma.map/1"}};
  json.update(scene_json(first.scene));
  json["mm"] = life_json(first.mm);
  json["maps"] = Json::array({map_of(first)});
  if (second != nullptr) json["maps"].push_back(map_of(*second));
  return document(json);
}

std::string mm_list_json(const MmList& list) {
  Json json = {{"schema", "anonvma.mms/1"}};
  json.update(scene_json(list.scene));
  json["mms_ever"] = list.mms_ever;
  json["mms"] = Json::array();
  for (const ListedMm& listed : list.mms) {
    Json mm = life_json(listed.mm);
    mm["objs"] = objs_json(listed.objs);
    mm["bytes"] = listed.bytes;
    json["mms"].push_back(std::move(mm));
  }
  return document(json);
}

}  // namespace anonvma
