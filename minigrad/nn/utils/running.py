"""Running statistics: computed anew, frozen for fine-tuning, and momentum read from Keras. minigrad's own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...core import mode
from ..module import Module
from ..norm import BatchNorm


def batch_norms(module: Module) -> list[Any]:
    """The batch norms in a module."""
    return [m for m in module.modules() if isinstance(m, BatchNorm)]


def recompute_running_stats(model: Any, loader: Iterable, device: Any = None, training: bool = False) -> Any:
    """Set the running statistics of every batch norm to the plain average over the batches of `loader`.

    For after the weights were changed without training, as by averaging them. A batch is the input, or a tuple or list that
    begins with it; it is moved to `device` if given. Only the batch norms work as in training meanwhile (with `training` all
    layers, such as dropout), and nothing else of the model changes. Raises ValueError for an empty loader. Source: Izmailov et
    al. 2018, §3.2.
    """
    layers = [m for m in batch_norms(model) if m.running_mean is not None]
    modes = [(m, m.training) for m in model.modules()]
    kept = [(m, m.momentum, m.frozen) for m in layers]
    count = 0
    try:
        model.train(training)
        for m in layers:
            m.reset_running_stats()
            m.training, m.momentum, m.frozen = True, None, False
        with mode(grad=False):
            for batch in loader:
                count += 1
                x = batch[0] if isinstance(batch, (tuple, list)) else batch
                model(x if device is None else x.to(device))
    finally:
        for m, was_training in modes:
            m.training = was_training
        for m, momentum, frozen in kept:
            m.momentum, m.frozen = momentum, frozen
    if not count:
        raise ValueError("recompute_running_stats: the loader gave no batch, so the statistics are as at first")
    return model


def freeze_batch_norm(model: Any, affine: bool = True) -> Any:
    """Let every batch norm work as in evaluation, also after `model.train()`, until `unfreeze_batch_norm`.

    With `affine` their weights and biases want no gradient either. For fine-tuning on small batches.
    """
    return _frozen(model, True, affine)


def unfreeze_batch_norm(model: Any, affine: bool = True) -> Any:
    """Undo `freeze_batch_norm`."""
    return _frozen(model, False, affine)


def _frozen(model: Module, frozen: bool, affine: bool) -> Module:
    for m in batch_norms(model):
        m.frozen = frozen
        if affine:
            m.requires_grad_(not frozen)
    return model


def momentum_from_keras(momentum: float) -> float:
    """1 - momentum: Keras' is the share of the old running value (0.99 by default), here it is that of the new batch.

    Raises ValueError outside of 0 ... 1.
    """
    if not 0 <= momentum <= 1:
        raise ValueError(f"momentum_from_keras: momentum must be in 0 ... 1, got {momentum}")
    return 1 - momentum
