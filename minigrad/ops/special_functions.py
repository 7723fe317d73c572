"""What PyTorch has as `special`: functions of mathematical physics and statistics, many under further names."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..backends import GradError, in_single
from ..backends.special import LARGE, MIDDLE, piecewise, ratio
from ..core import MODE, Tensor, op
from .arithmetic import where
from .bessel import bessel_i, bessel_j, gammainc_op, zeta_op
from .compare import isinf
from .create import arange, full_like
from .elementwise import erfc, exp, log, log1p, sigmoid
from .operands import common_type, floating, tensor_of
from .reduce import sum_op
from .shape import unsqueeze
from .special import digamma, lgamma, sinc


@op("elementwise", floats=True)
def entr(b, x):
    """y = -x ln x, 0 at 0, -inf below"""
    xp = b.xp
    y = -x * xp.log(xp.where(x > 0, x, xp.ones_like(x)))
    return xp.where(x < 0, xp.full_like(x, -math.inf), y)


@op("elementwise", floats=True)
def erfcx(b, x):
    """y = e^(x^2) (1 - erf(x)), exact where the second factor is near 0"""
    return scaled_erfc(b, x)


@in_single
def scaled_erfc(b: Any, x: Any) -> Any:
    """e^(x^2) erfc(x). Source: Cody 1969, whose approximations leave the exponential apart"""
    xp = b.xp
    size = xp.abs(x)

    def far(t: Any) -> Any:
        inverse = 1.0 / (t * t)
        return (1.0 / math.sqrt(math.pi) - inverse * ratio(inverse, LARGE)) / t

    y = piecewise(
        xp,
        size,
        (size <= 0.46875, lambda t: xp.exp(t * t) * b.erfc(t)),
        ((size > 0.46875) & (size <= 4), lambda t: ratio(t, MIDDLE)),
        (~(size <= 4), far),
    )
    return xp.where(x < 0, 2 * xp.exp(x * x) - y, y)


@op("elementwise", floats=True)
def ndtri(b, x):
    """y with ndtr(y) = x; infinite at 0 and 1, NaN beyond"""
    return normal_quantile(b, x)


@in_single
def normal_quantile(b: Any, x: Any) -> Any:
    """The y with normal distribution function x: Newton's method on the logarithm of the lower tail."""
    xp = b.xp
    half = xp.where(x > 0.5, 1 - x, x)
    fine = (half > 0) & (half <= 0.5)
    q = xp.where(fine, half, 0.5)
    y = -xp.sqrt(-2 * xp.log(2 * q))
    for _ in range(8):
        lower = 0.5 * b.erfc(-y / math.sqrt(2))
        step = (xp.log(lower) - xp.log(q)) * lower * xp.exp(0.5 * y * y) * math.sqrt(2 * math.pi)
        y = y - step
    y = xp.where(x > 0.5, -y, y)
    ends = xp.where(x == 0, -math.inf, xp.where(x == 1, math.inf, xp.full_like(x, math.nan)))
    return xp.where(fine, y, ends)


entr.vjp(x=lambda g, x: -g * (log(x) + 1))
erfcx.vjp(x=lambda g, y, x: g * (2 * x * y - 2 / math.sqrt(math.pi)))
ndtri.vjp(x=lambda g, y: g * exp(0.5 * y * y) * math.sqrt(2 * math.pi))


# -- Bessel functions ------------------------------------------------------------------------------------------------------


def i0(input: Tensor) -> Tensor:
    """I_0(x), the modified Bessel function of order 0."""
    return bessel_i(tensor_of("i0", input), n=0)


def i0e(input: Tensor) -> Tensor:
    """e^-|x| I_0(x)."""
    return bessel_i(tensor_of("i0e", input), n=0, scaled=True)


def i1(input: Tensor) -> Tensor:
    """I_1(x), the modified Bessel function of order 1."""
    return bessel_i(tensor_of("i1", input), n=1)


def i1e(input: Tensor) -> Tensor:
    """e^-|x| I_1(x)."""
    return bessel_i(tensor_of("i1e", input), n=1, scaled=True)


def bessel_j0(input: Tensor) -> Tensor:
    """J_0(x), the Bessel function of order 0. Unlike PyTorch's it has a gradient."""
    return bessel_j(tensor_of("bessel_j0", input), n=0)


def bessel_j1(input: Tensor) -> Tensor:
    """J_1(x), the Bessel function of order 1. Unlike PyTorch's it has a gradient."""
    return bessel_j(tensor_of("bessel_j1", input), n=1)


def spherical_bessel_j0(input: Tensor) -> Tensor:
    """sin(x) / x, 1 at 0 and 0 at infinity. Unlike PyTorch's it has a gradient."""
    return where(isinf(tensor_of("spherical_bessel_j0", input)), 0.0, sinc(input / math.pi))


# -- the normal distribution, entropies ------------------------------------------------------------------------------------


def ndtr(input: Tensor) -> Tensor:
    """The normal distribution function: how likely a normal number is at most x."""
    return 0.5 * erfc(tensor_of("ndtr", input) * -math.sqrt(0.5))


def log_ndtr(input: Tensor) -> Tensor:
    """ln ndtr(x), exact where ndtr is near 0."""
    x = tensor_of("log_ndtr", input)
    x = floating(x)
    low = x < -1
    under, over = where(low, x, -1.0), where(low, -1.0, x)
    return where(low, log(0.5 * erfcx(under * -math.sqrt(0.5))) - 0.5 * under * under,
                 log1p(-0.5 * erfc(over * math.sqrt(0.5))))  # fmt: skip


