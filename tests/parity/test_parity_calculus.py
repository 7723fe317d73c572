"""The tensor functions beside PyTorch: value, first and second derivative, types of results, singular points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.autograd import grad
from minigrad.core import Tensor

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)


def found(module: Any, what: Any) -> Callable:
    """The function of a dotted name in minigrad or torch; a callable takes the module as its first argument."""
    if callable(what):
        return lambda *xs, **options: what(module, *xs, **options)
    for part in what.split("."):
        module = getattr(module, part)
    return module


def flat(outputs: Any) -> list:
    """All tensors (and plain answers) among nested outputs."""
    if isinstance(outputs, (tuple, list)) and not hasattr(outputs, "numel"):
        return [t for o in outputs for t in flat(o)]
    return [outputs]


def host(t: Any) -> np.ndarray:
    return np.asarray(t.detach().numpy() if hasattr(t, "detach") else t)


def lifted(make: Callable, x: Any, wanted: bool) -> Any:
    """Arrays among (nested) arguments as tensors; floating ones ask for a gradient."""
    if isinstance(x, np.ndarray):
        t = make(x.copy()) if x.flags.c_contiguous else make(np.ascontiguousarray(x.T)).permute(*reversed(range(x.ndim)))
        return t.requires_grad_() if wanted and x.dtype.kind == "f" else t
    if isinstance(x, (list, tuple)):
        made = [lifted(make, v, wanted) for v in x]
        return made if isinstance(x, list) else tuple(made)
    return x


def leaves(args: tuple) -> list:
    return [t for t in flat(args) if hasattr(t, "requires_grad") and t.requires_grad]


def derivatives(module: Any, what: Any, args: tuple, options: dict, order: int) -> list[list[np.ndarray]]:
    """[values, first derivatives, second derivatives], as far as `order` goes."""
    is_ours = module is minigrad
    make = minigrad.tensor if is_ours else torch.tensor
    ins = tuple(lifted(make, a, order > 0) for a in args)
    named = {key: lifted(make, value, order > 0) for key, value in options.items()}
    outs = flat(found(module, what)(*ins, **named))
    answers = [[host(o) for o in outs]]
    tops = [o for o in outs if hasattr(o, "requires_grad") and o.requires_grad]
    if not order or not tops:
        return answers
    bits = np.random.default_rng(1)
    seeds = [make(bits.standard_normal(tuple(o.shape))).requires_grad_() for o in tops]
    at = leaves((*ins, *named.values()))
    take = grad if is_ours else torch.autograd.grad
    first = take(tops, at, seeds, create_graph=order > 1, allow_unused=True)
    answers.append([np.zeros(tuple(x.shape)) if g is None else host(g) for x, g in zip(at, first, strict=True)])
    if order > 1:
        ends = [(g, make(bits.standard_normal(tuple(x.shape)))) for x, g in zip(at, first, strict=True)]
        ends = [(g, w) for g, w in ends if g is not None and g.requires_grad]
        points = [*at, *seeds]
        second = take([g for g, _ in ends], points, [w for _, w in ends], allow_unused=True) if ends else [None] * len(points)
        answers.append([np.zeros(tuple(x.shape)) if g is None else host(g) for x, g in zip(points, second, strict=True)])
    return answers


def compare(what: Any, args: tuple, options: dict, order: int = 2, tol: float = 1e-10) -> None:
    """Value and derivatives up to `order` equal PyTorch's."""
    with np.errstate(all="ignore"):
        ours = derivatives(minigrad, what, args, options, order)
        theirs = derivatives(torch, what, args, options, order)
    for level, (mine, yours) in enumerate(zip(ours, theirs, strict=True)):
        assert len(mine) == len(yours), f"{len(mine)} results at level {level}, PyTorch has {len(yours)}"
        for k, (got, want) in enumerate(zip(mine, yours, strict=True)):
            says = f"derivative {level}, number {k}"
            assert got.shape == want.shape, f"{says}: shape {got.shape}, expected {want.shape}"
            assert got.dtype == want.dtype, f"{says}: {got.dtype}, expected {want.dtype}"
            np.testing.assert_allclose(got, want, rtol=tol, atol=tol, err_msg=says)


# -- inputs --------------------------------------------------------------------------------------------------------------


def normal(*size: int) -> np.ndarray:
    return RNG.standard_normal(size)


