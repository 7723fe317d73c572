"""Integrals and differences of samples, covariances, pieces, windows, special functions and orthogonal polynomials beside
PyTorch; and the names by which functions and methods take their arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad

from .beside import RNG, Table, compare, compare_strict, inside, normal, positive, torch, whole

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # PyTorch's, of old names
row = Table()

# integrals and differences of samples
for name in ("trapezoid", "cumulative_trapezoid", "trapz"):
    row(name, normal(5), name=name)
    row(name, normal(3, 4), dx=0.5)
    row(name, normal(3, 4), dim=0)
    row(name, normal(3, 4), np.sort(normal(4)))
    row(name, normal(3, 4), np.sort(normal(3, 4)))
    row(name, normal(2, 3, 4), np.sort(normal(3)), dim=1) if name != "trapz" else None
    row(name, normal(3, 1))
for order in (1, 2):
    row("gradient", normal(5), edge_order=order)
    row("gradient", normal(4, 5), edge_order=order)
    row("gradient", normal(4, 5), spacing=2.0, edge_order=order)
    row("gradient", normal(4, 5), spacing=[1.0, 0.5], edge_order=order)
    row("gradient", normal(4, 5), dim=1, edge_order=order)
row(lambda m, x, at: m.gradient(x, spacing=(at,))[0], normal(5), np.cumsum(positive(5)), name="gradient at places")
places = np.cumsum(positive(3)), np.cumsum(positive(4))
row(lambda m, x, p, q: m.gradient(x, spacing=(p, q), edge_order=2), normal(3, 4), *places, name="gradient at places")
row("cov", normal(3, 5))
row("cov", normal(5))
row("cov", normal())
row("cov", normal(3, 5), correction=0)
row("cov", normal(3, 4), fweights=np.array([1, 2, 0, 3]))
row("cov", normal(3, 4), aweights=positive(4), order=1)
row("cov", normal(3, 4), fweights=np.array([1, 2, 1, 3]), aweights=positive(4), order=1)
row("corrcoef", normal(3, 6), order=1)
row("corrcoef", normal(6))
for p in (1.0, 2.0, 3.0):
    row("renorm", normal(3, 4), p, 0, 1.0, tol=1e-6)
    row("renorm", normal(2, 3, 4), p, 1, 0.7, tol=1e-6)
row("pdist", normal(4, 3), order=1)
row("nn.functional.pdist", normal(4, 3), 1.0, order=1)
row("float_power", positive(3), 2.5)
row("float_power", positive(3), normal(3))
row("float_power", np.array([1, 2, 3]), 2, order=0)
row("ldexp", normal(3), np.array([1.0, 2.0, -3.0]))
row("rsub", normal(3), normal(3))
row("deg2rad", normal(3) * 90)
row("rad2deg", normal(3))
row("vdot", normal(3), normal(3))
row("gcd", whole(-20, 20, 9), whole(-20, 20, 9), order=0)
row("lcm", whole(-20, 20, 9), whole(-20, 20, 9), order=0)

# pieces
row("slice_scatter", normal(4, 5), normal(2, 5), start=1, end=3)
row("slice_scatter", normal(4, 5), normal(4, 2), 1, 0, None, 3)
row("slice_scatter", normal(4, 5), normal(1, 5), 0, -1)
row("select_scatter", normal(4, 5), normal(4), 1, 2)
row("select_scatter", normal(4, 5), normal(5), 0, -1)
row("diagonal_scatter", normal(4, 5), normal(4))
row("diagonal_scatter", normal(4, 5), normal(3), offset=2)
row("diagonal_scatter", normal(2, 3, 3), normal(2, 3), 0, 1, 2)
for reduce in ("prod", "mean", "amax", "amin"):
    for include in (True, False):
        row("index_reduce", normal(3, 4), 0, np.array([0, 2, 0, 0]), normal(4, 4), reduce, include_self=include, order=1)
        row("index_reduce", normal(3, 4), 1, np.array([1, 3]), normal(3, 2), reduce, include_self=include, order=1)
row("fill", normal(2, 3), 2.5)
row("split_with_sizes", normal(5, 2), [2, 3])
row("unravel_index", whole(0, 24, 5), (2, 3, 4), order=0)
row("as_strided", normal(3, 4), (2, 2), (1, 2), 1)
row("as_strided", normal(8), (3, 4), (2, 1))
row(lambda m, x: x.as_strided((3,), (5,)), normal(4, 4), name="diagonal by strides")
row(lambda m, x: x.sum_to_size(3, 1), normal(2, 3, 4), name="sum_to_size")
row(lambda m, x: (x * 1).fill_diagonal_(5.0), normal(4, 3), name="fill_diagonal_")
row(lambda m, x: (x * 1).fill_diagonal_(5.0, wrap=True), normal(7, 3), name="fill_diagonal_")
row(lambda m, x: (x * 1).fill_diagonal_(5.0), normal(3, 3, 3), name="fill_diagonal_")
row(lambda m, x: [x.H, x.mH, x.adjoint(), x.real, x.conj()], normal(2, 3), name="adjoint")
row("angle", np.array([-1.0, 0.0, 2.0, np.nan]), order=0)
row("isreal", normal(3), order=0)
row("pow", np.array([1, -1, -1, 0, 2, -3, 5]), np.array([-4, -3, -2, 0, -1, 3, -1]), order=0)
row(lambda m, x: (-1) ** x, np.array([-3, -2, 0, 5]), order=0, name="power of a number")
for name in ("maximum", "minimum"):
    row(
        name,
        np.array([np.nan, 1.0, 2.0, 2.0, np.nan]),
        np.array([1.0, np.nan, 2.0, 1.0, np.nan]),
        order=1,
        name=f"{name} of NaN",
    )
row("angle", np.array([np.inf, -np.inf, 1.0]), order=0)
row("nextafter", np.array([1.0, 0.0, -3.0, np.inf]), np.array([2.0, -1.0, 0.0, 0.0]), order=0)
row("frexp", np.array([1.0, -0.3, 1e-310, 1e308, 0.0, np.inf, 8.0]), order=0)
row(lambda m, x: m.frexp(x).mantissa, normal(5), order=1, name="frexp")
row("ger", normal(3), normal(2))
row(lambda m, x: m.view_as_real(m.view_as_complex(x) * 2), normal(3, 2), name="pairs as complex numbers")
for number in (-1, -200, 300, 2**40):
    row(lambda m, x, n=number: [x + n, n - x, x * n, x & n, x - n, x | n, n + x], np.array([1, 0, 7], "uint8"), order=0,
        name=f"uint8 and {number}")  # fmt: skip
    row(lambda m, x, n=number: [x + n, n - x, x * n, x & n, x - n, x | n, n + x], np.array([1, 0, -7], "int16"), order=0,
        name=f"int16 and {number}")  # fmt: skip
row(lambda m, x: [m.full_like(x, -1), m.full((2,), -3, dtype=x.dtype), x.fill_(-7)], np.array([1, 2], "uint8"), order=0,
    name="uint8 filled with less than 0")  # fmt: skip
row(lambda m, x: x**0, np.array([1.0, 0.0, -np.inf, np.inf]), order=1, name="power 0")
row("logsumexp", np.array([1.0, np.inf, -2.0, -np.inf]), 0, order=1)
row("logit", np.array([-0.2, 0.0, 0.3, 1.0, 1.5]), order=1)
row("logit", np.array([-0.2, 0.0, 0.3, 1.0, 1.5]), 0.1, order=1)
row("range", 1, 4, order=0)
row("range", 0.5, 2, 0.5, order=0)
row("scalar_tensor", 3, order=0)
for args in ((0, 3, 4), (3, 5), (4, 4, 2)):
    row("is_same_size", normal(*args), normal(*args), order=0)

# windows
for name in ("hann_window", "hamming_window", "blackman_window", "bartlett_window", "kaiser_window"):
    for n in (0, 1, 2, 7, 8):
        for periodic in (True, False):
            row(name, n, periodic, order=0, tol=1e-6)

# special functions
for name in ("i0", "i0e", "i1", "i1e"):
    row(f"special.{name}", normal(5) * 3, tol=1e-8)
    row(f"special.{name}", np.array([0.0, 12.0, -70.0, 1e-12]), tol=1e-8, order=1)
for name in ("erfcx", "log_ndtr", "ndtr", "psi", "gammaln", "expit", "digamma"):
    row(f"special.{name}", positive(5) * 2, tol=1e-7)
row("special.erfcx", np.array([-3.0, 0.0, 0.2, 30.0]), tol=1e-9)
row("special.log_ndtr", np.array([-40.0, -5.0, 0.0, 5.0]), tol=1e-9)
row("special.entr", positive(5))
row("special.ndtri", inside(5) / 2 + 0.5, tol=1e-8)
row("special.ndtri", np.array([0.0, 1.0, 0.5, 1e-12, 2.0]), order=0)
for name in ("gammainc", "gammaincc"):
    row(
        lambda m, a, x, name=name: getattr(m.special, name)(a.detach(), x),
        positive(5),
        positive(5),
        name=name,
        tol=1e-7,
        order=1,
    )
    row(f"special.{name}", np.array([0.0, 1.0, 2.0, -1.0]), np.array([1.0, 0.0, np.inf, 1.0]), order=0)
row(lambda m, x, q: m.special.zeta(x.detach(), q), 1 + positive(4), positive(4), name="zeta", tol=1e-7, order=1)
row("special.zeta", np.array([1.0, 0.5, 2.0, 2.0, 3.0]), np.array([2.0, 1.0, -0.5, -2.0, -3.7]), order=0)
row("special.multigammaln", 2 + positive(3), 3, tol=1e-8)
row("mvlgamma", 2 + positive(3), 2, tol=1e-8)
row("special.xlog1py", np.array([0.0, 1.0, 2.0]), np.array([3.0, 1e-9, 0.5]), order=1)
row("special.xlog1py", np.array([0.0, 0.0]), np.array([-1.0, np.nan]), order=0)
row("special.xlog1py", positive(4), positive(4))
row("special.spherical_bessel_j0", normal(4), order=0)
POLYNOMIALS = [name for name in minigrad.special.__dict__ if "polynomial" in name]
for name in POLYNOMIALS:
    row(f"special.{name}", inside(5), 4, order=0, tol=1e-9)
    row(f"special.{name}", inside(5), np.array([0, 1, 2, 5, 3]), order=0, tol=1e-9)

ROWS = [r for r in row.rows if r is not None]


@pytest.mark.parametrize(("what", "args", "options", "order", "tol"), ROWS)
def test_like_pytorch(what: Any, args: tuple, options: dict, order: int, tol: float) -> None:
    compare(what, args, options, order, tol)


ON_STRICT = [r for r in ROWS if "window" not in str(r.values[0])]


@pytest.mark.parametrize(("what", "args", "options", "order", "tol"), ON_STRICT)
def test_on_a_strict_namespace(what: Any, args: tuple, options: dict, order: int, tol: float) -> None:
    compare_strict(what, args, options, order, tol)


CALLS = """exp(input=x) mul(input=x,other=x) pow(x,exponent=2) pow(input=x,exponent=2) add(x,other=x,alpha=2)
    eq(input=x,other=2) maximum(input=x,other=x) round(input=x,decimals=1) heaviside(input=x,values=x) isnan(input=x)
    atan2(input=x,other=x) inverse(input=eye(2)) det(input=eye(2)) matrix_power(input=eye(2),n=2)
    permute(input=x,dims=(0,)) swapaxes(eye(2),axis0=0,axis1=1) pinverse(eye(2),1e-15) pinverse(eye(2),rcond=1e-15)
    linalg.norm(input=x) linalg.svd(eye(2),driver=None) linalg.pinv(eye(2),1e-15) linalg.pinv(eye(2),rcond=1e-15)
    linalg.matrix_rank(eye(2),1e-15) linalg.matrix_rank(eye(2),tol=1e-15) repeat_interleave(repeats=tensor([1,2]))
    pow(self=2,exponent=x) x.pow(exponent=2) x.add(other=x) x.mul(other=2) x.sub(other=1,alpha=2)
    x.clone().add_(other=1) x.clone().pow_(exponent=2) nn.functional.sigmoid(input=x) relu(input=x)
    nn.functional.tanh(input=x) flip(input=x,dims=(0,)) sigmoid(input=x)""".split()


def test_arguments_go_by_pytorchs_names() -> None:
    for call in CALLS:
        names = [{**vars(m), "x": m.tensor([1.0, 2.0])} for m in (minigrad, torch)]
        ours, theirs = (eval(call, scope) for scope in names)
        for got, want in zip(*(list(y) if isinstance(y, tuple) else [y] for y in (ours, theirs)), strict=True):
            np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-5, atol=1e-6, err_msg=call)


def test_an_operand_by_keyword_gets_its_gradient() -> None:
    w = minigrad.tensor([3.0, 4.0], requires_grad=True)
    (minigrad.add(minigrad.ones(2), other=w) + minigrad.ones(2).mul(other=w)).sum().backward()
    assert w.grad.tolist() == [2, 2]
    with pytest.raises(TypeError, match=r"add: unexpected keyword argument 'otter'.*add\(input, other, \*, alpha=1"):
        minigrad.add(w, w, otter=1)


def test_random_numbers() -> None:
    minigrad.manual_seed(0)
    rates = minigrad.tensor([0.0, 2.0, 30.0]).expand(20000, 3)
    drawn = minigrad.poisson(rates)
    np.testing.assert_allclose(drawn.mean(0).numpy(), [0, 2, 30], atol=6 * (30 / 20000) ** 0.5)
    np.testing.assert_allclose(drawn.var(0).numpy(), [0, 2, 30], rtol=0.1)
    heads = minigrad.binomial(minigrad.full((20000,), 10.0), minigrad.tensor(0.3))
    assert heads.dtype is minigrad.float32 and abs(heads.mean().item() - 3) < 0.1 and 0 <= heads.min() <= heads.max() <= 10


def test_parts_of_complex_numbers() -> None:
    a, b = RNG.standard_normal((2, 3)).astype("float32"), RNG.standard_normal((2, 3)).astype("float32")
    z, w = minigrad.complex(minigrad.tensor(a), minigrad.tensor(b)), torch.complex(torch.tensor(a), torch.tensor(b))
    for f in (lambda z: z.real, lambda z: z.imag, lambda z: z.angle(), lambda z: z.abs(), lambda z: z.conj().imag,
              lambda z: z.mH.imag, lambda z: (z * z).real):  # fmt: skip
        np.testing.assert_allclose(f(z).numpy(), f(w).resolve_neg().numpy(), rtol=1e-5, atol=1e-6)
