"""Normalization and the softmax family: composite ops, each a kernel, its rules, and its definition in primitives."""

from __future__ import annotations

import math
from typing import Any

from ..backends import backend_of
from ..core import op
from .arithmetic import where
from .conv import channel_sum
from .elementwise import exp, log, relu, sqrt, square, through_relu
from .index import gather_op, scatter_add_op
from .reduce import amax_op, mean_op, sum_op
from .shape import reshape_op
from .update import lerp_


@op("general", name="batch_norm", saves=("mean", "var"))
def batch_norm_op(b, x, weight, bias, running_mean, running_var, momentum, *, eps):
    """y = weight (x - mean) / sqrt(var + eps) + bias, mean and var of the batch, per channel (dimension 1).

    (N, C, ...), (C), (C) -> (N, C, ...). The biased variance normalises. The running statistics, if given, move in place
    towards the batch's by the weight `momentum`, the variance by its unbiased estimate.
    Source: Ioffe & Szegedy 2015, Algorithm 1.
    """
    y, mean, var = b.batch_norm(x, weight, bias, eps)
    track(b, x, mean, var, running_mean, running_var, momentum)
    return y, mean, var


def track(b, x, mean, var, running_mean, running_var, momentum):
    """Move the running statistics, if there are any, towards those of the batch."""
    if running_mean is not None:
        n = x.size // x.shape[1]
        b.move_(running_mean, mean, momentum, 1)
        b.move_(running_var, var, momentum, n / max(n - 1, 1))


@op("general")
def batch_norm_input(b, g, x, weight, mean, var, *, eps):
    """dx = weight/s (g - mean(g) - xhat mean(g xhat)), s = sqrt(var + eps). Source: Ioffe & Szegedy 2015, §3, simplified"""
    return b.batch_norm_input(g, x, weight, mean, var, eps)


@batch_norm_input.define
def batch_norm_input_definition(g, x, weight, mean, var, *, eps):
    dims = (0, *range(2, x.ndim))
    rstd = 1.0 / sqrt(var + eps)
    xhat = (x - mean) * rstd
    slope = mean_op(g * xhat, dim=dims, keepdim=True)
    dx = rstd * (g - mean_op(g, dim=dims, keepdim=True) - xhat * slope)
    return dx if weight is None else dx * channels(weight, x)


batch_norm_op.writes = (3, 4)
batch_norm_op.vjp(
    x=lambda g, x, weight, mean, var, eps: batch_norm_input(g, x, weight, mean, var, eps=eps),
    weight=lambda g, x, mean, var, eps: channel_sum(g * (x - mean) / sqrt(var + eps)),
    bias=lambda g: channel_sum(g),
)
batch_norm_op.fused = lambda g, x, weight, mean, var, eps: (  # x is None where only the bias wants a gradient
    (None, None, channel_sum(g)) if x is None else backend_of(g).batch_norm_backward(g, x, weight, mean, var, eps)
)


@batch_norm_op.define
def batch_norm_definition(x, weight, bias, running_mean=None, running_var=None, momentum=None, *, eps):
    dims = (0, *range(2, x.ndim))
    mu = mean_op(x, dim=dims, keepdim=True)
    centred = x - mu
    var = mean_op(square(centred), dim=dims, keepdim=True)
    std = sqrt(var + eps)
    y = centred / std
    if weight is not None:
        y = y * reshape_op(weight, shape=mu.shape)
    if bias is not None:
        y = y + reshape_op(bias, shape=mu.shape)
    if running_mean is not None:
        n = x.array.size // x.shape[1]
        lerp_(running_mean, reshape_op(mu, shape=running_mean.shape), momentum)
        lerp_(running_var, reshape_op(var, shape=running_var.shape) * (n / max(n - 1, 1)), momentum)
    return y


@op("general", name="batch_norm_relu", saves=("mean", "var", "workspace"))
def batch_norm_relu_op(b, x, weight, bias, running_mean, running_var, momentum, *, eps):
    """y = max(batch_norm(x), 0): batch norm with the ReLU that follows it, in one pass over the memory

    Arguments and running statistics as in batch_norm. `workspace` is what a kernel keeps for its own backward.
    """
    y, mean, var, workspace = b.batch_norm_relu(x, weight, bias, eps)
    track(b, x, mean, var, running_mean, running_var, momentum)
    return y, mean, var, workspace