def positive(*size: int) -> np.ndarray:
    return RNG.uniform(0.3, 2.0, size)


def inside(*size: int) -> np.ndarray:
    return RNG.uniform(-0.9, 0.9, size)


def whole(low: int, high: int, *size: int) -> np.ndarray:
    return RNG.integers(low, high, size)


def turned(*size: int) -> np.ndarray:
    """Not contiguous: a transposed array."""
    return normal(*size[::-1]).T


ROWS: list[Any] = []
_taken: dict[str, int] = {}


def row(what: Any, *args: Any, order: int = 2, tol: float = 1e-10, name: str = "", **options: Any) -> None:
    name = name or (what if isinstance(what, str) else "row")
    count = _taken[name] = _taken.get(name, 0) + 1
    ROWS.append(pytest.param(what, args, options, order, tol, id=f"{name}-{count}"))


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


# writing at positions
rows3 = np.array([[0, 2, 1], [2, 2, 0]])
for dim in (0, -2):
    row("scatter", normal(3, 4), dim, np.array([[0, 2, 1], [2, 1, 0]]), normal(2, 3))
row("scatter", normal(3, 4), 1, np.array([[0, 3, 1], [2, 1, 0]]), normal(3, 3), order=0)
row("scatter", normal(3, 4), 1, np.array([[0, 3, 1], [2, 1, 0]]), 2.5)
row("scatter", normal(3, 4), 1, np.array([[0, 3, 1], [2, 1, 0]]), value=2.5)
row("scatter", normal(3, 4), 1, rows3, 1.5, reduce="add", order=0)
row("scatter", normal(3, 4), 1, rows3, 1.5, reduce="multiply", order=0)
row("scatter", normal(), 0, np.array(0), normal())
row("scatter", normal(3), 0, np.zeros(0, dtype="int64"), normal(0))
row("scatter", whole(0, 9, 4), 0, np.array([3, 0]), whole(0, 9, 2))
row("scatter_add", normal(3, 4), 0, rows3, normal(2, 3))
row("scatter_add", normal(3, 4), -1, rows3, normal(3, 5), order=0)
row("scatter_add", normal(), 0, np.array(0), normal())
row("Tensor.scatter_add", turned(3, 4), 1, rows3, turned(2, 3))
for kind in ("sum", "mean", "amax", "amin", "prod"):
    for include_self in (True, False):
        second = 1 if kind == "prod" else 2
        row("scatter_reduce", normal(3, 4), 0, rows3, normal(2, 3), kind, include_self=include_self, order=second)
        row("scatter_reduce", normal(4), 0, np.array([1, 1, 1, 3]), normal(4), kind, include_self=include_self, order=second)
        row("scatter_reduce", whole(1, 5, 4), 0, np.array([1, 1, 1, 3]), whole(1, 5, 4), kind, include_self=include_self)
    row("scatter_reduce", normal(), 0, np.array(0), normal(), kind, order=1)
row("scatter_reduce", np.array([1.0, 2.0]), 0, np.array([1, 1, 0]), np.array([2.0, 2.0, 1.0]), "amax")
row("scatter_reduce", np.array([0.0, 2.0]), 0, np.array([1, 1, 0]), np.array([0.0, 2.0, 3.0]), "prod", order=1)
row("index_add", normal(3, 4), 0, np.array([2, 0, 2]), normal(3, 4))
row("index_add", normal(3, 4), -1, np.array([2, 0]), normal(3, 2), alpha=2)
row("index_add", normal(), 0, np.array([0]), normal())
row("index_copy", normal(3, 4), 0, np.array([2, 0]), normal(2, 4))
row("index_copy", normal(3, 4), 1, np.array([2, 0]), normal(3, 2))
row("index_fill", normal(3, 4), 1, np.array([2, 0]), 1.5)
row("index_fill", normal(3, 4), 1, np.array([2, 0]), normal())
row("index_put", normal(3, 4), (np.array([2, 0]),), normal(2, 4))
row("index_put", normal(3, 4), (np.array([2, 0]), np.array([1, 3])), normal(2))
row("index_put", normal(3, 4), (np.array([2, 0, 2]),), normal(4), True)
row("index_put", normal(3, 4), (normal(3, 4) > 0,), normal())
row("index_put", normal(3, 4), [np.array([2, 0, 2])], normal(3, 4), accumulate=True)
row("Tensor.put", normal(3, 4), np.array([2, 11, 5]), normal(3))
row("Tensor.put", normal(3, 4), np.array([2, 2, 5]), normal(3), accumulate=True)
row("take", normal(3, 4), np.array([[2, -1], [5, 5]]))
row("masked_fill", normal(3, 4), normal(3, 4) > 0, 0.5)
row("masked_fill", normal(3, 4), normal(4) > 0, normal())
row("masked_fill", normal(3, 1), normal(4) > 0, 2)
row("masked_fill", whole(0, 9, 4), normal(4) > 0, 2)
row("masked_select", normal(3, 4), normal(3, 4) > 0)
row("masked_select", normal(3, 1), normal(4) > 0)
row("masked_scatter", normal(3, 4), normal(3, 4) > 0, normal(12))
row("masked_scatter", normal(3, 4), normal(4) > 0, normal(3, 4))


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

