"""Providers of fast kernels: each gives the reference's answer, on odd arrays too; what is missing is said."""

from __future__ import annotations

import importlib
import math
import os
import pickle
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad
from minigrad import nn
from minigrad.backends import NUMPY, Window, providers, threads
from minigrad.backends import report as providers_report
from minigrad.backends import use as backends_use
from minigrad.backends.numpy_kernels import NUMPY_KERNELS
from minigrad.backends.onednn import ONEDNN, library, primitive
from minigrad.backends.reference import REFERENCE
from minigrad.backends.windows import out_sizes

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # pytest drops the package's own filter; NaN is meant
onednn_library = importlib.import_module("minigrad.backends.onednn.library")  # the package has a function of that name
there = pytest.mark.skipif(library() is None, reason="oneDNN is not installed: pip install minigrad[fast]")


@pytest.fixture(autouse=True)
def afterwards() -> Iterator[None]:
    yield
    backends_use("auto")


def close(found: object, expected: object, name: str) -> None:
    """Equal to float32's rounding; NaN and infinities in the same places."""
    found, expected = (v if isinstance(v, tuple) else (v,) for v in (found, expected))
    for a, b in zip(found, expected, strict=True):
        if b is None or a is None:
            continue
        scale = np.abs(b[np.isfinite(b)]).max(initial=1.0)
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5 * scale, equal_nan=True, err_msg=name)


def layouts(x: np.ndarray) -> list[np.ndarray]:
    """The same numbers in several memory layouts: plain, channels last, every other of a larger array."""
    last = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1) if x.ndim > 2 else np.asfortranarray(x)
    wide = np.repeat(x, 2, axis=-1)[..., ::2]
    return [x, last, wide]


PROVIDERS = {"onednn": ONEDNN, "numpy": NUMPY_KERNELS}
both = pytest.mark.parametrize("provider", [pytest.param("onednn", marks=there), "numpy"])
sizes, sizes150 = st.integers(1, 5), st.integers(1, 150)


