// Batch norm and its relatives: the gradient by path, γ and β, and which inputs each output hears.

const PATHS = { direct: "direct", mean: "via the mean", variance: "via the variance" };
const normState = { set: 0, gamma: null, beta: null, map: 0, of: null };

function normPanel(item) {
  const norm = NORMS[item.norm];
  if (normState.of !== item.id) Object.assign(normState, { set: 0, gamma: null, beta: null, map: 0, of: item.id });
  const sections = [];
  if (norm.paths) sections.push(["The gradient by path", pathSection(norm)]);
  if (norm.sets.some(set => set.histogram)) sections.push(["γ and β move the output", sliderSection(norm)]);
  if (norm.maps.length) sections.push(["Who hears whom: ∂yᵢ/∂xⱼ", mapSection(norm)]);
  if (!norm.maps.length && item.norm >= 24)
    sections.push([
      "Who hears whom: ∂yᵢ/∂xⱼ",
      h("p", { class: "faint" }, "Drawn for the first 24 normalizations of a program."),
    ]);
  sections.push(["What is normalised together", cubes(norm)]);
  return sections.map(([title, body]) => h("details", { open: true }, h("summary", {}, title), body));
}

function setChooser(norm, changed) {
  if (norm.sets.length < 2) return null;
  return h(
    "label",
    { class: "chooser" },
    `${norm.axes} `,
    h("input", {
      type: "range",
      min: 0,
      max: norm.sets.length - 1,
      value: normState.set,
      "aria-label": norm.axes,
      oninput: event => {
        normState.set = Number(event.target.value);
        normState.gamma = normState.beta = null;
        changed();
      },
    }),
    h("b", {}, ` ${normState.set}`),
  );
}

// Stacked bars of the three parts of each element's gradient; a line marks what the op's own rule sent.
function pathSection(norm) {
  const holder = h("div", {});
  const draw = () => {
    const { parts } = norm.sets[normState.set];
    const n = parts.total.length;
    const value = x => (isNumber(x) ? x : 0);
    const ends = parts.total.map((_, k) => {
      const signed = Object.keys(PATHS).map(name => value(parts[name][k]));
      return [signed.filter(x => x < 0).reduce((a, b) => a + b, 0), signed.filter(x => x > 0).reduce((a, b) => a + b, 0)];
    });
    const low = Math.min(0, ...ends.map(e => e[0])),
      high = Math.max(0, ...ends.map(e => e[1]));
    const [width, height, left] = [chartWidth(), 150, 44];
    const y = x => 6 + ((high - x) / (high - low || 1)) * (height - 12);
    const step = Math.min((width - left) / n, 44);
    const bars = [];
    for (let k = 0; k < n; k++) {
      let [up, down] = [0, 0];
      for (const name of Object.keys(PATHS)) {
        const x = value(parts[name][k]);
        const base = x < 0 ? down : up;
        if (x < 0) down += x;
        else up += x;
        const [top, bottom] = [y(Math.max(base, base + x)), y(Math.min(base, base + x))];
        bars.push(
          s(
            "rect",
            { class: `path-${name}`, x: left + k * step + 2, width: step - 4, y: top, height: Math.max(bottom - top, 0) },
            s("title", {}, `element ${k}, ${PATHS[name]}: ${num(parts[name][k], 5)}`),
          ),
        );
      }
      bars.push(
        s(
          "line",
          {
            class: "path-total",
            x1: left + k * step,
            x2: left + (k + 1) * step,
            y1: y(value(parts.total[k])),
            y2: y(value(parts.total[k])),
          },
          s("title", {}, `element ${k}, sum: ${num(parts.total[k], 5)}`),
        ),
      );
    }
    const axis = [high, 0, low]
      .filter((x, k, all) => k === 1 || Math.abs(y(x) - y(0)) > 10)
      .map(x => [
        s("line", { class: "axis", x1: left - 4, x2: left + n * step, y1: y(x), y2: y(x) }),
        s("text", { x: left - 7, y: y(x) + 4, "text-anchor": "end" }, num(x, 2)),
      ]);
    const worst = Math.max(
      ...parts.total.map((x, k) =>
        Math.abs(value(x) - Object.keys(PATHS).reduce((sum, name) => sum + value(parts[name][k]), 0)),
      ),
    );
    holder.replaceChildren(
      h(
        "p",
        {},
        "What x sends on reaches y straight, through the mean that is taken from it, and through the variance it is " +
          "divided by. " +
          "The three parts of each element add up to its gradient, the line.",
      ),
      setChooser(norm, draw) ?? "",
      s("svg", { class: "paths", width, height, role: "img", "aria-label": "Gradient by path" }, axis, bars),
      h(
        "table",
        { class: "stats keys" },
        Object.entries(PATHS).map(([name, text]) =>
          h(
            "tr",
            {},
            h("th", {}, h("i", { class: `key path-${name}` }), text),
            h("td", {}, `norm ${num(norm.paths[name])}`),
          ),
        ),
        h(
          "tr",
          {},
          h("th", {}, h("i", { class: "key line" }), "gradient of x"),
          h("td", {}, `norm ${num(norm.paths.total)}`),
        ),
      ),
      h("p", { class: "faint" }, `Largest difference between the sum of the bars and the line: ${num(worst, 2)}.`),
    );
  };
  draw();
  return holder;
}

