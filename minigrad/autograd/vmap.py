"""vmap: a function of one example, run on many at once. Inside, every op is replaced by its batching rule."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn

from ..backends import Backend, GradError, backend_of, claim, is_array
from ..core import MODE, Op, Tensor, mode
from ..ops.arithmetic import expand
from ..ops.shape import cat, movedim, narrow, stack
from .batching import batch
from .listener import Listener
from .tree import filled, leaves, spread


class Batched:
    """What stands for an array inside `vmap`: it looks like one example, and holds all of them in dimension 0 of `value`.

    `many` is false if the value is one for all examples; `level` is the call of vmap it belongs to.
    """

    __slots__ = ("level", "value", "many", "shape", "dtype")

    def __init__(self, level: Level, value: Tensor, many: bool) -> None:
        self.level, self.value, self.many = level, value, many
        self.shape = tuple(value.shape)[many:]
        self.dtype = value.array.dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return self.value.array.size // (self.level.size if self.many else 1)

    @property
    def strides(self) -> tuple:
        return tuple(self.value.array.strides)[self.many :]


class Namespace:
    """The array functions that code outside of ops may call: checks of a range look at all examples."""

    def __init__(self, backend: Backend) -> None:
        self.inner = backend.xp

    def min(self, x: Batched) -> Any:
        return x.value.backend.xp.min(x.value.array)  # of another vmap's, where these nest

    def max(self, x: Batched) -> Any:
        return x.value.backend.xp.max(x.value.array)

    def asarray(self, x: Any, copy: bool | None = None) -> Any:
        return x

    def __getattr__(self, name: str) -> Any:
        if name.rstrip("0123456789") in ("int", "uint", "float", "complex", "bool", "empty", "bfloat"):
            return getattr(self.inner, name)
        raise GradError("a tensor of a vmapped function is used outside of it, or in a way that vmap does not know. "
                        "Hint: return it from the function")  # fmt: skip


def to_host(x: Batched) -> NoReturn | Any:
    """The elements, if they are the same for all examples."""
    if x.many:
        raise GradError("vmap: .item(), .numpy(), bool() and printing need numbers, but this tensor stands for another one in "
                        "each example. Hint: minigrad.where in the place of if")  # fmt: skip
    return x.value.backend.to_host(x.value.array)


def all_below(b: Backend, x: Batched, count: int) -> bool:
    """Whether all indices of all examples are in the range 0 ... count - 1."""
    return x.value.backend.all_below(x.value.array, count)


_kinds: dict[str, type] = {}


def kind_on(b: Backend) -> type:
    """The type of Batched that stands for arrays of a backend's device."""
    name = str(b.device)
    if name not in _kinds:
        kind = _kinds[name] = type("Batched", (Batched,), {"__slots__": ()})
        kernels = {"all_below": all_below}
        claim(Backend("vmap", Namespace(b), b.device, kind, kernels, to_host, b.from_host, owns=owns, shares=shares))
    return _kinds[name]


def owns(x: Batched) -> bool:
    """Whether no other array shares the memory of the values."""
    return x.value.backend.owns(x.value.array)


def shares(view: Any, x: Any) -> bool:
    """Whether the values behind two arrays lie in the same memory."""
    a, b = (t.value.array if isinstance(t, Batched) else t for t in (view, x))
    return backend_of(a).shares(a, b)


class Twin(Op):
    """An op as it is inside one call of vmap: the same rules, and a kernel that runs the batching rule."""

    def __init__(self, op: Op, level: Level) -> None:
        self.__dict__.update(copy.copy(op).__dict__, plans={}, fused=None)
        self.kernel = lambda b, *arrays, **options: level.run(op, arrays, options)


