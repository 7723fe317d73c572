"""Anomaly mode: what it names, what it leaves alone, and that it is off afterwards."""

from __future__ import annotations

import inspect
import threading
import warnings
from collections.abc import Callable, Iterator

import pytest

import minigrad
from minigrad import Tensor
from minigrad.autograd import (
    AnomalyError,
    detect_anomaly,
    is_anomaly_check_nan_enabled,
    is_anomaly_enabled,
    set_detect_anomaly,
)
from minigrad.core import MODE, Mode

INF = float("inf")


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """NumPy warns of the divisions by zero that are made here on purpose."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


def found(run: Callable) -> str:
    """The message that anomaly mode stops a function with."""
    with pytest.raises(AnomalyError) as caught, detect_anomaly():
        run()
    assert MODE.get() == Mode() and not is_anomaly_enabled()
    return str(caught.value)


def x() -> Tensor:
    return minigrad.tensor([0.0, 1.0, -4.0], requires_grad=True)


FORWARD = {
    "log": (lambda: minigrad.log(x().abs()), "Inf", "the logarithm of 0 (1 of 3 elements of x). Hint: log(x + eps)"),
    "sqrt": (lambda: x().sqrt(), "NaN", "a negative number, which sqrt is not defined for (1 of 3 elements of x)"),
    "div": (lambda: 1 / x(), "Inf", "a division by 0 (1 of 3 elements of other)"),
    "reciprocal": (lambda: x().reciprocal(), "Inf", "a division by 0 (1 of 3 elements of x)"),
    "pow": (lambda: x() ** 0.5, "NaN", "a negative number to a power that is not whole"),
    "asin": (lambda: minigrad.asin(x()), "NaN", "a number outside of [-1, 1], which asin is not defined for (1 of 3"),
    "exp": (lambda: (x() * -100).exp(), "Inf", "overflow: the result is larger than the type can hold (the largest"),
    "var": (lambda: x()[:1].var(), "NaN", "the variance of one element with correction 1"),
    "softmax": (lambda: minigrad.softmax(x().masked_fill(x() < INF, -INF), 0), "NaN", "Inf - Inf, 0 * Inf or Inf / Inf: x"),
    "sub": (lambda: minigrad.tensor([INF]) - INF, "NaN", "Inf - Inf"),
    "mul": (lambda: minigrad.tensor([float("nan"), 1.0]) * 2, "NaN", "x held NaN already (1 of 2 elements)"),
}  # fmt: skip


@pytest.mark.parametrize("name", FORWARD)
def test_forward(name: str) -> None:
    run, kind, cause = FORWARD[name]
    message = found(run)
    assert message.startswith(f"detect_anomaly: forward of {name} gave {kind}")
    assert f"called at {__file__}:" in message
    assert f"likely cause: {cause}" in message


BACKWARD = {
    "sqrt": (lambda: x().abs().sqrt(), "Inf for x", "the slope of sqrt at 0 is infinite (1 of 3 elements of y)"),
    "pow": (lambda: x().abs() ** 0.5, "Inf for x", "the slope of x^p at 0 is infinite for p < 1"),
    "asin": (lambda: minigrad.asin(x().clamp(-1, 1)), "Inf for x", "the slope of asin at -1 and 1 is infinite"),
    "mul": (lambda: (x().detach() * 1e-30).requires_grad_() * 1e25 * 1e25, "Inf for x", "overflow"),
}


@pytest.mark.parametrize("name", BACKWARD)
def test_backward(name: str) -> None:
    run, kind, cause = BACKWARD[name]
    message = found(lambda: run().sum().backward())
    assert message.startswith(f"detect_anomaly: backward of {name} gave {kind}"), message
    assert f"called at {__file__}:" in message and "  g: float32 (3,)" in message
    assert f"likely cause: {cause}" in message


def test_where_does_not_guard_the_branch_it_does_not_take() -> None:
    def run() -> None:
        a = x().abs()
        minigrad.where(a > 0, a.sqrt(), 0.0).sum().backward()

    message = found(run)
    assert "backward of sqrt gave NaN for x (1 of 3 elements, the first at (0,))" in message
    assert "a gradient of 0 met an infinite slope. Hint: where() must guard the input of the op" in message


def test_the_line_of_the_user_is_named_forward_and_backward() -> None:
    def run() -> Tensor:
        good = x() * 2
        return good.abs().sqrt()

    first = inspect.getsourcelines(run)[1]
    assert f"called at {__file__}:{first + 2}\n" in found(lambda: run().sum().backward())


def test_a_graph_from_before_the_block() -> None:
    y = x().abs().sqrt().sum()
    assert "called at a line outside of the anomaly mode's block" in found(y.backward)


def test_the_statistics() -> None:
    message = found(lambda: minigrad.tensor([[0.0, 2.0], [-1.0, INF]]).log())
    assert "x: float32 (2, 2), min -1, max 2, mean 0.3333, 1 zero, 1 negative, 1 inf" in message
    assert "NaN (1 of 4 elements" not in message and "(2 of 4 elements, the first at (0, 0))" not in message


def test_a_mask_of_minus_infinity_is_left_alone() -> None:
    with detect_anomaly():
        w = x()
        scores = w.masked_fill(w > 0, -INF)
        minigrad.softmax(scores, 0).square().sum().backward()
        minigrad.full((2,), INF)
    assert minigrad.isfinite(w.grad).all()


def test_integers_and_empty_tensors() -> None:
    with detect_anomaly():
        assert (minigrad.arange(3) + 1).sum().item() == 6
        assert (minigrad.zeros(0, 3) * 2).sum().item() == 0


def test_check_nan_false_only_looks_on() -> None:
    with detect_anomaly(check_nan=False):
        assert is_anomaly_enabled() and not is_anomaly_check_nan_enabled()
        x().abs().sqrt().sum().backward()


def test_it_is_off_after_its_error_even_inside_the_block() -> None:
    with detect_anomaly():
        assert is_anomaly_enabled()
        with pytest.raises(AnomalyError):
            x().sqrt()
        assert not is_anomaly_enabled()
        x().sqrt()


def test_set_detect_anomaly() -> None:
    set_detect_anomaly(True)
    assert is_anomaly_enabled() and is_anomaly_check_nan_enabled()
    with pytest.raises(AnomalyError):
        x().sqrt()
    assert not is_anomaly_enabled()
    set_detect_anomaly(False)
    assert MODE.get() == Mode()
    with set_detect_anomaly(True):
        assert is_anomaly_enabled()
        with set_detect_anomaly(False):
            x().sqrt()
    assert MODE.get() == Mode()


def test_it_belongs_to_its_thread() -> None:
    seen: list[bool] = []
    with detect_anomaly():
        thread = threading.Thread(target=lambda: seen.append(is_anomaly_enabled()))
        thread.start()
        thread.join()
    assert seen == [False]


def test_gradients_are_the_same_with_it() -> None:
    one, other = x(), x()
    (one.exp() * one).sum().backward()
    with detect_anomaly():
        (other.exp() * other).sum().backward()
    assert one.grad.tolist() == other.grad.tolist()
