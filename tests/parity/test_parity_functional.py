"""nn.functional against PyTorch: values, gradients and second gradients, for every documented argument."""

from __future__ import annotations

import inspect
import warnings

import numpy as np
import pytest

import minigrad
import minigrad.nn as nn
import minigrad.nn.functional as F

from .alike import compare, drawn, same, tensors, torch, unit, whole

TF = torch.nn.functional


def call(name, arrays, options, second=True):
    ours, theirs = tensors(arrays)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y, t = getattr(F, name)(*ours, **options), getattr(TF, name)(*theirs, **options)
    compare(y, t, ours, theirs, second)


# -- activations ----------------------------------------------------------------------------------------

KINKS = np.array([-30.0, -6.0, -3.0, -1.0, -0.5, -0.2, 0.0, 0.3, 0.5, 1.0, 2.0, 3.0, 5.9, 6.0, 7.0, 25.0])
ACTIVATIONS = [
    ("relu", {}), ("relu6", {}), ("leaky_relu", {}), ("leaky_relu", {"negative_slope": -0.3}), ("elu", {}),
    ("elu", {"alpha": 0.4}),
    ("selu", {}), ("celu", {}), ("celu", {"alpha": 2.5}), ("gelu", {}), ("gelu", {"approximate": "tanh"}), ("silu", {}),
    ("mish", {}), ("hardtanh", {}), ("hardtanh", {"min_val": -3.0, "max_val": 0.3}), ("hardswish", {}),
    ("softplus", {}), ("softplus", {"beta": 2.5, "threshold": 5}), ("softsign", {}), ("softshrink", {}),
    ("softshrink", {"lambd": 1.0}), ("hardshrink", {}), ("hardshrink", {"lambd": 0.0}), ("tanhshrink", {}),
    ("threshold", {"threshold": 0.5, "value": 20.0}), ("logsigmoid", {}), ("sigmoid", {}), ("tanh", {}), ("rrelu", {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options"), ACTIVATIONS)
def test_activation(name, options):
    # hardswish's second gradient in PyTorch keeps the middle branch at the borders
    call(name, [drawn(3, 4) * 3], options)
    call(name, [KINKS], options, second=False)
    call(name, [np.zeros((0, 3))], options, second=False)
    call(name, [np.array(0.7)], options)


@pytest.mark.parametrize(
    "name", ["relu", "relu6", "leaky_relu", "elu", "selu", "celu", "silu", "mish", "hardtanh", "hardswish"]
)
def test_activation_in_place(name):
    x, t = minigrad.tensor(KINKS, requires_grad=True), torch.tensor(KINKS, requires_grad=True)
    y, u = x * 1.0, t * 1.0
    kept = getattr(F, name)(y, inplace=True)
    assert kept is y
    getattr(TF, name)(u, inplace=True)
    same(y, u)
    y.sum().backward()
    u.sum().backward()
    same(x.grad, t.grad)


def test_hardsigmoid():
    """PyTorch's slope is 1/6 in float32 even for float64, so the slope is held against the formula."""
    x, t = minigrad.tensor(KINKS, requires_grad=True), torch.tensor(KINKS)
    y = nn.Hardsigmoid()(x)
    same(y, TF.hardsigmoid(t))
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), np.where(np.abs(KINKS) < 3, 1 / 6, 0.0))


def test_activation_float32_keeps_its_type():
    for name, options in ACTIVATIONS:
        x = KINKS.astype(np.float32)
        y = getattr(F, name)(minigrad.tensor(x), **options)
        assert y.dtype is minigrad.tensor(x).dtype, name
        np.testing.assert_allclose(
            y.numpy(), getattr(TF, name)(torch.tensor(x), **options).numpy(), rtol=2e-6, atol=2e-6, err_msg=name
        )


@pytest.mark.parametrize("dim", [0, 1, -1, -3])
def test_softmax_family(dim):
    for name in ("softmax", "log_softmax", "softmin"):
        call(name, [drawn(4, 2, 6)], {"dim": dim})
    call("glu", [drawn(4, 2, 6)], {"dim": dim})


def test_softmax_without_dim_warns():
    for name in ("softmax", "log_softmax", "softmin"):
        for shape in ((4,), (2, 3), (2, 3, 4), (2, 3, 4, 5)):
            with pytest.warns(UserWarning, match="Implicit dimension choice"):
                y = getattr(F, name)(minigrad.tensor(drawn(*shape)))
            with pytest.warns(UserWarning):
                same(y, getattr(TF, name)(torch.tensor(drawn(*shape))))


def test_prelu():
    call("prelu", [drawn(3, 4, 5), drawn(4)], {})
    call("prelu", [drawn(3, 4), drawn(1)], {})
    call("prelu", [drawn(6), drawn(1)], {})
    call("prelu", [np.array(-1.5), drawn(1)], {})
    call("prelu", [np.zeros((2, 3)), drawn(3)], {}, second=False)


# -- linear maps and tables -----------------------------------------------------------------------------


@pytest.mark.parametrize("lead", [(), (5,), (2, 3), (0,), (2, 0, 3)])
def test_linear(lead):
    call("linear", [drawn(*lead, 4), drawn(3, 4), drawn(3)], {})
    call("linear", [drawn(*lead, 4), drawn(3, 4)], {})


def test_linear_of_a_vector_weight():
    call("linear", [drawn(5, 4), drawn(4)], {})


@pytest.mark.parametrize("lead", [(), (5,), (2, 3)])
def test_bilinear(lead):
    call("bilinear", [drawn(*lead, 4), drawn(*lead, 2), drawn(3, 4, 2), drawn(3)], {})
    call("bilinear", [drawn(*lead, 4), drawn(*lead, 2), drawn(3, 4, 2)], {})


@pytest.mark.parametrize("shape", [(), (4,), (2, 3), (0,)])
@pytest.mark.parametrize("options", [{}, {"padding_idx": 2}, {"padding_idx": -1}, {"scale_grad_by_freq": True},
                                     {"padding_idx": 0, "scale_grad_by_freq": True}])  # fmt: skip
def test_embedding(shape, options):
    call("embedding", [whole(5, *shape), drawn(5, 3)], options, second=False)


@pytest.mark.parametrize("norm_type", [2.0, 1.0])
def test_embedding_max_norm_writes_the_rows_that_are_used(norm_type):
    w, t = minigrad.tensor(drawn(5, 3)), torch.tensor(drawn(5, 3))
    index = np.array([[0, 3], [3, 1]])
    y = F.embedding(minigrad.tensor(index), w, max_norm=0.7, norm_type=norm_type)
    same(y, TF.embedding(torch.tensor(index), t, max_norm=0.7, norm_type=norm_type))
    same(w, t)


def test_one_hot():
    same(F.one_hot(minigrad.tensor([[0, 2], [1, 0]])), TF.one_hot(torch.tensor([[0, 2], [1, 0]])))
    same(F.one_hot(minigrad.tensor(1), 5), TF.one_hot(torch.tensor(1), 5))


# -- convolution ----------------------------------------------------------------------------------------

IMAGES = {1: (9,), 2: (8, 7), 3: (5, 6, 5)}
CONVOLUTIONS = [
    {}, {"stride": 2}, {"padding": 1}, {"dilation": 2}, {"groups": 2}, {"padding": "same"}, {"padding": "valid"},
    {"padding": "same", "dilation": 2}, {"stride": 2, "padding": 2, "dilation": 1, "groups": 2}, {"stride": (3,)},
]  # fmt: skip


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("options", CONVOLUTIONS)
@pytest.mark.parametrize("kernel", [3, 2])
def test_conv(n, options, kernel):
    groups = options.get("groups", 1)
    weight = drawn(6, 4 // groups, *(kernel,) * n)
    name = f"conv{n}d"
    second = n < 3
    call(name, [drawn(2, 4, *IMAGES[n]), weight, drawn(6)], options, second)
    call(name, [drawn(4, *IMAGES[n]), weight], options, second)


def test_conv_tuples():
    call(
        "conv2d",
        [drawn(2, 3, 8, 9), drawn(4, 3, 3, 2), drawn(4)],
        {"stride": (2, 1), "padding": (0, 2), "dilation": (1, 3)},
    )
    call("conv2d", [drawn(0, 3, 8, 9), drawn(4, 3, 3, 2), drawn(4)], {}, second=False)


TRANSPOSED = [
    {}, {"stride": 2}, {"stride": 2, "padding": 1, "output_padding": 1}, {"groups": 2}, {"dilation": 2}, {"padding": 1},
    {"stride": 1, "dilation": 3, "output_padding": 2},
    {"stride": 2, "dilation": 3, "padding": 1, "output_padding": 2, "groups": 2},
]  # fmt: skip


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("options", TRANSPOSED)
def test_conv_transpose(n, options):
    groups = options.get("groups", 1)
    image = IMAGES[n] if n < 3 else (3, 3, 2)
    weight = drawn(4, 6 // groups, *(3, 2, 3)[:n])
    call(f"conv_transpose{n}d", [drawn(2, 4, *image), weight, drawn(6)], options, n < 3)
    call(f"conv_transpose{n}d", [drawn(4, *image), weight], options, n < 3)


# -- pooling --------------------------------------------------------------------------------------------

WINDOWS = [
    {"kernel_size": 2}, {"kernel_size": 3, "stride": 2}, {"kernel_size": 3, "stride": 1, "padding": 1},
    {"kernel_size": 3, "stride": 2, "ceil_mode": True},
    {"kernel_size": 3, "stride": 3, "padding": 1, "ceil_mode": True},
    {"kernel_size": 2, "stride": 3, "ceil_mode": True},
]  # fmt: skip


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize(
    "options",
    [
        *WINDOWS,
        {"kernel_size": 2, "dilation": 2, "stride": 1},
        {"kernel_size": 3, "dilation": 2, "stride": 2, "padding": 1, "ceil_mode": True},
    ],
)
@pytest.mark.parametrize("return_indices", [False, True])
def test_max_pool(n, options, return_indices):
    image = IMAGES[n] if n < 3 else (6, 7, 5)
    call(f"max_pool{n}d", [drawn(2, 3, *image)], {**options, "return_indices": return_indices}, n < 3)
    call(f"max_pool{n}d", [drawn(3, *image)], {**options, "return_indices": return_indices}, n < 3)


def test_max_pool_ties_go_to_the_first():
    call("max_pool2d", [np.zeros((1, 1, 4, 4))], {"kernel_size": 3, "stride": 1}, second=False)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("options", WINDOWS)
@pytest.mark.parametrize("count_include_pad", [False, True])
def test_avg_pool(n, options, count_include_pad):
    call(f"avg_pool{n}d", [drawn(2, 3, *IMAGES[n])], {**options, "count_include_pad": count_include_pad})
    call(f"avg_pool{n}d", [drawn(3, *IMAGES[n])], {**options, "count_include_pad": count_include_pad})
    if n > 1:
        call(f"avg_pool{n}d", [drawn(2, 3, *IMAGES[n])], {**options, "divisor_override": 5})


@pytest.mark.parametrize("sizes", [1, 2, 3, 4, (None, 2), (7, 3)])
def test_adaptive_pool_2d(sizes):
    for name in ("adaptive_avg_pool2d", "adaptive_max_pool2d"):
        call(name, [drawn(2, 3, 8, 6)], {"output_size": sizes})
        call(name, [drawn(3, 7, 5)], {"output_size": sizes})
    call("adaptive_max_pool2d", [drawn(2, 3, 7, 5)], {"output_size": sizes, "return_indices": True})


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("sizes", [1, 2, 3])
def test_adaptive_pool(n, sizes):
    for name in (f"adaptive_avg_pool{n}d", f"adaptive_max_pool{n}d"):
        call(name, [drawn(2, 3, *IMAGES[n])], {"output_size": sizes})
    call(f"adaptive_max_pool{n}d", [drawn(2, 3, *IMAGES[n])], {"output_size": sizes, "return_indices": True}, False)


@pytest.mark.parametrize("pad", [(1, 2), (2, 1, 0, 3), (1, 1, 2, 2, 0, 1)])
@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
def test_pad(pad, mode):
    call("pad", [drawn(2, 3, *(4, 4, 4)[: len(pad) // 2])], {"pad": pad, "mode": mode})


def test_pad_constant():
    call("pad", [drawn(4, 5)], {"pad": (-1, 2, 3, -2), "value": 2.5})
    call("pad", [drawn(4, 5)], {"pad": (-1, 0)})


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
@pytest.mark.parametrize("pad", [(-1, 1), (2, -3), (-2, 2), (-1, -1), (-4, 0)])
def test_pad_that_adds_at_one_end_and_cuts_at_the_other(pad, mode):
    call("pad", [drawn(2, 3, 5)], {"pad": pad, "mode": mode})


# -- normalization --------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(6, 3), (4, 3, 5), (2, 3, 4, 5), (2, 3, 2, 3, 2)])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("affine", [False, True])
def test_batch_norm(shape, training, affine):
    ours, theirs = tensors([drawn(*shape), drawn(3, seed=1), drawn(3, seed=2)])
    stats = [drawn(3, seed=3), unit(3)]
    mine, their = [minigrad.tensor(s) for s in stats], [torch.tensor(s) for s in stats]
    more, their_more = (ours[1:], theirs[1:]) if affine else ([], [])
    y = F.batch_norm(ours[0], *mine, *more, training=training, momentum=0.3, eps=1e-3)
    t = TF.batch_norm(theirs[0], *their, *their_more, training=training, momentum=0.3, eps=1e-3)
    compare(y, t, [ours[0], *more], [theirs[0], *their_more])
    for a, b in zip(mine, their, strict=True):
        same(a, b, "running")


def test_layer_norm():
    for sizes in ((5,), (4, 5)):
        call("layer_norm", [drawn(2, 4, 5), sizes, drawn(*sizes, seed=1), drawn(*sizes, seed=2)], {"eps": 1e-3})
        call("layer_norm", [drawn(2, 4, 5), sizes], {})
        call("rms_norm", [drawn(2, 4, 5), sizes, drawn(*sizes, seed=1)], {"eps": 1e-3})
        call("rms_norm", [drawn(2, 4, 5), sizes], {})


@pytest.mark.parametrize("groups", [1, 2, 6])
def test_group_norm(groups):
    call("group_norm", [drawn(2, 6, 3, 4), groups, drawn(6), drawn(6, seed=1)], {})
    call("group_norm", [drawn(2, 6, 3), groups], {"eps": 0.1})


@pytest.mark.parametrize("own", [True, False])
def test_instance_norm(own):
    ours, theirs = tensors([drawn(2, 3, 4, 5), drawn(3, seed=1), drawn(3, seed=2)])
    mine, their = ([f(s) for s in (drawn(3, seed=3), unit(3))] for f in (minigrad.tensor, torch.tensor))
    y = F.instance_norm(ours[0], *mine, *ours[1:], use_input_stats=own, momentum=0.3)
    t = TF.instance_norm(theirs[0], *their, *theirs[1:], use_input_stats=own, momentum=0.3)
    compare(y, t, ours, theirs)
    for a, b in zip(mine, their, strict=True):
        same(a, b, "running")


def test_normalize():
    call("normalize", [drawn(3, 4)], {})
    call("normalize", [drawn(3, 4)], {"p": 3.0, "dim": 0})


# -- losses ---------------------------------------------------------------------------------------------

REDUCTIONS = ["none", "mean", "sum"]


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_losses_of_numbers(reduction):
    x, t = drawn(3, 4), drawn(3, 4, seed=1)
    far = np.array([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0])
    for name, options in [("mse_loss", {}), ("l1_loss", {}), ("smooth_l1_loss", {}), ("smooth_l1_loss", {"beta": 0.4}),
                          ("smooth_l1_loss", {"beta": 0.0}), ("huber_loss", {}),
                          ("huber_loss", {"delta": 0.4})]:  # fmt: skip
        call(name, [x, t], {**options, "reduction": reduction})
        call(name, [far, np.zeros(7)], {**options, "reduction": reduction}, second=False)
        call(name, [np.array(0.3), np.array(-0.3)], {**options, "reduction": reduction})


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_losses_with_element_weights(reduction):
    for name in ("mse_loss", "l1_loss", "huber_loss"):
        ours, theirs = tensors([drawn(3, 4), drawn(3, 4, seed=1)])
        w = unit(3, 4)
        y = getattr(F, name)(*ours, reduction=reduction, weight=minigrad.tensor(w))
        t = getattr(TF, name)(*theirs, reduction=reduction, weight=torch.tensor(w))
        compare(y, t, ours, theirs)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_binary_cross_entropy(reduction):
    x, t = unit(3, 4), unit(3, 4, seed=1)
    call("binary_cross_entropy", [x, t], {"reduction": reduction})
    ours, theirs = tensors([x, t])
    w = unit(4, seed=2)
    y = F.binary_cross_entropy(*ours, minigrad.tensor(w), reduction=reduction)
    compare(y, TF.binary_cross_entropy(*theirs, torch.tensor(w), reduction=reduction), ours, theirs)
    edge = [np.array([0.0, 0.0, 1.0, 1.0, 0.5]), np.array([0.0, 1.0, 0.0, 1.0, 1.0])]
    ours, theirs = tensors([e.astype(np.float32) for e in edge])  # PyTorch's bound 1e-12 is a float32 also in float64
    ours[1].requires_grad_(False), theirs[1].requires_grad_(False)
    options = {"reduction": reduction}
    compare(
        F.binary_cross_entropy(*ours, **options),
        TF.binary_cross_entropy(*theirs, **options),
        ours,
        theirs,
        second=False,
    )


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_binary_cross_entropy_with_logits(reduction):
    name = "binary_cross_entropy_with_logits"
    x, t = drawn(3, 4) * 4, unit(3, 4)
    call(name, [x, t], {"reduction": reduction})
    call(name, [np.array([-800.0, 0.0, 800.0]), np.array([1.0, 0.3, 0.0])], {"reduction": reduction})
    ours, theirs = tensors([x, t])
    w, p = unit(4), unit(4, seed=1) * 3
    y = F.binary_cross_entropy_with_logits(*ours, minigrad.tensor(w), reduction=reduction, pos_weight=minigrad.tensor(p))
    u = TF.binary_cross_entropy_with_logits(*theirs, torch.tensor(w), reduction=reduction, pos_weight=torch.tensor(p))
    compare(y, u, ours, theirs)


@pytest.mark.parametrize("reduction", [*REDUCTIONS, "batchmean"])
@pytest.mark.parametrize("log_target", [False, True])
def test_kl_div(reduction, log_target):
    t = np.log(unit(3, 4, seed=1)) if log_target else unit(3, 4, seed=1)
    call("kl_div", [np.log(unit(3, 4)), t], {"reduction": reduction, "log_target": log_target})
    if not log_target:
        t[0, 0] = 0.0
        ours, theirs = tensors([np.log(unit(3, 4)), t])
        same(F.kl_div(*ours, reduction="sum"), TF.kl_div(*theirs, reduction="sum"))


SHAPES = [((5,), ()), ((4, 5), (4,)), ((2, 5, 3), (2, 3)), ((2, 5, 3, 2), (2, 3, 2))]


@pytest.mark.parametrize(("shape", "goal"), SHAPES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_class_losses(shape, goal, reduction):
    target = whole(5, *goal, seed=3)
    some = np.array(target)
    if some.ndim:
        some.reshape(-1)[0] = -100
    w = unit(5)
    for weight in (None, w):
        for at, ignore in ((target, -100), (some, -100), (target, 2)):
            ours, theirs = tensors([drawn(*shape), at])
            options = {"reduction": reduction, "ignore_index": ignore}
            mine = {**options, "weight": None if weight is None else minigrad.tensor(weight)}
            their = {**options, "weight": None if weight is None else torch.tensor(weight)}
            compare(F.nll_loss(*ours, **mine), TF.nll_loss(*theirs, **their), ours, theirs, second=False)
            compare(F.cross_entropy(*ours, **mine), TF.cross_entropy(*theirs, **their), ours, theirs)
            smooth = {"label_smoothing": 0.2}
            compare(F.cross_entropy(*ours, **mine, **smooth), TF.cross_entropy(*theirs, **their, **smooth), ours, theirs)


@pytest.mark.parametrize("shape", [(5,), (4, 5), (2, 5, 3)])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_cross_entropy_with_probabilities(shape, reduction):
    p = unit(*shape, seed=1)
    p /= p.sum(0 if len(shape) == 1 else 1, keepdims=True)
    w = unit(5)
    for smoothing in (0.0, 0.3):
        ours, theirs = tensors([drawn(*shape), p])
        options = {"reduction": reduction, "label_smoothing": smoothing}
        compare(F.cross_entropy(*ours, **options), TF.cross_entropy(*theirs, **options), ours, theirs)
        y = F.cross_entropy(*ours, weight=minigrad.tensor(w), **options)
        compare(y, TF.cross_entropy(*theirs, weight=torch.tensor(w), **options), ours, theirs)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_all_targets_ignored_is_nan_as_in_pytorch():
    y = F.cross_entropy(minigrad.zeros(2, 3), minigrad.tensor([-100, -100]))
    assert np.isnan(y.item()) and torch.isnan(TF.cross_entropy(torch.zeros(2, 3), torch.tensor([-100, -100])))


def test_retired_arguments():
    x, t = minigrad.tensor(drawn(3)), minigrad.tensor(drawn(3, seed=1))
    with pytest.warns(UserWarning, match="reduction='sum'"):
        same(
            F.mse_loss(x, t, size_average=False),
            TF.mse_loss(torch.tensor(x.numpy()), torch.tensor(t.numpy()), reduction="sum"),
        )


# -- signatures --

OWN = ("crelu", "maxout", "zoneout")  # which PyTorch does not have
FUNCTIONS = [name for name in F.__all__ if name not in ("sigmoid", "tanh", *OWN) and not name.endswith("_")]


OURS = {("multi_head_attention_forward", "batch_first")}  # arguments that only minigrad has, always last


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_signature(name):
    """PyTorch's argument names, order and defaults, where Python can see them."""
    theirs = getattr(TF, name)
    try:
        want = inspect.signature(inspect.unwrap(theirs)).parameters
    except ValueError:
        pytest.skip("a builtin of PyTorch without a signature")
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in want.values()):
        pytest.skip("PyTorch dispatches on a boolean")
    got = inspect.signature(getattr(F, name)).parameters
    wanted = [(p.name, p.default) for p in want.values() if p.name != "out"]
    assert [(p.name, p.default) for p in got.values() if (name, p.name) not in OURS and p.name != "out"] == wanted


def test_an_ignored_class_in_small_integers_and_beside_probabilities():
    x = drawn(4, 3)
    for name in ("cross_entropy", "nll_loss"):
        ours, theirs = (getattr(f, name)(lib.tensor(x), lib.tensor([0, 1, 2, 1], dtype=lib.uint8), ignore_index=1)
                        for f, lib in ((F, minigrad), (TF, torch)))  # fmt: skip
        same(ours, theirs, name)
    for f, lib in ((F, minigrad), (TF, torch)):
        with pytest.raises(RuntimeError, match="ignore_index"):
            f.cross_entropy(lib.tensor(x), lib.tensor(unit(4, 3)), ignore_index=1)
