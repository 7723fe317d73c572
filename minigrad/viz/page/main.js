// Starts the page, and says what every key and button does.

// Choose a node by its key; `draw` is false when the focus alone has moved onto what is chosen already.
function choose(key, always = true) {
  if (!always && selection.key === key) return;
  selection.key = key;
  drawPanel();
}

// Draw again after groups were opened or closed.
function redraw(from) {
  meeting = null;
  drawGraph(from);
  renewSteps();
  showTime();
  drawPanel();
  fit(true, READABLE, drawn.nodes.get(from === null ? null : isOpen(from) ? firstInside(from) : keyOfGroup(from)));
}

function openAndSay(group, from = group) {
  const closed = openGroup(group);
  if (closed.length)
    toast(
      `At most ${LIMIT} nodes are shown: closed ${closed.slice(0, 3).join(", ")}${closed.length > 3 ? " and others" : ""}.`,
    );
  redraw(from);
}

function toggle(group) {
  if (isOpen(group)) {
    closeGroup(group);
    redraw(group);
  } else openAndSay(group);
  const key = keyOfGroup(group);
  choose(key);
  focusOn(isOpen(group) ? firstInside(group) : key);
}

const firstInside = group => [...drawn.nodes.values()].find(node => node.parent === group)?.key;

function focusOn(key) {
  const element = drawn.nodes.get(key)?.element;
  if (element && !byId("search").matches(":focus")) {
    const { key: chosen } = selection;
    element.focus({ preventScroll: true });
    choose(chosen, false);
  }
}

function toast(text) {
  const box = byId("toast");
  box.textContent = text;
  box.classList.add("on");
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => box.classList.remove("on"), 4000);
}

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  byId("theme").textContent = name === "dark" ? "Light" : "Dark";
  if (drawn.graph) {
    drawPanel();
    drawTicks();
  }
}

function turn() {
  view.direction = view.direction === "TB" ? "LR" : "TB";
  redraw(null);
}

function closeAll() {
  for (const g of [...OPEN]) if (g !== 0) closeGroup(g);
  selection.key = null;
  redraw(null);
}

// Close the group that the chosen node is in; without one, leave the steps.
function closeAround() {
  const { key } = selection;
  if (byId("keys").open) return byId("keys").close();
  const group = key === null ? 0 : key[0] === "g" ? GROUPS[Number(key.slice(1))].parent : ITEMS[Number(key.slice(1))].group;
  if (stepping()) {
    selection.key = null;
    goTo(-1);
  } else if (group) toggle(group);
  else choose(null);
}

const KEYS = [
  ["→", "step forward", () => goTo(time.at + 1)],
  ["←", "step back", () => goTo(time.at - 1)],
  ["Home", "before the first step", () => goTo(-1)],
  ["End", "the last step", () => goTo(time.steps.length - 1)],
  ["Space", "play, stop", play],
  ["Tab", "the next node", null],
  ["Enter", "open the node in focus", openChosen],
  ["Esc", "leave the steps, or close the group around", closeAround],
  ["/", "search", () => byId("search").focus()],
  ["1 2 3", "formula, numbers, normalization", null],
  ["F", "fit", () => fit()],
  ["+", "zoom in", () => zoom(1.25)],
  ["−", "zoom out", () => zoom(0.8)],
  ["Shift + arrows", "move the picture", null],
  ["O", "open modules on the way", () => byId("follow").click()],
  ["R", "turn the graph", turn],
  ["C", "close everything", closeAll],
  ["T", "light or dark", () => setTheme(isDark() ? "light" : "dark")],
  ["?", "this list", showKeys],
];

function openChosen() {
  const key = document.activeElement?.closest?.(".node")?.dataset.key ?? selection.key;
  const node = drawn.nodes.get(key);
  const inner = node ? innerOf(node) : selection.key?.[0] === "i" ? ITEMS[Number(selection.key.slice(1))].inside : null;
  if (inner !== null && inner !== undefined) toggle(inner);
}

