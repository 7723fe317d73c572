"""The table that drives the op suites: every op and public function, with inputs, options and an independent answer.

A row is `case(what, inputs, want, ...)`: `what` an op or a public function, `inputs` the makers of its arrays (or plain
numbers), `want` the same in NumPy, `torch` the same in PyTorch (by default the function of the same name, None if
there is none), and the options of the call. Suites ask a case for its `arrays()` and call it with tensors of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import minigrad
from minigrad.backends import ARRAY, Window
from minigrad.backends import dtype as as_dtype
from minigrad.core import Op, Tensor
from minigrad.ops import arithmetic as ar
from minigrad.ops import compare, conv, create, index, losses, matmul, norm, optimizers, reduce, shape, update
from minigrad.ops import elementwise as el

from . import references as ref


@dataclass(frozen=True)
class Case:
    """One call. `wants`: the positions of inputs to differentiate by (None: every floating array)."""

    name: str
    what: Callable
    inputs: tuple
    want: Callable
    torch: Callable | None
    tol: float
    wants: tuple | None
    options: dict = field(hash=False)

    def arrays(self, seed: int = 0) -> list:
        """The inputs: float64, integer and boolean arrays, numbers and None."""
        rng = np.random.default_rng([seed, *self.name.encode()])
        return [make(rng) if callable(make) else make for make in self.inputs]

    def tensors(self, device: str = "cpu", seed: int = 0) -> list:
        """The inputs as tensors on a device, those to differentiate by asking for a gradient."""
        arrays = self.arrays(seed)
        wanted = self.differentiable(arrays)
        return [
            minigrad.tensor(a, device=device, requires_grad=k in wanted) if isinstance(a, np.ndarray) else a
            for k, a in enumerate(arrays)
        ]

    def differentiable(self, arrays: list) -> tuple:
        if self.wants is not None:
            return self.wants
        return tuple(k for k, a in enumerate(arrays) if isinstance(a, np.ndarray) and a.dtype.kind == "f")

    @property
    def has_slope(self) -> bool:
        return bool(self.differentiable(self.arrays()))

    def __call__(self, *inputs: Any) -> Any:
        return self.what(*inputs, **self.options)

    def answer(self, arrays: list) -> list[np.ndarray]:
        return [np.asarray(a) for a in several(self.want(*arrays, **self.options))]


def several(outputs: Any) -> list:
    return list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]


# -- inputs --------------------------------------------------------------------------------------------------------------


def normal(*size: int) -> Callable:
    return lambda rng: rng.standard_normal(size)


def positive(*size: int) -> Callable:
    return lambda rng: rng.uniform(0.3, 2.0, size)


def apart(*size: int) -> Callable:
    """Different sizes in random order: no |x| within 0.05 of another, no x within 0.1 of an integer or a half."""

    def make(rng: Any) -> np.ndarray:
        n = int(np.prod(size))
        return ((rng.permutation(n) - n // 2) * 0.25 + 0.1).reshape(size)

    return make


def whole(low: int, high: int, *size: int) -> Callable:
    return lambda rng: rng.integers(low, high, size)


def maybe(*size: int) -> Callable:
    return lambda rng: rng.random(size) < 0.5


def fixed(values: Any) -> Callable:
    return lambda rng: np.array(values)


# -- rows ----------------------------------------------------------------------------------------------------------------

CASES: list[Case] = []
_taken: dict[str, int] = {}


def case(
    what: Any, inputs: list, want: Any = None, torch: Any = "", tol: float = 1e-12, wants: Any = None, name: str = "", **options: Any
) -> None:
    """Add a row. `want` is by default NumPy's function of the op's name, `torch` PyTorch's."""
    called = name or (what.name if isinstance(what, Op) else what.__name__)
    count = _taken[called] = _taken.get(called, 0) + 1
    want = want or getattr(np, called)
    if isinstance(torch, str):
        path = torch or called

        def torch(module: Any, *xs: Any, **opts: Any) -> Any:
            for part in path.split("."):
                module = getattr(module, part)
            return module(*xs, **opts)

    CASES.append(Case(called if count == 1 else f"{called}-{count}", what, tuple(inputs), want, torch, tol, wants, options))


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
case(minigrad.div, [apart(6), positive(6)], lambda x, o, rounding_mode: np.floor(x / o), rounding_mode="floor", wants=())
case(minigrad.div, [apart(6), positive(6)], lambda x, o, rounding_mode: np.trunc(x / o), rounding_mode="trunc")

