"""Parametrized tensors, fractional pooling and adaptive softmax: against what they are by definition, and their errors."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import minigrad
from minigrad import nn
from minigrad.autograd import gradcheck
from minigrad.nn.utils import parametrizations, parametrize


class Symmetric(nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).transpose(-1, -2)

    def right_inverse(self, y):
        return y.triu()


class Doubled(nn.Module):
    def forward(self, x):
        return 2 * x


class Exponential(nn.Module):
    def forward(self, x):
        return x.exp()

    def right_inverse(self, y):
        return y.log()


class First(nn.Module):
    def forward(self, x):
        return x[0]


def randn(*shape):
    return minigrad.randn(*shape, dtype="float64")


def close(a, b, tol=1e-12):
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy() if hasattr(b, "detach") else b, rtol=tol, atol=tol)


def test_a_parametrized_tensor_is_computed_when_it_is_read():
    layer = nn.Linear(3, 3).double()
    before = layer.weight.detach().clone()
    assert parametrize.register_parametrization(layer, "weight", Symmetric()) is layer
    close(layer.weight, layer.weight.T)
    close(layer.weight.triu(), before.triu())
    assert dict(layer.named_parameters()).keys() == {"bias", "parametrizations.weight.original"}
    assert parametrize.is_parametrized(layer) and not parametrize.is_parametrized(layer, "bias")
    assert isinstance(layer, nn.Linear) and type(layer).__name__ == "ParametrizedLinear"
    assert parametrize.type_before_parametrizations(layer) is nn.Linear
    layer(randn(2, 3)).sum().backward()
    assert layer.parametrizations.weight.original.grad.shape == (3, 3)
    with parametrize.cached():
        assert layer.weight is layer.weight
    assert layer.weight is not layer.weight


def test_parametrizations_follow_each_other_and_can_be_assigned_to():
    layer = nn.Linear(3, 3).double()
    parametrize.register_parametrization(layer, "weight", Symmetric())
    parametrize.register_parametrization(layer, "weight", Exponential())
    layer.weight = minigrad.full((3, 3), 2.0, dtype="float64")
    close(layer.weight, np.full((3, 3), 2.0))
    parametrize.remove_parametrizations(layer, "weight")
    close(layer.weight, np.full((3, 3), 2.0))
    assert type(layer) is nn.Linear and list(layer.state_dict()) == ["bias", "weight"]


def test_a_tensor_cannot_be_assigned_past_a_parametrization_without_an_inverse():
    layer = nn.Linear(3, 3)
    for module in (Symmetric(), Doubled()):
        parametrize.register_parametrization(layer, "weight", module)
    before = layer.weight.tolist()
    with pytest.raises(RuntimeError, match="parametrization Doubled does not implement right_inverse"):
        layer.weight = minigrad.ones(3, 3)
    assert layer.weight.tolist() == before


def test_a_further_parametrization_leaves_the_original_as_it_is():
    layer = nn.Linear(3, 3).double()
    parametrize.register_parametrization(layer, "weight", Symmetric())
    start = layer.parametrizations.weight.original.detach().clone()
    once = layer.weight.detach()
    parametrize.register_parametrization(layer, "weight", Exponential())  # though it has a right_inverse
    assert minigrad.equal(layer.parametrizations.weight.original, start)
    assert minigrad.equal(layer.weight, Exponential()(once))


def test_an_optimizer_still_knows_the_parameter_after_the_parametrization_is_removed():
    layer = nn.Linear(3, 3)
    parametrize.register_parametrization(layer, "weight", Symmetric())
    known = {id(p) for p in layer.parameters()}
    parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    assert {id(p) for p in layer.parameters()} == known


def test_copies_have_parameters_of_their_own_and_pickling_is_refused():
    layer = parametrizations.weight_norm(nn.Linear(3, 2))
    other = copy.deepcopy(layer)
    with minigrad.no_grad():
        other.parametrizations.weight.original0.mul_(2)
    close(other.weight, 2 * layer.weight.detach(), 1e-6)
    parametrize.remove_parametrizations(other, "weight")
    assert parametrize.is_parametrized(layer, "weight") and not parametrize.is_parametrized(other)
    with pytest.raises(RuntimeError, match="only supported through state_dict"):
        pickle.dumps(layer)


@pytest.mark.parametrize("shape", [(4, 4), (6, 4), (4, 6)], ids=str)
@pytest.mark.parametrize("name", [None, "matrix_exp", "cayley", "householder"])
def test_orthogonal_weights_stay_orthogonal(name, shape):
    layer = parametrizations.orthogonal(nn.Linear(*shape).double(), orthogonal_map=name)
    optimizer = minigrad.optim.SGD(layer.parameters(), lr=0.1)
    x, start = randn(8, shape[0]), layer.weight.detach().clone()
    for _ in range(3):
        optimizer.zero_grad()
        layer(x).tanh().sum().backward()
        optimizer.step()
    w = layer.weight.detach()
    assert float((w - start).abs().amax()) > 1e-3
    gram = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    close(gram, np.eye(min(shape)), 1e-12)


def test_the_gradient_of_an_orthogonal_map():
    for name in ("matrix_exp", "cayley", "householder"):
        held = parametrizations._Orthogonal(randn(4, 3), name, use_trivialization=False)
        x = randn(4, 3) + 2 * minigrad.eye(4, 3, dtype="float64")  # away from the steps of the sign on the diagonal
        assert gradcheck(held, (x.requires_grad_(),))


@pytest.mark.parametrize(("call", "error", "text"), [
    (lambda m: parametrize.register_parametrization(m, "wait", Symmetric()), ValueError, "with name 'wait'"),
    (lambda m: parametrize.register_parametrization(m, "weight", First()), ValueError, r"expected .*\(3, 3\), got .*\(3,\)"),
    (lambda m: parametrize.remove_parametrizations(m, "weight"), ValueError, "does not have a parametrization on weight"),
    (lambda m: parametrizations.orthogonal(m, "bias"), ValueError, "Expected a matrix"),
    (lambda m: parametrizations.orthogonal(m, orthogonal_map="qr"), ValueError, "has to be one of matrix_exp, cayley"),
    (lambda m: parametrizations.spectral_norm(m, n_power_iterations=0), ValueError, "n_power_iterations to be positive"),
    (lambda m: parametrizations.spectral_norm(m, dim=5), IndexError, "Dimension out of range"),
    (lambda m: parametrizations.weight_norm(m, "wait"), ValueError, "no parameter or buffer with name 'wait'"),
])  # fmt: skip
def test_misfitting_parametrizations(call, error, text):
    layer = nn.Linear(3, 3)
    with pytest.raises(error, match=text):
        call(layer)
    assert list(layer.state_dict()) == ["weight", "bias"]


# -- fractional pooling ------------------------------------------------------------------------------------------------


def test_fractional_pooling_gives_the_largest_of_windows_that_span_the_image():
    x = minigrad.arange(49.0).reshape(1, 1, 7, 7)
    y, at = nn.FractionalMaxPool2d(2, output_size=4, return_indices=True)(x)
    assert y.shape == (1, 1, 4, 4) and y[0, 0, -1, -1].item() == 48
    assert (y.flatten() == at.flatten()).all()  # each number is its own position
    assert nn.FractionalMaxPool3d(2, output_ratio=0.5)(minigrad.randn(2, 3, 6, 7, 8)).shape == (2, 3, 3, 3, 4)
    first, second = (nn.FractionalMaxPool2d(2, output_size=4)(x) for _ in range(2))
    assert not minigrad.equal(first, second)
    assert gradcheck(lambda x: nn.functional.fractional_max_pool2d(
        x, 2, output_size=3, _random_samples=minigrad.tensor([[[0.3, 0.8]]], dtype="float64")),
        (randn(1, 1, 5, 6).requires_grad_(),))  # fmt: skip
    fixed = nn.FractionalMaxPool2d(2, 3, _random_samples=minigrad.tensor([[[0.3, 0.8]]]))
    assert list(fixed.state_dict()) == ["_random_samples"] and fixed.double()._random_samples.dtype == minigrad.float64


@pytest.mark.parametrize(("call", "error", "text"), [
    (lambda: nn.FractionalMaxPool2d(2), ValueError, "requires specifying either an output size"),
    (lambda: nn.FractionalMaxPool2d(2, 3, 0.5), ValueError, "only one of output_size and output_ratio"),
    (lambda: nn.FractionalMaxPool3d(2, output_ratio=1.5), ValueError, "between 0 and 1"),
    (lambda: nn.FractionalMaxPool2d(2, 9)(minigrad.zeros(1, 1, 4, 4)), ValueError, "too large for an input"),
    (lambda: nn.functional.fractional_max_pool2d(minigrad.zeros(1, 1, 4, 4), 2), ValueError, "output_size or an output_ratio"),
])  # fmt: skip
def test_misfitting_fractional_pooling(call, error, text):
    with pytest.raises(error, match=text):
        call()


# -- adaptive softmax --------------------------------------------------------------------------------------------------


def test_adaptive_softmax_is_a_distribution_and_its_loss_is_that_of_the_targets():
    layer = nn.AdaptiveLogSoftmaxWithLoss(8, 12, [3, 7], div_value=2.0).double()
    x, target = randn(20, 8), minigrad.randint(0, 12, (20,))
    table = layer.log_prob(x)
    close(table.exp().sum(1), np.ones(20))
    output, loss = layer(x, target)
    close(output, table[minigrad.arange(20), target])
    close(loss, -output.mean())
    assert minigrad.equal(layer.predict(x), table.argmax(1))
    alone = layer(x[0], target[0])
    close(alone.output, output[0])
    assert gradcheck(lambda x: layer(x, target).loss, (x.requires_grad_(),))


@pytest.mark.parametrize("cutoffs", [[], [5, 2], [3, 3], [0, 4], [4, 12], [2.5]], ids=str)
def test_cutoffs_that_make_no_sense(cutoffs):
    with pytest.raises(ValueError, match="cutoffs should be a sequence"):
        nn.AdaptiveLogSoftmaxWithLoss(8, 12, cutoffs)


def test_targets_that_make_no_sense():
    layer = nn.AdaptiveLogSoftmaxWithLoss(8, 12, [3, 7])
    with pytest.raises(RuntimeError, match=r"in \[0, 11\], but values in range \[0, 12\] were found"):
        layer(minigrad.zeros(2, 8), minigrad.tensor([0, 12]))
    with pytest.raises(ValueError, match="same size in the batch dimension"):
        layer(minigrad.zeros(3, 8), minigrad.tensor([0, 1]))
    with pytest.raises(ValueError, match="multi-target not supported"):
        layer(minigrad.zeros(3, 8), minigrad.zeros(3, 1, dtype="int64"))
