"""Single ops, forward and backward; and an optimizer's step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .workload import prepared, weights, workload


def both_ways(lib: Any, function: Callable, *shapes: tuple[int, ...]) -> Callable[[], float]:
    """Forward, and backward with a fixed gradient, of a function of tensors of these shapes."""
    rng = np.random.default_rng(0)
    tensors = [lib.from_numpy(rng.standard_normal(shape, dtype=np.float32)).requires_grad_() for shape in shapes]
    function = prepared(lib, function)
    g = lib.from_numpy(rng.standard_normal(tuple(function(*tensors).shape), dtype=np.float32))

    def step() -> float:
        for t in tensors:
            t.grad = None
        function(*tensors).backward(g)
        return sum(t.grad[(-1,) * len(t.shape)].item() for t in tensors)

    return step


@workload("3x3 convolution 64 to 64 channels, 32 images 32x32, forward and backward", unit="call", trains=False)
def op_conv(lib: Any) -> Any:
    return both_ways(lib, lambda x, w: lib.nn.functional.conv2d(x, w, padding=1), (32, 64, 32, 32), (64, 64, 3, 3))


@workload("product of matrices 1024x1024, forward and backward", unit="call", trains=False)
def op_matmul(lib: Any) -> Any:
    return both_ways(lib, lambda x, y: x @ y, (1024, 1024), (1024, 1024))


@workload("batch norm of 64 images 28x28 with 32 channels, forward and backward", unit="call", trains=False)
def op_batch_norm(lib: Any) -> Any:
    batch_norm = lib.nn.functional.batch_norm
    return both_ways(lib, lambda x, w, b: batch_norm(x, None, None, w, b, True), (64, 32, 28, 28), (32,), (32,))


@workload("layer norm of 1024 rows of 512, forward and backward", unit="call", trains=False)
def op_layer_norm(lib: Any) -> Any:
    return both_ways(lib, lambda x, w, b: lib.nn.functional.layer_norm(x, (512,), w, b), (1024, 512), (512,), (512,))


@workload("softmax of 4096 rows of 256, forward and backward", unit="call", trains=False)
def op_softmax(lib: Any) -> Any:
    return both_ways(lib, lambda x: lib.softmax(x, 1), (4096, 256))


@workload("Adam's step for a million parameters in 9 tensors", unit="call", trains=False)
def op_adam(lib: Any) -> Any:
    drawn = weights([(256, 256), (256,)] * 4 + [(768, 1024)])
    parameters = [lib.from_numpy(w).requires_grad_() for w in drawn]
    for p, g in zip(parameters, drawn, strict=True):
        p.grad = lib.from_numpy(g[::-1].copy())
    optimizer = lib.optim.Adam(parameters, lr=1e-3)

    def step() -> float:
        optimizer.step()
        return parameters[0].reshape(-1)[-1].item()

    return step
