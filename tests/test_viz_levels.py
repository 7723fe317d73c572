"""Drawings at a level: modules closed and opened, equal blocks once, updates, memory; as Mermaid and as plain text."""

import re
import warnings
import xml.etree.ElementTree as ET
from importlib.util import find_spec
from pathlib import Path

import pytest

import minigrad as mg
from minigrad import gallery, nn, optim, viz
from minigrad.nn import functional as F
from minigrad.trace import record
from minigrad.trace.record import resumed

from .test_viz import HOSTILE

needs_pygraphviz = pytest.mark.skipif(find_spec("pygraphviz") is None, reason="pygraphviz is not installed")
EVIL = [*HOSTILE, "", " ", "`code`", "#quot;", "%%{init}%%", "\u05d0\u05d1", 'click n0 href "javascript:1"', "subgraph", "end"]


class Block(nn.Module):
    """x + fc2(relu(fc1(x)))"""

    def __init__(self, width):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x):
        return x + self.fc2(self.fc1(x).relu())


class Net(nn.Module):
    def __init__(self, count=4):
        super().__init__()
        self.stem = nn.Linear(3, 5)
        self.norm = nn.BatchNorm1d(5)
        self.blocks = nn.Sequential(*(Block(5) for _ in range(count)))

    def forward(self, x):
        return self.blocks(self.norm(self.stem(x)))


@pytest.fixture
def net():
    """A recorded step: forward and backward."""
    mg.manual_seed(0)
    model, x = Net(), mg.randn(6, 3).requires_grad_()
    with record(x=x) as program:
        model(x).sum().backward()
    return program


def calls(drawing):
    """The names of what is computed in a drawing, as its text gives them."""
    return re.findall(r"^\s*%\d+ = (.*?)\(", drawing.text, re.M)


def test_depth(net):
    assert calls(viz.draw(net, depth=0)) == ["Net", "sum"]
    assert calls(viz.draw(net, depth=1)) == ["stem · Linear", "norm · BatchNorm1d", "blocks · Sequential", "sum"]
    second = ["stem · Linear", "norm · BatchNorm1d", *(f"{k} · Block" for k in range(4)), "sum"]
    assert calls(viz.draw(net, depth=2, repeats=False)) == second
    third = calls(viz.draw(net, depth=3, repeats=False))
    assert third.count("add") == 5 - 1 and third.count("fc1 · Linear") == 4 and "linear" not in third
    everything = calls(viz.draw(net, repeats=False))
    assert everything.count("linear") == 9 and not any("·" in name for name in everything)


def test_equal_blocks_are_drawn_once(net):
    closed = viz.draw(net, depth=2)
    assert calls(closed) == ["stem · Linear", "norm · BatchNorm1d", "blocks.0 … blocks.3 · Block ×4", "sum"]
    assert "<B>Net</B>>" in viz.draw(net, depth=2, backward=False).dot  # a box whose name is its class
    assert "60 parameters each" in closed.text and "×4" in closed.dot and "×4" in closed.mermaid
    opened = viz.draw(net, depth=3)
    assert calls(opened) == ["stem · Linear", "norm · BatchNorm1d", "fc1 · Linear", "relu", "fc2 · Linear", "add", "sum"]
    assert re.search(r"\[(blocks\.)?0 … (blocks\.)?3 · Block ×4\]", opened.text)
    assert len(calls(viz.draw(net, depth=2, values=True))) == 7  # numbers differ from block to block


def test_blocks_that_differ_stay():
    model = nn.Sequential(Block(3), Block(3), nn.Linear(3, 4), Block(4), nn.Sequential(nn.Linear(4, 4), nn.Tanh()))
    x = mg.randn(2, 3)
    with record(x=x) as program:
        model(x)
    assert calls(viz.draw(program, depth=1)) == ["0 … 1 · Block ×2", "2 · Linear", "3 · Block", "4 · Sequential"]
    skip = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    with record(x=x) as program:
        y = skip[0](x)
        skip[1](y).add(y)  # the first's output goes elsewhere too
    assert calls(viz.draw(program, collapse=nn.Linear)) == ["Linear", "Linear_2 · Linear", "add"]


