"""Batching rules: how each op runs on many examples at once, stacked along a new first dimension.

A rule is `rule(op, size, values, many, options)`: the op's operands, of which those whose `many` is true hold `size`
examples in dimension 0; it returns the op's output for all examples, stacked in dimension 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ..backends import ARRAY, GradError, Window
from ..core import Op, Tensor, mode
from ..ops.arithmetic import clone
from ..ops.arithmetic import expand as expand_op
from ..ops.create import arange
from ..ops.index import getitem_adjoint, getitem_op
from ..ops.shape import movedim, reshape_op
from ..ops.update import put, write

RULES: dict[str, Callable] = {}
ALL = slice(None)


def batch(op: Op, size: int, values: list, many: list[bool], options: dict) -> Tensor:
    """Run an op on operands of which some are many. Raises NotImplementedError for an op without a rule."""
    if not any(many):
        return ONE_FOR_ALL.get(op.name, op)(*values, **options)
    rule = RULES.get(op.name) or KINDS.get(op.kind)
    if rule is None:
        raise NotImplementedError(f"{op.name}: vmap has no batching rule for this op. Hint: loop over the examples")
    return rule(op, size, values, many, options)


def rule(*names: str) -> Callable[[Callable], Callable]:
    """Enter a function as the rule of ops."""

    def entered(function: Callable) -> Callable:
        RULES.update(dict.fromkeys(names, function))
        return function

    return entered


# -- shapes --------------------------------------------------------------------------------------------------------------


def front(x: Tensor, many: bool, size: int) -> Tensor:
    """The examples of x in dimension 0; copies of it, without copying, if it is one for all."""
    return x if many else expand_op(x, shape=(size, *x.shape))


def lifted(x: Any, many: bool, ndim: int) -> Any:
    """x with dimensions of size 1 behind its examples, so that each has `ndim` dimensions."""
    if not many or x.ndim > ndim:
        return x
    return reshape_op(x, shape=(x.shape[0], *(1,) * (ndim + 1 - x.ndim), *x.shape[1:]))


def dims_of(x: Any, many: bool) -> int:
    """How many dimensions one example has."""
    return x.ndim - many if isinstance(x, Tensor) else 0


def moved(name: str, value: Any, size: int) -> Any:
    """An option of an op, for operands that have the examples in front."""
    if name in ("shape", "sizes"):
        return (size, *value)
    if name == "index":
        return (ALL, *value)
    if name in ("before", "after"):
        return (0, *value)
    return tuple(map(after, value)) if isinstance(value, (tuple, list)) else after(value)


def after(dim: int) -> int:
    """A dimension of one example among those of many: one further from the front, as far from the end."""
    return dim if dim < 0 else dim + 1


# -- rules ---------------------------------------------------------------------------------------------------------------


def aligned(op: Op, size: int, values: list, many: list[bool], options: dict) -> Tensor:
    """Elementwise ops, and those that broadcast over leading dimensions: the examples are one more of them."""
    ndim = max(dims_of(x, m) for x, m in zip(values, many, strict=True))
    return op(*[lifted(x, m, ndim) for x, m in zip(values, many, strict=True)], **options)


def along(*names: str) -> Callable:
    """Ops whose options name dimensions or shapes: these move by one. Every operand gets the examples in front."""

    def shifted(op: Op, size: int, values: list, many: list[bool], options: dict) -> Tensor:
        xs = [front(x, m, size) if isinstance(x, Tensor) else x for x, m in zip(values, many, strict=True)]
        return op(*xs, **{k: moved(k, v, size) if k in names else v for k, v in options.items()})

    return shifted


KINDS: dict[str, Callable] = {"elementwise": aligned, "batched": aligned}
rule("full_like")(along("shape"))
rule("alias", "cast", "clone", "contiguous", "move", "diagonal", "tril", "triu", "searchsorted", "det",
     "cofactor", "cofactor_change", "logabsdet", "det_sign", "inv", "cholesky", "qr_q", "qr_complement",
     "eigenvectors", "eigenvalues", "singular_vectors", "singular_values", "svd_complement", "pinv", "lu_pivots", "pivot_rows",
     "lu_packed", "complex_eigenvalues", "complex_eigenvectors", "real", "imag", "conj", "complex", "fourier", "poisson",
     "binomial", "log_gamma_draw", "view_as_complex", "view_as_real", "doubled", "sgn", "det_phase")(along())  # fmt: skip
rule("sum", "mean", "var", "prod", "amax", "amin", "logsumexp", "argmax", "argmin", "all", "any", "norm", "cumsum",
     "cumprod", "logcumsumexp", "cummax_places", "cummin_places", "argsort", "recurrence", "cat", "stack",
     "gather")(along("dim"))  # fmt: skip


@rule("as_strided", "as_strided_adjoint")
def strided(op: Op, size: int, values: list, many: list[bool], options: dict) -> Tensor:
    """Each example's memory begins where that of the one before it ends."""
    x = front(values[0], many[0], size)
    n = math.prod(options.get("shape", x.shape[1:]))
    more = {"size": (size, *options["size"]), "stride": (n, *options["stride"])}
    return op(x, **options | more | ({"shape": (size, *options["shape"])} if "shape" in options else {}))


