// One layer over training: its activations' histograms as ridges, oldest at the back; norms; dead units.

const MOST_RIDGES = 28;

// Evenly spaced records, with the first, the last and the one that is looked at.
function ridgeRecords(layer, most) {
  const found = RECORDS.map((record, k) => k).filter(k => RECORDS[k].layers[layer].activations);
  const wanted = new Set(found.length <= most ? found : Array.from({ length: most }, (_, k) => found[Math.round(k * (found.length - 1) / (most - 1))]));
  if (found.includes(view.at) && !wanted.has(view.at)) {
    wanted.delete([...wanted].reduce((a, b) => (Math.abs(a - view.at) <= Math.abs(b - view.at) ? a : b)));
    wanted.add(view.at);
  }
  return [...wanted].sort((a, b) => a - b);
}

// Where most of the numbers are: four deviations around the mean, within what there is.
function ridgeRange(found) {
  const sound = found.filter(one => isNumber(one.min));
  if (!sound.length) return null;
  const low = Math.min(...sound.map(one => Math.max(one.min, one.mean - 4 * one.std)));
  const high = Math.max(...sound.map(one => Math.min(one.max, one.mean + 4 * one.std)));
  return high > low ? [low, high] : [low - 0.5, high + 0.5];
}

function drawRidges() {
  const holder = byId("ridge");
  const [width, height] = [Math.max(260, holder.clientWidth), Math.max(200, holder.clientHeight)];
  const [left, right, top, bottom] = [58, 44, 8, 22];
  const chosen = ridgeRecords(view.layer, Math.min(MOST_RIDGES, Math.floor(height / 11)));
  const found = chosen.map(k => RECORDS[k].layers[view.layer].activations);
  const range = ridgeRange(found);
  if (!range) return holder.replaceChildren(h("div", { class: "empty" }, found.length ? "Nothing finite came out of this layer." : "This layer gave no output of its own in the steps kept."));
  const gap = (height - top - bottom) / (chosen.length + 2);
  const density = found.map(one => one.counts.map(n => n / (Math.max(1e-300, one.max - one.min) * Math.max(1, one.counts.reduce((a, b) => a + b)))));
  const peaks = density.map(d => Math.max(...d)).filter(p => p > 0).sort((a, b) => a - b);
  const most = peaks.length ? peaks[Math.floor((peaks.length - 1) * 0.8)] : 1;
  const x = value => left + (width - left - right) * (value - range[0]) / (range[1] - range[0]);
  const parts = [];
  for (const value of ticks(range, false, Math.max(2, Math.floor(width / 70)))) {
    parts.push(s("line", { class: value === 0 ? "nought" : "grid", x1: x(value), x2: x(value), y1: top, y2: height - bottom }),
      s("text", { x: x(value), y: height - 6, "text-anchor": "middle" }, short(value)));
  }
  const labels = Math.max(1, Math.ceil(14 / gap));
  const words = (y, k, now) => [s("text", { class: now ? "now" : "", x: left - 8, y: y + 1, "text-anchor": "end" }, RECORDS[k].step.toLocaleString("en")),
    s("text", { class: now ? "now" : "", x: width - right + 6, y: y + 1 }, zeroShare(RECORDS[k].layers[view.layer].activations))];
  const spot = chosen.indexOf(view.at);
  chosen.forEach((k, i) => {
    const base = top + gap * (i + 3);
    const one = found[i];
    const now = k === view.at;
    const age = chosen.length > 1 ? i / (chosen.length - 1) : 1;
    const tall = density[i].map(d => Math.min(d / most, 1.35) * gap * 2.6);
    const at = (bin, up) => `${Math.min(width - right, Math.max(left, x(one.min + (one.max - one.min) * (bin + 0.5) / tall.length))).toFixed(1)} ${(base - up).toFixed(1)}`;
    parts.push(s("path", { class: now ? "ridge now" : "ridge", "data-at": k, onclick: () => goTo(k),
      d: `M${at(-0.5, 0)}L${tall.map((up, bin) => at(bin, up)).join("L")}L${at(tall.length - 0.5, 0)}Z` },
      s("title", {}, `step ${RECORDS[k].step.toLocaleString("en")}: ${num(one.mean, 3)} ± ${num(one.std, 3)}`)));
    parts[parts.length - 1].style.setProperty("--tone", `color-mix(in oklab, var(--shape) ${Math.round(25 + 60 * age)}%, var(--paper))`);
    if (now || (i % labels === 0 && (spot < 0 || Math.abs(i - spot) >= labels))) parts.push(...words(base, k, now));
  });
  holder.replaceChildren(s("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `Histograms of the activations at ${plural(chosen.length, "step")}` }, parts));
  return undefined;
}

const zeroShare = one => (one.zeros ? `${num((100 * one.zeros) / one.size, 2)}%` : "");
const key = (kind, text) => h("span", { class: `key ${kind}` }, text);

function drawPanel() {
  const entry = RECORDS[view.at].layers[view.layer];
  const { activations: one } = entry;
  const { name, kind } = LAYERS[view.layer];
  byId("layer").textContent = name === kind ? name : `${name} · ${kind}`;
  byId("numbers").textContent = [...(one ? [`mean ${num(one.mean, 3)}`, `std ${num(one.std, 3)}`, `${num(one.min, 3)} … ${num(one.max, 3)}`,
    one.zeros ? `${num((100 * one.zeros) / one.size, 3)}% zeros` : "no zeros", one.nonfinite ? `${one.nonfinite.toLocaleString("en")} not finite` : ""] : ["no output of its own"])]
    .filter(Boolean).join(" · ");
  byId("ridge-title").replaceChildren(h("b", {}, "Activations over training"), h("span", { class: "faint" }, one && one.zeros ? "zeros apart, their share at the right" : ""));
  byId("norms-title").replaceChildren(h("b", {}, "Norms"), key("gradient", `gradient ${num(entry.gradient, 3)}`), key("update", `update ${num(entry.update, 3)}`), key("weight", `weight ${num(entry.weight, 3)}`));
  const has = RECORDS.some(record => record.layers[view.layer].weight !== null);
  byId("norms").parentElement.hidden = !has;
  const of = name => record => record.layers[view.layer][name];
  if (has) drawLines(byId("norms"), { lines: ["weight", "update", "gradient"].map(kind => ({ kind, at: of(kind) })), log: true, height: 132, label: "Norms of gradient, update and weight" });
  const shares = record => deadShare(record.layers[view.layer]);
  const any = RECORDS.some(record => shares(record) !== null);
  byId("dead").parentElement.hidden = !any;
  if (any) {
    const most = Math.max(...RECORDS.map(record => shares(record) ?? 0));
    byId("dead-title").replaceChildren(h("b", {}, "Dead units"), h("span", { class: "faint" }, most ? (one ? `${one.dead} of ${one.units} are 0 for the whole batch` : "") : "none in the steps kept"));
    byId("dead").hidden = !most;
    if (most) drawLines(byId("dead"), { lines: [{ kind: "dead", at: shares }], height: 92, within: [0, Math.min(1, most * 1.15)], percent: true, label: "Share of dead units" });
  }
  drawRidges();
}
