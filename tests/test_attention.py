"""Attention and transformers: against plain loops, against each other, and the messages of errors."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad
import minigrad.nn as nn
import minigrad.nn.functional as F
from minigrad import backends
from minigrad.autograd import gradcheck, gradgradcheck
from minigrad.backends import NUMPY
from minigrad.backends.attention import triangle, unseen
from minigrad.backends.numpy_kernels import NUMPY_KERNELS
from minigrad.backends.reference import REFERENCE
from minigrad.optim import SGD
from minigrad.trace import record

from .test_providers import PROVIDERS, both, odd
from .test_providers import close as near

SDPA = F.scaled_dot_product_attention


def randn(*shape):
    return minigrad.randn(*shape, dtype="float64")


def close(a, b, tol=1e-12):
    np.testing.assert_allclose(
        a.detach().numpy(), b.detach().numpy() if isinstance(b, minigrad.Tensor) else b, rtol=tol, atol=tol
    )


def by_loops(q, k, v, sees):
    """Each query's mean of the values it sees, weighted by e^(q k / sqrt E)."""
    y = np.zeros((len(q), v.shape[1]))
    for i, query in enumerate(q):
        weights = [math.exp(query @ key / math.sqrt(len(query))) if sees[i, j] else 0.0 for j, key in enumerate(k)]
        for j, weight in enumerate(weights):
            y[i] += weight / (sum(weights) or 1.0) * v[j]
    return y


@pytest.mark.parametrize("what", ["all", "causal", "boolean", "added", "blind"])
def test_attention_by_loops(what):
    q, k, v = randn(3, 4), randn(5, 4), randn(5, 2)
    sees = np.ones((3, 5), dtype=bool)
    if what == "causal":
        sees = np.tri(3, 5, dtype=bool)
    elif what != "all":
        sees = np.random.default_rng(1).random((3, 5)) < 0.5
        sees[:, 0] = True
        sees[1] &= what != "blind"
    mask = minigrad.tensor(np.where(sees, 0.0, -np.inf)) if what == "added" else minigrad.tensor(sees)
    y = SDPA(q, k, v, is_causal=True) if what == "causal" else SDPA(q, k, v, None if what == "all" else mask)
    close(y, by_loops(q.numpy(), k.numpy(), v.numpy(), sees))


def test_gradients():
    q, k, v = (randn(2, n, 3).requires_grad_() for n in (2, 4, 4))
    mask = minigrad.tensor([[True, False, True, True], [False] * 4])
    for options in ({}, {"is_causal": True}, {"attn_mask": mask}, {"scale": 0.7}):
        assert gradcheck(lambda *x, o=options: SDPA(*x, **o), (q, k, v))
        assert gradgradcheck(lambda *x, o=options: SDPA(*x, **o), (q, k, v))


def test_shared_heads_are_repeated_heads():
    q, k, v = randn(2, 6, 3, 4), randn(2, 2, 5, 4), randn(2, 2, 5, 4)
    close(SDPA(q, k, v, enable_gqa=True), SDPA(q, k.repeat_interleave(3, 1), v.repeat_interleave(3, 1)))


def test_dropout_thins_the_weights_always():
    q, k, v = randn(1, 4), randn(1000, 4) * 0, minigrad.ones(1000, 1, dtype="float64")
    y = SDPA(q, k, v, dropout_p=0.5)
    assert 0.8 < y.item() < 1.2 and y.item() != 1.0
    layer = nn.MultiheadAttention(4, 2, dropout=0.5)
    x = minigrad.randn(3, 1, 4)
    assert not minigrad.equal(layer(x, x, x)[0], layer(x, x, x)[0])
    layer.eval()
    assert minigrad.equal(layer(x, x, x)[0], layer(x, x, x)[0])


