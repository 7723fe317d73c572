"""The tensor functions that users call, all in one list: `minigrad.exp`, `minigrad.sum`, `minigrad.cat` ..."""

from __future__ import annotations

from numbers import Real
from typing import Any

from ..backends import advise
from ..core import Tensor

# fmt: off
# isort: off
from . import arithmetic
from .arithmetic import add, alias, maximum, minimum, mul, neg, sub, true_divide
from .compare import (
    bitwise_and, bitwise_left_shift, bitwise_not, bitwise_or, bitwise_right_shift, bitwise_xor, eq, ge, gt,
    isfinite, isinf, isnan, le, logical_and, logical_not, logical_or, logical_xor, lt, ne,
)
from .compose import (
    addbmm, addcdiv, addcmul, addmm, addmv, addr, baddbmm, broadcast_shapes, broadcast_tensors, cross, diff, einsum,
    inner, kron, lerp, ravel, repeat_interleave, tile,
)
from .create import (
    arange, as_tensor, empty, eye, from_numpy, full, full_like, held, linspace, ones, ones_like, rand, randint,
    randn, randperm, tensor, zeros, zeros_like,
)
from .diagonal import (
    atleast_1d, atleast_2d, atleast_3d, block_diag, cartesian_prod, column_stack, combinations, diag, diag_embed,
    diagflat, diagonal, dsplit, dstack, fliplr, flipud, hsplit, hstack, meshgrid, rot90, tensor_split, trace, tril,
    tril_indices, triu, triu_indices, vsplit, vstack,
)
from .elementwise import (
    abs, ceil, cos, erf, erfc, erfinv, exp, expm1, floor, floor_divide, log, log1p, log2, pow, reciprocal, relu,
    remainder, round, rsqrt, sigmoid, sign, sin, sqrt, square, tan, tanh, trunc,
)
from .elementwise import clamp as clamp_op
from .index import gather, index_select, take_along_dim
from .likeness import empty_like, logspace, rand_like, randn_like
from .linalg import cdist, dist, logdet, pdist
from .linalg import tensor_norm as norm
from .matmul import bmm, dot, matmul, mm, mv, outer, tensordot
from .matrices import (
    adjoint, chain_matmul, cholesky, cholesky_inverse, cholesky_solve, det, inverse, lu, lu_solve, lu_unpack, matrix_exp,
    matrix_power, orgqr, pca_lowrank, pinverse, qr, slogdet, svd, svd_lowrank, vander,
)
from .norm import log_softmax_op, softmax_op
from .numeric import (
    corrcoef, cov, cumulative_trapezoid, deg2rad, float_power, gcd, gradient, lcm, ldexp, rad2deg, renorm, rsub, trapezoid,
    trapz, vdot,
)
from .operands import also, axis, common_type, numpy_names, tensor_of
from .order import (
    aminmax, argsort, argwhere, bincount, bucketize, count_nonzero, cummax, cummin, histc, isin, kthvalue, median,
    mode, msort, nanmean, nanmedian, nanquantile, nansum, nonzero, quantile, searchsorted, sort, topk, unique,
    unique_consecutive,
)
from .pieces import (
    angle, asarray, can_cast, complex, conj, diagonal_scatter, fill, imag, index_reduce, is_same_size, is_signed, isreal,
    narrow_copy, polar, real, resolve_conj, resolve_neg, result_type, scalar_tensor, select_scatter, sgn, slice_scatter,
    split_with_sizes, unravel_index, view_as_complex, view_as_real,
)
from .pieces import steps_to as range
from .random import Generator, get_rng_state, initial_seed, manual_seed, seed, set_rng_state
from .reduce import (
    all, amax, amin, any, argmax, argmin, cumsum, logsumexp, max, mean, min, prod, std, std_mean, sum, var,
    var_mean,
)
from .running import cumprod, logcumsumexp
from .sampling import bernoulli, binomial, multinomial, normal, poisson, randint_like
from .scatter import (
    index_add, index_copy, index_fill, index_put, masked_fill, masked_scatter, masked_select, put, scatter,
    scatter_add, scatter_reduce, take,
)
from .shape import (
    broadcast_to, cat, chunk, expand, flatten, flip, movedim, narrow, permute, repeat, reshape, roll, select, split,
    squeeze, stack, t, transpose, unbind, unflatten, unsqueeze,
)
from .special import (
    acos, acosh, allclose, asin, asinh, atan, atan2, atanh, copysign, cosh, digamma, equal, exp2, fmax, fmin, fmod,
    frac, heaviside, hypot, isclose, isneginf, isposinf, lgamma, log10, logaddexp, logaddexp2, logit, nan_to_num,
    polygamma, positive, signbit, sinc, sinh, xlogy,
)
from .special_functions import i0, igamma, igammac, mvlgamma
from .strided import as_strided
from .tapers import bartlett_window, blackman_window, hamming_window, hann_window, kaiser_window
# isort: on
# fmt: on


