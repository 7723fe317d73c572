"""Normalization: of a batch, of a case, of groups of channels, of one image, and of vectors to length 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...backends import ShapeError, finfo
from ...core import Tensor, mode
from ...ops.arithmetic import cast
from ...ops.elementwise import clamp, rsqrt, square
from ...ops.linalg import tensor_norm as norm
from ...ops.norm import batch_norm_eval_op, batch_norm_op, channels, group_norm_op, layer_norm_op
from ...ops.operands import tensor_of
from ...ops.out import written_into
from ...ops.reduce import mean_op, var_op
from ...ops.shape import reshape_op
from ...ops.update import lerp_
from .checks import vector


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: Any = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """y = weight (x - mean) / sqrt(var + eps) + bias for each channel; (N, C, ...), vectors (C) -> (N, C, ...).

    In training mean and var are those of the batch (var biased: divided by n), and the running statistics, if given,
    move in place: running <- (1 - momentum) running + momentum batch, with the unbiased variance (divided by n - 1).
    Otherwise they are the running statistics. Raises ValueError in training on one value per channel, ShapeError for
    vectors that do not fit. Source: Ioffe & Szegedy 2015, Algorithms 1 and 2.
    """
    return normalized(batch_norm_op, input, running_mean, running_var, weight, bias, training, momentum, eps)


def normalized(
    in_training: Any, input: Any, running_mean: Any, running_var: Any, weight: Any, bias: Any, training: bool, momentum: Any,
    eps: float,
) -> Tensor:  # fmt: skip
    """`batch_norm` once its arguments are checked, by the op `in_training` if the statistics are the batch's."""
    shape = tensor_of("batch_norm", input).array.shape
    if len(shape) < 2:
        raise ShapeError(f"batch_norm: input must be (N, C, ...), got {tuple(shape)}")
    line = shape[1:2]
    for name, v in (("running_mean", running_mean), ("running_var", running_var), ("weight", weight), ("bias", bias)):
        if v is not None and (not isinstance(v, Tensor) or v.array.shape != line):
            vector("batch_norm", name, v, shape[1])
    if (running_mean is None) != (running_var is None):
        raise ValueError("batch_norm: running_mean and running_var must be given both or neither")
    if not eps >= 0:
        raise ValueError(f"batch_norm: eps must not be negative, got {eps}")
    if not training:
        if running_mean is None:
            raise ValueError("batch_norm: expected running_mean and running_var outside of training. Hint: training=True")
        return batch_norm_eval_op(input, weight, bias, running_mean, running_var, eps=eps)
    if input.array.size <= shape[1]:
        if not input.array.size:  # no statistics to normalise by, nor to move: as in PyTorch only the gradients' shapes remain
            return scaled(input, weight, bias)
        raise ValueError(f"batch_norm: Expected more than 1 value per channel when training, got input size "
                         f"{tuple(shape)}: the variance of one value is 0. "
                         "Hint: a larger batch (DataLoader(drop_last=True)), or .eval()")  # fmt: skip
    return in_training(input, weight, bias, running_mean, running_var, None if running_mean is None else momentum, eps=eps)


def scaled(x: Any, weight: Any, bias: Any) -> Any:
    """weight x + bias for each channel."""
    y = x if weight is None else x * channels(weight, x)
    return y if bias is None else y + channels(bias, x)


def last_sizes(who: str, x: Tensor, normalized_shape: Any) -> tuple[int, ...]:
    """The positions of the last dimensions that `normalized_shape` describes. Raises ShapeError if they differ."""
    sizes = tuple(normalized_shape) if isinstance(normalized_shape, Sequence) else (normalized_shape,)
    if not sizes or tuple(tensor_of(who, x).shape[-len(sizes) :]) != sizes:
        raise ShapeError(f"{who}: input must end in normalized_shape {sizes}, got {tuple(x.shape)}")
    return tuple(range(x.ndim - len(sizes), x.ndim))


def like_last(who: str, name: str, v: Tensor | None, x: Tensor, dims: tuple[int, ...]) -> None:
    """Raise ShapeError unless `v` is None or has the sizes of x in `dims`."""
    wanted = tuple(x.shape[d] for d in dims)
    if v is not None and tuple(v.shape) != wanted:
        raise ShapeError(f"{who}: {name} must be of the normalized shape {wanted}, got {tuple(v.shape)}")


