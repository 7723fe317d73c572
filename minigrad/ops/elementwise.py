"""Functions of each element: powers, exponentials, trigonometry, activations' primitives, rounding."""

from __future__ import annotations

import builtins
import cmath
import math
from typing import Any

from ..backends import DTYPES, DivisionError, backend_of, dtype_of, is_complex
from ..core import op
from .arithmetic import conj_op, ordered, where


@op("elementwise", floats=True)
def exp(b, x):
    """y = e^x"""
    return b.xp.exp(x)


@op("elementwise", floats=True)
def expm1(b, x):
    """y = e^x - 1, exact near 0"""
    return b.xp.expm1(x)


@op("elementwise", floats=True)
def log(b, x):
    """y = ln x"""
    return b.xp.log(x)


@op("elementwise", floats=True)
def log2(b, x):
    """y = log2 x"""
    return b.xp.log2(x)


@op("elementwise", floats=True)
def log1p(b, x):
    """y = ln(1 + x), exact near 0"""
    return b.xp.log1p(x)


@op("elementwise", floats=True)
def sqrt(b, x):
    """y = sqrt x. The slope at 0 is infinite, as in PyTorch."""
    return b.xp.sqrt(x)


@op("elementwise", floats=True)
def rsqrt(b, x):
    """y = 1 / sqrt x"""
    return 1.0 / b.xp.sqrt(x)


@op("elementwise")
def square(b, x):
    """y = x^2; int64 for booleans, as in PyTorch"""
    if x.dtype is b.native(DTYPES["bool"]):
        return b.xp.astype(x, b.xp.int64)
    return b.xp.multiply(x, x)


@op("elementwise", floats=True)
def reciprocal(b, x):
    """y = 1 / x"""
    return 1.0 / x


@op("elementwise")
def pow(b, x, other):
    """y = x ^ other. The slope in x is 0 where other = 0; the slope in other is 0 where x = 0 <= other, as in PyTorch.

    Among integers a tensor of negative exponents gives the whole part: 1 / x if x is 1 or -1, else 0.
    """
    if getattr(x, "dtype", None) is b.native(DTYPES["bool"]):
        raise TypeError("booleans have no powers")
    if isinstance(other, b.array_type) and dtype_of(other).kind == "int":
        return b.where((other >= 0) | (builtins.abs(x) == 1), b.xp.pow(x, builtins.abs(other)), b.xp.zeros_like(other))
    return b.xp.pow(x, other)


@op("elementwise", floats=True)
def sin(b, x):
    """y = sin x"""
    return b.xp.sin(x)


@op("elementwise", floats=True)
def cos(b, x):
    """y = cos x"""
    return b.xp.cos(x)


@op("elementwise", floats=True)
def tan(b, x):
    """y = tan x"""
    return b.xp.tan(x)


@op("elementwise", floats=True)
def tanh(b, x):
    """y = tanh x"""
    return b.xp.tanh(x)


@op("elementwise", floats=True)
def sigmoid(b, x):
    """y = 1 / (1 + e^-x), with all its digits also where y is close to 0"""
    return b.sigmoid(x)


@op("elementwise", floats=True)
def softplus(b, x):
    """y = ln(1 + e^x), computed as max(x, 0) + ln(1 + e^-|x|), which does not overflow"""
    return b.xp.maximum(x, 0) + b.xp.log1p(b.xp.exp(-b.xp.abs(x)))


@op("elementwise", floats=True)
def erf(b, x):
    """y = 2/sqrt(pi) times the integral of e^(-t^2) from 0 to x"""
    return b.erf(x)


@op("elementwise", floats=True)
def erfc(b, x):
    """y = 1 - erf(x), exact where erf(x) is near 1"""
    return b.erfc(x)


@op("elementwise", floats=True)
def erfinv(b, x):
    """y with erf(y) = x; infinite at -1 and 1, NaN beyond"""
    return b.erfinv(x)


@op("elementwise")
def relu(b, x):
    """y = max(x, 0). The slope at 0 is 0, as in PyTorch."""
    return b.relu(ordered(numbers(x)))


def through_relu(g, y):
    """What a ReLU whose output is y lets through of g; NaN lets it through, as in PyTorch."""
    return where(y <= 0, 0.0, g)


