"""Transforms of a picture's colours: brightness, contrast, saturation, hue, and the greys."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ..backends import ShapeError
from ..core import Tensor
from ..ops.functions import amax, amin, randperm, stack, where
from ..ops.random import Generator
from .picture import Picture, bits, extent, probability


class Grayscale(Picture):
    """The luminance 0.2989 R + 0.587 G + 0.114 B of an image, in one channel or in three equal ones."""

    def __init__(self, num_output_channels: int = 1) -> None:
        if num_output_channels not in (1, 3):
            raise ValueError(f"Grayscale: num_output_channels should be either 1 or 3, got {num_output_channels!r}")
        self.num_output_channels = num_output_channels

    def turned(self, x: Tensor) -> Tensor:
        extent("Grayscale", x)
        if x.ndim < 3 or x.shape[-3] not in (1, 3):
            raise ShapeError(f"Grayscale: expected (..., C, H, W) with C = 1 or 3, got {tuple(x.shape)}")
        if x.shape[-3] == 3:
            red, green, blue = x.unbind(-3)
            x = (0.2989 * red + 0.587 * green + 0.114 * blue).to(x.dtype).unsqueeze(-3)
        return x.expand(*x.shape[:-3], self.num_output_channels, *x.shape[-2:]).clone()


class RandomGrayscale(Picture):
    """An image without its colours with probability `p`; the number of channels stays."""

    def __init__(self, p: float = 0.1, *, generator: Generator | None = None) -> None:
        self.p, self.generator = probability("RandomGrayscale", p), generator

    def turned(self, x: Tensor) -> Tensor:
        return Grayscale(x.shape[-3]).turned(x) if bits(self).random() < self.p else x


# -- one colour for another ------------------------------------------------------------------------------------------------


def mixed(x: Tensor, other: Any, factor: float) -> Tensor:
    """factor x + (1 - factor) other, within the bounds of the type."""
    return (factor * x + (1.0 - factor) * other).clamp(0, 1 if x.is_floating_point() else 255).to(x.dtype)


def grey(x: Tensor) -> Tensor:
    """The luminance in one channel."""
    return Grayscale().turned(x)


def brightened(x: Tensor, factor: float) -> Tensor:
    """0 is black, 1 the picture."""
    return mixed(x, 0.0, factor)


def contrasted(x: Tensor, factor: float) -> Tensor:
    """0 is the mean luminance everywhere, 1 the picture."""
    lightness = grey(x)
    return mixed(x, (lightness if lightness.is_floating_point() else lightness.float()).mean((-3, -2, -1), True), factor)


def saturated(x: Tensor, factor: float) -> Tensor:
    """0 is grey, 1 the picture."""
    return mixed(x, grey(x), factor)


def hued(x: Tensor, turn: float) -> Tensor:
    """The hue moved on by `turn` of the colour circle, -0.5 to 0.5. Source: Smith 1978, Color Gamut Transform Pairs."""
    extent("adjust_hue", x)
    if x.shape[-3] == 1:
        return x
    image = x if x.is_floating_point() else x.float() / 255
    red, green, blue = image.unbind(-3)
    high, low = amax(image, -3), amin(image, -3)
    spread = high - low
    share = where(spread == 0, 1.0, spread)
    sixth = where(
        high == red, (green - blue) / share, where(high == green, 2 + (blue - red) / share, 4 + (red - green) / share)
    )
    channels = []
    for start in (5, 3, 1):
        k = (sixth + 6 * turn + start) % 6
        channels.append(high - spread * k.minimum(4 - k).clamp(0, 1))
    out = stack(channels, -3)
    return out if x.is_floating_point() else (out * 255.999).to(x.dtype)


WAYS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "brightness": brightened, "contrast": contrasted, "saturation": saturated, "hue": hued
}  # fmt: skip


class ColorJitter(Picture):
    """Brightness, contrast, saturation and hue changed at random, one after another in random order.

    A number f draws from 1 - f ... 1 + f (the hue from -f ... f), a pair (low, high) from there; 0 leaves it.
    """

    def __init__(self, brightness: float | Sequence[float] = 0, contrast: float | Sequence[float] = 0,
                 saturation: float | Sequence[float] = 0, hue: float | Sequence[float] = 0, *,
                 generator: Generator | None = None) -> None:  # fmt: skip
        self.brightness, self.contrast = span("brightness", brightness), span("contrast", contrast)
        self.saturation, self.hue = span("saturation", saturation), span("hue", hue)
        self.generator = generator

    def turned(self, x: Tensor) -> Tensor:
        order = randperm(len(WAYS), generator=self.generator).tolist()
        spans = [getattr(self, name) for name in WAYS]
        factors = [None if s is None else float(bits(self).uniform(*s)) for s in spans]
        for i in order:
            if factors[i] is not None:
                x = list(WAYS.values())[i](x, factors[i])
        return x


def span(name: str, value: float | Sequence[float]) -> tuple[float, float] | None:
    """From where to where a factor is drawn; None if it would change nothing."""
    centre, low, high = (0.0, -0.5, 0.5) if name == "hue" else (1.0, 0.0, math.inf)
    if isinstance(value, (int, float)):
        if value < 0:
            raise ValueError(f"ColorJitter: If {name} is a single number, it must be non negative, got {value}")
        value = (centre - value if name == "hue" else max(centre - value, 0.0), centre + value)
    if len(value) != 2 or not low <= value[0] <= value[1] <= high:
        raise ValueError(f"ColorJitter: {name} values should be between {(low, high)}, but got {value}")
    return None if value[0] == value[1] == centre else (float(value[0]), float(value[1]))
