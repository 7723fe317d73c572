"""Kernels compiled by Numba, where a loop does in one pass what takes NumPy many: optimizer steps, group norm, scattering.

Numba is imported when a large enough array first asks for one of these; to compile a loop takes a second or two, once: Numba
keeps what it made on disk. Smaller arrays, and other types than float32 and float64, are NumPy's.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from . import numba_loops as loops
from .numpy_kernels import NUMPY_KERNELS
from .numpy_norm import layout
from .reference import REFERENCE

ENOUGH = 1 << 17  # elements: below, a second's import and its 0.1 GiB would never pay
MANY = 1 << 20  # where NumPy has half the speed: the few passes of SGD, sums of sorted rows
FLOATS = (np.float32, np.float64)


def why() -> str:
    """Why Numba can't serve, or an empty string; without importing it."""
    spec = importlib.util.find_spec("numba")
    # A mere folder of that name has a spec, too, but no origin.
    return "" if spec is not None and spec.origin else "the package numba was not found. Hint: pip install numba"


def version() -> str:
    """Numba's version, from its metadata."""
    return importlib.import_module("importlib.metadata").version("numba")


_failed: list[str] = []


def failed(error: Exception) -> None:
    """Say once that Numba can't serve."""
    if not _failed:
        _failed.append(str(error))
        message = f"Numba can't serve, so NumPy's slower kernels do: {type(error).__name__}: {error}; this is said once"
        warnings.warn(message, stacklevel=2)


@functools.cache
def compiled(loop: Callable, free: bool) -> Callable | None:
    """A loop as Numba compiles it at its first call; `free` to add up in any order, as sums along vectors need."""
    if _failed or why():
        return None
    try:
        njit = importlib.import_module("numba").njit
        return njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract"} if free else False)(loop)
    except Exception as error:  # a broken installation can fail in any way
        failed(error)
        return None


def run(loop: Callable, *args: Any, free: bool = False) -> bool:
    """Run a compiled loop; False where there is none."""
    made = compiled(loop, free)
    if made is None:
        return False
    try:
        made(*args)
    except Exception as error:
        failed(error)
        compiled.cache_clear()
        return False
    return True


def slow(name: str) -> Callable:
    """The kernel that serves where Numba does not."""
    return NUMPY_KERNELS.get(name) or REFERENCE[name]


def flat(enough: int, p: np.ndarray, *others: Any) -> list[np.ndarray] | None:
    """All as vectors, an empty one for None; None unless p and the others but the last can be written in place."""
    if p.size < enough or p.dtype not in FLOATS:
        return None
    arrays = [p, *(a for a in others if a is not None)]
    if any(a.dtype != p.dtype or a.shape != p.shape for a in arrays) or not all(a.flags.c_contiguous for a in arrays[:-1]):
        return None
    return [np.empty(0, p.dtype) if a is None else np.ascontiguousarray(a).reshape(-1) for a in (p, *others)]


def sgd_(b: Any, p: Any, g: Any, buf: Any, lr: Any, momentum: float, dampening: float, weight_decay: float, nesterov: bool,
         maximize: bool) -> Any:  # fmt: skip
    lines, t = flat(MANY, p, buf, g), p.dtype.type
    if lines is not None and getattr(lr, "dtype", p.dtype) == p.dtype:
        p_, buf_, g_ = lines
        numbers = (t(lr), t(momentum), t(1 - dampening), t(weight_decay))
        if run(loops.sgd, p_, g_, buf_, *numbers, nesterov, maximize):
            return p
    return slow("sgd_")(b, p, g, buf, lr, momentum, dampening, weight_decay, nesterov, maximize)


def adam_(b: Any, p: Any, g: Any, m: Any, v: Any, step: Any, largest: Any, lr: Any, betas: tuple, eps: float,
          weight_decay: float, decoupled: bool, maximize: bool) -> Any:  # fmt: skip
    lines, t = flat(ENOUGH, p, m, v, largest, g), p.dtype.type
    if lines is not None:
        (beta1, beta2), n, rate = betas, float(step) + 1, float(lr)
        p_, m_, v_, largest_, g_ = lines
        shrink, decay = (1 - rate * weight_decay, 0) if decoupled else (1, weight_decay)
        numbers = (shrink, decay, 1 - beta1, beta2, 1 - beta2, rate / (1 - beta1**n), (1 - beta2**n) ** 0.5, eps)
        if run(loops.adam, p_, g_, m_, v_, largest_, *map(t, numbers), maximize):
            step += 1
            return p
    return slow("adam_")(b, p, g, m, v, step, largest, lr, betas, eps, weight_decay, decoupled, maximize)


