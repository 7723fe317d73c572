"""A shape error inside a model: its note says the way, the shapes, and the line."""

import traceback

import pytest

import minigrad as mg
from minigrad import nn
from minigrad.backends import DTypeError, ShapeError


class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(mg.randn(5, 5))

    def forward(self, x):
        return (x * 2) @ self.w


def noted(call, kind=ShapeError):
    with pytest.raises(kind) as caught:
        call()
    return getattr(caught.value, "__notes__", [])


def test_the_way_to_a_failure():
    model = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), Head())
    (note,) = noted(lambda: model(mg.randn(32, 8)))
    lines = note.splitlines()
    assert lines[0] == "The way to the failure:"
    assert lines[1:3] == ["  Sequential(32×8)", "    2 · Head(32×16)"]
    assert [line.strip() for line in lines[3:-1]] == [
        "%1 = linear(input 32×8, 0.weight 16×8, 0.bias 16)  32×16",
        "%2 = tanh(%1 32×16)  32×16",
        "%3 = mul(%2 32×16)  32×16",
        "✗ matmul(%3 32×16, 2.w 5×5)",
    ]
    assert f"{__file__}:" in lines[-1] and lines[-1].endswith("return (x * 2) @ self.w")


def test_type_and_message_stay():
    layer = nn.Linear(3, 2)
    with pytest.raises(ShapeError) as bare:
        nn.functional.linear(mg.ones(2, 4), layer.weight, layer.bias)
    with pytest.raises(ShapeError) as inside:
        layer(mg.ones(2, 4))
    assert str(bare.value) == str(inside.value) and not hasattr(bare.value, "__notes__")
    assert "✗ linear(input 2×4, weight 2×3, bias 2)" in inside.value.__notes__[0]
    assert __file__ in inside.value.__notes__[0]  # the line that called the layer
    shown = "".join(traceback.format_exception(inside.value))
    assert shown.index("ShapeError") < shown.index("The way to the failure")


def test_without_gradients_the_modules_still_show():
    model = nn.Sequential(nn.Linear(8, 16), Head()).eval()
    with mg.no_grad():
        (note,) = noted(lambda: model(mg.randn(2, 8)))
    assert "1 · Head(2×16)" in note and "✗ matmul(constant 2×16, 1.w 5×5)" in note


def test_long_ways_are_cut_and_recording_makes_no_difference():
    model = nn.Sequential(*(nn.Linear(4, 4) for _ in range(50)), nn.Linear(3, 3))
    (note,) = noted(lambda: model(mg.randn(2, 4)))
    assert "… 42 earlier calls" in note and len(note.splitlines()) < 20
    with mg.record():
        (again,) = noted(lambda: model(mg.randn(2, 4)))
    assert again.splitlines()[:-1] == note.splitlines()[:-1]  # the last is the line of the call


def test_hostile_names_stay_in_their_line():
    evil = type("a\n\x1b[31m\u202eb" + "x" * 500, (nn.Module,), {"forward": lambda self, x: x @ x})
    (note,) = noted(lambda: evil()(mg.ones(2, 3)))
    assert "\x1b" not in note and "\u202e" not in note and len(note.splitlines()) == 4
    assert max(map(len, note.splitlines()[:3])) < 250


def test_only_shapes_and_types_are_explained():
    broken = type("Broken", (nn.Module,), {"forward": lambda self, x: 1 / 0})
    assert noted(lambda: broken()(mg.ones(1)), ZeroDivisionError) == []
    (note,) = noted(lambda: nn.Linear(2, 2)(mg.ones(1, 2, dtype="float64")), DTypeError)
    assert "Linear(1×2)" in note


def test_a_note_never_hides_the_error():
    model = nn.Sequential(nn.Linear(3, 2), Head())
    model[1]._modules["odd"] = 3  # no module at all
    assert noted(lambda: model(mg.ones(1, 3))) == []
