"""nn.utils, lazy layers and SyncBatchNorm against PyTorch: gradients clipped, weights reparametrised, layers fused."""

from __future__ import annotations

import importlib
import warnings

import numpy as np
import pytest

import minigrad
import minigrad.nn as nn

from .alike import compare, drawn, same, tensors, torch

U, TU = nn.utils, torch.nn.utils
LAYERS = [
    ("Linear", (4, 3), (5, 4)), ("Conv1d", (4, 6, 3), (2, 4, 9)), ("Conv2d", (4, 6, 3), (2, 4, 8, 7)),
    ("ConvTranspose2d", (4, 6, 3), (2, 4, 5, 4)),
]  # fmt: skip


def twins(name, args):
    """The layer of both in float64, with the same parameters."""
    ours, theirs = getattr(nn, name)(*args).double(), getattr(torch.nn, name)(*args).double()
    copied(ours, theirs)
    return ours, theirs


def copied(ours, theirs):
    """The state of theirs in ours: equal keys, in one order."""
    state = theirs.state_dict()
    assert list(ours.state_dict()) == list(state)
    ours.load_state_dict({k: minigrad.tensor(v.numpy()) for k, v in state.items()})


def same_state(ours, theirs):
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for key, value in theirs.state_dict().items():
        same(ours.state_dict()[key], value, key)


# -- gradients and vectors -----------------------------------------------------------------------------------------------


def with_gradients(scale):
    pairs = []
    for module in (minigrad, torch):
        ps = [module.tensor(drawn(*s), requires_grad=True) for s in ((3, 4), (5,), ())]
        for p in ps[:2]:  # the third has none
            p.grad = module.tensor(drawn(*p.shape, seed=1) * scale)
        pairs.append(ps)
    return pairs


@pytest.mark.parametrize("norm_type", [2.0, 1, 3.0, float("inf"), "inf"])
@pytest.mark.parametrize("scale", [0.01, 10.0])
def test_clip_grad_norm(norm_type, scale):
    ours, theirs = with_gradients(scale)
    same(U.get_total_norm([p.grad for p in ours[:2]], norm_type), TU.get_total_norm([p.grad for p in theirs[:2]], norm_type))
    same(U.clip_grad_norm_(ours, 1.5, norm_type), TU.clip_grad_norm_(theirs, 1.5, norm_type))
    for a, b in zip(ours[:2], theirs[:2], strict=True):
        same(a.grad, b.grad)
    assert ours[2].grad is None


def test_clip_grad_value_and_one_tensor():
    ours, theirs = with_gradients(1.0)
    U.clip_grad_value_(ours, 0.3), TU.clip_grad_value_(theirs, 0.3)
    U.clip_grad_value_(ours[0], 0.2), TU.clip_grad_value_(theirs[0], 0.2)
    for a, b in zip(ours[:2], theirs[:2], strict=True):
        same(a.grad, b.grad)
    same(U.clip_grad_norm_(ours[2], 1.0), TU.clip_grad_norm_(theirs[2], 1.0))
    same(U.clip_grad_norm_((p for p in ours), 1.0), TU.clip_grad_norm_((p for p in theirs), 1.0))


def test_parameters_and_vectors():
    ours, theirs = twins("Conv1d", (4, 6, 3))
    v, u = U.parameters_to_vector(ours.parameters()), TU.parameters_to_vector(theirs.parameters())
    compare(v, u, list(ours.parameters()), list(theirs.parameters()))
    U.vector_to_parameters(v * 2, ours.parameters()), TU.vector_to_parameters(u * 2, theirs.parameters())
    same_state(ours, theirs)


# -- reparametrised weights ----------------------------------------------------------------------------------------------


def stepped(ours, theirs, shape):
    (x,), (t,) = tensors([drawn(*shape)])
    compare(ours(x), theirs(t), [x, *ours.parameters()], [t, *theirs.parameters()], second=False)
    same(ours.weight, theirs.weight)
    same_state(ours, theirs)


@pytest.mark.parametrize(("name", "args", "shape"), LAYERS)
@pytest.mark.parametrize("dim", [0, 1, -1, None])
def test_weight_norm(name, args, shape, dim):
    ours, theirs = twins(name, args)
    U.weight_norm(ours, dim=dim)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        if dim == -1:  # PyTorch takes -1 for None
            dim = theirs.weight.ndim - 1
        TU.weight_norm(theirs, dim=dim)
    same_state(ours, theirs)
    stepped(ours, theirs, shape)
    U.remove_weight_norm(ours), TU.remove_weight_norm(theirs)
    same_state(ours, theirs)
    assert isinstance(ours.weight, nn.Parameter) and not ours._forward_pre_hooks


@pytest.mark.parametrize(("name", "args", "shape"), LAYERS)
@pytest.mark.parametrize("iterations", [1, 3])
def test_spectral_norm(name, args, shape, iterations):
    ours, theirs = twins(name, args)
    U.spectral_norm(ours, n_power_iterations=iterations), TU.spectral_norm(theirs, n_power_iterations=iterations)
    copied(ours, theirs)
    stepped(ours, theirs, shape), stepped(ours, theirs, shape)
    ours.eval(), theirs.eval()
    stepped(ours, theirs, shape)
    U.remove_spectral_norm(ours), TU.remove_spectral_norm(theirs)
    same_state(ours, theirs)


