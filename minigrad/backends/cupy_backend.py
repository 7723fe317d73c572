"""The CuPy backend, for device="cuda"; looked for when it is first asked for, never at import."""

from __future__ import annotations

import importlib
from typing import Any

from .backend import Backend, register_finder
from .determinism import in_no_order
from .device import Device
from .reference import REFERENCE


def find_cupy() -> Backend:
    """The backend of the current GPU. Raises RuntimeError that says whether CuPy or a GPU is missing."""
    try:
        cupy = importlib.import_module("cupy")
    except ImportError:
        raise RuntimeError("device: 'cuda' needs the package CuPy, which is not installed. "
                           "Hint: pip install cupy-cuda13x (or -cuda12x)") from None  # fmt: skip
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except Exception as error:
        raise RuntimeError(f"device: 'cuda' needs an NVIDIA GPU, and CuPy {cupy.__version__} found none ({error}). "
                           "Hint: device='cpu'") from None  # fmt: skip
    if not count:
        raise RuntimeError("device: 'cuda' needs an NVIDIA GPU, and none was found. Hint: device='cpu'")

    def index_add(b: Any, n: int, index: Any, source: Any) -> Any:
        in_no_order("index_add")
        out = cupy.zeros((n, *source.shape[1:]), dtype=source.dtype)
        cupy.add.at(out, index, source)
        return out

    def take_at(b: Any, x: Any, index: tuple) -> Any:
        return x[index]

    def add_at(b: Any, shape: tuple, index: tuple, source: Any) -> Any:
        in_no_order("scatter_add")
        out = cupy.zeros(shape, dtype=source.dtype)
        cupy.add.at(out, index, source)
        return out

    def put_at(b: Any, x: Any, index: tuple, value: Any) -> Any:
        out = x.copy()
        out[index] = value
        return out

    return Backend(
        name="cupy",
        xp=cupy,
        device=Device("cuda", 0),
        array_type=cupy.ndarray,
        kernels={**REFERENCE, **{f.__name__: f for f in (index_add, take_at, add_at, put_at)}},
        to_host=cupy.asnumpy,
        from_host=cupy.asarray,
        owns=lambda array: array.base is None,
        shares=lambda view, array: view.base is not None,
    )


register_finder("cuda", find_cupy)
