"""What parameters and values must satisfy, under PyTorch's names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..backends import finfo
from ..ops import functions, linalg


class Constraint:
    """A condition that numbers meet or don't. Of your own: `check(value)`, and `event_dim` and `is_discrete` where they are
    not these."""

    event_dim: Any = 0  # of how many dimensions one value is
    is_discrete: Any = False  # whether there are gaps between values

    def check(self, value: Any) -> Any:
        """Whether each value meets it: True or False, of the value's shape without its last `event_dim` dimensions."""
        raise NotImplementedError(f"{type(self).__name__}: check")

    def __repr__(self) -> str:
        bounds = ", ".join(f"{name}={bound}" for name, bound in vars(self).items())
        return f"{type(self).__name__.lstrip('_')}({bounds})"


# -- of each number --------------------------------------------------------------------------------------------------------


class Real(Constraint):
    """Any number but NaN."""

    def check(self, value: Any) -> Any:
        return value == value


class Boolean(Constraint):
    """0 or 1"""

    is_discrete = True

    def check(self, value: Any) -> Any:
        return (value == 0) | (value == 1)


class Above(Constraint):
    """The base of conditions with a lower bound."""

    def __init__(self, lower_bound: Any) -> None:
        self.lower_bound = lower_bound


class Below(Constraint):
    """The base of conditions with an upper bound."""

    def __init__(self, upper_bound: Any) -> None:
        self.upper_bound = upper_bound


class Between(Constraint):
    """The base of conditions with two bounds."""

    def __init__(self, lower_bound: Any, upper_bound: Any) -> None:
        self.lower_bound, self.upper_bound = lower_bound, upper_bound


class GreaterThan(Above):
    """x > lower_bound"""

    def check(self, value: Any) -> Any:
        return value > self.lower_bound


class GreaterThanEq(Above):
    """x >= lower_bound"""

    def check(self, value: Any) -> Any:
        return value >= self.lower_bound


class LessThan(Below):
    """x < upper_bound"""

    def check(self, value: Any) -> Any:
        return value < self.upper_bound


class Interval(Between):
    """lower_bound <= x <= upper_bound"""

    def check(self, value: Any) -> Any:
        return (value >= self.lower_bound) & (value <= self.upper_bound)


class HalfOpenInterval(Between):
    """lower_bound <= x < upper_bound"""

    def check(self, value: Any) -> Any:
        return (value >= self.lower_bound) & (value < self.upper_bound)


class IntegerGreaterThan(Above):
    """x >= lower_bound, in whole numbers"""

    is_discrete = True

    def check(self, value: Any) -> Any:
        return (value % 1 == 0) & (value >= self.lower_bound)


class IntegerInterval(Between):
    """lower_bound <= x <= upper_bound, in whole numbers"""

    is_discrete = True

    def check(self, value: Any) -> Any:
        return (value % 1 == 0) & (value >= self.lower_bound) & (value <= self.upper_bound)


# -- of vectors ------------------------------------------------------------------------------------------------------------


class Simplex(Constraint):
    """At least 0 along the last dimension, with the sum 1."""

    event_dim = 1

    def check(self, value: Any) -> Any:
        return (value >= 0).all(-1) & ((value.sum(-1) - 1).abs() < 1e-6)


class OneHot(Constraint):
    """One 1 along the last dimension, and 0 elsewhere."""

    event_dim, is_discrete = 1, True

    def check(self, value: Any) -> Any:
        return ((value == 0) | (value == 1)).all(-1) & (value.sum(-1) == 1)


class Multinomial(Below):
    """Whole numbers along the last dimension that are at least 0 and sum to no more than `upper_bound`."""

    event_dim, is_discrete = 1, True

    def check(self, value: Any) -> Any:
        return ((value >= 0) & (value % 1 == 0)).all(-1) & (value.sum(-1) <= self.upper_bound)


# -- of matrices -----------------------------------------------------------------------------------------------------------


class LowerTriangular(Constraint):
    """0 above the diagonal."""

    event_dim = 2

    def check(self, value: Any) -> Any:
        return (value.tril() == value).flatten(-2).all(-1)


class LowerCholesky(LowerTriangular):
    """0 above the diagonal, and positive on it."""

    def check(self, value: Any) -> Any:
        return super().check(value) & (value.diagonal(dim1=-2, dim2=-1) > 0).all(-1)


