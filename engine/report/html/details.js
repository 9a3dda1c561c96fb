// Who holds the objects, the largest family, and what the numbers rest on.

// A part that shows one strategy at a time: show(i) gives its elements. more(update) gives further
// choices, which call update().
const bySelection = (trace, more, show) => {
  const place = el("div");
  const names = trace.compare.strategies.map(strategy => strategy.name);
  let chosen = Math.max(names.indexOf(trace.compare.baseline), 0);
  const update = () => place.replaceChildren(...show(chosen));
  const box = select("strategy ", names, i => { chosen = i; update(); });
  box.querySelector("select").selectedIndex = chosen;
  update();
  return [el("div", {class: "bar"}, box, ...more(update)), place];
};

const ownersTable = (trace, lines, by) => {
  const all = Math.max(lines.reduce((most, line) => Math.max(most, line.bytes), 0), 1);
  const caches = cachesOf(trace).filter(name => lines.some(line => line.objs[name]));
  const mms = line => by === "comm" ? [count(line.mms)] : [];
  return table([by, ...(by === "comm" ? ["mms"] : []), ...caches, "KB", "share"],
    lines.map(line => [line.holder, ...mms(line),
      ...caches.map(name => count(line.objs[name] || 0)), kb(line.bytes),
      (100 * line.bytes / all).toFixed(1) + "%"]), "Owners");
};
const owners = trace => {
  let by = "comm";
  return bySelection(trace,
    update => [select("by ", ["comm", "mm"], i => { by = ["comm", "mm"][i]; update(); })],
    i => [ownersTable(trace, trace.owners[i][by], by)]);
};

const nodeText = node => {
  if (node.vmas === 0) return "no VMA; only its descendants keep it";
  return `mm ${node.mm} (${node.comm}): ${node.own_vmas} own of ${node.vmas} linked ` +
    (node.vmas === 1 ? "VMA" : "VMAs");
};
// A line for each node, depth first. No recursion, as a family may be deep.
const familyText = nodes => {
  const children = nodes.map(() => []);
  nodes.slice(1).forEach((node, i) => children[node.parent].push(i + 1));
  const lines = [];
  const open = [{i: 0, own: "", below: ""}]; // what stands before the node, and before its children
  while (open.length > 0) {
    const {i, own, below} = open.pop();
    lines.push(own + nodeText(nodes[i]));
    children[i].map((child, n) => n === children[i].length - 1
      ? {i: child, own: below + "└─ ", below: below + "   "}
      : {i: child, own: below + "├─ ", below: below + "│  "}).reverse().forEach(next => open.push(next));
  }
  return lines.join("\n");
};
const family = trace => bySelection(trace, () => [], i => {
  const found = trace.families[i];
  if (found.nodes.length === 0)
    return [el("p", {class: "dim"}, "This design has no anon_vma at that moment.")];
  const cut = found.anon_vmas - found.nodes.length;
  return [
    el("p", {class: "dim"}, `${count(found.anon_vmas)} anon_vmas and ${count(found.vmas)} VMAs below ` +
      `this root, the largest of ${count(found.roots)}. A line is an anon_vma; its mm is the first ` +
      "that has an own VMA there. anonvma explain says why each is alive." +
      (cut > 0 ? ` ${count(cut)} anon_vmas are not shown.` : "")),
    el("pre", {class: "tree", tabindex: 0, "aria-label": "Family tree"}, familyText(found.nodes)),
  ];
});

// The lines below a first screen: verification, loss, accuracy, and what is not as it should be. Notes on
// the recording stand under "Provenance".
const proof = trace => {
  const {verified, lost} = trace.compare.trace;
  const doubtful = lost > 0 || verified === "differs" || verified === "no";
  const lines = trace.proof.trim().split("\n").filter(line => !line.endsWith(": --full"));
  return lines.map((line, i) => el("p",
    {class: i === 0 ? (doubtful ? "bad" : "dim") : /^[A-Z]{4}/.test(line) ? "bad" : "dim"}, line));
};
const provenance = trace => {
  const list = el("dl");
  for (const [label, words] of trace.footer) {
    if (label === "" && list.lastElementChild) list.lastElementChild.append(el("br"), words);
    else list.append(el("dt", {}, label), el("dd", {}, words));
  }
  return [list, ...trace.notes.map(note => el("p", {}, note))];
};
const lane = ({name, available, compared, equal, reason}) => {
  const differs = available && compared !== equal;
  return [name, available ? count(compared) : "n/a", available ? count(equal) : "",
    el("td", {class: differs ? "text bad" : "text"}, available ? differs ? "differs" : "" : reason)];
};
const verification = trace => {
  if (!trace.verify) return [el("p", {}, trace.compare.trace.verdict)];
  return [table(["lane", "compared", "equal", ""], trace.verify.lanes.map(lane), "Verification"),
    ...trace.verify.differences.map(words => el("p", {class: "bad"}, words))];
};