// The histogram of the normalised values, moved as γ and β move them.
function sliderSection(norm) {
  const holder = h("div", {});
  const draw = () => {
    const set = norm.sets[normState.set];
    if (!set.histogram)
      return holder.replaceChildren(setChooser(norm, draw) ?? "", h("p", { class: "faint" }, "No finite values here."));
    const gamma = normState.gamma ?? set.weight,
      beta = normState.beta ?? set.bias;
    const { counts, low, high } = set.histogram;
    const [width, height, reach] = [chartWidth(), 96, 6];
    const x = value => (width * (value + reach)) / (2 * reach);
    const most = Math.max(...counts),
      step = (high - low) / counts.length;
    const bars = (scale, shift, name) =>
      counts.map((n, k) => {
        const ends = [low + k * step, low + (k + 1) * step].map(v => x(scale * v + shift)).sort((a, b) => a - b);
        const tall = (n / most) * (height - 18);
        return n
          ? s("rect", {
              class: name,
              x: ends[0],
              width: Math.max(ends[1] - ends[0] - 0.6, 0.8),
              y: height - 16 - tall,
              height: tall,
            })
          : null;
      });
    const slider = (name, value, least, most_, set_) =>
      h(
        "label",
        { class: "chooser" },
        h("span", { class: "letter" }, name),
        h("input", {
          type: "range",
          min: least,
          max: most_,
          step: 0.05,
          value,
          "aria-label": name,
          oninput: event => {
            set_(Number(event.target.value));
            redraw();
          },
        }),
        h("b", {}, num(value, 3)),
      );
    const ticks = [-6, -4, -2, 0, 2, 4, 6].map(v =>
      s("text", { x: Math.min(Math.max(x(v), 8), width - 8), y: height - 3, "text-anchor": "middle" }, minus(String(v))),
    );
    const picture = s(
      "svg",
      { class: "sliders", width, height, role: "img", "aria-label": "Histogram of the output" },
      bars(1, 0, "before"),
      bars(gamma, beta, "after"),
      s("line", { class: "axis", x1: 0, x2: width, y1: height - 15.5, y2: height - 15.5 }),
      ticks,
    );
    holder.replaceChildren(
      h(
        "p",
        {},
        "y = γ x̂ + β: pale is x̂, with mean 0 and variance 1; dark is the output. " +
          "The learned values are where the sliders start.",
      ),
      setChooser(norm, draw) ?? "",
      picture,
      slider("γ", gamma, -3, 3, v => {
        normState.gamma = v;
      }),
      slider("β", beta, -4, 4, v => {
        normState.beta = v;
      }),
      h("p", { class: "faint" }, `The output has mean ${num(beta, 3)} and standard deviation ${num(Math.abs(gamma), 3)}.`),
    );
  };
  const redraw = () => {
    // keep the focus on the slider that is being moved
    const name = document.activeElement?.getAttribute("aria-label");
    draw();
    holder.querySelector(`input[aria-label="${name}"]`)?.focus();
  };
  draw();
  return holder;
}

// The map of derivatives: cell (i, j) is how output i moves with input j; lines separate the samples.
function mapSection(norm) {
  const holder = h("div", {});
  const own = { batch_norm: 0, batch_norm_eval: 1, layer_norm: 2 }[norm.op];
  if (normState.map === 0) normState.map = own;
  const SAYS = [
    "Every output hears every sample of its channel: that is what depends on the batch.",
    "The statistics are fixed: each output hears its own input only.",
    "Each output hears its own sample only: the map falls into blocks.",
  ];
  const draw = () => {
    const { rows, samples, channels, name } = norm.maps[normState.map];
    const n = rows.length,
      size = Math.floor(Math.min(chartWidth(), 400) / n);
    const most = Math.max(...rows.flat().map(x => (isNumber(x) ? Math.abs(x) : 0))) || 1;
    const cells = rows.flatMap((row, i) =>
      row.map((x, j) =>
        s(
          "rect",
          {
            x: j * size,
            y: i * size,
            width: size - 0.5,
            height: size - 0.5,
            fill: colourAt(isNumber(x) ? Math.sign(x) * Math.sqrt(Math.abs(x) / most) : 0),
          },
          s("title", {}, `∂y[${cell(i, channels)}] / ∂x[${cell(j, channels)}] = ${num(x, 4)}`),
        ),
      ),
    );
    const lines = Array.from({ length: samples + 1 }, (_, k) => k * channels * size).flatMap(at => [
      s("line", { x1: at, x2: at, y1: 0, y2: n * size }),
      s("line", { x1: 0, x2: n * size, y1: at, y2: at }),
    ]);
    holder.replaceChildren(
      h(
        "div",
        { class: "switch", role: "group", "aria-label": "Which normalization" },
        norm.maps.map((map, k) =>
          h(
            "button",
            {
              "aria-pressed": String(k === normState.map),
              onclick: () => {
                normState.map = k;
                draw();
              },
            },
            map.name.replace("batch norm, ", "BN "),
          ),
        ),
      ),
      s(
        "svg",
        { class: "map", width: n * size, height: n * size, role: "img", "aria-label": `Derivatives of ${name}` },
        cells,
        s("g", { class: "grid" }, lines),
      ),
      h("p", {}, SAYS[normState.map]),
      h(
        "p",
        { class: "faint" },
        `Row: output, column: input; ${plural(samples, "sample")} of ${plural(channels, "channel")} each, γ = 1. ` +
          `Blue is negative, orange positive, up to ${num(most, 3)}; colour by square root.`,
      ),
    );
  };
  draw();
  return holder;
}

// The sample and the channel of a cell of the map.
const cell = (k, channels) => `${Math.floor(k / channels)}, ${k % channels}`;
