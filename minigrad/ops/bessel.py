"""Bessel functions of whole order, the incomplete gamma function, Hurwitz's zeta function: kernels beside their slopes."""

from __future__ import annotations

import math
from typing import Any

from ..backends import in_single
from ..backends.gamma import BERNOULLI
from ..core import op
from .elementwise import exp, log, sign
from .special import both, lgamma

POINTS = 64  # of the trapezoidal rule on half a period; it converges faster than any power for periodic functions


@op("elementwise", floats=True)
def bessel_i(b, x, *, n, scaled=False):
    """y = I_n(x), the modified Bessel function of order n = 0, 1, 2 ..., times e^-|x| if `scaled`"""
    y = scaled_i(b, x, n)
    return y if scaled else y * b.xp.exp(b.xp.abs(x))


@in_single
def scaled_i(b: Any, x: Any, n: int) -> Any:
    """e^-|x| I_n(x): the power series up to 8, the mean of e^(x cos t - x) cos(n t) up to 60, then the asymptotic series.
    Source: Abramowitz & Stegun 1964, 9.6.10, 9.6.19 and 9.7.1"""
    xp = b.xp
    t = xp.abs(x)
    near, far = t <= 8, t > 60
    small, large = xp.where(near, t, 0.0), xp.where(far, t, 60.0)
    series = power_series(xp, small, n, 1, 40) * xp.exp(-small)
    middle, held = xp.zeros_like(t), xp.where(near | far, 1.0, t)
    for k in range(POINTS + 1):
        angle = math.pi * k / POINTS
        weight = math.cos(n * angle) / POINTS / (2 if k in (0, POINTS) else 1)
        middle = middle + weight * xp.exp(held * (math.cos(angle) - 1))
    term, tail = xp.ones_like(t), xp.zeros_like(t)
    for k in range(16):
        tail = tail + term
        term = term * (((2 * k + 1) ** 2 - 4 * n * n) / (8 * (k + 1))) / large
    y = xp.where(near, series, xp.where(far, tail / xp.sqrt(2 * math.pi * large), middle))
    y = xp.where(t == math.inf, 0.0, xp.where(t == t, y, x))
    return y * xp.sign(x) if n % 2 else y


def power_series(xp: Any, t: Any, n: int, sign: int, count: int) -> Any:
    """(t/2)^n times the sum of (sign t^2/4)^k / (k! (n + k)!) for k < count: I_n(t), or with the sign -1 J_n(t)."""
    square, term, series = sign * t * t / 4, xp.ones_like(t), xp.zeros_like(t)
    for k in range(count):
        series = series + term
        term = term * square / ((k + 1) * (k + 1 + n))
    return series * (t / 2) ** n / math.factorial(n)


@op("elementwise", floats=True)
def bessel_j(b, x, *, n):
    """y = J_n(x), the Bessel function of order n = 0, 1, 2 ..."""
    return order_j(b, x, n)


