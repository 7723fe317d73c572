"""Layers that choose between several values, or let an input through unchanged: PyTorch has none of these."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core import Tensor
from ..ops.elementwise import relu, sigmoid
from . import functional as F
from . import init
from .functional.gates import crelu, maxout, zoneout
from .linear import Linear, positive
from .module import Module


class Maxout(Module):
    """The largest of `pool_size` linear maps for each feature; (..., in_features) -> (..., out_features).

    y_j = max_k (x W_jk^T + b_jk). `linear` is the layer that gives all of them. Source: Goodfellow et al. 2013, §3.
    """

    def __init__(
        self, in_features: int, out_features: int, pool_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        positive(self, in_features=in_features, out_features=out_features, pool_size=pool_size)
        self.pool_size = pool_size
        self.linear = Linear(in_features, out_features * pool_size, bias, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return maxout(self.linear(input), self.pool_size, -1)

    def extra_repr(self) -> str:
        return f"pool_size={self.pool_size}"


class CReLU(Module):
    """max(x, 0) and max(-x, 0), one behind the other along `dim`; (..., C, ...) -> (..., 2 C, ...).

    Source: Shang et al. 2016, §2.2.
    """

    def __init__(self, dim: int = 1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return crelu(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Highway(Module):
    """y = t h(W x + b) + (1 - t) x, with the gate t = sigmoid(W_t x + b_t); (..., features) -> same.

    b_t starts at -1, so that the layer begins close to the identity. `activation` is h. Source: Srivastava, Greff &
    Schmidhuber 2015, §2.
    """

    def __init__(
        self, features: int, activation: Callable[[Tensor], Tensor] = relu, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.plain, self.gate = (Linear(features, features, True, device, dtype) for _ in range(2))
        self.activation = activation
        init.constant_(self.gate.bias, -1.0)

    def forward(self, input: Tensor) -> Tensor:
        t = sigmoid(self.gate(input))
        return t * self.activation(self.plain(input)) + (1 - t) * input


class Zoneout(Module):
    """`functional.zoneout` as a layer: called with the new and the previous state; in evaluation it takes their mean."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        F.checks.probability("Zoneout", p)
        self.p = p

    def forward(self, input: Tensor, previous: Tensor) -> Tensor:
        return zoneout(input, previous, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}"


class DropConnect(Linear):
    """A linear layer whose weights, not its outputs, are dropped in training, each with probability p.

    y = x (W m / (1 - p))^T + b, each m 1 with probability 1 - p, else 0; (..., in_features) -> (..., out_features). One
    choice serves the whole batch. Source: Wan et al. 2013, §3 (whose inference by a normal distribution this leaves out).
    """

    def __init__(
        self, in_features: int, out_features: int, p: float = 0.5, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(in_features, out_features, bias, device, dtype)
        F.checks.probability("DropConnect", p)
        self.p = p

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, F.dropout(self.weight, self.p, self.training), self.bias)

    def rectified(self, input: Tensor) -> Tensor:
        """max(forward(input), 0)."""
        return relu(self.forward(input))

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, p={self.p}"
