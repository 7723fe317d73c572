"""Recurrent layers, cells, packed sequences and bags against PyTorch: values, gradients, states, names, first values."""

from __future__ import annotations

import inspect
import itertools

import numpy as np
import pytest

import minigrad
import minigrad.nn as nn
import minigrad.nn.functional as F
from minigrad.nn.utils import rnn

from .alike import compare, drawn, same, tensors, torch, whole


def twins(name, *args, **kwargs):
    """The layer of both in float64, with the same parameters."""
    theirs = getattr(torch.nn, name)(*args, **kwargs).double()
    ours = getattr(nn, name)(*args, **kwargs).double()
    ours.load_state_dict({key: minigrad.tensor(t.numpy()) for key, t in theirs.state_dict().items()})
    return ours, theirs


def flat(y):
    return [t for part in y for t in flat(part)] if isinstance(y, tuple) else [y]


def agree(layers, ours, theirs, inputs, second=False):
    """Outputs, gradients of the inputs and gradients of every parameter."""
    layer, other = layers
    assert [name for name, _ in layer.named_parameters()] == [name for name, _ in other.named_parameters()]
    more, their_more = inputs
    compare(flat(ours), flat(theirs), [*more, *layer.parameters()], [*their_more, *other.parameters()], second=second)


def flags(*names):
    return [dict(zip(names, values, strict=True)) for values in itertools.product((False, True), repeat=len(names))]


KINDS = [("RNN", {}), ("RNN", {"nonlinearity": "relu"}), ("LSTM", {}), ("LSTM", {"proj_size": 2}), ("GRU", {})]
OPTIONS = flags("bidirectional", "batch_first", "bias")


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize(("name", "more"), KINDS, ids=str)
@pytest.mark.parametrize("given", [False, True])
def test_layers(name, more, options, layers, given):
    pair = twins(name, 3, 4, num_layers=layers, **more, **options)
    ways = layers * (2 if options["bidirectional"] else 1)
    arrays = [drawn(2, 5, 3) if options["batch_first"] else drawn(5, 2, 3)]
    if given:
        arrays.append(drawn(ways, 2, more.get("proj_size", 4), seed=1))
        arrays += [drawn(ways, 2, 4, seed=2)] if name == "LSTM" else []
    inputs = tensors(arrays)
    calls = [(x[0], (tuple(x[1:]) if name == "LSTM" else x[1])) if given else (x[0],) for x in inputs]
    agree(pair, pair[0](*calls[0]), pair[1](*calls[1]), inputs)
    assert repr(pair[0]) == repr(pair[1])


@pytest.mark.parametrize(("name", "more"), KINDS, ids=str)
def test_second_derivatives(name, more):
    pair = twins(name, 2, 3, bidirectional=True, **more)
    inputs = tensors([drawn(3, 2, 2)])
    agree(pair, pair[0](inputs[0][0]), pair[1](inputs[1][0]), inputs, second=True)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize(("name", "more"), KINDS, ids=str)
def test_a_single_sequence(name, more, batch_first):
    pair = twins(name, 3, 4, num_layers=2, bidirectional=True, batch_first=batch_first, **more)
    arrays = [drawn(5, 3), drawn(4, more.get("proj_size", 4)), *([drawn(4, 4, seed=3)] if name == "LSTM" else [])]
    inputs = tensors(arrays)
    ours, theirs = ((x[0], tuple(x[1:]) if name == "LSTM" else x[1]) for x in inputs)
    agree(pair, pair[0](*ours), pair[1](*theirs), inputs)
    agree(pair, pair[0](ours[0]), pair[1](theirs[0]), tensors([]))


@pytest.mark.parametrize("lengths", [[5, 3, 3, 1], [2, 5, 1, 4], [5, 5, 5, 5]], ids=str)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize(("name", "more"), KINDS, ids=str)
def test_packed_sequences(name, more, bidirectional, lengths, given):
    pair = twins(name, 3, 4, num_layers=2, bidirectional=bidirectional, **more)
    ways = 4 if bidirectional else 2
    arrays = [drawn(5, 4, 3)]
    if given:
        arrays += [drawn(ways, 4, more.get("proj_size", 4)), *([drawn(ways, 4, 4, seed=3)] if name == "LSTM" else [])]
    inputs = tensors(arrays)
    results = []
    for layer, x, package in ((pair[0], inputs[0], rnn), (pair[1], inputs[1], torch.nn.utils.rnn)):
        packed = package.pack_padded_sequence(x[0], lengths, enforce_sorted=False)
        state = ((tuple(x[1:]) if name == "LSTM" else x[1]),) if given else ()
        output, final = layer(packed, *state)
        assert isinstance(output, package.PackedSequence)
        padded, got = package.pad_packed_sequence(output, padding_value=0.5)
        assert got.tolist() == lengths
        results.append((output.data, padded, final))
    agree(pair, *results, inputs)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("batch", [(), (2,)], ids=str)
