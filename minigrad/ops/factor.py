"""Matrix functions and factorizations, as ops: det, inv, solve, cholesky, qr, eigh, eig, svd and their rules.

An op has one output, so a factorization is two: the eigenvectors, and the eigenvalues as a function of the matrix and the
vectors. Since the vectors make the values stationary (Rayleigh), the values have no gradient in them.
Source of the rules: Giles 2008, An extended collection of matrix derivative results; Walter & Lehmann 2012 (qr);
Murray 2016, Differentiation of the Cholesky decomposition; Golub & Pereyra 1973 (pinv); Wan & Zhang 2019 (complex svd).

For complex matrices ^T in what is said of orthogonal and symmetric ones is ^H. The rules of det, inv, solve and lu hold for
them as they stand; the others turn the gradient into its conjugate, as users see it, and back (`arithmetic.conjugate`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backends import GradError, backend_of, dtype_of, is_complex
from ..core import op
from .arithmetic import conjugate
from .diagonal import diagonal_op, tril_op, triu_op
from .elementwise import real_part
from .reduce import sum_op
from .shape import cat_op, pad_op, reshape_op, slice_op


@op("general")
def det(b, x):
    """y = the determinant of each matrix; (..., n, n) -> (...). The slope is right for singular matrices too (the
    cofactors)."""
    return b.xp.linalg.det(x)


@op("general")
def cofactor(b, x):
    """y = det(x) x^-T, the matrix of cofactors, from the singular values, so that x may be singular"""
    return b.cofactor(x)


@op("general")
def cofactor_change(b, x, other):
    """y = how the matrix of cofactors of x changes with x along `other`, from the singular values: x may be singular"""
    return b.cofactor_change(x, other)


@op("general")
def logabsdet(b, x):
    """y = ln |det x| of each matrix; -inf for a singular one"""
    return b.xp.linalg.slogdet(x)[1]


@op("general")
def det_sign(b, x):
    """The sign of det x: -1, 0 or 1"""
    return b.xp.linalg.slogdet(x)[0]


@op("general")
def det_phase(b, x):
    """y = det x / |det x| of each complex matrix"""
    return b.xp.linalg.slogdet(x)[0]


@op("general")
def inv(b, x):
    """y = x^-1 of each matrix"""
    return b.xp.linalg.inv(x)


@op("batched", name="solve")
def solve_op(b, x, other):
    """y with x y = other; (..., n, n), (..., n, k) -> (..., n, k)"""
    return b.xp.linalg.solve(x, other)


@op("general", name="cholesky")
def cholesky_op(b, x):
    """y lower triangular with y y^T = x, for symmetric positive definite x, of which the lower triangle is read"""
    return b.xp.linalg.cholesky(x)


@op("general")
def qr_q(b, x):
    """Q of x = Q R, with orthonormal columns, R upper triangular; (..., m, n) -> (..., m, min(m, n))"""
    return b.xp.linalg.qr(x)[0]


@op("general")
def qr_complement(b, x):
    """Orthonormal columns that complete the Q of x = Q R to a square matrix"""
    return b.xp.linalg.qr(x, mode="complete")[0][..., :, min(x.shape[-2:]) :]


@op("general")
def eigenvectors(b, x):
    """The eigenvectors of each symmetric matrix, as columns, by ascending eigenvalue; the lower triangle is read"""
    return b.xp.linalg.eigh(x)[1]


@op("general")
def eigenvalues(b, x, vectors):
    """The eigenvalues v^T x v of each symmetric matrix (its lower triangle is read), given its eigenvectors v"""
    return real_of(b, b.xp.sum(conjugate(vectors) * b.xp.matmul(mirrored(x), vectors), axis=-2))


@op("general")
def singular_vectors(b, x):
    """U over V of x = U diag(s) V^T, columns by descending s; (..., m, n) -> (..., m + n, min(m, n))"""
    u, _, vh = b.xp.linalg.svd(x, full_matrices=False)
    return b.xp.concat([u, conjugate(vh.mT)], axis=-2)


@op("general")
def singular_values(b, x, vectors):
    """s = u^T x v of each matrix, given its singular vectors u over v"""
    xp, m = b.xp, x.shape[-2]
    return xp.abs(xp.sum(conjugate(vectors[..., :m, :]) * xp.matmul(x, vectors[..., m:, :]), axis=-2))


@op("general", name="svd_complement")
def svd_complement(b, x, *, left):
    """Orthonormal columns that complete U (or V, unless `left`) of the singular value decomposition"""
    u, _, vh = b.xp.linalg.svd(x, full_matrices=True)
    return (u if left else conjugate(vh.mT))[..., :, min(x.shape[-2:]) :]


@op("general", name="pinv")
def pinv_op(b, x, *, rtol, atol=0.0, hermitian=False):
    """The pseudo-inverse of each matrix; singular values up to max(atol, rtol s_max) count as 0; of `hermitian` matrices the
    lower triangle is read"""
    xp = b.xp
    x = mirrored(x) if hermitian else x
    u, s, vh = xp.linalg.svd(x, full_matrices=False)
    if not s.shape[-1]:
        return xp.zeros((*x.shape[:-2], x.shape[-1], x.shape[-2]), dtype=x.dtype)
    keep = s > xp.maximum(rtol * xp.max(s, axis=-1, keepdims=True), xp.full_like(s, atol))
    inverse = xp.where(keep, 1 / xp.where(keep, s, xp.ones_like(s)), xp.zeros_like(s))
    return xp.matmul(conjugate(vh.mT) * inverse[..., None, :], conjugate(u.mT))


@op("general")
def lu_pivots(b, x):
    """With which row each row is exchanged, one after another, counted from 1, so that Gauss's elimination divides by the
    largest element that is left of its column; (..., m, n) -> (..., min(m, n))"""
    return eliminated(b.xp, x, exchange=True)[1]


@op("general")
def pivot_rows(b, x, *, m):
    """Which of m rows comes to each place when rows are exchanged as `lu_pivots` says; (..., k) -> (..., m)"""
    xp = b.xp
    places = xp.arange(m, dtype=xp.int64)
    rows = xp.broadcast_to(places, (*x.shape[:-1], m))
    for j in range(x.shape[-1]):
        other = xp.astype(x[..., j : j + 1], xp.int64) - 1
        swap = xp.where(places == j, other, xp.where(places == other, j, places))
        rows = xp.take_along_axis(rows, swap, axis=-1)
    return rows


@op("general")
def lu_packed(b, x):
    """L below the diagonal and U from there on, for x = L U by Gauss's elimination, L with ones on its diagonal"""
    return eliminated(b.xp, x, exchange=False)[0]


