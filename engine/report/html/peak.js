// What a design held when all caches together held most.

const allocsOf = strategy => Object.entries(strategy.churn)
  .filter(([kind]) => kind !== "start")
  .flatMap(([, cost]) => Object.values(cost.allocs))
  .reduce((sum, objs) => sum + objs, 0);

const summary = trace => {
  const {strategies, baseline} = trace.compare;
  const caches = cachesOf(trace);
  const walk = (strategy, name) => {
    const walks = strategy.walks.peak_of_sum;
    return walks.vmas === 0 ? "-" : count(walks[name]);
  };
  return [
    table(["strategy", "KB", "change", ...caches, "allocs", "root locks", "walk p50", "p99", "max"],
      strategies.map((strategy, i) => {
        const peak = strategy.peak_of_sum;
        return [el("span", {}, strategyKey(i), strategy.name), kb(peak.bytes),
          change(peak.change_percent, strategy.name === baseline),
          ...caches.map(cache => cache in peak.objs ? count(peak.objs[cache]) : ""),
          count(allocsOf(strategy)), count(strategy.root_locks),
          walk(strategy, "median"), walk(strategy, "p99"), walk(strategy, "max")];
      }), "Peak of the sum"),
    el("p", {class: "dim"}, "KB: all caches, objects times slot size, when they held most. allocs: " +
      "objects that operations allocated. root locks: acquisitions in the rmap layer. walk: VMAs " +
      "visited by an rmap walk, per faulted VMA."),
  ];
};

const bytesOf = (strategy, name) => {
  const cache = strategy.caches.find(c => c.cache === name);
  return cache ? (strategy.peak_of_sum.objs[name] || 0) * cache.objsize : 0;
};
const bar = (strategy, caches, most) => el("td", {class: "stacked"}, el("div", {class: "stack"},
  ...caches.map((name, i) => el("span", {
    title: `${name}: ${kb(bytesOf(strategy, name))} KB`,
    style: `width:${100 * bytesOf(strategy, name) / most}%;background:var(${cacheColorOf(i)})`}))));
const bars = trace => {
  const {strategies, baseline} = trace.compare;
  const caches = cachesOf(trace);
  const most = Math.max(...strategies.map(s => s.peak_of_sum.bytes), 1);
  return [
    el("p", {}, ...caches.map((name, i) => el("span", {class: "entry"}, cacheKey(i), name))),
    table(["strategy", "", "KB", "change"], strategies.map(strategy => [strategy.name,
      bar(strategy, caches, most), kb(strategy.peak_of_sum.bytes),
      change(strategy.peak_of_sum.change_percent, strategy.name === baseline)]),
    "The sum at its peak"),
  ];
};

// ---- histograms: a column for each range of values, a row for each strategy

// 0, 1, 2, 3, 4, 5-8, 9-16 and so on, up to `most`.
const ranges = most => {
  const all = [];
  for (let low = 0; low <= most;) {
    const high = low < 4 ? low : 2 ** Math.ceil(Math.log2(low));
    all.push([low, high]);
    low = high + 1;
  }
  return all;
};
const sumWithin = (entries, [low, high], value, times) => entries
  .filter(entry => entry[value] >= low && entry[value] <= high)
  .reduce((sum, entry) => sum + entry[times], 0);
const share = (n, all) => el("td", {class: "share",
  style: n === 0 ? "" : `--share:${Math.max(100 * n / all, 4)}%`}, n === 0 ? "" : count(n));

// `name` is the key of a histogram, whose entries are {[value], [times]}.
const histogram = (trace, title, note, name, value, times) => {
  const all = trace.compare.strategies.map(strategy => strategy.walks.peak_of_sum[name]);
  if (all.flat().length === 0) return null;
  const most = all.flat().reduce((high, entry) => Math.max(high, entry[value]), 0);
  const used = ranges(most).filter(range => sumWithin(all.flat(), range, value, times) > 0);
  const header = used.map(([low, high]) => low === high ? String(low) : `${low}–${high}`);
  const rows = all.map((entries, i) => {
    const sums = used.map(range => sumWithin(entries, range, value, times));
    const sum = sums.reduce((a, b) => a + b, 0);
    return [trace.compare.strategies[i].name, ...sums.map(n => share(n, sum)), count(sum)];
  });
  return el("div", {}, el("h3", {}, title), el("p", {class: "dim"}, note),
    table(["strategy", ...header, "sum"], rows, title));
};
const histograms = trace => [
  histogram(trace, "Chain length", "Faulted VMAs by the number of their anon_vma_chain entries.",
    "chain_lengths", "entries", "vmas"),
  histogram(trace, "Walk length",
    "Faulted VMAs by the number of VMAs that an rmap walk visits for a page first faulted there.",
    "walk_lengths", "visited", "vmas"),
  histogram(trace, "VMAs per anon_vma", "anon_vmas by the number of VMAs linked to them.",
    "vmas_per_anon_vma", "vmas", "anon_vmas"),
];
