"""The rows of the wider calculus: special functions, order, diagonals, running products and factorizations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import minigrad
from minigrad.core import OPS, Op, Tensor

from . import references as ref
from .table import apart, case, fixed, normal, positive, whole


def strided_places(size: tuple, stride: tuple, offset: int) -> np.ndarray:
    at = [offset + sum(i * step for i, step in zip(index, stride, strict=True)) for index in np.ndindex(*size)]
    return np.array(at, dtype=int).reshape(size)


def between(low: float, high: float, *size: int) -> Callable:
    return lambda rng: rng.uniform(low, high, size)


# functions of each element
for function, answer in [(OPS["asin"], np.arcsin), (OPS["acos"], np.arccos), (OPS["atanh"], np.arctanh)]:
    case(function, [between(-0.9, 0.9, 5)], answer)
for function, answer in [
    (OPS["atan"], np.arctan),
    (OPS["sinh"], np.sinh),
    (OPS["cosh"], np.cosh),
    (OPS["asinh"], np.arcsinh),
    (OPS["exp2"], np.exp2),
]:
    case(function, [normal(5)], answer)
case(OPS["acosh"], [between(1.1, 4, 5)], np.arccosh)
case(OPS["log10"], [positive(5)])
case(OPS["lgamma"], [between(0.3, 6, 7)], np.vectorize(math.lgamma), tol=1e-10)
case(OPS["lgamma"], [fixed([-0.5, -2.3])], np.vectorize(math.lgamma), tol=1e-10)
case(OPS["polygamma"], [positive(5)], ref.polygamma, lambda t, x, n: t.polygamma(n, x), tol=1e-6, n=1)
case(OPS["polygamma"], [positive(5)], ref.polygamma, lambda t, x, n: t.polygamma(n, x), tol=1e-6, n=0)
case(OPS["sinc"], [apart(5)], lambda x: np.sinc(x), "sinc")
case(OPS["atan2"], [apart(5), normal(5)], np.arctan2)
case(OPS["hypot"], [apart(5), normal(5)])
case(OPS["copysign"], [apart(5), apart(5)])
case(OPS["logaddexp"], [normal(2, 3), normal(3)])
case(OPS["logaddexp2"], [normal(2, 3), normal(3)])
case(OPS["logaddexp"], [fixed([1000.0]), fixed([1000.0])], lambda x, o: x + np.log(2))
case(OPS["logaddexp2"], [normal(2, 3), normal(3)])
case(OPS["logaddexp2"], [fixed([1000.0]), fixed([1000.0])], lambda x, o: x + 1)
case(OPS["xlogy"], [apart(5), positive(5)], lambda x, o: x * np.log(o))
case(OPS["fmax"], [apart(2, 3), fixed([0.3, -0.2, 0.5])])
case(OPS["fmin"], [apart(2, 3), fixed([0.3, -0.2, 0.5])])
case(OPS["fmax"], [fixed([1.0, np.nan]), fixed([np.nan, 2.0])], lambda x, o: np.array([1.0, 2.0]), wants=())
case(OPS["fmod"], [apart(6), positive(6)])
case(
    OPS["nan_to_num"],
    [fixed([1.5, np.nan, np.inf, -np.inf])],
    lambda x, nan, posinf, neginf: np.array([1.5, 0.0, 9.0, -9.0]),
    "nan_to_num",
    wants=(),
    nan=0.0,
    posinf=9.0,
    neginf=-9.0,
)
case(OPS["nan_to_num"], [normal(4)], lambda x, nan, posinf, neginf: x, "nan_to_num", nan=0.0, posinf=9.0, neginf=-9.0)
case(OPS["heaviside"], [fixed([-1.0, 0.0, 2.0]), fixed([5.0, 6.0, 7.0])], wants=())
case(OPS["signbit"], [fixed([-1.0, -0.0, 0.0, 2.0])], wants=())

for shift, answer in [(OPS["bitwise_left_shift"], np.left_shift), (OPS["bitwise_right_shift"], np.right_shift)]:
    case(shift, [whole(-9, 9, 2, 5), whole(0, 4, 5)], answer)

# order
for descending in (False, True):
    case(
        OPS["argsort"],
        [apart(3, 4)],
        lambda x, dim, descending: np.argsort(-x if descending else x, dim),
        wants=(),
        dim=1,
        descending=descending,
    )
case(
    OPS["cummax_places"],
    [whole(0, 9, 2, 6)],
    lambda x, dim: ref.running_places(x, np.maximum),
    lambda t, x, dim: t.cummax(x, dim)[1],
    dim=1,
)
case(
    OPS["cummin_places"],
    [whole(0, 9, 2, 6)],
    lambda x, dim: ref.running_places(x, np.minimum),
    lambda t, x, dim: t.cummin(x, dim)[1],
    dim=1,
)
case(
    OPS["searchsorted"],
    [fixed([[1.0, 3.0, 5.0]]), fixed([[0.0, 3.0, 9.0]])],
    lambda s, v, right: np.array([[0, 2, 3]]),
    wants=(),
    right=True,
)
case(OPS["nonzero"], [fixed([[0, 2], [3, 0]])], lambda x: np.argwhere(x))

# diagonals and triangles
for offset in (0, 1, -1):
    case(
        OPS["diagonal"],
        [normal(2, 3, 4)],
        lambda x, offset: np.diagonal(x, offset, 1, 2),
        lambda t, x, offset: t.diagonal(x, offset, 1, 2),
        offset=offset,
    )
case(
    OPS["unfold"],
    [normal(2, 5)],
    lambda x, dim, size, step: np.lib.stride_tricks.sliding_window_view(x, size, dim)[:, ::step],
    lambda t, x, dim, size, step: x.unfold(dim, size, step),
    dim=1,
    size=3,
    step=2,
)
case(
    OPS["unfold_adjoint"],
    [normal(3, 2, 2)],
    lambda x, shape, dim, step: np.array([[*x[0, j], *x[1, j], *x[2, j]] for j in range(2)]).T,
    None,
    shape=(6, 2),
    dim=0,
    step=2,
)
case(
    OPS["contract"],
    [normal(4, 2, 3), normal(3, 4, 5)],
    lambda x, o, spec: np.einsum("bij,jbk->bik", x, o),
    lambda t, x, o, spec: t.einsum("bij,jbk->bik", x, o),
    spec=((0, 1, 2), (2, 0, 3), (0, 1, 3)),
)
for word in ("ij,j->i", "ij,i->j", "ij,ij->", "ij,ij->i", "i,j->ji", "ij,ij->ji"):
    left, right, out = word.replace("->", ",").split(",")
    case(
        OPS["contract"],
        [normal(*(3, 4)[: len(left)]), normal(*[{"i": 3, "j": 4}[c] for c in right])],
        lambda x, o, spec, word=word: np.einsum(word, x, o),
        lambda t, x, o, spec, word=word: t.einsum(word, x, o),
        spec=tuple(tuple("ij".index(c) for c in part) for part in (left, right, out)),
    )
case(
    OPS["diagonal_adjoint"],
    [normal(2, 3)],
    lambda x, shape, offset: np.stack([np.diag(row, 1)[:3] for row in x]),
    None,
    shape=(2, 3, 4),
    offset=1,
)
case(OPS["tril"], [normal(2, 3, 3)], lambda x, diagonal: np.tril(x, diagonal), diagonal=-1)
case(OPS["triu"], [normal(3, 4)], lambda x, diagonal: np.triu(x, diagonal), diagonal=1)

# running
case(OPS["recurrence"], [normal(2, 4), normal(2, 4)], ref.recurrence, None, dim=1)
case(OPS["cumprod"], [normal(2, 4)], lambda x, dim: np.cumprod(x, dim), dim=1)
case(OPS["cumprod"], [fixed([0.5, 0.0, 2.0, 0.0, 3.0])], lambda x, dim: np.cumprod(x, dim), dim=0)
case(OPS["logcumsumexp"], [normal(2, 4)], lambda x, dim: np.log(np.cumsum(np.exp(x), dim)), dim=1)
case(OPS["detach"], [normal(3)], np.copy, "Tensor.detach", wants=(), name="detach")


# factorizations; those of symmetric matrices read one triangle, so their gradients are those of the symmetric part
def of_symmetric(op: Op) -> Callable:
    return lambda x, *more, **options: op((x + x.mT) * 0.5, *more, **options)


def solid(*size: int) -> Callable:
    """Well-conditioned matrices with distinct singular values."""

    def make(rng: Any) -> np.ndarray:
        n, m = size[-2:]
        return rng.standard_normal(size) * 0.3 + np.eye(n, m) * np.arange(1, m + 1)

    return make


def symmetric(rng: Any) -> np.ndarray:
    x = rng.standard_normal((3, 3)) * 0.2
    return x + x.T + np.diag([1.0, 2.0, 3.5])


def vectors(x: Tensor) -> Any:
    """The eigenvectors up to the sign of each."""
    v = OPS["eigenvectors"]((x + x.mT) * 0.5)
    return v * v


case(OPS["det"], [solid(2, 3, 3)], np.linalg.det, "linalg.det", tol=1e-10)
case(OPS["det"], [fixed([[1.0, 2.0], [2.0, 4.0]])], lambda x: np.array(0.0), "linalg.det", wants=())
case(OPS["cofactor"], [solid(3, 3)], lambda x: np.linalg.det(x) * np.linalg.inv(x).T, None, tol=1e-10)
for singular in (
    [[1.0, 2.0], [2.0, 4.0]],
    np.ones((3, 3)),
    np.zeros((2, 2)),
    [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 0.0, 1.0]],
):
    case(minigrad.det, [fixed(singular)], lambda x: np.array(0.0), None, tol=1e-10)  # PyTorch has NaN in the second derivative
case(OPS["cofactor_change"], [solid(3, 3), normal(3, 3)], ref.cofactor_change, None, tol=1e-9)
case(OPS["cofactor_change"], [solid(2, 2, 2), normal(2, 2, 2)], ref.cofactor_change, None, tol=1e-9)
case(OPS["cofactor_change"], [solid(1, 1), normal(1, 1)], ref.cofactor_change, None, tol=1e-9)
case(OPS["logabsdet"], [solid(2, 3, 3)], lambda x: np.linalg.slogdet(x)[1], lambda t, x: t.linalg.slogdet(x)[1])
case(
    OPS["det_sign"],
    [solid(2, 3, 3)],
    lambda x: np.linalg.slogdet(x)[0],
    lambda t, x: t.linalg.slogdet(x.detach())[0],
    wants=(),
)
case(OPS["inv"], [solid(2, 3, 3)], np.linalg.inv, "linalg.inv", tol=1e-10)
case(OPS["solve"], [solid(2, 3, 3), normal(3, 2)], lambda x, o: np.linalg.inv(x) @ o, "linalg.solve", tol=1e-10)
case(
    of_symmetric(OPS["cholesky"]),
    [symmetric],
    np.linalg.cholesky,
    lambda t, x: t.linalg.cholesky((x + x.mT) * 0.5),
    name="cholesky",
)
case(OPS["qr_q"], [solid(4, 3)], lambda x: np.linalg.qr(x)[0], lambda t, x: t.linalg.qr(x)[0], tol=1e-10)
case(OPS["qr_complement"], [solid(4, 3)], lambda x: np.linalg.qr(x, "complete")[0][:, 3:], None, tol=1e-10, wants=())
case(
    vectors,
    [symmetric],
    lambda x: np.linalg.eigh(x)[1] ** 2,
    lambda t, x: t.linalg.eigh((x + x.mT) * 0.5)[1] ** 2,
    tol=1e-10,
    name="eigenvectors",
)
case(
    lambda x: OPS["eigenvalues"]((x + x.mT) * 0.5, OPS["eigenvectors"]((x + x.mT) * 0.5)),
    [symmetric],
    np.linalg.eigvalsh,
    lambda t, x: t.linalg.eigvalsh((x + x.mT) * 0.5),
    tol=1e-10,
    name="eigenvalues",
)
case(
    lambda x: OPS["singular_vectors"](x) ** 2,
    [solid(3, 3)],
    lambda x: ref.singular_vectors(x) ** 2,
    None,
    tol=1e-10,
    name="singular_vectors",
)
case(
    lambda x: OPS["singular_values"](x, OPS["singular_vectors"](x)),
    [solid(4, 3)],
    lambda x: np.linalg.svd(x)[1],
    "linalg.svdvals",
    tol=1e-10,
    name="singular_values",
)
case(
    lambda x: OPS["svd_complement"](x, left=True) ** 2,
    [solid(4, 3)],
    lambda x: np.linalg.svd(x)[0][:, 3:] ** 2,
    None,
    tol=1e-10,
    wants=(),
    name="svd_complement",
)
case(OPS["pinv"], [solid(4, 3)], lambda x, rtol: np.linalg.pinv(x), "linalg.pinv", tol=1e-10, rtol=1e-12)

# bits
case(OPS["bitwise_left_shift"], [whole(0, 9, 5), whole(0, 4, 5)], np.left_shift)
case(OPS["bitwise_right_shift"], [whole(-9, 9, 5), whole(0, 4, 5)], np.right_shift)

# Bessel functions and their kin; by integrals and series that are not the kernels'
for order in (0, 1, 3):
    case(OPS["bessel_i"], [between(-9.5, 9.5, 7)], ref.bessel_i, None, tol=1e-9, n=order, scaled=True)
    case(OPS["bessel_i"], [between(-5, 5, 7)], ref.bessel_i, None, tol=1e-7, n=order, scaled=False)
    case(OPS["bessel_j"], [between(-9, 9, 7)], ref.bessel_j, None, tol=1e-9, n=order)
case(OPS["bessel_i"], [fixed([70.0, -90.0, 0.0])], ref.bessel_i, None, tol=1e-9, n=1, scaled=True)
case(OPS["bessel_j"], [fixed([50.0, -60.0, 0.0])], ref.bessel_j, None, tol=1e-9, n=1)
for order in (0, 1):
    case(OPS["bessel_y"], [between(0.5, 15, 7)], ref.bessel_y, None, tol=1e-8, n=order)
    for scaled in (True, False):
        case(OPS["bessel_k"], [between(0.5, 9, 7)], ref.bessel_k, None, tol=1e-9, n=order, scaled=scaled)
    case(OPS["airy"], [between(-8, 5, 9)], ref.airy, None, tol=1e-9, order=order)
for name in ("i0", "i0e", "i1", "i1e"):
    scaled = name.endswith("e")
    case(
        minigrad.special.__dict__[name],
        [between(-5, 5, 6)],
        lambda x, n=int(name[1]), scaled=scaled: ref.bessel_i(x, n, scaled),
        f"special.{name}",
        tol=1e-8,
    )
case(OPS["gammainc"], [fixed([0.5, 2.0, 5.0, 9.0]), fixed([0.3, 3.5, 4.0, 20.0])], ref.gammainc,
     "special.gammainc", tol=1e-9, wants=(1,))  # fmt: skip
case(OPS["gammainc"], [fixed([0.5, 2.0, 9.0]), fixed([0.3, 3.5, 20.0])], ref.gammainc,
     lambda t, a, x, upper: t.special.gammaincc(a, x), tol=1e-9, wants=(1,), upper=True)  # fmt: skip
case(OPS["zeta"], [fixed([2.0, 3.5, 6.0]), fixed([0.4, 2.0, 30.0])], ref.zeta, "special.zeta", tol=1e-9, wants=(1,))
case(OPS["entr"], [positive(5)], lambda x: -x * np.log(x), "special.entr")
case(OPS["entr"], [fixed([0.0, -1.0])], lambda x: np.array([0.0, -np.inf]), "special.entr", wants=())
case(OPS["erfcx"], [fixed([-2.0, -0.3, 0.2, 1.0, 3.0])], lambda x: np.exp(x * x) * np.vectorize(math.erfc)(x),
     "special.erfcx", tol=1e-11)  # fmt: skip
case(OPS["ndtri"], [between(0.02, 0.98, 6)], ref.ndtri, "special.ndtri", tol=1e-9)
case(OPS["gcd"], [whole(-20, 20, 2, 5), whole(0, 9, 5)])

# memory in steps
for shape, stride, offset in (((2, 3), (1, 2), 1), ((3, 2), (1, 1), 0), ((2, 2, 2), (0, 3, 1), 2), ((0, 2), (1, 1), 0)):
    case(
        OPS["as_strided"],
        [normal(3, 4)],
        lambda x, size, stride, offset: x.reshape(-1)[strided_places(size, stride, offset)],
        lambda t, x, size, stride, offset: t.as_strided(x, size, stride, offset),
        size=shape,
        stride=stride,
        offset=offset,
    )
    case(
        OPS["as_strided_adjoint"],
        [normal(*shape)],
        lambda x, shape, size, stride, offset: (
            np.bincount(strided_places(size, stride, offset).reshape(-1), x.reshape(-1), math.prod(shape))
            .astype(float)
            .reshape(shape)
        ),
        None,
        shape=(3, 4),
        size=shape,
        stride=stride,
        offset=offset,
    )

# LU, eigenvalues, complex numbers
for size in ((3, 3), (2, 4, 3), (3, 5)):
    case(OPS["lu_packed"], [solid(*size)], ref.lu_packed, None, tol=1e-10)
    case(
        OPS["lu_pivots"],
        [normal(*size)],
        lambda x: ref.lu_pivots(x),
        lambda t, x: t.linalg.lu_factor(x.detach())[1],
        wants=(),
    )
case(OPS["pivot_rows"], [fixed([[2, 3, 3], [1, 2, 3]])], lambda x, m: np.array([[1, 2, 0, 3], [0, 1, 2, 3]]), None, m=4)
case(
    lambda x: OPS["complex_eigenvalues"](x, OPS["complex_eigenvectors"](x)).real.sort()[0],
    [solid(2, 3, 3)],
    lambda x: np.sort(np.linalg.eigvals(x).real),
    lambda t, x: t.linalg.eigvals(x).real.sort()[0],
    tol=1e-10,
    name="complex_eigenvalues",
)
case(
    lambda x: OPS["complex_eigenvectors"](x).abs(),
    [solid(2, 3, 3)],
    lambda x: np.abs(np.linalg.eig(x)[1]),
    lambda t, x: t.linalg.eig(x)[1].abs(),
    tol=1e-10,
    name="complex_eigenvectors",
)


def roots(n):
    """exp(-2 pi i j k / n)"""
    return np.exp(-2j * np.pi * np.outer(np.arange(n), np.arange(n)) / n)


complex_pair = [normal(2, 3), normal(2, 3)]
for name, part in (("real", np.real), ("imag", np.imag), ("conj", np.conj)):
    case(
        lambda x, y, name=name: OPS[name](OPS["complex"](x, y)).abs(),
        complex_pair,
        lambda x, y, part=part: np.abs(part(x + 1j * y)),
        lambda t, x, y, name=name: getattr(t, name)(t.complex(x, y)).abs(),
        name=name,
    )
case(
    lambda x, y: (OPS["complex"](x, y) * (2 - 1j)).imag,
    complex_pair,
    lambda x, y: 2 * y - x,
    lambda t, x, y: (t.complex(x, y) * (2 - 1j)).imag,
    name="complex",
)
case(
    lambda x, y: OPS["sgn"](OPS["complex"](x, y)).real,
    complex_pair,
    lambda x, y: x / np.hypot(x, y),
    lambda t, x, y: t.sgn(t.complex(x, y)).real,
    name="sgn",
)
case(
    lambda x, y: OPS["view_as_real"](OPS["complex"](x, y)) ** 2,
    complex_pair,
    lambda x, y: np.stack([x, y], -1) ** 2,
    lambda t, x, y: t.view_as_real(t.complex(x, y)) ** 2,
    name="view_as_real",
)
case(
    lambda x: (OPS["view_as_complex"](x) ** 2).imag,
    [normal(3, 2)],
    lambda x: 2 * x[:, 0] * x[:, 1],
    lambda t, x: (t.view_as_complex(x) ** 2).imag,
    name="view_as_complex",
)
case(
    lambda x, y: OPS["det_phase"](OPS["complex"](x, y)).imag,
    [solid(2, 3, 3), normal(2, 3, 3)],
    lambda x, y: np.linalg.slogdet(x + 1j * y)[0].imag,
    lambda t, x, y: t.linalg.slogdet(t.complex(x, y))[0].imag,
    tol=1e-10,
    name="det_phase",
)
case(
    lambda x: OPS["fourier"](x, kind="rfftn", sizes=(4, 6), dims=(-3, -1), norm="ortho").abs(),
    [normal(4, 2, 6)],
    lambda x: np.abs(np.einsum("jas,kj,ls->kal", x, roots(4), roots(6)[:4])) / 24**0.5,
    lambda t, x: t.fft.rfftn(x, dim=(0, 2), norm="ortho").abs(),
    tol=1e-10,
    name="fourier",
)
for n, weights in ((5, [1, 2, 2]), (4, [1, 2, 1])):
    case(
        lambda x, y, n=n: OPS["doubled"](OPS["complex"](x, y), n=n, dim=-1).abs(),
        [normal(2, 3), normal(2, 3)],
        lambda x, y, weights=weights: np.hypot(x, y) * weights,
        None,
        name="doubled",
    )
case(lambda x: OPS["poisson"](x * 0.0, generator=minigrad.Generator()), [positive(4)], np.zeros_like, None, wants=(),
     name="poisson")  # fmt: skip
case(lambda x: OPS["binomial"](x, x * 0.0 + 1.0, generator=minigrad.Generator()), [fixed([3.0, 7.0])], np.copy, None, wants=(),
     name="binomial")  # fmt: skip
case(lambda x: OPS["log_gamma_draw"](x * 1e30, generator=minigrad.Generator(stream="torch")), [positive(4)],
     lambda x: np.log(x * 1e30), None, wants=(), name="log_gamma_draw")  # its relative spread is 1e-15  # fmt: skip