def eliminated(xp, x, exchange):
    """L and U in one matrix, and the exchanges of rows (counted from 1). Where a pivot is 0, L's column is 0.

    The size of a complex number is here |Re| + |Im|, as in LAPACK.
    """
    a, (m, n) = xp.asarray(x, copy=True), x.shape[-2:]
    rows, pivots = xp.arange(m, dtype=xp.int64), []
    for j in range(min(m, n)):
        if exchange:
            column = a[..., j:, j]
            size = xp.abs(xp.real(column)) + xp.abs(xp.imag(column)) if is_complex(column) else xp.abs(column)
            at = xp.argmax(size, axis=-1, keepdims=True) + j
            pivots.append(xp.astype(at + 1, xp.int32))
            swap = xp.where(rows == j, at, xp.where(rows == at, j, rows))
            a = xp.take_along_axis(a, xp.broadcast_to(swap[..., None], a.shape), axis=-2)
        pivot = a[..., j : j + 1, j]
        below = a[..., j + 1 :, j] / xp.where(pivot == 0, xp.ones_like(pivot), pivot)
        a[..., j + 1 :, j] = below
        a[..., j + 1 :, j + 1 :] -= below[..., None] * a[..., j : j + 1, j + 1 :]
    none = xp.zeros((*x.shape[:-2], 0), dtype=xp.int32)
    return a, xp.concat(pivots, axis=-1) if pivots else none