@rule("unfold", "unfold_adjoint")
def windows(op: Op, size: int, values: list, many: list[bool], options: dict) -> Tensor:
    """The dimension is one further from the front; the length of the windows stays."""
    more = {"dim": options["dim"] + 1}
    return op(*values, **options | more | ({"shape": (size, *options["shape"])} if "shape" in options else {}))


@rule("contract")
def contract(op: Op, size: int, values: list, many: list[bool], options: dict) -> Tensor:
    """The examples are one more label, in front of the operands that have them and of the output."""
    x, other, out = options["spec"]
    label = max((*x, *other), default=-1) + 1
    x, other = ((label, *part) if m else part for part, m in zip((x, other), many, strict=True))
    return op(*values, spec=(x, other, (label, *out)))


rule("flip", "roll")(along("dims"))
rule("reshape", "diagonal_adjoint")(along("shape"))
rule("slice", "slice_adjoint")(along("shape", "index"))
rule("pad")(along("before", "after"))
rule("scatter_add")(along("dim", "shape"))


@rule("detach")
def detached(op: Op, size: int, values: list, many: list[bool], options: dict) -> Tensor:
    return values[0].detach()


@rule("permute")
def permuted(op: Op, size: int, values: list, many: list[bool], options: dict) -> Tensor:
    return op(values[0], dims=(0, *map(after, options["dims"])))


@rule("expand")
def expanded(op: Op, size: int, values: list, many: list[bool], options: dict) -> Tensor:
    shape = options["shape"]
    return op(lifted(values[0], True, len(shape)), shape=(size, *shape))


@rule("sum_to")
def summed_to(op: Op, size: int, values: list, many: list[bool], options: dict) -> Tensor:
    shape = tuple(options["shape"])
    lead = values[0].ndim - 1 - len(shape)
    return reshape_op(op(values[0], shape=(size, *(1,) * lead, *shape)), shape=(size, *shape))


@rule("max_pool", "max_pool_places", "max_pool_input", "max_pool_take", "sum_pool", "sum_pool_input", "take_places",
      "put_places")  # fmt: skip
def folded(op: Op, size: int, values: list, many: list[bool], options: dict) -> Tensor:
    """Images: the examples become more of them."""
    xs = [front(x, m, size) for x, m in zip(values, many, strict=True)]
    n = xs[0].shape[1]
    if "shape" in options:
        options = {**options, "shape": (size * n, *options["shape"][1:])}
    y = op(*[reshape_op(x, shape=(size * n, *x.shape[2:])) for x in xs], **options)
    return reshape_op(y, shape=(size, n, *y.shape[1:]))


# -- convolution: the examples become images or, if each has a weight of its own, groups -----------------------------------