batch_norm_relu_op.writes = (3, 4)
batch_norm_relu_op.vjp(  # bias is asked for so that the definition, which gives the second derivatives, has it
    x=lambda g, y, x, weight, bias, mean, var, eps: batch_norm_input(through_relu(g, y), x, weight, mean, var, eps=eps),
    weight=lambda g, y, x, bias, mean, var, eps: channel_sum(through_relu(g, y) * (x - mean) / sqrt(var + eps)),
    bias=lambda g, y, x, weight, bias: channel_sum(through_relu(g, y)),
)
batch_norm_relu_op.fused = lambda g, y, x, weight, mean, var, workspace, eps: backend_of(g).batch_norm_relu_backward(
    g, x, weight, mean, var, y, workspace, eps
)


@batch_norm_relu_op.define
def batch_norm_relu_definition(*inputs, eps):
    return relu(batch_norm_op(*inputs, eps=eps))


@op("general", name="batch_norm_eval")
def batch_norm_eval_op(b, x, weight, bias, running_mean, running_var, *, eps):
    """y = weight (x - running_mean) / sqrt(running_var + eps) + bias: a fixed scale and shift of each channel"""
    line = (1, x.shape[1], *(1,) * (x.ndim - 2))
    scale = 1 / b.xp.sqrt(running_var + eps)
    scale = scale if weight is None else scale * weight
    shift = -running_mean * scale
    shift = shift if bias is None else shift + bias
    return x * b.xp.reshape(scale, line) + b.xp.reshape(shift, line)


def channels(v: Any, x: Any) -> Any:
    """A value for each channel, shaped to broadcast over x."""
    return reshape_op(v, shape=(1, x.shape[1], *(1,) * (x.ndim - 2)))


def eval_scale(g: Any, weight: Any, running_var: Any, eps: float) -> Any:
    """weight / sqrt(running_var + eps), over the channels of g."""
    rstd = 1.0 / sqrt(running_var + eps)
    return channels(rstd if weight is None else rstd * weight, g)


batch_norm_eval_op.vjp(
    x=lambda g, weight, running_var, eps: g * eval_scale(g, weight, running_var, eps),
    weight=lambda g, x, running_mean, running_var, eps: channel_sum(
        g * (x - channels(running_mean, x)) * eval_scale(g, None, running_var, eps)
    ),
    bias=lambda g: channel_sum(g),
    running_mean=lambda g, weight, running_var, eps: -channel_sum(g * eval_scale(g, weight, running_var, eps)),
    running_var=lambda g, x, weight, running_mean, running_var, eps: (
        channel_sum(g * (x - channels(running_mean, x)) * eval_scale(g, weight, running_var, eps))
        * (-0.5)
        / (running_var + eps)
    ),
)


@batch_norm_eval_op.define
def batch_norm_eval_definition(x, weight, bias, running_mean, running_var, *, eps):
    y = (x - channels(running_mean, x)) / channels(sqrt(running_var + eps), x)
    y = y if weight is None else y * channels(weight, x)
    return y if bias is None else y + channels(bias, x)


@op("general", name="layer_norm", saves=("mean", "rstd"))
def layer_norm_op(b, x, weight, bias, *, dims, eps):
    """y = weight (x - mean) / sqrt(var + eps) + bias, mean and biased var of each case over its last dimensions `dims`.

    (..., D), (D), (D) -> (..., D). Source: Ba, Kiros & Hinton 2016, §3.
    """
    return b.layer_norm(x, weight, bias, dims, eps)


def layer_norm_input(g: Any, x: Any, weight: Any, mean: Any, rstd: Any, dims: tuple) -> Any:
    """dx = (gw - mean(gw) - xhat mean(gw xhat)) / s, with gw = g weight."""
    gw = g if weight is None else g * weight
    xhat = (x - mean) * rstd
    return (gw - mean_op(gw, dim=dims, keepdim=True) - xhat * mean_op(gw * xhat, dim=dims, keepdim=True)) * rstd


def case_sum(g: Any, dims: tuple) -> Any:
    """g summed over all dimensions but `dims`."""
    return sum_op(g, dim=tuple(d for d in range(g.ndim) if d not in dims))


layer_norm_op.vjp(
    x=lambda g, x, weight, mean, rstd, dims: layer_norm_input(g, x, weight, mean, rstd, dims),
    weight=lambda g, x, mean, rstd, dims: case_sum(g * (x - mean) * rstd, dims),
    bias=lambda g, dims: case_sum(g, dims),
)


def layer_norm_gradients(g: Any, x: Any, weight: Any, mean: Any, rstd: Any, dims: tuple, wanted: tuple) -> tuple:
    """All of them in one kernel, or that of x or of the bias alone."""
    b = backend_of(g)
    if x is None:
        return None, None, case_sum(g, dims)
    if any(wanted[1:]):
        return b.layer_norm_backward(g, x, weight, mean, rstd, dims)
    return b.layer_norm_input(g, x, weight, mean, rstd, dims), None, None


