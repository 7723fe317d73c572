"""Functions of each element beyond the common ones: inverse and hyperbolic trigonometry, gamma functions, odd pairs."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

from ..backends import DTypeError, dtype_of, finfo
from ..core import Tensor, op
from .arithmetic import clone, where
from .compare import isfinite, isnan
from .create import ones_like
from .elementwise import abs, clamp, divisor, log, log1p, rsqrt, sigmoid, trunc
from .operands import floating, tensor_of


@op("elementwise", floats=True)
def asin(b, x):
    """y with sin y = x, in [-pi/2, pi/2]; NaN beyond [-1, 1]. The slope at -1 and 1 is infinite."""
    return b.xp.asin(x)


@op("elementwise", floats=True)
def acos(b, x):
    """y with cos y = x, in [0, pi]; NaN beyond [-1, 1]. The slope at -1 and 1 is infinite."""
    return b.xp.acos(x)


@op("elementwise", floats=True)
def atan(b, x):
    """y with tan y = x, in (-pi/2, pi/2)"""
    return b.xp.atan(x)


@op("elementwise", floats=True)
def atan2(b, x, other):
    """The angle of the point (other, x), in [-pi, pi]. The slopes at the origin are 0, as in PyTorch."""
    return b.xp.atan2(x, other)


@op("elementwise", floats=True)
def sinh(b, x):
    """y = (e^x - e^-x) / 2"""
    return b.xp.sinh(x)


@op("elementwise", floats=True)
def cosh(b, x):
    """y = (e^x + e^-x) / 2"""
    return b.xp.cosh(x)


@op("elementwise", floats=True)
def asinh(b, x):
    """y with sinh y = x"""
    return b.xp.asinh(x)


@op("elementwise", floats=True)
def acosh(b, x):
    """y >= 0 with cosh y = x; NaN below 1. The slope at 1 is infinite."""
    return b.xp.acosh(x)


@op("elementwise", floats=True)
def atanh(b, x):
    """y with tanh y = x; infinite at -1 and 1, NaN beyond"""
    return b.xp.atanh(x)


@op("elementwise", floats=True)
def exp2(b, x):
    """y = 2^x"""
    return b.xp.pow(b.xp.full_like(x, 2.0), x)


@op("elementwise", floats=True)
def log10(b, x):
    """y = log10 x"""
    return b.xp.log10(x)


@op("elementwise", floats=True)
def lgamma(b, x):
    """y = ln |gamma(x)|; infinite at 0, -1, -2 ..."""
    return b.lgamma(x)


@op("elementwise", floats=True, name="polygamma")
def polygamma_op(b, x, *, n):
    """y = the n-th derivative of digamma(x) = d ln gamma(x) / dx"""
    return b.polygamma(x, n)


@op("elementwise", floats=True, name="sinc")
def sinc_op(b, x, *, n=0):
    """y = sin(pi x) / (pi x), 1 at 0; or its n-th derivative"""
    return b.sinc(x, n)


@op("elementwise", floats=True)
def hypot(b, x, other):
    """y = sqrt(x^2 + other^2), without overflow. The slope at the origin is NaN, as in PyTorch."""
    return b.xp.hypot(x, other)


@op("elementwise", floats=True)
def copysign(b, x, other):
    """y = |x| with the sign of other. The slope in x at 0 is 0; that in other is 0."""
    return b.xp.copysign(x, other)


@op("elementwise", floats=True)
def logaddexp(b, x, other):
    """y = ln(e^x + e^other), without overflow"""
    return b.logaddexp(*both(b, x, other))


@op("elementwise", floats=True)
def logaddexp2(b, x, other):
    """y = log2(2^x + 2^other), without overflow"""
    xp = b.xp
    x, other = both(b, x, other)
    more = xp.log1p(xp.exp(xp.abs(xp.where(x == other, xp.zeros_like(x), x - other)) * -math.log(2))) / math.log(2)
    return xp.maximum(x, other) + more


@op("elementwise", floats=True)
def xlogy(b, x, other):
    """y = x ln(other), 0 where x = 0 (but NaN where other is). The slope in x is 0 where x = 0 >= other."""
    xp = b.xp
    x, other = both(b, x, other)
    nought = (x == 0) & (other == other)
    return xp.where(nought, xp.zeros_like(x), x * xp.log(xp.where(nought, xp.ones_like(other), other)))


@op("elementwise")
def fmax(b, x, other):
    """y = max(x, other), the other operand where one is NaN. Equal operands: x takes the gradient."""
    x, other = both(b, x, other)
    return b.xp.where((x >= other) | (other != other), x, other)


@op("elementwise")
def fmin(b, x, other):
    """y = min(x, other), the other operand where one is NaN. Equal operands: x takes the gradient."""
    x, other = both(b, x, other)
    return b.xp.where((x <= other) | (other != other), x, other)


@op("elementwise")
def fmod(b, x, other):
    """y = x - other trunc(x / other), with the sign of x, as C's %"""
    x, other = both(b, x, other)
    rest = b.xp.remainder(b.xp.abs(x), b.xp.abs(divisor(b, "fmod", x, other)))
    return b.xp.where(x < 0, -rest, rest)


