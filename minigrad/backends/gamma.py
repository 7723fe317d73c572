"""The gamma function's logarithm, sinc, and all their derivatives in the plain Array API: series and recurrences."""

from __future__ import annotations

import math
from typing import Any

from .special import in_single, piecewise, polynomial

BERNOULLI = (
    1 / 6,
    -1 / 30,
    1 / 42,
    -1 / 30,
    5 / 66,
    -691 / 2730,
    7 / 6,
    -3617 / 510,
    43867 / 798,
    -174611 / 330,
)  # B_2k
EULER = 0.57721566490153286

# ln gamma(2 + z) = (1 - EULER) z + z^2 P(z), the coefficients of P being (-1)^k (zeta(k) - 1) / k for k = 2, 3, ...;
# the sum over n >= 2 that zeta(k) - 1 stands for converges fast enough with an integral for its tail.
LAST = 30


def zeta_less_one(k: int) -> float:
    """zeta(k) - 1 for k >= 2, by Euler and Maclaurin's formula from n = 12 on. Source: Abramowitz & Stegun 1964,
    23.2"""
    n = 12
    tail = n ** (1 - k) / (k - 1) + 0.5 * n**-k
    rising = k * n ** (-k - 1.0)
    for i, bernoulli in enumerate(BERNOULLI):
        tail += bernoulli / math.factorial(2 * i + 2) * rising
        rising *= (k + 2 * i + 1) * (k + 2 * i + 2) / n**2
    return math.fsum([*(float(m) ** -k for m in range(2, n)), tail])


NEAR_TWO = tuple((-1) ** k * zeta_less_one(k) / k for k in range(LAST, 1, -1))


@in_single
def lgamma(b: Any, x: Any) -> Any:
    """ln |gamma(x)|: a power series around 2, reached by gamma(x + 1) = x gamma(x); Stirling's series from 8 on; reflection
    below 0. Source: Abramowitz & Stegun 1964, 6.1.17, 6.1.33 and 6.1.40"""
    xp = b.xp
    t = xp.where(x < 0, 1.0 - x, x)
    y = piecewise(xp, t, (t < 8, lambda t: lgamma_near(xp, t)), (~(t < 8), lambda t: lgamma_far(xp, t)))
    if xp.any(x <= 0):
        off = distance(xp, x)
        wave = xp.abs(xp.sin(math.pi * xp.where(off == 0, 0.5, off)))
        y = xp.where(x < 0, math.log(math.pi) - xp.log(wave) - y, y)
        y = xp.where((x <= 0) & (off == 0), math.inf, y)
    return xp.where(xp.isinf(x), math.inf, y)


def lgamma_near(xp: Any, t: Any) -> Any:
    """ln gamma(t) for 0 <= t < 8."""
    inner, product = t, xp.ones_like(t)
    for _ in range(6):
        down = inner > 2.5
        inner = xp.where(down, inner - 1.0, inner)
        product = xp.where(down, product * inner, product)
    low, lowest = inner < 1.5, inner < 0.5
    z = xp.where(lowest, inner, xp.where(low, inner - 1.0, inner - 2.0))  # the distance to 0, 1 or 2
    y = z * ((1.0 - EULER) + z * polynomial(z, NEAR_TWO))
    y = xp.where(low, y - xp.log1p(z), y)
    return xp.where(lowest, y - xp.log(xp.where(inner == 0, 1.0, inner)), y) + xp.log(product)


def lgamma_far(xp: Any, t: Any) -> Any:
    """ln gamma(t) for t >= 8, and NaN for NaN."""
    inverse = 1.0 / t
    series = [c / ((2 * k + 1) * (2 * k + 2)) for k, c in enumerate(BERNOULLI)]
    tail = inverse * polynomial(inverse * inverse, series[::-1])
    return (t - 0.5) * (xp.log(t) - 1.0) + (0.5 * math.log(2 * math.pi) - 0.5) + tail


