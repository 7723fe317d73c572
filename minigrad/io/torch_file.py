"""Files that PyTorch's `torch.save` wrote: tensors, and dicts, lists and plain values of them, read without running them.

Such a file is a pickle, and the memory of its tensors beside it: since PyTorch 1.6 in a zip archive, before it one after the
other. The pickle is read by a machine that calls nothing (`plain_pickle.py`), and of what it names only what is listed here has
a meaning. Source: torch/serialization.py and torch/_utils.py say what is written.
"""

from __future__ import annotations

import math
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np

from ..backends import NUMPY, Device, Size
from ..backends import dtype as as_dtype
from ..core import Tensor
from ..ops.sparse import sparse_coo_tensor
from ..plain_pickle import Applied, Machine, Name, Persistent
from .layout import ZIP

MAGIC = 0x1950A86A20F9469CFC6C  # what a file from before PyTorch 1.6 begins with, as a number
STORAGES = {
    "DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16", "BFloat16Storage": "bfloat16",
    "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8", "ByteStorage": "uint8",
    "BoolStorage": "bool", "ComplexFloatStorage": "complex64", "ComplexDoubleStorage": "complex128",
}  # fmt: skip
PLAIN = (str, bytes, int, float, bool, type(None))
DEEPEST = 300  # lists in lists


def read_torch_file(file: BinaryIO, size: int, device: Device) -> Any:
    """What an open file of `size` bytes holds. Raises ValueError for anything but tensors and plain values."""
    start = file.tell()
    first = file.read(8)
    file.seek(start)
    try:
        return from_archive(file, size, device) if first.startswith(ZIP) else from_stream(file.read(size), device)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise ValueError(f"corrupt archive: {error}") from None
    except (LookupError, TypeError, AttributeError, OverflowError, UnicodeDecodeError) as error:
        raise ValueError(f"corrupt: {error or type(error).__name__}") from None


def from_archive(file: BinaryIO, size: int, device: Device) -> Any:
    """The value of a zip archive: `data.pkl`, and the memory of each tensor in `data/`."""
    with zipfile.ZipFile(file) as archive:
        entries = {info.filename: info for info in archive.infolist()}
        if any(info.compress_type != zipfile.ZIP_STORED for info in entries.values()) or (
            sum(info.file_size for info in entries.values()) > size
        ):
            raise ValueError("corrupt archive: its entries must be stored, each once, as torch.save does")
        names = [name for name in entries if name.endswith("/data.pkl")]
        if len(names) != 1:
            raise ValueError(
                "a zip archive that torch.save did not write (it has no data.pkl). Hint: numpy.load reads .npz files"
            )
        root = names[0].removesuffix("data.pkl")
        swapped = f"{root}byteorder" in entries and archive.read(f"{root}byteorder").decode() != sys.byteorder
        machine = Machine(archive.read(names[0]))
        value = machine.run()
        memory = {key: archive.read(f"{root}data/{key}") for key in {name_of(p)[1] for p in machine.outside}}
    return Meaning(machine, memory, swapped, device).of(value)


def from_stream(data: bytes, device: Device) -> Any:
    """The value of an old file: five pickles one after the other, then the memory of each tensor with its length before it."""
    at, parts = 0, []
    for _ in range(5):
        machine = Machine(data, at)
        parts.append((machine, machine.run()))
        at = machine.at
    (_, magic), (_, protocol), (_, about), (machine, value), (_, keys) = parts
    if magic != MAGIC or protocol != 1001 or not isinstance(about, dict) or not isinstance(keys, list):
        raise ValueError("corrupt: expected a file of torch.save")
    kinds = {key: kind for kind, key, _ in map(name_of, machine.outside)}
    memory = {}
    for key in keys:
        count = int.from_bytes(data[at : at + 8], "little") * as_dtype(kinds[key]).itemsize
        memory[key] = data[at + 8 : at + 8 + count]
        at += 8 + count
    return Meaning(machine, memory, bool(about.get("little_endian", True)) != np.little_endian, device).of(value)


def name_of(outside: Persistent) -> tuple[str, str, int]:
    """Type, key and number of elements of a tensor's memory."""
    what, kind, key, _, count = outside.name[:5]
    if what != "storage" or kind.module != "torch" or not isinstance(key, str) or any(outside.name[5:]):
        raise ValueError(f"corrupt: expected the memory of a tensor, got {outside.name!r:.80}")
    return STORAGES[kind.name], key, count


