// Draws the visible graph as SVG. Nodes that stay move to their new places; new ones grow out of what was opened.

const drawn = { graph: null, nodes: new Map(), wires: new Map(), last: new Map() };
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const MOVE = 380; // milliseconds, as in graph.css

// Lay out and draw what is open now. `from` is the group that was opened or closed.
function drawGraph(from = null) {
  const graph = layOut(visibleGraph());
  drawn.last = new Map([...drawn.nodes].map(([key, node]) => [key, [node.x, node.y]]));
  const origin = from === null ? null : originOf(from);
  drawn.graph = graph;
  drawBoxes(graph);
  drawNodes(graph, origin, from);
  drawWires(graph);
  byId("stage").classList.toggle("crowded", graph.nodes.length > 150);
}

// Where the group's own node was before it was opened.
function originOf(group) {
  return drawn.last.get(keyOfGroup(group)) ?? null;
}

function drawBoxes(graph) {
  byId("boxes").replaceChildren(
    ...graph.boxes.map(box =>
      s(
        "g",
        { class: `box ${GROUPS[box.group].kind}` },
        s("rect", { x: box.x, y: box.y, width: box.width, height: box.height, rx: 10 }),
      ),
    ),
  );
  byId("heads").replaceChildren(
    ...graph.boxes.map(box =>
      s(
        "g",
        {
          class: `box ${GROUPS[box.group].kind} box-head`,
          tabindex: 0,
          role: "button",
          "data-group": box.group,
          "aria-label": `Close ${box.title}`,
          onclick: () => toggle(box.group),
        },
        s("rect", {
          class: "hit",
          x: box.x + 5,
          y: box.y + 5,
          width: textWidth(box.title, TITLE_FONT) + 30,
          height: 21,
          rx: 6,
        }),
        s("path", { class: "fold", d: `M${box.x + 12} ${box.y + 12.5}h9l-4.5 6z` }),
        s("text", { x: box.x + 27, y: box.y + 20 }, box.title),
      ),
    ),
  );
}

function drawNodes(graph, origin, from) {
  const layer = byId("nodes");
  const before = drawn.nodes;
  drawn.nodes = new Map();
  for (const node of graph.nodes) {
    const old = before.get(node.key);
    node.element = drawNode(node);
    const start = old ? [old.x, old.y] : origin;
    place(node.element, start ?? [node.x, node.y]);
    if (!old) node.element.classList.add("fresh");
    old?.element.remove();
    drawn.nodes.set(node.key, node);
  }
  layer.querySelectorAll(".leaving").forEach(element => element.remove());
  const home = from === null ? null : drawn.nodes.get(keyOfGroup(from));
  for (const [key, old] of before) if (!drawn.nodes.has(key)) leave(old, home);
  layer.append(...graph.nodes.map(node => node.element));
  layer.getBoundingClientRect(); // so that the browser sees the start before the end
  for (const node of graph.nodes) {
    node.element.classList.remove("fresh");
    place(node.element, [node.x, node.y]);
  }
}

// A node that is gone fades away, into its group's node where that is what closed.
function leave(old, home) {
  const { element } = old;
  element.classList.add("leaving", "fresh");
  element.removeAttribute("tabindex");
  if (home) place(element, [home.x, home.y]);
  setTimeout(() => element.remove(), calm.matches ? 0 : MOVE);
}

const place = (element, [x, y]) => {
  element.style.transform = `translate(${x}px, ${y}px)`;
};

function drawNode(node) {
  const { width, height, words } = node;
  const opens = innerOf(node);
  const [left, top] = [-width / 2, -height / 2];
  const full = node.group !== undefined ? pathName(node.group) : ITEMS[node.item].title;
  const element = s(
    "g",
    {
      class: `node ${words.kind}${node.item !== undefined && COMPARED ? ` side-${ITEMS[node.item].side}` : ""}`,
      tabindex: 0,
      role: "button",
      "data-key": node.key,
      "aria-label": `${words.kind} ${full}, ${words.small}`,
    },
    s("title", {}, full),
    words.kind === "module" ? s("rect", { class: "under", x: left + 4, y: top + 4, width, height, rx: 8 }) : null,
    s("rect", { class: "face", x: left, y: top, width, height, rx: isRound(words.kind) ? height / 2 : 7 }),
    words.kind === "composite"
      ? s("rect", { class: "inner", x: left + 3, y: top + 3, width: width - 6, height: height - 6, rx: 5 })
      : null,
    opens === null ? null : s("path", { class: "fold", d: `M${left + 10} -5.5v11l7 -5.5z` }),
    s("text", { class: "title", x: left + 12 + node.start, y: 4.5 }, words.title),
    s("text", { class: "small", x: left + 12 + node.second, y: 4.5 }, words.small),
  );
  if (node.item !== undefined) addBadges(element, node);
  element.addEventListener("click", event => {
    event.stopPropagation();
    choose(node.key);
    if (opens !== null) toggle(opens);
  });
  element.addEventListener("focus", () => choose(node.key, false));
  return element;
}

