"""nn.functional: the messages of its errors, its randomness, and identities that need no other framework."""

from __future__ import annotations

import math

import numpy as np
import pytest

import minigrad
import minigrad.nn.functional as F
from minigrad.trace import record


def ones(*shape, dtype=None):
    return minigrad.ones(*shape, dtype=dtype)


IMAGE = ones(8, 3, 32, 32)
REFUSED = [
    (lambda: F.conv2d(IMAGE, ones(16, 4, 3, 3)), ValueError,
     "conv2d: weight must be (F, C/groups, kH, kW) with C = 3 as in input (8, 3, 32, 32), got (16, 4, 3, 3)"),
    (lambda: F.conv2d(ones(2, 3), ones(4, 3, 3, 3)), ValueError, "conv2d: input must be (N, C, H, W) or (C, H, W), "
                                                                 "got (2, 3)"),
    (lambda: F.conv2d(IMAGE, ones(4, 3, 40, 3)), ValueError,
     "conv2d: the kernel must fit into the padded image: kernel (40, 3) with dilation (1, 1) spans (40, 3)"),
    (lambda: F.conv2d(IMAGE, ones(4, 3, 3, 3), ones(5)), ValueError, "conv2d: bias must be (F) = (4,), got (5,)"),
    (lambda: F.conv2d(IMAGE, ones(4, 3, 3, 3), stride=0), ValueError, "conv2d: stride must be at least 1, got 0"),
    (lambda: F.conv2d(IMAGE, ones(4, 3, 3, 3), padding=-1), ValueError, "conv2d: padding must be at least 0, got -1"),
    (lambda: F.conv2d(IMAGE, ones(4, 3, 3, 3), padding="some"), ValueError, "'same' or 'valid', got 'some'"),
    (lambda: F.conv2d(IMAGE, ones(4, 3, 3, 3, dtype=minigrad.float64)), TypeError,
     "conv2d: expected input and weight of one type, got minigrad.float32 and minigrad.float64"),
    (lambda: F.conv2d([1.0], ones(4, 3, 3, 3)), TypeError, "conv2d: input must be a tensor, got list"),
    (lambda: F.conv1d(ones(4, 3, 9), ones(5, 3, 2, 2)), ValueError, "conv1d: weight must be (F, C/groups, kW)"),
    (lambda: F.conv2d(ones(1, 4, 5, 5), ones(3, 2, 1, 1), groups=2), ValueError,
     "conv2d: the number of filters F = 3 must be divisible by groups = 2"),
    (lambda: F.conv_transpose2d(IMAGE, ones(4, 3, 3, 3)), ValueError, "conv_transpose2d: weight must be (C, F/groups, "
                                                                      "kH, kW) with C = 3"),
    (lambda: F.conv_transpose2d(ones(1, 2, 3, 3), ones(2, 2, 3, 3), output_padding=1), ValueError,
     "output padding must be smaller than either stride or dilation"),
    (lambda: F.linear(ones(5, 4), ones(3, 5)), ValueError, "linear: expected input (..., in) and weight (out, in), "
                                                           "got (5, 4) and (3, 5)"),
    (lambda: F.linear(ones(5, 4), ones(3, 4), ones(4)), ValueError, "linear: bias must be (out) = (3,), got (4,)"),
    (lambda: F.linear(minigrad.ones(5, 4, dtype=minigrad.int64), ones(3, 4)), TypeError,
     "linear: expected input and weight of one type, got minigrad.int64 and minigrad.float32"),
    (lambda: F.bilinear(ones(5, 4), ones(5, 3), ones(2, 4, 4)), ValueError, "got (5, 4), (5, 3) and (2, 4, 4)"),
    (lambda: F.embedding(minigrad.tensor([0, 5]), ones(5, 2)), IndexError, "embedding: index 5 is out of range for "
                                                                           "dimension 0 with size 5"),
    (lambda: F.embedding(minigrad.tensor([-1]), ones(5, 2)), IndexError, "embedding: index -1 is out of range"),
    (lambda: F.embedding(ones(2), ones(5, 2)), TypeError, "embedding: input must be an integer tensor"),
    (lambda: F.one_hot(minigrad.tensor([3]), 3), IndexError, "one_hot: index 3 is out of range"),
    (lambda: F.max_pool2d(IMAGE, 2, padding=2), ValueError, "max_pool2d: padding should be at most half"),
    (lambda: F.max_pool2d(ones(1, 1, 2, 2), 3), ValueError, "no window of kernel_size (3, 3) fits into input (1, 1, "
                                                            "2, 2)"),
    (lambda: F.max_pool2d(IMAGE, 0), ValueError, "max_pool2d: kernel_size must be at least 1, got 0"),
    (lambda: F.avg_pool2d(IMAGE, 2, divisor_override=0), ValueError, "divisor must be not zero"),
    (lambda: F.adaptive_avg_pool2d(IMAGE, (2, 3, 4)), ValueError, "output_size must be an int or a tuple of 2"),
    (lambda: F.layer_norm(ones(2, 4), (5,)), ValueError, "layer_norm: input must end in normalized_shape (5,), got "
                                                         "(2, 4)"),
    (lambda: F.layer_norm(ones(2, 4), (4,), ones(3)), ValueError, "layer_norm: weight must be of the normalized shape "
                                                                  "(4,), got (3,)"),
    (lambda: F.group_norm(ones(2, 5, 3), 2), ValueError, "divisible by num_groups, got input (2, 5, 3) and "
                                                         "num_groups=2"),
    (lambda: F.instance_norm(ones(2, 5, 1)), ValueError, "Expected more than 1 spatial element when training"),
    (lambda: F.batch_norm(ones(2, 5), None, None), ValueError, "expected running_mean and running_var outside of "
                                                               "training"),
    (lambda: F.batch_norm(ones(5), None, None, training=True), ValueError, "batch_norm: input must be (N, C, ...), "
                                                                           "got (5,)"),
    (lambda: F.mse_loss(ones(4, 1), ones(4)), ValueError, "mse_loss: input and target must have one shape, got (4, 1) "
                                                          "and (4,)"),
    (lambda: F.l1_loss(ones(4), ones(1)), ValueError, "losses do not broadcast"),
    (lambda: F.smooth_l1_loss(ones(4), ones(4), beta=-1.0), ValueError, "beta must not be negative, got -1.0"),
    (lambda: F.huber_loss(ones(4), ones(4), delta=-1.0), ValueError, "delta must be positive, got -1.0"),
    (lambda: F.kl_div(ones(4), ones(4), reduction="median"), ValueError, "one of none, mean, sum, batchmean"),
    (lambda: F.binary_cross_entropy(ones(2) * 1.5, ones(2)), ValueError, "all elements of input should be between 0 "
                                                                         "and 1, got 1.5"),
    (lambda: F.binary_cross_entropy_with_logits(ones(4, 1), ones(4)), ValueError, "must have one shape, got (4, 1) "
                                                                                  "and (4,)"),
    (lambda: F.cross_entropy(ones(3, 4), minigrad.tensor([0, 1])), ValueError,
     "cross_entropy: expected input (N, C, ...) and target (N, ...), or (C) and (), got (3, 4) and (2,)"),
    (lambda: F.cross_entropy(ones(2, 4), minigrad.tensor([0, 4])), IndexError,
     "cross_entropy: Target 4 is out of bounds: classes are 0 ... 3, as in the input, or ignore_index=-100"),
    (lambda: F.cross_entropy(ones(2, 4), minigrad.tensor([0, -1])), IndexError, "cross_entropy: Target -1 is out of "
                                                                                "bounds"),
    (lambda: F.cross_entropy(ones(2, 4), ones(2).int()), TypeError, "got minigrad.int32 of shape (2,)"),
    (lambda: F.cross_entropy(ones(2, 4), ones(2)), TypeError, "target must hold classes (int64 or uint8), got "
                                                              "minigrad.float32 of shape (2,)"),
    (lambda: F.cross_entropy(ones(2, 4), minigrad.tensor([0, 1]), ones(3)), ValueError, "cross_entropy: weight must "
                                                                                        "be (C) = (4,), got (3,)"),
    (lambda: F.nll_loss(ones(2, 4), minigrad.tensor([0, 9])), IndexError, "nll_loss: Target 9 is out of bounds"),
    (lambda: F.glu(ones(2, 3)), ValueError, "glu: Halving dimension must be even, but dimension 1 of (2, 3) is not"),
    (lambda: F.prelu(ones(2, 3), ones(4)), ValueError, "prelu: weight must be (1) or (C) with C = 3 as in input (2, "
                                                       "3), got (4,)"),
    (lambda: F.celu(ones(2), 0.0), ValueError, "celu: alpha cannot be 0"),
    (lambda: F.softshrink(ones(2), -1.0), ValueError, "lambd must be greater or equal to 0, got -1.0"),
    (lambda: F.gelu(ones(2), "some"), ValueError, "gelu: approximate must be 'none' or 'tanh', got 'some'"),
    (lambda: F.hardtanh(ones(2), 1.0, -1.0), ValueError, "min_val cannot be greater than max_val"),
    (lambda: F.relu("x"), TypeError, "relu: input must be a tensor, got str"),
    (lambda: F.softmax(ones(2, 3), 2), IndexError, "softmax: Dimension out of range"),
    (lambda: F.dropout(ones(2), 1.5), ValueError, "dropout probability has to be between 0 and 1, but got 1.5"),
    (lambda: F.dropout2d(ones(2, 2)), ValueError, "dropout2d: input must have 3 or 4 dimensions, got (2, 2)"),
    (lambda: F.pad(ones(2, 3), (1,)), ValueError, "Padding length must be divisible by 2"),
    (lambda: F.pad(ones(2, 3), (3, 0), mode="reflect"), ValueError, "at most 2 in mode 'reflect' for dimension 1 of "
                                                                    "input (2, 3)"),
    (lambda: F.pad(ones(2, 3), (-4, 0)), ValueError, "dimension 1 of input (2, 3) would get the negative size -1"),
    (lambda: F.pad(ones(2, 3), (1, 1), mode="odd"), NotImplementedError, "mode must be one of constant, reflect"),
]  # fmt: skip


