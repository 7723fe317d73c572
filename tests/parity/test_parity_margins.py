"""Margin losses, likelihoods, distances and CTC against PyTorch: values, gradients and second gradients."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad
import minigrad.nn.functional as F

from .alike import compare, drawn, same, tensors, torch, unit, whole

TF = torch.nn.functional
REDUCTIONS = ["none", "mean", "sum"]


def call(name, arrays, options, second=True):
    ours, theirs = tensors(arrays)
    compare(getattr(F, name)(*ours, **options), getattr(TF, name)(*theirs, **options), ours, theirs, second)


def signs(*shape):
    return whole(2, *shape) * 2 - 1


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_margin_losses(reduction):
    a, b, c = (drawn(5, 4, seed=k) for k in range(3))
    for name, arrays, options in [
        ("hinge_embedding_loss", [a, signs(5, 4)], {}), ("hinge_embedding_loss", [a, signs(5, 4)], {"margin": 0.3}),
        ("cosine_embedding_loss", [a, b, signs(5)], {}), ("cosine_embedding_loss", [a, b, signs(5)], {"margin": 0.4}),
        ("cosine_embedding_loss", [a[0], b[0], np.array(-1)], {}),
        ("margin_ranking_loss", [a[0], b[0], signs(4)], {}), ("margin_ranking_loss", [a, b, signs(5, 4)], {"margin": 0.5}),
        ("triplet_margin_loss", [a, b, c], {}), ("triplet_margin_loss", [a, b, c], {"margin": 0.2, "swap": True}),
        ("triplet_margin_loss", [a, b, c], {"p": 3, "eps": 1e-4}), ("triplet_margin_loss", [a[0], b[0], c[0]], {}),
        ("triplet_margin_with_distance_loss", [a, b, c], {}),
        ("triplet_margin_with_distance_loss", [a, b, c],
         {"distance_function": lambda x, y: (x - y).abs().sum(-1), "margin": 2.0, "swap": True}),
        ("soft_margin_loss", [a, signs(5, 4)], {}),
        ("multilabel_soft_margin_loss", [a, whole(2, 5, 4) * 1.0], {}),
        ("multilabel_soft_margin_loss", [a[0], whole(2, 4) * 1.0, unit(4)], {}),
    ]:  # fmt: skip
        call(name, arrays, {**options, "reduction": reduction})


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_margins_of_classes(reduction):
    x, t = drawn(5, 4), whole(4, 5)
    for options in ({}, {"p": 2}, {"margin": 0.3}, {"p": 2, "margin": 2.0}):
        call("multi_margin_loss", [x, t], {**options, "reduction": reduction}, second=False)
        call("multi_margin_loss", [x[0], np.array(t[0])], {**options, "reduction": reduction}, second=False)
    (x1,), (t1,) = tensors([x])
    w = unit(4)
    y = F.multi_margin_loss(x1, minigrad.tensor(t), p=2, weight=minigrad.tensor(w), reduction=reduction)
    u = TF.multi_margin_loss(t1, torch.tensor(t), p=2, weight=torch.tensor(w), reduction=reduction)
    compare(y, u, [x1], [t1], second=False)
    several = np.array([[0, 2, -1, 1], [3, -1, 0, 0], [-1, 1, 1, 1], [0, 1, 2, 3], [2, 2, -1, 0]])
    call("multilabel_margin_loss", [x, several], {"reduction": reduction}, second=False)
    call("multilabel_margin_loss", [x[0], several[0]], {"reduction": reduction}, second=False)
    call("multi_margin_loss", [x[0], t[:1]], {"reduction": reduction}, second=False)  # one case, as a batch or alone
    call("multi_margin_loss", [np.array(x[0, 0]), np.array(0)], {"reduction": reduction}, second=False)
    call("multilabel_margin_loss", [np.array(x[0, 0]), np.array(0)], {"reduction": reduction}, second=False)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(), (2,), (2, 3)])
def test_cross_entropy_of_a_layer(reduction, shape):
    x, w, b = drawn(5, 4), drawn(6, *shape, 4), drawn(6, *shape)
    weight, t = unit(6), whole(6, 5, *shape)
    for options in ({}, {"label_smoothing": 0.2}, {"ignore_index": 2}):
        ours, theirs = tensors([x, w, b])
        y, u = (
            G.linear_cross_entropy(
                *made[:2], lib.tensor(t), linear_bias=made[2], weight=lib.tensor(weight), reduction=reduction, **options
            )  # fmt: skip
            for lib, G, made in ((minigrad, F, ours), (torch, TF, theirs))
        )
        compare(y, u, ours, theirs)
    settings = dict(out_features=shape, bias=True, reduction=reduction)
    ours, theirs = (lib.nn.LinearCrossEntropyLoss(4, 6, **settings, dtype=lib.float64) for lib in (minigrad, torch))
    ours.load_state_dict({key: minigrad.tensor(v.numpy()) for key, v in theirs.state_dict().items()})
    assert repr(ours) == repr(theirs)
    chances = np.moveaxis(unit(5, *shape, 6), -1, 1)
    (x1,), (u1,) = tensors([x])
    for target in (t, chances):
        compare(ours(x1, minigrad.tensor(target)), theirs(u1, torch.tensor(target)), [x1], [u1])
    for lib, G in ((minigrad, F), (torch, TF)):
        for sizes in ((5, 3, 3), (5, 4), (3,)):
            with pytest.raises(RuntimeError):
                G.linear_cross_entropy(lib.zeros(*sizes), lib.zeros(6, *shape, 4), lib.zeros(5, *shape).long(),
                                       linear_bias=lib.zeros(7))  # fmt: skip
        with pytest.raises((RuntimeError, TypeError)):
            G.linear_cross_entropy(lib.tensor(x), lib.tensor(w), lib.tensor(chances), ignore_index=1)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_likelihoods(reduction):
    x, t = drawn(5, 4), whole(6, 5, 4) + 1.0  # at 0, Stirling leaves PyTorch a NaN gradient in the target
    for options in ({}, {"full": True}, {"log_input": False}, {"log_input": False, "full": True, "eps": 1e-3}):
        call("poisson_nll_loss", [np.abs(x), t], {**options, "reduction": reduction})
    for var in (unit(5, 4), unit(5), unit(5, 1)):
        for options in ({}, {"full": True}, {"eps": 0.3}):
            call("gaussian_nll_loss", [x, t, var], {**options, "reduction": reduction}, second=not options.get("eps"))
    ours, theirs = tensors([x, t])
    compare(F.gaussian_nll_loss(*ours, 0.7), TF.gaussian_nll_loss(*theirs, 0.7), ours, theirs)


def test_distances():
    a, b = drawn(5, 4), drawn(5, 4, seed=1)
    for options in ({}, {"p": 1.0}, {"p": 3.0, "eps": 1e-3}, {"keepdim": True}):
        call("pairwise_distance", [a, b], options)
    for options in ({}, {"dim": 0}, {"dim": -1}, {"eps": 3.0}):
        call("cosine_similarity", [a, b], options, second="eps" not in options)
    call("cosine_similarity", [drawn(2, 1, 3), drawn(4, 3)], {"dim": 2})


# -- CTC ---------------------------------------------------------------------------------------------------------------

TEXTS = np.array([[1, 2, 2], [3, 1, 4], [2, 0, 0], [0, 0, 0]])
SIZES = [3, 3, 1, 0]
ROW = np.array([1, 2, 2, 3, 1, 4, 2])


def ctc(module, logits, targets, spans, sizes, **options):
    f = module.nn.functional
    return f.ctc_loss(f.log_softmax(logits, dim=-1), targets, spans, sizes, **options)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("targets", [TEXTS, ROW])
def test_ctc(reduction, targets):
    for spans in ([8, 8, 8, 8], [8, 5, 4, 2]):
        (x,), (t,) = tensors([drawn(8, 4, 5)])
        lengths, sizes = np.array(spans), np.array(SIZES)
        y = ctc(minigrad, x, minigrad.tensor(targets), minigrad.tensor(lengths), minigrad.tensor(sizes), reduction=reduction)
        u = ctc(torch, t, torch.tensor(targets), torch.tensor(lengths), torch.tensor(sizes), reduction=reduction)
        compare(y, u, [x], [t], second=False)
        z = ctc(minigrad, x, minigrad.tensor(targets), tuple(spans), tuple(SIZES), reduction=reduction)
        same(z, u)


def test_ctc_of_one_sequence_and_another_blank():
    (x,), (t,) = tensors([drawn(8, 5)])
    text = np.array([0, 0, 3])
    y = ctc(minigrad, x, minigrad.tensor(text), minigrad.tensor(8), minigrad.tensor(3), blank=4, reduction="none")
    u = ctc(torch, t, torch.tensor(text), torch.tensor(8), torch.tensor(3), blank=4, reduction="none")
    compare(y, u, [x], [t], second=False)


@pytest.mark.parametrize("zero_infinity", [False, True])
def test_ctc_of_a_text_that_does_not_fit(zero_infinity):
    x, t = minigrad.tensor(drawn(3, 2, 5)), torch.tensor(drawn(3, 2, 5))
    texts, sizes = np.array([[2, 2], [1, 2]]), (2, 2)
    y = ctc(minigrad, x, minigrad.tensor(texts), (2, 3), sizes, reduction="none", zero_infinity=zero_infinity)
    u = ctc(torch, t, torch.tensor(texts), (2, 3), sizes, reduction="none", zero_infinity=zero_infinity)
    same(y, u)
