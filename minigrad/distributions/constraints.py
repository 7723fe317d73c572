"""What parameters and values must satisfy, under PyTorch's names."""

from __future__ import annotations

from typing import Any

from .distribution import (
    Condition,
    boolean,
    lower_cholesky,
    nonnegative,
    nonnegative_integer,
    one_hot,
    positive,
    real,
    real_vector,
    simplex,
    unit,
)

Constraint = Condition
unit_interval = unit
positive_integer = Condition("IntegerGreaterThan(lower_bound=1)", lambda x: (x % 1 == 0) & (x >= 1), 0, True)


def interval(lower_bound: Any, upper_bound: Any) -> Condition:
    """lower_bound <= x <= upper_bound"""
    return Condition(f"Interval(lower_bound={lower_bound}, upper_bound={upper_bound})",
                     lambda x: (x >= lower_bound) & (x <= upper_bound))  # fmt: skip


def half_open_interval(lower_bound: Any, upper_bound: Any) -> Condition:
    """lower_bound <= x < upper_bound"""
    return Condition(f"HalfOpenInterval(lower_bound={lower_bound}, upper_bound={upper_bound})",
                     lambda x: (x >= lower_bound) & (x < upper_bound))  # fmt: skip


def integer_interval(lower_bound: Any, upper_bound: Any) -> Condition:
    """lower_bound <= x <= upper_bound, in whole numbers"""
    return Condition(f"IntegerInterval(lower_bound={lower_bound}, upper_bound={upper_bound})",
                     lambda x: (x % 1 == 0) & (x >= lower_bound) & (x <= upper_bound), 0, True)  # fmt: skip


def greater_than(lower_bound: Any) -> Condition:
    """x > lower_bound"""
    return Condition(f"GreaterThan(lower_bound={lower_bound})", lambda x: x > lower_bound)


def greater_than_eq(lower_bound: Any) -> Condition:
    """x >= lower_bound"""
    return Condition(f"GreaterThanEq(lower_bound={lower_bound})", lambda x: x >= lower_bound)


def less_than(upper_bound: Any) -> Condition:
    """x < upper_bound"""
    return Condition(f"LessThan(upper_bound={upper_bound})", lambda x: x < upper_bound)


def multinomial(upper_bound: Any) -> Condition:
    """Whole numbers along the last dimension that are at least 0 and sum to no more than `upper_bound`."""
    return Condition(f"Multinomial(upper_bound={upper_bound})",
                     lambda x: ((x >= 0) & (x % 1 == 0)).all(-1) & (x.sum(-1) <= upper_bound), 1, True)  # fmt: skip


def independent(base_constraint: Condition, reinterpreted_batch_ndims: int) -> Condition:
    """`base_constraint` of each of the elements that the last dimensions hold."""
    n = reinterpreted_batch_ndims

    def check(x: Any) -> Any:
        each = base_constraint.check(x)
        return each.flatten(-n).all(-1) if n else each

    return Condition(f"IndependentConstraint({base_constraint}, {n})", check, base_constraint.event_dim + n,
                     base_constraint.is_discrete)  # fmt: skip


__all__ = ["Constraint", "boolean", "greater_than", "greater_than_eq", "half_open_interval", "independent",
           "integer_interval", "interval", "less_than", "lower_cholesky", "multinomial", "nonnegative",
           "nonnegative_integer", "one_hot", "positive", "positive_integer", "real", "real_vector", "simplex",
           "unit_interval"]  # fmt: skip
