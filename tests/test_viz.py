"""Drawings: what is in the DOT text, that it renders without the `dot` program, that no name or path breaks it."""

import re
import shutil
import sys
import time
import xml.etree.ElementTree as ET
from importlib.util import find_spec

import numpy as np
import pytest

import minigrad as mg
from minigrad import gallery, nn, viz
from minigrad.backends import GradError, ShapeError
from minigrad.nn import functional as F
from minigrad.trace import Variable, opened, program_behind, record
from minigrad.viz import render
from minigrad.viz.text import escape, numbers

graphviz = pytest.importorskip("graphviz", reason="viz extra not installed")

HOSTILE = ['"><script>alert(1)</script>', "a\nb\\N\\G\\l", "x" * 10_000, "</TABLE>>];}", "\u202eevil\x00\x1b", "\udcff",
           'charset="latin1"', "]]>", "{}|<f0>", "&amp;", "%s\\", "n0", "cluster_0"]  # fmt: skip
PRIMITIVES = ["mean", "centre", "square", "variance", "+ ε", "sqrt", "divide", "scale", "shift"]
needs_pygraphviz = pytest.mark.skipif(find_spec("pygraphviz") is None, reason="pygraphviz is not installed")


@pytest.fixture(autouse=True)
def no_dot(monkeypatch):
    """No test depends on the `dot` program: it is taken off the path."""
    monkeypatch.setattr(shutil, "which", lambda name: None)


@pytest.fixture
def norm():
    """Batch norm, recorded forward and backward: the program, its names and its tensors."""
    mg.manual_seed(3)
    x, g = mg.randn(4, 3, 2, 2, dtype="float64").requires_grad_(), mg.randn(4, 3, 2, 2, dtype="float64")
    gamma = mg.randn(3, dtype="float64").requires_grad_()
    beta = mg.randn(3, dtype="float64").requires_grad_()
    with record(x=x) as program:
        y = F.batch_norm(x, None, None, gamma, beta, training=True)
        y.backward(g)
    return program, {"x": x, "γ": gamma, "β": beta, "y": y}


def lines(dot):
    return [line.strip() for line in dot.splitlines()]


def edges(dot):
    """(tail, head, colour, is it drawn backward) of every edge between items, by their ids."""
    pattern = r"(n\w+)(?::\w+:\w)? -> (n\w+)(?::\w+:\w)?(.*)"
    found = [match.groups() for line in lines(dot) if (match := re.match(pattern, line))]
    return [(a, b, "red" if re.search(r'[\[ ]color="#c9210f"', rest) else "black", "dir=back" in rest) for a, b, rest in found]


def texts(svg):
    return [t.strip() for t in ET.fromstring(svg).itertext() if t.strip()]


def ids_by_text(dot):
    """{text in a node: id of the node}"""
    return {
        text: m[1]
        for m in re.finditer(r"^\s*(n\d+) \[label=<(.*)>[^>]*\]$", dot, re.M)
        for text in re.findall(r"<B>(.*?)</B>", m[2])
    }


# -- what is drawn -----------------------------------------------------------------------------------------------------


def test_closed_is_one_node_and_opened_is_the_definition(norm):
    program, names = norm
    closed = viz.draw(program, names=names, backward=False).dot
    assert set(ids_by_text(closed)) == {"x", "γ", "β", "batch norm", "y"}
    assert len(edges(closed)) == 4
    assert set(ids_by_text(viz.draw(program, names=names, backward=False, decompose=True).dot)) == {
        "x",
        "γ",
        "β",
        "y",
        *PRIMITIVES,
    }


def test_batch_norm_circuit(norm):
    program, names = norm
    dot = viz.draw(program, names=names, decompose=True, backward=True).dot
    at = ids_by_text(dot)
    pairs = [("x", "mean"), ("x", "centre"), ("mean", "centre"), ("centre", "square"), ("square", "variance"),
             ("variance", "+ ε"), ("+ ε", "sqrt"), ("sqrt", "divide"), ("centre", "divide"), ("divide", "scale"),
             ("γ", "scale"), ("scale", "shift"), ("β", "shift"), ("shift", "y")]  # fmt: skip
    drawn = [(tail, head, color) for tail, head, color, _ in edges(dot)]
    meeting = {"x", "centre"}  # where two gradients meet
    expected = [(at[a], at[b], "black") for a, b in pairs]
    expected += [(at[b], at[a] + "sum" * (a in meeting), "red") for a, b in pairs]
    expected += [(at[a] + "sum", at[a], "red") for a in meeting]
    assert sorted(drawn) == sorted(expected)
    assert dot.count('label="+="') == 2
    for derivative in (
        "∂/∂σ = −y/σ",
        "∂/∂a = 1/σ",
        "∂/∂a = 2a",
        "∂/∂μ = −1",
        "∂/∂x = 1/16",
        "∂/∂a = 1/(2σ)",
        "∂/∂γ = a",
    ):
        assert derivative in dot
    assert dot.count("1×3×1×1") == 2 * 4 and dot.count("4×3×2×2") == 2 * 8  # mean, variance, + ε, sqrt; each there and back


