"""`viz.watch`: its numbers against NumPy, its bounds, its server, what it leaves behind."""

from __future__ import annotations

import copy
import gc
import http.client
import json
import re
import runpy
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

import minigrad as mg
from minigrad import data, nn, optim, train, viz
from minigrad.nn import functional as F
from minigrad.viz.watch_log import BINS, activations_of, norm
from minigrad.viz.watch_page import sources

ROOT = Path(__file__).resolve().parent.parent
HOSTILE = '"><script>alert(1)</script>\\\u202e\n' + "x" * 10_000


def net() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


def trained(model: Any, seen: Any, steps: int = 6, lr: float = 0.1) -> None:
    optimizer = optim.SGD(model.parameters(), lr=lr)
    x, y = mg.randn(16, 4), mg.randint(0, 3, (16,))
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        seen.step(loss=loss)


def island(page: str) -> Any:
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])


# -- numbers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(64, 12), (8, 6, 5, 5), (5,), (32, 16, 12, 12)])
def test_activations_are_numpys(shape: tuple) -> None:
    x = np.maximum(np.random.default_rng(0).normal(size=shape), 0).astype(np.float32)
    if x.ndim > 1:
        x[:, 2] = 0.0
    found = activations_of(x, 1)
    wide = x.astype(np.float64)
    np.testing.assert_allclose([found.mean, found.std, found.min, found.max],
                               [wide.mean(), wide.std(), wide.min(), wide.max()], rtol=1e-5)  # fmt: skip
    assert (found.size, found.zeros, found.nonfinite) == (x.size, (x == 0).sum(), 0)
    axis = 1 if x.ndim > 1 else 0
    others = tuple(k for k in range(x.ndim) if k != axis)
    assert (found.units, found.dead) == (x.shape[axis], (x == 0).all(others).sum())
    sample = wide.reshape(-1)[:: -(-x.size // 4096) | 1]
    np.testing.assert_array_equal(found.counts, np.histogram(sample[sample != 0], BINS, (wide.min(), wide.max()))[0])


def test_activations_that_are_not_finite() -> None:
    found = activations_of(np.array([[np.nan, 1.0, 2.0], [np.inf, 3.0, 4.0]]), -1)
    assert (found.nonfinite, found.mean, found.min, found.max, sum(found.counts)) == (2, 2.5, 1.0, 4.0, 4)
    nothing = activations_of(np.full((2, 2), np.nan), -1)
    assert nothing.nonfinite == 4 and sum(nothing.counts) == 0 and nothing.mean != nothing.mean
    assert sum(activations_of(np.array([[-1.5e308, 1.5e308]]), -1).counts) == 2


def test_norms_neither_over_nor_underflow() -> None:
    for size in (1e-30, 1.0, 1e30):
        x = np.full(4, size, np.float32)
        assert norm([x, x]) == pytest.approx(float(x[0]) * np.sqrt(8), rel=1e-6)
    assert norm([np.array([np.inf])]) == np.inf and np.isnan(norm([np.array([np.nan])]))


def test_norms_of_gradient_update_and_weight() -> None:
    model, lr = net(), 0.25
    optimizer = optim.SGD(model.parameters(), lr=lr)
    x, y = mg.randn(16, 4), mg.randint(0, 3, (16,))
    before = [p.numpy(force=True).copy() for p in model[2].parameters()]
    with viz.watch(model, None, every=1) as seen:
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        grads = [p.grad.numpy(force=True).copy() for p in model[2].parameters()]
        optimizer.step()
        seen.step(loss=loss)
    (record,) = seen.records
    whole = np.sqrt(sum((g**2).sum() for g in grads))
    assert record.gradients["2"] == pytest.approx(whole, rel=1e-5)
    assert record.updates["2"] == pytest.approx(lr * whole, rel=1e-4)  # w - lr g rounds in float32
    assert record.weights["2"] == pytest.approx(np.sqrt(sum((w**2).sum() for w in before)), rel=1e-5)
    assert record.loss == loss.item() and set(record.gradients) == {"0", "2"}
    hidden = np.maximum(x.numpy() @ np.zeros((4, 8), np.float32), 0).shape
    assert record.activations["1"].size == hidden[0] * hidden[1] and record.activations["1"].units == 8


def test_units_of_convolutions_are_channels() -> None:
    model = nn.Sequential(nn.Conv1d(2, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(30, 3))
    with mg.no_grad():
        model[0].weight[1] = 0.0
        model[0].bias[1] = -1.0
    with viz.watch(model, None, every=1) as seen:
        model(mg.randn(4, 2, 8)).sum().backward()
        seen.step()
    assert seen.records[0].activations["1"].units == 5
    assert seen.records[0].activations["1"].dead == 1
    assert seen.records[0].activations["3"].units == 3


# -- which steps, and bounds -------------------------------------------------------------------------------------------


def test_the_ring_buffer_keeps_the_last() -> None:
    model = net()
    with viz.watch(model, None, every=2, keep=3) as seen:
        trained(model, seen, 13)
    assert [r.step for r in seen.records] == [8, 10, 12]
    assert all(r.low <= r.loss <= r.high for r in seen.records)


def test_only_watched_steps_are_hooked() -> None:
    model = net()
    with viz.watch(model, None, every=4) as seen:
        hooked = []
        for _ in range(9):
            hooked.append(any(m.is_hooked() for m in model.modules()))
            trained(model, seen, 1)
    assert hooked == [True, False, False, True, False, False, False, True, False]
    assert [r.step for r in seen.records] == [1, 4, 8]


def test_evaluation_is_not_watched() -> None:
    model = net()
    with viz.watch(model, None, every=1) as seen:
        with mg.no_grad():
            model(mg.full((2, 4), 1e6))
        trained(model, seen, 1)
    assert seen.records[0].activations["0"].size == 16 * 8


def test_layers_are_chosen() -> None:
    model = nn.Sequential(net(), nn.Tanh())
    names = [layer.name for layer in viz.watch(model, None).log.layers]
    assert names == ["0.0", "0.1", "0.2", "1"]
    assert [x.name for x in viz.watch(model, None, layers=["0.*"]).log.layers] == ["0.0", "0.1", "0.2"]
    assert [x.name for x in viz.watch(model, None, layers=nn.Linear).log.layers] == ["0.0", "0.2"]
    assert [x.name for x in viz.watch(nn.Linear(2, 2), None).log.layers] == ["Linear"]


def test_shared_parameters_count_once() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    model[1].weight = model[0].weight
    with viz.watch(model, None) as seen:
        assert [layer.parameters for layer in seen.log.layers] == [12, 3]


def test_fit_steps_the_watch() -> None:
    digits, _ = data.digits()
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    loader = data.DataLoader(data.Subset(digits, range(160)), batch_size=16)
    with viz.watch(model, None, every=5) as seen:
        history = train.fit(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), 0.1), loader, epochs=1, watch=seen,
                            progress=False)  # fmt: skip
    assert [r.step for r in seen.records] == [1, 5, 10]
    assert [r.loss for r in seen.records] == [history.loss[k - 1] for k in (1, 5, 10)]
    assert seen.records[-1].low == min(history.loss[5:]) and seen.records[-1].high == max(history.loss[5:])


def test_training_is_the_same_bit_for_bit() -> None:
    ends = []
    for watched in (True, False):
        mg.manual_seed(3)
        model = net()
        with viz.watch(model, None, every=1) as seen:
            if not watched:
                seen.close()
                seen = type("Nobody", (), {"step": lambda self, loss: None})()
            trained(model, seen, 5)
        ends.append([p.numpy(force=True).tobytes() for p in model.parameters()])
    assert ends[0] == ends[1]


# -- what is left behind -----------------------------------------------------------------------------------------------


def test_it_detaches_cleanly() -> None:
    model = net()
    with pytest.raises(KeyError), viz.watch(model, None) as seen:
        assert model[0].is_hooked()
        raise KeyError
    assert not any(m.is_hooked() for m in model.modules())
    seen.close()
    with pytest.raises(RuntimeError, match="after close"):
        seen.step(loss=1.0)


def test_no_reference_cycles() -> None:
    model = net()
    gc.collect()
    gc.disable()
    try:
        seen = viz.watch(model, None, every=1)
        trained(model, seen, 2)
        gone, alive = weakref.ref(seen), weakref.ref(model)
        del seen
        assert gone() is None
        assert not any(m.is_hooked() for m in model.modules())
        del model
        assert alive() is None
    finally:
        gc.enable()


def test_a_copy_of_the_model_is_not_watched() -> None:
    model = net()
    with viz.watch(model, None, every=1) as seen:
        other = copy.deepcopy(model)
        other(mg.randn(3, 4))
        assert not seen.seen
        trained(model, seen, 1)
    assert seen.records[0].activations["0"].size == 16 * 8


# -- bad input ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"every": 0}, ValueError, "every must be an integer >= 1, got 0"),
        ({"keep": 1.5}, ValueError, "keep must be an integer"),
        ({"every": True}, ValueError, "every"),
        ({"layers": ["nope"]}, ValueError, "no layer is 'nope'. Hint: there are"),
        ({"layers": [3]}, TypeError, "names, patterns or classes"),
        ({"serve": True, "port": 70_000}, ValueError, "port must be an integer from 0"),
        ({"path": "/nowhere/watch.html"}, OSError, "watch: the folder"),
    ],
)
def test_bad_options(options: dict, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        viz.watch(net(), **{"path": None, **options})


def test_bad_models_losses_and_steps() -> None:
    with pytest.raises(TypeError, match="expected a model"):
        viz.watch(lambda x: x, None)  # type: ignore[arg-type]
    with viz.watch(net(), None) as seen:
        with pytest.raises(TypeError, match=r"a tensor of shape \(2,\)"):
            seen.step(loss=mg.ones(2))
        with pytest.raises(TypeError, match="must be a number"):
            seen.step(loss="low")
        with pytest.raises(ValueError, match="above the last, 0"):
            seen.step(step=0)


def test_no_gradient_is_said_once() -> None:
    model = net()
    with viz.watch(model, None, every=1) as seen:
        with pytest.warns(UserWarning, match="before zero_grad"):
            seen.step(loss=1.0)
        seen.step(loss=1.0)


def test_numbers_that_are_not_finite_reach_the_page(tmp_path: Path) -> None:
    model = net()
    with viz.watch(model, tmp_path / "w.html", every=1) as seen:
        with mg.no_grad():
            model[0].weight.fill_(float("nan"))
        trained(model, seen, 2)
        seen.step(loss=float("inf"))
    rows = island((tmp_path / "w.html").read_text())["records"]
    assert rows[0]["loss"] == "nan" and rows[0]["layers"][0]["gradient"] == "nan" and rows[2]["loss"] == "∞"


# -- the page and the server -------------------------------------------------------------------------------------------


def test_the_page_holds_what_was_seen(tmp_path: Path) -> None:
    model = net()
    with viz.watch(model, tmp_path / "w.html", every=2, title="<b>T</b>") as seen:
        trained(model, seen, 4)
    page = (tmp_path / "w.html").read_text(encoding="utf-8")
    shown = island(page)
    assert [row["step"] for row in shown["records"]] == [1, 2, 4] and shown["done"] and shown["title"] == "<b>T</b>"
    assert shown["records"][2]["layers"][1]["activations"]["counts"] == list(seen.records[2].activations["1"].counts)
    assert "<b>T" not in page and "{{" not in page
    assert not re.findall(r"""(?:src|href)=["'](?!data:,)""", page) and "http:" not in page.replace("http://www.w3.org", "")


def test_hostile_names_are_escaped(tmp_path: Path) -> None:
    model = nn.Sequential()
    model.add_module(HOSTILE.replace(".", ""), nn.Linear(4, 3))
    with viz.watch(model, tmp_path / "w.html", every=1, title=HOSTILE) as seen:
        trained(model, seen, 1)
    page = (tmp_path / "w.html").read_text(encoding="utf-8")
    assert page.count("<script") == 2 and "alert(1)</script>" not in page and "\u202e" not in page
    assert len(island(page)["layers"][0]["name"]) <= 140


@pytest.fixture
def served() -> Iterator[tuple[viz.Watch, Callable]]:
    model = net()
    with viz.watch(model, None, every=1, serve=True) as seen:
        trained(model, seen, 3)
        parts = urlsplit(seen.url)

        def get(path: str, host: str | None = None, method: str = "GET") -> http.client.HTTPResponse:
            connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            connection.putheader("Host", parts.netloc if host is None else host)
            connection.endheaders()
            answer = connection.getresponse()
            answer.text = answer.read().decode()
            connection.close()
            return answer

        yield seen, get


def test_the_server_serves_the_page_and_its_numbers(served: Any) -> None:
    seen, get = served
    place = urlsplit(seen.url).path
    page = get(place)
    assert page.status == 200 and island(page.text)["live"] and page.getheader("Content-Type") == "text/html; charset=utf-8"
    rows = json.loads(get(f"{place}data.json?after=1").text)["records"]
    assert [row["step"] for row in rows] == [2, 3]
    assert get(f"{place}data.json?after=x").status == 400


def test_the_policy_is_strict(served: Any) -> None:
    seen, get = served
    answer = get(urlsplit(seen.url).path)
    policy = answer.getheader("Content-Security-Policy")
    for part in ("default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"):
        assert part in policy
    assert "unsafe" not in policy and "*" not in policy
    assert all(f">{text}<" in answer.text for text in sources())  # what the hashes are of
    assert (answer.getheader("X-Content-Type-Options"), answer.getheader("Referrer-Policy")) == ("nosniff", "no-referrer")
    assert "Python" not in answer.getheader("Server")


def test_nothing_else_is_served(served: Any, tmp_path: Path) -> None:
    seen, get = served
    token = urlsplit(seen.url).path.strip("/")
    assert len(token) >= 24
    for path in ("/", "/data.json", "/favicon.ico", f"/{token}", f"/{token[:-1]}/", f"/{token}x/", f"/{token}/../../etc/passwd",
                 f"/{token}/%2e%2e/setup.cfg", f"/{token}//etc/passwd", f"/{token}/watch.py",
                 f"/{token}/data.json/.."):  # fmt: skip
        assert get(path).status == 404, path
    assert get(f"/{token}/", method="POST").status == 501


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "", "127.0.0.1.evil.example:80"])
def test_other_hosts_are_refused(served: Any, host: str) -> None:
    seen, get = served
    assert get(urlsplit(seen.url).path, host=host).status == 421