layer_norm_op.fused = layer_norm_gradients


@layer_norm_op.define
def layer_norm_definition(x, weight, bias, *, dims, eps):
    mu = mean_op(x, dim=dims, keepdim=True)
    centred = x - mu
    var = mean_op(square(centred), dim=dims, keepdim=True)
    y = centred / sqrt(var + eps)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


@op("general", name="layer_norm_relu", saves=("mean", "rstd"))
def layer_norm_relu_op(b, x, weight, bias, *, dims, eps):
    """y = max(layer_norm(x), 0): layer norm with the ReLU that follows it

    Arguments as in layer_norm.
    """
    y, mean, rstd = b.layer_norm(x, weight, bias, dims, eps)
    return b.relu(y), mean, rstd


layer_norm_relu_op.vjp(  # bias as in batch_norm_relu
    x=lambda g, y, x, weight, bias, mean, rstd, dims: layer_norm_input(through_relu(g, y), x, weight, mean, rstd, dims),
    weight=lambda g, y, x, bias, mean, rstd, dims: case_sum(through_relu(g, y) * (x - mean) * rstd, dims),
    bias=lambda g, y, x, weight, bias, dims: case_sum(through_relu(g, y), dims),
)
layer_norm_relu_op.fused = lambda g, y, x, weight, mean, rstd, dims, wanted: layer_norm_gradients(
    backend_of(g).relu_backward(g, y), x, weight, mean, rstd, dims, wanted
)


@layer_norm_relu_op.define
def layer_norm_relu_definition(*inputs, dims, eps):
    return relu(layer_norm_op(*inputs, dims=dims, eps=eps))


@op("general", name="group_norm", saves=("mean", "rstd"))
def group_norm_op(b, x, weight, bias, *, groups, eps):
    """y = weight (x - mean) / sqrt(var + eps) + bias, mean and biased var of each of the `groups` of a case's channels.

    (N, C, ...), (C), (C) -> (N, C, ...). Source: Wu & He 2018, §3.1.
    """
    return b.group_norm(x, weight, bias, groups, eps)


