"""Statistics that move: activations over training, and running averages on their way to what they estimate."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ...core import Tensor, mode
from ...nn import Module

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@contextmanager
def activations(
    model: Module, kinds: type | tuple[type, ...] | None = None, every: int = 1, bins: Sequence[float] | None = None
) -> Iterator[list[dict[str, Any]]]:
    """`with activations(model, every=10) as rows: ...` collects statistics of what layers give, while the model is in training.

    kinds   which classes of layers; all that have no layers of their own if None
    every   which forward passes: the first, and then one in so many
    bins    edges of a histogram, if one is wanted
    A row has step (forward passes before it), layer, mean, sd, quantiles (5, 25, 50, 75 and 95 %), zeros (the share of elements
    that are 0), dead (the share of units that are 0 for all cases) and, with bins, histogram (shares of the elements).
    """
    rows: list[dict[str, Any]] = []
    hooks = []
    if every < 1:
        raise ValueError(f"activations: every must be at least 1, got {every}")

    def watch(name: str, layer: Module) -> Any:
        passes = -1

        def hook(module: Module, args: Any, output: Any) -> None:
            nonlocal passes
            passes += module.training
            if module.training and passes % every == 0:
                rows.append({"step": passes, "layer": name, **summary(output, bins)})

        return layer.register_forward_hook(hook)

    for name, layer in model.named_modules():
        if isinstance(layer, kinds) if kinds is not None else not list(layer.children()):
            hooks.append(watch(name, layer))
    try:
        yield rows
    finally:
        for hook in hooks:
            hook.remove()


def summary(x: Tensor, bins: Sequence[float] | None = None) -> dict[str, Any]:
    """mean, sd, quantiles, zeros, dead and, with bins, histogram of a layer's output (N, C, ...), as in `activations`."""
    values = x.numpy(force=True)
    nought = values == 0
    units = tuple(k for k in range(values.ndim) if k != 1) if values.ndim > 1 else ()
    found = {
        "mean": float(values.mean()), "sd": float(values.std()),
        "quantiles": [float(q) for q in np.quantile(values, QUANTILES)],
        "zeros": float(nought.mean()), "dead": float(nought.all(units).mean()),
    }  # fmt: skip
    if bins is not None:
        found["histogram"] = [float(n) for n in np.histogram(values, bins)[0] / values.size]
    return found


def steps_until(share: float, momentum: float) -> int:
    """Steps until no more than `share` of where a running average started is left: (1 - momentum)^n <= share.

    momentum is the weight of the new batch, as in PyTorch (Keras gives that of the old value). Raises ValueError unless both
    lie between 0 and 1.
    """
    if not (0 < share < 1 and 0 < momentum < 1):
        raise ValueError(f"steps_until: expected share and momentum between 0 and 1, got {share} and {momentum}")
    return math.ceil(math.log(share) / math.log1p(-momentum))


def stationary_sd(momentum: float, batch: int, sd: float = 1.0) -> float:
    """The standard deviation at which a running mean keeps trembling: sd sqrt(momentum / ((2 - momentum) batch)).

    For independent batches of `batch` independent values of deviation sd; momentum is the weight of the new batch.
    """
    if not (0 < momentum <= 1 and batch >= 1):
        raise ValueError(f"stationary_sd: expected 0 < momentum <= 1 and batch >= 1, got {momentum} and {batch}")
    return sd * math.sqrt(momentum / ((2 - momentum) * batch))


def running_convergence(layer: Module, batches: Iterable[Tensor]) -> dict[str, np.ndarray]:
    """Feed batches to a batch norm in training: running {"mean", "var"} before them and after each, (steps + 1, C)."""
    means, variances = [layer.running_mean.tolist()], [layer.running_var.tolist()]
    was = layer.training
    layer.train()
    with mode(grad=False):
        for batch in batches:
            layer(batch)
            means.append(layer.running_mean.tolist())
            variances.append(layer.running_var.tolist())
    layer.train(was)
    return {"mean": np.array(means), "var": np.array(variances)}
