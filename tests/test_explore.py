"""The explorer's data and page: the schema, the numbers, the paths, two programs on one graph, hostile names, the asset."""

from __future__ import annotations

import copy
import hashlib
import json
import re
import types
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints, is_typeddict

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, viz
from minigrad.diagnose.paths import paths
from minigrad.nn import functional as F
from minigrad.trace import Program, record
from minigrad.viz import schema
from minigrad.viz.explore import SCRIPTS, STYLES, island

LOST = pytest.mark.filterwarnings("ignore:.*no optimizer has the parameter")  # the networks of other tests have none
HERE = Path(viz.__file__).parent
HOSTILE = ['"><script>alert(1)</script>', "</script><!--", "a\nb\\N", "x" * 10_000, "\u202eevil\x00", "\udcff", "]]>",
           "{{DATA}}", "&amp;", "\u2028"]  # fmt: skip
SHA256 = "c9e0b310f9883910e01c66054b48b7ff4be3d8695141116635e72b0af152692e"


def norm_program(dtype: str = "float64") -> tuple[Program, mg.Tensor, nn.Module]:
    """Batch norm on a tiny batch, forward and backward."""
    mg.manual_seed(3)
    layer = nn.BatchNorm1d(3, dtype=dtype)
    x, target = mg.randn(5, 3, dtype=dtype).requires_grad_(), mg.randn(5, 3, dtype=dtype)
    with record(x=x, target=target, statistics=True) as program:
        F.mse_loss(layer(x), target).backward()
    return program, x, layer


def network(*layers: nn.Module, step: bool = False) -> tuple[Program, nn.Module]:
    """A training step of a small network."""
    model = nn.Sequential(*layers)
    x, target = mg.randn(16, 6), mg.randint(0, 3, (16,))
    optimizer = mg.optim.SGD(model.parameters(), lr=0.1)
    with record(x=x, target=target, statistics=True) as program:
        F.cross_entropy(model(x), target).backward()
        if step:
            optimizer.step()
    return program, model


def check(value: Any, kind: Any, where: str = "page") -> None:
    """Raise unless a value from JSON is of a type of the schema."""
    origin = get_origin(kind)
    if is_typeddict(kind):
        hints = get_type_hints(kind)
        assert isinstance(value, dict), where
        assert value.keys() <= hints.keys(), f"{where}: unknown {value.keys() - hints.keys()}"
        assert kind.__required_keys__ <= value.keys(), f"{where}: missing {kind.__required_keys__ - value.keys()}"
        for name in value:
            check(value[name], hints[name], f"{where}.{name}")
    elif origin is list:
        assert isinstance(value, list), where
        for at, each in enumerate(value):
            check(each, get_args(kind)[0], f"{where}[{at}]")
    elif origin is dict:
        assert isinstance(value, dict), where
        for name in value:
            check(value[name], get_args(kind)[1], f"{where}.{name}")
    elif origin in (Union, types.UnionType):
        for choice in get_args(kind):
            try:
                return check(value, choice, where)
            except AssertionError:
                pass
        raise AssertionError(f"{where}: {str(value)[:60]} is not {kind}")
    elif kind is float:
        assert type(value) in (int, float), f"{where}: {value!r} is not a number"
    else:
        assert type(value) is kind, f"{where}: {value!r} is not {kind}"
    return None


def through_json(data: schema.Page) -> Any:
    return json.loads(json.dumps(data, allow_nan=False))


def found(data: Any, **facts: Any) -> Any:
    """The one item with these fields."""
    items = [item for item in data["items"] if all(item[name] == value for name, value in facts.items())]
    assert len(items) == 1, [item["title"] for item in items]
    return items[0]


def within(data: Any, item: Any, op: str) -> bool:
    """Whether an item is, or lies in the definition of, a call of an op."""
    group = data["groups"][item["group"]]
    return item["op"] == op or (group["kind"] == "op" and data["items"][group["item"]]["op"] == op)


def rows(data: Any, at: int) -> np.ndarray:
    return np.array(data["variables"][at]["rows"])


def embedded(text: str) -> Any:
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL).group(1))


