// Objects over time: a chart for the sum and one for each cache. All charts of a trace show the same time.

const chartHeight = panel => panel.sum ? 260 : 190;
const chartWidth = panel => Math.max(panel.holder.clientWidth, 200);

const chartKeys = {
  ArrowLeft: (charts, plot) => charts.step(plot, -1),
  ArrowRight: (charts, plot) => charts.step(plot, 1),
  PageUp: (charts, plot) => charts.step(plot, -20),
  PageDown: (charts, plot) => charts.step(plot, 20),
  "+": (charts, plot) => charts.zoom(plot, 0.5, 0),
  "=": (charts, plot) => charts.zoom(plot, 0.5, 0),
  "-": (charts, plot) => charts.zoom(plot, 2, 0),
  ",": (charts, plot) => charts.zoom(plot, 1, -0.25),
  ".": (charts, plot) => charts.zoom(plot, 1, 0.25),
  0: charts => charts.showAll(),
  Escape: charts => charts.showAll(),
};

class TimeCharts {
  constructor(trace, number) {
    this.series = trace.series;
    this.sync = `trace ${number}`;
    const {width_ns, sum} = this.series.strategies[0]; // the points of all strategies are equal
    this.width = width_ns / 1e9;
    this.times = sum.max_bytes.map((_, i) => i * this.width);
    this.value = "max"; // or "last"
    this.inBytes = false;
    this.hidden = new Set(); // indices of strategies
    this.plots = [];
    this.syncing = false;
    this.panels = [{name: "sum of all caches", sum: true},
      ...cachesOf(trace).map(name => ({name, sum: false}))];
    this.figures = this.panels.map((panel, i) => this.figure(panel, i));
  }

  figure(panel, i) {
    panel.holder = el("div", {class: "plot", tabindex: 0, role: "application",
      "aria-label": `${panel.name} over time`, onkeydown: event => this.keyDown(event, i)});
    panel.reading = el("div", {class: "read", "aria-live": "polite"});
    return el("figure", {}, el("h3", {}, panel.name), panel.reading, panel.holder);
  }

  // The first strategy comes last, and so is drawn above the others.
  linesOf(panel) {
    const lines = [];
    this.series.strategies.forEach((strategy, i) => {
      const cache = strategy.caches.find(c => c.cache === panel.name);
      if (!panel.sum && !cache) return;
      const values = panel.sum ? strategy.sum[`${this.value}_bytes`] : cache[`${this.value}_objs`];
      const factor = panel.sum ? 1 / 1024 : this.inBytes ? cache.objsize / 1024 : 1;
      lines.unshift({i, name: strategy.name, values: values.map(v => v * factor)});
    });
    return lines;
  }

  isKb(panel) { return panel.sum || this.inBytes; }
  text(panel, value) {
    if (value === null || value === undefined) return "-";
    return this.isKb(panel) ? kb(value * 1024) + " KB" : count(value);
  }
  // Shows the values at a point, or the highest one where there is no cursor.
  read(panel, index) {
    const shown = panel.lines.filter(line => !this.hidden.has(line.i)).reverse();
    if (index === null || index === undefined) {
      const most = shown.reduce((high, line) => line.values.reduce((a, b) => Math.max(a, b), high), 0);
      panel.reading.replaceChildren(el("span", {}, `${this.isKb(panel) ? "KB" : "objects"}; highest `,
        el("b", {}, this.text(panel, most))));
      return;
    }
    panel.reading.replaceChildren(el("span", {}, this.times[index].toFixed(3) + " s"),
      ...shown.map(line => el("span", {}, strategyKey(line.i), line.name + " ",
        el("b", {}, this.text(panel, line.values[index])))));
  }

