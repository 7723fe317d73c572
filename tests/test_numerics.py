"""Numbers at their limits: float32 close to float64, statistics far from zero, exponentials of large numbers, NaN and Inf."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, nn
from minigrad.core import Op

from .cases import CASES, Case, several

F = nn.functional
INF, NAN = math.inf, math.nan

# -- float32 within so many ulps of float64 ----------------------------------------------------------------------------

# By the module of the op, as below in `family`: an error is counted in units of the last place of the element itself where
# that is possible, and else, where sums may cancel, in those of the largest number among inputs and outputs.
ULPS = {
    "arithmetic": 1, "compare": 0, "compose": 2, "conv": 2, "create": 0, "diagonal": 0, "elementwise": 2, "factor": 3,
    "index": 1, "leaf": 0, "linalg": 1, "losses": 1, "matmul": 2, "norm": 10, "order": 0, "out": 3, "recurrent": 3,
    "reduce": 1, "running": 1, "shape": 0, "special": 5, "update": 0, "gradient": 6, "optimizer": 1, "calculus": 2,
    "activations": 2, "matrices": 0, "bessel": 2, "hankel": 2, "special_functions": 2, "numeric": 0, "pieces": 0, "strided": 1,
    "attention": 1,
}  # fmt: skip
EACH = ("elementwise", "special", "activations")  # counted element by element


def family(case: Case) -> str:
    """The file an op comes from."""
    what: Any = case.what
    module = what.kernel.__module__ if isinstance(what, Op) else what.__module__
    last = module.rpartition(".")[2]
    return {"functools": "gradient", "cases": "optimizer", "cases_calculus": "calculus"}.get(last, last)


def inputs(case: Case, kind: type) -> list:
    """The case's inputs, rounded to float32, as tensors of a floating type."""
    rounded = [a.astype(np.float32) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a for a in case.arrays()]
    return [minigrad.tensor(a.astype(kind) if a.dtype.kind == "f" else a) if isinstance(a, np.ndarray) else a for a in rounded]


def ulps(case: Case) -> float:
    """The largest error of float32, in units of the last place."""
    given = inputs(case, np.float32)
    biggest = max((np.abs(x.numpy()).max(initial=0) for x in given if isinstance(x, Tensor)), default=0)
    worst = 0.0
    for y, z in zip(several(case(*inputs(case, np.float64))), several(case(*given)), strict=True):
        exact, found = (np.asarray(t.numpy(force=True) if isinstance(t, Tensor) else t) for t in (y, z))
        if found.dtype not in (np.float32, np.complex64) or not found.size:
            np.testing.assert_array_equal(found, exact)
            continue
        finite = np.isfinite(exact)
        np.testing.assert_array_equal(np.isfinite(found), finite)
        size = np.abs(exact[finite])
        if family(case) not in EACH:
            size = np.maximum(size.max(initial=0), np.float64(biggest))
        unit = np.spacing(np.asarray(size, dtype=np.float32)).astype(np.float64)
        worst = max(worst, (np.abs(exact[finite] - found[finite]) / unit).max(initial=0))
    return worst


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_float32_is_close_to_float64(case: Case) -> None:
    assert ulps(case) <= ULPS[family(case)]