def in_groups(x: Any, groups: int) -> Any:
    """(N, C, ...) -> (N, groups, cells of a group)."""
    return reshape_op(x, shape=(x.shape[0], groups, math.prod(x.shape[1:]) // groups))


def group_norm_input(g: Any, x: Any, weight: Any, mean: Any, rstd: Any, groups: int) -> Any:
    """dx = (gw - mean(gw) - xhat mean(gw xhat)) / s, with gw = g weight, the means over a group."""
    gw = in_groups(g if weight is None else g * channels(weight, x), groups)
    return reshape_op(layer_norm_input(gw, in_groups(x, groups), None, mean, rstd, (2,)), shape=tuple(x.shape))


def group_norm_weight(g: Any, x: Any, mean: Any, rstd: Any, groups: int) -> Any:
    """dweight = sum(g xhat) for each channel."""
    return channel_sum(g * reshape_op((in_groups(x, groups) - mean) * rstd, shape=tuple(x.shape)))


group_norm_op.vjp(
    x=lambda g, x, weight, mean, rstd, groups: group_norm_input(g, x, weight, mean, rstd, groups),
    weight=lambda g, x, mean, rstd, groups: group_norm_weight(g, x, mean, rstd, groups),
    bias=lambda g: channel_sum(g),
)


def group_norm_gradients(g: Any, x: Any, weight: Any, mean: Any, rstd: Any, groups: int) -> tuple:
    """All of them in one kernel; x is None where only the bias wants one."""
    return (None, None, channel_sum(g)) if x is None else backend_of(g).group_norm_backward(g, x, weight, mean, rstd, groups)


group_norm_op.fused = group_norm_gradients


@group_norm_op.define
def group_norm_definition(x, weight, bias, *, groups, eps):
    y = reshape_op(layer_norm_op(in_groups(x, groups), None, None, dims=(2,), eps=eps), shape=tuple(x.shape))
    y = y if weight is None else y * channels(weight, x)
    return y if bias is None else y + channels(bias, x)


@op("general", name="group_norm_relu", saves=("mean", "rstd"))
def group_norm_relu_op(b, x, weight, bias, *, groups, eps):
    """y = max(group_norm(x), 0): group norm with the ReLU that follows it

    Arguments as in group_norm.
    """
    y, mean, rstd = b.group_norm(x, weight, bias, groups, eps)
    return b.relu(y), mean, rstd


group_norm_relu_op.vjp(  # bias as in batch_norm_relu
    x=lambda g, y, x, weight, bias, mean, rstd, groups: group_norm_input(through_relu(g, y), x, weight, mean, rstd, groups),
    weight=lambda g, y, x, bias, mean, rstd, groups: group_norm_weight(through_relu(g, y), x, mean, rstd, groups),
    bias=lambda g, y, x, weight, bias: channel_sum(through_relu(g, y)),
)
group_norm_relu_op.fused = lambda g, y, x, weight, mean, rstd, groups: group_norm_gradients(
    backend_of(g).relu_backward(g, y), x, weight, mean, rstd, groups
)


@group_norm_relu_op.define
def group_norm_relu_definition(*inputs, groups, eps):
    return relu(group_norm_op(*inputs, groups=groups, eps=eps))


@op("general", name="softmax", floats=True)
def softmax_op(b, x, *, dim):
    """y_i = e^x_i / sum_j e^x_j along `dim`, with the largest x taken out first so that nothing overflows"""
    return b.softmax(x, dim)


@op("general", name="log_softmax", floats=True)
def log_softmax_op(b, x, *, dim):
    """y_i = x_i - ln sum_j e^x_j along `dim`, without overflow"""
    return b.log_softmax(x, dim)


softmax_op.vjp(x=lambda g, y, dim: y * (g - sum_op(g * y, dim=(dim,), keepdim=True)))
log_softmax_op.vjp(x=lambda g, y, dim: g - exp(y) * sum_op(g, dim=(dim,), keepdim=True))
softmax_op.fused = lambda g, y, dim: [backend_of(g).softmax_backward(g, y, dim)]
log_softmax_op.fused = lambda g, y, dim: [backend_of(g).log_softmax_backward(g, y, dim)]


@softmax_op.define
def softmax_definition(x, *, dim):
    e = exp(x - amax_op(detached(x), dim=(dim,), keepdim=True))
    return e / sum_op(e, dim=(dim,), keepdim=True)


@log_softmax_op.define
def log_softmax_definition(x, *, dim):
    centred = x - amax_op(detached(x), dim=(dim,), keepdim=True)
    return centred - log(sum_op(exp(centred), dim=(dim,), keepdim=True))


def detached(x: Any) -> Any:
    """x as a constant: softmax does not depend on what is taken out of x, so no gradient need flow there."""
    return x.detach() if hasattr(x, "detach") else x


@op("general", name="cross_entropy", saves=("logp",), floats=True)
def cross_entropy_op(b, x, target):
    """y_n = -log softmax(x_n)[target_n]; a target < 0 gives 0. (N, C), (N) -> (N)"""
    return b.cross_entropy(x, target)


@op("general", name="cross_entropy_mean", saves=("logp",), floats=True)
def cross_entropy_mean_op(b, x, target):
    """y = mean of -log softmax(x_n)[target_n] over all n: cross entropy with its mean, in one call. (N, C), (N) -> ()"""
    y, logp = b.cross_entropy(x, target)
    return b.mean(y, (0,), False), logp


@op("general")
def cross_entropy_input(b, g, target, logp):
    """dx = g (softmax(x) - onehot(target)), 0 where the target is < 0"""
    return b.cross_entropy_input(g, target, logp)


@cross_entropy_input.define
def cross_entropy_input_definition(g, target, logp):
    n = target.shape[0]
    chosen = reshape_op(where(target < 0, 0, target), shape=(n, 1))
    g = reshape_op(where(target < 0, 0.0, g), shape=(n, 1))
    return g * exp(logp) - scatter_add_op(g, chosen, dim=1, shape=tuple(logp.shape))


cross_entropy_op.vjp(x=lambda g, target, logp: cross_entropy_input(g, target, logp))
cross_entropy_mean_op.vjp(x=lambda g, target, logp: cross_entropy_input(g / target.shape[0], target, logp))
cross_entropy_op.stands = cross_entropy_mean_op.stands = "logp"  # they differ by a number in each row, unseen by softmax


@cross_entropy_op.define
def cross_entropy_definition(x, target):
    n = target.shape[0]
    at = reshape_op(where(target < 0, 0, target), shape=(n, 1))
    y = -reshape_op(gather_op(log_softmax_op(x, dim=1), at, dim=1), shape=(n,))
    return where(target < 0, 0.0, y)


@cross_entropy_mean_op.define
def cross_entropy_mean_definition(x, target):
    return mean_op(cross_entropy_op(x, target), dim=(0,))
