"""Attention and transformers against PyTorch: values, gradients, masks, names, first values."""

from __future__ import annotations

import inspect
import itertools
import warnings

import numpy as np
import pytest

import minigrad
import minigrad.nn as nn
import minigrad.nn.functional as F

from .alike import compare, drawn, same, tensors, torch

TF = torch.nn.functional
SEES = np.array([[1, 0, 0, 0], [1, 1, 0, 1], [0, 1, 1, 1]], dtype=bool)  # L = 3, S = 4
BLIND = np.array([[1, 0, 0, 0], [0, 0, 0, 0], [0, 1, 1, 1]], dtype=bool)


def qkv(*lead, width=6):
    return [drawn(*lead, 3, width), drawn(*lead, 4, width, seed=1), drawn(*lead, 4, 5, seed=2)]


# -- scaled_dot_product_attention ------------------------------------------------------------------------------------


@pytest.mark.parametrize("lead", [(), (2,), (2, 3)], ids=str)
@pytest.mark.parametrize("options", [{}, {"is_causal": True}, {"scale": 0.3}], ids=str)
def test_sdpa(lead, options):
    inputs = tensors(qkv(*lead))
    compare([F.scaled_dot_product_attention(*inputs[0], **options)],
            [TF.scaled_dot_product_attention(*inputs[1], **options)], *inputs)  # fmt: skip


@pytest.mark.parametrize("mask", [SEES, BLIND, np.stack([SEES, BLIND])[:, None], SEES[:1]], ids=lambda m: str(m.shape))
def test_sdpa_with_a_boolean_mask(mask):
    inputs = tensors([*qkv(2, 3), mask])
    compare([F.scaled_dot_product_attention(*inputs[0])], [TF.scaled_dot_product_attention(*inputs[1])], *inputs)


@pytest.mark.parametrize("shape", [(3, 4), (2, 1, 3, 4), (1, 4)], ids=str)
@pytest.mark.parametrize("hidden", [None, SEES, BLIND], ids=["open", "sees", "blind"])
def test_sdpa_with_numbers_to_add(shape, hidden):
    mask = drawn(*shape, seed=5)
    if hidden is not None and shape[-2] == 3:
        mask = np.where(hidden, mask, -np.inf)
    inputs = tensors([*qkv(2, 3), mask])
    compare([F.scaled_dot_product_attention(*inputs[0])], [TF.scaled_dot_product_attention(*inputs[1])], *inputs, second=False)


@pytest.mark.parametrize("more", [(), (np.ones((3, 0), dtype=bool),), (np.zeros((3, 0)),)], ids=["open", "boolean", "numbers"])
def test_sdpa_without_keys_gives_0(more):
    inputs = tensors([drawn(2, 3, 6), drawn(2, 0, 6), drawn(2, 0, 5), *more])
    compare([F.scaled_dot_product_attention(*inputs[0])], [TF.scaled_dot_product_attention(*inputs[1])], *inputs, second=False)


def test_sdpa_with_shared_heads():
    inputs = tensors([drawn(2, 6, 3, 4), drawn(2, 2, 5, 4), drawn(2, 3, 5, 4)])
    compare([F.scaled_dot_product_attention(*inputs[0], enable_gqa=True)],
            [TF.scaled_dot_product_attention(*inputs[1], enable_gqa=True)], *inputs)  # fmt: skip


def test_sdpa_in_float32():
    arrays = [a.astype("float32") for a in qkv(2, 3)]
    y = F.scaled_dot_product_attention(*map(minigrad.tensor, arrays), is_causal=True)
    t = TF.scaled_dot_product_attention(*map(torch.tensor, arrays), is_causal=True)
    np.testing.assert_allclose(y.numpy(), t.numpy(), rtol=2e-6, atol=1e-6)


# -- MultiheadAttention ----------------------------------------------------------------------------------------------


