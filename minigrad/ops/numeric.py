"""Integrals and differences of samples, covariances, angles in degrees, divisors: compositions of other ops."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..backends import DTypeError, ShapeError, dtype_of
from ..core import Tensor, op
from .arithmetic import cast, conjugate, where
from .compose import diff
from .create import tensor
from .elementwise import abs, pow, reciprocal
from .elementwise import floor_divide as floored
from .linalg import vector_norm
from .matmul import dot
from .operands import axes, axis, common_type, floating, numpy_names, tensor_of
from .pieces import complex, real
from .reduce import cumsum, mean, sum
from .shape import cat, movedim, narrow, reshape


@op("elementwise")
def gcd(b, x, other):
    """The greatest common divisor of integers, by Euclid's algorithm; never negative"""
    xp = b.xp
    if any(hasattr(v, "dtype") and dtype_of(v).kind != "int" for v in (x, other)):
        raise TypeError("only integers have common divisors")
    x, other = xp.broadcast_arrays(*(xp.abs(v if hasattr(v, "dtype") else xp.asarray(v)) for v in (x, other)))
    while xp.any(other != 0):
        safe = xp.where(other == 0, xp.ones_like(other), other)
        x, other = xp.where(other == 0, x, other), xp.where(other == 0, other, xp.remainder(x, safe))
    return x


def lcm(input: Tensor, other: Tensor) -> Tensor:
    """The least common multiple of integers; 0 where one of them is 0."""
    for x in (input, other):
        if tensor_of("lcm", x).dtype.kind != "int":
            raise DTypeError(f"lcm: expected integer tensors, got {x.dtype!r}")
    shared = gcd(input, other)
    return abs(floored(input, where(shared == 0, 1, shared)) * other)


@numpy_names
def trapezoid(y: Tensor, x: Any = None, *, dx: float | None = None, dim: int = -1) -> Tensor:
    """The integral of samples y along `dim` by the trapezoidal rule, at the places x or with the distance dx (1)."""
    return sum(_areas("trapezoid", y, x, dx, dim), -1) / 2


@numpy_names
def cumulative_trapezoid(y: Tensor, x: Any = None, *, dx: float | None = None, dim: int = -1) -> Tensor:
    """The integral up to each sample but the first, by the trapezoidal rule."""
    d = axis("cumulative_trapezoid", dim, tensor_of("cumulative_trapezoid", y, "y").ndim)
    return movedim(cumsum(_areas("cumulative_trapezoid", y, x, dx, dim), -1) / 2, -1, d)


def _areas(who: str, y: Tensor, x: Any, dx: float | None, dim: int) -> Tensor:
    """Twice the areas between neighbours, `dim` as the last dimension."""
    if x is not None and dx is not None:
        raise TypeError(f"{who}: give x or dx, not both")
    d = axis(who, dim, tensor_of(who, y, "y").ndim)
    if not y.ndim:
        raise IndexError(f"{who}: expected one or more dimensions, got shape ()")
    y = movedim(y, d, -1)
    n = y.shape[-1]
    if n < 2:
        return narrow(y, -1, 0, 0) * 1.0
    pairs = narrow(y, -1, 1, n - 1) + narrow(y, -1, 0, n - 1)
    if x is None:
        return pairs * (1.0 if dx is None else dx)
    places = tensor_of(who, x, "x")
    places = places if places.ndim < 2 else movedim(places, d if places.ndim == y.ndim else -1, -1)
    if not places.ndim or places.shape[-1] != n:
        raise ShapeError(f"{who}: there must be one x value for each sample, got {tuple(x.shape)} for y {tuple(y.shape)}")
    return pairs * diff(places)


def gradient(input: Tensor, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1) -> tuple[Tensor, ...]:
    """The slope of samples along each dimension of `dim` (all if None): second-order differences inside, one-sided ones of
    order `edge_order` (1 or 2) at both ends. `spacing` is a distance, one for each dimension, or the places as tensors."""
    x = tensor_of("gradient", input)
    x = floating(x)
    dims = axes("gradient", dim, x.ndim) if dim is None else [axis("gradient", d, x.ndim) for d in _listed(dim)]
    if len(set(dims)) < len(dims):
        raise ShapeError(f"gradient: a dimension appears several times in dim={dim!r}")
    spacings = _listed(spacing) if isinstance(spacing, (Sequence, Tensor)) else [1 if spacing is None else spacing] * len(dims)
    if len(spacings) != len(dims):
        raise ShapeError(f"gradient: expected a spacing for each of {len(dims)} dimensions, got {len(spacings)}")
    if edge_order not in (1, 2):
        raise ValueError(f"gradient: edge_order must be 1 or 2, got {edge_order!r}")
    return tuple(_slope(x, d, spaced, edge_order) for d, spaced in zip(dims, spacings, strict=True))


def _listed(value: Any) -> list:
    return list(value) if isinstance(value, Sequence) else [value]


