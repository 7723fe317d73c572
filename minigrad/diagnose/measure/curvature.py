"""Curvature: Hessian-vector products, top eigenvalues by power and Lanczos iteration, full spectra, condition numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...autograd import grad
from ...core import Tensor, mode
from ...ops.functions import cat, dot, eye, randn
from .gradients import norm
from .vectors import Loss, Parameters, parameters_of

BLOCK = 64  # rows of a Hessian that are computed at a time
Apply = Callable[[Tensor], Tensor]  # v -> A v for a symmetric matrix A


class Hessian:
    """The matrix of second derivatives of a loss by a model's parameters, taken as one vector: `H @ v`, `H.dense()`.

    loss    without arguments, called once here: `lambda: loss_of(model(x), y)`
    model   a module or parameters; those that want no gradient are left out
    Products are exact (backpropagation through the gradient, Pearlmutter 1994), and cost about as much as two gradients.
    """

    def __init__(self, loss: Loss, model: Parameters) -> None:
        self.parameters = parameters_of(model)
        self.size = sum(p.numel() for p in self.parameters)
        self.slopes: Any = grad(loss(), self.parameters, create_graph=True, materialize_grads=True)

    def __matmul__(self, v: Tensor) -> Tensor:
        """H v for a vector (size). Raises ValueError for another shape."""
        if tuple(v.shape) != (self.size,):
            raise ValueError(f"Hessian: expected a vector ({self.size},), got {tuple(v.shape)}")
        return self.rows(v.reshape(1, self.size))[0]

    def rows(self, block: Tensor) -> Tensor:
        """block @ H for several vectors in rows (n, size), in one backward pass."""
        roots, seeds, start, one = [], [], 0, len(block) == 1
        for p, g in zip(self.parameters, self.slopes, strict=True):
            if g.requires_grad:
                part = block[:, start : start + p.numel()]
                roots.append(g)
                seeds.append(part.reshape(p.shape) if one else part.reshape(len(block), *p.shape))
            start += p.numel()
        if not roots:  # the loss is linear
            return block * 0.0
        parts: Any = grad(roots, self.parameters, seeds, retain_graph=True, is_grads_batched=not one, materialize_grads=True)
        return cat([part.detach().reshape(len(block), -1) for part in parts], 1)

    def vector(self) -> Tensor:
        """A random vector of the right size, type and device."""
        p = self.parameters[0]
        return randn(self.size, dtype=p.dtype, device=p.device)

    def dense(self) -> Tensor:
        """The whole matrix, (size, size), some rows at a time: for models of a few hundred parameters."""
        p = self.parameters[0]
        unit = eye(self.size, dtype=p.dtype, device=p.device)
        return cat([self.rows(unit[k : k + BLOCK]) for k in range(0, self.size, BLOCK)])

    def spectrum(self) -> np.ndarray:
        """All eigenvalues, the largest first, from the whole matrix."""
        matrix = self.dense().numpy(force=True).astype(np.float64)
        return np.linalg.eigvalsh((matrix + matrix.T) / 2)[::-1].copy()


def hvp(loss: Loss, model: Parameters, v: Tensor) -> Tensor:
    """The Hessian of `loss` by the model's parameters, times v (size): one product. For several, keep a `Hessian`."""
    return Hessian(loss, model) @ v


def power_iteration(apply: Apply, start: Tensor, steps: int = 100, tolerance: float = 1e-6) -> tuple[float, Tensor, int]:
    """The eigenvalue of largest absolute value of a symmetric A, its vector, and the steps taken: v <- A v / |A v|.

    apply   v -> A v, such as `hessian.__matmul__`; start: a (random) vector that is not orthogonal to the answer
    Ends when the eigenvalue changes by less than `tolerance` of itself. Raises ValueError for a start of zeros.
    """
    size = norm(start)
    if not size or steps < 1:
        raise ValueError("power_iteration: expected a start that is not 0, and at least one step")
    with mode(grad=False):
        v, value = start / size, math.inf
        for step in range(1, steps + 1):
            w = apply(v)
            before, value = value, dot(v, w).item()
            length = norm(w)
            if not length:
                return 0.0, v, step
            v = w / length
            if abs(value - before) <= tolerance * abs(value):
                break
    return value, v, step


