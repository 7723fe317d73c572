"""From all numbers to those that meet a constraint: what parameters that are learned freely are transformed by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import constraints, transforms
from .transforms import AffineTransform, ComposeTransform, ExpTransform, IndependentTransform


class ConstraintRegistry:
    """A table from kinds of constraints to functions that make a transform to what meets one.

    `registry(constraint)` is the transform; its `inv` goes back to free numbers. Raises NotImplementedError for a kind that
    was not registered.
    """

    def __init__(self) -> None:
        self._registry: dict[type, Callable] = {}

    def register(self, constraint: Any, factory: Callable | None = None) -> Any:
        """Enter `factory`, a function of a constraint, for a subclass of Constraint or the class of one; also a decorator."""
        if factory is None:
            return lambda factory: self.register(constraint, factory)
        kind = type(constraint) if isinstance(constraint, constraints.Constraint) else constraint
        if not isinstance(kind, type) or not issubclass(kind, constraints.Constraint):
            raise TypeError("ConstraintRegistry: Expected constraint to be either a Constraint subclass or instance, but got "
                            f"{constraint}")  # fmt: skip
        self._registry[kind] = factory
        return factory

    def __call__(self, constraint: Any) -> Any:
        try:
            factory = self._registry[type(constraint)]
        except KeyError:
            raise NotImplementedError(f"ConstraintRegistry: Cannot transform {type(constraint).__name__} constraints") from None
        return factory(constraint)


biject_to = ConstraintRegistry()  # one to one
transform_to = ConstraintRegistry()  # perhaps not, but simpler


def _to_interval(c: Any) -> Any:
    if isinstance(c.lower_bound, (int, float)) and (c.lower_bound, c.upper_bound) == (0, 1):
        return transforms.SigmoidTransform()
    return ComposeTransform([transforms.SigmoidTransform(), AffineTransform(c.lower_bound, c.upper_bound - c.lower_bound)])


def _to_greater_than(c: Any) -> Any:
    if isinstance(c.lower_bound, (int, float)) and c.lower_bound == 0:
        return ExpTransform()
    return ComposeTransform([ExpTransform(), AffineTransform(c.lower_bound, 1)])


_kind: type
for _registry in (biject_to, transform_to):
    _registry.register(constraints.real, lambda c: transforms.identity_transform)
    for _kind in (constraints.greater_than, constraints.greater_than_eq):
        _registry.register(_kind, _to_greater_than)
    _registry.register(constraints.less_than,
                       lambda c: ComposeTransform([ExpTransform(), AffineTransform(c.upper_bound, -1)]))  # fmt: skip
    for _kind in (constraints.interval, constraints.half_open_interval):
        _registry.register(_kind, _to_interval)
    _registry.register(constraints.corr_cholesky, lambda c: transforms.CorrCholeskyTransform())
    _registry.register(constraints.independent, lambda c, to=_registry: IndependentTransform(
        to(c.base_constraint), c.reinterpreted_batch_ndims))  # fmt: skip
    _registry.register(constraints.cat, lambda c, to=_registry: transforms.CatTransform(
        [to(part) for part in c.cseq], c.dim, c.lengths))  # fmt: skip
    _registry.register(constraints.stack, lambda c, to=_registry: transforms.StackTransform(
        [to(part) for part in c.cseq], c.dim))  # fmt: skip
biject_to.register(constraints.simplex, lambda c: transforms.StickBreakingTransform())
transform_to.register(constraints.simplex, lambda c: transforms.SoftmaxTransform())
transform_to.register(constraints.lower_cholesky, lambda c: transforms.LowerCholeskyTransform())
transform_to.register(constraints.positive_definite, lambda c: transforms.PositiveDefiniteTransform())
transform_to.register(constraints.positive_semidefinite, lambda c: transforms.PositiveDefiniteTransform())

__all__ = ["ConstraintRegistry", "biject_to", "transform_to"]
