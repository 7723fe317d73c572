"""The formula and rule texts of every op: computed, they agree with the code; written, they are proper text and LaTeX."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import reference
from minigrad.autograd import grad
from minigrad.core import OPS, Op, Tensor
from minigrad.ops.formula_values import computed
from minigrad.ops.formulas import FORMULAS, SPANS, is_slope
from minigrad.ops.notation import read, tex

from .cases import CASES, Case

RULED = {name: op for name, op in OPS.items() if op.rules and not name.startswith("test_")}

# Ops whose rules move elements about, which words say better than sums and products: nothing is computed from these.
IN_WORDS = set(
    "contract unfold unfold_adjoint sum_to expand cast move prod cumsum cumprod logcumsumexp recurrence reshape permute "
    "slice slice_adjoint flip roll cat stack pad diagonal diagonal_adjoint tril triu getitem getitem_adjoint setitem "
    "index_select index_add gather scatter_add take_places put_places view_written eigenvectors singular_vectors "
    "singular_values conv_input conv_weight max_pool max_pool_input max_pool_take sum_pool sum_pool_input rnn_tanh "
    "rnn_relu lstm gru bessel_i bessel_j bessel_y bessel_k airy gammainc zeta as_strided as_strided_adjoint lu_packed "
    "det_phase complex_eigenvectors complex_eigenvalues conj real imag complex view_as_real view_as_complex sgn fourier "
    "doubled".split()
) | {"conv: x", "conv: weight", "conv_relu: x", "conv_relu: weight"}
# Formulas that are words or need a function that is no op; their rules are computed all the same.
UNCOMPUTED = set("ndtri erfinv lgamma nan_to_num cholesky qr_q eigenvalues pinv conv conv_relu".split())


def solid(*size: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(size) * 0.3 + np.eye(*size[-2:]) * np.arange(1.0, size[-1] + 1)


SYMMETRIC = solid(3, 3) + solid(3, 3).T
# Ops that the table of cases has inside of larger functions, or not at numbers that a plain formula can take.
EXTRA = [
    ("softplus", [np.array([-2.0, 0.0, 1.5])], {}),
    ("floor_divide", [np.array([-2.2, 0.1, 1.5]), np.array([0.5, 0.5, -0.5])], {}),
    ("cholesky", [SYMMETRIC], {}),
    ("eigenvalues", [SYMMETRIC, np.linalg.eigh(SYMMETRIC)[1]], {}),
]


def computable(case: Case) -> bool:
    arrays = [a for a in case.arrays() if isinstance(a, np.ndarray)]
    floats = [a for a in arrays if a.dtype.kind == "f"]
    plain = all((np.abs(a) < 50).all() for a in floats)  # the plain formula overflows where the kernel does not
    rows = not (isinstance(case.what, Op) and case.what.name in ("linear", "linear_relu")) or arrays[0].ndim == 2
    rows = rows and not case.options.get("causal")  # of which the formula does not speak
    return isinstance(case.what, Op) and case.what.name in FORMULAS and case.has_slope and bool(plain) and rows


CALLS = [(c.what, c.tensors(), c.options, c.differentiable(c.arrays()), c.name) for c in CASES if computable(c)]
for name, arrays, options in EXTRA:
    ruled = tuple(k for k, each in enumerate(OPS[name].inputs) if each in OPS[name].rules)
    tensors = [minigrad.tensor(a, requires_grad=k in ruled) for k, a in enumerate(arrays)]
    CALLS.append((OPS[name], tensors, options, ruled, name))
RULES = [
    pytest.param(op, inputs, options, k, id=f"{name}: {op.inputs[k]}")
    for op, inputs, options, wanted, name in CALLS
    for k in wanted
    if not op.variadic and not {op.name, f"{op.name}: {op.inputs[k]}"} & IN_WORDS
]


def fitted(value: Any, shape: tuple) -> np.ndarray:
    """A computed gradient in the shape of its input: sums kept their dimensions, and operands were broadcast."""
    array = value.array if isinstance(value, Tensor) else np.asarray(value, dtype=float)
    if array.size == np.prod(shape):
        return array.reshape(shape)
    if array.size < np.prod(shape):
        return np.broadcast_to(array, shape)
    return OPS["sum_to"](minigrad.tensor(array), shape=shape).array


@pytest.mark.parametrize(("op", "inputs", "options", "k"), RULES)
def test_a_rule_as_written_is_the_rule_as_coded(op: Op, inputs: list, options: dict, k: int) -> None:
    y = op(*inputs, **options)
    g = minigrad.tensor(np.random.default_rng(1).standard_normal(y.shape))
    (coded,) = grad(y, inputs[k], g)
    with minigrad.no_grad():
        written = computed(FORMULAS[op.name].rule(op.inputs[k]), op, tuple(inputs), options, y.detach(), g)
    np.testing.assert_allclose(fitted(written, tuple(inputs[k].shape)), coded.array, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("op", "inputs", "options"),
    [pytest.param(*call[:3], id=call[4]) for call in CALLS if call[0].name not in IN_WORDS | UNCOMPUTED],
)
def test_a_formula_as_written_is_what_the_op_computes(op: Op, inputs: list, options: dict) -> None:
    with minigrad.no_grad():
        y = op(*inputs, **options)
        written = computed(FORMULAS[op.name].formula, op, tuple(inputs), options)
    np.testing.assert_allclose(fitted(written, tuple(y.shape)), y.array, rtol=1e-9, atol=1e-9)


def test_every_rule_is_computed_or_known_to_be_in_words() -> None:
    done = {(p.values[0].name, p.values[0].inputs[p.values[3]]) for p in RULES}
    for name, op in RULED.items():
        for k in op.rules:
            assert ((name, k) in done) != bool({name, f"{name}: {k}"} & IN_WORDS), (name, k)
            assert read(FORMULAS[name].rules[k]).words <= bool({name, f"{name}: {k}"} & IN_WORDS), (name, k)


def test_every_rule_has_a_text_and_no_text_lacks_its_rule() -> None:
    assert {name: sorted(entry.rules) for name, entry in FORMULAS.items()} == {n: sorted(op.rules) for n, op in RULED.items()}
    assert {entry.over for entry in FORMULAS.values()} <= {"", *SPANS}


@pytest.mark.parametrize("name", FORMULAS)
def test_texts_name_what_the_call_has(name: str) -> None:
    op, entry = OPS[name], FORMULAS[name]
    known = {*op.inputs, *op.defaults, "n", "N", "k", "pi", "inf", "cases", "y"}
    for text, more in [(entry.y, set()), *((rule, {"g"}) for rule in entry.rules.values())]:
        unknown = read(text).names() - known - more
        assert not unknown or "`" in text, f"{text}: {unknown}"  # words may introduce names of their own


@pytest.mark.parametrize("name", FORMULAS)
def test_latex_is_accepted(name: str) -> None:
    mathtext = pytest.importorskip("matplotlib.mathtext").MathTextParser("path")
    entry = FORMULAS[name]
    for formula in (entry.formula, *map(entry.rule, entry.rules)):
        latex = formula.latex(entry.symbols)
        latex = re.sub(r"\\begin\{cases\}|\\end\{cases\}|&|\\\\", " ", latex)  # mathtext has no cases
        mathtext.parse(f"${latex}$")


def test_docstrings_say_the_rules() -> None:
    assert OPS["tanh"].__doc__.splitlines()[-1] == "gradient of x: g * (1 - y**2)"
    assert "gradient of bias: sum(g)" in minigrad.ops.norm.batch_norm_op.__doc__


def test_the_page_of_all_ops_is_up_to_date() -> None:
    page = Path(minigrad.__file__).parent.parent / "docs" / "ops.md"
    assert page.read_text(encoding="utf-8") == reference.page(), "run: python -m minigrad.reference"


WRITTEN = [
    ("g * (1 - y**2)", "g · (1 − y²)", r"g \cdot \left(1 - {y}^{2}\right)"),
    ("-y / other", "−y/z", r"-\frac{y}{z}"),
    ("g * (1 / (2 * y))", "g/(2y)", r"\frac{g}{2y}"),
    ("g * (-1 / sqrt(1 - x**2))", "−g/√(1 − x²)", r"-\frac{g}{\sqrt{1 - {x}^{2}}}"),
    ("-inv(x).T @ g @ y.T", "−x⁻ᵀ g yᵀ", r"-{x}^{-\top}\,g\,{y}^{\top}"),
    ("(a - b) - (c - d) * 2", "a − b − (c − d) · 2", r"a - b - \left(c - d\right) \cdot 2"),
    ("a - (b + c)", "a − (b + c)", r"a - \left(b + c\right)"),
    ("a / (b * c)", "a/(b · c)", r"\frac{a}{b \cdot c}"),
    ("sum(g * x) / n", "(Σ g · x)/n", r"\frac{\sum g \cdot x}{n}"),
    ("sum(x) * y", "(Σ x) · y", r"\left(\sum x\right) \cdot y"),
    ("(x + y)**2 * (x * y)**3", "(x + y)² · (x · y)³", r"{\left(x + y\right)}^{2} \cdot {\left(x \cdot y\right)}^{3}"),
    ("exp(-x)", "e^(−x)", r"{e}^{-x}"),
    ("min <= x <= max", "[lo ≤ x ≤ hi]", r"[\mathrm{lo} \leq x \leq \mathrm{hi}]"),
    ("g if x > 0 else 0", "g if x > 0, else 0", r"\begin{cases}g & \text{if }x > 0\\0 & \text{else}\end{cases}"),
    ("x / s where s = sqrt(x @ x)", "x/s where s = √(x x)", r"\frac{x}{s}\text{ where }s = \sqrt{x\,x}"),
    ("`g`, 50 % of `x == y`", "g, 50 % of x = y", r"g\text{, 50 \% of }x = y"),
]


@pytest.mark.parametrize(("source", "text", "latex"), WRITTEN, ids=[row[0] for row in WRITTEN])
def test_written(source: str, text: str, latex: str) -> None:
    assert (read(source).text(), read(source).latex()) == (text, latex)


def test_symbols_take_the_place_of_names() -> None:
    assert read("g * (1 - y**2)").text({"g": "1", "y": "−0.5"}) == "1 − (−0.5)²"
    assert read("x + alpha * other").text({"alpha": "1", "other": "b"}) == "x + b"
    assert read("x * weight + bias").text({"weight": "1", "bias": "0"}) == "x"
    assert read("x").latex({"x": "a_b$"}) == r"\mathrm{a\_b\$}"
    assert tex("\\input{x}") == r"\backslash{}input\{x\}"


def test_values() -> None:
    x = minigrad.tensor([[1.0, 2.0], [3.0, 5.0]], dtype="float64")
    assert read("sum(x) - mean(x)").value({"x": x}, (1,)).tolist() == [[1.5], [4.0]]
    assert read("a * x where a = b + 1; b = 2").source and is_slope("1 - y") and not is_slope("g / x") and not is_slope("`g`")
    assert read("s * 2 where a = x + 1; s = a * a").value({"x": 2.0}) == 18.0
    with pytest.raises(ValueError, match="in words and has no value"):
        read("`g`, reshaped").value({})
