"""What `watch` keeps of a training run: the last so many records, each with a few numbers a layer."""

from __future__ import annotations

import math
import threading
from collections import deque
from typing import Any, NamedTuple

import numpy as np

from ..trace import statistics_of
from ..trace.statistics import real
from .text import visible

BINS = 40
COUNTED = 4096  # so many elements are counted in a histogram at most


class Layer(NamedTuple):
    """A watched layer: its path in the model, its class, and how many numbers its own parameters have."""

    name: str
    kind: str
    parameters: int


class Activations(NamedTuple):
    """Of what a layer gave: mean, (population) standard deviation, least and largest of the finite elements.

    size, zeros, nonfinite   how many elements there are, are exactly 0, are infinite or nan
    counts                   the finite elements that are not 0, counted in 40 equal bins from min to max; of an evenly spaced
                             sample if there are more than 4096
    units, dead              how many units (channels, features) there are, and are 0 for every case of the batch
    """

    size: int
    mean: float
    std: float
    min: float
    max: float
    zeros: int
    nonfinite: int
    counts: tuple[int, ...]
    units: int
    dead: int


class Record(NamedTuple):
    """One watched step: its number, its loss, and the least and largest loss since the record before.

    gradients, updates, weights   Euclidean norms by layer, over the layer's own parameters: of dL/dp, of what the step added,
                                  and of p before it; a layer whose parameters got no gradient is not in `gradients`
    activations                   statistics by layer, of the layers that ran
    """

    step: int
    loss: float | None
    low: float | None
    high: float | None
    gradients: dict[str, float]
    updates: dict[str, float]
    weights: dict[str, float]
    activations: dict[str, Activations]


def activations_of(array: Any, axis: int) -> Activations:
    """The statistics of a layer's output whose units lie along `axis`."""
    found = statistics_of(array)
    x = real(array)
    if not x.ndim:
        axis, x = 0, x.reshape(1)
    elif x.ndim == 1:  # one case
        axis = 0
    units, dead = x.shape[axis], 0
    if found.zeros:
        others = tuple(k for k in range(x.ndim) if k != axis % x.ndim)
        dead = units - int(np.count_nonzero((x != 0).any(others)))
    counts = (0,) * BINS
    if math.isfinite(found.min):
        sample = x.reshape(-1)[:: -(-x.size // COUNTED) | 1].astype(np.float64)  # an odd stride passes over no channel
        sample = sample[sample != 0] if found.zeros else sample
        sample = sample[np.isfinite(sample)] if found.nonfinite else sample
        counts = histogram(sample, found.min, found.max)
    return Activations(
        found.size, found.mean, found.std, found.min, found.max, found.zeros, found.nonfinite, counts, units, dead
    )


def histogram(x: np.ndarray, low: float, high: float) -> tuple[int, ...]:
    """np.histogram(x, 40, (low, high)) of numbers that all lie there, several times as fast."""
    if low == high:
        low, high = low - 0.5, high + 0.5
    places = ((x / 2 - low / 2) * (BINS / (high / 2 - low / 2))).astype(np.intp)  # halves, since high - low may overflow
    return tuple(np.bincount(np.minimum(places, BINS - 1), minlength=BINS).tolist())


def norm(arrays: list[np.ndarray]) -> float:
    """The Euclidean norm of all elements of all arrays, which neither overflows nor underflows in float32."""
    total = 0.0
    for x in arrays:
        flat = np.asarray(x).reshape(-1)
        with np.errstate(over="ignore", invalid="ignore"):
            square = float(flat @ flat)
            if not 1e-30 < square < 1e30:
                wide = flat.astype(np.float64)
                square = float(wide @ wide)
        total += square
    return math.sqrt(total) if total == total else math.nan


class Log:
    """The ring buffer: the last `keep` records. One thread adds while others read."""

    def __init__(self, title: str, layers: list[Layer], every: int, keep: int) -> None:
        self.title, self.layers, self.every, self.keep = title, layers, every, keep
        self.done = False
        self.kept: deque[Record] = deque(maxlen=keep)
        self.lock = threading.Lock()

    def add(self, record: Record) -> None:
        with self.lock:
            self.kept.append(record)

    def records(self, after: int = -1) -> list[Record]:
        """The records kept of the steps later than `after`, oldest first."""
        with self.lock:
            return [record for record in self.kept if record.step > after]

    def data(self, after: int = -1, live: bool = False) -> dict[str, Any]:
        """What the page shows, ready for JSON: numbers that are not finite become words."""
        return {
            "title": visible(self.title, 120), "every": self.every, "keep": self.keep, "live": live, "done": self.done,
            "layers": [Layer(visible(x.name, 120), visible(x.kind), x.parameters)._asdict() for x in self.layers],
            "records": [self.row(record) for record in self.records(after)],
        }  # fmt: skip

    def row(self, record: Record) -> dict[str, Any]:
        layers = []
        for name, _, _ in self.layers:
            found = record.activations.get(name)
            layers.append({
                "gradient": sayable(record.gradients.get(name)), "update": sayable(record.updates.get(name)),
                "weight": sayable(record.weights.get(name)),
                "activations": None if found is None else {k: sayable(x) for k, x in found._asdict().items()},
            })  # fmt: skip
        return {"step": record.step, **{k: sayable(getattr(record, k)) for k in ("loss", "low", "high")}, "layers": layers}


def sayable(x: Any) -> Any:
    """A number as JSON has them: with six digits, or the word for one that is not finite."""
    if not isinstance(x, float):
        return x
    return float(f"{x:.6g}") if math.isfinite(x) else {math.inf: "∞", -math.inf: "−∞"}.get(x, "nan")