const isRound = kind => ["parameter", "input", "constant"].includes(kind);

// "+=" where several gradients meet, "≈0" where only rounding errors are left of one.
function addBadges(element, node) {
  const words = [];
  if (meets(node.item) > 1) words.push("+=");
  if (numericallyZero(variableOf(ITEMS[node.item].gradient), "gradient")) words.push("g ≈ 0");
  let right = node.width / 2 - 6;
  for (const text of words) {
    const wide = textWidth(text, "700 11px system-ui, sans-serif") + 10;
    element.append(
      s(
        "g",
        { class: "badge", transform: `translate(${right - wide / 2}, ${-node.height / 2 - 5})` },
        s("rect", { x: -wide / 2, y: -8, width: wide, height: 16, rx: 8 }),
        s("text", { y: 4 }, text),
      ),
    );
    right -= wide + 4;
  }
}

// How many gradients meet in an item.
let meeting = null;

function meets(at) {
  if (meeting === null) {
    meeting = new Map();
    for (const item of takingPart())
      for (const input of ITEMS[item].inputs) {
        if (input.sent !== null) meeting.set(input.source, (meeting.get(input.source) ?? 0) + 1);
      }
  }
  const last = ITEMS[at].inside === null ? at : ITEMS[at].last;
  return meeting.get(last) ?? 0;
}

// The group that a node opens into, or null.
function innerOf(node) {
  return node.group ?? ITEMS[node.item].inside;
}

function drawWires(graph) {
  drawn.wires = new Map();
  byId("wires").replaceChildren(
    ...graph.wires
      .filter(wire => wire.line.length)
      .map(wire => {
        wire.element = drawWire(wire);
        drawn.wires.set(wire.key, wire);
        return wire.element;
      }),
  );
}

function drawWire(wire) {
  const ahead = wire.line.findLast(([x, y]) => Math.hypot(x - wire.tip[0], y - wire.tip[1]) > 6) ?? wire.line[0];
  const norms = wire.parts.map(({ input }) => variableOf(input.sent)?.stats?.norm).filter(isNumber);
  const carries = wire.parts.some(({ input }) => input.sent !== null);
  const only = COMPARED ? sidesOf(wire) : "";
  const element = s(
    "g",
    { class: `wire ${only}` },
    s("title", {}, wireTitle(wire)),
    s("path", { class: "forward", d: linePath(cutShort([...wire.line, wire.tip], 5)) }),
    s("path", { class: "forward-head", d: headPath(wire.tip, ahead, 8, 3.6) }),
  );
  if (carries) {
    const wide = Math.max(1, ...norms.map(wireWidth));
    const zero = wire.parts.every(
      ({ input }) => input.sent === null || numericallyZero(variableOf(input.sent), "gradient"),
    );
    const line = beside([...wire.line, wire.tip], -(4.5 + wide / 2)).reverse();
    const length = 6 + wide;
    const shaft = cutShort(line, length - 1);
    wire.back = line;
    element.append(
      s("path", { class: `backward${zero ? " zero" : ""}`, d: linePath(shaft), "stroke-width": zero ? 1.2 : wide }),
      s("path", { class: "backward-head", d: headPath(line.at(-1), shaft.at(-1), length, 2.2 + wide * 0.75) }),
    );
  }
  return element;
}

function sidesOf(wire) {
  const has = side => wire.parts.some(({ item }) => factsOf(item, side)?.inputs.some(i => repOf(i.source) === wire.source));
  return `wire-${has("a") ? "a" : ""}${has("b") ? "b" : ""}`;
}

function wireTitle(wire) {
  return (
    wire.parts
      .slice(0, 6)
      .map(({ item, input }) => {
        const sent = variableOf(input.sent);
        const back = sent?.stats ? `, gradient back: norm ${num(sent.stats.norm)}` : "";
        return `${makerOf(input.source).title} → ${ITEMS[item].title}: ${shapeText(variableOf(input.variable).shape)}${back}`;
      })
      .join("\n") + (wire.parts.length > 6 ? `\n… ${wire.parts.length - 6} more` : "")
  );
}
