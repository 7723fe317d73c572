"""Derivatives of functions as functions: grad, vjp, jvp, jacrev, jacfwd, hessian, hvp. They nest, and vmap nests with them.

A transform runs the function on fresh leaves that stand for its arguments. What it returns keeps a history only if it
depends on something outside that wants a gradient.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

from ..backends import GradError, ShapeError
from ..core import MODE, Node, Tensor, mode, node_of, walk, written
from ..ops.arithmetic import alias
from ..ops.create import eye, zeros_like
from ..ops.shape import movedim, narrow, reshape, split
from ..ops.sparse import SparseTensor
from .backward import grad as gradients
from .forward_ad import dual_level, make_dual, unpack_dual
from .tree import filled, leaves, mapped, shaped, tensors
from .vmap import vmap


def entered(x: Any) -> Any:
    """A tensor to differentiate by: an alias of x with x's history, or a leaf on the memory of x if it has none."""
    if not isinstance(x, Tensor):
        return x
    out = alias(x)
    if out.node is None:
        out.base, out.wants = None, True
    return out


def reaches_out(ys: list[Tensor], xs: list[Tensor]) -> bool:
    """Whether a leaf other than the `xs` is behind the `ys`."""
    own = {id(x) for x in xs}
    tops = [node_of(y) for y in ys]
    parents = [p for node in walk([top for top in tops if top is not None]) for p in node.parents]
    return any(p is not None and type(p) is not Node and id(p) not in own for p in [*parents, *(y for y in ys if y.wants)])


def left(y: Any, history: bool) -> Any:
    """A result for the outside: without history unless it leads there. Tangents, which go by the array, stay. Of a sparse one,
    as an embedding's gradient may be, the dense form."""
    y = y.to_dense() if isinstance(y, SparseTensor) else y
    if history or not isinstance(y, Tensor):
        return y
    out = Tensor(y.array)
    out.version = written(y)
    return out


def numbered(who: str, argnums: Any, args: tuple) -> list[int]:
    """The positions of the arguments to differentiate by."""
    nums = [argnums] if isinstance(argnums, int) else list(argnums) if isinstance(argnums, (tuple, list)) else []
    if not nums or not all(isinstance(n, int) for n in nums):
        raise RuntimeError(f"{who}: argnums must be int or Tuple[int, ...], and non-empty, got: {argnums!r}")
    for n in nums:
        if not -len(args) <= n < len(args):
            raise RuntimeError(f"{who}: got argnum {n}, but only {len(args)} positional arguments")
    nums = [n % len(args) for n in nums]
    if len(set(nums)) < len(nums):
        raise RuntimeError(f"{who}: argnums must be different, got {argnums}")
    return nums


class Run:
    """One run of a function on fresh leaves in the place of some arguments."""

    def __init__(self, who: str, func: Callable, argnums: Any, args: tuple, kwargs: dict, has_aux: bool) -> None:
        self.who, self.one = who, isinstance(argnums, int)
        nums = numbered(who, argnums, args) if argnums != () or args else []  # `vjp` without primals
        for n in nums:
            for x in leaves(args[n]):
                if not isinstance(x, Tensor) or not x.dtype.is_inexact:
                    got = repr(x.dtype) if isinstance(x, Tensor) else type(x).__name__
                    raise GradError(f"{who}: argument {n} must hold floating tensors to differentiate by, got {got}")
        recording = MODE.get().grad
        with mode(grad=True):
            inside = {n: mapped(entered, args[n]) for n in nums}
            out = func(*[inside.get(n, arg) for n, arg in enumerate(args)], **kwargs)
        if has_aux and not (isinstance(out, tuple) and len(out) == 2):
            raise RuntimeError(f"{who}: with has_aux=True the function must return (output, aux), got {type(out).__name__}")
        self.nest = [inside[n] for n in nums]
        self.xs = tensors(self.nest)
        self.out, aux = out if has_aux else (out, None)
        for y in leaves(self.out):
            if not isinstance(y, Tensor):
                raise TypeError(f"{who}: the function must return tensors, got {type(y).__name__}")
        self.ys = tensors(self.out)
        self.history = recording and reaches_out(self.ys, self.xs)
        self.result = mapped(lambda y: left(y, self.history), self.out)
        self.aux = mapped(lambda y: left(y, recording and isinstance(y, Tensor) and reaches_out([y], self.xs)), aux)

    def pull(self, seeds: list[Tensor], retain: bool, create: bool) -> list[Tensor]:
        """The gradients of the arguments for given gradients of the outputs."""
        pairs = [(y, g) for y, g in zip(self.ys, seeds, strict=True) if y.requires_grad]
        if not pairs:
            return [zeros_like(x) for x in self.xs]
        ys, gs = zip(*pairs, strict=True)
        found = gradients(ys, self.xs, gs, retain, create, materialize_grads=True)
        return [left(g, create) for g in found]  # type: ignore[misc]

    def arranged(self, values: list) -> Any:
        """Values, one an input tensor, in the shape of the differentiated arguments."""
        nest = filled(self.nest, values)
        return nest[0] if self.one else tuple(nest)


