"""Points in the plane for classifiers: two moons, circles, spirals and blobs, with normal noise."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..core import Tensor
from ..ops.create import linspace, rand, randn, tensor
from ..ops.functions import cat, cos, full, sin, stack
from ..ops.random import Generator
from .dataset import TensorDataset


def two_moons(
    n: int = 200, noise: float = 0.1, *, generator: Generator | None = None, seed: int | None = None
) -> TensorDataset:
    """n points on two half circles of radius 1, the second turned over and moved to (1, 0.5), with normal noise added.

    Gives points (n, 2), float32, and labels (n,), int64, 0 on the upper moon and 1 on the lower. The noise (a standard
    deviation) comes from `generator`, or a new one with `seed`. Raises ValueError for n < 2 or noise that is not >= 0.
    """
    check("two_moons", n, 2, noise)
    upper, lower = linspace(0, math.pi, n - n // 2), linspace(0, math.pi, n // 2)
    arcs = [stack([cos(upper), sin(upper)], 1), stack([1 - cos(lower), 0.5 - sin(lower)], 1)]
    return labelled(arcs, noise, source("two_moons", generator, seed))


def circles(
    n: int = 200, noise: float = 0.1, factor: float = 0.5, *, generator: Generator | None = None, seed: int | None = None
) -> TensorDataset:
    """n points on two circles about the origin, of radius 1 (label 0) and `factor` (label 1), with normal noise added.

    Gives points (n, 2), float32, and labels (n,), int64. Noise as in `two_moons`. Raises ValueError for numbers out of range.
    """
    check("circles", n, 2, noise)
    if not 0 <= factor < 1:
        raise ValueError(f"circles: factor must be in [0, 1), got {factor!r}")
    angles = [2 * math.pi * linspace(0, 1, m + 1)[:-1] for m in (n - n // 2, n // 2)]
    rings = [r * stack([cos(a), sin(a)], 1) for r, a in zip((1.0, factor), angles, strict=True)]
    return labelled(rings, noise, source("circles", generator, seed))


def spirals(
    n: int = 300, arms: int = 3, turns: float = 1.0, noise: float = 0.05, *, generator: Generator | None = None,
    seed: int | None = None,
) -> TensorDataset:  # fmt: skip
    """`arms` spirals of n // arms points each, out from the origin to radius 1 in `turns` turns, with normal noise added.

    Gives points (N, 2), float32, and the numbers of their arms (N,), int64. The noise (a standard deviation) comes from
    `generator`, or a new one with `seed`. Raises ValueError for fewer points than arms, or numbers out of range.
    """
    if not (isinstance(n, int) and isinstance(arms, int) and n >= arms >= 1):
        raise ValueError(f"spirals: expected integers n >= arms >= 1, got n={n!r} and arms={arms!r}")
    if not (0 <= noise < math.inf and math.isfinite(turns)):
        raise ValueError(f"spirals: expected finite turns and noise >= 0, got {turns!r} and {noise!r}")
    r = linspace(0, 1, n // arms)
    angles = [2 * math.pi * (turns * r + k / arms) for k in range(arms)]
    return labelled([stack([r * cos(a), r * sin(a)], 1) for a in angles], noise, source("spirals", generator, seed))


def blobs(
    n: int = 300, centers: int | Sequence[Sequence[float]] = 3, noise: float = 1.0, *, generator: Generator | None = None,
    seed: int | None = None,
) -> TensorDataset:  # fmt: skip
    """n points in clouds of equal size (the first get what is left over) with the standard deviation `noise` about `centers`.

    These are given, one row each, or so many are drawn in [-10, 10] x [-10, 10]. Gives points (n, dimensions), float32, and
    the numbers of their clouds (n,), int64. Random numbers as in `two_moons`. Raises ValueError for numbers out of range.
    """
    drawn = isinstance(centers, int)
    check("blobs", n, max(centers if drawn else len(centers), 1), noise)  # type: ignore[arg-type, type-var]
    if drawn and centers < 1 or not drawn and len({len(row) for row in centers}) != 1:  # type: ignore[operator, union-attr]
        raise ValueError(f"blobs: expected a number of centers >= 1 or rows of equal length, got {centers!r}")
    generator = source("blobs", generator, seed)
    middles = rand(centers, 2, generator=generator) * 20 - 10 if drawn else tensor(centers, dtype="float32")  # type: ignore[arg-type]
    k = len(middles)
    clouds = [middle.expand(n // k + (i < n % k), -1) for i, middle in enumerate(middles)]
    return labelled(clouds, noise, generator)


def check(who: str, n: int, least: int, noise: float) -> None:
    if isinstance(n, bool) or not isinstance(n, int) or n < least:
        raise ValueError(f"{who}: n must be an integer >= {least}, got {n!r}")
    if not 0 <= noise < math.inf:
        raise ValueError(f"{who}: noise must be a finite number >= 0, got {noise!r}")


def source(who: str, generator: Generator | None, seed: int | None) -> Generator | None:
    """Where random numbers come from: `generator`, or a new one with `seed`."""
    if seed is not None and generator is not None:
        raise ValueError(f"{who}: expected a generator or a seed, got both")
    return generator if seed is None else Generator().manual_seed(seed)


def labelled(groups: list[Tensor], noise: float, generator: Generator | None) -> TensorDataset:
    """All points, moved by noise, and the number of the group of each."""
    points = cat(groups)
    labels = cat([full((len(group),), k) for k, group in enumerate(groups)])
    return TensorDataset(points + noise * randn(*points.shape, generator=generator), labels)