def test_the_same_module_again_is_another_node():
    layer, x = nn.Linear(3, 3), mg.randn(2, 3)
    with record(x=x) as program:
        layer(layer(x))
    drawn = viz.draw(program, depth=0, repeats=False)
    assert re.findall(r"= (.*)\(%|= (.*)\(x", drawn.text) == [("", "Linear"), ("Linear (2)", "")]
    assert len(calls(viz.draw(program, depth=0))) == 1  # equal, and in a row


@pytest.mark.parametrize(
    "which",
    [
        "norm",
        "BatchNorm1d",
        "nor*",
        "*BatchNorm*",
        nn.BatchNorm1d,
        lambda name, module: name == "norm",
        ["norm"],
        (nn.Dropout, "norm"),
    ],
    ids=lambda which: which.__name__ if callable(which) else str(which),
)
def test_open_and_collapse_take_names_types_and_functions(net, which):
    closed = calls(viz.draw(net, collapse=which, repeats=False))
    assert "norm · BatchNorm1d" in closed and "linear" in closed
    opened = calls(viz.draw(net, depth=1, open=which))
    assert {"mean", "centre", "variance", "sqrt", "stem · Linear"} <= set(opened) and "norm · BatchNorm1d" not in opened


def test_open_takes_ops_and_everything(net):
    assert "centre" in calls(viz.draw(net, open="batch_norm*")) and "matmul" not in calls(viz.draw(net, open="batch_norm*"))
    assert "matmul" in calls(viz.draw(net, open=lambda name, thing: name == "linear"))
    assert calls(viz.draw(net, open=True, repeats=False)) == calls(viz.draw(net, repeats=False))
    one = calls(viz.draw(net, depth=1, open="blocks.2", repeats=False))
    assert one.count("add") == 1 and "blocks" not in str(one[:2])
    with pytest.raises(TypeError, match="collapse and open take a name, a type"):
        viz.draw(net, collapse=3.5)
    for depth in (-1, 1.5, True):
        with pytest.raises(ValueError, match="depth must be a whole number"):
            viz.draw(net, depth=depth)


def test_a_name_that_means_nothing_is_said(net):
    for options, hint in (({"open": "batch_nrom"}, "Nearest: batch_norm"), ({"collapse": ["norm", "stemm"]}, "Nearest: stem")):
        with pytest.warns(UserWarning, match=f"no module or op here is called '.*m'. {hint}"):
            viz.draw(net, **options)
    with pytest.warns(UserWarning, match="called 'qqq'. Hint: modules are known in what minigrad.record"):
        viz.draw(mg.ones(2, requires_grad=True).exp(), open="qqq")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        viz.draw(net, open=["batch_norm", "mean", "Linear"], collapse="blocks.*")  # the second is inside of the first


def test_a_large_model_is_closed_and_says_so():
    model = nn.Sequential(*(Block(4) if k % 2 else nn.Sequential(Block(4), nn.Tanh()) for k in range(120)))
    with record() as program:
        model(mg.randn(2, 4))
    assert sum(c.phase == "forward" for c in program.calls) >= 500
    drawing = viz.draw(program)
    assert len(drawing.picture.items) <= 65 and "modules closed below depth" in drawing.text
    assert "modules closed below depth" in drawing.dot and "modules closed below depth" in drawing.mermaid
    y = mg.ones(2).requires_grad_()
    for _ in range(700):
        y = y * 1.0
    flat = viz.draw(y)
    assert "the last 500 of 700 calls" in flat.text and "the last 500 of 700 calls" in flat.dot


# -- backward, updates, memory -----------------------------------------------------------------------------------------


def test_closed_modules_pair_their_edges(net):
    drawing = viz.draw(net, depth=1, backward=True)
    wires = drawing.picture.wires
    assert all(w.gradient is not None for w in wires) and len(wires) == 5
    for wire in wires:
        assert wire.gradient.shape == wire.variable.shape
    assert drawing.text.count("grad ") == 5 and "×" in drawing.dot


