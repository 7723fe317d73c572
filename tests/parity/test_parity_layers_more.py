"""Padding, resampling and margin-loss modules against PyTorch: values, gradients, reprs, argument names and defaults."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import minigrad
import minigrad.nn as nn

from .alike import compare, drawn, same, tensors, torch, unit, whole

LAYERS = [
    *((f"{kind}Pad{n}d", (p,), (2, 3, *(4, 5, 6)[:n])) for kind in ("Zero", "Reflection", "Replication", "Circular")
      for n in (1, 2, 3) for p in (1, tuple(range(2 * n))[:n] + (1,) * n)),
    *((f"ConstantPad{n}d", (2, 3.5), (2, 3, *(4, 5, 6)[:n])) for n in (1, 2, 3)),
    ("ConstantPad2d", ((-1, 2, 0, 1), 0.5), (3, 4, 5)),
    ("ReflectionPad2d", ((1, 2, 0, 1),), (3, 4, 5)), ("ZeroPad2d", ((-1, 2, 0, 1),), (3, 4, 5)),
    ("Upsample", (None, 2), (2, 3, 4, 5)), ("Upsample", ((7, 3), None, "bilinear", True), (2, 3, 4, 5)),
    ("UpsamplingNearest2d", (None, 2), (2, 3, 4, 5)), ("UpsamplingBilinear2d", (7,), (2, 3, 4, 5)),
    ("Unfold", (3, 1, 1, 2), (2, 3, 6, 5)), ("Fold", ((4, 5), 2), (2, 12, 12)), ("PixelShuffle", (2,), (2, 8, 3, 4)),
    ("PixelUnshuffle", (2,), (2, 3, 4, 6)), ("LPPool1d", (2, 3), (2, 3, 9)),
    ("LPPool2d", (2, 2, 1), (2, 3, 5, 4)), ("LPPool3d", (2, 2), (2, 3, 4, 5, 4)), ("LocalResponseNorm", (3,), (2, 5, 4)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "shape"), LAYERS)
def test_layer(name, args, shape):
    ours, theirs = getattr(nn, name)(*args), getattr(torch.nn, name)(*args)
    assert repr(ours) == repr(theirs)
    (x,), (t,) = tensors([drawn(*shape)])
    compare(ours(x), theirs(t), [x], [t])


EMPTY = [
    ("BatchNorm1d", (4,), (0, 4)), ("BatchNorm2d", (4,), (0, 4, 2, 3)), ("BatchNorm2d", (4, 1e-5, 0.1, False), (0, 4, 2, 3)),
    ("GroupNorm", (2, 4), (0, 4, 2, 3)), ("GroupNorm", (2, 4, 1e-5, False), (0, 4)), ("InstanceNorm2d", (4,), (0, 4, 2, 3)),
    *((f"AdaptiveMaxPool{n}d", (3, True), (0, 4, *(5,) * n)) for n in (1, 2, 3)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "shape"), EMPTY)
def test_a_layer_on_a_batch_of_none(name, args, shape):
    ours, theirs = (getattr(space, name)(*args).double() for space in (nn, torch.nn))
    (x,), (t,) = tensors([drawn(*shape)])
    compare(ours(x), theirs(t), [x, *ours.parameters()], [t, *theirs.parameters()], second=False)
    for a, b in zip(ours.buffers(), theirs.buffers(), strict=True):
        same(a, b)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_unpool_layers(n):
    pool, unpool = getattr(nn, f"MaxPool{n}d")(2, return_indices=True), getattr(nn, f"MaxUnpool{n}d")(2)
    their_pool, their_unpool = getattr(torch.nn, f"MaxPool{n}d")(2, return_indices=True), getattr(torch.nn, f"MaxUnpool{n}d")(2)
    assert repr(unpool) == repr(their_unpool)
    (x,), (t,) = tensors([drawn(2, 3, *(6, 5, 4)[:n])])
    size = tuple(x.shape)
    compare(unpool(*pool(x), output_size=size), their_unpool(*their_pool(t), output_size=size), [x], [t], second=False)


def test_channel_shuffle_layer():
    x = drawn(2, 6, 3, 4)
    same(nn.ChannelShuffle(3)(minigrad.tensor(x)), torch.nn.ChannelShuffle(3)(torch.tensor(x)))


A, B, C = (drawn(5, 4, seed=k) for k in range(3))
SIGNS = whole(2, 5, 4) * 2 - 1
LOSSES = [
    ("HingeEmbeddingLoss", {"margin": 0.4}, (A, SIGNS)), ("CosineEmbeddingLoss", {"margin": 0.2}, (A, B, SIGNS[:, 0])),
    ("MarginRankingLoss", {"margin": 0.2}, (A, B, SIGNS)), ("TripletMarginLoss", {"margin": 0.5, "swap": True}, (A, B, C)),
    ("TripletMarginWithDistanceLoss", {"margin": 0.5}, (A, B, C)), ("SoftMarginLoss", {}, (A, SIGNS)),
    ("MultiLabelMarginLoss", {}, (A, np.array([[0, 2, -1, 1]] * 5))), ("MultiLabelSoftMarginLoss", {}, (A, unit(5, 4))),
    ("MultiMarginLoss", {"p": 2, "margin": 0.5}, (A, whole(4, 5))),
    ("PoissonNLLLoss", {"full": True}, (A, whole(5, 5, 4) + 1.0)), ("GaussianNLLLoss", {"full": True}, (A, B, unit(5, 4))),
    ("PairwiseDistance", {"p": 3.0}, (A, B)), ("CosineSimilarity", {"dim": 0}, (A, B)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options", "arrays"), LOSSES)
def test_loss(name, options, arrays):
    for reduction in ("mean", "sum", "none") if name.endswith("Loss") else (None,):
        more = options if reduction is None else {**options, "reduction": reduction}
        ours, theirs = tensors(arrays)
        mine, their = getattr(nn, name)(**more), getattr(torch.nn, name)(**more)
        assert (repr(mine) == repr(their)) or name == "TripletMarginWithDistanceLoss"
        compare(mine(*ours), their(*theirs), ours, theirs, second=False)


def test_ctc_layer():
    (x,), (t,) = tensors([drawn(7, 2, 5)])
    options, text = {"blank": 1, "reduction": "sum", "zero_infinity": True}, np.array([[2, 3, 3], [4, 0, 0]])
    y = nn.CTCLoss(**options)(nn.LogSoftmax(-1)(x), minigrad.tensor(text), (7, 6), (3, 2))
    u = torch.nn.CTCLoss(**options)(torch.nn.LogSoftmax(-1)(t), torch.tensor(text), (7, 6), (3, 2))
    compare(y, u, [x], [t], second=False)


LAZY = [f"Lazy{kind}{n}d" for n in (1, 2, 3) for kind in ("Conv", "ConvTranspose", "BatchNorm", "InstanceNorm")]
UNPOOL = [f"MaxUnpool{n}d" for n in (1, 2, 3)]
NAMES = sorted(
    {name for name, *_ in [*LAYERS, *LOSSES]}
    | {"CTCLoss", "ChannelShuffle", "LinearCrossEntropyLoss", "SyncBatchNorm", "LazyLinear"}
)


@pytest.mark.parametrize("name", [*NAMES, *LAZY, *UNPOOL])
def test_signature(name):
    """PyTorch's argument names, order and defaults."""
    ours = inspect.signature(getattr(nn, name).__init__).parameters
    theirs = inspect.signature(getattr(torch.nn, name).__init__).parameters
    assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in theirs.values()]


