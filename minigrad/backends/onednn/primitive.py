"""Primitives: oneDNN calls compiled for one shape, kept by shape in each thread, and run on NumPy arrays.

A call of a small primitive costs a few microseconds in Python. What it costs is looking up the compiled primitive by its
shapes, and telling the library where those arrays lie that are not where they lay in the call before.
"""

from __future__ import annotations

import contextlib
import functools
import math
import threading
import warnings
import weakref
from ctypes import c_void_p
from typing import Any

import numpy as np

from ..threads import ALLOWED, alone, one_thread, openmp, take_up
from .library import DST, HEAD, SRC, Argument, Library, Unsupported, library

SMALL = 1e6  # operations, 10 to 20 microseconds' worth; below, a second thread does not pay
FEW = 4096  # elements; below, a NumPy call or two are done before oneDNN has begun
MOST = 2000  # compiled primitives that are kept in a thread; beyond, the oldest go
FLOAT32 = np.dtype(np.float32)
pointer_at = c_void_p.from_address


def place(array: np.ndarray) -> int:
    """The address of an array's first element."""
    return pointer_at(id(array) + HEAD).value or 0


class Primitive:
    """A compiled primitive with its memory objects: `run(*arrays)` executes it on arrays in the order of `slots`."""

    def __init__(self, lib: Library, primitive_desc: Any, slots: list[tuple[int, Any]]) -> None:
        self.pool = openmp() if alone() else None  # made for one thread, it runs on one
        self.primitive = lib.make("primitive_create", primitive_desc)
        self.objects = [lib.make("memory_create", desc, lib.engine, None) for _, desc in slots]
        self.memories = [m.value for m in self.objects]
        arguments = (Argument * len(slots))(*[Argument(arg, m) for (arg, _), m in zip(slots, self.memories, strict=True)])
        self.call = (self.primitive, lib.stream, len(slots), arguments)
        self.places: list[Any] = [0] * len(slots)  # the addresses that the memory objects have
        self.set, self.execute = lib.lib.dnnl_memory_set_data_handle, lib.lib.dnnl_primitive_execute

    def run(self, *arrays: np.ndarray) -> None:
        """Execute; the CPU stream is synchronous, so the results are there on return. Raises Unsupported if it fails."""
        places = self.places
        for k, array in enumerate(arrays):
            place = pointer_at(id(array) + HEAD).value
            if place != places[k]:
                places[k] = place  # first, for an interrupt comes when a call is over
                self.set(self.memories[k], place)
        threads = 1 if self.pool is None else self.pool.get()
        if self.pool is None or threads == 1:
            status = self.execute(*self.call)
        else:
            self.pool.set(1)
            try:
                status = self.execute(*self.call)
            finally:  # an interrupt would leave this thread with one
                self.pool.set(threads)
        if status:
            raise Unsupported(f"a primitive failed with status {status}")


class Reorder:
    """The copy of an array into the layout that a primitive chose, or back from it.

    Those of one size share their buffer, which nobody needs for longer than a call, so that weights which meet images of
    many sizes have one and not many; what a call needs at a time is told apart by its `place`.
    """

    def __init__(self, lib: Library, source: Any, target: Any, place: int = 0) -> None:
        self.plain = bool(lib.lib.dnnl_memory_desc_equal(source, target))
        if not self.plain:
            desc = lib.make("reorder_primitive_desc_create", source, lib.engine, target, lib.engine, None)
            self.primitive = Primitive(lib, desc, [(SRC, source), (DST, target)])
            size = max(lib.size(source), lib.size(target)) // 4
            found = _local.buffers.get((size, place))
            self.buffer: np.ndarray = np.empty(size, dtype=FLOAT32) if found is None else found
            _local.buffers[size, place] = self.buffer

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


_warned: list[str] = []


def lacking(what: str, error: Unsupported) -> None:
    """Say once what oneDNN can't do, and that another kernel gives the same result."""
    if not _warned:
        _warned.append(what)
        message = f"oneDNN can't serve {what}: {error}. NumPy's slower kernel does; this is said once"
        warnings.warn(message, stacklevel=2)


class Kept(threading.local):
    """What a thread has compiled: a primitive's memory objects and scratchpad belong to one thread."""

    def __init__(self) -> None:
        self.kept: dict[tuple, Any] = {}
        self.buffers: weakref.WeakValueDictionary = weakref.WeakValueDictionary()  # by size and place
        self.threads: int | None = None  # the setting that it was compiled for


_local = Kept()


def obey() -> None:
    """Let the calling thread have as many threads as were asked for."""
    if _local.threads != ALLOWED[0]:
        _local.kept, _local.threads = {}, ALLOWED[0]
        take_up()