def test_running_statistics_are_written(net):
    closed = viz.draw(net)
    writes = {(w.source.call.op.name, w.target.name) for w in closed.picture.wires if w.writes}
    assert {name for _, name in writes} == {"running_mean", "running_var", "num_batches_tracked"}
    assert "writes running_mean, running_var" in closed.text and "style=dashed" in closed.dot.replace('"', "")
    opened = viz.draw(net, open="batch_norm*")
    assert {w.target.name for w in opened.picture.wires if w.writes and w.source.call.op.name == "lerp_"} == {
        "running_mean", "running_var"}  # fmt: skip
    layer = nn.BatchNorm1d(3).eval()
    with record() as program:
        layer(mg.randn(4, 3))
    assert not any(w.writes for w in viz.draw(program, decompose=True).picture.wires)


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam])
def test_optimizer_steps_are_drawn_when_asked_for(kind):
    model, x = nn.Linear(3, 1), mg.randn(4, 3)
    optimizer = kind(model.parameters(), lr=0.1)
    with record(x=x, statistics=True) as program:
        model(x).sum().backward()
        optimizer.step()
    name = kind.__name__.lower()
    assert name not in calls(viz.draw(program, backward=False))
    drawing = viz.draw(program, backward=False, updates=True, values=True)
    assert calls(drawing).count(name) == 2
    assert {w.target.name for w in drawing.picture.wires if w.writes} == {"weight", "bias"}
    into = [w for w in drawing.picture.wires if w.variable.kind == "gradient" and not w.writes]
    assert {w.source.name for w in into} == {"weight", "bias"}
    assert f"{model.bias.item():.3g}".replace("-", "−") in drawing.text  # after the step


def test_the_forward_pass_after_an_optimizer_step_is_drawn():
    """Two losses with a step between, as of a GAN: the second one reads parameters that were moved by gradients."""
    generator, critic, z = nn.Linear(2, 3), nn.Linear(3, 1), mg.randn(4, 2)
    optimizer = optim.SGD(critic.parameters(), lr=0.1)
    with record(z=z) as program:
        fake = generator(z)
        critic(fake.detach()).mean().backward()
        optimizer.step()
        critic(fake).square().mean().backward()
    for options in ({"backward": True}, {"backward": False}, {"updates": True}):
        drawing = viz.draw(program, **options)
        assert [calls(drawing).count(name) for name in ("linear", "square", "mean")] == [3, 1, 1], options
    assert len([i for i in viz.draw(program).picture.items if i.kind == "output"]) == 2
    optimizer = optim.SGD([*critic.parameters(), *generator.parameters()], lr=0.1)
    with resumed(program):
        optimizer.step()
    named = {i.name for i in viz.draw(program, updates=True).picture.items if i.kind == "parameter"}
    assert named == {"Linear.weight", "Linear.bias", "Linear_2.weight", "Linear_2.bias"}


@pytest.mark.parametrize("clip", [False, True])
def test_steps_are_drawn_where_gradients_were_added_up_or_clipped(clip):
    model, x = nn.Linear(2, 1), mg.randn(3, 2)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    with record(x=x) as program:
        for part in (x, 2 * x):
            model(part).sum().backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        optimizer.step()
        model(x).sum().backward()
        optimizer.step()
    picture = viz.draw(program, updates=True, backward=False).picture
    assert sum(i.call is not None and i.call.op.name == "sgd_" for i in picture.items) == 4
    assert {w.target.name for w in picture.wires if w.writes} == {"weight", "bias"}
    assert len([i for i in picture.items if i.kind == "output"]) == 3