def _slope(x: Tensor, d: int, spacing: Any, edge_order: int) -> Tensor:
    """The slope along one dimension. Source: Fornberg 1988, for three points at distances a and b"""
    n = x.shape[d]
    if n < edge_order + 1:
        raise ShapeError(f"gradient: each dimension must have at least edge_order + 1 samples, got shape {tuple(x.shape)}")
    y = movedim(x, d, -1)
    if isinstance(spacing, Tensor) and spacing.ndim:
        if tuple(spacing.shape) != (n,):
            raise ShapeError(f"gradient: expected {n} places along dimension {d}, got shape {tuple(spacing.shape)}")
        h = diff(floating(spacing))
    else:
        h = tensor([float(spacing)] * (n - 1), dtype=x.dtype, device=x.device)
    steps = diff(y) / h
    ends = [narrow(steps, -1, 0, 1), narrow(steps, -1, n - 2, 1)]
    if n == 2:
        return movedim(cat(ends, -1), -1, d)
    a, c = narrow(h, 0, 0, n - 2), narrow(h, 0, 1, n - 2)
    left, right = narrow(steps, -1, 0, n - 2), narrow(steps, -1, 1, n - 2)
    middle = (c * left + a * right) / (a + c)
    if edge_order == 2:  # the parabola through three points, at its ends
        ends = [2 * ends[0] - narrow(middle, -1, 0, 1), 2 * ends[1] - narrow(middle, -1, n - 3, 1)]
    return movedim(cat([ends[0], middle, ends[1]], -1), -1, d)


def cov(input: Tensor, *, correction: int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None) -> Tensor:
    """The covariances of variables (rows), over cases (columns) that count fweights times and weigh aweights each."""
    if tensor_of("cov", input).ndim > 2:
        raise ShapeError(f"cov: expected at most two dimensions, got shape {tuple(input.shape)}")
    if input.dtype.kind == "bool":
        raise DTypeError("cov: not possible for booleans. Hint: .float()")
    x = reshape(input, (1, -1)) if input.ndim < 2 else input
    x = floating(x)
    weights = _weights("fweights", fweights, x, "int"), _weights("aweights", aweights, x, "float")
    both = [cast(w, dtype=x.dtype) for w in weights if w is not None]
    w = both[0] * both[1] if len(both) == 2 else both[0] if both else None
    total = x.shape[1] if w is None else sum(w)
    centred = x - (mean(x, 1, keepdim=True) if w is None else sum(x * w, 1, keepdim=True) / total)
    less = total - correction if weights[1] is None else total - correction * sum(w * both[-1]) / total
    less = max(less, 0) if isinstance(less, int) else real(less).clamp(min=0)
    y = (centred if w is None else centred * w) @ conjugate(centred.mT)
    y = y * math.nan if isinstance(less, int) and less == 0 else y / less
    return reshape(y, ()) if y.shape == (1, 1) else y


def _weights(name: str, w: Tensor | None, x: Tensor, kind: str) -> Tensor | None:
    if w is None:
        return None
    if tensor_of("cov", w, name).ndim != 1 or w.shape[0] != x.shape[1]:
        raise ShapeError(f"cov: {name} must be one for each of {x.shape[1]} cases, got shape {tuple(w.shape)}")
    if w.dtype.kind != kind:
        raise DTypeError(f"cov: {name} must be {'integers' if kind == 'int' else 'floating'}, got {w.dtype!r}")
    if bool((w < 0).any()):
        raise ShapeError(f"cov: {name} must not be negative")
    return w


def corrcoef(input: Tensor) -> Tensor:
    """Pearson's correlations of variables (rows), over cases (columns), kept within -1 ... 1."""
    if tensor_of("corrcoef", input).ndim > 2:
        raise ShapeError(f"corrcoef: expected at most two dimensions, got shape {tuple(input.shape)}")
    c = cov(input)
    if not c.ndim:
        return c / c
    spread = real(c.diagonal()) ** 0.5
    c = c / spread[:, None] / spread[None, :]
    return complex(c.real.clamp(-1, 1), c.imag.clamp(-1, 1)) if c.dtype.is_complex else c.clamp(-1, 1)


def renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """Each slice along `dim` whose p-norm exceeds `maxnorm`, scaled down to it."""
    x = tensor_of("renorm", input)
    d = axis("renorm", dim, x.ndim)
    if x.ndim < 2 or not p > 0 or not maxnorm >= 0:
        raise ShapeError(
            f"renorm: expected two or more dimensions, p > 0 and maxnorm >= 0, got {tuple(x.shape)}, {p}, {maxnorm}"
        )
    size = vector_norm(x, p, tuple(k for k in range(x.ndim) if k != d), keepdim=True)
    return x * where(size > maxnorm, maxnorm * reciprocal(size + 1e-7), 1.0)


def float_power(input: Any, exponent: Any) -> Tensor:
    """input ^ exponent in float64, or complex128 if either is complex."""
    if not isinstance(input, Tensor) and not isinstance(exponent, Tensor):
        raise TypeError("float_power: input or exponent must be a tensor")
    kind = "complex128" if common_type((input, exponent)).is_complex else "float64"
    return pow(*[cast(v, dtype=kind) if isinstance(v, Tensor) else v * 1.0 for v in (input, exponent)])


def ldexp(input: Tensor, other: Tensor) -> Tensor:
    """input 2^other."""
    x = floating(tensor_of("ldexp", input))
    power = pow(2.0, tensor_of("ldexp", other, "other"))
    return x * (power if other.dtype.is_inexact else cast(power, dtype=x.dtype))


def rsub(input: Tensor, other: Any, *, alpha: float = 1) -> Tensor:
    """other - alpha input."""
    return other - alpha * tensor_of("rsub", input)


def deg2rad(input: Tensor) -> Tensor:
    """Angles in degrees as radians: x pi / 180."""
    return tensor_of("deg2rad", input) * (math.pi / 180)


def rad2deg(input: Tensor) -> Tensor:
    """Angles in radians as degrees: x 180 / pi."""
    return tensor_of("rad2deg", input) * (180 / math.pi)


def vdot(input: Tensor, other: Tensor) -> Tensor:
    """The sum of products of two vectors, the first conjugated if it is complex."""
    return dot(tensor_of("vdot", input).conj() if input.dtype.is_complex else input, other)


trapz = trapezoid