  options(panel) {
    const axis = {stroke: css("--dim"), grid: {stroke: css("--rule"), width: 1},
      ticks: {stroke: css("--rule"), width: 1, size: 4}, font: "12px system-ui, sans-serif"};
    return {
      width: chartWidth(panel), height: chartHeight(panel), legend: {show: false},
      cursor: {sync: {key: this.sync, setSeries: false}, drag: {x: true, y: false}, points: {size: 6}},
      scales: {x: {time: false}, y: {range: (plot, low, high) => [0, (high || 1) * 1.05]}},
      axes: [
        {...axis, space: 70, size: 30, values: (plot, ticks) => ticks.map(t => +t.toFixed(6) + " s")},
        {...axis, size: 58, values: (plot, ticks) => ticks.map(count)}],
      series: [{}, ...panel.lines.map(line => ({
        label: line.name, stroke: css(colorOf(line.i)), width: 1.25, points: {show: false},
        dash: isDashed(line.i) ? [6, 3] : [],
        show: !this.hidden.has(line.i), paths: uPlot.paths.stepped({align: 1})}))],
      hooks: {
        setCursor: [plot => this.read(panel, plot.cursor.idx)],
        setScale: [(plot, scale) => { if (scale === "x") this.zoomOthers(plot); }],
      },
    };
  }
  plot(panel) {
    panel.lines = this.linesOf(panel);
    panel.holder.replaceChildren();
    this.read(panel, null);
    const values = [this.times, ...panel.lines.map(line => line.values)];
    return new uPlot(this.options(panel), values, panel.holder);
  }
  draw() {
    const before = this.plots.length > 0 ? {...this.plots[0].scales.x} : null;
    this.withoutSync(() => {
      for (const plot of this.plots) plot.destroy();
      this.plots = this.panels.map(panel => this.plot(panel));
      if (before && before.min !== null) this.showTime(this.plots, before);
    });
  }
  resize() {
    this.plots.forEach((plot, i) =>
      plot.setSize({width: chartWidth(this.panels[i]), height: plot.height}));
  }

  withoutSync(act) {
    if (this.syncing) return;
    this.syncing = true;
    act();
    this.syncing = false;
  }
  showTime(plots, {min, max}) {
    for (const plot of plots) plot.setScale("x", {min, max});
  }
  zoomOthers(from) {
    const {min, max} = from.scales.x;
    this.withoutSync(() => this.showTime(this.plots.filter(plot =>
      plot.scales.x.min !== min || plot.scales.x.max !== max), {min, max}));
  }
  showAll() { this.showTime(this.plots.slice(0, 1), {min: 0, max: this.times.at(-1)}); }
  // Zooms at the cursor, and moves by a share of what is shown.
  zoom(plot, factor, shift) {
    const {min, max} = plot.scales.x;
    const last = this.times.at(-1);
    const middle = plot.cursor.idx === null ? (min + max) / 2 : this.times[plot.cursor.idx];
    let from = middle - (middle - min) * factor + shift * (max - min);
    let to = middle + (max - middle) * factor + shift * (max - min);
    if (from < 0) [from, to] = [0, to - from];
    if (to > last) [from, to] = [Math.max(0, from - (to - last)), last];
    if (to - from > 2 * this.width) plot.setScale("x", {min: from, max: to});
  }
  step(plot, by) {
    const index = Math.min(Math.max((plot.cursor.idx ?? 0) + by, 0), this.times.length - 1);
    plot.setCursor({left: plot.valToPos(this.times[index], "x"), top: plot.over.clientHeight / 2});
  }
  keyDown(event, i) {
    const act = chartKeys[event.key];
    if (!act || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    act(this, this.plots[i]);
  }

  // Hides a strategy or shows it again; returns whether it is shown.
  toggle(i) {
    const shown = this.hidden.delete(i);
    if (!shown) this.hidden.add(i);
    this.plots.forEach((plot, p) => {
      const at = this.panels[p].lines.findIndex(line => line.i === i);
      if (at >= 0) plot.setSeries(at + 1, {show: shown});
      this.read(this.panels[p], plot.cursor.idx);
    });
    return shown;
  }
}

const strategyButtons = (charts, trace) => el("div", {class: "bar"},
  ...trace.compare.strategies.map(({name}, i) => {
    const button = el("button", {type: "button", "aria-pressed": "true",
      onclick: () => button.setAttribute("aria-pressed", String(charts.toggle(i)))},
    strategyKey(i), name + (name === trace.compare.baseline ? " (baseline)" : ""));
    return button;
  }));
const chartChoices = charts => el("div", {class: "bar"},
  select("caches as ", ["objects", "KB"], i => { charts.inBytes = i === 1; charts.draw(); }),
  select("value of a point ", ["most", "last"], i => {
    charts.value = i === 0 ? "max" : "last";
    charts.draw();
  }),
  el("button", {type: "button", onclick: () => charts.showAll()}, "Whole time"));

const timeline = (trace, charts) => [
  el("p", {class: "dim"}, `${count(trace.compare.trace.events)} events in ` +
    `${count(charts.times.length)} points of ${+(charts.width * 1000).toPrecision(4)} ms: the most, ` +
    "or the last, between two operations within a point. All charts show the same time. Where lines " +
    "coincide, the first strategy is on top."),
  strategyButtons(charts, trace), chartChoices(charts),
  el("p", {class: "dim help"}, "Drag to zoom, double-click for the whole time. Keys on a chart: left " +
    "and right move the cursor, + and - zoom, comma and full stop move, 0 shows all."),
  el("div", {class: "charts"}, ...charts.figures),
];