@op("elementwise", floats=True)
def gelu(b, x, *, approximate="none"):
    """y = x Phi(x), Phi the normal distribution function, or ("tanh") Phi ~ (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2"""
    return b.gelu(x, approximate)


@gelu.define
def gelu_definition(x, *, approximate="none"):
    if approximate == "none":
        return x * (0.5 + 0.5 * erf(x * math.sqrt(0.5)))
    return x * (0.5 + 0.5 * tanh((x + x * x * x * 0.044715) * math.sqrt(2 / math.pi)))


def gelu_slope(x, approximate):
    """Phi(x) + x Phi'(x)"""
    if approximate == "none":
        phi = 0.5 + 0.5 * erf(x * math.sqrt(0.5))
        return phi + x * exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi))
    phi = 0.5 + 0.5 * tanh((x + x * x * x * 0.044715) * math.sqrt(2 / math.pi))
    return phi + x * (2.0 * phi * (1.0 - phi)) * (math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x * x))


@op("elementwise")
def abs(b, x):
    """y = |x|. The slope at 0 and of NaN is 0."""
    return b.xp.abs(numbers(x))


@op("elementwise")
def sign(b, x):
    """y = (x > 0) - (x < 0): -1, 0 or 1, and 0 for NaN, as in PyTorch. Its slope is 0 everywhere."""
    if is_complex(x):
        raise TypeError("complex numbers have no sign. Hint: sgn")
    if dtype_of(x).kind == "bool":
        return b.xp.asarray(x, copy=True)
    return b.xp.astype(x > 0, x.dtype) - b.xp.astype(x < 0, x.dtype)


@op("general", name="sgn")
def direction(b, x):
    """y = x / |x| of complex numbers, and 0 at 0, with the slope 0 there"""
    size = b.xp.abs(x)
    return x / b.xp.where(size == 0, b.xp.ones_like(size), size)


@op("elementwise")
def clamp(b, x, *, min=None, max=None):
    """y = min(max(x, min), max). The slope is 1 inside and at the borders, 0 outside."""
    return b.xp.clip(ordered(x), min, max)


@op("elementwise")
def floor(b, x):
    """y = the largest integer <= x; slope 0"""
    return b.xp.floor(ordered(numbers(x)))


@op("elementwise")
def ceil(b, x):
    """y = the smallest integer >= x; slope 0"""
    return b.xp.ceil(ordered(numbers(x)))


@op("elementwise")
def round(b, x, *, decimals=0):
    """y = the nearest multiple of 10^-decimals, halves to even; slope 0"""
    if not decimals:
        return b.xp.round(ordered(numbers(x)))
    scale = 10.0 ** builtins.abs(decimals)
    return b.xp.round(x * scale) / scale if decimals > 0 else b.xp.round(x / scale) * scale


@op("elementwise")
def trunc(b, x):
    """y = x without its fraction; slope 0"""
    return b.xp.trunc(ordered(numbers(x)))


@op("elementwise")
def floor_divide(b, x, other):
    """y = the largest integer <= x / other; slope 0"""
    return b.xp.floor_divide(x, divisor(b, "floor_divide", x, other))


@op("elementwise")
def remainder(b, x, other):
    """y = x - other floor(x / other), with the sign of other, as Python's %; 0 has the sign of x, as C's fmod gives it"""
    y = b.xp.remainder(x, divisor(b, "remainder", x, other))
    return b.xp.where(y == 0, b.xp.ones_like(y) * (0.0 * x), y) if dtype_of(y).kind == "float" else y


def numbers(x):
    """x, unless it is boolean."""
    if getattr(getattr(x, "dtype", None), "kind", "") == "b":
        raise TypeError("not for booleans, which are no numbers")
    return x


def divisor(b, name, x, other):
    """`other`, unless an integer is to be divided by 0: integers have no infinity to answer with."""
    kind = dtype_of(x if hasattr(x, "dtype") else other).kind
    if kind == "bool":
        raise TypeError("booleans have no quotient")
    if kind == "int" and b.xp.any(b.xp.asarray(other) == 0):
        raise DivisionError(f"{name}: integer division by zero. Hint: divide floating tensors")
    return other


