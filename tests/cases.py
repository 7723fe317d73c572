"""The table that drives the op suites: every op and public function, with inputs, options and an independent answer.

Here are the primitives; the layers' ops and the wider calculus are in `cases_layers.py` and `cases_calculus.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import minigrad
from minigrad.backends import ARRAY
from minigrad.backends import dtype as as_dtype
from minigrad.core import Op, Tensor
from minigrad.ops import arithmetic as ar
from minigrad.ops import compare, create, index, matmul, optimizers, reduce, shape, update
from minigrad.ops import elementwise as el

from . import cases_calculus, cases_layers
from . import references as ref
from .table import CASES, Case, apart, case, fixed, maybe, normal, positive, several, whole

__all__ = ["CASES", "Case", "cases_calculus", "cases_layers", "several"]

pair = [normal(2, 3), normal(3)]

# arithmetic
case(ar.add, pair)
case(ar.add, [normal(2, 1, 3), normal(4, 1)], lambda x, o, alpha: x + alpha * o, alpha=2)
case(ar.add, [normal(), 2.0])
case(ar.sub, pair, np.subtract)
case(ar.sub, [normal(3), normal()], lambda x, o, alpha: x - alpha * o, alpha=0.5)
case(ar.mul, pair, np.multiply)
case(ar.mul, [3.0, normal(2)], np.multiply, lambda t, a, x: a * x)
case(ar.true_divide, [normal(2, 3), positive(2, 1)], np.divide)
case(ar.true_divide, [whole(1, 9, 4), whole(1, 9, 4)], lambda x, o: np.divide(x, o).astype("float32"), tol=1e-6)
case(ar.true_divide, [1.5, positive(2, 2)], np.divide)
case(ar.neg, [normal(2, 3)], np.negative)
case(ar.maximum, [apart(2, 3), fixed([0.3, -0.2, 0.5])])
case(ar.maximum, [whole(0, 9, 3), whole(0, 9, 2, 3)])
case(ar.minimum, [apart(2, 3), fixed([0.3, -0.2, 0.5])])
case(ar.where, [maybe(2, 3), normal(3), normal(2, 1)])
case(ar.sum_to, [normal(4, 2, 3)], ref.sum_to, lambda t, x, shape: x.sum_to_size(shape), shape=(1, 3))
case(ar.sum_to, [normal(2, 3)], ref.sum_to, lambda t, x, shape: x.sum_to_size(shape), shape=(2, 3))
case(ar.expand, [normal(2, 1)], np.broadcast_to, lambda t, x, shape: x.expand(shape), shape=(3, 2, 4))
case(ar.cast_op, [normal(2)], lambda x, dtype: x.astype(dtype), lambda t, x, dtype: x.to(t.float64), dtype="float64")
case(ar.cast, [normal(5)], lambda x, dtype: x.astype(dtype), lambda t, x, dtype: x.to(t.int32), wants=(), dtype="int32")
case(ar.move, [normal(2)], lambda x, device: x, lambda t, x, device: x.to(device), device="cpu")
case(ar.alias, [normal(2, 3)], np.copy, lambda t, x: x.view_as(x))
case(ar.clone, [normal(2, 3)], np.copy)
case(ar.in_rows, [normal(2, 3)], np.copy, "clone")
case(minigrad.div, [apart(6), positive(6)], lambda x, o, rounding_mode: np.floor(x / o), rounding_mode="floor", wants=())
case(minigrad.div, [apart(6), positive(6)], lambda x, o, rounding_mode: np.trunc(x / o), rounding_mode="trunc")

# comparisons and logic
three = [whole(-1, 2, 2, 4), whole(-1, 2, 4)]
for question, answer in [
    (compare.eq, np.equal),
    (compare.ne, np.not_equal),
    (compare.lt, np.less),
    (compare.le, np.less_equal),
    (compare.gt, np.greater),
    (compare.ge, np.greater_equal),
]:
    case(question, three, answer)
for question in (compare.logical_and, compare.logical_or, compare.logical_xor):
    case(question, three)
case(compare.logical_not, [whole(-1, 2, 5)])
for question in (compare.bitwise_and, compare.bitwise_or, compare.bitwise_xor):
    case(question, [whole(0, 9, 5), whole(0, 9, 5)])
    case(question, [maybe(2, 5), maybe(5)])
case(compare.bitwise_not, [whole(-5, 9, 5)])
case(compare.bitwise_not, [maybe(5)])
odd = fixed([1.0, np.nan, np.inf, -np.inf, 0.0])
for question in (compare.isnan, compare.isinf, compare.isfinite):
    case(question, [odd], wants=())
    case(question, [whole(0, 3, 3)])

# functions of each element
for function in (el.exp, el.expm1, el.square, el.sin, el.cos, el.tanh):
    case(function, [normal(2, 3)])
case(el.tan, [lambda rng: rng.uniform(-1, 1, 5)])
for function in (el.log, el.log2, el.log1p, el.sqrt, el.reciprocal):
    case(function, [positive(2, 3)])
case(el.exp, [whole(-2, 3, 4)], lambda x: np.exp(x).astype("float32"), tol=1e-6)
case(el.rsqrt, [positive(2, 3)], lambda x: x**-0.5)
case(el.sigmoid, [normal(2, 3)], lambda x: 1 / (1 + np.exp(-x)))
case(el.sigmoid, [fixed([-800.0, 800.0])], lambda x: np.array([0.0, 1.0]))
case(el.softplus, [fixed([-1000.0, -0.4, 0.0, 1.3, 1000.0])], lambda x: np.logaddexp(0, x), "nn.functional.softplus")
case(el.erf, [fixed([-7.0, -2.1, -0.47, 0.0, 0.3, 1.0, 4.2])], np.vectorize(math.erf))
case(el.erfc, [fixed([-7.0, -2.1, -0.47, 0.0, 0.3, 1.0, 4.2])], np.vectorize(math.erfc))
case(el.erfinv, [lambda rng: rng.uniform(-0.95, 0.95, 5)], ref.erfinv, tol=1e-10)
case(el.relu, [apart(2, 3)], lambda x: x * (x > 0), "relu")
case(el.gelu, [normal(2, 3)], lambda x: x * (0.5 + 0.5 * np.vectorize(math.erf)(x / math.sqrt(2))), "nn.functional.gelu")
case(
    minigrad.nn.functional.gelu,
    [normal(2, 3)],
    lambda x, approximate: x * (0.5 + 0.5 * np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "nn.functional.gelu",
    approximate="tanh",
)
case(el.abs, [apart(2, 3)])
case(el.sign, [apart(2, 3)])
case(el.pow, [positive(2, 3), normal(3)], np.power)
case(el.pow, [normal(2, 3), 3], np.power)
case(el.pow, [positive(4), -0.5], np.power)
case(el.pow, [2.0, normal(3)], np.power)
case(el.pow, [whole(0, 5, 3), 2], np.power)
case(el.clamp, [apart(2, 3)], lambda x, min, max: np.clip(x, min, max), min=-0.3, max=0.3)
case(el.clamp, [apart(2, 3)], lambda x, min: np.maximum(x, min), min=0.0)
case(minigrad.clamp, [apart(2, 3), fixed([-0.3, -0.2, 0.0]), fixed(0.4)], np.clip)
case(el.floor, [apart(6)])
case(el.ceil, [apart(6)])
case(el.round, [fixed([0.5, 1.5, -0.5, 2.2])], wants=())
case(el.round, [apart(6)])
case(el.trunc, [apart(6)])
case(el.floor_divide, [apart(6), positive(6)], wants=())
case(el.floor_divide, [fixed([7, -7, 7, -7]), fixed([2, 2, -2, -2])])
case(el.remainder, [apart(6), positive(6)])
case(el.remainder, [fixed([7, -7, 7, -7]), fixed([2, 2, -2, -2])])
case(minigrad.where, [maybe(3), normal(2, 3), 0.0])

# reductions
cube = normal(2, 3, 4)
for what, answer in [(reduce.sum_op, np.sum), (reduce.mean_op, np.mean)]:
    case(what, [cube], lambda x, dim, keepdim=False, f=answer: f(x, dim, keepdims=keepdim), dim=(0, 2), keepdim=True)
    case(what, [cube], lambda x, dim, keepdim=False, f=answer: f(x, dim, keepdims=keepdim), dim=(1,))
case(minigrad.sum, [whole(0, 9, 2, 3)])
case(minigrad.sum, [maybe(2, 3)], lambda x, dim: np.sum(x, dim), dim=-1)
case(minigrad.sum, [normal()])
case(minigrad.mean, [cube], lambda x, dim: x.mean(tuple(dim)), dim=[-1, 0])
case(minigrad.mean, [normal(2, 0)], lambda x, dim: np.zeros(0), dim=0)
case(reduce.var_op, [cube], lambda x, dim, correction: x.var(dim, ddof=correction), dim=(0, 2), correction=0.0)
case(minigrad.var, [cube], lambda x: x.var(ddof=1))
case(
    minigrad.var,
    [cube],
    lambda x, dim, unbiased, keepdim: x.var(dim, keepdims=keepdim),
    dim=1,
    unbiased=False,
    keepdim=True,
)
case(minigrad.std, [cube], lambda x, dim: x.std(dim, ddof=1), dim=-1)
case(minigrad.var_mean, [cube], lambda x, dim: (x.var(dim, ddof=1), x.mean(dim)), dim=1)
case(minigrad.std_mean, [cube], lambda x, dim: (x.std(dim, ddof=1), x.mean(dim)), dim=0)
case(reduce.prod_op, [normal(2, 4)], lambda x, dim: x.prod(dim), dim=1)
case(minigrad.prod, [fixed([0.0, 2.0, 3.0])])
case(
    minigrad.prod,
    [fixed([[0.0, 2.0], [0.0, 3.0]])],
    lambda x, dim, keepdim: x.prod(dim, keepdims=True),
    dim=0,
    keepdim=True,
)
for what, answer in [(reduce.amax_op, np.max), (reduce.amin_op, np.min)]:
    case(what, [apart(2, 3, 4)], lambda x, dim, keepdim, f=answer: f(x, dim, keepdims=True), dim=(0, 2), keepdim=True)
    case(what, [apart(2, 3)], lambda x, dim, f=answer: f(x, dim), dim=(0, 1))
case(minigrad.max, [apart(2, 3, 4)])
case(minigrad.max, [apart(2, 3, 4)], lambda x, dim: (x.max(dim), x.argmax(dim)), dim=1)
case(
    minigrad.min,
    [apart(2, 3)],
    lambda x, dim, keepdim: (x.min(dim, keepdims=True), x.argmin(dim, keepdims=True)),
    dim=-1,
    keepdim=True,
)
case(reduce.logsumexp_op, [cube], ref.logsumexp, dim=(0, 2), keepdim=True)
case(reduce.logsumexp_op, [cube], ref.logsumexp, dim=(1,))
case(minigrad.logsumexp, [fixed([[900.0, 900.0], [-900.0, -900.0]])], lambda x, dim: x[:, 0] + np.log(2), dim=1)
for what, answer in [(reduce.argmax_op, np.argmax), (reduce.argmin_op, np.argmin)]:
    case(what, [apart(2, 3)], lambda x, dim, keepdim, f=answer: f(x, dim, keepdims=True), wants=(), dim=1, keepdim=True)
case(minigrad.argmax, [fixed([[1, 3], [3, 0]])])
case(reduce.all_op, [whole(0, 2, 3, 3)], lambda x, dim: x.all(dim), dim=(1,))
case(reduce.any_op, [whole(0, 2, 3, 3)], lambda x, dim: x.any(dim), dim=(0, 1))
case(reduce.cumsum_op, [normal(2, 3)], lambda x, dim: np.cumsum(x, dim), dim=1)
case(reduce.norm_op, [normal(2, 3)], lambda x, dim: np.sqrt((x**2).sum(dim)), "norm", dim=(1,))
for p in (0, 1, 3, float("inf"), float("-inf")):
    case(
        minigrad.norm,
        [apart(2, 3)],
        lambda x, p, dim: np.linalg.norm(x, p, dim),
        name="norm",
        p=p,
        dim=1,
        wants=() if p == 0 else None,
    )

# shape
case(shape.reshape_op, [normal(2, 3)], np.reshape, shape=(3, 2))
case(minigrad.reshape, [normal(2, 3), -1, 2], lambda x, *s: x.reshape(s), lambda t, x, *s: x.reshape(s))
case(shape.permute_op, [cube], lambda x, dims: x.transpose(dims), dims=(2, 0, 1))
case(
    shape.slice_op,
    [cube],
    lambda x, index: x[index],
    lambda t, x, index: x[index],
    index=(1, None, slice(0, 3, 2), ...),
)
case(
    shape.slice_adjoint,
    [normal(2, 4)],
    ref.zeros_with,
    lambda t, x, shape, index: t.zeros(shape, dtype=x.dtype).index_put((t.tensor([0, 2]),), x),
    shape=(3, 4),
    index=(slice(0, 3, 2), ...),
)
case(shape.flip_op, [normal(2, 3)], lambda x, dims: np.flip(x, dims), dims=(0, 1))
case(shape.roll_op, [normal(2, 3)], lambda x, shifts, dims: np.roll(x, shifts, dims), shifts=(1, -2), dims=(0, 1))
case(minigrad.roll, [normal(2, 3), 2])
case(
    shape.cat_op,
    [normal(2, 3), normal(1, 3), normal(2, 3)],
    lambda *xs, dim: np.concatenate(xs, dim),
    lambda t, *xs, dim: t.cat(xs, dim),
    dim=0,
)
case(
    shape.stack_op,
    [normal(2, 3), normal(2, 3)],
    lambda *xs, dim: np.stack(xs, dim),
    lambda t, *xs, dim: t.stack(xs, dim),
    dim=1,
)
case(
    shape.pad_op,
    [normal(2, 3)],
    ref.pad,
    lambda t, x, before, after, value: t.nn.functional.pad(x, (before[1], after[1], before[0], after[0]), value=value),
    before=(1, 0),
    after=(0, 2),
    value=0.5,
)
case(minigrad.transpose, [cube, 0, -1], np.swapaxes)
case(minigrad.t, [normal(2, 3)], np.transpose)
case(minigrad.squeeze, [normal(1, 3, 1)])
case(minigrad.squeeze, [normal(1, 3, 1)], lambda x, dim: x[0], dim=0)
case(minigrad.unsqueeze, [normal(2, 3), -1], np.expand_dims)
case(minigrad.flatten, [cube], lambda x, start_dim: x.reshape(2, 12), start_dim=1)
case(minigrad.unflatten, [normal(2, 6), 1, (2, -1)], lambda x, dim, sizes: x.reshape(2, 2, 3))
case(minigrad.movedim, [cube, 0, -1], np.moveaxis)
case(minigrad.movedim, [cube, (0, 1), (1, 2)], np.moveaxis)
case(minigrad.narrow, [normal(4, 3), 0, 1, 2], lambda x, dim, start, n: x[start : start + n])
case(minigrad.split, [normal(5, 2), 2], lambda x, n: (x[:2], x[2:4], x[4:]))
case(minigrad.split, [normal(2, 5), [1, 4]], lambda x, n, dim: (x[:, :1], x[:, 1:]), dim=-1)
case(minigrad.chunk, [normal(5, 2), 3], lambda x, n: (x[:2], x[2:4], x[4:]))
case(minigrad.unbind, [normal(2, 3)], lambda x, dim: tuple(x.T), dim=1)
case(minigrad.select, [normal(2, 3), 1, -1], lambda x, dim, i: x[:, -1])
case(Tensor.repeat, [normal(2, 3), 2, 1, 2], lambda x, *n: np.tile(x, n), lambda t, x, *n: x.repeat(*n))

# indexing
lists = fixed([2, 0, 2, 1])
mask = fixed([[True, False, True], [False, True, True]])
case(
    index.getitem_op,
    [normal(3, 4), lists],
    lambda x, i, spec: x[:, i],
    lambda t, x, i, spec: x[:, i],
    spec=(slice(None), ARRAY),
)
case(index.getitem_op, [normal(2, 3), mask], lambda x, i, spec: x[i], lambda t, x, i, spec: x[i], spec=(ARRAY,))
case(
    index.getitem_op,
    [normal(3, 2, 4), lists, fixed([[0], [3]])],
    lambda x, i, j, spec: x[i, :, j],
    lambda t, x, i, j, spec: x[i, :, j],
    spec=(ARRAY, slice(None), ARRAY),
)
case(
    index.getitem_adjoint,
    [normal(4, 2), lists],
    lambda x, i, shape, spec: ref.zeros_with(x, shape, (i,)),
    lambda t, x, i, shape, spec: t.zeros(shape, dtype=x.dtype).index_put((i,), x, accumulate=True),
    shape=(3, 2),
    spec=(ARRAY,),
)
case(
    index.setitem_op,
    [normal(3, 2), normal(2), fixed([2, 0])],
    lambda x, v, i, spec: ref.assigned(x, v, (i,)),
    lambda t, x, v, i, spec: x.index_put((i,), v),
    spec=(ARRAY, slice(None)),
)
case(
    index.index_select_op,
    [normal(2, 3), lists],
    lambda x, i, dim: x[:, i],
    lambda t, x, i, dim: t.index_select(x, dim, i),
    dim=1,
)
case(
    index.index_add_op,
    [normal(2, 4), lists],
    ref.index_add,
    lambda t, x, i, n, dim: t.zeros(2, n, dtype=x.dtype).index_add(dim, i, x),
    n=3,
    dim=1,
)
case(index.gather_op, [normal(3, 4), whole(0, 3, 2, 3)], ref.gather, lambda t, x, i, dim: t.gather(x, dim, i), dim=0)
case(
    index.scatter_add_op,
    [normal(2, 3), whole(0, 3, 2, 3)],
    ref.scatter_add,
    lambda t, x, i, dim, shape: t.zeros(shape, dtype=x.dtype).scatter_add(dim, i, x),
    dim=0,
    shape=(3, 4),
)
case(minigrad.take_along_dim, [normal(3, 4), whole(0, 4, 3, 2)], lambda x, i, dim: np.take_along_axis(x, i, dim), dim=1)

# products
case(matmul.matmul_op, [normal(2, 1, 3, 4), normal(5, 4, 2)])
case(matmul.matmul_op, [normal(2, 3), normal(3, 2)])
case(minigrad.matmul, [normal(3), normal(3)])
case(minigrad.matmul, [normal(2, 4, 3), normal(3)])
case(minigrad.matmul, [normal(3), normal(2, 3, 2)])
case(minigrad.mm, [normal(2, 3), normal(3, 2)], np.matmul)
case(minigrad.bmm, [normal(2, 3, 4), normal(2, 4, 2)], np.matmul)
case(minigrad.mv, [normal(2, 3), normal(3)], np.matmul)
case(minigrad.dot, [normal(3), normal(3)])
case(minigrad.outer, [normal(2), normal(3)])
case(
    minigrad.tensordot,
    [normal(2, 3, 4), normal(4, 3, 2)],
    lambda a, b, dims: np.tensordot(a, b, dims),
    dims=([1, 2], [1, 0]),
)
case(minigrad.tensordot, [normal(2, 3, 4), normal(3, 4, 2)], lambda a, b, dims: np.tensordot(a, b, dims), dims=2)
for lead in ((), (2,), (2, 3)):
    case(
        matmul.linear_op,
        [normal(*lead, 4), normal(5, 4), normal(5)],
        lambda x, w, c: x @ w.T + c,
        "nn.functional.linear",
    )
case(matmul.linear_op, [normal(2, 4), normal(5, 4)], lambda x, w: x @ w.T, "nn.functional.linear")
for lead in ((2,), (2, 3)):
    case(
        matmul.linear_relu_op,
        [normal(*lead, 4), normal(5, 4), normal(5)],
        lambda x, w, c: np.maximum(x @ w.T + c, 0),
        lambda t, x, w, c: t.nn.functional.linear(x, w, c).relu(),
    )
case(
    matmul.linear_relu_op,
    [normal(2, 4), normal(5, 4)],
    lambda x, w: np.maximum(x @ w.T, 0),
    lambda t, x, w: t.nn.functional.linear(x, w).relu(),
)

# in place, on copies of the inputs


def on_copy(op: Op) -> Callable:
    return lambda *xs, **options: op(*[x.clone() if isinstance(x, Tensor) else x for x in xs], **options)


case(on_copy(update.assign_), [normal(2, 3), normal(3)], lambda x, v: v + 0 * x, None, wants=(), name="assign_")
case(
    on_copy(update.assign_at_),
    [normal(3, 2), normal(2), fixed([2, 0])],
    lambda x, v, i, spec: ref.assigned(x, v, (i,)),
    None,
    wants=(),
    name="assign_at_",
    spec=(ARRAY, ...),
)
case(on_copy(update.add_), [normal(2, 3), normal(3)], np.add, None, wants=(), name="add_")
case(
    on_copy(update.lerp_),
    [normal(2, 3), normal(2, 3), 0.25],
    lambda x, e, w: x + w * (e - x),
    "lerp",
    wants=(),
    name="lerp_",
)
case(
    on_copy(optimizers.sgd_),
    [normal(3), normal(3), None, 0.1],
    lambda p, g, buf, lr: p - lr * g,
    None,
    wants=(),
    name="sgd_",
)
case(
    on_copy(optimizers.sgd_),
    [normal(3), normal(3), normal(3), 0.1],
    ref.sgd,
    None,
    wants=(),
    name="sgd_",
    momentum=0.9,
    dampening=0.2,
    weight_decay=0.1,
    maximize=True,
)
case(
    on_copy(optimizers.sgd_),
    [normal(3), normal(3), normal(3), 0.1],
    ref.sgd,
    None,
    wants=(),
    name="sgd_",
    momentum=0.9,
    nesterov=True,
)
adam = [normal(3), normal(3), normal(3), positive(3), fixed(4.0)]
case(on_copy(optimizers.adam_), [*adam, None, 0.1], ref.adam, None, wants=(), name="adam_", weight_decay=0.1)
case(
    on_copy(optimizers.adam_),
    [*adam, positive(3), 0.1],
    ref.adam,
    None,
    wants=(),
    name="adam_",
    weight_decay=0.1,
    decoupled=True,
)
more = [normal(3), normal(3), fixed(4.0)]
case(on_copy(optimizers.rmsprop_), [*more, positive(3), None, None, 0.1], ref.rmsprop, None, wants=(), name="rmsprop_")
case(
    on_copy(optimizers.rmsprop_),
    [*more, fixed([2.0, 3.0, 4.0]), fixed([0.1, -0.2, 0.3]), normal(3), 0.1],
    ref.rmsprop,
    None,
    wants=(),
    name="rmsprop_",
    alpha=0.9,
    momentum=0.5,
    weight_decay=0.1,
    maximize=True,
)
case(on_copy(optimizers.adagrad_), [*more, positive(3), 0.1], ref.adagrad, None, wants=(), name="adagrad_", lr_decay=0.3)
case(on_copy(optimizers.adadelta_), [*more, positive(3), positive(3), 0.1], ref.adadelta, None, wants=(), name="adadelta_")
case(on_copy(optimizers.adamax_), [*more, normal(3), positive(3), 0.1], ref.adamax, None, wants=(), name="adamax_")
momenta = [normal(3), positive(3), 0.1]
case(on_copy(optimizers.nadam_), [*more, fixed(0.4), *momenta], ref.nadam, None, wants=(), name="nadam_", weight_decay=0.1)
case(on_copy(optimizers.radam_), [*more, *momenta], ref.radam, None, wants=(), name="radam_", weight_decay=0.1)
for count, share in ((4.0, 1.0), (9.0, 0.25)):
    case(on_copy(optimizers.asgd_), [normal(3), normal(3), fixed(count), fixed(0.05), fixed(share), normal(3), 0.1], ref.asgd,
         None, wants=(), name="asgd_", lambd=0.1, t0=5.0, weight_decay=0.1)  # fmt: skip
means = [fixed([[0.5], [1.5]]), fixed([[0.4, 1.1, 1.5]]), None, 0.3]
options = {"eps": (1e-3, 0.1), "beta2_decay": -0.5, "d": 0.5, "weight_decay": 0.1}
case(on_copy(optimizers.adafactor_), [normal(2, 3), normal(2, 3), fixed(4.0), *means], ref.adafactor, None, wants=(),
     name="adafactor_", **options)  # fmt: skip
case(on_copy(optimizers.adafactor_), [*more, None, None, positive(3), 0.3], ref.adafactor, None, wants=(), name="adafactor_",
     maximize=True, **options)  # fmt: skip
hadamard = np.array([[1.0, 1.0], [1.0, -1.0]])  # all that comes of it is exact in bfloat16
case(on_copy(optimizers.muon_), [normal(2, 2), fixed(2 * hadamard), fixed(4 * hadamard), 0.3], ref.muon, None, wants=(),
     name="muon_", momentum=0.5, coefficients=(2.0, -1.5, 0.5), rounds=1, scale=1.5)  # fmt: skip
case(on_copy(optimizers.sparse_adam_), [normal(3, 2), fixed([[0.0, 0.0], [0.0, 1.0], [2.0, 3.0]]), fixed(4.0), normal(3, 2),
     positive(3, 2), 0.1], ref.sparse_adam, None, wants=(), name="sparse_adam_")  # fmt: skip
slopes = [fixed([0.1, -0.2, 0.0]), fixed(4.0), fixed([0.3, 0.4, 0.5])]
case(on_copy(optimizers.rprop_), [normal(3), *slopes, positive(3)], ref.rprop, None, wants=(), name="rprop_", maximize=True)
case(
    on_copy(optimizers.radam_),
    [normal(3), normal(3), fixed(40.0), *momenta],
    ref.radam,
    None,
    wants=(),
    name="radam_",
    weight_decay=0.1,
    decoupled=True,
)
case(
    update.view_written,
    [normal(3, 2), normal(2)],
    lambda x, v, how, options: ref.assigned(x, v, 1),
    lambda t, x, v, how, options: x.index_put((t.tensor(1),), v),
    how=shape.slice_op,
    options={"index": (1, ...)},
)

# out of nothing
FLOAT, INT = as_dtype("float64"), as_dtype("int64")
case(create.full_op, [], lambda shape, value, dtype: np.full(shape, value), None, shape=(2, 3), value=1.5, dtype=FLOAT)
case(
    create.full_like_op,
    [normal(2, 3)],
    lambda x, value, dtype: np.full(x.shape, value),
    None,
    wants=(),
    value=2,
    dtype=INT,
)
case(create.arange_op, [], lambda start, end, step, dtype: np.array([1, 3, 5]), None, start=1, end=6, step=2, dtype=INT)
case(
    create.linspace_op,
    [],
    lambda start, end, steps, dtype: np.array([0, 0.5, 1]),
    None,
    start=0.0,
    end=1.0,
    steps=3,
    dtype=FLOAT,
)
case(create.eye_op, [], lambda n, m, dtype: np.eye(2, 3), None, n=2, m=3, dtype=FLOAT)


def drawn(op: Op, draw: Callable, **options: Any) -> None:
    """A random op: the same numbers as NumPy's generator of the same seed."""

    def run(**options: Any) -> Tensor:
        return op(generator=minigrad.Generator().manual_seed(7), **options)

    case(run, [], lambda **_: draw(np.random.Generator(np.random.PCG64(7))), None, name=op.name, **options)


drawn(create.rand_op, lambda bits: bits.random((2, 3)), shape=(2, 3), dtype=FLOAT)
drawn(create.randn_op, lambda bits: bits.standard_normal((2, 3)), shape=(2, 3), dtype=FLOAT)
drawn(create.randint_op, lambda bits: bits.integers(0, 5, 4), shape=(4,), low=0, high=5, dtype=INT)
drawn(create.randperm_op, lambda bits: bits.permutation(6), n=6, dtype=INT)


def words(**_: Any) -> np.ndarray:
    """PyTorch's uniform numbers of seed 7, laid out as (3, 2) and turned: 53 bits of two words of NumPy's old generator."""
    high, low = np.random.RandomState(7).randint(0, 2**32, (6, 2), dtype=np.uint32).astype(np.uint64).T
    return ((high % 2**21 * 2**32 + low) / 2**53).reshape(3, 2).T


def sampled(**options: Any) -> Tensor:
    return create.sample_op(generator=minigrad.Generator(stream="torch").manual_seed(7), **options)


case(sampled, [], words, None, name="sample", kind="uniforms", shape=(2, 3), order=(1, 0), dtype=FLOAT)
