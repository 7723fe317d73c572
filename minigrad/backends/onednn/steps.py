"""Optimizers' steps on oneDNN: each pass over a parameter on all threads, and no arrays between the passes but one."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..numba_kernels import NUMBA_KERNELS
from .library import ADD, AFTER_NEXT, DIVIDE, DST, MULTIPLY, SCALES, SRC, SUBTRACT, Library
from .primitive import FLOAT32, Primitive, compiled, fits

ENOUGH = 1 << 15  # elements; below, NumPy's passes over the cache are as fast
MANY = 1 << 20  # beyond, Adam's four passes leave the cache, and Numba's one is worth the memory that it takes
OTHER = SRC + 1


def arithmetic(lib: Library, kind: int, size: int, attributes: Any, *numbers: int, single: bool = False) -> Primitive:
    """The sum, product ... of two vectors, or of a vector and a `single` number, in one pass: run(x, y, out, *numbers).

    Tried once when it is made: a step that fails half-way can't be taken back.
    """
    vector, one = lib.desc((size,), (1,)), lib.desc((1,), (1,))
    other = one if single else vector
    desc = lib.make("binary_primitive_desc_create", lib.engine, kind, vector, other, vector, attributes)
    made = Primitive(lib, desc, [(SRC, vector), (OTHER, other), (DST, vector), *((n, one) for n in numbers)])
    made.run(x := np.ones(size, FLOAT32), x[:1] if single else x, x, *[number(1) for _ in numbers])
    return made


class Mixed:
    """a x + b y for vectors of `size` numbers, with a and b given in each call."""

    def __init__(self, lib: Library, size: int) -> None:
        self.run = arithmetic(lib, ADD, size, lib.with_scales(SRC, OTHER), SCALES | SRC, SCALES | OTHER).run

    @staticmethod
    def work(size: int) -> float:
        return 150.0 * size  # a second thread pays from 2^17 elements on


class Moments:
    """The passes of Adam: m <- m + (a g - b m); v <- beta2 v + (1 - beta2) g g; t <- sqrt(v) + a; p <- p + a m / t."""

    def __init__(self, lib: Library, size: int, beta2: float) -> None:
        scaled = lib.with_scales(SRC, OTHER, attributes=lib.adding(1.0, 1.0))
        self.mean = arithmetic(lib, SUBTRACT, size, scaled, SCALES | SRC, SCALES | OTHER).run
        self.square = arithmetic(lib, MULTIPLY, size, lib.adding(1 - beta2, beta2)).run
        after = lib.root_plus(lib.desc((1,), (1,)))
        self.root = arithmetic(lib, ADD, size, after, AFTER_NEXT | OTHER, single=True).run
        self.move = arithmetic(lib, DIVIDE, size, lib.with_scales(SRC, attributes=lib.adding(1.0, 1.0)), SCALES | SRC).run

    @staticmethod
    def work(size: int, beta2: float) -> float:
        return 300.0 * size  # square roots and quotients


def number(x: float) -> np.ndarray:
    return np.array([x], FLOAT32)


def mixed(a: float, x: np.ndarray, b: float, y: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """a x + b y, into `out`, which may be x, if that is given."""
    out = np.empty_like(x) if out is None else out
    compiled(Mixed, x.size).run(x, y, out, number(a), number(b))
    return out


def served(lr: Any, p: Any, *others: Any) -> bool:
    """Whether these kernels serve: vectors that are long enough, of one shape, with their elements side by side."""
    if p.size < ENOUGH or not fits(p, *others) or getattr(lr, "dtype", FLOAT32) != FLOAT32 or compiled(Mixed, p.size) is None:
        return False
    return all(a is None or (a.flags.c_contiguous and a.shape == p.shape) for a in (p, *others))


def sgd_(b: Any, p: Any, g: Any, buf: Any, lr: Any, momentum: float, dampening: float, weight_decay: float, nesterov: bool,
         maximize: bool) -> Any:  # fmt: skip
    if not served(lr, p, g, buf):
        return NUMBA_KERNELS["sgd_"](b, p, g, buf, lr, momentum, dampening, weight_decay, nesterov, maximize)
    sign = -1.0 if maximize else 1.0
    if weight_decay:
        g, sign = mixed(sign, g, weight_decay, p), 1.0
    if buf is not None:
        mixed(momentum, buf, sign * (1 - dampening), g, buf)
        g, sign = mixed(sign, g, momentum, buf) if nesterov else buf, 1.0
    return mixed(1.0, p, -float(lr) * sign, g, p)


def adam_(b: Any, p: Any, g: Any, m: Any, v: Any, step: Any, largest: Any, lr: Any, betas: tuple, eps: float,
          weight_decay: float, decoupled: bool, maximize: bool) -> Any:  # fmt: skip
    fine = largest is None and p.size < MANY and served(lr, p, g, m, v)
    moments = compiled(Moments, p.size, betas[1]) if fine else None
    if moments is None:
        return NUMBA_KERNELS["adam_"](b, p, g, m, v, step, largest, lr, betas, eps, weight_decay, decoupled, maximize)
    (beta1, beta2), sign, rate = betas, -1.0 if maximize else 1.0, float(lr)
    if weight_decay and decoupled:
        p *= 1 - rate * weight_decay
    elif weight_decay:
        g, sign = mixed(sign, g, weight_decay, p), 1.0
    step += 1
    n = float(step)
    size, root = rate / (1 - beta1**n), (1 - beta2**n) ** 0.5
    moments.mean(g, m, m, number(sign * (1 - beta1)), number(1 - beta1))
    moments.square(g, g, v)
    t = np.empty_like(p)
    moments.root(v, number(0), t, number(eps * root))  # size m / (sqrt(v) / root + eps), with root in another place
    moments.move(m, t, p, number(-size * root))
    return p