def group_norm(b: Any, x: Any, weight: Any, bias: Any, groups: int, eps: float) -> tuple:
    found = layout(x, groups) if x.size >= ENOUGH else None
    if found is not None:
        seen, line, t = found.seen(x), found.groups * found.channels, x.dtype
        y, mean, rstd = found.room(x), *(np.empty((found.n, groups), t) for _ in range(2))
        w = np.ones(line, t) if weight is None else np.ascontiguousarray(weight)
        c = np.zeros(line, t) if bias is None else np.ascontiguousarray(bias)
        if found.last:
            x_, y_ = (v.reshape(found.n, found.cells, line) for v in (seen, found.seen(y)))
            done = run(loops.group_norm_last, x_, w, c, eps, np.empty((4, line), t), y_, mean, rstd, free=True)
        else:
            w, c = w.reshape(groups, -1), c.reshape(groups, -1)
            done = run(loops.group_norm, seen, w, c, eps, t.type(0), found.seen(y), mean, rstd, free=True)
        if done:
            return y, mean[..., None], rstd[..., None]
    return slow("group_norm")(b, x, weight, bias, groups, eps)


def group_norm_backward(b: Any, g: Any, x: Any, weight: Any, mean: Any, rstd: Any, groups: int) -> tuple:
    found = layout(x, groups) if x.size >= ENOUGH and g.dtype == x.dtype else None
    if found is not None:
        seen, arrived, line, t = found.seen(x), found.seen(g), found.groups * found.channels, x.dtype
        dx, changes = found.room(x), np.zeros((2, line))
        w, mu, r = np.ones(line, t) if weight is None else np.ascontiguousarray(weight), mean[..., 0], rstd[..., 0]
        if found.last:
            g_, x_, dx_ = (v.reshape(found.n, found.cells, line) for v in (arrived, seen, found.seen(dx)))
            done = run(loops.group_norm_last_backward, g_, x_, w, mu, r, np.empty((6, line), t), dx_, *changes, free=True)
        else:
            dw, db = changes.reshape(2, groups, -1)
            args = (arrived, seen, w.reshape(groups, -1), mu, r, t.type(0), found.seen(dx), dw, db, np.empty(2, t))
            done = run(loops.group_norm_backward, *args, free=True)
        if done:
            return dx, *changes.astype(t)
    return slow("group_norm_backward")(b, g, x, weight, mean, rstd, groups)


def index_add(b: Any, n: int, index: Any, source: Any) -> Any:
    fine = source.ndim > 1 and source.size >= MANY and source.dtype in FLOATS and index.dtype == np.int64
    if fine and index.min() >= 0 and index.max() < n:
        out = np.zeros((n, *source.shape[1:]), source.dtype)
        if run(loops.index_add, np.ascontiguousarray(index), rows(source), rows(out)):
            return out
    return slow("index_add")(b, n, index, source)


def rows(x: np.ndarray) -> np.ndarray:
    """x as a dense matrix, its first dimension the rows."""
    return np.ascontiguousarray(x).reshape(x.shape[0], math.prod(x.shape[1:]))


def max_pool_input(b: Any, g: Any, x: Any, best: Any, kernel: tuple, window: Any) -> Any:
    if x.ndim == 4 and x.size >= ENOUGH and x.dtype in FLOATS and g.dtype in FLOATS:
        dx = np.zeros(x.shape, g.dtype)
        g_, x_, best_, dx_ = (np.ascontiguousarray(a).reshape(-1, *a.shape[2:]) for a in (g, x, best, dx))
        frame = (tuple(kernel), tuple(window.stride), tuple(window.padding), tuple(window.dilation))
        if run(loops.max_pool_input, g_, x_, best_, *frame, dx_):
            return dx
    return slow("max_pool_input")(b, g, x, best, kernel, window)


_KERNELS: list[Callable] = [sgd_, adam_, group_norm, group_norm_backward, index_add, max_pool_input]
NUMBA_KERNELS: dict[str, Any] = {f.__name__: f for f in _KERNELS}
