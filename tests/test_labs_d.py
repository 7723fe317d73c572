"""Section D of the labs: training behaviour as far as it is robust, and networks that are trained side by side."""

from __future__ import annotations

import numpy as np
import pytest

from minigrad import manual_seed, nn
from minigrad.diagnose.measure import batch_norm_growth, column, spread
from minigrad.labs.beside import beside, losses, train_beside
from minigrad.labs.setups import cnn3, images, initialise, mlp, train

from .labs_support import held, report


def test_learning_rates() -> None:
    found = report("41_learning_rate")
    assert held(found, "the largest usable rate is 10 times", "8 hidden layers, default first weights") == [True]
    assert held(found, "the usable range is wider", "8 hidden layers, he first weights") == [True]
    rates, cells = found["measurements"]["rates"], found["measurements"]["deep"]
    for row in column(cells, "train", norm="none"):
        assert max(a for lr, a in zip(rates, row, strict=True) if lr >= 1) < 0.5, "without batch norm 1 is too much"
    for norm in ("none", "bn"):
        for row in column(cells, "train", norm=norm):
            assert row[-1] < 0.5, "512 is too much for every net"


def test_first_weights_of_any_scale() -> None:
    found = report("42_weight_scale")
    assert held(found, "it matters less", "the best of three rates") == [True]
    assert held(found, "weights far too small are made up for") == [True]
    assert held(found, "the scale of the first weights does not matter", "one rate for all") == [False]


def test_speed_and_accuracy() -> None:
    found = report("43_speed")
    assert held(found, "it takes half the epochs", "equal rate 0.125, default") == [True, True]  # to 90 and to 95 %
    assert held(found, "it rises by 7 points", "he first weights") == [False]
    k = found["measurements"]["rates"].index(0.125)
    for row in column(found["measurements"]["cells"], "test", norm="bn"):
        assert row[k][-1] > 0.9


def test_sigmoids() -> None:
    found = report("44_sigmoids")
    assert all(held(found, "with batch norm a stack of sigmoids trains"))
    assert held(found, "without it, it does not") == [False, True], "one layer of sigmoids trains without batch norm"
    assert held(found, "the paper's toy ends more accurate") == [True]
    assert held(found, "more stable", "drift of the median over the spread") == [True]


def test_gradient_flow() -> None:
    found = report("45_gradient_flow")
    assert held(found, "neither vanish nor explode") == [False, False, True]
    assert held(found, "default first weights vanish") == [True]
    assert all(held(found, "units are dead"))
    for depth in found["measurements"]["depths"][1:]:
        ratio = spread(column(found["measurements"]["flows"], "ratio", norm="bn", depth=depth))["median"]
        assert 1 / 3 < ratio / batch_norm_growth(64) ** (depth - 1) < 3, "mean field, on a real net with real data"


def test_before_or_after() -> None:
    found = report("46_order")
    assert held(found, "either is better than none", "sigmoid, he") == [True]
    best = {p: max(column(found["measurements"]["cells"], "test", act="relu", place=p)[0]) for p in ("before", "after")}
    assert abs(best["before"] - best["after"]) < 0.03 and min(best.values()) > 0.9


def test_on_the_logits() -> None:
    found = report("47_logits")
    assert held(found, "answers are less accurate") == [False]
    k, cells = found["measurements"]["rates"].index(0.1), found["measurements"]["cells"]
    plain, more = (column(cells, "loss", kind=kind)[0][k] for kind in ("hidden", "logits"))
    assert more > 1.3 * plain, "at a small rate γ holds the loss up"


def test_the_articles_table() -> None:
    found = report("48_performance")
    (table,) = found["tables"]
    assert table["featured"] and [row[0].split(":")[0] for row in table["rows"]] == [
        "training speed", "final accuracy, held-out", "stability", "tolerance", "tolerance",
    ]  # fmt: skip
    assert held(found, "final accuracy is higher", "default first weights") == [True]
    assert held(found, "more of the rates end well", "default first weights") == [True]


# -- side by side --------------------------------------------------------------------------------------------------------


@np.errstate(over="ignore", invalid="ignore")
@pytest.mark.parametrize(("norm", "act", "after"), [("none", "relu", False), ("bn", "relu", False), ("bn", "tanh", True)])
def test_side_by_side_is_one_after_another(norm: str, act: str, after: bool) -> None:
    data, rates = images(flat=True, limit=320), [0.01, 0.1, 1e6]

    def net(seed: int) -> nn.Sequential:
        manual_seed(seed)
        return initialise(mlp([64, 32, 32, 10], norm, act, after), "he")

    together = train_beside(beside([net(k) for k in range(3)]), data, rates, 2, seed=7, every=5)
    for k, lr in enumerate(rates[:2]):
        alone = train(net(k), data, lr=lr, epochs=2, seed=7)
        np.testing.assert_allclose(together[k]["loss"], alone["loss"], rtol=1e-3)
        assert together[k]["test"] == pytest.approx(alone["test"], abs=0.01)
        assert together[k]["train"] == pytest.approx(alone["train"], abs=0.01)
    assert not together[0]["diverged"] and (together[2]["diverged"] or norm == "bn"), "1e6 is too much without batch norm"


def test_side_by_side_each_has_its_own_answers() -> None:
    data = images(flat=True, limit=64)
    nets = [initialise(mlp([64, 16, 10], "bn"), "he") for _ in range(3)]
    both = losses(beside(nets), data.x.expand(3, 64, 64), data.y)
    for k, net in enumerate(nets):
        assert both[k].item() == pytest.approx(nn.functional.cross_entropy(net(data.x), data.y).item(), rel=1e-5)
    with pytest.raises(TypeError, match="expected linear layers, batch norms and activations, got Conv2d"):
        beside([cnn3(), cnn3()])
