"""A layer and the batch norm behind it made one layer, for evaluation."""

from __future__ import annotations

import copy
from typing import Any

from ...core import Tensor, mode
from ...ops.create import ones_like, zeros_like
from ...ops.elementwise import rsqrt
from ...ops.shape import reshape_op
from ..module import Module
from ..parameter import Parameter


def fuse_conv_bn_weights(
    conv_w: Tensor, conv_b: Tensor | None, bn_rm: Tensor, bn_rv: Tensor, bn_eps: float, bn_w: Tensor | None,
    bn_b: Tensor | None, transpose: bool = False,
) -> tuple[Parameter, Parameter]:  # fmt: skip
    """weight w / s and (bias - mean) w / s + b, s = sqrt(var + eps): a scale and shift of each channel taken in."""
    with mode(grad=False):
        scale = rsqrt(bn_rv + bn_eps) * (ones_like(bn_rm) if bn_w is None else bn_w)
        line = (1, -1) if transpose else (-1,)
        weight = conv_w * reshape_op(scale, shape=(*line, *(1,) * (conv_w.ndim - len(line))))
        bias = ((zeros_like(bn_rm) if conv_b is None else conv_b) - bn_rm) * scale
        bias = bias if bn_b is None else bias + bn_b
    return Parameter(weight, conv_w.requires_grad), Parameter(
        bias, conv_w.requires_grad if conv_b is None else conv_b.requires_grad
    )


def fuse_linear_bn_weights(
    linear_w: Tensor, linear_b: Tensor | None, bn_rm: Tensor, bn_rv: Tensor, bn_eps: float, bn_w: Tensor, bn_b: Tensor
) -> tuple[Parameter, Parameter]:
    """`fuse_conv_bn_weights` of a linear layer."""
    return fuse_conv_bn_weights(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b)


def fuse_conv_bn_eval(conv: Any, bn: Any, transpose: bool = False) -> Any:
    """A copy of the convolution that does what it and the batch norm behind it do in evaluation.

    Raises ValueError unless both are in evaluation (PyTorch: AssertionError), and without running statistics.
    """
    return fused("fuse_conv_bn_eval", conv, bn, transpose)


def fuse_linear_bn_eval(linear: Any, bn: Any) -> Any:
    """`fuse_conv_bn_eval` of a linear layer."""
    return fused("fuse_linear_bn_eval", linear, bn, False)


def fused(who: str, layer: Module, bn: Any, transpose: bool) -> Module:
    """A copy of the layer with the batch norm taken in."""
    if layer.training or bn.training:
        raise ValueError(f"{who}: fusion only for eval! Hint: .eval() first")
    if bn.running_mean is None:
        raise ValueError(f"{who}: the batch norm has no running statistics to take in")
    both = copy.deepcopy(layer)
    both.weight, both.bias = fuse_conv_bn_weights(
        both.weight, both.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias, transpose
    )
    return both