@pytest.mark.parametrize("k", range(len(REFUSED)))
def test_errors_name_the_function_the_expectation_and_what_came(k):
    call, kind, message = REFUSED[k]
    with pytest.raises(kind) as error:
        call()
    assert message in str(error.value)


# -- randomness -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_dropout_keeps_the_mean(p):
    x = minigrad.ones(100_000, dtype=minigrad.float64, requires_grad=True)
    y = F.dropout(x, p)
    values = y.detach().numpy()
    assert set(np.round(np.unique(values), 9)) <= {0.0, round(1 / (1 - p), 9) if p < 1 else 0.0}
    assert abs((values == 0).mean() - p) < 0.01
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), values)


def test_dropout_outside_of_training_and_seeds():
    x = minigrad.ones(50)
    assert F.dropout(x, 0.5, training=False) is x
    minigrad.manual_seed(1)
    first = F.dropout(x).numpy()
    minigrad.manual_seed(1)
    np.testing.assert_array_equal(F.dropout(x).numpy(), first)
    assert (F.dropout(x).numpy() != first).any()
    y = x * 1.0
    assert F.dropout(y, 0.5, inplace=True) is y and (y.numpy() == 0).any()


def test_dropout_of_channels():
    for f, shape, channels in [(F.dropout1d, (6, 50, 4), (6, 50)), (F.dropout1d, (50, 4), (50,)),
                               (F.dropout2d, (6, 50, 4, 3), (6, 50)),
                               (F.dropout3d, (6, 50, 2, 2, 3), (6, 50)),
                               (F.dropout3d, (50, 2, 2, 3), (50,))]:  # fmt: skip
        y = f(minigrad.ones(*shape), 0.4).numpy().reshape(*channels, -1)
        assert (y == y[..., :1]).all() and 0 < (y == 0).mean() < 1, f.__name__


