"""Gradients against finite differences: `gradcheck` for the first derivative, `gradgradcheck` for the second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..backends import GradError
from ..core import Tensor
from ..ops.create import tensor
from ..ops.random import Generator
from .backward import grad


class GradcheckError(GradError):
    """A derivative that differs from finite differences."""


def gradcheck(
    func: Callable,
    inputs: Any,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
) -> bool:
    """Whether the gradients of `func(*inputs)` agree with central differences, entry by entry of the Jacobian.

    |analytic - numeric| <= atol + rtol |numeric|, numeric = (func(x + eps e) - func(x - eps e)) / (2 eps), by every
    input that requires grad. Floating inputs are copied to float64 first, so float32 inputs are fine and never written.
    Raises GradcheckError with the worst entry (or returns False), also where two backward passes differ by more than
    `nondet_tol`; ValueError if no input requires grad.
    """
    xs = doubled("gradcheck", inputs)
    outputs = floating(func(*xs))
    problem = None
    for i, y in enumerate(outputs):
        analytic, again = jacobian(y, xs), jacobian(y, xs)
        for k in analytic:
            worst = mismatch(analytic[k], differences(func, xs, k, i, eps), atol, rtol, y.shape, xs[k].shape)
            if not problem and worst:
                problem = f"Jacobian mismatch for output {i} by input {k}, worst at {worst}"
            if not problem and np.max(np.abs(analytic[k] - again[k]), initial=0.0) > nondet_tol:
                problem = f"two backward passes of output {i} by input {k} differ by more than nondet_tol={nondet_tol}"
    if problem and raise_exception:
        raise GradcheckError(f"gradcheck: {problem}")
    return problem is None


def gradgradcheck(
    func: Callable,
    inputs: Any,
    grad_outputs: Any = None,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
) -> bool:
    """Whether the second derivatives agree with central differences of the first ones, as in `gradcheck`.

    Checked is (inputs, grad_outputs) -> grad(func(*inputs), inputs, grad_outputs); random grad_outputs if None.
    """
    xs = doubled("gradgradcheck", inputs)
    outputs = floating(func(*xs))
    if grad_outputs is None:
        bits = Generator().manual_seed(0).bits
        seeds = [tensor(bits.standard_normal(tuple(y.shape)), device=y.device).requires_grad_() for y in outputs]
    else:
        seeds = [g.requires_grad_() for g in doubled("gradgradcheck", grad_outputs, some=False)]

    def first(*args: Any) -> tuple:
        values, weights = args[: len(xs)], args[len(xs) :]
        pairs = [(y, g) for y, g in zip(floating(func(*values)), weights, strict=True) if y.requires_grad]
        wanted = [x for x in values if isinstance(x, Tensor) and x.requires_grad]
        if not pairs:
            return ()
        ys, gs = zip(*pairs, strict=True)
        return tuple(g for g in grad(ys, wanted, gs, create_graph=True, allow_unused=True) if g is not None)

    return gradcheck(first, (*xs, *seeds), eps, atol, rtol, raise_exception, nondet_tol)


def doubled(who: str, inputs: Any, some: bool = True) -> list:
    """The inputs as leaves of their own in float64; other than floating tensors stay as they are."""
    given = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    wanted = [isinstance(x, Tensor) and x.requires_grad for x in given]
    if some and not any(wanted):
        raise ValueError(f"{who}: at least one input must be a tensor that requires grad. Hint: .requires_grad_()")
    return [
        tensor(x.detach(), dtype="float64", requires_grad=w) if isinstance(x, Tensor) and x.is_floating_point() else x
        for x, w in zip(given, wanted, strict=True)
    ]


def floating(outputs: Any) -> list:
    """Those of the outputs that can have a gradient."""
    given = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    return [y for y in given if isinstance(y, Tensor) and y.is_floating_point()]


def host(x: Tensor) -> np.ndarray:
    """A copy of the elements, in NumPy."""
    return np.array(x.detach().backend.to_host(x.array), dtype=np.float64)


def jacobian(y: Tensor, xs: list) -> dict[int, np.ndarray]:
    """d y / d x for each input that wants it, one backward pass a row: {position: (y elements, x elements)}."""
    wanted = {k: x for k, x in enumerate(xs) if isinstance(x, Tensor) and x.requires_grad}
    rows = {k: np.zeros((y.numel(), x.numel())) for k, x in wanted.items()}
    for row in range(y.numel() if y.requires_grad else 0):
        seed = np.zeros(y.numel())
        seed[row] = 1.0
        seeds = tensor(seed.reshape(tuple(y.shape)), device=y.device)
        found = grad(y, list(wanted.values()), seeds, retain_graph=True, allow_unused=True)
        for k, g in zip(wanted, found, strict=True):
            if g is not None:
                rows[k][row] = host(g).reshape(-1)
    return rows


def differences(func: Callable, xs: list, k: int, i: int, eps: float) -> np.ndarray:
    """Central differences of output i by input k: (y elements, x elements)."""
    start = host(xs[k])
    columns = []
    for at in range(start.size):
        ends = []
        for step in (eps, -eps):
            moved = start.copy()
            moved.reshape(-1)[at] += step
            x = tensor(moved, device=xs[k].device, requires_grad=True)
            ends.append(host(floating(func(*xs[:k], x, *xs[k + 1 :]))[i]).reshape(-1))
        columns.append((ends[0] - ends[1]) / (2 * eps))
    return np.stack(columns, axis=1) if columns else np.zeros((0, 0))


def mismatch(analytic: np.ndarray, numeric: np.ndarray, atol: float, rtol: float, out: Any, into: Any) -> str | None:
    """The worst entry of two Jacobians in words, or None if all agree; a NaN agrees with nothing."""
    if not numeric.size:
        return None
    excess = np.abs(analytic - numeric) - (atol + rtol * np.abs(numeric))
    excess = np.where(np.isnan(excess), np.inf, excess)
    row, column = np.unravel_index(np.argmax(excess), excess.shape)
    if excess[row, column] <= 0:
        return None
    at, by = (tuple(map(int, np.unravel_index(n, tuple(size)))) for n, size in ((row, out), (column, into)))
    return (
        f"output entry {at} by input entry {by}: analytic {analytic[row, column]:.9g}, numeric "
        f"{numeric[row, column]:.9g}. {int((excess > 0).sum())} of {excess.size} entries differ. "
        "Hint: compare the op's rule with its formula"
    )
