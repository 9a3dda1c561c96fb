// Puts the report together from the JSON in #data.

const data = JSON.parse(document.getElementById("data").textContent);
const allCharts = []; // of each trace

const heading = trace => {
  const {mms, events} = trace.compare.trace;
  return el("p", {class: "dim"}, `${trace.subject.trim()}; ${count(events)} events, ` +
    `${count(mms)} address spaces`);
};
const overTime = (trace, number) => {
  if (!window.uPlot) return [];
  const charts = new TimeCharts(trace, number);
  allCharts.push(charts);
  return timeline(trace, charts);
};
const parts = {
  "At the peak of the sum": summary,
  "Over time": overTime,
  "The sum at its peak, by cache": bars,
  "Chains and walks at the peak": histograms,
  "Owners at the peak": owners,
  "Family tree of the largest root at the peak": family,
  Provenance: provenance,
  Verification: verification,
};

const main = document.getElementById("main");
data.traces.forEach((trace, i) => {
  const several = data.traces.length > 1;
  if (several) main.append(el("h2", {}, `Trace ${i + 1}: ${trace.compare.trace.path}`));
  main.append(heading(trace), ...proof(trace));
  for (const [title, part] of Object.entries(parts)) {
    const content = part(trace, i);
    if (content.length > 0) main.append(section(title + (several ? ` (trace ${i + 1})` : ""), content));
  }
});
document.getElementById("generator").textContent = data.generator;

// ---- theme, size, printing, copying

const drawAll = () => allCharts.forEach(charts => charts.draw());
const root = document.documentElement;
const setTheme = theme => {
  if (theme === "system") delete root.dataset.theme;
  else root.dataset.theme = theme;
  drawAll();
};
const themes = ["system", "light", "dark"];
const themeButton = document.getElementById("theme");
let theme = themes[0];
themeButton.addEventListener("click", () => {
  theme = themes[(themes.indexOf(theme) + 1) % themes.length];
  themeButton.textContent = `Theme: ${theme}`;
  setTheme(theme);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
addEventListener("resize", () => allCharts.forEach(charts => charts.resize()));
addEventListener("beforeprint", () => {
  root.dataset.printing = "";
  setTheme("light"); // paper is
});
addEventListener("afterprint", () => {
  delete root.dataset.printing;
  setTheme(theme);
});

document.getElementById("copy").addEventListener("click", async () => {
  const words = document.getElementById("table");
  const said = document.getElementById("copied");
  try {
    await navigator.clipboard.writeText(words.textContent);
    said.textContent = "Copied.";
  } catch { // pages of files may not write to it
    getSelection().selectAllChildren(words);
    said.textContent = document.execCommand("copy") ? "Copied." : "Selected: press Ctrl+C.";
  }
});
drawAll();
window.anonvmaCharts = () => allCharts.map(charts => charts.plots); // for the test in a browser