# einsum
for equation, shapes in [
    ("ij,jk->ik", [(2, 3), (3, 4)]), ("ij,jk", [(2, 3), (3, 4)]), ("ij->ji", [(2, 3)]), ("ij->", [(2, 3)]), ("ij->j", [(2, 3)]),
    ("ii->i", [(3, 3)]), ("ii", [(3, 3)]), ("iji->j", [(3, 2, 3)]), ("bij,bjk->bik", [(2, 3, 4), (2, 4, 2)]),
    ("i,j->ij", [(2,), (3,)]), ("i,i->", [(3,), (3,)]), ("i,i->i", [(3,), (3,)]), ("...ij,...jk->...ik", [(2, 1, 3, 4), (5, 4, 2)]),
    ("b...,b...->b...", [(2, 3), (2, 3)]), ("...i->...", [(2, 3)]), ("bhqd,bhkd->bhqk", [(2, 2, 3, 4), (2, 2, 5, 4)]),
    ("ab,bc,cd->ad", [(2, 3), (3, 4), (4, 2)]), ("a,b,c,abc->", [(2,), (3,), (4,), (2, 3, 4)]), ("bn,anm,bm->ba", [(2, 3), (4, 3, 5), (2, 5)]),
    ("ij,ij->ij", [(2, 1), (2, 3)]), ("ij,kl->il", [(2, 3), (4, 2)]), (" i j , j k -> k i ", [(2, 3), (3, 4)]), ("ba", [(2, 3)]),
    ("...,...->...", [(2, 3), (3,)]), (",i->i", [(), (3,)]), ("i...->...i", [(2, 3, 4)]), ("ij,j->i", [(0, 3), (3,)]), ("ij,jk->ik", [(2, 0), (0, 3)]),
    ("Ab,bA->", [(2, 3), (3, 2)]), ("aab,b->a", [(2, 2, 3), (3,)]),
]:  # fmt: skip
    row("einsum", equation, *(normal(*s) for s in shapes))
row("einsum", "ij,jk->ik", [normal(2, 3), normal(3, 2)])
row("einsum", normal(2, 3), [0, 1], normal(3, 4), [1, 2], [0, 2])
row("einsum", normal(2, 3), [0, 1], normal(3, 4), [1, 2])
row("einsum", normal(2, 3, 4), [Ellipsis, 1], normal(4), [1], [Ellipsis])
row("einsum", "ij,jk->ik", whole(0, 5, 2, 3), whole(0, 5, 3, 2))
row("einsum", "ij,kj->ik", turned(2, 3), turned(4, 3))

# products with a sum
for options in ({}, {"beta": 0.5, "alpha": 2}, {"beta": 0}):
    row("addmm", normal(2, 4), normal(2, 3), normal(3, 4), **options)
    row("addmm", normal(4), normal(2, 3), normal(3, 4), **options)
    row("addmv", normal(2), normal(2, 3), normal(3), **options)
    row("addr", normal(2, 3), normal(2), normal(3), **options)
    row("baddbmm", normal(2, 3, 2), normal(2, 3, 4), normal(2, 4, 2), **options)
    row("baddbmm", normal(3, 1), normal(2, 3, 4), normal(2, 4, 2), **options)
    row("addbmm", normal(3, 2), normal(2, 3, 4), normal(2, 4, 2), **options)
