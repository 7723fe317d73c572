"""Questions about elements: comparisons, logic, NaN and infinity. They have no derivative."""

from __future__ import annotations

from ..backends import dtype_of
from ..core import op
from .arithmetic import ordered


@op("elementwise")
def eq(b, x, other):
    """x == other"""
    return b.xp.equal(x, something(other))


@op("elementwise")
def ne(b, x, other):
    """x != other"""
    return b.xp.not_equal(x, something(other))


@op("elementwise")
def lt(b, x, other):
    """x < other"""
    return b.xp.less(ordered(x, other), other)


@op("elementwise")
def le(b, x, other):
    """x <= other"""
    return b.xp.less_equal(ordered(x, other), other)


@op("elementwise")
def gt(b, x, other):
    """x > other"""
    return b.xp.greater(ordered(x, other), other)


@op("elementwise")
def ge(b, x, other):
    """x >= other"""
    return b.xp.greater_equal(ordered(x, other), other)


@op("elementwise")
def logical_and(b, x, other):
    """x and other are both non-zero"""
    return b.xp.logical_and(truth(b, x), truth(b, other))


@op("elementwise")
def logical_or(b, x, other):
    """x or other is non-zero"""
    return b.xp.logical_or(truth(b, x), truth(b, other))


@op("elementwise")
def logical_xor(b, x, other):
    """exactly one of x and other is non-zero"""
    return b.xp.logical_xor(truth(b, x), truth(b, other))


@op("elementwise")
def logical_not(b, x):
    """x is zero"""
    return b.xp.logical_not(truth(b, x))


@op("elementwise")
def bitwise_and(b, x, other):
    """bits set in both; `and` of booleans"""
    return b.xp.bitwise_and(bits(x), bits(other))


@op("elementwise")
def bitwise_or(b, x, other):
    """bits set in either; `or` of booleans"""
    return b.xp.bitwise_or(bits(x), bits(other))


@op("elementwise")
def bitwise_xor(b, x, other):
    """bits set in exactly one"""
    return b.xp.bitwise_xor(bits(x), bits(other))


@op("elementwise")
def bitwise_not(b, x):
    """every bit flipped; `not` of booleans"""
    return b.xp.bitwise_invert(bits(x))


@op("elementwise")
def bitwise_left_shift(b, x, other):
    """y = x 2^other: every bit moved up"""
    return b.xp.bitwise_left_shift(bits(x, shifted=True), bits(other))


@op("elementwise")
def bitwise_right_shift(b, x, other):
    """y = floor(x / 2^other): every bit moved down, the sign kept"""
    return b.xp.bitwise_right_shift(bits(x, shifted=True), bits(other))


@op("elementwise")
def isnan(b, x):
    """x is not a number"""
    return x != x


@op("elementwise")
def isinf(b, x):
    """x is +inf or -inf"""
    return b.xp.isinf(x) if dtype_of(x).is_inexact else b.xp.zeros(x.shape, dtype=b.xp.bool)


@op("elementwise")
def isfinite(b, x):
    """x is neither NaN nor infinite"""
    return b.xp.isfinite(x) if dtype_of(x).is_inexact else b.xp.ones(x.shape, dtype=b.xp.bool)


def bits(x, shifted=False):
    """x, unless it is floating, or boolean and to be shifted: one bit can't be moved."""
    kind = dtype_of(x).kind if hasattr(x, "dtype") else "int" if isinstance(x, int) else "float"
    if kind not in ("int", "bool"):
        raise TypeError("only integers and booleans have bits. Hint: ** for powers, logical_not for masks of numbers")
    if shifted and kind == "bool":
        raise TypeError("booleans have no bits to shift")
    return x


def something(x):
    """x, unless it is None, to which NumPy would compare element by element."""
    if x is None:
        raise TypeError("None is no number")
    return x


def truth(b, x):
    """x as booleans."""
    something(x)
    return x if not hasattr(x, "dtype") or dtype_of(x).kind == "bool" else x != 0
