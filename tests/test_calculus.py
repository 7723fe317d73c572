"""The wider calculus: digits of the special functions, refusals, random numbers, and what a played record gives."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import minigrad as mg
from minigrad import linalg

# Correctly rounded from 40 digits.
POINTS = [1e-6, 0.3, 0.9, 1.0001, 3.7, 7.9, 8.1, 55.5, 1e5, -0.3, -1.7]
GAMMA = {
    "lgamma": [13.815509980749432, 1.0957979948180756, 0.066376239734742951, -5.7713342220471268e-05,
               1.4280723266653881, 8.3242658680088102, 8.7273882634320401, 166.32150615984037,
               1051287.7089736569, 1.4648400508576025,
               0.92184468769463745],
    0: [-1000000.5772140201, -3.5025242222001332, -0.75492694994705134, -0.57705118351433482, 1.1671535393615113,
        2.002238487563571, 2.0288674570805814, 4.0073469585404435, 11.512920464961896, 2.113309779635399,
        -1.4857174995110567],
    1: [1000000000001.645, 12.245364546107732, 1.9225399594772035, 1.6446936879331444, 0.31003785767003827,
        0.13493078345663442, 0.13139024657674372, 0.018181317363221761, 1.0000050000166667e-05, 13.945160267805722,
        14.632201633884014],
    3: [6.000000000000001e+24, 743.14176465504977, 9.7390140937767278, 6.4914513859393415, 0.058279217956563614,
        0.0048911780612039225, 0.0045172009488046588, 1.2019050440648291e-05, 2.0000300002000002e-15,
        766.61989041916854, 768.84973453013083],
}  # fmt: skip
ERRORS = {
    "erf": ([1e-10, 0.1, 0.46, 0.47, 1.3, 3.9], [1.1283791670955126e-10, 0.1124629160182849, 0.48465539000167968,
            0.49374505088608212, 0.93400794494065242, 0.99999996520775136]),
    "erfc": ([0.46, 1.3, 4.1, 5.8, 9.0, 20.0], [0.51534460999832032, 0.065992055059347549, 6.7000276540849183e-09,
             2.3555893751564417e-16, 4.1370317465138101e-37, 5.3958656116079012e-176]),
    "erfinv": ([1e-12, 0.1, 0.5, 0.999999, -0.3, 1 - 2**-53], [8.8622692545275799e-13, 0.088855990494257686,
               0.47693627620446988, 3.4589107372754988, -0.27246271472675432, 5.8635847487551676]),
}  # fmt: skip
SINC = {  # of 1e-9, 0.01, 0.79, 0.81 and 7.3
    0: [1, 0.99983551471054866, 0.24695490441711568, 0.2208848099134719, -0.035276453068526281],
    1: [-3.2898681336964531e-09, -0.0328954344817124, -1.3127973630288685, -1.2937844249234984, -0.075686136879992788],
    2: [-3.2898681336964528, -3.2888941000101957, 0.88619041641541896, 1.0144837521997629, 0.36890056437227597],
    3: [1.9481818206800487e-08, 0.19479529272766102, 6.5062609347337643, 6.3203787892795571, 0.64308304380882031],
}  # fmt: skip


def double(values: Any) -> mg.Tensor:
    return mg.tensor(np.array(values, dtype=np.float64))


@pytest.mark.parametrize("which", GAMMA)
def test_gamma_functions_to_fourteen_digits(which: Any) -> None:
    x = double(POINTS)
    got = mg.lgamma(x) if which == "lgamma" else mg.polygamma(which, x)
    np.testing.assert_allclose(got.numpy(), GAMMA[which], rtol=1e-14)


@pytest.mark.parametrize("name", ERRORS)
def test_error_functions_to_fourteen_digits(name: str) -> None:
    points, want = ERRORS[name]
    np.testing.assert_allclose(getattr(mg, name)(double(points)).numpy(), want, rtol=1e-14)


@pytest.mark.parametrize("n", SINC)
def test_derivatives_of_sinc_to_fourteen_digits(n: int) -> None:
    x = double([1e-9, 0.01, 0.79, 0.81, 7.3]).requires_grad_()
    y = mg.sinc(x)
    for _ in range(n):
        (y,) = mg.autograd.grad(y.sum(), x, create_graph=True)
    np.testing.assert_allclose(y.detach().numpy(), SINC[n], rtol=1e-14)


# -- bad input -------------------------------------------------------------------------------------------------------

x, whole = mg.ones(2, 3), mg.ones(2, 3, dtype=mg.int64)
square = mg.tensor([[1.0, 2.0], [2.0, 4.0]])
at = mg.tensor([0, 1])
REFUSED = [
    (lambda: mg.topk(x, 4), RuntimeError, "topk: k must be 0 ... 3, the size of dimension 1 of shape (2, 3), got 4"),
    (lambda: mg.kthvalue(x, 0), RuntimeError, "kthvalue: k must be 1 ... 3"),
    (lambda: mg.sort(x, 2), IndexError, "sort: Dimension out of range (expected to be in range of [-2, 1], but got 2)"),
    (lambda: mg.quantile(x, 1.5), ValueError, "quantile: q must lie in 0 ... 1, got 1.5"),
    (lambda: mg.quantile(whole, 0.5), TypeError,
     "quantile: expected a floating tensor, got minigrad.int64. Hint: .float()"),
    (lambda: mg.median(mg.ones(0, 2), 0), IndexError, "median: expected a non-empty dimension to reduce"),
    (lambda: mg.mode(mg.ones(0, 2), 0), IndexError, "mode: expected a non-empty dimension"),
    (lambda: mg.bincount(mg.tensor([-1])), RuntimeError, "bincount: expected integers >= 0, got -1"),
    (lambda: mg.bucketize(x, x), RuntimeError, "bucketize: boundaries must be a vector, got shape (2, 3)"),
    (lambda: mg.searchsorted(x, mg.ones(3, 3)), RuntimeError, "equal leading sizes, got (2, 3) and (3, 3)"),
    (lambda: mg.scatter(x, 0, whole + 5, 1.0), IndexError,
     "scatter: index 6 is out of bounds for dimension 0 with size 2"),
    (lambda: mg.scatter(x, 0, whole - 2, 1.0), IndexError, "scatter: index -1 is out of bounds"),
    (lambda: mg.scatter(x, 0, x, 1.0), TypeError,
     "scatter: index must hold integers, got minigrad.float32. Hint: .long()"),
    (lambda: mg.scatter_add(x, 0, whole * 0, x.double()), TypeError,
     "scatter_add: the source must be of the input's type"),
    (lambda: mg.scatter_reduce(x, 0, whole * 0, x, "max"), ValueError, "one of sum, prod, mean, amax, amin, got 'max'"),
    (lambda: mg.scatter_add(x, 0, mg.zeros(2, 4, dtype="int64"), x), RuntimeError,
     "(2, 4) must not exceed the input (2, 3)"),
    (lambda: mg.index_add(x, 0, at, mg.ones(3, 3)), RuntimeError, "must have the shape (2, 3), got (3, 3)"),
    (lambda: mg.index_copy(x, 0, at + 1, x), IndexError,
     "index_copy: index 2 is out of bounds for dimension 0 with size 2"),
    (lambda: mg.index_put(x, (at, at, at), x), IndexError, "too many indices (3) for a tensor of shape (2, 3)"),
    (lambda: mg.take(x, at + 5), IndexError, "take: index 6 is out of bounds for dimension 0 with size 6"),
    (lambda: mg.masked_fill(x, whole, 0.0), TypeError, "masked_fill: mask must be boolean, got minigrad.int64"),
    (lambda: mg.masked_scatter(x, x > 0, mg.ones(2)), RuntimeError,
     "names 6 elements, the source of shape (2,) has fewer"),
    (lambda: mg.masked_select(x, mg.ones(4) > 0), RuntimeError,
     "expected shapes that broadcast together, got (2, 3), (4,)"),
    (lambda: mg.einsum("ij,jk", x, x), RuntimeError,
     "einsum: 'j' is 3 in one operand and 2 in another in 'ij,jk', shapes (2, 3), (2, 3)"),
    (lambda: mg.einsum("ij,jk", x), RuntimeError, "has 2 operands, got 1"),
    (lambda: mg.einsum("ijk", x), RuntimeError, "'ijk' in 'ijk' does not fit an operand of shape (2, 3)"),
    (lambda: mg.einsum("ij->k", x), RuntimeError, "each letter of the output must occur once"),
    (lambda: mg.addmm(x, x, x), RuntimeError, "got (2, 3) and (2, 3)"),
    (lambda: mg.addmm(mg.ones(4), x, x.T), RuntimeError, "the input of shape (4,) does not broadcast to (2, 2)"),
    (lambda: mg.lerp(x, x.double(), 0.5), TypeError,
     "lerp: expected one type, got minigrad.float32 and minigrad.float64"),
    (lambda: mg.cross(x, mg.ones(2, 2), dim=1), RuntimeError, "must have size 3, got shapes (2, 3) and (2, 2)"),
    (lambda: mg.diagonal(x, 0, 1, -1), RuntimeError, "dim1 and dim2 must be different dimensions of shape (2, 3)"),
    (lambda: mg.tril(mg.ones(3)), RuntimeError, "tril: expected at least 2 dimensions, got shape (3,)"),
    (lambda: mg.trace(mg.ones(3)), RuntimeError, "trace: expected a matrix, got shape (3,)"),
    (lambda: x.unfold(1, 4, 1), RuntimeError, "unfold: expected 0 <= size <= 3 and step >= 1, got size 4 and step 1"),
    (lambda: mg.repeat_interleave(x, at, dim=1), RuntimeError, "repeats must be a number or 3 of them, got shape (2,)"),
    (lambda: mg.broadcast_tensors(x, mg.ones(2)), RuntimeError, "got (2, 3), (2,)"),
    (lambda: mg.hsplit(x, 2), RuntimeError, "dimension 1 of size 3 can't be split into 2 equal parts"),
    (lambda: linalg.inv(x), RuntimeError, "inv: expected square matrices (..., n, n), got shape (2, 3)"),
    (lambda: linalg.inv(whole), TypeError, "inv: expected a floating tensor, got minigrad.int64. Hint: .float()"),
    (lambda: linalg.inv(square), linalg.LinAlgError, "inv: Singular matrix, for shapes (2, 2)"),
    (lambda: linalg.cholesky(square - 5 * mg.eye(2)), linalg.LinAlgError, "cholesky: Matrix is not positive definite"),
    (lambda: linalg.solve(square, x.T), RuntimeError, "solve: for A (2, 2) expected B (..., 2, k), got (3, 2)"),
    (lambda: linalg.matrix_norm(x, 3), ValueError, "matrix_norm: ord must be 'fro', 'nuc', 1, -1, 2, -2, inf or -inf"),
    (lambda: linalg.vector_norm(x, "fro"), ValueError, "vector_norm: ord must be a number for vectors, got 'fro'"),
    (lambda: linalg.qr(x, "full"), ValueError, "qr: mode must be reduced, complete or r, got 'full'"),
    (lambda: linalg.multi_dot([x, x]), RuntimeError,
     "multi_dot: expected matrices whose inner sizes agree, got [(2, 3), (2, 3)]"),
    (lambda: mg.frac(whole), TypeError, "frac: expected a floating tensor, got minigrad.int64"),
    (lambda: mg.polygamma(-1, x), ValueError, "polygamma: n must be an integer >= 0 and <= 1000, got -1"),
    (lambda: mg.bernoulli(x * 2), RuntimeError, "bernoulli: the probabilities must lie in 0 ... 1"),
    (lambda: mg.multinomial(x * 0, 1), RuntimeError, "each row must have one that is positive"),
    (lambda: mg.multinomial(mg.eye(3), 2), RuntimeError, "a row has 1 positive weights. Hint: replacement=True"),
    (lambda: mg.normal(0.0, -1.0, (2,)), RuntimeError, "normal: std must be >= 0, got -1.0"),
    (lambda: x.exponential_(0), RuntimeError, "exponential_: lambd must be positive, got 0"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "says"), REFUSED, ids=[says[:40] for _, _, says in REFUSED])
def test_refused_by_name(call: Any, kind: Any, says: str) -> None:
    with pytest.raises(kind, match=re.escape(says)):
        call()


# -- random numbers --------------------------------------------------------------------------------------------------

N = 200_000
MEANS = {  # of x in place, and of its square
    "bernoulli_": (0.5, 0.5), "exponential_": (1.0, 2.0), "geometric_": (1 / 0.3, 0.7 / 0.09 + 1 / 0.09),
    "log_normal_": (np.exp(0.125), np.exp(0.5)),
}  # fmt: skip
ARGS = {"geometric_": (0.3,), "log_normal_": (0.0, 0.5)}


@pytest.mark.parametrize("name", MEANS)
def test_moments_of_what_fills(name: str) -> None:
    y = getattr(mg.zeros(N, dtype=mg.float64), name)(*ARGS.get(name, ())).numpy()
    for k, want in enumerate(MEANS[name], 1):
        assert abs((y**k).mean() - want) < 5 * (y**k).std() / N**0.5


def test_multinomial_draws_in_proportion() -> None:
    weights = mg.tensor([0.0, 1.0, 2.0, 5.0])
    drawn = mg.multinomial(weights, N, replacement=True)
    np.testing.assert_allclose(np.bincount(drawn.numpy(), minlength=4) / N, [0, 1 / 8, 2 / 8, 5 / 8], atol=0.005)
    rows = mg.multinomial(weights.expand(N // 10, 4), 3)
    assert sorted(map(tuple, np.unique(np.sort(rows.numpy(), 1), axis=0))) == [(1, 2, 3)]
    np.testing.assert_allclose(np.bincount(rows.numpy()[:, 0], minlength=4) / (N // 10), [0, 1 / 8, 2 / 8, 5 / 8], atol=0.02)


def test_one_seed_one_stream() -> None:
    def draws(generator: mg.Generator) -> list:
        p = mg.full((5,), 0.5)
        return [
            mg.bernoulli(p, generator=generator), mg.multinomial(p, 3, generator=generator),
            mg.normal(p, p, generator=generator), mg.zeros(4).exponential_(generator=generator),
        ]  # fmt: skip

    first, again = (draws(mg.Generator().manual_seed(3)) for _ in range(2))
    assert all(mg.equal(a, b) for a, b in zip(first, again, strict=True))


# -- narrow types ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("name", ["erf", "lgamma", "sinc", "asinh", "exp2", "cumprod", "logcumsumexp", "sort", "tril"])
def test_narrow_floats_keep_their_type(name: str, kind: str) -> None:
    if kind == "bfloat16":
        pytest.importorskip("ml_dtypes")
    values = np.array([[0.5, 1.5], [0.25, 2.0]])
    more = {"cumprod": (1,), "logcumsumexp": (1,)}.get(name, ())
    narrow = mg.tensor(values).to(kind).requires_grad_()
    exact = mg.tensor(values, requires_grad=True)
    for x in (narrow, exact):
        y = getattr(mg, name)(x, *more)
        (y if isinstance(y, mg.Tensor) else y.values).sum().backward()
    assert narrow.grad.dtype is narrow.dtype
    np.testing.assert_allclose(narrow.grad.double().numpy(), exact.grad.numpy(), rtol=2e-2, atol=1e-2)


def test_a_record_plays_again_on_new_data() -> None:
    """What passes the door as ops is in the record: values follow the new input."""

    def step(a: mg.Tensor) -> mg.Tensor:
        ordered = mg.sort(a.sum(1)).values
        return linalg.det(a) + mg.einsum("ij,kj->ik", a, a).logcumsumexp(1).sum() + ordered[0]

    first, second = mg.randn(3, 3), mg.randn(3, 3)
    with mg.record(first) as program:
        recorded = step(first)
    again = program.run(second)[recorded]
    np.testing.assert_array_equal(again.numpy(), step(second).numpy())
