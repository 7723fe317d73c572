"""The CuPy backend, for device="cuda"; looked for when it is first asked for, never at import."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from . import cupy_cudnn
from .backend import BACKENDS, Backend, register_finder
from .cupy_kernels import CONVOLUTION, fused
from .cupy_memory import all_patient, patient, room
from .determinism import in_no_order
from .device import Device
from .dtypes import DTYPES
from .numpy_backend import NUMPY
from .reference import REFERENCE


def find_cupy() -> Backend:
    """The backend of the current GPU. Raises RuntimeError that says whether CuPy or a GPU is missing."""
    try:
        cupy = importlib.import_module("cupy")
    except ImportError:
        raise RuntimeError("device: 'cuda' needs the package CuPy, which is not installed. "
                           "Hint: pip install cupy-cuda13x (or -cuda12x)") from None  # fmt: skip
    if int(cupy.__version__.partition(".")[0]) < 14:
        raise RuntimeError(f"device: 'cuda' needs CuPy 14 or newer, and {cupy.__version__} is installed. "
                           "Hint: pip install --upgrade cupy-cuda13x (or -cuda12x)")  # fmt: skip
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except Exception as error:
        raise RuntimeError(f"device: 'cuda' needs an NVIDIA GPU, and CuPy {cupy.__version__} found none ({error}). "
                           "Hint: device='cpu'") from None  # fmt: skip
    if not count:
        raise RuntimeError("device: 'cuda' needs an NVIDIA GPU, and none was found. Hint: device='cpu'")
    apply_tf32()
    plain = {**REFERENCE, **CONVOLUTION, **fused(cupy), **indexing(cupy), "bfloat16": bfloat16}
    return Backend(
        name="cupy",
        xp=Namespace(cupy),
        device=Device("cuda", 0),
        array_type=cupy.ndarray,
        kernels=all_patient(cupy, {**plain, **cupy_cudnn.found_kernels(cupy, plain)}),
        to_host=cupy.asnumpy,
        from_host=patient(cupy, cupy.asarray),
        owns=lambda array: array.base is None,
        shares=lambda view, array: isinstance(view, cupy.ndarray) and (not view.size or cupy.may_share_memory(view, array)),
        room=lambda: room(cupy),
    )


class Namespace:
    """CuPy as the Array API has it: a stable `argsort`, and `linalg.diagonal`. Everything else is CuPy's own."""

    def __init__(self, cupy: Any) -> None:
        self.cupy, self.linalg = cupy, Linalg(cupy)

    def argsort(self, x: Any, axis: int = -1, stable: bool = True) -> Any:
        return self.cupy.argsort(x, axis=axis, kind="stable")

    def __getattr__(self, name: str) -> Any:
        found = self.__dict__[name] = getattr(self.cupy, name)
        return found


class Linalg:
    """`cupy.linalg`, with `diagonal`, a `solve` that broadcasts, and an error where CuPy would return what is no solution."""

    def __init__(self, cupy: Any) -> None:
        self.cupy, self.strict = cupy, importlib.import_module("cupyx").errstate

    def diagonal(self, x: Any, offset: int = 0) -> Any:
        return self.cupy.diagonal(x, offset=offset, axis1=-2, axis2=-1)

    def solve(self, x: Any, y: Any) -> Any:
        lead = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
        x, y = (self.cupy.broadcast_to(a, (*lead, *a.shape[-2:])) for a in (x, y))
        return self.checked("solve")(x, y)

    def __getattr__(self, name: str) -> Callable:
        return self.checked(name)

    def checked(self, name: str) -> Callable:
        """A function of `cupy.linalg` that raises where it fails."""
        function = getattr(self.cupy.linalg, name)

        def strict(*args: Any, **options: Any) -> Any:
            with self.strict(linalg="raise"):  # CuPy's own choice is not to wait for the GPU to say so
                return function(*args, **options)

        return strict


ATOMIC = ("float16", "float32", "float64", "int32", "uint32", "uint64")  # what CuPy's `add.at` knows


def indexing(cupy: Any) -> dict[str, Callable]:
    """Kernels that CuPy has itself."""

    def added(shape: tuple, index: Any, source: Any) -> Any:
        """Zeros with `source` added at the places `index`, of which some may be the same."""
        kind = source.dtype
        if kind.kind == "c":
            out = cupy.zeros(shape, dtype=kind)
            out.real[...], out.imag[...] = added(shape, index, source.real), added(shape, index, source.imag)
            return out
        whole = "uint64" if kind.itemsize == 8 else "int32"
        wide = kind.name if kind.name in ATOMIC else whole if kind.kind in "iub" else "float32"
        out = cupy.zeros(shape, dtype=wide)
        cupy.add.at(out, index, source.astype(wide, copy=False))  # int64 as uint64: the same bits, modulo 2^64
        return out.astype(kind, copy=False)

    def index_add(b: Any, n: int, index: Any, source: Any) -> Any:
        in_no_order("index_add")
        return added((n, *source.shape[1:]), index, source)

    def take_at(b: Any, x: Any, index: tuple) -> Any:
        return x[index]

    def add_at(b: Any, shape: tuple, index: tuple, source: Any) -> Any:
        in_no_order("scatter_add")
        return added(shape, index, source)

    def put_at(b: Any, x: Any, index: tuple, value: Any) -> Any:
        out = x.copy()
        out[index] = value
        return out

    return {f.__name__: f for f in (index_add, take_at, add_at, put_at)}


def bfloat16(b: Any) -> Any:
    """The element type bfloat16, which CuPy, too, takes from the package ml_dtypes."""
    return NUMPY.native(DTYPES["bfloat16"])


def allow_tf32(allowed: bool | None = None) -> bool:
    """Whether float32 products on the GPU may use TF32, with 10 bits of mantissa; set first, if `allowed` is given."""
    if allowed is not None:
        _tf32[:] = [bool(allowed)]
        if "cuda" in {name.partition(":")[0] for name in BACKENDS}:
            apply_tf32()
    return _tf32[0]


def apply_tf32() -> None:
    """Tell CuPy, which has no public switch but the environment variable CUPY_TF32, read once."""
    linalg = importlib.import_module("cupy._core._routines_linalg")
    linalg.set_compute_type("float32", linalg.COMPUTE_TYPE_TF32 if _tf32[0] else linalg.COMPUTE_TYPE_DEFAULT)


_tf32 = [os.environ.get("CUPY_TF32", "0") == "1"]
register_finder("cuda", find_cupy)
