"""Fourier transforms, `minigrad.fft`: X_k = sum_n x_n exp(-2 pi i k n / N), their inverses, and the order of frequencies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..backends import DTypeError, ShapeError, get_default_dtype
from ..core import Tensor, op
from .arithmetic import cast, conj_op
from .create import arange
from .operands import axes, axis, tensor_of, whole
from .pieces import conj
from .shape import pad_op, roll, slice_op

MIRRORED = {None: "forward", "backward": "forward", "forward": "backward", "ortho": "ortho"}  # of the inverse


@op("linear")
def fourier(b, x, *, kind, sizes, dims, norm):
    """The discrete Fourier transform of x, cut or filled up with 0 to `sizes`, over `dims`: one of fftn, ifftn, rfftn, irfftn

    Source: Cooley & Tukey 1965; Pocketfft by way of NumPy.
    """
    with np.errstate(all="ignore"):
        y = getattr(np.fft, kind)(b.to_host(x), s=sizes, axes=dims, norm=norm)
    fine = x.dtype in (b.xp.float64, b.xp.complex128)
    return b.from_host(
        y.astype(("float64" if fine else "float32") if kind == "irfftn" else "complex128" if fine else "complex64")
    )


@op("linear")
def doubled(b, x, *, n, dim):
    """x with all but its first element (and for even n the last) along `dim` doubled: the half of n frequencies that irfft
    reads stands for the other half, too"""
    weights = np.full(n // 2 + 1, 2.0, dtype="float64" if x.dtype == b.xp.complex128 else "float32")
    weights[0] = weights[n // 2 if n % 2 == 0 else 0] = 1.0
    return x * b.from_host(weights.reshape((-1,) + (1,) * (-1 - dim)))


def adjoint(g: Any, x_shape: tuple, kind: str, sizes: tuple, dims: tuple, norm: str | None) -> Any:
    """The transpose of `fourier`: its matrix is symmetric; what was cut off comes back as 0, what was filled up is cut off."""
    if kind == "irfftn":
        half = conj_op(fourier(g, kind="rfftn", sizes=sizes, dims=dims, norm=MIRRORED[norm]))
        g = doubled(half, n=sizes[-1], dim=dims[-1])
    else:
        g = fourier(g, kind="fftn" if kind == "rfftn" else kind, sizes=sizes, dims=dims, norm=norm)
    less = [max(m - n, 0) for n, m in zip(g.shape, x_shape, strict=True)]
    g = slice_op(g, index=tuple(slice(0, n) for n in x_shape))
    return pad_op(g, before=(0,) * len(less), after=tuple(less)) if any(less) else g


fourier.vjp(x=lambda g, x_shape, kind, sizes, dims, norm: adjoint(g, x_shape, kind, sizes, dims, norm))
doubled.vjp(x=lambda g, n, dim: doubled(g, n=n, dim=dim))


def transformed(who: str, kind: str, input: Tensor, sizes: Any, dims: Any, norm: str | None) -> Tensor:
    """`fourier` over `dims`, or the last as many as there are sizes, or all; a size of None or -1 is the input's own."""
    x = tensor_of(f"fft.{who}", input)
    if x.dtype.kind in ("int", "bool"):
        x = cast(x, dtype=get_default_dtype())
    if x.dtype.itemsize < 4 or (kind == "rfftn" and x.dtype.is_complex):
        raise DTypeError(f"fft.{who}: not possible for {x.dtype!r}. Hint: .float(), or fft for complex numbers")
    if norm not in MIRRORED:
        raise ShapeError(f"fft.{who}: norm must be 'forward', 'backward' or 'ortho', got {norm!r}")
    if sizes is not None and dims is None:
        if len(sizes) > x.ndim:
            raise ShapeError(f"fft.{who}: got {len(sizes)} sizes, but the input has only {x.ndim} dimensions")
        dims = range(-len(sizes), 0)
    dims = range(x.ndim) if dims is None else dims if isinstance(dims, Sequence) else [dims]
    places = [axis(f"fft.{who}", d, x.ndim) for d in dims]
    if len(set(places)) < len(places):
        raise ShapeError(f"fft.{who}: dims must be unique, got {tuple(dims)}")
    if not x.ndim or (kind != "fftn" and kind != "ifftn" and not places):
        raise ShapeError(f"fft.{who}: must transform at least one dimension, got shape {tuple(x.shape)} and dim={tuple(dims)}")
    if sizes is not None and len(sizes) != len(places):
        raise ShapeError(f"fft.{who}: expected one size for each of {len(places)} dimensions, got {len(sizes)}")
    own = [x.shape[d] for d in places]
    if kind == "irfftn":
        own[-1] = 2 * (own[-1] - 1)
    wanted = (
        own
        if sizes is None
        else [n if s in (None, -1) else whole(f"fft.{who}", "a size", s) for s, n in zip(sizes, own, strict=True)]
    )
    if any(n < 1 for n in wanted):
        raise ShapeError(f"fft.{who}: Invalid number of data points ({min(wanted)}) specified")
    return fourier(x, kind=kind, sizes=tuple(wanted), dims=tuple(d - x.ndim for d in places), norm=norm)


