"""Recurrent layers, packed sequences and bags: against plain loops, against each other, and the messages of errors."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import minigrad
import minigrad.nn as nn
import minigrad.nn.functional as F
from minigrad import backends
from minigrad.autograd import gradcheck, gradgradcheck
from minigrad.nn.utils.rnn import (
    PackedSequence,
    invert_permutation,
    pack_padded_sequence,
    pack_sequence,
    pad_packed_sequence,
    pad_sequence,
    unpack_sequence,
    unpad_sequence,
)
from minigrad.optim import SGD
from minigrad.trace import record

LAYERS = ["RNN", "LSTM", "GRU"]


def randn(*shape):
    return minigrad.randn(*shape, dtype="float64")


def close(a, b, tol=1e-12):
    np.testing.assert_allclose(
        a.detach().numpy(), b.detach().numpy() if isinstance(b, minigrad.Tensor) else b, rtol=tol, atol=tol
    )


def states(hx):
    return hx if isinstance(hx, tuple) else (hx,)


# -- values ----------------------------------------------------------------------------------------------------------


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def step(name, x, h, c, w_ih, w_hh, b_ih, b_hh):
    """One step by the formulas of the textbook."""
    a, u = w_ih @ x + b_ih, w_hh @ h + b_hh
    if name == "RNN":
        return np.tanh(a + u), c
    if name == "LSTM":
        i, f, g, o = np.split(a + u, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c
    (a_r, a_z, a_n), (u_r, u_z, u_n) = np.split(a, 3), np.split(u, 3)
    z = sigmoid(a_z + u_z)
    return (1 - z) * np.tanh(a_n + sigmoid(a_r + u_r) * u_n) + z * h, c


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_its_formula_step_by_step(name):
    layer = getattr(nn, name)(3, 4).double()
    weights = [p.detach().numpy() for p in layer.parameters()]
    x = randn(5, 2, 3)
    y, _ = layer(x)
    for b in range(2):
        h = c = np.zeros(4)
        for t in range(5):
            h, c = step(name, x.numpy()[t, b], h, c, *weights)
            np.testing.assert_allclose(y.detach().numpy()[t, b], h, atol=1e-12)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_its_cell_step_by_step(name):
    layer, cell = getattr(nn, name)(3, 4).double(), getattr(nn, f"{name}Cell")(3, 4).double()
    cell.load_state_dict({key.removesuffix("_l0"): t for key, t in layer.state_dict().items()})
    x = randn(5, 2, 3)
    hx, outputs = None, []
    for t in range(5):
        hx = cell(x[t], hx)
        outputs.append(states(hx)[0])
    y, final = layer(x)
    close(y, minigrad.stack(outputs))
    for a, b in zip(states(final), states(hx), strict=True):
        close(a[0], b)


@pytest.mark.parametrize(("steps", "batch", "width"), [(1, 1, 4), (3, 1, 1), (3, 2, 1), (1, 2, 4)])
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_has_the_gradients_of_its_cell_where_a_dimension_is_one(name, steps, batch, width):
    layer, cell = getattr(nn, name)(3, width).double(), getattr(nn, f"{name}Cell")(3, width).double()
    cell.load_state_dict({key.removesuffix("_l0"): t for key, t in layer.state_dict().items()})
    x, weights = randn(steps, batch, 3), randn(steps, batch, width)
    hx, outputs = None, []
    for t in range(steps):
        hx = cell(x[t], hx)
        outputs.append(states(hx)[0])
    (minigrad.stack(outputs) * weights).sum().backward()
    (layer(x)[0] * weights).sum().backward()
    for a, b in zip(layer.parameters(), cell.parameters(), strict=True):
        close(a.grad, b.grad)


@pytest.mark.parametrize("name", LAYERS)
def test_the_way_backwards_is_the_way_forwards_over_the_reversed_sequence(name):
    both, one = getattr(nn, name)(3, 4, bidirectional=True).double(), getattr(nn, name)(3, 4).double()
    one.load_state_dict({k.removesuffix("_reverse"): t for k, t in both.state_dict().items() if k.endswith("_reverse")})
    x = randn(5, 2, 3)
    y, final = both(x)
    z, end = one(x.flip(0))
    close(y[:, :, 4:], z.flip(0))
    for a, b in zip(states(final), states(end), strict=True):
        close(a[1], b[0])


@pytest.mark.parametrize("options", [{}, {"bidirectional": True, "num_layers": 2}], ids=str)
@pytest.mark.parametrize("name", LAYERS)
def test_packed_sequences_are_the_sequences_one_by_one(name, options):
    layer = getattr(nn, name)(3, 4, **options).double()
    sequences = [randn(n, 3) for n in (2, 5, 1, 4)]
    output, final = layer(pack_sequence(sequences, enforce_sorted=False))
    for i, (s, y) in enumerate(zip(sequences, unpack_sequence(output), strict=True)):
        alone, end = layer(s)
        close(y, alone)
        for a, b in zip(states(final), states(end), strict=True):
            close(a[:, i], b)


@pytest.mark.parametrize("name", LAYERS)
def test_batch_first_only_swaps_dimensions(name):
    layer, swapped = getattr(nn, name)(3, 4).double(), getattr(nn, name)(3, 4, batch_first=True).double()
    swapped.load_state_dict(layer.state_dict())
    x = randn(5, 2, 3)
    (y, h), (z, k) = layer(x), swapped(x.transpose(0, 1))
    close(y.transpose(0, 1), z)
    for a, b in zip(states(h), states(k), strict=True):
        close(a, b)


@pytest.mark.parametrize("name", LAYERS)
def test_gradients(name):
    layer = getattr(nn, name)(2, 3, bidirectional=True).double()
    x = randn(3, 2, 2).requires_grad_()

    def loss(x, *_):
        y, h = layer(x)
        return y, *states(h)

    assert gradcheck(loss, (x, *layer.parameters()))
    assert gradgradcheck(lambda x: loss(x)[0], (x,))


@pytest.mark.parametrize("options", [{}, {"bidirectional": True, "num_layers": 2}, {"bias": False}], ids=str)
@pytest.mark.parametrize("name", LAYERS)
def test_in_single_precision_a_layer_is_its_definition(name, options):
    """Where oneDNN serves, it serves float32."""
    layer, x = getattr(nn, name)(5, 8, **options), minigrad.randn(6, 3, 5, requires_grad=True)
    results = []
    for switch in (minigrad.enable_grad, minigrad.decompose):
        with switch():
            y, final = layer(x)
            loss = y.square().sum() + sum(h.sum() for h in states(final))
            results.append([y, *states(final), *minigrad.autograd.grad(loss, [x, *layer.parameters()])])
    for one, other in zip(*results, strict=True):
        close(one, other, 1e-4)


@pytest.mark.parametrize("name", LAYERS)
def test_forward_mode_and_examples_side_by_side(name):
    layer, x, v = getattr(nn, name)(2, 3).double(), randn(4, 2, 2), randn(4, 2, 2)
    h = 1e-6
    _, slope = minigrad.func.jvp(lambda x: layer(x)[0], (x,), (v,))
    close(slope, ((layer(x + h * v)[0] - layer(x - h * v)[0]) / (2 * h)).detach(), 1e-7)
    many = minigrad.stack([x, v])
    each = minigrad.stack([layer(x)[0], layer(v)[0]])
    close(minigrad.vmap(lambda x: layer(x)[0])(many), each)


@pytest.mark.parametrize("name", LAYERS)
def test_dropout_is_between_layers_and_in_training_only(name):
    layer = getattr(nn, name)(3, 4, num_layers=2, dropout=0.5)
    x = minigrad.randn(5, 2, 3)
    assert not minigrad.equal(layer(x)[0], layer(x)[0])
    layer.eval()
    assert minigrad.equal(layer(x)[0], layer(x)[0])
    with pytest.warns(UserWarning, match="does nothing with num_layers=1"):
        getattr(nn, name)(3, 4, dropout=0.5)


@pytest.mark.parametrize("name", LAYERS)
def test_copies_and_pickles(name):
    layer = getattr(nn, name)(3, 4, num_layers=2)
    x = minigrad.randn(5, 2, 3)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert minigrad.equal(other(x)[0], layer(x)[0])
    layer.flatten_parameters()


@pytest.mark.parametrize("name", LAYERS)
def test_a_recorded_training_step_plays_again(name):
    def make():
        minigrad.manual_seed(3)
        layer = getattr(nn, name)(3, 4, num_layers=2, dropout=0.3, batch_first=True).double()
        return layer, SGD(layer.parameters(), lr=0.1)

    def train(layer, optimizer, x):
        optimizer.zero_grad()
        layer(x)[0].square().mean().backward()
        optimizer.step()

    batches = [randn(2, 4, 3) for _ in range(5)]
    layer, optimizer = make()
    x = batches[0].clone()
    with record() as program:
        train(layer, optimizer, x)
    for batch in batches[1:]:
        program.run({x: batch})
    eager, optimizer = make()
    for batch in batches:
        train(eager, optimizer, batch)
    for p, q in zip(layer.parameters(), eager.parameters(), strict=True):
        close(p, q)


# -- sequences -------------------------------------------------------------------------------------------------------


def test_a_packed_sequence_step_by_step():
    packed = pack_sequence([minigrad.tensor([1, 2, 3]), minigrad.tensor([4]), minigrad.tensor([5, 6])], enforce_sorted=False)
    assert packed.data.tolist() == [1, 5, 4, 2, 6, 3]
    assert packed.batch_sizes.tolist() == [3, 2, 1]
    assert packed.sorted_indices.tolist() == [0, 2, 1] and packed.unsorted_indices.tolist() == [0, 2, 1]
    padded, lengths = pad_packed_sequence(packed, batch_first=True, padding_value=9)
    assert padded.tolist() == [[1, 2, 3], [4, 9, 9], [5, 6, 9]] and lengths.tolist() == [3, 1, 2]
    assert packed.double().data.dtype == minigrad.float64 and packed.cpu() is packed and not packed.is_cuda
    assert PackedSequence(packed.data, packed.batch_sizes).sorted_indices is None


def test_inverse_of_a_permutation():
    p = minigrad.tensor([2, 0, 3, 1])
    assert invert_permutation(p)[p].tolist() == [0, 1, 2, 3] and invert_permutation(None) is None


def test_padding():
    a, b = minigrad.tensor([1, 2, 3]), minigrad.tensor([4])
    assert pad_sequence([a, b], batch_first=True).tolist() == [[1, 2, 3], [4, 0, 0]]
    assert pad_sequence([a, b], True, 7, "left").tolist() == [[1, 2, 3], [7, 7, 4]]
    assert [t.tolist() for t in unpad_sequence(pad_sequence([a, b]), [3, 1])] == [[1, 2, 3], [4]]


@pytest.mark.parametrize(("call", "error", "text"), [
    (lambda x: pack_padded_sequence(x, [1, 3, 2]), RuntimeError, "sorted in decreasing order.*enforce_sorted=False"),
    (lambda x: pack_padded_sequence(x, [5, 3]), ValueError, "equal to batch_size = 3, but got 2"),
    (lambda x: pack_padded_sequence(x, [5, 3, 0]), RuntimeError, "greater than 0 and at most T = 5"),
    (lambda x: pack_padded_sequence(x, [6, 3, 1]), RuntimeError, "greater than 0 and at most T = 5"),
    (lambda x: pad_packed_sequence(pack_padded_sequence(x, [5, 3, 1]), total_length=4), ValueError, "total_length=4"),
    (lambda x: pad_packed_sequence(x), TypeError, "expected a PackedSequence, got Tensor"),
    (lambda x: pad_sequence([x, x[:, :2]]), ValueError, r"differ in length only, got \(5, 3\) and \(5, 2\)"),
    (lambda x: pad_sequence([]), ValueError, "at least one sequence"),
    (lambda x: pad_sequence([x], padding_side="up"), ValueError, "'left' or 'right', got 'up'"),
])  # fmt: skip
def test_misfitting_sequences(call, error, text):
    with pytest.raises(error, match=text):
        call(minigrad.zeros(5, 3))


# -- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("call", "error", "text"), [
    (lambda: nn.LSTM(3, 4)(minigrad.zeros(5, 2, 7)), ValueError, r"input_size = 3, got \(5, 2, 7\)"),
    (lambda: nn.LSTM(3, 4)(minigrad.zeros(3)), ValueError, r"LSTM: input must be \(T, B, D\)"),
    (lambda: nn.GRU(3, 4)(minigrad.zeros(0, 2, 3)), RuntimeError, "sequence length to be larger than 0"),
    (lambda: nn.GRU(3, 4)(minigrad.zeros(5, 2, 3), minigrad.zeros(1, 3, 4)), ValueError, r"\(1, 2, 4\).*got \[1, 3, 4\]"),
    (lambda: nn.GRU(3, 4)(minigrad.zeros(5, 3), minigrad.zeros(1, 1, 4)), RuntimeError, r"hidden size \(1, 4\)"),
    (lambda: nn.LSTM(3, 4)(minigrad.zeros(5, 2, 3), minigrad.zeros(1, 2, 4)), TypeError, r"pair \(h_0, c_0\), got Tensor"),
    (lambda: nn.LSTM(3, 4)(minigrad.zeros(5, 2, 3, dtype="float64")), TypeError, "of one type"),
    (lambda: nn.RNN(3, 4, nonlinearity="sin"), ValueError, "Select from 'tanh' or 'relu'"),
    (lambda: nn.RNN(0, 4), ValueError, "input_size must be greater than zero"),
    (lambda: nn.RNN(3, 4, 0), ValueError, "num_layers must be greater than zero"),
    (lambda: nn.RNN(3, 4.0), TypeError, "hidden_size should be of type int"),
    (lambda: nn.LSTM(3, 4, proj_size=4), ValueError, "smaller than hidden_size = 4, got 4"),
    (lambda: nn.LSTM(3, 4, 2, dropout=1.5), ValueError, r"in range \[0, 1\], got 1.5"),
    (lambda: nn.GRU(3, 4, 2, 0.5), TypeError, "bias should be of type bool, got 0.5"),
    (lambda: nn.GRU(3, 4, proj_size=2), TypeError, "proj_size"),
    (lambda: nn.RNNBase("CNN", 3, 4), ValueError, "Unrecognized RNN mode: CNN"),
    (lambda: nn.LSTMCell(3, 4)(minigrad.zeros(2, 5)), ValueError, r"input_size = 3, got \(2, 5\)"),
    (lambda: nn.LSTMCell(3, 4)(minigrad.zeros(2, 3), minigrad.zeros(2, 4)), TypeError, r"pair \(h, c\)"),
    (lambda: nn.GRUCell(3, 4)(minigrad.zeros(2, 3), minigrad.zeros(3, 4)), ValueError, r"hx must be \(2, 4\).*got \(3, 4\)"),
    (lambda: nn.RNNCell(3, 4, nonlinearity="sin")(minigrad.zeros(2, 3)), RuntimeError, "Unknown nonlinearity: sin"),
])  # fmt: skip
def test_misfitting_layers(call, error, text):
    with pytest.raises(error, match=text):
        call()


# -- bags ------------------------------------------------------------------------------------------------------------


def test_bags_by_hand():
    table = minigrad.tensor([[1.0, 2.0], [3.0, -4.0], [5.0, 6.0]])
    ids, offsets = minigrad.tensor([0, 1, 2, 2]), minigrad.tensor([0, 2, 2])
    assert F.embedding_bag(ids, table, offsets, mode="sum").tolist() == [[4, -2], [0, 0], [10, 12]]
    assert F.embedding_bag(ids, table, offsets).tolist() == [[2, -1], [0, 0], [5, 6]]
    assert F.embedding_bag(ids, table, offsets, mode="max").tolist() == [[3, 2], [0, 0], [5, 6]]
    assert F.embedding_bag(ids, table, offsets, padding_idx=1).tolist() == [[1, 2], [0, 0], [5, 6]]
    assert F.embedding_bag(ids.reshape(2, 2), table, mode="sum").tolist() == [[4, -2], [10, 12]]


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_gradients_of_bags(mode):
    table = randn(5, 3).requires_grad_()
    ids, offsets = minigrad.tensor([0, 1, 4, 2, 3, 1]), minigrad.tensor([0, 2, 2, 5])
    assert gradcheck(lambda w: F.embedding_bag(ids, w, offsets, mode=mode, padding_idx=2), (table,))


@pytest.mark.parametrize(("options", "error", "text"), [
    ({}, ValueError, "offsets has to be a 1D Tensor, got None"),
    ({"offsets": [1, 2]}, RuntimeError, "offsets must begin with 0"),
    ({"offsets": [0, 3, 2]}, RuntimeError, "not decrease"),
    ({"offsets": [0, 9]}, RuntimeError, "not exceed the 4 entries"),
    ({"offsets": [0], "mode": "median"}, ValueError, "one of sum, mean or max, got 'median'"),
    ({"offsets": [0], "mode": "max", "scale_grad_by_freq": True}, ValueError, "max mode supports neither"),
    ({"offsets": [0], "mode": "max", "sparse": True}, ValueError, "max mode supports neither"),
    ({"offsets": [0], "per_sample_weights": [1.0] * 4}, NotImplementedError, "only supported for mode='sum'"),
    ({"offsets": [0], "mode": "sum", "per_sample_weights": [1.0] * 3}, RuntimeError, r"input's shape \(4,\), got \(3,\)"),
    ({"offsets": [0], "padding_idx": 7}, ValueError, "padding_idx must be within num_embeddings = 3, got 7"),
])  # fmt: skip
def test_misfitting_bags(options, error, text):
    options = {k: minigrad.tensor(v) if isinstance(v, list) else v for k, v in options.items()}
    with pytest.raises(error, match=text):
        F.embedding_bag(minigrad.tensor([0, 1, 2, 0]), minigrad.zeros(3, 2), **options)
    with pytest.raises(IndexError, match="out of range"):
        F.embedding_bag(minigrad.tensor([[3]]), minigrad.zeros(3, 2))


# -- another namespace -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LAYERS)
def test_layers_on_a_strict_namespace(name):
    strict = str(backends.array_api(pytest.importorskip("array_api_strict"), "strict").device)
    layer, x = getattr(nn, name)(3, 4, bidirectional=True).double(), randn(5, 2, 3)
    results = []
    for device in ("cpu", strict):
        there = copy.deepcopy(layer).to(device)
        packed, _ = there(pack_padded_sequence(x.to(device), [3, 5], enforce_sorted=False))
        y, _ = pad_packed_sequence(packed)
        y.sum().backward()
        results.append([y, *(p.grad for p in there.parameters())])
    for here, there in zip(*results, strict=True):
        close(here, there.cpu())
