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

from ..backends import ShapeError
from ..backends import dtype as as_dtype
from ..core import Tensor
from ..ops.create import tensor
from ..ops.functions import flip, index_select
from ..ops.random import Generator, source_of
from ..ops.shape import pad_op
from .colours import (
    ColorJitter,
    ConvertImageDtype,
    GaussianBlur,
    Grayscale,
    RandomAdjustSharpness,
    RandomAutocontrast,
    RandomEqualize,
    RandomGrayscale,
    RandomInvert,
    RandomPosterize,
    RandomSolarize,
)
from .picture import InterpolationMode, Picture, PILToTensor, bits, dimensions, extent, of_kind, pair, probability
from .scalers import MinMaxScaler, Scaler, ZScore
from .warps import RandomAffine, RandomErasing, RandomPerspective, RandomRotation

__all__ = [
    "CenterCrop", "ColorJitter", "Compose", "ConvertImageDtype", "FiveCrop", "GaussianBlur", "Grayscale",
    "InterpolationMode", "Lambda", "MinMaxScaler", "Normalize", "PILToTensor", "Pad", "RandomAdjustSharpness",
    "RandomAffine", "RandomApply", "RandomAutocontrast", "RandomChoice", "RandomCrop", "RandomEqualize", "RandomErasing",
    "RandomGrayscale", "RandomHorizontalFlip", "RandomInvert", "RandomOrder", "RandomPerspective", "RandomPosterize",
    "RandomResizedCrop", "RandomRotation", "RandomSolarize", "RandomVerticalFlip", "Resize", "Scaler", "TenCrop",
    "ToPILImage", "ToTensor", "ZScore",
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
    """A tensor (C, H, W) or (H, W), floating-point numbers 0 to 1 or bytes, or an array (H, W) or (H, W, C), as a picture of
    Pillow's, in `mode` or what fits the channels. Raises ImportError where Pillow is not installed."""

    def __init__(self, mode: str | None = None) -> None:
        self.mode = mode

    def __call__(self, pic: Any) -> Any:
        array = np.asarray(pic)
        if array.ndim not in (2, 3):
            raise ShapeError(f"ToPILImage: pic should be 2/3 dimensional. Got {array.ndim} dimensions.")
        if isinstance(pic, Tensor):
            array = ConvertImageDtype(as_dtype("uint8"))(pic).numpy() if pic.is_floating_point() else pic.numpy()
            array = array if array.ndim == 2 else array.transpose(1, 2, 0)
        array = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
        if array.dtype != np.uint8 or (array.ndim == 3 and array.shape[2] > 4):
            raise TypeError(f"ToPILImage: expected 1 to 4 channels of floating-point numbers or bytes, got {array.shape} "
                            f"{array.dtype}")  # fmt: skip
        try:
            images: Any = importlib.import_module("PIL.Image")
        except ImportError:
            raise ImportError("ToPILImage: pictures of this kind need Pillow. Hint: pip install pillow") from None
        image = images.fromarray(np.ascontiguousarray(array))
        return image if self.mode in (None, image.mode) else image.convert(self.mode)


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


class FiveCrop:
    """The (h, w) parts of an image in its corners and its middle, as a tuple: top left, top right, bottom left, bottom right,
    middle. Raises ShapeError for a smaller image."""

    def __init__(self, size: int | Sequence[int]) -> None:
        self.size = pair("FiveCrop", size)

    def __call__(self, img: Any) -> tuple:
        if not isinstance(img, Tensor):
            return tuple(of_kind(img, lambda x: self.parts(x)[i]) for i in range(5))  # noqa: B023  # called at once
        return self.parts(img)

    def parts(self, x: Tensor) -> tuple:
        """The five, of a tensor."""
        (h, w), (H, W) = self.size, extent("FiveCrop", x)
        if h > H or w > W:
            raise ShapeError(f"FiveCrop: Requested crop size {self.size} is bigger than input size {(H, W)}")
        corners = [crop(x, top, left, h, w) for top in (0, H - h) for left in (0, W - w)]
        return (*corners, CenterCrop(self.size).turned(x))


class TenCrop(FiveCrop):
    """`FiveCrop` of an image and of its mirror image, upside down with `vertical_flip`."""

    def __init__(self, size: int | Sequence[int], vertical_flip: bool = False) -> None:
        super().__init__(size)
        self.over = RandomVerticalFlip(1.0) if vertical_flip else RandomHorizontalFlip(1.0)

    def __call__(self, img: Any) -> tuple:
        return (*super().__call__(img), *super().__call__(self.over(img)))


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
        top, left = (int(source_of(generator).bits.integers(n + 1)) for n in (H - h, W - w))
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
        (H, W), bits = dimensions(img), source_of(generator).bits
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


# -- their parts -----------------------------------------------------------------------------------------------------------


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
