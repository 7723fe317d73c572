"""Bad input: an exception of the usual type whose message names the op, what it expected, what came, and a hint."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest

import minigrad as mg
from minigrad.backends import DeviceError, DTypeError, GradError, ShapeError


class Bad(NamedTuple):
    call: Callable[[], object]
    kind: type[Exception]
    parts: tuple[str, ...]


def bad(call: Callable[[], object], kind: type[Exception], *parts: str) -> Bad:
    return Bad(call, kind, parts)


def x23() -> mg.Tensor:
    return mg.ones(2, 3)


SHAPES = [
    bad(lambda: x23() + mg.ones(4), RuntimeError, "add:", "(2, 3)", "(4,)", "Hint"),
    bad(lambda: x23() * mg.ones(3, 3), ValueError, "mul:", "broadcast", "(2, 3)", "(3, 3)"),
    bad(lambda: mg.where(x23() > 0, x23(), mg.ones(2)), RuntimeError, "where:", "(2, 3)", "(2,)"),
    bad(
        lambda: x23() @ mg.ones(2, 4),
        RuntimeError,
        "matmul:",
        "(..., n, k)",
        "(2, 3)",
        "(2, 4)",
        "3 and 2 differ",
        "Hint",
    ),
    bad(lambda: x23() @ mg.tensor(2.0), RuntimeError, "matmul:", "at least 1 dimension", "(2, 3)", "()"),
    bad(lambda: mg.ones(2, 1, 3) @ mg.ones(3, 3, 4), RuntimeError, "matmul:", "(2, 1, 3)", "(3, 3, 4)"),
    bad(lambda: mg.mm(mg.ones(3), x23()), RuntimeError, "mm:", "2 and 2 dimensions", "(3,)", "(2, 3)"),
    bad(lambda: mg.dot(mg.ones(3), mg.ones(4)), RuntimeError, "(3,)", "(4,)"),
    bad(lambda: mg.bmm(mg.ones(2, 3, 4), mg.ones(3, 4, 5)), RuntimeError, "bmm:", "(2, 3, 4)", "(3, 4, 5)"),
    bad(lambda: mg.outer(x23(), mg.ones(2)), RuntimeError, "outer:", "two vectors", "(2, 3)", "(2,)"),
    bad(lambda: mg.tensordot(x23(), mg.ones(4, 5), 1), RuntimeError, "tensordot:", "(2, 3)", "(4, 5)"),
    bad(lambda: x23().reshape(4, 2), RuntimeError, "reshape:", "(4, 2)", "size 6", "(2, 3)", "Hint"),
    bad(lambda: x23().reshape(-1, -1), RuntimeError, "reshape:", "only one size can be -1", "(-1, -1)"),
    bad(lambda: x23().reshape(-1, 4), RuntimeError, "reshape:", "(-1, 4)", "(2, 3)"),
    bad(lambda: x23().view(7), RuntimeError, "(7,)", "(2, 3)"),
    bad(lambda: x23().expand(4, 3), RuntimeError, "expand:", "(4, 3)", "(2, 3)", "Hint"),
    bad(lambda: x23().expand(3), RuntimeError, "expand:", "fewer dimensions", "(2, 3)"),
    bad(lambda: x23().permute(0, 0), RuntimeError, "permute:", "each of the 2 dimensions once", "(0, 0)"),
    bad(lambda: mg.cat([x23(), mg.ones(2, 4)]), RuntimeError, "cat:", "dimension 0", "(2, 3)", "(2, 4)", "tensor 1"),
    bad(lambda: mg.cat([mg.tensor(1.0)]), RuntimeError, "cat:", "zero-dimensional", "Hint: stack"),
    bad(lambda: mg.cat([]), RuntimeError, "cat:", "non-empty"),
    bad(lambda: mg.stack([x23(), mg.ones(3, 2)]), RuntimeError, "stack:", "(2, 3)", "(3, 2)", "tensor 1"),
    bad(lambda: x23().split([1, 3], 1), RuntimeError, "split:", "[1, 3]", "add up to 3"),
    bad(lambda: x23().split(0), RuntimeError, "split:", "positive", "0"),
    bad(lambda: x23().chunk(0), RuntimeError, "chunk:", "positive", "0"),
    bad(lambda: x23().flatten(1, 0), RuntimeError, "flatten:", "start_dim 1", "end_dim 0"),
    bad(lambda: x23().unflatten(1, (2, 2)), RuntimeError, "unflatten:", "(2, 2)", "3"),
    bad(lambda: mg.ones(2, 3, 4).t(), RuntimeError, "t:", "at most 2 dimensions", "(2, 3, 4)", "Hint"),
    bad(lambda: mg.ones(3).mT, RuntimeError, "mT:", "at least 2 dimensions", "(3,)"),
    bad(lambda: mg.ones(2, 3, 4).H, RuntimeError, "H:", "a matrix", "(2, 3, 4)", "Hint: mH"),
    bad(lambda: x23().repeat(2), RuntimeError, "repeat:", "(2,)", "(2, 3)"),
    bad(lambda: mg.zeros(-1), RuntimeError, "zeros:", "non-negative", "(-1,)"),
    bad(lambda: mg.tensor([[1, 2], [3]]), ValueError, "tensor:", "rectangular", "different lengths"),
    bad(lambda: mg.arange(0, 5, -1), RuntimeError, "arange:", "0", "5", "-1"),
    bad(lambda: mg.randint(3, 3, (2,)), RuntimeError, "randint:", "low < high", "3 and 3"),
    bad(lambda: mg.zeros(2).random_(5, 2), RuntimeError, "random_:", "low < high", "5 and 2"),
    bad(lambda: mg.randint(300, (2,), dtype=mg.uint8), RuntimeError, "randint:", "out of bounds", "uint8", "0 ... 255"),
    bad(lambda: mg.zeros(2, dtype=mg.int8).random_(0, 129), RuntimeError, "random_:", "out of bounds", "int8", "127"),
    bad(lambda: mg.randint_like(mg.zeros(2, dtype=mg.bool), 3), RuntimeError, "randint_like:", "out of bounds", "bool"),
    *(
        bad(lambda fill=fill: getattr(mg.zeros(2, dtype=mg.int64), fill)(), RuntimeError, fill, "floating", "int64")
        for fill in ("exponential_", "cauchy_", "log_normal_", "uniform_", "normal_")
    ),
    bad(lambda: mg.linspace(0, 1, -2), RuntimeError, "linspace:", "non-negative", "-2"),
    bad(lambda: x23().item(), RuntimeError, "item:", "(2, 3)", "6 elements", "expected 1"),
    bad(lambda: bool(x23()), RuntimeError, "bool:", "6 elements", "ambiguous", "Hint: .any() or .all()"),
    bad(lambda: x23().sum((0, 0)), RuntimeError, "sum:", "twice", "(0, 0)"),
    bad(lambda: mg.movedim(x23(), (0, 1), (0, 0)), RuntimeError, "movedim:", "(0, 0)"),
    bad(lambda: x23().gather(0, mg.zeros(3, 1, dtype=mg.int64)[0]), RuntimeError, "gather:", "(2, 3)", "(1,)"),
    bad(
        lambda: x23().gather(1, mg.zeros(3, 1, dtype=mg.int64)),
        RuntimeError,
        "gather:",
        "(3, 1)",
        "(2, 3)",
        "dimension 0",
    ),
]

INDICES = [
    bad(lambda: x23()[2], IndexError, "index 2 is out of bounds for dimension 0 with size 2"),
    bad(lambda: x23()[0, -4], IndexError, "index -4 is out of bounds for dimension 1 with size 3"),
    bad(lambda: x23()[0, 0, 0], IndexError, "too many indices (3)", "(2, 3)"),
    bad(lambda: x23()[..., ...], IndexError, "only one ..."),
    bad(lambda: x23()[[0, 5]], IndexError, "index 5 is out of bounds for dimension 0 with size 2"),
    bad(lambda: x23()[:, mg.tensor([-4])], IndexError, "index -4 is out of bounds for dimension 1 with size 3"),
    bad(lambda: x23()[mg.tensor([True, False, True])], IndexError, "mask", "(3,)", "(2,)"),
    bad(lambda: x23()[mg.tensor([0.5])], IndexError, "integer or boolean", "minigrad.float32", "Hint: .long()"),
    bad(lambda: x23()["a"], IndexError, "integers, slices", "str"),
    bad(lambda: x23()[1.5], IndexError, "integers, slices", "float"),
    bad(lambda: x23()[::-1], ValueError, "step must be greater than zero", "-1", "Hint: minigrad.flip"),
    bad(lambda: x23()[[0, 1], [0, 1, 2]], IndexError, "(2,)", "(3,)"),
    bad(lambda: x23().sum(2), IndexError, "sum:", "[-2, 1]", "got 2"),
    bad(lambda: x23().softmax(-3), IndexError, "softmax:", "[-2, 1]", "got -3"),
    bad(lambda: x23().transpose(0, 2), IndexError, "transpose:", "got 2"),
    bad(lambda: x23().narrow(1, 2, 2), IndexError, "narrow:", "start 2", "length 2", "size 3"),
    bad(lambda: x23().select(0, 2), IndexError, "select:", "index 2", "dimension 0", "size 2"),
    bad(lambda: x23().gather(1, mg.tensor([[3]])), IndexError, "gather:", "index 3", "dimension 1", "size 3"),
    bad(lambda: x23().gather(1, mg.tensor([[-1]])), IndexError, "gather:", "index -1"),
    bad(lambda: x23().index_select(0, mg.tensor([2])), IndexError, "index_select:", "index 2", "dimension 0", "size 2"),
    bad(lambda: mg.zeros(0).max(), IndexError, "max:", "non-empty", "(0,)"),
    bad(lambda: mg.zeros(2, 0).argmin(1), IndexError, "argmin:", "non-empty", "(2, 0)"),
    bad(lambda: mg.zeros(0, 2).amax(0), IndexError, "amax:", "non-empty", "(0, 2)"),
]

TYPES = [
    bad(lambda: x23() + "a", TypeError, "add:", "str"),
    bad(lambda: x23() + [1, 2, 3], TypeError, "add:", "list", "Hint: minigrad.tensor"),
    bad(lambda: mg.exp([1.0]), TypeError, "exp:", "list", "Hint"),
    bad(lambda: mg.exp(None), TypeError, "exp:", "NoneType"),
    bad(lambda: mg.sum("abc"), TypeError, "sum:", "input must be a tensor", "str"),
    bad(lambda: mg.matmul(x23(), [1.0]), TypeError, "matmul:", "other must be a tensor", "list"),
    bad(
        lambda: mg.matmul(x23(), mg.ones(3, 2).double()),
        TypeError,
        "matmul:",
        "minigrad.float32",
        "minigrad.float64",
        "Hint",
    ),
    bad(lambda: mg.arange(3).mean(), RuntimeError, "mean:", "floating", "minigrad.int64", "Hint"),
    bad(lambda: mg.arange(3).var(), TypeError, "var:", "floating", "minigrad.int64"),
    bad(lambda: mg.where(mg.ones(2), 1.0, 0.0), TypeError, "where:", "boolean", "minigrad.float32", "Hint"),
    bad(lambda: ~mg.ones(2), TypeError, "bitwise_not:", "minigrad.float32"),
    bad(lambda: mg.ones(2) & mg.ones(2), TypeError, "bitwise_and:", "minigrad.float32"),
    bad(lambda: mg.cat(x23()), TypeError, "cat:", "list or tuple", "Tensor"),
    bad(lambda: mg.cat([x23(), 1.0]), TypeError, "cat:", "tensors[1]", "float"),
    bad(lambda: x23().sum("0"), TypeError, "sum:", "dim must be an int", "str"),
    bad(lambda: x23().sum(0.5), TypeError, "sum:", "dim must be an int", "float", "0.5"),
    bad(lambda: x23().reshape(2.0, 3), TypeError, "reshape:", "ints", "Hint"),
    bad(lambda: mg.zeros("a"), TypeError, "zeros:", "ints"),
    bad(lambda: mg.tensor(["a"]), TypeError, "tensor:", "numbers or booleans", "'a'"),
    bad(lambda: mg.tensor(None), TypeError, "tensor:", "None"),
    bad(lambda: mg.zeros(2, dtype="float99"), TypeError, "dtype:", "float32", "'float99'"),
    bad(lambda: mg.from_numpy([1.0]), TypeError, "from_numpy:", "numpy.ndarray", "list", "Hint"),
    bad(lambda: x23().gather(0, mg.ones(1, 1)), RuntimeError, "gather:", "integer", "minigrad.float32", "Hint: .long()"),
    bad(lambda: len(mg.tensor(1.0)), TypeError, "0-d tensor"),
    bad(lambda: list(mg.tensor(1.0)), TypeError, "0-d tensor"),
    bad(lambda: range(mg.tensor(1.5)), TypeError, "integer tensors", "minigrad.float32"),
    bad(lambda: mg.manual_seed("a"), TypeError, "manual_seed:", "integer", "'a'"),
    bad(lambda: mg.set_default_dtype(mg.int64), TypeError, "floating type", "minigrad.int64", "Hint"),
]

VALUES = [
    bad(lambda: mg.clamp(x23()), ValueError, "clamp:", "at least one of min and max"),
    bad(lambda: mg.div(x23(), 2, rounding_mode="up"), ValueError, "div:", "rounding_mode", "'up'"),
    bad(lambda: mg.arange(3) // 0, ZeroDivisionError, "floor_divide:", "division by zero", "Hint"),
    bad(lambda: mg.arange(3) % mg.zeros(3, dtype=mg.int64), RuntimeError, "remainder:", "division by zero"),
    bad(lambda: mg.manual_seed(2**64), ValueError, "manual_seed:", "2^64"),
    bad(lambda: mg.Generator().set_state(mg.zeros(3)), ValueError, "set_state:", "get_state()"),
    bad(lambda: mg.zeros(2, device="cpu:7"), RuntimeError, "device:", "'cpu:7'", "Hint"),
    bad(lambda: mg.zeros(2, device="gpu"), RuntimeError, "device:", "cpu", "'gpu'", "Hint"),
    bad(lambda: mg.zeros(2).to("cuda:x"), RuntimeError, "device:", "'cuda:x'", "Hint"),
]

GRADIENTS = [
    bad(lambda: mg.tensor([1, 2], requires_grad=True), RuntimeError, "floating", "minigrad.int64", "Hint: .float()"),
    bad(lambda: mg.arange(3).requires_grad_(), RuntimeError, "floating", "minigrad.int64"),
    bad(
        lambda: mg.ones(2, requires_grad=True).numpy(),
        RuntimeError,
        "numpy:",
        "requires grad",
        "Hint: tensor.detach().numpy()",
    ),
    bad(lambda: mg.ones(2, requires_grad=True).backward(), RuntimeError, "scalar", "(2,)", "Hint"),
    bad(lambda: mg.ones(()).backward(), RuntimeError, "does not require grad", "Hint"),
    bad(lambda: mg.autograd.grad(mg.ones(()), mg.ones(2, requires_grad=True)), RuntimeError, "does not require grad"),
    bad(lambda: mg.autograd.backward([1.0]), TypeError, "backward:", "tensors", "float"),
    bad(lambda: mg.autograd.grad(mg.ones((), requires_grad=True), 3.0), TypeError, "float"),
    bad(lambda: mg.ones((), requires_grad=True).backward(2.0), TypeError, "gradient must be a tensor", "float"),
    bad(lambda: mg.zeros(2).register_hook(print), RuntimeError, "register_hook:", "doesn't require gradient", "Hint"),
]

ALL = SHAPES + INDICES + TYPES + VALUES + GRADIENTS


@pytest.mark.parametrize("row", ALL, ids=lambda row: f"{row.kind.__name__}-{row.parts[0]}")
def test_bad_input(row: Bad) -> None:
    with pytest.raises(row.kind) as caught:
        row.call()
    message = str(caught.value)
    for part in row.parts:
        assert part in message, f"{part!r} is not in: {message}"
    assert "\n" not in message and len(message) < 400


def test_errors_are_of_pythons_and_of_pytorchs_type() -> None:
    for kind, usual in [
        (ShapeError, ValueError),
        (DTypeError, TypeError),
        (DeviceError, ValueError),
        (GradError, RuntimeError),
    ]:
        assert issubclass(kind, RuntimeError) and issubclass(kind, usual)


def test_an_error_leaves_its_operands_and_the_mode_alone() -> None:
    x = mg.ones(2, 3, requires_grad=True)
    for _ in range(3):
        with pytest.raises(RuntimeError), mg.no_grad():
            x.add_(mg.ones(5))
        with pytest.raises(RuntimeError):
            x @ x
    assert mg.is_grad_enabled() and x._version == 0
    np.testing.assert_array_equal(x.detach().numpy(), np.ones((2, 3)))


CALLS: list[tuple[Callable, str]] = [
    (lambda x: mg.nn.Linear(2, 3, bia=True), "Linear: unexpected keyword argument 'bia'. Expected Linear(in_features, out_"),
    (lambda x: x.sum(dims=1), "sum: unexpected keyword argument 'dims'. Expected sum(input, dim=None, "),
    (lambda x: x.sum(dims=1), "keepdim=False, *, dtype=None). Hint: dim="),
    (lambda x: mg.zeros(2, dtpe=1), "zeros: unexpected keyword argument 'dtpe'. Expected zeros(*size, dtype=None"),
    (lambda x: x.softmax(), "softmax: missing argument 'dim'. Expected softmax(input, dim, dtype=None)"),
    (lambda x: mg.nn.Linear(2), "Linear: missing argument 'out_features'"),
    (lambda x: mg.nn.Linear(2, 3)(), "Linear: missing argument 'input'"),
    (lambda x: mg.nn.functional.relu(x, inplce=True), "relu: unexpected keyword argument 'inplce'"),
    (lambda x: mg.optim.SGD([x], lrr=1), "SGD: unexpected keyword argument 'lrr'"),
    (lambda x: x.max(1, 2, 3, 4), "max: too many positional arguments. Expected max(input, dim=None, keepdim=False)"),
    (lambda x: mg.add(x), "add: missing argument 'other'. Expected add(input, other, *, alpha=1)"),
    (lambda x: x.exp(axis=1), "exp() got an unexpected keyword argument 'axis'"),
    (lambda x: mg.exp(x, axis=1), "exp: unexpected keyword argument 'axis'. Expected exp(input, *, out=None)"),
    (lambda x: mg.arange(), "arange: missing argument 'end'"),
    (lambda x: mg.empty(2, dtpe=1), "empty: unexpected keyword argument 'dtpe'"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "text"), CALLS, ids=[text.partition(".")[0] for _, text in CALLS])
def test_a_call_that_fits_no_signature_is_told_the_signature(call: Callable, text: str) -> None:
    with pytest.raises(TypeError, match=re.escape(text)):
        call(mg.ones(2, 3))


def test_a_users_own_wrong_call_comes_through() -> None:
    def loss(x: mg.Tensor, scale: float) -> mg.Tensor:
        return x.sum() * scale

    for function, where in ((lambda x: loss(x), "loss"), (loss, "loss")):
        with pytest.raises(TypeError, match=rf"{where}\(\) missing 1 required positional argument: 'scale'"):
            mg.func.grad(function)(mg.ones(2))
