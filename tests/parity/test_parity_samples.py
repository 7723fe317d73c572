"""What PyTorch's own sample inputs find: types of results, what asks for gradients, and calls that must raise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad

from .alike import drawn, listed, same, tensors, torch

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")


def count(m: Any, *shape: int, dtype: str = "int64", start: int = 0) -> Any:
    """start, start + 1 ... in rows."""
    return m.arange(start, start + int(np.prod(shape))).to(getattr(m, dtype)).reshape(*shape)


WHOLE = {  # of integers and halves
    "addmm, a fraction": lambda m: m.addmm(count(m, 3), count(m, 3, 3), count(m, 3, 3), beta=1.7, alpha=2.6),
    "addmv, a fraction": lambda m: m.addmv(count(m, 3), count(m, 3, 3), count(m, 3), beta=0.2, alpha=1.6),
    "baddbmm, a fraction": lambda m: m.baddbmm(count(m, 2, 3, 3), count(m, 2, 3, 3), count(m, 2, 3, 3), beta=1.2, alpha=0.6),
    "addbmm, a fraction": lambda m: m.addbmm(count(m, 3, 3), count(m, 2, 3, 3), count(m, 2, 3, 3), beta=1.2, alpha=1.6),
    "addr of booleans": lambda m: m.addr(m.eye(2) > 0, m.ones(2) > 0, m.tensor([True, False]), beta=3, alpha=2),
    "add, minus bytes": lambda m: m.add(count(m, 3, dtype="uint8"), count(m, 3, dtype="uint8"), alpha=-3),
    "sub, minus bytes": lambda m: m.sub(count(m, 3, dtype="uint8"), count(m, 3, dtype="uint8"), alpha=-3),
    "addcmul, minus bytes": lambda m: m.addcmul(*[count(m, 3, dtype="uint8")] * 3, value=-1),
    "arange down by a fraction": lambda m: m.arange(0.0, -8.000001, -4.0, dtype=m.int64),
    "arange, its ends cut off": lambda m: m.arange(-0.9, 2.1, 2.0, dtype=m.int64),
    "arange of bytes, the start cut off": lambda m: m.arange(-0.9, 2.1, 2.0, dtype=m.uint8),
    "arange, the step cut off": lambda m: m.arange(0, 5.5, 1.5, dtype=m.int32),
    "index_add into a number": lambda m: m.index_add(m.tensor(3).int(), 0, m.tensor([0]), m.tensor(2).int(), alpha=-1),
    "einsum, a sum": lambda m: m.einsum("i->", count(m, 3, dtype="uint8")),
    "einsum, a sum before a product": lambda m: m.einsum("ij,k->k", count(m, 2, 2, dtype="int32"), count(m, 3, dtype="int32")),
    "einsum, a product": lambda m: m.einsum("i,ij->j", count(m, 3, dtype="uint8"), count(m, 3, 2, dtype="uint8")),
    "vander": lambda m: m.linalg.vander(count(m, 4, dtype="uint8"), N=5),
    "vander of a number": lambda m: m.linalg.vander(m.tensor(3.0), N=3),
    "unravel_index": lambda m: m.unravel_index(count(m, 4, dtype="uint8"), (2, 1 << 30)),
    "sum_to_size of a truth": lambda m: m.tensor(True).sum_to_size(()),
    "bilinear": lambda m: m.nn.functional.bilinear(*[count(m, 3, dtype="int32")] * 2, count(m, 2, 3, 3, dtype="int32")),
    "trapezoid of bytes": lambda m: m.trapezoid(*[m.tensor([200, 100, 250], dtype=m.uint8)] * 2),
    "avg_pool2d": lambda m: m.nn.functional.avg_pool2d(-count(m, 1, 4, 4), 2),
    "avg_pool2d, the padding left out": lambda m: m.nn.functional.avg_pool2d(count(m, 1, 4, 4), 3, 1, 1, False, False),
    "avg_pool3d by a divisor": lambda m: m.nn.functional.avg_pool3d(count(m, 1, 2, 4, 4), 2, divisor_override=3),
    "bilinear image of bytes": lambda m: m.nn.functional.interpolate(count(m, 1, 1, 4, 4, dtype="uint8"), 3, mode="bilinear"),
    "cubic image of bytes": lambda m: m.nn.functional.interpolate(15 * count(m, 1, 1, 4, 4, dtype="uint8"), 3, mode="bicubic"),
    "std of large halves": lambda m: m.std(m.tensor([10000.0, 20000, 30000]).half()),
    "norm of order 4 of halves": lambda m: m.linalg.vector_norm(m.tensor([100.0, 200, 300]).half(), 4),
    "dist of order 3 of halves": lambda m: m.dist(m.tensor([100.0, 200, 300]).half(), m.zeros(3).half(), 3),
    "normalize by order 3 of halves": lambda m: m.nn.functional.normalize(m.tensor([100.0, 200, 300]).half(), 3, 0),
    "mvlgamma of small numbers": lambda m: m.mvlgamma(m.tensor([0.2, 1.5, -1.5, 0.5], dtype=m.float64), 2),
    "spherical_bessel_j0 at the ends": lambda m: m.special.spherical_bessel_j0(m.tensor([m.inf, -m.inf, m.nan, 0.0])),
    "linspace of complex numbers": lambda m: m.linspace(1j, m.tensor(3.0), 4).abs(),
    "linspace as complex numbers": lambda m: m.linspace(0, 3, 4, dtype=m.complex64).abs(),
    "masked_fill with a complex number that is real": lambda m: count(m, 2).masked_fill(
        m.tensor([True, False]), m.tensor(5 + 0j)),
    "as_strided_": lambda m: (count(m, 6) * 2).as_strided_((2, 2), (1, 2), 1),
    "unique_consecutive of empty columns": lambda m: m.unique_consecutive(m.zeros(5, 0, 5), True, True, dim=1),
    "unique of empty rows": lambda m: m.unique(m.zeros(0, 5), dim=0),
    "digamma at the ends": lambda m: m.digamma(m.tensor([-m.inf, -1.0, -1.5, 0.0, m.nan, m.inf])),
    "trigamma at the ends": lambda m: m.polygamma(1, m.tensor([-m.inf, m.nan, m.inf])),
    **{f"scatter_reduce of truths, {way}": lambda m, way=way: m.scatter_reduce(
        m.tensor([True, False, True]), 0, m.tensor([0, 0, 1]), m.tensor([True, False, True]), way, include_self=False)
        for way in ("amax", "amin", "prod", "sum")},
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
def test_of_integers(name: str) -> None:
    for y, t in zip(listed(WHOLE[name](minigrad)), listed(WHOLE[name](torch)), strict=True):
        same(y, t, name)


MADE = {  # tensors, with options of every function that makes some
    "zeros": lambda m, **o: m.zeros(2, 3, **o), "ones": lambda m, **o: m.ones((2,), **o),
    "empty": lambda m, **o: m.empty(2, **o),
    "normal": lambda m, **o: m.normal(0.0, 1.0, (2,), **o),
    "rand": lambda m, **o: m.rand(2, **o), "randn": lambda m, **o: m.randn(2, **o), "eye": lambda m, **o: m.eye(2, **o),
    "full": lambda m, **o: m.full((2,), 1.5, **o), "arange": lambda m, **o: m.arange(3.0, **o),
    "linspace": lambda m, **o: m.linspace(0, 1, 3, **o), "logspace": lambda m, **o: m.logspace(0, 1, 3, **o),
    "randperm": lambda m, **o: m.randperm(3, dtype=m.float32, **o),
    "tensor": lambda m, layout, **o: m.tensor([1.0], **o),
    "randint": lambda m, **o: m.randint(0, 3, (2,), dtype=m.float32, **o),
    "zeros_like": lambda m, **o: m.zeros_like(m.ones(2), **o),
    "ones_like": lambda m, **o: m.ones_like(m.ones(2), **o), "empty_like": lambda m, **o: m.empty_like(m.ones(2), **o),
    "full_like": lambda m, **o: m.full_like(m.ones(2), 1, **o), "rand_like": lambda m, **o: m.rand_like(m.ones(2), **o),
    "randn_like": lambda m, **o: m.randn_like(m.ones(2), **o),
    "randint_like": lambda m, **o: m.randint_like(m.ones(2), 3, **o),
    "new_zeros": lambda m, **o: m.ones(1).new_zeros(2, **o), "new_full": lambda m, **o: m.ones(1).new_full((2,), 1, **o),
    "hann_window": lambda m, **o: m.hann_window(4, **o), "kaiser_window": lambda m, **o: m.kaiser_window(4, **o),
    "hann": lambda m, pin_memory, **o: m.signal.windows.hann(4, **o),
    "empty_strided": lambda m, **o: m.empty_strided((2, 2), (1, 2), **o),
}  # fmt: skip


@pytest.mark.parametrize("name", MADE)
def test_made_strided(name: str) -> None:
    y, t = (MADE[name](m, layout=m.strided, pin_memory=False, requires_grad=True) for m in (minigrad, torch))
    assert y.shape == tuple(t.shape) and y.requires_grad and t.requires_grad
    assert y.dtype.name == "float32" and t.dtype is torch.float32


def test_what_is_not_strided_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="zeros: layout must be strided"):
        minigrad.zeros(2, layout=minigrad.sparse_coo)


GRADIENTS = {  # a function of a tensor, its shape
    "norm of order 0": (lambda m, x: m.norm(x, 0), (3,)),
    "vector_norm of order 0": (lambda m, x: m.linalg.vector_norm(x, 0, dim=1), (3, 2)),
    "cdist of order 0": (lambda m, x: m.cdist(x, x, p=0), (3, 2)),
    "pdist of order 0": (lambda m, x: m.nn.functional.pdist(x, 0), (3, 2)),
    "matrix_power of order 0": (lambda m, x: m.matrix_power(x, 0), (2, 3, 3)),
    "fill": (lambda m, x: m.fill(x, 2.0), (3,)),
    "index_fill of a number": (lambda m, x: m.index_fill(x, 0, m.tensor([0]), 2.0), ()),
    "index_fill of a number, nowhere": (lambda m, x: m.index_fill(x, 0, m.tensor([0])[:0], 2.0), ()),
    "pinv of a lower triangle": (lambda m, x: m.linalg.pinv(x, hermitian=True), (2, 4, 4)),
    "eigvalsh of nothing": (lambda m, x: m.linalg.eigvalsh(x), (0, 3, 3)),
    "eigh of nothing": (lambda m, x: m.linalg.eigh(x)[1], (0, 3, 3)),
    "gaussian_nll_loss, a number as target": (
        lambda m, x: m.nn.functional.gaussian_nll_loss(x, x.sum(), x.exp()), (5,)),
    "gaussian_nll_loss, a target that widens": (
        lambda m, x: m.nn.functional.gaussian_nll_loss(x[0], x, x[0].exp(), reduction="none"), (3, 5)),
    "margin_ranking_loss, one target for all": (
        lambda m, x: m.nn.functional.margin_ranking_loss(x, x[:, :1], m.tensor([[-1.0]])), (3, 4)),
    "multi_margin_loss of a number": (lambda m, x: m.nn.functional.multi_margin_loss(x, m.tensor(0)), ()),
    "multi_margin_loss of one": (lambda m, x: m.nn.functional.multi_margin_loss(x, m.tensor([1])), (3,)),
    "multilabel_margin_loss of a number": (lambda m, x: m.nn.functional.multilabel_margin_loss(x, m.tensor(0)), ()),
}  # fmt: skip


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients(name: str) -> None:
    function, shape = GRADIENTS[name]
    (x,), (their_x,) = tensors([drawn(*shape)])
    y, t = function(minigrad, x), function(torch, their_x)
    same(y, t, name)
    assert y.requires_grad and t.requires_grad
    same(
        minigrad.autograd.grad((y * y).sum(), x, materialize_grads=True)[0],
        torch.autograd.grad((t * t).sum(), their_x, materialize_grads=True)[0],
    )


ODD = np.array([np.nan, np.inf, -np.inf, 0.0, 1.0, -1.0, 20.0, -20.0, -40.0, -88.0, 3.0, -3.0, 249.0])
CORNERS = {  # a function of odd numbers
    "sign": lambda m, x: m.sign(x),
    "sgn": lambda m, x: m.sgn(x),
    "abs": lambda m, x: m.abs(x),
    "l1_loss without NaN": lambda m, x: m.nn.functional.l1_loss(x, m.ones_like(x), reduction="none")[~m.isnan(x)],
    "sigmoid": lambda m, x: m.sigmoid(x),
    "logarithm of a sigmoid": lambda m, x: m.log(m.sigmoid(x)),
    "binary_cross_entropy": lambda m, x: m.nn.functional.binary_cross_entropy(m.sigmoid(x[3:]), m.ones_like(x[3:])),
    "remainder": lambda m, x: m.remainder(m.full_like(x, 249.0), x * 0.1),
    "remainder of a number": lambda m, x: m.remainder(m.tensor(2.0, dtype=x.dtype), x),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CORNERS)
def test_corners(name: str, dtype: str) -> None:
    (x,), (their_x,) = tensors([ODD.astype(dtype)])
    y, t = CORNERS[name](minigrad, x), CORNERS[name](torch, their_x)
    same(y, t, name)
    (g,), (their_g,) = minigrad.autograd.grad(y.sum(), x), torch.autograd.grad(t.sum(), their_x)
    same(g, their_g, f"the gradient of {name}")
    slopes = their_g.numpy(force=True)
    small = np.abs(slopes) < 1e-6  # by its digits
    np.testing.assert_allclose(g.numpy()[small], slopes[small], rtol=1e-6, atol=0)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64"])
def test_a_small_sigmoid_has_its_digits(dtype: str) -> None:
    x = np.linspace(-60, 20, 81).astype(dtype)
    y, t = minigrad.sigmoid(minigrad.tensor(x)).numpy(), torch.sigmoid(torch.tensor(x)).numpy()
    np.testing.assert_allclose(y, t, rtol=4 * np.finfo(dtype).eps, atol=0)


def hermitian(m: Any, x: Any, rank: int = 4) -> Any:
    """Hermitian matrices of a rank, spoiled above the diagonal and by an imaginary part on it, which nobody reads."""
    z = m.complex(x, x.flip(-1))[..., :rank]
    return z @ z.mH + m.complex(m.zeros(4, 4, dtype=m.float64), m.ones(4, 4, dtype=m.float64).triu())


def complex_slopes(m: Any, f: Any, x: Any) -> Any:
    """The gradient of the parts of f(z), weighted by 1, 2 ..."""
    z = m.complex(30 * x, x.flip(-1)).requires_grad_()
    parts = m.view_as_real(f(z))
    return m.autograd.grad((parts * m.arange(1.0, parts.numel() + 1).reshape(parts.shape)).sum(), z)[0].resolve_conj()


ODD_PAIRS = np.meshgrid(*[np.array([-np.inf, complex(np.nan, np.nan), 1000 + 2j, -1000 - 1j, 0, np.pi * 1j, 5 + 3j])] * 2)
COMPLEX = {  # of 3 matrices of 4x4
    "logaddexp of odd numbers": lambda m, x: m.nan_to_num(m.view_as_real(m.logaddexp(*map(m.tensor, ODD_PAIRS))), 7.0),
    "logaddexp": lambda m, x: complex_slopes(m, lambda z: m.logaddexp(z, z.flip(0)), x),
    "logcumsumexp": lambda m, x: m.logcumsumexp(m.complex(30 * x, x.flip(-1)), 1),
    "logcumsumexp, its gradient": lambda m, x: complex_slopes(m, lambda z: m.logcumsumexp(z, 2), x),
    "sigmoid": lambda m, x: complex_slopes(m, m.sigmoid, x),
    "pinv of Hermitian matrices": lambda m, x: m.linalg.pinv(hermitian(m, x), hermitian=True),
    "pinv of Hermitian matrices of rank 2": lambda m, x: m.linalg.pinv(hermitian(m, x, 2), hermitian=True, rtol=1e-8),
    "matrix_rank of Hermitian matrices": lambda m, x: m.linalg.matrix_rank(hermitian(m, x, 2), hermitian=True, rtol=1e-8),
    "eigvalsh": lambda m, x: m.linalg.eigvalsh(hermitian(m, x)),
    **{f"ormqr, left={left}, transpose={transpose}": lambda m, x, left=left, transpose=transpose: m.ormqr(
        *m.geqrf(m.complex(x, x.flip(-1))), m.complex(x.mT, x), left, transpose)
       for left in (True, False) for transpose in (True, False)},
}  # fmt: skip


@pytest.mark.parametrize("name", COMPLEX)
def test_complex_matrices(name: str) -> None:
    same(*(m.view_as_real(y).ravel() if (y := COMPLEX[name](m, m.tensor(drawn(3, 4, 4)))).is_complex() else y
           for m in (minigrad, torch)), name)  # fmt: skip


RAISES = {  # both raise
    "adaptive_avg_pool2d of integers": lambda m: m.nn.functional.adaptive_avg_pool2d(count(m, 1, 4, 4), 3),
    "avg_pool2d of bytes": lambda m: m.nn.functional.avg_pool2d(count(m, 1, 4, 4, dtype="uint8"), 2),
    "a linear image of integers": lambda m: m.nn.functional.interpolate(count(m, 1, 1, 4, 4), 3, mode="bilinear"),
    "addr of integers with a fraction": lambda m: m.addr(count(m, 2, 2), count(m, 2), count(m, 2), alpha=0.5),
    "conv1d, the bias of another type": lambda m: m.nn.functional.conv1d(count(m, 1, 1, 4), count(m, 1, 1, 2), m.ones(1)),
    "max_pool2d without channels": lambda m: m.nn.functional.max_pool2d(m.ones(2, 0, 4, 4), 2),
    "max_pool1d without channels": lambda m: m.nn.functional.max_pool1d(m.ones(0, 10), 1),
    "avg_pool3d without channels": lambda m: m.nn.functional.avg_pool3d(m.ones(2, 0, 4, 4, 4), 2),
    "vander of a number alone": lambda m: m.linalg.vander(m.tensor(3.0)),
    "linspace by half a step": lambda m: m.linspace(0, 3, 1.5),
    "linspace of complex numbers among reals": lambda m: m.linspace(0, 1j, 3, dtype=m.float32),
    "masked_fill of integers with an imaginary number": lambda m: count(m, 2).masked_fill(
        m.tensor([True, False]), m.tensor(1j)
    ),
    "narrow from a truth": lambda m: m.narrow(m.ones(3), 0, m.tensor(True), 1),
    "narrow of a number": lambda m: m.narrow(m.tensor(1.0), 0, 0, 1),
    "unbind of a number": lambda m: m.tensor(1.0).unbind(),
    "dot of two lengths": lambda m: m.dot(m.ones(9), m.ones(3)),
    "ormqr of numbers": lambda m: m.ormqr(*[m.tensor(1.0)] * 3),
    "rot90 in a line": lambda m: m.rot90(m.ones(2, 2), 1, [0]),
    "roll of a number": lambda m: m.roll(m.tensor(1.0), 1, 0),
    "group_norm of a vector": lambda m: m.nn.functional.group_norm(m.ones(2), 1),
}


@pytest.mark.parametrize("name", RAISES)
def test_raises(name: str) -> None:
    for module in (minigrad, torch):
        with pytest.raises((RuntimeError, TypeError, ValueError, IndexError, NotImplementedError)):
            RAISES[name](module)


OUT = {  # with `out`, of a matrix
    "linalg.inv": lambda m, x, **out: m.linalg.inv(x, **out),
    "linalg.norm": lambda m, x, **out: m.linalg.norm(x, **out),
    "linalg.slogdet": lambda m, x, **out: m.linalg.slogdet(x, **out),
    "linalg.qr": lambda m, x, **out: m.linalg.qr(x, "complete", **out),
    "linalg.solve": lambda m, x, **out: m.linalg.solve(x, x[0], **out),
    "linalg.svdvals": lambda m, x, **out: m.linalg.svdvals(x, **out),
    "special.i0e": lambda m, x, **out: m.special.i0e(x, **out),
    "special.xlog1py": lambda m, x, **out: m.special.xlog1py(x, x.abs(), **out),
    "special.chebyshev_polynomial_t": lambda m, x, **out: m.special.chebyshev_polynomial_t(x, 3, **out),
    "log_softmax": lambda m, x, **out: m.log_softmax(x, 0, **out),
    "narrow_copy": lambda m, x, **out: m.narrow_copy(x, 0, 1, 2, **out),
    "fft.irfft": lambda m, x, **out: m.fft.irfft(x, 5, **out),
    "fft.fftfreq": lambda m, x, **out: m.fft.fftfreq(6, 0.5, dtype=m.float64, **out),
    "nextafter": lambda m, x, **out: m.nextafter(x, -x, **out),
    "geqrf": lambda m, x, **out: m.geqrf(x, **out),
    "ormqr": lambda m, x, **out: m.ormqr(*m.geqrf(x), x, **out),
}


@pytest.mark.parametrize("name", OUT)
def test_written_into_out(name: str) -> None:
    both = []
    for module in (minigrad, torch):
        x = module.tensor(drawn(3, 3))
        n = len(listed(OUT[name](module, x)))
        places = tuple(module.empty(0, dtype=module.float64) for _ in range(n))
        y = OUT[name](module, x, out=places if n > 1 else places[0])
        assert all(one is place for one, place in zip(listed(y), places, strict=True)) or n > 1
        both.append(places)
    for y, t in zip(*both, strict=True):
        same(y, t, name)


PUSHED = {  # forward mode, where a place is written twice
    "scatter": lambda m, x: m.zeros(3, dtype=m.float64).scatter(0, m.tensor([1, 0, 1]), x),
    "index_put": lambda m, x: x.index_put((m.tensor([1, 0, 1]),), x * x),
    "index_copy": lambda m, x: x.index_copy(0, m.tensor([1, 0, 1]), x * x),
}


@pytest.mark.parametrize("name", PUSHED)
def test_pushed_forward(name: str) -> None:
    x, v = drawn(3), drawn(3, seed=1)
    found = [m.func.jvp(lambda x, m=m: PUSHED[name](m, x), (m.tensor(x),), (m.tensor(v),)) for m in (minigrad, torch)]
    for y, t in zip(*found, strict=True):
        same(y, t, name)


def test_max_unpool_pushes_forward_the_value_that_stays() -> None:
    """PyTorch's threads race where places are repeated, so this is no comparison with it."""
    x, v = drawn(3), drawn(3, seed=1)
    unpooled = lambda x: minigrad.nn.functional.max_unpool1d(x[None], minigrad.tensor([[1, 3, 1]]), 2)  # noqa: E731
    y, t = minigrad.func.jvp(unpooled, (minigrad.tensor(x),), (minigrad.tensor(v),))
    stays = {float(x[0]): 0, float(x[2]): 2}[y[0, 1].item()]
    assert t.tolist() == [[0, v[stays], 0, v[1], 0, 0]]


