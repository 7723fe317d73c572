"""Complex numbers: their gradients, by finite differences of real and imaginary parts, and what is made of them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, fft, linalg
from minigrad.autograd import gradcheck, gradgradcheck

BITS = np.random.default_rng(7)


def z(*size: int) -> Tensor:
    return minigrad.tensor(BITS.standard_normal(size) + 1j * BITS.standard_normal(size), requires_grad=True)


def r(*size: int) -> Tensor:
    return minigrad.tensor(BITS.standard_normal(size), requires_grad=True)


def spectral(f: Callable) -> Callable:
    """A function of a matrix's factors that does not depend on their phases."""
    return lambda a: (lambda values, vectors: (vectors * f(values)[..., None, :]) @ linalg.inv(vectors))(*a)


FUNCTIONS: dict[str, tuple[Callable, tuple]] = {
    "products": (lambda a, b: a * b / (b + 3) - a + 2j * b, (z(3), z(2, 1))),
    "real and complex numbers": (lambda x, a: x * a + a / x - (1 + 2j) * x + x.to(minigrad.complex128), (r(3), z(2, 3))),
    "powers": (lambda a, b: a**b + a**3 + 2**a + a**0.5 + a ** (1 - 1j) + (1 + 1j) ** a, (z(3), z(3))),
    "elementary functions": (lambda a: a.exp() + a.log() + a.sin() * a.cosh() + a.tanh() + a.sqrt() + a.rsqrt(), (z(3),)),
    "abs, angle, sgn": (lambda a: (a.abs(), a.angle(), a.sgn()), (z(3),)),
    "parts": (lambda a: (a.real * a.imag, a.conj() * a, minigrad.view_as_real(a) ** 2, a.real.exp() * a), (z(3),)),
    "made of parts": (
        lambda x, y: (minigrad.complex(x, y) ** 2, minigrad.polar(x, y), minigrad.view_as_complex(minigrad.stack([x, y], -1))),
        (r(3), r(3)),
    ),
    "cast to real": (lambda a: OPS["cast"](a, dtype="float64") * 2, (z(3),)),
    "reductions": (lambda a: (a.sum(0), a.mean(), a.prod(1), a.cumprod(0), a.var(), a.std(1), a.logsumexp(0)), (z(2, 2),)),
    "norms": (lambda a: (a.norm(), linalg.vector_norm(a, 1, 0), linalg.vector_norm(a, 3, 0), linalg.matrix_norm(a, "nuc")),
              (z(2, 3),)),
    "matrix products": (lambda a, b: (a @ b, minigrad.einsum("ij,jk->ki", a, b.conj()), minigrad.vdot(a[0], b[:, 0])),
                        (z(2, 3), z(3, 2))),
    "convolution": (lambda x, w, b: minigrad.nn.functional.conv1d(x, w, b, padding=1, stride=2),
                    (z(1, 2, 5), z(3, 2, 2), z(3))),
    "covariance": (minigrad.cov, (z(3, 4),)),
    "fft": (lambda a: (fft.fft(a, n=5), fft.ifft2(a, s=(1, 4), norm="ortho"), fft.fftn(a, norm="forward")), (z(3, 3),)),
    "fft of real numbers": (lambda x: (fft.fft(x), fft.rfft(x, n=3), fft.rfft2(x, norm="ortho"), fft.ihfft(x)), (r(3, 4),)),
    "irfft": (
        lambda a: (fft.irfft(a), fft.irfft(a, n=5, norm="forward"), fft.irfftn(a, s=(2, 7)), fft.irfft(a, n=1), fft.hfft(a)),
        (z(3, 3),),
    ),
    "stft": (lambda x: minigrad.stft(x, 8, 3, window=minigrad.hann_window(8, dtype="float64"), return_complex=True), (r(20),)),
    "istft": (lambda a: minigrad.istft(a, 8, 3, window=minigrad.hann_window(8, dtype="float64")), (z(5, 4),)),
    "inverse, solution, determinant": (
        lambda a, b: (linalg.inv(a), linalg.solve(a, b), linalg.det(a), *linalg.slogdet(a), minigrad.logdet(a)),
        (z(2, 2), z(2, 1)),
    ),
    "factors": (lambda a: (linalg.cholesky(a @ a.mH), *linalg.qr(a), *linalg.lu(a)[1:], linalg.pinv(a[:1])), (z(2, 2),)),
    "eigenvalues": (lambda a: (linalg.eigvalsh(a + a.mH), linalg.eigvals(a), linalg.svdvals(a)), (z(3, 3),)),
    "eigenvalues of real matrices": (lambda x: linalg.eigvals(x), (r(3, 3),)),
    "eigh": (lambda a: spectral(minigrad.exp)(linalg.eigh(a + a.mH)), (z(3, 3),)),
    "eig": (lambda x: spectral(minigrad.exp)(linalg.eig(x)), (r(3, 3),)),
    "svd": (lambda a: (lambda u, s, vh: (u * s.sin()) @ vh)(*linalg.svd(a, full_matrices=False)), (z(3, 2),)),
    "in place": (lambda a, x: written(a, x), (z(4), r(4))),
}  # fmt: skip
OPS = minigrad.core.OPS