# -- fusion --------------------------------------------------------------------------------------------------------------


def seen(norm):
    """Running statistics and parameters other than the first."""
    n = norm.num_features
    for name, values in (("running_mean", drawn(n)), ("running_var", drawn(n) ** 2 + 0.1), ("weight", drawn(n, seed=1)),
                         ("bias", drawn(n, seed=2))):  # fmt: skip
        t = getattr(norm, name)
        t.data = (minigrad if isinstance(t, minigrad.Tensor) else torch).tensor(values)
    return norm.eval()


@pytest.mark.parametrize(("name", "args", "shape"), [*LAYERS, ("Conv2d", (4, 6, 3, 1, 0, 1, 1, False), (2, 4, 8, 7))])
def test_fusion(name, args, shape):
    ours, theirs = twins(name, args)
    rank = 1 if name == "Linear" else len(shape) - 2
    bn, tbn = (seen(getattr(m, f"BatchNorm{rank}d")(args[1], 1e-3).double()) for m in (nn, torch.nn))
    how = "fuse_linear_bn_eval" if name == "Linear" else "fuse_conv_bn_eval"
    more = (True,) if "Transpose" in name else ()
    fused, their_fused = getattr(U, how)(ours.eval(), bn, *more), getattr(TU, how)(theirs.eval(), tbn, *more)
    same_state(fused, their_fused)
    x = minigrad.tensor(drawn(*shape))
    np.testing.assert_allclose(fused(x).detach().numpy(), bn(ours(x)).detach().numpy(), rtol=1e-10, atol=1e-12)


# -- lazy layers and the synchronised batch norm -------------------------------------------------------------------------

LAZY = [
    ("LazyLinear", (3,), (5, 4)), ("LazyLinear", (3, False), (5, 4)), ("LazyConv1d", (6, 3), (2, 4, 9)),
    ("LazyConv2d", (6, 3, 2, 1, 1, 2), (2, 4, 8, 7)), ("LazyConv3d", (3, 2), (2, 2, 4, 3, 3)),
    ("LazyConvTranspose1d", (6, 3), (2, 4, 5)), ("LazyConvTranspose2d", (6, 3, 2, 1, 1, 2), (2, 4, 5, 4)),
    ("LazyConvTranspose3d", (3, 2), (2, 2, 4, 3, 3)), ("LazyBatchNorm1d", (), (4, 3)),
    ("LazyBatchNorm2d", (1e-3, 0.2), (4, 3, 5, 2)), ("LazyBatchNorm3d", (), (2, 3, 2, 3, 2)),
    ("LazyInstanceNorm1d", (), (2, 3, 5)), ("LazyInstanceNorm2d", (), (2, 3, 4, 5)),
    ("LazyInstanceNorm3d", (), (2, 3, 2, 3, 2)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "shape"), LAZY)
def test_lazy_layer(name, args, shape):
    ours, theirs = getattr(nn, name)(*args).double(), getattr(torch.nn, name)(*args).double()
    assert repr(ours) == repr(theirs) and ours.has_uninitialized_params() == theirs.has_uninitialized_params()
    held = list(ours.parameters())  # what an optimizer made now would hold
    (x,), (t,) = tensors([drawn(*shape)])
    ours.eval()(x), theirs.eval()(t)
    assert type(ours) is getattr(nn, name[4:]) and repr(ours) == repr(theirs)
    assert all(a is b and type(a) is nn.Parameter for a, b in zip(held, ours.parameters(), strict=True))
    copied(ours, theirs)
    ours.train(), theirs.train()
    compare(ours(x), theirs(t), [x, *ours.parameters()], [t, *theirs.parameters()], second=False)
    same_state(ours, theirs)


def test_sync_batch_norm_has_the_face():
    ours = nn.SyncBatchNorm.convert_sync_batchnorm(nn.Sequential(nn.Linear(4, 3), nn.Sequential(nn.BatchNorm1d(3)))).double()
    theirs = torch.nn.SyncBatchNorm.convert_sync_batchnorm(
        torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Sequential(torch.nn.BatchNorm1d(3)))
    ).double()
    assert repr(ours) == repr(theirs)
    copied(ours, theirs)
    (x,), (t,) = tensors([drawn(5, 4)])
    ours.eval(), theirs.eval()  # in training PyTorch's needs a process group
    compare(ours(x), theirs(t), [x, *ours.parameters()], [t, *theirs.parameters()], second=False)


