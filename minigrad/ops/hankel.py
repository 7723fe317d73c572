"""Bessel functions of the second kind, modified ones that fall, and Airy's: kernels beside their slopes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..backends import hankel
from ..core import Tensor, op
from .operands import tensor_of


def on_host(b: Any, x: Any, function: Callable, *options: Any) -> Any:
    """A function of NumPy's arrays in float64, whatever the type and the device of x."""
    with np.errstate(all="ignore"):
        return b.xp.astype(b.from_host(function(b.to_host(x).astype("float64"), *options)), x.dtype)


@op("elementwise", floats=True)
def bessel_y(b, x, *, n):
    """y = Y_n(x), the Bessel function of the second kind of order n = 0 or 1"""
    return on_host(b, x, hankel.bessel_y, n)


@op("elementwise", floats=True)
def bessel_k(b, x, *, n, scaled=False):
    """y = K_n(x), the modified Bessel function of the second kind of order n = 0 or 1, times e^x if `scaled`"""
    return on_host(b, x, hankel.bessel_k, n, scaled)


@op("elementwise", floats=True)
def airy(b, x, *, order=0):
    """y = Ai(x), Airy's function, or its slope if `order` is 1"""
    return on_host(b, x, hankel.airy, order)


bessel_y.vjp(x=lambda g, y, x, n: g * (bessel_y(x, n=0) - y / x if n else -bessel_y(x, n=1)))
bessel_k.vjp(
    x=lambda g, y, x, n, scaled: (
        g * ((-bessel_k(x, n=0, scaled=scaled) - y / x if n else -bessel_k(x, n=1, scaled=scaled)) + (y if scaled else 0.0))
    )
)
airy.vjp(x=lambda g, x, order: g * (x * airy(x) if order else airy(x, order=1)))


def named(name: str, function: Callable, what: str, **options: Any) -> Callable:
    """The function that PyTorch calls `name`."""

    def called(input: Tensor) -> Tensor:
        return function(tensor_of(name, input), **options)

    called.__name__ = called.__qualname__ = name
    called.__doc__ = f"{what}. Unlike PyTorch's it has a gradient."
    return called


SPECIAL = {"airy_ai": named("airy_ai", airy, "Ai(x), Airy's function")}
for n in (0, 1):
    SPECIAL |= {
        f"bessel_y{n}": named(f"bessel_y{n}", bessel_y, f"Y_{n}(x), the Bessel function of the second kind", n=n),
        f"modified_bessel_k{n}": named(f"modified_bessel_k{n}", bessel_k, f"K_{n}(x), the modified one", n=n),
        f"scaled_modified_bessel_k{n}": named(f"scaled_modified_bessel_k{n}", bessel_k, f"e^x K_{n}(x)", n=n, scaled=True),
    }