# -- far from zero, and large ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [0.0, 1e3, 1e5, -3e6])
@pytest.mark.parametrize("n", [7, 1000])
def test_variance_far_from_zero(shift: float, n: int) -> None:
    """E x^2 - (E x)^2 in one pass would have no digit left."""
    x = (np.random.default_rng(n).standard_normal((5, n)) + shift).astype(np.float32)
    want = x.astype(np.float64).var(1, ddof=1)
    t = minigrad.tensor(x)
    for found in (t.var(1), minigrad.var_mean(t, 1)[0], t.std(1) ** 2):
        np.testing.assert_allclose(found.numpy(), want, rtol=1e-5)
    if abs(shift) <= 1e3:  # beyond, the mean's own rounding shows
        exact = (x - x.astype(np.float64).mean(1, keepdims=True)) / np.sqrt(x.astype(np.float64).var(1, keepdims=True) + 1e-5)
        np.testing.assert_allclose(F.layer_norm(t, (n,)).numpy(), exact, atol=2e-3)
        np.testing.assert_allclose(F.batch_norm(t.T, None, None, training=True).numpy().T, exact, atol=2e-3)


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")  # NumPy's, on the way
def test_exponentials_of_large_numbers() -> None:
    x = minigrad.tensor([[1e4, 0, -1e4], [-1e38, -1e38, -1e38], [88, 89, 90], [3e38, 3e38, -1e38]], requires_grad=True)
    np.testing.assert_allclose(x.detach().softmax(1).sum(1).numpy(), 1, rtol=1e-6)
    np.testing.assert_allclose(x.softmax(1).detach().numpy()[[0, 3]], [[1, 0, 0], [0.5, 0.5, 0]])
    np.testing.assert_allclose(minigrad.logsumexp(x, 1).detach().numpy(), [1e4, -1e38, 90.407606, 3e38], rtol=1e-6)
    loss = F.cross_entropy(x, minigrad.tensor([0, 1, 2, 0]), reduction="none")
    np.testing.assert_allclose(loss.detach().numpy(), [0, math.log(3), 0.407606, math.log(2)], rtol=1e-5)
    loss.sum().backward()
    assert np.isfinite(x.grad.numpy()).all()
    z = minigrad.tensor([-1e4, -100.0, 0.0, 100.0, 1e4, 3e38, -3e38], requires_grad=True)
    for function, want in [
        (F.softplus, [0, 3.8e-44, math.log(2), 100, 1e4, 3e38, 0]),
        (minigrad.sigmoid, [0, 3.8e-44, 0.5, 1, 1, 1, 0]),
        (F.logsigmoid, [-1e4, -100, -math.log(2), -3.8e-44, 0, 0, -3e38]),
        (minigrad.tanh, [-1, -1, 0, 1, 1, 1, -1]),
        (
            lambda t: F.binary_cross_entropy_with_logits(t, minigrad.ones(7), reduction="none"),
            [1e4, 100, math.log(2), 0, 0, 0, 3e38],
        ),
    ]:
        y = function(z)
        np.testing.assert_allclose(y.detach().numpy(), want, rtol=1e-6, atol=1e-43)
        (g,) = minigrad.autograd.grad(y.sum(), z)
        assert np.isfinite(g.numpy()).all()


@pytest.mark.filterwarnings("ignore:overflow encountered in multiply:RuntimeWarning")  # NumPy's, on the way
def test_norms_of_huge_and_tiny_numbers_and_of_zero() -> None:
    for scale in (1e-30, 1e-20, 1.0, 1e20, 1e30):
        x = minigrad.tensor([3 * scale, 4 * scale], dtype=minigrad.float32, requires_grad=True)
        for y in (x.norm(), minigrad.linalg.vector_norm(x), minigrad.hypot(x[0], x[1])):
            np.testing.assert_allclose(y.item(), 5 * scale, rtol=1e-6)
            (g,) = minigrad.autograd.grad(y, x)
            np.testing.assert_allclose(g.numpy(), [0.6, 0.8], rtol=1e-6)
        np.testing.assert_allclose(F.normalize(x, dim=0, eps=0.0).detach().numpy(), [0.6, 0.8], rtol=1e-6)
    zero = minigrad.zeros(3, requires_grad=True)
    zero.norm().backward()
    assert zero.grad.tolist() == [0, 0, 0]


def test_losses_at_the_border() -> None:
    p = minigrad.tensor([0.0, 1.0, 1e-30, 1.0], requires_grad=True)
    loss = F.binary_cross_entropy(p, minigrad.tensor([0.0, 1.0, 1.0, 0.0]), reduction="none")
    np.testing.assert_allclose(loss.detach().numpy(), [0, 0, 69.07755, 100], rtol=1e-6)  # -ln p is at most 100, as in PyTorch
    loss.sum().backward()
    assert np.isfinite(p.grad.numpy()).all()
    assert F.cross_entropy(minigrad.tensor([[-INF, 0.0]]), minigrad.tensor([1])).item() == 0
    assert F.cross_entropy(minigrad.tensor([[-INF, 0.0]]), minigrad.tensor([0])).item() == INF


# -- NaN and Inf as IEEE 754 says --------------------------------------------------------------------------------------

