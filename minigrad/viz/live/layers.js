// The table of layers at the step that is looked at: bars whose scales are the same for all layers and all steps.

const USUAL = 1e-3; // update / weight in a training that goes well, a rule of thumb
const rows = [];

function buildTable() {
  const head = h("div", { class: "row head", role: "presentation" },
    [["Layer", ""], ["Gradient norm", "log scale"], ["Update ÷ weight", "log scale, mark at 10⁻³"], ["Activations", "histogram"], ["Dead units", ""]]
      .map(([name, more]) => h("div", {}, h("b", {}, name), more)));
  LAYERS.forEach((layer, k) => {
    const cells = { gradient: meterCell("gradient"), update: meterCell("update", true), shape: h("div"), dead: meterCell("dead") };
    const element = h("div", { class: "row", role: "option", id: `row-${k}`, onclick: () => choose(k), title: layer.name },
      h("div", { class: "name" }, h("span", {}, layer.name), h("span", { class: "faint" }, layer.kind, layer.parameters ? `, ${layer.parameters.toLocaleString("en")}` : "")),
      cells.gradient.element, cells.update.element, cells.shape, cells.dead.element);
    rows.push({ element, ...cells });
  });
  byId("table").replaceChildren(head, ...rows.map(row => row.element));
}

function meterCell(kind, marked = false) {
  const fill = h("i");
  const mark = marked ? h("u") : null;
  const words = h("span");
  const element = h("div", { class: `meter ${kind}` }, words, h("div", { class: "bar" }, fill, mark));
  return { element, fill, mark, words };
}

function setMeter(cell, value, range, log, words) {
  const broken = typeof value === "string";
  cell.words.textContent = words ?? num(value, 3);
  cell.words.className = broken ? "bad" : "";
  cell.element.classList.toggle("none", value === null || value === undefined);
  const part = broken ? 1 : isNumber(value) && range && (!log || value > 0) ? placed(value, range, log) : 0;
  cell.fill.style.width = `${100 * (log && part ? 0.03 + 0.97 * part : part)}%`;
  if (cell.mark) {
    cell.mark.hidden = !range || USUAL < range[0] || USUAL > range[1];
    if (!cell.mark.hidden) cell.mark.style.left = `${100 * (0.03 + 0.97 * placed(USUAL, range, log))}%`;
  }
}

function drawTable() {
  const entries = RECORDS.flatMap(record => record.layers);
  const gradients = extent(entries.map(entry => entry.gradient), true, 8);
  const updates = extent(entries.map(relative), true, 8);
  const scale = updates && [Math.min(updates[0], USUAL / 3), Math.max(updates[1], USUAL * 3)];
  RECORDS[view.at].layers.forEach((entry, k) => {
    const row = rows[k];
    row.element.setAttribute("aria-selected", k === view.layer);
    setMeter(row.gradient, entry.gradient, gradients, true);
    setMeter(row.update, typeof entry.update === "string" ? entry.update : relative(entry), scale, true);
    const share = deadShare(entry);
    setMeter(row.dead, share, [0, 1], false, share === null ? "–" : `${entry.activations.dead} of ${entry.activations.units}`);
    row.shape.replaceChildren(smallShape(entry.activations));
  });
  byId("table").setAttribute("aria-activedescendant", `row-${view.layer}`);
}

function smallShape(found) {
  const [width, height] = [84, 26];
  const picture = s("svg", { width, height, role: "img", "aria-label": found ? `from ${num(found.min, 3)} to ${num(found.max, 3)}` : "did not run" });
  if (!found) return h("span", { class: "faint" }, "–");
  const most = Math.max(...found.counts, 1);
  const step = width / found.counts.length;
  const points = found.counts.map((n, k) => `${(k * step).toFixed(1)} ${(height - 1 - (n / most) * (height - 3)).toFixed(1)}h${step.toFixed(2)}`);
  picture.append(s("path", { class: "shape", d: `M0 ${height - 1}L${points.join("L")}L${width} ${height - 1}Z` }),
    s("line", { class: "shape-line", x1: 0, x2: width, y1: height - 0.5, y2: height - 0.5 }),
    s("title", {}, `${num(found.min, 3)} … ${num(found.max, 3)}`));
  return picture;
}
