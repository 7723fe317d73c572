"""`out=`: the public functions that, as in PyTorch, can write their result into a tensor that is there already.

The functions themselves know nothing of it, and the methods, which have no such argument, call those directly. Ops are
functions here that know PyTorch's names of their inputs.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from ..backends import GradError, ShapeError
from ..core import MODE, Op
from . import functions, linalg
from .operands import Behind, by_name, tensor_of
from .update import KINDS, write

NAMES = """abs absolute acos acosh add addbmm addcdiv addcmul addmm addmv addr all amax amin aminmax angle any arange
    arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin argsort asin asinh atan atan2 atanh
    baddbmm bernoulli bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor bmm
    bucketize cat ceil chain_matmul cholesky cholesky_inverse cholesky_solve clamp clamp_max clamp_min clip
    column_stack complex concat copysign cos cosh cross cummax cummin cumprod cumsum deg2rad diag diff digamma div
    divide dot dstack empty eq erf erfc erfinv exp exp2 expm1 eye fix float_power floor floor_divide fmax fmin
    fmod frac full gather gcd ge greater greater_equal gt heaviside histc hstack hypot i0 igamma igammac
    index_add index_copy index_reduce index_select inner inverse isin isneginf isposinf kron kthvalue lcm ldexp le lerp less
    less_equal lgamma linspace log log_softmax log10 log1p log2 logaddexp logaddexp2 logcumsumexp logical_and logical_not
    logical_or logical_xor logit logspace logsumexp lt lu lu_solve lu_unpack masked_select matmul matrix_power max maximum
    mean median min minimum mm mode msort mul multinomial multiply mv mvlgamma nan_to_num nanmean nanmedian
    nanquantile nansum narrow_copy ne neg negative nonzero norm normal not_equal ones orgqr outer polar polygamma pow prod
    qr quantile rad2deg rand randint randn randperm reciprocal remainder renorm round row_stack rsqrt scatter
    scatter_add scatter_reduce searchsorted sgn sigmoid sign signbit sin sinc sinh slice_scatter slogdet softmax sort
    sqrt square stack std sub subtract sum svd take take_along_dim tan tanh tensordot topk tril triu true_divide trunc
    var vdot vstack where xlogy zeros""".split()


def writing(name: str, function: Callable, home: str = __name__) -> Callable:
    """`function` with a keyword `out`: a tensor, or as many as it returns, to write the result into and to return; `home` is
    the module it is for."""
    direct, function = function, by_name(function, name) if isinstance(function, Op) else function

    @wraps(function, updated=())
    def called(*args: Any, out: Any = None, **options: Any) -> Any:
        result = function(*args, **options) if options else direct(*args)
        return result if out is None else written_into(name, out, result)

    called.__wrapped__ = Behind(function, partial(with_out, function))  # type: ignore[assignment]
    if direct is not function:
        called.op = direct  # type: ignore[attr-defined]
    called.__module__, called.__name__, called.__qualname__ = home, name, name
    return called


def with_out(function: Callable) -> inspect.Signature:
    """The signature of `function`, and `out`."""
    given = inspect.signature(function)
    last = inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=None)
    kinds = [p for p in given.parameters.values() if p.kind is inspect.Parameter.VAR_KEYWORD]
    plain = [p for p in given.parameters.values() if p not in kinds]
    return given.replace(parameters=[*plain, last, *kinds])


def written_into(who: str, out: Any, result: Any) -> Any:
    """`out`, with the result in it; an empty tensor takes the result's shape first.

    Raises before anything is written: GradError where gradients are recorded, ShapeError for another shape or a result that
    does not fit the type.
    """
    if isinstance(result, tuple):
        if not isinstance(out, (tuple, list)) or len(out) != len(result):
            raise TypeError(f"{who}: out must be a tuple of {len(result)} tensors, as the result is")
        parts = [written_into(who, o, y) for o, y in zip(out, result, strict=True)]
        return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
    if MODE.get().grad and (tensor_of(who, out, "out").requires_grad or result.requires_grad):
        raise GradError(f"{who}: functions with out=... don't record gradients, but one of the arguments requires grad. "
                        "Hint: leave out= away, or use with minigrad.no_grad():")  # fmt: skip
    if KINDS.index(result.dtype.kind) > KINDS.index(out.dtype.kind):
        raise ShapeError(f"{who}: result type {result.dtype!r} can't be cast to {out.dtype!r}, the type of out. "
                         f"Hint: out=minigrad.empty(0, dtype={result.dtype!r})")  # fmt: skip
    if out.shape != result.shape:
        if out.array.size:
            raise ShapeError(f"{who}: out has the shape {tuple(out.shape)}, the result {tuple(result.shape)}. "
                             "Hint: an empty tensor takes any shape")  # fmt: skip
        out.array = out.backend.xp.empty(tuple(result.shape), dtype=out.array.dtype)
    return write(who, out, result)


for _name in NAMES:
    globals()[_name] = writing(_name, getattr(functions, _name))
LINALG = {
    name: writing(name, getattr(linalg, name), "minigrad.linalg")
    for name in """cholesky cholesky_ex cond cross det eig eigh eigvals eigvalsh householder_product inv inv_ex lu lu_factor
    lu_factor_ex lu_solve matmul matrix_norm matrix_power matrix_rank multi_dot norm pinv qr slogdet solve solve_ex
    solve_triangular svd svdvals tensorinv tensorsolve vecdot vector_norm""".split()
}
OTHERS = [name for name, f in vars(functions).items() if isinstance(f, Op) and name not in NAMES and name[-3:] != "_op"]
for _name in OTHERS:
    globals()[_name] = by_name(getattr(functions, _name), _name, __name__)

__all__ = NAMES + OTHERS