@op("general")
def complex_eigenvalues(b, x, vectors):
    """The eigenvalues of each square matrix, as complex numbers, in the order of its eigenvectors"""
    return complex_of(b, np.linalg.eig(b.to_host(x))[0], x)


@op("general")
def complex_eigenvectors(b, x):
    """The eigenvectors of each square matrix, as columns of length 1 of complex numbers, in the order of the eigenvalues"""
    return complex_of(b, np.linalg.eig(b.to_host(x))[1], x)


def complex_of(b, y, x):
    """What NumPy gave, real where it could be, in the complex type that belongs to the type of x."""
    return b.from_host(y.astype("complex64" if dtype_of(x).name in ("float32", "complex64") else "complex128"))


def real_of(b, y):
    """The real parts of what is real but for rounding."""
    return b.xp.real(y) if is_complex(y) else y


# -- rules -----------------------------------------------------------------------------------------------------------


def lift(g: Any) -> Any:
    """A number for each matrix, laid out to multiply it: (...) -> (..., 1, 1)."""
    return reshape_op(g, shape=(*g.shape, 1, 1))


def dagger(x: Any) -> Any:
    """x^H: each matrix transposed, its numbers conjugated if they are complex."""
    return conjugate(x.mT)


def mirrored(x: Any) -> Any:
    """The symmetric (Hermitian) matrices that have the lower triangles of x, and of the diagonals the real parts."""
    half = 0.5 * tril_op(x) + 0.5 * tril_op(x, diagonal=-1)
    return half + dagger(half)


def real_numbers(x: Any) -> Any:
    """x without the imaginary parts of complex numbers."""
    return real_part(x) if is_complex(getattr(x, "array", x)) else x


def cofactor_change_rule(g: Any, x: Any, other: Any) -> Any:
    """d <g, D> / dx with D = det(x) (<a, N> N - N a^T N), a = other and N = x^-T. Only for regular x."""
    n, dims = inv(x).mT, (x.ndim - 2, x.ndim - 1)

    def inner(a: Any, c: Any) -> Any:
        return sum_op(a * c, dim=dims, keepdim=True)

    ga, gc = n @ g.mT @ n, n @ other.mT @ n
    total = inner(g, n) * inner(other, n) - inner(g, gc)
    turned = n @ g.mT @ gc + n @ other.mT @ ga
    return lift(det(x)) * (total * n - inner(g, n) * gc - inner(other, n) * ga + turned)


def cholesky_rule(g: Any, y: Any) -> Any:
    """y^-T P y^-1 with P the lower triangle of y^T g, made symmetric."""
    yt = dagger(y)
    p = tril_op(yt @ conjugate(g))
    p = 0.5 * (p + dagger(tril_op(p, diagonal=-1)))
    return conjugate(solve_op(yt, dagger(solve_op(yt, dagger(p)))))


def qr_rule(g: Any, y: Any, x: Any) -> Any:
    """(g + Q C) R^-T with C = -g^T Q, its lower triangle copied to the upper; only the first min(m, n) columns of x
    count."""
    k, n, g = y.shape[-1], x.shape[-1], conjugate(g)
    front = x if k == n else slice_op(x, index=(..., slice(0, k)))
    r = triu_op(dagger(y) @ front)
    m = -(dagger(g) @ y)
    below = tril_op(m, diagonal=-1)
    c = below + dagger(below) + real_numbers(tril_op(triu_op(m)))
    part = conjugate(dagger(solve_op(r, dagger(g + y @ c))))
    if k == n:
        return part
    return pad_op(part, before=(0,) * x.ndim, after=(0,) * (x.ndim - 1) + (n - k,))