# comparisons and logic
three = [whole(-1, 2, 2, 4), whole(-1, 2, 4)]
for question, answer in [(compare.eq, np.equal), (compare.ne, np.not_equal), (compare.lt, np.less), (compare.le, np.less_equal),
                         (compare.gt, np.greater), (compare.ge, np.greater_equal)]:  # fmt: skip
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
case(minigrad.var, [cube], lambda x, dim, unbiased, keepdim: x.var(dim, keepdims=keepdim), dim=1, unbiased=False, keepdim=True)
case(minigrad.std, [cube], lambda x, dim: x.std(dim, ddof=1), dim=-1)
case(minigrad.var_mean, [cube], lambda x, dim: (x.var(dim, ddof=1), x.mean(dim)), dim=1)
case(minigrad.std_mean, [cube], lambda x, dim: (x.std(dim, ddof=1), x.mean(dim)), dim=0)
case(reduce.prod_op, [normal(2, 4)], lambda x, dim: x.prod(dim), dim=1)
case(minigrad.prod, [fixed([0.0, 2.0, 3.0])])
case(minigrad.prod, [fixed([[0.0, 2.0], [0.0, 3.0]])], lambda x, dim, keepdim: x.prod(dim, keepdims=True), dim=0, keepdim=True)
for what, answer in [(reduce.amax_op, np.max), (reduce.amin_op, np.min)]:
    case(what, [apart(2, 3, 4)], lambda x, dim, keepdim, f=answer: f(x, dim, keepdims=True), dim=(0, 2), keepdim=True)
    case(what, [apart(2, 3)], lambda x, dim, f=answer: f(x, dim), dim=(0, 1))
case(minigrad.max, [apart(2, 3, 4)])
case(minigrad.max, [apart(2, 3, 4)], lambda x, dim: (x.max(dim), x.argmax(dim)), dim=1)
case(minigrad.min, [apart(2, 3)], lambda x, dim, keepdim: (x.min(dim, keepdims=True), x.argmin(dim, keepdims=True)), dim=-1, keepdim=True)
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
    case(minigrad.norm, [apart(2, 3)], lambda x, p, dim: np.linalg.norm(x, p, dim), p=p, dim=1, wants=() if p == 0 else None)

# shape
case(shape.reshape_op, [normal(2, 3)], np.reshape, shape=(3, 2))
case(minigrad.reshape, [normal(2, 3), -1, 2], lambda x, *s: x.reshape(s), lambda t, x, *s: x.reshape(s))
case(shape.permute_op, [cube], lambda x, dims: x.transpose(dims), dims=(2, 0, 1))
case(shape.slice_op, [cube], lambda x, index: x[index], lambda t, x, index: x[index], index=(1, None, slice(0, 3, 2), ...))
case(shape.slice_adjoint, [normal(2, 4)], ref.zeros_with,
     lambda t, x, shape, index: t.zeros(shape, dtype=x.dtype).index_put((t.tensor([0, 2]),), x), shape=(3, 4), index=(slice(0, 3, 2), ...))  # fmt: skip