# -- heads -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"kdim": 3, "vdim": 5}, {"add_bias_kv": True, "add_zero_attn": True}], ids=str)
def test_weights_or_not_the_result_is_one(options):
    layer = nn.MultiheadAttention(6, 2, **options).double()
    q, k, v = randn(3, 2, 6), randn(4, 2, options.get("kdim", 6)), randn(4, 2, options.get("vdim", 6))
    padding = minigrad.tensor([[False] * 4, [False, True, False, True]])
    y, weights = layer(q, k, v, padding)
    z, nothing = layer(q, k, v, padding, need_weights=False)
    close(y, z)
    assert nothing is None
    close(weights.sum(-1), np.ones((2, 3)))
    assert (weights[1, :, [1, 3]] == 0).all()
    heads = layer(q, k, v, padding, average_attn_weights=False)[1]
    assert tuple(heads.shape[:3]) == (2, 2, 3)
    close(heads.mean(1), weights)


def test_batch_first_only_swaps_dimensions_and_a_batch_of_one_may_be_left_out():
    layer, swapped = nn.MultiheadAttention(6, 2).double(), nn.MultiheadAttention(6, 2, batch_first=True).double()
    swapped.load_state_dict(layer.state_dict())
    x = randn(3, 2, 6)
    t = x.transpose(0, 1)
    (y, w), (z, u) = layer(x, x, x), swapped(t, t, t)
    close(y.transpose(0, 1), z)
    close(w, u)
    alone, w = layer(x[:, 0], x[:, 0], x[:, 0])
    close(alone, y[:, 0])
    close(w, u[0])


def test_hidden_keys_count_nothing():
    layer = nn.MultiheadAttention(6, 2, batch_first=True).double()
    x = randn(1, 5, 6)
    y, _ = layer(x, x, x, minigrad.tensor([[False, False, False, True, True]]))
    close(y[:, :3], layer(x[:, :3], x[:, :3], x[:, :3])[0])


# -- transformers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"activation": "gelu"}, {"activation": nn.functional.relu}])
def test_a_transformer_can_be_pickled(options):
    net = nn.Transformer(6, 2, 1, 1, 8, 0.0, **options)
    again = pickle.loads(pickle.dumps(net))
    x = minigrad.randn(3, 2, 6)
    assert minigrad.equal(again(x, x), net(x, x))


@pytest.mark.parametrize("norm_first", [False, True])
def test_an_encoder_layer_is_its_parts(norm_first):
    layer = nn.TransformerEncoderLayer(6, 2, 8, 0.0, norm_first=norm_first).double()
    x = randn(3, 2, 6)

    def attended(x):
        return layer.self_attn(x, x, x)[0]

    def mapped(x):
        return layer.linear2(F.relu(layer.linear1(x)))

    if norm_first:
        y = x + attended(layer.norm1(x))
        y = y + mapped(layer.norm2(y))
    else:
        y = layer.norm1(x + attended(x))
        y = layer.norm2(y + mapped(y))
    close(layer(x), y)


@pytest.mark.parametrize(
    "options", [{}, {"norm_first": True, "batch_first": True, "activation": nn.Tanh(), "bias": False}], ids=str
)
def test_a_causal_decoder_does_not_see_the_future(options):
    model = nn.Transformer(8, 2, 1, 2, 16, 0.0, **options).double()
    src, tgt = randn(4, 4, 8), randn(4, 4, 8)
    mask = model.generate_square_subsequent_mask(4, dtype=minigrad.float64)
    y = model(src, tgt, tgt_mask=mask, tgt_is_causal=True)
    changed = tgt.clone()
    last = (slice(None), 3) if options.get("batch_first") else 3
    changed[last] = 1.0
    z = model(src, changed, tgt_mask=mask)
    early = (slice(None), slice(0, 3)) if options.get("batch_first") else slice(0, 3)
    close(y[early], z[early])
    assert not np.allclose(y[last].detach().numpy(), z[last].detach().numpy())


