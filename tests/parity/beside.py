"""One call made in minigrad and in PyTorch: value, first and second derivative side by side; and tables of such
calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import backends
from minigrad.autograd import grad

torch = pytest.importorskip("torch")
strict = pytest.importorskip("array_api_strict")
STRICT = str(backends.array_api(strict, "strict").device)

RNG = np.random.default_rng(0)


def found(module: Any, what: Any) -> Callable:
    """The function of a dotted name in minigrad or torch; a callable takes the module as its first argument."""
    if callable(what):
        return lambda *xs, **options: what(module, *xs, **options)
    for part in what.split("."):
        module = getattr(module, part)
    return module


def flat(outputs: Any) -> list:
    """All tensors (and plain answers) among nested outputs."""
    if isinstance(outputs, (tuple, list)) and not hasattr(outputs, "numel"):
        return [t for o in outputs for t in flat(o)]
    return [outputs]


def host(t: Any) -> np.ndarray:
    return np.asarray(t.detach().numpy(force=True) if hasattr(t, "detach") else t)  # copied from where it lives


def lifted(make: Callable, x: Any, wanted: bool) -> Any:
    """Arrays among (nested) arguments as tensors; floating ones ask for a gradient."""
    if isinstance(x, np.ndarray):
        t = make(x.copy()) if x.flags.c_contiguous else make(np.ascontiguousarray(x.T)).permute(*reversed(range(x.ndim)))
        return t.requires_grad_() if wanted and x.dtype.kind == "f" else t
    if isinstance(x, (list, tuple)):
        made = [lifted(make, v, wanted) for v in x]
        return made if isinstance(x, list) else tuple(made)
    return x


def leaves(args: tuple) -> list:
    return [t for t in flat(args) if hasattr(t, "requires_grad") and t.requires_grad]


def derivatives(module: Any, what: Any, args: tuple, options: dict, order: int, device: str = "cpu") -> list[list[np.ndarray]]:
    """[values, first derivatives, second derivatives], as far as `order` goes."""

    def make(x: Any) -> Any:
        return module.tensor(x, device=device)

    ins = tuple(lifted(make, a, order > 0) for a in args)
    named = {key: lifted(make, value, order > 0) for key, value in options.items()}
    outs = flat(found(module, what)(*ins, **named))
    answers = [[host(o) for o in outs]]
    if not order:
        return answers
    bits = np.random.default_rng(1)
    at = leaves((*ins, *named.values()))
    seeds = [make(bits.standard_normal(tuple(o.shape))).requires_grad_() for o in outs if host(o).dtype.kind == "f"]
    tops = [o for o in outs if host(o).dtype.kind == "f"]
    pairs = [(o, seed) for o, seed in zip(tops, seeds, strict=True) if o.requires_grad]
    first = derived(module, pairs, at, order > 1)
    answers.append([zeroed(g, x) for g, x in zip(first, at, strict=True)])
    if order > 1:
        weighed = [(g, make(bits.standard_normal(tuple(x.shape)))) for g, x in zip(first, at, strict=True)]
        points = [*at, *seeds]
        second = derived(module, [(g, w) for g, w in weighed if g is not None and g.requires_grad], points, False)
        answers.append([zeroed(g, x) for g, x in zip(second, points, strict=True)])
    return answers


def derived(module: Any, pairs: list, at: list, create: bool) -> Any:
    """The gradients of sum(output * weight) at some tensors, None where there is none."""
    if not pairs or not at:
        return [None] * len(at)
    take = grad if module is minigrad else torch.autograd.grad
    return take([o for o, _ in pairs], at, [w for _, w in pairs], create_graph=create, allow_unused=True)


def zeroed(g: Any, x: Any) -> np.ndarray:
    return np.zeros(tuple(x.shape)) if g is None else host(g)


def compare(what: Any, args: tuple, options: dict, order: int = 2, tol: float = 1e-10) -> None:
    """Value and derivatives up to `order` equal PyTorch's."""
    with np.errstate(all="ignore"):
        ours = derivatives(minigrad, what, args, options, order)
        theirs = derivatives(torch, what, args, options, order)
    for level, (mine, yours) in enumerate(zip(ours, theirs, strict=True)):
        assert len(mine) == len(yours), f"{len(mine)} results at level {level}, PyTorch has {len(yours)}"
        for k, (got, want) in enumerate(zip(mine, yours, strict=True)):
            says = f"derivative {level}, number {k}"
            assert got.shape == want.shape, f"{says}: shape {got.shape}, expected {want.shape}"
            assert got.dtype == want.dtype, f"{says}: {got.dtype}, expected {want.dtype}"
            np.testing.assert_allclose(got, want, rtol=tol, atol=tol, err_msg=says)


def compare_strict(what: Any, args: tuple, options: dict, order: int = 2, tol: float = 1e-10) -> None:
    """The same on a strict Array-API namespace as on NumPy."""
    with np.errstate(all="ignore"):
        here, there = (derivatives(minigrad, what, args, options, order, device) for device in ("cpu", STRICT))
    for mine, yours in zip(here, there, strict=True):
        for got, want in zip(yours, mine, strict=True):
            assert got.shape == want.shape and got.dtype == want.dtype
            np.testing.assert_allclose(got, want, rtol=tol, atol=tol)


# -- inputs ----------------------------------------------------------------------------------------------------------


def normal(*size: int) -> np.ndarray:
    return RNG.standard_normal(size)


def positive(*size: int) -> np.ndarray:
    return RNG.uniform(0.3, 2.0, size)


def inside(*size: int) -> np.ndarray:
    return RNG.uniform(-0.9, 0.9, size)


def whole(low: int, high: int, *size: int) -> np.ndarray:
    return RNG.integers(low, high, size)


def turned(*size: int) -> np.ndarray:
    """Not contiguous: a transposed array."""
    return normal(*size[::-1]).T


# -- tables ----------------------------------------------------------------------------------------------------------


class Table:
    """Rows of calls, as parameters of a test: `row(what, *args, order=2, tol=1e-10, **options)`.

    `what` is a dotted name or a function of the module; `order` how many derivatives are compared.
    """

    def __init__(self) -> None:
        self.rows: list[Any] = []
        self.taken: dict[str, int] = {}

    def __call__(self, what: Any, *args: Any, order: int = 2, tol: float = 1e-10, name: str = "", **options: Any) -> None:
        name = name or what
        count = self.taken[name] = self.taken.get(name, 0) + 1
        self.rows.append(pytest.param(what, args, options, order, tol, id=f"{name}-{count}"))

    def tests(self, only_numpy: str | None = None) -> tuple[Callable, Callable]:
        """The tests of all rows: beside PyTorch, and on a strict namespace but for those named `only_numpy`."""
        names = ("what", "args", "options", "order", "tol")

        @pytest.mark.parametrize(names, self.rows)
        def like_pytorch(what: Any, args: tuple, options: dict, order: int, tol: float) -> None:
            compare(what, args, options, order, tol)

        @pytest.mark.parametrize(names, [row for row in self.rows if only_numpy is None or only_numpy not in row.id])
        def on_a_strict_namespace(what: Any, args: tuple, options: dict, order: int, tol: float) -> None:
            compare_strict(what, args, options, order, tol)

        return like_pytorch, on_a_strict_namespace
