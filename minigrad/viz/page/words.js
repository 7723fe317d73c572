// Elements and words: everything that comes from the program enters the page as text, never as markup.

function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

function s(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(element.style, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter(child => child !== null && child !== undefined));
  return element;
}

// How wide a chart in the panel can be.
const chartWidth = () => Math.max(240, Math.min(byId("panel").clientWidth - 36 - (sides.shown.length > 1 ? 16 : 0), 560));

const byId = id => document.getElementById(id);

// A number with `digits` significant digits and a real minus sign; words ("nan", "∞") stay as they are.
function num(x, digits = 4) {
  if (typeof x !== "number") return x === null || x === undefined ? "–" : String(x);
  if (x === 0) return "0";
  const size = Math.abs(x);
  if (size >= 1e5 || size < 1e-3) {
    const [front, power] = x.toExponential(digits - 1).split("e");
    return minus(trimmed(front) + "e" + power.replace("+", ""));
  }
  return minus(trimmed(x.toPrecision(digits)));
}

const trimmed = text => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
const minus = text => text.replaceAll("-", "−");
const shapeText = shape => (shape === null ? "" : shape.length ? shape.join("×") : "scalar");
const plural = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;

function bytes(n) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let k = 0;
  while (n >= 1024 && k < units.length - 1) {
    n /= 1024;
    k++;
  }
  return `${k && n < 100 ? n.toFixed(1) : Math.round(n)} ${units[k]}`;
}

function shortened(text, longest) {
  const letters = Array.from(text);
  return letters.length > longest ? letters.slice(0, longest - 1).join("") + "…" : text;
}

// Formulas are the only markup in the data; the writer of the data has escaped the names in them.
function math(text, className = "math") {
  const holder = h("span", { class: className });
  holder.innerHTML = text;
  return holder;
}

const meter = document.createElement("canvas").getContext("2d");
const measured = new Map();

function textWidth(text, font) {
  const key = font + text;
  if (!measured.has(key)) {
    meter.font = font;
    measured.set(key, meter.measureText(text).width);
  }
  return measured.get(key);
}
