"""Types and singular points beside PyTorch: what type comes out of every pair, and which slope where there are several."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import minigrad

torch = pytest.importorskip("torch")
pytest.importorskip("ml_dtypes")

pytestmark = [pytest.mark.filterwarnings(f"ignore::{kind}") for kind in ("RuntimeWarning", "UserWarning")]  # infinite slopes
TYPES = "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64".split()
BINARY = """add sub mul div floor_divide remainder pow maximum minimum fmax fmin fmod atan2 xlogy copysign eq ne lt le gt ge
    logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor true_divide""".split()
UNARY = """abs neg exp log sqrt rsqrt square reciprocal sin tanh sigmoid erf sign floor round isnan isfinite logical_not
    positive frac lgamma digamma sum mean prod amax argmax cumsum cumprod var norm logsumexp any all""".split()


def outcome(module: Any, name: str, *operands: Any) -> str:
    """The type of a result, or that there is none."""
    try:
        return str(getattr(module, name)(*operands).dtype).rpartition(".")[2]
    except (TypeError, RuntimeError, NotImplementedError):
        return "refused"


def pair(module: Any, kinds: tuple[str, str], shapes: tuple) -> list:
    return [module.ones(shape, dtype=getattr(module, kind)) for kind, shape in zip(kinds, shapes, strict=True)]


# Where PyTorch has no kernel for a type and minigrad does, or the other way round, the type itself can't differ.
@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("shapes", [((2,), (2,)), ((2,), ()), ((), (2,)), ((), ())], ids=str)
def test_types_of_pairs(name: str, shapes: tuple) -> None:
    for kinds in itertools.product(TYPES, TYPES):
        ours, theirs = (outcome(m, name, *pair(m, kinds, shapes)) for m in (minigrad, torch))
        assert ours == theirs, kinds


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "floor_divide", "remainder", "pow", "eq", "lt"])
@pytest.mark.parametrize("number", [2, 2.5], ids=str)
def test_types_with_numbers(name: str, number: float) -> None:
    for kind in TYPES:
        for shape in ((2,), ()):
            ours, theirs = (outcome(m, name, m.ones(shape, dtype=getattr(m, kind)), number) for m in (minigrad, torch))
            assert ours == theirs, (kind, shape)


@pytest.mark.parametrize("name", UNARY)
def test_types_of_one(name: str) -> None:
    for kind in TYPES:
        options = {"dim": 0} if name in ("cumsum", "cumprod", "logsumexp") else {}
        ours, theirs = (outcome(m, name, *[m.ones(2, dtype=getattr(m, kind))], *options.values()) for m in (minigrad, torch))
        assert ours == theirs or "refused" in (ours, theirs), kind


SINGULAR: dict[str, Any] = {
    "relu at 0": (lambda m, x: m.relu(x), [-1.0, 0, 1]),
    "abs at 0": (lambda m, x: m.abs(x), [-1.0, 0, 1]),
    "sqrt at 0": (lambda m, x: m.sqrt(x), [0.0, 1]),
    "norm at 0": (lambda m, x: m.norm(x), [0.0, 0]),
    "1-norm at 0": (lambda m, x: x.norm(1), [0.0, 2]),
    "inf-norm ties": (lambda m, x: x.norm(m.inf), [2.0, -2, 1]),
    "max ties": (lambda m, x: m.max(x), [1.0, 2, 2, 0]),
    "amax ties": (lambda m, x: m.amax(x, 0), [1.0, 2, 2, 0]),
    "max along a dimension": (lambda m, x: m.max(x, 0).values, [1.0, 2, 2, 0]),
    "min ties": (lambda m, x: m.min(x), [1.0, 0, 0]),
    "maximum of equals": (lambda m, x: m.maximum(x, x.flip(0)), [1.0, 2, 2, 3]),
    "minimum of equals": (lambda m, x: m.minimum(x, x.flip(0)), [1.0, 2, 2, 3]),
    "fmax of equals": (lambda m, x: m.fmax(x, x.flip(0)), [1.0, 2, 2, 3]),
    "borders of clamp": (lambda m, x: m.clamp(x, 0, 1), [-1.0, 0, 0.5, 1, 2]),
    "borders of hardtanh": (lambda m, x: m.nn.functional.hardtanh(x), [-1.0, 0, 1]),
    "borders of relu6": (lambda m, x: m.nn.functional.relu6(x), [0.0, 6, 3]),
    "prod with a zero": (lambda m, x: m.prod(x), [2.0, 0, 3]),
    "prod with two zeros": (lambda m, x: m.prod(x), [2.0, 0, 0, 3]),
    "cumprod with zeros": (lambda m, x: m.cumprod(x, 0), [2.0, 0, 3, 0, 4]),
    "std of equals": (lambda m, x: m.std(x), [2.0, 2, 2]),
    "std of one": (lambda m, x: m.std(x), [2.0]),
    "std of one, biased": (lambda m, x: m.std(x, correction=0), [2.0]),
    "sort ties": (lambda m, x: m.sort(x, stable=True).values, [2.0, 1, 2, 1]),
    "median ties": (lambda m, x: m.median(x), [2.0, 1, 2, 3, 2]),
    "median along a dimension": (lambda m, x: m.median(x, 0).values, [2.0, 1, 3]),
    "0 to the 0": (lambda m, x: m.pow(x, 0), [0.0, 1]),
    "0 to the 2": (lambda m, x: m.pow(x, 2), [0.0, 1]),
    "an exponent of 0": (lambda m, x: m.pow(x, x), [0.0, 1]),
    "a base of 0": (lambda m, x: m.pow(0, x), [0.0, 1]),
    "atan2 at the origin": (lambda m, x: m.atan2(x, x), [0.0, 1]),
    "xlogy at 0": (lambda m, x: m.xlogy(x, x), [0.0, 1]),
    "sinc at 0": (lambda m, x: m.sinc(x), [0.0, 1]),
    "logit at the borders": (lambda m, x: m.logit(x), [0.0, 1, 0.5]),
    "softmax of -inf": (lambda m, x: m.softmax(x, 0), [-np.inf, 0.0]),
    "distance of equals": (lambda m, x: m.dist(x, x.detach()), [1.0, 2]),
    "cdist of equals": (lambda m, x: m.cdist(x[:, None], x[:, None]), [1.0, 1]),
    "normalize at 0": (lambda m, x: m.nn.functional.normalize(x, dim=0), [0.0, 0]),
    "max_pool ties": (lambda m, x: m.nn.functional.max_pool1d(x[None, None], 2), [1.0, 1, 0, 0]),
    "smooth_l1 at its border": (lambda m, x: m.nn.functional.smooth_l1_loss(x, m.zeros_like(x)), [0.0, 1, -1]),
    "huber at its border": (lambda m, x: m.nn.functional.huber_loss(x, m.zeros_like(x)), [0.0, 1, -1]),
    "scatter_reduce ties": (lambda m, x: m.scatter_reduce(x, 0, m.tensor([0, 0, 1]), x * 1, "amax"), [1.0, 1, 1]),
}


@pytest.mark.parametrize("name", SINGULAR)
def test_slopes_where_there_are_several(name: str) -> None:
    function, values = SINGULAR[name]
    slopes = []
    for module in (minigrad, torch):
        x = module.tensor(values, dtype=module.float64, requires_grad=True)
        y = function(module, x)
        weights = module.arange(1.0, y.numel() + 1, dtype=module.float64).reshape(tuple(y.shape))
        (y * weights).sum().backward()
        slopes.append(x.grad.numpy())
    np.testing.assert_allclose(*slopes, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("make", [
    lambda m, **o: m.zeros(2, **o), lambda m, **o: m.ones((2, 1), **o), lambda m, **o: m.full((2,), 1.5, **o),
    lambda m, **o: m.empty(2, **o).fill_(1), lambda m, **o: m.arange(3, **o), lambda m, **o: m.linspace(0, 1, 3, **o),
    lambda m, **o: m.logspace(0, 1, 3, **o), lambda m, **o: m.eye(2, **o), lambda m, **o: 0 * m.rand(2, **o),
    lambda m, **o: 0 * m.randn(size=(2,), **o), lambda m, **o: 0 * m.randint(3, (2,), **o), lambda m, **o: m.randperm(1, **o),
    lambda m, **o: m.zeros_like(m.ones(2), **o), lambda m, **o: m.ones_like(m.ones(2), **o),
    lambda m, **o: m.full_like(m.ones(2), 3, **o), lambda m, **o: 0 * m.rand_like(m.ones(2), **o),
    lambda m, **o: m.ones(2).new_zeros(3, **o), lambda m, **o: m.ones(2).new_full((3,), 2, **o),
    lambda m, **o: m.tril_indices(2, 2, layout=o["layout"]),
])  # fmt: skip
def test_creators_take_a_layout_and_pinned_memory(make: Any) -> None:
    ours, theirs = (make(m, layout=m.strided, pin_memory=False) for m in (minigrad, torch))
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-6)
    with pytest.raises(
        (NotImplementedError, RuntimeError), match=r"layout must be strided, got 'sparse_csr'. Hint: .*to_sparse"
    ):
        make(minigrad, layout=minigrad.sparse_csr, pin_memory=True)


@pytest.mark.parametrize("kind", ["float16", "bfloat16", "float32", "float64", "complex64", "complex128"])
def test_limits_are_told_alike(kind: str) -> None:
    ours, theirs = (m.finfo(getattr(m, kind)) for m in (minigrad, torch))
    assert repr(ours) == repr(theirs)
    for name in ("bits", "dtype", "eps", "max", "min", "resolution", "smallest_normal", "tiny"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours == minigrad.finfo(getattr(minigrad, kind)) and len({ours, minigrad.finfo(minigrad.float16)}) == 1 + (
        kind != "float16"
    )
    assert repr(minigrad.iinfo(minigrad.int8)) == repr(torch.iinfo(torch.int8)) and minigrad.iinfo("int8") != minigrad.iinfo(
        "int16"
    )


@pytest.mark.parametrize("kind", ["bfloat16", "float32", "float64", "complex64", "complex128", "int64", "bool"])
def test_types_of_parts_and_of_pairs(kind: str) -> None:
    def told(m: Any) -> str:
        one = getattr(m, kind)
        try:
            return f"{one.to_real()} {one.to_complex()}".replace("torch.", "minigrad.")
        except RuntimeError:
            return "refused"

    assert told(minigrad) == told(torch)
