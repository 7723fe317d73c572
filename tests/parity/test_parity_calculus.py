"""Functions of each element, order, counting and running results beside PyTorch; types of results; singular points."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import minigrad

from .beside import (
    RNG,
    Table,
    flat,
    found,
    host,
    inside,
    lifted,
    normal,
    positive,
    torch,
    turned,
    whole,
)

row = Table()

# special functions
for name in "asin atan sinh cosh asinh atanh erf erfc erfinv exp2 sinc positive frac nan_to_num tan acos".split():
    row(name, inside(2, 3))
    row(name, inside())
    row(name, inside(0, 2))
    row(name, turned(3, 2) / 4)
for name in "acosh".split():
    row(name, 1 + positive(5))
for name in "log10 lgamma digamma".split():
    tol = 1e-10 if name == "log10" else 1e-8  # PyTorch's own trigamma is good to nine digits
    row(name, positive(2, 3), tol=tol)
    row(name, -positive(4) - 0.05, order=0 if name == "log10" else 2, tol=tol)
    row(name, positive(3) * 10, tol=tol)
for n in (0, 1, 2, 3):
    row("polygamma", n, positive(4), tol=1e-8)
row("polygamma", 1, -positive(4), order=1, tol=1e-8)
row("sinc", np.array([0.0]), order=1)
row("sinc", normal(20) * 3)
row("logit", RNG.uniform(0.1, 0.9, 5))
row("logit", np.array([0.05, 0.1, 0.5, 0.9, 0.97]), eps=0.1)
for name in "atan2 hypot copysign logaddexp logaddexp2 fmax fmin fmod".split():
    row(name, normal(2, 3), normal(3))
    row(name, normal(2, 1), normal(3))
    row(name, normal(), normal())
    row(name, turned(2, 3), normal(2, 3))
row("copysign", normal(3), -0.0)
row("fmod", normal(5) * 4, 1.5)
row("fmod", np.array([7, -7, 7, -7]), np.array([2, 2, -2, -2]))
row("copysign", np.array([0.0, -0.0, 1.0]), np.array([-1.0, 1.0, -2.0]), order=1)
row("logaddexp", np.array([900.0, -900.0, 0.0]), np.array([899.0, -899.0, 0.0]))
row("fmax", np.array([np.nan, 1.0, np.nan, 2.0]), np.array([1.0, np.nan, np.nan, 2.0]))
row("fmin", np.array([np.nan, 1.0, np.nan, 2.0]), np.array([1.0, np.nan, np.nan, 2.0]))
row("xlogy", positive(2, 3), positive(3))
row("xlogy", np.array([0.0, 0.0, 2.0]), np.array([0.0, 3.0, 2.0]), order=1)
row("xlogy", 2.0, positive(3))
row("xlogy", positive(3), 2.0)
row("xlogy", np.array([0.0, 0.0]), np.array([np.nan, -1.0]), order=0)
row("heaviside", np.array([-1.0, 0.0, 2.0]), np.array([0.5]), order=0)
row("nan_to_num", np.array([np.nan, np.inf, -np.inf, 1.0]))
row("nan_to_num", np.array([np.nan, np.inf, -np.inf, 1.0]), nan=1.0, posinf=2.0, neginf=3.0)
odd = np.array([np.nan, np.inf, -np.inf, 1.0, -0.0, 0.0])
for name in "signbit isposinf isneginf".split():
    row(name, odd, order=0)
    row(name, whole(-2, 2, 4), order=0)
for equal_nan in (False, True):
    row("isclose", odd, np.array([np.nan, np.inf, np.inf, 1 + 1e-7, 0.0, 1e-7]), order=0, equal_nan=equal_nan)
row("isclose", whole(0, 5, 4), whole(0, 5, 4), order=0, rtol=0.3)
row("allclose", odd[3:], odd[3:] + 1e-9, order=0)
row("equal", odd[3:], odd[3:], order=0)
row("equal", odd[3:], odd[4:], order=0)
for name in "asin acos acosh atanh lgamma digamma log10 exp2 erf erfc erfinv sinc".split():  # at and beyond the edges
    row(name, np.array([-1.0, 0.0, 1.0, 2.0, -2.0]), order=0)
for name in "asin acos acosh atanh atan hypot atan2".split():
    points = np.array([-1.0, 0.0, 1.0])
    row(name, *(points, points * 0) if name in ("hypot", "atan2") else (points,), order=1)


# order
ties = np.array([[2.0, 1.0, 2.0, 1.0, 3.0], [1.0, 1.0, 1.0, 0.0, 0.0]])
holes = np.array([[np.nan, 1.0, 2.0, np.nan], [3.0, 2.0, 1.0, 0.0]])
for what in ("sort", "Tensor.sort"):
    row(what, normal(3, 4))
row("sort", normal(3, 4), dim=0, descending=True)
row("sort", turned(4, 3), dim=0)
row("sort", ties, stable=True)
row("sort", ties, descending=True, stable=True)
row("sort", holes, stable=True, order=1)
row("sort", holes, stable=True, descending=True, order=1)
row("sort", normal())
row("sort", normal(2, 0))
row("sort", whole(0, 5, 7), stable=True)
row("sort", whole(0, 2, 7) > 0, stable=True)
row("argsort", ties, stable=True, descending=True, order=0)
row("msort", normal(4, 2))
for k in (0, 1, 3):
    for largest in (True, False):
        row("topk", normal(2, 4), k, largest=largest)
        row("topk", normal(4, 2), k, 0, largest)
row("topk", normal(), 1)
row("kthvalue", normal(3, 4), 2)
row("kthvalue", normal(3, 4), 3, 0, True)
row("kthvalue", normal(), 1)
row("kthvalue", normal(3, 4), 2, dim=-2, keepdim=False)
for what in ("median", "nanmedian"):
    row(what, normal(5))
    row(what, normal(3, 4))
    row(what, ties)
    row(what, holes, order=1)
    row(what, normal(3, 4), 1)
    row(what, normal(3, 4), 0, True)
    row(what, holes, 1, order=1)
    row(what, normal(), 0)
    row(what, normal())
    row(what, whole(0, 9, 3, 3))
    row(what, np.zeros(0))
row("mode", ties)
row("mode", whole(0, 3, 4, 7))
row("mode", normal(3, 2), 0, True)
row("mode", normal())
for how in ("linear", "lower", "higher", "midpoint", "nearest"):
    row("quantile", normal(3, 4), 0.3, interpolation=how)
    row("quantile", normal(3, 4), np.array([0.1, 0.5, 1.0]), 1, interpolation=how, order=1)
    row("nanquantile", holes, 0.6, 1, interpolation=how, order=1)
row("quantile", holes, np.array([0.1, 0.9]), 1, order=0)
row("quantile", normal(3, 4), np.array([0.1, 0.5]), 0, True)
row("quantile", normal(3, 4), np.array([0.1, 0.5]), None, True)
row("quantile", normal(3, 4), 0.5, -1)
row("quantile", normal(), 0.5)
for what in ("cummax", "cummin"):
    row(what, normal(3, 4), 1)
    row(what, normal(3, 4), -2)
    row(what, ties, 1)
    row(what, holes, 1, order=1)
    row(what, normal(), 0)
    row(what, normal(0, 2), 0)
    row(what, whole(0, 9, 6), 0)
row("aminmax", normal(3, 4))
row("aminmax", normal(3, 4), dim=1, keepdim=True)
row("aminmax", ties)
for options in ({}, {"right": True}, {"side": "right"}, {"out_int32": True}):
    row("searchsorted", np.array([1.0, 2.0, 2.0, 3.0]), np.array([[0.0, 2.0], [2.5, 9.0]]), order=0, **options)
    row("searchsorted", np.sort(normal(2, 5), 1), normal(2, 3), order=0, **options)
row("searchsorted", np.array([1, 3, 5]), 3, order=0)
row("searchsorted", np.array([3.0, 1.0, 2.0]), normal(4), sorter=np.array([1, 2, 0]), order=0)
row("bucketize", normal(2, 3), np.array([-0.5, 0.0, 0.5]), order=0)
row("bucketize", np.array([1, 3, 5]), np.array([1, 3, 5]), right=True, order=0)
for what in ("unique", "unique_consecutive"):
    row(what, whole(0, 4, 3, 4), order=0)
    row(what, whole(0, 4, 3, 4), order=0, return_inverse=True, return_counts=True)
    row(what, whole(0, 2, 5, 2), order=0, return_inverse=True, return_counts=True, dim=0)
    row(what, whole(0, 2, 2, 5), order=0, return_counts=True, dim=-1)
    row(what, ties, order=0, return_inverse=True)
row("unique", whole(0, 2, 9) > 0, order=0)
row("unique", np.zeros(0), order=0)
row("bincount", whole(0, 6, 9), order=0)
row("bincount", whole(0, 6, 9), minlength=9, order=0)
row("bincount", whole(0, 6, 9), normal(9), order=0)
row("bincount", whole(0, 6, 9), normal(9).astype("float32"), order=0, tol=1e-6)
row("bincount", whole(0, 6, 9), whole(0, 3, 9), order=0)
row("bincount", np.zeros(0, dtype="int64"), order=0)
row("histc", normal(50), order=0)
row("histc", normal(50), bins=7, min=-1, max=1, order=0)
row("histc", np.array([1.0, 1.0]), bins=3, order=0)
row("histc", np.array([0.0, 0.25, 0.5, 1.0]), bins=4, min=0, max=1, order=0)
row("isin", whole(0, 9, 3, 3), whole(0, 9, 4), order=0)
row("isin", whole(0, 9, 3, 3), 3, invert=True, order=0)
row("isin", 3, whole(0, 9, 4), order=0)
for x in (whole(0, 2, 3, 4), normal(2, 2), np.array(1.0), np.array(0.0), np.zeros((0, 2)), whole(0, 2, 3) > 0):
    row("nonzero", x, order=0)
    row("nonzero", x, as_tuple=True, order=0)
    row("argwhere", x, order=0)
    row("count_nonzero", x, order=0)
row("count_nonzero", whole(0, 2, 3, 4), dim=(0, -1), order=0)
row("count_nonzero", whole(0, 2, 3, 4), 1, order=0)
for what in ("nansum", "nanmean"):
    row(what, holes)
    row(what, holes, 1)
    row(what, holes, (0, 1), True)
    row(what, normal(2, 3), dtype=None)

# running results
zeros = np.array([[1.0, 0.0, 2.0, 3.0], [0.0, 2.0, 0.0, 1.5]])
for what in ("cumprod", "logcumsumexp", "cumsum"):
    row(what, normal(3, 4), 1)
    row(what, normal(3, 4), -2)
    row(what, turned(2, 3), 0)
    row(what, normal(), 0)
    row(what, normal(2, 0), 1)
row("cumprod", zeros, 1, order=1)
row("cumprod", whole(1, 4, 5), 0)
row("cumprod", normal(5) > 0, 0)
row("cumprod", whole(1, 4, 5), 0, dtype=None)
row("logcumsumexp", np.array([900.0, 901.0, -900.0, 0.0]), 0)
row("logcumsumexp", np.array([-np.inf, 1.0, -np.inf, 2.0]), 0, order=0)  # PyTorch's gradient at the first is NaN
row("logcumsumexp", np.array([-np.inf, -np.inf]), 0, order=0)


# in place, on a tensor with a history
def written(name: str) -> Any:
    """The in-place form of a method, on the double of its input."""
    return lambda module, x, *more, **options: getattr(x * 2, f"{name}_")(*more, **options)


for name in "asin atan sinh cosh asinh atanh erf erfc erfinv exp2 sinc frac nan_to_num acos".split():
    row(written(name), inside(2, 3) / 2, name=f"{name}_", order=0 if name in ("asinh", "atanh") else 2)  # PyTorch has none
for name in "lgamma digamma log10".split():
    row(written(name), positive(2, 3), name=f"{name}_", tol=1e-8)
row(written("logit"), RNG.uniform(0.1, 0.4, 5), name="logit_")
for name in "atan2 hypot copysign fmod".split():
    row(written(name), normal(2, 3), normal(3), name=f"{name}_")
row(written("xlogy"), positive(2, 3), positive(3), name="xlogy_")
for name in "gt ge lt le eq ne logical_and logical_or logical_xor".split():
    order = 0 if "logical" in name else 1  # here PyTorch's gradient passes as if nothing had been written
    row(written(name), whole(0, 3, 4).astype(float), whole(0, 3, 4).astype(float), name=f"{name}_", order=order)
row(written("addcmul"), normal(2, 3), normal(3), normal(2, 1), value=0.5, name="addcmul_")
row(written("addcdiv"), normal(2, 3), normal(3), positive(2, 1), value=0.5, name="addcdiv_")
row(written("lerp"), normal(2, 3), normal(2, 3), 0.3, name="lerp_")
row(written("addmm"), normal(2, 4), normal(2, 3), normal(3, 4), beta=0.5, name="addmm_")
row(written("baddbmm"), normal(2, 3, 2), normal(2, 3, 4), normal(2, 4, 2), name="baddbmm_")
for name in ("cumsum", "cumprod"):
    row(written(name), normal(2, 3), 1, name=f"{name}_")
for name in ("tril", "triu"):
    row(written(name), normal(3, 3), 1, name=f"{name}_")
row(written("index_add"), normal(3, 4), 0, np.array([2, 0, 2]), normal(3, 4), name="index_add_")
row(written("index_copy"), normal(3, 4), 0, np.array([2, 0]), normal(2, 4), name="index_copy_")
row(written("index_fill"), normal(3, 4), 1, np.array([2, 0]), 1.5, name="index_fill_")
row(written("index_put"), normal(3, 4), (np.array([2, 0]),), normal(2, 4), name="index_put_")
row(written("masked_fill"), normal(3, 4), normal(3, 4) > 0, 0.5, name="masked_fill_")
row(written("masked_scatter"), normal(3, 4), normal(3, 4) > 0, normal(12), name="masked_scatter_")
row(written("put"), normal(3, 4), np.array([2, 11]), normal(2), name="put_")
row(written("scatter"), normal(3, 4), 0, np.array([[0, 2, 1], [2, 1, 0]]), normal(2, 3), name="scatter_")
row(written("scatter_add"), normal(3, 4), 0, np.array([[0, 2, 1], [2, 2, 0]]), normal(2, 3), name="scatter_add_")
row(
    written("scatter_reduce"),
    normal(3, 4),
    0,
    np.array([[0, 2, 1], [2, 2, 0]]),
    normal(2, 3),
    "amax",
    name="scatter_reduce_",
)


def diagonal_doubled(module: Any, x: Any) -> Any:
    y = x * 2
    y.diagonal(1).mul_(3)
    return y


row(diagonal_doubled, normal(3, 4), name="diagonal-view")
for name in "sum mean prod amax argmax cumsum logsumexp softmax sort median std".split():  # NumPy's names of dim and keepdim
    row(name, positive(2, 3), axis=1, name=f"{name}-axis")
row("sum", positive(2, 3), axis=(0, 1), keepdims=True, name="sum-keepdims")
row("cat", [positive(2, 3), positive(2, 1)], axis=1, name="cat-axis")


test_like_pytorch, test_on_a_strict_namespace = row.tests(only_numpy="view")


# -- types -----------------------------------------------------------------------------------------------------------

KINDS = ("bool", "uint8", "int32", "int64", "float16", "float32", "float64")
index = np.array([1, 0])
ALONE = """abs acos acosh asin asinh atan atanh cosh sinh exp2 log10 erf erfc erfinv lgamma digamma sinc logit positive
    frac nan_to_num signbit isposinf isneginf sort argsort msort median nanmedian mode unique nonzero
    count_nonzero aminmax nansum nanmean diff diag diagflat diag_embed flipud ravel var std mean sum prod
    cartesian_prod unique_consecutive""".split()
ONE = {  # functions of one tensor, with further arguments
    **dict.fromkeys(ALONE, ()),
    "topk": (2,), "kthvalue": (1,), "cummax": (0,), "cummin": (0,), "cumprod": (0,), "cumsum": (0,),
    "logcumsumexp": (0,),
    "quantile": (0.5,), "histc": (3,), "bincount": (), "tile": ((2,),), "repeat_interleave": (2,), "take": (index,),
    "index_fill": (0, index, 1), "masked_fill": (index > 0, 1), "masked_select": (index > 0,), "scatter": (0, index, 1),
    "linalg.vector_norm": (), "norm": (), "logsumexp": (0,), "nanquantile": (0.5,),
    "isin": (index,), "atleast_2d": (), "tensor_split": (2,), "hsplit": (2,),
}  # fmt: skip
TWO = """atan2 hypot copysign logaddexp logaddexp2 fmax fmin fmod xlogy heaviside isclose equal kron inner outer dist
    addcmul addcdiv hstack vstack block_diag searchsorted bucketize isin add mul div pow remainder
    floor_divide maximum where""".split()


def both_ways(what: str, *args: Any) -> None:
    """The same types (and values, to the type's own digits), or a refusal from both."""
    answers = []
    for module in (minigrad, torch):
        make = minigrad.tensor if module is minigrad else torch.tensor
        with np.errstate(all="ignore"):
            try:
                answers.append([host(o) for o in flat(found(module, what)(*(lifted(make, a, False) for a in args)))])
            except (RuntimeError, TypeError, NotImplementedError, ValueError, IndexError) as error:
                answers.append(error)
    ours, theirs = answers
    if isinstance(theirs, Exception):  # what PyTorch has not written for a type may work here
        gap = re.search(
            "not implemented for|not yet implemented|not support|Unsupported input type|must be either float",
            str(theirs),
        )
        assert gap or isinstance(ours, Exception), f"PyTorch refuses: {theirs}"
        return
    assert not isinstance(ours, Exception), f"refused: {ours!r}"
    for got, want in zip(ours, theirs, strict=True):
        assert got.dtype == want.dtype, f"{got.dtype}, expected {want.dtype}"
        tol = {"float16": 4e-3, "float32": 1e-5}.get(got.dtype.name, 1e-9)
        np.testing.assert_allclose(got, want, rtol=tol, atol=tol)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", list(ONE))
def test_types_of_one_like_pytorch(what: str, kind: str) -> None:
    both_ways(what, np.array([1, 0]).astype(kind), *ONE[what])


@pytest.mark.parametrize("kinds", [(a, b) for a in KINDS for b in KINDS], ids="-".join)
@pytest.mark.parametrize("what", TWO)
def test_types_of_two_like_pytorch(what: str, kinds: tuple) -> None:
    x, other = (np.array(v).astype(kind) for v, kind in zip(([1, 0], [1, 1]), kinds, strict=True))
    if what in ("addcmul", "addcdiv"):
        both_ways(what, x, other, other)
    elif what in ("hstack", "vstack"):
        both_ways(what, [x, other])
    elif what == "where":
        both_ways(what, x > 0, x, other)
    else:
        both_ways(what, x, other)
