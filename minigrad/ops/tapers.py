"""Windows for signals: numbers that rise from an end to the middle and fall again."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ..backends import DTypeError, ShapeError, get_default_dtype
from ..backends import dtype as as_dtype
from ..core import Tensor
from .create import arange, ones
from .elementwise import abs, cos, exp, sin, sqrt
from .operands import stored, whole
from .special_functions import i0


def _places(who: str, n: int, periodic: bool, dtype: Any, device: Any) -> tuple[Tensor, int]:
    """0 ... n - 1, and how many steps make the whole window."""
    kind = as_dtype(dtype or get_default_dtype())
    if not kind.is_floating_point:
        raise DTypeError(f"{who}: expected a floating type, got {kind!r}")
    if whole(who, "the length", n) < 0:
        raise ShapeError(f"{who}: window_length must not be negative, got {n}")
    return arange(n, dtype=kind, device=device), max(n if periodic else n - 1, 1)


def _cosines(who: str, n: int, periodic: bool, weights: Sequence[float], dtype: Any = None, device: Any = None,
             requires_grad: bool = False) -> Tensor:  # fmt: skip
    """The sum of weights[j] cos(2 pi j k / steps) for the places k."""
    k, steps = _places(who, n, periodic, dtype, device)
    if n == 1:
        out = ones(1, dtype=k.dtype, device=device)
    else:
        out = weights[0] + k * 0.0
        for j, w in enumerate(weights[1:], 1):
            out = out + w * cos(k * (2 * math.pi * j / steps))
    return out.requires_grad_() if requires_grad else out


@stored
def hann_window(window_length: int, periodic: bool = True, *, dtype: Any = None, device: Any = None,
                requires_grad: bool = False) -> Tensor:  # fmt: skip
    """(1 - cos(2 pi k / n)) / 2, n the length, or one less unless `periodic`."""
    return _cosines("hann_window", window_length, periodic, (0.5, -0.5), dtype, device, requires_grad)


@stored
def hamming_window(window_length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46, *, dtype: Any = None,
                   device: Any = None, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """alpha - beta cos(2 pi k / n), n the length, or one less unless `periodic`."""
    return _cosines("hamming_window", window_length, periodic, (alpha, -beta), dtype, device, requires_grad)


@stored
def blackman_window(window_length: int, periodic: bool = True, *, dtype: Any = None, device: Any = None,
                    requires_grad: bool = False) -> Tensor:  # fmt: skip
    """0.42 - 0.5 cos(2 pi k / n) + 0.08 cos(4 pi k / n), n the length, or one less unless `periodic`."""
    return _cosines("blackman_window", window_length, periodic, (0.42, -0.5, 0.08), dtype, device, requires_grad)


@stored
def bartlett_window(window_length: int, periodic: bool = True, *, dtype: Any = None, device: Any = None,
                    requires_grad: bool = False) -> Tensor:  # fmt: skip
    """1 - |2 k / n - 1|, n the length, or one less unless `periodic`."""
    k, steps = _places("bartlett_window", window_length, periodic, dtype, device)
    out = 1.0 - abs(k * (2.0 / steps) - 1.0) if window_length != 1 else k + 1.0
    return out.requires_grad_() if requires_grad else out


@stored
def kaiser_window(window_length: int, periodic: bool = True, beta: float = 12.0, *, dtype: Any = None,
                  device: Any = None, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """I0(beta sqrt(1 - (2 k / n - 1)^2)) / I0(beta), n the length, or one less unless `periodic`."""
    k, steps = _places("kaiser_window", window_length, periodic, dtype, device)
    inner = (1.0 - (k * (2.0 / steps) - 1.0) ** 2).clamp(min=0.0)
    out = i0(sqrt(inner) * beta) / i0(k * 0.0 + beta) if window_length != 1 else k + 1.0
    return out.requires_grad_() if requires_grad else out


# -- `minigrad.signal.windows` ---------------------------------------------------------------------------------------------
# Symmetric unless `sym` is False: then periodic, one longer window without its last number. Options: dtype, layout, device and
# requires_grad.


@stored
def general_cosine(M: int, *, a: Any, sym: bool = True, **options: Any) -> Tensor:
    """The sum of (-1)^i a[i] cos(2 pi i k / n), n = M - 1, or M unless `sym`. Raises ValueError for an empty `a`."""
    try:
        weights = [float(w) for w in a]
    except TypeError:
        raise TypeError(f"general_cosine: coefficients must be a list/tuple of numbers, got {type(a).__name__}") from None
    if not weights:
        raise ValueError("general_cosine: coefficients cannot be empty")
    return _cosines("general_cosine", M, not sym, [(-1) ** i * w for i, w in enumerate(weights)], **options)


@stored
def general_hamming(M: int, *, alpha: float = 0.54, sym: bool = True, **options: Any) -> Tensor:
    """alpha - (1 - alpha) cos(2 pi k / n), n = M - 1, or M unless `sym`."""
    return general_cosine(M, a=(alpha, 1.0 - alpha), sym=sym, **options)


@stored
def hamming(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """0.54 - 0.46 cos(2 pi k / n), n = M - 1, or M unless `sym`."""
    return general_hamming(M, sym=sym, **options)


@stored
def hann(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """(1 - cos(2 pi k / n)) / 2, n = M - 1, or M unless `sym`."""
    return general_hamming(M, alpha=0.5, sym=sym, **options)


@stored
def blackman(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """0.42 - 0.5 cos(2 pi k / n) + 0.08 cos(4 pi k / n), n = M - 1, or M unless `sym`."""
    return general_cosine(M, a=(0.42, 0.5, 0.08), sym=sym, **options)


@stored
def nuttall(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """The sum of four cosines whose side lobes are least. Source: Nuttall 1981."""
    return general_cosine(M, a=(0.3635819, 0.4891775, 0.1365995, 0.0106411), sym=sym, **options)


@stored
def bartlett(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """1 - |2 k / n - 1|, n = M - 1, or M unless `sym`."""
    return bartlett_window(M, not sym, **options)


@stored
def kaiser(M: int, *, beta: float = 12.0, sym: bool = True, **options: Any) -> Tensor:
    """I0(beta sqrt(1 - (2 k / n - 1)^2)) / I0(beta), n = M - 1, or M unless `sym`. Raises ValueError for a negative beta."""
    if beta < 0:
        raise ValueError(f"kaiser: beta must be non-negative, got {beta}")
    return kaiser_window(M, not sym, beta, **options)


@stored
def cosine(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """sin(pi (k + 1/2) / n), n = M, or M + 1 unless `sym`."""
    k, middle, out = _around("cosine", M, sym, **options)
    return out(sin((k + 0.5) * (math.pi / (2 * middle + 1))))


@stored
def exponential(M: int, *, center: float | None = None, tau: float = 1.0, sym: bool = True, **options: Any) -> Tensor:
    """e^(-|k - center| / tau), around the middle unless given. Raises ValueError unless tau > 0, or a center while `sym`."""
    if tau <= 0:
        raise ValueError(f"exponential: Tau must be positive, got {tau}")
    if sym and center is not None:
        raise ValueError("exponential: Center must be None for symmetric windows")
    k, middle, out = _around("exponential", M, sym, **options)
    return out(exp(-abs(k - (middle if center is None else center)) / tau))


@stored
def gaussian(M: int, *, std: float = 1.0, sym: bool = True, **options: Any) -> Tensor:
    """e^(-(k - m)^2 / (2 std^2)) around the middle m. Raises ValueError unless std > 0."""
    if std <= 0:
        raise ValueError(f"gaussian: Standard deviation must be positive, got {std}")
    k, middle, out = _around("gaussian", M, sym, **options)
    return out(exp((k - middle) ** 2 * (-0.5 / std**2)))


def _around(who: str, n: int, sym: bool, *, dtype: Any = None, device: Any = None,
            requires_grad: bool = False) -> tuple[Tensor, float, Callable[[Tensor], Tensor]]:  # fmt: skip
    """The places, the middle of the window, and what makes a window of what is computed from the places."""
    k, steps = _places(who, n, not sym and n > 1, dtype, device)
    return k, steps / 2 if n > 1 else 0.0, lambda y: y.requires_grad_() if requires_grad else y


WINDOWS = {f.__name__: f for f in (bartlett, blackman, cosine, exponential, gaussian, general_cosine, general_hamming, hamming,
                                   hann, kaiser, nuttall)}  # fmt: skip
