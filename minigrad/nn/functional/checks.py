"""What the functions of this folder share: arguments in canonical form, and errors that name what was expected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ...backends import DTypeError, ShapeError
from ...backends.source import advise
from ...core import MODE, Node, Tensor
from ...ops.elementwise import clamp
from ...ops.operands import tensor_of
from ...ops.reduce import mean, sum
from ...ops.shape import reshape_op
from ...ops.update import write

KERNEL = {1: "kW", 2: "kH, kW", 3: "kD, kH, kW"}
IMAGE = {1: "W", 2: "H, W", 3: "D, H, W"}
_broadcast: ContextVar[bool] = ContextVar("minigrad_losses_broadcast", default=False)


def ntuple(who: str, name: str, value: Any, n: int, least: int = 1) -> tuple[int, ...]:
    """An int, or a tuple of one or `n` ints, as a tuple of `n` ints, none below `least`."""
    given = tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
    whole = all(hasattr(v, "__index__") and not isinstance(v, bool) for v in given)
    if not whole or len(given) not in (1, n):
        raise TypeError(f"{who}: {name} must be an int or a tuple of {n} ints, got {value!r}")
    given = tuple(v.__index__() for v in given)
    if min(given) < least:
        raise ShapeError(f"{who}: {name} must be at least {least}, got {value!r}")
    return given if len(given) == n else given * n


def windows(who: str, kernel_size: Any, stride: Any, padding: Any, dilation: Any = 1) -> None:
    """Raise unless these are ints, or tuples of them, that a window can have."""
    for name, value, least in (("kernel_size", kernel_size, 1), ("stride", stride, 1), ("padding", padding, 0),
                               ("dilation", dilation, 1)):  # fmt: skip
        ntuple(who, name, value, len(value) if isinstance(value, (tuple, list)) else 1, least)


def some_sizes(who: str, output_size: Any) -> None:
    """Raise unless this is a size, None (as it is), or several of them."""
    for size in output_size if isinstance(output_size, (tuple, list)) else (output_size,):
        if size is not None and (not hasattr(size, "__index__") or isinstance(size, bool)):
            raise TypeError(f"{who}: output_size must be an int, None or a tuple of them, got {output_size!r}")
        if size is not None and size < 1:
            raise ShapeError(f"{who}: output_size must be at least 1, got {output_size!r}")


def batched(who: str, x: Any, n: int) -> tuple[Tensor, bool]:
    """Images as (N, C, *S) with `n` spatial dimensions, and whether they came in a batch."""
    tensor_of(who, x)
    if x.ndim not in (n + 1, n + 2):
        raise ShapeError(f"{who}: input must be (N, C, {IMAGE[n]}) or (C, {IMAGE[n]}), got {tuple(x.shape)}")
    return (x, True) if x.ndim == n + 2 else (reshape_op(x, shape=(1, *x.shape)), False)


def unbatched(y: Tensor, was_batched: bool) -> Tensor:
    """The result of an image that came alone, without the batch dimension."""
    return y if was_batched else reshape_op(y, shape=tuple(y.shape[1:]))


def one_type(who: str, x: Tensor, other: Tensor, name: str = "weight") -> None:
    """Raise DTypeError unless both tensors have one element type, or autocast will bring them to one."""
    if x.array.dtype is not other.array.dtype and x.dtype is not other.dtype and MODE.get().instead is None:
        raise DTypeError(f"{who}: expected input and {name} of one type, got {x.dtype!r} and {other.dtype!r}. "
                         "Hint: cast one with .to(dtype)")  # fmt: skip


def vector(who: str, name: str, v: Tensor | None, size: int, symbol: str = "C") -> None:
    """Raise ShapeError unless `v` is None or a vector of `size`."""
    if v is not None and tensor_of(who, v, name).array.shape != (size,):
        raise ShapeError(f"{who}: {name} must be ({symbol}) = ({size},), got {tuple(v.shape)}")


def probability(who: str, p: float) -> None:
    """Raise ValueError unless 0 <= p <= 1."""
    if not 0 <= p <= 1:
        raise ValueError(f"{who}: dropout probability has to be between 0 and 1, but got {p}")


def reduction_of(who: str, reduction: str, size_average: Any, reduce: Any, more: tuple[str, ...] = ()) -> str:
    """The kind of reduction, also from the two arguments that PyTorch has retired."""
    if size_average is not None or reduce is not None:
        for name, given in (("size_average", size_average), ("reduce", reduce)):
            if isinstance(given, Tensor):
                hint = f"{who}()(input, target)" if who[0].isupper() else "reduction="
                raise TypeError(
                    f"{who}: {name} must be True or False, got a tensor of shape {tuple(given.shape)}. Hint: {hint}"
                )
        kept = reduce is None or reduce
        reduction = "none" if not kept else "mean" if size_average is None or size_average else "sum"
        advise(f"size_average and reduce args will be deprecated, please use reduction={reduction!r} instead.")
    if reduction not in ("none", "mean", "sum", *more):
        raise ValueError(f"{who}: {reduction!r} is not a valid value for reduction. "
                         f"Hint: one of {', '.join(('none', 'mean', 'sum', *more))}")  # fmt: skip
    return reduction


def reduced(loss: Tensor, reduction: str) -> Tensor:
    """The losses themselves, their mean or their sum."""
    return mean(loss) if reduction == "mean" else sum(loss) if reduction == "sum" else loss


@contextmanager
def broadcasting() -> Iterator[None]:
    """A block in which those losses that broadcast in PyTorch do so here too, with its warning."""
    token = _broadcast.set(True)
    try:
        yield
    finally:
        _broadcast.reset(token)


def same_shape(who: str, x: Any, target: Any, name: str = "target") -> None:
    """Raise ShapeError unless both have one shape: a loss never broadcasts."""
    if tensor_of(who, x).shape != tensor_of(who, target, name).shape:
        if _broadcast.get() and who in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"):
            advise(
                f"{who}: using a {name} size {tuple(target.shape)} that is different to the input size {tuple(x.shape)}. "
                "They broadcast, which likely gives another loss than you mean."
            )
            return
        raise ShapeError(f"{who}: input and {name} must have one shape, got {tuple(x.shape)} and "
                         f"{tuple(target.shape)}. Hint: losses do not broadcast; reshape one of them")  # fmt: skip


def placed(who: str, x: Tensor, compute: Any, inplace: bool) -> Tensor:
    """compute(x); with `inplace` written into x, of which a copy goes into the graph."""
    tensor_of(who, x)
    if not inplace:
        return compute(x)
    return write(who, x, compute(x.clone() if x.requires_grad else x))


def at_least(x: Tensor, least: float) -> Tensor:
    """max(x, least) with slope 1 everywhere, as PyTorch guards a divisor."""
    fixed = x.detach()
    return x + (clamp(fixed, min=least) - fixed)


def wide(x: Tensor) -> str:
    """The type in which noise for x is made."""
    return "float64" if x.dtype.name == "float64" else "float32"


def maker_of(x: Tensor) -> str | None:
    """The name of the op that made x, perhaps seen through views; None for a leaf."""
    node = x.node
    while node is not None and node.op.kind == "view" and isinstance(node.parents[0], Node):
        node = node.parents[0]
    return None if node is None else node.op.name
