"""The gradients of convolutions as functions, under PyTorch's names in `torch.nn.grad`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..autograd import grad
from ..core import MODE, Tensor, mode
from ..ops.create import zeros
from . import functional as F


def backward(conv: Callable, size: Sequence[int], grad_output: Tensor) -> Tensor:
    """The gradient of an operand of this size, in which `conv` is linear; with a history where gradients are recorded."""
    recorded = MODE.get().grad
    with mode(grad=True):
        operand = zeros(*size, dtype=grad_output.dtype, device=grad_output.device, requires_grad=True)
        (found,) = grad(conv(operand), operand, grad_output, create_graph=recorded)
    return found  # type: ignore[return-value]


def of_input(n: int) -> Callable:
    conv = getattr(F, f"conv{n}d")

    def called(input_size: Sequence[int], weight: Tensor, grad_output: Tensor, stride: Any = 1, padding: Any = 0,
               dilation: Any = 1, groups: int = 1) -> Tensor:  # fmt: skip
        return backward(lambda x: conv(x, weight, None, stride, padding, dilation, groups), input_size, grad_output)

    called.__name__ = called.__qualname__ = f"conv{n}d_input"
    called.__doc__ = f"The gradient of the input of `conv{n}d`, of shape `input_size`, from that of its output."
    return called


def of_weight(n: int) -> Callable:
    conv = getattr(F, f"conv{n}d")

    def called(input: Tensor, weight_size: Sequence[int], grad_output: Tensor, stride: Any = 1, padding: Any = 0,
               dilation: Any = 1, groups: int = 1) -> Tensor:  # fmt: skip
        return backward(lambda w: conv(input, w, None, stride, padding, dilation, groups), weight_size, grad_output)

    called.__name__ = called.__qualname__ = f"conv{n}d_weight"
    called.__doc__ = f"The gradient of the weight of `conv{n}d`, of shape `weight_size`, from that of its output."
    return called


conv1d_input, conv2d_input, conv3d_input = map(of_input, (1, 2, 3))
conv1d_weight, conv2d_weight, conv3d_weight = map(of_weight, (1, 2, 3))

__all__ = ["conv1d_input", "conv1d_weight", "conv2d_input", "conv2d_weight", "conv3d_input", "conv3d_weight"]
