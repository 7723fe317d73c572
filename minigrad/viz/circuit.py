"""A layout for small circuits: the main path from left to right, detours and parameters hanging below it.

Kratzert's drawing of batch norm (2016) is the model: every arrow has a place, forward and backward run side by side.
Sizes are in points, y grows upwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import hypot

from ..trace import Variable
from .picture import Item, Picture, Wire
from .text import shape_of

GAP = 76.0  # between columns
BADGE = 44.0  # more, where gradients meet
BEND = 62.0  # more, where a wire climbs to the next column
ROW = 74.0  # between rows
OFF = 30.0  # from a node to its badge
RADIUS = 12.0
ARROW = 8.0
MARGIN = 16.0  # of a label in the gap between columns

Point = tuple[float, float]


@dataclass
class Route:
    """A Bézier curve (its points), ending in an arrowhead, and where its label goes."""

    points: list[Point]
    label: Point


@dataclass(eq=False)
class Layout:
    """Where everything is: centres of items and badges, routes there and back, the corner for the legend."""

    centres: dict[Item, Point] = field(default_factory=dict)
    badges: dict[Item, Point] = field(default_factory=dict)
    forward: dict[Wire, Route] = field(default_factory=dict)
    backward: dict[Wire, Route] = field(default_factory=dict)
    title: Point = (0.0, 0.0)
    legend: Point = (0.0, 0.0)


class Grid:
    """Columns and rows of items: row 0 is the main path, rows count downwards. `cells` is None if they don't fit.

    crossed  cells that a wire passes on its way along a row
    """

    def __init__(self, picture: Picture) -> None:
        self.into: dict[Item, list[Wire]] = {i: [] for i in picture.items}
        self.out: dict[Item, list[Wire]] = {i: [] for i in picture.items}
        for wire in picture.wires:
            self.into[wire.target].append(wire)
            self.out[wire.source].append(wire)
        self.picture = picture
        self.crossed: set[tuple[int, int]] = set()
        # two wires between the same nodes would lie on each other
        apart = len({(w.source, w.target) for w in picture.wires}) == len(picture.wires)
        self.path = self.main_path() if apart else []
        self.cells: dict[Item, tuple[int, int]] | None = {item: (c, 0) for c, item in enumerate(self.path)}
        for chain, end in sorted(self.chains(), key=lambda found: not found[0][0].computes):
            if self.cells is not None:
                self.cells = self.placed(chain, end)
        if self.cells is not None and len(self.cells) < len(picture.items):
            self.cells = None

    def main_path(self) -> list[Item]:
        """The shortest way to the output from the leaf that lies farthest from it; empty if there is not one output."""
        ends = [i for i in self.picture.items if i.kind == "output"]
        if len(ends) != 1:
            return []
        farthest: dict[Item, int] = {ends[0]: 0}
        for item in reversed(self.picture.items):  # calls are in order, so all uses come before
            for wire in self.into[item] if item in farthest else ():
                farthest[wire.source] = max(farthest.get(wire.source, 0), farthest[item] + 1)
        leaves = [i for i in self.picture.items if not self.into[i]]
        start = max(leaves, key=lambda i: farthest.get(i, -1))
        came: dict[Item, Item] = {}
        line = [start]
        for item in line:
            for wire in self.out[item]:
                if wire.target not in came:
                    came[wire.target] = item
                    line.append(wire.target)
        path = [ends[0]]
        while path[-1] is not start:
            path.append(came[path[-1]])
        return path[::-1]

    def chains(self) -> Iterator[tuple[list[Item], Item]]:
        """Runs of items off the main path, each with the main item that it ends in."""
        main = set(self.path)
        for item in self.picture.items:
            fed = self.into[item]
            if item in main or (fed and (len(fed) > 1 or fed[0].source not in main)):
                continue
            chain = [item]
            while len(self.out[chain[-1]]) == 1 and self.out[chain[-1]][0].target not in main:
                chain.append(self.out[chain[-1]][0].target)
            if len(self.out[chain[-1]]) == 1 and all(len(self.into[i]) <= 1 for i in chain):
                yield chain, self.out[chain[-1]][0].target

    def placed(self, chain: list[Item], end: Item) -> dict[Item, tuple[int, int]] | None:
        """The cells with a chain added: a detour goes down below where it leaves, and up below where it returns."""
        cells = self.cells or {}
        last, taken, passed = cells[end][0], {*cells.values(), *self.crossed}, set()
        if not self.into[chain[0]]:
            options = [{i: (last, side * (len(chain) - k)) for k, i in enumerate(chain)} for side in (1, -1)]
        else:
            first = cells[self.into[chain[0]][0].source][0]
            down = (len(chain) + 1) // 2
            options = [{i: (first, k + 1) if k < down else (last, len(chain) - k) for k, i in enumerate(chain)}]
            below = {(c, r) for c in range(first + 1, last) for r in range(1, down + 1)}
            if last <= first or below & taken:
                return None
            passed = {(c, down) for c in range(first + 1, last)}
        new = next((cells | more for more in options if not taken & set(more.values())), None)
        self.crossed |= passed
        return new


def circuit(picture: Picture, sizes: dict[Item, Point], header: float, legend: Point) -> Layout | None:
    """The layout of a picture, or None if it is not a main path with simple chains hanging from it."""
    cells = Grid(picture).cells
    if not cells:
        return None
    layout = Layout()
    place(layout, picture.wires, cells, sizes)
    for wire in picture.wires:
        route(layout, wire, cells, sizes)
    right = max(x + sizes[i][0] / 2 for i, (x, _) in layout.centres.items())
    top = max(y + sizes[i][1] / 2 for i, (_, y) in layout.centres.items())
    left = right - legend[0] - 20
    above = min(y - sizes[i][1] / 2 for i, (x, y) in layout.centres.items() if x + sizes[i][0] / 2 > left)
    curves = (*layout.forward.values(), *layout.backward.values())
    above = min([above, *(y for curve in curves for x, y in curve.points if x > left)])
    layout.title = (right / 2, top + header / 2 + 16)
    layout.legend = (right - legend[0] / 2, above - 30 - legend[1] / 2)
    return layout


def place(layout: Layout, wires: list[Wire], cells: dict[Item, tuple[int, int]], sizes: dict[Item, Point]) -> None:
    """Centres of items and badges; columns are so far apart that the labels between them have room."""
    said: dict[int, float] = {}
    for wire in wires:
        (c0, r0), (c1, r1) = cells[wire.source], cells[wire.target]
        if c0 != c1:
            at = c0 if r0 == r1 or c1 == c0 + 1 else c1 - 1  # a long climb has its labels before the target
            said[at] = max(said.get(at, 0.0), (2 if r0 == r1 else 4) * beside(wire.variable) + MARGIN)
    columns = range(1 + max(c for c, _ in cells.values()))
    rows = range(min(r for _, r in cells.values()), 1 + max(r for _, r in cells.values()))
    x, xs = 0.0, {}
    for c in columns:
        members = [i for i, cell in cells.items() if cell[0] == c]
        width = max(sizes[i][0] for i in members)
        xs[c] = x + width / 2
        bent = any(cells[i][1] == 1 and sum(cells[j] == (c, 2) for j in cells) == 0 and i.computes for i in members)
        x += width + max(GAP, said.get(c, 0.0) - BEND * bent) + BADGE * any(i.meets > 1 for i in members) + BEND * bent
    y, ys = 0.0, {}
    for r in rows:
        height = max(sizes[i][1] for i, cell in cells.items() if cell[1] == r)
        ys[r] = y - height / 2
        y -= height + ROW
    for item, (c, r) in cells.items():
        layout.centres[item] = (xs[c], ys[r])
        if item.meets > 1:
            layout.badges[item] = (xs[c] + sizes[item][0] / 2 + OFF, ys[r] + lanes(r)[1])


def lanes(row: int) -> Point:
    """Heights, from a node's middle, of the forward and the backward wire along a row."""
    return (22.0, 0.0) if row == 0 else (10.0, -10.0)