def test_alpha_dropout_keeps_mean_and_variance():
    x = minigrad.randn(200_000, dtype=minigrad.float64)
    for p in (0.1, 0.5):
        y = F.alpha_dropout(x, p, training=True).numpy()
        assert abs(y.mean()) < 0.02 and abs(y.std() - 1) < 0.02
    assert not F.alpha_dropout(x, 1.0, training=True).numpy().any()
    y = F.feature_alpha_dropout(minigrad.ones(40, 30, 5), 0.5, training=True).numpy()
    assert (y == y[..., :1]).all() and len(np.unique(y)) == 2


def test_replayed_dropout_draws_anew():
    x = minigrad.ones(1000)
    with record() as program:
        y = F.dropout(x)
    first = y.numpy().copy()
    values = program.run({x: x})
    again = values[y].numpy()
    assert (again != first).any() and 300 < (again == 0).sum() < 700


def test_rrelu_and_gumbel():
    x = -minigrad.ones(10_000, dtype=minigrad.float64)
    slopes = -F.rrelu(x, 0.1, 0.3, training=True).numpy()
    assert slopes.min() >= 0.1 and slopes.max() <= 0.3 and abs(slopes.mean() - 0.2) < 0.005
    logits = minigrad.tensor(np.log([0.2, 0.3, 0.5])).expand(20_000, 3).clone().requires_grad_()
    hard = F.gumbel_softmax(logits, hard=True)
    np.testing.assert_allclose(hard.detach().numpy().mean(axis=0), [0.2, 0.3, 0.5], atol=0.02)
    np.testing.assert_allclose(hard.detach().numpy().sum(axis=1), 1.0)
    soft = F.gumbel_softmax(logits, tau=0.7)
    np.testing.assert_allclose(soft.detach().numpy().sum(axis=1), 1.0)
    hard[:, 0].sum().backward()
    assert logits.grad.numpy().any()


