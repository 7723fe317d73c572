"""nn against PyTorch: layers in training and evaluation, their reprs, states, arguments and first values."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import minigrad
import minigrad.nn as nn

from .alike import compare, drawn, same, tensors, torch, unit, whole

# -- modules --------------------------------------------------------------------------------------------

LAYERS = [
    ("Linear", (4, 3), (5, 4)), ("Linear", (4, 3, False), (5, 4)), ("Identity", (), (5, 4)), ("Flatten", (), (2, 3, 4)),
    ("Flatten", (0, 1), (2, 3, 4)), ("Unflatten", (1, (2, 3)), (5, 6)), ("Conv1d", (4, 6, 3), (2, 4, 9)),
    ("Conv2d", (4, 6, 3, 2, 1, 1, 2), (2, 4, 8, 7)),
    ("Conv2d", (4, 6, (3, 2), 1, "same", 2, 1, False, "circular"), (2, 4, 8, 7)),
    ("Conv2d", (4, 6, 3, 1, (1, 2), 1, 1, True, "reflect"), (2, 4, 8, 7)), ("Conv3d", (2, 3, 2), (2, 2, 4, 3, 3)),
    ("Conv1d", (4, 6, 3, 1, 2, 1, 1, True, "replicate"), (2, 4, 9)),
    ("ConvTranspose1d", (4, 6, 3, 2, 1, 1), (2, 4, 5)), ("ConvTranspose2d", (4, 6, 3, 2, 1, 1, 2, False), (2, 4, 5, 4)),
    ("ConvTranspose3d", (2, 3, 2), (2, 2, 4, 3, 3)), ("BatchNorm1d", (3,), (4, 3)), ("BatchNorm1d", (3,), (4, 3, 5)),
    ("BatchNorm2d", (3, 1e-3, 0.4), (4, 3, 5, 2)), ("BatchNorm2d", (3, 1e-3, None), (4, 3, 5, 2)),
    ("BatchNorm2d", (3, 1e-3, 0.4, False), (4, 3, 5, 2)), ("BatchNorm2d", (3, 1e-3, 0.4, True, False), (4, 3, 5, 2)),
    ("BatchNorm3d", (3,), (2, 3, 2, 3, 2)), ("LayerNorm", (5,), (4, 5)),
    ("LayerNorm", ((4, 5), 1e-3, False), (2, 4, 5)),
    ("LayerNorm", ([5], 1e-3, True, False), (4, 5)), ("GroupNorm", (2, 6), (2, 6, 3)),
    ("GroupNorm", (3, 6, 1e-3, False), (2, 6, 3)),
    ("InstanceNorm1d", (3,), (2, 3, 5)), ("InstanceNorm1d", (3,), (3, 5)),
    ("InstanceNorm2d", (3, 1e-3, 0.2, True, True), (2, 3, 4, 5)),
    ("InstanceNorm3d", (3,), (2, 3, 2, 3, 2)), ("RMSNorm", (5,), (4, 5)), ("RMSNorm", ((4, 5), 1e-3, False), (2, 4, 5)),
    ("MaxPool1d", (3, 2), (2, 3, 9)), ("MaxPool2d", (2,), (2, 3, 8, 7)),
    ("MaxPool2d", (3, 2, 1, 1, False, True), (2, 3, 8, 7)),
    ("MaxPool3d", (2,), (2, 3, 4, 5, 4)), ("AvgPool1d", (3, 2, 1), (2, 3, 9)),
    ("AvgPool2d", (3, 2, 1, True, False), (2, 3, 8, 7)),
    ("AvgPool3d", (2,), (2, 3, 4, 5, 4)), ("AdaptiveAvgPool1d", (4,), (2, 3, 9)),
    ("AdaptiveAvgPool2d", ((3, None),), (2, 3, 8, 7)),
    ("AdaptiveAvgPool3d", (2,), (2, 3, 4, 5, 4)), ("AdaptiveMaxPool1d", (4,), (2, 3, 9)),
    ("AdaptiveMaxPool2d", ((3, None), True), (2, 3, 8, 7)), ("AdaptiveMaxPool3d", (2,), (2, 3, 4, 5, 4)),
    ("Sigmoid", (), (3, 4)), ("Tanh", (), (3, 4)), ("Softsign", (), (3, 4)), ("Tanhshrink", (), (3, 4)),
    ("LogSigmoid", (), (3, 4)),
    ("ReLU", (), (3, 4)), ("ReLU6", (), (3, 4)), ("SELU", (), (3, 4)), ("SiLU", (), (3, 4)), ("Mish", (), (3, 4)),
    ("Hardswish", (), (3, 4)), ("Hardtanh", (-0.5, 0.7), (3, 4)), ("LeakyReLU", (0.2,), (3, 4)),
    ("ELU", (0.7,), (3, 4)), ("CELU", (0.75,), (3, 4)), ("GELU", (), (3, 4)), ("GELU", ("tanh",), (3, 4)),
    ("Softplus", (2.0, 3.0), (3, 4)),
    ("Softshrink", (0.3,), (3, 4)), ("Hardshrink", (0.3,), (3, 4)), ("Threshold", (0.1, 3.0), (3, 4)),
    ("ReflectionPad2d", ((-1, 2, 0, -1),), (2, 3, 4, 5)), ("ReplicationPad3d", ((1, -2, -1, 3, 0, -1),), (2, 3, 4, 5)),
    ("CircularPad1d", ((-2, 3),), (2, 3, 6)), ("CircularPad2d", ((-1, -1, -2, 1),), (2, 3, 4, 5)), ("GLU", (1,), (3, 4)),
    ("PReLU", (), (3, 4)), ("PReLU", (4, 0.1), (3, 4)), ("Softmax", (1,), (3, 4)), ("LogSoftmax", (1,), (3, 4)),
    ("Softmin", (1,), (3, 4)), ("Softmax2d", (), (2, 3, 4, 5)), ("Dropout", (0.0,), (3, 4)),
]  # fmt: skip


def twins(name, args, kwargs=None):
    """The layer of both, with the same parameters and buffers, in float64."""
    theirs = getattr(torch.nn, name)(*args, **(kwargs or {})).double()
    ours = getattr(nn, name)(*args, **(kwargs or {})).double()
    state = {k: minigrad.tensor(v.numpy()) for k, v in theirs.state_dict().items()}
    assert list(ours.state_dict()) == list(state)
    assert {k: tuple(v.shape) for k, v in ours.state_dict().items()} == {k: tuple(v.shape) for k, v in state.items()}
    ours.load_state_dict(state)
    return ours, theirs


@pytest.mark.parametrize(("name", "args", "shape"), LAYERS)
def test_layer(name, args, shape):
    ours, theirs = twins(name, args)
    assert repr(ours) == repr(theirs)
    for _ in range(2):  # twice in training, so that running statistics count, then in evaluation
        compare_layers(ours, theirs, shape)
    ours.eval(), theirs.eval()
    compare_layers(ours, theirs, shape)


def compare_layers(ours, theirs, shape):
    (x,), (t,) = tensors([drawn(*shape)])
    y, u = ours(x), theirs(t)
    compare(y, u, [x, *ours.parameters()], [t, *theirs.parameters()], second=False)
    for key, value in theirs.state_dict().items():
        same(ours.state_dict()[key], value, key)


@pytest.mark.parametrize(("name", "args", "shape"), LAYERS)
def test_layer_signature(name, args, shape):
    """PyTorch's argument names, order and defaults."""
    ours = inspect.signature(getattr(nn, name).__init__).parameters
    theirs = inspect.signature(getattr(torch.nn, name).__init__).parameters
    if any(p.kind is p.VAR_KEYWORD for p in theirs.values()) or name == "Hardtanh":
        return  # PyTorch's Module takes anything and refuses it; Hardtanh has two retired names
    assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in theirs.values()]


