"""einsum, products with a sum, norms, solutions and factorizations beside PyTorch."""

from __future__ import annotations

import numpy as np

from .beside import Table, normal, positive, turned, whole

row = Table()

# einsum
for equation, shapes in [
    ("ij,jk->ik", [(2, 3), (3, 4)]), ("ij,jk", [(2, 3), (3, 4)]), ("ij->ji", [(2, 3)]), ("ij->", [(2, 3)]),
    ("ij->j", [(2, 3)]), ("ii->i", [(3, 3)]), ("ii", [(3, 3)]), ("iji->j", [(3, 2, 3)]),
    ("bij,bjk->bik", [(2, 3, 4), (2, 4, 2)]), ("i,j->ij", [(2,), (3,)]), ("i,i->", [(3,), (3,)]),
    ("i,i->i", [(3,), (3,)]), ("...ij,...jk->...ik", [(2, 1, 3, 4), (5, 4, 2)]),
    ("b...,b...->b...", [(2, 3), (2, 3)]), ("...i->...", [(2, 3)]), ("bhqd,bhkd->bhqk", [(2, 2, 3, 4), (2, 2, 5, 4)]),
    ("ab,bc,cd->ad", [(2, 3), (3, 4), (4, 2)]), ("a,b,c,abc->", [(2,), (3,), (4,), (2, 3, 4)]),
    ("bn,anm,bm->ba", [(2, 3), (4, 3, 5), (2, 5)]), ("ij,ij->ij", [(2, 1), (2, 3)]), ("ij,kl->il", [(2, 3), (4, 2)]),
    (" i j , j k -> k i ", [(2, 3), (3, 4)]), ("ba", [(2, 3)]), ("...,...->...", [(2, 3), (3,)]),
    (",i->i", [(), (3,)]), ("i...->...i", [(2, 3, 4)]), ("ij,j->i", [(0, 3), (3,)]), ("ij,jk->ik", [(2, 0), (0, 3)]),
    ("Ab,bA->", [(2, 3), (3, 2)]), ("aab,b->a", [(2, 2, 3), (3,)]),
]:  # fmt: skip
    row("einsum", equation, *(normal(*s) for s in shapes))
row("einsum", "ij,jk->ik", [normal(2, 3), normal(3, 2)])
row("einsum", normal(2, 3), [0, 1], normal(3, 4), [1, 2], [0, 2])
row("einsum", normal(2, 3), [0, 1], normal(3, 4), [1, 2])
row("einsum", normal(2, 3, 4), [Ellipsis, 1], normal(4), [1], [Ellipsis])
row("einsum", "ij,jk->ik", whole(0, 5, 2, 3), whole(0, 5, 3, 2))
row("einsum", "ij,kj->ik", turned(2, 3), turned(4, 3))

# products with a sum
for options in ({}, {"beta": 0.5, "alpha": 2}, {"beta": 0}):
    row("addmm", normal(2, 4), normal(2, 3), normal(3, 4), **options)
    row("addmm", normal(4), normal(2, 3), normal(3, 4), **options)
    row("addmv", normal(2), normal(2, 3), normal(3), **options)
    row("addr", normal(2, 3), normal(2), normal(3), **options)
    row("baddbmm", normal(2, 3, 2), normal(2, 3, 4), normal(2, 4, 2), **options)
    row("baddbmm", normal(3, 1), normal(2, 3, 4), normal(2, 4, 2), **options)
    row("addbmm", normal(3, 2), normal(2, 3, 4), normal(2, 4, 2), **options)
row("addmm", np.full((2, 2), np.nan), normal(2, 3), normal(3, 2), beta=0, order=0)
row("addcmul", normal(2, 3), normal(3), normal(2, 1))
row("addcmul", normal(2, 3), normal(3), normal(2, 1), value=0.5)
row("addcmul", whole(0, 5, 3), whole(0, 5, 3), whole(0, 5, 3), value=2)
row("addcdiv", normal(2, 3), normal(3), positive(2, 1))
row("addcdiv", normal(2, 3), normal(3), positive(2, 1), value=-0.5)
row("lerp", normal(2, 3), normal(3), 0.3)
row("lerp", normal(2, 3), normal(2, 3), 0.8)
row("lerp", normal(2, 3), normal(3), normal(2, 1))
row("inner", normal(2, 3), normal(4, 3))
row("inner", normal(3), normal(3))
row("inner", normal(), normal(2, 3))
row("kron", normal(2, 3), normal(3, 2))
row("kron", normal(3), normal(2, 2))
row("kron", normal(2, 1, 2), normal(3))
row("cross", normal(4, 3), normal(4, 3), dim=1)
row("cross", normal(3, 2), normal(3, 2), dim=0)
row("linalg.cross", normal(2, 3), normal(1, 3))
row("linalg.cross", normal(3, 2), normal(3, 2), dim=0)
row("diff", normal(3, 4))
row("diff", normal(3, 4), 2, 0)
row("diff", normal(3, 4), n=5)
row("diff", normal(4), prepend=normal(2), append=normal(1))
row("diff", normal(5) > 0)
row("diff", whole(0, 9, 5), n=0)

