"""Padding layers: (left, right, top, bottom, front, back), or one number for every side."""

from __future__ import annotations

from typing import Any

from ..core import Tensor
from . import functional as F
from .functional.checks import batched, ntuple, unbatched
from .module import Module


class Padding(Module):
    """What the padding layers have in common; a negative number cuts. A subclass gives `n`, the spatial dimensions, and the
    mode."""

    n: int
    mode: str

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = ntuple(type(self).__name__, "padding", padding, 2 * self.n, -(2**31))

    def forward(self, input: Tensor) -> Tensor:
        x, was_batched = batched(type(self).__name__, input, self.n)
        return unbatched(F.pad(x, self.padding, self.mode), was_batched)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ConstantPad(Module):
    """What padding by a given value has in common; it takes any input of at least `n` dimensions."""

    n: int

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__()
        self.padding = ntuple(type(self).__name__, "padding", padding, 2 * self.n, -(2**31))
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(ConstantPad):
    """`value` beside the last dimension; negative padding cuts."""

    n = 1


class ConstantPad2d(ConstantPad):
    """`value` around the last two dimensions; negative padding cuts."""

    n = 2


class ConstantPad3d(ConstantPad):
    """`value` around the last three dimensions; negative padding cuts."""

    n = 3


class ZeroPad(ConstantPad):
    """What padding by 0 has in common."""

    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad1d(ZeroPad):
    """0 beside the last dimension."""

    n = 1


class ZeroPad2d(ZeroPad):
    """0 around the last two dimensions."""

    n = 2


class ZeroPad3d(ZeroPad):
    """0 around the last three dimensions."""

    n = 3


class ReflectionPad1d(Padding):
    """(N, C, W) or (C, W) mirrored at its ends, without the border cell."""

    n, mode = 1, "reflect"


class ReflectionPad2d(Padding):
    """(N, C, H, W) or (C, H, W) mirrored at its borders, without the border cells."""

    n, mode = 2, "reflect"


class ReflectionPad3d(Padding):
    """(N, C, D, H, W) or (C, D, H, W) mirrored at its borders, without the border cells."""

    n, mode = 3, "reflect"


class ReplicationPad1d(Padding):
    """(N, C, W) or (C, W) with its end cells repeated."""

    n, mode = 1, "replicate"


class ReplicationPad2d(Padding):
    """(N, C, H, W) or (C, H, W) with its border cells repeated."""

    n, mode = 2, "replicate"


class ReplicationPad3d(Padding):
    """(N, C, D, H, W) or (C, D, H, W) with its border cells repeated."""

    n, mode = 3, "replicate"


class CircularPad1d(Padding):
    """(N, C, W) or (C, W) continued from its other end."""

    n, mode = 1, "circular"


class CircularPad2d(Padding):
    """(N, C, H, W) or (C, H, W) continued from its other side."""

    n, mode = 2, "circular"


class CircularPad3d(Padding):
    """(N, C, D, H, W) or (C, D, H, W) continued from its other side."""

    n, mode = 3, "circular"
