"""Transforms under torchvision's names: of pictures, seeded where they are random; of tables, fitted where they learn.

A picture is a tensor (..., C, H, W), an array (H, W) or (H, W, C), as a collection gives it, or an image of Pillow; the
result is of the same kind. A random transform draws from its `generator`, by default the one `manual_seed` seeds.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..backends import DType, ShapeError
from ..core import Tensor
from ..ops.create import tensor
from ..ops.functions import flip, full, index_select, where
from ..ops.random import Generator
from ..ops.shape import pad_op
from .colours import ColorJitter, Grayscale, RandomGrayscale
from .picture import (
    InterpolationMode,
    Picture,
    PILToTensor,
    bits,
    crop,
    dimensions,
    extent,
    pair,
    probability,
    resized,
    source,
)
from .scalers import MinMaxScaler, Scaler, ZScore

__all__ = [
    "CenterCrop", "ColorJitter", "Compose", "ConvertImageDtype", "Grayscale", "InterpolationMode", "Lambda", "MinMaxScaler",
    "Normalize", "PILToTensor", "Pad", "RandomApply", "RandomChoice", "RandomCrop", "RandomGrayscale", "RandomHorizontalFlip",
    "RandomOrder", "RandomResizedCrop", "RandomRotation", "RandomVerticalFlip", "Resize", "Scaler", "ToPILImage", "ToTensor",
    "ZScore",
]  # fmt: skip


# -- of anything -------------------------------------------------------------------------------------------------------


class Compose:
    """One transform after the other."""

    def __init__(self, transforms: Sequence[Callable]) -> None:
        self.transforms = list(transforms)

    def __call__(self, img: Any) -> Any:
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        return "\n".join([f"{type(self).__name__}(", *(f"    {transform}" for transform in self.transforms), ")"])


class Lambda:
    """Any function as a transform."""

    def __init__(self, lambd: Callable) -> None:
        if not callable(lambd):
            raise TypeError(f"Lambda: expected a function, got {type(lambd).__name__}")
        self.lambd = lambd

    def __call__(self, img: Any) -> Any:
        return self.lambd(img)


class RandomApply(Compose):
    """All of the transforms, with probability `p`; otherwise none."""

    def __init__(self, transforms: Sequence[Callable], p: float = 0.5, *, generator: Generator | None = None) -> None:
        super().__init__(transforms)
        self.p, self.generator = probability("RandomApply", p), generator

    def __call__(self, img: Any) -> Any:
        return super().__call__(img) if bits(self).random() < self.p else img


class RandomOrder(Compose):
    """All of the transforms, in random order."""

    def __init__(self, transforms: Sequence[Callable], *, generator: Generator | None = None) -> None:
        super().__init__(transforms)
        self.generator = generator

    def __call__(self, img: Any) -> Any:
        for i in bits(self).permutation(len(self.transforms)):
            img = self.transforms[i](img)
        return img


class RandomChoice(Compose):
    """One of the transforms, each with a probability in proportion to its `p` (default: all alike)."""

    def __init__(
        self, transforms: Sequence[Callable], p: Sequence[float] | None = None, *, generator: Generator | None = None
    ) -> None:
        super().__init__(transforms)
        weights = np.ones(len(self.transforms)) if p is None else np.asarray(p, dtype=np.float64)
        if len(weights) != len(self.transforms) or not (weights >= 0).all() or not 0 < weights.sum() < math.inf:
            raise ValueError(f"RandomChoice: expected a finite weight >= 0, not all 0, for each of {len(self.transforms)} "
                             f"transforms, got {p!r}")  # fmt: skip
        self.p, self.generator = weights / weights.sum(), generator

    def __call__(self, img: Any) -> Any:
        return self.transforms[bits(self).choice(len(self.transforms), p=self.p)](img)


# -- from pictures to tensors ------------------------------------------------------------------------------------------


class ToTensor(PILToTensor):
    """As PILToTensor; bytes become float32 in [0, 1]."""

    def __call__(self, pic: Any) -> Tensor:
        array = self.array(pic)
        return tensor(array.astype(np.float32) / np.float32(255) if array.dtype == np.uint8 else array, device="cpu")


class ToPILImage:
    """A tensor (C, H, W) or (H, W), or an array (H, W, C), as an image of Pillow; floating numbers are times 255.

    Raises ModuleNotFoundError without Pillow, ShapeError for anything but 1, 3 or 4 channels.
    """

    def __init__(self, mode: str | None = None) -> None:
        self.mode = mode

    def __call__(self, pic: Any) -> Any:
        pillow: Any = importlib.import_module("PIL.Image")
        if isinstance(pic, Tensor):
            x = (pic.detach() * 255).byte() if pic.is_floating_point() else pic.detach()
            array = x.numpy(force=True) if x.ndim == 2 else x.permute(1, 2, 0).numpy(force=True)
        else:
            array = np.asarray(pic)
        array = array[..., 0] if array.ndim == 3 and array.shape[-1] == 1 else array
        if array.ndim != 2 and (array.ndim != 3 or array.shape[-1] not in (3, 4)):
            raise ShapeError(f"ToPILImage: expected 1, 3 or 4 channels, got shape {tuple(pic.shape)}")
        image = pillow.fromarray(np.ascontiguousarray(array))
        return image if self.mode is None else image.convert(self.mode)

    def __repr__(self) -> str:
        return "ToPILImage()" if self.mode is None else f"ToPILImage(mode={self.mode})"


class ConvertImageDtype:
    """A tensor in another type: bytes 0 to 255 and floating-point numbers 0 to 1 stand for each other."""

    def __init__(self, dtype: DType) -> None:
        self.dtype = dtype

    def __call__(self, image: Tensor) -> Tensor:
        if image.dtype.name == "uint8" and self.dtype.name.startswith("float"):
            return image.to(self.dtype) / 255
        if image.is_floating_point() and self.dtype.name == "uint8":
            return (image * 255.999).to(self.dtype)  # each byte gets an equal part of [0, 1]
        if image.is_floating_point() and self.dtype.name.startswith("float") or image.dtype == self.dtype:
            return image.to(self.dtype)
        raise TypeError(f"ConvertImageDtype: expected bytes or floating-point numbers, got {image.dtype!r} to {self.dtype!r}")


class Normalize:
    """(x - mean) / std, channel by channel, of a floating-point tensor. Raises ValueError for a std that is not above 0."""

    def __init__(self, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> None:
        self.mean, self.std = (np.atleast_1d(np.asarray(v, dtype=np.float64)) for v in (mean, std))
        self.inplace = inplace
        self.known: tuple[Any, Tensor, Tensor] = (None, None, None)  # type: ignore[assignment]  # the numbers of the last call
        if not (self.std > 0).all():
            raise ValueError(f"Normalize: std must be above 0, got {std}")

    def __call__(self, x: Tensor) -> Tensor:
        if not isinstance(x, Tensor) or not x.is_floating_point():
            got = f"a tensor of {x.dtype!r}" if isinstance(x, Tensor) else type(x).__name__
            raise TypeError(f"Normalize: Input tensor should be a float tensor. Got {got}. Hint: ToTensor() before it")
        sizes = {len(self.mean), len(self.std)}
        if x.ndim < 3 or not sizes <= {1, x.shape[-3]}:
            raise ShapeError(f"Normalize: expected (..., C, H, W) with C = {max(sizes)}, got {tuple(x.shape)}")
        if self.known[0] != (x.dtype, x.device):
            mean, std = (tensor(v, dtype=x.dtype, device=x.device).reshape(-1, 1, 1) for v in (self.mean, self.std))
            self.known = (x.dtype, x.device), mean, std
        _, mean, std = self.known
        return x.sub_(mean).div_(std) if self.inplace else (x - mean) / std

    def __repr__(self) -> str:
        return f"Normalize(mean={self.mean.tolist()}, std={self.std.tolist()})"


# -- of pictures -------------------------------------------------------------------------------------------------------


class Pad(Picture):
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

    def turned(self, x: Tensor) -> Tensor:
        h, w = extent("Pad", x)
        if self.padding_mode == "constant":
            kept = (0,) * (x.ndim - 2)
            before, after = zip(*self.sides, strict=True)
            return pad_op(x, before=kept + before, after=kept + after, value=self.fill)
        for dim, n, sides in zip((-2, -1), (h, w), self.sides, strict=True):
            places = np.pad(np.arange(n), sides, mode=self.padding_mode)  # type: ignore[call-overload]
            x = index_select(x, dim, tensor(places, device=x.device))
        return x


class CenterCrop(Picture):
    """The middle (h, w) of an image; a smaller one is padded with zeros first."""

    def __init__(self, size: int | Sequence[int]) -> None:
        self.size = pair("CenterCrop", size)

    def turned(self, x: Tensor) -> Tensor:
        (h, w), (H, W) = self.size, extent("CenterCrop", x)
        up, across = max(h - H, 0), max(w - W, 0)
        if up or across:
            x = Pad((across // 2, up // 2, (across + 1) // 2, (up + 1) // 2)).turned(x)
        H, W = extent("CenterCrop", x)
        return crop(x, round((H - h) / 2), round((W - w) / 2), h, w)


class RandomCrop(Picture):
    """An (h, w) part of an image at a random place, after `padding` as in `Pad`.

    With `pad_if_needed` an image that is still too small is padded on both sides. Raises ShapeError for one otherwise.
    """

    def __init__(self, size: int | Sequence[int], padding: int | Sequence[int] | None = None, pad_if_needed: bool = False,
                 fill: float = 0, padding_mode: str = "constant", *, generator: Generator | None = None) -> None:  # fmt: skip
        self.size, self.generator = pair("RandomCrop", size), generator
        self.pad = None if padding is None else Pad(padding, fill, padding_mode)
        self.pad_if_needed, self.fill, self.padding_mode = pad_if_needed, fill, padding_mode

    def turned(self, x: Tensor) -> Tensor:
        x = x if self.pad is None else self.pad.turned(x)
        (h, w), (H, W) = self.size, extent("RandomCrop", x)
        if self.pad_if_needed and (h > H or w > W):
            x = Pad((max(w - W, 0), max(h - H, 0)), self.fill, self.padding_mode).turned(x)
            H, W = extent("RandomCrop", x)
        return crop(x, *self.get_params(x, self.size, self.generator))

    @staticmethod
    def get_params(img: Any, output_size: tuple[int, int], generator: Generator | None = None) -> tuple[int, int, int, int]:
        """Top, left, height and width of a random part of a picture."""
        (h, w), (H, W) = output_size, dimensions(img)
        if h > H or w > W:
            raise ShapeError(f"RandomCrop: Required crop size {(h, w)} is larger than input image size {(H, W)}. "
                             "Hint: pad_if_needed=True")  # fmt: skip
        if (h, w) == (H, W):
            return 0, 0, h, w
        top, left = (int(source(generator).integers(n + 1)) for n in (H - h, W - w))
        return top, left, h, w


class Flip(Picture):
    """An image turned over with probability `p`."""

    dim = -1

    def __init__(self, p: float = 0.5, *, generator: Generator | None = None) -> None:
        self.p, self.generator = probability(type(self).__name__, p), generator

    def turned(self, x: Tensor) -> Tensor:
        extent(type(self).__name__, x)
        return flip(x, (self.dim,)) if bits(self).random() < self.p else x


class RandomHorizontalFlip(Flip):
    """Left and right exchanged with probability `p`."""


class RandomVerticalFlip(Flip):
    """Top and bottom exchanged with probability `p`."""

    dim = -2


class Resize(Picture):
    """An image in `size` (h, w); a single number is the shorter side, and the ratio stays.

    With a number, the longer side is at most `max_size`. `antialias` averages, with a triangle as wide as the reduction,
    where the image shrinks. Whole numbers stay whole numbers.
    """

    def __init__(self, size: int | Sequence[int], interpolation: InterpolationMode | str = InterpolationMode.BILINEAR,
                 max_size: int | None = None, antialias: bool | None = True) -> None:  # fmt: skip
        self.shorter = isinstance(size, int) or len(size) == 1
        self.size = pair("Resize", size if isinstance(size, int) or len(size) > 1 else size[0])
        if max_size is not None and (not self.shorter or max_size <= self.size[0]):
            raise ValueError(f"Resize: max_size must be above size, which must be one number, got {max_size!r} and {size!r}")
        self.interpolation, self.max_size, self.antialias = InterpolationMode(interpolation), max_size, antialias

    def turned(self, x: Tensor) -> Tensor:
        H, W = extent("Resize", x)
        h, w = self.size
        if self.shorter:
            short, long = h, int(h * max(H, W) / min(H, W))
            if self.max_size is not None and long > self.max_size:
                short, long = int(self.max_size * short / long), self.max_size
            h, w = (short, long) if H <= W else (long, short)
        return resized(x, (h, w), self.interpolation, bool(self.antialias))


class RandomResizedCrop(Picture):
    """A random part of an image, brought to `size`: `scale` of its area, with a ratio w/h in `ratio` (drawn by logarithm).

    If ten draws don't fit into the image, the middle is taken, with a ratio as near as possible.
    """

    def __init__(self, size: int | Sequence[int], scale: Sequence[float] = (0.08, 1.0), ratio: Sequence[float] = (3 / 4, 4 / 3),
                 interpolation: InterpolationMode | str = InterpolationMode.BILINEAR, antialias: bool | None = True, *,
                 generator: Generator | None = None) -> None:  # fmt: skip
        for name, (low, high) in (("scale", scale), ("ratio", ratio)):
            if not 0 < low <= high < math.inf:
                raise ValueError(f"RandomResizedCrop: {name} must be (low, high) with 0 < low <= high, got {(low, high)}")
        self.size, self.scale, self.ratio = pair("RandomResizedCrop", size), (scale[0], scale[1]), (ratio[0], ratio[1])
        self.interpolation, self.antialias, self.generator = InterpolationMode(interpolation), antialias, generator

    def turned(self, x: Tensor) -> Tensor:
        part = crop(x, *self.get_params(x, self.scale, self.ratio, self.generator))
        return resized(part, self.size, self.interpolation, bool(self.antialias))

    @staticmethod
    def get_params(
        img: Any, scale: Sequence[float], ratio: Sequence[float], generator: Generator | None = None
    ) -> tuple[int, int, int, int]:
        """Top, left, height and width of a random part of a picture."""
        (H, W), bits = dimensions(img), source(generator)
        for _ in range(10):
            area = H * W * bits.uniform(scale[0], scale[1])
            r = math.exp(bits.uniform(math.log(ratio[0]), math.log(ratio[1])))
            h, w = round(math.sqrt(area / r)), round(math.sqrt(area * r))
            if 0 < h <= H and 0 < w <= W:
                return int(bits.integers(H - h + 1)), int(bits.integers(W - w + 1)), h, w
        h, w = H, W
        if ratio[0] > W / H:
            h = max(round(W / ratio[0]), 1)
        elif ratio[1] < W / H:
            w = max(round(H * ratio[1]), 1)
        return (H - h) // 2, (W - w) // 2, h, w


class RandomRotation(Picture):
    """An image turned about its middle by an angle from `degrees` (low, high), or (-degrees, degrees), against the clock.

    It keeps its size; what comes from outside is `fill`. Pixels are those nearest to where they come from.
    """

    def __init__(self, degrees: float | Sequence[float], interpolation: InterpolationMode | str = InterpolationMode.NEAREST,
                 fill: float = 0, *, generator: Generator | None = None) -> None:  # fmt: skip
        low, high = (-degrees, degrees) if isinstance(degrees, (int, float)) else degrees
        if not -math.inf < low <= high < math.inf:
            raise ValueError(f"RandomRotation: degrees must be a number >= 0 or (low, high), got {degrees!r}")
        if InterpolationMode(interpolation) is not InterpolationMode.NEAREST:
            raise NotImplementedError("RandomRotation: only InterpolationMode.NEAREST is offered")
        self.degrees, self.fill, self.generator = (float(low), float(high)), fill, generator

    def turned(self, x: Tensor) -> Tensor:
        H, W = extent("RandomRotation", x)
        angle = math.radians(bits(self).uniform(*self.degrees))
        down, across = np.meshgrid(np.arange(H) - (H - 1) / 2, np.arange(W) - (W - 1) / 2, indexing="ij")
        sin, cos = math.sin(angle), math.cos(angle)
        found = sin * across + cos * down + H / 2, cos * across - sin * down + W / 2
        rows, columns = (np.floor(at.round(9)).astype(np.int64) for at in found)  # halves go one way
        inside = (rows >= 0) & (rows < H) & (columns >= 0) & (columns < W)
        places = tensor(np.where(inside, rows * W + columns, 0).reshape(-1), device=x.device)
        moved = index_select(x.reshape(*x.shape[:-2], H * W), -1, places).reshape(*x.shape)
        blank = full((), self.fill, dtype=x.dtype, device=x.device)
        return where(tensor(inside, device=x.device), moved, blank)