def clone(input: Tensor, *, memory_format: Any = None) -> Tensor:
    """A copy in memory of its own, in the input's layout, or in row-major order if `memory_format` is contiguous_format."""
    return (arithmetic.in_rows if memory_format == "contiguous_format" else arithmetic.clone)(tensor_of("clone", input))


def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """input / other; `rounding_mode` "floor" or "trunc" rounds the quotient. Integers divide to the default float."""
    if rounding_mode is None:
        return true_divide(input, other)
    if rounding_mode == "floor":
        return floor_divide(input, other)
    if rounding_mode != "trunc":
        raise ValueError(f"div: rounding_mode must be None, 'trunc' or 'floor', got {rounding_mode!r}")
    if common_type((input, other)).kind == "float":
        return trunc(true_divide(input, other))
    quotient = floor_divide(input, other)  # exact, where a quotient of floats would be rounded
    return quotient + ((quotient < 0) & (quotient * other != input))


def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """`input` where the condition holds, else `other`; all three broadcast, the two values promote to one type.

    where(condition) alone is nonzero(condition, as_tuple=True).
    """
    tensor_of("where", condition, "condition")
    if input is None or other is None:
        if input is not other:
            raise TypeError("where: input and other must be given both, or neither")
        return nonzero(condition, as_tuple=True)
    if condition.dtype.name == "uint8":
        advise("where: a condition of type uint8 is deprecated. Hint: condition.bool()")
        condition = arithmetic.cast(condition, dtype="bool")
    if condition.dtype.name != "bool":
        raise TypeError(f"where: condition must be a boolean tensor, got {condition.dtype!r}. Hint: condition != 0")
    kind = common_type((input, other))
    input, other = (
        x if isinstance(x, Tensor) and x.dtype is kind
        else arithmetic.cast(x, dtype=kind) if isinstance(x, Tensor)
        else held("where", x, kind) if isinstance(x, Real) and kind.kind == "int"
        else x for x in (input, other)
    )  # fmt: skip
    if not isinstance(input, Tensor) and not isinstance(other, Tensor):
        input = tensor(input, dtype=kind, device=condition.device)
    return arithmetic.where(condition, input, other)


def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """`input` kept between `min` and `max`, numbers or tensors. The slope is 1 inside and at the borders."""
    if min is None and max is None:
        raise ValueError("clamp: at least one of min and max must be given")
    if isinstance(min, Tensor) or isinstance(max, Tensor):
        y = input if min is None else where(lt(input, min) | ne(min, min), min, input)  # NaN is no bound, but NaN
        return y if max is None else where(gt(y, max) | ne(max, max), max, y)
    kind = common_type((tensor_of("clamp", input), min, max))
    return clamp_op(input if input.dtype is kind else arithmetic.cast(input, dtype=kind), min=min, max=max)


def _along(name: str, op: Any, input: Tensor, dim: int, dtype: Any) -> Tensor:
    """softmax or log_softmax, of scalars and empty tensors too."""
    x = tensor_of(name, input) if dtype is None else input.to(dtype)
    d = axis(name, dim, x.ndim)
    if not x.array.size:
        return exp(x)  # as empty, and floating
    return op(x, dim=d) if x.ndim else reshape(op(reshape(x, 1), dim=0), ())


@numpy_names
def softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """e^x_i / sum_j e^x_j along `dim`."""
    return _along("softmax", softmax_op, input, dim, dtype)


@numpy_names
def log_softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """x_i - ln sum_j e^x_j along `dim`."""
    return _along("log_softmax", log_softmax_op, input, dim, dtype)


def clamp_min(input: Tensor, min: Any) -> Tensor:
    """`input`, at least `min`."""
    return clamp(input, min=min)


def clamp_max(input: Tensor, max: Any) -> Tensor:
    """`input`, at most `max`."""
    return clamp(input, max=max)


clip, concat, subtract, multiply, divide, absolute, negative = clamp, cat, sub, mul, div, abs, neg
moveaxis, swapdims, row_stack = movedim, transpose, vstack
swapaxes = also(axis0="dim0", axis1="dim1")(transpose)
arccos, arccosh, arcsin, arcsinh, arctan, arctan2, arctanh = acos, acosh, asin, asinh, atan, atan2, atanh
greater, greater_equal, less, less_equal, not_equal, fix, multiply = gt, ge, lt, le, ne, trunc, mul