# -- averages of weights -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["default", "swa", "swa multi", "ema", "ema multi", "own"])
@pytest.mark.parametrize("use_buffers", [False, True])
def test_averaged_model(kind, use_buffers):
    results = []
    for lib in (minigrad, torch):
        swa = lib.optim.swa_utils
        options = {"default": {}, "swa": {"avg_fn": swa.get_swa_avg_fn()},
                   "swa multi": {"multi_avg_fn": swa.get_swa_multi_avg_fn()}, "ema": {"avg_fn": swa.get_ema_avg_fn(0.7)},
                   "ema multi": {"multi_avg_fn": swa.get_ema_multi_avg_fn(0.7)},
                   "own": {"avg_fn": lambda averaged, current, n: averaged * 0.5 + current * n}}[kind]  # fmt: skip
        model = lib.nn.Sequential(lib.nn.Linear(4, 3), lib.nn.InstanceNorm1d(3, affine=True, track_running_stats=False))
        if use_buffers:
            model.register_buffer("kept", lib.zeros(2))
        averaged = swa.AveragedModel(model, use_buffers=use_buffers, **options)
        for k in range(4):
            with lib.no_grad():
                for i, p in enumerate([*model.parameters(), *model.buffers()]):
                    p.copy_(lib.full(p.shape, 0.3 * i + k * k))
            averaged.update_parameters(model)
        assert averaged.n_averaged.item() == 4 and averaged.module[0].weight is not model[0].weight
        results.append({key: value.numpy() for key, value in averaged.state_dict().items()})
    assert list(results[0]) == list(results[1])
    for key in results[0]:
        np.testing.assert_allclose(results[0][key], results[1][key], rtol=1e-5)


def test_averaged_model_keeps_the_buffers_of_the_model_and_update_bn_counts_them_anew():
    batches = [drawn(6, 3, seed=k).astype(np.float32) for k in range(3)]
    results = []
    for lib in (minigrad, torch):
        swa, model = lib.optim.swa_utils, lib.nn.Sequential(lib.nn.BatchNorm1d(3), lib.nn.Dropout(0.0))
        averaged = swa.AveragedModel(model)
        model(lib.tensor(batches[0]))
        averaged.update_parameters(model)
        state = {key: value.clone() for key, value in averaged.state_dict().items()}
        swa.update_bn([(lib.tensor(x), 0) for x in batches], averaged.eval())
        assert not averaged.training and averaged.module[0].momentum == 0.1
        results.append([value.numpy() for value in (*state.values(), *averaged.state_dict().values())])
    for got, want in zip(*results, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5)


def test_averaging_refuses():
    for lib in (minigrad, torch):
        swa = lib.optim.swa_utils
        with pytest.raises(AssertionError, match="Only one of avg_fn and multi_avg_fn"):
            swa.AveragedModel(lib.nn.ReLU(), avg_fn=max, multi_avg_fn=max)
        for make in (swa.get_ema_avg_fn, swa.get_ema_multi_avg_fn):
            with pytest.raises(ValueError, match="Invalid decay value"):
                make(1.5)


def test_what_scripts_take_from_inside_torch_nn():
    found = []
    for lib in (minigrad, torch):
        modules = importlib.import_module(f"{lib.__name__}.nn.modules.transformer")
        stateless = importlib.import_module(f"{lib.__name__}.nn.utils.stateless")
        assert [type(m).__name__ for m in modules._get_clones(lib.nn.Linear(1, 1), 2)] == ["Linear", "Linear"]
        assert modules._get_activation_fn("relu") is lib.nn.functional.relu
        rnn = lib.nn.LSTM(2, 3, 2, bidirectional=True, proj_size=2)
        weights = {"weight": lib.ones(1, 2), "bias": lib.zeros(1)}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            found.append([[tuple(w.shape) for w in rnn._flat_weights], rnn._flat_weights_names,
                          stateless.functional_call(lib.nn.Linear(2, 1), weights, (lib.ones(1, 2),)).tolist()])  # fmt: skip
        for part in ("instancenorm", "flatten", "fold", "distance", "channelshuffle", "pixelshuffle", "adaptive"):
            importlib.import_module(f"{lib.__name__}.nn.modules.{part}")
    assert found[0] == found[1]


def test_fused_weights_of_a_linear_layer():
    values = [drawn(3, 4), drawn(3), drawn(3), drawn(3) ** 2, 1e-3, drawn(3), drawn(3)]
    ours, theirs = (
        lib.nn.utils.fusion.fuse_linear_bn_weights(*(v if isinstance(v, float) else lib.tensor(v) for v in values))
        for lib in (minigrad, torch)
    )
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine.detach().numpy(), other.detach().numpy(), atol=1e-12)


def test_a_prefix_is_taken_off_a_state():
    found = []
    for lib in (minigrad, torch):
        net = lib.nn.Sequential(lib.nn.Linear(1, 1), lib.nn.BatchNorm1d(1))
        state = lib.nn.DataParallel(net).state_dict()
        lib.nn.modules.utils.consume_prefix_in_state_dict_if_present(state, "module.")
        found.append((list(state), dict(state._metadata)))
        assert not any(net.load_state_dict(state))
        assert lib.utils.data._utils.collate.default_collate(["a"]) == ["a"]
    assert found[0] == found[1]
