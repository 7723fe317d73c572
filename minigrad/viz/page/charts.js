// Statistics and histograms.

// What statistics and colours of complex numbers are of.
const modulus = variable => (variable.dtype.startsWith("complex") ? "|z| " : "");

function statistics(variable) {
  const { stats } = variable;
  const rows = [
    ["shape", shapeText(variable.shape)],
    ["type", `${variable.dtype}, ${bytes(variable.bytes)}`],
  ];
  if (stats && stats.size) {
    rows.push(
      [`${modulus(variable)}mean ± std`, `${num(stats.mean)} ± ${num(stats.std)}`],
      [`${modulus(variable)}min … max`, `${num(stats.min)} … ${num(stats.max)}`],
      ["norm", num(stats.norm)],
      ["zeros", share(stats.zeros, stats.size)],
    );
    if (stats.nonfinite) rows.push(["not finite", share(stats.nonfinite, stats.size)]);
  }
  return h(
    "table",
    { class: "stats" },
    rows.map(([name, text]) =>
      h("tr", { class: name === "not finite" ? "bad" : "" }, h("th", {}, name), h("td", {}, text)),
    ),
  );
}

const share = (n, of) =>
  n ? `${n.toLocaleString("en")} of ${of.toLocaleString("en")} (${num((100 * n) / of, 3)}%)` : "none";

function histogram(variable, kind) {
  const { histogram: counts, stats, counted } = variable;
  if (!counts.length || stats.size < 3) return null;
  const [width, height] = [chartWidth(), 54];
  const most = Math.max(...counts, 1);
  const step = width / counts.length;
  const bars = counts.map((n, k) =>
    s(
      "rect",
      {
        class: kind,
        x: k * step + 0.5,
        width: step - 1,
        y: height - Math.max((n / most) * height, n ? 1.5 : 0),
        height: Math.max((n / most) * height, n ? 1.5 : 0),
      },
      s("title", {}, plural(n, "number")),
    ),
  );
  const zero = stats.min < 0 && stats.max > 0 ? (width * -stats.min) / (stats.max - stats.min) : null;
  return h(
    "figure",
    { class: "histogram" },
    s(
      "svg",
      { width, height, role: "img", "aria-label": `Histogram from ${num(stats.min)} to ${num(stats.max)}` },
      bars,
      zero === null ? null : s("line", { class: "zero", x1: zero, x2: zero, y1: 0, y2: height }),
    ),
    h(
      "figcaption",
      {},
      h("span", {}, num(stats.min, 3)),
      h(
        "span",
        { class: "faint" },
        counted < stats.size ? `${counted.toLocaleString("en")} of ${stats.size.toLocaleString("en")} counted` : "",
      ),
      h("span", {}, num(stats.max, 3)),
    ),
  );
}

// Everything about one array: statistics, histogram, heat map.
function numbersOf(variable, kind) {
  if (variable === null)
    return h("p", { class: "faint" }, kind === "gradient" ? "No gradient: none was wanted or recorded." : "Not recorded.");
  if (!variable.stats) {
    return [
      statistics(variable),
      h(
        "p",
        { class: "faint" },
        "The numbers are not known any more: something wrote over them. record(statistics=True) keeps them.",
      ),
    ];
  }
  const zero = numericallyZero(variable, kind);
  return [
    zero
      ? h(
          "p",
          { class: "notice" },
          `All of it is numerically zero: below ε·max = ${num(variable.eps, 2)} · ${num(measureOf(variable, kind), 3)}, ` +
            "where max is the largest gradient on the way here.",
        )
      : null,
    statistics(variable),
    histogram(variable, kind),
    heatMap(variable, kind),
  ];
}
