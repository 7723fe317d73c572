"""LU, the exponential, condition numbers, Householder products and what else `linalg` has, beside PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad

from .beside import Table, normal, torch

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # PyTorch's, of old names
row = Table()
strong = [normal(*size) + 3 * np.eye(*size[-2:]) for size in ((3, 3), (2, 3, 3))]

for size in ((3, 3), (4, 3), (3, 4), (2, 3, 3), (2, 4, 2), (1, 1), (2, 3, 5)):
    row(lambda m, a: list(m.linalg.lu(a)), normal(*size), tol=1e-8, name="lu")
    row(lambda m, a: list(m.linalg.lu_factor(a)), normal(*size), tol=1e-8, name="lu_factor")
row(lambda m, a: list(m.linalg.lu(a))[1:], normal(0, 0), name="lu-empty", order=0)
row(lambda m, a: list(m.linalg.lu_factor_ex(a)), np.array([[1.0, 2.0], [2.0, 4.0]]), order=0, name="lu_factor_ex")
row(lambda m, a: list(m.linalg.lu_factor_ex(a)), np.zeros((2, 3, 3)), order=0, name="lu_factor_ex")


def solved(m: Any, a: Any, b: Any, **options: Any) -> Any:
    return m.linalg.lu_solve(*m.linalg.lu_factor(a), b, **options)


for a in strong:
    for left in (True, False):
        for adjoint in (True, False):
            row(solved, a, normal(3, 3), left=left, adjoint=adjoint, name="lu_solve", tol=1e-9)
row(solved, strong[0], normal(2, 3, 1), name="lu_solve", tol=1e-9)
row(lambda m, a, b: m.lu_solve(b, *m.linalg.lu_factor(a)), strong[0], normal(3, 2), name="top lu_solve", tol=1e-9)
row(lambda m, a: list(m.lu_unpack(*m.linalg.lu_factor(a))), normal(4, 3), name="lu_unpack", tol=1e-9)

for scale in (0.01, 1.0, 7.0):
    row("linalg.matrix_exp", normal(3, 3) * scale, tol=1e-8, order=2 if scale < 5 else 1)
row("linalg.matrix_exp", normal(2, 4, 4), tol=1e-8)
row("linalg.matrix_exp", np.zeros((2, 2)))
row("linalg.matrix_exp", normal(0, 0))
row("matrix_exp", np.array([[0.0, 1.0], [0.0, 0.0]]))


def product(m: Any, a: Any, p: Any) -> Any:
    """The condition number; PyTorch can't differentiate its own function of it twice, nor at times once."""
    norm = m.linalg.matrix_norm
    return norm(a, p) * norm(m.linalg.inv(a), p) if m is torch else m.linalg.cond(a, p)


for p in (None, "fro", "nuc", np.inf, -np.inf, 1, -1, 2, -2):
    for a in strong:
        row("linalg.cond", a, p, tol=1e-8, order=0)
        row(product, a, 2 if p is None else p, tol=1e-8, name="cond")
    row("linalg.cond", np.zeros((2, 2)), p, order=0) if p not in (None, 2, -2, "nuc") else None
row("linalg.cond", normal(4, 3), tol=1e-8)
row("linalg.cond", np.stack([np.eye(2), np.ones((2, 2))]), 1, order=0)
row("linalg.householder_product", normal(4, 3), normal(3), tol=1e-8)
row("linalg.householder_product", normal(2, 4, 3), normal(2, 2), tol=1e-8)
row("orgqr", normal(4, 3), normal(3), tol=1e-8)
row("linalg.vander", normal(3))
row("linalg.vander", normal(2, 3), N=4)
row("linalg.vander", np.array([0.0, 1.0, 2.0]), N=4, order=1)
row("vander", normal(3), order=0)
row("vander", normal(3), 4, True, order=0)
row("vander", np.array([1, 2, 3]), order=0)
row("linalg.tensorinv", normal(4, 2, 2), ind=1, tol=1e-8)
row("linalg.tensorinv", normal(2, 3, 6), tol=1e-8)
row("linalg.tensorsolve", normal(2, 3, 6), normal(2, 3), tol=1e-8)
row("linalg.tensorsolve", normal(6, 2, 3), normal(2, 3), dims=(0,), tol=1e-8)
spd = strong[0] @ strong[0].T
for a in (spd, np.stack([spd, 2 * spd])):
    row(lambda m, a: list(m.linalg.cholesky_ex(a)), a, name="cholesky_ex", tol=1e-9)
    row(lambda m, a: list(m.linalg.inv_ex(a)), a, name="inv_ex", tol=1e-9)
    row(lambda m, a, b: list(m.linalg.solve_ex(a, b)), a, normal(3, 2), name="solve_ex", tol=1e-9)
    row("cholesky", a, tol=1e-9)
    row("cholesky", a, upper=True, tol=1e-9)
for a in (-np.eye(3), np.diag([1.0, -1.0, 2.0]), np.diag([1.0, 2.0, -2.0]), np.stack([np.eye(2), -np.eye(2)])):
    row(lambda m, a: m.linalg.cholesky_ex(a).info, a, order=0, name="cholesky_ex info")
for a in (np.zeros((2, 2)), np.ones((2, 2)), np.stack([np.eye(2), np.ones((2, 2))])):
    row(lambda m, a: m.linalg.inv_ex(a).info, a, order=0, name="inv_ex info")
factor = np.tril(strong[0])
for upper in (False, True):
    f = factor.T.copy() if upper else factor
    row("cholesky_inverse", f, upper, tol=1e-8, order=0)
    row("cholesky_solve", normal(3, 2), f, upper, tol=1e-8, order=0)