def test_schema() -> None:
    first, _ = network(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 3), step=True)
    second, _ = network(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 3))
    for data in (island(norm_program()[0]), island(first), island(first, second)):
        check(through_json(data), schema.Page)
    with pytest.raises(AssertionError, match="title"):
        check(through_json(island(first)) | {"title": 3}, schema.Page)


@LOST
def test_references_lead_somewhere() -> None:
    first, _ = network(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 3), step=True)
    second, _ = network(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 3))
    with record() as recurrent:
        nn.LSTM(3, 4)(mg.randn(6, 2, 3))[0].sum().backward()
    for data in (island(first), island(first, second), island(recurrent)):
        for at, item in enumerate(data["items"]):
            assert item["id"] == at
            assert {"item": at} in data["groups"][item["group"]]["children"]
            for entry in [*item["inputs"], *((item.get("b") or {}).get("inputs", []))]:
                assert entry["source"] < len(data["items"])
                assert entry["sent"] is None or entry["sent"] < len(data["variables"])
        for at, group in enumerate(data["groups"]):
            assert group["id"] == at
            if group["kind"] == "op":
                assert data["items"][group["item"]]["inside"] == at
                assert data["items"][group["item"]]["group"] == group["parent"]
            else:
                assert at == 0 or {"group": at} in data["groups"][group["parent"]]["children"]


def test_numbers_are_those_of_grad() -> None:
    program, x, layer = norm_program()
    data = through_json(island(program))
    for title, tensor in (("x", x), ("weight", layer.weight), ("bias", layer.bias)):
        item = found(data, title=title)
        np.testing.assert_allclose(rows(data, item["gradient"]), np.atleast_2d(tensor.grad.numpy()), rtol=1e-6)
        np.testing.assert_allclose(rows(data, item["variable"]), np.atleast_2d(tensor.detach().numpy()), rtol=1e-6)


def test_the_definition_has_equal_numbers() -> None:
    data = through_json(island(norm_program()[0]))
    closed = found(data, kind="composite")
    last = data["items"][closed["last"]]
    assert last["id"] != closed["id"]
    assert data["groups"][last["group"]]["item"] == closed["id"]
    assert last["variable"] == closed["variable"]
    assert last["gradient"] == closed["gradient"]
    inside = [item for item in data["items"] if item["group"] == closed["inside"]]
    sent = {entry["name"]: rows(data, entry["sent"]) for entry in closed["inputs"] if entry["sent"] is not None}
    into_x = [rows(data, e["sent"]) for item in inside for e in item["inputs"] if data["items"][e["source"]]["title"] == "x"]
    assert len(into_x) == 2
    np.testing.assert_allclose(sum(into_x), sent["x"], atol=1e-7)


def test_backward_in_the_engines_order() -> None:
    program, _, _ = norm_program()
    data = island(program)
    numbers = [key for key in program.gradients if isinstance(key, int)]
    assert numbers == sorted(numbers, reverse=True)
    ops = [data["items"][at]["op"] for at in data["backward"]]
    called = {call.node: call.op.name for call in program.calls if call.phase == "forward" and call.node is not None}
    assert ops == [called[number] for number in numbers] + [""] * 3
    inner = found(data, kind="composite")["backward"]
    assert [data["items"][at]["op"] for at in inner[:2]] == ["add", "reshape"]
    assert data["items"][inner[-1]]["op"] == "mean"


def test_paths_are_those_of_diagnose_and_add_up() -> None:
    mg.manual_seed(3)
    x = mg.randn(5, 3, dtype="float64").requires_grad_()
    gamma, beta = (mg.randn(3, dtype="float64").requires_grad_() for _ in range(2))
    g = mg.randn(5, 3, dtype="float64")
    with record(x=x) as program:
        y = F.batch_norm(x, None, None, gamma, beta, training=True)
        y.backward(g, retain_graph=True)
    norm = through_json(island(program))["norms"][0]
    names = {"direct": "direct", "mean": "through the mean", "variance": "through the variance"}
    expected = paths(y, g).parts
    for channel, told in enumerate(norm["sets"]):
        for name, theirs in names.items():
            np.testing.assert_allclose(told["parts"][name], expected[theirs].numpy()[:, channel], rtol=1e-5, atol=1e-9)
        added = sum(np.array(told["parts"][name]) for name in names)
        np.testing.assert_allclose(added, x.grad.numpy()[:, channel], atol=1e-6)
        assert told["parts"]["total"] == pytest.approx(x.grad.numpy()[:, channel].tolist(), rel=1e-6)


