"""Layers without another framework: batch norm's rules, first values, and the messages of wrong arguments."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad
import minigrad.nn as nn
import minigrad.nn.functional as F
from minigrad.trace import record

# -- batch norm's rules ---------------------------------------------------------------------------------


def test_batch_norm_normalises_by_the_biased_and_keeps_the_unbiased_variance():
    bn = nn.BatchNorm1d(2, eps=0.0, momentum=0.25)
    x = minigrad.tensor([[1.0, 0.0], [3.0, 4.0], [5.0, 8.0]])
    y = bn(x).detach().numpy()
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose((y**2).mean(axis=0), 1, rtol=1e-6)
    np.testing.assert_allclose(bn.running_mean.numpy(), [0.75, 1.0])
    np.testing.assert_allclose(bn.running_var.numpy(), [0.75 + 0.25 * 4, 0.75 + 0.25 * 16])
    assert bn.num_batches_tracked.item() == 1
    bn.eval()(x)
    assert bn.num_batches_tracked.item() == 1


def test_batch_norm_without_momentum_averages_over_all_batches():
    bn = nn.BatchNorm1d(3, momentum=None).double()
    batches = np.random.default_rng(0).standard_normal((4, 6, 3))
    for batch in batches:
        bn(minigrad.tensor(batch))
    np.testing.assert_allclose(bn.running_mean.numpy(), batches.mean(axis=(0, 1)), rtol=1e-12)
    np.testing.assert_allclose(bn.running_var.numpy(), batches.var(axis=1, ddof=1).mean(axis=0), rtol=1e-12)


def test_batch_norm_without_running_statistics():
    bn = nn.BatchNorm2d(2, affine=False, track_running_stats=False)
    assert bn.running_mean is None and bn.num_batches_tracked is None and not bn.state_dict()
    x = minigrad.randn(3, 2, 4, 4)
    np.testing.assert_array_equal(bn(x).numpy(), bn.eval()(x).numpy())


def test_batch_norm_on_one_value_per_channel_teaches_and_changes_nothing():
    bn = nn.BatchNorm1d(4)
    with pytest.raises(
        ValueError, match=r"Expected more than 1 value per channel when training, got input size \(1, 4\).*drop_last"
    ):
        bn(minigrad.randn(1, 4))
    assert bn.num_batches_tracked.item() == 0 and (bn.running_mean == 0).all()
    assert bn.eval()(minigrad.randn(1, 4)).shape == (1, 4)


def test_batch_norm_arguments_and_inputs_are_checked():
    with pytest.raises(ValueError, match=r"BatchNorm2d: expected input \(N, C, H, W\), got 2D input of shape \(3, 4\)"):
        nn.BatchNorm2d(4)(minigrad.randn(3, 4))
    with pytest.raises(RuntimeError, match=r"batch_norm: running_mean must be \(C\) = \(5,\), got \(4,\)"):
        nn.BatchNorm1d(4)(minigrad.randn(3, 5))
    for bad in (float("nan"), -0.1, 1.5):
        with pytest.raises(ValueError, match="momentum must be in 0 ... 1"):
            nn.BatchNorm1d(4, momentum=bad)
    with pytest.raises(ValueError, match="eps must not be negative"):
        nn.BatchNorm1d(4, eps=-1.0)


@pytest.mark.parametrize("momentum", [0.1, None])
def test_a_recorded_step_with_dropout_and_batch_norm_replays(momentum):
    """Two copies, one trained by hand and one by replaying a recorded step, stay equal."""

    def make():
        minigrad.manual_seed(3)
        net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8, momentum=momentum), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 3))
        return net.double()

    def step(net, x, t):
        net.zero_grad()
        loss = nn.CrossEntropyLoss()(net(x), t)
        loss.backward()
        with minigrad.no_grad():
            for p in net.parameters():
                p.sub_(p.grad * 0.1)
        return loss

    rng = np.random.default_rng(0)
    data = [(rng.standard_normal((6, 4)), rng.integers(0, 3, 6)) for _ in range(5)]
    by_hand, replayed = make(), make()
    minigrad.manual_seed(11)
    for x, t in data:
        step(by_hand, minigrad.tensor(x), minigrad.tensor(t))
    minigrad.manual_seed(11)
    x, t = minigrad.tensor(data[0][0]), minigrad.tensor(data[0][1])
    with record() as program:
        step(replayed, x, t)
    for more, labels in data[1:]:
        program.run({x: minigrad.tensor(more), t: minigrad.tensor(labels)})
    for (key, a), b in zip(by_hand.state_dict().items(), replayed.state_dict().values(), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=0, atol=1e-12, err_msg=key)


# -- layers' arguments ----------------------------------------------------------------------------------


def test_default_bounds():
    layer = nn.Linear(16, 200)
    w, b = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    assert 0.24 < np.abs(w).max() <= 0.25 and 0.23 < np.abs(b).max() <= 0.25
    conv = nn.Conv2d(8, 64, 3, groups=2)
    assert np.abs(conv.weight.detach().numpy()).max() <= 1 / 6
    assert not nn.Embedding(5, 3, padding_idx=-2).weight[3].detach().numpy().any()
    assert np.all(nn.PReLU(3).weight.detach().numpy() == 0.25)


def test_layers_take_device_and_dtype():
    assert nn.Linear(2, 3, dtype=minigrad.float64).bias.dtype is minigrad.float64
    assert nn.BatchNorm1d(2, dtype=minigrad.float64, device="cpu").running_var.dtype is minigrad.float64


@pytest.mark.parametrize(("make", "kind", "message"), [
    (lambda: nn.Linear(2.5, 3), TypeError, "Linear: in_features must be an int, got 2.5"),
    (lambda: nn.Linear(-1, 3), ValueError, "Linear: in_features must not be negative, got -1"),
    (lambda: nn.Conv2d(3, 4, 0), ValueError, "Conv2d: kernel_size must be at least 1, got 0"),
    (lambda: nn.Conv2d(3, 4, (1, 2, 3)), TypeError, "Conv2d: kernel_size must be an int or a tuple of 2 ints"),
    (lambda: nn.Conv2d(3, 4, 3, groups=2), ValueError, "Conv2d: in_channels must be divisible by groups, got 3 and 2"),
    (lambda: nn.Conv2d(3, 4, 3, padding="odd"), ValueError, "padding must be an int, a tuple, 'same' or 'valid', got "
                                                            "'odd'"),
    (lambda: nn.Conv2d(3, 4, 3, 2, padding="same"), ValueError, "padding='same' is not supported for strided"),
    (lambda: nn.Conv2d(3, 4, 3, padding_mode="odd"), ValueError, "Conv2d: padding_mode must be one of zeros"),
    (lambda: nn.ConvTranspose2d(3, 4, 3, padding_mode="reflect"), ValueError, "padding_mode must be one of zeros, got"),
    (lambda: nn.Dropout(1.5), ValueError, "dropout probability has to be between 0 and 1, but got 1.5"),
    (lambda: nn.GroupNorm(4, 6), ValueError, "num_channels must be divisible by num_groups, got 6 and 4"),
    (lambda: nn.Embedding(4, 2, padding_idx=4), ValueError, "padding_idx must be within num_embeddings = 4, got 4"),
    (lambda: nn.CrossEntropyLoss(reduction="avg"), ValueError, "'avg' is not a valid value for reduction"),
    (lambda: nn.CrossEntropyLoss(label_smoothing=2), ValueError, "label_smoothing must be between 0.0 and 1.0, got 2"),
    (lambda: nn.HuberLoss(delta=0), ValueError, "delta must be positive, got 0"),
    (lambda: nn.Hardtanh(1.0, -1.0), ValueError, "max_val must be larger than min_val"),
    (lambda: nn.Unflatten(1, 3), TypeError, "unflattened_size must be a tuple of ints, got 3"),
    (lambda: nn.init.kaiming_normal_(minigrad.zeros(3)), ValueError, "fewer than 2 dimensions"),
    (lambda: nn.init.calculate_gain("relu7"), ValueError, "Unsupported nonlinearity 'relu7'"),
    (lambda: nn.init.orthogonal_(minigrad.zeros(3)), ValueError, "2 or more dimensions"),
])  # fmt: skip
def test_wrong_arguments_are_refused_when_given(make, kind, message):
    with pytest.raises(kind) as error:
        make()
    assert message in str(error.value)


def test_transposed_convolution_refuses_an_impossible_output_size():
    with pytest.raises(ValueError, match=r"requested an output size of \(20, 7\), but valid sizes range from \[9, 7\]"):
        nn.ConvTranspose2d(4, 6, 3, 2, 1)(minigrad.randn(2, 4, 5, 4), output_size=(20, 7))


def test_embedding_from_pretrained():
    table = minigrad.randn(4, 3)
    layer = nn.Embedding.from_pretrained(table)
    assert not layer.weight.requires_grad and layer.weight.array is table.array
    assert nn.Embedding.from_pretrained(table, freeze=False).weight.requires_grad


def test_initialisers_work_on_parameters_and_return_them():
    w = nn.Parameter(minigrad.zeros(3, 4))
    for name in ("uniform_", "normal_", "trunc_normal_", "ones_", "zeros_", "eye_", "xavier_uniform_", "xavier_normal_",
                 "kaiming_uniform_", "kaiming_normal_", "orthogonal_"):  # fmt: skip
        assert getattr(nn.init, name)(w) is w and w.is_leaf and w.requires_grad
    assert nn.init.constant_(w, 2.5)[0, 0].item() == 2.5
    g = minigrad.Generator().manual_seed(5)
    first = nn.init.normal_(minigrad.zeros(4), generator=g).numpy().copy()
    assert (nn.init.normal_(minigrad.zeros(4), generator=g.manual_seed(5)).numpy() == first).all()
    with pytest.warns(UserWarning, match="zero-element tensors is a no-op"):
        nn.init.kaiming_uniform_(minigrad.zeros(0, 4))
    with pytest.warns(UserWarning, match="mean is more than 2 std from"):
        nn.init.trunc_normal_(minigrad.zeros(4), mean=9.0)


def test_a_network_runs_on_any_array_namespace():
    """The same step in the strict Array API, so nothing here leans on NumPy alone."""
    device = str(minigrad.backends.array_api(pytest.importorskip("array_api_strict")).device)
    layers = [
        nn.Conv2d(1, 4, 3, padding="same"),
        nn.BatchNorm2d(4, momentum=None),
        nn.GELU(),
        nn.AvgPool2d(3, 2, 1, True),
    ]
    layers += [nn.MaxPool2d(2), nn.Flatten(), nn.LayerNorm(16), nn.ELU(), nn.Linear(16, 10)]
    net = nn.Sequential(*layers).double()
    x, t = minigrad.randn(5, 1, 8, 8, dtype=minigrad.float64), minigrad.randint(0, 10, (5,))
    state = {k: v.clone() for k, v in net.state_dict().items()}
    gradients = []
    for place in ("cpu", device):
        net.to(place).load_state_dict(state)
        net.zero_grad()
        nn.CrossEntropyLoss(label_smoothing=0.1)(net(x.to(place)), t.to(place)).backward()
        gradients.append([p.grad.cpu().numpy() for p in net.parameters()])
    for a, b in zip(*gradients, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_instance_norm_takes_other_channels_where_it_keeps_nothing_of_them():
    x = minigrad.randn(2, 4, 3)
    with pytest.warns(UserWarning, match=r"InstanceNorm1d: expected 5 channels, got input \(2, 4, 3\)"):
        y = nn.InstanceNorm1d(5)(x)
    np.testing.assert_array_equal(y.numpy(), nn.InstanceNorm1d(4)(x).numpy())
    for options in ({"affine": True}, {"track_running_stats": True}):
        with pytest.raises(ValueError, match="expected 5 channels"):
            nn.InstanceNorm1d(5, **options)(x)


def test_whole_numbers_stay_whole_between_borders():
    x = minigrad.tensor([-3, 1, 9])
    for y, expected in ((F.relu6(x), [0, 1, 6]), (nn.Hardtanh()(x), [-1, 1, 1]), (F.hardtanh(x, -1.5, 2.5), [-1, 1, 2])):
        assert y.dtype is minigrad.int64 and y.tolist() == expected
