"""The op suite on a strict Array-API namespace, equal to NumPy; devices by name; random shapes."""

from __future__ import annotations

import builtins
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import minigrad
from minigrad import backends
from minigrad.autograd import grad
from minigrad.core import Tensor

from .cases import CASES, Case, several
from .checks import assert_same, host

strict = pytest.importorskip("array_api_strict")
STRICT = backends.array_api(strict, "strict")
ELSEWHERE = {
    "move",
    "full",
    "arange",
    "linspace",
    "eye",
    "rand",
    "randn",
    "randint",
    "randperm",
}  # name a device themselves


def derivatives(case: Case, device: str) -> list[np.ndarray]:
    """The outputs and, for a fixed cotangent of each, the gradients and second gradients of the inputs."""
    inputs = case.tensors(device)
    outputs = several(case(*inputs))
    wanted = [x for x in inputs if isinstance(x, Tensor) and x.requires_grad]
    ends = [y for y in outputs if y.requires_grad]
    if not ends:
        return [host(y) for y in outputs]
    bits = np.random.default_rng(0)
    seeds = [minigrad.tensor(bits.standard_normal(tuple(y.shape)), device=device).requires_grad_() for y in ends]
    first = grad(ends, wanted, seeds, create_graph=True)
    second = grad([g.sum() for g in first], seeds, materialize_grads=True, allow_unused=True)
    assert all(str(t.device) == device for t in (*outputs, *first, *second))
    return [host(t) for t in (*outputs, *first, *second)]


@pytest.mark.parametrize("case", [c for c in CASES if c.name.split("-")[0] not in ELSEWHERE], ids=lambda c: c.name)
def test_strict_namespace_equals_numpy(case: Case) -> None:
    for here, there in zip(derivatives(case, "cpu"), derivatives(case, "strict"), strict=True):
        assert here.shape == there.shape and here.dtype.kind == there.dtype.kind
        np.testing.assert_allclose(there, here, rtol=1e-12, atol=1e-12)


MAKERS: list[Callable] = [
    lambda d: minigrad.full((2, 2), 3.0, device=d),
    lambda d: minigrad.ones(2, device=d),
    lambda d: minigrad.arange(5, device=d),
    lambda d: minigrad.linspace(0, 1, 5, device=d),
    lambda d: minigrad.eye(3, device=d),
    lambda d: minigrad.rand(3, device=d),
    lambda d: minigrad.randn(2, 3, device=d),
    lambda d: minigrad.randint(9, (4,), device=d),
    lambda d: minigrad.randperm(5, device=d),
]


@pytest.mark.parametrize("make", MAKERS)
def test_made_alike_on_each_device(make: Callable) -> None:
    """The same seed draws the same numbers, in whatever namespace they are put; numbers of another kind are equal."""
    here = make("cpu")
    minigrad.manual_seed(0)
    there = make("strict")
    assert str(there.device) == "strict" and there.dtype is here.dtype and there.shape == here.shape
    drawn = {"rand", "randn"} & set(make.__code__.co_names)  # NumPy draws float32 in its own resolution
    if drawn:
        minigrad.manual_seed(0)
        here = make("strict")
    np.testing.assert_array_equal(host(there), host(here))


def test_moving_is_differentiable() -> None:
    x = minigrad.randn(3, requires_grad=True)
    y = x.to("strict")
    assert str(y.device) == "strict" and str(y.cpu().device) == "cpu"
    (y * y).sum().backward()
    assert str(x.grad.device) == "cpu"
    np.testing.assert_allclose(x.grad.numpy(), 2 * x.detach().numpy())


def test_operands_on_two_devices_are_refused() -> None:
    x, y = minigrad.randn(2, 3), minigrad.randn(2, 3, device="strict")
    with pytest.raises(RuntimeError, match="add: expected operands on one device, got cpu and strict"):
        x + y
    assert str((y + minigrad.tensor(2.0)).device) == "strict"  # a 0-d tensor of the CPU counts as a number


def test_cuda_without_cupy_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.import_module

    def absent(name: str, *more: Any) -> Any:
        if name == "cupy":
            raise ImportError(name)
        return real(name, *more)

    monkeypatch.setattr(importlib, "import_module", absent)
    monkeypatch.delitem(backends.BACKENDS, "cuda", raising=False)
    monkeypatch.delitem(backends.BACKENDS, "cuda:0", raising=False)
    for ask in (
        lambda: minigrad.zeros(2, device="cuda"),
        lambda: minigrad.zeros(2).cuda(),
        lambda: minigrad.zeros(2).to("cuda:0"),
    ):
        with pytest.raises(RuntimeError, match="needs the package CuPy, which is not installed. Hint: pip install cupy"):
            ask()


