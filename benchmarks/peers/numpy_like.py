"""The nets for libraries with NumPy's interface, as functions of a list of parameters in PyTorch's order.

The running statistics of batch norm are left out, which spares these libraries a little work. `np` is the library's NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy

from ..workloads.workload import pictures, weights

EPS, ZERO = numpy.float32(1e-5), numpy.float32(0)  # some libraries take Python's numbers for float64


def mlp_shapes(*widths: int) -> list[tuple[int, ...]]:
    """Of the parameters of an MLP: weight, bias, and those of the normalization, layer by layer."""
    shapes: list[tuple[int, ...]] = []
    for before, after in zip(widths[:-1], widths[1:], strict=True):
        shapes += [(after, before), (after,), (after,), (after,)]
    return shapes[:-2]


def cnn_shapes(side: int, *channels: int) -> list[tuple[int, ...]]:
    """Of the parameters of a CNN: weight, bias, and those of the normalization, block by block; then the linear layer."""
    shapes: list[tuple[int, ...]] = []
    for before, after in zip((1, *channels), channels, strict=False):
        shapes += [(after, before, 3, 3), (after,), (after,), (after,)]
    return [*shapes, (10, channels[-1] * (side // 2 ** len(channels)) ** 2), (10,)]


def normalized(np: Any, x: Any, weight: Any, bias: Any, dims: tuple[int, ...]) -> Any:
    """x with mean 0 and variance 1 over `dims`, then scaled and shifted."""
    centred = x - np.mean(x, axis=dims, keepdims=True)
    var = np.mean(centred * centred, axis=dims, keepdims=True)
    return centred / np.sqrt(var + EPS) * weight + bias


def mlp(np: Any, parameters: list, x: Any, dims: tuple[int, ...] = (0,)) -> Any:
    """Batch norm is over dims (0,), layer norm over (1,)."""
    *hidden, weight, bias = parameters
    for k in range(0, len(hidden), 4):
        w, b, scale, shift = hidden[k : k + 4]
        x = np.maximum(normalized(np, x @ w.T + b, scale, shift, dims), ZERO)
    return x @ weight.T + bias


def cnn(np: Any, conv: Callable, parameters: list, x: Any) -> Any:
    """`conv(x, w)` is the library's 3x3 convolution, padded by 1."""
    *hidden, weight, bias = parameters
    for k in range(0, len(hidden), 4):
        w, *rows = hidden[k : k + 4]
        b, scale, shift = (np.reshape(row, (-1, 1, 1)) for row in rows)
        x = np.maximum(normalized(np, conv(x, w) + b, scale, shift, (0, 2, 3)), ZERO)
        n, c, side, _ = x.shape
        half = side // 2
        x = np.max(np.reshape(x[:, :, : 2 * half, : 2 * half], (n, c, half, 2, half, 2)), axis=(3, 5))
    return np.reshape(x, (x.shape[0], -1)) @ weight.T + bias


def cross_entropy(np: Any, x: Any, target: Any) -> Any:
    """The mean of -log softmax(x) at the target."""
    x = x - np.max(x, axis=1, keepdims=True)
    logp = x - np.log(np.sum(np.exp(x), axis=1, keepdims=True))
    return -np.mean(logp[np.arange(x.shape[0]), target])


def sgd(p: Any, g: Any, state: tuple, lr: float = 0.001, momentum: float = 0.9) -> tuple[Any, tuple]:
    """A step of SGD with momentum: the new parameter and its state (the buffer,)."""
    buffer = momentum * state[0] + g
    return p - lr * buffer, (buffer,)


def adam(p: Any, g: Any, state: tuple, lr: float = 0.001, beta1: float = 0.9, beta2: float = 0.999) -> tuple[Any, tuple]:
    """A step of Adam: the new parameter and its state (mean, mean of squares, step)."""
    mean, square, step = state
    step = step + 1
    mean = beta1 * mean + (1 - beta1) * g
    square = beta2 * square + (1 - beta2) * (g * g)
    root = (square / (1 - beta2**step)) ** 0.5
    return p - lr / (1 - beta1**step) * mean / (root + 1e-8), (mean, square, step)


def start(p: Any, rule: Callable) -> tuple:
    """The state of `sgd` or `adam` before the first step."""
    return (0.0 * p,) if rule is sgd else (0.0 * p, 0.0 * p, 0)


def update(rule: Callable, parameters: list, gradients: list, states: list) -> tuple[list, list]:
    """A step of all parameters."""
    pairs = [rule(p, g, s) for p, g, s in zip(parameters, gradients, states, strict=True)]
    return [p for p, _ in pairs], [s for _, s in pairs]


def chain(np: Any, w: Any, c: Any) -> Any:
    """The 1,000 ops of `scalar_chain`."""
    x = w
    for _ in range(250):
        x = np.exp(np.tanh(x * w + c))
    return x


PERCEPTRONS = {  # widths, optimizer, dimensions of the normalization
    "mlp_sgd": ((64, 128, 128, 10), sgd, (0,)),
    "mlp_adam": ((64, 128, 128, 10), adam, (0,)),
    "mlp_784": ((784, 256, 256, 10), adam, (0,)),
    "mlp_mnist_sgd": ((784, 256, 128, 10), sgd, (0,)),
    "mlp_mnist_adam": ((784, 256, 128, 10), adam, (0,)),
    "mlp_ln": ((784, 256, 128, 10), sgd, (1,)),
}
CONVOLUTIONAL = {  # batch, side, channels, optimizer
    "cnn_digits": (128, 8, (16, 32), adam),
    "cnn_28": (64, 28, (16, 32), sgd),
    "cnn_28_wide": (64, 28, (32, 64), sgd),
}


def nets(np: Any, conv: Callable, training: Callable) -> dict[str, Callable]:
    """For each workload what builds its step: `training(model, parameters, rule, batch)` with all that it needs."""
    found: dict[str, Callable] = {}
    for name, (widths, rule, dims) in PERCEPTRONS.items():
        found[name] = partial(build, training, partial(mlp, np, dims=dims), mlp_shapes(*widths), rule, (128, widths[0]))
    for name, (batch, side, channels, rule) in CONVOLUTIONAL.items():
        model = partial(cnn, np, conv)
        found[name] = partial(build, training, model, cnn_shapes(side, *channels), rule, (batch, 1, side, side))
    return found


def build(training: Callable, model: Callable, shapes: list, rule: Callable, batch: tuple[int, ...]) -> Callable[[], float]:
    return training(model, weights(shapes), rule, pictures(*batch))
