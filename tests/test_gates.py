"""Layers that PyTorch lacks: gates, further cells, the chain's random field, batch norm that decorrelates, and others."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import minigrad
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.autograd import gradcheck

RNG = np.random.default_rng(0)


def double(*shape: int) -> minigrad.Tensor:
    return minigrad.tensor(RNG.standard_normal(shape), requires_grad=True)


def s(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def bare(x: Any) -> np.ndarray:
    return x.detach().numpy()


def test_maxout_and_crelu() -> None:
    x = double(4, 6)
    np.testing.assert_array_equal(bare(F.maxout(x, 3)), bare(x).reshape(4, 2, 3).max(2))
    np.testing.assert_array_equal(bare(F.maxout(x, 2, 0)), bare(x).reshape(2, 2, 6).max(1))
    np.testing.assert_array_equal(bare(F.crelu(x)), np.hstack([np.maximum(bare(x), 0), np.maximum(-bare(x), 0)]))
    assert gradcheck(lambda x: F.maxout(F.crelu(x, -1), 4), (x,)) and nn.CReLU(0)(x).shape == (8, 6)
    layer = nn.Maxout(6, 5, 3)
    y = bare(layer(x.float()))
    np.testing.assert_array_equal(y, bare(layer.linear(x.float())).reshape(4, 5, 3).max(2))
    assert repr(layer).startswith("Maxout(\n  pool_size=3\n  (linear): Linear(in_features=6, out_features=15")


def test_highway_begins_close_to_the_identity() -> None:
    layer, x = nn.Highway(6, minigrad.tanh), minigrad.randn(4, 6)
    gate = s(bare(layer.gate(x)))
    np.testing.assert_allclose(
        bare(layer(x)), gate * np.tanh(bare(layer.plain(x))) + (1 - gate) * x.numpy(), rtol=1e-5, atol=1e-6
    )
    assert (layer.gate.bias == -1).all() and gate.mean() < 0.4


def test_zoneout_keeps_what_was() -> None:
    minigrad.manual_seed(0)
    new, old = minigrad.ones(20_000), minigrad.zeros(20_000)
    layer = nn.Zoneout(0.3)
    y = layer(new, old)
    assert set(y.unique().tolist()) == {0.0, 1.0} and y.mean().item() == pytest.approx(0.7, abs=0.02)
    np.testing.assert_allclose(layer.eval()(new, old).numpy(), 0.7, rtol=1e-6)
    assert (F.zoneout(new, old, 1.0) == old).all() and (F.zoneout(new, old, 0.0) == new).all()


def test_dropconnect_drops_weights() -> None:
    minigrad.manual_seed(0)
    layer = nn.DropConnect(40, 50, 0.25, bias=False)
    seen = layer(minigrad.eye(40)) / layer.weight.T
    values = {round(v, 4) for v in seen.unique().tolist()}
    assert values == {0.0, round(1 / 0.75, 4)} and (seen == 0).float().mean().item() == pytest.approx(0.25, abs=0.03)
    x = minigrad.randn(3, 40)
    np.testing.assert_array_equal(bare(layer.eval()(x)), bare(F.linear(x, layer.weight)))
    net = nn.Sequential(layer.train(), nn.ReLU())
    assert (net(x) >= 0).all() and not minigrad.equal(net(x), net(x))


def test_the_peephole_lstm_by_its_formula() -> None:
    cell, x, h, c = nn.PeepholeLSTMCell(4, 3).double(), double(2, 4), double(2, 3), double(2, 3)
    w, u, p = bare(cell.weight_ih), bare(cell.weight_hh), bare(cell.weight_ch)
    a = bare(x) @ w.T + bare(cell.bias_ih) + bare(h) @ u.T + bare(cell.bias_hh)
    i, f, g, o = np.split(a, 4, 1)
    new = s(f + p[1] * bare(c)) * bare(c) + s(i + p[0] * bare(c)) * np.tanh(g)
    found = cell(x, (h, c))
    np.testing.assert_allclose(bare(found[1]), new, rtol=1e-12)
    np.testing.assert_allclose(bare(found[0]), s(o + p[2] * new) * np.tanh(new), rtol=1e-12)
    assert gradcheck(lambda *t: cell(t[0], (t[1], t[2])), (x, h, c)) and cell(x[0])[0].shape == (3,)


def test_the_minimal_gated_unit_by_its_formula() -> None:
    cell, x, h = nn.MGUCell(4, 3).double(), double(2, 4), double(2, 3)
    (w_f, w_n), (u_f, u_n) = np.split(bare(cell.weight_ih), 2), np.split(bare(cell.weight_hh), 2)
    (b_f, b_n), (d_f, d_n) = np.split(bare(cell.bias_ih), 2), np.split(bare(cell.bias_hh), 2)
    f = s(bare(x) @ w_f.T + b_f + bare(h) @ u_f.T + d_f)
    n = np.tanh(bare(x) @ w_n.T + b_n + (f * bare(h)) @ u_n.T + d_n)
    np.testing.assert_allclose(bare(cell(x, h)), (1 - f) * bare(h) + f * n, rtol=1e-12)
    assert gradcheck(cell, (x, h)) and nn.MGUCell(4, 3, bias=False)(x.float()).shape == (2, 3)


def test_the_lstm_of_trees_by_its_formula() -> None:
    cell, x, h, c = nn.TreeLSTMCell(4, 3).double(), double(2, 4), double(2, 5, 3), double(2, 5, 3)
    a = bare(x) @ bare(cell.weight_ih).T + bare(cell.bias)
    i, o, u = np.split(a[:, :9] + bare(h).sum(1) @ bare(cell.weight_hh).T, 3, 1)
    forget = s(a[:, None, 9:] + bare(h) @ bare(cell.weight_fh).T)
    new = s(i) * np.tanh(u) + (forget * bare(c)).sum(1)
    found = cell(x, (h, c))
    np.testing.assert_allclose(bare(found[1]), new, rtol=1e-12)
    np.testing.assert_allclose(bare(found[0]), s(o) * np.tanh(new), rtol=1e-12)
    assert gradcheck(lambda *t: cell(t[0], (t[1], t[2])), (x, h, c))
    leaf, none = cell(x), cell(x, (h[:, :0], c[:, :0]))
    np.testing.assert_allclose(bare(leaf[0]), bare(none[0]), rtol=1e-12)
    padded = cell(x, (minigrad.zeros(2, 2, 3).double(), minigrad.zeros(2, 2, 3).double()))
    np.testing.assert_allclose(bare(leaf[1]), bare(padded[1]), rtol=1e-12)


def scores(crf: nn.CRF, emissions: np.ndarray) -> dict[tuple, float]:
    """The score of every sequence of tags, one by one; (T, num_tags)."""
    start, end, moves = (bare(p) for p in (crf.start_transitions, crf.end_transitions, crf.transitions))
    return {tags: start[tags[0]] + emissions[range(len(tags)), tags].sum() + moves[tags[:-1], tags[1:]].sum() + end[tags[-1]]
            for tags in itertools.product(range(crf.num_tags), repeat=len(emissions))}  # fmt: skip


@pytest.mark.parametrize("batch_first", [False, True])
def test_the_random_field_against_all_sequences(batch_first: bool) -> None:
    crf, lengths = nn.CRF(3, batch_first).double(), [4, 2, 1]
    minigrad.nn.init.normal_(crf.transitions)
    emissions, tags = double(4, 3, 3), minigrad.tensor(RNG.integers(0, 3, (4, 3)))
    mask = minigrad.tensor([[t < length for length in lengths] for t in range(4)])
    tags[~mask] = -100  # what lies behind the end is not looked at
    expected, best = [], []
    for k, length in enumerate(lengths):
        table = scores(crf, bare(emissions)[:length, k])
        expected.append(table[tuple(tags[:length, k].tolist())] - np.log(np.exp(list(table.values())).sum()))
        best.append(list(max(table, key=table.__getitem__)))

    def given(*ts: Any) -> tuple:
        return tuple(t.transpose(0, 1) for t in ts) if batch_first else ts

    np.testing.assert_allclose(bare(crf(*given(emissions, tags, mask), "none")), expected, rtol=1e-10)
    assert crf(*given(emissions, tags, mask)).item() == pytest.approx(sum(expected))
    assert crf(*given(emissions, tags, mask), "token_mean").item() == pytest.approx(sum(expected) / 7)
    assert crf.decode(*given(emissions, mask)) == best
    assert gradcheck(lambda x, *p: crf(*given(x, tags, mask)), (emissions, *crf.parameters()))
    assert len(crf.decode(*given(emissions))[0]) == 4


def test_a_random_field_learns_what_follows_what() -> None:
    minigrad.manual_seed(0)
    tags = minigrad.arange(30).reshape(10, 3) % 5  # after each tag comes the third next
    crf, emissions = nn.CRF(5), minigrad.zeros(10, 3, 5)
    opt = minigrad.optim.Adam(crf.parameters(), lr=0.1)
    for _ in range(60):
        opt.zero_grad()
        loss = -crf(emissions, tags, reduction="mean")
        loss.backward()
        opt.step()
    path = crf.decode(emissions)[0]
    assert loss.item() < 3 and all((b - a) % 5 == 3 for a, b in itertools.pairwise(path))


def test_decorrelated_batch_norm_whitens() -> None:
    minigrad.manual_seed(0)
    x = minigrad.randn(500, 6, 2) * minigrad.tensor([1.0, 3, 0.5, 1, 1, 2]).reshape(6, 1) + 3
    x = x + 0.7 * x.roll(1, 1)
    layer = nn.DecorrelatedBatchNorm(6, groups=2, iterations=12, momentum=1.0)
    y = bare(layer(x)).transpose(1, 0, 2).reshape(6, -1)
    np.testing.assert_allclose(y.mean(1), 0, atol=1e-5)
    for group in (y[:3], y[3:]):
        np.testing.assert_allclose(np.cov(group, bias=True), np.eye(3), atol=2e-3)
    assert abs(np.corrcoef(y)[:3, 3:]).max() > 0.1  # what is between groups stays
    again = bare(layer.eval()(x)).transpose(1, 0, 2).reshape(6, -1)
    np.testing.assert_allclose(again, y, atol=1e-4)  # the running values are this batch's
    assert layer.num_batches_tracked.item() == 1
    few = nn.DecorrelatedBatchNorm(6, iterations=1)(x)
    assert abs(np.cov(bare(few).transpose(1, 0, 2).reshape(6, -1)) - np.eye(6)).max() > 0.1


def test_decorrelated_batch_norm_has_a_gradient_where_eigenvalues_coincide() -> None:
    x = minigrad.tensor([[1.0, 0], [-1, 0], [0, 1], [0, -1]], dtype=minigrad.float64, requires_grad=True)
    weight = minigrad.tensor(RNG.standard_normal((4, 2)))
    assert gradcheck(lambda x: nn.DecorrelatedBatchNorm(2).double()(x) * weight, (x,))
    layer = nn.DecorrelatedBatchNorm(4, 2, affine=False)
    assert not list(layer.parameters()) and layer(minigrad.randn(8, 4)).shape == (8, 4)


def test_a_locally_connected_layer_by_its_patches() -> None:
    layer, x = nn.LocallyConnected2d(2, 3, (5, 6), (3, 2), (2, 1), (1, 0)).double(), double(4, 2, 5, 6)
    padded = np.pad(bare(x), ((0, 0), (0, 0), (1, 1), (0, 0)))
    weight, expected = bare(layer.weight).reshape(3, 5, 3, 2, 3, 2), np.zeros((4, 3, 3, 5))
    for i, j in np.ndindex(3, 5):
        patch = padded[:, :, 2 * i : 2 * i + 3, j : j + 2]
        expected[:, :, i, j] = np.einsum("nckl,ockl->no", patch, weight[i, j]) + bare(layer.bias)[:, i, j]
    np.testing.assert_allclose(bare(layer(x)), expected, rtol=1e-10, atol=1e-12)
    assert gradcheck(layer, (x,)) and layer.output_size == (3, 5)
    conv = nn.Conv2d(2, 3, (3, 2), (2, 1), (1, 0)).double()  # of which it is the general case
    with minigrad.no_grad():
        layer.weight.copy_(conv.weight.reshape(1, 3, -1))
        layer.bias.copy_(conv.bias.reshape(3, 1, 1))
    np.testing.assert_allclose(bare(layer(x)), bare(conv(x)), rtol=1e-10, atol=1e-12)


def test_a_pyramid_makes_images_of_any_size_one() -> None:
    pool = nn.SpatialPyramidPool2d((1, 3))
    assert pool(minigrad.ones(2, 4, 7, 9)).shape == pool(minigrad.ones(2, 4, 30, 5)).shape == (2, 40)
    x = minigrad.arange(16.0).reshape(1, 1, 4, 4)
    assert nn.SpatialPyramidPool2d((1, 2))(x).tolist() == [[15, 5, 7, 13, 15]]
    assert nn.SpatialPyramidPool2d((2,), "avg")(x).tolist() == [[2.5, 4.5, 10.5, 12.5]]


def test_negative_sampling_is_the_sum_of_its_terms() -> None:
    minigrad.manual_seed(0)
    layer = nn.NegativeSamplingLoss(3, [0, 0, 16, 0], samples=4, reduction="none").double()  # so that class 2 is drawn alone
    nn.init.normal_(layer.weight)
    x, t = double(5, 3), minigrad.tensor([0, 1, 2, 3, 0])
    w = bare(layer.weight)
    expected = -np.log(s((bare(x) * w[t.numpy()]).sum(1))) - 4 * np.log(s(-bare(x) @ w[2]))
    np.testing.assert_allclose(bare(layer(x, t)), expected, rtol=1e-10)
    assert gradcheck(lambda x, w: layer(x, t), (x, layer.weight)) and layer.noise.tolist() == [0, 0, 8, 0]


def test_negative_sampling_learns_which_words_meet() -> None:
    minigrad.manual_seed(0)
    words = nn.Embedding(10, 8)
    loss = nn.NegativeSamplingLoss(8, minigrad.ones(10))
    opt = minigrad.optim.Adam([*words.parameters(), *loss.parameters()], lr=0.05)
    word = minigrad.arange(10)
    for _ in range(150):
        opt.zero_grad()
        loss(words(word), (word + 1) % 10).backward()
        opt.step()
    assert (words.weight @ loss.weight.T).argmax(1).tolist() == [*range(1, 10), 0]


@pytest.mark.parametrize("call, error, text", [
    (lambda: nn.LocallyConnected2d(2, 3, 4, 5), ValueError, r"kernel_size \(5, 5\) is larger than the"),
    (lambda: nn.LocallyConnected2d(2, 3, 4, 3)(minigrad.ones(1, 2, 5, 4)), ValueError, r"input must be \(N, 2, 4, 4\), got"),
    (lambda: nn.SpatialPyramidPool2d((1,), "sum"), ValueError, "pool must be 'max' or 'avg', got 'sum'"),
    (lambda: nn.NegativeSamplingLoss(3, [0, 0]), ValueError, "not all of them 0"),
    (lambda: nn.NegativeSamplingLoss(3, [1])(minigrad.ones(2, 3), minigrad.arange(2)), IndexError, "index 1 is out of range"),
    (lambda: F.maxout(minigrad.ones(2, 5), 2), ValueError, r"maxout: pool_size must divide dimension 1 of \(2, 5\), got 2"),
    (lambda: F.zoneout(minigrad.ones(2), minigrad.ones(3)), ValueError, "zoneout: input and previous must have one shape"),
    (lambda: nn.Zoneout(1.5), ValueError, "Zoneout: dropout probability has to be between 0 and 1, but got 1.5"),
    (lambda: nn.DropConnect(2, 3, -1.0), ValueError, "DropConnect: dropout probability"),
    (lambda: nn.TreeLSTMCell(2, 3)(minigrad.ones(4, 2), (minigrad.ones(4, 1, 3), minigrad.ones(4, 3))), ValueError,
     r"children must be h and c, each \(B, K, H\) = \(4, K, 3\)"),
    (lambda: nn.PeepholeLSTMCell(2, 3)(minigrad.ones(4, 2), minigrad.ones(4, 3)), TypeError, "hx must be a pair"),
    (lambda: nn.CRF(0), ValueError, "num_tags must be at least 1"),
    (lambda: nn.CRF(2)(minigrad.ones(3, 1, 4), minigrad.ones(3, 1).long()), ValueError, "with num_tags = 2, got"),
    (lambda: nn.CRF(2)(minigrad.ones(3, 1, 2), minigrad.ones(3, 1)), TypeError, "CRF: tags must be integers"),
    (lambda: nn.CRF(2)(minigrad.ones(3, 1, 2), minigrad.full((3, 1), 2)), IndexError, "tags must be below num_tags = 2"),
    (lambda: nn.CRF(2).decode(minigrad.ones(2, 1, 2), minigrad.tensor([[False], [True]])), ValueError, "of the first step"),
    (lambda: nn.CRF(2).decode(minigrad.ones(3, 1, 2), minigrad.tensor([[1], [0], [1]]).bool()), ValueError, "must not go on"),
    (lambda: nn.DecorrelatedBatchNorm(6, 4), ValueError, "groups must divide num_features, got 4 and 6"),
    (lambda: nn.DecorrelatedBatchNorm(6)(minigrad.ones(1, 6)), ValueError, "Expected more than 1 value per channel"),
    (lambda: nn.DecorrelatedBatchNorm(6)(minigrad.ones(4, 5)), ValueError, r"input must be \(N, 6, ...\), got \(4, 5\)"),
])  # fmt: skip
def test_bad_input_is_refused(call: Any, error: type, text: str) -> None:
    with pytest.raises(error, match=text):
        call()
