"""`viz.plots`: what is drawn equals what was given, on the axes given, in either theme; bad input is said."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, train, viz
from minigrad.viz import plots

pytest.importorskip("matplotlib", reason="matplotlib is not installed (pip install minigrad[viz])")
from matplotlib.axes import Axes
from matplotlib.figure import Figure

PAGE = Path(__file__).resolve().parent.parent / "docs/plots.md"
RNG = np.random.default_rng(0)
GRID = np.linspace(-1, 1, 7)
MODEL = nn.Linear(2, 3)
DRAWN: dict[str, Callable[..., Any]] = {
    "learning_curves": lambda **k: plots.learning_curves([3.0, 2.0, 1.0], **k),
    "gradient_flow": lambda **k: plots.gradient_flow({"a": 1.0, "b": 0.0, "c": float("nan")}, **k),
    "activation_histograms": lambda **k: plots.activation_histograms({1: RNG.normal(size=50), 9: RNG.normal(size=50)}, **k),
    "dead_units": lambda **k: plots.dead_units({"relu": np.eye(3)[:2]}, **k),
    "confusion_matrix": lambda **k: plots.confusion_matrix([0, 1, 1], [0, 1, 0], **k),
    "conv_filters": lambda **k: plots.conv_filters(RNG.normal(size=(4, 2, 3, 3)), **k),
    "decision_boundary": lambda **k: plots.decision_boundary(MODEL, RNG.normal(size=(9, 2)), grid_resolution=9, **k),
    "loss_slice": lambda **k: plots.loss_slice(GRID, GRID**2, **k),
    "loss_contour": lambda **k: plots.loss_contour(GRID, GRID, GRID**2 + GRID[:, None] ** 2, **k),
}


def axes() -> Axes:
    return Figure().add_subplot()


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_plot_is_a_figure_with_labels(name: str, theme: str, tmp_path: Path) -> None:
    figure = DRAWN[name](theme=theme)
    assert isinstance(figure, Figure)
    assert figure.axes[0].get_xlabel()
    dark = sum(figure.get_facecolor()[:3]) < 1.5
    assert dark == (theme == "dark")
    figure.savefig(tmp_path / "plot.png", dpi=40)
    assert (tmp_path / "plot.png").stat().st_size > 500


@pytest.mark.parametrize("name", DRAWN)
def test_every_plot_draws_on_given_axes(name: str) -> None:
    ax = axes()
    assert DRAWN[name](ax=ax) is ax.figure
    assert ax.get_xlabel()
    with pytest.raises(TypeError, match="ax must be matplotlib axes, got int"):
        DRAWN[name](ax=3)
    with pytest.raises(ValueError, match="theme must be 'light' or 'dark'"):
        DRAWN[name](theme="blue")


def test_matplotlib_is_imported_when_used() -> None:
    code = ("import sys, minigrad; from minigrad.viz import plots; assert 'matplotlib' not in sys.modules\n"
            "sys.modules['matplotlib.figure'] = None\n"
            "try: plots.learning_curves([1.0, 2.0])\n"
            "except ImportError as error: assert 'pip install minigrad[viz]' in str(error), error\n"
            "else: raise SystemExit('no error')")  # fmt: skip
    subprocess.run([sys.executable, "-c", code], check=True)


def test_learning_curves_of_a_history() -> None:
    epochs = [{"loss": 2.0, "held-out loss": 3.0, "metric": 0.5}, {"loss": 1.0, "held-out loss": 2.5, "metric": 0.7}]
    history = train.History([4.0, 3.0], epochs)
    figure = plots.learning_curves(history)
    assert [ax.get_ylabel() for ax in figure.axes] == ["loss", "metric"]
    training, held_out = figure.axes[0].lines
    assert list(training.get_ydata()) == [2.0, 1.0] and list(held_out.get_ydata()) == [3.0, 2.5]
    assert held_out.get_linestyle() == "--" and figure.axes[0].get_xlabel() == "epoch"
    assert list(plots.learning_curves(history, per="step").axes[0].lines[0].get_ydata()) == [4.0, 3.0]
    compared = plots.learning_curves({"a": history, "b": history}, "loss")
    assert len(compared.axes) == 1 and len(compared.axes[0].lines) == 4
    smooth = plots.learning_curves([1.0, 2.0, 3.0], smooth=0.5).axes[0].lines[1].get_ydata()
    np.testing.assert_allclose(smooth, [1.0, (0.25 * 1 + 0.5 * 2) / 0.75, (0.125 * 1 + 0.25 * 2 + 0.5 * 3) / 0.875])


def test_a_gradient_of_nan_is_not_taken_for_none() -> None:
    model = nn.Linear(2, 2)
    (model(mg.ones(1, 2)) * float("nan")).sum().backward()
    words = [text.get_text() for text in plots.gradient_flow(model).axes[0].texts]
    assert words == ["not finite"] * 2
    model.bias.grad = None
    assert [text.get_text() for text in plots.gradient_flow(model).axes[0].texts] == ["not finite", "no gradient"]


def test_gradient_flow_of_a_model() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    model(mg.randn(5, 3)).square().sum().backward()
    ax = plots.gradient_flow(model).axes[0]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["0.weight", "0.bias", "1.weight", "1.bias"]
    ends = [bar.get_x() + bar.get_width() for bar in ax.patches]
    np.testing.assert_allclose(ends, [np.linalg.norm(p.grad.numpy()) for p in model.parameters()], rtol=1e-5)


def test_plots_of_a_watch() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
    with mg.no_grad():
        model[0].bias[:2] = -100.0
    with viz.watch(model, None, every=1) as seen:
        for _ in range(4):
            model.zero_grad()
            model(mg.randn(8, 3)).sum().backward()
            seen.step()
    assert plots.gradient_flow(seen).axes[0].images[0].get_array().shape == (1, 4)
    lines = {line.get_label(): list(line.get_ydata()) for line in plots.dead_units(seen).axes[0].lines}
    assert min(lines["1"]) >= 0.5
    assert len(plots.activation_histograms(seen, "0", ridges=3).axes[0].collections) == 3
    with pytest.raises(ValueError, match="expected a layer among 0, 1, got none"):
        plots.activation_histograms(seen)
    with viz.watch(model, None) as empty, pytest.raises(ValueError, match="has seen no step"):
        plots.gradient_flow(empty)


def test_confusion_matrix_is_scikit_learns() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    true, scores = RNG.integers(0, 4, 60), RNG.normal(size=(60, 4))
    for normalize in (None, "true", "pred", "all"):
        shown = plots.confusion_matrix(mg.tensor(true), mg.tensor(scores), normalize=normalize).axes[0].images[0].get_array()
        np.testing.assert_allclose(shown, metrics.confusion_matrix(true, scores.argmax(1), normalize=normalize))
    names = plots.confusion_matrix(["cat", "dog"], ["dog", "dog"], labels=["dog", "cat"]).axes[0]
    assert [t.get_text() for t in names.get_xticklabels()] == ["dog", "cat"]
    assert names.images[0].get_array().tolist() == [[1.0, 0.0], [1.0, 0.0]]


def test_sample_predictions_mark_what_is_wrong() -> None:
    figure = plots.sample_predictions(RNG.random((3, 1, 4, 4)), [0, 1, 1], [0, 0, 1], classes=["$a$", "b"])
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == [r"\$a\$", r"✗ b, is \$a\$", "b"]
    assert len(plots.sample_predictions(RNG.random((3, 4, 4)), [0, 1, 1], [0, 0, 1], only_wrong=True).axes) == 1


def test_conv_filters_show_the_weights() -> None:
    layer = nn.Conv2d(2, 3, 2)
    sheet = plots.conv_filters(layer).axes[0].images[0].get_array()
    assert sheet.shape == (8, 5)
    np.testing.assert_array_equal(sheet[3:5, 3:5], layer.weight.numpy(force=True)[1, 1])
    assert plots.conv_filters(RNG.random((4, 3, 5, 5))).axes[0].images[0].get_array().shape == (11, 11, 4)


def test_decision_boundary_asks_the_model_in_evaluation_mode() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))
    with mg.no_grad():
        model[0].weight.copy_(mg.tensor([[-1.0, 0.0], [1.0, 0.0]]))
        model[0].bias.zero_()
    model[1].eval()
    figure = plots.decision_boundary(model, np.array([[-1.0, 0.0], [1.0, 0.0]]), [0, 1], grid_resolution=10)
    colours = figure.axes[0].images[0].get_array()
    assert (colours[:, :5] == colours[0, 0]).all() and (colours[:, 5:] == colours[0, 9]).all()
    assert (colours[0, 0] != colours[0, 9]).any()
    assert model.training and not model[1].training


BAD = [
    (lambda: plots.learning_curves([]), ValueError, "loss is empty"),
    (lambda: plots.learning_curves("loss"), TypeError, "expected a History"),
    (lambda: plots.learning_curves(train.History()), ValueError, "has no step yet"),
    (lambda: plots.learning_curves([1.0], "accuracy"), ValueError, "expected quantities among loss, got accuracy"),
    (lambda: plots.learning_curves([1.0], smooth=1), ValueError, "smooth must be in"),
    (lambda: plots.gradient_flow(nn.Linear(2, 2)), ValueError, "no parameter has a gradient"),
    (lambda: plots.gradient_flow(3), TypeError, "expected a model, a dict of norms or a watch, got int"),
    (lambda: plots.activation_histograms([[np.nan]]), ValueError, "no activation is finite"),
    (lambda: plots.activation_histograms([[1.0]], bins=0), ValueError, "bins must be an integer"),
    (lambda: plots.dead_units({}), ValueError, "no layer to show"),
    (lambda: plots.confusion_matrix([0, 1], [0]), ValueError, "one length, got 2 and 1"),
    (lambda: plots.confusion_matrix([0, 1], ["a", "b"]), TypeError, "both be numbers or both be names"),
    (lambda: plots.confusion_matrix([0], [0], normalize="rows"), ValueError, "normalize must be"),
    (lambda: plots.confusion_matrix([0, 1], [0, 1], display_labels=["a"]), ValueError, "2 classes need 2 names, got 1"),
    (lambda: plots.sample_predictions(np.ones((2, 2, 4, 4)), [0, 0]), ValueError, "1 or 3 channels"),
    (lambda: plots.sample_predictions(np.ones((2, 4, 4)), [0]), ValueError, "as many predictions"),
    (lambda: plots.sample_predictions(np.ones((1, 4, 4)), [0], [0], only_wrong=True), ValueError, "no prediction is wrong"),
    (lambda: plots.conv_filters(nn.Linear(2, 2)), ValueError, "3 or 4 dimensions, got the shape"),
    (lambda: plots.decision_boundary(MODEL, np.ones((4, 3))), ValueError, r"shape \(N, 2\)"),
    (lambda: plots.decision_boundary(3, np.ones((4, 2))), TypeError, "expected a model"),
    (lambda: plots.loss_slice(GRID, [1.0]), ValueError, "expected 7 losses"),
    (lambda: plots.loss_contour(GRID, GRID, np.ones((7, 3))), ValueError, r"\(7, 7\)"),
    (lambda: plots.loss_contour(GRID, GRID, np.full((7, 7), np.inf)), ValueError, "no loss is finite"),
    (lambda: plots.loss_contour(GRID, GRID, -np.ones((7, 7)), log=True), ValueError, "need positive losses"),
]


@pytest.mark.parametrize(("call", "error", "words"), BAD)
def test_bad_input(call: Callable, error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    for code in blocks:
        exec(compile(code, str(PAGE), "exec"), names)
    assert len(blocks) == 4
    pictures = re.findall(r"\]\((pictures/plots/\w+\.png)\)", PAGE.read_text())
    for link in pictures:
        assert (PAGE.parent / link).exists() and (tmp_path / Path(link).name).exists(), link
    assert len(pictures) == 8