@st.composite
def odd(draw: st.DrawFn, rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Normal numbers in one of several layouts; now and then a NaN or an infinity among them."""
    x = rng.standard_normal(shape).astype("f")
    for value in draw(st.sampled_from([(), (), (), (np.nan,), (-np.inf,), (np.inf,)])):
        x.reshape(-1)[rng.integers(x.size)] = value
    return draw(st.sampled_from(layouts(x)))


@both
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_convolution(provider: str, data: st.DataObject) -> None:
    d = data.draw(st.integers(1, 3))
    many = lambda low, high: tuple(data.draw(st.integers(low, high)) for _ in range(d))  # noqa: E731
    groups, n = data.draw(st.sampled_from([1, 1, 2])), data.draw(sizes)
    c, f = groups * data.draw(st.integers(1, 9)), groups * data.draw(st.integers(1, 9))
    kernel, dilation = many(1, 3), many(1, 2)
    window = Window(many(1, 3), many(0, 2), dilation, groups)
    image = tuple(data.draw(st.integers(dil * (k - 1) + 1, 9)) for k, dil in zip(kernel, dilation, strict=True))
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    x, w = data.draw(odd(rng, n, c, *image)), data.draw(odd(rng, f, c // groups, *kernel))
    bias = data.draw(st.one_of(st.none(), odd(rng, f)))
    g = data.draw(odd(rng, n, f, *out_sizes(image, kernel, window)))
    calls = {"conv": (x, w, bias, window), "conv_input": (g, w, x.shape, window), "conv_weight": (x, g, kernel, window)}
    for name, args in calls.items():
        close(PROVIDERS[provider][name](NUMPY, *args), REFERENCE[name](NUMPY, *args), name)
    if provider == "onednn":
        close(ONEDNN["conv_relu"](NUMPY, *calls["conv"]), REFERENCE["conv_relu"](NUMPY, *calls["conv"]), "conv_relu")
        wanted = data.draw(st.tuples(st.booleans(), st.booleans(), st.booleans()))
        args = (g, x if wanted[1] else None, w if wanted[0] else None, x.shape, w.shape, window, wanted)
        backends_use("reference")  # whose kernel calls that of each gradient
        expected = REFERENCE["conv_backward"](NUMPY, *args)
        backends_use("onednn")
        found = ONEDNN["conv_backward"](NUMPY, *args)
        assert [v is None for v in found] == [v is None for v in expected]
        close(found, expected, "conv_backward")


@both
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_max_pool(provider: str, data: st.DataObject) -> None:
    d = data.draw(st.integers(1, 3))
    many = lambda low, high: tuple(data.draw(st.integers(low, high)) for _ in range(d))  # noqa: E731
    kernel, dilation = many(1, 3), many(1, 2)
    window = Window(many(1, 3), tuple(data.draw(st.integers(0, k // 2)) for k in kernel), dilation)
    image = tuple(data.draw(st.integers(dil * (k - 1) + 1, 8)) for k, dil in zip(kernel, dilation, strict=True))
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    x = rng.integers(-2, 3, (data.draw(sizes), data.draw(sizes), *image)).astype("f")  # many ties
    for value in data.draw(st.sampled_from([(), (np.nan,), (-np.inf,), (np.inf, np.nan)])):
        x[rng.random(x.shape) < 0.3] = value
    x = data.draw(st.sampled_from(layouts(x)))
    sizes_ = out_sizes(image, kernel, window)
    best = REFERENCE["max_pool"](NUMPY, x, kernel, window, sizes_)
    close((REFERENCE | PROVIDERS[provider])["max_pool"](NUMPY, x, kernel, window, sizes_), best, "max_pool")
    args = (rng.standard_normal(best.shape).astype("f"), x, best, kernel, window)
    close(PROVIDERS[provider]["max_pool_input"](NUMPY, *args), REFERENCE["max_pool_input"](NUMPY, *args), "max_pool_input")


@there
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_batch_norm(data: st.DataObject) -> None:
    shape = (data.draw(st.integers(2, 9)), data.draw(st.integers(1, 20)), *data.draw(st.lists(sizes, max_size=3)))
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    x, g = (data.draw(st.sampled_from(layouts(rng.standard_normal(shape).astype("f")))) for _ in range(2))
    weight, bias = rng.standard_normal((2, shape[1])).astype("f")
    weight, bias = data.draw(st.sampled_from([(weight, bias), (None, None)]))
    y, mean, var = REFERENCE["batch_norm"](NUMPY, x, weight, bias, 1e-3)
    close(ONEDNN["batch_norm"](NUMPY, x, weight, bias, 1e-3), (y, mean, var), "batch_norm")
    expected = REFERENCE["batch_norm_backward"](NUMPY, g, x, weight, mean, var, 1e-3)
    close(ONEDNN["batch_norm_backward"](NUMPY, g, x, weight, mean, var, 1e-3), expected, "batch_norm_backward")


@there
@pytest.mark.parametrize("shape", [(2, 3, 1, 2, 2, 3), (2, 3, 1, 2, 1, 2, 2), (3, 20, 2, 3, 2, 2, 2)])
def test_batch_norm_of_many_dimensions(shape: tuple[int, ...]) -> None:
    """In a process of its own, since oneDNN's kernels once wrote beyond the end of such arrays."""
    code = f"""
import numpy as np, minigrad as m
x = m.tensor(np.random.default_rng(0).standard_normal({shape}), dtype="float32", requires_grad=True)
for _ in range(200):
    y = m.nn.functional.batch_norm(x, None, None, training=True)
    (dx,) = m.autograd.grad((y * y * y).sum(), x)
exact = m.nn.functional.batch_norm(z := x.detach().double().requires_grad_(), None, None, training=True)
(dz,) = m.autograd.grad((exact * exact * exact).sum(), z)
print(m.allclose(y.double(), exact, atol=1e-4), m.allclose(dx.double(), dz, atol=1e-3))
"""
    assert alone(code, MINIGRAD_KERNELS="onednn") == "True True\n"


@there
@settings(max_examples=80, deadline=None)
@given(st.data())
def test_batch_norm_relu(data: st.DataObject) -> None:
    shape = (data.draw(st.integers(2, 9)), data.draw(st.integers(1, 20)), *data.draw(st.lists(sizes, max_size=3)))
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    x, g = (rng.standard_normal(shape).astype("f") for _ in range(2))
    weight, bias = (data.draw(st.sampled_from([v, None])) for v in rng.standard_normal((2, shape[1])).astype("f"))
    for v in (x, weight, bias):
        if v is not None and data.draw(st.integers(0, 5)) == 0:
            v.reshape(-1)[data.draw(st.integers(0, v.size - 1))] = data.draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    x, g = (data.draw(st.sampled_from(layouts(v))) for v in (x, g))
    y, mean, var, workspace = ONEDNN["batch_norm_relu"](NUMPY, x, weight, bias, 1e-3)
    expected = REFERENCE["batch_norm_relu"](NUMPY, x, weight, bias, 1e-3)
    close((y, mean, var), expected[:3], "batch_norm_relu")
    args = (g, x, weight, mean, var, y)
    right = REFERENCE["batch_norm_relu_backward"](NUMPY, *args, expected[3], 1e-3)
    close(ONEDNN["batch_norm_relu_backward"](NUMPY, *args, workspace, 1e-3), right, "batch_norm_relu_backward")
    # Either kernel goes on from what the other left: the provider may change between the two passes.
    close(REFERENCE["batch_norm_relu_backward"](NUMPY, *args, workspace, 1e-3), right, "reference on a workspace")
    close(ONEDNN["batch_norm_relu_backward"](NUMPY, *args, expected[3], 1e-3), right, "without a workspace")


@there
@settings(max_examples=40, deadline=None)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40), st.booleans(), st.integers(0, 2), st.integers(0, 2))
def test_products(n: int, k: int, m: int, with_bias: bool, left: int, right: int) -> None:
    rng = np.random.default_rng(n + 100 * k)
    x, w = rng.standard_normal((n, k)).astype("f"), rng.standard_normal((m, k)).astype("f")
    x, w = layouts(x)[left], layouts(w)[right]
    bias = rng.standard_normal(m).astype("f") if with_bias else None
    close(ONEDNN["linear"](NUMPY, x, w, bias), REFERENCE["linear"](NUMPY, x, w, bias), "linear")
    close(ONEDNN["matmul"](NUMPY, x, w.T), REFERENCE["matmul"](NUMPY, x, w.T), "matmul")