row("addmm", np.full((2, 2), np.nan), normal(2, 3), normal(3, 2), beta=0, order=0)
row("addcmul", normal(2, 3), normal(3), normal(2, 1))
row("addcmul", normal(2, 3), normal(3), normal(2, 1), value=0.5)
row("addcmul", whole(0, 5, 3), whole(0, 5, 3), whole(0, 5, 3), value=2)
row("addcdiv", normal(2, 3), normal(3), positive(2, 1))
row("addcdiv", normal(2, 3), normal(3), positive(2, 1), value=-0.5)
row("lerp", normal(2, 3), normal(3), 0.3)
row("lerp", normal(2, 3), normal(2, 3), 0.8)
row("lerp", normal(2, 3), normal(3), normal(2, 1))
row("inner", normal(2, 3), normal(4, 3))
row("inner", normal(3), normal(3))
row("inner", normal(), normal(2, 3))
row("kron", normal(2, 3), normal(3, 2))
row("kron", normal(3), normal(2, 2))
row("kron", normal(2, 1, 2), normal(3))
row("cross", normal(4, 3), normal(4, 3), dim=1)
row("cross", normal(3, 2), normal(3, 2), dim=0)
row("linalg.cross", normal(2, 3), normal(1, 3))
row("linalg.cross", normal(3, 2), normal(3, 2), dim=0)
row("diff", normal(3, 4))
row("diff", normal(3, 4), 2, 0)
row("diff", normal(3, 4), n=5)
row("diff", normal(4), prepend=normal(2), append=normal(1))
row("diff", normal(5) > 0)
row("diff", whole(0, 9, 5), n=0)

# diagonals and triangles
cubes = normal(2, 3, 4)
for offset in (-4, -2, -1, 0, 1, 3, 4):
    row("diagonal", normal(3, 4), offset)
    row("diagonal", turned(4, 3), offset)
    row("tril", normal(3, 4), offset)
    row("triu", normal(2, 3, 3), offset)
    row("diag", normal(3), offset)
    row("diag", normal(3, 4), offset)
    row("diag_embed", normal(2, 3), offset)
    row("diagflat", normal(2, 2), offset)
    row("tril_indices", 3, 4, offset)
    row("triu_indices", 4, 3, offset)
row("diagonal", cubes, 1, 0, 2)
row("diagonal", cubes, 0, -1, 0)
row("diag_embed", normal(2, 3), 1, 0, 2)
row("diag_embed", normal(2, 3), 0, -1, 0)
row("trace", normal(3, 4))
row("trace", whole(0, 5, 3, 3))
row("tril", normal(3, 3) > 0)
row("tril", normal(0, 3))

# rows and columns
for what in ("hstack", "vstack", "dstack", "column_stack"):
    row(what, [normal(3), normal(3)])
    row(what, [normal(2, 3), normal(2, 3)])
    row(what, [normal(2, 3, 1), normal(2, 3, 1)])
    row(what, [normal(), normal()])
    row(what, [normal(2), whole(0, 3, 2)])
for what in ("atleast_1d", "atleast_2d", "atleast_3d"):
    for shape in ((), (3,), (2, 3), (2, 3, 2), (1, 2, 3, 1)):
        row(what, normal(*shape))
    row(what, normal(), normal(3))
    row(what, (normal(), normal(3)))
row("block_diag", normal(2, 3), normal(1, 2), normal(2), normal())
row("meshgrid", normal(2), normal(3), indexing="ij")
row("meshgrid", normal(2), normal(3), normal(2), indexing="xy")
row("meshgrid", [normal(2), normal()], indexing="ij")
row("cartesian_prod", normal(2), normal(3), normal(2))
row("cartesian_prod", normal(2))
row("combinations", normal(4))
row("combinations", normal(4), 3, True)
row("combinations", normal(2), 3)
for k in (-1, 0, 1, 2, 3, 5):
    row("rot90", normal(2, 3), k)
    row("rot90", cubes, k, [1, 2])
    row("rot90", cubes, k, (2, 0))
row("fliplr", normal(2, 3))
row("flipud", normal(2, 3))
for given in (3, 4, [1, 3], (2,), [0, 5, 9], [-1]):
    row("tensor_split", normal(7, 2), given)
