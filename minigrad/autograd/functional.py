"""`autograd.functional`: derivatives at a point, with PyTorch's arguments. `minigrad.func` has them as functions that nest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..backends import GradError, ShapeError
from ..core import Tensor, mode
from ..ops.create import ones_like, zeros, zeros_like
from ..ops.shape import reshape, stack
from . import transforms
from .backward import grad
from .transforms import basis, entered
from .tree import mapped


def listed(who: str, what: str, given: Any) -> tuple[bool, tuple[Tensor, ...]]:
    """Whether a single tensor was given, and those given as a tuple. Raises TypeError for anything else."""
    found = (given,) if isinstance(given, Tensor) else tuple(given) if isinstance(given, (tuple, list)) else (given,)
    for x in found:
        if not isinstance(x, Tensor):
            raise TypeError(f"{who}: {what} must be a tensor or a tuple of tensors, got {type(x).__name__}")
    return isinstance(given, Tensor), found


class Point:
    """A function's outputs at fresh leaves in the place of its inputs, which keep their history with `create_graph`."""

    def __init__(self, who: str, func: Callable, inputs: Any, create_graph: bool, strict: bool) -> None:
        self.who, self.create, self.strict = who, create_graph, strict
        self.one_input, given = listed(who, "inputs", inputs)
        for k, x in enumerate(given):
            if not x.dtype.is_inexact:
                raise GradError(f"{who}: inputs must be floating tensors, got {x.dtype!r} at {k}. Hint: .float()")
        with mode(grad=True):
            self.xs = [entered(x if create_graph else x.detach()) for x in given]
            out = func(*self.xs)
        self.one_output, ys = listed(who, "the outputs of the function", out)
        self.ys = list(ys)
        for y in self.ys:
            if strict and not y.requires_grad:
                raise GradError(f"{who}: with strict=True every output must depend on the inputs, but one of shape "
                                f"{tuple(y.shape)} does not")  # fmt: skip

    def scalar(self) -> Tensor:
        """The only output, of one element."""
        if not self.one_output or self.ys[0].array.size != 1:
            raise ShapeError(f"{self.who}: the function must return one tensor of a single element, got "
                             f"{[tuple(y.shape) for y in self.ys]}")  # fmt: skip
        return self.ys[0]

    def directions(self, v: Any, like: list[Tensor], what: str) -> list[Tensor]:
        """The vector to multiply by, checked; a single one for None, if that is all there can be."""
        if v is None:
            if len(like) != 1 or like[0].array.size != 1:
                raise GradError(f"{self.who}: v can only be left out if the {what} has a single element")
            return [ones_like(like[0])]
        vs = [v] if isinstance(v, Tensor) else list(v)
        if [tuple(x.shape) for x in vs] != [tuple(x.shape) for x in like]:
            raise ShapeError(f"{self.who}: v must have the shapes of the {what}, {[tuple(x.shape) for x in like]}, got "
                             f"{[tuple(x.shape) for x in vs]}")  # fmt: skip
        return vs

    def pulled(self, ys: list[Tensor], seeds: list[Tensor], create: bool) -> list[Tensor]:
        """The gradients of the inputs, zeros where the outputs do not depend on them (an error if strict)."""
        pairs = [(y, g) for y, g in zip(ys, seeds, strict=True) if y.requires_grad]
        found = self.gradients(pairs, create) if pairs else [None] * len(self.xs)
        return [self.there(g, x, k) for k, (g, x) in enumerate(zip(found, self.xs, strict=True))]

    def gradients(self, pairs: list[tuple], create: bool) -> tuple[Tensor | None, ...]:
        ys, gs = zip(*pairs, strict=True)
        return grad(ys, self.xs, gs, True, create, allow_unused=True)

    def there(self, g: Tensor | None, x: Tensor, k: int) -> Tensor:
        if g is None and self.strict:
            raise GradError(f"{self.who}: with strict=True the output must depend on every input, but not on input {k}")
        return zeros_like(x) if g is None else g

    def sloped(self, slopes: list[Tensor]) -> list[Tensor]:
        """The slopes of a function whose own derivatives are asked for; an error if strict and one is constant."""
        for k, slope in enumerate(slopes):
            if self.strict and not slope.requires_grad:
                raise GradError(f"{self.who}: with strict=True the derivative must depend on the inputs, but that by input "
                                f"{k % len(self.xs)} does not")  # fmt: skip
        return slopes

    def outputs(self) -> Any:
        """The function's outputs."""
        return self.arranged(self.ys, self.one_output)

    def arranged(self, values: list[Tensor], one: bool) -> Any:
        """One value or a tuple, without history unless it was asked for."""
        ready = [x if self.create else x.detach() for x in values]
        return ready[0] if one else tuple(ready)


