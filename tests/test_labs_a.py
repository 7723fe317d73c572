"""Section A of the labs: every exact identity as a plain test in float64, and what the labs find."""

from __future__ import annotations

import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.nn import functional as F

from .labs_support import held, report

F64 = {"dtype": mg.float64}
EPS = 1e-5


def data(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(1.0, 2.0, shape)


def bn_of(x: mg.Tensor, gamma: np.ndarray, beta: np.ndarray, eps: float = EPS) -> mg.Tensor:
    return F.batch_norm(x, None, None, mg.tensor(gamma), mg.tensor(beta), training=True, eps=eps)


def backward(size: int = 12, eps: float = EPS) -> tuple[np.ndarray, ...]:
    """x, g, γ and the gradient of x that backpropagation finds."""
    x, g, gamma = data(size, 6), data(size, 6, seed=1), 0.5 + abs(data(6, seed=2))
    leaf = mg.tensor(x).requires_grad_()
    bn_of(leaf, gamma, np.zeros(6), eps).backward(mg.tensor(g))
    return x, g, gamma, leaf.grad.numpy()


def normalized(x: np.ndarray, eps: float = EPS) -> tuple[np.ndarray, np.ndarray]:
    """x̂ and s = √(v + ε)."""
    s = np.sqrt(x.var(0) + eps)
    return (x - x.mean(0)) / s, s


# -- undo ----------------------------------------------------------------------------------------------------------------


def test_gamma_with_eps_undoes_the_batch() -> None:
    x = data(32, 5)
    y = bn_of(mg.tensor(x), np.sqrt(x.var(0) + EPS), x.mean(0))
    np.testing.assert_allclose(y.numpy(), x, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("deviation", [1e-4, 1e-2, 1.0])
def test_gamma_without_eps_loses_a_share(deviation: float) -> None:
    x = data(64, 5) * deviation
    v = x.var(0)
    y = bn_of(mg.tensor(x), np.sqrt(v), x.mean(0)).numpy()
    lost = (x - y) / (x - x.mean(0))
    np.testing.assert_allclose(lost, np.broadcast_to(1 - np.sqrt(v / (v + EPS)), x.shape), rtol=1e-6, atol=1e-12)


def test_running_statistics_undo_in_evaluation() -> None:
    bn, x = nn.BatchNorm1d(5, **F64), mg.tensor(data(32, 5))
    bn(x)
    with mg.no_grad():
        bn.weight.copy_((bn.running_var + bn.eps).sqrt())
        bn.bias.copy_(bn.running_mean)
    np.testing.assert_allclose(bn.eval()(x).detach().numpy(), x.numpy(), rtol=1e-12, atol=1e-12)


# -- worked numbers ------------------------------------------------------------------------------------------------------


def test_worked_numbers() -> None:
    xhat = np.array([-1.5, -0.5, 0.5, 1.5])
    assert (2 * xhat + 3).tolist() == [0, 2, 4, 6]
    assert (2 * xhat + 3).std() == pytest.approx(math.sqrt(5))  # not 2
    assert (0.5 * xhat - 1).std() == pytest.approx(math.sqrt(5) / 4)  # not 0.5
    for gamma in (-2.0, 0.0, 0.5, 5.0):
        y = bn_of(mg.tensor(xhat[:, None]), np.array([gamma]), np.array([3.0])).numpy()[:, 0]
        assert y.mean() == pytest.approx(3)
        assert y.std() == pytest.approx(abs(gamma) * math.sqrt(1.25 / (1.25 + EPS)))
        assert np.array_equal(np.sign(np.diff(y)), np.full(3, np.sign(gamma)))
    found = report("12_worked_numbers")
    assert held(found, "the standard deviation becomes γ", "γ=2, these numbers") == [False]
    assert held(found, "the mean becomes β") == [True, True]


# -- modes ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("track", [True, False])
def test_no_grad_does_not_touch_the_running_statistics(training: bool, track: bool) -> None:
    bn, x = nn.BatchNorm1d(3, track_running_stats=track, **F64).train(training), mg.tensor(data(8, 3))
    with mg.no_grad():
        y = bn(x).numpy()
    batch = training or not track
    want = normalized(x.numpy())[0] if batch else x.numpy() / math.sqrt(1 + EPS)
    np.testing.assert_allclose(y, want, rtol=1e-10, atol=1e-10)
    if track:
        assert bn.running_mean.any().item() is training


def test_eval_backward_is_a_fixed_scale() -> None:
    bn = nn.BatchNorm1d(3, **F64)
    bn(mg.tensor(data(8, 3)))
    bn.eval()
    x, g = mg.tensor(data(8, 3, seed=3)).requires_grad_(), data(8, 3, seed=4)
    bn(x).backward(mg.tensor(g))
    np.testing.assert_allclose(x.grad.numpy(), g / np.sqrt(bn.running_var.numpy() + EPS), rtol=1e-12)


def test_a_bias_before_batch_norm_gets_no_gradient() -> None:
    linear, bn = nn.Linear(4, 3, **F64), nn.BatchNorm1d(3, **F64)
    (bn(linear(mg.tensor(data(8, 4)))) ** 3).sum().backward()
    assert abs(linear.bias.grad.numpy()).max() < 1e-12 * abs(linear.weight.grad.numpy()).max()


def test_batch_norm_folds_into_the_convolution() -> None:
    found = report("14_modes")
    assert held(found, "folds into the convolution") == [True]
    assert held(found, "no_grad stops the updates") == [False]
    assert found["verdict"] == "partly"


# -- backward ------------------------------------------------------------------------------------------------------------


def test_the_six_equations_are_backpropagation() -> None:
    x, g, gamma, dx = backward()
    m, v = len(x), x.var(0)
    dxhat = g * gamma
    dvar = (dxhat * (x - x.mean(0))).sum(0) * -0.5 * (v + EPS) ** -1.5
    dmean = (-dxhat / np.sqrt(v + EPS)).sum(0) + dvar * (-2 * (x - x.mean(0))).sum(0) / m
    np.testing.assert_allclose(dxhat / np.sqrt(v + EPS) + dvar * 2 * (x - x.mean(0)) / m + dmean / m, dx, rtol=1e-9, atol=1e-12)


def test_the_short_form_is_backpropagation() -> None:
    x, g, gamma, dx = backward()
    xhat, s = normalized(x)
    np.testing.assert_allclose(gamma / s * (g - g.mean(0) - xhat * (g * xhat).mean(0)), dx, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("eps", [1e-5, 0.5])
def test_what_the_gradient_has_along_one_and_along_xhat(eps: float) -> None:
    x, g, gamma, dx = backward(eps=eps)
    xhat, s = normalized(x, eps)
    np.testing.assert_allclose(dx.sum(0), 0, atol=1e-12)
    np.testing.assert_allclose((dx * xhat).sum(0), gamma / s * (g * xhat).sum(0) * eps / (s * s), rtol=1e-8, atol=1e-13)


def test_the_norm_of_the_gradient_is_an_identity() -> None:
    x, g, gamma, dx = backward(eps=0.0)
    xhat, s = normalized(x, 0.0)
    b = len(x)
    want = (gamma / s) ** 2 * ((g**2).sum(0) - g.sum(0) ** 2 / b - (g * xhat).sum(0) ** 2 / b)
    np.testing.assert_allclose((dx**2).sum(0), want, rtol=1e-9)


def test_a_batch_of_two_passes_what_eps_lets_through() -> None:
    x, g, gamma, dx = backward(2, eps=0.1)
    xhat, s = normalized(x, 0.1)
    np.testing.assert_allclose(dx, gamma / s * (g - g.mean(0)) * 0.1 / (s * s), rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(abs(bn_of(mg.tensor(x), np.ones(6), np.zeros(6), 0.0).numpy()), 1, rtol=1e-12)


# -- scale invariance ----------------------------------------------------------------------------------------------------


def layer_and_loss(w: mg.Tensor, x: np.ndarray, eps: float = 1e-12) -> mg.Tensor:
    y = F.batch_norm(mg.tensor(x) @ w.T, None, None, training=True, eps=eps)
    return F.cross_entropy(y, mg.tensor(np.arange(len(x)) % w.shape[0]))


def test_the_gradient_is_across_the_weights_and_goes_as_their_inverse() -> None:
    x, found = data(20, 7), {}
    for scale in (1.0, 10.0):
        w = mg.tensor(scale * data(5, 7, seed=3)).requires_grad_()
        loss = layer_and_loss(w, x)
        loss.backward()
        found[scale] = loss.item(), w.grad.numpy()
        assert abs((w.detach() * w.grad).sum(1)).max().item() < 1e-11 * abs(w.grad).max().item() * abs(w.detach()).max().item()
    assert found[10.0][0] == pytest.approx(found[1.0][0], rel=1e-11)
    np.testing.assert_allclose(found[10.0][1], found[1.0][1] / 10, rtol=1e-9)


def test_ten_times_the_weights_and_a_hundred_times_the_rate() -> None:
    x, losses = data(20, 7), {}
    for scale in (1.0, 10.0):
        w = mg.tensor(scale * data(5, 7, seed=3)).requires_grad_()
        optimizer, losses[scale] = optim.SGD([w], lr=0.3 * scale**2), []
        for _ in range(15):
            optimizer.zero_grad()
            loss = layer_and_loss(w, x)
            loss.backward()
            before, g = (w.detach() ** 2).sum().item(), (w.grad**2).sum().item()
            optimizer.step()
            assert (w.detach() ** 2).sum().item() == pytest.approx(before + (0.3 * scale**2) ** 2 * g, rel=1e-10)
            losses[scale].append(loss.item())
    np.testing.assert_allclose(losses[10.0], losses[1.0], rtol=1e-8)


# -- axes ----------------------------------------------------------------------------------------------------------------


def test_one_family() -> None:
    x = mg.tensor(data(3, 4, 5, 2))
    layer, instance = F.layer_norm(x, (4, 5, 2)), F.instance_norm(x)
    np.testing.assert_allclose(F.group_norm(x, 1).numpy(), layer.numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(F.group_norm(x, 4).numpy(), instance.numpy(), rtol=1e-10, atol=1e-12)
    alone = F.batch_norm(x[:1], None, None, training=True)
    np.testing.assert_allclose(alone.numpy(), instance.numpy()[:1], rtol=1e-10, atol=1e-12)


def test_the_paper_s_table_of_invariances() -> None:
    found = report("18_axes")
    assert held(found, "right in all 18 cells") == [True]
    assert found["verdict"] == "holds"


# -- numerics ------------------------------------------------------------------------------------------------------------


def test_weight_norm_has_no_gradient_along_v() -> None:
    layer = nn.utils.weight_norm(nn.Linear(6, 4, **F64))
    (layer(mg.tensor(data(9, 6))) ** 3).sum().backward()
    v, g = layer.weight_v.detach().numpy(), layer.weight_v.grad.numpy()
    np.testing.assert_allclose((v * g).sum(1), 0, atol=1e-11 * abs(g).max())


def test_dropout_before_batch_norm_shifts_the_variance() -> None:
    x, p = mg.tensor(data(200_000, 1)), 0.4
    ratio = F.dropout(x, p, training=True).var().item() / x.var().item()
    assert ratio == pytest.approx(1 + p / (1 - p) * (1 + 1.0**2 / 2.0**2), rel=0.02)


# -- what the labs find --------------------------------------------------------------------------------------------------


def test_undo_lab() -> None:
    found = report("11_undo")
    assert held(found, "undo it to rounding") == [True, True]
    assert held(found, "a fresh batch is given back") == [False]
    sizes, errors = found["measurements"]["sizes"], found["measurements"]["fresh_errors"]
    for run in errors:  # falls as 1/√B over two decades
        assert 0.8 < run[-1] / run[0] / math.sqrt(sizes[0] / sizes[-1]) < 1.2


def test_running_statistics_lab() -> None:
    found = report("13_running_statistics")
    assert held(found, "the running variance is the unbiased one") == [True] * 3
    assert held(found, "the same number means the same in both libraries") == [False]
    assert held(found, "steps to 1 %") == [True]


def test_noise_lab() -> None:
    found = report("15_noise")
    assert all(held(found, "the sd of the batch's"))
    assert held(found, "what comes through is") == [True]


def test_backward_lab() -> None:
    found = report("16_backward")
    assert held(found, "paths add up") == held(found, "the short form") == held(found, "an upper bound") == [True]
    assert held(found, "the gradient is smaller than γ/s · g") == [True]
    assert held(found, "the gradient is smaller than g, always") == [False]


def test_scale_invariance_lab() -> None:
    found = report("17_scale_invariance")
    assert held(found, "the same losses", "a = 10, ε = 1e-12") == [True]
    assert held(found, "the same losses", "a = 0.001, ε = 1e-05") == [False]
    assert held(found, "|w|² grows") == held(found, "forgets where it started") == [True]


def test_numerics_lab() -> None:
    found = report("19_numerics")
    assert held(found, "E[x²] − E[x]²", "mean 1e4") == [False]
    assert held(found, "dropout multiplies the variance") == [True]