def test_other_graphs_pair_edges_too():
    x = mg.randn(3, 2).requires_grad_()
    y = (x.exp() * x.sin() + x.cos() * x.exp()).sum()  # no main path with simple detours: Graphviz lays it out
    dot = viz.draw(y, backward=True).dot
    black = [(a, b) for a, b, color, _ in edges(dot) if color == "black"]
    red = [(a, b) for a, b, color, back in edges(dot) if color == "red" and back]
    assert sorted(black) == sorted(red) and len(black) == 12
    assert dot.count(">+=<") + dot.count("<B>+=</B>") >= 1


def boxes_and_curves(dot):
    """The frames of a drawn circuit as (left, bottom, right, top), in points, and points on its wires, ends left out."""
    frames = []
    for label, x, y in re.findall(r'^\tn\d+ \[label=<(.*)> pos="([\d.-]+),([\d.-]+)"\]', dot, re.MULTILINE):
        w, h = (float(n) / 2 for n in re.search(r'WIDTH="(\d+)" HEIGHT="(\d+)"', label).groups())
        frames.append((float(x) - w, float(y) - h, float(x) + w, float(y) + h))
    points = []
    for text in re.findall(r'pos="e,([^"]*)"', dot):
        numbers_ = [tuple(map(float, pair.split(","))) for pair in text.split()][1:]
        for a, *_, b in zip(*(numbers_[k:] for k in range(4)), strict=False):
            points += [(a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t) for t in (0.25, 0.5, 0.75)]
    return frames, points


def test_no_wire_of_a_circuit_runs_through_a_node():
    x, w = (mg.rand(2).requires_grad_() for _ in "xw")
    a, circuits = x.exp(), 0
    for y in (
        a.sin() * a.cos(),
        (a * w).sin() * a.cos(),
        (a.sin().log().tan() * a.cos().sin().tan()).sum(),
        a.sin() + a,
        x * x,
    ):
        dot = viz.draw(y, values=True, gradients=True).dot
        if "nop2" not in dot:  # Graphviz sees to it
            continue
        circuits += 1
        frames, points = boxes_and_curves(dot)
        assert len(frames) > 3 and len(points) > 20
        hit = [(f, p) for f in frames for p in points if f[0] + 3 < p[0] < f[2] - 3 and f[1] + 3 < p[1] < f[3] - 3]
        assert not hit
    assert circuits  # else nothing was looked at


@pytest.mark.parametrize("shape", [(2, 3), (1, 2, 1, 2, 1, 2, 1, 2)])
def test_no_label_of_a_circuit_lies_on_a_node_or_on_an_arrow(shape):
    x = mg.rand(shape).requires_grad_()
    with record(x=x) as program:
        F.batch_norm(
            x, None, None, mg.ones(shape[1]), mg.zeros(shape[1]).requires_grad_(), training=True
        ).sin().sum().backward()
    dot = viz.draw(program, decompose=True).dot
    assert "nop2" in dot
    frames, points = boxes_and_curves(dot)
    said = [(float(x), float(y), 3.3 * len(text)) for text, x, y in
            re.findall(r'label=<<FONT[^>]*>([^<]*)</FONT>> lp="([-\d.]+),([-\d.]+)"', dot)]  # fmt: skip
    assert len(said) > 15
    for x, y, half in said:
        assert not [f for f in frames if f[0] < x + half and x - half < f[2] and f[1] < y + 4 and y - 4 < f[3]]
        assert not [p for p in points if abs(p[0] - x) < half and abs(p[1] - y) < 4]


def test_an_input_taken_twice_has_two_arrows():
    x = mg.rand(2).requires_grad_()
    assert len([e for e in edges(viz.draw((x * x).sum(), backward=True).dot) if e[2] == "red"]) == 4