def layer_norm(
    input: Tensor, normalized_shape: Any, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """y = weight (x - mean) / sqrt(var + eps) + bias, mean and biased var of each case over its last dimensions.

    (..., *normalized_shape), weight and bias (*normalized_shape) -> (..., *normalized_shape).
    Source: Ba, Kiros & Hinton 2016, §3.
    """
    return layer_normalized(layer_norm_op, input, normalized_shape, weight, bias, eps)


def layer_normalized(by: Any, input: Any, normalized_shape: Any, weight: Any, bias: Any, eps: float) -> Tensor:
    """The op `by`, layer norm or what begins with it, once its arguments are checked."""
    dims = last_sizes("layer_norm", input, normalized_shape)
    like_last("layer_norm", "weight", weight, input, dims)
    like_last("layer_norm", "bias", bias, input, dims)
    return by(input, weight, bias, dims=dims, eps=eps)


def rms_norm(input: Tensor, normalized_shape: Any, weight: Tensor | None = None, eps: float | None = None) -> Tensor:
    """y = weight x / sqrt(mean(x^2) + eps), the mean over the last dimensions; eps None is the type's resolution.

    Source: Zhang & Sennrich 2019.
    """
    dims = last_sizes("rms_norm", input, normalized_shape)
    like_last("rms_norm", "weight", weight, input, dims)
    coarse = input.dtype.itemsize < 4  # too few bits for squares
    x = cast(input, dtype="float32") if coarse else input
    y = x * rsqrt(mean_op(square(x), dim=dims, keepdim=True) + (finfo(input.dtype).eps if eps is None else eps))
    y = cast(y, dtype=input.dtype) if coarse else y
    return y if weight is None else y * weight


def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Each case's channels in `num_groups` groups, each group normalised by its mean and biased var; (N, C, ...) ->
    same.

    Then weight y + bias for each channel. Raises ShapeError unless num_groups divides C. Source: Wu & He 2018.
    """
    return group_normalized(group_norm_op, input, num_groups, weight, bias, eps)


def group_normalized(by: Any, input: Any, num_groups: int, weight: Any, bias: Any, eps: float) -> Tensor:
    """The op `by`, group norm or what begins with it, once its arguments are checked."""
    shape = tuple(tensor_of("group_norm", input).shape)
    if len(shape) < 2:
        raise ShapeError(f"group_norm: input must be (N, C, ...), got {shape}")
    if num_groups < 1 or shape[1] % num_groups:
        raise ShapeError(f"group_norm: Expected number of channels in input to be divisible by num_groups, got input "
                         f"{shape} and num_groups={num_groups}")  # fmt: skip
    vector("group_norm", "weight", weight, shape[1])
    vector("group_norm", "bias", bias, shape[1])
    cells = input.array.size // max(shape[0] * num_groups, 1)
    if cells * shape[0] == 1:
        raise ValueError(f"group_norm: Expected more than 1 value per channel when training, got input size {shape}")
    return by(input, weight, bias, groups=num_groups, eps=eps)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: Any = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Each channel of each case normalised by its own mean and biased var; (N, C, ...) -> same. Then weight y + bias.

    The running statistics, if given, move in place towards the mean over cases of the means and unbiased variances;
    they normalise if `use_input_stats` is False. Raises ValueError on one value per channel.
    Source: Ulyanov, Vedaldi & Lempitsky 2016.
    """
    shape = tuple(tensor_of("instance_norm", input).shape)
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    if len(shape) < 3:
        raise ShapeError(f"instance_norm: input must be (N, C, ...) with spatial dimensions, got {shape}")
    cells = math.prod(shape[2:])
    if cells <= 1:
        raise ValueError(f"instance_norm: Expected more than 1 spatial element when training, got input size {shape}")
    for name, v in (("running_mean", running_mean), ("running_var", running_var), ("weight", weight), ("bias", bias)):
        vector("instance_norm", name, v, shape[1])
    if running_mean is not None and shape[0]:
        rows = reshape_op(input, shape=(*shape[:2], cells))
        with mode(grad=False):
            lerp_(running_mean, mean_op(rows, dim=(0, 2)), momentum)
            lerp_(running_var, mean_op(var_op(rows, dim=(2,)), dim=(0,)), momentum)
    return group_norm_op(input, weight, bias, groups=shape[1], eps=eps)


def normalize(input: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Tensor | None = None) -> Tensor:
    """y = x / max(|x|_p, eps) along `dim`; written into `out` if it is given, which records no gradient."""
    y = input / clamp(norm(tensor_of("normalize", input), p, dim, keepdim=True), min=eps)
    return y if out is None else written_into("normalize", out, y)
