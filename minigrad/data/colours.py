"""Colours and contours of pictures, under torchvision's names: functions, and transforms that draw how strong they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..backends import DType, ShapeError
from ..core import Tensor
from ..ops.create import randperm, tensor
from ..ops.functions import bincount, floor_divide, index_select, stack, where
from ..ops.random import Generator
from .picture import Picture, bits, coloured, extent, of_kind, probability


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


# -- functions of tensors (..., C, H, W): floating-point numbers 0 to 1, or bytes --------------------------------------------


def top(x: Tensor) -> float:
    """The value of white."""
    return 1.0 if x.is_floating_point() else 255.0


def mixed(x: Tensor, other: Any, part: float) -> Tensor:
    """part x + (1 - part) other, within what an image may be."""
    return (part * x + (1.0 - part) * other).clamp(0, top(x)).to(x.dtype)


def factor(who: str, value: float, low: float = 0.0, high: float = math.inf) -> float:
    """A strength within its limits."""
    if not low <= value <= high:
        limits = f">= {low:g}" if high == math.inf else f"from {low:g} to {high:g}"
        raise ValueError(f"{who}: the factor must be {limits}, got {value!r}")
    return float(value)


def rgb_to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """The luminance 0.2989 R + 0.587 G + 0.114 B of an image, in one channel or in three equal ones."""
    return of_kind(img, Grayscale(num_output_channels).turned)


def adjust_brightness(img: Any, brightness_factor: float) -> Any:
    """An image `brightness_factor` times as bright."""
    part = factor("adjust_brightness", brightness_factor)
    return of_kind(img, lambda x: mixed(coloured("adjust_brightness", x), 0.0, part))


def adjust_contrast(img: Any, contrast_factor: float) -> Any:
    """An image whose distance from its mean luminance is `contrast_factor` times as large."""
    part = factor("adjust_contrast", contrast_factor)
    return of_kind(img, lambda x: mixed(x, numbers(luminance("adjust_contrast", x)).mean((-3, -2, -1), keepdim=True), part))


def adjust_saturation(img: Any, saturation_factor: float) -> Any:
    """An image whose distance from grey is `saturation_factor` times as large."""
    part = factor("adjust_saturation", saturation_factor)
    return of_kind(img, lambda x: mixed(x, luminance("adjust_saturation", x), part))


def adjust_hue(img: Any, hue_factor: float) -> Any:
    """An image with its hues turned by `hue_factor` of the circle, from -0.5 to 0.5."""
    turn = factor("adjust_hue", hue_factor, -0.5, 0.5)
    return of_kind(img, lambda x: as_numbers(x, lambda y: turned_hue(coloured("adjust_hue", y), turn)))


def adjust_gamma(img: Any, gamma: float, gain: float = 1) -> Any:
    """gain x^gamma"""
    power = factor("adjust_gamma", gamma)
    return of_kind(img, lambda x: as_numbers(x, lambda y: (gain * y**power).clamp(0, 1)))


def adjust_sharpness(img: Any, sharpness_factor: float) -> Any:
    """An image as far from a smoothed one as `sharpness_factor` says: 0 is smooth, 1 as it is."""
    part = factor("adjust_sharpness", sharpness_factor)
    return of_kind(img, lambda x: mixed(x, smoothed(x), part))


def invert(img: Any) -> Any:
    """White less the image."""
    return of_kind(img, lambda x: (top(x) - coloured("invert", x)).to(x.dtype))


def posterize(img: Any, bits: int) -> Any:
    """Bytes of which the first `bits` bits are kept."""
    step = 2 ** (8 - int(factor("posterize", bits, 0, 8)))
    return of_kind(img, lambda x: floor_divide(bytes_of("posterize", x).long(), step).mul(step).to(x.dtype))


def solarize(img: Any, threshold: float) -> Any:
    """An image inverted where it is `threshold` or more."""
    return of_kind(img, lambda x: where(coloured("solarize", x) >= threshold, invert(x), x))


def autocontrast(img: Any) -> Any:
    """Each channel stretched so that its least value is black and its greatest white."""
    return of_kind(img, stretched)


def equalize(img: Any) -> Any:
    """Bytes changed so that in each channel all are about as frequent."""
    return of_kind(img, lambda x: each_channel(bytes_of("equalize", x), evened))


def gaussian_blur(img: Any, kernel_size: Any, sigma: Any = None) -> Any:
    """An image smoothed by a normal curve of `kernel_size` (odd: across, down) and `sigma` pixels, 0.15 times the size + 0.35
    by default; it is mirrored at its edges."""
    sizes = pairs("gaussian_blur", kernel_size)
    if any(n % 2 == 0 or n < 1 or n != int(n) for n in sizes):
        raise ValueError(f"gaussian_blur: kernel_size should be odd and positive integers, got {kernel_size!r}")
    sigmas = [n * 0.15 + 0.35 for n in sizes] if sigma is None else pairs("gaussian_blur", sigma)
    if any(s <= 0 for s in sigmas):
        raise ValueError(f"gaussian_blur: sigma should have positive values, got {sigma!r}")
    return of_kind(img, lambda x: filtered(x, *(curve(int(n), s) for n, s in zip(sizes, sigmas, strict=True))))


# -- their parts -------------------------------------------------------------------------------------------------------------


def luminance(who: str, x: Tensor) -> Tensor:
    """An image of three channels in one; of one as it is."""
    if coloured(who, x).shape[-3] == 1:
        return x
    red, green, blue = x.unbind(-3)
    return (0.2989 * red + 0.587 * green + 0.114 * blue).to(x.dtype).unsqueeze(-3)


def numbers(x: Tensor) -> Tensor:
    """An image to compute with."""
    return x if x.is_floating_point() else x.float()


def bytes_of(who: str, x: Tensor) -> Tensor:
    if x.dtype.name != "uint8":
        raise TypeError(f"{who}: Only uint8 image tensors are supported, but found {x.dtype!r}. Hint: ConvertImageDtype")
    return coloured(who, x)


def as_numbers(x: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
    """A function of floating-point numbers, also of bytes."""
    if x.is_floating_point():
        return function(x)
    return ConvertImageDtype(x.dtype)(function(x.float() / 255))


def turned_hue(x: Tensor, turn: float) -> Tensor:
    """By hue, saturation and value: hue is a place on the circle of red, green and blue. Source: Smith 1978."""
    if x.shape[-3] == 1:
        return x
    red, green, blue = x.unbind(-3)
    value, least = x.amax(-3), x.amin(-3)
    spread = value - least
    same = spread == 0
    span = where(same, 1.0, spread)
    r, g, b = ((value - c) / span for c in (red, green, blue))
    sector = where(value == red, b - g, where(value == green, 2.0 + r - b, 4.0 + g - r))
    hue = ((where(same, 0.0, sector) / 6.0 + 1.0) % 1.0 + turn) % 1.0
    saturation = spread / where(same, 1.0, value)
    parts = []
    for start in (5.0, 3.0, 1.0):
        k = (start + hue * 6.0) % 6.0
        parts.append(value * (1.0 - saturation * where(k < 4.0 - k, k, 4.0 - k).clamp(0, 1)))
    return stack(parts, -3).clamp(0, 1)


def smoothed(x: Tensor) -> Tensor:
    """Each pixel off the edge as the mean of those around, itself five times."""
    H, W = extent("adjust_sharpness", x)
    if min(H, W) < 3:
        return x
    work = numbers(x)
    around = sum(work[..., i : H - 2 + i, j : W - 2 + j] for i in range(3) for j in range(3))
    inner = (around + 4 * work[..., 1:-1, 1:-1]) / 13
    out = work.clone()
    out[..., 1:-1, 1:-1] = inner if x.is_floating_point() else inner.round()
    return out


def stretched(x: Tensor) -> Tensor:
    work = numbers(coloured("autocontrast", x))
    low, high = work.amin((-2, -1), keepdim=True), work.amax((-2, -1), keepdim=True)
    flat = high == low
    out = (work - where(flat, 0.0, low)) * where(flat, 1.0, top(x) / where(flat, 1.0, high - low))
    return out.clamp(0, top(x)).to(x.dtype)


def each_channel(x: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
    return stack([function(channel) for channel in x.reshape(-1, *x.shape[-2:])]).reshape(*x.shape)


def evened(x: Tensor) -> Tensor:
    """One channel of bytes through the table of how many there are up to each."""
    counts = bincount(x.reshape(-1).long(), minlength=256)
    there = counts[counts != 0]
    step = int(there[:-1].sum()) // 255
    if step == 0:
        return x
    below = counts.cumsum(0) - counts
    table = floor_divide(below + step // 2, step).clamp(0, 255).to(x.dtype)
    return index_select(table, 0, x.reshape(-1).long()).reshape(*x.shape)


def pairs(who: str, value: Any) -> list[float]:
    """One number or two, as two."""
    found = [value] * 2 if isinstance(value, (int, float)) else list(value) * (2 // max(len(value), 1))
    if len(found) != 2:
        raise ValueError(f"{who}: expected one number or two, got {value!r}")
    return found


def curve(n: int, sigma: float) -> np.ndarray:
    """n points of a normal curve, of sum 1."""
    found = np.exp(-0.5 * ((np.arange(n) - (n - 1) / 2) / sigma) ** 2)
    return found / found.sum()


def filtered(x: Tensor, across: np.ndarray, down: np.ndarray) -> Tensor:
    H, W = extent("gaussian_blur", x)
    if len(down) // 2 >= H or len(across) // 2 >= W:
        raise ShapeError(f"gaussian_blur: an image of {(H, W)} is too small for a kernel of {(len(down), len(across))}")
    work = numbers(x)
    rows, columns = (tensor(mirrored(n, v), dtype=work.dtype, device=x.device) for n, v in ((H, down), (W, across)))
    out = rows @ work @ columns.mT
    return out if x.is_floating_point() else out.round().to(x.dtype)


def mirrored(n: int, weights: np.ndarray) -> np.ndarray:
    """The (n, n) matrix that takes a weighted mean about each of n places, mirrored at the ends."""
    reach = len(weights) // 2
    found = np.zeros((n, n))
    for at, weight in zip(range(-reach, reach + 1), weights, strict=True):
        places = np.abs(np.arange(n) + at)
        np.add.at(found, (np.arange(n), np.where(places < n, places, 2 * (n - 1) - places)), weight)
    return found


# -- transforms ------------------------------------------------------------------------------------------------------------


class Grayscale(Picture):
    """The luminance 0.2989 R + 0.587 G + 0.114 B of an image, in one channel or in three equal ones."""

    def __init__(self, num_output_channels: int = 1) -> None:
        if num_output_channels not in (1, 3):
            raise ValueError(f"Grayscale: num_output_channels should be either 1 or 3, got {num_output_channels!r}")
        self.num_output_channels = num_output_channels

    def turned(self, x: Tensor) -> Tensor:
        x = luminance("Grayscale", x)
        return x.expand(*x.shape[:-3], self.num_output_channels, *x.shape[-2:]).clone()


class RandomGrayscale(Picture):
    """An image without its colours with probability `p`; the number of channels stays."""

    def __init__(self, p: float = 0.1, *, generator: Generator | None = None) -> None:
        self.p, self.generator = probability("RandomGrayscale", p), generator

    def turned(self, x: Tensor) -> Tensor:
        return Grayscale(x.shape[-3]).turned(x) if bits(self).random() < self.p else x


class ColorJitter(Picture):
    """Brightness, contrast, saturation and hue changed at random, in random order.

    brightness, contrast, saturation   the factor is drawn from 1 - b ... 1 + b (at least 0), or from (low, high)
    hue                                the turn is drawn from -h ... h, h <= 0.5, or from (low, high)
    """

    def __init__(self, brightness: Any = 0, contrast: Any = 0, saturation: Any = 0, hue: Any = 0, *,
                 generator: Generator | None = None) -> None:  # fmt: skip
        self.brightness, self.contrast, self.saturation = (
            self.limits(name, given, 1.0, 0.0, math.inf)
            for name, given in (("brightness", brightness), ("contrast", contrast), ("saturation", saturation))
        )
        self.hue, self.generator = self.limits("hue", hue, 0.0, -0.5, 0.5), generator

    @staticmethod
    def limits(name: str, given: Any, middle: float, low: float, high: float) -> tuple[float, float] | None:
        """Between what a strength is drawn; None if it is none."""
        if isinstance(given, (int, float)):
            if given < 0:
                raise ValueError(f"ColorJitter: If {name} is a single number, it must be non negative, got {given!r}")
            given = (middle - given if low < 0 else max(middle - given, low), middle + given)
        if not isinstance(given, Sequence) or len(given) != 2 or not low <= given[0] <= given[1] <= high:
            raise ValueError(f"ColorJitter: {name} values should be (low, high) between {low:g} and {high:g}, got {given!r}")
        return None if given[0] == given[1] == middle else (float(given[0]), float(given[1]))

    def turned(self, x: Tensor) -> Tensor:
        coloured("ColorJitter", x)
        steps = ((adjust_brightness, self.brightness), (adjust_contrast, self.contrast),
                 (adjust_saturation, self.saturation), (adjust_hue, self.hue))  # fmt: skip
        order = randperm(4, generator=self.generator).tolist()
        drawn = [None if limits is None else bits(self).uniform(*limits) for _, limits in steps]
        for i in order:
            x = x if drawn[i] is None else steps[i][0](x, drawn[i])
        return x


class Sometimes(Picture):
    """The base of what is done to an image with probability `p`."""

    def __init__(self, p: float = 0.5, *, generator: Generator | None = None) -> None:
        self.p, self.generator = probability(type(self).__name__, p), generator

    def turned(self, x: Tensor) -> Tensor:
        return self.done(x) if bits(self).random() < self.p else x

    def done(self, x: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__}: must define done(x)")


class RandomInvert(Sometimes):
    """White less the image, with probability `p`."""

    def done(self, x: Tensor) -> Tensor:
        return invert(x)


class RandomAutocontrast(Sometimes):
    """Each channel from black to white, with probability `p`."""

    def done(self, x: Tensor) -> Tensor:
        return autocontrast(x)


class RandomEqualize(Sometimes):
    """Bytes made about equally frequent, with probability `p`."""

    def done(self, x: Tensor) -> Tensor:
        return equalize(x)


class RandomPosterize(Sometimes):
    """Only the first `bits` bits of bytes, with probability `p`."""

    def __init__(self, bits: int, p: float = 0.5, *, generator: Generator | None = None) -> None:
        super().__init__(p, generator=generator)
        self.bits = bits

    def done(self, x: Tensor) -> Tensor:
        return posterize(x, self.bits)


class RandomSolarize(Sometimes):
    """An image inverted where it is `threshold` or more, with probability `p`."""

    def __init__(self, threshold: float, p: float = 0.5, *, generator: Generator | None = None) -> None:
        super().__init__(p, generator=generator)
        self.threshold = threshold

    def done(self, x: Tensor) -> Tensor:
        return solarize(x, self.threshold)


class RandomAdjustSharpness(Sometimes):
    """An image sharper by `sharpness_factor`, with probability `p`."""

    def __init__(self, sharpness_factor: float, p: float = 0.5, *, generator: Generator | None = None) -> None:
        super().__init__(p, generator=generator)
        self.sharpness_factor = sharpness_factor

    def done(self, x: Tensor) -> Tensor:
        return adjust_sharpness(x, self.sharpness_factor)


class GaussianBlur(Picture):
    """An image smoothed by a normal curve of `kernel_size` and a `sigma` drawn from (low, high), or of that number."""

    def __init__(self, kernel_size: Any, sigma: Any = (0.1, 2.0), *, generator: Generator | None = None) -> None:
        low, high = pairs("GaussianBlur", sigma)
        if not 0 < low <= high:
            raise ValueError(f"GaussianBlur: sigma values should be positive and of the form (min, max), got {sigma!r}")
        self.kernel_size, self.sigma, self.generator = kernel_size, (low, high), generator

    def turned(self, x: Tensor) -> Tensor:
        return gaussian_blur(x, self.kernel_size, bits(self).uniform(*self.sigma))