ODD = np.array([NAN, INF, -INF, 0.0, -0.0, 1.0, -1.0, 3e38, 1e-45], dtype=np.float32)
UNARY = """abs ceil cos cosh exp exp2 expm1 floor isfinite isinf isnan log log10 log1p log2 negative reciprocal round
    signbit sin sinh sqrt square tan tanh trunc asinh atan acosh atanh""".split()
BINARY = (
    "add copysign divide fmax fmin fmod hypot maximum minimum multiply pow remainder subtract atan2 eq ge gt le lt ne".split()
)
NUMPYS = {"round": "rint", "asinh": "arcsinh", "acosh": "arccosh", "atan": "arctan", "atanh": "arctanh", "atan2": "arctan2",
          "eq": "equal", "ge": "greater_equal", "gt": "greater", "le": "less_equal", "lt": "less", "ne": "not_equal",
          "pow": "power"}  # fmt: skip


@pytest.mark.parametrize("name", UNARY)
def test_unary_functions_of_odd_numbers(name: str) -> None:
    with np.errstate(all="ignore"):
        want = getattr(np, NUMPYS.get(name, name))(ODD)
        found = getattr(minigrad, name)(minigrad.tensor(ODD)).numpy()
    np.testing.assert_allclose(found, want, rtol=3e-7)
    np.testing.assert_array_equal(np.signbit(found[want == 0]), np.signbit(want[want == 0]))


@pytest.mark.parametrize("name", BINARY)
def test_binary_functions_of_odd_numbers(name: str) -> None:
    x, y = np.meshgrid(ODD, ODD)
    with np.errstate(all="ignore"):
        want = getattr(np, NUMPYS.get(name, name))(x, y)
        found = getattr(minigrad, name)(minigrad.tensor(x), minigrad.tensor(y)).numpy()
    np.testing.assert_allclose(found, want, rtol=3e-7)


HIDING: dict[str, Any] = {
    "sum": lambda x: x.sum(), "mean": lambda x: x.mean(), "var": lambda x: x.var(), "prod": lambda x: x.prod(),
    "max": lambda x: x.max(), "min": lambda x: x.min(), "amax": lambda x: x.amax(), "norm": lambda x: x.norm(),
    "logsumexp": lambda x: minigrad.logsumexp(x, (0, 1, 2, 3)), "softmax": lambda x: x.softmax(-1),
    "cumsum": lambda x: x.cumsum(3),
    "relu": F.relu, "leaky_relu": F.leaky_relu, "gelu": F.gelu, "hardtanh": F.hardtanh, "relu6": F.relu6, "silu": F.silu,
    "clamp": lambda x: x.clamp(-1, 1), "max_pool2d": lambda x: F.max_pool2d(x, 2), "avg_pool2d": lambda x: F.avg_pool2d(x, 2),
    "adaptive": lambda x: F.adaptive_max_pool2d(x, 1), "batch_norm": lambda x: F.batch_norm(x, None, None, training=True),
    "layer_norm": lambda x: F.layer_norm(x, (4, 4)), "conv2d": lambda x: F.conv2d(x, minigrad.ones(2, 3, 3, 3)),
    "matmul": lambda x: x @ minigrad.ones(4, 2), "linear": lambda x: F.linear(x, minigrad.ones(2, 4)),
    "zero times": lambda x: x * 0,
    "median": lambda x: x.median(), "sort": lambda x: x.sort(-1)[0], "mse_loss": lambda x: F.mse_loss(x, minigrad.ones_like(x)),
    "smooth_l1": lambda x: F.smooth_l1_loss(x, minigrad.ones_like(x)),
    "huber": lambda x: F.huber_loss(x, minigrad.ones_like(x)),
    "clip_grad": lambda x: nn.utils.get_total_norm([x]), "interpolate": lambda x: F.interpolate(x, scale_factor=2),
}  # fmt: skip


@pytest.mark.parametrize("name", HIDING)
def test_nan_is_never_hidden(name: str) -> None:
    x = minigrad.ones(2, 3, 4, 4)
    assert not np.isnan(HIDING[name](x.clone() + minigrad.rand(2, 3, 4, 4)).numpy()).any()
    x[1, 2, 1, 1] = NAN
    with np.errstate(invalid="ignore"):
        assert np.isnan(HIDING[name](x).numpy()).any()


