"""Writes in place: histories of tensors, views and bases; and the version checks that keep gradients right."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import minigrad
from minigrad import Tensor
from minigrad.autograd import grad
from minigrad.backends import GradError
from minigrad.nn import functional as F

from .test_engine import leaf


def test_a_tensor_takes_the_history_of_what_is_written() -> None:
    x = leaf(1, 2)
    y = x * 3
    y.mul_(x)
    y += 1
    assert y.tolist() == [4, 13]
    y.sum().backward()
    assert x.grad.tolist() == [6, 12]


@pytest.mark.parametrize("sign", ["+", "-", "*", "//", "%", "**", "&", "|", "^", "<<", ">>"])
def test_every_operator_with_an_equals_sign_writes(sign: str) -> None:
    x = minigrad.tensor([5, 6, 7])
    first, names = x[:1], {"x": x}
    exec(f"x {sign}= 2", names)
    assert names["x"] is x and x.tolist() == [eval(f"{n} {sign} 2") for n in (5, 6, 7)]
    assert first.item() == x[0].item()


def test_overwritten_values_get_a_gradient_of_zeros() -> None:
    for write in (
        lambda y: y.zero_(),
        lambda y: y.fill_(5),
        lambda y: y.copy_(minigrad.ones(2)),
        lambda y: y.normal_(),
    ):
        x = leaf(1, 2)
        y = x * 3
        write(y)
        y.sum().backward()
        assert x.grad.tolist() == [0, 0]


@pytest.mark.parametrize("value", [7, 7.0, minigrad.tensor(7.0), [7.0], np.array([7.0])])
def test_assigning_a_constant_cuts_the_gradient_there(value: object) -> None:
    x = leaf(1, 2, 3)
    y = x * 2
    y[1] = value if not isinstance(value, (list, np.ndarray)) else value[0]
    y[2:] = value
    assert y.tolist() == [2, 7, 7]
    y.sum().backward()
    assert x.grad.tolist() == [2, 0, 0]


@pytest.mark.parametrize("index", [0, slice(0, 1), [0], (minigrad.tensor([0]),), minigrad.tensor([True, False, False])])
def test_assigning_a_tensor_gives_it_the_gradient(index: object) -> None:
    x, v = leaf(1, 2, 3), leaf(10)
    y = x * 2
    y[index] = v * 3 if isinstance(index, (slice, list, tuple, Tensor)) else (v * 3)[0]
    assert y.tolist() == [30, 4, 6]
    (y * y).sum().backward()
    assert x.grad.tolist() == [0, 16, 24] and v.grad.tolist() == [180]


def test_a_view_passes_its_history_to_the_base_and_to_other_views() -> None:
    x = leaf(1, 2, 3, 4)
    base = x * 1
    square, tail = base.reshape(2, 2), base[2:]
    square[1].mul_(10)
    assert tail.tolist() == [30, 40]
    (base.sum() + tail.sum()).backward()
    assert x.grad.tolist() == [1, 1, 20, 20]


def test_a_tensor_of_one_integer_takes_a_view_that_can_be_written() -> None:
    a = leaf(1, 2, 3, 4)
    x = (a * 1).reshape(2, 2)
    i, j = minigrad.tensor(1), minigrad.tensor(0, dtype=minigrad.int32)
    x[i][j] = 10.0
    x[j].mul_(3)
    x[:, i] += 1
    assert x.tolist() == [[3, 7], [10, 5]]
    x.sum().backward()
    assert a.grad.tolist() == [3, 3, 0, 1]
    with pytest.raises(IndexError, match="out of bounds"):
        x[minigrad.tensor(2)]
    with pytest.raises(IndexError, match="integer or boolean"):
        x[minigrad.tensor(0.5), i]


def test_what_was_expanded_without_repeating_is_written_as_any_view() -> None:
    a = leaf(1, 2)
    x = a * 1
    x.expand(2).mul_(3)
    x.expand(1, 1, 2)[0].add_(minigrad.tensor([[10.0, 20.0]]))
    minigrad.broadcast_tensors(x, minigrad.zeros(2))[0][0] = 5.0
    assert x.tolist() == [5, 26]
    x.sum().backward()
    assert a.grad.tolist() == [0, 3]
    with pytest.raises(RuntimeError, match="share memory"):
        minigrad.ones(1, 2).expand(2, 2).mul_(2)


def test_leading_dimensions_of_one_are_dropped_from_what_is_assigned() -> None:
    x = minigrad.zeros(3, 2)
    x[minigrad.tensor([True, False, True])] = minigrad.tensor([[[1.0, 2.0]]])
    x[x == 2] = minigrad.tensor([[7.0]])
    x[[1]] = minigrad.tensor([[[5.0, 6.0]]])
    assert x.tolist() == [[1, 7], [5, 6], [1, 7]]


def test_fill_takes_a_number_of_any_type() -> None:
    assert minigrad.tensor([1, 2]).fill_(minigrad.tensor(2.7)).tolist() == [2, 2]
    assert minigrad.tensor([True, False]).fill_(minigrad.tensor(3.0)).tolist() == [True, True]
    w = minigrad.tensor(2.0, requires_grad=True)
    (minigrad.ones(3, dtype=minigrad.float64) * 1).fill_(w).sum().backward()
    assert w.grad.item() == 3


def test_set_takes_the_memory_of_another() -> None:
    x, y = minigrad.zeros(2), minigrad.ones(3)
    assert x.set_(y) is x
    y.mul_(4)
    assert x.tolist() == [4, 4, 4]
    with pytest.raises(TypeError, match="set_: expected a source of minigrad.float32, got minigrad.int64"):
        x.set_(minigrad.tensor([1]))


SPARED: dict[str, Callable[[Tensor], Tensor]] = {
    "div": lambda x: x / x.sum(1, keepdim=True),
    "normalize": lambda x: F.normalize(x),
    "max_pool1d": lambda x: F.max_pool1d(x, 2),
    "gru": lambda x: minigrad.nn.GRU(3, 2, dtype=minigrad.float64)(x)[0],
    "rnn": lambda x: minigrad.nn.RNN(3, 2, dtype=minigrad.float64)(x)[0],
}


@pytest.mark.parametrize("name", SPARED)
def test_an_output_that_pytorch_does_not_save_may_be_written(name: str) -> None:
    """As in `(x - mean) / std`, followed by `*= weight` and `+= bias`, or a max pooling followed by ReLU(inplace=True)."""
    found = []
    for writing in (False, True):
        minigrad.manual_seed(0)
        x = minigrad.tensor(np.cos(np.arange(12.0)).reshape(4, 3), requires_grad=True)
        y = SPARED[name](x)
        if writing:
            y[0].mul_(3)
            y.mul_(y.detach() + 1).relu_()
        else:
            z = minigrad.cat([y[:1] * 3, y[1:]])
            y = (z * (z.detach() + 1)).relu()
        (g,) = grad((y * y).sum(), x, create_graph=True)
        found.append([*map(Tensor.tolist, (g, grad(g.sum(), x)[0]))])
    np.testing.assert_allclose(found[1], found[0], rtol=1e-12, atol=1e-15)


def test_a_base_written_in_place_changes_its_views() -> None:
    x = leaf(1, 2)
    base = x * 1
    view = base[1:]
    base.mul_(x)
    assert view.tolist() == [4]
    view.sum().backward()
    assert x.grad.tolist() == [0, 4]


def test_a_constant_base_gets_a_history_through_its_view() -> None:
    w = leaf(5)
    base = minigrad.zeros(2, 2, dtype="float64")
    base[0].add_(w)
    assert base.requires_grad and base.tolist() == [[5, 5], [0, 0]]
    base.sum().backward()
    assert w.grad.tolist() == [2]


def test_views_of_views_transposed_and_narrowed() -> None:
    x = leaf(*range(6))
    base = (x * 1).reshape(2, 3)
    inner = base.transpose(0, 1).narrow(0, 1, 2)[:, 1]
    inner.copy_(minigrad.tensor([100.0, 200.0], dtype="float64"))
    assert base.tolist() == [[0, 1, 2], [3, 100, 200]]
    base.sum().backward()
    assert x.grad.tolist() == [1, 1, 1, 1, 0, 0]


# -- versions --------------------------------------------------------------------------------------------------------

WRITES: dict[str, Callable[[Tensor], object]] = {
    "add_": lambda t: t.add_(1),
    "+=": lambda t: t.__iadd__(1),
    "index": lambda t: t.__setitem__(0, 5.0),
    "mask": lambda t: t.__setitem__(minigrad.tensor([True, False]), 5.0),
    "view": lambda t: t[:1].zero_(),
    "detached": lambda t: t.detach().add_(1),
    "data": lambda t: t.data.mul_(2),
    "zero_": lambda t: t.zero_(),
    "uniform_": lambda t: t.uniform_(),
}


@pytest.mark.parametrize("name", WRITES)
def test_a_write_to_a_saved_tensor_is_noticed(name: str) -> None:
    x, w = leaf(1, 2), minigrad.tensor([3.0, 4.0], dtype="float64")
    loss = (x * w).sum()
    with minigrad.no_grad():
        WRITES[name](w)
    with pytest.raises(GradError, match="modified by an inplace operation.*mul saved.*version 1; expected version 0.*Hint"):
        loss.backward()
    assert x.grad is None


@pytest.mark.parametrize("name", WRITES)
def test_a_write_to_a_saved_output_is_noticed(name: str) -> None:
    x = leaf(1, 2)
    y = x.exp()
    loss = y.sum()
    with minigrad.no_grad():
        WRITES[name](y)
    with pytest.raises(GradError, match="exp saved"):
        loss.backward()
    assert x.grad is None


def test_a_saved_view_notices_a_write_to_its_base() -> None:
    base = minigrad.ones(4, dtype="float64")
    x = leaf(1, 2)
    loss = (x * base[:2]).sum()
    base.add_(1)
    with pytest.raises(GradError, match="mul saved"):
        loss.backward()


def test_safe_writes_are_not_refused() -> None:
    x = leaf(1, 2)
    y = x * 2
    z = y + 1  # saves nothing
    y.mul_(10)
    (y + z).sum().backward()
    assert x.grad.tolist() == [22, 22]
    x.grad = None
    y = x * 3
    y.relu_().mul_(2).add_(y)
    y.sum().backward()
    assert x.grad.tolist() == [12, 12]
    for name in ("sin_", "sqrt_", "square_", "abs_", "log_", "tanh_", "sigmoid_", "exp_"):
        x.grad, y = None, x * 3
        getattr(y, name)()
        y.sum().backward()
        (want,) = minigrad.autograd.grad(getattr(x * 3, name[:-1])().sum(), x)
        np.testing.assert_allclose(x.grad.numpy(), want.numpy())


def test_in_place_with_a_learned_operand_keeps_what_its_rule_needs() -> None:
    for name in ("mul_", "div_", "pow_"):
        x, w = leaf(2, 3), leaf(4, 5)
        y = x * 1
        getattr(y, name)(w)
        y.sum().backward()
        gx, gw = minigrad.autograd.grad(getattr(x, name[:-1])(w).sum(), [x, w])
        np.testing.assert_allclose(x.grad.numpy(), gx.numpy())
        np.testing.assert_allclose(w.grad.numpy(), gw.numpy())


def test_the_version_is_shared_by_views_and_counts_writes() -> None:
    x = minigrad.zeros(4)
    view, cut = x[:2], x.detach()
    assert x._version == 0
    x.add_(1)
    view.mul_(2)
    cut.zero_()
    assert x._version == view._version == cut._version == 3


LEAF_WRITES: dict[str, Callable[[Tensor], object]] = {
    "add_": lambda x: x.add_(1), "index": lambda x: x.__setitem__(0, 5.0), "list": lambda x: x.__setitem__([0], 5.0),
    "view": lambda x: x[:1].mul_(2), "fill_": lambda x: x.fill_(3), "copy_": lambda x: x.copy_(minigrad.ones(2)),
}  # fmt: skip


@pytest.mark.parametrize("name", LEAF_WRITES)
def test_a_leaf_that_requires_grad_is_not_written(name: str) -> None:
    x = leaf(1, 2)
    with pytest.raises(GradError, match="leaf tensor that requires grad.*Hint: with minigrad.no_grad"):
        LEAF_WRITES[name](x)
    assert x.tolist() == [1, 2] and x._version == 0
    with minigrad.no_grad():
        LEAF_WRITES[name](x)
    assert x.requires_grad and x.is_leaf and x.tolist() != [1, 2]


def test_a_refused_write_changes_nothing() -> None:
    x = minigrad.zeros(2, 3)
    whole = minigrad.zeros(2, dtype="int64")
    for write, kind, message in [
        (lambda: x.add_(minigrad.ones(4)), RuntimeError, "\\(2, 3\\), \\(4,\\)"),
        (lambda: x.add_(minigrad.ones(5, 2, 3)), RuntimeError, "result of shape \\(5, 2, 3\\) does not fit"),
        (
            lambda: x.copy_(minigrad.ones(4)),
            RuntimeError,
            "copy_: the result of shape \\(4,\\) does not fit the tensor of shape \\(2, 3\\)",
        ),
        (lambda: x.__setitem__(2, 1.0), IndexError, "index 2 is out of bounds for dimension 0 with size 2"),
        (lambda: x.__setitem__((0, [0, 3]), 1.0), IndexError, "index 3 is out of bounds for dimension 1 with size 3"),
        (lambda: x.__setitem__(0, minigrad.ones(2)), RuntimeError, "setitem: .*\\(2,\\).*\\(3,\\)"),
        (lambda: whole.add_(0.5), RuntimeError, "add_: result type minigrad.float32 can't be cast to minigrad.int64"),
        (lambda: minigrad.zeros(1).expand(3).add_(1), RuntimeError, "expanded from \\(1,\\).*Hint: .clone\\(\\) first"),
    ]:
        with pytest.raises(kind, match=message):
            write()
    assert x.tolist() == [[0] * 3] * 2 and x._version == 0 and whole.tolist() == [0, 0]


def test_numpy_sees_a_saved_tensor_read_only() -> None:
    """Else a write through NumPy would give a silent wrong gradient."""
    x, w = leaf(1, 2), minigrad.tensor([3.0, 4.0], dtype="float64")
    loss = (x * w).sum()
    with pytest.raises(ValueError, match="read-only"):
        w.numpy()[0] = 100.0
    loss.backward()
    assert x.grad.tolist() == [3, 4]
    free = minigrad.zeros(2)
    free.numpy()[0] = 1.0
    assert free.tolist() == [1, 0]


def test_logits_may_be_written_after_the_loss() -> None:
    """Cross entropy keeps the logarithms of its probabilities, not the logits, as PyTorch does."""
    x = minigrad.randn(3, 4, requires_grad=True)
    want = F.cross_entropy(x * 2, minigrad.tensor([0, 3, 1]))
    want.backward()
    expected, x.grad = x.grad, None
    logits = x * 2
    loss = F.cross_entropy(logits, minigrad.tensor([0, 3, 1]))
    logits.detach().add_(1)
    loss.backward()
    np.testing.assert_array_equal(x.grad.numpy(), expected.numpy())


def test_an_array_can_be_written_until_a_graph_has_saved_its_memory() -> None:
    x = minigrad.zeros(3, requires_grad=True)
    x.detach().numpy()[:] = 2.0
    assert x.tolist() == [2.0, 2.0, 2.0]
    y = (x + 1).sum()  # saves nothing
    x.detach().numpy()[0] = 3.0
    y = (x * x).sum()
    with pytest.raises(ValueError, match="read-only"):
        x.detach().numpy()[0] = 4.0
    y.backward()
    assert x.grad.tolist() == [6.0, 4.0, 4.0]


@pytest.mark.parametrize("f", [
    lambda x: x.cumsum(0), lambda x: x.cumprod(0), lambda x: x.logcumsumexp(0), lambda x: x.prod(0), lambda x: x.max(0).values,
    lambda x: x.min(0)[0], lambda x: F.pad(x, ()), lambda x: F.pad(x[None], (0, 0)), lambda x: F.pad(x.expand(3), (-1, -1)),
    lambda x: F.pad(x[None, None], (0, 0), mode="reflect"), lambda x: x[None].diff(n=0), lambda x: x[None].diff(),
    lambda x: x[None, None].matrix_power(1), lambda x: minigrad.chain_matmul(x[None, None]),
    lambda x: F.pixel_shuffle(x.reshape(1, 1, 1, 1), 1), lambda x: F.pixel_unshuffle(x.reshape(1, 1, 1, 1), 1),
    lambda x: F.channel_shuffle(x.reshape(1, 1, 1, 1), 1), lambda x: F.interpolate(x.reshape(1, 1, 1, 1), 1, mode="bilinear"),
    lambda x: minigrad.histogram(x, x.reshape(1)).bin_edges,
])  # fmt: skip
def test_what_computes_gives_memory_of_its_own_even_if_nothing_changes(f: Callable) -> None:
    x = minigrad.tensor(2.0)
    f(x).fill_(7)
    assert x.item() == 2
    given = minigrad.tensor(True)
    given.sign().logical_not_()
    assert given.item()


def test_flatten_of_a_vector_is_the_vector_itself() -> None:
    x = minigrad.tensor([1.0, 2.0], requires_grad=True)
    assert x.flatten() is x and minigrad.flatten(x) is x and x.ravel() is x and x[None].flatten(1) is not x
    assert +x is x


def test_what_is_retained_goes_with_a_change_of_shape_in_place() -> None:
    x = minigrad.tensor([1.0, 2.0], requires_grad=True)
    y = x * 3
    y.retain_grad()
    y.unsqueeze_(0)
    (y**2).sum().backward()
    assert y.grad.tolist() == [[6, 12]] and x.grad.tolist() == [18, 36]


@pytest.mark.parametrize("index", [0, [0, 2], minigrad.tensor([0]), minigrad.tensor([True, False, True])])
def test_none_is_nothing_to_write(index: object) -> None:
    x = minigrad.zeros(3)
    with pytest.raises(TypeError, match="setitem: expected a tensor or a number, got NoneType"):
        x[index] = None
    assert x.tolist() == [0, 0, 0]