def gaps(values: Any) -> Any:
    """values_j - values_i for i != j, and 1 for i = j; (..., n) -> (..., n, n)."""
    n = values.shape[-1]
    rows, columns = (reshape_op(values, shape=(*values.shape[:-1], *end)) for end in ((n, 1), (1, n)))
    ones = triu_op(tril_op(columns * 0.0 + rows * 0.0 + 1.0))
    return columns - rows + ones


def eigenvectors_rule(g: Any, y: Any, x: Any) -> Any:
    """V (skew(V^T g) / (l_j - l_i)) V^T, skew(z) = (z - z^T) / 2: symmetric, since no symmetric change of x sees
    more."""
    yt = dagger(y)
    inner = yt @ conjugate(g)
    free_of_phases("linalg.eigh", inner)
    return conjugate(y @ (0.5 * (inner - dagger(inner)) / gaps(eigenvalues(x, y))) @ yt)


def complex_eigenvectors_rule(g: Any, y: Any, x: Any) -> Any:
    """V^-H ((V^H g - V^H V diag(Re V^H g)) / conj(l_j - l_i)) V^H. Source: Boeddeker et al. 2017; PyTorch's
    linalg_eig_backward"""
    yt = dagger(y)
    inner = yt @ conjugate(g)
    free_of_phases("linalg.eig", inner)
    length = reshape_op(real_numbers(diagonal_op(inner, offset=0)), shape=(*y.shape[:-2], 1, y.shape[-1]))
    inner = (inner - (yt @ y) * length) / conjugate(gaps(complex_eigenvalues(x, y)))
    return conjugate(solve_op(yt, inner @ yt))


def free_of_phases(who: str, inner: Any) -> None:
    """Raise GradError if a loss depends on the phases of complex vectors, which are arbitrary, by the imaginary diagonal."""
    array = getattr(inner, "array", inner)
    b = backend_of(array)
    if is_complex(array) and b.name != "vmap":  # where the numbers of one example can't be asked
        xp = b.xp
        if xp.any(xp.abs(xp.imag(xp.linalg.diagonal(array))) > 1e-2):
            raise GradError(f"{who}: the vectors of complex matrices are specified up to a factor e^(i phi), and the loss "
                            "depends on this quantity, so it is ill-defined. Hint: products such as V f(L) V^H")  # fmt: skip


def outer_sum(g: Any, u: Any, v: Any) -> Any:
    """The sum of g_k conj(u_k) v_k^T over the columns u_k and v_k."""
    return (conjugate(u) * reshape_op(g, shape=(*g.shape[:-1], 1, g.shape[-1]))) @ v.mT


def halves(w: Any, m: int) -> tuple[Any, Any]:
    """The first m rows, and the others."""
    return slice_op(w, index=(..., slice(0, m), slice(None))), slice_op(w, index=(..., slice(m, None), slice(None)))


def singular_vectors_rule(g: Any, y: Any, x: Any) -> Any:
    """U ((skew(U^T gU) s + s skew(V^T gV)) / (s_j^2 - s_i^2)) V^T, and what leaves the spaces of U and V; skew(z) = z
    - z^T."""
    m, n, k = x.shape[-2], x.shape[-1], y.shape[-1]
    (u, v), (gu, gv) = halves(y, m), halves(conjugate(g), m)
    s = singular_values(x, y)
    across, down = (reshape_op(s, shape=(*s.shape[:-1], *end)) for end in ((1, k), (k, 1)))
    ug, vg = dagger(u) @ gu, dagger(v) @ gv
    free_of_phases("linalg.svd", ug + vg)
    square, vt = gaps(s * s), dagger(v)
    middle = (ug - dagger(ug)) / square * across + down * ((vg - dagger(vg)) / square)
    if is_complex(getattr(y, "array", y)):
        diagonal = tril_op(triu_op(ug))
        middle = middle + (diagonal - real_part(diagonal)) / across
    out = u @ middle @ vt
    if m > k:
        out = out + ((gu - u @ ug) / across) @ vt
    if n > k:
        out = out + (u / across) @ dagger(gv - v @ vg)
    return conjugate(out)