@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("name", ["RNNCell", "LSTMCell", "GRUCell", "relu"])
def test_cells(name, bias, batch, given):
    more = {"nonlinearity": "relu"} if name == "relu" else {}
    name = "RNNCell" if name == "relu" else name
    pair = twins(name, 3, 4, bias=bias, **more)
    states = (2 if name == "LSTMCell" else 1) * given
    inputs = tensors([drawn(*batch, 3), *(drawn(*batch, 4, seed=k) for k in range(states))])
    calls = [(x[0], *((tuple(x[1:]),) if states == 2 else x[1:])) for x in inputs]
    agree(pair, pair[0](*calls[0]), pair[1](*calls[1]), inputs, second=True)
    assert repr(pair[0]) == repr(pair[1])


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"])
def test_first_values_have_the_same_range(name):
    torch.manual_seed(0)
    ours, theirs = getattr(nn, name)(30, 25), getattr(torch.nn, name)(30, 25)
    for key, t in theirs.state_dict().items():
        mine = ours.state_dict()[key]
        assert tuple(mine.shape) == tuple(t.shape) and mine.dtype == minigrad.float32
        apart = 0.3 / t.numel() ** 0.5  # four times the standard deviation of the difference, for numbers uniform on +-0.2
        assert 0.18 < float(mine.abs().max()) <= 0.2 and abs(float(mine.std()) - float(t.std())) < apart


def test_all_weights_lists_the_same():
    ours, theirs = twins("LSTM", 3, 4, num_layers=2, bidirectional=True, proj_size=2)
    assert [[tuple(w.shape) for w in ws] for ws in ours.all_weights] == [
        [tuple(w.shape) for w in ws] for ws in theirs.all_weights
    ]


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_arguments_in_the_same_order(name):
    args = {"RNN": (3, 4, 2, "relu", False, True, 0.25, True), "LSTM": (3, 4, 2, False, True, 0.25, True, 2),
            "GRU": (3, 4, 2, False, True, 0.25, True)}[name]  # fmt: skip
    ours, theirs = getattr(nn, name)(*args), getattr(torch.nn, name)(*args)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())


# -- sequences -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("lengths", [[5, 3, 3, 1], [2, 3, 1, 4]], ids=str)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3)], ids=str)
def test_pack_and_pad(batch_first, lengths, shape):
    arrays = [drawn(*((4, 5) if batch_first else (5, 4)), *shape)]
    inputs = tensors(arrays)
    made = []
    for x, package in ((inputs[0][0], rnn), (inputs[1][0], torch.nn.utils.rnn)):
        packed = package.pack_padded_sequence(x, lengths, batch_first, enforce_sorted=False)
        padded, _ = package.pad_packed_sequence(packed, batch_first, -2.0, total_length=6)
        made.append((packed.data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices, padded))
    compare(*made, *inputs, second=False)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("side", ["right", "left"])
def test_pad_and_unpad(batch_first, side):
    inputs = tensors([drawn(3, 2), drawn(5, 2), drawn(1, 2)])
    ours = rnn.pad_sequence(inputs[0], batch_first, 0.5, side)
    theirs = torch.nn.utils.rnn.pad_sequence(inputs[1], batch_first, 0.5, side)
    compare([ours], [theirs], *inputs, second=False)
    for mine, other in zip(
        rnn.unpad_sequence(ours, minigrad.tensor([3, 5, 1]), batch_first),
        torch.nn.utils.rnn.unpad_sequence(theirs, torch.tensor([3, 5, 1]), batch_first),
        strict=True,
    ):
        same(mine, other)


@pytest.mark.parametrize("sizes", [(5, 3, 1), (1, 5, 3)], ids=str)
def test_pack_and_unpack(sizes):
    inputs = tensors([drawn(n, 2) for n in sizes])
    is_sorted = sizes[0] == 5
    ours, theirs = rnn.pack_sequence(inputs[0], is_sorted), torch.nn.utils.rnn.pack_sequence(inputs[1], is_sorted)
    compare([ours.data, ours.batch_sizes], [theirs.data, theirs.batch_sizes], *inputs, second=False)
    for mine, other in zip(rnn.unpack_sequence(ours), inputs[0], strict=True):
        assert np.array_equal(mine.detach().numpy(), other.detach().numpy())


