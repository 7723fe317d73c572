"""Arrays on their way into kernels: copies between layouts, ReLU, what a pooling remembers; and how threads wait."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad.backends import NUMPY, Window, threads
from minigrad.backends.numpy_kernels import BLOCK, NUMPY_KERNELS
from minigrad.backends.onednn import ONEDNN, elementwise, library, primitive, product
from minigrad.backends.reference import REFERENCE

there = pytest.mark.skipif(library() is None, reason="oneDNN is not installed: pip install minigrad[fast]")
SMALLER = 16  # elements from which copies go through oneDNN here, so that small arrays try it


@st.composite
def views(draw: st.DrawFn) -> np.ndarray:
    """A float32 array that is a view of another: cut out, with steps, turned, repeated, or of windows that overlap."""
    sizes = draw(st.lists(st.integers(1, 7), min_size=1, max_size=5))
    base = np.random.default_rng(0).standard_normal([n + draw(st.integers(0, 2)) for n in sizes]).astype("f")
    x = base[tuple(slice(0, n, draw(st.sampled_from([1, 1, 1, 2, -1]))) for n in sizes)]
    x = x.transpose(draw(st.permutations(range(x.ndim))))
    if draw(st.booleans()) and x.shape[-1] > 2:
        x = np.lib.stride_tricks.sliding_window_view(x, 2, axis=-1)
    return np.broadcast_to(x, (2, *x.shape)) if draw(st.booleans()) else x


@there
@settings(max_examples=300, deadline=None)
@given(views(), st.data())
def test_a_copy_holds_the_same_in_any_layout(x: np.ndarray, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(x.ndim)))
    out = np.full([x.shape[d] for d in order], 7, "f").transpose(np.argsort(order))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(primitive, "FEW", SMALLER)
        assert primitive.copied(x, out) is out
    np.testing.assert_array_equal(out, x)


@there
@settings(max_examples=300, deadline=None)
@given(st.tuples(*[st.integers(1, 70)] * 3), st.data())
def test_products_in_any_layout(sizes: tuple[int, int, int], data: st.DataObject) -> None:
    (n, k, m), rng = sizes, np.random.default_rng(0)

    def matrix(rows: int, columns: int) -> np.ndarray:
        wide = rng.standard_normal((rows, 2 * columns)).astype("f")
        choices = (
            wide[:, :columns],
            wide[:, ::2],
            np.asfortranarray(wide)[:, :columns],
            wide[::-1, columns:],
            wide[:1, :columns],
        )
        return np.broadcast_to(data.draw(st.sampled_from(choices)), (rows, columns))

    x, other = matrix(n, k), matrix(k, m)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(product, "FEW", 0)
        found = ONEDNN["matmul"](NUMPY, x, other)
    np.testing.assert_allclose(found, x.astype("d") @ other.astype("d"), rtol=1e-4, atol=1e-4)


@there
def test_a_single_column_of_stride_0_needs_no_other_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy gives a new dimension that stride, and calls the array dense."""
    monkeypatch.setattr(product, "FEW", 0)
    monkeypatch.setattr(primitive, "_warned", [])
    column, row = np.arange(5, dtype="f")[:, None], np.ones((1, 7), "f")
    np.testing.assert_array_equal(ONEDNN["matmul"](NUMPY, column, row), column * row)
    np.testing.assert_array_equal(ONEDNN["linear"](NUMPY, column, row.T, None), column * row)
    np.testing.assert_array_equal(ONEDNN["matmul"](NUMPY, row.T, column[:1]), row.T * column[:1])
    assert not primitive._warned


@there
def test_a_copy_of_more_dimensions_than_onednn_knows() -> None:
    x = np.arange(2.0**13, dtype="f").reshape((2,) * 13).T
    np.testing.assert_array_equal(primitive.copied(x, np.empty((2,) * 13, "f")), x)


def test_strides_are_nested_if_no_two_elements_can_share_memory() -> None:
    x = np.zeros((4, 6, 6), "f")
    nested = (x, x.transpose(2, 0, 1), x[:, ::2], x[:, :1], x[..., 2:4], x[:0])
    others = (x[::-1], np.broadcast_to(x, (2, *x.shape)), np.lib.stride_tricks.sliding_window_view(x, 3, axis=1))
    assert [primitive.is_nested(v.shape, v.strides) for v in nested] == [True] * len(nested)
    assert [primitive.is_nested(v.shape, v.strides) for v in others] == [False] * len(others)