def test_a_loop_that_asks_for_its_values_ends_in_its_result():
    """The comparisons of `while` and `if` are no results; the loss is one although a comparison takes it."""
    with record(x=(x := mg.tensor(1.5, requires_grad=True))) as program:
        y = x * 1
        while y < 20:
            y = y * x + 1 if y > 3 else y * 2
        y.backward()
    drawing = viz.draw(program)
    (end,) = [i for i in drawing.picture.items if i.kind == "output"]
    assert end.variable is program.of(y)
    assert end.gradient.array == 1
    assert {"lt", "gt"}.isdisjoint(calls(drawing))
    asked = sum(call.op.name in ("lt", "gt") for call in program.calls)
    assert drawing.picture.notes == [f"left out: {asked} yes or no that only Python asked for, as `if` does"]
    assert "left out" in drawing.dot
    with record(x) as program:
        _ = x > 1
    assert calls(viz.draw(program)) == ["gt"]  # here it is the result


def test_memory(net):
    text = viz.draw(net, depth=1, memory=True).text
    stem = next(line for line in text.splitlines() if "stem" in line)
    assert "keeps" not in stem  # its input and its weight are there anyway
    assert re.search(r"blocks · Sequential.*keeps \d+ B|blocks · Sequential.*keeps [\d.]+ kB", text)


def test_named_values_in_between():
    x = mg.randn(2).requires_grad_()
    y = x.exp()
    z = y.sin()
    text = viz.draw(z, names={"x": x, "hidden": y, "out": z}).text
    assert re.search(r"= exp\(x\).*= hidden", text) and "(out)" in text and "= out" not in text


# -- as text -----------------------------------------------------------------------------------------------------------


def test_plain_text_of_a_small_graph():
    x, w = mg.ones(2, 3).requires_grad_(), mg.ones(2, 3).requires_grad_()
    y = (x * w).sum()
    assert viz.draw(y, names={"x": x, "w": w, "y": y}, title="A sum").text.splitlines() == [
        "A sum",
        "x  (parameter)       2×3",
        "w  (parameter)       2×3",
        "%2 = multiply(x, w)  2×3",
        "%3 = sum(%2)         scalar",
        "return %3  (y)       scalar",
    ]


def test_files(net, tmp_path):
    for suffix, start in [("mmd", "%%{init"), ("mermaid", "%%{init"), ("txt", "x  (input)"), ("text", "x  (input)")]:
        viz.draw(net, tmp_path / f"net.{suffix}")
        assert (tmp_path / f"net.{suffix}").read_text(encoding="utf-8").startswith(start)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        viz.draw(net, tmp_path / "none" / "net.mmd")


def test_text_formats_need_no_graphviz(net, monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "graphviz", None)
    viz.draw(net, tmp_path / "net.txt")
    viz.draw(net, tmp_path / "net.mmd", dark=True)
    assert len(list(tmp_path.iterdir())) == 2


NODE = re.compile(r'^\s*n\d+(\[\[|\(\[|\[/|\[)"[^"\n]*"(\]\]|\]\)|/\]|\])$')
LINK = re.compile(r'^\s*n\d+ (-->|-->\|"[\w×]*"\||-\. "writes" \.->) n\d+$')
REST = re.compile(r'^(%%\{init: .*\}%%|flowchart (TB|LR)|\s*subgraph s\d+\["[^"]*"\]|\s*end|\s*linkStyle [\d,]+ stroke:.*'
                  r'|\s*(classDef|class|style) [\w,]+ [\w:#,]+|\s*about\["[^"]*"\])$')  # fmt: skip


@pytest.mark.parametrize("name", EVIL, ids=range(len(EVIL)))
def test_no_name_breaks_mermaid_or_text(name):
    x = mg.randn(3, 2).requires_grad_()
    model = nn.Module()
    kind = name.replace("\x00", "").encode("utf-8", "replace").decode()
    model.__class__ = type(kind, (nn.Module,), {"forward": lambda self, x: getattr(self, self.inner)(x).exp()})
    model.inner = name.replace(".", "_") or "a"
    setattr(model, model.inner, nn.Linear(2, 2))
    with record(x) as program:
        y = model(x).sum()
        y.backward()
    for options in ({"backward": True}, {"depth": 1}):
        drawing = viz.draw(program, names={name: x, name + "y": y}, title=name, **options)
        for line in drawing.mermaid.splitlines():
            assert NODE.match(line) or LINK.match(line) or REST.match(line), line
        assert not re.search(r"[<>](?!br/>)", re.sub(r"<br/>|-->|\.->", "", drawing.mermaid))
        plain = viz.draw(program, names={"x": x, "y": y}, **options)
        assert len(drawing.text.splitlines()) == bool(name) + len(plain.text.splitlines())
        assert max(map(len, drawing.text.splitlines())) < 800
        assert not any(c in drawing.text for c in "\x00\x1b\u202e")
        if find_spec("pygraphviz") is not None:
            tags = {e.tag.rpartition("}")[2] for e in ET.fromstring(drawing._repr_svg_()).iter()}
            assert tags <= {"svg", "g", "title", "text", "path", "polygon", "polyline", "ellipse", "a"}


