"""Functions composed of others, against NumPy's and against what defines them; gradients against finite differences."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from typing import Any

import minigrad.profiler as profiler
import numpy as np
import pytest
from minigrad.utils.benchmark import Timer

import minigrad
from minigrad.autograd import gradcheck, gradgradcheck

RNG = np.random.default_rng(0)
X, Y, SQUARE = RNG.standard_normal((3, 5)), np.cumsum(RNG.uniform(0.2, 1, 5)), RNG.standard_normal((4, 4))
T = minigrad.tensor
linalg, special = minigrad.linalg, minigrad.special
trapezoid = getattr(np, "trapezoid", None) or np.trapz  # its name in NumPy 2, and in NumPy 1

PAIRS = [
    (minigrad.trapezoid(T(X)), trapezoid(X)),
    (minigrad.trapezoid(T(X), T(Y)), trapezoid(X, Y)),
    (minigrad.trapezoid(T(X), dx=0.5, dim=0), trapezoid(X, dx=0.5, axis=0)),
    (minigrad.gradient(T(X))[0], np.gradient(X)[0]),
    (minigrad.gradient(T(X), spacing=(T(Y),), dim=1, edge_order=2)[0], np.gradient(X, Y, axis=1, edge_order=2)),
    (minigrad.cov(T(X)), np.cov(X)),
    (minigrad.cov(T(X), correction=0, fweights=T([1, 2, 3, 1, 1])), np.cov(X, ddof=0, fweights=[1, 2, 3, 1, 1])),
    (minigrad.cov(T(X), aweights=T(Y)), np.cov(X, aweights=Y)),
    (minigrad.corrcoef(T(X)), np.corrcoef(X)),
    (minigrad.vander(T(Y), 3), np.vander(Y, 3)),
    (minigrad.hann_window(7, False, dtype="float64"), np.hanning(7)),
    (minigrad.hamming_window(7, False, dtype="float64"), np.hamming(7)),
    (minigrad.blackman_window(7, False, dtype="float64"), np.blackman(7)),
    (minigrad.bartlett_window(7, False, dtype="float64"), np.bartlett(7)),
    (minigrad.kaiser_window(7, False, 5.0, dtype="float64"), np.kaiser(7, 5.0)),
    (minigrad.deg2rad(T(X)), np.deg2rad(X)),
    (minigrad.rad2deg(T(X)), np.rad2deg(X)),
    (minigrad.lcm(T([4, -6, 0]), T([6, 4, 5])), np.lcm([4, -6, 0], [6, 4, 5])),
    (minigrad.ldexp(T(Y), T([1, 2, 0, -1, 3])), np.ldexp(Y, [1, 2, 0, -1, 3])),
    (minigrad.unravel_index(T([7, 23]), (2, 3, 4))[1], np.unravel_index([7, 23], (2, 3, 4))[1]),
    (linalg.cond(T(SQUARE)), np.linalg.cond(SQUARE)),
    (linalg.cond(T(SQUARE), 1), np.linalg.cond(SQUARE, 1)),
    (linalg.tensorinv(T(SQUARE.reshape(2, 2, 4)), 2), np.linalg.tensorinv(SQUARE.reshape(2, 2, 4), 2)),
    (linalg.tensorsolve(T(SQUARE.reshape(2, 2, 4)), T(X[:2, :2])), np.linalg.tensorsolve(SQUARE.reshape(2, 2, 4), X[:2, :2])),
    (linalg.matrix_exp(T(np.array([[0.0, -2.0], [2.0, 0.0]]))), [[math.cos(2), -math.sin(2)], [math.sin(2), math.cos(2)]]),
    (linalg.matrix_exp(T(np.diag([1.0, -30.0]))), np.diag(np.exp([1.0, -30.0]))),
    (special.legendre_polynomial_p(T(Y), 3), (5 * Y**3 - 3 * Y) / 2),
    (special.chebyshev_polynomial_t(T(X / 4), T([4])), np.cos(4 * np.arccos(X / 4))),
    (special.hermite_polynomial_h(T(Y), 2), 4 * Y**2 - 2),
    (special.laguerre_polynomial_l(T(Y), 2), 1 - 2 * Y + Y**2 / 2),
    (special.log_ndtr(T([-40.0, 0.0], dtype="float64")), [-804.6084420137538, math.log(0.5)]),
    (special.multigammaln(T([3.0], dtype="float64"), 2), [math.log(math.pi) / 2 + math.lgamma(3) + math.lgamma(2.5)]),
]  # fmt: skip


@pytest.mark.parametrize("k", range(len(PAIRS)))
def test_as_numpy_has_it(k: int) -> None:
    got, want = PAIRS[k]
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("size", [(4, 4), (5, 3), (3, 5), (2, 4, 3)])
def test_lu_gives_the_matrix_back(size: tuple) -> None:
    a = RNG.standard_normal(size)
    p, lower, upper = linalg.lu(T(a))
    np.testing.assert_allclose((p @ lower @ upper).numpy(), a, atol=1e-12)
    np.testing.assert_array_equal(np.triu(lower.numpy(), 1), 0)
    np.testing.assert_array_equal(np.tril(upper.numpy(), -1), 0)
    assert np.abs(lower.numpy()).max() <= 1


def test_householder_product_is_orthogonal() -> None:
    v = np.tril(RNG.standard_normal((5, 3)), -1) + np.eye(5, 3)
    q = linalg.householder_product(T(v), T(2 / (v * v).sum(0)))
    np.testing.assert_allclose((q.mT @ q).numpy(), np.eye(3), atol=1e-12)


def wanted(a: Any) -> Any:
    return minigrad.tensor(a, requires_grad=True)


SLOPED = {
    "lu": lambda a: linalg.lu(a)[1] @ linalg.lu(a)[2].mT,
    "lu_solve": lambda a: linalg.lu_solve(*linalg.lu_factor(a), a),
    "matrix_exp": lambda a: linalg.matrix_exp(a),
    "cond": lambda a: linalg.cond(a),
    "trapezoid": lambda a: minigrad.trapezoid(a, a * a),
    "gradient": lambda a: minigrad.gradient(a, edge_order=2)[1],
    "cov": minigrad.cov,
    "renorm": lambda a: minigrad.renorm(a, 2, 0, 0.5),
    "slice_scatter": lambda a: minigrad.slice_scatter(a, a[:2] * a[1:3], 0, 1, 3),
    "diagonal_scatter": lambda a: minigrad.diagonal_scatter(a, a[0] * 3),
    "as_strided": lambda a: minigrad.as_strided(a * 1, (3, 3), (1, 2), 2) ** 2,
    "i0": special.i0, "i1e": special.i1e, "j1": special.bessel_j1, "log_ndtr": special.log_ndtr, "erfcx": special.erfcx,
    "zeta": lambda a: special.zeta(2.5, a * a + 0.3),
    "gammainc": lambda a: special.gammainc(T(2.5), a * a + 0.3),
}  # fmt: skip


@pytest.mark.parametrize("name", SLOPED)
def test_derivatives(name: str) -> None:
    x = wanted(SQUARE + 2 * np.eye(4))
    assert gradcheck(SLOPED[name], (x,))
    assert gradgradcheck(SLOPED[name], (x,))


@pytest.mark.parametrize(
    ("call", "kind", "says"),
    [
        (lambda: linalg.lu_factor(minigrad.zeros(2, 2)), RuntimeError, r"lu_factor: the pivot U\[1,1\] is 0"),
        (lambda: minigrad.as_strided(T(Y), (3,), (2,), 1), RuntimeError, "do not lie within the 5 elements"),
        (lambda: minigrad.as_strided(T(X).mT, (3,), (2,)), RuntimeError, "expected a contiguous tensor"),
        (lambda: minigrad.as_strided(T(Y) * 1, (2, 2), (1, 1)).mul_(2), RuntimeError, "several of its elements share memory"),
        (lambda: minigrad.gradient(T(Y[:2]), edge_order=2), RuntimeError, "at least edge_order \\+ 1 samples"),
        (lambda: minigrad.cov(T(X), fweights=T([1, 2])), RuntimeError, "fweights must be one for each of 5 cases"),
        (lambda: special.zeta(wanted(2.0), 1.0), RuntimeError, "derivative by `input` is not implemented"),
        (lambda: special.legendre_polynomial_p(T(Y), 10**9), ValueError, "_p: expected degrees of at most 1"),
        (lambda: minigrad.poisson(T(-Y)), RuntimeError, "finite and not negative"),
        (lambda: minigrad.eq(T(Y), None), TypeError, "eq: expected tensors or numbers, got None"),
        (lambda: minigrad.add(T(Y), 1, alpha=[1, 2]), TypeError, "add: .*alpha must be a number"),
        (lambda: minigrad.tril(T(X), 1.5), TypeError, "tril: diagonal must be an int"),
        (lambda: minigrad.tensordot(T(X), T(X), -1), RuntimeError, "tensordot: dims must be from 0 to 2"),
        (lambda: minigrad.gcd(T(Y), T(Y)), TypeError, "gcd: "),
        (lambda: minigrad.nan_to_num(T(Y), nan="x"), TypeError, "nan_to_num: nan must be a number"),
        (lambda: T(Y)[T([1, 0, 1], dtype="uint8")], IndexError, "the mask of shape"),
        (lambda: minigrad.index_add(T(X), 1, T([-1]), T(X[:, :1])), IndexError, "index_add: index -1 is out of bounds"),
    ],
)
def test_refused(call: Any, kind: type, says: str) -> None:
    with pytest.raises(kind, match=says):
        call()


def test_bytes_index_as_masks_do() -> None:
    assert T(Y)[T([1, 0, 1, 0, 0], dtype="uint8")].tolist() == Y[[0, 2]].tolist()


def test_functions_of_numpy_give_tensors_for_tensors() -> None:
    x = minigrad.tensor([1.0, 4.0])
    found = [np.sqrt(x), np.add(x, 1), np.multiply(np.array([2, 3]), x), np.clip(x, 0, 2), np.isnan(x), np.floor(x[0])]
    assert [type(y) for y in found] == [minigrad.Tensor] * 6
    assert [y.tolist() for y in found] == [[1, 2], [2, 5], [2, 12], [1, 2], [False, False], 1]
    with pytest.raises(RuntimeError, match="requires grad"):
        np.sqrt(x.requires_grad_())


def test_a_tensor_of_one_integer_repeats_a_list_and_one_complex_number_is_python_s() -> None:
    n = minigrad.tensor(3)
    assert [0] * n == [0, 0, 0] and "ab" * n == "ababab" and (1, 2) * n == (1, 2) * 3
    assert complex(minigrad.tensor(1 + 2j)) == 1 + 2j and complex(n) == 3
    with pytest.raises(TypeError):
        [0] * minigrad.tensor([1.0, 2.0])


def test_the_profiler_measures_blocks_by_name() -> None:
    seen: list[Any] = []
    with (
        pytest.warns(UserWarning, match="measures the time of the block"),
        profiler.profile(activities=[profiler.ProfilerActivity.CPU], on_trace_ready=seen.append) as prof,
    ):
        for _ in range(3):
            with profiler.record_function("wait"):
                time.sleep(0.01)
            prof.step()
    total, wait = prof.key_averages()
    assert (total.key, total.count, wait.key, wait.count) == ("total", 1, "wait", 3) and seen == [prof]
    assert total.cpu_time_total >= wait.cpu_time_total >= 3e4
    assert prof.key_averages().table(sort_by="cpu_time_total", row_limit=1).split() == [
        "Name", "Calls", "Total", "ms", "total", "1", f"{total.cpu_time_total / 1e3:.3f}",
    ]  # fmt: skip


def test_the_benchmark_timer_measures_a_statement() -> None:
    timer = Timer("sleep(0.002)", globals={"sleep": time.sleep}, label="sleep", description="short")
    one, many = timer.timeit(5), timer.blocked_autorange(min_run_time=0.02)
    assert one.number_per_run == 5 and one.mean >= 0.002 and many.median >= 0.002 and sum(many.raw_times) >= 0.02
    assert repr(one).splitlines()[0] == "sleep: short" and Timer("torch.ones(2)").timeit(1).mean > 0


def test_a_buffer_of_bytes_as_numbers() -> None:
    memory = bytearray(8)
    x = minigrad.frombuffer(memory, dtype=minigrad.int16, offset=2, count=2)
    x[0] = 258
    assert list(memory) == [0, 0, 2, 1, 0, 0, 0, 0]
    assert minigrad.frombuffer(b"\x01\x02", dtype=minigrad.uint8).tolist() == [1, 2]


def test_where_a_view_begins() -> None:
    x = minigrad.arange(12.0).reshape(3, 4)
    assert [y.storage_offset() for y in (x, x[1:], x[1:, 2], x.T[1], x[1][2:])] == [0, 4, 6, 1, 6]


def test_integers_are_added_times_an_integer() -> None:
    x = minigrad.tensor([1, 2])
    assert x.add(x, alpha=2).tolist() == [3, 6] and x.float().sub(x, alpha=0.5).tolist() == [0.5, 1.0]
    for wrong in (lambda: x.add(x, alpha=0.5), lambda: x - minigrad.sub(x, 3, alpha=0.5)):
        with pytest.raises(TypeError, match="alpha must not be a floating point number"):
            wrong()


def test_division_towards_zero_of_integers_is_exact_and_refuses_zero() -> None:
    """A float of 32 bits holds integers up to 2^24 only."""
    x, y = minigrad.tensor([16777217, -7, 7, -(2**62) - 1]), minigrad.tensor([1, 2, -2, -1])
    assert minigrad.div(x, y, rounding_mode="trunc").tolist() == [16777217, -3, -3, 2**62 + 1]
    for zero in (0, minigrad.tensor([0, 1, 1, 1])):
        with pytest.raises(ZeroDivisionError, match="integer division by zero"):
            minigrad.div(x, zero, rounding_mode="trunc")


def test_shifts_in_place() -> None:
    x = minigrad.tensor([1, 2, 3], dtype="uint8")
    same = x
    x <<= minigrad.tensor([1])
    x >>= 2
    assert x is same and x.tolist() == [0, 1, 1] and x.dtype is minigrad.uint8
    with pytest.raises(minigrad.backends.ShapeError, match="does not fit"):
        x <<= minigrad.ones(2, 3, dtype="uint8")


def test_ldexp_keeps_the_type_of_its_input() -> None:
    assert minigrad.ldexp(minigrad.tensor([1.5], dtype="float16"), minigrad.tensor([2])).dtype is minigrad.float16


def test_unique_of_no_rows() -> None:
    assert minigrad.unique(minigrad.zeros(0, 3), dim=0).shape == (0, 3)


def test_the_first_bfloat16_may_come_from_a_range() -> None:
    code = "import minigrad; print(minigrad.arange(3, dtype=minigrad.bfloat16).tolist())"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[0.0, 1.0, 2.0]\n"
    )
