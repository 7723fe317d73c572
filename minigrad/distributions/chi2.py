"""The chi-square distribution."""

from __future__ import annotations

from typing import Any

from .constraints import positive
from .distribution import together
from .gamma import Gamma


class Chi2(Gamma):
    """The sum of the squares of df standard normal numbers: Gamma(df / 2, 1 / 2)"""

    arg_constraints = {"df": positive}

    def __init__(self, df: Any, validate_args: bool | None = None) -> None:
        (self.df,) = together("Chi2", df)
        super().__init__(0.5 * self.df, 0.5, validate_args=validate_args)
