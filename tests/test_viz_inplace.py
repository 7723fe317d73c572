"""Pictures of what is written in place: each reader hangs at what it reads, and nothing else is a result."""

import pytest

import minigrad as mg
from minigrad import viz
from minigrad.viz.explore import island
from minigrad.viz.inplace import told_apart

pytest.importorskip("graphviz", reason="viz extra not installed")


def whole(x):
    y = x * 2
    z = y + 3
    y.add_(1).relu_()
    return z.sum() + y.sum()


def part(x):
    y = x * 2
    y[0] = 0.0
    y[1] = x[0]
    return y.sum()


def through_views(x):
    y = x * 2
    a = y.view(6)
    b = a[1:]
    b[0].mul_(5)
    return a.sum() + b.sum() * y.sum()


def view_of_what_is_written(x):
    y = x * 2
    v = y[0]
    y.mul_(3)
    return v.sum()


def loop(x):
    h = mg.zeros(4, 3)
    for t in range(4):
        h[t] = (h[t - 1] if t else 0) + x[0]
    return h.sum()


def masked(x):
    y = x * 2
    y[x > 0] = 3.0
    y.clamp_(-1, 2)
    return y.sum()


WRITES = [whole, part, through_views, view_of_what_is_written, loop, masked]


@pytest.mark.parametrize("write", WRITES)
def test_the_calls_that_are_drawn_compute_the_result(write):
    """Played call by call with nothing written in place, they come to the same number."""
    x = mg.randn(2, 3, dtype="float64").requires_grad_()
    with mg.record(x=x) as program:
        y = write(x)
    told, _ = told_apart(program)
    values = {program.of(x): x}
    for call in told.calls:
        given = [values.get(a, a) for a in call.inputs]
        values[call.output] = mg.tensor(call.output.array) if call.op.name == "full_like" else call.op(*given, **call.options)
    assert values[program.of(y)].item() == pytest.approx(y.item(), rel=1e-12)


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("wants", [True, False])
def test_there_is_one_result_and_all_that_was_written_leads_to_it(write, wants):
    x = mg.randn(2, 3).requires_grad_(wants)
    with mg.record(x=x) as program:
        y = write(x)
    drawing = viz.draw(program)
    assert [i.variable for i in drawing.picture.items if i.kind == "output"] == [program.of(y)]
    assert not wants or "assign" not in drawing.text
    assert drawing.text.count("view written") == {part: 2, through_views: 3, loop: 4}.get(write, 0)


@pytest.mark.parametrize("write", WRITES)
def test_red_arrows_add_up_to_the_gradients_in_the_nodes(write):
    x = mg.randn(2, 3, dtype="float64").requires_grad_()
    with mg.record(x=x) as program:
        write(x).backward()
    picture = viz.draw(program, backward=True, gradients=True).picture
    for item in picture.items:
        parts = [w.gradient.array for w in picture.wires if w.source is item and w.gradient is not None]
        if item.gradient is not None and item.kind != "output":
            assert parts, item.call
            assert sum(p.reshape(item.gradient.shape) for p in parts) == pytest.approx(item.gradient.array, abs=1e-12)


def test_what_is_done_in_place_says_so():
    with mg.record(x=(x := mg.ones(2, 3))) as program:
        whole(x.requires_grad_())
    text = viz.draw(program).text
    assert "add, in place(" in text
    assert "relu, in place(" in text
    assert "add(%1)" in text
    titles = [item["title"] for item in island(program)["items"]]
    assert {"add, in place", "relu, in place"} <= set(titles)
    assert "assign" not in titles


def test_a_copied_result_is_not_called_in_place():
    with mg.record(x=(x := mg.ones(2, 3).requires_grad_())) as program:
        part(x)
    assert "in place" not in viz.draw(program).text


def test_names_of_what_was_written_are_kept():
    with mg.record(x=(x := mg.ones(2, 3).requires_grad_())) as program:
        y = x * 2
        y += 1
        y.sum()
    named = [line for line in viz.draw(program, names={"total": y}).text.splitlines() if "= total" in line]
    assert len(named) == 1
    assert "add, in place" in named[0]