def xlog1py(input: Any, other: Any) -> Tensor:
    """x ln(1 + other), 0 where x = 0 (but NaN where other is). The slope in x is 0 where x = 0 and
    other <= -1 or infinite."""
    if not isinstance(input, Tensor) and not isinstance(other, Tensor):
        raise TypeError("xlog1py: input or other must be a tensor")
    if not isinstance(other, Tensor):
        other = full_like(input, other, dtype=common_type((input, other)))
    other = floating(other)
    nought = ((other <= -1) | (other == math.inf)) & (input == 0)
    return input * log1p(where(nought, 0.0, other))


# -- gamma functions -------------------------------------------------------------------------------------------------------


def multigammaln(input: Tensor, p: int) -> Tensor:
    """The logarithm of the multivariate gamma function of dimension p: p (p - 1) / 4 ln pi + the sum of
    ln |gamma(x - i / 2)| over i < p."""
    x = tensor_of("mvlgamma", input)
    if not isinstance(p, int) or p < 1:
        raise ValueError(f"mvlgamma: p has to be an int of at least 1, got {p!r}")
    x = floating(x)
    halves = arange(p, dtype=x.dtype, device=x.device) / 2
    return sum_op(lgamma(unsqueeze(x, -1) - halves), dim=(x.ndim,)) + p * (p - 1) / 4 * math.log(math.pi)


def gammainc(input: Tensor, other: Tensor) -> Tensor:
    """The regularized lower incomplete gamma function P(input, other). It has a gradient in `other` only."""
    return gammainc_op(constant("gammainc", input), other)


def gammaincc(input: Tensor, other: Tensor) -> Tensor:
    """The regularized upper incomplete gamma function 1 - P(input, other). It has a gradient in `other` only."""
    return gammainc_op(constant("gammaincc", input), other, upper=True)


def zeta(input: Any, other: Any) -> Tensor:
    """Hurwitz's zeta function, the sum of (k + other)^-input over k = 0, 1, 2 ... It has a gradient in `other` only."""
    return zeta_op(constant("zeta", input), other)


def constant(who: str, x: Any) -> Any:
    """What there is no derivative by. Raises GradError if one is asked for, as PyTorch does."""
    if isinstance(x, Tensor) and x.requires_grad and MODE.get().grad:
        raise GradError(f"{who}: the derivative by `input` is not implemented. Hint: input.detach()")
    return x


# -- orthogonal polynomials ------------------------------------------------------------------------------------------------

LAST = 100_000  # degree: seconds of steps


def polynomials(name: str, what: str, first: Callable, step: Callable, shifted: bool = False) -> Callable:
    """The function name(x, n) of polynomials of degree n with p_0 = 1, p_1 = first(x), p_(k+1) = step(k, x, p_k, p_(k-1))."""

    def function(input: Any, n: Any) -> Tensor:
        if not isinstance(input, Tensor) and not isinstance(n, Tensor):
            raise TypeError(f"{name}: input or n must be a tensor")
        x = input if isinstance(input, Tensor) else n * 0.0 + input
        n = int(n) if not isinstance(n, Tensor) else n.trunc() if n.dtype.is_floating_point else n
        x = floating(x)
        x = 2 * x - 1 if shifted else x
        most = int(n.max().item()) if isinstance(n, Tensor) and n.array.size else int(n) if not isinstance(n, Tensor) else 0
        if most > LAST:
            raise ValueError(f"{name}: expected degrees of at most {LAST}, got {most}: each is one step of the recursion")
        before, now = x * 0.0, x * 0.0 + 1
        y = before + n * 0.0 if isinstance(n, Tensor) else before
        for k in range(most + 1):
            y = where(n == k, now, y) if isinstance(n, Tensor) else now
            before, now = now, first(x) if k == 0 else step(k, x, now, before)
        return y

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{what} of degree n (a number or a tensor) at x; 0 for n < 0. Unlike PyTorch's it has a gradient."
    return function


def _twice(k: int, x: Tensor, p: Tensor, q: Tensor) -> Tensor:
    return 2 * x * p - q


FIRST: dict[str, Callable] = {"t": lambda x: x, "u": lambda x: 2 * x, "v": lambda x: 2 * x - 1, "w": lambda x: 2 * x + 1}
KINDS = dict(zip("tuvw", ("first", "second", "third", "fourth"), strict=True))
CHEBYSHEV = {
    f"{lead}chebyshev_polynomial_{kind}": polynomials(
        f"{lead}chebyshev_polynomial_{kind}",
        f"The {lead.rstrip('_')} Chebyshev polynomial of the {KINDS[kind]} kind".replace("The  ", "The "),
        FIRST[kind], _twice, bool(lead),
    )
    for lead in ("", "shifted_") for kind in "tuvw"
}  # fmt: skip
globals().update(CHEBYSHEV)
hermite_polynomial_h = polynomials(
    "hermite_polynomial_h", "The physicist's Hermite polynomial", lambda x: 2 * x, lambda k, x, p, q: 2 * x * p - 2 * k * q
)
hermite_polynomial_he = polynomials(
    "hermite_polynomial_he", "The probabilist's Hermite polynomial", lambda x: x, lambda k, x, p, q: x * p - k * q
)
laguerre_polynomial_l = polynomials(
    "laguerre_polynomial_l",
    "The Laguerre polynomial",
    lambda x: 1 - x,
    lambda k, x, p, q: ((2 * k + 1 - x) * p - k * q) / (k + 1),
)
legendre_polynomial_p = polynomials(
    "legendre_polynomial_p", "The Legendre polynomial", lambda x: x, lambda k, x, p, q: ((2 * k + 1) * x * p - k * q) / (k + 1)
)

gammaln, psi, mvlgamma, igamma, igammac = lgamma, digamma, multigammaln, gammainc, gammaincc
modified_bessel_i0, modified_bessel_i1, expit = i0, i1, sigmoid
