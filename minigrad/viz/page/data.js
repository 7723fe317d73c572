// The island of data, and what can be read off it at once. The fields are described in schema.py.

const DATA = JSON.parse(document.getElementById("data").textContent);
const { items: ITEMS, groups: GROUPS, variables: VARIABLES, texts: TEXTS, norms: NORMS } = DATA;

const variableOf = at => (at === null || at === undefined ? null : VARIABLES[at]);
const isLeaf = item => item.op === "";
const isNumber = x => typeof x === "number" && Number.isFinite(x);

// The largest size of any value, and of any gradient: what shared scales end at, and what "numerically zero" is measured by.
const LARGEST = { value: 0, gradient: 0 };

function takeLargest(kind, at) {
  const stats = variableOf(at)?.stats;
  for (const x of stats ? [stats.min, stats.max] : []) {
    if (isNumber(x)) LARGEST[kind] = Math.max(LARGEST[kind], Math.abs(x));
  }
}

// The largest norm of any gradient on a wire, for the widths of the red edges, and the smallest that is not zero.
const NORM_RANGE = { low: Infinity, high: 0 };

for (const item of ITEMS.flatMap(one => (one.b ? [one, one.b] : [one]))) {
  takeLargest("value", item.variable);
  takeLargest("gradient", item.gradient);
  for (const input of item.inputs) {
    const norm = variableOf(input.sent)?.stats?.norm;
    if (isNumber(norm) && norm > 0) {
      NORM_RANGE.low = Math.min(NORM_RANGE.low, norm);
      NORM_RANGE.high = Math.max(NORM_RANGE.high, norm);
    }
  }
}
NORM_RANGE.low = Math.max(NORM_RANGE.low, NORM_RANGE.high * 1e-5);

// From 1.2 to 5.8, by the logarithm of the norm.
function wireWidth(norm) {
  if (!isNumber(norm) || norm <= 0) return 1;
  const { low, high } = NORM_RANGE;
  if (high <= low) return 3;
  const at = Math.log(Math.max(norm, low) / low) / Math.log(high / low);
  return 1.2 + 4.6 * at;
}

// How large the numbers are that a gradient is made of: `behind` is the largest of all gradients between it and the loss.
function largestOf(variable) {
  const ends = variable?.stats ? [variable.stats.min, variable.stats.max] : [];
  return Math.max(0, ...ends.filter(isNumber).map(Math.abs));
}

function measureGradients() {
  const note = (at, size) => {
    if (at !== null) VARIABLES[at].behind = Math.max(VARIABLES[at].behind ?? 0, size);
  };
  const through = ITEMS.map(() => 0); // by item, the largest gradient behind what it was sent
  for (let k = ITEMS.length - 1; k >= 0; k--) {
    const item = ITEMS[k];
    const own = largestOf(variableOf(item.gradient));
    const behind = Math.max(through[k], through[item.last]);
    note(item.gradient, behind || own);
    for (const input of item.inputs)
      if (input.sent !== null) {
        note(input.sent, Math.max(behind, own));
        through[input.source] = Math.max(through[input.source], behind, own);
      }
  }
}

measureGradients();

// Below ε times the largest number that went into it, a number is numerically zero. A value is measured by its own array.
const measureOf = (variable, kind) =>
  kind === "gradient" ? (variable.behind ?? largestOf(variable)) : largestOf(variable);
const zeroLimit = (variable, kind) => variable.eps * measureOf(variable, kind);

function numericallyZero(variable, kind) {
  const { stats } = variable ?? {};
  return (
    Boolean(stats && stats.size && stats.zeros < stats.size && isNumber(stats.min)) &&
    largestOf(variable) < zeroLimit(variable, kind)
  );
}

// The groups around an item or group, outermost first, without the root.
function pathOf(group) {
  const path = [];
  for (let at = group; at !== null && at !== 0; at = GROUPS[at].parent) path.unshift(at);
  return path;
}

function groupName(at) {
  const group = GROUPS[at];
  if (group.kind === "op") return ITEMS[group.item].title;
  if (/^\d+$/.test(group.label) && group.title) return `${group.label} ${group.title}`;
  return group.label || group.title || "module";
}

const pathName = at => pathOf(at).map(groupName).join(" › ");
