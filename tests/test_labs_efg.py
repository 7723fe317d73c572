"""Sections E, F and G of the labs: what is robust in a quick run, over its seeds."""

from __future__ import annotations

import math

import pytest

from minigrad.diagnose.measure import column

from .labs_support import LABS, held, report

NAMES = [name for name in LABS if name[0] in "567"]


@pytest.mark.parametrize("name", NAMES)
def test_a_report_with_picture_and_table(name: str) -> None:
    found = report(name)
    assert found["picture"] == f"{name}.png" and found["tables"] and found["measurements"]
    assert len(found["settings"]["seeds"]) == 2 and found["settings"]["quick"]


def test_small_batches_cost_batch_norm_its_accuracy() -> None:
    found = report("51_batch_size")
    medians = found["measurements"]["medians"]
    assert medians["bn"][0] > medians["bn"][-1], "B = 2 is worse than B = 32"
    assert medians["gn"][0] < medians["bn"][0], "group norm is better at B = 2"


def test_the_gap_of_the_modes_falls_with_the_batch() -> None:
    found = report("52_modes_gap")
    for cell in found["measurements"]["cells"]:
        assert cell["gap"][0] > 2 * cell["gap"][4] > 0, "B = 2 against B = 32"
        assert cell["one_class"][3] < cell["evaluation"] - 0.2
    assert held(found, "training mode costs 2 points", "mixed, B = 2") == [True]


def test_contrast() -> None:
    found = report("53_contrast")
    medians = found["measurements"]["medians"]
    assert medians["ln"][-1] > medians["bn"][-1] - 0.02, "layer norm measures each case's own scale"
    assert medians["bn"][3] > 0.8, "unchanged digits are told"


def test_noise_that_moves_distributions_more_does_not_undo_batch_norm() -> None:
    cells = report("61_three_modes")["measurements"]["cells"]
    default = {
        mode: [c for c in cells if c["mode"] == mode and c["init"] == "default"] for mode in ("plain", "batch norm", "noise")
    }
    for plain, bn, noise in zip(*default.values(), strict=True):
        assert noise["drift"][0] > 5 * bn["drift"][0], "the noise moves the means"
        assert noise["accuracy"] > plain["accuracy"] + 0.2, "and it trains all the same"


def test_along_the_gradient_a_dead_start_is_smoothest() -> None:
    found = report("62_along_gradient")
    assert held(found, "range of the loss", "default, at the same steps") == [False]
    for cell in found["measurements"]["cells"]:
        assert len(cell["beta"]) == len(cell["loss"]) == len(cell["step"])
        assert all(b is None or b > 0 for b in cell["beta"])


def test_gradients_of_a_layer_before_and_after_the_others_moved() -> None:
    found = report("63_covariate_shift")
    for cell in found["measurements"]["cells"]:
        cosines = [c for c in cell["cos upper"] + cell["cos lower"] if c is not None]
        assert cosines and all(-1 - 1e-5 <= c <= 1 + 1e-5 for c in cosines)
    assert held(found, "direction changes less", "deep linear, default, lower layer") == [False]


def test_three_factors_depend_on_the_first_weights() -> None:
    found = report("64_three_factors")
    assert held(found, "E|g|² is lower", "relu, default, at the start") == [False]
    assert held(found, "E|g|² is lower", "relu, he, at the start") == [True]
    for cell in found["measurements"]["cells"]:
        for seen in cell["factors"].values():
            assert seen["variance"] > 0 and seen["square"] > 0 and math.isfinite(seen["lipschitz"])


def test_batch_norm_takes_the_larger_rate() -> None:
    found = report("65_large_steps")
    assert held(found, "batch norm trains (to 80 %) at larger rates", "default") == [True]


def test_dropout_and_noise() -> None:
    for cell in report("71_dropout")["measurements"]["cells"]:
        assert cell["test"] > (0.7 if cell["labels"] == "clean" else 0.3)


def test_ghost_batches() -> None:
    cells = report("72_ghost")["measurements"]["cells"]
    steps = {c["way"]: c["steps"] for c in cells}
    assert steps["B = 16"] == steps["B = 320, longer"] == 20 * steps["B = 320"]
    reached = {way: [c["test"] for c in cells if c["way"] == way] for way in steps}
    assert min(reached["B = 16"]) > max(reached["B = 320"]), "at equal epochs the large batch is behind"


def test_weight_norm() -> None:
    cells = report("73_weight_norm")["measurements"]["cells"]
    by_kind = {kind: column(cells, "value", kind=kind, setting=[0.1, 0.01]) for kind in ("plain", "batch norm", "weight norm",
                                                                                         "weight norm, data")}  # fmt: skip
    small = {kind: sum(values) / len(values) for kind, values in by_kind.items()}
    assert small["batch norm"] > 0.7 > small["plain"], "first weights of a hundredth"
    assert small["weight norm, data"] > small["weight norm"], "g makes up for some of it"


def test_recurrent_nets_from_large_recurrent_weights() -> None:
    cells = report("74_recurrent")["measurements"]["cells"]
    at = {kind: [c["value"] for c in cells if c["kind"] == kind and c["gain"] == 3] for kind in ("plain", "BN each step")}
    assert min(at["BN each step"]) > max(at["plain"])


def test_padding() -> None:
    found = report("75_padding")
    said = "more padding leaves the logits as they are"
    assert held(found, said, "layer norm, training mode, trained at 12") == [True]
    assert held(found, said, "batch norm, training mode, trained at 12") == [False]
    assert held(found, said, "batch norm, evaluation mode, trained at 12") == [True]
    assert held(found, said, "batch norm, real tokens, training mode, trained at 12") == [True]


def test_ridges() -> None:
    found = report("76_ridges")
    assert held(found, "shifts less than without", "default") == [True]
    for curve in found["measurements"]["shifts"].values():
        assert curve[0] == 0 and all(0 <= s <= 1 for s in curve)


def test_dots() -> None:
    found = report("77_dots")
    assert held(found, "each batch has mean 0", "all normal, training") == [True]
    assert held(found, "each batch has mean 0", "all normal, evaluation") == [False]
    assert held(found, "the same distribution", "other shapes") == [False]
    assert held(found, "a value keeps its meaning") == [False]