def inverse(m: Any, f: Any) -> Any:
    """The inverse of the product of a lower triangle and its transpose; PyTorch gives the other triangle a gradient too."""
    low = m.tril(f)
    return m.linalg.inv(low @ low.mT) if m is torch else m.cholesky_inverse(f)


def solution(m: Any, b: Any, f: Any) -> Any:
    low = m.tril(f)
    return m.linalg.solve(low @ low.mT, b) if m is torch else m.cholesky_solve(b, f)


row(inverse, strong[0], tol=1e-8, name="inverse")
row(solution, normal(3, 2), strong[0], tol=1e-8, name="solution")
row(lambda m, a: list(m.qr(a)), normal(4, 3), name="qr", tol=1e-9)
row(lambda m, a: [x * x for x in m.svd(a)], normal(4, 3), name="svd", tol=1e-8)
row("chain_matmul", normal(2, 3), normal(3, 4), normal(4, 2))


test_like_pytorch, test_on_a_strict_namespace = row.tests()


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (2, 4, 4)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_complex_eigenvalues(size: tuple, dtype: str) -> None:
    a = normal(*size).astype(dtype)
    values, vectors = (y.numpy() for y in minigrad.linalg.eig(minigrad.tensor(a)))
    tol = 1e-4 if dtype == "float32" else 1e-10
    np.testing.assert_allclose(a @ vectors, vectors * values[..., None, :], atol=tol)
    theirs = torch.linalg.eigvals(torch.tensor(a)).numpy()
    assert values.dtype == theirs.dtype == minigrad.linalg.eigvals(minigrad.tensor(a)).numpy().dtype
    np.testing.assert_allclose(np.sort_complex(values), np.sort_complex(theirs), atol=tol)


def test_low_rank_factors() -> None:
    a = normal(6, 2) @ normal(2, 5)
    u, s, v = minigrad.svd_lowrank(minigrad.tensor(a), q=2)
    np.testing.assert_allclose((u * s @ v.mT).numpy(), a, atol=1e-9)
    u, s, v = minigrad.pca_lowrank(minigrad.tensor(a), q=2)
    np.testing.assert_allclose((u * s @ v.mT).numpy(), a - a.mean(0), atol=1e-9)
    np.testing.assert_allclose(s.numpy(), np.linalg.svd(a - a.mean(0))[1][:2], atol=1e-9)
    u, s, v = minigrad.svd_lowrank(minigrad.tensor(a[:3]))  # the 6 that q is by itself do not fit
    np.testing.assert_allclose((u * s @ v.mT).numpy(), a[:3], atol=1e-9)
    with pytest.raises(ValueError, match="pca_lowrank: q must be from 0 to the smaller side"):
        minigrad.pca_lowrank(minigrad.tensor(a), q=6)


@pytest.mark.parametrize("hermitian", [False, True])
@pytest.mark.parametrize("kind", ["float64", "float32", "complex128"])
@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (5, 5), (3, 4, 4), (2, 1, 9, 9), (0, 3, 3), (0, 0)])
def test_ldl(shape: tuple, kind: str, hermitian: bool) -> None:
    rng = np.random.default_rng([*shape, hermitian])
    a = rng.standard_normal(shape) + (1j * rng.standard_normal(shape) if kind == "complex128" else 0)
    a = (a + (a.conj() if hermitian else a).swapaxes(-1, -2)).astype(kind)
    a[..., :1, :1] = 0  # so that a block of two is needed
    right = rng.standard_normal((*shape[:-1], 2)).astype(kind)
    ours, theirs = (m.linalg.ldl_factor_ex(m.tensor(a), hermitian=hermitian) for m in (minigrad, torch))
    near = {"rtol": 2e-4, "atol": 2e-4} if kind == "float32" else {"rtol": 1e-9, "atol": 1e-9}
    np.testing.assert_array_equal(ours.pivots.numpy(), theirs.pivots.numpy())
    np.testing.assert_array_equal(ours.info.numpy(), theirs.info.numpy())
    np.testing.assert_allclose(ours.LD.numpy(), np.tril(theirs.LD.numpy()), **near)
    if shape[-1] > 1:
        x = minigrad.linalg.ldl_solve(ours.LD, ours.pivots, minigrad.tensor(right), hermitian=hermitian)
        np.testing.assert_allclose(a @ x.numpy(), right, **near)


def test_ldl_says_what_it_cannot_do() -> None:
    linalg, eye = minigrad.linalg, minigrad.eye(2)
    assert (
        linalg.ldl_factor_ex(minigrad.zeros(2, 2)).info.item() == torch.linalg.ldl_factor_ex(torch.zeros(2, 2)).info.item() == 1
    )
    for call, message in (
        (lambda: linalg.ldl_factor(minigrad.zeros(2, 2)), "ldl_factor: the block 1 of D is exactly 0"),
        (lambda: linalg.ldl_factor(minigrad.ones(2, 3)), "square matrices"),
        (lambda: linalg.ldl_factor(minigrad.eye(2, requires_grad=True)), "ldl_factor: has no derivative"),
        (lambda: linalg.ldl_solve(eye, minigrad.tensor([1, 2]), minigrad.ones(3, 1)), r"B must be \(..., 2, k\)"),
        (lambda: linalg.ldl_solve(eye, minigrad.ones(2), minigrad.ones(2, 1)), "pivots must be whole numbers"),
    ):
        with pytest.raises((RuntimeError, ValueError, TypeError), match=message):
            call()