def route(layout: Layout, wire: Wire, cells: dict[Item, tuple[int, int]], sizes: dict[Item, Point]) -> None:
    """The forward curve of a wire, and the backward one."""
    (c0, r0), (c1, r1) = cells[wire.source], cells[wire.target]
    (x0, y0), (x1, y1) = layout.centres[wire.source], layout.centres[wire.target]
    (w0, h0), (w1, h1) = sizes[wire.source], sizes[wire.target]
    badge = layout.badges.get(wire.source)
    if c0 == c1:  # up or down
        side = 1 if y1 > y0 else -1
        a, b = y0 + side * h0 / 2, y1 - side * h1 / 2
        lane, middle = min(w0, w1) / 4, (a + b) / 2
        left, right, away = x0 - lane, x0 + lane, 7 + beside(wire.variable)
        layout.forward[wire] = Route(straight((left, a), (left, b)), (left - away, middle + 10))
        if badge is None:
            layout.backward[wire] = Route(straight((right, b), (right, a)), (right + away, middle + 10))
        else:
            end = (badge[0], badge[1] + side * RADIUS)
            curve = [(right, b), (right, b - side * 48), (badge[0], a + side * 34), (badge[0], a - side * 4)]
            layout.backward[wire] = Route([*curve, *straight(curve[-1], end)[1:]], (x0, b - side * 20))
    elif r0 == r1:  # along a row
        out, back = lanes(r0)
        a, b = x0 + w0 / 2, x1 - w1 / 2
        layout.forward[wire] = Route(straight((a, y0 + out), (b, y1 + out)), ((a + b) / 2, y0 + out + 9))
        a = a if badge is None else badge[0] + RADIUS
        layout.backward[wire] = Route(straight((b, y1 + back), (a, y0 + back)), ((a + b) / 2, y0 + back - 9))
    else:  # climbing to the next column
        a, b = x0 + w0 / 2, x1 - w1 / 2
        low, high = (lanes(r0), (-22.0, -44.0) if r1 == 0 else lanes(r1))
        mid = (a + b) / 2 + 20 if c1 == c0 + 1 else b - GAP / 2  # in the gap before the target, whatever lies before that
        ground = y0 + h0 / 2 + 14
        for k, (routes, side) in enumerate(((layout.forward, -1), (layout.backward, 1))):
            start, end, x = (a, y0 + low[k]), (b, y1 + high[k]), mid + side * 9
            curve = corner(start, (x, start[1]), (x, end[1]), end)
            routes[wire] = Route(curve if k == 0 else curve[::-1], (x + side * (7 + beside(wire.variable)), ground))


