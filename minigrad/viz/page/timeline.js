// The time line: one step forward or back at a time, lit in the graph and told in the panel.

const time = { steps: [], at: -1, timer: null };

const stepping = () => time.at >= 0;
const currentStep = () => time.steps[time.at] ?? null;

// The steps changed, since a composite op was opened or closed: stay where we are.
function renewSteps() {
  const before = currentStep();
  const forward = before === null ? 0 : time.at / Math.max(time.steps.length, 1);
  time.steps = stepsNow();
  if (before !== null) {
    const same = time.steps.findIndex(step => stepKey(step) === stepKey(before));
    time.at = same >= 0 ? same : Math.min(Math.round(forward * time.steps.length), time.steps.length - 1);
  }
  byId("time").max = time.steps.length;
  drawTicks();
}

// Go to a step: −1 is before the first, where everything is shown.
function goTo(at, follow = true) {
  time.at = Math.max(-1, Math.min(at, time.steps.length - 1));
  const step = currentStep();
  if (step && follow && byId("follow").checked && openOnTheWay(step)) return;
  if (step) selection.key = keyOfStep(step);
  showTime();
  if (step) {
    const node = drawn.nodes.get(repOf(step.item)) ?? drawn.nodes.get(keyOfStep(step));
    if (node) bringIntoSight(node);
  }
  drawPanel();
}

// The node that a step lights: composite ops keep their own item while they are closed.
const keyOfStep = step => `i${step.item}`;
const litKey = step => (drawn.nodes.has(`i${step.item}`) ? `i${step.item}` : repOf(step.item));

function openOnTheWay(step) {
  const closed = pathOf(ITEMS[step.item].group).find(g => !isOpen(g));
  if (closed === undefined) return false;
  const inner = pathOf(ITEMS[step.item].group);
  for (const g of [...OPENED]) if (GROUPS[g].kind !== "op" && !inner.includes(g) && pathOf(g).length > 1) closeGroup(g);
  openGroup(inner.at(-1));
  redraw(closed);
  goTo(time.at, false);
  return true;
}

function play() {
  if (time.timer !== null) {
    clearInterval(time.timer);
    time.timer = null;
  } else {
    if (time.at >= time.steps.length - 1) goTo(-1);
    time.timer = setInterval(() => {
      if (time.at >= time.steps.length - 1) play();
      else goTo(time.at + 1);
    }, 900);
  }
  byId("play").classList.toggle("on", time.timer !== null);
}

// Show in the graph what is known by now.
function showTime() {
  const step = currentStep();
  const stage = byId("stage");
  stage.classList.toggle("stepping", stepping());
  const known = knownAfter(time.steps, time.at);
  const forward = new Set([...known.forward].map(repOf)),
    backward = new Set([...known.backward].map(repOf));
  for (const [key, node] of drawn.nodes) {
    const leaf = node.item !== undefined && isLeaf(ITEMS[node.item]);
    node.element.classList.toggle("todo", stepping() && !leaf && !forward.has(key) && !backward.has(key));
    node.element.classList.toggle("lit", step !== null && litKey(step) === key);
    node.element.classList.toggle("lit-back", ["backward", "leaf"].includes(step?.phase) && litKey(step) === key);
    node.element.classList.toggle("lit-update", step?.phase === "update" && litKey(step) === key);
  }
  const now = new Set(step?.sends?.map(({ input }) => input) ?? []);
  for (const wire of drawn.wires.values()) {
    const { classList } = wire.element;
    classList.toggle("todo", stepping() && !wire.parts.some(({ item }) => known.forward.has(item)));
    classList.toggle("unsent", stepping() && !wire.parts.some(({ input }) => known.sent.has(input)));
    classList.toggle(
      "now",
      wire.parts.some(({ input }) => now.has(input)),
    );
    classList.toggle("now-forward", step?.phase === "forward" && wire.parts.some(({ item }) => item === step.item));
  }
  drawMarks(step);
  byId("time").value = time.at + 1;
  byId("now").replaceChildren(...nowText(step));
  drawTicks();
}

function nowText(step) {
  if (!step) return [h("b", {}, "All of it"), h("span", {}, `${plural(time.steps.length, "step")}: press → to begin`)];
  const item = ITEMS[step.item];
  const phase = { forward: "Forward", backward: "Backward", leaf: ".grad is whole", update: "Update" }[step.phase];
  return [
    h("b", { class: step.phase }, phase),
    h("span", {}, `${time.at + 1} of ${time.steps.length}: ${shortened(item.title, 24)}`),
  ];
}

// "=" or "+=" where each gradient of this step arrives.
function drawMarks(step) {
  const marks = [];
  const taken = [];
  for (const { input, mark } of step?.sends ?? []) {
    const wire = [...drawn.wires.values()].find(w => w.back && w.parts.some(part => part.input === input));
    if (!wire) continue;
    const clear = ([x, y]) => taken.every(([a, b]) => Math.abs(a - x) > 28 || Math.abs(b - y) > 20);
    let k = placeFromEnd(wire.back, 24);
    while (k > 1 && !clear(wire.back[k])) k--;
    const [x, y] = wire.back[k];
    taken.push([x, y]);
    marks.push(
      s(
        "g",
        { class: "mark", transform: `translate(${x}, ${y})` },
        s("rect", { x: -12, y: -9, width: 24, height: 18, rx: 9 }),
        s("text", { y: 4.5 }, mark),
      ),
    );
  }
  byId("marks").replaceChildren(...marks);
}

// The point of a line so far before its end, or its middle if it is short.
function placeFromEnd(line, distance) {
  const lengths = [0];
  for (let k = 1; k < line.length; k++)
    lengths.push(lengths[k - 1] + Math.hypot(line[k][0] - line[k - 1][0], line[k][1] - line[k - 1][1]));
  const goal = Math.max(lengths.at(-1) - distance, lengths.at(-1) / 2);
  return lengths.findIndex(length => length >= goal);
}

// A tick for every step, in the colour of its phase.
function drawTicks() {
  const canvas = byId("ticks");
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const paint = canvas.getContext("2d");
  paint.scale(ratio, ratio);
  const style = getComputedStyle(document.documentElement);
  const colours = Object.fromEntries(
    ["forward", "backward", "leaf", "update"].map(name => [
      name,
      style.getPropertyValue(`--${name === "leaf" ? "backward" : name}`),
    ]),
  );
  const n = time.steps.length;
  const room = (width - 16) / Math.max(n, 1);
  time.steps.forEach((step, k) => {
    paint.fillStyle = colours[step.phase];
    paint.globalAlpha = k <= time.at ? 1 : 0.3;
    const tall = step.phase === "leaf" ? height * 0.55 : height;
    paint.fillRect(8 + k * room, height - tall, Math.max(room - (room > 3 ? 1 : 0), 0.7), tall);
  });
  const count = phase => time.steps.filter(step => (step.phase === "leaf" ? "backward" : step.phase) === phase).length;
  for (const phase of ["forward", "backward", "update"]) {
    const span = byId(`phase-${phase}`);
    span.style.flexGrow = count(phase);
    span.hidden = !count(phase);
  }
}
