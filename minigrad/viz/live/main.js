// What is looked at, the keys, and the server if there is one.

let asked = 0;
let playing = 0;

// Draw what is looked at, once a frame.
function draw() {
  if (!asked) asked = requestAnimationFrame(() => { asked = 0; drawNow(); });
}

function drawNow() {
  byId("facts").textContent = RECORDS.length
    ? `${plural(RECORDS.length, "step")} kept, of the first and every ${DATA.every === 1 ? "" : ordinal(DATA.every)}`.trim() : "";
  const none = !RECORDS.length;
  for (const id of ["left", "panel"]) byId(id).style.visibility = none ? "hidden" : "";
  byId("now").replaceChildren(none ? "no step yet" : h("span", {}, "step "), none ? "" : h("b", {}, RECORDS[view.at].step.toLocaleString("en")),
    none ? "" : h("span", {}, `   loss ${num(RECORDS[view.at].loss)}`));
  if (none) return;
  Object.assign(byId("time"), { max: RECORDS.length - 1, value: view.at });
  byId("time").setAttribute("aria-valuetext", `step ${RECORDS[view.at].step}`);
  const losses = RECORDS.map(record => record.loss).filter(isNumber);
  const known = losses.length > 0;
  const ends = losses.filter(x => x > 0).length >= 0.9 * losses.length && extent(losses, true, 6); // rounding may leave −1e-8
  const log = Boolean(ends) && ends[1] / ends[0] > 30;
  byId("loss-title").replaceChildren(h("b", {}, "Loss"), h("span", { class: "faint" },
    known ? `${log ? "log scale; " : ""}the band is the least and largest in between` : "none was given: step(loss=...)"));
  drawLines(byId("loss"), { lines: [{ kind: "loss", at: record => record.loss }], log, within: log ? ends : null, height: 170, label: "Loss",
    band: record => (record.low === null ? null : [record.low, record.high]) });
  drawTable();
  drawPanel();
  document.body.dataset.at = view.at;
}

const ordinal = n => `${n.toLocaleString("en")}${n % 100 >= 11 && n % 100 <= 13 ? "th" : { 1: "st", 2: "nd", 3: "rd" }[n % 10] ?? "th"}`;

function goTo(at) {
  view.at = Math.min(RECORDS.length - 1, Math.max(0, at));
  draw();
}

function choose(layer) {
  view.layer = Math.min(LAYERS.length - 1, Math.max(0, layer));
  rows[view.layer].element.scrollIntoView({ block: "nearest" });
  draw();
}

function play() {
  const on = !playing;
  clearInterval(playing);
  playing = 0;
  if (on && RECORDS.length > 1) {
    if (view.at === RECORDS.length - 1) goTo(0);
    playing = setInterval(() => (view.at < RECORDS.length - 1 ? goTo(view.at + 1) : play()), 120);
  }
  byId("play").classList.toggle("on", playing !== 0);
}

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  byId("theme").textContent = name === "dark" ? "Light" : "Dark";
  draw();
}

const ACTIONS = {
  first: () => goTo(0), back: () => goTo(view.at - 1), play, next: () => goTo(view.at + 1), last: () => goTo(RECORDS.length - 1),
  theme: () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"), help: () => byId("keys").showModal(),
};
const KEYS = {
  Home: ACTIONS.first, End: ACTIONS.last, " ": play, t: ACTIONS.theme, "?": ACTIONS.help,
  ArrowLeft: event => goTo(view.at - (event.shiftKey ? 10 : 1)), ArrowRight: event => goTo(view.at + (event.shiftKey ? 10 : 1)),
  ArrowUp: () => choose(view.layer - 1), ArrowDown: () => choose(view.layer + 1),
};

document.addEventListener("keydown", event => {
  const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  const pressed = event.key === " " && event.target instanceof HTMLButtonElement;
  if (!act || event.ctrlKey || event.metaKey || event.altKey || byId("keys").open || pressed) return;
  event.preventDefault();
  act(event);
});

// Ask for what is new, for as long as the server answers.
async function follow() {
  let missed = 0;
  while (missed < 3 && !DATA.done) {
    await new Promise(resolve => setTimeout(resolve, 1000));
    try {
      const after = RECORDS.length ? RECORDS[RECORDS.length - 1].step : -1;
      const answer = await fetch(`data.json?after=${after}`, { cache: "no-store" });
      if (!answer.ok) break;
      const data = await answer.json();
      missed = 0;
      DATA.done = data.done;
      if (take(data.records)) draw();
    } catch { missed++; }
  }
  say(false);
}

function say(live) {
  byId("status").className = live ? "live" : "";
  byId("status").textContent = live ? "live" : DATA.done ? "finished" : DATA.live ? "the server is gone" : "so far";
}

for (const [id, act] of Object.entries(ACTIONS)) byId(id).addEventListener("click", act);
byId("time").addEventListener("input", () => goTo(Number(byId("time").value)));
new ResizeObserver(draw).observe(document.body);
byId("title").textContent = DATA.title;
document.title = `${DATA.title} – watch`;
buildTable();
setTheme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
say(DATA.live);
drawNow();
if (DATA.live) follow();
document.body.dataset.ready = "";
