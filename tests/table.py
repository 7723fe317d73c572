"""What a row of the case table is: `Case`, the makers of its inputs, and `case(...)`, which adds one.

`case(what, inputs, want, ...)`: `what` an op or a public function, `inputs` the makers of its arrays (or numbers),
`want` the same in NumPy, `torch` the same in PyTorch (by default the function of the same name, None if there is none),
and the options of the call. Suites ask a case for its `arrays()` or `tensors()` and call it with them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import minigrad
from minigrad.core import Op


@dataclass(frozen=True)
class Case:
    """One call. `wants`: the positions of inputs to differentiate by (None: every floating array)."""

    name: str
    what: Callable
    inputs: tuple
    want: Callable
    torch: Callable | None
    tol: float
    wants: tuple | None
    options: dict = field(hash=False)

    def arrays(self, seed: int = 0) -> list:
        """The inputs: float64, integer and boolean arrays, numbers and None."""
        rng = np.random.default_rng([seed, *self.name.encode()])
        return [make(rng) if callable(make) else make for make in self.inputs]

    def tensors(self, device: str | None = None, seed: int = 0) -> list:
        """The inputs as tensors on a device (the default one), those to differentiate by asking for a gradient."""
        arrays = self.arrays(seed)
        wanted = self.differentiable(arrays)
        return [
            minigrad.tensor(a, device=device, requires_grad=k in wanted) if isinstance(a, np.ndarray) else a
            for k, a in enumerate(arrays)
        ]

    def differentiable(self, arrays: list) -> tuple:
        if self.wants is not None:
            return self.wants
        return tuple(k for k, a in enumerate(arrays) if isinstance(a, np.ndarray) and a.dtype.kind == "f")

    @property
    def has_slope(self) -> bool:
        return bool(self.differentiable(self.arrays()))

    def __call__(self, *inputs: Any) -> Any:
        return self.what(*inputs, **self.options)

    def answer(self, arrays: list) -> list[np.ndarray]:
        return [np.asarray(a) for a in several(self.want(*arrays, **self.options))]


def several(outputs: Any) -> list:
    return list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]


# -- inputs ----------------------------------------------------------------------------------------------------------


def normal(*size: int) -> Callable:
    return lambda rng: rng.standard_normal(size)


def positive(*size: int) -> Callable:
    return lambda rng: rng.uniform(0.3, 2.0, size)


def apart(*size: int) -> Callable:
    """Different sizes in random order: no |x| within 0.05 of another, no x within 0.1 of an integer or a half."""

    def make(rng: Any) -> np.ndarray:
        n = int(np.prod(size))
        return ((rng.permutation(n) - n // 2) * 0.25 + 0.1).reshape(size)

    return make


def whole(low: int, high: int, *size: int) -> Callable:
    return lambda rng: rng.integers(low, high, size)


def maybe(*size: int) -> Callable:
    return lambda rng: rng.random(size) < 0.5


def fixed(values: Any) -> Callable:
    return lambda rng: np.array(values)


# -- rows ------------------------------------------------------------------------------------------------------------

CASES: list[Case] = []
_taken: dict[str, int] = {}


def case(
    what: Any,
    inputs: list,
    want: Any = None,
    torch: Any = "",
    tol: float = 1e-12,
    wants: Any = None,
    name: str = "",
    **options: Any,
) -> None:
    """Add a row. `want` is by default NumPy's function of the op's name, `torch` PyTorch's."""
    called = name or (what.name if isinstance(what, Op) else what.__name__)
    count = _taken[called] = _taken.get(called, 0) + 1
    want = want or getattr(np, called)
    if isinstance(torch, str):
        path = torch or called

        def torch(module: Any, *xs: Any, **opts: Any) -> Any:
            for part in path.split("."):
                module = getattr(module, part)
            return module(*xs, **opts)

    CASES.append(Case(called if count == 1 else f"{called}-{count}", what, tuple(inputs), want, torch, tol, wants, options))
