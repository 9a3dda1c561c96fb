// Elements and numbers. Texts of a trace go in as text nodes, never as markup.

const el = (name, attributes = {}, ...children) => {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "style") node.style.cssText = value;
    else if (value !== null) node.setAttribute(key, value);
  }
  node.append(...children.filter(child => child !== null));
  return node;
};
const section = (title, ...content) =>
  el("section", {}, el("h2", {}, title), ...content.flat().filter(part => part !== null));

// The first cell of a row is its header. A cell is a text or a td.
const row = ([header, ...cells]) => el("tr", {}, el("th", {scope: "row"}, header),
  ...cells.map(cell => cell instanceof HTMLTableCellElement ? cell : el("td", {}, cell)));
// Names of caches may be broken after "_" where a header wraps.
const breakable = text => text.split(/(?<=_)/).flatMap(part => [part, el("wbr")]);
const table = (header, rows, caption) =>
  el("div", {class: "wide", tabindex: 0, role: "region", "aria-label": caption},
    el("table", {},
      el("thead", {}, el("tr", {}, ...header.map(text =>
        el("th", {scope: "col"}, ...breakable(text))))),
      el("tbody", {}, ...rows.map(row))));
const select = (label, words, change) => {
  const box = el("select", {onchange: () => change(box.selectedIndex)},
    ...words.map(word => el("option", {}, word)));
  return el("label", {}, label, box);
};

// Colours of strategies and of caches, by number. A ninth strategy has the first colour and a dashed line.
const colorOf = i => `--s${i % 8}`;
const isDashed = i => i >= 8;
const strategyKey = i => el("span",
  {class: isDashed(i) ? "key dashed" : "key", style: `--color:var(${colorOf(i)})`});
const cacheColorOf = i => `--c${i % 8}`;
const cacheKey = i => el("span", {class: "key", style: `--color:var(${cacheColorOf(i)})`});
// A colour of page.css as it is now, for a canvas.
const probe = el("span");
const css = name => {
  document.body.append(probe);
  probe.style.color = `var(${name})`;
  const color = getComputedStyle(probe).color;
  probe.remove();
  return color;
};

const count = n => n.toLocaleString("en-US");
const kb = bytes => (bytes / 1024).toLocaleString("en-US",
  {minimumFractionDigits: 1, maximumFractionDigits: 1});
const change = (percent, baseline) => {
  if (baseline) return el("td", {}, "-");
  if (percent === null) return el("td", {}, "n/a");
  const text = (percent > 0 ? "+" : "") + percent.toFixed(1) + "%";
  return el("td", {class: percent < 0 ? "better" : percent > 0 ? "worse" : null}, text);
};

// The names of all caches that a strategy of the trace uses.
const cachesOf = trace => {
  const used = trace.compare.strategies.flatMap(strategy => strategy.caches);
  return [...new Set(used.map(cache => cache.cache))];
};