@in_single
def order_j(b: Any, x: Any, n: int) -> Any:
    """J_n(x): the power series up to 4, the mean of cos(n t - x sin t) up to 40, then Hankel's expansion.
    Source: Abramowitz & Stegun 1964, 9.1.10, 9.1.21 and 9.2.5"""
    xp = b.xp
    t = xp.abs(x)
    near, far = t <= 4, t > 40
    small, large = xp.where(near, t, 0.0), xp.where(far, t, 40.0)
    series = power_series(xp, small, n, -1, 24)
    middle, held = xp.zeros_like(t), xp.where(near | far, 1.0, t)
    for k in range(POINTS + 1):
        angle = math.pi * k / POINTS
        middle = middle + xp.cos(n * angle - held * math.sin(angle)) / POINTS / (2 if k in (0, POINTS) else 1)
    parts, term = [xp.zeros_like(t), xp.zeros_like(t)], xp.ones_like(t)
    for k in range(24):
        parts[k % 2] = parts[k % 2] + (-1) ** (k // 2) * term
        term = term * ((4 * n * n - (2 * k + 1) ** 2) / (8 * (k + 1))) / large
    phase = large - (2 * n + 1) * math.pi / 4
    tail = xp.sqrt(2 / (math.pi * large)) * (parts[0] * xp.cos(phase) - parts[1] * xp.sin(phase))
    y = xp.where(near, series, xp.where(far, tail, middle))
    y = xp.where(t == math.inf, 0.0, xp.where(t == t, y, x))
    return y * xp.sign(x) if n % 2 else y


@op("elementwise", floats=True, name="gammainc")
def gammainc_op(b, x, other, *, upper=False):
    """y = the share of Euler's integral for gamma(x) that lies below `other` (above, if `upper`); NaN for negative numbers"""
    xp = b.xp
    a, t = xp.broadcast_arrays(*both(b, x, other))
    wide = [xp.astype(v, xp.float64) for v in (a, t)]
    return xp.astype(incomplete(b, *wide, upper), a.dtype)


def incomplete(b: Any, a: Any, t: Any, upper: bool) -> Any:
    """The regularized incomplete gamma function: its power series for t < a + 1, else Legendre's continued fraction by
    Lentz's method. Source: Press et al. 2007, Numerical Recipes, 6.2"""
    xp = b.xp
    fine = (a > 0) & (t > 0) & (t < math.inf) & (a < math.inf)
    low = fine & (t < a + 1)
    s, u = xp.where(fine, a, 1.0), xp.where(fine, t, 1.0)
    front = xp.exp(s * xp.log(u) - u - b.lgamma(s))
    n, v = xp.where(low, s, 1.0), xp.where(low, u, 0.0)
    term = 1 / n
    total = term
    while xp.any(xp.abs(term) > 1e-17 * total):
        n = n + 1
        term = term * v / n
        total = total + term
    s, u = xp.where(low, 1.0, s), xp.where(low, 2.0, u)
    tiny = 1e-300
    k, c = u + 1 - s, xp.full_like(u, 1 / tiny)
    d = 1 / k
    fraction, i, step = d, 0, c
    while xp.any(xp.abs(step - 1) > 1e-16) and i < 10000:
        i += 1
        k = k + 2
        d = -i * (i - s) * d + k
        d = 1 / xp.where(xp.abs(d) < tiny, tiny, d)
        c = k - i * (i - s) / c
        c = xp.where(xp.abs(c) < tiny, tiny, c)
        step = d * c
        fraction = fraction * step
    lower = xp.where(low, front * total, 1 - front * fraction)
    y = xp.where(low, 1 - lower, front * fraction) if upper else lower
    ends = xp.where((t == math.inf) & (a < math.inf) | (a == 0) & (t > 0), 1.0, xp.zeros_like(t))  # of the share below
    ends = xp.where((a < 0) | (t < 0) | (a != a) | (t != t) | (a == 0) & (t == 0) | (a == math.inf) & (t == math.inf),
                    math.nan, ends)  # fmt: skip
    return xp.where(fine, y, 1 - ends if upper else ends)


@op("elementwise", floats=True, name="zeta")
def zeta_op(b, x, other):
    """y = the sum of (k + other)^-x over k = 0, 1, 2 ...; NaN for x < 1, infinite for x = 1"""
    xp = b.xp
    s, q = xp.broadcast_arrays(*both(b, x, other))
    return xp.astype(hurwitz(xp, xp.astype(s, xp.float64), xp.astype(q, xp.float64)), s.dtype)


def hurwitz(xp: Any, s: Any, q: Any) -> Any:
    """Terms up to k + q >= 12 one by one, the rest by Euler and Maclaurin's formula.
    Source: Abramowitz & Stegun 1964, 23.1.30"""
    order, whole = s, s == xp.round(s)
    pole = (q <= 0) & (q == xp.round(q))
    fine = (s > 1) & (s < math.inf) & (q < math.inf) & (q > -10000) & ((q > 0) | whole) & ~pole
    s, a, total = xp.where(fine, s, 2.0), xp.where(fine, q, 12.0), xp.zeros_like(q)
    while xp.any(a < 12):
        low = a < 12
        total = xp.where(low, total + xp.where(low, a, 1.0) ** -s, total)
        a = xp.where(low, a + 1, a)
    total = total + a ** (1 - s) / (s - 1) + 0.5 * a**-s
    rising = s * a ** (-s - 1)
    for k, bernoulli in enumerate(BERNOULLI):
        total = total + xp.where(xp.isfinite(rising), bernoulli / math.factorial(2 * k + 2) * rising, 0.0)
        rising = rising * (s + 2 * k + 1) * (s + 2 * k + 2) / (a * a)
    infinite = (order == 1) | (pole & (order > 1))
    return xp.where(fine, total, xp.where(infinite & (q == q), math.inf, xp.full_like(q, math.nan)))


bessel_i.vjp(
    x=lambda g, y, x, n, scaled: (
        g * (0.5 * (bessel_i(x, n=abs(n - 1), scaled=scaled) + bessel_i(x, n=n + 1, scaled=scaled)) - away(x, y, scaled))
    )
)
bessel_j.vjp(x=lambda g, x, n: g * (0.5 * (bessel_j(x, n=n - 1) - bessel_j(x, n=n + 1)) if n else -bessel_j(x, n=1)))
gammainc_op.vjp(other=lambda g, x, other, upper: g * (-1.0 if upper else 1.0) * exp((x - 1) * log(other) - other - lgamma(x)))
zeta_op.vjp(other=lambda g, x, other: -g * x * zeta_op(x + 1, other))


def away(x: Any, y: Any, scaled: bool) -> Any:
    """What the factor e^-|x| takes from the slope."""
    return sign(x) * y if scaled else 0.0
