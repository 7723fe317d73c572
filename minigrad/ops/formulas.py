"""What every op computes and what each of its rules sends back, as mathematics: the one source for docstrings, the page
`docs/ops.md`, pictures and explanations. The tests compute each line and compare it with the code.

Of complex numbers a + ib, g is here the derivative by a minus i times that by b: see `arithmetic.conjugate`.
The notation is that of `notation.py`. A rule without `g` is a slope: what the gradient g is multiplied by.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from inspect import cleandoc
from typing import NamedTuple

from ..core import OPS, Op
from .notation import Formula, read


class Row(NamedTuple):
    """What is written about an op.

    y        its formula; `rules` for each input, its rule
    over     what sums and means run over: one of SPANS
    name     what it is called in pictures
    symbols  how names are written here, where it is not as everywhere
    """

    y: str
    rules: dict[str, str]
    over: str
    name: str
    symbols: dict[str, str]

    @property
    def formula(self) -> Formula:
        return read(self.y)

    def equation(self, symbols: Mapping[str, str]) -> str:
        """y = its formula, in plain text, without what follows "where"."""
        text = self.formula.text(symbols, parts=False)
        return text if "y" in self.formula.names() else f"{symbols.get('y', 'y')} = {text}"

    def slope(self, name: str) -> Formula | None:
        """What g is multiplied by for an input, if its rule is a slope."""
        return read(self.rules[name]) if is_slope(self.rules[name]) else None

    def rule(self, name: str) -> Formula:
        """What is sent to an input."""
        return read(whole(self.rules[name]))


def is_slope(rule: str) -> bool:
    """Whether a rule says what g is multiplied by."""
    return "`" not in rule and not re.search(r"\bg\b", rule)


def whole(rule: str) -> str:
    """A rule with its g."""
    return rule if rule == "0" or not is_slope(rule) else "g" if rule == "1" else f"g * ({rule})"


def row(y: str, over: str = "", name: str = "", symbols: Mapping[str, str] | None = None, **rules: str) -> Row:
    return Row(y, rules, over, name, dict(symbols or {}))


SPANS = {
    "dim": "sums, means and extremes run over `dim`",
    "dims": "sums and means run over `dims`, those of [cases] over all other dimensions",
    "channels": "sums and means run over all dimensions but the channels",
    "groups": "sums and means run over each group of a case's channels, those of [cases] over all dimensions but the channels",
    "rows": "leading dimensions count as rows, sums run over the rows",
    "classes": "sums run over the classes k, those of [cases] over the N cases",
    "matrix": "for each matrix of the last two dimensions",
    "last": "sums run over the last dimension",
}
LAYER = {"weight": "W", "bias": "b"}
NORM = {"weight": "γ", "bias": "β", "running_mean": "m", "running_var": "v"}
NORMAL = "mu = mean(x); sigma = sqrt(var(x) + eps); xhat = (x - mu) / sigma"
FIXED = "sigma = sqrt(running_var + eps)"
ATTENDED = "h = g @ value.T; p = softmax(scale * query @ key.T)"


def of_cases(over: str, rectified: str = "") -> Row:
    """Layer and group norm; with a name of its own, what ends in a ReLU."""
    y, g = "weight * (x - mu) / sigma + bias", "g"
    if rectified:
        y, g = f"max({y}, 0)", "g * (y > 0)"
    return row(
        f"{y} where {NORMAL.rpartition(';')[0]}",
        over=over,
        name=rectified,
        symbols=NORM,
        x=f"(h - mean(h) - xhat * mean(h * xhat)) / sigma where h = {g} * weight; {NORMAL}",
        weight=f"sum({g} * xhat, cases) where {NORMAL}",
        bias=f"sum({g}, cases)",
    )


FORMULAS = {
    # arithmetic
    "add": row("x + alpha * other", x="1", other="alpha"),
    "sub": row("x - alpha * other", name="subtract", x="1", other="-alpha"),
    "mul": row("x * other", name="multiply", x="other", other="x"),
    "div": row("x / other", name="divide", x="1 / other", other="-y / other"),
    "neg": row("-x", name="negate", x="-1"),
    "maximum": row("max(x, other)", x="(x > other) + (x == other) / 2", other="(other > x) + (x == other) / 2"),
    "minimum": row("min(x, other)", x="(x < other) + (x == other) / 2", other="(other < x) + (x == other) / 2"),
    "where": row("x if condition else other", x="g if condition else 0", other="0 if condition else g"),
    "sum_to": row("`x`, summed to a shape", x="`g`, repeated"),
    "expand": row("`x`, repeated", x="the sum of `g` over the repetitions"),
    "cast": row("`x`, in another type", x="`g`, cast back"),
    "move": row("`x`, on another device", x="`g`, moved back"),
    "alias": row("x", x="1"),
    "clone": row("x", x="1"),
    # functions of each element
    "exp": row("exp(x)", x="y"),
    "expm1": row("exp(x) - 1", x="y + 1"),
    "exp2": row("2**x", x="y * log(2)"),
    "log": row("log(x)", x="1 / x"),
    "log2": row("log2(x)", x="1 / (x * log(2))"),
    "log10": row("log10(x)", x="1 / (x * log(10))"),
    "log1p": row("log(1 + x)", x="1 / (1 + x)"),
    "sqrt": row("sqrt(x)", x="1 / (2 * y)"),
    "rsqrt": row("1 / sqrt(x)", x="-(y**3) / 2"),
    "square": row("x**2", x="2 * x"),
    "reciprocal": row("1 / x", x="-(y**2)"),
    "pow": row("x**other", name="power", x="other * x**(other - 1)", other="y * log(x)"),
    "sin": row("sin(x)", x="cos(x)"),
    "cos": row("cos(x)", x="-sin(x)"),
    "tan": row("tan(x)", x="1 + y**2"),
    "asin": row("asin(x)", x="1 / sqrt(1 - x**2)"),
    "acos": row("acos(x)", x="-1 / sqrt(1 - x**2)"),
    "atan": row("atan(x)", x="1 / (1 + x**2)"),
    "atan2": row("atan2(x, other)", x="other / (x**2 + other**2)", other="-x / (x**2 + other**2)"),
    "sinh": row("(exp(x) - exp(-x)) / 2", x="cosh(x)"),
    "cosh": row("(exp(x) + exp(-x)) / 2", x="sinh(x)"),
    "tanh": row("tanh(x)", x="1 - y**2"),
    "asinh": row("log(x + sqrt(x**2 + 1))", x="1 / sqrt(x**2 + 1)"),
    "acosh": row("log(x + sqrt(x**2 - 1))", x="1 / sqrt(x**2 - 1)"),
    "atanh": row("log((1 + x) / (1 - x)) / 2", x="1 / (1 - x**2)"),
    "sigmoid": row("1 / (1 + exp(-x))", x="y * (1 - y)"),
    "softplus": row("log(1 + exp(x))", x="1 / (1 + exp(-x))"),
    "gelu": row("x * (1 + erf(x / sqrt(2))) / 2", x="(1 + erf(x / sqrt(2))) / 2 + x * exp(-(x**2) / 2) / sqrt(2 * pi)"),
    "relu": row("max(x, 0)", x="x > 0"),
    "abs": row("abs(x)", x="sign(x)"),
    "sign": row("(x > 0) - (x < 0)", x="0"),
    "clamp": row("min(max(x, min), max)", x="min <= x <= max"),
    "floor": row("floor(x)", x="0"),
    "ceil": row("ceil(x)", x="0"),
    "round": row("round(x)", x="0"),
    "trunc": row("sign(x) * floor(abs(x))", x="0"),
    "floor_divide": row("floor(x / other)", x="0", other="0"),
    "remainder": row("x - other * floor(x / other)", x="1", other="-floor(x / other)"),
    "fmod": row("x - other * trunc(x / other)", x="1", other="-trunc(x / other)"),
    "fmax": row("x if x >= other else other", x="x >= other", other="x < other"),
    "fmin": row("x if x <= other else other", x="x <= other", other="x > other"),
    "hypot": row("sqrt(x**2 + other**2)", x="x / y", other="other / y"),
    "copysign": row("abs(x) * sign(other)", x="sign(x) * sign(other)", other="0"),
    "logaddexp": row("log(exp(x) + exp(other))", x="1 / (1 + exp(other - x))", other="1 / (1 + exp(x - other))"),
    "logaddexp2": row("log2(2**x + 2**other)", x="1 / (1 + 2**(other - x))", other="1 / (1 + 2**(x - other))"),
    "xlogy": row("x * log(other)", x="log(other)", other="x / other"),
    "erf": row("erf(x)", x="2 / sqrt(pi) * exp(-(x**2))"),
    "erfc": row("1 - erf(x)", x="-2 / sqrt(pi) * exp(-(x**2))"),
    "erfinv": row("the `y` with `erf(y) == x`", x="sqrt(pi) / 2 * exp(y**2)"),
    "lgamma": row("log(abs(Gamma(x)))", x="derivative(0, polygamma(x))"),
    "polygamma": row("derivative(n, polygamma(x))", x="derivative(n + 1, polygamma(x))"),
    "sinc": row("derivative(n, sinc(x))", x="derivative(n + 1, sinc(x))"),
    "bessel_i": row(
        "the modified Bessel function of order n, at `x`", x="`g` times half the sum of those of order n - 1 and n + 1"
    ),
    "bessel_j": row(
        "the Bessel function of order n, at `x`", x="`g` times half the difference of those of order n - 1 and n + 1"
    ),
    "bessel_y": row(
        "the Bessel function of the second kind of order n, at `x`",
        x="`g` times minus that of order 1, or that of order 0 less `y / x`",
    ),
    "bessel_k": row(
        "the modified Bessel function of the second kind, at `x`",
        x="`-g` times that of order 1, or that of order 0 and `y / x`",
    ),
    "airy": row("Airy's function at `x`", x="`g` times its slope"),
    "gammainc": row(
        "the share of Euler's integral for `Gamma(x)` below `other`",
        other="`g * other**(x - 1) * exp(-other) / Gamma(x)`",
    ),
    "zeta": row("the sum of `(k + other)**-x` over k = 0, 1, 2 …", other="`-g * x` times the sum of `(k + other)**-(x + 1)`"),
    "entr": row("-x * log(x)", x="-(log(x) + 1)"),
    "erfcx": row("exp(x**2) * (1 - erf(x))", x="2 * x * y - 2 / sqrt(pi)"),
    "ndtri": row("the `y` whose normal distribution function is `x`", x="sqrt(2 * pi) * exp(y**2 / 2)"),
    "nan_to_num": row("`x`, with numbers for NaN and `inf`", x="abs(x) < inf"),
    "binary_cross_entropy": row(
        "-(target * log(x) + (1 - target) * log(1 - x))",
        x="(x - target) / (x * (1 - x))",
        target="log(1 - x) - log(x)",
    ),
    # reductions
    "sum": row("sum(x)", over="dim", x="1"),
    "mean": row("1 / n * sum(x)", over="dim", x="1 / n"),
    "var": row(
        "sum((x - mean(x))**2) / (n - correction)",
        over="dim",
        name="variance",
        x="2 * (x - mean(x)) / (n - correction)",
    ),
    "norm": row("sqrt(sum(x**2))", over="dim", x="x / y"),
    "prod": row("prod(x)", over="dim", name="product", x="`g` times the product of the other elements"),
    "amax": row("largest(x)", over="dim", name="max", x="(x == y) / sum(x == y)"),
    "amin": row("smallest(x)", over="dim", name="min", x="(x == y) / sum(x == y)"),
    "logsumexp": row("log(sum(exp(x)))", over="dim", x="exp(x - y)"),
    "cumsum": row("`y[i]` = `x[0]` + … + `x[i]`", x="`g[i]` + … up to the last"),
    "cumprod": row("`y[i]` = `x[0]` · … · `x[i]`", x="the sum over j ≥ i of `g[j]` times the product of the others up to j"),
    "logcumsumexp": row("`y[i]` = ln(`exp(x[0])` + … + `exp(x[i])`)", x="the sum over j ≥ i of `g[j] * exp(x[i] - y[j])`"),
    "recurrence": row(
        "`y[i] == u[i] + a[i] * y[i - 1]`",
        a="`s[i] * y[i - 1]` with `s[i] == g[i] + a[i + 1] * s[i + 1]`",
        u="`s[i] == g[i] + a[i + 1] * s[i + 1]`",
    ),
    # moving elements about
    "reshape": row("`x`, reshaped", x="`g`, reshaped back"),
    "permute": row("`x`, permuted", x="`g`, permuted back"),
    "slice": row("a part of `x`", x="`g` at that part, 0 elsewhere"),
    "slice_adjoint": row("`x` at a part, 0 elsewhere", x="that part of `g`"),
    "flip": row("`x`, reversed", x="`g`, reversed"),
    "roll": row("`x`, rolled on", x="`g`, rolled back"),
    "contract": row(
        "the sum of products of `x` and `other` over the labels that `y` lacks",
        x="the same sum of `g` and `other`, over the labels that `x` lacks",
        other="the same sum of `x` and `g`, over the labels that `other` lacks",
    ),
    "contiguous": row("x", x="1"),
    "as_strided": row("elements of `x`, in steps through its memory", x="`g`, added where its elements were taken"),
    "as_strided_adjoint": row("`x`, added in steps through memory", x="the elements of `g` in these steps"),
    "unfold": row("the windows of `x`", x="the windows of `g`, added where they were taken"),
    "unfold_adjoint": row("the windows of `x`, added where they were taken", x="the windows of `g`"),
    "cat": row("`xs`, joined", xs="its own part of `g`"),
    "stack": row("`xs`, stacked", xs="its own slice of `g`"),
    "pad": row("`x`, padded", x="`g` without the padding"),
    "diagonal": row("the diagonal of `x`", x="`g` on the diagonal, 0 elsewhere"),
    "diagonal_adjoint": row("`x` on the diagonal, 0 elsewhere", x="the diagonal of `g`"),
    "tril": row("`x` on and below a diagonal, else 0", x="`g` on and below it, else 0"),
    "triu": row("`x` on and above a diagonal, else 0", x="`g` on and above it, else 0"),
    # indexing
    "getitem": row("`x[indices]`", x="`g`, added at the indices to zeros"),
    "getitem_adjoint": row("`x`, added at the indices to zeros", x="`g[indices]`"),
    "setitem": row("`x` with `value` at the indices", x="`g`, 0 at the indices", value="`g[indices]`"),
    "index_select": row("`x[index]`, along `dim`", x="`g`, added at the index to zeros"),
    "index_add": row("`x`, added at the index to zeros", x="`g[index]`, along `dim`"),
    "gather": row("`x[index]`, along `dim`", x="`g`, scattered"),
    "scatter_add": row("`x`, added at the index to zeros", x="`g[index]`, along `dim`"),
    "take_places": row("`x[places]`", x="`g`, added at the places to zeros"),
    "put_places": row("`x`, added at the places to zeros", x="`g[places]`"),
    "view_written": row("`x` with `value` in its view", x="`g`, 0 in the view", value="that view of `g`"),
    # matrices
    "matmul": row("x @ other", x="g @ other.T", other="x.T @ g"),
    "linear": row("x @ weight.T + bias", over="rows", symbols=LAYER, x="g @ weight", weight="g.T @ x", bias="sum(g)"),
    "linear_relu": row(
        "max(x @ weight.T + bias, 0)",
        over="rows",
        name="linear and ReLU",
        symbols=LAYER,
        x="(g * (y > 0)) @ weight",
        weight="(g * (y > 0)).T @ x",
        bias="sum(g * (y > 0))",
    ),
    "det": row("det(x)", over="matrix", x="det(x) * inv(x).T"),
    "cofactor": row("det(x) * inv(x).T", over="matrix", x="det(x) * (sum(g * N) * N - N @ g.T @ N) where N = inv(x).T"),
    "cofactor_change": row(
        "det(x) * (sum(other * N) * N - N @ other.T @ N) where N = inv(x).T",
        over="matrix",
        x="det(x) * ((sum(g * N) * sum(other * N) - sum(g * (N @ other.T @ N))) * N - sum(g * N) * (N @ other.T @ N)"
        " - sum(other * N) * (N @ g.T @ N) + N @ g.T @ N @ other.T @ N + N @ other.T @ N @ g.T @ N) where N = inv(x).T",
        other="det(x) * (sum(g * N) * N - N @ g.T @ N) where N = inv(x).T",
    ),
    "det_phase": row("`det(x) / abs(det(x))` of complex matrices", x="i times the imaginary part of `g * y`, times `inv(x).T`"),
    "logabsdet": row("log(abs(det(x)))", over="matrix", x="inv(x).T"),
    "inv": row("inv(x)", name="inverse", x="-y.T @ g @ y.T"),
    "solve": row("inv(x) @ other", x="-inv(x).T @ g @ y.T", other="inv(x).T @ g"),
    "cholesky": row(
        "the lower triangular `y` with `x == y @ y.T`",
        x="1 / 2 * (S + S.T) where P = y.T @ g; S = inv(y).T @ (tril(P) - 1 / 2 * diag(P)) @ inv(y)",
    ),
    "qr_q": row(
        "the orthonormal `y` with `x == y @ R`",
        x="(g + y @ (tril(M) + (tril(M) - diag(M)).T)) @ inv(y.T @ x).T where M = -g.T @ y",
    ),
    "eigenvectors": row(
        "the orthonormal `y` with `y.T @ x @ y` diagonal",
        x="`y @ S @ y.T` with `S[i, j] == (y.T @ g - g.T @ y)[i, j] / (2 * (l[j] - l[i]))`, l the eigenvalues",
    ),
    "eigenvalues": row(
        "the diagonal of `vectors.T @ x @ vectors`",
        symbols={"vectors": "v"},
        x="vectors @ diagonal_matrix(g) @ vectors.T",
    ),
    "singular_vectors": row(
        "U above V, with `x == U @ S @ V.T`, `S` diagonal",
        x="as for the eigenvectors of `x.T @ x` and `x @ x.T` (Giles 2008)",
    ),
    "singular_values": row("the diagonal of `U.T @ x @ V`", x="`U @ G @ V.T` with `G` the diagonal matrix of `g`"),
    "lu_packed": row(
        "L below the diagonal and U from there on, `x == L @ U`",
        x="`inv(L).T @ (A + B) @ inv(U).T`, A the part of `L.T @ gL` below the diagonal, B that of `gU @ U.T` from there on",
    ),
    "pinv": row(
        "the pseudo-inverse of `x`",
        x="A - x @ y @ A + B - B @ y @ x - y.T @ g @ y.T where A = g.T @ y @ y.T; B = y.T @ y @ g.T",
    ),
    "complex_eigenvectors": row(
        "the columns `y` of length 1 with `x @ y == y @ diag(l)`",
        x="as for `eigenvectors`, for columns that are not orthogonal (Boeddeker et al. 2017)",
    ),
    "complex_eigenvalues": row(
        "the eigenvalues of `x` that belong to `vectors`",
        x="`inv(vectors).T @ G @ vectors.T` with `G` the diagonal matrix of `g`",
    ),
    # complex numbers
    "conj": row("`x`, its imaginary parts negated", x="`g`, conjugated"),
    "real": row("the real parts of `x`", x="`g`"),
    "imag": row("the imaginary parts of `x`", x="minus i times `g`"),
    "complex": row("`x` plus i times `other`", x="the real part of `g`", other="minus the imaginary part of `g`"),
    "view_as_real": row("the real and imaginary parts of `x`", x="`g` as complex numbers, conjugated"),
    "view_as_complex": row("`x` as complex numbers", x="the real and minus the imaginary part of `g`"),
    "sgn": row("`x / abs(x)` of complex numbers", x="`(g - conj(y) * real(g * y)) / abs(x)`"),
    "fourier": row("the Fourier transform of `x`", x="the transposed transform of `g`"),
    "doubled": row("`x`, twice where it stands for two frequencies", x="`g`, doubled likewise"),
    # sliding windows
    "conv": row(
        "conv(weight, x) + bias",
        over="channels",
        name="convolution",
        symbols=LAYER,
        x="`g`, spread back by `weight`",
        weight="`x` under each output, times `g`",
        bias="sum(g)",
    ),
    "conv_relu": row(
        "max(conv(weight, x) + bias, 0)",
        over="channels",
        name="convolution and ReLU",
        symbols=LAYER,
        x="`g` where `y > 0`, spread back by `weight`",
        weight="`x` under each output, times `g` where `y > 0`",
        bias="sum(g * (y > 0))",
    ),
    "conv_input": row(
        "`out`, spread back by `weight`",
        name="transposed convolution",
        symbols=LAYER,
        out="`conv(weight, g)`",
        weight="`g` under each output, times `out`",
    ),
    "conv_weight": row("`x` under each output, times `out`", symbols=LAYER, x="`out`, spread back by `g`", out="`conv(g, x)`"),
    "max_pool": row("the largest `x` in each window", x="`g`, to the largest"),
    "max_pool_input": row("`out`, to the largest of each window", out="`g` at the largest of each window"),
    "max_pool_take": row("`v` at the largest of each window", v="`g`, to the largest of each window"),
    "sum_pool": row("the sum of `x` in each window", x="`g`, spread over each window"),
    "sum_pool_input": row("`x`, spread over each window", x="the sum of `g` in each window"),
    # normalization, softmax, losses
    "batch_norm": row(
        f"weight * (x - mu) / sigma + bias where {NORMAL.rpartition(';')[0]}",
        over="channels",
        symbols=NORM,
        x=f"weight / sigma * (g - mean(g) - xhat * mean(g * xhat)) where {NORMAL}",
        weight=f"sum(g * xhat) where {NORMAL}",
        bias="sum(g)",
    ),
    "batch_norm_relu": row(
        f"max(weight * (x - mu) / sigma + bias, 0) where {NORMAL.rpartition(';')[0]}",
        over="channels",
        name="batch norm and ReLU",
        symbols=NORM,
        x=f"weight / sigma * (h - mean(h) - xhat * mean(h * xhat)) where h = g * (y > 0); {NORMAL}",
        weight=f"sum(g * (y > 0) * xhat) where {NORMAL}",
        bias="sum(g * (y > 0))",
    ),
    "batch_norm_eval": row(
        f"weight * (x - running_mean) / sigma + bias where {FIXED}",
        over="channels",
        name="batch norm, eval",
        symbols=NORM,
        x=f"g * weight / sigma where {FIXED}",
        weight=f"sum(g * (x - running_mean) / sigma) where {FIXED}",
        bias="sum(g)",
        running_mean=f"-weight / sigma * sum(g) where {FIXED}",
        running_var=f"-weight / (2 * sigma**3) * sum(g * (x - running_mean)) where {FIXED}",
    ),
    "layer_norm": of_cases("dims"),
    "layer_norm_relu": of_cases("dims", "layer norm and ReLU"),
    "group_norm": of_cases("groups"),
    "group_norm_relu": of_cases("groups", "group norm and ReLU"),
    # recurrent layers
    **dict.fromkeys(
        ("rnn_tanh", "rnn_relu", "lstm", "gru"),
        row(
            "the outputs `h` of all steps, and the last state",
            x="`g` back through time, by `w_ih`",
            w_ih="what reaches the gates, times `x`, summed over the steps",
            w_hh="what reaches the gates, times the `h` before, summed over the steps",
            b_ih="what reaches the gates when `g` goes back through time, summed over the steps",
            b_hh="the same, for the gates as functions of `h`",
            state="`g` back through time, to the beginning",
        ),
    ),
    "softmax": row("exp(x) / sum(exp(x))", over="dim", x="y * (g - sum(g * y))"),
    "log_softmax": row("x - log(sum(exp(x)))", over="dim", x="g - exp(y) * sum(g)"),
    "cross_entropy_mean": row(
        "-sum(sum((k == target) * log(softmax(x))), cases) / N",
        over="classes",
        name="cross entropy, mean",
        x="(softmax(x) - (k == target)) / N",
    ),
    "attention": row(
        "softmax(scale * query @ key.T) @ value",
        over="last",
        symbols={"query": "q", "key": "k", "value": "v", "scale": "c"},
        query=f"scale * p * (h - sum(h * p)) @ key where {ATTENDED}",
        key=f"(scale * p * (h - sum(h * p))).T @ query where {ATTENDED}",
        value="softmax(scale * query @ key.T).T @ g",
    ),
    "cross_entropy": row(
        "-sum((k == target) * log(softmax(x)))",
        over="classes",
        x="(target >= 0) * (softmax(x) - (k == target))",
    ),
}


def of(op: Op) -> Row | None:
    """What is written about an op, None for one that has no derivative or is not minigrad's own."""
    return FORMULAS.get(op.name) if OPS.get(op.name) is op else None


def title(op: Op) -> str:
    """What an op is called."""
    entry = of(op)
    return entry.name if entry and entry.name else op.name.replace("_", " ")


for _name, _row in FORMULAS.items():  # an op's docstring says its rules
    if _name in OPS:
        _rules = (f"gradient of {name}: {whole(rule)}" for name, rule in _row.rules.items())
        OPS[_name].__doc__ = f"{cleandoc(OPS[_name].__doc__ or '')}\n\n" + "\n".join(_rules)