case(shape.flip_op, [normal(2, 3)], lambda x, dims: np.flip(x, dims), dims=(0, 1))
case(shape.roll_op, [normal(2, 3)], lambda x, shifts, dims: np.roll(x, shifts, dims), shifts=(1, -2), dims=(0, 1))
case(minigrad.roll, [normal(2, 3), 2])
case(shape.cat_op, [normal(2, 3), normal(1, 3), normal(2, 3)], lambda *xs, dim: np.concatenate(xs, dim), lambda t, *xs, dim: t.cat(xs, dim), dim=0)
case(shape.stack_op, [normal(2, 3), normal(2, 3)], lambda *xs, dim: np.stack(xs, dim), lambda t, *xs, dim: t.stack(xs, dim), dim=1)
case(shape.pad_op, [normal(2, 3)], ref.pad,
     lambda t, x, before, after, value: t.nn.functional.pad(x, (before[1], after[1], before[0], after[0]), value=value),
     before=(1, 0), after=(0, 2), value=0.5)  # fmt: skip
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
case(index.getitem_op, [normal(3, 4), lists], lambda x, i, spec: x[:, i], lambda t, x, i, spec: x[:, i], spec=(slice(None), ARRAY))
case(index.getitem_op, [normal(2, 3), mask], lambda x, i, spec: x[i], lambda t, x, i, spec: x[i], spec=(ARRAY,))
case(index.getitem_op, [normal(3, 2, 4), lists, fixed([[0], [3]])], lambda x, i, j, spec: x[i, :, j],
     lambda t, x, i, j, spec: x[i, :, j], spec=(ARRAY, slice(None), ARRAY))  # fmt: skip
case(index.getitem_adjoint, [normal(4, 2), lists], lambda x, i, shape, spec: ref.zeros_with(x, shape, (i,)),
     lambda t, x, i, shape, spec: t.zeros(shape, dtype=x.dtype).index_put((i,), x, accumulate=True), shape=(3, 2), spec=(ARRAY,))  # fmt: skip
case(index.setitem_op, [normal(3, 2), normal(2), fixed([2, 0])], lambda x, v, i, spec: ref.assigned(x, v, (i,)),
     lambda t, x, v, i, spec: x.index_put((i,), v), spec=(ARRAY, slice(None)))  # fmt: skip
case(index.index_select_op, [normal(2, 3), lists], lambda x, i, dim: x[:, i], lambda t, x, i, dim: t.index_select(x, dim, i), dim=1)
case(index.index_add_op, [normal(2, 4), lists], ref.index_add,
     lambda t, x, i, n, dim: t.zeros(2, n, dtype=x.dtype).index_add(dim, i, x), n=3, dim=1)  # fmt: skip
case(index.gather_op, [normal(3, 4), whole(0, 3, 2, 3)], ref.gather, lambda t, x, i, dim: t.gather(x, dim, i), dim=0)
case(index.scatter_add_op, [normal(2, 3), whole(0, 3, 2, 3)], ref.scatter_add,
     lambda t, x, i, dim, shape: t.zeros(shape, dtype=x.dtype).scatter_add(dim, i, x), dim=0, shape=(3, 4))  # fmt: skip
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
case(minigrad.tensordot, [normal(2, 3, 4), normal(4, 3, 2)], lambda a, b, dims: np.tensordot(a, b, dims), dims=([1, 2], [1, 0]))
case(minigrad.tensordot, [normal(2, 3, 4), normal(3, 4, 2)], lambda a, b, dims: np.tensordot(a, b, dims), dims=2)
for lead in ((), (2,), (2, 3)):
    case(matmul.linear_op, [normal(*lead, 4), normal(5, 4), normal(5)], lambda x, w, c: x @ w.T + c, "nn.functional.linear")
case(matmul.linear_op, [normal(2, 4), normal(5, 4)], lambda x, w: x @ w.T, "nn.functional.linear")


# sliding windows, in 1, 2 and 3 dimensions
def torch_conv(t: Any, x: Any, w: Any, bias: Any = None, *, window: Any) -> Any:
    return getattr(t.nn.functional, f"conv{x.ndim - 2}d")(x, w, bias, *window)


def torch_conv_input(t: Any, out: Any, w: Any, *, shape: Any, window: Any) -> Any:
    n = out.ndim - 2
    reach = [(o - 1) * s - 2 * p + d * (k - 1) + 1
             for o, s, p, d, k in zip(out.shape[2:], *window[:3], w.shape[2:], strict=True)]  # fmt: skip
    more = [a - b for a, b in zip(shape[2:], reach, strict=True)]
    stride, padding, dilation, groups = window
    return getattr(t.nn.functional, f"conv_transpose{n}d")(out, w, None, stride, padding, more, groups, dilation)


