"""LAPACK's own names for factors and solutions: QR as reflections, products with them, and triangular systems."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..backends import GradError, ShapeError
from ..core import MODE, Tensor
from ..ops.create import as_tensor, eye
from ..ops.diagonal import tril
from ..ops.linalg import solve_triangular
from ..ops.operands import tensor_of
from ..ops.pieces import conj
from ..ops.results import returned
from ..ops.shape import mT, narrow


@returned("geqrf")
class Reflections(NamedTuple):
    """What `geqrf` gives: R on and above the diagonal of `a`, the reflections below, and their factors."""

    a: Tensor
    tau: Tensor


def geqrf(input: Tensor) -> Reflections:
    """A = Q R with Q as reflections 1 - tau_i v_i v_i^H, for `linalg.householder_product` and `ormqr`; (..., m, n).

    Raises GradError where a gradient is asked for, as PyTorch does. Hint: linalg.qr has one.
    """
    x = tensor_of("geqrf", input)
    if x.ndim < 2:
        raise ShapeError(f"geqrf: input must have at least 2 dimensions, got shape {tuple(x.shape)}")
    if x.requires_grad and MODE.get().grad:
        raise GradError("geqrf: the derivative is not implemented. Hint: linalg.qr")
    a, tau = np.linalg.qr(x.numpy(force=True), "raw")
    kind = {"dtype": x.dtype, "device": x.device}
    return Reflections(as_tensor(np.ascontiguousarray(np.swapaxes(a, -2, -1)), **kind), as_tensor(tau, **kind))


def ormqr(input: Tensor, tau: Tensor, other: Tensor, left: bool = True, transpose: bool = False) -> Tensor:
    """Q other (other Q unless `left`), Q or its (conjugate) transpose the whole orthogonal matrix of `geqrf`'s reflections.

    input (..., m, k), tau (..., k), other (..., m, n), or (..., n, m) unless `left`.
    """
    x, y = tensor_of("ormqr", input), tensor_of("ormqr", other, "other")
    m = x.shape[-2] if x.ndim > 1 else -1
    if x.ndim < 2 or y.ndim != x.ndim or y.shape[-2 if left else -1] != m or tuple(tau.shape) != (*x.shape[:-2], tau.shape[-1]):
        raise ShapeError(f"ormqr: expected input (..., m, k), tau (..., k) and other with m {'rows' if left else 'columns'}, "
                         f"got {tuple(x.shape)}, {tuple(tau.shape)} and {tuple(y.shape)}")  # fmt: skip
    v = tril(x, -1) + eye(m, x.shape[-1], dtype=x.dtype, device=x.device)
    order = range(tau.shape[-1])
    for i in order if left == transpose else reversed(order):
        column, factor = narrow(v, -1, i, 1), narrow(tau, -1, i, 1).unsqueeze(-1)
        row, factor = conj(mT(column)), conj(factor) if transpose else factor
        y = y - factor * (column @ (row @ y) if left else (y @ column) @ row)
    return y


@returned("triangular_solve")
class Solution(NamedTuple):
    """What `triangular_solve` gives."""

    solution: Tensor
    cloned_coefficient: Tensor


def triangular_solve(
    b: Tensor, A: Tensor, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> Solution:
    """X with A X = b (A^T X = b if `transpose`), reading one triangle of A, and a copy of A; see `linalg.solve_triangular`."""
    x = tensor_of("triangular_solve", A, "A")
    y = solve_triangular(mT(x) if transpose else x, b, upper=upper != transpose, unitriangular=unitriangular)
    return Solution(y, x.clone())


FACTORS: dict[str, Callable] = {"geqrf": geqrf, "ormqr": ormqr, "triangular_solve": triangular_solve}
