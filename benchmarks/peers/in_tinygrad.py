"""tinygrad: the whole training step, with tinygrad's own optimizer, is captured and compiled by `TinyJit`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tinygrad import Context, Tensor, TinyJit, nn

from .numpy_like import CONVOLUTIONAL, PERCEPTRONS, adam, build, cnn_shapes, mlp_shapes


def normalized(x: Tensor, weight: Tensor, bias: Tensor, dims: tuple[int, ...]) -> Tensor:
    """x with mean 0 and variance 1 over `dims`, then scaled and shifted."""
    centred = x - x.mean(dims, keepdim=True)
    return centred * (centred.square().mean(dims, keepdim=True) + 1e-5).rsqrt() * weight + bias


def mlp(dims: tuple[int, ...], parameters: list, x: Tensor) -> Tensor:
    *hidden, weight, bias = parameters
    for k in range(0, len(hidden), 4):
        w, b, scale, shift = hidden[k : k + 4]
        x = normalized(x.linear(w.T, b), scale, shift, dims).relu()
    return x.linear(weight.T, bias)


def cnn(parameters: list, x: Tensor) -> Tensor:
    *hidden, weight, bias = parameters
    for k in range(0, len(hidden), 4):
        w, b, *rows = hidden[k : k + 4]
        scale, shift = (row.reshape(-1, 1, 1) for row in rows)
        x = normalized(x.conv2d(w, b, padding=1), scale, shift, (0, 2, 3)).relu().max_pool2d((2, 2))
    return x.flatten(1).linear(weight.T, bias)


def training(model: Callable, drawn: list, rule: Callable, batch: tuple) -> Callable[[], float]:
    x, target = (Tensor(array).realize() for array in batch)
    parameters = [Tensor(w).realize() for w in drawn]
    make: Any = nn.optim.Adam if rule is adam else partial(nn.optim.SGD, momentum=0.9)
    optimizer = make(parameters, lr=0.001)

    @TinyJit
    def stepped() -> Tensor:
        optimizer.zero_grad()
        loss = model(parameters, x).sparse_categorical_crossentropy(target).backward()
        return loss.realize(*optimizer.schedule_step())

    def step() -> float:
        with Context(TRAINING=1):  # the optimizer asks for it
            return stepped().item()

    return step


STEPS: dict[str, Callable] = {}
for name, (widths, rule, dims) in PERCEPTRONS.items():
    STEPS[name] = partial(build, training, partial(mlp, dims), mlp_shapes(*widths), rule, (128, widths[0]))
for name, (cases, side, channels, rule) in CONVOLUTIONAL.items():
    STEPS[name] = partial(build, training, cnn, cnn_shapes(side, *channels), rule, (cases, 1, side, side))
