"""What can be said of the GPU's kernels without a GPU: their arithmetic, compiled for the CPU, is the reference's; convolution
in parts is convolution; and the switches of TF32.
"""

from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.backends import NUMPY, Window, cupy_backend, cupy_kernels
from minigrad.backends.reference import REFERENCE

from .strict_cupy import COMPILER, Kernel, stand_in

compiled = pytest.mark.skipif(COMPILER is None, reason="compiles the kernels for the CPU: needs a C++ compiler")


@pytest.fixture(scope="module")
def kernels() -> dict[str, Any]:
    library = {
        name: getattr(np, name)
        for name in ("mean", "sum", "square", "sqrt", "zeros_like", "empty", "uint8", "float64", "ndarray")
    }
    return cupy_kernels.fused(SimpleNamespace(**library, ElementwiseKernel=Kernel))


RNG = np.random.default_rng(0)
X, G = (RNG.standard_normal((4, 3, 5), dtype=np.float32) for _ in range(2))
W, BIAS = (RNG.uniform(0.5, 1.5, 3).astype(np.float32) for _ in range(2))
MEAN, VAR = X.mean((0, 2), keepdims=True), X.var((0, 2), keepdims=True)
WITH_NAN = np.where(X > 1, np.float32("nan"), X)
CALLS: list[tuple[str, tuple]] = [
    ("relu_backward", (G, np.maximum(X, 0))),
    ("relu_backward", (G, WITH_NAN)),
    ("gelu", (X, "none")),
    ("gelu", (X, "tanh")),
    ("gelu_backward", (G, X, "none")),
    ("batch_norm", (X, W, BIAS, 1e-5)),
    ("batch_norm", (X, None, None, 1e-5)),
    ("batch_norm", (X.astype(np.float16), None, None, 1e-5)),
    ("batch_norm_relu", (X, W, BIAS, 1e-5)),
    ("batch_norm_backward", (G, X, W, MEAN, VAR, 1e-5)),
    ("batch_norm_backward", (G, X, None, MEAN, VAR, 1e-5)),
    ("softmax_backward", (G, REFERENCE["softmax"](NUMPY, X, 1), 1)),
    ("log_softmax_backward", (G, REFERENCE["log_softmax"](NUMPY, X, 1), 1)),
]


@compiled
@pytest.mark.parametrize(("name", "args"), CALLS, ids=[f"{name}{k}" for k, (name, _) in enumerate(CALLS)])
def test_fused_kernels(kernels: dict[str, Any], name: str, args: tuple) -> None:
    ours, want = kernels[name](NUMPY, *args), REFERENCE[name](NUMPY, *args)
    pairs = zip(ours, want, strict=True) if isinstance(want, tuple) else [(ours, want)]
    for a, b in pairs:
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)


STEPS: list[tuple[str, int, tuple]] = [
    ("sgd_", 0, (0.1, 0.0, 0.0, 0.0, False, False)),
    ("sgd_", 0, (0.1, 0.0, 0.0, 0.3, False, True)),
    ("sgd_", 1, (0.1, 0.9, 0.2, 0.3, False, False)),
    ("sgd_", 1, (0.1, 0.9, 0.0, 0.3, True, True)),
    ("adam_", 2, (0.1, (0.9, 0.999), 1e-8, 0.0, False, False)),
    ("adam_", 2, (0.1, (0.9, 0.999), 1e-8, 0.3, False, True)),
    ("adam_", 2, (0.1, (0.9, 0.999), 1e-8, 0.3, True, False)),
]