@there
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_linear_relu(data: st.DataObject) -> None:
    n, k, m = (data.draw(st.integers(1, 150)) for _ in range(3))
    rng = np.random.default_rng(n)
    x, w = data.draw(odd(rng, n, k)), data.draw(odd(rng, m, k))
    bias = data.draw(st.one_of(st.none(), odd(rng, m)))
    close(ONEDNN["linear_relu"](NUMPY, x, w, bias), REFERENCE["linear_relu"](NUMPY, x, w, bias), "linear_relu")


@there
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_linear_backward(data: st.DataObject) -> None:
    lead, k, m = (
        tuple(data.draw(st.lists(st.integers(1, 60), min_size=1, max_size=2))),
        *data.draw(st.tuples(sizes150, sizes150)),
    )
    rng = np.random.default_rng(k)
    x, w, g = data.draw(odd(rng, *lead, k)), data.draw(odd(rng, m, k)), data.draw(odd(rng, *lead, m))
    wanted = data.draw(st.tuples(*[st.booleans()] * data.draw(st.integers(2, 3))))
    args = (g, x if wanted[1] else None, w if wanted[0] else None, wanted)
    backends_use("reference")  # whose kernel calls matmul
    expected = REFERENCE["linear_backward"](NUMPY, *args)
    backends_use("onednn")
    found = NUMPY.linear_backward(*args)  # the same kernel, on oneDNN's products
    assert [v is None for v in found] == [v is None for v in expected]
    close(tuple(found), tuple(expected), "linear_backward")


@there
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_layer_norm(data: st.DataObject) -> None:
    shape = data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=4))
    dims = tuple(range(data.draw(st.integers(0, len(shape) - 1)), len(shape)))
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    x, g = data.draw(odd(rng, *shape)), data.draw(odd(rng, *shape))
    weight, bias = (data.draw(st.one_of(st.none(), odd(rng, *(shape[d] for d in dims)))) for _ in range(2))
    expected = REFERENCE["layer_norm"](NUMPY, x, weight, bias, dims, 1e-3)
    close(ONEDNN["layer_norm"](NUMPY, x, weight, bias, dims, 1e-3), expected, "layer_norm")
    args = (g, x, weight, *expected[1:], dims)
    for name in ("layer_norm_input", "layer_norm_backward"):
        close(ONEDNN[name](NUMPY, *args), REFERENCE[name](NUMPY, *args), name)