# -- identities -----------------------------------------------------------------------------------------


def test_gelu_of_a_grid():
    x = np.linspace(-6, 6, 101)
    want = [0.5 * v * (1 + math.erf(v / math.sqrt(2))) for v in x]
    np.testing.assert_allclose(F.gelu(minigrad.tensor(x)).numpy(), want, rtol=0, atol=1e-15)


def test_transposed_convolution_is_the_adjoint():
    rng = np.random.default_rng(0)
    x, w = minigrad.tensor(rng.standard_normal((2, 4, 7, 6))), minigrad.tensor(rng.standard_normal((5, 4, 3, 2)))
    y = F.conv2d(x, w, stride=2, padding=1)
    v = minigrad.tensor(rng.standard_normal(tuple(y.shape)))
    back = F.conv_transpose2d(v, w, stride=2, padding=1, output_padding=(0, 0))
    assert back.shape == (2, 4, 7, 6)
    np.testing.assert_allclose((y * v).sum().item(), (x * back).sum().item(), rtol=1e-12)


def test_losses_of_extreme_scores_stay_finite():
    x = minigrad.tensor([[1e4, -1e4], [-1e4, 1e4]], requires_grad=True)
    loss = F.cross_entropy(x, minigrad.tensor([1, 1]))
    loss.backward()
    assert loss.item() == 1e4 and np.isfinite(x.grad.numpy()).all()
    z = minigrad.tensor([-1e4, 1e4], requires_grad=True)
    F.binary_cross_entropy_with_logits(z, minigrad.tensor([1.0, 0.0]), reduction="sum").backward()
    np.testing.assert_array_equal(z.grad.numpy(), [-1.0, 1.0])


def test_ignored_targets_are_known_anew_in_a_replay():
    x, t = minigrad.randn(3, 4, dtype=minigrad.float64), minigrad.tensor([0, 1, 2])
    with record() as program:
        loss = F.cross_entropy(x, t)
    again = program.run({x: x, t: minigrad.tensor([0, -100, 2])})[loss].item()
    assert again == pytest.approx(F.cross_entropy(x, minigrad.tensor([0, -100, 2])).item(), abs=1e-15)
    assert again != pytest.approx(loss.item())


def test_decomposed_layers_give_equal_numbers():
    x = minigrad.randn(4, 3, 5, dtype=minigrad.float64)
    calls = [
        lambda: F.batch_norm(x, None, None, training=True), lambda: F.layer_norm(x, (5,)), lambda: F.group_norm(x, 3),
        lambda: F.cross_entropy(x, minigrad.zeros(4, 5).long()), lambda: F.softmax(x, 1), lambda: F.instance_norm(x),
    ]  # fmt: skip
    for call in calls:
        with minigrad.decompose():
            opened = call()
        np.testing.assert_allclose(opened.numpy(), call().numpy(), rtol=1e-12, atol=1e-14)


def test_no_grad_and_integer_relu():
    assert F.relu(minigrad.tensor([-1, 2])).dtype is minigrad.int64
    with minigrad.no_grad():
        assert not F.linear(ones(1, 2), minigrad.ones(1, 2, requires_grad=True)).requires_grad
