"""Primitives: oneDNN calls compiled for one shape, kept by shape in each thread, and run on NumPy arrays."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from ..threads import alone, one_thread
from .library import DST, SRC, Argument, Library, Unsupported, library

SMALL = 2e7
_local = threading.local()  # a primitive's memory objects and scratchpad belong to one thread


class Primitive:
    """A compiled primitive with its memory objects: `run(*arrays)` executes it on arrays in the order of `slots`."""

    def __init__(self, lib: Library, primitive_desc: Any, slots: list[tuple[int, Any]]) -> None:
        self.alone = alone()
        self.library = lib
        self.handle = lib.make("primitive_create", primitive_desc)
        self.memories = [lib.make("memory_create", desc, lib.engine, None).value for _, desc in slots]
        self.arguments = (Argument * len(slots))(*[Argument(arg, m) for (arg, _), m in zip(slots, self.memories, strict=True)])
        self.count = len(slots)
        self.set, self.execute = lib.lib.dnnl_memory_set_data_handle, lib.lib.dnnl_primitive_execute

    def run(self, *arrays: np.ndarray) -> None:
        """Execute; the CPU stream is synchronous, so the results are there on return."""
        for memory, array in zip(self.memories, arrays, strict=True):
            self.set(memory, array.__array_interface__["data"][0])
        if self.alone:
            with one_thread():
                status = self.execute(self.handle, self.library.stream, self.count, self.arguments)
        else:
            status = self.execute(self.handle, self.library.stream, self.count, self.arguments)
        if status:
            raise RuntimeError(f"oneDNN: a primitive failed with status {status}")


class Reorder:
    """The copy of an array into the layout that a primitive chose, or back from it."""

    def __init__(self, lib: Library, source: Any, target: Any) -> None:
        self.plain = bool(lib.lib.dnnl_memory_desc_equal(source, target))
        if not self.plain:
            desc = lib.make("reorder_primitive_desc_create", source, lib.engine, target, lib.engine, None)
            self.primitive = Primitive(lib, desc, [(SRC, source), (DST, target)])
            self.buffer = np.empty(max(lib.size(source), lib.size(target)) // 4, dtype=np.float32)

    def into(self, array: np.ndarray) -> np.ndarray:
        """The array in the chosen layout."""
        if self.plain:
            return array
        self.primitive.run(array, self.buffer)
        return self.buffer

    def room(self, out: np.ndarray) -> np.ndarray:
        """Where the primitive shall write what `back` then brings into `out`."""
        return out if self.plain else self.buffer

    def back(self, out: np.ndarray) -> np.ndarray:
        """`out`, filled from the chosen layout."""
        if not self.plain:
            self.primitive.run(self.buffer, out)
        return out


def cached(key: tuple, build: Callable[[], Any], work: float) -> Any:
    """What `build()` makes for this key, made once a thread; None for a key that oneDNN does not support.

    A primitive of less than SMALL floating-point operations of `work` is made for one thread, and runs on one: waking
    another costs more than it gains, and far more on a machine that others use too.
    """
    try:
        kept = _local.kept
    except AttributeError:
        kept = _local.kept = {}
    if key not in kept:
        try:
            with one_thread() if work < SMALL else contextlib.nullcontext():
                kept[key] = build()
        except Unsupported:
            kept[key] = None
    return kept[key]


def strides(array: np.ndarray) -> tuple[int, ...]:
    """The strides in elements."""
    return tuple(s // array.itemsize for s in array.strides)


def channels_last(shape: tuple) -> tuple[int, ...]:
    """The strides, in elements, of an (N, C, S) array whose channels lie innermost."""
    line, step = [0] * len(shape), shape[1]
    line[1] = 1
    for d in range(len(shape) - 1, 1, -1):
        line[d], step = step, step * shape[d]
    line[0] = step
    return tuple(line)


def new_channels_last(shape: tuple) -> np.ndarray:
    """An empty (N, C, S) array whose channels lie innermost in memory."""
    memory = np.empty((shape[0], *shape[2:], shape[1]), dtype=np.float32)
    return np.moveaxis(memory, -1, 1)


def as_channels_last(x: np.ndarray) -> np.ndarray:
    """x itself if its channels lie innermost, else a copy for which they do."""
    if strides(x) == channels_last(x.shape):
        return x
    moved = np.ascontiguousarray(np.moveaxis(x, 1, -1))
    return np.moveaxis(moved, -1, 1)


def fits(*arrays: Any) -> bool:
    """Whether oneDNN is there and all are non-empty float32 arrays, which is what these kernels serve."""
    return library() is not None and all(
        a is None or (type(a) is np.ndarray and a.dtype == np.float32 and a.size) for a in arrays
    )
