"""What the data in the explorer's page are: the fields of its JSON, version 1. The page's scripts read nothing else.

Things are named by their numbers: an item by its place in `items`, a group in `groups`, an array in `variables`, a text in
`texts`, a normalization in `norms`. Numbers that JSON has no words for are strings: "nan", "∞", "−∞".
"""

from __future__ import annotations

from typing import TypedDict

Number = float | str


class Formula(TypedDict):
    """A formula or rule, as numbers of texts, in MathML: with symbols, what follows "where", and with this graph's numbers."""

    math: int
    where: list[int]
    numbers: int


class Told(Formula):
    """An op's formula; `over` says in words what its sums run over."""

    over: int


class Input(TypedDict):
    """An array on its way into a call.

    k, name, letter   its position, what the op calls it, and how formulas write it
    source            the item that made it, at the deepest level
    sent, rule        what the call sent back to it, and by which rule; null without a gradient
    """

    k: int
    name: str
    letter: str
    variable: int
    source: int
    sent: int | None
    rule: Formula | None


class Saved(TypedDict):
    """An array that a call keeps for its rules."""

    name: str
    variable: int


class Facts(TypedDict):
    """What the second of two compared programs has at an item."""

    variable: int | None
    gradient: int | None
    inputs: list[Input]


class Item(TypedDict, total=False):
    """A call, or a leaf: a parameter, an input, a constant.

    kind       "op", "composite", "update", "parameter", "input" or "constant"
    op         the op's name, "" for a leaf
    short      a leaf's name without that of the groups it is in
    group      the group it lies in; `inside` is the group of a composite op's definition
    last       the item that makes its output at the deepest level: itself, or one of its definition
    backward   a composite op's definition in the order in which gradients pass it
    source     "file:line", `doc` the op's own line about itself: numbers of texts
    side, b    when two programs are compared: "a", "b" or "ab", and the second's facts
    """

    id: int
    kind: str
    title: str
    short: str
    op: str
    group: int
    variable: int | None
    gradient: int | None
    inputs: list[Input]
    inside: int | None
    last: int
    backward: list[int]
    norm: int | None
    source: int
    options: str
    formula: Told | None
    saved: list[Saved]
    savedBytes: int
    doc: int
    side: str
    b: Facts | None


class Child(TypedDict, total=False):
    """A member of a group: an item, or a group."""

    item: int
    group: int


class Group(TypedDict):
    """A group; number 0 is the whole.

    kind    "root", "module", "op" (the definition of the composite op `item`), "run" (some of many)
    label   the module's name in its parent, `title` its class
    """

    id: int
    parent: int | None
    label: str
    kind: str
    title: str
    children: list[Child]
    item: int | None


class Stats(TypedDict, total=False):
    """Of the finite elements; `size`, `zeros`, `nonfinite` count."""

    mean: Number
    std: Number
    min: Number
    max: Number
    norm: Number
    size: int
    zeros: int
    nonfinite: int


class Array(TypedDict):
    """An array. Without `stats` its numbers are not known any more.

    shape       None for what stands for the several results of a Function
    eps         the machine epsilon of its type, 0 for exact types
    histogram   counts in 16 equal bins from min to max, of `counted` elements
    rows        at most 16 x 16 of its numbers, of complex ones the moduli, and in `words` the numbers themselves; `at` says
                which rows and columns if not all, `of` how many there are
    """

    shape: list[int] | None
    dtype: str
    eps: float
    bytes: int
    stats: Stats | None
    histogram: list[int]
    counted: int
    rows: list[list[Number]]
    words: list[list[str]] | None
    at: list[list[int]] | None
    of: list[int] | None


class Histogram(TypedDict):
    counts: list[int]
    low: Number
    high: Number


class NormSet(TypedDict):
    """Elements that are normalised together: by path, the gradient of the first of them; their values; γ and β."""

    parts: dict[str, list[Number]]
    histogram: Histogram | None
    weight: Number | None
    bias: Number | None


class Map(TypedDict):
    """∂yᵢ/∂xⱼ for some elements, sample by sample: row i, column j."""

    name: str
    samples: int
    channels: int
    rows: list[list[Number]]


class Norm(TypedDict):
    """A normalization: N, C and all other positions; norms of the gradient's paths; the sets ("channel" or "case"); maps."""

    op: str
    sizes: list[int]
    axes: str
    sets: list[NormSet]
    paths: dict[str, Number] | None
    maps: list[Map]


class Update(TypedDict):
    """A call of the optimizer: the leaf it moves, and that leaf's statistics afterwards if they were kept."""

    item: int | None
    op: str
    doc: int
    formula: Told
    after: Stats | None


class Page(TypedDict):
    """All of it. `backward` are the items whose gradients become whole, in the engine's order; `compare` names the sides;
    `notes` are what the reader should know about the gradients."""

    version: int
    title: str
    compare: dict[str, str] | None
    items: list[Item]
    groups: list[Group]
    backward: list[int]
    updates: list[Update]
    variables: list[Array]
    texts: list[str]
    norms: list[Norm]
    notes: list[str]
