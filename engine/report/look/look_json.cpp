#include "engine/report/look/look_json.h"

#include "engine/report/look/words.h"

namespace anonvma {

Json anon_vma_json(std::uint64_t number) { return number == 0 ? Json(nullptr) : Json(number); }

Json mm_json(MmId mm, const std::string& comm) {
  if (!mm) return nullptr;
  return {{"mm", mm.v}, {"comm", comm}};
}

Json life_json(const MmLife& mm) {
  Json json = {{"mm", mm.mm.v},         {"comm", mm.comm},
               {"pid", mm.tgid},        {"birth", birth_name(mm.birth)},
               {"born_ns", mm.born_ns}, {"from_mm", mm.from ? Json(mm.from.v) : Json(nullptr)}};
  json["end_ns"] = mm.end_event == MmLife::kAlive ? Json(nullptr) : Json(mm.end_ns);
  return json;
}

Json origin_json(const Origin& origin, const MmNames& names) {
  Json json = {{"how", origin_name(origin.how)}};
  if (origin.how == Origin::How::unknown) return json;
  json["operation"] = op_kind_name(origin.kind);
  json["by"] = mm_json(origin.mm, names.comm(origin.mm));
  json["parent"] = mm_json(origin.parent, names.comm(origin.parent));
  json["event"] = origin.event;
  json["time_ns"] = origin.ns;
  json["addr"] = origin.addr;
  return json;
}

Json objs_json(const std::array<std::uint64_t, kAllCaches>& objs) {
  Json json = Json::object();
  for (std::size_t c = 0; c < kAllCaches; ++c)
    if (c < kNumCaches || objs[c] > 0) json[cache_name(static_cast<CacheIndex>(c))] = objs[c];
  return json;
}

Json scene_json(const Scene& scene) {
  return {{"trace",
           {{"path", scene.path},
            {"hash", scene.hash},
            {"kernel", scene.kernel},
            {"own_strategy", scene.own_strategy},
            {"lost", scene.lost},
            {"damage", scene.damage}}},
          {"moment",
           {{"why", moment_name(scene.why)},
            {"time_ns", scene.ns},
            {"events", scene.events},
            {"strategy", scene.strategy},
            {"notes", scene.notes}}}};
}

}  // namespace anonvma