def test_bilinear_and_embedding_layers():
    ours, theirs = twins("Bilinear", (4, 2, 3))
    assert repr(ours) == repr(theirs)
    (a, b), (c, d) = tensors([drawn(5, 4), drawn(5, 2)])
    compare(ours(a, b), theirs(c, d), [a, b, *ours.parameters()], [c, d, *theirs.parameters()])
    for kwargs in ({}, {"padding_idx": 1}, {"scale_grad_by_freq": True}, {"max_norm": 0.8, "norm_type": 1.0}):
        ours, theirs = twins("Embedding", (6, 3), kwargs)
        assert repr(ours) == repr(theirs)
        at = whole(6, 2, 4)
        y, t = ours(minigrad.tensor(at)), theirs(torch.tensor(at))
        compare(y, t, list(ours.parameters()), list(theirs.parameters()), second=False)
        same(ours.weight, theirs.weight)


def test_transposed_layer_with_an_output_size():
    ours, theirs = twins("ConvTranspose2d", (4, 6, 3, 2, 1))
    (x,), (t,) = tensors([drawn(2, 4, 5, 4)])
    same(ours(x, output_size=(10, 7)), theirs(t, output_size=(10, 7)))


LOSSES = [
    ("MSELoss", {}, (3, 4)), ("L1Loss", {"reduction": "sum"}, (3, 4)), ("SmoothL1Loss", {"beta": 0.3}, (3, 4)),
    ("HuberLoss", {"delta": 0.3}, (3, 4)), ("KLDivLoss", {"reduction": "batchmean"}, (3, 4)),
    ("BCEWithLogitsLoss", {}, (3, 4)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options", "shape"), LOSSES)
def test_loss_layer(name, options, shape):
    ours, theirs = getattr(nn, name)(**options), getattr(torch.nn, name)(**options)
    a, b = tensors([drawn(*shape), unit(*shape)])
    compare(ours(*a), theirs(*b), a, b)
    assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("name", [n for n in nn.__all__ if n.endswith("Loss") and n != "NegativeSamplingLoss"])
def test_loss_layer_signature(name):
    ours, theirs = (inspect.signature(getattr(m, name).__init__).parameters for m in (nn, torch.nn))
    assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in theirs.values()]


def test_class_loss_layers():
    for name, options in [("CrossEntropyLoss", {"label_smoothing": 0.1}), ("NLLLoss", {"ignore_index": 2})]:
        w = unit(5)
        ours = getattr(nn, name)(weight=minigrad.tensor(w), **options)
        theirs = getattr(torch.nn, name)(weight=torch.tensor(w), **options)
        a, b = tensors([drawn(4, 5), whole(5, 4)])
        compare(ours(*a), theirs(*b), a, b, second=False)
        assert list(ours.state_dict()) == list(theirs.state_dict())


class Block(nn.Module):
    def __init__(self, lib=nn):
        super().__init__()
        self.body = lib.Sequential(lib.Linear(4, 4), lib.Tanh())
        self.heads = lib.ModuleList([lib.Linear(4, 2) for _ in range(3)] + [lib.Linear(4, 3)])
        self.named = lib.ModuleDict({"a": lib.Linear(2, 2), "norm": lib.BatchNorm1d(4)})
        self.scales = lib.ParameterList([lib.Parameter(drawn_for(lib, 2)), lib.Parameter(drawn_for(lib, 3))])


class TorchBlock(torch.nn.Module):
    __init__ = Block.__init__


def drawn_for(lib, n):
    return (minigrad if lib is nn else torch).ones(n)


def test_containers_name_their_state_as_pytorch():
    ours = Block()
    theirs = torch.nn.Module.__new__(TorchBlock)
    torch.nn.Module.__init__(theirs)
    theirs.body = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Tanh())
    theirs.heads = torch.nn.ModuleList([torch.nn.Linear(4, 2) for _ in range(3)] + [torch.nn.Linear(4, 3)])
    theirs.named = torch.nn.ModuleDict({"a": torch.nn.Linear(2, 2), "norm": torch.nn.BatchNorm1d(4)})
    theirs.scales = torch.nn.ParameterList([torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(3))])
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for which in ("named_parameters", "named_buffers", "named_modules", "named_children"):
        assert [n for n, _ in getattr(ours, which)()] == [n for n, _ in getattr(theirs, which)()], which
    mine = repr(ours.heads), repr(ours.named), repr(ours.body)
    assert mine == (repr(theirs.heads), repr(theirs.named), repr(theirs.body))


