"""Gradients against finite differences: `gradcheck` for the first derivative, `gradgradcheck` for the second."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..backends import GradError
from ..core import Tensor
from ..ops.create import eye, tensor, zeros_like
from ..ops.pieces import view_as_complex, view_as_real
from ..ops.random import Generator
from ..ops.shape import stack
from .backward import grad, listed
from .transforms import jvp
from .vmap import vmap


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
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Whether the gradients of `func(*inputs)` agree with central differences, entry by entry of the Jacobian.

    |analytic - numeric| <= atol + rtol |numeric|, numeric = (func(x + eps e) - func(x - eps e)) / (2 eps), by every
    input that requires grad. Floating inputs are copied to float64 first, so float32 inputs are fine and never written.
    Complex inputs and outputs count as their real and imaginary parts, in a last dimension of 2.
    Raises GradcheckError with the worst entry (or returns False), also where two backward passes differ by more than
    `nondet_tol`; ValueError if no input requires grad. `check_forward_ad` checks forward mode in the same way, and
    `check_batched_grad` and `check_batched_forward_grad` that `vmap` over directions gives the same. A gradient of zeros
    must give zeros. The other switches are accepted: every entry is always checked, every output alone (so that the others
    have no gradient), and the engine gives a gradient in its input's type.
    """
    if not (check_backward_ad or check_forward_ad):
        raise ValueError("gradcheck: expected at least one of check_forward_ad or check_backward_ad to be True")
    if check_batched_grad and not check_backward_ad:
        raise ValueError("gradcheck: check_batched_grad=True requires check_backward_ad to be True")
    if check_batched_forward_grad and not check_forward_ad:
        raise ValueError("gradcheck: check_batched_forward_grad=True requires check_forward_ad to be True")
    func, inputs = in_parts(func, inputs)
    xs = doubled("gradcheck", inputs)
    outputs = floating(func(*xs))
    problem = None
    for i, y in enumerate(outputs):
        ways: dict[str, dict[int, np.ndarray]] = {}
        if check_backward_ad:
            ways["Jacobian mismatch"], again = jacobian(y, xs), jacobian(y, xs)
        if check_batched_grad:
            ways["Jacobian mismatch of batched gradients"] = batched_rows(y, xs)
        if check_forward_ad:
            ways["Jacobian mismatch in forward mode"] = forward(func, xs, i, False)
        if check_batched_forward_grad:
            ways["Jacobian mismatch of batched tangents"] = forward(func, xs, i, True)
        for what, analytic in ways.items():
            for k, entries in analytic.items():
                worst = mismatch(entries, differences(func, xs, k, i, eps), atol, rtol, y.shape, xs[k].shape)
                if not problem and worst:
                    problem = f"{what} for output {i} by input {k}, worst at {worst}"
        if check_backward_ad and not problem:
            for k, entries in ways["Jacobian mismatch"].items():
                if np.max(np.abs(entries - again[k]), initial=0.0) > nondet_tol:
                    problem = f"two backward passes of output {i} by input {k} differ by more than nondet_tol={nondet_tol}"
        if check_backward_ad and not problem and y.requires_grad:
            wanted = [x for x in xs if isinstance(x, Tensor) and x.requires_grad]
            for k, g in enumerate(grad(y, wanted, zeros_like(y), retain_graph=True, allow_unused=True)):
                if g is not None and (most := np.abs(host(g)).max(initial=0.0)):
                    problem = (
                        f"backward of output {i} by input {k} is not multiplied by grad_output: of zeros it gave {most:.3g}"
                    )
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
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Whether the second derivatives agree with central differences of the first ones, as in `gradcheck`.

    Checked is (inputs, grad_outputs) -> grad(func(*inputs), inputs, grad_outputs); random grad_outputs if None
    (with strides if `gen_non_contig_grad_outputs`). `check_fwd_over_rev` checks forward mode over the gradients too.
    """
    func, inputs = in_parts(func, inputs)
    xs = doubled("gradgradcheck", inputs)
    outputs = floating(func(*xs))
    if grad_outputs is None:
        bits = Generator(stream="pcg64").manual_seed(0).bits
        seeds = [tensor(bits.standard_normal(tuple(y.shape)), device=y.device).requires_grad_() for y in outputs]
        if gen_non_contig_grad_outputs:
            seeds = [stack([g.detach()] * 2, dim=-1)[..., 0].requires_grad_() for g in seeds]
    else:
        seeds = [g.requires_grad_() for g in doubled("gradgradcheck", in_parts(func, grad_outputs)[1], some=False)]

    def first(*args: Any) -> tuple:
        values, weights = args[: len(xs)], args[len(xs) :]
        pairs = [(y, g) for y, g in zip(floating(func(*values)), weights, strict=True) if y.requires_grad]
        wanted = [x for x in values if isinstance(x, Tensor) and x.requires_grad]
        if not pairs:
            return ()
        ys, gs = zip(*pairs, strict=True)
        return tuple(g for g in grad(ys, wanted, gs, create_graph=True, allow_unused=True) if g is not None)

    return gradcheck(first, (*xs, *seeds), eps, atol, rtol, raise_exception, nondet_tol, check_batched_grad=check_batched_grad,
                     check_forward_ad=check_fwd_over_rev, check_backward_ad=check_rev_over_rev)  # fmt: skip


def in_parts(func: Callable, inputs: Any) -> tuple[Callable, list]:
    """A function and its inputs, with the real and imaginary parts of complex numbers in their place."""
    given = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    paired = [isinstance(x, Tensor) and x.dtype.is_complex for x in given]

    def on_parts(*xs: Any) -> Any:
        out = func(*[view_as_complex(x) if pair else x for x, pair in zip(xs, paired, strict=True)])
        ys = [view_as_real(y) if isinstance(y, Tensor) and y.dtype.is_complex else y for y in listed(out)]
        return ys[0] if isinstance(out, Tensor) else tuple(ys)

    return on_parts, [view_as_real(x.detach()).requires_grad_(x.requires_grad) if pair else x
                      for x, pair in zip(given, paired, strict=True)]  # fmt: skip


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


def batched_rows(y: Tensor, xs: list) -> dict[int, np.ndarray]:
    """`jacobian`, all rows in one pass."""
    wanted = {k: x for k, x in enumerate(xs) if isinstance(x, Tensor) and x.requires_grad}
    seeds = eye(y.numel(), dtype="float64", device=y.device).reshape(y.numel(), *y.shape)
    if not y.requires_grad or not y.numel():
        return jacobian(y, xs)
    found = grad(y, list(wanted.values()), seeds, True, is_grads_batched=True, materialize_grads=True)
    return {k: host(g).reshape(y.numel(), -1) for (k, _), g in zip(wanted.items(), found, strict=True) if g is not None}


def forward(func: Callable, xs: list, i: int, together: bool) -> dict[int, np.ndarray]:
    """The Jacobian of output i by each input that wants it, by forward mode, a column a direction or all `together`."""
    found = {}
    for k, x in enumerate(xs):
        if not isinstance(x, Tensor) or not x.requires_grad:
            continue

        def output(at: Tensor, k: int = k) -> Tensor:
            return floating(func(*xs[:k], at, *xs[k + 1 :]))[i]

        along = partial(tangent, output, x)

        directions = eye(x.numel(), dtype="float64", device=x.device).reshape(x.numel(), *x.shape)
        columns = list(vmap(along)(directions)) if together and x.numel() else [along(t) for t in directions]
        found[k] = np.stack([host(c).reshape(-1) for c in columns], axis=1) if columns else np.zeros((0, 0))
    return found


def tangent(function: Callable, x: Tensor, direction: Tensor) -> Tensor:
    """The derivative of a function at x along one direction, by forward mode."""
    return jvp(function, (x,), (direction,))[1]


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
