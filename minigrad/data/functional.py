"""Functions of pictures under the names of torchvision.transforms.functional: what the transforms do, nothing drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core import Tensor
from ..ops.functions import flip
from . import colours, transforms
from .picture import InterpolationMode, Picture, dimensions
from .picture import crop as part

__all__ = [
    "InterpolationMode", "adjust_brightness", "adjust_contrast", "adjust_hue", "adjust_saturation", "center_crop",
    "convert_image_dtype", "crop", "get_dimensions", "get_image_size", "hflip", "normalize", "pad", "pil_to_tensor", "resize",
    "resized_crop", "rgb_to_grayscale", "rotate", "to_grayscale", "to_pil_image", "to_tensor", "vflip",
]  # fmt: skip


class Done(Picture):
    """A function of tensors (..., C, H, W) as one of pictures of any kind."""

    def __init__(self, function: Any) -> None:
        self.function = function

    def turned(self, x: Tensor) -> Tensor:
        return self.function(x)


def to_tensor(pic: Any) -> Tensor:
    """As `ToTensor`."""
    return transforms.ToTensor()(pic)


def pil_to_tensor(pic: Any) -> Tensor:
    """As `PILToTensor`."""
    return transforms.PILToTensor()(pic)


def to_pil_image(pic: Any, mode: str | None = None) -> Any:
    """As `ToPILImage`."""
    return transforms.ToPILImage(mode)(pic)


def convert_image_dtype(image: Tensor, dtype: Any) -> Tensor:
    """As `ConvertImageDtype`."""
    return transforms.ConvertImageDtype(dtype)(image)


def normalize(tensor: Tensor, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> Tensor:
    """As `Normalize`."""
    return transforms.Normalize(mean, std, inplace)(tensor)


def resize(img: Any, size: int | Sequence[int], interpolation: Any = InterpolationMode.BILINEAR, max_size: int | None = None,
           antialias: bool | None = True) -> Any:  # fmt: skip
    """As `Resize`."""
    return transforms.Resize(size, interpolation, max_size, antialias)(img)


def pad(img: Any, padding: int | Sequence[int], fill: float = 0, padding_mode: str = "constant") -> Any:
    """As `Pad`."""
    return transforms.Pad(padding, fill, padding_mode)(img)


def center_crop(img: Any, output_size: int | Sequence[int]) -> Any:
    """As `CenterCrop`."""
    return transforms.CenterCrop(output_size)(img)


def crop(img: Any, top: int, left: int, height: int, width: int) -> Any:
    """A part of a picture; what lies outside of it is 0."""
    H, W = dimensions(img)
    sides = [max(-left, 0), max(-top, 0), max(left + width - W, 0), max(top + height - H, 0)]
    whole = pad(img, sides) if any(sides) else img
    return Done(lambda x: part(x, max(top, 0), max(left, 0), height, width))(whole)


def resized_crop(img: Any, top: int, left: int, height: int, width: int, size: Sequence[int],
                 interpolation: Any = InterpolationMode.BILINEAR, antialias: bool | None = True) -> Any:  # fmt: skip
    """A part of a picture, in another size."""
    return resize(crop(img, top, left, height, width), size, interpolation, None, antialias)


def hflip(img: Any) -> Any:
    """Left and right exchanged."""
    return Done(lambda x: flip(x, (-1,)))(img)


def vflip(img: Any) -> Any:
    """Top and bottom exchanged."""
    return Done(lambda x: flip(x, (-2,)))(img)


def rotate(img: Any, angle: float, interpolation: Any = InterpolationMode.NEAREST, fill: float = 0) -> Any:
    """Turned about its middle by `angle` degrees, against the clock, as `RandomRotation` does."""
    return transforms.RandomRotation((angle, angle), interpolation, fill)(img)


def rgb_to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """As `Grayscale`."""
    return transforms.Grayscale(num_output_channels)(img)


to_grayscale = rgb_to_grayscale


def adjust_brightness(img: Any, brightness_factor: float) -> Any:
    """0 gives black, 1 the picture, 2 twice its brightness."""
    return Done(lambda x: colours.brightened(x, brightness_factor))(img)


def adjust_contrast(img: Any, contrast_factor: float) -> Any:
    """0 gives its mean grey, 1 the picture, 2 twice its contrast."""
    return Done(lambda x: colours.contrasted(x, contrast_factor))(img)


def adjust_saturation(img: Any, saturation_factor: float) -> Any:
    """0 gives greys, 1 the picture, 2 twice its saturation."""
    return Done(lambda x: colours.saturated(x, saturation_factor))(img)


def adjust_hue(img: Any, hue_factor: float) -> Any:
    """The hue moved on by `hue_factor` of the colour circle, -0.5 to 0.5."""
    return Done(lambda x: colours.hued(x, hue_factor))(img)


def get_dimensions(img: Any) -> list[int]:
    """Channels, height and width."""
    shape = tuple(img.shape) if isinstance(img, Tensor) else np.shape(img)
    channels = (shape[-3] if isinstance(img, Tensor) else shape[2]) if len(shape) > 2 else 1
    return [channels, *dimensions(img)]


def get_image_size(img: Any) -> list[int]:
    """Width and height."""
    return list(dimensions(img))[::-1]