def written(a: Tensor, x: Tensor) -> Tensor:
    """A tensor written through its parts, through itself and through a view of its pairs."""
    y = a * 1
    y.mul_(2j)
    y.real.mul_(x)
    y.imag[:2] = y.real[2:].clone() * x[:2]
    y[1] = y[0].clone() * 3
    minigrad.view_as_real(y)[2] = x[:2]
    return y + x


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_agree_with_finite_differences(name: str) -> None:
    function, inputs = FUNCTIONS[name]
    assert gradcheck(function, inputs, check_forward_ad=name != "in place")
    assert gradgradcheck(function, inputs)


@pytest.mark.parametrize("name", ["products", "abs, angle, sgn", "parts", "made of parts", "fft", "irfft", "eigh", "svd"])
def test_many_directions_at_once(name: str) -> None:
    assert gradcheck(*FUNCTIONS[name], check_batched_grad=True, check_forward_ad=True, check_batched_forward_grad=True)


def test_the_gradient_is_the_direction_of_steepest_ascent() -> None:
    a = minigrad.tensor([3 + 4j, 1j], dtype="complex128", requires_grad=True)
    (a.abs() ** 2).sum().backward()
    np.testing.assert_allclose(a.grad.numpy(), [6 + 8j, 2j])  # of x^2 + y^2: 2x + 2iy
    a.grad = None
    (a * (1 + 2j)).real.sum().backward()  # x - 2y
    np.testing.assert_allclose(a.grad.numpy(), [1 - 2j, 1 - 2j])
    (a * (1 + 2j)).imag.sum().backward()  # 2x + y, added up
    np.testing.assert_allclose(a.grad.numpy(), [3 - 1j, 3 - 1j])


def test_a_complex_loss_needs_a_gradient() -> None:
    a = z(2)
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for real scalar outputs"):
        a.sum().backward()
    with pytest.raises(RuntimeError, match="a complex output needs a complex gradient"):
        (a * 2).backward(minigrad.ones(2, dtype="float64"))
    with pytest.raises(RuntimeError, match="must return a real tensor"):
        minigrad.func.grad(minigrad.sum)(a)
    for function in (minigrad.func.jacrev, minigrad.func.jacfwd):
        with pytest.raises(RuntimeError, match="expected all inputs to be real"):
            function(minigrad.exp)(a)
        with pytest.raises(RuntimeError, match="expected all outputs to be real"):
            function(fft.fft)(r(2))
    (a * 2).backward(minigrad.tensor([1j, 1 + 0j], dtype="complex128"))
    np.testing.assert_allclose(a.grad.numpy(), [2j, 2])


def test_hooks_see_the_gradient_that_users_see() -> None:
    a, seen = z(3), []
    y = a * a
    y.retain_grad()
    y.register_hook(lambda g: seen.append(g.numpy().copy()))
    y.grad_fn.register_prehook(lambda gs: (gs[0] * 1j,))
    y.grad_fn.register_hook(lambda into, _: seen.append(into[0].numpy().copy()))
    a.register_hook(lambda g: g + 1j)
    (y * (2 - 1j)).real.sum().backward()
    np.testing.assert_allclose(seen[0], [2 + 1j] * 3)
    np.testing.assert_allclose(y.grad.numpy(), [2 + 1j] * 3)
    first = (2 + 1j) * 1j * a.detach().numpy().conj()  # one of the two equal factors
    np.testing.assert_allclose(seen[1], first)
    np.testing.assert_allclose(a.grad.numpy(), 2 * first + 1j)


def test_functions_of_users_follow_the_same_convention() -> None:
    class Product(minigrad.autograd.Function):
        @staticmethod
        def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
            ctx.save_for_backward(a, b)
            return a * b

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> tuple:
            a, b = ctx.saved_tensors
            return g * b.conj(), g * a.conj()

    class Wrong(Product):
        @staticmethod
        def backward(ctx: Any, g: Tensor) -> tuple:
            a, b = ctx.saved_tensors
            return g * b, g * a

    assert gradcheck(Product.apply, (z(3), r(3))) and gradgradcheck(Product.apply, (z(3), z(3)))
    assert not gradcheck(Wrong.apply, (z(3), z(3)), raise_exception=False)


