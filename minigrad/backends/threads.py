"""Threads of the CPU libraries. Two pools that spin against each other cost ten times what either gains, so one is used:
oneDNN's where it is there, with OpenBLAS (NumPy's matrix products) at one thread; else OpenBLAS's."""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Pool(NamedTuple):
    """The threads of one library: how many it may use, and how to change that."""

    set: Callable[[int], Any]
    get: Callable[[], int]


@functools.cache
def openblas() -> Pool | None:
    """The OpenBLAS inside NumPy; None where NumPy was built with another library."""
    for path in (Path(np.__file__).parents[1] / "numpy.libs").glob("lib*openblas*"):
        try:
            library = ctypes.CDLL(str(path))
            return Pool(library.scipy_openblas_set_num_threads64_, library.scipy_openblas_get_num_threads64_)
        except (OSError, AttributeError):
            continue
    return None


@functools.cache
def openmp() -> Pool | None:
    """GNU's OpenMP, which oneDNN runs on; None where it is not there. Its setting belongs to the calling thread."""
    try:
        library = ctypes.CDLL("libgomp.so.1")
        return Pool(library.omp_set_num_threads, library.omp_get_max_threads)
    except (OSError, AttributeError):
        return None


class one_thread:
    """`with one_thread():` lets OpenMP use one thread only, and then as many as before."""

    def __enter__(self) -> None:
        pool = openmp()
        self.before = 1 if pool is None else pool.get()
        if pool is not None and self.before != 1:
            pool.set(1)

    def __exit__(self, *error: object) -> None:
        pool = openmp()
        if pool is not None and self.before != 1:
            pool.set(self.before)


def alone() -> bool:
    """Whether OpenMP may use one thread only."""
    pool = openmp()
    return pool is not None and pool.get() == 1


_opened: list[bool] = []  # holds True once oneDNN was opened


def onednn_opened() -> None:
    """oneDNN was opened: its pool is the one from now on, unless the user has said how many threads OpenBLAS shall have."""
    _opened.append(True)
    blas = openblas()
    if blas is not None and "OPENBLAS_NUM_THREADS" not in os.environ:
        blas.set(1)


def set_num_threads(n: int) -> None:
    """Let CPU kernels use n threads. Raises ValueError unless n is a positive integer."""
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f"set_num_threads: expected a positive integer, got {n!r}")
    pool = openmp() if _opened else openblas()
    if pool is not None:
        pool.set(n)


def get_num_threads() -> int:
    """How many threads CPU kernels use."""
    pool = openmp() if _opened else openblas()
    return 1 if pool is None else pool.get()
