"""Bessel functions of the second kind, modified ones that fall, and Airy's, of order 0 and 1: on the host, in float64.

Far from 0 each is an integral of e^(-s^2) times a function that is analytic near the real line. There the trapezoidal rule
converges faster than any power, so that some sixty points give all digits; near 0 each is a power series.
Source: Watson 1922, A Treatise on the Theory of Bessel Functions, 3.51, 6.22 and 7.2 (Hankel's integrals); Abramowitz & Stegun
1964, 10.4.2 and 10.4.7; Trefethen & Weideman 2014, The exponentially convergent trapezoidal rule.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

EULER = 0.57721566490153286
STEP = 0.1
POINTS = [(STEP * k, STEP if k else STEP / 2) for k in range(68)]  # to where e^(-0.87 s^2) is nothing; the rest is the same
VALUE, SLOPE = 3 ** (-2 / 3) / math.gamma(2 / 3), -(3 ** (-1 / 3)) / math.gamma(1 / 3)  # of Airy's function at 0


def parted(x: np.ndarray, border: float, near: Any, far: Any) -> np.ndarray:
    """near(x) up to the border, far(x) beyond it; each computed for those elements alone."""
    flat, low = x.ravel(), x.ravel() <= border
    y = np.empty_like(flat)
    y[low], y[~low] = near(flat[low]), far(flat[~low])
    return y.reshape(x.shape)


def series(x: np.ndarray, n: int, sign: int) -> tuple[np.ndarray, np.ndarray]:
    """J_n (sign -1) or I_n (1); and the sum of (psi(k + 1) + psi(n + k + 1)) (sign x^2/4)^k / (k! (n + k)!) (x/2)^n."""
    term = (x / 2) ** n / math.factorial(n)
    first, second = np.zeros_like(x), np.zeros_like(x)
    one, other = -EULER, -EULER + sum(1 / j for j in range(1, n + 1))
    for k in range(32):
        first, second = first + term, second + (one + other) * term
        term = term * (sign * x * x / 4) / ((k + 1) * (k + 1 + n))
        one, other = one + 1 / (k + 1), other + 1 / (k + 1 + n)
    return first, second


def hankel(x: np.ndarray, n: int, turn: complex) -> np.ndarray:
    """The integral of e^-u u^(n - 1/2) (1 + turn u / (2 x))^(n - 1/2) over u > 0, by u = s^2, over gamma(n + 1/2)."""
    total = np.zeros(x.shape, dtype=complex)
    for s, weight in POINTS:
        total += 2 * weight * math.exp(-s * s) * s ** (2 * n) * (1 + turn * s * s / (2 * x)) ** (n - 0.5)
    return total / math.gamma(n + 0.5)


def bessel_y(x: np.ndarray, n: int) -> np.ndarray:
    """Y_n(x): -inf at 0, NaN below it and at infinity."""

    def near(x: np.ndarray) -> np.ndarray:
        first, second = series(x, n, -1)
        return (2 * np.log(x / 2) * first - second - (2 / x if n else 0)) / math.pi

    def far(x: np.ndarray) -> np.ndarray:
        both = hankel(x, n, 1j) * np.exp(1j * (x - (2 * n + 1) * math.pi / 4))
        return np.sqrt(2 / (math.pi * x)) * both.imag

    y = parted(np.where((x > 0) & (x < math.inf), x, 1.0), 4, near, far)
    return np.where(x == 0, -math.inf, np.where((x > 0) & (x < math.inf), y, math.nan))


def bessel_k(x: np.ndarray, n: int, scaled: bool) -> np.ndarray:
    """K_n(x), times e^x if scaled: inf at 0, NaN below it."""

    def near(x: np.ndarray) -> np.ndarray:
        first, second = series(x, n, 1)
        y = (-1) ** (n + 1) * (np.log(x / 2) * first - second / 2) + (1 / x if n else 0)
        return y * np.exp(x) if scaled else y

    def far(x: np.ndarray) -> np.ndarray:
        return np.sqrt(math.pi / (2 * x)) * hankel(x, n, 1).real * (1 if scaled else np.exp(-x))

    y = parted(np.where(x > 0, x, 1.0), 2, near, far)
    return np.where(x == 0, math.inf, np.where(x > 0, y, math.nan))


def airy(x: np.ndarray, order: int) -> np.ndarray:
    """Ai(x), or Ai'(x) for order 1; NaN at infinities."""

    def near(x: np.ndarray) -> np.ndarray:
        total = np.zeros_like(x)
        for start, c in ((0, VALUE), (1, SLOPE)):
            for m in range(start, start + 30, 3):
                total += c * x**m if not order else m * c * x ** max(m - 1, 0)
                c /= (m + 2) * (m + 3)
        return total

    def far(x: np.ndarray) -> np.ndarray:
        size, right = np.abs(x), x > 0
        root = np.sqrt(size) * np.where(right, 1, np.exp(1j * math.pi / 6))  # of z: x, or |x| turned by a sixth of a circle
        sums, wide = np.zeros((2, *x.shape), dtype=complex), size**-0.25
        for s, weight in POINTS:
            t = s * wide
            wave = weight * wide * np.exp(-root * t * t) * np.cos(t**3 / 3)
            sums += wave, wave * t * t
        front = np.exp(-2 / 3 * root**3) / math.pi
        y = front * (-root * sums[0] - sums[1] / (2 * root) if order else sums[0])
        turned = 2 * (y * np.exp(1j * math.pi * (1 + order) / 3)).real  # 10.4.7, and its derivative
        return np.where(right, y.real, -turned if order else turned)

    inner = np.abs(x) < math.inf
    known = np.where(inner, x, 0.0)
    small = np.abs(known) <= 1
    y = np.empty_like(known)
    y[small], y[~small] = near(known[small]), far(known[~small])
    return np.where(inner, y, math.nan)