def test_vectors_that_are_known_up_to_a_phase() -> None:
    a = z(3, 3)
    for vectors in (linalg.eigh(a + a.mH)[1], linalg.eig(a)[1], linalg.svd(a)[0]):
        with pytest.raises(RuntimeError, match="specified up to a factor"):
            vectors.real.sum().backward()


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam", "ASGD",
                                  "Rprop"])  # fmt: skip
def test_optimizers_train_complex_parameters_as_pairs(name: str) -> None:
    start, goal = z(4, 3).detach(), z(3).detach()
    pairs = minigrad.nn.Parameter(minigrad.view_as_real(start).clone())
    a, b = (minigrad.nn.Parameter(start[:2].clone()), minigrad.nn.Parameter(start[2:].clone()))
    options = {"momentum": 0.9} if name == "SGD" else {}
    two, one = (getattr(minigrad.optim, name)(params, lr=0.1, **options) for params in ([a, b], [pairs]))
    for _ in range(4):
        for optimizer, x in ((two, minigrad.cat([a, b])), (one, minigrad.view_as_complex(pairs))):
            optimizer.zero_grad()
            ((x - goal).abs() ** 2).sum().backward()
            optimizer.step()
        two.load_state_dict(copy.deepcopy(two.state_dict()))
    np.testing.assert_allclose(minigrad.cat([a, b]).tolist(), minigrad.view_as_complex(pairs).tolist(), rtol=1e-12)
    assert not np.allclose(a.detach().numpy(), start[:2].numpy())


def test_lbfgs_finds_a_complex_least() -> None:
    a, goal = minigrad.nn.Parameter(z(3).detach()), z(3).detach()
    optimizer = minigrad.optim.LBFGS([a], line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = ((a - goal).abs() ** 2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    np.testing.assert_allclose(a.detach().numpy(), goal.numpy(), atol=1e-6)


def test_modules_of_complex_numbers() -> None:
    layer = minigrad.nn.Linear(3, 2).to(minigrad.cdouble)
    x = z(4, 3)
    assert {p.dtype for p in layer.parameters()} == {minigrad.complex128}
    layer(x).abs().sum().backward()
    assert layer.weight.grad.dtype is minigrad.complex128 and x.grad.shape == (4, 3)
    assert layer.double().weight.dtype is minigrad.complex128  # of floating numbers only
    assert minigrad.nn.Conv1d(3, 2, 3, dtype=minigrad.cfloat).weight.imag.abs().sum() > 0
    with pytest.raises(TypeError, match="expected a floating dtype"):
        layer.to(minigrad.int64)


def test_complex_numbers_have_no_order() -> None:
    a = z(3).detach()
    for call in (a.max, a.argmin, a.sort, a.relu, a.floor, a.sign, lambda: a < a, lambda: a >= 1, lambda: a.clamp(0),
                 lambda: minigrad.maximum(a, a)):  # fmt: skip
        with pytest.raises(TypeError, match="complex|order"):
            call()
    with pytest.raises(TypeError, match="view_as_real"):
        minigrad.nn.functional.mse_loss(a, a)


def test_types_of_complex_numbers() -> None:
    minigrad.set_default_dtype(minigrad.float64)
    try:
        assert minigrad.tensor([1.2, 3j]).dtype is minigrad.full((2,), 1j).dtype is minigrad.complex128
    finally:
        minigrad.set_default_dtype(minigrad.float32)
    assert minigrad.tensor([1.2, 3j]).dtype is minigrad.complex64
    infinite = minigrad.tensor([1j, complex("inf"), complex(0, float("nan"))])
    assert infinite.isfinite().tolist() == [True, False, False] and infinite.isinf().tolist() == [False, True, False]
    a = z(3).detach()
    assert minigrad.allclose(a, a * (1 + 1e-9)) and not minigrad.allclose(a, a * (1 + 1e-3))
    minigrad.manual_seed(0)
    drawn = minigrad.randn(20000, dtype=minigrad.complex64)
    assert abs(drawn.abs().square().mean().item() - 1) < 0.05 and abs((drawn.real * drawn.imag).mean().item()) < 0.02
    assert minigrad.rand(100, dtype=minigrad.complex128).imag.min() >= 0
    with pytest.warns(UserWarning, match="discards the imaginary part"):
        assert a.to(minigrad.float64).tolist() == a.real.tolist()


def test_parts_are_views() -> None:
    a = z(2, 3).detach()
    a.real[0] = 5
    minigrad.view_as_real(a)[1, :, 1] = 7
    assert a.numpy()[0].real.tolist() == [5] * 3 and a.numpy()[1].imag.tolist() == [7] * 3
    x = minigrad.zeros(3, 2)
    minigrad.view_as_complex(x)[1] = 1 + 2j
    assert x.tolist() == [[0, 0], [1, 2], [0, 0]]
