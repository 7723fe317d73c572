"""Distribution: what all distributions share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..backends import finfo, get_default_dtype
from ..backends.size import Size
from ..core import Tensor, mode
from ..ops import functions
from .constraints import is_dependent, real


class lazy_property:
    """A method as a property that is computed when first read and kept; read of the class, it is itself.

    It is computed with gradients wherever it is read: what `sample()` asks for first, `entropy()` differentiates later.
    """

    def __init__(self, wrapped: Callable) -> None:
        self.wrapped, self.__doc__, self.__name__ = wrapped, wrapped.__doc__, wrapped.__name__

    def __get__(self, instance: Any, kind: Any = None) -> Any:
        if instance is None:
            return self
        with mode(grad=True):
            value = self.wrapped(instance)
        setattr(instance, self.__name__, value)
        return value


class Distribution:
    """The base of all: `batch_shape` independent distributions, of which each gives values of `event_shape`.

    Parameters are numbers or tensors, broadcast together. Raises ValueError for a parameter, or a value whose `log_prob` or
    `cdf` is asked for, outside of where it must lie, unless `validate_args` is False; NotImplementedError for what a
    distribution does not have.
    """

    has_rsample = False
    arg_constraints: Any = {}  # of each parameter
    support: Any = real  # where the values lie
    _validate_args = True

    def __init__(self, batch_shape: Any = (), event_shape: Any = (), validate_args: bool | None = None) -> None:
        self.batch_shape, self.event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if not self._validate_args:
            return
        for name in self._given:
            condition, value = self.arg_constraints[name], vars(self)[name]
            if not is_dependent(condition) and not condition.check(value.detach()).all():
                raise ValueError(
                    f"{type(self).__name__}: Expected parameter {name} ({type(value).__name__} of shape {tuple(value.shape)}) "
                    f"of distribution {self!r} to satisfy the constraint {condition}, but found invalid values:\n{value}"
                )

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether distributions check, unless told otherwise."""
        if value not in (True, False):
            raise ValueError(f"set_default_validate_args: expected True or False, got {value!r}")
        Distribution._validate_args = value

    @property
    def mean(self) -> Tensor:
        """The expected value."""
        raise NotImplementedError

    @property
    def mode(self) -> Tensor:
        """The most likely value."""
        raise NotImplementedError(f"{type(self)} does not implement mode")

    @property
    def variance(self) -> Tensor:
        """The variance."""
        raise NotImplementedError

    @property
    def stddev(self) -> Tensor:
        """The square root of the variance."""
        return self.variance.sqrt()

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Values of shape (*sample_shape, *batch_shape, *event_shape), without a gradient."""
        with mode(grad=False):
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Values that are a function of the parameters and of noise, so that they have a gradient."""
        raise NotImplementedError(f"{type(self).__name__}: rsample: its values have no gradient. Hint: sample(), log_prob()")

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density, or of the probability, at `value`."""
        raise NotImplementedError

    def entropy(self) -> Tensor:
        """-E log p."""
        raise NotImplementedError

    def perplexity(self) -> Tensor:
        """exp(entropy)."""
        return self.entropy().exp()

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of values up to this one."""
        raise NotImplementedError

    def icdf(self, value: Tensor) -> Tensor:
        """The value up to which the probability is `value`: the inverse of `cdf`."""
        raise NotImplementedError

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values there are, along a new first dimension."""
        raise NotImplementedError

    def expand(self, batch_shape: Any) -> Distribution:
        """The same distribution with parameters expanded to a larger batch."""
        held = {name: vars(self)[name] for name in self._given}
        given = {name: x.expand(*batch_shape, *x.shape[len(self.batch_shape) :]) for name, x in held.items()}
        return type(self)(**given, validate_args=False)

    @property
    def _given(self) -> list[str]:
        """The names of the parameters that were given, and not computed when asked for."""
        return [name for name in self.arg_constraints if name in vars(self)]

    # Names with an underscore that distributions written for PyTorch call or read: these, `_validate_args`, and
    # `_validate_sample` below.

    @property
    def _batch_shape(self) -> Size:
        return self.batch_shape

    @property
    def _event_shape(self) -> Size:
        return self.event_shape

    def _get_checked_instance(self, cls: type, _instance: Any = None) -> Any:
        """An empty instance that `expand(batch_shape, _instance)` of a subclass fills."""
        if _instance is None and type(self).__init__ != cls.__init__:  # type: ignore[misc]
            raise NotImplementedError(f"Subclass {type(self).__name__} of {cls.__name__} that defines a custom __init__ method "
                                      "must also define a custom .expand() method.")  # fmt: skip
        return type(self).__new__(type(self)) if _instance is None else _instance

    def _extended_shape(self, sample_shape: Any = ()) -> Size:
        if not isinstance(sample_shape, (tuple, list)):
            raise TypeError(f"{type(self).__name__}: sample_shape must be a tuple of sizes, got {sample_shape!r:.60}")
        return Size((*sample_shape, *self.batch_shape, *self.event_shape))

    def _noise(self, draw: Callable, sample_shape: Any, like: Tensor) -> Tensor:
        """What `rand` or `randn` draws for each value, in the type and on the device of a parameter."""
        return draw(*self._extended_shape(sample_shape), dtype=like.dtype, device=like.device)

    def _listed(self, values: Tensor, expand: bool) -> Tensor:
        """Values along a new first dimension, before those of the batch."""
        values = values.view(-1, *[1] * len(self.batch_shape))
        return values.expand(-1, *self.batch_shape) if expand else values

    def _validate_sample(self, value: Any) -> None:
        """Raise ValueError unless `log_prob` of this value can be told."""
        if not self._validate_args:
            return
        if not isinstance(value, Tensor):
            raise ValueError(f"{type(self).__name__}: The value argument to log_prob must be a Tensor")
        start = len(value.shape) - len(self.event_shape)
        if value.shape[start:] != self.event_shape:
            raise ValueError(f"{type(self).__name__}: The right-most size of value must match event_shape: "
                             f"{value.shape} vs {self.event_shape}.")  # fmt: skip
        for i, j in zip(reversed(self._extended_shape()), reversed(value.shape), strict=False):
            if i != 1 and j != 1 and i != j:
                raise ValueError(f"{type(self).__name__}: Value is not broadcastable with batch_shape+event_shape: "
                                 f"{value.shape} vs {self._extended_shape()}.")  # fmt: skip
        if not self.support.check(value.detach()).all():
            raise ValueError(
                f"{type(self).__name__}: Expected value argument (Tensor of shape {tuple(value.shape)}) to be within the "
                f"support ({self.support}) of the distribution {self!r}, but found invalid values:\n{value}"
            )

    def __repr__(self) -> str:
        held = {name: vars(self)[name] for name in self._given}
        return f"{type(self).__name__}({', '.join(f'{k}: {v if v.numel() == 1 else v.size()}' for k, v in held.items())})"


def together(who: str, *values: Any) -> list[Any]:
    """Numbers and tensors as tensors of one shape. Raises ValueError for anything else."""
    if not all(isinstance(v, (Tensor, int, float)) for v in values):
        raise ValueError(f"{who}: Input arguments must all be instances of Number, minigrad.Tensor.")
    like = next((v for v in values if isinstance(v, Tensor)), None)
    dtype, device = (get_default_dtype(), None) if like is None else (like.dtype, like.device)
    tensors = [v if isinstance(v, Tensor) else functions.tensor(v, dtype=dtype, device=device) for v in values]
    return list(functions.broadcast_tensors(*tensors))


def summed(x: Any, count: int) -> Any:
    """x summed over its last `count` dimensions."""
    return x.sum(tuple(range(-count, 0))) if count else x


def either(who: str, probs: Any, logits: Any) -> str:
    """Which of the two was given. Raises ValueError unless it is one."""
    if (probs is None) == (logits is None):
        raise ValueError(f"{who}: Either `probs` or `logits` must be specified, but not both.")
    return "logits" if probs is None else "probs"


def clamped(probs: Any) -> Any:
    """Probabilities kept off 0 and 1, so that their logarithms are finite."""
    eps = finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)
