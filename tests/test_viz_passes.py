"""Pictures of a backward pass that was differentiated again: it is part of the graph, and the gradients are the last pass's."""

import re

import pytest

import minigrad as mg
from minigrad import nn, viz
from minigrad.trace import record
from minigrad.viz.explore import island

pytest.importorskip("graphviz", reason="viz extra not installed")


def penalty(x):
    """The gradient penalty of a critic."""
    critic = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).double()
    with record(x=x) as program:
        y = critic(x)
        (slope,) = mg.autograd.grad(y.sum(), x, create_graph=True)
        (((slope.norm(dim=1) - 1) ** 2).mean() - y.mean()).backward()
    return program


def twice(x):
    """A second derivative, differentiated once more."""
    with record(x=x) as program:
        (first,) = mg.autograd.grad((x**3).sum(), x, create_graph=True)
        (second,) = mg.autograd.grad((first * x).sum(), x, create_graph=True)
        second.square().sum().backward()
    return program


@pytest.mark.parametrize("case", [penalty, twice])
@pytest.mark.parametrize("decompose", [False, True])
def test_the_red_arrows_add_up(case, decompose):
    mg.manual_seed(0)
    x = mg.randn(4, 2, dtype="float64").requires_grad_()
    picture = viz.draw(case(x), backward=True, decompose=decompose).picture
    for item in picture.items:
        parts = [w.gradient.array for w in picture.wires if w.source is item and w.gradient is not None]
        if item.gradient is not None and item.kind != "output":
            assert sum(part.reshape(item.gradient.shape) for part in parts) == pytest.approx(item.gradient.array, abs=1e-12)
    (leaf,) = [i for i in picture.items if i.name == "x"]
    assert leaf.gradient.array == pytest.approx(x.grad.numpy(), abs=1e-12)
    assert len([i for i in picture.items if i.kind == "output" and i.gradient is not None]) == 1
    assert any("differentiated again" in text for text in picture.notes)


def test_passes_that_are_not_added_up_are_said():
    layer, x = nn.Linear(2, 1), mg.ones(3, 2)
    for clear in (False, True):
        layer.zero_grad()
        with record(x=x) as program:
            layer(x).sum().backward()
            if clear:
                layer.zero_grad()
            layer(2 * x).sum().backward()
        assert any("begun anew" in text for text in viz.draw(program).picture.notes) == clear
        assert any("begun anew" in text for text in island(program)["notes"]) == clear


def test_a_pass_that_nothing_went_through_again_is_drawn_as_a_pass():
    x = mg.ones(2, requires_grad=True)
    with record(x=x) as program:
        (x**3).sum().backward(create_graph=True)
    drawing = viz.draw(program)
    assert not drawing.picture.notes
    assert "grad x = from %1" in drawing.text


def test_the_explorer_steps_through_the_last_pass_only():
    x = mg.randn(4, 2, dtype="float64").requires_grad_()
    data = island(twice(x))
    leaf = next(item for item in data["items"] if item["title"] == "x")
    assert data["variables"][leaf["gradient"]]["rows"] == pytest.approx(x.grad.numpy(), rel=1e-6)
    ops = [item["op"] for item in data["items"]]
    assert ops.count("sum") == 3
    assert any("differentiated again" in text for text in data["notes"])
    first = next(item for item in data["items"] if item["op"] == "sum")
    assert first["gradient"] is None


def test_the_explorer_says_what_gradients_of_complex_numbers_are():
    z = mg.tensor([1 + 2j], requires_grad=True)
    with record(z=z) as program:
        z.abs().square().sum().backward()
    assert [text for text in island(program)["notes"] if "conjugate of its .grad" in text]
    data = island(program)
    leaf = next(item for item in data["items"] if item["title"] == "z")
    value, gradient = (data["variables"][leaf[what]] for what in ("variable", "gradient"))
    assert (value["words"], gradient["words"]) == ([["1 + 2i"]], [["2 − 4i"]])  # L = |z|², and not the moduli
    assert value["rows"] == [[pytest.approx(5**0.5, rel=1e-6)]]
    assert not island(plain_program(mg.ones(2, requires_grad=True)))["notes"]


def plain_program(x):
    """A program without anything to be said about it."""
    with record(x=x) as program:
        x.sum().backward()
    return program


def test_formulas_with_complex_numbers_have_both_parts():
    z = mg.tensor([1 + 2j], requires_grad=True)
    with record(z=z) as program:
        (z * (3 - 1j) * z).real.sum()
    texts = island(program)["texts"]
    assert any("1 + 2i" in text and "3 − 1i" in text and "5 + 5i" in text for text in map(plain_math, texts))


def plain_math(text):
    """What a formula says, without its markup."""
    return re.sub(r"<[^>]*>", "", text)