@pytest.mark.parametrize("name", [
    "pack_padded_sequence", "pad_packed_sequence", "pad_sequence", "unpad_sequence", "pack_sequence", "unpack_sequence",
    "invert_permutation",
])  # fmt: skip
def test_arguments_of_functions(name):
    ours, theirs = (inspect.signature(getattr(m, name)).parameters for m in (rnn, torch.nn.utils.rnn))
    assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in theirs.values()]


# -- bags ------------------------------------------------------------------------------------------------------------

BAGS = [
    (whole(7, 3, 4), None, False), (whole(7, 9), np.array([0, 2, 2, 6]), False), (whole(7, 9), np.array([0, 2, 2, 6, 9]), True),
    (whole(7, 5), np.array([0, 0, 5]), False), (whole(7, 0), np.array([0, 0]), False), (np.full((2, 3), 4), None, False),
]  # fmt: skip


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("bags", range(len(BAGS)))
@pytest.mark.parametrize("more", [{}, {"padding_idx": 4}, {"padding_idx": -1}], ids=str)
def test_embedding_bag(mode, bags, more):
    ids, offsets, last = BAGS[bags]
    inputs = tensors([drawn(7, 3)])
    y, t = (
        package.embedding_bag(
            make(ids), x[0], None if offsets is None else make(offsets), mode=mode, include_last_offset=last, **more
        )
        for package, make, x in ((F, minigrad.tensor, inputs[0]), (torch.nn.functional, torch.tensor, inputs[1]))
    )
    compare([y], [t], *inputs, second=False)


@pytest.mark.parametrize("bags", range(len(BAGS)))
@pytest.mark.parametrize("padding_idx", [None, 4])
def test_embedding_bag_with_weights(bags, padding_idx):
    ids, offsets, last = BAGS[bags]
    inputs = tensors([drawn(7, 3), drawn(*ids.shape)])
    y, t = (
        package.embedding_bag(
            make(ids),
            x[0],
            None if offsets is None else make(offsets),
            mode="sum",
            include_last_offset=last,
            per_sample_weights=x[1],
            padding_idx=padding_idx,
        )  # fmt: skip
        for package, make, x in ((F, minigrad.tensor, inputs[0]), (torch.nn.functional, torch.tensor, inputs[1]))
    )
    compare([y], [t], *inputs, second=False)


@pytest.mark.parametrize("mode", ["sum", "mean"])
def test_embedding_bag_scaled_by_frequency(mode):
    """Beside PyTorch's `embedding`: its `embedding_bag` (2.13, CPU) divides by the frequencies of other rows."""
    inputs = tensors([drawn(7, 3)])
    ids = whole(4, 3, 5)
    y = F.embedding_bag(minigrad.tensor(ids), inputs[0][0], scale_grad_by_freq=True, mode=mode)
    t = torch.nn.functional.embedding(torch.tensor(ids), inputs[1][0], scale_grad_by_freq=True)
    compare([y], [getattr(t, mode)(1)], *inputs, second=False)


def test_embedding_bag_shortens_long_rows():
    inputs = tensors([drawn(7, 3)])
    ids = whole(7, 2, 4)
    with minigrad.no_grad(), torch.no_grad():
        y = F.embedding_bag(minigrad.tensor(ids), inputs[0][0], max_norm=0.9)
        t = torch.nn.functional.embedding_bag(torch.tensor(ids), inputs[1][0], max_norm=0.9)
    same(y, t)
    same(inputs[0][0], inputs[1][0])


@pytest.mark.parametrize(
    "options", [{}, {"mode": "max", "padding_idx": 2}, {"mode": "sum", "include_last_offset": True}], ids=str
)
def test_embedding_bag_layer(options):
    pair = twins("EmbeddingBag", 7, 3, **options)
    assert repr(pair[0]) == repr(pair[1]) and list(pair[0].state_dict()) == ["weight"]
    offsets = [0, 2, 4, 6] if options.get("include_last_offset") else [0, 2, 4]
    ids = whole(7, 6)
    y = pair[0](minigrad.tensor(ids), minigrad.tensor(offsets))
    t = pair[1](torch.tensor(ids), torch.tensor(offsets))
    agree(pair, y, t, tensors([]))
    table = drawn(4, 3)
    ours = nn.EmbeddingBag.from_pretrained(minigrad.tensor(table), mode="sum")
    assert not ours.weight.requires_grad and ours.mode == "sum"
