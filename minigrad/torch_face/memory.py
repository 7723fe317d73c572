"""The memory behind tensors: storages, numbers in a file, and DLPack, by which libraries lend each other arrays."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..backends import GradError
from ..backends import dtype as as_dtype
from ..core import Tensor
from ..ops.create import from_numpy, zeros
from ..ops.methods import owner
from ..ops.operands import tensor_of

# -- storages --------------------------------------------------------------------------------------------------------------


class UntypedStorage:
    """The bytes of a tensor's memory, which views of it share, or as many new ones. Writes are seen by all."""

    def __init__(self, tensor: Tensor | int) -> None:
        self.tensor = owner(tensor) if isinstance(tensor, Tensor) else zeros(tensor, dtype="uint8")
        order = sorted(range(self.tensor.ndim), key=lambda d: -self.tensor.stride(d))
        self.flat = self.tensor.detach().permute(order).reshape(-1).view(as_dtype("uint8"))

    def data_ptr(self) -> int:
        """The address of the first byte."""
        return self.tensor.data_ptr()

    def nbytes(self) -> int:
        """How many bytes."""
        return self.tensor.nbytes

    def size(self) -> int:
        """How many elements: bytes."""
        return len(self)

    def element_size(self) -> int:
        """How many bytes an element takes."""
        return self.flat.dtype.itemsize

    def tolist(self) -> list:
        """All elements."""
        return self.flat.tolist()

    def __len__(self) -> int:
        return self.flat.numel()

    def __getitem__(self, index: Any) -> Any:
        return self.flat[index].tolist()

    def __setitem__(self, index: Any, value: Any) -> None:
        self.flat[index] = value

    @property
    def device(self) -> Any:
        """Where the memory is."""
        return self.tensor.device

    def __repr__(self) -> str:
        lines = "\n".join(f" {x}" for x in self.tolist())
        return f"{lines}\n[minigrad.storage.{type(self).__name__}({self.kind()}device={self.device}) of size {len(self)}]"

    def kind(self) -> str:
        return ""


class TypedStorage(UntypedStorage):
    """The memory of a tensor as numbers of its type."""

    def __init__(self, tensor: Tensor | int, *, dtype: Any = None) -> None:
        super().__init__(tensor if isinstance(tensor, Tensor) else zeros(tensor, dtype=dtype))
        self.flat = self.flat.view(self.tensor.dtype)
        self.dtype = self.tensor.dtype

    def kind(self) -> str:
        return f"dtype={self.dtype!r}, "

    def untyped(self) -> UntypedStorage:
        """The same memory as bytes."""
        return UntypedStorage(self.tensor)


def storage(self: Tensor) -> TypedStorage:
    """The memory of this tensor, under PyTorch's old name."""
    warnings.warn("TypedStorage is deprecated. Hint: tensor.untyped_storage()", UserWarning, stacklevel=3)
    return TypedStorage(self)


def is_storage(obj: Any) -> bool:
    """Whether `obj` is a storage."""
    return isinstance(obj, UntypedStorage)


# -- files -----------------------------------------------------------------------------------------------------------------


def from_file(
    filename: str, shared: bool | None = None, size: int = 0, *, dtype: Any = None, layout: Any = None, device: Any = None,
    pin_memory: bool = False, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """The first `size` numbers of a file as a vector on the file's own memory, read when they are needed.

    With `shared` what is written goes to the file, which is made or made longer if need be; else to this process alone.
    Raises RuntimeError for a file that is too short.
    """
    if not isinstance(filename, (str, os.PathLike)) or "\0" in str(filename):
        raise TypeError(f"from_file: filename must be a path, got {type(filename).__name__} {filename!r:.60}")
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise ValueError(f"from_file: size must be a whole number from 0, got {size!r}")
    kind = as_dtype(dtype or "float32")
    need, there = size * kind.itemsize, os.path.getsize(filename) if os.path.exists(filename) or not shared else 0
    if shared and there < need:
        with open(filename, "ab") as file:
            file.truncate(need)
    elif there < need:
        raise RuntimeError(f"from_file: {filename} has {there} bytes, {size} numbers of {kind!r} take {need}")
    array = np.memmap(filename, kind.name, "r+" if shared else "c", shape=(size,)) if size else np.empty(0, kind.name)
    return from_numpy(np.asarray(array)).to(device=device).requires_grad_(requires_grad)


# -- DLPack ----------------------------------------------------------------------------------------------------------------


class Capsule:
    """What `to_dlpack` of any library gave, as an object that NumPy takes. Such a capsule can't say whether its memory may be
    written, so NumPy refuses to; as PyTorch does, it is taken as what may."""

    def __init__(self, capsule: Any) -> None:
        self.capsule = capsule
        self.array = np.from_dlpack(self)
        self.__array_interface__ = {**self.array.__array_interface__, "data": (self.array.ctypes.data, False)}

    def __dlpack__(self, **_: Any) -> Any:
        return self.capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)  # the CPU


def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """An array of another library (or what its `to_dlpack` gave) as a tensor on the same memory, if that may be written."""
    if isinstance(ext_tensor, Tensor):
        ext_tensor = ext_tensor.detach()
    array = np.from_dlpack(ext_tensor) if hasattr(ext_tensor, "__dlpack__") else np.asarray(Capsule(ext_tensor))
    return from_numpy(array.copy() if copy or not array.flags.writeable else array).to(device=device)


def dlpack(self: Tensor, **options: Any) -> Any:
    """The memory of this tensor for another library. Raises GradError for a tensor that requires grad."""
    if self.requires_grad:
        raise GradError("__dlpack__: Can't export tensors that require gradient. Hint: tensor.detach()")
    return self.array.__dlpack__(**options)


def to_dlpack(tensor: Tensor) -> Any:
    """A capsule with the memory of a tensor, for another library's `from_dlpack`."""
    return dlpack(tensor_of("to_dlpack", tensor, "tensor"))


METHODS: dict[str, Callable] = {
    "untyped_storage": lambda self: UntypedStorage(self), "storage": storage, "__dlpack__": dlpack,
    "__dlpack_device__": lambda self: self.array.__dlpack_device__(),
}  # fmt: skip
STORAGE: dict[str, Any] = {"UntypedStorage": UntypedStorage, "TypedStorage": TypedStorage}
TORCH: dict[str, Any] = {**STORAGE, "is_storage": is_storage, "from_file": from_file, "from_dlpack": from_dlpack}
DLPACK = {"from_dlpack": from_dlpack, "to_dlpack": to_dlpack}
