"""`explain`: what it says is what the engine does; and the gradient of a normalization by path."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn
from minigrad.autograd import Function, grad
from minigrad.backends import GradError, ShapeError
from minigrad.core import MODE, Op, Tensor, node_of, walk
from minigrad.diagnose import explain, paths
from minigrad.nn import functional as F
from minigrad.ops.formulas import FORMULAS

from .cases import CASES, Case
from .table import several

RULED = [case for case in CASES if isinstance(case.what, Op) and case.what.name in FORMULAS and case.has_slope]


def double(*size: int, seed: int = 0) -> minigrad.Tensor:
    return minigrad.tensor(np.random.default_rng(seed).standard_normal(size), requires_grad=True)


# -- every op ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", RULED, ids=lambda c: c.name)
def test_every_op_is_explained(case: Case) -> None:
    inputs = case.tensors()
    y = case.what(*inputs, **case.options)
    told = explain(y, inputs=inputs)
    alone = explain(y)  # the graph may not have kept everything, and then says so
    wanted = [inputs[k] for k in case.differentiable(case.arrays())]
    found = grad(y, wanted, minigrad.ones_like(y).detach(), allow_unused=True)
    assert len(told.gradients) == len(wanted)
    for got, want in zip(told.gradients.values(), found, strict=True):
        np.testing.assert_allclose(got.array, want.array, rtol=1e-9, atol=1e-12)
    assert told.worst is not None, told.notes
    assert told.worst < 1e-5, told
    assert alone.worst is not None or "no finite differences" in alone.notes[0]
    assert alone.worst is None or alone.worst < 1e-5, alone
    assert told._repr_latex_().startswith("$$") and told._repr_html_().count("<tr>") == len(told.lines)


@pytest.mark.parametrize("case", [c for c in CASES if c.has_slope and not isinstance(c.what, Op)], ids=lambda c: c.name)
def test_every_call_behind_a_function_is_explained(case: Case) -> None:
    ys = [y for y in several(case(*case.tensors())) if isinstance(y, Tensor) and y.requires_grad]
    nodes = walk([node for y in ys if (node := node_of(y)) is not None])
    for told in map(explain, nodes):
        assert told.worst is None or told.worst < 1e-5, told
        assert told.latex and told._repr_html_() and (told.worst is not None or told.notes), told
    assert nodes


# -- what is said --------------------------------------------------------------------------------------------------------


def test_tanh_in_full() -> None:
    x = minigrad.tensor([0.5, -1.0], dtype="float64", requires_grad=True)
    told = explain(minigrad.tanh(x), minigrad.tensor([1.0, 10.0]))
    assert str(told) == (
        "tanh: y = tanh(x)\n"
        "  x      (2,) float64 a leaf          [ 0.5 -1. ]\n"
        "  y      (2,) float64                 [ 0.4621 -0.7616]\n"
        "  saved  y\n"
        "  g      the gradient of y, as given  [ 1. 10.]\n"
        "  to x   g · (1 − y²)                 [0.7864 4.1997]\n"
        "         first: 1 − 0.4621² = 0.7864\n"
        "         finite differences           [0.7864 4.1997]\n"
        f"                                      agree, largest difference {told.worst:.1e} of the largest gradient"
    )
    assert told._repr_latex_() == (
        r"$$\begin{aligned}y &= \tanh\left(x\right) \\ "
        r"\frac{\partial L}{\partial x} &= g \cdot \left(1 - {y}^{2}\right)\end{aligned}$$"
    )


def test_numbers_are_the_engines() -> None:
    x, w = double(2, 3), double(3, seed=1)
    told = explain(x * w, np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(told.gradients["x"].array, np.arange(6.0).reshape(2, 3) * w.array)
    np.testing.assert_allclose(told.differences["other"], (np.arange(6.0).reshape(2, 3) * x.array).sum(0), rtol=1e-6)
    assert "to other  g · x" in str(told) and str(told).count("first: ") == 1  # other was broadcast


def test_a_kept_gradient_is_the_one_that_arrived() -> None:
    x = double(3)
    y = x.exp()
    y.retain_grad()
    (y * 3).sum().backward(retain_graph=True)
    told = explain(y)
    assert "the gradient of y, y.grad" in str(told)
    np.testing.assert_allclose(told.gradients["x"].array, 3 * np.exp(x.array))


def test_large_tensors_are_told_by_statistics() -> None:
    x = double(40, 50)
    told = explain(x.sigmoid())
    assert "±" in str(told) and "finite differences, 36 of 2000 elements" in str(told)
    assert told.differences["x"].shape == (36,) and told.worst < 1e-6
    assert "finite" not in str(explain(x.sigmoid(), check=False))


@pytest.mark.parametrize("kind", ["float32", "float16"])
def test_lesser_types_are_checked_in_float64(kind: str) -> None:
    x = minigrad.randn(2, 3, dtype="float32").to(kind).requires_grad_()
    told = explain((x * x).sum())
    assert f"(2, 3) {kind}" in str(told) and "agree" in str(told)
    assert "agree" in str(explain(x.tanh())) and "agree" in str(explain(x.to("float64")))


def test_inputs_are_computed_again_from_what_is_there() -> None:
    x, w = double(3), double(3, seed=1)
    told = explain((x * w).tanh())  # tanh keeps y only, mul keeps both factors
    assert "from mul" in str(told) and told.worst < 1e-6
    lost = explain((x + 0.5).tanh())  # nobody keeps the 0.5
    assert lost.worst is None and lost.differences == {}
    assert "the graph did not keep x. Hint: explain(y, inputs=[...])" in lost.notes[0]
    assert explain((x + 0.5).tanh(), inputs=[x + 0.5]).worst < 1e-6
    told = explain(x + 0.5)
    assert told.worst < 1e-6 and "no rule depends on it: other" in told.notes[0]


def test_a_kink_is_seen() -> None:
    told = explain(minigrad.tensor([0.0, 1.0], requires_grad=True).relu())
    assert told.worst == pytest.approx(0.5)
    assert "DIFFER, largest difference 5.0e-01 of the largest gradient: a kink or jump" in str(told)


def test_a_wrong_rule_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    op = minigrad.ops.functions.sin
    monkeypatch.setitem(op.rules, "x", lambda g, x: -g * minigrad.cos(minigrad.tensor(x)).array)
    monkeypatch.setattr(op, "plans", {})
    told = explain(minigrad.sin(double(3)))
    assert told.worst == pytest.approx(2.0) and "DIFFER" in str(told)


def test_what_is_not_finite_is_not_compared() -> None:
    x = minigrad.tensor([1.0, float("nan")], requires_grad=True)
    found = explain(x * minigrad.tensor([2.0, float("inf")]))
    assert "not compared, since nothing is finite" in str(found) and "DIFFER" not in str(found)
    assert found.worst is None
    root = explain(minigrad.tensor([0.0, 1.0], requires_grad=True).sqrt())  # its slope at 0 is infinite
    assert "1 of 2 not finite, not compared" in str(root) and root.worst < 1e-5


def test_layers() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(32, 3))
    loss = F.cross_entropy(model(minigrad.randn(2, 1, 6, 6)), minigrad.tensor([0, 2]))
    seen, before = [], model[1].running_mean.tolist()
    stack = [loss.grad_fn]
    while stack:
        node = stack.pop()
        told = explain(node)
        seen.append(node.op.name)
        assert "DIFFER" not in str(told), told
        assert told.worst is not None
        stack += [parent for parent in node.parents if not (parent is None or isinstance(parent, Tensor))]
    assert {"cross_entropy_mean", "linear", "batch_norm_relu", "conv"} <= set(seen)
    assert model[1].running_mean.tolist() == before  # running batch norm again moves nothing


def test_formulas_that_are_equations_are_not_equated_again() -> None:
    assert str(explain(double(3).cumprod(0))).startswith("cumprod: y[i] = x[0] · … · x[i]\n")
    assert str(explain(double(3).reshape(3, 1))).startswith("reshape: y = x, reshaped\n")


# -- what cannot be known ------------------------------------------------------------------------------------------------


def test_leaves() -> None:
    x = double(2)
    (x * 3).sum().backward()
    told = explain(x)
    assert told.op is None and "a leaf: no recorded call made this tensor, (2,) float64" in str(told)
    assert "[3. 3.]" in str(told) and "backward adds what arrives to its .grad" in str(told)
    assert "Hint: x.requires_grad_() before the computation" in str(explain(minigrad.ones(2) * 2))
    assert r"\text{a leaf" in told._repr_latex_()


def test_a_freed_graph() -> None:
    y = double(2).exp()
    y.sum().backward()
    told = explain(y)
    assert "to x  g · y" in str(told) and told.gradients == {} and told.worst is None
    assert "no gradient can be shown. the values that exp saved were freed" in told.notes[0]


def test_something_was_written_meanwhile() -> None:
    x = double(3)
    kept, lost = x.sin(), x.exp()
    with minigrad.no_grad():
        x.mul_(2.0)
    assert "modified by an inplace operation" in explain(kept).notes[0]
    told = explain(lost)  # exp saved y, which is as it was; x is not
    assert told.worst is None and "on what its inputs hold now, the op gives another y" in told.notes[0]


def test_a_function_of_ones_own() -> None:
    class Cube(Function):
        """x ** 3"""

        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Tensor:
            return 3 * g * ctx.saved_tensors[0] ** 2

    told = explain(Cube.apply(double(2)))
    assert str(told).startswith("Cube: x ** 3\n") and "autograd.gradcheck" in told.notes[0]


def test_wrong_arguments() -> None:
    with pytest.raises(TypeError, match="explain: expected a tensor or a node"):
        explain(3.0)
    with pytest.raises(ShapeError, match=r"the shape \(2,\) of exp's output, got \(3,\)"):
        explain(double(2).exp(), minigrad.ones(3))


def test_it_changes_nothing_and_is_not_heard() -> None:
    x = double(2)
    with minigrad.record() as program:
        y = x.exp()
        explain(y)
    assert [call.op.name for call in program.calls] == ["exp"]
    y.sum().backward()  # the graph is whole
    assert MODE.get().listeners == ()
    np.testing.assert_allclose(x.grad.array, np.exp(x.array))


def test_names_are_escaped() -> None:
    told = explain(double(2).exp())
    told.head, told.latex = "<script>{x}_$", ""
    assert "<script>" not in told._repr_html_() and told._repr_latex_() == r"$\text{<script>\{x\}\_\$}$"


# -- gradients by path ---------------------------------------------------------------------------------------------------


def chain(x: np.ndarray, weight: np.ndarray, g: np.ndarray, dims: tuple, eps: float) -> dict[str, np.ndarray]:
    """Ioffe & Szegedy 2015, section 3, term by term."""
    m = np.prod([x.shape[d] for d in dims])
    mu, var = x.mean(dims, keepdims=True), x.var(dims, keepdims=True)
    dxhat = g * weight
    dvar = (dxhat * (x - mu) * -0.5 * (var + eps) ** -1.5).sum(dims, keepdims=True)
    dmu = (dxhat * -1 / np.sqrt(var + eps)).sum(dims, keepdims=True) + dvar * (-2 * (x - mu)).sum(dims, keepdims=True) / m
    shape = np.zeros_like(x)
    parts = {"direct": dxhat / np.sqrt(var + eps), "through the mean": dmu / m, "through the variance": dvar * 2 * (x - mu) / m}
    return {name: part + shape for name, part in parts.items()}


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("size", [(6, 2), (3, 2, 4), (2, 3, 2, 2)])
def test_paths_of_batch_norm(size: tuple, affine: bool) -> None:
    x, g = double(*size), double(*size, seed=1).detach()
    weight, bias = (double(size[1], seed=2), double(size[1], seed=3)) if affine else (None, None)
    y = F.batch_norm(x, None, None, weight, bias, training=True, eps=1e-3)
    found = paths(y, g)
    line = (1, -1, *(1,) * (len(size) - 2))
    scale = weight.array.reshape(line) if affine else 1.0
    want = chain(x.array, scale, g.array, (0, *range(2, len(size))), 1e-3)
    for name, part in want.items():
        np.testing.assert_allclose(found.parts[name].array, part, rtol=1e-10, atol=1e-12, err_msg=name)
    y.backward(g)
    np.testing.assert_allclose(sum(part.array for part in found.parts.values()), x.grad.array, rtol=1e-9, atol=1e-11)
    np.testing.assert_array_equal(found.total.array, x.grad.array)


@pytest.mark.parametrize("dims", [1, 2])
def test_paths_of_layer_norm(dims: int) -> None:
    x, g = double(2, 3, 4), double(2, 3, 4, seed=1).detach()
    size = (2, 3, 4)[-dims:]
    weight = double(*size, seed=2)
    y = F.layer_norm(x, size, weight, None, eps=1e-3)
    found = explain(y, g).paths
    for name, part in chain(x.array, weight.array, g.array, tuple(range(3 - dims, 3)), 1e-3).items():
        np.testing.assert_allclose(found.parts[name].array, part, rtol=1e-10, atol=1e-12, err_msg=name)
    y.backward(g)
    np.testing.assert_allclose(sum(part.array for part in found.parts.values()), x.grad.array, rtol=1e-9, atol=1e-11)


def test_paths_in_training_with_running_statistics() -> None:
    layer = nn.BatchNorm1d(2)
    x = minigrad.randn(5, 2).requires_grad_()
    y = layer(x)
    before = layer.running_mean.tolist()
    text = str(paths(y, minigrad.randn(5, 2)))
    rows = [line.split("  ")[0] for line in text.splitlines()]
    assert rows == ["direct", "through the mean", "through the variance", "x.grad"]
    assert layer.running_mean.tolist() == before
    assert node_of(y).saved is not None  # still there for backward


def test_paths_refuses() -> None:
    with pytest.raises(GradError, match="expected the output of batch_norm or .* or group_norm_relu, got the output of exp"):
        paths(double(2).exp())
    with pytest.raises(GradError, match="got a leaf"):
        paths(double(2))
    with pytest.raises(TypeError, match="expected a tensor, got int"):
        paths(1)
    fixed = F.layer_norm(minigrad.randn(2, 3), (3,), minigrad.ones(3, requires_grad=True))
    with pytest.raises(GradError, match="the input of layer_norm wants no gradient"):
        paths(fixed)
    y = F.layer_norm(double(2, 3), (3,))
    y.sum().backward()
    with pytest.raises(GradError, match="freed"):
        paths(y)
