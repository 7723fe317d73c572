"""The tensor functions that users call, all in one list: `minigrad.exp`, `minigrad.sum`, `minigrad.cat` ..."""

from __future__ import annotations

from typing import Any

from ..core import Tensor
from . import arithmetic
from .arithmetic import add, alias, clone, maximum, minimum, mul, neg, sub, true_divide
from .compare import (
    bitwise_and, bitwise_not, bitwise_or, bitwise_xor, eq, ge, gt, isfinite, isinf, isnan, le, logical_and, logical_not,
    logical_or, logical_xor, lt, ne,
)
from .create import (
    arange, as_tensor, empty, eye, from_numpy, full, full_like, linspace, ones, ones_like, rand, rand_like, randint, randn,
    randn_like, randperm, tensor, zeros, zeros_like,
)
from .elementwise import (
    abs, ceil, cos, exp, expm1, floor, floor_divide, log, log1p, log2, pow, reciprocal, relu, remainder, round, rsqrt,
    sigmoid, sign, sin, sqrt, square, tan, tanh, trunc,
)
from .elementwise import clamp as clamp_op
from .index import gather, index_select, take_along_dim
from .matmul import bmm, dot, matmul, mm, mv, outer, tensordot
from .norm import log_softmax_op, softmax_op
from .operands import axis, common_type, tensor_of
from .random import Generator, get_rng_state, initial_seed, manual_seed, seed, set_rng_state
from .reduce import (
    all, amax, amin, any, argmax, argmin, cumsum, logsumexp, max, mean, min, norm, prod, std, std_mean, sum, var, var_mean,
)
from .shape import (
    broadcast_to, cat, chunk, expand, flatten, flip, movedim, narrow, permute, repeat, reshape, roll, select, split, squeeze,
    stack, t, transpose, unbind, unflatten, unsqueeze,
)  # fmt: skip


def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """input / other; `rounding_mode` "floor" or "trunc" rounds the quotient. Integers divide to the default float."""
    if rounding_mode is None:
        return true_divide(input, other)
    if rounding_mode == "floor":
        return floor_divide(input, other)
    if rounding_mode != "trunc":
        raise ValueError(f"div: rounding_mode must be None, 'trunc' or 'floor', got {rounding_mode!r}")
    quotient = trunc(true_divide(input, other))
    kind = common_type((input, other))
    return quotient if quotient.dtype is kind else arithmetic.cast(quotient, dtype=kind)


def where(condition: Tensor, input: Any, other: Any) -> Tensor:
    """`input` where the condition holds, else `other`; all three broadcast, the two values promote to one type."""
    tensor_of("where", condition, "condition")
    if condition.dtype.name != "bool":
        raise TypeError(f"where: condition must be a boolean tensor, got {condition.dtype!r}. Hint: condition != 0")
    kind = common_type((input, other))
    input, other = (
        x if isinstance(x, Tensor) and x.dtype is kind
        else arithmetic.cast(x, dtype=kind) if isinstance(x, Tensor)
        else x for x in (input, other)
    )  # fmt: skip
    if not isinstance(input, Tensor) and not isinstance(other, Tensor):
        input = tensor(input, dtype=kind, device=condition.device)
    return arithmetic.where(condition, input, other)


def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """`input` kept between `min` and `max`, numbers or tensors. The slope is 1 inside and at a number's border."""
    if min is None and max is None:
        raise ValueError("clamp: at least one of min and max must be given")
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        y = input if min is None else maximum(input, min)
        return y if max is None else minimum(y, max)
    if tensor_of("clamp", input).dtype.kind == "int" and (isinstance(min, float) or isinstance(max, float)):
        input = arithmetic.cast(input, dtype=common_type((input, 1.0)))
    return clamp_op(input, min=min, max=max)


def softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """e^x_i / sum_j e^x_j along `dim`."""
    x = tensor_of("softmax", input) if dtype is None else input.to(dtype)
    return softmax_op(x, dim=axis("softmax", dim, x.ndim)) if x.ndim else reshape(softmax_op(reshape(x, 1), dim=0), ())


def log_softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """x_i - ln sum_j e^x_j along `dim`."""
    x = tensor_of("log_softmax", input) if dtype is None else input.to(dtype)
    return log_softmax_op(x, dim=axis("log_softmax", dim, x.ndim)) if x.ndim else reshape(log_softmax_op(reshape(x, 1), dim=0), ())


clip, concat, subtract, multiply, divide, absolute, negative = clamp, cat, sub, mul, div, abs, neg
