"""A stand-in for CuPy on NumPy, as strict as CuPy is: what passes here has the names, arguments and types that CuPy takes.

Its functions are those that cupy_names.json lists, with CuPy's parameters (`make_cupy_names.py` writes it). Its arrays don't
mix with NumPy's, stay arrays where NumPy gives scalars, are no `__index__`, and are never converted unasked. Kernels written in
C++ are compiled for the CPU. What it can't show is speed, and what CUDA itself does otherwise.
"""

from __future__ import annotations

import ctypes
import inspect
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

NAMES = json.loads(Path(__file__).with_name("cupy_names.json").read_text())
COMPILER = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
ATOMIC = ("float16", "float32", "float64", "int32", "uint32", "uint64")  # the types that CuPy's `add.at` takes


class ndarray:  # CuPy's name
    """An array "on the GPU": a NumPy array that only this module reaches."""

    __hash__ = None  # type: ignore[assignment]
    shape, dtype, ndim, size, nbytes, itemsize, strides, flags = (
        property(lambda self, name=name: getattr(self.host, name))
        for name in ("shape", "dtype", "ndim", "size", "nbytes", "itemsize", "strides", "flags")
    )
    real, imag, T, mT = (
        property(lambda self, name=name: array(getattr(self.host, name))) for name in ("real", "imag", "T", "mT")
    )

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`")

    __array_function__ = __array__

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> ndarray:
        if method != "__call__" or options:
            raise TypeError(f"{ufunc.__name__}.{method} of a CuPy array")
        return called(ufunc, inputs, {})

    def __getitem__(self, index: Any) -> ndarray:
        return array(self.host[places(index)])

    def __setitem__(self, index: Any, value: Any) -> None:
        self.host[places(index)] = bare(value)

    def get(self) -> np.ndarray:
        return self.host.copy()

    def view(self, dtype: Any = None) -> ndarray:
        return array(self.host.view(dtype or self.host.dtype))

    def __len__(self) -> int:
        return len(self.host)

    def __iter__(self) -> Iterator[ndarray]:
        return (self[k] for k in range(len(self)))

    def __reduce__(self) -> tuple:
        return array, (self.host,)

    @property
    def base(self) -> np.ndarray | None:
        return self.host.base


def array(host: Any) -> ndarray:
    out = object.__new__(ndarray)
    out.host = np.asarray(host)
    if out.host.dtype.kind not in "biufc" and out.host.dtype.name != "bfloat16":
        raise TypeError(f"Unsupported dtype {out.host.dtype}")
    if not out.host.flags.writeable:  # a diagonal can be written on the GPU
        with suppress(ValueError):
            out.host.flags.writeable = True
    return out


def bare(x: Any) -> Any:
    """What NumPy computes with. Raises TypeError for an array of NumPy's, which CuPy would refuse."""
    if isinstance(x, ndarray):
        return x.host
    if isinstance(x, np.ndarray) and x.ndim:
        raise TypeError(f"Unsupported type {np.ndarray}")
    return type(x)(map(bare, x)) if type(x) in (list, tuple) else x


def places(index: Any) -> Any:
    """An index: arrays of either kind, but a CuPy array is no bound of a slice."""
    if isinstance(index, tuple):
        return tuple(map(places, index))
    if isinstance(index, slice):
        for bound in (index.start, index.stop, index.step):
            assert not isinstance(bound, ndarray), "a CuPy array has no __index__"
    return index.host if isinstance(index, ndarray) else index


def wrapped(y: Any) -> Any:
    if isinstance(y, (np.ndarray, np.generic)):
        return array(y)
    if isinstance(y, (tuple, list)):
        return type(y)(*map(wrapped, y)) if hasattr(y, "_fields") else type(y)(map(wrapped, y))
    return y


def called(function: Callable, args: Any, options: dict) -> Any:
    with np.errstate(all="ignore"):  # nothing warns on a GPU
        return wrapped(function(*map(bare, args), **{name: bare(value) for name, value in options.items()}))


def method(name: str) -> Callable:
    ours = getattr(np.ndarray, name)

    def run(self: ndarray, *args: Any, **options: Any) -> Any:
        if name[:2] == "__" and not all(isinstance(a, (ndarray, np.generic, np.ndarray, complex, float, int)) for a in args):
            return NotImplemented
        out = called(ours, (self, *args), options)
        return self if name[:3] == "__i" and name not in ("__invert__", "__int__") else out

    return run


TAKEN_OVER = """abs add and bool complex divmod eq float floordiv format ge gt iadd iand ifloordiv ilshift imod imul int invert
    ior ipow irshift isub itruediv ixor le lshift lt matmul mod mul ne neg or pos pow radd rand rdivmod repr rfloordiv rlshift
    rmatmul rmod rmul ror rpow rrshift rshift rsub rtruediv rxor sub truediv xor copy deepcopy"""
for _name in [f"__{word}__" for word in TAKEN_OVER.split()] + [n for n in dir(np.ndarray) if n[0] != "_"]:
    if _name in NAMES["methods"] and _name not in vars(ndarray) and callable(getattr(np.ndarray, _name)) or _name == "__repr__":
        setattr(ndarray, _name, method(_name))


def function(name: str) -> Callable:
    """CuPy's function of that name: its parameters, NumPy's values. Raises AttributeError if it is not in the list."""
    if name not in NAMES:
        raise AttributeError(f"cupy_names.json has no {name!r}: python -m tests.make_cupy_names, where CuPy is installed")
    ours: Any = np
    for part in name.split("."):
        ours = getattr(ours, part)
    if name == "broadcast_arrays":  # NumPy's own warns when it is asked whether they can be written
        ours = lambda *arrays: [np.broadcast_to(a, np.broadcast_shapes(*map(np.shape, arrays))) for a in arrays]  # noqa: E731
    kinds = [inspect.Parameter(n, inspect._ParameterKind(kind), default=None if optional else inspect.Parameter.empty)
             for n, kind, optional in NAMES[name] or ()]  # fmt: skip
    signature = inspect.Signature(kinds)

    def run(*args: Any, **options: Any) -> Any:
        if NAMES[name] is not None:
            signature.bind(*args, **options)
        if name in ("asarray", "array"):  # from NumPy to the GPU
            return array(ours(*(a.host if isinstance(a, ndarray) else a for a in args), **options))
        if name == "searchsorted" and args[0].ndim != 1:
            raise ValueError("searchsorted: a must be a 1-D array")
        if name == "linalg.solve" and args[0].shape[:-1] != args[1].shape[:-1]:
            raise ValueError("a must have (..., M, M) shape and b must have (..., M, K)")
        if name.startswith("linalg.") and args[0].dtype.name not in ("float32", "float64", "complex64", "complex128"):
            raise TypeError(f"{name}: {args[0].dtype} is unsupported in linalg")
        try:
            return called(ours, args, options)
        except np.linalg.LinAlgError:
            if _strict[-1] == "raise":
                raise
            return array(np.full(args[0].shape, np.nan, args[0].dtype))  # CuPy's way, unless it is told otherwise

    return run


_strict = ["ignore"]


@contextmanager
def errstate(*, linalg: str) -> Iterator[None]:
    """cupyx.errstate: whether a failed factorization raises."""
    _strict.append(linalg)
    try:
        yield
    finally:
        _strict.pop()


class Kernel:
    """CuPy's ElementwiseKernel on the CPU: broadcasts, and runs the same C++ for every element. Takes NumPy's arrays."""

    folder = TemporaryDirectory()

    def __init__(self, inputs: str, outputs: str, operation: str, name: str) -> None:
        self.inputs, self.outputs = ([part.split() for part in re.split(r",\s*", text)] for text in (inputs, outputs))
        self.operation, self.name, self.compiled = operation, name, {}

    def run(self, kind: np.dtype) -> Any:
        """The compiled loop for elements of this type."""
        if kind not in self.compiled:
            parts = [*self.inputs, *self.outputs]
            pointers = ", ".join(f"{kind}* {name}_" for kind, name in parts)
            bound = "\n".join(f"#define {name} {name}_[i]" for _, name in parts)
            source = f"""#include <cmath>
                using namespace std;
                typedef {"double" if kind == np.float64 else "float"} T;
                {bound}
                extern "C" void run(long n_, {pointers}) {{ for (long i = 0; i < n_; i++) {{ {self.operation}; }} }}"""
            file = Path(self.folder.name) / f"{self.name}_{kind}.cpp"
            file.write_text(source)
            subprocess.run([str(COMPILER), "-shared", "-fPIC", str(file), "-o", f"{file}.so"], check=True)
            self.compiled[kind] = ctypes.CDLL(f"{file}.so").run
        return self.compiled[kind]

    def __call__(self, *args: Any) -> Any:
        given, outputs = args[: len(self.inputs)], list(args[len(self.inputs) :])
        typed = {a.dtype for (kind, _), a in zip(self.inputs, given, strict=True) if kind == "T"} | {y.dtype for y in outputs}
        assert len(typed) == 1, f"{self.name}: Type is mismatched. T is one of {typed}"
        (kind,) = typed
        shape = np.broadcast_shapes(*(np.shape(a) for a in (*given, *outputs)))
        hosts = [np.ascontiguousarray(np.broadcast_to(np.asarray(a, np.bool_ if k == "bool" else kind), shape))
                 for (k, _), a in zip(self.inputs, given, strict=True)]  # fmt: skip
        made = [np.ascontiguousarray(y) for y in outputs] or [np.empty(shape, kind) for _ in self.outputs]
        self.run(kind)(ctypes.c_long(int(np.prod(shape))), *(a.ctypes.data_as(ctypes.c_void_p) for a in (*hosts, *made)))
        for y, new in zip(outputs, made, strict=False):
            y[...] = new
        return (outputs or made)[0] if len(made) == 1 else outputs or made


class ElementwiseKernel(Kernel):
    """The same for arrays of the stand-in."""

    def __call__(self, *args: Any) -> Any:
        return wrapped(super().__call__(*map(bare, args)))


class Add:
    """cupy.add, and `cupy.add.at`."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        return called(np.add, args, options)

    def at(self, total: ndarray, index: Any, part: ndarray) -> None:
        if total.dtype.name not in ATOMIC or part.dtype != total.dtype:
            raise TypeError(f"add.at only supports {', '.join(ATOMIC)} as data type, got {total.dtype} and {part.dtype}")
        np.add.at(total.host, places(index), part.host)


class Namespace(ModuleType):
    """A module whose functions are made when they are asked for."""

    def __init__(self, name: str, lead: str = "") -> None:
        super().__init__(name)
        self.lead = lead

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        ours = getattr(np, name, None)
        constant = ours is not None and (not callable(ours) or isinstance(ours, type) or name in ("finfo", "iinfo"))
        found = self.__dict__[name] = ours if constant else function(self.lead + name)
        return found


class OutOfMemoryError(MemoryError):
    """cupy.cuda.memory.OutOfMemoryError."""


class Event:
    """cupy.cuda.Event, of work that is done at once."""

    def __init__(self, block: bool = False, disable_timing: bool = False, interprocess: bool = False) -> None:
        self.timed, self.done = not disable_timing, True

    def record(self, stream: Stream | None = None) -> None:
        assert stream is None or isinstance(stream, Stream)
        self.moment = time.perf_counter()

    def synchronize(self) -> None:
        """Nothing to wait for."""


class Stream:
    """cupy.cuda.Stream, which is at once the list of those that work is given to."""

    entered: ClassVar[list[Stream]] = []
    null: ClassVar[Stream]

    def __init__(self, null: bool = False, non_blocking: bool = False, ptds: bool = False, priority: int | None = None) -> None:
        self.ptr, self.done, self.waited = (0 if null else id(self)), True, 0

    def record(self, event: Event | None = None) -> Event:
        event = Event() if event is None else event
        event.record(self)
        return event

    def wait_event(self, event: Event) -> None:
        assert isinstance(event, Event)
        self.waited += 1

    def synchronize(self) -> None:
        """Nothing to wait for."""

    def __enter__(self) -> Stream:
        self.entered.append(self)
        return self

    def __exit__(self, *error: object) -> None:
        self.entered.pop()


Stream.null = Stream(null=True)


def elapsed(start: Event, end: Event) -> float:
    """cupy.cuda.get_elapsed_time."""
    if not (start.timed and end.timed):
        raise RuntimeError("cudaErrorInvalidResourceHandle: invalid resource handle")
    return (end.moment - start.moment) * 1e3


def stand_in(patch: pytest.MonkeyPatch, **others: Any) -> None:
    """Have `import cupy` and its kin find the stand-in, or `others`, until the patch is undone."""
    for name, module in {**modules(), **others}.items():
        patch.setitem(sys.modules, name, module)


def modules() -> dict[str, Any]:
    """What stands in for CuPy in `sys.modules`; cuDNN's package is absent."""
    cupy, cupyx = Namespace("cupy"), ModuleType("cupyx")
    properties = {"name": b"stand-in", "totalGlobalMem": 2**34, "major": 9, "minor": 0, "multiProcessorCount": 1}
    runtime = SimpleNamespace(
        getDeviceCount=lambda: 1, memGetInfo=lambda: (2**33, 2**34), getDeviceProperties=lambda _: properties
    )  # fmt: skip
    pool = SimpleNamespace(free_bytes=lambda: 0, used_bytes=lambda: 0, total_bytes=lambda: 0, free_all_blocks=lambda: None)
    cupy.__dict__.update(
        __version__=NAMES["version"], ndarray=ndarray, linalg=Namespace("cupy.linalg", "linalg."), add=Add(),
        asnumpy=lambda a: a.get(), may_share_memory=lambda a, b: np.may_share_memory(a.host, b.host),
        ElementwiseKernel=ElementwiseKernel, get_default_memory_pool=lambda: pool, get_default_pinned_memory_pool=lambda: pool,
        cuda=SimpleNamespace(runtime=runtime, memory=SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
                             Device=lambda: SimpleNamespace(synchronize=lambda: None), Stream=Stream, Event=Event,
                             get_current_stream=lambda: [Stream.null, *Stream.entered][-1], get_elapsed_time=elapsed),
    )  # fmt: skip
    cupyx.__dict__.update(errstate=errstate)
    tf32 = SimpleNamespace(set_compute_type=lambda *_: None, COMPUTE_TYPE_TF32=0, COMPUTE_TYPE_DEFAULT=1)
    return {"cupy": cupy, "cupyx": cupyx, "cupy._core._routines_linalg": tf32, "cudnn": None}
