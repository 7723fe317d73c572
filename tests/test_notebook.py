"""What tensors, modules and programs show of themselves in a notebook."""

import re
import xml.etree.ElementTree as ET
from importlib.util import find_spec

import pytest

import minigrad as mg
from minigrad import nn
from minigrad.trace import record

from .test_viz import HOSTILE

needs_pygraphviz = pytest.mark.skipif(find_spec("pygraphviz") is None, reason="pygraphviz is not installed")


def parsed(html):
    """The elements of a piece of HTML; an error if its tags do not match."""
    return ET.fromstring(f"<div>{html.replace('&nbsp;', ' ')}</div>")


def cells(html):
    return [cell.text for cell in parsed(html).iter("td")]


def test_a_tensor_shows_its_numbers():
    x = mg.tensor([[1.0, -2.5], [float("nan"), float("inf")]]).requires_grad_()
    html = x._repr_html_()
    assert cells(html) == ["1", "−2.5", "nan", "inf"]
    assert "2×2" in html and "2 not finite" in html and "a leaf that wants a gradient" in html
    assert "made by exp" in x.exp()._repr_html_()
    assert "empty" in mg.zeros(0, 3)._repr_html_() and cells(mg.tensor(7)._repr_html_()) == ["7"]
    big = mg.randn(40, 50)._repr_html_()
    assert len(cells(big)) == 256 and "256 of 2,000 elements" in big
    assert cells(mg.tensor([True, False])._repr_html_()) == ["1", "0"]


@needs_pygraphviz
def test_a_tensor_shows_its_graph():
    x = mg.randn(3).requires_grad_()
    y = x.exp().sum()
    assert y._repr_svg_().startswith("<svg") and "exp" in y._repr_svg_()
    assert x._repr_svg_() is None
    y.backward()
    assert y._repr_svg_().startswith("<svg") and x.grad is not None  # freed, but still there to be drawn


def test_a_module_shows_its_layers():
    model = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.ReLU(), nn.Linear(4, 1)))
    html = model._repr_html_()
    rows = ["".join(row.itertext()).strip() for row in parsed(html).iter("tr")]
    assert len(rows) == 1 + 5 and "21 parameters, in training" in html
    assert any(re.match(r"0 Linear\(in_features=3.*1664 B", row) for row in rows)
    assert "in evaluation" in model.eval()._repr_html_()


@needs_pygraphviz
def test_a_module_shows_its_tree():
    model = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.ReLU(), nn.Linear(4, 1)))
    root = ET.fromstring(model._repr_svg_())
    groups = [g.get("class") for g in root.iter("{http://www.w3.org/2000/svg}g")]
    assert (groups.count("node"), groups.count("edge")) == (5, 4)
    assert "21 parameters" in " ".join(root.itertext())
    assert nn.Sequential(*(nn.ReLU() for _ in range(300)))._repr_svg_() is None


@needs_pygraphviz
def test_a_program_shows_its_picture():
    model, x = nn.Linear(3, 1), mg.randn(2, 3)
    with record(x=x) as program:
        model(x).sum().backward()
    assert program._repr_svg_().startswith("<svg")
    html = program._repr_html_()
    assert "forward" in html and "kept for the backward pass" in html and "<svg" in html
    with record() as silent:
        pass
    assert silent._repr_svg_() is None and "0 calls" in silent._repr_html_()


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_no_name_breaks_the_html(name):
    kind = name.replace("\x00", "").encode("utf-8", "replace").decode()
    model = type(kind, (nn.Module,), {"forward": lambda self, x: x, "extra_repr": lambda self: name})()
    setattr(model, name.replace(".", "_"), nn.Linear(2, 2))
    model.add_module("leaf", type(kind, (nn.Module,), {"extra_repr": lambda self: name})())
    html = model._repr_html_()
    assert {e.tag for e in parsed(html).iter()} == {"div", "table", "tr", "td", "th", "b"}
    if find_spec("pygraphviz") is not None:
        tags = {e.tag.rpartition("}")[2] for e in ET.fromstring(model._repr_svg_()).iter()}
        assert tags <= {"svg", "g", "title", "text", "path", "polygon"}
    assert len(html) < 5000 and not any(c in html for c in "\x00\x1b\u202e")