class Level(Listener):
    """One call of vmap while it runs. As a listener it hears nothing, but has backpropagation pass the door."""

    def __init__(self, size: int, randomness: str) -> None:
        self.size, self.randomness = size, randomness
        self.outer = MODE.get()
        self.known: dict[int, Tensor] = {}  # tensors from outside, by their arrays
        self.twins: dict[str, Twin] = {}

    def instead(self, op: Op, args: tuple) -> Callable:
        """What runs in the place of an op: a composite op's definition, or its twin."""
        if isinstance(op, Twin):
            return op
        if op.definition is not None:
            return op.definition
        given = [a for a in args if isinstance(a, Tensor)]
        if not given and op.kind != "create":
            return op  # on bare arrays, which are none of ours
        for a in given:
            if not (isinstance(a.array, Batched) and a.array.level is self):
                self.known.setdefault(id(a.array), a)
        if op.saves:
            raise NotImplementedError(f"{op.name}: vmap has no batching rule for this op. Hint: loop over the examples")
        if op.name not in self.twins:
            self.twins[op.name] = Twin(op, self)
        twin = self.twins[op.name]
        if any(isinstance(a, Batched) for a in args):
            return lambda *args, **options: twin(*[Tensor(a) if is_array(a) else a for a in args], **options)
        return twin

    def run(self, op: Op, arrays: tuple, options: dict) -> Any:
        """The kernel of an op's twin: the op itself on all examples at once, under the modes outside of vmap."""
        pairs = [self.physical(a) for a in arrays]
        values, many = [x for x, _ in pairs], [m for _, m in pairs]
        with self.within():
            if "generator" in op.defaults:
                y, some = self.drawn(op, values, many, options)
            else:
                some = any(many)
                y = batch(op, self.size, values, many, options)
        return arrays[0] if op.kind == "update" else kind_on(y.backend)(self, y, some)

    def within(self) -> mode:
        """The modes outside of this call, for what its ops do; gradients are recorded unless the function said not to."""
        now = MODE.get()
        grad = self.outer.grad and (now.grad or now.rule is not None)
        return mode(grad=grad, listeners=self.outer.listeners, instead=self.outer.instead)

    def inside(self, value: Tensor, many: bool) -> Tensor:
        """A tensor from outside as one inside."""
        return Tensor(kind_on(value.backend)(self, value, many))

    def close(self) -> None:
        """Let go of the twins, which refer back to this call."""
        self.twins.clear()
        self.known.clear()

    def physical(self, a: Any) -> tuple[Any, bool]:
        """The tensor behind an array inside, as it is outside, and whether it holds many examples."""
        if isinstance(a, Batched) and a.level is self:
            return a.value, a.many
        return (self.known.get(id(a), Tensor(a)) if is_array(a) else a), False

    def drawn(self, op: Op, values: list, many: list[bool], options: dict) -> tuple[Tensor, bool]:
        """A random op: refused, drawn once for all examples, or once for each, as `randomness` says."""
        if self.randomness == "error":
            raise GradError(f"{op.name}: vmap was called with randomness='error', so random ops are refused. "
                            "Hint: randomness='different' draws for each example, 'same' once for all")  # fmt: skip
        if self.randomness == "same":
            if any(many):
                raise GradError(f"{op.name}: vmap with randomness='same' can't draw from numbers that differ between examples. "
                                "Hint: randomness='different'")  # fmt: skip
            return op(*values, **options), False
        if "shape" in options and not values:
            return op(**{**options, "shape": (self.size, *options["shape"])}), True
        if any(many):
            return batch(op, self.size, values, many, options), True
        return stack([op(*values, **options) for _ in range(self.size)]), True

    def examples(self, func: Callable, args: tuple, xs: list, many: list[bool], kwargs: dict, out_dims: Any) -> Any:
        """The results of `func`, with the examples stacked at `out_dims`; `xs`, in the place of the leaves of `args`, have
        them in front where `many` says so."""
        inner = [self.inside(x, True) if m else x for x, m in zip(xs, many, strict=True)]
        try:
            with mode(listeners=(self,), instead=self.instead):
                out = func(*filled(args, inner), **kwargs)
            if isinstance(out, Tensor) and isinstance(out_dims, tuple) and len(out_dims) == 1:
                out_dims = out_dims[0]
            dims = spread(out_dims, out, "vmap: out_dims")
            return filled(out, [self.stacked(y, d) for y, d in zip(leaves(out), dims, strict=True)])
        finally:
            self.close()

    def stacked(self, y: Any, dim: int | None) -> Tensor:
        """A result for the outside, with the examples at `dim`."""
        if not isinstance(y, Tensor):
            raise ValueError(f"vmap: the function must return tensors, got {type(y).__name__}")
        ours = isinstance(y.array, Batched) and y.array.level is self
        value, many = (y.array.value, y.array.many) if ours else (y, False)
        if dim is None:
            if many:
                raise ValueError("vmap: a result differs between examples, so its out_dim can't be None")
            return value
        value = value if many else expand(value, shape=(self.size, *value.shape))
        return movedim(value, 0, dim)


