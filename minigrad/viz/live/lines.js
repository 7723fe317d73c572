// Scales, and charts of lines over the steps with a cursor that can be dragged.

// The least and largest of the finite numbers; of the positive ones if `log`, over at most `decades` powers of ten.
function extent(values, log = false, decades = 10) {
  let [low, high] = [Infinity, -Infinity];
  for (const x of values) if (isNumber(x) && (!log || x > 0)) { low = Math.min(low, x); high = Math.max(high, x); }
  if (low > high) return null;
  if (log) return low === high ? [low / 3, high * 3] : [Math.max(low, high * 10 ** -decades), high];
  const room = (high - low || Math.abs(high) || 1) * 0.06;
  return [low - room, high + room];
}

// Where in 0 … 1 a number lies.
const placed = (x, [low, high], log) => Math.min(1, Math.max(0, log ? Math.log(x / low) / Math.log(high / low) : (x - low) / (high - low)));

// Round numbers within an extent.
function ticks([low, high], log, about = 4) {
  if (log && high / low > 20) {
    const [from, to] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
    const by = Math.max(1, Math.ceil((to - from + 1) / about));
    return Array.from({ length: Math.floor((to - from) / by) + 1 }, (_, k) => 10 ** (from + k * by));
  }
  const rough = (high - low) / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find(x => x * power >= rough * 0.999);
  const found = [];
  for (let k = Math.ceil(low / step); k * step <= high * (1 + 1e-9) + 1e-300; k++) if (!log || k > 0) found.push(k * step);
  return found;
}

const short = x => (Math.abs(x) >= 1e4 || (x && Math.abs(x) < 1e-2) ? num(x, 2) : num(x, 3));

// Lines over the steps. lines: [{kind, at(record) → number or word or null}]; band: at(record) → [low, high] or null.
function drawLines(holder, { lines, band = null, log = false, height = 120, within = null, percent = false, label }) {
  const width = Math.max(220, holder.clientWidth);
  const [left, right, top, bottom] = [48, 10, 8, 20];
  const range = within ?? extent(lines.flatMap(line => RECORDS.map(line.at)).concat(band ? RECORDS.flatMap(r => band(r) ?? []) : []), log);
  const steps = [RECORDS[0].step, RECORDS[RECORDS.length - 1].step];
  const x = step => left + (width - left - right) * (steps[1] > steps[0] ? (step - steps[0]) / (steps[1] - steps[0]) : 0.5);
  const y = value => top + (height - top - bottom) * (1 - placed(value, range, log));
  const shown = value => isNumber(value) && (!log || value > 0);
  const parts = [];
  if (range) {
    for (const value of ticks(range, log)) {
      const name = percent ? `${Math.round(100 * value)}%` : short(value);
      parts.push(s("line", { class: "grid", x1: left, x2: width - right, y1: y(value), y2: y(value) }),
        s("text", { x: left - 6, y: y(value) + 3.5, "text-anchor": "end" }, name));
    }
    if (band) parts.push(s("path", { class: "band", d: bandPath(band, x, y, shown) }));
    for (const { kind, at } of lines) {
      parts.push(s("path", { class: `line ${kind}`, d: linePath(RECORDS.map(record => [record.step, at(record)]), x, y, shown) }));
    }
  }
  for (const record of RECORDS) if (lines.some(({ at }) => typeof at(record) === "string")) {
    parts.push(s("text", { class: "broken", x: x(record.step), y: top + 9, "text-anchor": "middle" }, "×", s("title", {}, `not finite at step ${record.step}`)));
  }
  for (const step of stepTicks(steps, width - left - right)) {
    parts.push(s("text", { x: x(step), y: height - 5, "text-anchor": "middle" }, step.toLocaleString("en")));
  }
  const now = RECORDS[view.at];
  parts.push(s("line", { class: "cursor", x1: x(now.step), x2: x(now.step), y1: top, y2: height - bottom }));
  for (const { kind, at } of range ? lines : []) {
    if (shown(at(now))) parts.push(s("circle", { class: `dot ${kind}`, cx: x(now.step), cy: y(at(now)), r: 4 }));
  }
  const picture = s("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }, parts);
  const reach = event => {
    const box = picture.getBoundingClientRect();
    const step = steps[0] + (steps[1] - steps[0]) * (event.clientX - box.left - left) / (box.width - left - right);
    goTo(nearest(step));
  };
  holder.onpointerdown = event => { holder.setPointerCapture(event.pointerId); reach(event); };
  holder.onpointermove = event => { if (event.buttons & 1) reach(event); };
  holder.replaceChildren(picture);
}

function stepTicks([low, high], width) {
  return low === high ? [low] : ticks([low, high], false, Math.max(2, Math.floor(width / 110))).filter(Number.isInteger);
}

function nearest(step) {
  let best = 0;
  RECORDS.forEach((record, k) => { if (Math.abs(record.step - step) < Math.abs(RECORDS[best].step - step)) best = k; });
  return best;
}

// A path with a gap where there is nothing to show; a point alone is a dot.
function linePath(points, x, y, shown) {
  let [path, before] = ["", false];
  for (const [step, value] of points) {
    if (shown(value)) path += before ? `L${x(step).toFixed(1)} ${y(value).toFixed(1)}` : `M${x(step).toFixed(1)} ${y(value).toFixed(1)}h0`;
    before = shown(value);
  }
  return path;
}

function bandPath(band, x, y, shown) {
  const found = RECORDS.map(record => [record.step, band(record)]).filter(([, ends]) => ends && ends.every(shown));
  if (found.length < 2) return "";
  const point = (step, value) => `${x(step).toFixed(1)} ${y(value).toFixed(1)}`;
  return "M" + [...found.map(([step, ends]) => point(step, ends[1])), ...found.reverse().map(([step, ends]) => point(step, ends[0]))].join("L") + "Z";
}
