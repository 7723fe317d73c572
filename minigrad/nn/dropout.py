"""Dropout layers: active in training, nothing in evaluation."""

from __future__ import annotations

from collections.abc import Callable

from ..core import Tensor
from . import functional as F
from .module import Module


class Dropping(Module):
    """What the dropout layers have in common. Raises ValueError unless 0 <= p <= 1."""

    function: Callable[..., Tensor]

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"{type(self).__name__}: dropout probability has to be between 0 and 1, but got {p}")
        self.p, self.inplace = p, inplace

    def forward(self, input: Tensor) -> Tensor:
        return type(self).function(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(Dropping):
    """Each element 0 with probability p, the others times 1 / (1 - p). Source: Srivastava et al. 2014."""

    function = F.dropout


class Dropout1d(Dropping):
    """Each channel of (N, C, L) or (C, L) 0 with probability p, the others times 1 / (1 - p)."""

    function = F.dropout1d


class Dropout2d(Dropping):
    """Each channel of (N, C, H, W) 0 with probability p, the others times 1 / (1 - p). Source: Tompson et al. 2015."""

    function = F.dropout2d


class Dropout3d(Dropping):
    """Each channel of (N, C, D, H, W) 0 with probability p, the others times 1 / (1 - p)."""

    function = F.dropout3d


class AlphaDropout(Dropping):
    """Dropout that keeps mean 0 and variance 1 of what `SELU` gives. Source: Klambauer et al. 2017."""

    function = F.alpha_dropout


class FeatureAlphaDropout(Dropping):
    """`AlphaDropout` of whole channels."""

    function = F.feature_alpha_dropout