# norms and distances
for p in (0, 0.5, 1, 1.5, 2, 3, -1, float("inf"), float("-inf")):
    row("linalg.vector_norm", normal(2, 3), p)
    row("linalg.vector_norm", normal(2, 3), p, 1)
    row("linalg.vector_norm", normal(2, 3), p, (0, 1), True)
    row("linalg.vector_norm", normal(), p)
    row("norm", normal(2, 3), p, 0, True)
    row("dist", normal(2, 3), normal(2, 3), p, order=2 if p else 0)  # PyTorch fails at p = 0
    if p >= 0:
        row("linalg.vector_norm", np.array([0.0, 0.0]), p, order=1)
        row("linalg.vector_norm", np.array([0.0, 2.0, -1.0, 2.0]), p, order=1)
        row("cdist", normal(2, 3), normal(4, 3), p, order=1)  # PyTorch has no second derivative
        row("cdist", normal(2, 1, 2, 3), normal(3, 4, 3), p, order=1)
        row("cdist", np.ones((2, 3)), np.ones((1, 3)), p, order=1)
    row("linalg.norm", normal(4), p)
for p in ("fro", "nuc", 1, -1, 2, -2, float("inf"), float("-inf")):
    row("linalg.matrix_norm", normal(3, 4), p)
    row("linalg.matrix_norm", normal(2, 3, 4), p, (0, 2), True)
    row("linalg.norm", normal(3, 3), p)
    row("linalg.norm", normal(2, 3, 4), p, (2, 0))
row("linalg.norm", normal(2, 3, 4))
row("linalg.norm", normal(2, 3), dim=0)
row("linalg.norm", normal(2, 3), 3, 1, True)
row("norm", normal(2, 3))
row("norm", normal(2, 3), "fro", (0, 1))
row("norm", normal(2, 3), "nuc")
row("norm", normal(2, 3), dim=1)
row("linalg.vector_norm", normal(0), 2)
row("linalg.vector_norm", normal(0, 2), 1, 0)


# determinants and solutions
def spd(*size: int) -> np.ndarray:
    a = normal(*size)
    return a @ np.swapaxes(a, -1, -2) + np.eye(size[-1])


singular = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 0.0, 1.0]])
for what in ("linalg.det", "linalg.slogdet", "linalg.inv", "det", "slogdet", "inverse", "Tensor.det", "Tensor.inverse"):
    row(what, normal(3, 3))
    row(what, normal(2, 4, 4), tol=1e-9)
    row(what, turned(3, 3))
    row(what, normal(1, 1))
row("logdet", spd(3, 3))
row("logdet", np.diag([1.0, -1.0]), order=0)
row("logdet", np.zeros((2, 2)), order=0)
row("linalg.slogdet", singular * 0, order=0)
row("linalg.det", singular, order=0)  # where rounding makes it 0 exactly, PyTorch's gradient is 0; cases_calculus.py has ours
row("linalg.det", np.zeros((2, 2)), order=1)
row("linalg.det", np.zeros((3, 3)), order=1)
row("linalg.det", np.zeros((0, 0)), order=1)
for left in (True, False):
    row("linalg.solve", normal(3, 3), normal(3, 3), left=left)
    row("linalg.solve", normal(2, 3, 3), normal(1, 3, 3), left=left)
    for upper in (True, False):
        for unit in (True, False):
            a = normal(2, 3, 3) + 3 * np.eye(3)
            row(
                "linalg.solve_triangular",
                np.triu(a) if upper else np.tril(a),
                normal(2, 3, 3),
                upper=upper,
                left=left,
                unitriangular=unit,
            )
            row("linalg.solve_triangular", a, normal(3, 3), upper=upper, left=left, unitriangular=unit)