FUNCTIONS = [
    "affine_grid", "channel_shuffle", "cosine_embedding_loss", "cosine_similarity", "ctc_loss", "fold", "gaussian_nll_loss",
    "grid_sample", "hinge_embedding_loss", "interpolate", "linear_cross_entropy", "local_response_norm", "margin_ranking_loss",
    "max_unpool2d",
    "multi_margin_loss", "multilabel_margin_loss", "multilabel_soft_margin_loss", "pairwise_distance", "pixel_shuffle",
    "poisson_nll_loss", "soft_margin_loss", "triplet_margin_loss", "triplet_margin_with_distance_loss", "unfold", "upsample",
]  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_signature(name):
    try:
        theirs = inspect.signature(getattr(torch.nn.functional, name)).parameters
    except ValueError:
        pytest.skip("PyTorch's is a builtin without a signature")
    ours = inspect.signature(getattr(nn.functional, name)).parameters
    assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in theirs.values()]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_gradients_of_convolutions_as_functions(n: int) -> None:
    rng = np.random.default_rng(n)
    data, weight = rng.standard_normal((2, 4, *[7] * n)), rng.standard_normal((6, 2, *[3] * n))
    options = {"stride": 2, "padding": 1, "dilation": 1, "groups": 2}
    arrived = rng.standard_normal((2, 6, *[4] * n))
    found = []
    for m in (minigrad, torch):
        x, w, g = (m.tensor(v, requires_grad=True) for v in (data, weight, arrived))
        to_input, to_weight = (getattr(m.nn.grad, f"conv{n}d_{what}") for what in ("input", "weight"))
        down = to_input(tuple(x.shape), w, g, **options)
        down.square().sum().backward()
        found.append([v.detach().numpy() for v in (down, to_weight(x, tuple(w.shape), g, **options), w.grad, g.grad)])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


def test_buffers_whose_shape_is_not_known_yet() -> None:
    for m in (minigrad, torch):
        layer = m.nn.Module()
        layer.register_buffer("seen", m.nn.UninitializedBuffer(dtype=m.float64))
        assert m.nn.parameter.is_lazy(layer.seen) and not m.nn.parameter.is_lazy(m.ones(1))
        layer.seen.materialize((2, 3))
        layer.seen.fill_(2.0)
        assert not m.nn.parameter.is_lazy(layer.seen) and tuple(layer.state_dict()["seen"].shape) == (2, 3)
        assert layer.seen.dtype == m.float64 and layer.seen.sum() == 12
        waiting = m.nn.UninitializedParameter()
        waiting.materialize((2,), dtype=m.float64)
        assert isinstance(waiting, m.nn.Parameter) and waiting.dtype == m.float64