# -- first values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(50, 40), (30, 20, 3, 3)])
@pytest.mark.parametrize(
    "name",
    [
        "xavier_uniform_",
        "xavier_normal_",
        "kaiming_uniform_",
        "kaiming_normal_",
        "uniform_",
        "normal_",
        "trunc_normal_",
    ],
)
def test_init_has_pytorchs_moments(name, shape):
    ours = getattr(nn.init, name)(minigrad.zeros(*shape)).numpy()
    theirs = getattr(torch.nn.init, name)(torch.zeros(*shape)).numpy()
    assert abs(ours.std() / theirs.std() - 1) < 0.1
    assert abs(ours.mean() - theirs.mean()) < 0.1 * theirs.std()
    if "normal" not in name or "trunc" in name:
        assert abs(np.abs(ours).max() / np.abs(theirs).max() - 1) < 0.05


@pytest.mark.parametrize("name", ["Linear", "Conv2d", "ConvTranspose2d", "Bilinear", "Embedding"])
def test_default_initialisation(name):
    args = {
        "Linear": (40, 50),
        "Conv2d": (8, 16, 5),
        "ConvTranspose2d": (8, 16, 5),
        "Bilinear": (10, 12, 14),
        "Embedding": (60, 50),
    }[name]
    ours, theirs = getattr(nn, name)(*args), getattr(torch.nn, name)(*args)
    for (key, a), (_, b) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        a, b = a.detach().numpy(), b.detach().numpy()
        assert abs(a.std() / b.std() - 1) < (0.1 if a.size > 100 else 0.6), key
        if name != "Embedding":
            assert np.abs(a).max() <= np.abs(b).max() * (1.01 if a.size > 500 else 1.6), key


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 2, 3), (4, 4)])
def test_orthogonal(shape):
    q = nn.init.orthogonal_(minigrad.zeros(*shape, dtype=minigrad.float64), gain=2.0).numpy().reshape(shape[0], -1)
    product = q @ q.T if q.shape[0] <= q.shape[1] else q.T @ q
    np.testing.assert_allclose(product, 4 * np.eye(min(q.shape)), atol=1e-12)