@op("elementwise", name="nan_to_num")
def nan_to_num_op(b, x, *, nan, posinf, neginf):
    """x with numbers for NaN, +inf and -inf. Its slope is 0 there."""
    xp = b.xp
    y = xp.where(x == math.inf, posinf, x)
    y = xp.where(x == -math.inf, neginf, y)
    return xp.where(x != x, nan, y)


@op("elementwise")
def heaviside(b, x, values):
    """0 for x < 0, `values` for x = 0, 1 for x > 0. It has no derivative."""
    x, values = both(b, x, values)
    return b.xp.where(x == 0, values, b.xp.astype(x > 0, values.dtype))


@op("elementwise")
def signbit(b, x):
    """Whether the sign bit is set: x < 0, or x is -0.0"""
    return b.xp.signbit(x) if dtype_of(x).kind == "float" else x < 0


def both(b: Any, x: Any, other: Any) -> tuple[Any, Any]:
    """Two operands as arrays of one type; a Python number takes that of the other."""
    if x is None or other is None:
        raise TypeError("None is no number")
    kind = x.dtype if hasattr(x, "dtype") else other.dtype
    return tuple(v if hasattr(v, "dtype") else b.xp.asarray(v, dtype=kind) for v in (x, other))  # type: ignore[return-value]


asin.vjp(x=lambda g, x: g * rsqrt(1 - x * x))
acos.vjp(x=lambda g, x: -g * rsqrt(1 - x * x))
atan.vjp(x=lambda g, x: g / (1 + x * x))
atan2.vjp(
    x=lambda g, x, other: g * other / squares(x, other),
    other=lambda g, x, other: -g * x / squares(x, other),
)
sinh.vjp(x=lambda g, x: g * cosh(x))
cosh.vjp(x=lambda g, x: g * sinh(x))
asinh.vjp(x=lambda g, x: g * rsqrt(x * x + 1))
acosh.vjp(x=lambda g, x: g * rsqrt(x * x - 1))
atanh.vjp(x=lambda g, x: g / (1 - x * x))
exp2.vjp(x=lambda g, y: g * y * math.log(2))
log10.vjp(x=lambda g, x: g / (x * math.log(10)))
lgamma.vjp(x=lambda g, x: g * polygamma_op(x, n=0))
polygamma_op.vjp(x=lambda g, x, n: g * polygamma_op(x, n=n + 1))
sinc_op.vjp(x=lambda g, x, n: g * sinc_op(x, n=n + 1))
hypot.vjp(x=lambda g, y, x: g * x / y, other=lambda g, y, other: g * other / y)
copysign.vjp(x=lambda g, y, x: where(x == 0, 0.0, g * y / where(x == 0, 1.0, x)), other=lambda g: g * 0.0)
logaddexp.vjp(x=lambda g, x, other: g * sigmoid(x - other), other=lambda g, x, other: g * sigmoid(other - x))
logaddexp2.vjp(
    x=lambda g, x, other: g * sigmoid((x - other) * math.log(2)),
    other=lambda g, x, other: g * sigmoid((other - x) * math.log(2)),
)
xlogy.vjp(x=lambda g, x, other: g * xlogy_slope(x, other), other=lambda g, x, other: g * x / other)
fmax.vjp(
    x=lambda g, x, other: where((x >= other) | isnan(other), g, 0.0),
    other=lambda g, x, other: where((x >= other) | isnan(other), 0.0, g),
)
fmin.vjp(
    x=lambda g, x, other: where((x <= other) | isnan(other), g, 0.0),
    other=lambda g, x, other: where((x <= other) | isnan(other), 0.0, g),
)
fmod.vjp(x=lambda g: g, other=lambda g, x, other: -g * trunc(x / other))
nan_to_num_op.vjp(x=lambda g, x: where(isfinite(x), g, 0.0))


def squares(x: Any, other: Any) -> Any:
    """x^2 + other^2, and 1 where both are 0."""
    total = x * x + other * other
    return where(total == 0, 1.0, total)