class CorrCholesky(LowerCholesky):
    """The Cholesky factor of a matrix of correlations: its rows are of length 1."""

    def check(self, value: Any) -> Any:
        off = (linalg.vector_norm(value, dim=-1) - 1).abs()
        return super().check(value) & (off <= 10 * value.shape[-1] * finfo(value.dtype).eps).all(-1)


class Square(Constraint):
    """As many rows as columns."""

    event_dim = 2

    def check(self, value: Any) -> Any:
        return functions.full(value.shape[:-2], value.shape[-2] == value.shape[-1], dtype="bool", device=value.device)


class Symmetric(Square):
    """Equal to its transpose, to a relative 1e-5 and an absolute 1e-6."""

    def check(self, value: Any) -> Any:
        square = super().check(value)
        return square & functions.isclose(value, value.mT, atol=1e-6).flatten(-2).all(-1) if square.all() else square


class PositiveSemidefinite(Symmetric):
    """Symmetric, with no eigenvalue below 0."""

    def check(self, value: Any) -> Any:
        symmetric = super().check(value)
        return (linalg.eigvalsh(value) >= 0).all(-1) if symmetric.all() else symmetric


class PositiveDefinite(Symmetric):
    """Symmetric, with all eigenvalues above 0: it has a Cholesky factor."""

    def check(self, value: Any) -> Any:
        symmetric = super().check(value)
        return linalg.cholesky_ex(value).info == 0 if symmetric.all() else symmetric


# -- made of others --------------------------------------------------------------------------------------------------------


class IndependentConstraint(Constraint):
    """`base_constraint` of each of the elements that the last `reinterpreted_batch_ndims` dimensions hold."""

    def __init__(self, base_constraint: Constraint, reinterpreted_batch_ndims: int) -> None:
        self.base_constraint, self.reinterpreted_batch_ndims = base_constraint, reinterpreted_batch_ndims

    @property
    def event_dim(self) -> int:
        return self.base_constraint.event_dim + self.reinterpreted_batch_ndims

    @property
    def is_discrete(self) -> bool:
        return self.base_constraint.is_discrete

    def check(self, value: Any) -> Any:
        each = self.base_constraint.check(value)
        if each.ndim < self.reinterpreted_batch_ndims:
            raise ValueError(f"IndependentConstraint: Expected value.dim() >= {self.event_dim} but got {value.ndim}")
        return each.flatten(-self.reinterpreted_batch_ndims).all(-1) if self.reinterpreted_batch_ndims else each

    def __repr__(self) -> str:
        return f"IndependentConstraint({self.base_constraint!r}, {self.reinterpreted_batch_ndims})"


class MixtureSameFamilyConstraint(Constraint):
    """What the values of a mixture meet: the condition of all of its components."""

    def __init__(self, base_constraint: Constraint) -> None:
        self.base_constraint = base_constraint

    @property
    def event_dim(self) -> int:
        return self.base_constraint.event_dim

    @property
    def is_discrete(self) -> bool:
        return self.base_constraint.is_discrete

    def check(self, value: Any) -> Any:
        if value.ndim < self.event_dim:
            raise ValueError(f"MixtureSameFamilyConstraint: Expected value.dim() >= {self.event_dim} but got {value.ndim}")
        each = self.base_constraint.check(value.unsqueeze(-1 - self.event_dim))
        kept = value.ndim - self.event_dim
        return each.flatten(kept).all(-1)

    def __repr__(self) -> str:
        return f"MixtureSameFamilyConstraint({self.base_constraint!r})"


class Cat(Constraint):
    """`cseq`, each of a part of a value: `lengths` long each, side by side along `dim`."""

    def __init__(self, cseq: Sequence[Constraint], dim: int = 0, lengths: Sequence[int] | None = None) -> None:
        self.cseq, self.dim = list(cseq), dim
        self.lengths = [1] * len(self.cseq) if lengths is None else list(lengths)
        if len(self.lengths) != len(self.cseq):
            raise ValueError(f"Cat: expected a length for each of {len(self.cseq)} constraints, got {len(self.lengths)}")

    @property
    def event_dim(self) -> int:
        return max(each.event_dim for each in self.cseq)

    @property
    def is_discrete(self) -> bool:
        return any(each.is_discrete for each in self.cseq)

    def check(self, value: Any) -> Any:
        parts = value.split(self.lengths, self.dim)
        return functions.cat([each.check(part) for each, part in zip(self.cseq, parts, strict=True)], self.dim)