def beside(variable: Variable) -> float:
    """From a wire to the middle of the label beside it."""
    return sum(4.6 if c == "×" else 3.5 for c in shape_of(variable))


def straight(a: Point, b: Point) -> list[Point]:
    """A straight line as a Bézier curve."""
    thirds = [(a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t) for t in (1 / 3, 2 / 3)]
    return [a, *thirds, b]


def corner(a: Point, p: Point, q: Point, b: Point, radius: float = 14.0) -> list[Point]:
    """From a over the corners p and q to b, with rounded corners."""
    points = [a]
    for before, at, after in ((a, p, q), (p, q, b)):
        start, end = towards(at, before, radius), towards(at, after, radius)
        handles = towards(at, before, radius / 2), towards(at, after, radius / 2)
        points += [*straight(points[-1], start)[1:], *handles, end]
    return points + straight(points[-1], b)[1:]


def towards(a: Point, b: Point, distance: float) -> Point:
    """The point `distance` away from a on the way to b."""
    length = hypot(b[0] - a[0], b[1] - a[1]) or 1.0
    step = min(distance / length, 0.5)
    return a[0] + (b[0] - a[0]) * step, a[1] + (b[1] - a[1]) * step


def spline(points: list[Point]) -> str:
    """A route as the value of DOT's `pos`: the tip of the arrow, then the curve up to it."""
    tip = points[-1]
    stop = towards(tip, points[-2], ARROW)
    text = " ".join(f"{x:.1f},{y:.1f}" for x, y in [*points[:-1], stop])
    return f"e,{tip[0]:.1f},{tip[1]:.1f} {text}"