def xlogy_slope(x: Any, other: Any) -> Any:
    """ln(other), and 0 where x = 0 >= other."""
    if isinstance(other, (int, float)):
        return math.log(other) if other > 0 else where(x == 0, 0.0, -math.inf if other == 0 else math.nan)
    nought = (x == 0) & (other <= 0)
    return where(nought, 0.0, log(where(nought, 1.0, other)))


# -- what users call -------------------------------------------------------------------------------------------------


def digamma(input: Tensor) -> Tensor:
    """d ln gamma(x) / dx; -inf at 0, NaN at -1, -2 ..."""
    return polygamma_op(tensor_of("digamma", input), n=0)


def polygamma(n: Any, input: Any) -> Tensor:
    """The n-th derivative of `digamma`. Raises ValueError unless n is an integer from 0 to 1000 (from 171 on n! is inf)."""
    if isinstance(n, Tensor):  # the method's order of arguments: x.polygamma(n)
        n, input = input, n
    if not hasattr(n, "__index__") or not 0 <= n <= 1000:
        raise ValueError(f"polygamma: n must be an integer >= 0 and <= 1000, got {n!r}")
    return polygamma_op(tensor_of("polygamma", input), n=int(n))


def sinc(input: Tensor) -> Tensor:
    """sin(pi x) / (pi x), and 1 at 0."""
    return sinc_op(tensor_of("sinc", input))


def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """ln(x / (1 - x)), x first kept between eps and 1 - eps if given (the slope is 0 outside); NaN, as is the slope,
    beyond [0, 1]."""
    x = tensor_of("logit", input)
    x = floating(x)
    x = x if eps is None else clamp(x, min=eps, max=1 - eps)
    x = x * where((x < 0) | (x > 1), math.nan, ones_like(x))
    return log(x) - log1p(-x)


def frac(input: Tensor) -> Tensor:
    """x - trunc(x). Raises DTypeError for integers."""
    if not tensor_of("frac", input).dtype.is_floating_point:
        raise DTypeError(f"frac: expected a floating tensor, got {input.dtype!r}. Hint: .float()")
    return input - trunc(input)


def positive(input: Tensor) -> Tensor:
    """+x: the tensor itself. Raises DTypeError for booleans."""
    if tensor_of("positive", input).dtype.kind == "bool":
        raise DTypeError("positive: not possible for booleans. Hint: .int()")
    return input


def nan_to_num(input: Tensor, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """`input` with numbers for NaN, +inf and -inf (the type's largest and smallest if None)."""
    if not tensor_of("nan_to_num", input).dtype.is_floating_point:
        return clone(input)
    for name, value in (("nan", nan), ("posinf", posinf), ("neginf", neginf)):
        if not (value is None or isinstance(value, Real)):
            raise TypeError(f"nan_to_num: {name} must be a number or None, got {type(value).__name__}")
    most = finfo(input.dtype).max
    posinf, neginf = most if posinf is None else posinf, -most if neginf is None else neginf
    return nan_to_num_op(input, nan=0.0 if nan is None else nan, posinf=posinf, neginf=neginf)


def isposinf(input: Tensor) -> Tensor:
    """Whether x is +inf."""
    return tensor_of("isposinf", input) == math.inf


def isneginf(input: Tensor) -> Tensor:
    """Whether x is -inf."""
    return tensor_of("isneginf", input) == -math.inf


def isclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor:
    """|x - other| <= atol + rtol |other|, element by element; infinities are close to themselves, NaN only if
    `equal_nan`."""
    if rtol < 0 or atol < 0:
        raise ValueError(f"isclose: rtol and atol must be >= 0, got {rtol} and {atol}")
    if tensor_of("isclose", input).dtype is not tensor_of("isclose", other, "other").dtype:
        raise DTypeError(f"isclose: expected one type, got {input.dtype!r} and {other.dtype!r}. Hint: .to(dtype)")
    same = input == other
    if input.dtype.is_inexact:
        near = isfinite(other) & (abs(input - other) <= atol + rtol * abs(other))
        same = same | near
        if equal_nan:
            same = same | (isnan(input) & isnan(other))
    elif input.dtype.kind == "int":
        same = same | (abs(input - other) <= atol + rtol * abs(other))
    return same


def allclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether all elements are close, as in `isclose`."""
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


def equal(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape and elements."""
    return tuple(tensor_of("equal", input).shape) == tuple(tensor_of("equal", other, "other").shape) and bool(
        (input == other).all()
    )
