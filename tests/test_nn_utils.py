"""nn.utils and lazy layers: what reparametrised weights are, gradients that can't be clipped, errors, a recorded step."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import minigrad
from minigrad import nn
from minigrad.nn import utils
from minigrad.trace import record


def drawn(*shape, seed=0):
    return minigrad.tensor(np.random.default_rng(seed).standard_normal(shape))


# -- weights computed from others ----------------------------------------------------------------------------------------


def test_weight_norm_has_the_length_of_g():
    layer = utils.weight_norm(nn.Linear(4, 3))
    layer.weight_g.data = minigrad.tensor([[1.0], [2.0], [3.0]])
    layer(minigrad.ones(4))
    np.testing.assert_allclose(layer.weight.norm(dim=1).detach().numpy(), [1, 2, 3], rtol=1e-6)


def test_spectral_norm_finds_the_largest_singular_value():
    layer = utils.spectral_norm(nn.Linear(4, 3).double(), n_power_iterations=200)
    layer(minigrad.ones(4, dtype=minigrad.float64))
    assert minigrad.linalg.svdvals(layer.weight.detach())[0].item() == pytest.approx(1.0, rel=1e-8)


def test_weight_standardization():
    conv = nn.Conv2d(3, 4, 3).double()
    before, x = conv.weight.detach().clone(), drawn(2, 3, 6, 6)
    utils.weight_standardization(conv)
    assert list(conv.state_dict()) == ["bias", "weight_orig"]
    conv(x).sum().backward()
    rows = conv.weight.detach().reshape(4, -1).numpy()
    np.testing.assert_allclose(rows.mean(1), 0, atol=1e-12)
    np.testing.assert_allclose(rows.var(1), 1, rtol=1e-2)
    assert abs(conv.weight_orig.grad.sum((1, 2, 3)).numpy()).max() < 1e-9  # a shift of the weights changes nothing
    assert conv.weight_orig.equal(before)
    y = conv(x)
    utils.remove_weight_standardization(conv)
    assert isinstance(conv.weight, nn.Parameter) and sorted(conv.state_dict()) == ["bias", "weight"]
    np.testing.assert_allclose(conv(x).detach().numpy(), y.detach().numpy(), rtol=1e-12)


@pytest.mark.parametrize("wrap", [utils.weight_norm, utils.spectral_norm, utils.weight_standardization])
def test_a_recorded_step_with_computed_weights_replays(wrap):
    minigrad.manual_seed(0)
    by_hand = wrap(nn.Linear(4, 3).double())
    replayed = wrap(nn.Linear(4, 3).double())
    replayed.load_state_dict(by_hand.state_dict())

    def step(layer, x):
        layer.zero_grad()
        (layer(x) ** 2).sum().backward()
        utils.clip_grad_norm_(layer.parameters(), 0.5)
        with minigrad.no_grad():
            for p in layer.parameters():
                p.sub_(p.grad * 0.1)

    data = [drawn(5, 4, seed=k) for k in range(4)]
    for x in data:
        step(by_hand, x)
    with record() as program:
        step(replayed, data[0])
    for x in data[1:]:
        program.run({data[0]: x})
    for (key, a), b in zip(by_hand.state_dict().items(), replayed.state_dict().values(), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=0, atol=1e-12, err_msg=key)


def test_computed_weights_refuse_what_makes_no_sense():
    layer = utils.weight_norm(nn.Linear(4, 3))
    with pytest.raises(RuntimeError, match="computed by a hook already"):
        utils.spectral_norm(layer)
    with pytest.raises(ValueError, match="Linear has no parameter 'wait'"):
        utils.weight_norm(nn.Linear(4, 3), "wait")
    with pytest.raises(ValueError, match="SpectralNorm of 'weight' not found in Linear"):
        utils.remove_spectral_norm(layer)
    with pytest.raises(ValueError, match="n_power_iterations to be positive, got 0"):
        utils.spectral_norm(nn.Linear(4, 3), n_power_iterations=0)
    with pytest.raises(ValueError, match=r"weight_standardization: 'bias' must be \(out, in, ...\)"):
        utils.weight_standardization(nn.Linear(4, 3), "bias")


# -- gradients and vectors -----------------------------------------------------------------------------------------------


def test_clipping():
    p = minigrad.zeros(2, requires_grad=True)
    p.grad = minigrad.tensor([3.0, 4.0])
    assert utils.clip_grad_norm_(p, 1.0).item() == 5.0
    np.testing.assert_allclose(p.grad.numpy(), [0.6, 0.8], rtol=1e-6)
    assert utils.clip_grad_norm_([], 1.0).item() == 0
    p.grad = minigrad.tensor([3.0, float("nan")])
    with pytest.raises(RuntimeError, match=r"total norm of order 2.0 is non-finite \(nan\)"):
        utils.clip_grad_norm_(p, 1.0, error_if_nonfinite=True)
    utils.clip_grad_value_(p, 2.0)
    assert p.grad[0].item() == 2.0


def test_vectors():
    net = nn.Linear(3, 2)
    v = utils.parameters_to_vector(net.parameters())
    assert v.shape == (8,) and v.requires_grad
    utils.vector_to_parameters(minigrad.arange(8.0), net.parameters())
    assert net.bias.tolist() == [6, 7] and net.weight.requires_grad
    with pytest.raises(RuntimeError, match=r"vec must be \(8,\), one number for each of the parameters', got \(7,\)"):
        utils.vector_to_parameters(minigrad.zeros(7), net.parameters())


def test_fusion_asks_for_evaluation():
    conv, bn = nn.Conv1d(2, 3, 1), nn.BatchNorm1d(3)
    with pytest.raises(ValueError, match="fusion only for eval"):
        utils.fuse_conv_bn_eval(conv, bn)
    with pytest.raises(ValueError, match="no running statistics"):
        utils.fuse_conv_bn_eval(conv.eval(), nn.BatchNorm1d(3, track_running_stats=False).eval())


# -- lazy layers ---------------------------------------------------------------------------------------------------------


def test_lazy_network_trains_with_an_optimizer_made_before():
    minigrad.manual_seed(0)
    net = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))
    optimizer = minigrad.optim.SGD(net.parameters(), lr=0.1)
    x = minigrad.randn(3, 2, 5, 5)
    copy.deepcopy(net)(x)  # a copy settles on its own
    assert type(net[0]) is nn.LazyConv2d
    losses = []
    for _ in range(5):
        optimizer.zero_grad()
        loss = nn.CrossEntropyLoss()(net(x), minigrad.tensor([0, 1, 0]))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    assert repr(net[4]) == "Linear(in_features=36, out_features=2, bias=True)"


@pytest.mark.parametrize(("lazy", "whole", "shape"), [
    (lambda: nn.LazyLinear(3), lambda: nn.Linear(4, 3), (2, 4)),
    (lambda: nn.LazyConv2d(3, 2), lambda: nn.Conv2d(4, 3, 2), (2, 4, 5, 5)),
    (lambda: nn.LazyConvTranspose1d(3, 2), lambda: nn.ConvTranspose1d(4, 3, 2), (2, 4, 5)),
])  # fmt: skip
def test_a_lazy_layer_draws_no_number_before_its_first_input(lazy, whole, shape):
    minigrad.manual_seed(3)
    drawn = [p.tolist() for p in whole().parameters()]
    minigrad.manual_seed(3)
    layer = lazy()
    layer.reset_parameters()
    layer(minigrad.ones(*shape))
    assert [p.tolist() for p in layer.parameters()] == drawn


def test_lazy_convolution_of_channels_that_do_not_divide():
    with pytest.raises(ValueError, match="in_channels must be divisible by groups, got 3 and 2"):
        nn.LazyConv1d(4, 1, groups=2)(minigrad.ones(1, 3, 5))


def test_sync_batch_norm_is_batch_norm_and_has_no_groups():
    x, sync, bn = drawn(4, 3, 5), nn.SyncBatchNorm(3).double(), nn.BatchNorm1d(3).double()
    np.testing.assert_allclose(sync(x).detach().numpy(), bn(x).detach().numpy(), rtol=1e-12)
    with pytest.raises(NotImplementedError, match="there are no process groups"):
        nn.SyncBatchNorm(3, process_group=object())
