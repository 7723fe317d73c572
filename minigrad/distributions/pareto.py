"""The distribution of Pareto, of incomes."""

from __future__ import annotations

from typing import Any

from .constraints import Constraint, dependent_property, greater_than_eq, positive
from .distribution import together
from .exponential import Exponential
from .transformed_distribution import Named
from .transforms import AffineTransform, ExpTransform


class Pareto(Named):
    """p(x) = alpha scale^alpha / x^(alpha + 1) for x >= scale"""

    arg_constraints = {"scale": positive, "alpha": positive}

    def __init__(self, scale: Any, alpha: Any, validate_args: bool | None = None) -> None:
        self.scale, self.alpha = together("Pareto", scale, alpha)
        base = Exponential(self.alpha, validate_args=False)
        super().__init__(base, [ExpTransform(), AffineTransform(0.0, self.scale)], validate_args)

    @dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Constraint:
        return greater_than_eq(self.scale)

    @property
    def mean(self) -> Any:
        a = self.alpha.clamp(min=1)  # where it is inf
        return a * self.scale / (a - 1)

    @property
    def mode(self) -> Any:
        return self.scale

    @property
    def variance(self) -> Any:
        a = self.alpha.clamp(min=2)
        return self.scale.square() * a / ((a - 1).square() * (a - 2))

    def entropy(self) -> Any:
        return (self.scale / self.alpha).log() + 1 + 1 / self.alpha