@in_single
def polygamma(b: Any, x: Any, n: int) -> Any:
    """The n-th derivative of digamma(x) = d ln gamma(x) / dx: an asymptotic series from 12 + n on, reached by the recurrence
    digamma(x + 1) = digamma(x) + 1/x; reflection below 0. Source: Abramowitz & Stegun 1964, 6.4.6, 6.4.7 and 6.4.11"""
    xp = b.xp
    below = x <= 0
    t = xp.where(below, 1.0 - x, x)
    near = t < 12 + n
    y = piecewise(xp, t, (near, lambda t: polygamma_near(xp, t, n)), (~near, lambda t: polygamma_far(xp, t, n)))
    if not xp.any(below):
        return y
    off = distance(xp, x)
    angle = math.pi * xp.where(off == 0, 0.25, off)
    # (-1)^n digamma_n(1 - x) = digamma_n(x) + d^n/dx^n pi cot(pi x)
    turned = (-1) ** n * y - math.pi ** (n + 1) * polynomial(xp.cos(angle) / xp.sin(angle), cotangent(n))
    if n:
        at_pole = xp.full_like(y, (-1) ** (n + 1) * math.inf)
    else:
        at_pole = xp.where(x == 0, xp.copysign(xp.full_like(y, math.inf), -x), math.nan)
    return xp.where(x == -math.inf, math.nan, xp.where(below & (off == 0), at_pole, xp.where(below, turned, y)))


def polygamma_near(xp: Any, t: Any, n: int) -> Any:
    """The n-th derivative of digamma for 0 < t < 12 + n: 12 + n steps of the recurrence, and the series."""
    y = xp.zeros_like(t)
    for _ in range(12 + n):
        y = y + 1.0 / t ** (n + 1)
        t = t + 1.0
    return (-1) ** (n + 1) * float(math.factorial(n)) * y + polygamma_far(xp, t, n)


def polygamma_far(xp: Any, t: Any, n: int) -> Any:
    """The n-th derivative of digamma for t >= 12 + n, and NaN for NaN."""
    u = 1.0 / (t * t)
    series = [c * math.factorial(2 * k + 1 + n) / math.factorial(2 * k + 2) for k, c in enumerate(BERNOULLI)]
    tail = u * polynomial(u, series[::-1])
    if not n:
        return xp.log(t) - 0.5 / t - tail
    return (-1) ** (n + 1) * (math.factorial(n - 1) + (0.5 * math.factorial(n)) / t + tail) / t**n


def distance(xp: Any, x: Any) -> Any:
    """How far x is above the nearest integer."""
    held = xp.where(xp.isinf(x), 0.5, x)
    return held - xp.round(held)


def cotangent(n: int) -> list[float]:
    """The n-th derivative of cot as a polynomial in cot, highest power first: cot' = -(1 + cot^2)."""
    c = [0.0, 1.0]  # lowest power first
    for _ in range(n):
        slope = [k * a for k, a in enumerate(c)][1:]
        c = [-(p + q) for p, q in zip([*slope, 0.0, 0.0], [0.0, 0.0, *slope], strict=True)]
    return c[::-1]


@in_single
def sinc(b: Any, x: Any, n: int) -> Any:
    """The n-th derivative s_n of sin(pi x) / (pi x): its power series near 0, else from n = 0 up by
    x s_n + n s_(n-1) = pi^(n-1) sin(pi x + n pi/2), which is sin(pi x) / pi = x s differentiated n times."""
    xp = b.xp
    near = xp.abs(x) < 0.8
    z, t = xp.where(near, x, 0.0), math.pi * xp.where(near, 1.0, x)
    c = [0.0] * (30 + n % 2)
    for k in range((n + 1) // 2, (30 + n) // 2):
        c[2 * k - n] = (-1) ** k * math.pi ** (2 * k) / (2 * k + 1) / math.factorial(2 * k - n)
    far = xp.sin(t) / t
    waves = (xp.sin(t), xp.cos(t))
    for k in range(1, n + 1):
        wave = math.pi ** (k - 1) * (1, 1, -1, -1)[k % 4] * waves[k % 2]  # sin(pi x + k pi/2)
        far = (wave - k * far) * (math.pi / t)
    return xp.where(near, polynomial(z, c[::-1]), far)


GAMMA = {f.__name__: f for f in (lgamma, polygamma, sinc)}
