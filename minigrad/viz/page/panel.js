// The panel: what is known about the chosen node, and what happens in the present step.

const selection = { key: null, tab: "rule" };
const TABS = { rule: "Formula", numbers: "Numbers", norm: "Normalization" };

function drawPanel() {
  const panel = byId("panel");
  const top = panel.scrollTop;
  const was = panel.dataset.shows;
  const what =
    selection.key === null
      ? overview()
      : selection.key[0] === "g"
        ? aboutGroup(Number(selection.key.slice(1)))
        : aboutItem(Number(selection.key.slice(1)));
  panel.replaceChildren(...what.flat(3).filter(Boolean));
  panel.querySelectorAll(".math").forEach(fitMath);
  panel.dataset.shows = `${selection.key} ${selection.tab} ${time.at}`;
  panel.scrollTop = panel.dataset.shows === was ? top : 0;
  for (const [key, node] of drawn.nodes) node.element.classList.toggle("chosen", key === selection.key);
  drawCrumbs();
}

// Formulas do not break into lines: one that is too wide is written smaller.
function fitMath(holder) {
  const room = holder.parentElement.clientWidth;
  const wide = Math.max(holder.scrollWidth, holder.getBoundingClientRect().width);
  if (wide > room)
    holder.style.fontSize = `${Math.max(0.55, (room / wide) * (holder.classList.contains("main") ? 1.18 : 1) * 0.98)}em`;
}

// -- without a choice --------------------------------------------------------------------------------------------------

function overview() {
  const calls = ITEMS.filter(item => !isLeaf(item) && GROUPS[item.group].kind !== "op");
  const parameters = ITEMS.filter(item => item.kind === "parameter");
  const saved = calls.reduce((sum, item) => sum + item.savedBytes, 0);
  const numbers = parameters.reduce((sum, item) => sum + (variableOf(item.variable)?.stats?.size ?? 0), 0);
  const many =
    ITEMS.length > LIMIT
      ? h(
          "p",
          { class: "notice" },
          `${plural(ITEMS.length, "node")} in all: at most ${LIMIT} are shown at a time. Open what you want to see.`,
        )
      : null;
  const row = (name, text) => h("tr", {}, h("th", {}, name), h("td", {}, text));
  return [
    h("h2", {}, DATA.title),
    many,
    noteList(),
    COMPARED ? comparedWords() : null,
    h(
      "table",
      { class: "stats" },
      row("forward", plural(calls.length, "call")),
      row("backward", plural(DATA.backward.length, "gradient")),
      DATA.updates.length ? row("update", plural(DATA.updates.length, "call")) : null,
      row("parameters", `${parameters.length} with ${plural(numbers, "number")}`),
      row("kept for backward", bytes(saved)),
    ),
    h("h3", {}, "How to read it"),
    legendList(),
    h("h3", {}, "How to go about"),
    h(
      "ul",
      { class: "how" },
      [
        ["→ ←", "step forward, then backward, through the computation"],
        ["click, Enter", "open a module, then an op into its definition"],
        ["Esc", "close what the chosen node is in; leave the steps"],
        ["/", "search"],
        ["?", "all keys"],
      ].map(([key, text]) => h("li", {}, h("kbd", {}, key), ` ${text}`)),
    ),
  ];
}

// What the reader should know about the gradients.
const noteList = () => DATA.notes.map(text => h("p", { class: "notice" }, `${text[0].toUpperCase()}${text.slice(1)}.`));

