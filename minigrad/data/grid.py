"""Pictures side by side, and a file of them: torchvision.utils' `make_grid` and `save_image`."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..backends import ShapeError
from ..core import Tensor
from ..ops.functions import cat, full, stack

__all__ = ["make_grid", "save_image"]


def make_grid(
    tensor: Tensor | Sequence[Tensor], nrow: int = 8, padding: int = 2, normalize: bool = False,
    value_range: tuple[float, float] | None = None, scale_each: bool = False, pad_value: float = 0.0,
) -> Tensor:  # fmt: skip
    """Images (N, C, H, W), or a list of (C, H, W), as one (3, H', W') with `nrow` in each row and `padding` around each.

    One channel becomes three; (C, H, W) and (H, W) are one image, which stays alone. With `normalize`, values from
    `value_range` (default: the least and the greatest of all, or of each image with `scale_each`) are brought to [0, 1].
    Raises ShapeError for another shape, ValueError for numbers out of range.
    """
    x = tensor if isinstance(tensor, Tensor) else stack(list(tensor), 0)
    if nrow < 1 or padding < 0:
        raise ValueError(f"make_grid: expected nrow >= 1 and padding >= 0, got {nrow!r} and {padding!r}")
    if x.ndim not in (2, 3, 4) or not x.numel():
        raise ShapeError(f"make_grid: expected images (N, C, H, W), (C, H, W) or (H, W), got {tuple(x.shape)}")
    x = x.detach().reshape(*(1,) * (4 - x.ndim), *x.shape)
    if normalize:
        x = cat([scaled(image, value_range) for image in x.split(1)]) if scale_each else scaled(x, value_range)
    x = x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x
    n, channels, h, w = x.shape
    if n == 1:
        return x[0].clone()
    columns, (down, across) = min(nrow, n), (h + padding, w + padding)
    rows = -(-n // columns)
    grid = full((channels, rows * down + padding, columns * across + padding), pad_value, dtype=x.dtype, device=x.device)
    for i in range(n):
        top, left = i // columns * down + padding, i % columns * across + padding
        grid[:, top : top + h, left : left + w] = x[i]
    return grid


def scaled(x: Tensor, value_range: tuple[float, float] | None) -> Tensor:
    """Values from `value_range` (default: their own) to [0, 1]."""
    low, high = value_range or (x.min().item(), x.max().item())
    if low > high:
        raise ValueError(f"make_grid: value_range must be (low, high), got {value_range}")
    return (x.clamp(low, high) - low) / max(high - low, 1e-5)


def save_image(
    tensor: Tensor | Sequence[Tensor], fp: str | os.PathLike | BinaryIO, format: str | None = None, **options: Any
) -> None:
    """Write `make_grid(tensor, **options)`, whose values are from 0 to 1, as a PNG file.

    Raises ValueError for another format, ShapeError for neither one nor three channels.
    """
    kind = format or (Path(fp).suffix.removeprefix(".") if isinstance(fp, (str, os.PathLike)) else "png")
    if kind.lower() != "png":
        raise ValueError(f"save_image: only PNG files can be written, got the format {kind!r}. Hint: a name that ends in .png")
    grid = make_grid(tensor, **options)
    if grid.shape[0] != 3:
        raise ShapeError(f"save_image: expected images of 1 or 3 channels, got {grid.shape[0]}")
    content = png((grid * 255 + 0.5).clamp(0, 255).permute(1, 2, 0).cpu().numpy().astype(np.uint8))
    if isinstance(fp, (str, os.PathLike)):
        Path(fp).write_bytes(content)
    else:
        fp.write(content)


def png(pixels: np.ndarray) -> bytes:
    """Bytes (H, W, 3) of red, green and blue as a PNG file. Source: https://www.w3.org/TR/png-3/."""
    h, w, _ = pixels.shape

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    head = w.to_bytes(4, "big") + h.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])  # 8 bits, in colours
    rows = np.pad(pixels.reshape(h, -1), ((0, 0), (1, 0)))  # each row is told how it is filtered: not at all
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows.tobytes())) + chunk(b"IEND", b"")