@pytest.mark.parametrize(("shape", "groups"), [((4, 3, 3), 1), ((6, 2, 3, 2), 2), ((2, 3, 1, 2, 3), 1)])
def test_dirac(shape, groups):
    same(nn.init.dirac_(minigrad.ones(*shape), groups), torch.nn.init.dirac_(torch.ones(*shape), groups))


def test_other_first_values():
    same(nn.init.eye_(minigrad.zeros(3, 5)), torch.nn.init.eye_(torch.zeros(3, 5)))
    w = nn.init.sparse_(minigrad.zeros(20, 7), 0.33, std=2.0).numpy()
    assert ((w == 0).sum(axis=0) == 7).all()
    assert nn.init._calculate_fan_in_and_fan_out(minigrad.zeros(4, 3, 5, 2)) == torch.nn.init._calculate_fan_in_and_fan_out(
        torch.zeros(4, 3, 5, 2)
    )
    for name, param in [
        ("linear", None),
        ("conv2d", None),
        ("sigmoid", None),
        ("tanh", None),
        ("relu", None),
        ("leaky_relu", 0.3),
        ("leaky_relu", None),
        ("selu", None),
    ]:
        assert nn.init.calculate_gain(name, param) == pytest.approx(torch.nn.init.calculate_gain(name, param))
    w = nn.init.trunc_normal_(minigrad.zeros(5000), mean=1.0, std=2.0, a=0.5, b=1.5).numpy()
    assert w.min() >= 0.5 and w.max() <= 1.5 and abs(w.mean() - 1) < 0.02


KEPT = [("BatchNorm1d", (4, 3)), ("BatchNorm2d", (2, 3, 4, 4)), ("InstanceNorm1d", (2, 3, 5))]


@pytest.mark.parametrize(("name", "shape"), KEPT)
def test_running_statistics_that_are_no_longer_tracked_stay(name, shape):
    results = []
    for lib in (minigrad, torch):
        layer = getattr(lib.nn, name)(3, affine=False, track_running_stats=True)
        x = lib.tensor(np.random.default_rng(0).standard_normal(shape).astype(np.float32))
        layer(x)
        layer.track_running_stats = False
        results.append([t.numpy() for t in (layer(2 * x), *layer.state_dict().values(), layer.eval()(3 * x))])
    for got, want in zip(*results, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
