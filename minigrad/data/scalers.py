"""Scalers of tables: fitted to some data, then applied to any."""

from __future__ import annotations

from typing import Any, Self

from ..backends import ShapeError
from ..core import Tensor
from ..ops.create import as_tensor
from ..ops.functions import amax, amin, mean, sqrt, where


class Scaler:
    """The base: `fit` learns a shift and a divisor for each column, `x -> (x - shift) / divisor`, and `inverse` undoes it.

    `fit_transform`, `transform` and `inverse_transform` are scikit-learn's names. Data is (N, columns), or (N,).
    `state_dict` and `load_state_dict` keep what was learnt.
    """

    shift: Tensor | None = None
    divisor: Tensor | None = None

    def learn(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The shift and the divisor of each column, which is 0 where all values are equal."""
        raise NotImplementedError(f"{type(self).__name__}: a scaler must define learn(x)")

    def fit(self, x: Any) -> Self:
        """Learn from x (N, columns) or (N,); returns the scaler. Raises ShapeError for no rows, or no floating type."""
        x = as_tensor(x)
        if x.ndim not in (1, 2) or not x.shape[0] or not x.is_floating_point():
            raise ShapeError(f"{type(self).__name__}: expected floating-point data (N, columns) with N >= 1, got "
                             f"{tuple(x.shape)} {x.dtype!r}")  # fmt: skip
        self.shift, spread = self.learn(x.detach())
        self.divisor = where(spread > 0, spread, where(spread == 0, 1.0, spread))  # a constant column stays; NaN too
        return self

    def __call__(self, x: Any) -> Tensor:
        return (self.checked(x) - self.shift) / self.divisor

    def inverse(self, y: Any) -> Tensor:
        """The data that the transform brings to y."""
        return self.checked(y) * self.divisor + self.shift

    def fit_transform(self, x: Any) -> Tensor:
        """Learn from x, and transform it."""
        return self.fit(x)(x)

    transform, inverse_transform = __call__, inverse

    def checked(self, x: Any) -> Tensor:
        """x as a tensor. Raises ValueError before `fit`, ShapeError for other columns than it saw."""
        who = type(self).__name__
        if self.shift is None:
            raise ValueError(f"{who}: not fitted yet. Hint: .fit(data) first")
        x = as_tensor(x)
        if tuple(x.shape[-1:] if self.shift.ndim else ()) != tuple(self.shift.shape):
            raise ShapeError(
                f"{who}: expected (..., {self.shift.shape[0]}) as in the data it was fitted to, got {tuple(x.shape)}"
            )
        return x

    def state_dict(self) -> dict[str, Tensor]:
        if self.shift is None or self.divisor is None:
            raise ValueError(f"{type(self).__name__}: not fitted yet. Hint: .fit(data) first")
        return {"shift": self.shift, "divisor": self.divisor}

    def load_state_dict(self, state_dict: dict[str, Tensor]) -> None:
        if set(state_dict) != {"shift", "divisor"}:
            raise ValueError(f"{type(self).__name__}: expected the keys shift and divisor, got {sorted(state_dict)}")
        self.shift, self.divisor = state_dict["shift"], state_dict["divisor"]


class MinMaxScaler(Scaler):
    """Each column brought to [low, high], as it is in the data given to `fit`; a constant column becomes low."""

    def __init__(self, low: float = 0.0, high: float = 1.0) -> None:
        if not low < high:
            raise ValueError(f"MinMaxScaler: expected low < high, got {low!r} and {high!r}")
        self.low, self.high = low, high

    def learn(self, x: Tensor) -> tuple[Tensor, Tensor]:
        least = amin(x, 0)
        return least, (amax(x, 0) - least)

    def __call__(self, x: Any) -> Tensor:
        return self.low + super().__call__(x) * (self.high - self.low)

    def inverse(self, y: Any) -> Tensor:
        return super().inverse((as_tensor(y) - self.low) / (self.high - self.low))

    transform, inverse_transform = __call__, inverse


class ZScore(Scaler):
    """(x - mean) / sqrt(var + eps), each column with the mean and variance (over N) of the data given to `fit`."""

    def __init__(self, eps: float = 0.0) -> None:
        if not eps >= 0:
            raise ValueError(f"ZScore: eps must be >= 0, got {eps!r}")
        self.eps = eps

    def learn(self, x: Tensor) -> tuple[Tensor, Tensor]:
        m = mean(x, 0)
        return m, sqrt(mean((x - m) ** 2, 0) + self.eps)