row("tensor_split", normal(2, 5), 2, -1)
row("tensor_split", normal(2, 5), np.array([1, 2]), dim=1)
row("hsplit", normal(2, 4), 2)
row("hsplit", normal(4), [1, 2])
row("vsplit", normal(4, 2), 2)
row("dsplit", normal(1, 2, 4), [1, 3])
row("Tensor.unfold", normal(7), 0, 3, 2)
row("Tensor.unfold", normal(3, 7), 1, 2, 1)
row("Tensor.unfold", normal(7, 2), -2, 7, 1)
row("Tensor.unfold", normal(), 0, 1, 1)
row("tile", normal(2, 3), (2,))
row("tile", normal(2, 3), (2, 1, 2))
row("Tensor.tile", normal(3), 2, 2)
row("repeat_interleave", normal(2, 3), 2)
row("repeat_interleave", normal(2, 3), 2, 1)
row("repeat_interleave", normal(2, 3), np.array([0, 3]), 0)
row("repeat_interleave", normal(2, 3), np.array([2]), dim=-1)
row("repeat_interleave", np.array([2, 0, 3]))
row("broadcast_tensors", normal(2, 1), normal(3), normal())
row("ravel", turned(2, 3))
row("swapaxes", cubes, 0, 2)
row("moveaxis", cubes, 0, 2)
row("swapdims", cubes, 0, 2)


# norms and distances
for p in (0, 0.5, 1, 1.5, 2, 3, -1, float("inf"), float("-inf")):
    row("linalg.vector_norm", normal(2, 3), p)
    row("linalg.vector_norm", normal(2, 3), p, 1)
    row("linalg.vector_norm", normal(2, 3), p, (0, 1), True)
    row("linalg.vector_norm", normal(), p)
    row("norm", normal(2, 3), p, 0, True)
    row("dist", normal(2, 3), normal(2, 3), p)
    if p >= 0:
        row("linalg.vector_norm", np.array([0.0, 0.0]), p, order=1)
        row("linalg.vector_norm", np.array([0.0, 2.0, -1.0, 2.0]), p, order=1)
        row("cdist", normal(2, 3), normal(4, 3), p)
        row("cdist", normal(2, 1, 2, 3), normal(3, 4, 3), p, order=1)
        row("cdist", np.ones((2, 3)), np.ones((1, 3)), p, order=1)
    row("linalg.norm", normal(4), p)
for p in ("fro", "nuc", 1, -1, 2, -2, float("inf"), float("-inf")):
    row("linalg.matrix_norm", normal(3, 4), p)
    row("linalg.matrix_norm", normal(2, 3, 4), p, (0, 2), True)
    row("linalg.norm", normal(3, 3), p)
    row("linalg.norm", normal(2, 3, 4), p, (2, 0))
row("linalg.norm", normal(2, 3, 4))
row("linalg.norm", normal(2, 3), dim=0)
row("linalg.norm", normal(2, 3), 3, 1, True)
row("norm", normal(2, 3))
row("norm", normal(2, 3), "fro", (0, 1))
row("norm", normal(2, 3), "nuc")
row("norm", normal(2, 3), dim=1)
row("linalg.vector_norm", normal(0), 2)
row("linalg.vector_norm", normal(0, 2), 1, 0)


# determinants and solutions
def spd(*size: int) -> np.ndarray:
    a = normal(*size)
    return a @ np.swapaxes(a, -1, -2) + np.eye(size[-1])


singular = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 0.0, 1.0]])
for what in ("linalg.det", "linalg.slogdet", "linalg.inv", "det", "slogdet", "inverse", "Tensor.det", "Tensor.inverse"):
    row(what, normal(3, 3))
    row(what, normal(2, 4, 4), tol=1e-9)
    row(what, turned(3, 3))
    row(what, normal(1, 1))
row("logdet", spd(3, 3))
row("logdet", np.diag([1.0, -1.0]), order=0)
row("logdet", singular, order=0)
row("linalg.slogdet", singular * 0, order=0)
row("linalg.det", singular, order=1)
row("linalg.det", np.zeros((2, 2)), order=1)
row("linalg.det", np.zeros((3, 3)), order=1)
row("linalg.det", np.zeros((0, 0)), order=1)
for left in (True, False):
    row("linalg.solve", normal(3, 3), normal(3, 3), left=left)
    row("linalg.solve", normal(2, 3, 3), normal(1, 3, 3), left=left)
    for upper in (True, False):
        for unit in (True, False):
            a = normal(2, 3, 3) + 3 * np.eye(3)
            row("linalg.solve_triangular", np.triu(a) if upper else np.tril(a), normal(2, 3, 3), upper=upper, left=left, unitriangular=unit)
            row("linalg.solve_triangular", a, normal(3, 3), upper=upper, left=left, unitriangular=unit)
