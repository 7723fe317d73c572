"""The outer forms of the tensor functions: out=, keywords, in-place views, windows as views, bfloat16, wide graphs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import minigrad
from minigrad.autograd import grad, gradcheck
from minigrad.backends import DTYPES, GradError, ShapeError
from minigrad.core import OPS, Tensor

from .cases import CASES, Case, several

# -- out= --------------------------------------------------------------------------------------------------------------------


def test_out_takes_the_result_and_is_returned() -> None:
    x = minigrad.arange(6.0).reshape(2, 3)
    out = minigrad.empty(2, 3)
    assert minigrad.add(x, x, out=out) is out
    assert out.tolist() == [[0.0, 2.0, 4.0], [6.0, 8.0, 10.0]]
    assert minigrad.add(x, 1.0, out=x) is x and x[0].tolist() == [1.0, 2.0, 3.0]


def test_out_of_several_results() -> None:
    values, indices = minigrad.empty(2), minigrad.empty(2, dtype="int64")
    found = minigrad.max(minigrad.tensor([[1.0, 5.0], [7.0, 2.0]]), 1, out=(values, indices))
    assert found.values is values and found.indices is indices
    assert values.tolist() == [5.0, 7.0] and indices.tolist() == [1, 0]


def test_a_normalized_vector_is_written_into_out() -> None:
    u = minigrad.zeros(2)
    assert minigrad.nn.functional.normalize(minigrad.tensor([3.0, 4.0]), dim=0, out=u) is u
    assert u.tolist() == pytest.approx([0.6, 0.8])


def test_an_empty_out_takes_any_shape_and_casts() -> None:
    out = minigrad.empty(0, dtype="float64")
    minigrad.cat([minigrad.ones(2), minigrad.zeros(1)], out=out)
    assert out.tolist() == [1.0, 1.0, 0.0] and out.dtype.name == "float64"


@pytest.mark.parametrize(
    ("out", "error", "words"),
    [
        (lambda: minigrad.ones(3), ShapeError, r"add: out has the shape \(3,\), the result \(2,\)"),
        (lambda: minigrad.ones(2, dtype="int64"), ShapeError, "can't be cast to minigrad.int64, the type of out"),
        (lambda: minigrad.ones(2, requires_grad=True), GradError, "don't record gradients"),
        (lambda: [1.0, 2.0], TypeError, "out must be a tensor"),
    ],
)
def test_a_refused_out_is_left_alone(out: Callable, error: type, words: str) -> None:
    given = out()
    with pytest.raises(error, match=words):
        minigrad.add(minigrad.zeros(2), minigrad.zeros(2), out=given)
    assert not isinstance(given, Tensor) or bool((given == 1).all())


# -- keywords ----------------------------------------------------------------------------------------------------------------


def test_sizes_and_dims_by_keyword() -> None:
    x = minigrad.arange(6.0).reshape(2, 3)
    assert minigrad.zeros(size=(2, 3)).shape == minigrad.randn(size=(2, 3)).shape == (2, 3)
    assert minigrad.flip(x, dims=(0,)).tolist() == [[3.0, 4.0, 5.0], [0.0, 1.0, 2.0]]
    assert x.permute(dims=(1, 0)).shape == x.reshape(shape=(3, 2)).shape == (3, 2)
    assert x.expand(size=(4, 2, 3)).shape == x.repeat(repeats=(2, 1, 1))[:1].expand(4, 2, 3).shape
    assert minigrad.arange(end=3).tolist() == [0, 1, 2]
    with pytest.raises(TypeError, match="twice"):
        minigrad.zeros(2, size=(2, 3))


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        ([np.float32(1), 2.5], "float32"), ([2.5, np.float32(1)], "float32"), ([[np.float32(1), 2], [3, 4]], "float32"),
        ([np.float64(1), 2], "float64"), ([2.0, np.float64(1)], "float64"), ([np.float16(1), 1], "float16"),
        ([np.int32(1), 2], "int64"), ([np.int64(1), 2.5], "float32"), ([np.uint8(1)], "uint8"),
        ([np.ones(2, "f4"), np.ones(2, "f4")], "float32"), ([[], []], "float32"), ([True, 2], "int64"),
        ([1j, 2.0], "complex64"), (range(3), "int64"), ([range(2), [3, 4]], "int64"),
        ([minigrad.tensor(1.0, dtype="float64"), 2], "float64"), ([minigrad.tensor(1), 2.5], "float32"),
    ],
)  # fmt: skip
def test_numbers_of_numpy_in_a_list_keep_their_types_beside_pythons(data: list, dtype: str) -> None:
    assert minigrad.tensor(data).dtype.name == minigrad.as_tensor(data).dtype.name == dtype


def test_a_number_may_be_a_tensor_without_dimensions() -> None:
    """As an L-BFGS written by hand has its step sizes."""
    x, y, half = minigrad.tensor([1.0, 2.0]), minigrad.tensor([4.0, 8.0]), minigrad.tensor(0.5)
    assert minigrad.add(x, y, alpha=half).tolist() == x.clone().add_(y, alpha=half).tolist() == [3, 6]
    assert x.sub(y, alpha=-half).tolist() == [3, 6] and x.addcmul(x, y, value=half).tolist() == [3, 10]
    assert x.clone().addcdiv_(y, x, value=half).tolist() == [3, 4]
    assert minigrad.round(x / 3, decimals=minigrad.tensor(1)).tolist() == pytest.approx([0.3, 0.7])
    assert y.kthvalue(minigrad.tensor(2)).values.item() == 8 and minigrad.randperm(minigrad.tensor(3)).shape == (3,)
    with pytest.raises(TypeError, match="alpha must be a number, got Tensor"):
        minigrad.add(x, y, alpha=minigrad.tensor(0.5, requires_grad=True))


def test_round_to_decimals() -> None:
    x = minigrad.tensor([1.2345, -17.5], dtype="float64")
    np.testing.assert_array_equal(x.round(decimals=2).numpy(), np.round([1.2345, -17.5], 2))
    np.testing.assert_array_equal(minigrad.round(x, decimals=-1).numpy(), np.round([1.2345, -17.5], -1))


def test_where_alone_gives_positions() -> None:
    rows, columns = minigrad.where(minigrad.tensor([[False, True], [True, False]]))
    assert rows.tolist() == [0, 1] and columns.tolist() == [1, 0]


# -- layout ------------------------------------------------------------------------------------------------------------------


def test_contiguous_and_view() -> None:
    x = minigrad.arange(6.0).reshape(2, 3)
    turned = x.t()
    assert x.is_contiguous() and not turned.is_contiguous() and turned.stride() == (1, 3)
    assert x.contiguous() is x and turned.contiguous().stride() == (2, 1)
    with pytest.raises(ShapeError, match=r"view: shape \(6,\).*Hint: .contiguous"):
        turned.view(6)
    assert turned.contiguous().view(6).tolist() == turned.reshape(6).tolist() == [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]
    assert turned.clone(memory_format=minigrad.contiguous_format).is_contiguous()


def test_unfold_is_a_view_with_gradients_both_ways() -> None:
    x = minigrad.arange(6.0)
    windows = x.unfold(0, 2, 2)
    windows[0] = 9.0
    assert x[:2].tolist() == [9.0, 9.0]
    with pytest.raises(ShapeError, match="unfolded from"):
        x.unfold(0, 3, 1).add_(1.0)
    y = minigrad.randn(2, 7, dtype="float64", requires_grad=True)
    assert gradcheck(lambda t: t.unfold(1, 3, 2), y) and gradcheck(lambda t: t.unfold(-1, 7, 1), y)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("t", ()), ("transpose", (0, 1)), ("swapaxes", (0, 1)), ("swapdims", (0, 1)), ("unsqueeze", (1,)), ("squeeze", (0,))],
)
def test_in_place_views(name: str, arguments: tuple) -> None:
    leaf = minigrad.randn(*((1, 6) if name == "squeeze" else (2, 3)), dtype="float64", requires_grad=True)
    x, same = leaf * 2, leaf * 2
    memory = x.data_ptr()
    assert getattr(x, f"{name}_")(*arguments) is x and x.data_ptr() == memory
    want = getattr(same, name)(*arguments)
    x.mul_(3.0)
    assert x.tolist() == (want * 3.0).tolist()
    (x * x).sum().backward()
    np.testing.assert_allclose(leaf.grad.numpy(), 72 * leaf.detach().numpy())
    with pytest.raises(GradError, match=f"{name}_: a leaf"):
        getattr(leaf, f"{name}_")(*arguments)


def test_an_in_place_view_of_a_view_reaches_its_base() -> None:
    leaf = minigrad.ones(2, 3, dtype="float64", requires_grad=True)
    x = leaf * 1
    row = x[1:]
    row.t_()
    row.mul_(leaf[1:].t() * 5)
    (g,) = grad((x * x).sum(), leaf)
    assert g.tolist() == [[2.0] * 3, [100.0] * 3]


# -- refusals ----------------------------------------------------------------------------------------------------------------

MASK = [True, False]


@pytest.mark.parametrize(
    "call",
    [
        lambda m, b: b - b, lambda m, b: 1 - b, lambda m, b: b - 1.5, lambda m, b: b // b, lambda m, b: b % b,
        lambda m, b: b**b, lambda m, b: +b, lambda m, b: -b, lambda m, b: m.ones(2) - b, lambda m, b: b << b,
        lambda m, b: m.randn_like(m.ones(2, dtype=m.int64)), lambda m, b: m.randperm(-1),
        lambda m, b: m.zeros(2).fill_(m.ones(2)),
        lambda m, b: m.zeros(2).uniform_(2, 1), lambda m, b: m.zeros(2).normal_(0, -1),
        lambda m, b: m.index_select(m.zeros(2), 0, m.tensor([-1])),
    ],
)  # fmt: skip
def test_refused(call: Callable) -> None:
    with pytest.raises((TypeError, ValueError, IndexError, RuntimeError), match=r"\w+: "):
        call(minigrad, minigrad.tensor(MASK))


# -- bfloat16 ----------------------------------------------------------------------------------------------------------------

pytest.importorskip("ml_dtypes")
LINEAR_ALGEBRA = """det cofactor logabsdet inv solve cholesky qr_q eigen singular svd pinv matrix_ multi_dot lstsq lu_
    complex""".split()


def in_bfloat16(case: Case) -> list:
    """The case's floating inputs as bfloat16 tensors."""
    return [
        x.detach().to("bfloat16").requires_grad_(x.requires_grad) if isinstance(x, Tensor) and x.is_floating_point() else x
        for x in case.tensors()
    ]


