"""Small data made here: a table of four people, spirals, and a text for character models."""

from __future__ import annotations

import math

from ..core import Tensor
from ..ops.create import linspace, randn, tensor
from ..ops.functions import cat, cos, full, sin, stack
from ..ops.random import Generator
from .dataset import TensorDataset


def body() -> Tensor:
    """Age, salary, height (cm) and weight (kg) of four people, (4, 4), float32: columns of very different sizes."""
    return tensor([[25.0, 35000, 170, 65], [30, 50000, 175, 72], [28, 42000, 168, 60], [35, 65000, 180, 78]])


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
    if seed is not None:
        if generator is not None:
            raise ValueError("spirals: expected a generator or a seed, got both")
        generator = Generator().manual_seed(seed)
    r = linspace(0, 1, n // arms)
    angles = [2 * math.pi * (turns * r + k / arms) for k in range(arms)]
    points = cat([stack([r * cos(a), r * sin(a)], 1) for a in angles])
    labels = cat([full((n // arms,), k) for k in range(arms)])
    return TensorDataset(points + noise * randn(*points.shape, generator=generator), labels)


def text(sentences: int = 2000, seed: int = 0) -> str:
    """Simple English sentences, put together at random from a few words: a text in the public domain, always the same."""
    if isinstance(sentences, bool) or not isinstance(sentences, int) or sentences < 1:
        raise ValueError(f"text: sentences must be an integer >= 1, got {sentences!r}")
    bits = Generator().manual_seed(seed).bits

    def one(words: str) -> str:
        choices = words.split("|")
        return choices[int(bits.integers(len(choices)))]

    return " ".join(
        f"{one('The|A|One')} {one('small|old|quiet|red|young|tired')} {one('cat|river|teacher|train|bird|child|ship')} "
        f"{one('sees|follows|finds|hears|leaves|remembers')} {one('the|a|every')} "
        f"{one('house|morning|song|road|garden|window|stone')}{one('.|.|.| again.| at night.|, and then it rains.')}"
        for _ in range(sentences)
    )
