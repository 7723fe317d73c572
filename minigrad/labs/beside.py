"""Networks side by side: R of the same form are trained as one, each at a rate of its own, in a fraction of the time.

Everything has one more dimension, (R, N, C): a linear layer is a batched product, and R batch norms of C channels are one of
R C channels. No network sees another, and one whose loss is no number any more leaves the others alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import nn, optim
from ..autograd import no_grad
from ..core import Tensor
from ..nn import functional as F
from ..ops.create import tensor
from ..ops.functions import stack
from ..ops.random import Generator
from .images import Images
from .setups import batches


class Linears(nn.Module):
    """R linear layers, (R, N, in) to (R, N, out)."""

    def __init__(self, layers: Sequence[nn.Linear]) -> None:
        super().__init__()
        self.weight = nn.Parameter(stack([layer.weight.detach().T for layer in layers]))
        self.bias = nn.Parameter(stack([layer.bias.detach()[None] for layer in layers]))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight + self.bias


class BatchNorms(nn.Module):
    """R batch norms over N, (R, N, C) to the same, γ = 1 and β = 0 at first."""

    def __init__(self, layers: Sequence[nn.BatchNorm1d]) -> None:
        super().__init__()
        device = layers[0].weight.device
        self.norm = nn.BatchNorm1d(len(layers) * layers[0].num_features, layers[0].eps, layers[0].momentum, device=device)

    def forward(self, x: Tensor) -> Tensor:
        nets, cases, channels = x.shape
        rows = x.transpose(0, 1).reshape(cases, nets * channels)
        return self.norm(rows).reshape(cases, nets, channels).transpose(0, 1)


def beside(models: Sequence[Any]) -> Any:
    """R networks of linear layers, fresh batch norms and activations as one, (R, N, in) to (R, N, out).

    Raises TypeError for another layer with weights, which has no such form here.
    """
    first = models[0]
    if isinstance(first, nn.Sequential):
        return type(first)(*(beside(layers) for layers in zip(*models, strict=True)))
    if isinstance(first, nn.Linear):
        return Linears(models)
    if isinstance(first, nn.BatchNorm1d):
        return BatchNorms(models)
    if list(first.parameters()):
        raise TypeError(f"beside: expected linear layers, batch norms and activations, got {type(first).__name__}")
    return first


def losses(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """The softmax cross-entropy of each network, (R,), on the same cases."""
    logits = model(x)
    nets, cases, classes = logits.shape
    labels = y.expand(nets, cases).reshape(-1)
    return F.cross_entropy(logits.reshape(-1, classes), labels, reduction="none").reshape(nets, cases).mean(1)


@no_grad()
def accuracies(model: nn.Module, x: Tensor, y: Tensor, nets: int) -> list[float]:
    """The part of the images that each network names right, in evaluation mode; 0 for one whose answers are no numbers."""
    was = model.training
    model.eval()
    logits = model(x.expand(nets, *x.shape))
    right = (logits.argmax(2) == y) & logits.sum(2).isfinite()
    model.train(was)
    return [count / len(y) for count in right.sum(1).tolist()]


def train_beside(
    model: nn.Module, data: Images, rates: Sequence[float], epochs: int, *, batch: int = 64, seed: int = 0,
    every: int | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Train what `beside` made by SGD, each network at its own rate, on the same batches; for each what was seen.

    loss         of each step, up to the first that is not finite
    train, test  accuracy in evaluation mode after each `every` steps; once, at the end, if None
    diverged     whether the loss stopped being finite
    """
    nets, steps = len(rates), epochs * (len(data.y) // batch)
    optimizer = optim.SGD(model.parameters(), lr=1.0)  # the rates multiply the losses, and so the gradients
    rate = tensor(np.asarray(rates, np.float32)).to(data.x.device)
    generator = Generator().manual_seed(seed)
    found: dict[str, list] = {"loss": [], "train": [], "test": []}
    model.train()
    for _ in range(epochs):
        for x, y in batches(data, batch, generator):
            each = losses(model, x.expand(nets, *x.shape), y)
            optimizer.zero_grad()
            (each * rate).sum().backward()
            optimizer.step()
            found["loss"].append(each.tolist())
            if len(found["loss"]) % (every or steps) == 0:
                found["train"].append(accuracies(model, data.x, data.y, nets))
                found["test"].append(accuracies(model, data.test_x, data.test_y, nets))
    return [seen(found, k) for k in range(nets)]


def seen(found: dict[str, list], net: int) -> dict[str, Any]:
    """What was seen of one network."""
    loss = [row[net] for row in found["loss"]]
    good = next((k for k, value in enumerate(loss) if not math.isfinite(value)), len(loss))
    parts = {part: [row[net] for row in found[part]] for part in ("train", "test")}
    return {"loss": loss[:good], **parts, "diverged": good < len(loss)}


__all__ = ["BatchNorms", "Linears", "accuracies", "beside", "losses", "train_beside"]
