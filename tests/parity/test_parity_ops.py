"""The case table against PyTorch: value, gradient and second gradient; then random shapes, types and indices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import minigrad
from minigrad.core import Tensor

from ..cases import CASES, Case, several
from ..checks import host

torch = pytest.importorskip("torch")
PAIRED = [case for case in CASES if case.torch is not None]


def in_torch(inputs: list) -> list:
    return [torch.tensor(host(x), requires_grad=x.requires_grad) if isinstance(x, Tensor) else x for x in inputs]


def close(ours: Any, theirs: Any, tol: float) -> None:
    assert tuple(ours.shape) == tuple(theirs.shape)
    assert ours.dtype.name == str(theirs.dtype).removeprefix("torch.")
    np.testing.assert_allclose(host(ours), theirs.detach().resolve_neg().numpy(), rtol=tol, atol=tol)


@pytest.mark.parametrize("case", PAIRED, ids=lambda c: c.name)
def test_value_and_both_gradients(case: Case) -> None:
    ours = case.tensors()
    theirs = in_torch(ours)
    ys, zs = several(case(*ours)), [*several(case.torch(torch, *theirs, **as_torch_options(case.options)))]
    assert len(ys) == len(zs)
    for y, z in zip(ys, zs, strict=True):
        close(y, z, max(case.tol, 1e-10))
        assert y.requires_grad == z.requires_grad
    bits = np.random.default_rng(1)
    seeds = [bits.standard_normal(tuple(y.shape)) for y in ys if y.requires_grad]
    if not seeds:
        return
    wanted = [(x, t) for x, t in zip(ours, theirs, strict=True) if isinstance(x, Tensor) and x.requires_grad]
    xs, ts = zip(*wanted, strict=True)
    first = minigrad.autograd.grad(
        [y for y in ys if y.requires_grad], xs, [minigrad.tensor(s) for s in seeds], create_graph=True
    )
    second = torch.autograd.grad([z for z in zs if z.requires_grad], ts, [torch.tensor(s) for s in seeds], create_graph=True)
    for g, h in zip(first, second, strict=True):
        close(g, h, max(case.tol, 1e-10))
    weights = [bits.standard_normal(tuple(g.shape)) for g in first]
    ours_total = sum((g * minigrad.tensor(w)).sum() for g, w in zip(first, weights, strict=True))
    theirs_total = sum((h * torch.tensor(w)).sum() for h, w in zip(second, weights, strict=True))
    if not theirs_total.requires_grad:
        return
    linear = not ours_total.requires_grad
    thirds = [None] * len(xs) if linear else minigrad.autograd.grad(ours_total, xs, allow_unused=True)
    for g, h in zip(thirds, torch.autograd.grad(theirs_total, ts, allow_unused=True), strict=True):
        one, other = (
            (0.0 if g is None else host(g)),
            (0.0 if h is None else h.numpy(force=True)),
        )  # None stands for zeros
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)


def as_torch_options(options: dict) -> dict:
    """PyTorch wants a single dimension as an int where it takes but one."""
    return {k: v[0] if k == "dim" and isinstance(v, tuple) and len(v) == 1 else v for k, v in options.items()}


# -- random shapes, types and indices: values, types, gradients, and the same refusals -------------------------------

few = settings(max_examples=150, deadline=None, derandomize=True, database=None)
TYPES = ("bool", "uint8", "int8", "int32", "int64", "float32", "float64")
BINARY = ("add", "mul", "div", "maximum", "minimum", "eq", "lt", "ge", "logical_and", "logical_xor")
REDUCE = (
    "sum",
    "mean",
    "var",
    "std",
    "amax",
    "amin",
    "logsumexp",
    "prod",
    "cumsum",
    "argmax",
    "softmax",
    "log_softmax",
    "norm",
)


def filled(shape: tuple, kind: str, seed: int) -> np.ndarray:
    bits = np.random.default_rng(seed)
    if kind == "bool":
        return bits.random(shape) < 0.5
    if kind.startswith("float"):
        return np.asarray(bits.standard_normal(shape), dtype=kind)
    return np.asarray(bits.integers(0 if kind == "uint8" else -4, 5, shape), dtype=kind)


def both_ways(run: Callable, arrays: list[np.ndarray]) -> None:
    """`run(module, *tensors)` in minigrad and PyTorch: equal values, types and gradients, or a refusal from both."""
    ours = [minigrad.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
    theirs = [torch.tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
    try:
        zs = several(run(torch, *theirs))
    except (RuntimeError, ValueError, TypeError, IndexError) as refusal:
        with pytest.raises(
            IndexError if isinstance(refusal, IndexError) else (RuntimeError, ValueError, TypeError, IndexError)
        ):
            run(minigrad, *ours)
        return
    ys = several(run(minigrad, *ours))
    tol = 1e-5 if any(a.dtype == np.float32 for a in arrays) or any(z.dtype == torch.float32 for z in zs) else 1e-9
    for y, z in zip(ys, zs, strict=True):
        close(y, z, tol)
        assert y.requires_grad == z.requires_grad
    ends = [(y, z) for y, z in zip(ys, zs, strict=True) if z.requires_grad]
    if ends:
        sum((y * y).sum() for y, _ in ends).backward()
        sum((z * z).sum() for _, z in ends).backward()
        for x, t in zip(ours, theirs, strict=True):
            if t.grad is not None:
                close(x.grad, t.grad, tol * 10)


shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
quiet = pytest.mark.filterwarnings("ignore")  # both libraries meet 0 / 0 and logarithms of 0


@quiet
@few
@given(st.sampled_from(BINARY), hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, min_side=0, max_side=3),
       st.sampled_from(TYPES), st.sampled_from(TYPES), st.integers(0, 99))  # fmt: skip
def test_types_and_shapes_of_binary_ops(name: str, both: Any, one: str, other: str, seed: int) -> None:
    a, b = (filled(s, kind, seed + i) for i, (s, kind) in enumerate(zip(both.input_shapes, (one, other), strict=True)))
    both_ways(lambda m, x, w: getattr(m, name)(x, w), [a, b])


@quiet
@few
@given(st.sampled_from(BINARY[:3]), shapes, st.sampled_from(TYPES), st.sampled_from([2, 0.5, 3, True]), st.integers(0, 99))
def test_types_with_numbers(name: str, shape: tuple, kind: str, number: Any, seed: int) -> None:
    both_ways(lambda m, x: getattr(m, name)(x, number), [filled(shape, kind, seed)])


@quiet
@few
@given(st.sampled_from(REDUCE), shapes, st.integers(-4, 3), st.integers(0, 99))
def test_reductions(name: str, shape: tuple, dim: int, seed: int) -> None:
    both_ways(lambda m, x: getattr(m, name)(x, dim=dim), [filled(shape, "float64", seed)])


@few
@given(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=3), st.data())
def test_indexing_and_assignment(shape: tuple, data: Any) -> None:
    x = filled(shape, "float64", data.draw(st.integers(0, 99)))
    items = data.draw(index_items(shape))

    def index(m: Any) -> tuple:
        return tuple(m.tensor(i) if isinstance(i, np.ndarray) else i for i in items)

    def assign(m: Any, t: Any) -> Any:
        y = t * 2
        y[index(m)] = 1.5
        y[index(m)] *= 3
        return y

    both_ways(lambda m, t: t[index(m)], [x])
    both_ways(assign, [x])


@st.composite
def index_items(draw: Any, shape: tuple) -> list:
    """An index of ints, slices, None, an ellipsis, lists, arrays and masks in any mixture."""
    items: list[Any] = []
    d = 0
    while d < len(shape):
        n = shape[d]
        kind = draw(st.sampled_from(["int", "slice", "none", "dots", "array", "list", "mask", "true", "stop"]))
        if kind == "stop":
            break
        if kind in ("none", "dots", "true"):
            if kind == "dots" and Ellipsis in [i for i in items if not isinstance(i, (np.ndarray, slice))]:
                continue
            items.append({"none": None, "dots": Ellipsis, "true": True}[kind])
            if len(items) > 6:
                break
            continue
        place = st.integers(-n, n - 1)
        items.append(draw({
            "int": place,
            "slice": st.builds(slice, st.none() | place, st.none() | place, st.sampled_from([None, 1, 2])),
            "array": hnp.arrays(np.int64, st.sampled_from([(2,), (2, 1), (1,)]), elements=place),
            "list": st.lists(place, min_size=1, max_size=2),
            "mask": hnp.arrays(np.bool_, (n,)),
        }[kind]))  # fmt: skip
        d += 1
    return items


STEPS: dict[str, Callable] = {
    "T": lambda v: v.transpose(0, -1),
    "slice": lambda v: v[::2],
    "narrow": lambda v: v.narrow(0, 0, 1),
    "flip": lambda v: v.flip(0),
}
WAYS = ("unsqueeze", *STEPS)
WRITES = ("add", "mul", "sin", "zero", "fill", "set")


@few
@given(
    shapes,
    st.lists(st.sampled_from(WAYS), max_size=3),
    st.lists(st.sampled_from(WRITES), min_size=1, max_size=3),
    st.integers(0, 99),
)
def test_writes_through_views(shape: tuple, way: list, writes: list, seed: int) -> None:
    def run(m: Any, x: Any, w: Any) -> list:
        base = x * 2
        view = base
        for step in way:
            if step == "unsqueeze":
                view = view.unsqueeze(0)
            elif view.ndim and view.shape[0]:
                view = STEPS[step](view)
        for write in writes:
            if write in ("add", "mul"):
                getattr(view, f"{write}_")(w)
            elif write == "set":
                view[...] = w
            else:
                {"sin": view.sin_, "zero": view.zero_, "fill": lambda: view.fill_(1.5)}[write]()
        return [base, view]

    both_ways(run, [filled(shape, "float64", seed), filled((), "float64", seed + 1)])