class Meaning:
    """What a pickle's records stand for. Each is looked at once, so that what was one thing stays one."""

    def __init__(self, machine: Machine, memory: dict[str, bytes], swapped: bool, device: Device) -> None:
        self.memory, self.swapped, self.device = memory, swapped, device
        self.known: dict[int, Any] = {}
        self.tensors: dict[tuple, Tensor] = {}
        self.depth = 0

    def of(self, x: Any) -> Any:
        if isinstance(x, PLAIN):
            return x
        if id(x) not in self.known:
            self.depth += 1
            if self.depth > DEEPEST:
                raise ValueError("nested too deeply, or in itself")
            self.known[id(x)] = self.looked_up(x)
            self.depth -= 1
        return self.known[id(x)]

    def looked_up(self, x: Any) -> Any:
        if type(x) in (list, tuple):
            return type(x)(self.of(part) for part in x)
        if type(x) is dict:
            return {key: self.of(value) for key, value in x.items()}
        name = x.what if type(x) is Applied else x
        if type(name) is Name and name.module.replace("__builtin__", "builtins").replace("_core", "core") in MODULES:
            if type(x) is Name and name.module == "torch":
                return as_dtype(name.name)
            if type(x) is Applied and name.name in MEANINGS:
                return MEANINGS[name.name](self, x)
        shown = f"{name.module}.{name.name}" if type(name) is Name else type(x).__name__
        raise ValueError(f"it holds {shown}, which is no tensor and no plain value, and code is never run. "
                         "Hint: save model.state_dict()")  # fmt: skip

    def tensor(self, x: Applied) -> Tensor:
        """_rebuild_tensor_v2(memory, offset, size, stride, ...)"""
        memory, offset, size, stride = x.arguments[:4]
        kind, key, count = name_of(memory)
        place = (key, offset, size, stride)
        if place not in self.tensors:
            self.tensors[place] = Tensor(self.array(kind, key, count, offset, size, stride)).to(self.device)
        return self.tensors[place]

    def array(self, kind: str, key: str, count: int, offset: int, size: tuple, stride: tuple) -> np.ndarray:
        dtype = np.dtype(NUMPY.native(as_dtype(kind)))
        numbers = (count, offset, *size, *stride)
        if not all(type(n) is int and n >= 0 for n in numbers) or len(size) != len(stride):
            raise ValueError(f"corrupt: a tensor of shape {size} and strides {stride}")
        if len(self.memory[key]) != count * dtype.itemsize:
            raise ValueError(
                f"truncated: the memory {key!r} has {len(self.memory[key])} bytes, expected {count * dtype.itemsize}"
            )
        flat, many = np.frombuffer(self.memory[key], np.uint8).view(dtype), math.prod(size)
        if many > count or (many and offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) >= count):
            raise ValueError(f"corrupt: a tensor of shape {size} and strides {stride} in a memory of {count}")
        if kind == "bool" and (flat.view(np.uint8) > 1).any():
            raise ValueError("corrupt: booleans other than 0 and 1")
        if not many:
            return np.empty(size, dtype)
        steps = tuple(s * dtype.itemsize for s in stride)
        seen = np.lib.stride_tricks.as_strided(flat[offset:], size, steps).copy("K")
        return seen.byteswap() if self.swapped else seen

    def ordered(self, x: Applied) -> OrderedDict:
        found = OrderedDict((key, self.of(value)) for key, value in x.entries.items())
        if isinstance(x.state, dict) and "_metadata" in x.state:
            found._metadata = self.of(x.state["_metadata"])  # type: ignore[attr-defined]
        return found

    def sparse(self, x: Applied) -> Any:
        """_rebuild_sparse_tensor(layout, (places, values, size, ...)), COO"""
        layout, parts = x.arguments
        if self.of(layout) != "torch.sparse_coo":
            raise ValueError(f"it holds a tensor of layout {self.of(layout)}. Hint: save it dense, or as COO")
        places, values, size = (self.of(part) for part in parts[:3])
        return sparse_coo_tensor(places, values, size)

    def scalar(self, x: Applied) -> Any:
        """A number of NumPy's: scalar(dtype(code, ...), bytes)"""
        kind, raw = x.arguments
        dtype, data = np.dtype(str(kind.arguments[0])), self.of(raw)
        if dtype.kind not in "biufc" or not isinstance(data, bytes):
            raise ValueError("corrupt: expected a number of NumPy's")
        return np.frombuffer(data, dtype)[0].item()


MODULES = ("torch", "torch._utils", "torch._tensor", "torch.serialization", "collections", "builtins", "_codecs",
           "numpy.core.multiarray")  # fmt: skip
MEANINGS: dict[str, Callable[[Meaning, Applied], Any]] = {
    "_rebuild_tensor_v2": Meaning.tensor, "_rebuild_tensor": Meaning.tensor, "_rebuild_sparse_tensor": Meaning.sparse,
    "_rebuild_parameter": lambda m, x: m.of(x.arguments[0]),
    "_rebuild_from_type_v2": lambda m, x: m.of(Applied(x.arguments[0], x.arguments[2])),
    "OrderedDict": Meaning.ordered, "defaultdict": Meaning.ordered, "scalar": Meaning.scalar,
    "Size": lambda m, x: Size(m.of(x.arguments[0])), "device": lambda m, x: Device(":".join(map(str, x.arguments))),
    "_get_layout": lambda m, x: x.arguments[0], "set": lambda m, x: set(m.of(x.arguments[0])),
    "complex": lambda m, x: complex(*x.arguments), "encode": lambda m, x: x.arguments[0].encode("latin1"),
}  # fmt: skip