@pytest.mark.parametrize("size", [0, 3, BLOCK // 2, BLOCK - 1, BLOCK, 3 * BLOCK + 5])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i4"])
def test_relu_of_any_size_type_and_layout(size: int, dtype: str) -> None:
    x = (np.random.default_rng(0).standard_normal((2, size)) * 9).astype(dtype)
    if dtype != "i4" and size:
        x[0, 0], x[1, -1], x[1, 0] = np.nan, np.inf, -np.inf
    for view in (x, x.T, x[:, ::2], x[:, ::-1], x[1], np.broadcast_to(x, (2, *x.shape))):
        before, found = view.copy(), NUMPY_KERNELS["relu"](NUMPY, view)
        np.testing.assert_array_equal(found, REFERENCE["relu"](NUMPY, before))
        np.testing.assert_array_equal(view, before)
        assert found.dtype == view.dtype and not np.shares_memory(found, view)


@there
@pytest.mark.parametrize("bad", [None, np.nan, np.inf])
def test_relus_gradient_of_large_arrays(bad: float | None) -> None:
    rng = np.random.default_rng(0)
    g, x = rng.standard_normal((2, 300, 400)).astype("f")
    y = np.maximum(x, 0)
    if bad is not None:
        g[0, 0], y[1, 1] = bad, bad
    np.testing.assert_array_equal(ONEDNN["relu_backward"](NUMPY, g, y), REFERENCE["relu_backward"](NUMPY, g, y))


@there
def test_a_pooling_between_forward_and_backward_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    x, other, g = (rng.standard_normal(shape).astype("f") for shape in ((2, 3, 8, 8), (2, 3, 8, 8), (2, 3, 4, 4)))
    window = Window((2, 2), (0, 0), (1, 1))
    frame = ((2, 2), window, (4, 4))
    exact = REFERENCE["max_pool_input"](NUMPY, g, x, REFERENCE["max_pool"](NUMPY, x, *frame), (2, 2), window)
    best = ONEDNN["max_pool"](NUMPY, x, *frame)
    np.testing.assert_array_equal(ONEDNN["max_pool_input"](NUMPY, g, x, best, (2, 2), window), exact)
    kept = ONEDNN["max_pool"](NUMPY, other, *frame)
    np.testing.assert_array_equal(ONEDNN["max_pool_input"](NUMPY, g, x, best, (2, 2), window), exact)
    del kept
    np.testing.assert_array_equal(ONEDNN["max_pool_input"](NUMPY, g, x, best.copy(), (2, 2), window), exact)


@there
def test_weights_have_one_buffer_for_images_of_any_size() -> None:
    rng = np.random.default_rng(0)
    w, window = rng.standard_normal((48, 32, 3, 3)).astype("f"), Window((1, 1), (1, 1), (1, 1))  # sizes of no other test
    before = len(primitive._local.buffers)
    for size in range(5, 12):
        x, g = (rng.standard_normal((1, c, size, size)).astype("f") for c in (32, 48))
        calls = {"conv": (x, w, None, window), "conv_input": (g, w, x.shape, window), "conv_weight": (x, g, (3, 3), window)}
        for name, args in calls.items():
            np.testing.assert_allclose(ONEDNN[name](NUMPY, *args), REFERENCE[name](NUMPY, *args), rtol=1e-3, atol=1e-3)
    assert len(primitive._local.buffers) <= before + 3  # the layouts that are chosen may take more or less room


@there
def test_the_matrices_of_an_lstm_keep_apart_when_they_are_of_one_size() -> None:
    rng = np.random.default_rng(0)
    x, state, g = (rng.standard_normal(shape).astype("f") for shape in ((12, 24), (2, 4, 24), (20, 24)))
    weights = [rng.standard_normal(shape).astype("f") * np.float32(0.3) for shape in ((96, 24), (96, 24), (96,), (96,))]
    found, expected = (kernels["lstm"](NUMPY, x, *weights, state, (4, 4, 4), False) for kernels in (ONEDNN, REFERENCE))
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-4, atol=1e-5)
    gradients = (
        kernels["lstm_gradients"](NUMPY, g, x, *weights, state, *kept, (4, 4, 4), False)
        for kernels, kept in ((ONEDNN, found), (REFERENCE, expected))
    )
    for one, other in zip(*gradients, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


@there
def test_an_interrupt_leaves_addresses_and_threads_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    x, other = (np.random.default_rng(k).standard_normal((7, 11)).astype("f") for k in range(2))
    expected = REFERENCE["softmax"](NUMPY, x, 1)
    count = [2]
    pool = threads.Pool(lambda n: count.__setitem__(0, n), lambda: count[0])
    found = primitive.compiled(elementwise.Softmax, 7, 11, elementwise.SOFTMAX).forward
    monkeypatch.setattr(found, "pool", pool)
    y = np.empty_like(x)
    found.run(x, y)
    np.testing.assert_allclose(y, expected, rtol=1e-5)

    def interrupted(call: Callable, *args: object) -> None:
        call(*args)
        raise KeyboardInterrupt

    for name in ("set", "execute"):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(found, name, partial(interrupted, getattr(found, name)))
            found.run(other, y)
        found.run(x, y)
        np.testing.assert_allclose(y, expected, rtol=1e-5)
        assert count == [2]