def grad_and_value(func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable:
    """A function that returns (gradient, value) of a scalar function; with `has_aux` (gradient, (value, aux)).

    The gradient is shaped like the argument `argnums` (a tuple of gradients for a tuple), nests included. `func` returns a
    0-d tensor, or with `has_aux` (tensor, anything). Raises ShapeError for any other result.
    """

    @wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> tuple:
        run = Run("grad", func, argnums, args, kwargs, has_aux)
        y = run.out
        if not isinstance(y, Tensor) or y.ndim:
            got = f"shape {tuple(y.shape)}" if isinstance(y, Tensor) else type(y).__name__
            raise ShapeError(f"grad: the function must return a scalar tensor, got {got}. Hint: .sum(), or jacrev")
        if y.dtype.is_complex:
            raise GradError(f"grad: the function must return a real tensor, got {y.dtype!r}. Hint: .abs() or .real")
        seed = zeros_like(y) + 1
        found = run.arranged(run.pull([seed], run.history, run.history))
        return found, (run.result, run.aux) if has_aux else run.result

    return wrapped


def grad(func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable:
    """A function that returns the gradient of a scalar function by its argument `argnums`; with `has_aux` (gradient, aux)."""
    both = grad_and_value(func, argnums, has_aux)

    @wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        found, value = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return wrapped


def vjp(func: Callable, *primals: Any, has_aux: bool = False) -> tuple:
    """(func(*primals), vjp_fn), and aux with `has_aux`; vjp_fn(cotangents) is the tuple of cotangents^T J, one a primal.

    The cotangents have the structure and shapes of the output. vjp_fn can be called many times, and under `vmap`.
    """
    run = Run("vjp", func, tuple(range(len(primals))), primals, {}, has_aux)

    def vjp_fn(cotangents: Any, retain_graph: bool = True, create_graph: bool | None = None) -> tuple:
        seeds = tensors(cotangents)
        if shaped(cotangents) != shaped(run.out):
            raise GradError(f"vjp: cotangents must have the structure of the output, {shaped(run.out)}, got "
                            f"{shaped(cotangents)}")  # fmt: skip
        if [tuple(g.shape) for g in seeds] != [tuple(y.shape) for y in run.ys]:
            raise ShapeError(f"vjp: cotangents must have the shapes of the output, {[tuple(y.shape) for y in run.ys]}, got "
                             f"{[tuple(g.shape) for g in seeds]}")  # fmt: skip
        create = run.history or any(g.requires_grad for g in seeds) if create_graph is None else create_graph
        return run.arranged(run.pull(seeds, retain_graph, MODE.get().grad and create))

    return (run.result, vjp_fn, run.aux) if has_aux else (run.result, vjp_fn)


def jvp(func: Callable, primals: tuple, tangents: tuple, *, strict: bool = False, has_aux: bool = False) -> tuple:
    """(func(*primals), J tangents), and aux with `has_aux`, in one pass forward.

    `strict` raises GradError for an output that depends on no primal; otherwise its tangent is 0. Raises ShapeError for
    tangents unlike the primals.
    """
    if not isinstance(primals, tuple) or not isinstance(tangents, tuple):
        raise TypeError(f"jvp: primals and tangents must be tuples, got {type(primals).__name__}, {type(tangents).__name__}. "
                        "Hint: (x,)")  # fmt: skip
    xs, ts = leaves(primals), leaves(tangents)
    if len(xs) != len(ts) or not xs:
        raise ShapeError(f"jvp: expected one tangent for each primal, got {len(xs)} primals and {len(ts)} tangents")
    with dual_level() as level:
        duals = filled(primals, [make_dual(x, t, level=level) for x, t in zip(xs, ts, strict=True)])
        out = func(*duals)
        out, aux = out if has_aux else (out, None)
        for y in leaves(out):
            if not isinstance(y, Tensor):
                raise TypeError(f"jvp: the function must return tensors, got {type(y).__name__}")
        pairs = [unpack_dual(y, level=level) for y in leaves(out)]
        aux = mapped(lambda y: unpack_dual(y, level=level).primal if isinstance(y, Tensor) else y, aux)
    if strict and any(pair.tangent is None for pair in pairs):
        raise GradError("jvp: with strict=True every output must depend on the primals, but one does not")
    values = filled(out, [pair.primal for pair in pairs])
    slopes = filled(out, [zeros_like(pair.primal) if pair.tangent is None else pair.tangent for pair in pairs])
    return (values, slopes, aux) if has_aux else (values, slopes)


def all_real(who: str, what: str, xs: list[Tensor]) -> None:
    """Raise GradError for complex tensors, by which there is no single Jacobian."""
    if any(x.dtype.is_complex for x in xs):
        raise GradError(f"{who}: expected all {what} to be real, got complex ones. Hint: view_as_real, or vjp and jvp")


def basis(like: list[Tensor]) -> list[Tensor]:
    """The unit vectors of the space of several tensors together: for each tensor its part of them, stacked in front."""
    sizes = [math.prod(x.shape) for x in like]
    parts = []
    for k, x in enumerate(like):
        rows = eye(sum(sizes), dtype=x.dtype, device=x.device)
        parts.append(reshape(narrow(rows, 1, sum(sizes[:k]), sizes[k]), sum(sizes), *x.shape))
    return parts


def jacrev(
    func: Callable,
    argnums: int | tuple[int, ...] = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
) -> Callable:
    """A function that returns the Jacobian of `func` by reverse mode: all rows in one backward pass, under `vmap`.

    For an output of shape S and an argument of shape T the Jacobian has shape (*S, *T); nests of outputs hold nests of
    arguments. `chunk_size` limits the rows at a time. Best where the output is smaller than the input. What PyTorch does with
    `_preallocate_and_copy` is not needed.
    """
    if chunk_size is not None and not chunk_size > 0:
        raise ValueError(f"jacrev: chunk_size must be None or greater than 0, got {chunk_size!r}")

    @wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        run = Run("jacrev", func, argnums, args, kwargs, has_aux)
        all_real("jacrev", "inputs", run.xs)
        all_real("jacrev", "outputs", run.ys)
        with mode(grad=run.history, rule=() if MODE.get().grad else None):  # a vmap around it records for those outside
            rows = vmap(lambda seeds: tuple(run.pull(seeds, True, run.history)), chunk_size=chunk_size)(basis(run.ys))
        sizes = [math.prod(y.shape) for y in run.ys]
        blocks = [split(x, sizes) for x in rows]  # for each argument, for each output
        found = [run.arranged([reshape(block[k], *y.shape, *x.shape) for block, x in zip(blocks, run.xs, strict=True)])
                 for k, y in enumerate(run.ys)]  # fmt: skip
        return (filled(run.out, found), run.aux) if has_aux else filled(run.out, found)

    return wrapped


def jacfwd(func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False, *, randomness: str = "error") -> Callable:
    """A function that returns the Jacobian of `func` by forward mode: all columns in one pass, under `vmap`.

    Shapes as in `jacrev`. Best where the input is smaller than the output, and outermost in `hessian`.
    """

    @wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        one, nums = isinstance(argnums, int), numbered("jacfwd", argnums, args)
        chosen = tuple(args[n] for n in nums)
        xs = tensors(chosen)
        all_real("jacfwd", "inputs", xs)

        def part(*inside: Any) -> Any:
            new = dict(zip(nums, inside, strict=True))
            out = func(*[new.get(n, arg) for n, arg in enumerate(args)], **kwargs)
            all_real("jacfwd", "outputs", [y for y in leaves(out[0] if has_aux else out) if isinstance(y, Tensor)])
            return out

        def push(directions: list[Tensor]) -> tuple:
            return jvp(part, chosen, filled(chosen, directions), has_aux=has_aux)[1:]

        columns, *aux = vmap(push, out_dims=(0, None) if has_aux else (0,), randomness=randomness)(basis(xs))
        sizes = [math.prod(x.shape) for x in xs]
        found = []
        for column in leaves(columns):
            parts = split(movedim(column, 0, -1), sizes, -1)
            blocks = [reshape(p, *column.shape[1:], *x.shape) for p, x in zip(parts, xs, strict=True)]
            nest = filled(chosen, blocks)
            found.append(nest[0] if one else tuple(nest))
        return (filled(columns, found), aux[0]) if has_aux else filled(columns, found)

    return wrapped


def hessian(func: Callable, argnums: int | tuple[int, ...] = 0) -> Callable:
    """A function that returns the second derivatives of `func`: `jacfwd` of `jacrev`."""
    return jacfwd(jacrev(func, argnums), argnums)


def hvp(func: Callable, primals: tuple, tangents: tuple) -> Any:
    """The Hessian of a scalar function times a vector, without the Hessian: forward mode over reverse mode.

    One product a primal, as a tuple; for one primal the product itself. Source: Pearlmutter 1994.
    """
    one = len(primals) == 1
    return jvp(grad(func, 0 if one else tuple(range(len(primals)))), primals, tangents)[1]