@compiled
@pytest.mark.parametrize(("name", "buffers", "options"), STEPS, ids=[f"{name}{k}" for k, (name, *_) in enumerate(STEPS)])
def test_fused_steps(kernels: dict[str, Any], name: str, buffers: int, options: tuple) -> None:
    states = []
    for kernel in (kernels[name], REFERENCE[name]):
        p, state = X.copy(), [np.abs(G) for _ in range(buffers)]
        extra = {"sgd_": state or [None], "adam_": [*state, np.array(2.0, np.float32), None]}[name]
        for _ in range(2):
            kernel(NUMPY, p, G, *extra, *options)
        states.append([p, *(s for s in extra if s is not None)])
    for a, b in zip(*states, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", ["sgd_", "adam_"])
def test_a_step_that_runs_out_of_memory_changes_nothing(name: str) -> None:
    """The fused step is the last thing that can fail, and writes only then; the number of steps counts up behind it."""

    def full(*args: Any) -> None:
        raise MemoryError("Out of memory allocating 512 bytes")

    library = {name: getattr(np, name) for name in ("sqrt", "float64", "ndarray")}
    kernel = cupy_kernels.fused(SimpleNamespace(**library, ElementwiseKernel=lambda *parts, name: full))[name]
    p, m, v, step = X.copy(), G.copy(), np.abs(G), np.array(2.0, np.float32)
    args = {"sgd_": (m, 0.1, 0.9, 0.0, 0.1, False, False),
            "adam_": (m, v, step, None, 0.1, (0.9, 0.999), 1e-8, 0.1, True, False)}  # fmt: skip
    with pytest.raises(MemoryError):
        kernel(NUMPY, p, G, *args[name])
    for now, before in ((p, X), (m, G), (v, np.abs(G)), (step, 2.0)):
        np.testing.assert_array_equal(now, before)


class FullOnce(MemoryError):
    """CuPy's OutOfMemoryError."""


@compiled
def test_the_backend_as_a_whole(kernels: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Built of a CuPy that is NumPy: the kernels agree with the reference's, and a full card is tried twice."""
    freed: list[str] = []
    pool = SimpleNamespace(free_all_blocks=lambda: freed.append("blocks"), free_bytes=lambda: 5)
    runtime = SimpleNamespace(getDeviceCount=lambda: 1, memGetInfo=lambda: (10, 100))
    fake = SimpleNamespace(
        __version__="14.0",
        **{name: getattr(np, name) for name in dir(np) if name[0] != "_"}, ElementwiseKernel=Kernel,
        asnumpy=np.asarray,
        cuda=SimpleNamespace(runtime=runtime, memory=SimpleNamespace(OutOfMemoryError=FullOnce)),
        get_default_memory_pool=lambda: pool, get_default_pinned_memory_pool=lambda: pool,
    )  # fmt: skip
    stand_in(monkeypatch, cupy=fake)
    backend = minigrad.backends.find_cupy()
    assert backend.room() == (15, 100) and backend.kernels.keys() >= REFERENCE.keys()
    x, w, window = RNG.standard_normal((2, 3, 6, 6)), RNG.standard_normal((4, 3, 3, 3)), Window((1, 1), (1, 1), (1, 1))
    np.testing.assert_allclose(backend.conv(x, w, None, window), REFERENCE["conv"](NUMPY, x, w, None, window))
    multiply, failed = np.matmul, []

    def matmul(*args: Any) -> Any:
        if not failed:
            failed.append(True)
            raise FullOnce("Out of memory allocating 4,096 bytes")
        return multiply(*args)

    fake.matmul = backend.xp.matmul = matmul
    np.testing.assert_allclose(backend.conv(x, w, None, window), REFERENCE["conv"](NUMPY, x, w, None, window))
    assert failed and freed == ["blocks"] * 2


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("tile", [1, 3000, 2**28])
def test_convolution_in_parts(monkeypatch: pytest.MonkeyPatch, tile: int, groups: int) -> None:
    monkeypatch.setattr(cupy_kernels, "TILE", tile)
    x, w, bias = RNG.standard_normal((5, 4, 7, 6)), RNG.standard_normal((6, 4 // groups, 3, 2)), RNG.standard_normal(6)
    window = Window((2, 1), (1, 0), (1, 2), groups)
    y = REFERENCE["conv"](NUMPY, x, w, bias, window)
    g = RNG.standard_normal(y.shape)
    calls = {"conv": (x, w, bias, window), "conv_input": (g, w, x.shape, window), "conv_weight": (x, g, (3, 2), window)}
    for name, args in calls.items():
        ours, want = cupy_kernels.CONVOLUTION[name](NUMPY, *args), REFERENCE[name](NUMPY, *args)
        assert ours.shape == want.shape
        np.testing.assert_allclose(ours, want, rtol=1e-10, atol=1e-10)


def test_tiles_are_bounded() -> None:
    window = Window((1, 1), (1, 1), (1, 1))
    parts = list(cupy_kernels.tiles((1000, 64, 32, 32), 4, (3, 3), window))
    assert [p.start for p in parts[1:]] == [p.stop for p in parts[:-1]] and parts[-1].stop == 1000
    assert all((p.stop - p.start) * 64 * 9 * 1024 * 4 <= cupy_kernels.TILE for p in parts)
    assert not list(cupy_kernels.tiles((0, 64, 32, 32), 4, (3, 3), window))


def test_namespace_fills_in(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch)
    calls = []
    library = SimpleNamespace(
        argsort=lambda x, **options: calls.append(options), diagonal=np.diagonal, linalg=np.linalg, exp=np.exp
    )  # fmt: skip
    xp = cupy_backend.Namespace(library)
    xp.argsort(X, axis=1, stable=True)
    assert calls == [{"axis": 1, "kind": "stable"}]
    assert xp.exp is np.exp and (xp.linalg.inv(2 * np.eye(2)) == np.eye(2) / 2).all()
    np.testing.assert_array_equal(xp.linalg.diagonal(X, offset=1), np.linalg.diagonal(X, offset=1))


def test_tf32_switches() -> None:
    before = minigrad.get_float32_matmul_precision()
    try:
        minigrad.backends.cuda.matmul.allow_tf32 = True
        assert minigrad.get_float32_matmul_precision() == "high" and cupy_backend.allow_tf32()
        minigrad.set_float32_matmul_precision("highest")
        assert not minigrad.backends.cuda.matmul.allow_tf32
        minigrad.set_float32_matmul_precision("medium")
        assert minigrad.backends.cuda.matmul.allow_tf32 and minigrad.get_float32_matmul_precision() == "medium"
        with pytest.warns(UserWarning, match="no effect"):
            minigrad.set_float32_matmul_precision("low")
        assert minigrad.get_float32_matmul_precision() == "medium"
    finally:
        with warnings.catch_warnings():
            minigrad.set_float32_matmul_precision(before)
