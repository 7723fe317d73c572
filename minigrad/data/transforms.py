"""Transforms of images and tables: seeded where they are random, fitted where they learn from data.

Images are tensors (..., C, H, W). A random transform draws from its `generator`, by default the one `manual_seed` seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..backends import ShapeError
from ..core import Tensor
from ..ops.create import tensor
from ..ops.functions import amax, amin, flip, full, index_select, mean, sqrt, where
from ..ops.random import Generator, default_generator


class Compose:
    """One transform after the other."""

    def __init__(self, transforms: Sequence[Callable]) -> None:
        self.transforms = list(transforms)

    def __call__(self, x: Any) -> Any:
        for transform in self.transforms:
            x = transform(x)
        return x


class Lambda:
    """Any function as a transform."""

    def __init__(self, lambd: Callable) -> None:
        if not callable(lambd):
            raise TypeError(f"Lambda: expected a function, got {type(lambd).__name__}")
        self.lambd = lambd

    def __call__(self, x: Any) -> Any:
        return self.lambd(x)


class ToTensor:
    """An array (H, W) or (H, W, C), or anything NumPy reads as one, as a tensor (C, H, W); bytes become float32 in [0, 1]."""

    def __call__(self, picture: Any) -> Tensor:
        array = np.asarray(picture)
        if array.ndim not in (2, 3):
            raise ShapeError(f"ToTensor: expected an image of 2 or 3 dimensions, got shape {array.shape}")
        array = np.ascontiguousarray(array[None] if array.ndim == 2 else array.transpose(2, 0, 1))
        return tensor(array.astype(np.float32) / np.float32(255) if array.dtype == np.uint8 else array)


class Normalize:
    """(x - mean) / std, channel by channel. Raises ValueError for a std that is not above 0."""

    def __init__(self, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> None:
        self.mean, self.std = (np.atleast_1d(np.asarray(v, dtype=np.float64)) for v in (mean, std))
        if not (self.std > 0).all():
            raise ValueError(f"Normalize: std must be above 0, got {std}")

    def __call__(self, x: Tensor) -> Tensor:
        sizes = {len(self.mean), len(self.std)}
        if x.ndim < 3 or not sizes <= {1, x.shape[-3]}:
            raise ShapeError(f"Normalize: expected (..., C, H, W) with C = {max(sizes)}, got {tuple(x.shape)}")
        mean, std = (tensor(v, dtype=x.dtype, device=x.device).reshape(-1, 1, 1) for v in (self.mean, self.std))
        return (x - mean) / std


class Pad:
    """`padding` pixels around: a number, (left and right, top and bottom), or (left, top, right, bottom).

    They have the value `fill`, or repeat the image's as NumPy's "edge", "reflect" or "symmetric" does.
    """

    def __init__(self, padding: int | Sequence[int], fill: float = 0, padding_mode: str = "constant") -> None:
        sides = [padding] * 4 if isinstance(padding, int) else list(padding) * (4 // max(len(padding), 1))
        if len(sides) != 4 or any(isinstance(n, bool) or not isinstance(n, int) or n < 0 for n in sides):
            raise ValueError(f"Pad: padding must be 1, 2 or 4 integers >= 0, got {padding!r}")
        if padding_mode not in ("constant", "edge", "reflect", "symmetric"):
            raise ValueError(f"Pad: padding_mode must be constant, edge, reflect or symmetric, got {padding_mode!r}")
        left, top, right, bottom = sides
        self.sides, self.fill, self.padding_mode = ((top, bottom), (left, right)), fill, padding_mode

    def __call__(self, x: Tensor) -> Tensor:
        h, w = room("Pad", x, (1, 1), less=0)
        if self.padding_mode == "constant":
            (top, _), (left, _) = self.sides
            size = (*x.shape[:-2], h + sum(self.sides[0]), w + sum(self.sides[1]))
            out = full(size, self.fill, dtype=x.dtype, device=x.device)
            out[..., top : top + h, left : left + w] = x
            return out
        for dim, n, sides in zip((-2, -1), (h, w), self.sides, strict=True):
            places = np.pad(np.arange(n), sides, mode=self.padding_mode)  # type: ignore[call-overload]
            x = index_select(x, dim, tensor(places, device=x.device))
        return x


class CenterCrop:
    """The middle (h, w) of an image. Raises ShapeError if it is smaller."""

    def __init__(self, size: int | Sequence[int]) -> None:
        self.size = pair(type(self).__name__, size)

    def __call__(self, x: Tensor) -> Tensor:
        (h, w), (H, W) = self.size, room(type(self).__name__, x, self.size)
        return crop(x, round(H / 2), round(W / 2), h, w)


class RandomCrop:
    """An (h, w) part of an image at a random place, after `padding` as in `Pad`. Raises ShapeError if it is smaller."""

    def __init__(self, size: int | Sequence[int], padding: int | Sequence[int] | None = None, fill: float = 0,
                 padding_mode: str = "constant", *, generator: Generator | None = None) -> None:  # fmt: skip
        self.size, self.generator = pair("RandomCrop", size), generator
        self.pad = None if padding is None else Pad(padding, fill, padding_mode)

    def __call__(self, x: Tensor) -> Tensor:
        x = x if self.pad is None else self.pad(x)
        bits = (self.generator or default_generator).bits
        top, left = (int(bits.integers(n + 1)) for n in room("RandomCrop", x, self.size))
        return crop(x, top, left, *self.size)


class RandomHorizontalFlip:
    """Left and right exchanged with probability `p`."""

    def __init__(self, p: float = 0.5, *, generator: Generator | None = None) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"RandomHorizontalFlip: p must be a probability, got {p!r}")
        self.p, self.generator = p, generator

    def __call__(self, x: Tensor) -> Tensor:
        return flip(x, (-1,)) if (self.generator or default_generator).bits.random() < self.p else x


class Resize:
    """An image in `size` (h, w), bilinear; a single number is the shorter side, and the ratio stays."""

    def __init__(self, size: int | Sequence[int]) -> None:
        self.size, self.shorter = pair("Resize", size), isinstance(size, int)

    def __call__(self, x: Tensor) -> Tensor:
        H, W = room("Resize", x, (1, 1), less=0)
        h, w = self.size
        if self.shorter:
            h, w = (h, int(h * W / H)) if H <= W else (int(w * H / W), w)
        down, across = (tensor(bilinear(*sizes), dtype=x.dtype, device=x.device) for sizes in ((H, h), (W, w)))
        return down @ x @ across.mT


def bilinear(n: int, m: int) -> np.ndarray:
    """The (m, n) weights that bring n pixels to m: each from the two nearest, with pixel centres at half-integers."""
    at = np.clip((np.arange(m) + 0.5) * n / m - 0.5, 0, n - 1)
    return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(n)))


class MinMaxScaler:
    """Each column brought to [low, high], as it is in the data given to `fit`; a constant column becomes low."""

    def __init__(self, low: float = 0.0, high: float = 1.0) -> None:
        if not low < high:
            raise ValueError(f"MinMaxScaler: expected low < high, got {low!r} and {high!r}")
        self.low, self.high = low, high

    def fit(self, x: Tensor) -> MinMaxScaler:
        self.least, most = amin(x, 0), amax(x, 0)
        self.span = where(most > self.least, most - self.least, 1.0)
        return self

    def __call__(self, x: Tensor) -> Tensor:
        fitted(self, "span")
        return self.low + (x - self.least) / self.span * (self.high - self.low)

    def inverse(self, y: Tensor) -> Tensor:
        """The data that the transform brings to y."""
        fitted(self, "span")
        return (y - self.low) / (self.high - self.low) * self.span + self.least


class ZScore:
    """(x - mean) / sqrt(var + eps), each column with the mean and variance (over N) of the data given to `fit`."""

    def __init__(self, eps: float = 0.0) -> None:
        if not eps >= 0:
            raise ValueError(f"ZScore: eps must be >= 0, got {eps!r}")
        self.eps = eps

    def fit(self, x: Tensor) -> ZScore:
        self.mean = mean(x, 0)
        spread = sqrt(mean((x - self.mean) ** 2, 0) + self.eps)
        self.std = where(spread > 0, spread, 1.0)
        return self

    def __call__(self, x: Tensor) -> Tensor:
        fitted(self, "std")
        return (x - self.mean) / self.std

    def inverse(self, y: Tensor) -> Tensor:
        """The data that the transform brings to y."""
        fitted(self, "std")
        return y * self.std + self.mean


def fitted(scaler: Any, name: str) -> None:
    if not hasattr(scaler, name):
        raise ValueError(f"{type(scaler).__name__}: not fitted yet. Hint: .fit(data) first")


def pair(who: str, size: int | Sequence[int]) -> tuple[int, int]:
    """A size as (h, w)."""
    sizes = (size, size) if isinstance(size, int) else tuple(size)
    if len(sizes) != 2 or any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in sizes):
        raise ValueError(f"{who}: size must be one or two integers >= 1, got {size!r}")
    return sizes  # type: ignore[return-value]


def room(who: str, x: Tensor, size: tuple[int, int], less: int = 1) -> tuple[int, int]:
    """How much higher and wider an image is than `size` (with less=0: how high and wide it is)."""
    if not isinstance(x, Tensor) or x.ndim < 2 or any(n < m for n, m in zip(x.shape[-2:], size, strict=True)):
        got = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
        raise ShapeError(f"{who}: expected a tensor (..., H, W) of at least {size}, got {got}")
    return x.shape[-2] - less * size[0], x.shape[-1] - less * size[1]


def crop(x: Tensor, top: int, left: int, h: int, w: int) -> Tensor:
    return x[..., top : top + h, left : left + w]