@there
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_softmax(data: st.DataObject) -> None:
    shape = data.draw(st.lists(st.integers(1, 20), min_size=1, max_size=4))
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    x, g = data.draw(odd(rng, *shape)), data.draw(odd(rng, *shape))
    kernels = NUMPY_KERNELS | ONEDNN
    for name in ("softmax", "log_softmax"):
        y = REFERENCE[name](NUMPY, x, dim)
        close(kernels[name](NUMPY, x, dim), y, name)
        back = f"{name}_backward"
        close(ONEDNN[back](NUMPY, g, y, dim), REFERENCE[back](NUMPY, g, y, dim), back)


@pytest.mark.parametrize("kernels", [NUMPY_KERNELS, NUMPY_KERNELS | ONEDNN], ids=["numpy", "onednn"])
@pytest.mark.parametrize("size", [1, 7, 70])
def test_log_softmax_is_right_to_float32s_last_digits(kernels: dict, size: int) -> None:
    x = np.random.default_rng(0).standard_normal((300, size)).astype("f")
    exact = REFERENCE["log_softmax"](NUMPY, x.astype("d"), 1)
    scale = np.maximum(np.abs(exact), np.abs(x))  # x, and what is taken off it, are rounded
    assert (np.abs(kernels["log_softmax"](NUMPY, x, 1) - exact) / np.spacing(scale.astype("f"))).max() < 4


def test_erf_is_right_to_float32s_last_digit() -> None:
    x = np.concatenate([np.linspace(-5, 5, 40_001), np.geomspace(1e-30, 5, 5001)]).astype("f")
    found, exact = NUMPY_KERNELS["erf"](NUMPY, x), np.vectorize(math.erf)(x.astype("d"))
    assert found.dtype == np.float32 and np.abs(found).max() == 1
    assert (np.abs(found - exact) / np.spacing(np.abs(exact).astype("f"))).max() < 0.6
    odd = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0], "f")
    np.testing.assert_array_equal(NUMPY_KERNELS["erf"](NUMPY, odd), [1, -1, np.nan, 0, -0.0])


@there
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_elementwise(data: st.DataObject) -> None:
    shape = data.draw(st.lists(st.integers(1, 20), min_size=1, max_size=4))
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    x, g = data.draw(odd(rng, *shape)), data.draw(odd(rng, *shape))
    for how in ("none", "tanh"):
        close(ONEDNN["gelu"](NUMPY, x, how), REFERENCE["gelu"](NUMPY, x, how), f"gelu {how}")
        close(ONEDNN["gelu_backward"](NUMPY, g, x, how), REFERENCE["gelu_backward"](NUMPY, g, x, how), f"gelu_backward {how}")
    close(ONEDNN["relu_backward"](NUMPY, g, x), REFERENCE["relu_backward"](NUMPY, g, x), "relu_backward")


@there
@pytest.mark.parametrize("size", [1e5, 1e11, 1e14, 1e18])
@pytest.mark.parametrize("how", ["none", "tanh"])
def test_gelu_far_out(how: str, size: float) -> None:
    x, g = np.array([-size, size, 1.0], "f"), np.ones(3, "f")
    close(ONEDNN["gelu"](NUMPY, x, how), np.array([0, size, REFERENCE["gelu"](NUMPY, x[2:], how)[0]], "f"), how)
    close(ONEDNN["gelu_backward"](NUMPY, g, x, how), REFERENCE["gelu_backward"](NUMPY, g, x, how), how)


