#include "engine/look/look.h"

#include <algorithm>

#include "engine/replay/replay.h"
#include "engine/strategy/own.h"

namespace anonvma {

Budget look_budget(const TraceReader& reader, bool limits) {
  return limits ? budget_for(reader.bytes(), 1) : Budget{};
}

Look::Look(TraceReader& reader, const Survey& survey, const StrategyChoice& strategy,
           const LookOptions& options)
    : reader_(reader), survey_(survey), strategy_(strategy), options_(options) {}

Budget Look::budget() const { return look_budget(reader_, options_.limits); }

Scene Look::scene(Scene::Why why, std::uint64_t events, std::uint64_t ns) const {
  Scene scene;
  scene.path = options_.path;
  scene.hash = survey_.hash;
  scene.kernel = survey_.meta.release;
  scene.strategy = strategy_.name();
  scene.own_strategy = own_strategy(survey_.meta);
  scene.why = why;
  scene.events = events;
  scene.ns = ns;
  scene.lost = survey_.lost;
  scene.damage = survey_.damage;
  const std::vector<const MmLife*> lives = survey_.lives.all();
  const bool attached = std::any_of(lives.begin(), lives.end(),
                                    [](const MmLife* life) { return life->birth == Birth::start; });
  if (attached && strategy_.info->name != scene.own_strategy)
    scene.notes.emplace_back(
        "objects alive at the start are those that the recording kernel's own design had made");
  return scene;
}

Result<Scene> Look::moment() const {
  if (options_.at_s)
    return scene(Scene::Why::at, survey_.events_at.value_or(0),
                 static_cast<std::uint64_t>(*options_.at_s * 1e9));
  if (options_.at_end) return at_end();
  Result<TraceReader> again = reader_.again();
  if (!again) return again.error();
  Standing whole(survey_.meta, strategy_, budget());
  if (const Status status = whole.replay(*again, survey_.events); !status) return status.error();
  return scene(Scene::Why::peak, whole.events_to_peak(), whole.slab().peak().time_ns);
}

Scene Look::before_end(const MmLife& life) const {
  return scene(Scene::Why::before_end, life.end_event, life.end_ns);
}

Scene Look::at_end() const { return scene(Scene::Why::end, survey_.events, survey_.last_ns); }

Scene Look::same_moment(const Scene& other) const {
  return scene(other.why, other.events, other.ns);
}

Result<Look::Stand> Look::stand(const Scene& scene, std::span<const std::uint64_t> followed) const {
  Result<TraceReader> again = reader_.again();
  if (!again) return again.error();
  Stand stand;
  stand.model = std::make_unique<Standing>(survey_.meta, strategy_, budget());
  Standing& model = *stand.model;
  stand.origins = std::make_unique<Origins>(model.spaces(), model.slab(), survey_.meta.page_size);
  stand.origins->follow(followed);
  model.watch(stand.origins.get());
  if (const Status status = model.replay(*again, scene.events); !status) return status.error();
  stand.census = take_census(model.spaces(), *stand.origins);
  return stand;
}

}  // namespace anonvma