def test_layers_of_a_stack_are_copies():
    layer = nn.TransformerEncoderLayer(6, 2, 8)
    stack = nn.TransformerEncoder(layer, 2)
    first, second = (dict(m.named_parameters()) for m in stack.layers)
    assert all(minigrad.equal(first[k], second[k]) and first[k] is not second[k] for k in first)


def test_custom_stacks():
    class Same(nn.Module):
        def forward(self, src, *args, **kwargs):
            return src

    x = minigrad.randn(3, 2, 8)
    assert minigrad.equal(nn.Transformer(8, 2, custom_encoder=Same(), custom_decoder=Same())(x, x), x)


def test_a_recorded_training_step_plays_again():
    def make():
        minigrad.manual_seed(3)
        model = nn.Transformer(8, 2, 1, 1, 16, 0.2).double()
        return model, SGD(model.parameters(), lr=0.1)

    def train(model, optimizer, x):
        optimizer.zero_grad()
        model(x, x, tgt_mask=model.generate_square_subsequent_mask(3, dtype=x.dtype)).square().mean().backward()
        optimizer.step()

    batches = [randn(3, 2, 8) for _ in range(4)]
    model, optimizer = make()
    x = batches[0].clone()
    with record() as program:
        train(model, optimizer, x)
    for batch in batches[1:]:
        program.run({x: batch})
    eager, optimizer = make()
    for batch in batches:
        train(eager, optimizer, batch)
    for p, q in zip(model.parameters(), eager.parameters(), strict=True):
        close(p, q, 1e-10)


def test_a_transformer_on_a_strict_namespace():
    strict = str(backends.array_api(pytest.importorskip("array_api_strict"), "strict").device)
    model, x = nn.Transformer(8, 2, 1, 1, 16, 0.0).double(), randn(4, 2, 8)
    padding = minigrad.tensor([[False, False, True, True], [False] * 4])
    results = []
    for device in ("cpu", strict):
        there = copy.deepcopy(model).to(device)
        mask = model.generate_square_subsequent_mask(4, device=device, dtype=x.dtype)
        t = x.to(device)
        y = there(t, t, tgt_mask=mask, tgt_is_causal=True, memory_key_padding_mask=padding.to(device))
        y.square().sum().backward()
        results.append([y, *(p.grad for p in there.parameters())])
    for here, there in zip(*results, strict=True):
        close(here, there.cpu(), 1e-10)


# -- errors ----------------------------------------------------------------------------------------------------------


def ones(*shape, dtype=None):
    return minigrad.ones(*shape, dtype=dtype)


def attend(q=(3, 2, 6), k=(4, 2, 6), v=(4, 2, 6), **options):
    return nn.MultiheadAttention(6, 2)(ones(*q), ones(*k), ones(*v), **options)