def test_numbers_are_those_of_the_engine(norm):
    program, names = norm
    dot = viz.draw(program, names=names, decompose=True, backward=True, values=True, gradients=True).dot
    for tensor in (names["γ"], names["β"]):
        assert ", ".join(f"{v:.3g}" for v in tensor.tolist()).replace("-", "−") in dot
        assert ", ".join(f"{v:.3g}" for v in tensor.grad.tolist()).replace("-", "−") in dot
    assert ", ".join(f"{v:.3g}" for v in names["x"].mean((0, 2, 3)).tolist()).replace("-", "−") in dot


def test_opened_program_has_the_gradients_of_the_closed_one(norm):
    program, names = norm
    inside = opened(program)
    x = inside.of(names["x"])
    parts = [
        inside.sent[c.node, k].array for c in inside.calls if c.phase == "forward" for k, a in enumerate(c.inputs) if a is x
    ]
    assert len(parts) == 2
    np.testing.assert_allclose(parts[0] + parts[1], names["x"].grad.numpy(), rtol=1e-10, atol=1e-12)
    assert {c.scope for c in inside.calls if c.op.name == "sqrt" and c.phase == "forward"} == {("batch_norm",)}
    assert {c.output.name for c in inside.calls} >= {"mu", "centred", "var", "std"}
    assert program.calls[0].op.name == "batch_norm"  # the record itself is as it was


def test_nested_definitions_open_into_nested_boxes():
    x, target = mg.randn(4, 3).requires_grad_(), mg.tensor([0, 2, 1, 1])
    with record(x, target) as program:
        F.cross_entropy(x, target, reduction="none")
    scopes = {c.scope for c in opened(program).calls}
    assert ("cross_entropy", "log_softmax") in scopes and ("cross_entropy",) in scopes
    dot = viz.draw(program, decompose=True).dot
    assert "subgraph cluster_0" in dot and "<B>log_softmax</B>" in dot


def test_modules_are_boxes():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    with record() as program:
        model(mg.randn(5, 3)).sum()
    dot = viz.draw(program).dot
    assert re.findall(r"<B>(\w+)</B> · Linear", dot) == ["0", "2"]
    assert dot.count("<B>weight</B>") == 2
    assert dot == viz.draw(program).dot


def test_training_step_shows_its_forward_only_once():
    model = nn.Linear(3, 1)
    w = model.weight
    with record() as program:
        loss = model(mg.ones(2, 3)).sum()
        loss.backward()
        with mg.no_grad():
            w.sub_(w.grad * 0.1)
    assert set(ids_by_text(viz.draw(program, backward=False).dot)) >= {"linear", "sum", "weight"}
    assert "multiply" not in viz.draw(program, backward=False).dot


def test_opening_leaves_running_statistics_alone():
    layer = nn.BatchNorm1d(3)
    with record() as program:
        layer(mg.randn(8, 3))
    before = layer.running_mean.tolist()
    viz.draw(program, decompose=True)
    assert layer.running_mean.tolist() == before


# -- unrecorded tensors ------------------------------------------------------------------------------------------------


def test_unrecorded_tensor_with_and_without_values():
    x = mg.randn(8, 3).requires_grad_()
    w = mg.ones(3).requires_grad_()
    y = F.batch_norm(x * 2.0, None, None, w, None, training=True)
    alive = viz.draw(y, names={"x": x}, decompose=True, backward=mg.randn(8, 3), gradients=True)
    assert x.grad is None and "∂/∂σ" in alive.dot
    y.sum().backward()
    freed = viz.draw(y, names={"x": x}, decompose=True)
    assert {"mean", "centre", "divide"} <= set(ids_by_text(freed.dot)) and "8×3" in freed.dot
    with pytest.raises(GradError, match="freed by an earlier backward"):
        viz.draw(y, backward=True)


def test_program_behind_knows_what_was_saved():
    x, w = mg.randn(2, 3).requires_grad_(), mg.randn(3, 4)
    y = (x @ w).tanh()
    program = program_behind(y)
    assert [c.op.name for c in program.calls] == ["matmul", "tanh"]
    left, right = program.calls[0].inputs
    assert (left.kind, left.tensor is x, right.kind, right.shape) == ("parameter", True, "constant", (3, 4))
    assert program.calls[1].output.array is y.array and isinstance(program.calls[1].inputs[0], Variable)
    with mg.no_grad():
        w.mul_(2.0)
    assert program_behind(y).calls[0].inputs[1] is None  # what matmul saved was overwritten