function legendList() {
  const wire = (className, d, more = {}) =>
    s("svg", { width: 34, height: 14, class: `wire ${className}` }, s("path", { d, ...more }));
  const box = className =>
    s(
      "svg",
      { width: 34, height: 18, class: `node ${className}` },
      className === "module" ? s("rect", { class: "under", x: 6, y: 4, width: 26, height: 13, rx: 4 }) : null,
      s("rect", { class: "face", x: 3, y: 2, width: 26, height: 13, rx: isRound(className) ? 6.5 : 3 }),
      className === "composite" ? s("rect", { class: "inner", x: 5, y: 4, width: 22, height: 9, rx: 2 }) : null,
    );
  const rows = [
    [wire("", "M1 7h30", { class: "forward" }), "values, forward"],
    [wire("", "M1 7h30", { class: "backward", "stroke-width": 5 }), "gradients, backward; wider is a larger norm"],
    [wire("", "M1 7h30", { class: "backward zero", "stroke-width": 1.2 }), "a gradient that is numerically zero"],
    [box("module"), "module: opens into its calls"],
    [box("composite"), "op with a definition: opens into primitives"],
    [box("op"), "op"],
    [box("parameter"), "parameter"],
    [box("input"), "input"],
    [box("constant"), "constant or buffer"],
  ];
  return h(
    "ul",
    { class: "legend" },
    rows.map(([picture, text]) => h("li", {}, picture, h("span", {}, text))),
  );
}

function comparedWords() {
  const count = side => ITEMS.filter(item => item.side === side && !isLeaf(item)).length;
  return h(
    "p",
    { class: "notice" },
    `Two programs on one graph. A: ${sideName("a")}; B: ${sideName("b")}. ` +
      `${plural(count("a"), "call")} only in A (dashed), ${count("b").toLocaleString("en")} only in B (dotted). ` +
      "The time line steps through A.",
  );
}

// -- a group -----------------------------------------------------------------------------------------------------------

function aboutGroup(at) {
  const group = GROUPS[at];
  const inside = itemsIn(at).map(k => ITEMS[k]);
  const parameters = inside.filter(item => item.kind === "parameter");
  const row = (name, text) => h("tr", {}, h("th", {}, name), h("td", {}, text));
  const kids = group.children.slice(0, 60).map(child => {
    const key = child.group !== undefined ? `g${child.group}` : `i${child.item}`;
    const name = child.group !== undefined ? groupName(child.group) : ITEMS[child.item].short || ITEMS[child.item].title;
    const kind = child.group !== undefined ? GROUPS[child.group].title || GROUPS[child.group].kind : ITEMS[child.item].kind;
    return h(
      "li",
      {},
      h("button", { class: "link", onclick: () => goToKey(key) }, shortened(name, 40)),
      h("span", { class: "faint" }, ` ${shortened(kind, 30)}`),
    );
  });
  return [
    h(
      "div",
      { class: "head" },
      h("span", { class: "kind module" }, group.kind === "run" ? "calls" : group.title || "module"),
      h("h2", {}, groupName(at)),
      where(group.parent),
    ),
    h(
      "table",
      { class: "stats" },
      row("forward", plural(callsIn(at), "call")),
      row(
        "parameters",
        `${parameters.length} with ` +
          plural(
            parameters.reduce((n, item) => n + (variableOf(item.variable)?.stats?.size ?? 0), 0),
            "number",
          ),
      ),
      row("kept for backward", bytes(inside.reduce((n, item) => n + item.savedBytes, 0))),
    ),
    h("button", { class: "wide", onclick: () => toggle(at) }, isOpen(at) ? "Close it" : "Open it"),
    h("h3", {}, "Inside"),
    h("ul", { class: "kids" }, kids),
    group.children.length > kids.length
      ? h("p", { class: "faint" }, `… and ${group.children.length - kids.length} more`)
      : null,
  ];
}

const where = group => {
  const path = pathName(group);
  return path ? h("p", { class: "path faint" }, path) : null;
};

// -- an item -----------------------------------------------------------------------------------------------------------

function aboutItem(at) {
  const item = ITEMS[at];
  const tabs = Object.entries(TABS).filter(([name]) =>
    name === "rule" ? !isLeaf(item) : name === "norm" ? item.norm !== null : true,
  );
  const tab = tabs.some(([name]) => name === selection.tab) ? selection.tab : tabs[0][0];
  const body = { rule: () => rulePart(item), numbers: () => numbersPart(at), norm: () => normPanel(item) }[tab];
  return [
    h(
      "div",
      { class: "head" },
      h("span", { class: `kind ${item.kind}` }, item.kind),
      h("h2", {}, item.title),
      where(item.group),
      item.inside === null
        ? null
        : h(
            "button",
            { class: "link", onclick: () => toggle(item.inside) },
            isOpen(item.inside) ? "Close its definition" : "Open its definition",
          ),
    ),
    stepPart(at),
    tabs.length > 1
      ? h(
          "div",
          { class: "tabs", role: "tablist" },
          tabs.map(([name, text], k) =>
            h(
              "button",
              {
                role: "tab",
                "aria-selected": String(name === tab),
                title: `Key ${k + 1}`,
                onclick: () => {
                  selection.tab = name;
                  drawPanel();
                },
              },
              text,
            ),
          ),
        )
      : null,
    h("div", { class: "tab", role: "tabpanel" }, body()),
  ];
}

