"""The table of a model: shapes, parameters, FLOPs and memory, counted by hand."""

from __future__ import annotations

from typing import Any

import pytest

import minigrad
from minigrad import nn
from minigrad.summaries import summary


def test_a_small_network_counted_by_hand() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 8 * 8, 10))
    table = summary(model, (2, 3, 8, 8))
    conv, relu, *_, linear = table.rows
    assert (conv.kind, conv.shape, conv.parameters) == ("Conv2d", (2, 4, 8, 8), 4 * 27 + 4)
    assert conv.flops == 2 * 4 * 64 * (2 * 27 + 1)
    assert (relu.flops, relu.shape) == (2 * 4 * 64, (2, 4, 8, 8))
    assert (linear.name, linear.shape, linear.parameters) == ("3", (2, 10), 2570)
    assert linear.flops == 2 * 10 * (2 * 256 + 1)
    assert table.parameters == sum(p.numel() for p in model.parameters())
    assert "2,682" in str(table)
    assert table.kept >= 2 * 4 * 64 * 4  # at least the output of the ReLU, in single precision


def test_it_leaves_the_model_and_the_random_stream_alone() -> None:
    minigrad.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
    before = {name: x.tolist() for name, x in model.state_dict().items()}
    state = minigrad.get_rng_state().tolist()
    summary(model, (5, 3))
    assert {name: x.tolist() for name, x in model.state_dict().items()} == before
    assert minigrad.get_rng_state().tolist() == state


def test_shared_weights_count_once() -> None:
    layer = nn.Linear(4, 4, bias=False)
    table = summary(nn.Sequential(layer, nn.Tanh(), layer), minigrad.ones(2, 4))
    assert table.parameters == 16
    assert table.flops == 2 * (2 * 4 * 2 * 4) + 8


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(3, 2), nn.Embedding(5, 2)

    def forward(self, x: minigrad.Tensor, i: minigrad.Tensor) -> minigrad.Tensor:
        return self.a(x) + self.b(i)


def test_several_inputs() -> None:
    table = summary(Two(), [(4, 3), minigrad.tensor([0, 1, 2, 3])])
    assert [(row.name, row.shape) for row in table.rows] == [("a", (4, 2)), ("b", (4, 2)), ("(model)", (4, 2))]
    assert table.parameters == 8 + 10


@pytest.mark.parametrize(("given", "error"), [(3, TypeError), ("x", TypeError), (None, TypeError), ((2, -1), ValueError),
                                              ((2, 1.5), ValueError), ((2, True), ValueError)])  # fmt: skip
def test_shapes_that_are_none(given: Any, error: type) -> None:
    with pytest.raises(error, match="summary: input_shape must be"):
        summary(nn.Linear(3, 2), given)


def test_names_can_t_break_the_table() -> None:
    model = nn.Sequential()
    for name in ("\x1b[31mred", "a\nb", "\u202eright to left", "x" * 10_000, "</script>"):
        model.add_module(name, nn.Linear(2, 2))
    lines = str(summary(model, (1, 2))).splitlines()
    assert all(line.isprintable() and len(line) < 250 for line in lines)
    assert sum("(Linear)" in line for line in lines) == 5


def test_what_a_dict_of_results_keeps_is_counted():
    class Heads(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(nn.Linear(4, 8), nn.Tanh())

        def forward(self, x):
            h = self.body(x)
            return {"one": h.sum(), "others": [{"two": h}]}

    assert summary(Heads(), (2, 4)).kept == summary(Heads().body, (2, 4)).kept > 0