def single(n: int | None) -> tuple[int | None]:
    """A size as that of the one dimension. Raises ShapeError unless it is positive."""
    if n is not None and n < 1:
        raise ShapeError(f"fft: Invalid number of data points ({n}) specified")
    return (n,)


# -- one dimension -------------------------------------------------------------------------------------------------------


def fft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """X_k = sum_j x_j exp(-2 pi i j k / n) along `dim`; `norm` "forward" divides by n, "ortho" by sqrt n."""
    return transformed("fft", "fftn", input, single(n), (dim,), norm)


def ifft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The inverse of `fft` with the same `norm`."""
    return transformed("ifft", "ifftn", input, single(n), (dim,), norm)


def rfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The first n // 2 + 1 of `fft` of real numbers; the others are their conjugates."""
    return transformed("rfft", "rfftn", input, single(n), (dim,), norm)


def irfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The inverse of `rfft`: n real numbers, 2 (m - 1) from m unless given."""
    return transformed("irfft", "irfftn", input, single(n), (dim,), norm)


def hfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The real `fft` of n numbers of which the first half is given and the others are their conjugates."""
    mirrored = MIRRORED.get(norm, norm)
    return transformed("hfft", "irfftn", conj(tensor_of("fft.hfft", input)), single(n), (dim,), mirrored)


def ihfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The inverse of `hfft`."""
    return conj(transformed("ihfft", "rfftn", input, single(n), (dim,), MIRRORED.get(norm, norm)))


# -- several -------------------------------------------------------------------------------------------------------------


def fft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    """`fft` over two dimensions."""
    return transformed("fft2", "fftn", input, s, dim, norm)


def ifft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    """The inverse of `fft2`."""
    return transformed("ifft2", "ifftn", input, s, dim, norm)


def rfft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    """`fft2` of real numbers, without the half of the last dimension that is conjugate."""
    return transformed("rfft2", "rfftn", input, s, dim, norm)


def irfft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    """The inverse of `rfft2`."""
    return transformed("irfft2", "irfftn", input, s, dim, norm)


def fftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """`fft` over the dimensions `dim`, all if None, or as many of the last as `s` has sizes."""
    return transformed("fftn", "fftn", input, s, dim, norm)


def ifftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """The inverse of `fftn`."""
    return transformed("ifftn", "ifftn", input, s, dim, norm)


def rfftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """`fftn` of real numbers, without the half of the last dimension that is conjugate."""
    return transformed("rfftn", "rfftn", input, s, dim, norm)


def irfftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """The inverse of `rfftn`."""
    return transformed("irfftn", "irfftn", input, s, dim, norm)


def hfft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    """`hfft` over the last of two dimensions, after `fft` over the other."""
    return transformed("hfft2", "irfftn", conj(tensor_of("fft.hfft2", input)), s, dim, MIRRORED.get(norm, norm))


def ihfft2(input: Tensor, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Tensor:
    """The inverse of `hfft2`."""
    return conj(transformed("ihfft2", "rfftn", input, s, dim, MIRRORED.get(norm, norm)))


def hfftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """`hfft` over the last of the dimensions `dim`, all if None, after `fftn` over the others."""
    return transformed("hfftn", "irfftn", conj(tensor_of("fft.hfftn", input)), s, dim, MIRRORED.get(norm, norm))


def ihfftn(input: Tensor, s: Any = None, dim: Any = None, norm: str | None = None) -> Tensor:
    """The inverse of `hfftn`."""
    return conj(transformed("ihfftn", "rfftn", input, s, dim, MIRRORED.get(norm, norm)))


# -- frequencies ---------------------------------------------------------------------------------------------------------


def fftfreq(n: int, d: float = 1.0, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """The frequencies of `fft` of n samples at distance d: 0, 1, ..., (n-1)//2, -(n//2), ..., -1, over n d."""
    out = ifftshift(arange(-(n // 2), (n - 1) // 2 + 1, dtype=dtype or get_default_dtype(), device=device)) * (1.0 / (n * d))
    return out.requires_grad_() if requires_grad else out


def rfftfreq(n: int, d: float = 1.0, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """The frequencies of `rfft` of n samples at distance d: 0, 1, ..., n // 2, over n d."""
    out = arange(n // 2 + 1, dtype=dtype or get_default_dtype(), device=device) * (1.0 / (n * d))
    return out.requires_grad_() if requires_grad else out


def fftshift(input: Tensor, dim: Any = None) -> Tensor:
    """Frequencies in rising order along `dim` (all if None): each dimension of n rolled by n // 2."""
    dims = axes("fft.fftshift", dim, tensor_of("fft.fftshift", input).ndim)
    return roll(input, [input.shape[d] // 2 for d in dims], dims) if dims else input


def ifftshift(input: Tensor, dim: Any = None) -> Tensor:
    """The inverse of `fftshift`."""
    dims = axes("fft.ifftshift", dim, tensor_of("fft.ifftshift", input).ndim)
    return roll(input, [-(input.shape[d] // 2) for d in dims], dims) if dims else input


FFT = {f.__name__: f for f in (fft, ifft, rfft, irfft, hfft, ihfft, fft2, ifft2, rfft2, irfft2, hfft2, ihfft2, fftn, ifftn,
                               rfftn, irfftn, hfftn, ihfftn, fftfreq, rfftfreq, fftshift, ifftshift)}  # fmt: skip
