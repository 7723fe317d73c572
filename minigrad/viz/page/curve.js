// Curves: along a wire forward, and beside it backward.

// Points along a Bézier curve, `each` for every piece.
function along(points, each = 14) {
  const found = points.slice(0, 1);
  for (let k = 0; k + 3 < points.length; k += 3) {
    const [a, b, c, d] = points.slice(k, k + 4);
    for (let i = 1; i <= each; i++) {
      const t = i / each,
        u = 1 - t;
      found.push([0, 1].map(n => u * u * u * a[n] + 3 * u * u * t * b[n] + 3 * u * t * t * c[n] + t * t * t * d[n]));
    }
  }
  return found;
}

// The same line moved sideways.
function beside(points, distance) {
  return points.map((point, k) => {
    const before = points[Math.max(k - 1, 0)],
      after = points[Math.min(k + 1, points.length - 1)];
    const [x, y] = [after[0] - before[0], after[1] - before[1]];
    const length = Math.hypot(x, y) || 1;
    return [point[0] - (y / length) * distance, point[1] + (x / length) * distance];
  });
}

const linePath = points => "M" + points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join("L");

// An arrowhead with its tip at `tip`, coming from `from`.
function headPath(tip, from, length, width) {
  const [x, y] = [tip[0] - from[0], tip[1] - from[1]];
  const size = Math.hypot(x, y) || 1;
  const [u, v] = [x / size, y / size];
  const base = [tip[0] - u * length, tip[1] - v * length];
  return linePath([tip, [base[0] - v * width, base[1] + u * width], [base[0] + v * width, base[1] - u * width]]) + "z";
}

// The line without its last `length`.
function cutShort(points, length) {
  const end = points.at(-1);
  let k = points.length - 1;
  while (k > 1 && Math.hypot(points[k][0] - end[0], points[k][1] - end[1]) < length) k--;
  return points.slice(0, k + 1);
}