@pytest.mark.parametrize(("count", "says"), [(lambda: 0, "none was found"), (lambda: 1 / 0, "found none")])
def test_cuda_without_a_gpu_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, count: Any, says: str) -> None:
    cupy = builtins.type("cupy", (), {"__version__": "14.0", "cuda": builtins.type("cuda", (), {})})
    cupy.cuda.runtime = builtins.type("runtime", (), {"getDeviceCount": staticmethod(count)})
    real = importlib.import_module
    monkeypatch.setattr(importlib, "import_module", lambda name, *more: cupy if name == "cupy" else real(name, *more))
    monkeypatch.delitem(backends.BACKENDS, "cuda", raising=False)
    monkeypatch.delitem(backends.BACKENDS, "cuda:0", raising=False)
    with pytest.raises(RuntimeError, match=f"needs an NVIDIA GPU, and.*{says}"):
        minigrad.zeros(2, device="cuda")


def test_an_unknown_device_names_the_known_ones() -> None:
    with pytest.raises(RuntimeError, match="expected one of cpu, cuda.* got 'abacus'"):
        minigrad.zeros(2, device="abacus")
    with pytest.raises(RuntimeError, match="there is one cpu, got 'cpu:7'"):
        minigrad.zeros(2, device="cpu:7")


# -- random shapes ---------------------------------------------------------------------------------------------------

few = settings(max_examples=40, deadline=None, derandomize=True, database=None)
numbers = st.floats(-4, 4, width=32).map(lambda v: float(np.round(v, 2)))
shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3)


def arrays(shape: Any = shapes) -> Any:
    return hnp.arrays(np.float64, shape, elements=numbers)


@few
@given(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, min_side=0, max_side=3), st.data())
def test_broadcasting_and_its_undoing(both: Any, data: Any) -> None:
    x, w = (data.draw(arrays(s)) for s in both.input_shapes)
    for b in ("cpu", "strict"):
        s, t = (minigrad.tensor(a, device=b, requires_grad=True) for a in (x, w))
        y = s * t
        assert_same(y, x * w, 1e-12)
        y.backward(minigrad.ones(*y.shape, dtype="float64", device=b))
        full = np.ones(both.result_shape)
        for leaf, other in ((s, w), (t, x)):
            spread = full * other
            lead = spread.ndim - leaf.ndim
            dims = (*range(lead), *(d for d in range(lead, spread.ndim) if leaf.shape[d - lead] == 1))
            assert_same(leaf.grad, spread.sum(dims, keepdims=True).reshape(leaf.shape), 1e-12)


@few
@given(arrays(), st.data())
def test_reductions_over_any_dimensions(x: Any, data: Any) -> None:
    dims = tuple(data.draw(st.sets(st.integers(0, x.ndim - 1)))) if x.ndim else ()
    asked = tuple(d - x.ndim if data.draw(st.booleans()) else d for d in dims)
    keep = data.draw(st.booleans())
    axes = dims or None
    for b in ("cpu", "strict"):
        t = minigrad.tensor(x, device=b)
        assert_same(t.sum(asked, keepdim=keep), np.asarray(x.sum(axes, keepdims=keep)), 1e-12)
        if x.size:
            assert_same(t.mean(asked, keepdim=keep), np.asarray(x.mean(axes, keepdims=keep)), 1e-12)
            assert_same(t.amax(asked, keepdim=keep), np.asarray(x.max(axes, keepdims=keep)), 0)
            assert_same(t.logsumexp(asked, keepdim=keep), np.asarray(np.log(np.exp(x).sum(axes, keepdims=keep))), 1e-12)


@few
@given(arrays(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4)), st.data())
def test_indexing_in_any_form(x: Any, data: Any) -> None:
    index = data.draw(st.one_of(
        hnp.basic_indices(x.shape, allow_newaxis=True).filter(no_backward_step),
        hnp.integer_array_indices(x.shape, dtype=np.dtype("int64")),
        hnp.arrays(np.bool_, x.shape),
    ))  # fmt: skip
    for b in ("cpu", "strict"):
        t = minigrad.tensor(x, device=b, requires_grad=True)
        y = t[index]
        assert_same(y, np.asarray(x[index]), 0)
        y.backward(minigrad.ones(*y.shape, dtype="float64", device=b))
        want = np.zeros(x.shape)
        np.add.at(want, index, 1.0)
        assert_same(t.grad, want, 0)
        target = t.detach().clone()
        target[index] = 7.0
        want = x.copy()
        want[index] = 7.0
        assert_same(target, want, 0)


def no_backward_step(index: Any) -> bool:
    items = index if isinstance(index, tuple) else (index,)
    return all(not isinstance(i, slice) or i.step is None or i.step > 0 for i in items)


@few
@given(arrays(hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=3)), st.data())
def test_reshape_and_permute_round_trip(x: Any, data: Any) -> None:
    order = data.draw(st.permutations(range(x.ndim)))
    back = [order.index(d) for d in range(x.ndim)]
    for b in ("cpu", "strict"):
        t = minigrad.tensor(x, device=b)
        assert_same(t.permute(*order), x.transpose(order), 0)
        assert_same(t.permute(*order).permute(*back), x, 0)
        assert_same(t.permute(*order).reshape(x.size), x.transpose(order).reshape(-1), 0)
