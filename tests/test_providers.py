"""Providers of fast kernels: each gives the reference's answer, on odd arrays too; what is missing is said."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad
from minigrad.backends import NUMPY, Window
from minigrad.backends import report as providers_report
from minigrad.backends import use as backends_use
from minigrad.backends.onednn import ONEDNN, library
from minigrad.backends.reference import REFERENCE
from minigrad.backends.windows import out_sizes

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


sizes = st.integers(1, 5)


@there
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_convolution(data: st.DataObject) -> None:
    d = data.draw(st.integers(1, 3))
    many = lambda low, high: tuple(data.draw(st.integers(low, high)) for _ in range(d))  # noqa: E731
    groups, n = data.draw(st.sampled_from([1, 1, 2])), data.draw(sizes)
    c, f = groups * data.draw(st.integers(1, 9)), groups * data.draw(st.integers(1, 9))
    kernel, dilation = many(1, 3), many(1, 2)
    window = Window(many(1, 3), many(0, 2), dilation, groups)
    image = tuple(data.draw(st.integers(dil * (k - 1) + 1, 9)) for k, dil in zip(kernel, dilation, strict=True))
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    x = rng.standard_normal((n, c, *image)).astype("f")
    w = rng.standard_normal((f, c // groups, *kernel)).astype("f")
    bias = rng.standard_normal(f).astype("f") if data.draw(st.booleans()) else None
    g = rng.standard_normal((n, f, *out_sizes(image, kernel, window))).astype("f")
    x, g = data.draw(st.sampled_from(layouts(x))), data.draw(st.sampled_from(layouts(g)))
    calls = {"conv": (x, w, bias, window), "conv_input": (g, w, x.shape, window), "conv_weight": (x, g, kernel, window)}
    for name, args in calls.items():
        close(ONEDNN[name](NUMPY, *args), REFERENCE[name](NUMPY, *args), name)


@there
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_max_pool(data: st.DataObject) -> None:
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
    close(ONEDNN["max_pool"](NUMPY, x, kernel, window, sizes_), best, "max_pool")
    args = (rng.standard_normal(best.shape).astype("f"), x, best, kernel, window)
    close(ONEDNN["max_pool_input"](NUMPY, *args), REFERENCE["max_pool_input"](NUMPY, *args), "max_pool_input")


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
@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_other_types_give_the_references_answer(dtype: str) -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 5)).astype(dtype)
    w = np.random.default_rng(1).standard_normal((4, 3, 3, 3)).astype(dtype)
    args = (x, w, None, Window((1, 1), (1, 1), (1, 1)))
    found = ONEDNN["conv"](NUMPY, *args)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, REFERENCE["conv"](NUMPY, *args))


def test_report_names_every_provider() -> None:
    report = providers_report()
    assert [line.split()[0] for line in report.splitlines()] == ["reference", "numpy", "onednn"]
    assert "found" in report.splitlines()[0]


def test_use_chooses_and_refuses() -> None:
    backends_use("reference")
    assert dict(NUMPY.kernels) == REFERENCE
    with pytest.raises(ValueError, match=r"use: expected one of auto, reference, numpy, onednn, got 'mkl'"):
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


def test_threads_can_be_set() -> None:
    before = minigrad.get_num_threads()
    minigrad.set_num_threads(1)
    assert minigrad.get_num_threads() == 1
    minigrad.set_num_threads(before)
    with pytest.raises(ValueError, match="set_num_threads: expected a positive integer, got 0"):
        minigrad.set_num_threads(0)