def test_tokens_differ() -> None:
    with viz.watch(net(), None, serve=True) as a, viz.watch(net(), None, serve=True) as b:
        assert urlsplit(a.url).path != urlsplit(b.url).path
        assert urlsplit(a.url).hostname == "127.0.0.1"


def test_the_server_stops_and_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    seen = viz.watch(net(), None, serve=True)
    parts = urlsplit(seen.url)
    silent = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    silent.connect()  # and asks nothing
    assert set(threading.enumerate()) > before
    seen.close()
    assert set(threading.enumerate()) == before
    silent.close()
    with pytest.raises(ConnectionError):
        http.client.HTTPConnection(parts.hostname, parts.port, timeout=2).request("GET", parts.path)
    forgotten = viz.watch(net(), None, serve=True)
    del forgotten
    gc.collect()
    assert set(threading.enumerate()) == before


def test_a_port_that_is_taken() -> None:
    with viz.watch(net(), None, serve=True) as seen:
        port = urlsplit(seen.url).port
        with pytest.raises(OSError, match=f"can't serve on port {port}"):
            viz.watch(net(), None, serve=True, port=port)


# -- docs --------------------------------------------------------------------------------------------------------------


def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = ROOT / "examples/watch_training.py"
    monkeypatch.setattr(sys, "argv", [str(script), "--epochs", "1", "--out", str(tmp_path)])
    runpy.run_path(str(script), run_name="__main__")
    assert len(island((tmp_path / "watch.html").read_text())["records"]) >= 2
    assert {p.name for p in tmp_path.glob("*.png")} == {"curves.png", "gradients.png", "confusion.png"}


def test_the_page_about_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    text = (ROOT / "docs/watch.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 2
    for code in blocks:
        exec(compile(code, "docs/watch.md", "exec"), names)
    assert (tmp_path / "watch.html").exists()
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert (ROOT / "docs" / link).exists(), link