@needs_pygraphviz
@pytest.mark.timeout(100)
def test_a_long_loop_is_laid_out_in_bearable_time():
    w, h = mg.randn(2, 2).requires_grad_(), mg.zeros(1, 2)
    for _ in range(60):
        h = (h @ w + 1).tanh()
    start = time.process_time()
    assert len(viz.draw(h.sum())._repr_svg_()) > 100_000
    assert time.process_time() - start < 30  # of the processor; without a limit Graphviz takes 40 to 60 seconds, with it 4


def test_long_chain_is_cut_and_nothing_recurses():
    y = mg.ones(2).requires_grad_()
    for _ in range(20_000):
        y = y * 1.0
    drawing = viz.draw(y, limit=50)
    assert "… 19,950 earlier calls" in drawing.dot and len(edges(drawing.dot)) == 51


# -- rendering ---------------------------------------------------------------------------------------------------------


@needs_pygraphviz
@pytest.mark.parametrize(
    "style", [{}, {"backward": True, "values": True, "gradients": True}, {"direction": "TB", "dark": True}]
)
def test_svg_has_the_texts(norm, tmp_path, style):
    program, names = norm
    options = {"backward": False} | style
    viz.draw(program, tmp_path / "bn.svg", names=names, decompose=True, title="Batch norm", **options)
    found = texts((tmp_path / "bn.svg").read_bytes())
    assert {*PRIMITIVES, "x", "γ", "β", "y", "Batch norm"} <= set(found)
    assert [p.name for p in tmp_path.iterdir()] == ["bn.svg"]


@needs_pygraphviz
@pytest.mark.parametrize(
    ("suffix", "magic"),
    [("png", b"\x89PNG"), ("pdf", b"%PDF-"), ("svg", b"<?xml"), ("dot", b"digraph"), ("gv", b"digraph")],
)
def test_formats(norm, tmp_path, suffix, magic):
    path = tmp_path / f"bn.{suffix}"
    viz.draw(norm[0], path, backward=True, decompose=True)
    assert path.read_bytes().startswith(magic)


@needs_pygraphviz
def test_notebook_shows_svg(norm):
    svg = viz.draw(norm[0])._repr_svg_()
    assert svg.startswith("<svg") and "batch norm" in texts(svg)


