"""What all distributions have in common: shapes, sampling without and with gradient, and checks of their parameters."""

from __future__ import annotations

from typing import Any

from ..backends import Size
from ..core import Tensor, mode
from ..ops import functions


class Distribution:
    """The base: a subclass gives `log_prob` and `rsample` or `sample`.

    batch_shape   of distributions side by side, that of the parameters broadcast
    event_shape   of one draw from one of them; a draw has the shape sample_shape + batch_shape + event_shape

    Unless `validate_args` is False, parameters and values outside of what the distribution allows are a ValueError.
    """

    has_rsample = False

    def __init__(self, batch_shape: Any = (), event_shape: Any = (), validate_args: bool | None = None) -> None:
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        self._validate_args = validate_args is not False

    @property
    def batch_shape(self) -> Size:
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        return self._event_shape

    @property
    def mean(self) -> Tensor:
        raise NotImplementedError

    @property
    def mode(self) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} does not implement mode")

    @property
    def variance(self) -> Tensor:
        raise NotImplementedError

    @property
    def stddev(self) -> Tensor:
        """The root of the variance."""
        return self.variance.sqrt()

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draws, without gradient."""
        with mode(grad=False):
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Draws through which the parameters get gradients. Source: Kingma & Welling 2014, §2.4."""
        raise NotImplementedError(f"{type(self).__name__}: draws have no gradient. Hint: sample(), and log_prob() in the loss")

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density, or probability, at a value."""
        raise NotImplementedError

    def entropy(self) -> Tensor:
        """The mean of -log_prob."""
        raise NotImplementedError

    def perplexity(self) -> Tensor:
        """e to the entropy."""
        return self.entropy().exp()

    def _extended_shape(self, sample_shape: Any = ()) -> tuple[int, ...]:
        return (*sample_shape, *self._batch_shape, *self._event_shape)

    def _demand(self, what: str, x: Tensor, allowed: Tensor, rule: str) -> None:
        """Raise ValueError unless `allowed` is True everywhere."""
        if self._validate_args and not bool(allowed.all()):
            raise ValueError(f"{type(self).__name__}: expected {what} (Tensor of shape {tuple(x.shape)}) to be {rule}, but "
                             f"found invalid values: {x.detach()}")  # fmt: skip

    def __repr__(self) -> str:
        found = {name: value for name, value in vars(self).items() if name[0] != "_" and isinstance(value, Tensor)}
        told = ", ".join(f"{k}: {v.item() if not v.ndim else v.shape}" for k, v in found.items())
        return f"{type(self).__name__}({told})"


def broadcast(*values: Any) -> list[Tensor]:
    """Numbers and tensors as tensors of one shape."""
    like = next((v for v in values if isinstance(v, Tensor)), None)
    dtype, device = (like.dtype, like.device) if like is not None and like.dtype.is_floating_point else (None, None)
    tensors = [v if isinstance(v, Tensor) else functions.tensor(float(v), dtype=dtype, device=device) for v in values]
    return list(functions.broadcast_tensors(*tensors))
