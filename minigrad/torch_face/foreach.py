"""`_foreach_add_` and the like, by which optimizers step many tensors in one call: here one after another."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from ..core import Tensor
from ..ops.linalg import vector_norm

UNARY = """abs acos asin atan ceil cos cosh erf erfc exp expm1 floor frac lgamma log log10 log1p log2 neg reciprocal round rsqrt
    sigmoid sign sin sinh sqrt tan tanh trunc""".split()
BINARY = "add sub mul div clamp_max clamp_min maximum minimum pow lerp".split()  # a number for all, or an operand for each
TERNARY = "addcdiv addcmul".split()
METHODS = {"maximum": "clamp_min", "minimum": "clamp_max"}  # these take numbers as well


def columns(name: str, tensors: Any, others: Sequence[Any]) -> list[tuple[Any, ...]]:
    """For each tensor its operands: each of `others` is one for all, or a list (a tuple) with one for each.

    Raises RuntimeError for an empty list or lists that are not equally long, TypeError for a tensor in place of a list.
    """
    lists = [x for x in (tensors, *others) if isinstance(x, (list, tuple))]
    if not isinstance(tensors, (list, tuple)) and (name != "_foreach_pow" or isinstance(tensors, Tensor) or not lists):
        raise TypeError(f"{name}: expected a list of tensors, got {type(tensors).__name__}")
    if not lists[0]:
        raise RuntimeError(f"{name}: Tensor list must have at least one tensor")
    if len({len(x) for x in lists}) > 1:
        lengths = " and ".join(str(len(x)) for x in lists)
        raise RuntimeError(f"{name}: Tensor lists must have the same number of tensors, got {lengths}")
    n = len(lists[0])
    return list(zip(*(x if isinstance(x, (list, tuple)) else [x] * n for x in (tensors, *others)), strict=True))


def foreach(name: str, call: Callable) -> Callable:
    """The function `_foreach_name`: the list of what `call` gives for each tensor; the list itself if it writes into them."""
    public, writes = f"_foreach_{name}", name.endswith("_")

    def function(self: Any, *others: Any, **options: Any) -> Any:
        found = tuple([call(*row, **options) for row in columns(public, self, others)])
        return self if writes else found

    function.__name__ = function.__qualname__ = public
    function.__doc__ = f"`{name}` of each tensor of a list, with a number for all of them or an operand for each."
    return function


def method(name: str) -> Callable:
    """The method of a tensor; called of a number, as by _foreach_pow(2.0, exponents), that of its tensor operand."""

    def call(x: Any, *others: Any, **options: Any) -> Tensor:
        return getattr(x, name)(*others, **options) if isinstance(x, Tensor) else x ** others[0]

    return call


def third(name: str) -> Callable:
    """addcdiv and addcmul, whose factor is the third operand here and `value` in the method."""
    return lambda x, tensor1, tensor2, value=1: getattr(x, name)(tensor1, tensor2, value=value)


def spread(call: Callable) -> Callable:
    """A function of lists to which the factors may also come as one tensor, a number for each."""

    @functools.wraps(call)
    def function(self: Any, tensor1: Any, tensor2: Any, value: Any = 1, *, scalars: Any = None) -> Any:
        given = value if scalars is None else scalars
        return call(self, tensor1, tensor2, given.tolist() if isinstance(given, Tensor) else given)

    return function


CALLS = {f"{name}{end}": method(f"{METHODS.get(name, name)}{end}") for name in UNARY + BINARY for end in ("", "_")}
CALLS |= {**{name: method(name) for name in ("max", "clone", "mm", "copy_", "zero_")},
          "norm": lambda x, ord=2, dtype=None: vector_norm(x, ord, dtype=dtype),
          "powsum": lambda x, ord=2, dtype=None: x.abs().pow(ord).sum(dtype=dtype)}  # fmt: skip
FOREACH = {f"_foreach_{name}": foreach(name, call) for name, call in CALLS.items()}
FOREACH |= {f"_foreach_{n}{end}": spread(foreach(f"{n}{end}", third(f"{n}{end}"))) for n in TERNARY for end in ("", "_")}