def vmap(
    func: Callable, in_dims: Any = 0, out_dims: Any = 0, randomness: str = "error", *, chunk_size: int | None = None
) -> Callable:
    """A function that runs `func` on every slice of its arguments at once, and stacks the results.

    in_dims     the dimension of each argument to slice, None for one that is the same for all; a nest like the arguments
    out_dims    where the examples go in the results
    randomness  of random ops inside: "error" refuses them, "same" draws once, "different" for every example
    chunk_size  at most so many examples at a time

    No loop: each op runs once, by its batching rule. Nests with the derivatives, in any order. Raises ValueError for dims
    that don't match, and NotImplementedError that names the op where there is no rule.
    Source: the transformation of JAX (Bradbury et al. 2018), with PyTorch's arguments.
    """
    if randomness not in ("error", "same", "different"):
        raise ValueError(f"vmap: randomness must be 'error', 'same' or 'different', got {randomness!r}")
    if chunk_size is not None and not chunk_size > 0:
        raise ValueError(f"vmap: chunk_size must be None or positive, got {chunk_size!r}")

    @wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        given = leaves(args)
        dims = spread(tuple(in_dims) if isinstance(in_dims, list) else in_dims, args, "vmap: in_dims")
        size = size_of(given, dims)
        xs = [x if d is None else movedim(x, d, 0) for x, d in zip(given, dims, strict=True)]
        step = min(chunk_size or size, size) or 1
        parts = []
        for start in range(0, max(size, 1), step):
            count = min(step, size - start)
            some = (
                [x if d is None else narrow(x, 0, start, count) for x, d in zip(xs, dims, strict=True)] if count < size else xs
            )
            level = Level(count, randomness)
            parts.append(level.examples(func, args, some, [d is not None for d in dims], kwargs, out_dims))
        return parts[0] if len(parts) == 1 else joined(parts, out_dims)

    return wrapped


def size_of(xs: list, dims: list) -> int:
    """How many examples there are. Raises ValueError if the arguments disagree or none is sliced."""
    sizes = []
    for x, d in zip(xs, dims, strict=True):
        if d is None:
            continue
        if not isinstance(x, Tensor):
            raise ValueError(f"vmap: got in_dim={d} for an argument of type {type(x).__name__}; only tensors can be sliced. "
                             "Hint: None as its in_dim")  # fmt: skip
        if not isinstance(d, int) or not x.ndim:
            raise ValueError(f"vmap: in_dim must be None or a dimension of the argument, got {d!r} for shape {tuple(x.shape)}")
        if not -x.ndim <= d < x.ndim:
            raise ValueError(f"vmap: in_dim must be in the range [{-x.ndim}, {x.ndim - 1}] for shape {tuple(x.shape)}, got {d}")
        sizes.append(x.shape[d])
    if len(set(sizes)) != 1:
        found = f"sizes {sorted(set(sizes))}" if sizes else "no sliced argument"
        raise ValueError(f"vmap: expected sliced dimensions of one size, got {found}. Hint: in_dims")
    return sizes[0]


def joined(parts: list, out_dims: Any) -> Any:
    """The results of all chunks, one after another."""
    columns = zip(*(leaves(part) for part in parts), strict=True)
    dims = spread(out_dims, parts[0], "vmap: out_dims")
    return filled(parts[0], [column[0] if d is None else cat(column, d) for column, d in zip(columns, dims, strict=True)])
