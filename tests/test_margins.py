"""Margin losses, likelihoods and CTC: numbers found by hand or by listing all cases, derivatives, and errors that teach."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import minigrad
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.autograd import gradcheck, gradgradcheck


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def wanted(*shape, seed=0):
    return minigrad.tensor(drawn(*shape, seed=seed), requires_grad=True)


# -- by hand -------------------------------------------------------------------------------------------------------------


def test_margins_by_hand():
    t = minigrad.tensor
    assert F.hinge_embedding_loss(t([0.3, 0.4]), t([1, -1]), reduction="none").tolist() == pytest.approx([0.3, 0.6])
    assert F.margin_ranking_loss(t([1.0]), t([3.0]), t([1]), margin=0.5).item() == pytest.approx(2.5)
    assert F.cosine_embedding_loss(t([1.0, 0.0]), t([1.0, 1.0]), t(1)).item() == pytest.approx(1 - math.sqrt(0.5))
    assert F.cosine_embedding_loss(t([1.0, 0.0]), t([1.0, 1.0]), t(-1), margin=0.5).item() == pytest.approx(
        math.sqrt(0.5) - 0.5
    )
    anchor, near, far = t([[0.0, 0.0]]), t([[3.0, 4.0]]), t([[6.0, 8.0]])
    assert F.triplet_margin_loss(anchor, near, far, margin=7.0).item() == pytest.approx(2.0, rel=1e-5)
    assert F.multi_margin_loss(t([[0.1, 0.2, 0.4, 0.8]]), t([3])).item() == pytest.approx((0.3 + 0.4 + 0.6) / 4)
    # labels 3 and 0, the others 1 and 2; what stands behind the -1 does not count
    hand = ((1 - (0.1 - 0.2)) + (1 - (0.1 - 0.4)) + (1 - (0.8 - 0.2)) + (1 - (0.8 - 0.4))) / 4
    assert F.multilabel_margin_loss(t([[0.1, 0.2, 0.4, 0.8]]), t([[3, 0, -1, 1]])).item() == pytest.approx(hand)
    assert F.poisson_nll_loss(t([0.0]), t([3.0]), full=True).item() == pytest.approx(1 + math.log(6), abs=0.03)
    assert F.gaussian_nll_loss(t([1.0]), t([3.0]), t([4.0]), full=True).item() == pytest.approx(
        0.5 * math.log(2 * math.pi * 4) + 0.5
    )
    assert F.cosine_similarity(t([[3.0, 4.0]]), t([[4.0, 3.0]])).item() == pytest.approx(0.96)
    assert F.pairwise_distance(t([3.0, 0.0]), t([0.0, 4.0])).item() == pytest.approx(5.0)


def merged(path: tuple[int, ...], blank: int) -> tuple[int, ...]:
    """What a path of predictions spells: repeats merged, then blanks left out."""
    return tuple(k for k, _ in itertools.groupby(path) if k != blank)


@pytest.mark.parametrize("text", [(), (1,), (1, 2), (2, 2), (1, 2, 1)])
@pytest.mark.parametrize("blank", [0, 3])
def test_ctc_is_the_sum_over_all_paths(text, blank):
    logits = drawn(5, 4)
    logp = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    chance = sum(
        math.exp(sum(logp[t, k] for t, k in enumerate(path)))
        for path in itertools.product(range(4), repeat=5)
        if merged(path, blank) == text
    )
    x = minigrad.tensor(logp)
    loss = F.ctc_loss(x, minigrad.tensor(list(text), dtype=minigrad.int64), (5,), (len(text),), blank, reduction="sum")
    assert loss.item() == pytest.approx(-math.log(chance), rel=1e-10)


# -- derivatives ---------------------------------------------------------------------------------------------------------


def test_derivatives():
    signs = minigrad.tensor(np.sign(drawn(3, 4, seed=5)))
    for f in (
        lambda x, y: F.triplet_margin_loss(x, y, signs, margin=3.0),
        lambda x, y: F.cosine_embedding_loss(x, y, minigrad.tensor([1, -1, 1])),
        lambda x, y: F.gaussian_nll_loss(x, y, x * x + 0.1, full=True),
        lambda x, y: F.soft_margin_loss(x * y, signs),
        lambda x, y: F.multi_margin_loss(x * y, minigrad.tensor([0, 3, 1]), p=2),
    ):
        assert gradcheck(f, (wanted(3, 4), wanted(3, 4, seed=1)))
        assert gradgradcheck(f, (wanted(3, 4), wanted(3, 4, seed=1)))


def test_ctc_derivatives():
    def loss(x):
        return F.ctc_loss(x, minigrad.tensor([[1, 1], [2, 0]]), (5, 4), (2, 1))

    assert gradcheck(loss, (wanted(5, 2, 3),))
    assert gradgradcheck(loss, (wanted(5, 2, 3),))


def test_a_text_that_does_not_fit_gives_no_gradient():
    x = wanted(2, 1, 3)
    loss = F.ctc_loss(x, minigrad.tensor([[1, 1]]), (2,), (2,), zero_infinity=True)
    loss.backward()
    assert loss.item() == 0 and not x.grad.numpy().any()
    assert F.ctc_loss(x, minigrad.tensor([[1, 1]]), (2,), (2,)).item() == math.inf


def test_ctc_trains():
    minigrad.manual_seed(0)
    x = minigrad.randn(12, 2, 5, requires_grad=True)
    texts = minigrad.tensor([[1, 2, 3], [4, 4, 0]])
    for _ in range(60):
        loss = F.ctc_loss(F.log_softmax(x, -1), texts, (12, 12), (3, 2))
        (g,) = minigrad.autograd.grad(loss, [x])
        x = (x - 10 * g).detach().requires_grad_()
    best = x.detach().numpy().argmax(-1)
    assert [merged(tuple(best[:, i].tolist()), 0) for i in range(2)] == [(1, 2, 3), (4, 4)]


# -- bad input -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda x: F.hinge_embedding_loss(x, x[0]), RuntimeError, "hinge_embedding_loss: input and target must have one shape"),
        (lambda x: F.soft_margin_loss(x, x, reduction="avg"), ValueError, "'avg' is not a valid value for reduction"),
        (lambda x: F.cosine_embedding_loss(x, x, x), RuntimeError, r"expected inputs \(N, D\) and target \(N\)"),
        (lambda x: F.triplet_margin_loss(x, x, x, margin=0), ValueError, "margin must be greater than 0, got 0"),
        (lambda x: F.multi_margin_loss(x, minigrad.tensor([0, 4, 1])), IndexError, "Target 4 is out of bounds"),
        (lambda x: F.multi_margin_loss(x, minigrad.tensor([0, 1])), RuntimeError, r"got \(3, 4\) and \(2,\)"),
        (lambda x: F.multi_margin_loss(x, minigrad.tensor([0, 1, 1]), p=3), ValueError, "only p == 1 and p == 2"),
        (lambda x: F.multilabel_margin_loss(x, x), TypeError, "target must hold classes"),
        (lambda x: F.gaussian_nll_loss(x, x, -(x * x)), ValueError, "var has negative entry/entries"),
        (lambda x: F.gaussian_nll_loss(x, x, x[0, :2]), RuntimeError, "var is of incorrect size"),
        (lambda x: F.ctc_loss(x, minigrad.tensor([1]), (3,), (1,), blank=9), ValueError, r"label range 0 ... 3, got 9"),
        (lambda x: F.ctc_loss(x, minigrad.tensor([1]), (4,), (1,)), ValueError, "at most T = 3, got"),
        (
            lambda x: F.ctc_loss(x, minigrad.tensor([1]), (3, 3), (1,)),
            RuntimeError,
            "one length for each of 1 sequences, got 2",
        ),
        (lambda x: F.ctc_loss(x, minigrad.tensor([7]), (3,), (1,)), ValueError, "targets must be classes 0 ... 3, got 7"),
        (lambda x: F.ctc_loss(x, minigrad.tensor([1, 2]), (3,), (1,)), RuntimeError, "one row of 1, the sum of target_lengths"),
        (lambda x: nn.TripletMarginLoss(margin=-1), ValueError, "expected margin to be greater than 0, got -1"),
    ],
)
def test_errors(call, error, says):
    with pytest.raises(error, match=says):
        call(minigrad.tensor(drawn(3, 4)))
