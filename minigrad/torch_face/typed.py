"""PyTorch's old constructors: `Tensor(2, 3)`, `FloatTensor([1, 2])`, `LongTensor(array)`; `isinstance` knows them too."""

from __future__ import annotations

from operator import index
from typing import Any

from .. import core
from ..backends import Size, get_default_dtype, is_array
from ..backends import dtype as as_dtype
from ..backends.dtypes import TENSOR_TYPES
from ..ops.create import as_tensor, tensor, zeros
from ..ops.sparse import sparse_coo_tensor


def made(who: str, dtype: Any, device: Any, data: tuple) -> core.Tensor:
    """A tensor of sizes, or of a list, an array or a tensor. New elements are 0, so that no run depends on old memory."""
    if len(data) == 1 and isinstance(data[0], core.Tensor):
        return as_tensor(data[0].detach(), dtype=dtype, device=device)
    listed = len(data) == 1 and not isinstance(data[0], Size) and (isinstance(data[0], (list, tuple)) or is_array(data[0]))
    if listed and getattr(data[0], "ndim", None) != 0:
        return tensor(data[0], dtype=dtype, device=device)
    sizes = data[0] if data and isinstance(data[0], Size) else data or (0,)
    try:
        return zeros(*map(index, sizes), dtype=dtype, device=device)
    except TypeError:
        got = ", ".join(type(d).__name__ for d in data)
        raise TypeError(f"{who}: expected sizes, a list, an array or a tensor, got {got}. Hint: minigrad.tensor(...)") from None


class TypedMeta(type):
    """The type of `FloatTensor`, `LongTensor` ...: calling one makes a plain tensor of its element type."""

    name: str  # the element type's, so that `x.type(FloatTensor)` and `dtype=` understand it
    device: str

    def __call__(cls, *data: Any) -> core.Tensor:
        return made(cls.__name__, as_dtype(cls.name), cls.device, data)

    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, core.Tensor) and x.dtype.name == cls.name and x.device.type == cls.device


class TensorMeta(type):
    """The type of `Tensor` as users see it: the engine's Tensor, that can also be called with sizes or data."""

    def __call__(cls, *data: Any, device: Any = None, **options: Any) -> Any:
        if cls is Tensor and not options:
            return made("Tensor", get_default_dtype(), device, data)
        if cls is Tensor and not options.keys() <= {"node", "wants"}:
            raise TypeError(
                f"Tensor: unexpected keyword argument {next(iter(options))!r}. Hint: minigrad.tensor(data, dtype=...)"
            )
        return super().__call__(*data, **options)

    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, core.Tensor) if cls is Tensor else super().__instancecheck__(x)

    def __subclasscheck__(cls, kind: type) -> bool:
        return issubclass(kind, core.Tensor) if cls is Tensor else super().__subclasscheck__(kind)

    def __eq__(cls, other: object) -> bool:  # `type(x) == Tensor`
        return cls is other or (cls is Tensor and other is core.Tensor)

    def __hash__(cls) -> int:
        return hash(core.Tensor) if cls is Tensor else super().__hash__()

    def __setattr__(cls, name: str, value: object) -> None:  # `Tensor.method = function` is for every tensor
        setattr(core.Tensor, name, value) if cls is Tensor else super().__setattr__(name, value)

    def __delattr__(cls, name: str) -> None:
        delattr(core.Tensor, name) if cls is Tensor else super().__delattr__(name)


class Tensor(core.Tensor, metaclass=TensorMeta):
    """The type of all tensors. `Tensor(2, 3)` makes one of a shape, `Tensor([1, 2])` one of data, of the default type."""

    __slots__ = ()


def typed(device: str) -> dict[str, type]:
    """`FloatTensor` and its likes for one device."""
    return {kind: TypedMeta(kind, (), {"name": t.name, "device": device}) for kind, t in TENSOR_TYPES.items()}


def typed_sparse(device: str = "cpu") -> dict[str, Any]:
    """`sparse.FloatTensor` and its likes: (indices, values, size) or sizes alone, as a sparse tensor of that type."""

    def kind(name: str) -> Any:
        def make(*data: Any) -> Any:
            of = data if data and isinstance(data[0], core.Tensor) else (tuple(data),)
            return sparse_coo_tensor(*of, dtype=name, device=device)

        make.__doc__ = f"A sparse tensor of {name}: of indices, values and size, or of sizes alone."
        return make

    return {name: kind(t.name) for name, t in TENSOR_TYPES.items()}