function showKeys() {
  byId("keys").replaceChildren(
    h("h2", {}, "Keys"),
    h(
      "ul",
      { class: "how" },
      KEYS.map(([key, text]) => h("li", {}, h("kbd", {}, key), ` ${text}`)),
    ),
    h("button", { class: "wide", onclick: () => byId("keys").close() }, "Close"),
  );
  byId("keys").showModal();
}

const NAMED = { ArrowRight: "→", ArrowLeft: "←", Escape: "Esc", " ": "Space", "-": "−", "=": "+" };
const MOVES = { ArrowLeft: [90, 0], ArrowRight: [-90, 0], ArrowUp: [0, 90], ArrowDown: [0, -90] };

function listenToKeys() {
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (byId("keys").open && event.key !== "Escape") return;
    const head = event.target.closest?.(".box-head");
    const ownKey = event.target.matches?.("button, summary, select") && [" ", "Enter"].includes(event.key);
    const ownArrow = event.target.matches?.("input[type=range]:not(#time)") && event.key.startsWith("Arrow");
    if (ownKey || ownArrow) return;
    if (event.shiftKey && MOVES[event.key]) pan(...MOVES[event.key]);
    else if (["1", "2", "3"].includes(event.key)) {
      selection.tab = Object.keys(TABS)[Number(event.key) - 1];
      drawPanel();
    } else if (head && event.key === "Enter") toggle(Number(head.dataset.group));
    else {
      const name = NAMED[event.key] ?? (event.key.length === 1 ? event.key.toUpperCase() : event.key);
      const found = KEYS.find(([key, , act]) => key === name && act);
      if (!found) return;
      found[2]();
    }
    event.preventDefault();
  });
}

function listenToButtons() {
  const clicks = {
    collapse: closeAll,
    turn,
    fit: () => fit(),
    nearer: () => zoom(1.25),
    farther: () => zoom(0.8),
    help: showKeys,
    play,
    theme: () => setTheme(isDark() ? "light" : "dark"),
    first: () => goTo(-1),
    back: () => goTo(time.at - 1),
    next: () => goTo(time.at + 1),
    last: () => goTo(time.steps.length - 1),
  };
  for (const [id, act] of Object.entries(clicks)) byId(id).addEventListener("click", act);
  byId("time").addEventListener("input", event => goTo(Number(event.target.value) - 1));
  byId("graph").addEventListener("click", event => {
    if (event.target.id === "graph" && !stepping()) choose(null);
  });
  let waiting = null;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      fit(false);
      drawTicks();
    }, 120);
  });
}

// On paper: light, the whole graph, and all of the panel below it.
function listenToPrinting() {
  const { dataset } = document.documentElement;
  let theme = dataset.theme;
  addEventListener("beforeprint", () => {
    theme = dataset.theme;
    setTheme("light");
    const { x, y, width, height } = drawn.graph.bounds;
    byId("graph").setAttribute("viewBox", `${x - 8} ${y - 28} ${width + 16} ${height + 36}`);
  });
  addEventListener("afterprint", () => {
    byId("graph").removeAttribute("viewBox");
    setTheme(theme);
  });
}

async function start() {
  document.title = `${DATA.title} · minigrad`;
  byId("title").textContent = DATA.title;
  const wanted = new URLSearchParams(location.hash.slice(1)).get("theme");
  setTheme(wanted ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
  view.engine = await Viz.instance();
  openFirst();
  startSides();
  time.steps = stepsNow();
  byId("time").max = time.steps.length;
  drawGraph();
  fit(false, READABLE);
  showTime();
  drawPanel();
  listenToPointer();
  listenToKeys();
  listenToButtons();
  listenToSearch();
  listenToPrinting();
  document.body.dataset.ready = String(Math.round(performance.now()));
}

start().catch(error => {
  byId("toast").textContent = `The page could not be drawn: ${error.message}`;
  byId("toast").classList.add("on");
  throw error;
});
