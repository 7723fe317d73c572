"""Two interleaved half circles: the smallest problem that no line can solve."""

from __future__ import annotations

import math

from ..core import Tensor
from ..ops.create import linspace, randn
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
    if isinstance(n, bool) or not isinstance(n, int) or n < 2:
        raise ValueError(f"two_moons: n must be an integer >= 2, got {n!r}")
    if not 0 <= noise < math.inf:
        raise ValueError(f"two_moons: noise must be a finite number >= 0, got {noise!r}")
    if seed is not None:
        if generator is not None:
            raise ValueError("two_moons: expected a generator or a seed, got both")
        generator = Generator().manual_seed(seed)
    upper, lower = linspace(0, math.pi, n - n // 2), linspace(0, math.pi, n // 2)
    points: Tensor = cat([stack([cos(upper), sin(upper)], 1), stack([1 - cos(lower), 0.5 - sin(lower)], 1)])
    labels = cat([full((n - n // 2,), 0), full((n // 2,), 1)])
    return TensorDataset(points + noise * randn(n, 2, generator=generator), labels)