def pinv_rule(g: Any, y: Any, x: Any) -> Any:
    """-P^T g P^T + (1 - x P) g^T P P^T + P^T P g^T (1 - P x), with P = y."""
    g = conjugate(g)
    gt, yt = dagger(g), dagger(y)
    left, right = gt @ y @ yt, yt @ y @ gt
    return conjugate(left - x @ (y @ left) + right - (right @ y) @ x - yt @ g @ yt)


def lu_packed_rule(g: Any, y: Any) -> Any:
    """L^-T (tril(L^T gL, -1) + triu(gU U^T)) U^-T for the square part; rows below it and columns beside it are solutions
    with U and L, whose gradients go into gL and gU first. Source: the chain rule; Murray 2016, the same for Cholesky's"""
    m, n = y.shape[-2:]
    k = min(m, n)
    first, rest = (..., slice(0, k), slice(0, k)), (..., slice(k, None), slice(0, k))
    side = (..., slice(0, k), slice(k, None))
    square, gs = (slice_op(a, index=first) if m != n else a for a in (y, g))
    upper = triu_op(square)
    lower = tril_op(square, diagonal=-1)
    lower = lower + ones_on_diagonal(lower)
    gl, gu, more = tril_op(gs, diagonal=-1), triu_op(gs), None
    if m > n:
        more = solve_op(upper, slice_op(g, index=rest).mT).mT
        gu = gu - triu_op(slice_op(y, index=rest).mT @ more)
    if m < n:
        more = solve_op(lower.mT, slice_op(g, index=side))
        gl = gl - tril_op(more @ slice_op(y, index=side).mT, diagonal=-1)
    inner = tril_op(lower.mT @ gl, diagonal=-1) + triu_op(gu @ upper.mT)
    part = solve_op(upper, solve_op(lower.mT, inner).mT).mT
    return part if more is None else cat_op(part, more, dim=y.ndim - 2 if m > n else y.ndim - 1)


def ones_on_diagonal(x: Any) -> Any:
    """The identity, in the shape of square matrices x whose diagonal is finite."""
    return triu_op(tril_op(x * 0.0 + 1.0))


det.vjp(x=lambda g, x: lift(g) * cofactor(x))
cofactor.vjp(x=lambda g, x: cofactor_change(x, g))  # the change is symmetric in its two directions
cofactor_change.vjp(x=cofactor_change_rule, other=lambda g, x: cofactor_change(x, g))
logabsdet.vjp(x=lambda g, x: lift(g) * inv(x).mT)
det_phase.vjp(x=lambda g, y, x: lift(g * y - real_part(g * y)) * inv(x).mT)
inv.vjp(x=lambda g, y: -(y.mT @ g @ y.mT))
solve_op.vjp(x=lambda g, y, x: -(solve_op(x.mT, g) @ y.mT), other=lambda g, x: solve_op(x.mT, g))
cholesky_op.vjp(x=cholesky_rule)
qr_q.vjp(x=qr_rule)
eigenvectors.vjp(x=eigenvectors_rule)
eigenvalues.vjp(x=lambda g, vectors: outer_sum(g, vectors, vectors))
complex_eigenvectors.vjp(x=complex_eigenvectors_rule)
complex_eigenvalues.vjp(x=lambda g, vectors: solve_op(vectors.mT, reshape_op(g, shape=(*g.shape, 1)) * vectors.mT))
singular_vectors.vjp(x=singular_vectors_rule)
singular_values.vjp(x=lambda g, x_shape, vectors: outer_sum(g, *halves(vectors, x_shape[-2])))
pinv_op.vjp(x=pinv_rule)
lu_packed.vjp(x=lu_packed_rule)
