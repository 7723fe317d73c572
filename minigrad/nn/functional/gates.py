"""Activations and noise that choose between several values: PyTorch has none of these."""

from __future__ import annotations

from ...backends import ShapeError
from ...core import Tensor
from ...ops.arithmetic import where
from ...ops.elementwise import relu
from ...ops.operands import axis, tensor_of
from ...ops.reduce import amax
from ...ops.shape import cat, unflatten
from .checks import probability
from .dropout import kept


def maxout(input: Tensor, pool_size: int, dim: int = 1) -> Tensor:
    """The largest of each `pool_size` numbers that follow one another along `dim`; (..., k pool_size, ...) -> (..., k, ...).

    Equal ones share the gradient. Raises ShapeError unless pool_size divides the size. Source: Goodfellow et al. 2013, §3.
    """
    x = tensor_of("maxout", input)
    d = axis("maxout", dim, x.ndim)
    if pool_size < 1 or x.shape[d] % pool_size:
        raise ShapeError(f"maxout: pool_size must divide dimension {d} of {tuple(x.shape)}, got {pool_size}")
    return amax(unflatten(x, d, (x.shape[d] // pool_size, pool_size)), d + 1)


def crelu(input: Tensor, dim: int = 1) -> Tensor:
    """max(x, 0) and max(-x, 0), one behind the other along `dim`; (..., C, ...) -> (..., 2 C, ...).

    Source: Shang et al. 2016, §2.2.
    """
    x = tensor_of("crelu", input)
    return cat([relu(x), relu(-x)], axis("crelu", dim, x.ndim))


def zoneout(input: Tensor, previous: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """A state's new value, or with probability p its previous one, for each element; outside of training the mean of both.

    y = m previous + (1 - m) input, m 1 with probability p; (...), (...) -> (...). Raises ShapeError unless shapes agree,
    ValueError unless 0 <= p <= 1. Source: Krueger et al. 2017, §3.
    """
    probability("zoneout", p)
    x, old = tensor_of("zoneout", input), tensor_of("zoneout", previous, "previous")
    if x.shape != old.shape:
        raise ShapeError(f"zoneout: input and previous must have one shape, got {tuple(x.shape)} and {tuple(old.shape)}")
    return where(kept(x, p, False) > 0, x, old) if training else old * p + x * (1 - p)
