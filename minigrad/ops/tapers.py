"""Windows for signals: numbers that rise from an end to the middle and fall again."""

from __future__ import annotations

import math
from typing import Any

from ..backends import DTypeError, ShapeError, get_default_dtype
from ..backends import dtype as as_dtype
from ..core import Tensor
from .create import arange, ones
from .elementwise import abs, cos, sqrt
from .special_functions import i0


def _places(who: str, n: int, periodic: bool, dtype: Any, device: Any) -> tuple[Tensor, int]:
    """0 ... n - 1, and how many steps make the whole window."""
    kind = as_dtype(dtype or get_default_dtype())
    if not kind.is_floating_point:
        raise DTypeError(f"{who}: expected a floating type, got {kind!r}")
    if n < 0:
        raise ShapeError(f"{who}: window_length must not be negative, got {n}")
    return arange(n, dtype=kind, device=device), max(n if periodic else n - 1, 1)


def _cosines(who: str, n: int, periodic: bool, weights: tuple, dtype: Any, device: Any, requires_grad: bool) -> Tensor:
    """The sum of weights[j] cos(2 pi j k / steps) for the places k."""
    k, steps = _places(who, n, periodic, dtype, device)
    if n == 1:
        out = ones(1, dtype=k.dtype, device=device)
    else:
        out = weights[0] + k * 0.0
        for j, w in enumerate(weights[1:], 1):
            out = out + w * cos(k * (2 * math.pi * j / steps))
    return out.requires_grad_() if requires_grad else out


def hann_window(window_length: int, periodic: bool = True, *, dtype: Any = None, layout: Any = None, device: Any = None,
                pin_memory: bool = False, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """(1 - cos(2 pi k / n)) / 2, n the length, or one less unless `periodic`."""
    return _cosines("hann_window", window_length, periodic, (0.5, -0.5), dtype, device, requires_grad)


def hamming_window(window_length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46, *, dtype: Any = None,
                   layout: Any = None, device: Any = None, pin_memory: bool = False,
                   requires_grad: bool = False) -> Tensor:  # fmt: skip
    """alpha - beta cos(2 pi k / n), n the length, or one less unless `periodic`."""
    return _cosines("hamming_window", window_length, periodic, (alpha, -beta), dtype, device, requires_grad)


def blackman_window(window_length: int, periodic: bool = True, *, dtype: Any = None, layout: Any = None, device: Any = None,
                    pin_memory: bool = False, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """0.42 - 0.5 cos(2 pi k / n) + 0.08 cos(4 pi k / n), n the length, or one less unless `periodic`."""
    return _cosines("blackman_window", window_length, periodic, (0.42, -0.5, 0.08), dtype, device, requires_grad)


def bartlett_window(window_length: int, periodic: bool = True, *, dtype: Any = None, layout: Any = None, device: Any = None,
                    pin_memory: bool = False, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """1 - |2 k / n - 1|, n the length, or one less unless `periodic`."""
    k, steps = _places("bartlett_window", window_length, periodic, dtype, device)
    out = 1.0 - abs(k * (2.0 / steps) - 1.0) if window_length != 1 else k + 1.0
    return out.requires_grad_() if requires_grad else out


def kaiser_window(window_length: int, periodic: bool = True, beta: float = 12.0, *, dtype: Any = None, layout: Any = None,
                  device: Any = None, pin_memory: bool = False, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """I0(beta sqrt(1 - (2 k / n - 1)^2)) / I0(beta), n the length, or one less unless `periodic`."""
    k, steps = _places("kaiser_window", window_length, periodic, dtype, device)
    inner = (1.0 - (k * (2.0 / steps) - 1.0) ** 2).clamp(min=0.0)
    out = i0(sqrt(inner) * beta) / i0(k * 0.0 + beta) if window_length != 1 else k + 1.0
    return out.requires_grad_() if requires_grad else out