// Formula, rules, and where the call is from.
function rulePart(item) {
  const rules = inputsOf(item.id).filter(input => input.rule !== null);
  const told = currentStep()?.item === item.id; // the step has said it
  return [
    told
      ? null
      : [
          h("h3", {}, "Forward"),
          formulaPart(item.formula, item) ?? h("p", {}, TEXTS[item.doc] || "No formula is written down for this op."),
          rules.length
            ? [h("h3", { class: "back" }, "Backward: what it sends"), rules.map(input => sentPart(item, input, null))]
            : null,
        ],
    h("h3", {}, "The call"),
    h(
      "table",
      { class: "stats" },
      factRow("op", item.op),
      factRow("options", item.options),
      factRow("output", `${shapeText(outputOf(item).shape)} ${outputOf(item).dtype}`),
      factRow("source", TEXTS[item.source]),
      factRow("kept", item.saved.length ? `${item.saved.map(keptName).join(", ")}: ${bytes(item.savedBytes)}` : "nothing"),
    ),
  ];
}

const keptName = kept => `${kept.name} ${shapeText(variableOf(kept.variable).shape)}`;
const factRow = (name, text) => (text ? h("tr", {}, h("th", {}, name), h("td", {}, text)) : null);

// What the symbols of a formula stand for, where the formula itself is not written with numbers.
function symbolTable(item) {
  const rows = inputsOf(item.id)
    .map(input => [input.letter, variableOf(input.variable)])
    .filter(([letter]) => letter.length <= 2);
  return rows.length
    ? h(
        "table",
        { class: "stats symbols" },
        rows.map(([letter, variable]) =>
          h("tr", {}, h("th", {}, letter), h("td", {}, `${shapeText(variable.shape)}: ${brief(variable, "value")}`)),
        ),
      )
    : null;
}

function formulaPart(formula, item = null) {
  if (!formula || !TEXTS[formula.math]) return null;
  const where_ = formula.where.map(k => math(TEXTS[k]));
  return h(
    "div",
    { class: "formula" },
    math(TEXTS[formula.math], "math main"),
    where_.length ? h("div", { class: "where" }, h("span", { class: "faint" }, "where"), where_) : null,
    TEXTS[formula.numbers]
      ? h("div", { class: "numbers" }, math(TEXTS[formula.numbers]), numbersNote(TEXTS[formula.numbers]))
      : item && symbolTable(item),
    TEXTS[formula.over] ? h("p", { class: "faint" }, TEXTS[formula.over]) : null,
  );
}

const numbersNote = text => (text.includes("<mtable") ? null : h("span", { class: "faint" }, "first element"));

// What is sent to one input; `mark` is "=" or "+=" in a step.
function sentPart(item, input, mark) {
  const { rule } = input;
  const sent = variableOf(input.sent);
  const parent = makerOf(input.source);
  return h(
    "div",
    { class: "sent" },
    h(
      "div",
      { class: "sent-head" },
      mark ? h("b", { class: "mark" }, mark) : null,
      h("span", {}, "to "),
      h("button", { class: "link", onclick: () => goToKey(`i${parent.id}`) }, shortened(nameSeenFrom(parent, item), 34)),
      h("span", { class: "faint" }, ` as ${input.name}, ${shapeText(variableOf(input.variable).shape)}`),
    ),
    rule && TEXTS[rule.math] ? math(TEXTS[rule.math], "math main") : null,
    rule && rule.where.length
      ? h(
          "div",
          { class: "where" },
          h("span", { class: "faint" }, "where"),
          rule.where.map(k => math(TEXTS[k])),
        )
      : null,
    rule && TEXTS[rule.numbers]
      ? h("div", { class: "numbers" }, math(TEXTS[rule.numbers]), numbersNote(TEXTS[rule.numbers]))
      : null,
    mark ? arrayPart("sent", sent, "gradient") : sent?.stats ? h("p", { class: "faint" }, brief(sent, "gradient")) : null,
  );
}