@pytest.mark.parametrize(("call", "error", "text"), [
    (lambda: SDPA(ones(3, 4), ones(5, 3), ones(5, 2)), ValueError, r"got \(3, 4\), \(5, 3\), \(5, 2\)"),
    (lambda: SDPA(ones(3, 4), ones(5, 4), ones(6, 2)), ValueError, r"key \(..., S, E\), value \(..., S, V\)"),
    (lambda: SDPA(ones(4), ones(5, 4), ones(5, 2)), ValueError, r"query must be \(..., length, features\), got \(4,\)"),
    (lambda: SDPA(ones(3, 4), ones(5, 4), ones(5, 2, dtype="float64")), TypeError, "input and value of one type"),
    (lambda: SDPA(ones(3, 4), ones(5, 4), ones(5, 2), ones(3, 4)), ValueError, r"\(..., 3, 5\), got \(3, 4\)"),
    (lambda: SDPA(ones(3, 4), ones(5, 4), ones(5, 2), ones(3, 5, dtype="int64")), TypeError, "boolean or of the query's type"),
    (lambda: SDPA(ones(3, 4), ones(5, 4), ones(5, 2), ones(3, 5), is_causal=True), RuntimeError, "Explicit attn_mask"),
    (lambda: SDPA(ones(5, 3, 4), ones(2, 5, 4), ones(2, 5, 4), enable_gqa=True), ValueError, "multiple of those of the key"),
    (lambda: SDPA(ones(3, 4), ones(5, 4), ones(5, 2), dropout_p=2.0), ValueError, "between 0 and 1"),
    (lambda: attend(q=(3, 2, 5)), ValueError, "embedding dimension of 6"),
    (lambda: attend(k=(4, 6)), ValueError, "all 2-D .* or all 3-D, got key"),
    (lambda: attend(k=(5, 2, 6)), ValueError, "does not match value shape"),
    (lambda: attend(k=(4, 3, 6), v=(4, 3, 6)), ValueError, "must be one batch"),
    (lambda: attend(attn_mask=ones(4, 3)), RuntimeError, r"\(L, S\) = \(3, 4\) or \(B H, L, S\) = \(4, 3, 4\), got \(4, 3\)"),
    (lambda: attend(attn_mask=ones(3, 4, dtype="int64")), TypeError, "only bool and floating types of attn_mask"),
    (lambda: attend(key_padding_mask=ones(4, 2, dtype="bool")), ValueError, r"\(B, S\) = \(2, 4\), got \(4, 2\)"),
    (lambda: attend(is_causal=True), RuntimeError, "Need attn_mask if specifying the is_causal hint"),
    (lambda: nn.MultiheadAttention(6, 4), ValueError, "divisible by num_heads, got 6 and 4"),
    (lambda: nn.MultiheadAttention(0, 4), ValueError, "greater than 0"),
    (lambda: nn.TransformerEncoderLayer(6, 2, activation="tanh"), RuntimeError, "should be relu/gelu, not tanh"),
    (lambda: nn.Transformer(6, 2, 1, 1, 8)(ones(3, 2, 6), ones(3, 1, 6)), RuntimeError, "batch number of src and tgt"),
    (lambda: nn.Transformer(6, 2, 1, 1, 8)(ones(3, 2, 6), ones(3, 2, 5)), RuntimeError, "equal to d_model = 6"),
])  # fmt: skip
def test_misfits(call, error, text):
    with pytest.raises(error, match=text):
        call()


@both
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_kernels_of_attention(provider: str, data: st.DataObject) -> None:
    kernels = REFERENCE | NUMPY_KERNELS | PROVIDERS[provider]
    lead, rng = data.draw(st.sampled_from([(), (3,), (2, 3)])), np.random.default_rng(data.draw(st.integers(0, 999)))
    rows, keys, width, out = (data.draw(st.integers(1, n)) for n in (70, 70, 40, 40))
    inputs = [data.draw(odd(rng, *lead, *size)) for size in ((rows, width), (keys, width), (keys, out))]
    scale, causal = data.draw(st.sampled_from([0.2, 1.0, 3.0])), data.draw(st.booleans())
    expected = REFERENCE["attention"](NUMPY, *inputs, scale, causal)
    near(kernels["attention"](NUMPY, *inputs, scale, causal), expected, "attention")
    g, wanted = data.draw(odd(rng, *lead, rows, out)), tuple(data.draw(st.booleans()) for _ in range(3))
    found = kernels["attention_backward"](NUMPY, g, *inputs, expected[1], scale, wanted)
    want = REFERENCE["attention_backward"](NUMPY, g, *inputs, expected[1], scale, wanted)
    assert [x is not None for x in found] == list(wanted)
    near(tuple(found), tuple(want), "attention_backward")


def test_sequences_of_every_length_share_a_few_masks():
    triangle.cache_clear()
    for queries, keys in [*((n, n) for n in range(1, 70)), (3, 65), (65, 3), (1, 1)]:
        np.testing.assert_array_equal(unseen(queries, keys), np.arange(keys) > np.arange(queries)[:, None])
    assert triangle.cache_info().currsize == 8  # of the powers of two from 1 to 128
