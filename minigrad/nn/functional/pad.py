"""Padding by a constant, by mirroring, by repeating the border, or around in a circle."""

from __future__ import annotations

from collections.abc import Sequence

from ...backends import ShapeError
from ...core import Tensor
from ...ops.arithmetic import apart
from ...ops.create import tensor
from ...ops.index import index_select_op
from ...ops.operands import tensor_of
from ...ops.shape import pad_op, slice_op

MODES = ("constant", "reflect", "replicate", "circular")


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """`input` with cells added (or, for negative numbers, cut) around its last dimensions.

    `pad` counts from the last dimension: (left, right), (left, right, top, bottom), ... "constant" cells hold `value`
    (0 by default); "reflect" mirrors without the border, "replicate" repeats the border, "circular" goes around.
    Raises ShapeError if the input is too small for it.
    """
    x = tensor_of("pad", input)
    if mode not in MODES:
        raise NotImplementedError(f"pad: mode must be one of {', '.join(MODES)}, got {mode!r}")
    if len(pad) % 2 or len(pad) > 2 * x.ndim:
        raise ShapeError(f"pad: Padding length must be divisible by 2 and at most twice the number of dimensions, got "
                         f"{tuple(pad)} for input {tuple(x.shape)}")  # fmt: skip
    sides = [(0, 0)] * (x.ndim - len(pad) // 2) + [(int(pad[i]), int(pad[i + 1])) for i in range(len(pad) - 2, -1, -2)]
    if mode != "constant":
        if value not in (None, 0):
            raise ValueError(f"pad: padding mode {mode!r} doesn't take in value argument, got {value}")
        for d, (before, after) in enumerate(sides):
            x = along(x, d, before, after, mode) if before or after else x
        return apart(x, input)
    for d, (n, (before, after)) in enumerate(zip(x.shape, sides, strict=True)):
        if n + before + after < 0:
            raise ShapeError(f"pad: dimension {d} of input {tuple(x.shape)} would get the negative size {n + before + after}")
    if any(min(side) < 0 for side in sides):
        x = slice_op(x, index=tuple(slice(max(-b, 0), n - max(-a, 0)) for n, (b, a) in zip(x.shape, sides, strict=True)))
    first, last = tuple(max(b, 0) for b, _ in sides), tuple(max(a, 0) for _, a in sides)
    return pad_op(x, before=first, after=last, value=value or 0) if any(first + last) else apart(x, input)


def along(x: Tensor, d: int, before: int, after: int, mode: str) -> Tensor:
    """x padded in dimension `d` by cells of its own."""
    n = x.shape[d]
    first, last = max(-before, 0), n - max(-after, 0)  # what negative numbers leave
    most = {"reflect": n - 1, "circular": last - first, "replicate": max(before, after) if n else 0}[mode]
    if n + before + after < 1:
        raise ShapeError(f"pad: dimension {d} of input {tuple(x.shape)} would get the size {n + before + after}")
    if max(before, after) > most:
        raise ShapeError(f"pad: Padding size should be at most {most} in mode {mode!r} for dimension {d} of input "
                         f"{tuple(x.shape)}, got {(before, after)}")  # fmt: skip
    places = range(-before, n + after)
    if mode == "reflect":
        cells = [n - 1 - abs(n - 1 - abs(i)) for i in places]
    elif mode == "replicate":
        cells = [min(max(i, 0), n - 1) for i in places]
    else:
        cells = [first + (i - first) % (last - first) for i in places]
    return index_select_op(x, tensor(cells, dtype="int64", device=x.device), dim=d)