@dataclass
class Ritz:
    """Eigenvalues of a symmetric matrix from Lanczos iteration, the largest first.

    values      approximate eigenvalues, as many as steps were taken; the outermost converge first
    residuals   |A u - value u| of each, the most by which it can be wrong
    weights     the share of the start vector along each: values and weights together are the spectral density it sees
    vectors     (steps, size), the approximate eigenvectors in rows
    """

    values: np.ndarray
    residuals: np.ndarray
    weights: np.ndarray
    vectors: np.ndarray


def lanczos(apply: Apply, start: Tensor, steps: int = 50) -> Ritz:
    """Lanczos iteration with every new vector made orthogonal to all before it (twice), in float64.

    apply, start as in `power_iteration`. It ends early if the vectors span an invariant subspace: the values are then exact.
    Source: Golub & Van Loan 2013, Matrix Computations, §10.1; weights as in Ghorbani, Krishnan & Xiao 2019.
    """
    v = start.numpy(force=True).astype(np.float64)
    if not np.linalg.norm(v) or steps < 1:
        raise ValueError("lanczos: expected a start that is not 0, and at least one step")
    basis, diagonal, beside = [v / np.linalg.norm(v)], [], []
    for _ in range(min(steps, v.size)):
        w = apply(like(basis[-1], start)).numpy(force=True).astype(np.float64)
        diagonal.append(float(basis[-1] @ w))
        scale = float(np.linalg.norm(w))
        known = np.stack(basis)
        for _ in range(2):
            w = w - known.T @ (known @ w)
        beside.append(float(np.linalg.norm(w)))
        if beside[-1] <= 1e-10 * max(scale, 1e-300) or len(basis) == v.size:
            break
        basis.append(w / beside[-1])
    n = len(diagonal)
    values, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside[: n - 1], 1) + np.diag(beside[: n - 1], -1))
    values, vectors = values[::-1], vectors[:, ::-1]
    return Ritz(values, abs(beside[n - 1] * vectors[-1]), vectors[0] ** 2, vectors.T @ np.stack(basis[:n]))


def like(x: np.ndarray, other: Tensor) -> Tensor:
    """An array as a tensor of another's type, where that one is."""
    return Tensor(other.backend.xp.asarray(x)).to(dtype=other.dtype, device=other.device)


def participation(eigenvalues: Any) -> float:
    """(sum |a|)^2 / sum a^2: how many directions share the curvature; 1 if one has it all, n if all have the same."""
    a = abs(np.asarray(eigenvalues, dtype=np.float64))
    return float(a.sum() ** 2 / (a**2).sum())


@dataclass
class Condition:
    """The condition of X^T X.

    number        largest over smallest eigenvalue; infinite if the rank is less than the number of columns
    eigenvalues   the largest first
    rank          how many are above 0, to rounding
    effective     largest over smallest of those that are above 0
    """

    number: float
    eigenvalues: np.ndarray
    rank: int
    effective: float


def condition(x: Tensor) -> Condition:
    """The condition of the second moments X^T X / n of the n rows of X: how far the bowl of a squared loss is from round.

    x   (n, d), computed in float64 by the singular values of X. Eigenvalues below (max(n, d) eps)^2 of the largest count as 0.
    Raises ValueError for anything but a matrix that is not all 0.
    """
    rows = x.numpy(force=True).astype(np.float64)
    if rows.ndim != 2 or not rows.size or not np.isfinite(rows).all() or not rows.any():
        raise ValueError(f"condition: expected a finite matrix (n, d) that is not all 0, got shape {tuple(x.shape)}")
    s = np.linalg.svd(rows, compute_uv=False)
    n, d = rows.shape
    rank = int((s > s[0] * max(n, d) * np.finfo(np.float64).eps).sum())
    eigenvalues = np.concatenate([s**2 / n, np.zeros(max(0, d - n))])
    effective = float(eigenvalues[0] / eigenvalues[rank - 1])
    return Condition(effective if rank == d else math.inf, eigenvalues, rank, effective)