// An array in a step: its numbers as a small heat map where they fit, and a line about it.
function arrayPart(name, variable, kind) {
  if (!variable?.stats) return null;
  const { rows, at, stats } = variable;
  const small = !at && stats.size > 6 && rows.length <= 8 && rows[0].length <= 6;
  return [
    h("p", { class: "result" }, `${name}: ${brief(variable, kind)}`),
    small ? heatCells(variable, kind, 300).picture : null,
  ];
}

// An array in one line: its numbers if they are few, else norm and range.
function brief(variable, kind) {
  const { stats, rows, words, at } = variable;
  if (!stats) return "not known any more";
  if (!stats.size) return "empty";
  if (!at && stats.size <= 6)
    return `[${(words ?? rows)
      .flat()
      .map(x => num(x))
      .join(", ")}]`;
  const zero = numericallyZero(variable, kind) ? ", numerically zero" : "";
  return `norm ${num(stats.norm)}, ${modulus(variable)}${num(stats.min, 3)} … ${num(stats.max, 3)}${zero}`;
}

// What happens in the present step, if it is this item's.
function stepPart(at) {
  const step = currentStep();
  if (!step || step.item !== at) return null;
  const item = ITEMS[at];
  const value = variableOf(item.variable),
    gradient = variableOf(item.gradient);
  const title = `Step ${time.at + 1} of ${time.steps.length}`;
  if (step.phase === "forward") {
    return h(
      "section",
      { class: "step forward" },
      h("h3", {}, `${title}: forward`),
      formulaPart(item.formula, item),
      arrayPart("y", value, "value"),
    );
  }
  if (step.phase === "leaf") {
    return h(
      "section",
      { class: "step backward" },
      h("h3", {}, `${title}: the gradient is whole`),
      h("p", {}, "All that was sent here is added up; this is what goes to .grad."),
      arrayPart(".grad", gradient, "gradient"),
    );
  }
  if (step.phase === "update") {
    const { mean, std, min, max, norm } = step.update.after ?? {};
    return h(
      "section",
      { class: "step update" },
      h("h3", {}, `${title}: ${step.update.op.replace(/_$/, "")} updates it`),
      formulaPart(step.update.formula) ?? h("p", {}, TEXTS[step.update.doc]),
      step.update.after
        ? h(
            "p",
            { class: "result" },
            `after: norm ${num(norm)}, mean ${num(mean)} ± ${num(std)}, ${num(min, 3)} … ${num(max, 3)}`,
          )
        : null,
    );
  }
  return h(
    "section",
    { class: "step backward" },
    h("h3", {}, `${title}: backward`),
    arrayPart("g, the gradient that arrives", gradient, "gradient"),
    step.sends.some(({ input }) => input.rule && !TEXTS[input.rule.numbers]) ? symbolTable(item) : null,
    step.sends.length
      ? step.sends.map(({ input, mark }) => sentPart(item, input, mark))
      : h("p", { class: "faint" }, "It sends nothing on."),
  );
}

// Values and gradients, of both programs where two are compared.
function numbersPart(at) {
  const blocks = [];
  for (const side of sides.shown) {
    const facts = factsOf(at, side);
    const name = COMPARED ? ` in ${side.toUpperCase()}` : "";
    if (facts === null) blocks.push(h("p", { class: "faint" }, `Not in ${side.toUpperCase()}.`));
    else
      blocks.push(
        h(
          "section",
          { class: `numbers-block side-${side}` },
          h("h3", {}, `Value${name}`),
          numbersOf(variableOf(facts.variable), "value"),
          h("h3", { class: "back" }, `Gradient${name}`),
          numbersOf(variableOf(facts.gradient), "gradient"),
        ),
      );
  }
  return [scaleSwitch(), COMPARED ? differences(at) : null, h("div", { class: blocks.length > 1 ? "two" : "" }, blocks)];
}
