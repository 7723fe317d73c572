"""Pictures moved, turned, sheared, seen from aside and with parts taken out, under torchvision's names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..backends import ShapeError
from ..core import Tensor
from ..ops.create import randn, tensor
from ..ops.functions import as_tensor, index_select, where
from ..ops.random import Generator
from .picture import InterpolationMode, Picture, bits, extent, of_kind, probability

BILINEAR, NEAREST = InterpolationMode.BILINEAR, InterpolationMode.NEAREST

# -- functions -------------------------------------------------------------------------------------------------------------


def rotate(img: Any, angle: float, interpolation: Any = NEAREST, expand: bool = False, center: Sequence[float] | None = None,
           fill: Any = None) -> Any:  # fmt: skip
    """An image turned by `angle` degrees against the clock about its middle, or about `center` (x, y).

    It keeps its size, or with `expand` becomes so large that all of it is seen. What comes from outside is `fill`.
    """

    def turned(x: Tensor) -> Tensor:
        H, W = extent("rotate", x)
        h, w = H, W
        matrix = inverse((0.0, 0.0) if center is None else (center[0] - W / 2, center[1] - H / 2), -angle)
        if expand:
            corners = np.array([[-W, -W, W, W], [-H, H, H, -H]]) / 2
            reach = np.trunc((matrix[:, :2] @ corners + matrix[:, 2:] + [[W / 2], [H / 2]]) * 1e4) / 1e4
            w, h = (math.ceil(v.max()) - math.floor(v.min()) for v in reach)
        return moved(x, matrix, (h, w), interpolation, fill)

    return of_kind(img, turned)


def affine(img: Any, angle: float, translate: Sequence[float], scale: float, shear: Any, interpolation: Any = NEAREST,
           fill: Any = None, center: Sequence[float] | None = None) -> Any:  # fmt: skip
    """An image turned by `angle` degrees with the clock, times `scale`, sheared by degrees along x and y, moved by pixels."""
    if scale <= 0:
        raise ValueError(f"affine: Argument scale should be positive, got {scale!r}")
    shears = (shear, 0.0) if isinstance(shear, (int, float)) else (*shear, 0.0)[:2]

    def turned(x: Tensor) -> Tensor:
        H, W = extent("affine", x)
        about = (0.0, 0.0) if center is None else (center[0] - W / 2, center[1] - H / 2)
        return moved(x, inverse(about, angle, tuple(translate), scale, shears), (H, W), interpolation, fill)

    return of_kind(img, turned)


def perspective(img: Any, startpoints: Sequence, endpoints: Sequence, interpolation: Any = BILINEAR, fill: Any = None) -> Any:
    """An image seen from aside: the four corners `startpoints` (x, y) come to `endpoints`."""
    rows, to = [], np.asarray(startpoints, dtype=np.float64).reshape(-1)
    for (x, y), (u, v) in zip(endpoints, startpoints, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    a, b, c, d, e, f, g, h = np.linalg.lstsq(np.array(rows, dtype=np.float64), to, rcond=None)[0]

    def turned(img: Tensor) -> Tensor:
        H, W = extent("perspective", img)
        y, x = np.meshgrid(np.arange(H) + 0.5, np.arange(W) + 0.5, indexing="ij")
        depth = g * x + h * y + 1
        return fetched(img, (d * x + e * y + f) / depth - 0.5, (a * x + b * y + c) / depth - 0.5, interpolation, fill)

    return of_kind(img, turned)


def erase(img: Tensor, i: int, j: int, h: int, w: int, v: Any, inplace: bool = False) -> Tensor:
    """A tensor with `v` in place of its h x w part from row i and column j on."""
    img = img if inplace else img.clone()
    img[..., i : i + h, j : j + w] = v
    return img


# -- their parts -----------------------------------------------------------------------------------------------------------


def inverse(center: Sequence[float], angle: float, translate: Sequence[float] = (0.0, 0.0), scale: float = 1.0,
            shear: Sequence[float] = (0.0, 0.0)) -> np.ndarray:  # fmt: skip
    """Where pixels come from: the inverse (2, 3) of move, turn, shear and scale, about a centre counted from the middle."""
    turn, across, down = (math.radians(v) for v in (angle, *shear))
    a = math.cos(turn - down) / math.cos(down)
    b = -math.cos(turn - down) * math.tan(across) / math.cos(down) - math.sin(turn)
    c = math.sin(turn - down) / math.cos(down)
    d = -math.sin(turn - down) * math.tan(across) / math.cos(down) + math.cos(turn)
    back = np.array([[d, -b], [-c, a]]) / scale  # of a matrix of determinant 1
    middle = np.array(center, dtype=np.float64)
    return np.concatenate([back, (middle - back @ (middle + np.array(translate)))[:, None]], 1)


def moved(x: Tensor, matrix: np.ndarray, size: tuple[int, int], interpolation: Any, fill: Any) -> Tensor:
    """An image of `size` whose pixels come from the places that the matrix says, counted from the middle."""
    (h, w), (H, W) = size, x.shape[-2:]
    down, across = np.meshgrid(np.arange(h) - (h - 1) / 2, np.arange(w) - (w - 1) / 2, indexing="ij")
    columns, rows = (row[0] * across + row[1] * down + row[2] for row in matrix)
    return fetched(x, rows + (H - 1) / 2, columns + (W - 1) / 2, interpolation, fill)


def fetched(x: Tensor, rows: np.ndarray, columns: np.ndarray, interpolation: Any, fill: Any) -> Tensor:
    """The pixels at these places: the nearest, or a mean of the four around, of which those outside are `fill`.

    (torchvision takes what is inside twice by its share there, which darkens the edge.)
    """
    blank = as_tensor(0.0 if fill is None else fill, dtype=x.dtype, device=x.device)
    blank = blank.reshape(-1, 1, 1) if blank.ndim else blank
    if InterpolationMode(interpolation) is NEAREST:
        y, inside = picked(x, *(np.floor(at.round(9) + 0.5).astype(np.int64) for at in (rows, columns)))  # halves go one way
        return where(tensor(inside, device=x.device), y, blank)
    work = x if x.is_floating_point() else x.float()
    top, left = np.floor(rows).astype(np.int64), np.floor(columns).astype(np.int64)
    total: Any = 0.0
    seen = np.zeros(rows.shape)
    for i in (0, 1):
        for j in (0, 1):
            share = np.abs(1 - i - (rows - top)) * np.abs(1 - j - (columns - left))
            y, inside = picked(work, top + i, left + j)
            total = total + y * tensor(share * inside, dtype=work.dtype, device=x.device)
            seen += share * inside
    total = total + blank * tensor(1 - seen, dtype=work.dtype, device=x.device)
    return total if x.is_floating_point() else total.round().clamp(0, 255).to(x.dtype)


def picked(x: Tensor, rows: np.ndarray, columns: np.ndarray) -> tuple[Tensor, np.ndarray]:
    """The pixels in these rows and columns, and which of them are inside the image."""
    H, W = x.shape[-2:]
    inside = (rows >= 0) & (rows < H) & (columns >= 0) & (columns < W)
    places = tensor(np.where(inside, rows * W + columns, 0).reshape(-1), device=x.device)
    return index_select(x.reshape(*x.shape[:-2], H * W), -1, places).reshape(*x.shape[:-2], *rows.shape), inside


def span(who: str, name: str, value: Any) -> tuple[float, float]:
    """A number as (-number, number), or (low, high)."""
    low, high = (-value, value) if isinstance(value, (int, float)) else value
    if not -math.inf < low <= high < math.inf:
        raise ValueError(f"{who}: {name} must be a number >= 0 or (low, high), got {value!r}")
    return float(low), float(high)


# -- transforms ------------------------------------------------------------------------------------------------------------


class RandomRotation(Picture):
    """An image turned by an angle from `degrees` (low, high), or (-degrees, degrees), against the clock: see
    `functional.rotate`."""

    def __init__(self, degrees: float | Sequence[float], interpolation: InterpolationMode | str = NEAREST, expand: bool = False,
                 center: Sequence[float] | None = None, fill: Any = 0, *,
                 generator: Generator | None = None) -> None:  # fmt: skip
        self.degrees, self.interpolation = span("RandomRotation", "degrees", degrees), InterpolationMode(interpolation)
        self.expand, self.center, self.fill, self.generator = expand, center, fill, generator

    def turned(self, x: Tensor) -> Tensor:
        return rotate(x, bits(self).uniform(*self.degrees), self.interpolation, self.expand, self.center, self.fill)


class RandomAffine(Picture):
    """An image turned, moved, scaled and sheared at random: see `functional.affine`.

    degrees     as of `RandomRotation`, with the clock
    translate   (a, b): moved by up to a of its width and b of its height, either way
    scale       (low, high)
    shear       degrees along x: a number as of `degrees`, or (low, high), or (low, high, low, high) along x and y
    """

    def __init__(self, degrees: Any, translate: Sequence[float] | None = None, scale: Sequence[float] | None = None,
                 shear: Any = None, interpolation: InterpolationMode | str = NEAREST, fill: Any = 0,
                 center: Sequence[float] | None = None, *, generator: Generator | None = None) -> None:  # fmt: skip
        who = "RandomAffine"
        self.degrees, self.interpolation = span(who, "degrees", degrees), InterpolationMode(interpolation)
        if translate is not None and (len(translate) != 2 or not all(0 <= t <= 1 for t in translate)):
            raise ValueError(f"{who}: translation values should be two numbers between 0 and 1, got {translate!r}")
        if scale is not None and (len(scale) != 2 or not 0 < scale[0] <= scale[1]):
            raise ValueError(f"{who}: scale values should be (low, high) with 0 < low <= high, got {scale!r}")
        if shear is not None:
            several = not isinstance(shear, (int, float)) and len(shear) == 4
            shear = [span(who, "shear", part) for part in ((shear[:2], shear[2:]) if several else (shear,))]
        self.translate, self.shear = translate, shear
        self.scale = None if scale is None else (scale[0], scale[1])
        self.fill, self.center, self.generator = fill, center, generator

    def turned(self, x: Tensor) -> Tensor:
        H, W = extent("RandomAffine", x)
        draw = bits(self).uniform
        angle = draw(*self.degrees)
        reach = (0.0, 0.0) if self.translate is None else (self.translate[0] * W, self.translate[1] * H)
        move = [round(draw(-far, far)) if far else 0 for far in reach]
        scale = 1.0 if self.scale is None else draw(*self.scale)
        shear = [0.0] if self.shear is None else [draw(*limits) for limits in self.shear]
        return affine(x, angle, move, scale, shear, self.interpolation, self.fill, self.center)


class RandomPerspective(Picture):
    """An image seen from aside with probability `p`: each corner moves in by up to `distortion_scale` of half the size."""

    def __init__(self, distortion_scale: float = 0.5, p: float = 0.5, interpolation: InterpolationMode | str = BILINEAR,
                 fill: Any = 0, *, generator: Generator | None = None) -> None:  # fmt: skip
        self.distortion_scale = probability("RandomPerspective", distortion_scale)
        self.p, self.interpolation = probability("RandomPerspective", p), InterpolationMode(interpolation)
        self.fill, self.generator = fill, generator

    def turned(self, x: Tensor) -> Tensor:
        H, W = extent("RandomPerspective", x)
        if bits(self).random() >= self.p:
            return x
        start = [[0, 0], [W - 1, 0], [W - 1, H - 1], [0, H - 1]]
        reach = int(self.distortion_scale * (W // 2)), int(self.distortion_scale * (H // 2))
        end = [[at + (int(bits(self).integers(far + 1)) if at == 0 else -int(bits(self).integers(far + 1)))
                for at, far in zip(corner, reach, strict=True)] for corner in start]  # fmt: skip
        return perspective(x, start, end, self.interpolation, self.fill)


class RandomErasing(Picture):
    """A random part of a tensor replaced, with probability `p`: `scale` of its area, with a ratio h/w in `ratio`.

    value   what replaces it: a number, one for each channel, or "random" for normal numbers

    Where ten draws don't fit into the image, it stays. Source: Zhong et al. 2017, Random Erasing Data Augmentation.
    """

    def __init__(self, p: float = 0.5, scale: Sequence[float] = (0.02, 0.33), ratio: Sequence[float] = (0.3, 3.3),
                 value: Any = 0, inplace: bool = False, *, generator: Generator | None = None) -> None:  # fmt: skip
        self.p = probability("RandomErasing", p)
        for name, (low, high), most in (("scale", scale, 1.0), ("ratio", ratio, math.inf)):
            if not 0 < low <= high <= most and not (name == "scale" and low == 0 <= high <= 1):
                raise ValueError(
                    f"RandomErasing: {name} should be (low, high) with 0 < low <= high <= {most:g}, got {(low, high)}"
                )
        if isinstance(value, str) and value != "random":
            raise ValueError(f"RandomErasing: If value is str, it should be 'random', got {value!r}")
        self.scale, self.ratio, self.value = (scale[0], scale[1]), (ratio[0], ratio[1]), value
        self.inplace, self.generator = inplace, generator

    def turned(self, x: Tensor) -> Tensor:
        H, W = extent("RandomErasing", x)
        if bits(self).random() >= self.p:
            return x
        for _ in range(10):
            area = H * W * bits(self).uniform(*self.scale)
            ratio = math.exp(bits(self).uniform(math.log(self.ratio[0]), math.log(self.ratio[1])))
            h, w = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if h < H and w < W:
                top, left = int(bits(self).integers(H - h + 1)), int(bits(self).integers(W - w + 1))
                return erase(x, top, left, h, w, self.instead(x, h, w), self.inplace)
        return x

    def instead(self, x: Tensor, h: int, w: int) -> Any:
        """What replaces the part."""
        channels = x.shape[-3] if x.ndim > 2 else 1
        if self.value == "random":
            return randn(*x.shape[:-2], h, w, generator=self.generator, device=x.device).to(x.dtype)
        if isinstance(self.value, (int, float)):
            return self.value
        if len(self.value) not in (1, channels):
            raise ShapeError(f"RandomErasing: If value is a sequence, it should have either a single value or {channels} "
                             f"(number of input channels), got {len(self.value)}")  # fmt: skip
        return tensor(list(self.value), dtype=x.dtype, device=x.device).reshape(-1, 1, 1)