exp.vjp(x=lambda g, y: g * y)
expm1.vjp(x=lambda g, y: g * (y + 1))
log.vjp(x=lambda g, x: g / x)
log2.vjp(x=lambda g, x: g / (x * math.log(2)))
log1p.vjp(x=lambda g, x: g / (1 + x))
sqrt.vjp(x=lambda g, y: 0.5 * g / y)
rsqrt.vjp(x=lambda g, y: -0.5 * g * y * y * y)
square.vjp(x=lambda g, x: 2.0 * g * x)
reciprocal.vjp(x=lambda g, y: -g * y * y)
pow.vjp(
    x=lambda g, x, other: g * slope_in_base(x, other),
    other=lambda g, y, x, other: g * slope_in_exponent(y, x, other),
)
sin.vjp(x=lambda g, x: g * cos(x))
cos.vjp(x=lambda g, x: -g * sin(x))
tan.vjp(x=lambda g, y: g * (1 + y * y))
tanh.vjp(x=lambda g, y: g * (1 - y * y))
sigmoid.vjp(x=lambda g, y: g * y * (1 - y))
softplus.vjp(x=lambda g, x: g * sigmoid(x))
erf.vjp(x=lambda g, x: g * exp(-x * x) * (2 / math.sqrt(math.pi)))
erfc.vjp(x=lambda g, x: g * exp(-x * x) * (-2 / math.sqrt(math.pi)))
erfinv.vjp(x=lambda g, y: g * exp(y * y) * (math.sqrt(math.pi) / 2))
gelu.vjp(x=lambda g, x, approximate: g * gelu_slope(x, approximate))
gelu.fused = lambda g, x, approximate: [backend_of(g).gelu_backward(g, x, approximate)]
relu.vjp(x=lambda g, y: through_relu(g, y))
relu.fused = lambda g, y: [backend_of(g).relu_backward(g, y)]
abs.vjp(x=lambda g, x: g * (conj_op(direction(x)) if is_complex(getattr(x, "array", x)) else sign(x)))
direction.vjp(x=lambda g, y, x: (g - conj_op(y) * real_part(g * y)) / where(x == 0, math.inf, abs(x)))
sign.vjp(x=lambda g: g * 0.0)
clamp.vjp(x=lambda g, x, min, max: where(inside(x, min, max), g, 0.0))
floor.vjp(x=lambda g: g * 0.0)
ceil.vjp(x=lambda g: g * 0.0)
round.vjp(x=lambda g: g * 0.0)
trunc.vjp(x=lambda g: g * 0.0)
floor_divide.vjp(x=lambda g: g * 0.0, other=lambda g: g * 0.0)
remainder.vjp(x=lambda g: g, other=lambda g, x, other: -g * floor_divide(x, other))  # x / other may round to the next integer


def real_part(x: Any) -> Any:
    """The real parts of complex numbers, as complex numbers."""
    return 0.5 * (x + conj_op(x))


def slope_in_base(x: Any, other: Any) -> Any:
    """other x^(other - 1), and 0 where other is 0 (x^-1 may be infinite there)."""
    if isinstance(other, (int, float, complex)):
        return other * x ** (other - 1) if other else 0.0
    return where(other == 0, 0.0, other * x ** (other - 1))


def slope_in_exponent(y: Any, x: Any, other: Any) -> Any:
    """y ln x, and 0 where x = 0 <= other."""
    complex_power = is_complex(getattr(y, "array", y))
    at = other.real if complex_power and not isinstance(other, int) else other
    if isinstance(x, (int, float, complex)):
        if x == 0:
            return where(at >= 0, 0.0, y * -math.inf)
        return y * (cmath.log(x) if complex_power else math.log(x) if x > 0 else math.nan)  # type: ignore
    nought = (x == 0) & (at >= 0)
    return y * log(where(nought, 1.0, x))


def inside(x: Any, low: float | None, high: float | None) -> Any:
    """Whether low <= x <= high, with None for no bound."""
    above = None if low is None else x >= low
    below = None if high is None else x <= high
    return below if above is None else above if below is None else above & below
