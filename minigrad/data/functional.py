"""What the transforms of pictures do, as functions under torchvision's names in `transforms.functional`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..backends import DType
from ..core import Tensor
from . import transforms
from .colours import (
    ConvertImageDtype,
    adjust_brightness,
    adjust_contrast,
    adjust_gamma,
    adjust_hue,
    adjust_saturation,
    adjust_sharpness,
    autocontrast,
    equalize,
    gaussian_blur,
    invert,
    posterize,
    rgb_to_grayscale,
    solarize,
)
from .picture import InterpolationMode, PILToTensor, extent, of_kind
from .warps import affine, erase, perspective, rotate

__all__ = [
    "InterpolationMode", "adjust_brightness", "adjust_contrast", "adjust_gamma", "adjust_hue", "adjust_saturation",
    "adjust_sharpness", "affine", "autocontrast", "center_crop", "convert_image_dtype", "crop", "equalize", "erase",
    "five_crop", "gaussian_blur", "get_dimensions", "get_image_num_channels", "get_image_size", "hflip", "invert", "normalize",
    "pad", "perspective", "pil_to_tensor", "posterize", "resize", "resized_crop", "rgb_to_grayscale", "rotate", "solarize",
    "ten_crop", "to_grayscale", "to_pil_image", "to_tensor", "vflip",
]  # fmt: skip
BILINEAR = InterpolationMode.BILINEAR
to_grayscale = rgb_to_grayscale


def to_tensor(pic: Any) -> Tensor:
    """`ToTensor`: a picture (H, W, C) as a tensor (C, H, W), bytes as numbers 0 to 1."""
    return transforms.ToTensor()(pic)


def pil_to_tensor(pic: Any) -> Tensor:
    """`PILToTensor`: a picture (H, W, C) as a tensor (C, H, W) of the same type."""
    return PILToTensor()(pic)


def to_pil_image(pic: Any, mode: str | None = None) -> Any:
    """`ToPILImage`: a tensor or an array as a picture of Pillow's."""
    return transforms.ToPILImage(mode)(pic)


def convert_image_dtype(image: Tensor, dtype: DType) -> Tensor:
    """`ConvertImageDtype`: bytes 0 to 255 and floating-point numbers 0 to 1 into each other."""
    return ConvertImageDtype(dtype)(image)


def normalize(tensor: Tensor, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> Tensor:
    """`Normalize`: (x - mean) / std, channel by channel."""
    return transforms.Normalize(mean, std, inplace)(tensor)


def resize(img: Any, size: Any, interpolation: Any = BILINEAR, max_size: int | None = None,
           antialias: bool | None = True) -> Any:  # fmt: skip
    """`Resize`: an image in `size` (h, w), or with the shorter side `size`."""
    return transforms.Resize(size, interpolation, max_size, antialias)(img)


def pad(img: Any, padding: Any, fill: float = 0, padding_mode: str = "constant") -> Any:
    """`Pad`: an image with `padding` around."""
    return transforms.Pad(padding, fill, padding_mode)(img)


def crop(img: Any, top: int, left: int, height: int, width: int) -> Any:
    """The part of an image from a row and a column on; what lies outside is 0."""

    def part(x: Tensor) -> Tensor:
        H, W = extent("crop", x)
        sides = max(-left, 0), max(-top, 0), max(left + width - W, 0), max(top + height - H, 0)
        x = transforms.Pad(sides).turned(x) if any(sides) else x
        return transforms.crop(x, max(top, 0), max(left, 0), height, width)

    return of_kind(img, part)


def center_crop(img: Any, output_size: Any) -> Any:
    """`CenterCrop`: the middle of an image."""
    return transforms.CenterCrop(output_size)(img)


def resized_crop(img: Any, top: int, left: int, height: int, width: int, size: Any, interpolation: Any = BILINEAR,
                 antialias: bool | None = True) -> Any:  # fmt: skip
    """`crop`, brought to `size`."""
    return resize(crop(img, top, left, height, width), size, interpolation, antialias=antialias)


def hflip(img: Any) -> Any:
    """Left and right exchanged."""
    return transforms.RandomHorizontalFlip(1.0)(img)


def vflip(img: Any) -> Any:
    """Top and bottom exchanged."""
    return transforms.RandomVerticalFlip(1.0)(img)


def five_crop(img: Any, size: Any) -> tuple:
    """`FiveCrop`: the corners and the middle."""
    return transforms.FiveCrop(size)(img)


def ten_crop(img: Any, size: Any, vertical_flip: bool = False) -> tuple:
    """`TenCrop`: the corners and the middle, of the image and of its mirror image."""
    return transforms.TenCrop(size, vertical_flip)(img)


def get_dimensions(img: Any) -> list[int]:
    """[channels, height, width]"""
    x = img if isinstance(img, Tensor) else PILToTensor()(img)
    return [x.shape[-3] if x.ndim > 2 else 1, *extent("get_dimensions", x)]


def get_image_size(img: Any) -> list[int]:
    """[width, height]"""
    return get_dimensions(img)[:0:-1]


def get_image_num_channels(img: Any) -> int:
    """How many channels there are."""
    return get_dimensions(img)[0]