def test_overflow_and_underflow_of_each_type() -> None:
    for dtype in (minigrad.float16, minigrad.float32, minigrad.float64):
        top = minigrad.tensor(minigrad.finfo(dtype).max, dtype=dtype)
        tiny = minigrad.tensor(minigrad.finfo(dtype).tiny, dtype=dtype)
        with np.errstate(over="ignore", under="ignore"):
            assert (top * 2).item() == INF and (-top - top).item() == -INF and (tiny * tiny).item() == 0
            assert (top * 2).dtype is dtype


WILD = np.array([INF, -INF, NAN, 3e38, -3e38, 1e-45, 0.0, -1.0, 2.0])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_numbers_make_numpy_speak(case: Case) -> None:
    """Warnings are errors here, but for those of this package's own lines, for which it has a filter."""
    given = [
        minigrad.tensor(np.resize(np.roll(WILD, k), x.shape).astype("float32"), requires_grad=True)
        if isinstance(x, np.ndarray) and x.dtype.kind == "f"
        else minigrad.tensor(x) if isinstance(x, np.ndarray) else x
        for k, x in enumerate(case.arrays())
    ]  # fmt: skip
    try:
        for y in several(case(*given)):
            if isinstance(y, Tensor) and y.requires_grad:
                y.real.sum().backward()
    except (RuntimeError, ValueError) as error:  # of ops that take no such numbers, and of leaves that can't be written
        assert not isinstance(error.__cause__, Warning) and "Warning" not in str(error)


@pytest.mark.parametrize("name", ["reference", "numpy", "auto"])
@pytest.mark.parametrize("norm", [
    lambda x: F.layer_norm(x, (8, 9)), lambda x: F.rms_norm(x, (8, 9)), lambda x: F.group_norm(x, 2), F.instance_norm,
    lambda x: F.batch_norm(x, None, None, training=True),
])  # fmt: skip
def test_norms_of_16_bits_square_in_32(norm, name):
    numbers = np.random.default_rng(0).normal(0, 900, (2, 4, 8, 9)).astype(np.float16)  # the squares are beyond float16
    minigrad.backends.use(name)
    try:
        half, double = (minigrad.tensor(numbers, dtype=dtype, requires_grad=True) for dtype in ("float16", "float64"))
        found, exact = norm(half), norm(double)
        assert found.dtype is minigrad.float16
        np.testing.assert_allclose(found.detach().numpy(), exact.detach().numpy(), rtol=2e-3, atol=2e-3)
        (found * 64).square().sum().backward()
        (exact * 64).square().sum().backward()
        assert half.grad.dtype is minigrad.float16
        np.testing.assert_allclose(half.grad.numpy(), double.grad.numpy(), rtol=2e-2, atol=2e-2)
    finally:
        minigrad.backends.use("auto")


def test_softmax_of_16_bits_sums_in_32():
    found = F.softmax(minigrad.zeros(70_000, dtype="float16"), 0).numpy()
    np.testing.assert_allclose(found, 1 / 70_000, rtol=1e-2)
    np.testing.assert_allclose(F.log_softmax(minigrad.zeros(70_000, dtype="float16"), 0).numpy(), -np.log(70_000), rtol=1e-3)


def test_average_pooling_of_16_bits_sums_in_32():
    numbers = np.random.default_rng(0).uniform(0, 9, (1, 2, 64, 64)).astype(np.float16)
    x = minigrad.tensor(numbers, requires_grad=True)
    exact = numbers.astype(np.float64).mean((2, 3), keepdims=True)
    np.testing.assert_allclose(F.adaptive_avg_pool2d(x, 1).detach().numpy(), exact, rtol=1e-3)
    np.testing.assert_allclose(F.avg_pool2d(x, 64).detach().numpy(), exact, rtol=1e-3)
    F.avg_pool2d(x, 33, 1).sum().backward()
    double = minigrad.tensor(numbers, dtype="float64", requires_grad=True)
    F.avg_pool2d(double, 33, 1).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), double.grad.numpy(), rtol=1e-2)
