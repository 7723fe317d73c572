"""Numba's kernels: updates round as the reference does, the others agree; Numba is not imported before it pays."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad.backends import NUMPY, Window, numba_kernels
from minigrad.backends.numba_kernels import NUMBA_KERNELS
from minigrad.backends.numpy_kernels import NUMPY_KERNELS
from minigrad.backends.reference import REFERENCE
from minigrad.backends.windows import out_sizes

from .test_providers import close, layouts

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
there = pytest.mark.skipif(bool(numba_kernels.why()), reason="Numba is not installed: pip install minigrad[fast]")


@pytest.fixture(autouse=True)
def at_any_size(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(numba_kernels, "ENOUGH", 1)
    monkeypatch.setattr(numba_kernels, "MANY", 1)
    monkeypatch.setattr(numba_kernels, "_failed", [])
    yield
    numba_kernels.compiled.cache_clear()


def numbers(count: int, dtype: str) -> list[np.ndarray]:
    """Normal numbers with zeros, infinities and NaN among them."""
    x = np.random.default_rng(count).standard_normal((count, 6, 7)).astype(dtype)
    x[:, 0, :4] = 0.0, -0.0, np.inf, np.nan
    return list(x)


@there
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sgd_is_the_references_to_the_bit(dtype: str) -> None:
    choices = itertools.product((0, 0.9), (0, 0.3), (0, 0.1), (False, True), (False, True))
    for momentum, dampening, decay, nesterov, maximize in choices:
        p, g, buf = numbers(3, dtype)
        found, expected = [p.copy(), buf.copy()], [p.copy(), buf.copy()]
        for kernels, (p, buf) in ((NUMBA_KERNELS, found), (REFERENCE, expected)):
            for lr in (0.1, np.asarray(0.3, dtype)):
                kernels["sgd_"](NUMPY, p, g, buf if momentum else None, lr, momentum, dampening, decay, nesterov, maximize)
        np.testing.assert_array_equal(found, expected)
    assert numba_kernels.compiled.cache_info().currsize and not numba_kernels._failed


@there
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_adam_is_the_references_to_the_bit(dtype: str) -> None:
    for decay, decoupled, amsgrad, maximize in itertools.product((0, 0.1), (False, True), (False, True), (False, True)):
        p, g, m, v, largest = numbers(5, dtype)
        made = [p, m, np.abs(v), np.abs(largest), np.asarray(2, dtype)]
        found, expected = ([a.copy() for a in made] for _ in range(2))
        for kernels, (p, m, v, largest, step) in ((NUMBA_KERNELS, found), (REFERENCE, expected)):
            for _ in range(2):
                kernels["adam_"](NUMPY, p, g, m, v, step, largest if amsgrad else None, 1e-2, (0.9, 0.999), 1e-8, decay,
                                 decoupled, maximize)  # fmt: skip
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)
    assert numba_kernels.compiled.cache_info().currsize and not numba_kernels._failed


@pytest.mark.parametrize("provider", ["numpy", pytest.param("numba", marks=there)])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_group_norm(provider: str, data: st.DataObject) -> None:
    kernels = {"numpy": NUMPY_KERNELS, "numba": NUMBA_KERNELS}[provider]
    groups, each, rest = (data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4)), data.draw(st.lists(st.integers(1, 5))))
    shape = (data.draw(st.integers(1, 4)), groups * each, *rest[:3])
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    dtype = data.draw(st.sampled_from(["f", "d"]))
    x, g = (data.draw(st.sampled_from(layouts(rng.standard_normal(shape).astype(dtype)))) for _ in range(2))
    if data.draw(st.integers(0, 4)) == 0:
        x[0, 0] = data.draw(st.sampled_from([np.nan, np.inf]))
    weight, bias = (data.draw(st.sampled_from([v, None])) for v in rng.standard_normal((2, groups * each)).astype(dtype))
    found, expected = (k["group_norm"](NUMPY, x, weight, bias, groups, 1e-1) for k in (kernels, REFERENCE))
    close(found, expected, "group_norm")
    args = (NUMPY, g, x, weight, *expected[1:], groups)
    back, expected = (k["group_norm_backward"](*args) for k in (kernels, REFERENCE))
    close(back, expected, "group_norm_backward")
    assert all(v.dtype == x.dtype for v in (*found, *back))
    assert not numba_kernels._failed


@there
@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(1, 40), st.integers(1, 3), st.integers(0, 99))
def test_index_add_is_numpys_to_the_bit(n: int, many: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    index, source = rng.integers(0, n, many), rng.standard_normal((many, 2, width)).astype("f")
    expected = NUMPY_KERNELS["index_add"](NUMPY, n, index, source)
    np.testing.assert_array_equal(NUMBA_KERNELS["index_add"](NUMPY, n, index, source), expected)
    with pytest.raises(IndexError):  # never a write beyond the array
        NUMBA_KERNELS["index_add"](NUMPY, n, index + n, source)


@there
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_max_pool_input(data: st.DataObject) -> None:
    two = lambda low, high: tuple(data.draw(st.integers(low, high)) for _ in range(2))  # noqa: E731
    kernel, dilation = two(1, 3), two(1, 2)
    window = Window(two(1, 3), tuple(data.draw(st.integers(0, k // 2)) for k in kernel), dilation)
    image = tuple(data.draw(st.integers(d * (k - 1) + 1, 8)) for k, d in zip(kernel, dilation, strict=True))
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    x = rng.integers(-2, 3, (*two(1, 3), *image)).astype("f")  # many ties
    for value in data.draw(st.sampled_from([(), (np.nan,), (-np.inf,), (np.inf, np.nan)])):
        x[rng.random(x.shape) < 0.3] = value
    x = data.draw(st.sampled_from(layouts(x)))
    best = REFERENCE["max_pool"](NUMPY, x, kernel, window, out_sizes(image, kernel, window))
    args = (NUMPY, rng.standard_normal(best.shape).astype("f"), x, best, kernel, window)
    close(NUMBA_KERNELS["max_pool_input"](*args), REFERENCE["max_pool_input"](*args), "max_pool_input")
    assert not numba_kernels._failed


@there
def test_a_loop_that_does_not_compile_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(index: np.ndarray, source: np.ndarray, out: np.ndarray) -> None:
        out[...] = undefined  # type: ignore[name-defined]  # noqa: F821

    monkeypatch.setattr(numba_kernels.loops, "index_add", broken)
    args = (NUMPY, 3, np.array([2, 0, 2]), np.ones((3, 2), "f"))
    with pytest.warns(UserWarning, match="(?s)Numba can't serve, so NumPy's slower kernels do: .*said once") as said:
        for _ in range(2):
            np.testing.assert_array_equal(NUMBA_KERNELS["index_add"](*args), [[1, 1], [0, 0], [2, 2]])
    assert len(said) == 1


def test_numba_is_not_imported_before_it_pays() -> None:
    code = """
import sys, minigrad as m
from minigrad import nn
net = nn.Sequential(nn.Linear(8, 8), nn.GroupNorm(2, 8), nn.Linear(8, 1))
best = m.optim.Adam(net.parameters())
net(m.randn(4, 8)).sum().backward()
best.step()
print("numba" in sys.modules)
"""
    out = subprocess.run([sys.executable, "-c", code], env=os.environ | {}, capture_output=True, text=True, check=True).stdout
    assert out == "False\n"


def test_a_folder_named_numba_is_no_numba(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "numba").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "numba", raising=False)
    assert numba_kernels.why() == "the package numba was not found. Hint: pip install numba"
