"""Models whose weights are averages over training: stochastic weight averaging, and exponential moving averages."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

from ..core import Tensor, mode
from ..ops.create import tensor
from .module import Module
from .utils.running import recompute_running_stats


class AveragedModel(Module):
    """A copy of `model` whose parameters are averages over what they were at each `update_parameters(model)`.

    avg_fn        (averaged, current, number averaged so far) -> the new average; by default the plain mean
    multi_avg_fn  the same for lists of tensors, written in place
    use_buffers   average the buffers too; else they are those of the model

    `n_averaged` counts the updates. Raises AssertionError if both functions are given.
    Source: Izmailov et al. 2018, Averaging weights leads to wider optima and better generalization, §3.1.
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Callable[[Tensor, Tensor, Any], Tensor] | None = None,
        multi_avg_fn: Callable[[list[Tensor], list[Tensor], Any], None] | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        assert avg_fn is None or multi_avg_fn is None, (
            "AveragedModel: Only one of avg_fn and multi_avg_fn should be provided"
        )  # fmt: skip
        self.module = copy.deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", tensor(0, device=device))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Take the parameters of `model` into the averages; the first time they are copied. Raises ValueError for a model of
        another number of parameters."""
        average = self.multi_avg_fn or several(self.avg_fn or mean)
        if self.n_averaged.item() == 0:
            average = several(lambda averaged, current, n: current)
        with mode(grad=False):
            mine = [x.detach() for x in self._averaged(self.module)]
            theirs = [y.detach().to(x.device) for x, y in zip(mine, self._averaged(model), strict=True)]
            average(mine, theirs, self.n_averaged)
            if not self.use_buffers:
                for b, new in zip(self.module.buffers(), model.buffers(), strict=True):
                    b.copy_(new.detach().to(b.device))
            self.n_averaged += 1

    def _averaged(self, model: Module) -> Iterable[Tensor]:
        return chain(model.parameters(), model.buffers()) if self.use_buffers else model.parameters()


def mean(averaged: Tensor, current: Tensor, n: Any) -> Tensor:
    """averaged + (current - averaged) / (n + 1): the mean of all so far."""
    return averaged + (current - averaged) / (n + 1)


def get_swa_avg_fn() -> Callable:
    """The plain mean, as an `avg_fn`."""
    return mean


def get_ema_avg_fn(decay: float = 0.999) -> Callable:
    """decay averaged + (1 - decay) current, as an `avg_fn`. Raises ValueError for a decay outside of 0 ... 1."""
    if not 0 <= decay <= 1:
        raise ValueError(f"get_ema_avg_fn: Invalid decay value {decay} provided. Please provide a value in [0,1] range.")
    return lambda averaged, current, n: decay * averaged + (1 - decay) * current


def get_swa_multi_avg_fn() -> Callable:
    """The plain mean, as a `multi_avg_fn`."""
    return several(mean)


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable:
    """The exponential moving average of `get_ema_avg_fn`, as a `multi_avg_fn`."""
    return several(get_ema_avg_fn(decay))


def several(avg_fn: Callable) -> Callable[[list[Tensor], list[Tensor], Any], None]:
    """An `avg_fn` for lists of tensors, of which the first are written."""

    def written(averaged: list[Tensor], current: list[Tensor], n: Any) -> None:
        with mode(grad=False):
            for x, y in zip(averaged, current, strict=True):
                x.copy_(avg_fn(x, y, n))

    return written


def update_bn(loader: Iterable, model: Module, device: Any = None) -> None:
    """Set the running statistics of all batch norms to their averages over the batches of `loader`, the model training.

    A batch is the input, or a tuple or list that begins with it. Raises ValueError for an empty loader.
    """
    recompute_running_stats(model, loader, device, training=True)


SWA = {f.__name__: f for f in (AveragedModel, get_ema_avg_fn, get_ema_multi_avg_fn, get_swa_avg_fn, get_swa_multi_avg_fn,
                               update_bn)}  # fmt: skip