row("linalg.solve", normal(3, 3), normal(3))
row("linalg.solve", normal(2, 3, 3), normal(2, 3))
row("linalg.solve", normal(2, 3, 3), normal(3, 2))
for n in (-2, -1, 0, 1, 2, 3, 5):
    row("linalg.matrix_power", normal(3, 3), n, tol=1e-8)
row("matrix_power", normal(2, 2, 2), 3)
row("linalg.multi_dot", [normal(2, 3), normal(3, 4), normal(4, 2), normal(2, 3)])
row("linalg.multi_dot", [normal(3), normal(3, 4), normal(4)])
row("linalg.multi_dot", [normal(3), normal(3, 4)])
row("linalg.multi_dot", [normal(3, 4), normal(4)])
row("linalg.vecdot", normal(2, 3), normal(1, 3))
row("linalg.vecdot", normal(3, 2), normal(3, 2), dim=0)
row("linalg.pinv", normal(3, 4), tol=1e-9)
row("linalg.pinv", normal(2, 4, 3), tol=1e-9)
row("linalg.pinv", normal(3, 3), tol=1e-8)
row("linalg.pinv", np.diag([3.0, 2.0, 0.1]), rtol=0.1, order=0)
row("linalg.pinv", np.diag([3.0, 2.0, 0.1]), atol=0.5, order=0)
row("pinverse", normal(3, 4), tol=1e-9)
for driver in (None, "gels", "gelsy", "gelsd", "gelss"):
    row(lambda m, a, c, **o: list(m.linalg.lstsq(a, c, **o)), normal(5, 3), normal(5, 2), name="lstsq", driver=driver, order=0)
row(lambda m, a, c: m.linalg.lstsq(a, c).solution, normal(5, 3), normal(5, 2), name="lstsq", tol=1e-9)
row(lambda m, a, c: m.linalg.lstsq(a, c).solution, normal(2, 3, 5), normal(2, 3, 1), name="lstsq", tol=1e-9)
row("linalg.matrix_rank", singular, order=0)
row("linalg.matrix_rank", normal(2, 3, 4), order=0)

# factorizations; what is checked does not depend on the signs that they are free to choose
for a in (spd(3, 3), spd(2, 4, 4), spd(1, 1)):
    row("linalg.cholesky", a)
    row("linalg.cholesky", a, upper=True)
for size in ((3, 3), (4, 3), (3, 4), (2, 4, 2), (2, 2, 4)):
    row("linalg.qr", normal(*size), tol=1e-9)
    for full in (True, False):
        row(lambda m, a, full: m.linalg.svd(a, full).S, normal(*size), full=full, name="svd-s")
        row(lambda m, a, full: m.linalg.svd(a, full)[0][..., : min(a.shape[-2:])] ** 2, normal(*size), full=full, name="svd-u", tol=1e-8)
        row(lambda m, a, full: m.linalg.svd(a, full)[2][..., : min(a.shape[-2:]), :] ** 2, normal(*size), full=full, name="svd-v", tol=1e-8)
        row(lambda m, a, full: abs(m.linalg.svd(a, full)[0]), normal(*size), full=full, name="svd-full-u", order=0)
    row("linalg.svdvals", normal(*size))
row("linalg.qr", normal(4, 2), mode="complete", order=0)
row("linalg.qr", normal(2, 4), mode="complete", tol=1e-9)
row("linalg.qr", normal(4, 2), mode="r", order=0)
for uplo in ("L", "U"):
    for a in (spd(3, 3), spd(2, 4, 4), normal(3, 3)):
        row("linalg.eigvalsh", a, UPLO=uplo, tol=1e-9, order=2 if a[..., 1, 0].flat[0] == a[..., 0, 1].flat[0] else 0)
        if a[..., 1, 0].flat[0] == a[..., 0, 1].flat[0]:
            row(lambda m, a, UPLO: m.linalg.eigh(a, UPLO)[1] ** 2, a, UPLO=uplo, tol=1e-8, order=1, name="eigh")
row("linalg.eigvalsh", np.eye(3), order=1)
row("linalg.svdvals", np.eye(3), order=1)


@pytest.mark.parametrize(("what", "args", "options", "order", "tol"), ROWS)
def test_like_pytorch(what: Any, args: tuple, options: dict, order: int, tol: float) -> None:
    compare(what, args, options, order, tol)