def test_maps_show_who_hears_whom() -> None:
    norm = through_json(island(norm_program()[0]))["norms"][0]
    samples, channels = 5, 3
    maps = {m["name"]: np.array(m["rows"]) for m in norm["maps"]}
    same_sample = np.kron(np.eye(samples), np.ones((channels, channels))) > 0
    same_channel = np.kron(np.ones((samples, samples)), np.eye(channels)) > 0
    training, fixed, layer = maps["batch norm, training"], maps["batch norm, evaluation"], maps["layer norm"]
    assert np.abs(training[~same_channel]).max() == 0
    assert np.abs(training[same_channel & ~same_sample]).min() > 0
    assert np.abs(layer[~same_sample]).max() == 0
    assert np.abs(layer[same_sample]).min() > 0
    assert np.abs(fixed[~np.eye(samples * channels, dtype=bool)]).max() == 0
    assert np.diag(fixed).min() > 0


def test_two_programs_on_one_graph() -> None:
    layers = [nn.Linear(6, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 3)]
    second, other = network(*copy.deepcopy([layers[0], layers[2], layers[3]]))
    first, one = network(*layers)
    data = through_json(island(first, second, names=("with", "without")))
    assert data["compare"] == {"a": "with", "b": "without"}
    assert found(data, op="batch_norm")["side"] == "a"
    assert found(data, op="relu")["side"] == "ab"
    assert not [item for item in data["items"] if item["side"] == "b" and item["op"]]
    relu = found(data, op="relu")
    into = {side: data["items"][facts["inputs"][0]["source"]] for side, facts in (("a", relu), ("b", relu["b"]))}
    assert within(data, into["a"], "batch_norm")
    assert not within(data, into["b"], "batch_norm")
    weight = found(data, title="0.weight")
    for facts, model in ((weight, one), (weight["b"], other)):
        np.testing.assert_allclose(rows(data, facts["gradient"]), model[0].weight.grad.numpy(), rtol=1e-5, atol=1e-9)


@LOST
def test_an_update_step_keeps_what_was_before() -> None:
    program, model = network(nn.Linear(6, 3), step=True)
    data = through_json(island(program))
    weight = found(data, title="0.weight")
    before = model[0].weight.detach().numpy() + 0.1 * model[0].weight.grad.numpy()
    np.testing.assert_allclose(rows(data, weight["variable"]), before, rtol=1e-4, atol=1e-6)
    moves = [update for update in data["updates"] if update["item"] == weight["id"]]
    assert len(moves) == 1
    assert moves[0]["after"]["norm"] == pytest.approx(float(model[0].weight.norm()), rel=1e-5)


def test_a_module_used_twice_has_two_groups() -> None:
    relu = nn.ReLU()
    program, _ = network(nn.Linear(6, 6), relu, nn.Linear(6, 3), relu)
    data = island(program)
    assert sum(group["title"] == "ReLU" for group in data["groups"]) == 2


def test_large_programs_are_put_into_runs() -> None:
    x = mg.ones(2).requires_grad_()
    with record(x=x) as program:
        y = x
        for _ in range(700):
            y = y * 1.001
        y.sum().backward()
    data = island(program)
    assert len(data["groups"][0]["children"]) <= 24
    assert max(len(group["children"]) for group in data["groups"]) <= 100
    assert sum(item["op"] == "mul" for item in data["items"]) == 700


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names(name: str, tmp_path: Path) -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self._modules[name] = nn.Linear(2, 2)

        def forward(self, x: mg.Tensor) -> mg.Tensor:
            return self._modules[name](x)

    x = mg.randn(3, 2)
    with record(**{name: x}) as program:
        Odd()(x).sum().backward()
    text = viz.explore(program, tmp_path / "odd.html", title=name).read_text(encoding="utf-8")
    plain = viz.explore(norm_program()[0], tmp_path / "plain.html").read_text(encoding="utf-8")
    for mark in ("<script", "</script", "<!--", "<style", "</style", "<body", "<title"):
        assert text.count(mark) == plain.count(mark)
    data = embedded(text)
    check(data, schema.Page)
    shown = [*(item["title"] for item in data["items"]), *(group["label"] for group in data["groups"])]
    assert max(map(len, shown)) <= 60
    assert not any(c in word for word in shown for c in "\n\x00\u202e\u2028\udcff")


