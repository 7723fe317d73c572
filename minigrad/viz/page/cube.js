// The axes of an activation as a cube, samples × channels × positions, with the set that one cell is normalised with.

const SIDE = 4;
const KINDS = {
  "Batch norm": (a, b) => a.c === b.c,
  "Layer norm": (a, b) => a.n === b.n,
  "Instance norm": (a, b) => a.n === b.n && a.c === b.c,
  "Group norm": (a, b) => a.n === b.n && a.c >> 1 === b.c >> 1,
};
const MEANS = {
  "Batch norm": "one channel, all samples and positions",
  "Layer norm": "one sample, all channels and positions",
  "Instance norm": "one sample and channel, all positions",
  "Group norm": "one sample, a group of channels",
};
const chosenCell = { n: 3, c: 3, p: 0 };

// Corners of the cube on paper: n goes down to the left, c to the right, p up.
const corner = (n, c, p) => [58 + (c - n) * 12.5, 50 + (c + n) * 6.2 - p * 12.5];

function face(points, cell, inSet, isCell, redraw) {
  return s("polygon", {
    points: points.map(point => point.map(x => x.toFixed(1)).join()).join(" "),
    class: `cube-cell${inSet ? " in" : ""}${isCell ? " it" : ""}`,
    onclick: () => {
      Object.assign(chosenCell, cell);
      redraw();
    },
  });
}

function cube(name, redraw) {
  const inSet = KINDS[name];
  const faces = [];
  const add = (cell, points) =>
    faces.push(
      face(
        points,
        cell,
        inSet(cell, chosenCell),
        cell.n === chosenCell.n && cell.c === chosenCell.c && cell.p === chosenCell.p,
        redraw,
      ),
    );
  for (let i = 0; i < SIDE; i++)
    for (let j = 0; j < SIDE; j++) {
      add({ n: i, c: j, p: SIDE - 1 }, [
        corner(i, j, SIDE),
        corner(i + 1, j, SIDE),
        corner(i + 1, j + 1, SIDE),
        corner(i, j + 1, SIDE),
      ]);
      add({ n: SIDE - 1, c: i, p: j }, [
        corner(SIDE, i, j),
        corner(SIDE, i + 1, j),
        corner(SIDE, i + 1, j + 1),
        corner(SIDE, i, j + 1),
      ]);
      add({ n: i, c: SIDE - 1, p: j }, [
        corner(i, SIDE, j),
        corner(i + 1, SIDE, j),
        corner(i + 1, SIDE, j + 1),
        corner(i, SIDE, j + 1),
      ]);
    }
  return h(
    "figure",
    { class: "cube" },
    s(
      "svg",
      { viewBox: "-14 -6 130 116", role: "img", "aria-label": `${name}: ${MEANS[name]}` },
      faces,
      s("text", { x: 16, y: 96 }, "N"),
      s("text", { x: 92, y: 96 }, "C"),
      s("text", { x: -13, y: 40 }, "H·W"),
    ),
    h("figcaption", {}, h("b", {}, name), h("span", { class: "faint" }, MEANS[name])),
  );
}

function cubes(norm) {
  const holder = h("div", {});
  const draw = () =>
    holder.replaceChildren(
      h(
        "p",
        {},
        `A cell is normalised with the coloured ones. Here N\u00a0=\u00a0${norm.sizes[0].toLocaleString("en")}, ` +
          `C\u00a0=\u00a0${norm.sizes[1].toLocaleString("en")}, ` +
          `H·W\u00a0=\u00a0${norm.sizes[2].toLocaleString("en")}. Click a cell to choose it.`,
      ),
      h(
        "div",
        { class: "cubes" },
        Object.keys(KINDS).map(name => cube(name, draw)),
      ),
    );
  draw();
  return holder;
}