@both
@pytest.mark.parametrize("size", [7, 6000])
def test_a_sigmoid_has_its_digits_however_small(provider: str, size: int) -> None:
    for low in (-75.0, -87.0):
        x = np.linspace(low, 30, size, dtype="f")
        expected = 1 / (1 + np.exp(-x.astype(np.float64)))
        np.testing.assert_allclose(PROVIDERS[provider]["sigmoid"](NUMPY, x), expected, rtol=1e-6)
    x[:4] = np.nan, -np.inf, np.inf, -200
    for odd in layouts(x.reshape(-1, size // 3 if size % 3 == 0 else 7)):
        found = PROVIDERS[provider]["sigmoid"](NUMPY, odd)
        assert found.shape == odd.shape and np.isnan(found[0, 0]) == np.isnan(odd[0, 0])
        close(found, REFERENCE["sigmoid"](NUMPY, odd), "sigmoid")


@there
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_sum_pool(data: st.DataObject) -> None:
    d = data.draw(st.integers(1, 3))
    kernel = tuple(data.draw(st.integers(1, 4)) for _ in range(d))
    padding = tuple(data.draw(st.integers(0, k // 2)) for k in kernel)
    window = Window(tuple(data.draw(st.integers(1, 3)) for _ in kernel), padding, (1,) * d)
    image = tuple(data.draw(st.integers(k, 9)) for k in kernel)
    sizes_ = out_sizes(image, kernel, window)
    if data.draw(st.booleans()):  # the last windows may reach beyond the end (ceil_mode)
        rest = [(n + 2 * p - k) % s for n, p, k, s in zip(image, window.padding, kernel, window.stride, strict=True)]
        sizes_ = tuple(o + (r > 0) for o, r in zip(sizes_, rest, strict=True))
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    lead = (data.draw(sizes), data.draw(sizes))
    x, g = data.draw(odd(rng, *lead, *image)), data.draw(odd(rng, *lead, *sizes_))
    args = (kernel, window, sizes_)
    close(ONEDNN["sum_pool"](NUMPY, x, *args), REFERENCE["sum_pool"](NUMPY, x, *args), "sum_pool")
    args = (g, x.shape, kernel, window)
    close(ONEDNN["sum_pool_input"](NUMPY, *args), REFERENCE["sum_pool_input"](NUMPY, *args), "sum_pool_input")


@there
@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_other_types_are_left_to_numpy(dtype: str) -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 5)).astype(dtype)
    w = np.random.default_rng(1).standard_normal((4, 3, 3, 3)).astype(dtype)
    args = (x, w, None, Window((1, 1), (1, 1), (1, 1)))
    found = ONEDNN["conv"](NUMPY, *args)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, NUMPY_KERNELS["conv"](NUMPY, *args))


@there
def test_an_unpickled_array_is_served() -> None:
    """Its element type is another object than that of arrays made here."""
    x = pickle.loads(pickle.dumps(np.ones((2, 3, 4, 4), "f")))
    assert x.dtype is not np.dtype("f") and primitive.fits(x)


@pytest.mark.parametrize(
    "processor, wide, hint", [("Haswell", True, True), ("SkylakeX", True, False), ("Haswell", False, False), ("", True, False)]
)
def test_report_names_every_provider(processor: str, wide: bool, hint: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "blas_processor", lambda: processor)
    monkeypatch.setattr(providers, "FEATURES", {"AVX512_SKX": wide})
    report = providers_report()
    lines = report.splitlines()
    assert [line.split()[0] for line in lines] == ["reference", "numpy", "numba", "onednn"] + ["Hint:"] * hint
    assert "found" in lines[0] and ("OPENBLAS_CORETYPE=SkylakeX" in lines[-1]) == hint


def test_the_processor_that_numpys_products_are_made_for() -> None:
    assert re.fullmatch(r"\w+" if threads.openblas() else "", threads.blas_processor())


def test_use_chooses_and_refuses() -> None:
    backends_use("reference")
    assert dict(NUMPY.kernels) == REFERENCE
    with pytest.raises(ValueError, match=r"use: expected one of auto, reference, numpy, numba, onednn, got 'mkl'"):
        backends_use("mkl")
    assert dict(NUMPY.kernels) == REFERENCE  # a refusal changes nothing


def test_a_missing_library_costs_speed_and_nothing_else() -> None:
    code = (
        "import minigrad as m; x = m.ones(1, 1, 3, 3); print(m.nn.functional.conv2d(x, x).item())\n"
        "try: m.backends.use('onednn')\nexcept RuntimeError as e: print(e)"
    )
    env = os.environ | {"MINIGRAD_ONEDNN": "off"}
    out = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout
    assert out == "9.0\nbackends.use: onednn can't serve: switched off by MINIGRAD_ONEDNN=off\n"


def alone(code: str, **variables: str) -> str:
    """What a fresh process prints, warnings included."""
    env = os.environ | variables
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True, timeout=120).stdout


CONV = """
import warnings
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    import minigrad as m
    for _ in range(2):
        x = m.ones(1, 1, 4, 4)
        print(m.nn.functional.conv2d(x, m.ones(1, 1, 3, 3)).sum().item())
for w in said: print(w.category.__name__, w.message)
"""


@pytest.mark.parametrize("library", ["no such file", __file__, "libm.so.6"], ids=["absent", "no library", "another library"])
def test_a_library_that_cannot_be_opened_is_said_once(library: str) -> None:
    first, second, said = alone(CONV, MINIGRAD_ONEDNN=library).splitlines()
    assert first == second == "36.0"
    assert re.match(r"UserWarning oneDNN( can't serve, so NumPy's slower kernels do)?: ", said) and library in said


def test_a_library_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    version = onednn_library.Version(2, 7, 1)
    fake = SimpleNamespace(dnnl_version=lambda: SimpleNamespace(contents=version))
    monkeypatch.setattr(onednn_library.ctypes, "CDLL", lambda path: fake)
    monkeypatch.setattr(onednn_library, "candidates", lambda: ["old.so"])
    monkeypatch.delenv("MINIGRAD_ONEDNN", raising=False)
    with pytest.raises(OSError, match=r"old\.so: version 2\.7, expected 3\.x"):
        onednn_library.open_library()


@there
def test_a_primitive_that_fails_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(primitive, "_warned", [])
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((3, 5, 9, 7)).astype("f"), rng.standard_normal((4, 5, 3, 3)).astype("f")
    args = (x, w, None, Window((1, 1), (1, 1), (1, 1)))

    def failing(self: object, *arrays: np.ndarray) -> None:
        raise onednn_library.Unsupported("a primitive failed with status 5")

    monkeypatch.setattr(primitive.Primitive, "run", failing)
    with pytest.warns(UserWarning, match="oneDNN can't serve conv: a primitive failed with status 5. NumPy's slower") as said:
        for _ in range(2):
            close(ONEDNN["conv"](NUMPY, *args), REFERENCE["conv"](NUMPY, *args), "conv")
            close(ONEDNN["softmax"](NUMPY, x, 1), REFERENCE["softmax"](NUMPY, x, 1), "softmax")
    assert len(said) == 1


@there
def test_a_shape_that_has_no_primitive_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(primitive, "_warned", [])
    x = np.random.default_rng(0).standard_normal((2, 1, 1, 1, 1, 1)).astype("f")  # oneDNN knows three spatial dimensions
    w, window = np.ones((1, 1, 1, 1, 1, 1), "f"), Window((1,) * 4, (0,) * 4, (1,) * 4)
    with pytest.warns(UserWarning, match=r"oneDNN can't serve Convolution .*NumPy's slower kernel does; this is said once"):
        close(ONEDNN["conv"](NUMPY, x, w, None, window), x, "conv")


def test_a_forced_provider_that_is_missing_says_why() -> None:
    code = "try: import minigrad\nexcept RuntimeError as e: print(e)"
    out = alone(code, MINIGRAD_ONEDNN="off", MINIGRAD_KERNELS="onednn")
    assert out == "MINIGRAD_KERNELS: onednn can't serve: switched off by MINIGRAD_ONEDNN=off\n"
    out = alone(code.replace("Runtime", "Value"), MINIGRAD_KERNELS="mkl")
    assert out == "MINIGRAD_KERNELS: expected one of auto, reference, numpy, numba, onednn, got 'mkl'\n"


FORK = """
import os, warnings
warnings.simplefilter("ignore")
import minigrad as m
m.set_num_threads(2)
x, w = m.randn(16, 16, 40, 40), m.randn(32, 16, 3, 3)
def y(): return m.nn.functional.conv2d(x, w)
before = y()
def same(): return m.allclose(y(), before, atol=1e-3)
child = os.fork()
if not child:
    m.set_num_threads(2)
    os._exit(m.get_num_threads() if same() else 99)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), m.get_num_threads(), bool(same()))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize(("kernels", "threads"), [pytest.param("onednn", 1, marks=there), ("numpy", 2)])
def test_a_forked_process_goes_on(kernels: str, threads: int) -> None:
    """OpenMP's threads do not survive a fork, and to wait for them would be to wait for ever."""
    assert alone(FORK, MINIGRAD_KERNELS=kernels, OMP_NUM_THREADS="2") == f"{threads} 2 True\n"


@both
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_any_number_of_threads_gives_the_same(provider: str, threads: int) -> None:
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((5, 8, 40, 40)).astype("f"), rng.standard_normal((24, 8, 3, 3)).astype("f")
    g, window = rng.standard_normal((5, 24, 40, 40)).astype("f"), Window((1, 1), (1, 1), (1, 1))
    calls = {"conv": (x, w, None, window), "conv_input": (g, w, x.shape, window), "conv_weight": (x, g, (3, 3), window)}
    before = minigrad.get_num_threads()
    try:
        minigrad.set_num_threads(threads)
        for name, args in calls.items():
            close(PROVIDERS[provider][name](NUMPY, *args), REFERENCE[name](NUMPY, *args), name)
        seen = []
        other = threading.Thread(target=lambda: seen.append(PROVIDERS[provider]["conv"](NUMPY, *calls["conv"])))
        other.start()
        other.join()
        close(seen[0], REFERENCE["conv"](NUMPY, *calls["conv"]), "conv in another thread")
    finally:
        minigrad.set_num_threads(before)


ODD = {
    "zero-size": np.zeros((0, 3, 5, 5), "f"),
    "no channels": np.zeros((2, 0, 5, 5), "f"),
    "expanded": np.broadcast_to(np.float32(2.0), (2, 3, 5, 5)),
    "turned round": np.arange(150, dtype="f").reshape(2, 3, 5, 5)[:, :, ::-1, ::-1],
    "huge strides": np.arange(2 * 3 * 5 * 5 * 997, dtype="f")[::997].reshape(2, 3, 5, 5)[:, :, :, :] / 1e5,
    "unaligned": np.frombuffer(b"x" + np.arange(150, dtype="f").tobytes(), dtype=np.dtype("f"), offset=1).reshape(2, 3, 5, 5),
    "other bytes": np.arange(150, dtype=">f4").reshape(2, 3, 5, 5),
    "double": np.arange(150.0).reshape(2, 3, 5, 5),
    "half": np.arange(150, dtype=np.float16).reshape(2, 3, 5, 5) / np.float16(150),
    "integer": np.arange(150).reshape(2, 3, 5, 5),
}


@both
@pytest.mark.parametrize("what", ODD)
def test_odd_arrays_give_the_references_answer(provider: str, what: str) -> None:
    x = ODD[what]
    w = np.ones((4, x.shape[1], 3, 3), x.dtype)
    window, pool = Window((1, 1), (1, 1), (1, 1)), Window((2, 2), (0, 0), (1, 1))
    floats = x.dtype.kind == "f"
    calls = {
        "conv": (x, w, None, window), "max_pool": (x, (2, 2), pool, (2, 2)), "sum_pool": (x, (2, 2), pool, (2, 2)),
        "linear": (x, np.ones((70, 5), x.dtype), None), "matmul": (x, x.swapaxes(2, 3)),
    }  # fmt: skip
    if floats and x.size:
        line = x[0, :, 0, 0]
        calls |= {
            "batch_norm": (x, line, None, 1e-3), "layer_norm": (x, x[0, 0], None, (2, 3), 1e-3), "softmax": (x, 1),
            "log_softmax": (x, 3), "gelu": (x, "none"), "relu_backward": (x, x), "sigmoid": (x,),
        }  # fmt: skip
    for name, args in calls.items():
        kernel = PROVIDERS[provider].get(name)
        if kernel is not None:
            found, expected = kernel(NUMPY, *args), REFERENCE[name](NUMPY, *args)
            close(found, expected, f"{name} of {what}")
            first = found[0] if isinstance(found, tuple) else found
            assert first.dtype == (expected[0] if isinstance(expected, tuple) else expected).dtype


def test_threads_can_be_set() -> None:
    before = minigrad.get_num_threads()
    minigrad.set_num_threads(1)
    assert minigrad.get_num_threads() == 1
    minigrad.set_num_threads(before)
    with pytest.raises(ValueError, match="set_num_threads: expected a positive integer, got 0"):
        minigrad.set_num_threads(0)


@pytest.mark.parametrize("mean", [0.0, 30.0, 1000.0])
def test_batch_norm_far_from_zero(mean: float) -> None:
    """65,536 values a channel, one apart: oneDNN's own sums in float32 are 3e-3 off where the mean is 1,000."""
    x = (mean + np.random.default_rng(0).standard_normal((64, 4, 32, 32))).astype(np.float32)
    wide = x.astype(np.float64)
    want = (wide - wide.mean((0, 2, 3), keepdims=True)) / np.sqrt(wide.var((0, 2, 3), keepdims=True) + 1e-5)
    plain, relu = nn.BatchNorm2d(4, affine=False), nn.Sequential(nn.BatchNorm2d(4, affine=False), nn.ReLU())
    for model, answer in ((plain, want), (relu, np.maximum(want, 0))):
        np.testing.assert_allclose(model(minigrad.tensor(x)).numpy(), answer, rtol=0, atol=5e-4)
