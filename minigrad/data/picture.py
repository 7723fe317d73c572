"""What transforms of pictures share: the kinds of pictures, their sizes and parts, and where random numbers come from."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import Enum
from typing import Any

import numpy as np

from ..backends import ShapeError
from ..core import Tensor
from ..ops.create import tensor
from ..ops.functions import index_select
from ..ops.random import Generator, default_generator


class InterpolationMode(Enum):
    """How pixels between pixels get their values."""

    NEAREST = "nearest"
    BILINEAR = "bilinear"


class PILToTensor:
    """A picture (H, W) or (H, W, C), an array or anything NumPy reads as one, as a tensor (C, H, W) of the same type."""

    def __call__(self, pic: Any) -> Tensor:
        return tensor(self.array(pic), device="cpu")

    def array(self, pic: Any) -> np.ndarray:
        """The picture as an array (C, H, W)."""
        who = type(self).__name__
        if isinstance(pic, Tensor):
            raise TypeError(f"{who}: pic should be PIL Image or ndarray. Got a tensor. Hint: it is one already")
        array = np.asarray(pic)
        if array.ndim not in (2, 3):
            raise ShapeError(f"{who}: expected an image of 2 or 3 dimensions, got shape {array.shape}")
        return np.ascontiguousarray(array[None] if array.ndim == 2 else array.transpose(2, 0, 1))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Picture:
    """The base of what turns one picture into another: a subclass gives `turned` for tensors (..., C, H, W)."""

    def __call__(self, img: Any) -> Any:
        if isinstance(img, Tensor):
            return self.turned(img)
        array = np.asarray(img)
        out = self.turned(PILToTensor()(array)).numpy()
        pillow: Any = sys.modules.get("PIL.Image")  # whose pictures there are only where it has been imported
        of_pillow = pillow is not None and isinstance(img, pillow.Image)
        flat = len(out) == 1 and (array.ndim == 2 or of_pillow)
        out = out[0] if flat else np.ascontiguousarray(out.transpose(1, 2, 0))
        return pillow.fromarray(out) if of_pillow else out

    def turned(self, x: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__}: a transform of pictures must define turned(x)")

    def __repr__(self) -> str:
        given = (f"{k}={v}" for k, v in vars(self).items() if k != "generator" and not isinstance(v, Picture))
        return f"{type(self).__name__}({', '.join(given)})"


def bits(transform: Any) -> np.random.Generator:
    """Where a transform's random numbers come from."""
    return source(transform.generator)


def source(generator: Generator | None) -> np.random.Generator:
    """The numbers of a generator; None is the default one."""
    return (generator or default_generator).bits


def probability(who: str, p: float) -> float:
    if isinstance(p, bool) or not isinstance(p, (int, float)) or not 0 <= p <= 1:
        raise ValueError(f"{who}: p must be a probability, got {p!r}")
    return p


def pair(who: str, size: int | Sequence[int]) -> tuple[int, int]:
    """A size as (h, w)."""
    sizes = (size, size) if isinstance(size, int) else tuple(size) * (2 if len(size) == 1 else 1)
    if len(sizes) != 2 or any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in sizes):
        raise ValueError(f"{who}: size must be one or two integers >= 1, got {size!r}")
    return sizes  # type: ignore[return-value]


def extent(who: str, x: Tensor) -> tuple[int, int]:
    """The height and width of an image."""
    if x.ndim < 2 or 0 in x.shape[-2:]:
        raise ShapeError(f"{who}: expected an image (..., H, W) with H, W >= 1, got {tuple(x.shape)}")
    return x.shape[-2], x.shape[-1]


def dimensions(img: Any) -> tuple[int, int]:
    """The height and width of a picture of any kind."""
    return tuple(img.shape[-2:]) if isinstance(img, Tensor) else np.shape(img)[:2]  # type: ignore[return-value]


def crop(x: Tensor, top: int, left: int, h: int, w: int) -> Tensor:
    return x[..., top : top + h, left : left + w]


def resized(x: Tensor, size: tuple[int, int], interpolation: InterpolationMode, antialias: bool) -> Tensor:
    """An image in another size: a matrix of weights from the right and one from the left.

    Bytes go Pillow's way, of a tensor too: weights are multiples of 2^-22, and each matrix rounds, halves up; the one from
    the left comes first if the picture gets lower and wider.
    """
    if interpolation is InterpolationMode.NEAREST:
        for dim, m in zip((-2, -1), size, strict=True):
            n = x.shape[dim]
            x = index_select(x, dim, tensor(np.arange(m) * n // m, device=x.device))
        return x
    whole = not x.is_floating_point()
    w = [weights(n, m, antialias) for n, m in zip(x.shape[-2:], size, strict=True)]
    w = [np.floor(m * 2**22 + 0.5) / 2**22 for m in w] if whole else w
    work = x.double() if whole else x
    down, across = (tensor(m, dtype=work.dtype, device=x.device) for m in w)
    passes = [lambda y: y @ across.mT, lambda y: down @ y]
    if size[0] < x.shape[-2] and size[1] > x.shape[-1]:
        passes.reverse()
    for step in passes:
        work = (step(work) + 0.5).floor() if whole else step(work)
    return work.to(x.dtype)


def weights(n: int, m: int, antialias: bool) -> np.ndarray:
    """The (m, n) weights that bring n pixels to m, with pixel centres at half-integers.

    Each new pixel is a mean of those under a triangle about its place: of the two nearest, or with `antialias`, where the
    image shrinks, of as many as fall into one new pixel on either side.
    """
    place = (np.arange(m) + 0.5) * n / m - 0.5
    width = max(n / m, 1.0) if antialias else 1.0
    if width == 1.0:
        place = np.clip(place, 0, n - 1)
    found = np.maximum(0, 1 - np.abs(place[:, None] - np.arange(n)) / width)
    return found / found.sum(1, keepdims=True)