def compiled(kind: Any, *key: Any) -> Any:
    """`kind(lib, *key)`, made once a thread; None where oneDNN does not support it. `kind.work(*key)` counts its operations.

    A primitive of less than SMALL floating-point operations is made for one thread, and runs on one.
    """
    obey()
    try:
        return _local.kept[kind, key]
    except KeyError:
        lib, kept = library(), _local.kept
    assert lib is not None
    if len(kept) >= MOST:
        del kept[next(iter(kept))]
    try:
        with one_thread() if kind.work(*key) < SMALL else contextlib.nullcontext():
            kept[kind, key] = kind(lib, *key)
    except Unsupported as error:
        kept[kind, key] = None
        lacking(f"{kind.__name__} {key}", error)
    return kept[kind, key]


@functools.lru_cache(MOST)
def row_major(shape: tuple) -> tuple[int, ...]:
    """The strides, in elements, of an array whose last dimension lies innermost."""
    return tuple(math.prod(shape[d + 1 :]) for d in range(len(shape)))


@functools.lru_cache(MOST)
def channels_last(shape: tuple) -> tuple[int, ...]:
    """The strides, in elements, of an (N, C, S) array whose channels lie innermost."""
    line, step = [0] * len(shape), shape[1]
    line[1] = 1
    for d in range(len(shape) - 1, 1, -1):
        line[d], step = step, step * shape[d]
    line[0] = step
    return tuple(line)


@functools.lru_cache(MOST)
def in_bytes(shape: tuple) -> tuple[int, ...]:
    """The strides of `channels_last` in bytes."""
    return tuple(4 * s for s in channels_last(shape))


def new_channels_last(shape: tuple) -> np.ndarray:
    """An empty (N, C, S) array whose channels lie innermost in memory."""
    return np.ndarray(shape, FLOAT32, None, 0, in_bytes(shape))


def as_channels_last(x: np.ndarray) -> np.ndarray:
    """x itself if its channels lie innermost, else a copy for which they do."""
    wanted = in_bytes(x.shape)
    if x.strides == wanted or all(n == 1 or s == w for n, s, w in zip(x.shape, x.strides, wanted, strict=True)):
        return x  # the stride of a dimension of size 1 is never used
    return copied(x, new_channels_last(x.shape))


def copied(x: np.ndarray, out: np.ndarray) -> np.ndarray:
    """`out`, which shares no memory with x, once it holds the same; NumPy takes twice as long where the layouts differ."""
    fine = x.size >= FEW and fits(x, out) and is_nested(x.shape, x.strides) and is_nested(x.shape, out.strides)
    found = compiled(Copy, x.shape, x.strides, out.strides) if fine else None
    if found is None:
        out[...] = x
    else:
        found.primitive.run(x, out)
    return out


@functools.lru_cache(MOST)
def is_nested(shape: tuple, strides: tuple) -> bool:
    """Whether each dimension of a float32 array steps over all that the smaller steps reach: no two elements overlap. False,
    too, for more dimensions than oneDNN's 12.
    """
    if len(shape) > 12:
        return False
    reach = 1
    for step, n in sorted(zip(strides, shape, strict=True)):
        if n > 1 and (step % 4 or step < 4 * reach):
            return False
        reach = max(reach, step // 4 * n)
    return True


class Copy:
    """The copy of an array into another layout, both given by their strides in bytes."""

    def __init__(self, lib: Library, shape: tuple, strides: tuple, to: tuple) -> None:
        source, target = (lib.desc(shape, tuple(s // 4 for s in steps)) for steps in (strides, to))
        desc = lib.make("reorder_primitive_desc_create", source, lib.engine, target, lib.engine, None)
        self.primitive = Primitive(lib, desc, [(SRC, source), (DST, target)])

    @staticmethod
    def work(shape: tuple, *strides: Any) -> float:
        return 50.0 * math.prod(shape)


def fits(*arrays: Any) -> bool:
    """Whether oneDNN is there and all are non-empty float32 arrays, which is what these kernels serve."""
    for a in arrays:
        if a is None or type(a) is np.ndarray and a.size and (a.dtype is FLOAT32 or a.dtype == FLOAT32):
            continue  # the second comparison is for arrays that came out of a pickle, whose dtype is an object of its own
        return False
    return library() is not None


def given(*vectors: Any) -> tuple[np.ndarray, ...]:
    """Those vectors that are there, each with its elements side by side."""
    return tuple([np.ascontiguousarray(v) for v in vectors if v is not None])


def finite(*arrays: Any) -> bool:
    """Whether no array holds NaN or infinity, nor numbers whose products with each other could overflow to one.

    By the sum of squares, which costs a fraction of any other look at all elements. oneDNN needs it where its instructions
    for extremes lose NaN.
    """
    return all(a is None or math.isfinite(np.vdot(flat := a.ravel("K"), flat)) for a in arrays)
