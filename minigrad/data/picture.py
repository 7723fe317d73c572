"""What all transforms of pictures have in common."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

import numpy as np

from ..backends import ShapeError
from ..core import Tensor
from ..ops.create import tensor
from ..ops.random import source_of


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


def of_kind(img: Any, turned: Callable[[Tensor], Tensor]) -> Any:
    """What a function makes of a tensor (..., C, H, W), an array (H, W) or (H, W, C), or Pillow's picture: of the same kind."""
    if isinstance(img, Tensor):
        return turned(img)
    array = np.asarray(img)
    out = turned(PILToTensor()(array)).numpy()
    pillow: Any = sys.modules.get("PIL.Image")  # whose pictures there are only where it has been imported
    of_pillow = pillow is not None and isinstance(img, pillow.Image)
    flat = len(out) == 1 and (array.ndim == 2 or of_pillow)
    out = out[0] if flat else np.ascontiguousarray(out.transpose(1, 2, 0))
    return pillow.fromarray(out) if of_pillow else out


class Picture:
    """The base of what turns one picture into another: a subclass gives `turned` for tensors (..., C, H, W)."""

    def __call__(self, img: Any) -> Any:
        return of_kind(img, self.turned)

    def turned(self, x: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__}: a transform of pictures must define turned(x)")

    def __repr__(self) -> str:
        given = (f"{k}={v}" for k, v in vars(self).items() if k != "generator" and not isinstance(v, Picture))
        return f"{type(self).__name__}({', '.join(given)})"


def bits(transform: Any) -> np.random.Generator:
    """Where a transform's random numbers come from."""
    return source_of(transform.generator).bits


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


def coloured(who: str, x: Tensor) -> Tensor:
    """An image of one channel or of three. Raises ShapeError for another."""
    extent(who, x)
    if x.ndim < 3 or x.shape[-3] not in (1, 3):
        raise ShapeError(f"{who}: expected (..., C, H, W) with C = 1 or 3, got {tuple(x.shape)}")
    return x