def rough(case: Case) -> bool:
    """Whether a case has floating inputs and nothing that 8 bits are too few for, such as an inverse or a type it names."""
    named = any(word in case.name for word in LINEAR_ALGEBRA) or "dtype" in case.options
    return not named and any(isinstance(x, Tensor) and x.is_floating_point() for x in case.tensors())


@pytest.mark.parametrize("case", [c for c in CASES if isinstance(c.what, type(OPS["exp"])) and rough(c)], ids=lambda c: c.name)
def test_bfloat16_is_float32_rounded_once(case: Case) -> None:
    inputs = in_bfloat16(case)
    wide = [x.detach().to("float32") if isinstance(x, Tensor) and x.is_floating_point() else x for x in inputs]
    with minigrad.no_grad():
        outputs, wanted = several(case(*inputs)), several(case(*wide))
    for y, want in zip(outputs, wanted, strict=True):
        if want.dtype is DTYPES["float32"]:
            assert y.dtype is DTYPES["bfloat16"]
            want = want.to("bfloat16")
        np.testing.assert_array_equal(y.to("float64").numpy(), want.to("float64").numpy())


def test_bfloat16_gradients_keep_their_type() -> None:
    w = minigrad.ones(300, 300, dtype="bfloat16", requires_grad=True)
    x = minigrad.ones(4, 300, dtype="bfloat16") * 1.01
    loss = minigrad.nn.functional.cross_entropy((x @ w).tanh() * 0.5 + 2.5, minigrad.tensor([0, 1, 2, 3]))
    loss.backward()
    assert loss.dtype is w.grad.dtype is DTYPES["bfloat16"] and abs(loss.item() - np.log(300)) < 0.05
    assert minigrad.ones(1000, dtype="bfloat16").sum().item() == 1000.0  # a running sum in 8 bits would stop at 256


# -- wide --------------------------------------------------------------------------------------------------------------------


def test_wide_cat_is_linear_in_its_operands() -> None:
    leaves = [minigrad.ones(1, requires_grad=True) for _ in range(20_000)]
    joined = minigrad.cat(leaves)
    (joined * minigrad.arange(20_000.0)).sum().backward()
    assert [leaf.grad.item() for leaf in leaves] == list(range(20_000))


def test_index_fill_counts_a_place_once() -> None:
    value = minigrad.tensor(1.0, requires_grad=True)
    minigrad.index_fill(minigrad.zeros(3), 0, minigrad.tensor([1, 1, 1]), value).sum().backward()
    assert value.grad.item() == 1.0


def test_what_is_no_number_is_different_from_every_tensor() -> None:
    x = minigrad.tensor([1.0, 2.0])
    assert (x == "a") is False and (x != "a") is True and (x == [1.0, 2.0]) is False
    with pytest.raises(TypeError, match="lt: expected tensors or numbers"):
        x < "a"  # noqa: B015
    assert reversed(x).tolist() == [2, 1]