def vjp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple:
    """(func(*inputs), v^T J): the gradients of the inputs for the gradients `v` of the outputs.

    `strict` raises GradError where an output does not depend on an input; otherwise its part is 0.
    """
    at = Point("vjp", func, inputs, create_graph, strict)
    vs = at.directions(v, at.ys, "output")
    return at.outputs(), at.arranged(at.pulled(at.ys, vs, create_graph), at.one_input)


def jvp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple:
    """(func(*inputs), J v), by forward mode."""
    at = Point("jvp", func, inputs, create_graph, strict)
    vs = at.directions(v, at.xs, "input")
    if strict:
        at.pulled(at.ys, at.ys, False)  # raises for an input that the outputs don't depend on
    given = (inputs,) if at.one_input else tuple(inputs)
    with mode(grad=create_graph):
        out = transforms.jvp(func, given, tuple(vs))[1]
    return at.outputs(), at.arranged([out] if at.one_output else list(out), at.one_output)


def jacobian(
    func: Callable,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The derivative of each output by each input, of shape (*output, *input); a tuple for several, outputs first.

    Row by row, or with `vectorize` all rows at once under `vmap`; `strategy="forward-mode"` takes columns and needs
    `vectorize`. `strict`, which goes without it, raises GradError for an output that does not depend on an input, and with
    `create_graph` for a derivative that does not.
    """
    if strategy not in ("reverse-mode", "forward-mode"):
        raise ValueError(f"jacobian: strategy must be 'reverse-mode' or 'forward-mode', got {strategy!r}")
    if strategy == "forward-mode":
        if strict or not vectorize:
            raise NotImplementedError("jacobian: strategy='forward-mode' needs vectorize=True and strict=False")
        one, given = listed("jacobian", "inputs", inputs)
        with mode(grad=create_graph):
            found = transforms.jacfwd(func, 0 if one else tuple(range(len(given))))(*given)
        return found if create_graph else mapped(lambda x: x.detach(), found)
    if strict and vectorize:
        raise RuntimeError("jacobian: `strict=True` and `vectorize=True` are not supported together. Hint: one of them")
    at = Point("jacobian", func, inputs, create_graph, strict)
    transforms.all_real("jacobian", "outputs", at.ys)
    rows_of = []
    for y in at.ys:
        seeds = basis([y])[0]
        if vectorize and y.requires_grad:
            columns: tuple = grad(y, at.xs, seeds, True, create_graph, materialize_grads=not strict, is_grads_batched=True)
        elif not seeds.array.size:
            columns = tuple(zeros(0, *x.shape, dtype=x.dtype, device=x.device) for x in at.xs)
        else:
            rows = [at.pulled([y], [seed], create_graph) for seed in seeds]
            if create_graph:
                at.sloped([slope for row in rows for slope in row])
            columns = tuple(stack(column) for column in zip(*rows, strict=True))
        blocks = [reshape(g, *y.shape, *x.shape) for g, x in zip(columns, at.xs, strict=True)]
        rows_of.append(at.arranged(blocks, at.one_input))
    return rows_of[0] if at.one_output else tuple(rows_of)


def hessian(
    func: Callable,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The second derivatives of a scalar function, of shape (*input, *input); for several inputs a tuple of tuples."""

    def slopes(*xs: Tensor) -> Any:
        at = Point("hessian", func, xs, True, strict)
        y = at.scalar()
        return at.arranged(at.pulled([y], [ones_like(y)], True), isinstance(inputs, Tensor))

    return jacobian(slopes, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)


def vhp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple:
    """(func(*inputs), v^T H) for a scalar function, by reverse mode twice."""
    at = Point("vhp", func, inputs, create_graph, strict)
    vs = at.directions(v, at.xs, "input")
    y = at.scalar()
    slopes = at.pulled([y], [ones_like(y)], True)
    return at.outputs(), at.arranged(at.pulled(slopes, vs, create_graph), at.one_input)


def hvp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple:
    """(func(*inputs), H v) for a scalar function, by forward mode over reverse mode: one pass less than `vhp`."""
    at = Point("hvp", func, inputs, create_graph, strict)
    vs = at.directions(v, at.xs, "input")
    y = at.scalar()
    if strict:
        at.sloped(at.pulled([y], [ones_like(y)], True))
    given = (inputs,) if at.one_input else tuple(inputs)
    with mode(grad=create_graph):
        found = transforms.hvp(lambda *xs: func(*xs).sum(), given, tuple(vs))
    return at.outputs(), at.arranged([found] if at.one_input else list(found), at.one_input)