row("linalg.solve", normal(3, 3), normal(3))
row("linalg.solve", normal(2, 3, 3), normal(2, 3))
row("linalg.solve", normal(2, 3, 3), normal(3, 2))
for n in (-2, -1, 0, 1, 2, 3, 5):
    row("linalg.matrix_power", normal(3, 3), n, tol=1e-8)
row("matrix_power", normal(2, 2, 2), 3)
row("linalg.multi_dot", [normal(2, 3), normal(3, 4), normal(4, 2), normal(2, 3)])
row("linalg.multi_dot", [normal(3), normal(3, 4), normal(4)])
row("linalg.multi_dot", [normal(3), normal(3, 4)])
row("linalg.multi_dot", [normal(3, 4), normal(4)])
row("linalg.vecdot", normal(2, 3), normal(1, 3))
row("linalg.vecdot", normal(3, 2), normal(3, 2), dim=0)
row("linalg.pinv", normal(3, 4), tol=1e-9)
row("linalg.pinv", normal(2, 4, 3), tol=1e-9)
row("linalg.pinv", normal(3, 3), tol=1e-8)
row("linalg.pinv", np.diag([3.0, 2.0, 0.1]), rtol=0.1, order=0)
row("linalg.pinv", np.diag([3.0, 2.0, 0.1]), atol=0.5, order=0)
row("pinverse", normal(3, 4), tol=1e-9)
for driver in (None, "gels", "gelsy", "gelsd", "gelss"):
    row(
        lambda m, a, c, **o: list(m.linalg.lstsq(a, c, **o)),
        normal(5, 3),
        normal(5, 2),
        name="lstsq",
        driver=driver,
        order=0,
    )
row(lambda m, a, c: m.linalg.lstsq(a, c).solution, normal(5, 3), normal(5, 2), name="lstsq", tol=1e-9)
row(lambda m, a, c: m.linalg.lstsq(a, c).solution, normal(2, 3, 5), normal(2, 3, 1), name="lstsq", tol=1e-9)
row("linalg.matrix_rank", singular, order=0)
row("linalg.matrix_rank", normal(2, 3, 4), order=0)

# factorizations; what is checked does not depend on the signs that they are free to choose
for a in (spd(3, 3), spd(2, 4, 4), spd(1, 1)):
    row("linalg.cholesky", a)
    row("linalg.cholesky", a, upper=True)
for size in ((3, 3), (4, 3), (3, 4), (2, 4, 2), (2, 2, 4)):
    row("linalg.qr", normal(*size), tol=1e-9)
    for full in (True, False):
        row(lambda m, a, full: m.linalg.svd(a, full).S, normal(*size), full=full, name="svd-s")
        row(
            lambda m, a, full: m.linalg.svd(a, full)[0][..., : min(a.shape[-2:])] ** 2,
            normal(*size),
            full=full,
            name="svd-u",
            tol=1e-8,
        )
        row(
            lambda m, a, full: m.linalg.svd(a, full)[2][..., : min(a.shape[-2:]), :] ** 2,
            normal(*size),
            full=full,
            name="svd-v",
            tol=1e-8,
        )
        row(lambda m, a, full: abs(m.linalg.svd(a, full)[0]), normal(*size), full=full, name="svd-full-u", order=0)
    row("linalg.svdvals", normal(*size))
row("linalg.qr", normal(4, 2), mode="complete", order=0)
row("linalg.qr", normal(2, 4), mode="complete", tol=1e-9)
row("linalg.qr", normal(4, 2), mode="r", order=0)
for uplo in ("L", "U"):
    for a in (spd(3, 3), spd(2, 4, 4), normal(3, 3)):
        row("linalg.eigvalsh", a, UPLO=uplo, tol=1e-9, order=2 if a[..., 1, 0].flat[0] == a[..., 0, 1].flat[0] else 0)
        if a[..., 1, 0].flat[0] == a[..., 0, 1].flat[0]:
            row(lambda m, a, UPLO: m.linalg.eigh(a, UPLO)[1] ** 2, a, UPLO=uplo, tol=1e-8, order=1, name="eigh")
row("linalg.eigvalsh", np.eye(3), order=1)
row("linalg.svdvals", np.eye(3), order=1)


test_like_pytorch, test_on_a_strict_namespace = row.tests()
