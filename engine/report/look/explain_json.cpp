#include "engine/report/look/explain.h"
#include "engine/report/look/look_json.h"
#include "engine/report/look/words.h"

namespace anonvma {
namespace {

Json held_json(const HeldAnonVma& one, const MmNames& names) {
  return {{"anon_vma", one.number},
          {"root", anon_vma_json(one.root)},
          {"parent", anon_vma_json(one.parent)},
          {"num_children", one.num_children},
          {"num_active_vmas", one.num_active_vmas},
          {"descendants", one.descendants},
          {"own_vmas", one.own_vmas},
          {"linked_vmas", one.linked_vmas},
          {"mms", one.mms},
          {"bytes", one.bytes},
          {"age_ns", one.age_ns},
          {"made", origin_json(one.origin, names)}};
}

Json list_json(const std::vector<HeldAnonVma>& all, const MmNames& names) {
  Json list = Json::array();
  for (const HeldAnonVma& one : all) list.push_back(held_json(one, names));
  return list;
}

Json holder_json(const HoldingVma& one, const MmNames& names) {
  return {{"mm", mm_json(one.mm, names.comm(one.mm))},
          {"start", one.vma.start},
          {"end", one.vma.end},
          {"access", access_text(one.vma.flags)},
          {"what", what_text(one.vma)},
          {"chain", one.vma.chain}};
}

Json carrier_json(const CarryingMm& one) {
  Json json = life_json(one.mm);
  json["depth"] = one.depth;
  json["carried_ns"] = one.fork_ns;
  json["linked_vmas"] = one.vmas;
  json["alive"] = one.alive;
  return json;
}

Json object_json(const AnonVmaLife& life, const MmNames& names) {
  Json json = held_json(life.anon_vma, names);
  json["forks"] = life.forks;
  json["children"] = life.children;
  json["carriers"] = Json::array();
  for (const CarryingMm& one : life.carriers) json["carriers"].push_back(carrier_json(one));
  json["holders"] = Json::array();
  for (const HoldingVma& one : life.holders) {
    json["holders"].push_back(holder_json(one, names));
    json["holders"].back()["own"] = one.own;
  }
  return json;
}

Json abandoned_json(const Explanation& e) {
  Json ages = Json::array();
  for (const AgeSpan& span : e.abandoned_ages)
    ages.push_back({{"below_ns", span.below_ns == 0 ? Json(nullptr) : Json(span.below_ns)},
                    {"anon_vmas", span.anon_vmas},
                    {"chain_entries", span.chain_entries},
                    {"bytes", span.bytes}});
  return {{"by_age", ages}, {"largest", list_json(e.abandoned, e.names)}};
}

}  // namespace

std::string explain_json(const Explanation& e) {
  Json json = {{"schema", "anonvma.explain/1"}};
  json.update(scene_json(e.scene));
  json["totals"] = {{"anon_vmas", e.anon_vmas},
                    {"anon_vma_bytes", e.anon_vma_bytes},
                    {"chain_entries", e.chain_entries},
                    {"chain_bytes", e.chain_bytes},
                    {"faulted_without_anon_vma", e.without_anon_vma}};
  if (e.of_mm) {
    json["mm"] = life_json(*e.of_mm);
    json["of_mm"] = list_json(e.of_its, e.names);
  }
  json["anon_vmas"] = Json::array();
  for (const AnonVmaLife& life : e.lives) json["anon_vmas"].push_back(object_json(life, e.names));
  json["without_own_vma"] = abandoned_json(e);
  json["deepest"] = Json::array();
  for (const HoldingVma& holder : e.deepest)
    json["deepest"].push_back(holder_json(holder, e.names));
  return document(json);
}

}  // namespace anonvma