def regular(m: Any, x: Any) -> Any:
    """A matrix with an inverse."""
    return x + 5 * m.eye(3, dtype=m.float64)


MANY = {  # of 3x3 matrices, each alone, inside vmap
    "contiguous": lambda m, x: x.T.contiguous().view(-1),
    "median": lambda m, x: x.median(),
    "median of NaN": lambda m, x: m.where(x > 0, m.nan, x).median(),
    "matrix_exp": lambda m, x: m.matrix_exp(x),
    "inv_ex": lambda m, x: m.linalg.inv_ex(regular(m, x))[0],
    "solve_ex": lambda m, x: m.linalg.solve_ex(regular(m, x), x)[0],
    "lu_factor": lambda m, x: m.linalg.lu_factor(regular(m, x))[0],
    "lstsq": lambda m, x: m.linalg.lstsq(x[:, :2], x[:, 2:])[0],
    "select_scatter": lambda m, x: m.select_scatter(m.zeros(3, 3, dtype=m.float64), x[0], 1, 2),
    "slice_scatter": lambda m, x: m.slice_scatter(m.zeros(3, 3, dtype=m.float64), x[:2], 0, 1, 3),
    "mvlgamma": lambda m, x: m.mvlgamma(x.abs() + 2, 3),
}


@pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning")
@pytest.mark.parametrize("name", MANY)
def test_inside_vmap(name: str) -> None:
    y, t = (m.vmap(lambda x, m=m: MANY[name](m, x))(m.tensor(drawn(4, 3, 3))) for m in (minigrad, torch))
    same(y, t, name)


def test_a_median_of_nan_shares_the_gradient() -> None:
    slopes = []
    for module in (minigrad, torch):
        x = module.tensor([module.nan, 1.0, module.nan], requires_grad=True)
        module.median(x).backward()
        slopes.append(x.grad)
    same(*slopes)
