"""Single functions of large arrays beside NumPy's own: `python -m benchmarks.arrays [--limit 1.5] [name ...]`.

Both take turns, so that whatever else the machine does meets both. Without gradients: what is measured is what minigrad adds
to NumPy's time on arrays of 4 MB. Exits with 1 if a function takes more than `--limit` times as long.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np

import minigrad

SIZE = 1000
RNG = np.random.default_rng(0)


def operands() -> dict[str, np.ndarray]:
    """The arrays that the functions below name."""
    x = RNG.standard_normal((SIZE, SIZE), dtype=np.float32)
    return {
        "x": x,
        "w": x[::-1].copy(),
        "v": x[0].copy(),
        "mask": x > 0,
        "rows": RNG.permutation(SIZE),
        "places": RNG.integers(0, SIZE, (SIZE, SIZE)),
        "stack": x[:896, :896].reshape(49, 128, 128).copy(),
    }


Functions = tuple[Callable[..., Any], Callable[..., Any]]  # in NumPy and in minigrad, of the operands as keywords


def reduction(name: str, dim: int | None) -> Functions:
    options = {"correction": 0} if name in ("var", "std") else {}
    ours = getattr(minigrad, f"a{name}" if name in ("max", "min") else name)
    whole = () if name in ("max", "min") and dim is None else dim
    return (lambda x, **_: getattr(np, name)(x, axis=dim)), (lambda x, **_: ours(x, dim=whole, **options))


def contraction(equation: str) -> Functions:
    left, _, right = equation.partition("->")[0].partition(",")

    def factors(x: Any, w: Any, v: Any, stack: Any) -> list:
        chosen = {"i": v, "j": v, "ij": x, "jk": w, "bij": stack, "bjk": stack}
        return [chosen[left], *([w if right == "ij" else chosen[right]] if right else [])]

    def numpy(x: Any, w: Any, v: Any, stack: Any, **_: Any) -> np.ndarray:
        return np.ascontiguousarray(np.einsum(equation, *factors(x, w, v, stack), optimize=True))

    def ours(x: Any, w: Any, v: Any, stack: Any, **_: Any) -> Any:
        return minigrad.einsum(equation, *factors(x, w, v, stack)).contiguous()

    return numpy, ours


def erased(x: Any, mask: Any, **_: Any) -> Any:
    y = x.copy() if isinstance(x, np.ndarray) else x.clone()
    y[mask] = 0.0
    return y


FUNCTIONS: dict[str, Functions] = {
    "x[mask]": (lambda x, mask, **_: x[mask],) * 2,
    "x[mask] = 0": (erased, erased),
    "x[rows]": (lambda x, rows, **_: x[rows],) * 2,
    "x[:, rows]": (lambda x, rows, **_: x[:, rows],) * 2,
    "x[rows, rows]": (lambda x, rows, **_: x[rows[:, None], rows],) * 2,
    "gather": (lambda x, places, **_: np.take_along_axis(x, places, 1), lambda x, places, **_: x.gather(1, places)),
    "where": (lambda x, mask, **_: np.where(mask, x, 0), lambda x, mask, **_: minigrad.where(mask, x, 0)),
    "cat rows": (lambda x, w, **_: np.concatenate([x, w]), lambda x, w, **_: minigrad.cat([x, w])),
    "cat columns": (lambda x, w, **_: np.concatenate([x, w], 1), lambda x, w, **_: minigrad.cat([x, w], 1)),
    "stack": (lambda x, w, **_: np.stack([x, w]), lambda x, w, **_: minigrad.stack([x, w])),
    "cumsum": (lambda x, **_: np.cumsum(x, 1), lambda x, **_: minigrad.cumsum(x, 1)),
    **{f"{f} {d}": reduction(f, d) for f in "sum mean var std max min any all".split() for d in (None, 0, 1)},
    **{f"{f} {d}": reduction(f, d) for f in ("prod", "argmax") for d in (0, 1)},
    **{e: contraction(e) for e in """ij,jk->ik ij,j->i ij,i->j ij->ji ij-> ij->i ij->j ij,ij-> ij,ij->i ij,ij->ij i,j->ij
        bij,bjk->bik""".split()},
}  # fmt: skip


def ratio(name: str, rounds: int = 25) -> tuple[float, float, float]:
    """The best time of NumPy's function and of minigrad's, in ms, and how many times as long the latter is."""
    arrays = operands()
    tensors = {key: minigrad.from_numpy(a) for key, a in arrays.items()}
    turns = []
    for _ in range(rounds + 2):
        times = []
        for function, given in zip(FUNCTIONS[name], (arrays, tensors), strict=True):
            start = perf_counter()
            function(**given)
            times.append(1000 * (perf_counter() - start))
        turns.append(times)
    theirs, ours = np.array(turns[2:]).min(axis=0).tolist()  # the first two warm up
    return theirs, ours, ours / theirs


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.arrays", description="Single functions beside NumPy's own.")
    parser.add_argument("--limit", type=float, default=1.5, help="how many times NumPy's time is allowed (%(default)s)")
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(FUNCTIONS)}")
    args = parser.parse_args()
    unknown = [name for name in args.names if name not in FUNCTIONS]
    if unknown:
        parser.error(f"no function {', '.join(unknown)}; there are {', '.join(FUNCTIONS)}")
    slow = []
    print(f"{'':16}{'numpy':>10}{'minigrad':>10}{'ratio':>8}")
    for name in args.names or FUNCTIONS:
        theirs, ours, times = ratio(name)
        print(f"{name:16}{theirs:8.3f}ms{ours:8.3f}ms{times:8.2f}", flush=True)
        if times > args.limit:
            slow.append(name)
    print(f"above {args.limit}: {', '.join(slow) or 'none'}")
    return int(bool(slow))


if __name__ == "__main__":
    sys.exit(main())