@pytest.mark.parametrize("values", [[], 1.5, [float("nan"), float("inf"), -float("inf"), 0.0], [1e300, -1e300], [True, False]])
def test_odd_arrays(values: Any, tmp_path: Path) -> None:
    x = mg.tensor(values, dtype=None if values == [True, False] else "float64")
    w = mg.ones((), dtype="float64").requires_grad_()
    with record(x=x, w=w) as program:
        (x * w).sum().backward()
    data = embedded(viz.explore(program, tmp_path / "odd.html").read_text(encoding="utf-8"))
    check(data, schema.Page)
    row = data["variables"][found(data, title="x")["variable"]]
    assert row["stats"]["size"] == x.numel()
    if row["stats"]["nonfinite"]:
        assert row["rows"] == [["nan", "∞", "−∞", 0.0]]


def test_forward_only_and_forgotten_values(tmp_path: Path) -> None:
    x = mg.randn(3, 2)
    with record(x=x) as program:
        y = nn.Linear(2, 2)(x).relu()
    mg.mul(y, 2.0)
    with mg.no_grad():
        x.zero_()
    data = embedded(viz.explore(program, tmp_path / "forward.html").read_text(encoding="utf-8"))
    check(data, schema.Page)
    assert not data["backward"]
    assert data["variables"][found(data, title="x")["variable"]]["stats"] is None


def test_bad_input(tmp_path: Path) -> None:
    program = norm_program()[0]
    with pytest.raises(TypeError, match="explore: expected a recorded program, got Tensor"):
        viz.explore(mg.ones(2), tmp_path / "a.html")
    with pytest.raises(TypeError, match="explore: expected a recorded program, got str"):
        viz.explore(program, tmp_path / "a.html", compare="b")
    with pytest.raises(ValueError, match="explore: the program recorded no calls"):
        viz.explore(Program(), tmp_path / "a.html")
    with pytest.raises(FileNotFoundError, match="explore: the folder of"):
        viz.explore(program, tmp_path / "none" / "a.html")
    with pytest.raises(IsADirectoryError, match="explore: expected a file to write"):
        viz.explore(program, tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_page_is_whole(tmp_path: Path) -> None:
    raw = viz.explore(norm_program()[0], tmp_path / "bn.html").read_bytes()
    text = raw.decode("utf-8")
    assert (HERE / "assets" / "viz-global.js").read_bytes() in raw
    assert '<meta charset="utf-8">' in text[:200]
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text).group(1)
    assert policy == ("default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval'; style-src 'unsafe-inline'; "
                      "img-src data:")  # fmt: skip
    assert not re.search(r'(src|href)="(?!data:)', text.replace((HERE / "assets" / "viz-global.js").read_text("utf-8"), ""))


def test_every_file_of_the_page_is_used_and_short() -> None:
    names = {path.name for path in (HERE / "page").iterdir()}
    assert names == {"page.html", *STYLES, *SCRIPTS}
    for name in names:
        lines = (HERE / "page" / name).read_text("utf-8").splitlines()
        assert len(lines) <= 500, name
        assert max(map(len, lines)) <= 128 or name == "page.html", name


def test_the_asset_is_what_the_licences_say() -> None:
    data = (HERE / "assets" / "viz-global.js").read_bytes()
    assert hashlib.sha256(data).hexdigest() == SHA256
    licences = (HERE.parent.parent / "THIRD_PARTY_LICENSES").read_text("utf-8")
    for words in (SHA256, "@viz-js/viz 3.31.0", "Graphviz 16.1.0", "Eclipse Public License - v 2.0", "Expat", "Michael Daines"):
        assert words in licences
    assert b"Viz.js 3.31.0" in data
    for mark in (b"</script", b"<!--", b"<script"):
        assert mark not in data.lower()
