// Heat maps: at most 16 × 16 numbers of an array, on a scale that is said beside them.

const SCALES = { own: "own scale", shared: "shared scale", log: "log scale, shared" };
const heatState = { scale: "log" };

// {limit, at(x) in −1 … 1, text, ends}: how numbers become colours.
function scaleOf(variable, kind) {
  const { stats } = variable;
  const own = Math.max(...[stats.min, stats.max].map(x => (isNumber(x) ? Math.abs(x) : 0)));
  const high = (heatState.scale === "own" ? own : LARGEST[kind]) || 1;
  if (heatState.scale !== "log") return { high, low: 0, at: x => Math.max(-1, Math.min(1, x / high)) };
  const low = high * 1e-4;
  const size = x => Math.log(Math.max(Math.abs(x), low) / low) / Math.log(high / low);
  return { high, low, at: x => (Math.abs(x) < low ? 0 : Math.sign(x) * (0.1 + 0.9 * Math.min(1, size(x)))) };
}

const PALETTE = {
  light: { paper: [255, 255, 255], minus: [0, 90, 160], plus: [190, 80, 0] },
  dark: { paper: [27, 34, 42], minus: [110, 190, 250], plus: [255, 160, 70] },
};
const isDark = () => document.documentElement.dataset.theme === "dark";

function colourAt(t) {
  const { paper, minus, plus } = PALETTE[isDark() ? "dark" : "light"];
  const end = t < 0 ? minus : plus;
  return `rgb(${paper.map((c, k) => Math.round(c + (end[k] - c) * Math.abs(t))).join(" ")})`;
}

const inkOn = t => (Math.abs(t) > 0.55 ? (isDark() ? "#10151b" : "#ffffff") : "currentColor");

// The cells of a heat map; `kind` is "value" or "gradient".
function heatCells(variable, kind, width) {
  const { rows, words: said, at, of } = variable;
  const scale = scaleOf(variable, kind);
  const limit = zeroLimit(variable, kind);
  const columns = rows[0].length;
  const words = columns <= 6 && rows.length <= 16;
  const wide = Math.min(width / columns, words ? 86 : 30);
  const high = words ? 22 : Math.min(wide, 20);
  const marked = { zero: 0 };
  const cells = rows.flatMap((row, r) =>
    row.map((x, c) => {
      const where = at ? `[${at[0][r]}, ${at[1][c]}]` : of[0] === 1 ? `[${c}]` : `[${r}, ${c}]`;
      const odd = typeof x !== "number";
      const zero = !odd && x !== 0 && Math.abs(x) < limit;
      marked.zero += zero;
      const text = digits => (said ? said[r][c] : num(x, digits));
      const t = odd ? 0 : scale.at(x);
      const place = { x: c * wide, y: r * high, width: wide - 1, height: high - 1 };
      return s(
        "g",
        { class: "cell" },
        s("title", {}, `${where} ${text(7)}${zero ? ", numerically zero" : ""}`),
        s("rect", { ...place, class: odd ? "odd" : "", fill: odd ? null : zero ? "url(#hatch)" : colourAt(t) }),
        words || (odd && wide > 16)
          ? s(
              "text",
              { x: place.x + wide / 2, y: place.y + high / 2 + 3.5, fill: odd ? null : zero ? "currentColor" : inkOn(t) },
              text(3),
            )
          : null,
      );
    }),
  );
  const picture = s(
    "svg",
    {
      class: "heat",
      width: columns * wide,
      height: rows.length * high,
      role: "img",
      "aria-label": `${kind}, ${shapeText(variable.shape)}`,
    },
    cells,
  );
  return { picture, scale, zeros: marked.zero };
}

// The heat map of a variable, with its scale and what there is to know about it.
function heatMap(variable, kind, width = chartWidth()) {
  const { rows, at, of, stats } = variable;
  if (!rows.length || !rows[0].length) return h("p", { class: "faint" }, "Empty: there are no numbers.");
  const { picture, scale, zeros: few } = heatCells(variable, kind, width);
  const columns = rows[0].length;
  const some = at
    ? `${rows.length}×${columns} of ${of[0].toLocaleString("en")}×${of[1].toLocaleString("en")}, evenly spaced`
    : "";
  const zeros = few
    ? `hatched: numerically zero, below ε·max = ${num(variable.eps, 2)} · ${num(measureOf(variable, kind), 3)}`
    : "";
  const strange = stats.nonfinite ? `${plural(stats.nonfinite, "number")} not finite` : "";
  return h(
    "div",
    { class: "heat-box" },
    picture,
    colourBar(scale),
    [some, zeros, strange, modulus(variable) && "colours by |z|"].filter(Boolean).map(text => h("p", { class: "faint" }, text)),
  );
}

// The colours with their numbers.
function colourBar(scale) {
  const steps = 41,
    width = 150;
  const bars = Array.from({ length: steps }, (_, k) =>
    s("rect", {
      x: (k * width) / steps,
      y: 0,
      width: width / steps + 0.5,
      height: 8,
      fill: colourAt((2 * k) / (steps - 1) - 1),
    }),
  );
  const middle = scale.low ? `±${num(scale.low, 2)}` : "0";
  return h(
    "div",
    { class: "bar" },
    h("span", {}, num(-scale.high, 3)),
    s("svg", { width, height: 8 }, bars),
    h("span", {}, num(scale.high, 3)),
    h("span", { class: "faint" }, `${SCALES[heatState.scale]}${scale.low ? `, pale to ${middle}` : ""}`),
  );
}

function scaleSwitch() {
  return h(
    "div",
    { class: "switch", role: "group", "aria-label": "Scale of the heat maps" },
    Object.entries(SCALES).map(([name, text]) =>
      h(
        "button",
        {
          "aria-pressed": String(heatState.scale === name),
          onclick: () => {
            heatState.scale = name;
            drawPanel();
          },
        },
        text.replace(", shared", ""),
      ),
    ),
  );
}
