// Two programs on one graph: which of them is shown. Without a second program everything belongs to the first, "a".

const COMPARED = DATA.compare !== null;
const sides = { shown: COMPARED ? "ab" : "a" };

const sideHas = (at, side) => !COMPARED || ITEMS[at].side.includes(side);
const visibleItem = at => !COMPARED || [...sides.shown].some(side => sideHas(at, side));

// A group without anything in it that is shown is not shown either.
const visibleGroup = at => !COMPARED || itemsIn(at).some(visibleItem);

// The inputs of an item, of the program or programs shown, each source once.
function inputsOf(at) {
  const item = ITEMS[at];
  if (!COMPARED) return item.inputs;
  const first = sides.shown.includes("a") && sideHas(at, "a") ? item.inputs : [];
  const other = sides.shown.includes("b") && item.b ? item.b.inputs : [];
  const known = new Set(first.map(input => input.source));
  return [...first, ...other.filter(input => !known.has(input.source))];
}

// What is known about an item in one of the programs.
function factsOf(at, side) {
  const item = ITEMS[at];
  return side === "b" ? (item.b ?? null) : sideHas(at, "a") ? item : null;
}

// The variable of an item's output, in whichever program has it.
const outputOf = item => variableOf(item.variable ?? item.b?.variable);

const sideName = side => (COMPARED ? DATA.compare[side] : "");

// What differs between the two programs at an item.
function differences(at) {
  const [a, b] = ["a", "b"].map(side => factsOf(at, side));
  if (!a || !b) return null;
  const row = (name, one, other) => {
    const [x, y] = [variableOf(one)?.stats?.norm, variableOf(other)?.stats?.norm];
    if (!isNumber(x) || !isNumber(y)) return null;
    return h("tr", {}, h("th", {}, name), h("td", {}, `${num(x)} → ${num(y)}${x ? `, ${num(y / x, 3)} times` : ""}`));
  };
  return h(
    "table",
    { class: "stats" },
    row("norm of value, A → B", a.variable, b.variable),
    row("norm of gradient, A → B", a.gradient, b.gradient),
  );
}

// The buttons that choose A, B or both.
function startSides() {
  if (!COMPARED) return;
  const holder = byId("sides");
  holder.hidden = false;
  const draw = () =>
    holder.replaceChildren(
      ...Object.entries({ a: `A: ${sideName("a")}`, b: `B: ${sideName("b")}`, ab: "both" }).map(([side, text]) =>
        h(
          "button",
          {
            "aria-pressed": String(sides.shown === side),
            onclick: () => {
              sides.shown = side;
              draw();
              redraw(null);
            },
          },
          shortened(text, 22),
        ),
      ),
    );
  draw();
}
