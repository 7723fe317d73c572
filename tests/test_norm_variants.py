"""The normalization family: identities between its members, batch renorm, noise, freezing, statistics, Keras' momentum."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest

import minigrad
from minigrad import nn
from minigrad.trace import record


def drawn(*shape, seed=0):
    return minigrad.tensor(np.random.default_rng(seed).standard_normal(shape) * 2 + 0.7)


def close(a, b, tol=1e-10):
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=tol, atol=tol)


# -- identities ----------------------------------------------------------------------------------------------------------


def test_group_norm_of_one_group_is_layer_norm():
    x = drawn(4, 6, 5, 3)
    close(nn.GroupNorm(1, 6).double()(x), nn.LayerNorm((6, 5, 3)).double()(x))


def test_group_norm_of_single_channels_is_instance_norm():
    x = drawn(4, 6, 5, 3)
    close(nn.GroupNorm(6, 6).double()(x), nn.InstanceNorm2d(6).double()(x))


def test_batch_norm_of_one_case_is_instance_norm():
    x = drawn(1, 6, 5, 3)
    close(nn.BatchNorm2d(6).double()(x), nn.InstanceNorm2d(6).double()(x))


def test_batch_norm_is_undone_by_its_own_scale_and_shift():
    x, bn = drawn(4, 6, 5, 3), nn.BatchNorm2d(6).double()
    bn.weight.data = (x.var((0, 2, 3), correction=0) + bn.eps).sqrt()
    bn.bias.data = x.mean((0, 2, 3))
    close(bn(x), x)


def test_batch_norm_forgets_scale_and_shift_of_its_input():
    x, bn = drawn(4, 6, 5, 3), nn.BatchNorm2d(6, eps=0.0).double()
    close(bn(x), bn(x * 3.5 + 2))


# -- batch renorm --------------------------------------------------------------------------------------------------------


def test_batch_renorm_without_room_is_batch_norm():
    renorm, bn = nn.BatchRenorm2d(3, r_max=1, d_max=0).double(), nn.BatchNorm2d(3).double()
    for k in range(3):
        x, z = (drawn(4, 3, 5, 2, seed=k).requires_grad_() for _ in range(2))
        y, u = renorm(x), bn(z)
        close(y, u)
        (y * y * y).sum().backward(), (u * u * u).sum().backward()
        close(x.grad, z.grad, 1e-8)
    assert list(renorm.state_dict()) == list(bn.state_dict())
    for key, value in bn.state_dict().items():
        close(renorm.state_dict()[key], value)


def test_batch_renorm_with_room_gives_what_evaluation_gives():
    layer, x = nn.BatchRenorm1d(3, r_max=1e9, d_max=1e9).double(), drawn(8, 3)
    layer.running_mean.copy_(drawn(3, seed=1)), layer.running_var.copy_(drawn(3, seed=2) ** 2 + 0.1)
    before = copy.deepcopy(layer).eval()
    close(layer(x), before(x))


def test_batch_renorm_limits_and_gradient():
    layer = nn.BatchRenorm1d(1, eps=0.0, affine=False, r_max=2.0, d_max=0.5).double()
    x = minigrad.tensor([[0.0], [20.0]], dtype=minigrad.float64, requires_grad=True)  # mean 10, deviation 10
    y = layer(x)
    assert y.tolist() == [[-1.5], [2.5]]  # (x - 10)/10 * 2 + 0.5
    (y[1, 0] * 3).backward()  # r and d are constants to it: what is left is batch norm's, which is 0 for two cases
    close(x.grad, minigrad.zeros(2, 1, dtype=minigrad.float64))
    with pytest.raises(ValueError, match="expected r_max >= 1 and d_max >= 0, got 0.5 and 5.0"):
        nn.BatchRenorm1d(1, r_max=0.5)


# -- noise ---------------------------------------------------------------------------------------------------------------


def test_noisy_batch_norm():
    minigrad.manual_seed(0)
    layer, bn, x = nn.NoisyBatchNorm2d(40, jitter=0.0).double(), nn.BatchNorm2d(40).double(), drawn(64, 40, 4, 4)
    clean = bn(x)
    ys = [layer(x) for _ in range(2)]
    for y in ys:
        shift, scale = y.mean((0, 2, 3)), y.std((0, 2, 3), correction=0)
        assert shift.abs().max().item() <= 0.5 and shift.abs().max().item() > 0.4
        assert 0.999 < scale.min().item() < 1.05 and 1.2 < scale.max().item() <= 1.25
        close(
            y,
            clean * scale.reshape(1, -1, 1, 1) / clean.std((0, 2, 3), keepdim=True, correction=0) + shift.reshape(1, -1, 1, 1),
            1e-6,
        )
    assert (ys[0] - ys[1]).abs().min(0)[0].max().item() > 0.01  # each step has its own
    bn(x)
    close(layer.eval()(x), bn.eval()(x))


def test_noisy_batch_norm_jitters_each_case():
    minigrad.manual_seed(0)
    layer, x = nn.NoisyBatchNorm1d(2, noise_mean=0.0, noise_std=1.0).double(), drawn(4000, 2)
    noise = layer(x) - nn.BatchNorm1d(2).double()(x)
    # uniform within 0.1, and normal of deviation 0.1 times a value of variance 1
    assert noise.var().item() == pytest.approx(0.1**2 / 3 + 0.1**2, rel=0.1)
    with pytest.raises(ValueError, match="noise_std >= 1"):
        nn.NoisyBatchNorm1d(2, noise_std=0.5)


@pytest.mark.parametrize("layer", [nn.BatchRenorm1d, nn.NoisyBatchNorm1d])
def test_a_recorded_step_replays(layer):
    """Noise is drawn anew and statistics move on, as by hand."""
    data = [drawn(6, 3, seed=k) for k in range(4)]
    states = []
    for replays in (False, True):
        minigrad.manual_seed(5)
        bn = layer(3, momentum=None).double()

        def step(x, bn=bn):
            bn.zero_grad()
            (bn(x) ** 3).sum().backward()
            with minigrad.no_grad():
                for p in bn.parameters():
                    p.sub_(p.grad * 0.01)

        with record() as program:
            step(data[0])
        for x in data[1:]:
            program.run({data[0]: x}) if replays else step(x)
        states.append(bn.state_dict())
    for key, value in states[0].items():
        close(states[1][key], value, 1e-12)


def test_batch_renorm_of_one_value():
    with pytest.raises(ValueError, match="BatchRenorm1d: Expected more than 1 value per channel"):
        nn.BatchRenorm1d(3)(minigrad.ones(1, 3))


# -- freezing and statistics ---------------------------------------------------------------------------------------------


def network():
    minigrad.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Dropout(0.5), nn.Linear(5, 2), nn.BatchNorm1d(2)).double()


def test_freezing_survives_train():
    net, x = network(), drawn(6, 4)
    net(x)
    nn.utils.freeze_batch_norm(net)
    before = {k: v.clone() for k, v in net[1].state_dict().items()}
    net.train()
    h = net[0](x)
    assert net[1].training
    close(net[1](h), copy.deepcopy(net[1]).eval()(h))
    for key, value in before.items():
        close(net[1].state_dict()[key], value)
    assert not any(p.requires_grad for p in net[1].parameters()) and net[0].weight.requires_grad
    nn.utils.unfreeze_batch_norm(net)
    net(x)
    assert net[1].num_batches_tracked.item() == 2 and all(p.requires_grad for p in net.parameters())


def test_recomputed_statistics_are_plain_averages():
    net = network()
    net[1].momentum = 0.3
    batches = [drawn(6, 4, seed=k) for k in range(4)]
    net(batches[0])
    nn.utils.freeze_batch_norm(net, affine=False)
    parameters = [p.detach().clone() for p in net.parameters()]
    nn.utils.recompute_running_stats(net, [(x, None) for x in batches])
    hidden = [net[0](x) for x in batches]
    close(net[1].running_mean, sum(h.mean(0) for h in hidden) / 4)
    close(net[1].running_var, sum(h.var(0) for h in hidden) / 4)
    assert net.training and all(m.training for m in net) and net[1].momentum == 0.3 and net[1].frozen
    for p, q in zip(net.parameters(), parameters, strict=True):
        close(p, q)
    with pytest.raises(ValueError, match="the loader gave no batch"):
        nn.utils.recompute_running_stats(net, [])


def test_momentum_as_keras_means_it():
    assert nn.utils.momentum_from_keras(0.99) == pytest.approx(0.01)
    with pytest.raises(ValueError, match=r"momentum must be in 0 ... 1, got 1.5"):
        nn.utils.momentum_from_keras(1.5)
    for momentum in (0.5, 0.9):
        with pytest.warns(UserWarning, match=r"looks like Keras' convention.*momentum_from_keras\(0.9\) is 0.1"):
            nn.BatchNorm1d(3, momentum=momentum)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.BatchNorm2d(3, momentum=0.49)
        nn.BatchNorm2d(3, momentum=0.1)