def test_without_any_graphviz_the_dot_text_is_written(norm, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    with pytest.warns(UserWarning, match=r"pip install minigrad\[viz\].*bn\.dot"):
        drawing = viz.draw(norm[0], tmp_path / "bn.svg")
    assert [p.name for p in tmp_path.iterdir()] == ["bn.dot"]
    assert (tmp_path / "bn.dot").read_text(encoding="utf-8") == drawing.dot
    assert drawing._repr_svg_() is None


def test_without_the_graphviz_package_one_line_says_what_to_install(norm, monkeypatch):
    monkeypatch.setitem(sys.modules, "graphviz", None)
    drawing = viz.draw(norm[0])
    with pytest.raises(ImportError, match=r"pip install minigrad\[viz\]"):
        drawing.save("never.svg")
    assert drawing._repr_svg_() is None and "batch norm" in drawing.text


def test_dot_on_the_path_comes_first(norm, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: "/bin/dot")
    calls = []

    def run(command, **options):
        calls.append(command)
        return type("Done", (), {"returncode": 0, "stdout": b"picture", "stderr": b""})

    monkeypatch.setattr(render.subprocess, "run", run)
    assert render.rendered(viz.draw(norm[0]).dot, "png") == b"picture"
    assert calls == [["dot", "-Tpng", "-Gdpi=144"]]


# -- bad input ---------------------------------------------------------------------------------------------------------


@needs_pygraphviz
@pytest.mark.parametrize("backward", [True, False])
@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_no_name_breaks_a_picture(name, backward):
    x = mg.randn(3, 2).requires_grad_()
    with record(x) as program:
        y = x.tanh()
        y.sum().backward()
    plain = viz.draw(program, backward=backward, names={"x": x, "y": y})
    drawing = viz.draw(program, backward=backward, names={name: x, name + "y": y}, title=name)
    assert edges(drawing.dot) == edges(plain.dot)
    svg = drawing._repr_svg_()
    root = ET.fromstring(svg)
    assert {e.tag.rpartition("}")[2] for e in root.iter()} <= {
        "svg",
        "g",
        "title",
        "text",
        "path",
        "polygon",
        "ellipse",
        "a",
        "polyline",
    }
    start = name.split("\n")[0].encode("unicode_escape", "surrogatepass").decode()[:12] if name.isascii() else ""
    assert any(start.replace("\\\\", "\\") in t for t in texts(svg))


@needs_pygraphviz
def test_hostile_module_names():
    model = nn.Module()
    model.__class__ = type('Evil"><b>\\N', (nn.Module,), {"forward": lambda self, x: self.a(self.b(x))})
    model.a, model.b = nn.Linear(2, 2), nn.Linear(2, 2)
    with record() as program:
        model(mg.ones(1, 2)).exp()
    assert 'Evil"><b>\\N' in " ".join(texts(viz.draw(program)._repr_svg_()))


def test_errors(norm, tmp_path):
    program, _ = norm
    x = mg.ones(2).requires_grad_()
    with pytest.raises(GradError, match=r"draw: expected a tensor computed .* got a leaf or constant of shape \(2,\)"):
        viz.draw(x)
    with pytest.raises(TypeError, match=r"draw: expected a tensor or a recorded program, got list"):
        viz.draw([1, 2])
    with pytest.raises(ValueError, match=r"expected one of svg, png, pdf, dot, mmd, txt, got suffix '.jpg'"):
        viz.draw(program, tmp_path / "bn.jpg")
    with pytest.raises(ValueError, match=r"format 'bmp'"):
        viz.draw(program, tmp_path / "bn.svg", format="bmp")
    with pytest.raises(ValueError, match="direction must be 'LR' or 'TB', got 'up'"):
        viz.draw(program, direction="up")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        viz.draw(program, tmp_path / "none" / "bn.dot")
    (tmp_path / "folder.dot").mkdir()
    with pytest.raises(IsADirectoryError, match="the folder"):
        viz.draw(program, tmp_path / "folder.dot")
    y = x.exp()
    for bad in (0, -1, 1.5, True):
        with pytest.raises(ValueError, match="limit must be a whole number from 1"):
            viz.draw(y, limit=bad)
    for names in ({"x": 3}, {x: "x"}, [x]):
        with pytest.raises(TypeError, match="names must map names to tensors"):
            viz.draw(y, names=names)
    with pytest.raises(TypeError, match="decompose must be True, False or a function.* Hint: open='exp'"):
        viz.draw(y, decompose="exp")
    with pytest.raises(ShapeError, match=r"must have the shape \(2,\) of the tensor, got \(3,\)"):
        viz.draw(y, backward=mg.ones(3))
    with record() as silent:
        pass
    with pytest.raises(ValueError, match="recorded no calls"):
        viz.draw(silent)
    with record() as forward:
        x.exp()
    with pytest.raises(ValueError, match="recorded no backward pass"):
        viz.draw(forward, backward=True)
    assert [p.name for p in tmp_path.iterdir()] == ["folder.dot"]


def test_gallery(tmp_path):
    gallery.main(str(tmp_path), "dot")
    assert {p.stem for p in tmp_path.iterdir()} == set(gallery.PICTURES)
    assert (tmp_path / "batchnorm.dot").read_text(encoding="utf-8").count('label="+="') == 2


def test_failed_write_leaves_the_old_picture(norm, tmp_path, monkeypatch):
    path = tmp_path / "bn.dot"
    path.write_text("old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(render.os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        viz.draw(norm[0], path)
    assert path.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["bn.dot"]


def test_odd_arrays_have_numbers():
    array = lambda *values: np.asarray(values, dtype="float64")  # noqa: E731
    assert numbers(array(float("nan"), float("inf"), 1.0)) == ["nan, inf, 1"]
    assert numbers(np.asarray(-2.5)) == ["−2.5"]
    assert numbers(np.zeros((0, 3))) == ["empty"]
    assert numbers(array(*[1.0] * 9, float("nan"))) == ["1 ± 0", "1 … 1", "1 not finite"]
    assert numbers(np.array([True, False])) == ["1, 0"]
    assert numbers(np.full((3, 4), -0.25)) == ["all −0.25"]
    assert numbers(np.array([1.25 - 2j, 1e-3j])) == ["1.25 − 2i, 0 + 0.001i"]
    assert numbers(np.array([3 + 4j] * 7)) == ["|z| 5 ± 0", "|z| 5 … 5"]
    assert escape("a\\") == "a&#92;&#92;" and escape("<&\n") == "&#60;&#38;&#92;&#92;n"


def test_gradients_of_complex_numbers_are_told_apart_from_grad():
    x = mg.ones(2, requires_grad=True)
    drawn = viz.draw((x * 1j).abs().sum(), backward=True)
    assert "the conjugate of its .grad" in drawn.dot and "conjugate" not in viz.draw(x.abs().sum(), backward=True).dot


def said(result, **names):
    """What stands in a picture's calls: formula and rules, by op."""
    found = (line for line in viz.draw(result, backward=True, names=names).text.splitlines() if " = " in line)
    return {line.split(" = ")[1].split("(")[0]: re.split(r"  +", line)[-1] for line in found if "grad" not in line}


def test_a_formula_tells_its_inputs_apart_and_from_its_result():
    a, b = (mg.rand(2, 2).requires_grad_() for _ in "ab")
    assert said(a * b, x=a, y=b)["multiply"] == "y = x · b; ∂/∂x = b; ∂/∂b = x"
    assert said(a / b, g=a, y=b)["divide"] == "y = a/b; ∂/∂a = 1/b; ∂/∂b = −y/b"
    assert said(a.exp(), e=a)["exp"] == "y = e^a; ∂/∂a = y"
    assert said(a * b, **{"one.w": a, "two.w": b})["multiply"] == "y = w · b; ∂/∂w = b; ∂/∂b = w"
    e = a * b
    assert said(e + a, a=a, b=b, e=e) == {
        "multiply": "= e; e = a · b; ∂/∂a = b; ∂/∂b = a",
        "add": "y = e + a; ∂/∂e = 1; ∂/∂a = 1",
    }
    d = a * b
    assert "y = a + " not in said(d + b, a=a, b=b, product=d)["add"]  # a letter that is another one's name
    assert said(F.linear(a, b), W=a)["linear"] == "y = W bᵀ; to W: g b; to b: gᵀ W"
    left, right, _ = re.fullmatch(r"y = (\w) · (\w); (.*)", said(a * b, a=b)["multiply"]).groups()
    assert right == "a" != left
    h = a.relu()
    assert said(h * b, a=h)["relu"].startswith("= a; a = max(z, 0)")
    assert said(a * a, w=a)["multiply"] == "y = w · w; ∂/∂w = w; ∂/∂w = w"


def test_options_are_written_as_numbers():
    x = mg.rand(4).requires_grad_()
    assert said(x.var())["variance"].startswith("y = (Σ (x − mean(x))²)/(4 − 1)")
    assert said(x.clamp(-1, 2))["clamp"].startswith("y = min(max(a, −1), 2)")
    assert said(x.clamp(min=0))["clamp"].startswith("y = min(max(a, 0), ∞)")
    assert said(mg.add(x, x, alpha=3))["add"].startswith("y = a + 3 · ")


def test_a_constant_that_nothing_kept_has_a_letter():
    a = mg.rand(2, 2).requires_grad_()
    assert said(a + 1)["add"] == "y = a + b; ∂/∂a = 1"
    assert said(1 - a)["subtract"] == "y = a − b; ∂/∂b = −1"
    assert said(F.linear(a.detach(), a.detach(), mg.rand(2).requires_grad_()))["linear"] == "y = x Wᵀ + b; to b: Σ g"
    assert said(a.masked_fill(a > 0.5, 3.0))["where"] == "y = x if c, else z; to z: 0 if c, else g"


def test_of_many_equal_inputs_not_each_is_written_out():
    few, many = ([mg.rand(2).requires_grad_() for _ in range(n)] for n in (3, 12))
    assert said(mg.cat(few))["cat"].startswith("y = a, b, c, joined; to a: its own part of g; to b:")
    assert said(mg.cat(many))["cat"] == "y = a, b, …, m, joined; to each: its own part of g"


def test_rules_are_written_in_full():
    x = mg.rand(3, 3).requires_grad_()
    assert said(F.layer_norm(x, (3,)))["layer norm"].endswith("to x: (h − mean(h) − x̂ · mean(h · x̂))/σ where h = g")
    long = F.scaled_dot_product_attention(*(mg.rand(1, 1, 3, 2).requires_grad_() for _ in "qkv"))
    rule = "to q: (scale · p · (h − Σ h · p)) k where h = g vᵀ, p = softmax((scale · q) kᵀ)"
    assert rule in said(long)["attention"]
    drawn = viz.draw(long, backward=True)
    assert "…" not in drawn.text + drawn.mermaid + drawn.dot.replace(" … ", "")