def twins(name, *args, **kwargs):
    """The layer of both in float64, with the same parameters, drawn anew so that no bias is 0."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns that its shortcut for evaluation is not taken
        theirs = getattr(torch.nn, name)(*args, **kwargs).double()
    ours = getattr(nn, name)(*args, **kwargs).double()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    values = {key: drawn(*t.shape, seed=k) * 0.5 for k, (key, t) in enumerate(theirs.state_dict().items())}
    ours.load_state_dict({key: minigrad.tensor(a) for key, a in values.items()})
    theirs.load_state_dict({key: torch.tensor(a) for key, a in values.items()})
    return ours, theirs


def agree(pair, ours, theirs, inputs, second=False):
    outputs = [[t for t in (y if isinstance(y, tuple) else (y,)) if t is not None] for y in (ours, theirs)]
    compare(*outputs, [*inputs[0], *pair[0].parameters()], [*inputs[1], *pair[1].parameters()], second=second)


CONSTRUCTORS = [
    {}, {"bias": False}, {"add_bias_kv": True}, {"add_zero_attn": True}, {"add_bias_kv": True, "add_zero_attn": True},
    {"kdim": 4, "vdim": 3}, {"kdim": 4, "bias": False, "add_zero_attn": True},
]  # fmt: skip
CALLS = [dict(zip(("need_weights", "average_attn_weights"), values, strict=True))
         for values in itertools.product((True, False), repeat=2)]  # fmt: skip
PADDING = np.array([[0, 0, 0, 1], [0, 1, 0, 0]], dtype=bool)  # B = 2, S = 4
MASKS = {
    "none": {}, "hidden": {"attn_mask": ~SEES}, "added": {"attn_mask": drawn(3, 4, seed=7)},
    "heads": {"attn_mask": drawn(4, 3, 4, seed=8)}, "padding": {"key_padding_mask": PADDING},
    "both": {"key_padding_mask": PADDING, "attn_mask": np.triu(np.ones((3, 4), dtype=bool), 2)},
    "numbers": {"key_padding_mask": np.where(PADDING, -np.inf, 0.25), "attn_mask": drawn(3, 4, seed=9)},
    "hint": {"attn_mask": np.triu(np.ones((3, 4), dtype=bool), 1), "is_causal": True},
}  # fmt: skip


def made(options, package):
    return {key: package.tensor(v) if isinstance(v, np.ndarray) else v for key, v in options.items()}


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("masks", MASKS)
@pytest.mark.parametrize("call", CALLS, ids=str)
@pytest.mark.parametrize("constructor", CONSTRUCTORS, ids=str)
def test_multihead_attention(constructor, call, masks, batch_first):
    pair = twins("MultiheadAttention", 6, 2, batch_first=batch_first, **constructor)
    kdim, vdim = constructor.get("kdim", 6), constructor.get("vdim", 6)
    arrays = [drawn(3, 2, 6), drawn(4, 2, kdim, seed=1), drawn(4, 2, vdim, seed=2)]
    inputs = tensors([np.ascontiguousarray(a.swapaxes(0, 1)) if batch_first else a for a in arrays])
    ours = pair[0](*inputs[0], **call, **made(MASKS[masks], minigrad))
    theirs = pair[1](*inputs[1], **call, **made(MASKS[masks], torch))
    agree(pair, ours, theirs, inputs)


@pytest.mark.parametrize("call", CALLS, ids=str)
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize(
    "masks",
    [{}, {"key_padding_mask": PADDING[0], "attn_mask": ~SEES}, {"attn_mask": drawn(2, 3, 4, seed=7)}],
    ids=["none", "both", "heads"],
)
def test_multihead_attention_without_a_batch(call, batch_first, masks):
    pair = twins("MultiheadAttention", 6, 2, batch_first=batch_first)
    inputs = tensors([drawn(3, 6), drawn(4, 6, seed=1), drawn(4, 6, seed=2)])
    agree(pair, pair[0](*inputs[0], **call, **made(masks, minigrad)), pair[1](*inputs[1], **call, **made(masks, torch)), inputs)


def test_self_attention_to_second_order():
    pair = twins("MultiheadAttention", 4, 2)
    inputs = tensors([drawn(3, 2, 4)])
    agree(pair, pair[0](*inputs[0] * 3), pair[1](*inputs[1] * 3), inputs, second=True)


def test_static_keys_and_values():
    pair = twins("MultiheadAttention", 6, 2)
    inputs = tensors([drawn(3, 2, 6), drawn(4, 5, 3, seed=1), drawn(4, 5, 3, seed=2)])
    results = []
    for layer, (x, k, v), package in ((pair[0], inputs[0], F), (pair[1], inputs[1], TF)):
        results.append(package.multi_head_attention_forward(
            x, x, x, 6, 2, layer.in_proj_weight, layer.in_proj_bias, None, None, False, 0.0, layer.out_proj.weight,
            layer.out_proj.bias, static_k=k, static_v=v,
        ))  # fmt: skip
    outputs = [list(r) for r in results]
    compare(*outputs, inputs[0], inputs[1], second=False)


def test_first_values():
    for options in ({}, {"kdim": 40, "vdim": 30, "add_bias_kv": True}):
        ours, theirs = nn.MultiheadAttention(50, 5, **options), torch.nn.MultiheadAttention(50, 5, **options)
        for key, t in theirs.state_dict().items():
            mine = ours.state_dict()[key]
            assert tuple(mine.shape) == tuple(t.shape)
            assert abs(float(mine.std()) - float(t.std())) < (0.05 if key.startswith("bias_") else 0.01), key
            assert bool((mine == 0).all()) == bool((t == 0).all()), key


def test_arguments_of_the_function():
    ours, theirs = (list(inspect.signature(m.multi_head_attention_forward).parameters.values()) for m in (F, TF))
    assert [(p.name, p.default) for p in ours[:-1]] == [(p.name, p.default) for p in theirs]
    assert ours[-1].name == "batch_first"


# -- transformers ----------------------------------------------------------------------------------------------------

LAYER = [{}, {"norm_first": True}, {"activation": "gelu"}, {"bias": False}, {"layer_norm_eps": 0.1, "batch_first": True}]


@pytest.mark.parametrize("options", LAYER, ids=str)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("train", [False, True])
def test_encoder_layer(options, masked, train):
    pair = twins("TransformerEncoderLayer", 6, 2, 8, dropout=0.0, **options)
    for layer in pair:
        layer.train(train)
    inputs = tensors([drawn(2, 3, 6) if options.get("batch_first") else drawn(3, 2, 6)])
    masks = (
        {
            "src_mask": np.triu(np.ones((3, 3), dtype=bool), 1),
            "src_key_padding_mask": np.array([[0, 0, 0], [0, 0, 1]], dtype=bool),
        }
        if masked
        else {}
    )
    agree(pair, pair[0](*inputs[0], **made(masks, minigrad)), pair[1](*inputs[1], **made(masks, torch)), inputs)


@pytest.mark.parametrize("options", LAYER, ids=str)
@pytest.mark.parametrize("masked", [False, True])
def test_decoder_layer(options, masked):
    pair = twins("TransformerDecoderLayer", 6, 2, 8, dropout=0.0, **options)
    first = options.get("batch_first")
    inputs = tensors([drawn(2, 3, 6) if first else drawn(3, 2, 6), drawn(2, 4, 6) if first else drawn(4, 2, 6)])
    masks = {"tgt_mask": np.triu(np.ones((3, 3), dtype=bool), 1), "memory_mask": ~SEES,
             "memory_key_padding_mask": np.array([[False, False, False, True], [False] * 4])} if masked else {}  # fmt: skip
    agree(pair, pair[0](*inputs[0], **made(masks, minigrad)), pair[1](*inputs[1], **made(masks, torch)), inputs)


@pytest.mark.parametrize("options", LAYER, ids=str)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("batched", [False, True])
def test_transformer(options, masked, batched):
    pair = twins("Transformer", 6, 2, 2, 2, 8, dropout=0.0, **options)
    first = options.get("batch_first")
    src, tgt = (4, 6), (3, 6)
    if batched:
        src, tgt = ((2, 4, 6), (2, 3, 6)) if first else ((4, 2, 6), (3, 2, 6))
    inputs = tensors([drawn(*src), drawn(*tgt)])
    results = []
    for layer, x, package in ((pair[0], inputs[0], minigrad), (pair[1], inputs[1], torch)):
        causal = layer.generate_square_subsequent_mask(3, dtype=package.float64)
        masks = {"tgt_mask": causal, "tgt_is_causal": True, "memory_mask": package.tensor(~SEES)} if masked else {}
        results.append(layer(*x, **masks))
    agree(pair, *results, inputs)


def test_encoder_with_padding_in_training():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = torch.nn.TransformerEncoder(
            torch.nn.TransformerEncoderLayer(6, 2, 8, 0.0, batch_first=True), 2, torch.nn.LayerNorm(6)
        ).double()
    ours = nn.TransformerEncoder(nn.TransformerEncoderLayer(6, 2, 8, 0.0, batch_first=True), 2, nn.LayerNorm(6)).double()
    ours.load_state_dict({key: minigrad.tensor(t.numpy()) for key, t in theirs.state_dict().items()})
    inputs = tensors([drawn(2, 4, 6)])
    padding = np.array([[False, False, False, True], [False, False, True, True]])
    y = ours(inputs[0][0], src_key_padding_mask=minigrad.tensor(padding))
    t = theirs(inputs[1][0], src_key_padding_mask=torch.tensor(padding))
    agree((ours, theirs), y, t, inputs)


def test_square_subsequent_mask():
    same(nn.Transformer.generate_square_subsequent_mask(4), torch.nn.Transformer.generate_square_subsequent_mask(4))


@pytest.mark.parametrize("name", [
    "MultiheadAttention", "TransformerEncoderLayer", "TransformerDecoderLayer", "TransformerEncoder",
    "TransformerDecoder", "Transformer",
])  # fmt: skip
def test_arguments_of_layers(name):
    for method in ("__init__", "forward"):
        ours, theirs = (inspect.signature(getattr(getattr(m, name), method)).parameters for m in (nn, torch.nn))
        assert list(ours) == list(theirs)
        for key, p in ours.items():
            if key != "activation":  # each package's own relu
                assert p.default == theirs[key].default, key