def torch_conv_weight(t: Any, x: Any, out: Any, *, kernel: Any, window: Any) -> Any:
    size = (out.shape[1], x.shape[1] // window.groups, *kernel)
    return getattr(t.nn.grad, f"conv{x.ndim - 2}d_weight")(x, size, out, *window)


for window, x_size, w_size, out_size in [
    (Window((1,), (0,), (1,)), (2, 2, 5), (3, 2, 3), (2, 3, 3)),
    (Window((2, 1), (1, 0), (1, 2), 2), (2, 4, 4, 5), (2, 2, 3, 2), (2, 2, 2, 3)),
    (Window((2, 2), (1, 1), (1, 1), 3), (1, 3, 4, 4), (3, 1, 3, 3), (1, 3, 2, 2)),
    (Window((1, 2, 1), (0, 1, 0), (1, 1, 1)), (1, 1, 2, 3, 2), (2, 1, 2, 2, 1), (1, 2, 1, 2, 2)),
]:
    case(conv.conv, [normal(*x_size), normal(*w_size), normal(w_size[0])], ref.conv, torch_conv, window=window)
    case(conv.conv_input, [normal(*out_size), normal(*w_size)], ref.conv_input, torch_conv_input, shape=x_size, window=window)
    case(conv.conv_weight, [normal(*x_size), normal(*out_size)], ref.conv_weight, torch_conv_weight, kernel=w_size[2:], window=window)
case(conv.conv, [normal(1, 2, 3, 3), normal(2, 2, 1, 1)], ref.conv, torch_conv, window=Window((1, 1), (0, 0), (1, 1)))

for x_size, kernel, sizes, window, ceil in [
    ((2, 2, 5), (2,), (2,), Window((2,), (0,), (1,)), False),
    ((1, 2, 4, 5), (3, 2), (2, 3), Window((2, 2), (1, 1), (1, 1)), False),
    ((1, 1, 5, 5), (2, 2), (3, 3), Window((2, 2), (0, 0), (1, 1)), True),
    ((1, 1, 3, 2, 3), (2, 1, 2), (2, 2, 2), Window((1, 1, 1), (0, 0, 0), (1, 1, 1)), False),
]:
    def torch_max_pool(t: Any, x: Any, *, kernel: Any, window: Any, sizes: Any, ceil: bool = ceil) -> Any:
        pool = getattr(t.nn.functional, f"max_pool{len(kernel)}d")
        return pool(x, kernel, window.stride, window.padding, window.dilation, ceil)

    def torch_sum_pool(t: Any, x: Any, *, kernel: Any, window: Any, sizes: Any, ceil: bool = ceil) -> Any:
        pool = getattr(t.nn.functional, f"avg_pool{len(kernel)}d")
        more = {"divisor_override": 1} if len(kernel) > 1 else {}
        return pool(x, kernel, window.stride, window.padding, ceil, **more) * (1 if more else kernel[0])

    n_c = x_size[:2]
    case(conv.max_pool, [apart(*x_size)], ref.max_pool, torch_max_pool, kernel=kernel, window=window, sizes=sizes)
    case(conv.max_pool_places, [apart(*x_size)], ref.max_pool_places, None, wants=(), kernel=kernel, window=window, sizes=sizes)
    case(conv.sum_pool, [normal(*x_size)], ref.sum_pool, torch_sum_pool, kernel=kernel, window=window, sizes=sizes)
    case(conv.sum_pool_input, [normal(*n_c, *sizes)], ref.sum_pool_input, None, shape=x_size, kernel=kernel, window=window)
case(conv.max_pool, [apart(1, 1, 5)], ref.max_pool, lambda t, x, **_: t.nn.functional.max_pool1d(x, 2, 1, 1, 2),
     kernel=(2,), window=Window((1,), (1,), (2,)), sizes=(5,))  # fmt: skip
case(conv.take_places, [normal(2, 1, 2, 3), whole(0, 6, 2, 1, 4)], ref.take_places, lambda t, x, p: t.gather(x.flatten(2), 2, p))
case(conv.put_places, [normal(2, 1, 4), whole(0, 6, 2, 1, 4)], ref.put_places,
     lambda t, x, p, shape: t.zeros(2, 1, 6, dtype=x.dtype).scatter_add(2, p, x).reshape(shape), shape=(2, 1, 2, 3))  # fmt: skip

# normalization and softmax
EPS = 1e-3


def torch_batch_norm(t: Any, x: Any, w: Any, c: Any, mean: Any = None, var: Any = None, momentum: Any = None, *, eps: Any) -> Any:
    return t.nn.functional.batch_norm(x, mean, var, w, c, True, momentum or 0.1, eps)


def torch_batch_norm_eval(t: Any, x: Any, w: Any, c: Any, mean: Any, var: Any, *, eps: Any) -> Any:
    return t.nn.functional.batch_norm(x, mean, var, w, c, False, 0.1, eps)


def torch_layer_norm(t: Any, x: Any, w: Any, c: Any, *, dims: Any, eps: Any) -> Any:
    return t.nn.functional.layer_norm(x, x.shape[dims[0] :], w, c, eps)


for x_size in ((4, 2), (2, 2, 3), (2, 3, 2, 2)):
    c = x_size[1]
    affine = [normal(*x_size), normal(c), normal(c)]
    tell = [None, None, None]
    case(norm.batch_norm_op, [*affine, *tell], ref.batch_norm, torch_batch_norm, 1e-10, eps=EPS)
    case(norm.batch_norm_eval_op, [*affine, normal(c), positive(c)], ref.batch_norm_eval, torch_batch_norm_eval, wants=(0, 1, 2), eps=EPS)
case(norm.batch_norm_op, [normal(3, 2), None, None, *tell], ref.batch_norm, torch_batch_norm, 1e-10, eps=EPS)
case(norm.batch_norm_op, [normal(3, 2), normal(2), normal(2), normal(2), positive(2), 0.1], ref.batch_norm, torch_batch_norm, 1e-10,
     wants=(0, 1, 2), eps=EPS)  # fmt: skip
case(norm.batch_norm_eval_op, [normal(3, 2), None, None, normal(2), positive(2)], ref.batch_norm_eval, torch_batch_norm_eval, wants=(0,), eps=EPS)
case(norm.batch_norm_eval_op, [normal(3, 2), normal(2), None, normal(2), positive(2)], ref.batch_norm_eval, None, eps=EPS)
case(norm.batch_norm_input, [normal(3, 2, 2), normal(3, 2, 2), normal(2), normal(1, 2, 1), positive(1, 2, 1)], ref.batch_norm_input,
     None, wants=(), eps=EPS)  # fmt: skip
case(norm.layer_norm_op, [normal(2, 3, 4), normal(4), normal(4)], ref.layer_norm, torch_layer_norm, 1e-10, dims=(2,), eps=EPS)
case(norm.layer_norm_op, [normal(2, 3, 4), normal(3, 4), None], ref.layer_norm, torch_layer_norm, 1e-10, dims=(1, 2), eps=EPS)
case(norm.layer_norm_op, [normal(2, 3), None, None], ref.layer_norm, torch_layer_norm, 1e-10, dims=(1,), eps=EPS)
case(norm.softmax_op, [normal(2, 3)], ref.softmax, dim=1)
case(norm.softmax_op, [cube], ref.softmax, dim=0)
case(norm.softmax_op, [fixed([1000.0, 1000.0])], lambda x, dim: np.array([0.5, 0.5]), dim=0)
case(norm.log_softmax_op, [normal(2, 3)], lambda x, dim: np.log(ref.softmax(x, dim)), dim=1)
case(norm.log_softmax_op, [fixed([1000.0, 1000.0])], lambda x, dim: np.log([0.5, 0.5]), dim=0)
case(norm.cross_entropy_op, [normal(4, 3), fixed([2, 0, -100, 1])], ref.cross_entropy,
     lambda t, x, target: t.nn.functional.cross_entropy(x, target, reduction="none"))  # fmt: skip
case(losses.binary_cross_entropy_op, [lambda rng: rng.uniform(0.1, 0.9, (2, 3)), lambda rng: rng.uniform(0.1, 0.9, (2, 3))],
     lambda x, t: -(t * np.log(x) + (1 - t) * np.log(1 - x)),
     lambda t, x, target: t.nn.functional.binary_cross_entropy(x, target, reduction="none"))  # fmt: skip
case(losses.binary_cross_entropy_op, [fixed([0.0, 1.0]), fixed([1.0, 0.5])], lambda x, t: np.array([100.0, 50.0]),
     lambda t, x, target: t.nn.functional.binary_cross_entropy(x, target, reduction="none"), wants=())  # fmt: skip
case(norm.cross_entropy_input, [normal(3), fixed([2, -1, 1]), normal(3, 4)], ref.cross_entropy_input, None, wants=())

# in place, on copies of the inputs
def on_copy(op: Op) -> Callable:
    return lambda *xs, **options: op(*[x.clone() if isinstance(x, Tensor) else x for x in xs], **options)


case(on_copy(update.assign_), [normal(2, 3), normal(3)], lambda x, v: v + 0 * x, None, wants=(), name="assign_")
case(on_copy(update.assign_at_), [normal(3, 2), normal(2), fixed([2, 0])], lambda x, v, i, spec: ref.assigned(x, v, (i,)), None,
     wants=(), name="assign_at_", spec=(ARRAY, ...))  # fmt: skip
case(on_copy(update.add_), [normal(2, 3), normal(3)], np.add, None, wants=(), name="add_")
case(on_copy(update.lerp_), [normal(2, 3), normal(2, 3), 0.25], lambda x, e, w: x + w * (e - x), "lerp", wants=(), name="lerp_")
case(on_copy(optimizers.sgd_), [normal(3), normal(3), None, 0.1], lambda p, g, buf, lr: p - lr * g, None, wants=(), name="sgd_")
case(on_copy(optimizers.sgd_), [normal(3), normal(3), normal(3), 0.1], ref.sgd, None, wants=(), name="sgd_", momentum=0.9,
     dampening=0.2, weight_decay=0.1, maximize=True)  # fmt: skip
case(on_copy(optimizers.sgd_), [normal(3), normal(3), normal(3), 0.1], ref.sgd, None, wants=(), name="sgd_", momentum=0.9, nesterov=True)
adam = [normal(3), normal(3), normal(3), positive(3), fixed(4.0)]
case(on_copy(optimizers.adam_), [*adam, None, 0.1], ref.adam, None, wants=(), name="adam_", weight_decay=0.1)
case(on_copy(optimizers.adam_), [*adam, positive(3), 0.1], ref.adam, None, wants=(), name="adam_", weight_decay=0.1, decoupled=True)
case(update.view_written, [normal(3, 2), normal(2)], lambda x, v, how, options: ref.assigned(x, v, 1),
     lambda t, x, v, how, options: x.index_put((t.tensor(1),), v), how=shape.slice_op, options={"index": (1, ...)})  # fmt: skip

# out of nothing
FLOAT, INT = as_dtype("float64"), as_dtype("int64")
case(create.full_op, [], lambda shape, value, dtype: np.full(shape, value), None, shape=(2, 3), value=1.5, dtype=FLOAT)
case(create.full_like_op, [normal(2, 3)], lambda x, value, dtype: np.full(x.shape, value), None, wants=(), value=2, dtype=INT)
case(create.arange_op, [], lambda start, end, step, dtype: np.array([1, 3, 5]), None, start=1, end=6, step=2, dtype=INT)
case(create.linspace_op, [], lambda start, end, steps, dtype: np.array([0, 0.5, 1]), None, start=0.0, end=1.0, steps=3, dtype=FLOAT)
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
