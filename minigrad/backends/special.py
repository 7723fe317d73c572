"""Special functions in the plain Array API: rational approximations, to a few units in the last place of float64."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from .backend import dtype_of

# W. J. Cody 1969, Rational Chebyshev approximations for the error function, Math. Comp. 23. Numerators, denominators,
# highest power first, for |x| < 0.46875 (in x^2), up to 4 (in |x|) and beyond (in 1/x^2).
SMALL = (
    (
        1.85777706184603153e-1,
        3.16112374387056560e0,
        1.13864154151050156e2,
        3.77485237685302021e2,
        3.20937758913846947e3,
    ),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)
MIDDLE = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1,
     2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
     3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3),
)  # fmt: skip
LARGE = (
    (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
     1.60837851487422766e-2, 6.58749161529837803e-4),
    (1.0, 2.56852019228982242e0, 1.87295284992346725e0, 5.27905102951428412e-1, 6.05183413124413191e-2,
     2.33520497626869185e-3),
)  # fmt: skip


def polynomial(x: Any, coefficients: Sequence[float]) -> Any:
    """The polynomial with these coefficients, highest power first, by Horner's rule."""
    y = x * 0.0 + coefficients[0]
    for c in coefficients[1:]:
        y *= x
        y += c
    return y


def in_single(kernel: Callable, kept: int = 0) -> Callable:
    """Let a kernel work in float32 where its first input is floating and of 16 bits, too few for coefficients, running sums
    and squares. What it returns is of 16 bits again, but for the last `kept` arrays of several, which only gradients read.
    """

    @wraps(kernel)
    def wide(b: Any, x: Any, *args: Any, **options: Any) -> Any:
        kind = dtype_of(x)
        if kind.itemsize >= 4 or kind.kind != "float":
            return kernel(b, x, *args, **options)
        single = [b.xp.astype(a, b.xp.float32) if getattr(a, "dtype", None) == x.dtype else a for a in (x, *args)]
        found = kernel(b, *single, **options)
        if not isinstance(found, tuple):
            return b.xp.astype(found, x.dtype)
        return (*(b.xp.astype(y, x.dtype) for y in found[: len(found) - kept]), *found[len(found) - kept :])

    return wide


def ratio(x: Any, pair: tuple) -> Any:
    """The quotient of two polynomials."""
    return polynomial(x, pair[0]) / polynomial(x, pair[1])


def piecewise(xp: Any, x: Any, *parts: tuple) -> Any:
    """Of each part (mask, function) the function of those elements of x where the mask holds, computed for these alone."""
    flat = xp.reshape(x, (-1,))
    out = xp.empty_like(flat)
    for mask, function in parts:
        mask = xp.reshape(mask, (-1,))
        if xp.all(mask):
            out = function(flat)
        elif xp.any(mask):
            out[mask] = function(flat[mask])
    return xp.reshape(out, x.shape)


def regions(xp: Any, x: Any) -> tuple:
    """Where Cody's three approximations hold; a NaN belongs to the last."""
    small, middle = xp.abs(x) <= 0.46875, xp.abs(x) <= 4.0
    return small, middle & ~small, ~middle


def bell(xp: Any, size: Any) -> Any:
    """e^-size^2; the square is split, as in Cody, so that its rounding does not grow in the exponential."""
    coarse = xp.trunc(size * 16) / 16
    return xp.exp(-coarse * coarse) * xp.exp(-(size - coarse) * (size + coarse))


def tail(xp: Any, size: Any) -> Any:
    """1 - erf(size) for 0.46875 < size <= 4."""
    return bell(xp, size) * ratio(size, MIDDLE)


def far_tail(xp: Any, size: Any) -> Any:
    """1 - erf(size) for size > 4; from 27 on the bell is 0."""
    size = xp.where(size > 30.0, 30.0, size)
    inverse = 1.0 / (size * size)
    return bell(xp, size) * ((1.0 / math.sqrt(math.pi) - inverse * ratio(inverse, LARGE)) / size)


@in_single
def erf(b: Any, x: Any) -> Any:
    """2/sqrt(pi) times the integral of e^(-t^2) from 0 to x."""
    xp = b.xp
    small, middle, large = regions(xp, x)
    return piecewise(
        xp,
        x,
        (small, lambda t: t * ratio(t * t, SMALL)),
        (middle, lambda t: xp.sign(t) * (1.0 - tail(xp, xp.abs(t)))),
        (large, lambda t: xp.sign(t) * (1.0 - far_tail(xp, xp.abs(t)))),
    )


@in_single
def erfc(b: Any, x: Any) -> Any:
    """1 - erf(x), exact where erf(x) is near 1."""
    xp = b.xp
    small, middle, large = regions(xp, x)

    def mirrored(t: Any, y: Any) -> Any:
        return xp.where(t < 0, 2.0 - y, y)

    return piecewise(
        xp,
        x,
        (small, lambda t: 1.0 - t * ratio(t * t, SMALL)),
        (middle, lambda t: mirrored(t, tail(xp, xp.abs(t)))),
        (large, lambda t: mirrored(t, far_tail(xp, xp.abs(t)))),
    )


@in_single
def sigmoid(b: Any, x: Any) -> Any:
    """1 / (1 + e^-x), from e^-x or e^x, whichever is small: nothing overflows, and what is close to 0 has all its digits."""
    xp = b.xp
    right = (xp.real(x) if dtype_of(x).is_complex else x) >= 0
    e = xp.exp(xp.where(right, -x, x))
    return xp.where(right, 1.0, e) / (1.0 + e)


@in_single
def erfinv(b: Any, x: Any) -> Any:
    """The y with erf(y) = x: S. Winitzki's closed approximation (2008), then three steps of Halley's method."""
    xp = b.xp
    size = xp.abs(x)
    t = xp.where(size < 1, size, 0.0)
    log = xp.log1p(-t * t)
    half = 2 / (math.pi * 0.147) + 0.5 * log
    y = xp.sqrt(xp.maximum(xp.sqrt(half * half - log / 0.147) - half, 0.0))
    for _ in range(3):
        over = xp.where(t < 0.5, b.erf(y) - t, (1.0 - t) - b.erfc(y))
        step = over * xp.exp(y * y) * (0.5 * math.sqrt(math.pi))
        y = y - step / (1.0 + y * step)
    y = xp.where(size == 1, math.inf, xp.where(size < 1, y, math.nan))
    return xp.where(x < 0, -y, y)