@needs_pygraphviz
@pytest.mark.parametrize("values", [[], [float("nan"), float("inf")], [[[]]], 3.5], ids=str)
def test_odd_tensors(values, tmp_path):
    x = mg.tensor(values, dtype="float64").requires_grad_()
    with record(x=x, statistics=True) as program:
        (x * 2).sum().backward()
    viz.draw(program, tmp_path / "odd.svg", backward=True, values=True, gradients=True)
    text = viz.draw(program, backward=True, values=True, gradients=True).text
    assert ("empty" if not x.numel() else "nan, inf" if x.numel() == 2 else "3.5") in text


@needs_pygraphviz
@pytest.mark.parametrize("dark", [False, True])
def test_closed_pictures_render(net, dark):
    for options in ({"depth": 1, "backward": True}, {"depth": 2, "memory": True}, {"updates": True}):
        assert viz.draw(net, dark=dark, **options)._repr_svg_().startswith("<svg")


def test_functional_calls_have_no_boxes():
    x = mg.randn(2, 3).requires_grad_()
    with record(x=x) as program:
        F.relu(x)
    assert "[" not in viz.draw(program, depth=0).text


@needs_pygraphviz
def test_the_page_about_recording_runs(tmp_path, monkeypatch):
    page = Path(__file__).parent.parent / "docs" / "record.md"
    monkeypatch.chdir(tmp_path)
    for code in re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        exec(compile(code, str(page), "exec"), {})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.svg", "norm.svg"]


def test_the_gallery_page_is_up_to_date():
    page = Path(__file__).parent.parent / "docs" / "gallery.md"
    assert page.read_text(encoding="utf-8") == gallery.gallery_page()
    assert all((page.parent / "pictures" / f"{name}.svg").exists() for name in gallery.PICTURES)


class Halves(mg.autograd.Function):
    """Two results with a gradient, and one without."""

    @staticmethod
    def forward(ctx, x):
        order = x.argsort()
        ctx.mark_non_differentiable(order)
        return x * 2, x * 3, order

    @staticmethod
    def backward(ctx, g, h, _):
        return g * 2 + h * 3


def test_a_function_is_one_call_with_its_gradients(tmp_path):
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    with record(x=x) as program:
        a, b, order = Halves.apply(x)
        y = a * b * order
        y.sum().backward(retain_graph=True)
    for drawn in (viz.draw(program, values=True, gradients=True), viz.draw(y, backward=True, values=True, gradients=True)):
        drawn.save(tmp_path / "graph.dot")
        assert "Halves(" in drawn.text and "Halves[0](%1)" in drawn.text and "scalar" not in drawn.text.split("Halves[1]")[0]
        assert re.search(r"grad %1 \+= from %\d\n", drawn.text)  # no shape, since it stands for several
        assert not re.search(r"= multiply\((x|parameter)\)", drawn.text)  # what its forward called
        assert "0, 24" in drawn.text.splitlines()[0]  # the gradient of x
    assert program.gradient(program.of(x)).array.tolist() == [0.0, 24.0]
    assert [v.statistics for v in program.variables if v.kind == "results"] == [None]
    assert program.run(mg.tensor([3.0, 4.0]))[y].tolist() == [0.0, 96.0]
    assert viz.explore(program, tmp_path / "page.html").stat().st_size > 1000