@rule("conv")
def conv_many(op: Op, size: int, values: list, many: list[bool], options: dict) -> Tensor:
    x, weight, bias = (*values, None)[:3]
    if many[1]:
        y = in_groups(op, size, (x, weight), many[:2], options)
    elif not many[0]:
        y = front(op(x, weight, **options), False, size)
    else:
        y = folded(lambda x, **options: op(x, weight, **options), size, [x], [True], options)  # type: ignore[arg-type]
    if bias is None:
        return y
    lead = (size, 1) if many[2] else ()
    return y + reshape_op(bias, shape=(*lead, y.shape[2], *(1,) * (y.ndim - 3)))


@rule("conv_input")
def conv_input_many(op: Op, size: int, values: list, many: list[bool], options: dict) -> Tensor:
    if many[1]:
        return in_groups(op, size, values, many, options)
    return folded(lambda out, **options: op(out, values[1], **options), size, values[:1], [True], options)  # type: ignore[arg-type]


@rule("conv_weight")
def conv_weight_many(op: Op, size: int, values: list, many: list[bool], options: dict) -> Tensor:
    return in_groups(op, size, values, many, options)


def in_groups(op: Op, size: int, values: Sequence, many: Sequence[bool], options: dict) -> Tensor:
    """The channels of all examples side by side, in `size` times as many groups."""
    first, second = (front(x, m, size) for x, m in zip(values, many, strict=True))
    window: Window = options["window"]
    options = {**options, "window": window._replace(groups=window.groups * size)}
    if op.name == "conv_weight":
        y = op(channels_joined(first), channels_joined(second), **options)
    else:
        if "shape" in options:
            n, c, *space = options["shape"]
            options["shape"] = (n, size * c, *space)
        weight = reshape_op(second, shape=(size * second.shape[1], *second.shape[2:]))
        y = op(channels_joined(first), weight, **options)
        return movedim(reshape_op(y, shape=(y.shape[0], size, y.shape[1] // size, *y.shape[2:])), 1, 0)
    return reshape_op(y, shape=(size, y.shape[0] // size, *y.shape[1:]))


def channels_joined(x: Tensor) -> Tensor:
    """(size, N, C, ...) -> (N, size C, ...)"""
    size, n, c, *space = x.shape
    return reshape_op(movedim(x, 0, 1), shape=(n, size * c, *space))


# -- indexing ------------------------------------------------------------------------------------------------------------


def layout(ndim: int, spec: tuple, indices: list, many: list[bool], size: int) -> tuple[tuple, list, tuple, tuple]:
    """An index of one example, of `ndim` dimensions, as an index of all examples, stacked in front.

    Returns the new spec and index tensors, and the dimensions to move from and to in the result so that the examples lead.
    """
    spec, indices, many = plain(ndim, spec, indices, many)
    at = [k for k, item in enumerate(spec) if item is ARRAY or isinstance(item, int)]
    together = at[-1] - at[0] == len(at) - 1
    ahead = at[0] if together else 0  # dimensions of the result before those of the index tensors
    k = max(dims_of(x, m) for x, m in zip(indices, many, strict=True))
    if not any(many):
        return (ALL, *spec), indices, *(((), ()) if together else ((k,), (0,)))
    line = reshape_op(arange(size, device=indices[0].device), shape=(size, *(1,) * k))
    index = [line, *(lifted(x, m, k) for x, m in zip(indices, many, strict=True))]
    return (ARRAY, *spec), index, tuple(range(1, 1 + k)), tuple(range(1 + ahead, 1 + ahead + k))


def plain(ndim: int, spec: tuple, indices: list, many: list[bool]) -> tuple[tuple, list, list]:
    """The spec without `...`, and masks as the positions where they hold."""
    used = sum(1 for item in spec if isinstance(item, (slice, int)))
    used += sum(dims_of(x, m) if x.dtype.kind == "bool" else 1 for x, m in zip(indices, many, strict=True))
    wide: list[Any] = []
    found: list[Tensor] = []
    flags: list[bool] = []
    rest = iter(zip(indices, many, strict=True))
    for item in spec:
        if item is Ellipsis:
            wide += [ALL] * (ndim - used)
        elif item is ARRAY:
            x, m = next(rest)
            if x.dtype.kind == "bool" and m:
                raise GradError("getitem: vmap can't index with a mask that differs between examples, since each would have a "
                                "result of another shape. Hint: minigrad.where")  # fmt: skip
            parts = [Tensor(a) for a in x.backend.xp.nonzero(x.array)] if x.dtype.kind == "bool" else [x]
            wide += [ARRAY] * len(parts)
            found += parts
            flags += [m] * len(parts)
        else:
            wide.append(item)
    return tuple(wide), found, flags


@rule("getitem")
def taken(op: Op, size: int, values: list, many: list[bool], options: dict) -> Tensor:
    x = front(values[0], many[0], size)
    spec, indices, source, goal = layout(x.ndim - 1, options["spec"], values[1:], many[1:], size)
    return movedim(getitem_op(x, *indices, spec=spec), source, goal)


@rule("getitem_adjoint")
def added(op: Op, size: int, values: list, many: list[bool], options: dict) -> Tensor:
    shape = options["shape"]
    spec, indices, source, goal = layout(len(shape), options["spec"], values[1:], many[1:], size)
    x = movedim(front(values[0], many[0], size), goal, source)
    return getitem_adjoint(x, *indices, shape=(size, *shape), spec=spec)


@rule("setitem", "assign_at_")
def placed(op: Op, size: int, values: list, many: list[bool], options: dict) -> Tensor:
    x, value, *indices = values
    if op.kind == "update":
        shared(op, many[0])
    x = front(x, many[0], size)
    if indices:
        spec, indices, source, goal = layout(x.ndim - 1, options["spec"], indices, many[2:], size)
    else:
        spec, source, goal = (ALL, *options["spec"]), (), ()
    if isinstance(value, Tensor):
        with mode(grad=False):
            place = movedim(getitem_op(x, *indices, spec=spec), source, goal)
        value = movedim(expand_op(lifted(value, many[1], place.ndim - 1), shape=tuple(place.shape)), goal, source)
    return (put if op.kind == "update" else op)(x, value, *indices, spec=spec)


@rule("index_select")
def selected(op: Op, size: int, values: list, many: list[bool], options: dict) -> Tensor:
    dim = options["dim"] % dims_of(values[0], many[0])
    if not many[1]:
        return op(*values, dim=dim + 1)
    return taken(op, size, values, many, {"spec": (*(ALL,) * dim, ARRAY, Ellipsis)})


@rule("index_add")
def index_added(op: Op, size: int, values: list, many: list[bool], options: dict) -> Tensor:
    n, dim = options["n"], options["dim"]
    if not many[1]:
        return op(*values, n=n, dim=dim + 1)
    one = values[0].shape[many[0] :]
    shape = (*one[:dim], n, *one[dim + 1 :])
    return added(op, size, values, many, {"shape": shape, "spec": (*(ALL,) * dim, ARRAY, Ellipsis)})


# -- writing in place ------------------------------------------------------------------------------------------------------


def shared(op: Op, many: bool) -> None:
    """Raise if what is to be written is one tensor for all examples."""
    if not many:
        raise GradError(f"{op.name}: vmap can't write values that differ between examples into a tensor that is one for all. "
                        "Hint: use the op without _, or make the tensor from the function's inputs")  # fmt: skip


# What writes where none of its operands is many: outside of vmap, too, the history goes on
ONE_FOR_ALL: dict[str, Callable] = {"assign_": lambda x, value: write("assign_", x, value), "assign_at_": put}


@rule("assign_")
def assigned(op: Op, size: int, values: list, many: list[bool], options: dict) -> Tensor:
    shared(op, many[0])
    return write(op.name, values[0], lifted(values[1], many[1], values[0].ndim - 1))


@rule("add_", "lerp_")
def updated(op: Op, size: int, values: list, many: list[bool], options: dict) -> Tensor:
    shared(op, many[0])
    return aligned(op, size, values, many, options)


@rule("view_written")
def view_written_many(op: Op, size: int, values: list, many: list[bool], options: dict) -> Tensor:
    out = clone(front(values[0], many[0], size))
    view = batch(options["how"], size, [out], [True], options["options"])
    write(op.name, view, lifted(values[1], many[1], view.ndim - 1))
    return out