class Stack(Constraint):
    """`cseq`, one for each place along `dim`."""

    def __init__(self, cseq: Sequence[Constraint], dim: int = 0) -> None:
        self.cseq, self.dim = list(cseq), dim

    @property
    def event_dim(self) -> int:
        dim = max(each.event_dim for each in self.cseq)
        return dim + 1 if self.dim + dim < 0 else dim

    @property
    def is_discrete(self) -> bool:
        return any(each.is_discrete for each in self.cseq)

    def check(self, value: Any) -> Any:
        parts = value.unbind(self.dim)
        return functions.stack([each.check(part) for each, part in zip(self.cseq, parts, strict=True)], self.dim)


# -- known when there is a distribution ------------------------------------------------------------------------------------


class Dependent(Constraint):
    """A condition that depends on the parameters, of which at most this much is known before."""

    def __init__(self, is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented) -> None:
        self._is_discrete, self._event_dim = is_discrete, event_dim

    @property
    def is_discrete(self) -> bool:
        return self._known("is_discrete", self._is_discrete)

    @property
    def event_dim(self) -> int:
        return self._known("event_dim", self._event_dim)

    @staticmethod
    def _known(name: str, value: Any) -> Any:
        if value is NotImplemented:
            raise NotImplementedError(f"Dependent: .{name} cannot be determined statically. Hint: ask that of an instance")
        return value

    def __call__(self, *, is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented) -> Dependent:
        """The same with more known."""
        return Dependent(self._is_discrete if is_discrete is NotImplemented else is_discrete,
                         self._event_dim if event_dim is NotImplemented else event_dim)  # fmt: skip

    def check(self, value: Any) -> Any:
        raise ValueError("Dependent: Cannot determine validity of dependent constraint. Hint: ask that of an instance")


class dependent_property(property, Dependent):
    """A property whose value is a condition; asked of the class, it is a dependent one. As a decorator, also with
    `is_discrete` and `event_dim`."""

    def __init__(
        self, fn: Callable | None = None, *, is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented
    ) -> None:
        property.__init__(self, fn)
        Dependent.__init__(self, is_discrete, event_dim)

    def __call__(self, fn: Callable) -> dependent_property:  # type: ignore[override]
        return dependent_property(fn, is_discrete=self._is_discrete, event_dim=self._event_dim)


def is_dependent(constraint: Any) -> bool:
    """Whether it can only be checked where there is a distribution."""
    return isinstance(constraint, Dependent)


real, boolean, one_hot, simplex, dependent = Real(), Boolean(), OneHot(), Simplex(), Dependent()
positive, nonnegative, unit_interval = GreaterThan(0.0), GreaterThanEq(0.0), Interval(0.0, 1.0)
nonnegative_integer, positive_integer = IntegerGreaterThan(0), IntegerGreaterThan(1)
lower_triangular, lower_cholesky, corr_cholesky = LowerTriangular(), LowerCholesky(), CorrCholesky()
square, symmetric = Square(), Symmetric()
positive_semidefinite, positive_definite = PositiveSemidefinite(), PositiveDefinite()
greater_than, greater_than_eq, less_than = GreaterThan, GreaterThanEq, LessThan
interval, half_open_interval, integer_interval = Interval, HalfOpenInterval, IntegerInterval
multinomial, independent, cat, stack = Multinomial, IndependentConstraint, Cat, Stack
real_vector = independent(real, 1)

__all__ = ["Constraint", "MixtureSameFamilyConstraint", "boolean", "cat", "corr_cholesky", "dependent", "dependent_property",
           "greater_than", "greater_than_eq", "half_open_interval", "independent", "integer_interval", "interval",
           "is_dependent", "less_than", "lower_cholesky", "lower_triangular", "multinomial", "nonnegative",
           "nonnegative_integer", "one_hot", "positive", "positive_definite", "positive_integer", "positive_semidefinite",
           "real", "real_vector", "simplex", "square", "stack", "symmetric", "unit_interval"]  # fmt: skip
