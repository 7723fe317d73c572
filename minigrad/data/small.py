"""Small data made here: a table of four people, and a text for character models."""

from __future__ import annotations

from ..core import Tensor
from ..ops.create import tensor
from ..ops.random import Generator


def body() -> Tensor:
    """Age, salary, height (cm) and weight (kg) of four people, (4, 4), float32: columns of very different sizes."""
    return tensor([[25.0, 35000, 170, 65], [30, 50000, 175, 72], [28, 42000, 168, 60], [35, 65000, 180, 78]])


def text(sentences: int = 2000, seed: int = 0) -> str:
    """Simple English sentences, put together at random from a few words: a text in the public domain, always the same."""
    if isinstance(sentences, bool) or not isinstance(sentences, int) or sentences < 1:
        raise ValueError(f"text: sentences must be an integer >= 1, got {sentences!r}")
    bits = Generator(stream="pcg64").manual_seed(seed).bits

    def one(words: str) -> str:
        choices = words.split("|")
        return choices[int(bits.integers(len(choices)))]

    return " ".join(
        f"{one('The|A|One')} {one('small|old|quiet|red|young|tired')} {one('cat|river|teacher|train|bird|child|ship')} "
        f"{one('sees|follows|finds|hears|leaves|remembers')} {one('the|a|every')} "
        f"{one('house|morning|song|road|garden|window|stone')}{one('.|.|.| again.| at night.|, and then it rains.')}"
        for _ in range(sentences)
    )
