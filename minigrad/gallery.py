"""The pictures of the documentation: `python -m minigrad.gallery [folder]` draws them all."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F
from minigrad.trace import Program, record
from minigrad.viz import Drawing, draw


def norm_program(layer: Callable[..., mg.Tensor], shape: tuple[int, ...], size: int) -> tuple[Program, dict[str, mg.Tensor]]:
    """A normalization run forward and backward on random numbers, and the names of its tensors."""
    x = mg.randn(shape).requires_grad_()
    gamma = mg.randn(size).mul(0.3).add(1).requires_grad_()
    beta = mg.randn(size).mul(0.2).requires_grad_()
    with record(x=x) as program:
        y = layer(x, gamma, beta)
        y.backward(mg.randn(shape))
    return program, {"x": x, "γ": gamma, "β": beta, "y": y}


def batchnorm(x: mg.Tensor, gamma: mg.Tensor, beta: mg.Tensor) -> mg.Tensor:
    return F.batch_norm(x, None, None, gamma, beta, training=True)


def layernorm(x: mg.Tensor, gamma: mg.Tensor, beta: mg.Tensor) -> mg.Tensor:
    return F.layer_norm(x, (3,), gamma, beta)


def closed() -> Drawing:
    """Batch norm as one node."""
    program, names = norm_program(batchnorm, (4, 3, 2, 2), 3)
    return draw(program, names=names, backward=False, direction="LR", title="Batch normalization, closed")


def forward() -> Drawing:
    """Batch norm opened, forward only."""
    program, names = norm_program(batchnorm, (4, 3, 2, 2), 3)
    return draw(program, names=names, decompose=True, backward=False, direction="LR", title="Batch normalization, opened")


def poster() -> Drawing:
    """Batch norm opened, forward and backward, with the numbers in it."""
    program, names = norm_program(batchnorm, (4, 3, 2, 2), 3)
    return draw(program, names=names, decompose=True, backward=True, values=True, gradients=True,
                title="Batch normalization:  y = γ (x − μ) / √(σ² + ε) + β")  # fmt: skip


def layer() -> Drawing:
    """Layer norm opened, forward and backward."""
    program, names = norm_program(layernorm, (4, 3), 3)
    return draw(program, names=names, decompose=True, backward=True, values=True, gradients=True,
                title="Layer normalization:  y = γ (x − μ) / √(σ² + ε) + β")  # fmt: skip


def softmax() -> Drawing:
    """Softmax and cross entropy opened, forward and backward."""
    x, target = mg.randn(4, 3).requires_grad_(), mg.randint(0, 3, (4,))
    with record(x=x, target=target) as program:
        loss = F.cross_entropy(x, target)
        loss.backward()
    return draw(program, names={"loss": loss}, decompose=True, backward=True, title="Softmax and cross entropy")


def mlp() -> Drawing:
    """A small network with its modules as boxes."""
    model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
    x, target = mg.randn(32, 8), mg.randint(0, 3, (32,))
    with record(x=x, target=target) as program:
        loss = F.cross_entropy(model(x), target)
    return draw(program, names={"loss": loss}, title="A multilayer perceptron")


PICTURES = {
    "batchnorm_closed": closed,
    "batchnorm_forward": forward,
    "batchnorm": poster,
    "layernorm": layer,
    "softmax_cross_entropy": softmax,
    "mlp": mlp,
}


def main(folder: str = "docs/pictures", suffix: str = "svg") -> None:
    """Draw every picture into a folder."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, picture in PICTURES.items():
        mg.manual_seed(0)
        print(picture().save(Path(folder) / f"{name}.{suffix}"))


if __name__ == "__main__":
    main(*sys.argv[1:])
