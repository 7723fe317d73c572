"""Threads of the CPU libraries. Two pools that spin against each other cost ten times what either gains, so one is used:
oneDNN's where it is there, with OpenBLAS (NumPy's matrix products) at one thread; else OpenBLAS's."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib
import itertools
import os
import threading
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
    """The threads of the OpenBLAS inside NumPy; None where NumPy was built with another library."""
    library = blas_library()
    return library and Pool(library.scipy_openblas_set_num_threads64_, library.scipy_openblas_get_num_threads64_)


@functools.cache
def blas_library() -> Any:
    """The OpenBLAS inside NumPy, opened; None where NumPy was built with another library."""
    for path in (Path(np.__file__).parents[1] / "numpy.libs").glob("lib*openblas*"):
        with contextlib.suppress(OSError, AttributeError):
            library = ctypes.CDLL(str(path))
            library.scipy_openblas_get_corename64_.restype = ctypes.c_char_p
            return library
    return None


def blas_processor() -> str:
    """The processor whose kernels NumPy's OpenBLAS uses, in its own word; an empty string where it is another library."""
    library = blas_library()
    return "" if library is None else library.scipy_openblas_get_corename64_().decode()


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


_opened: list[int] = []  # holds how many threads OpenMP took of its own accord, once oneDNN was opened


def onednn_opened() -> None:
    """oneDNN was opened: its pool is the one from now on, unless the user has said how many threads OpenBLAS shall have."""
    pool, blas = openmp(), openblas()
    _opened.append(1 if pool is None else pool.get())
    decide()
    if blas is not None and "OPENBLAS_NUM_THREADS" not in os.environ:
        blas.set(1)
        _held[:] = [1] * len(_held)


CHOSEN: list[int | None] = [None]  # how many threads the user has asked for
ALLOWED: list[int | None] = [None]  # how many oneDNN may use: as many as that or, while held, one; None: not opened yet
_forked: list[bool] = []  # holds True in a process that was forked after oneDNN was opened


def set_num_threads(n: int) -> None:
    """Let CPU kernels use n threads. Raises ValueError unless n is a positive integer.

    A process that was forked stays at one: OpenMP's threads do not survive a fork, and to wait for them would be to wait
    for ever.
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f"set_num_threads: expected a positive integer, got {n!r}")
    CHOSEN[0] = 1 if _forked else n
    decide()


def decide() -> None:
    """Settle how many threads are allowed, after anything that says so has changed."""
    ALLOWED[0] = 1 if _held else CHOSEN[0] or (_opened[0] if _opened else None)
    take_up()


def take_up() -> None:
    """Let the calling thread have as many threads as are allowed: OpenMP's setting is each thread's own."""
    pool = openmp() if _opened else openblas()
    if pool is not None and ALLOWED[0] is not None:
        pool.set(ALLOWED[0])


def get_num_threads() -> int:
    """How many threads CPU kernels use."""
    pool = openmp() if _opened else openblas()
    return ALLOWED[0] or (1 if pool is None else pool.get())


_held: list[int] = []  # how many threads OpenBLAS had before it was held to one


def hold_to_one(wanted: bool) -> None:
    """Let oneDNN, OpenBLAS and what is shared out here use one thread: the bits of a sum depend on how many take part."""
    if wanted != bool(_held):
        blas = openblas()
        if wanted:
            _held.append(1 if blas is None else blas.get())
        before = 1 if wanted else _held.pop()
        if blas is not None:
            blas.set(before)
        decide()


def shared_out(work: Callable, *batches: np.ndarray) -> list:
    """What work(*batches) returns, its batches' first dimension shared out among threads, each with OpenBLAS to itself.

    One result for each share, in the order of the batch whichever is done first: a sum of them then has the same bits always.
    """
    many = 1 if _held else min(get_num_threads(), len(batches[0]))
    blas = openblas()
    if many < 2 or blas is None:
        return [work(*batches)]
    cuts = [len(batches[0]) * k // many for k in range(many + 1)]
    parts = [tuple(a[i:j] for a in batches) for i, j in itertools.pairwise(cuts)]
    with _sharing[0]:  # else another would take the 1 that is set here for what was there before
        before = blas.get()
        blas.set(1)
        try:
            return list(crew(many).map(lambda part: quietly(work, *part), parts))
        finally:
            blas.set(before)


_sharing = [threading.Lock()]  # held while OpenBLAS, which is all threads' own, is at one thread


def quietly(work: Callable, *part: np.ndarray) -> Any:
    """work(*part), where overflow is no reason for a warning: a thread does not have its maker's settings."""
    with np.errstate(all="ignore"):
        return work(*part)


@functools.cache
def crew(many: int) -> Any:
    """Threads that wait for work."""
    return importlib.import_module("concurrent.futures").ThreadPoolExecutor(many, "minigrad")  # it takes 10 ms to load


def after_fork() -> None:
    """In a forked process: no thread of the other's is there, and OpenMP has one from now on."""
    crew.cache_clear()
    _sharing[0] = threading.Lock()
    if _opened:
        _forked.append(True)
        set_num_threads(1)


os.register_at_fork(after_in_child=after_fork)
