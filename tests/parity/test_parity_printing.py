"""A tensor is printed as PyTorch prints it, under any print options; only the library's name differs."""

from __future__ import annotations

import pickle
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import minigrad

RNG = np.random.default_rng(0)
INF, NAN = float("inf"), float("nan")
LISTS: list[Any] = [
    1.0, -2.5, 1e-5, 1e9, 12345.678, 0.0, -0.0, INF, NAN, True, 7, -3, [INF, 0.0], [NAN, 1.0], [-INF, 0.5], [-0.0, 2.0],
    [1e8, 1.0], [1.0, 1001.0], [2e8, 1e8], [1e-5, 1e-4], [], [[]], [True, False], [[1, -20], [300, 4]], [1e10, INF],
    [0.1, 2000.0], 2 - 1j, [1 + 2j, 3 - 0.5j],
]  # fmt: skip
ARRAYS = [RNG.standard_normal(shape, dtype=np.float32) * size for size in (1e-6, 0.1, 1, 100, 1e5)
          for shape in ((5,), (30,), (2, 3), (8, 9), (1, 2, 3, 4), (40, 30), (3, 2, 13, 30))]  # fmt: skip
ARRAYS += [ARRAYS[5].round(), np.zeros((2, 30), dtype=np.float32), np.arange(1001), np.arange(2400).reshape(2, 3, 4, 100),
           np.zeros((0, 3), dtype=np.float32), np.zeros(0, dtype=np.int64), np.ones((7,) * 4, dtype=np.uint8)]  # fmt: skip
OPTIONS: dict[str, dict] = {
    "as it is": {}, "two digits": {"precision": 2}, "never scientific": {"sci_mode": False}, "scientific": {"sci_mode": True},
    "short": {"profile": "short"}, "wide": {"linewidth": 120, "edgeitems": 2, "threshold": 20},
}  # fmt: skip


def printed(lib: ModuleType, options: dict) -> list[str]:
    lib.set_printoptions(**options)
    try:
        tensors = [lib.tensor(values) for values in LISTS] + [lib.from_numpy(array.copy()) for array in ARRAYS]
        tensors += [lib.from_numpy(array.copy()).requires_grad_() for array in ARRAYS if array.dtype == np.float32]
        tensors += [lib.tensor([1.5, 0.0], dtype=dtype) for dtype in (lib.float64, lib.float16, lib.bfloat16)]
        return [str(t) for t in tensors] + [f"{t}" for t in tensors if not t.ndim]
    finally:
        lib.set_printoptions(profile="default")


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_tensor_is_printed_as_pytorch_prints_it(options: dict) -> None:
    for ours, theirs in zip(printed(minigrad, options), printed(torch, options), strict=True):
        assert ours == theirs.replace("torch.", "minigrad.")


def test_the_default_type_is_not_printed() -> None:
    def shown(lib: Any) -> str:
        lib.set_default_dtype(lib.float64)
        try:
            return f"{lib.ones(2)} {lib.ones(2, dtype=lib.float32)} {lib.zeros(0)} {lib.ones(1, dtype=lib.complex64)}"
        finally:
            lib.set_default_dtype(lib.float32)

    assert shown(minigrad) == shown(torch).replace("torch.", "minigrad.")


def test_several_results_are_named_and_printed_as_pytorch_does() -> None:
    def shown(lib: Any) -> list[str]:
        x = lib.tensor([[3.0, 1.0, 2.0], [4.0, 6.0, 5.0]], dtype=lib.float64)
        a = lib.tensor([[2.0, 0.0], [0.0, 1.0]], dtype=lib.float64)
        found = [getattr(x, name)(1) for name in "max min sort topk kthvalue median nanmedian mode cummax cummin".split()]
        found += [lib.aminmax(x), lib.histogram(x, 2), lib.linalg.eigh(a), lib.linalg.lu_factor(a), lib.linalg.inv_ex(a)]
        assert [type(r) for r in found] == [getattr(lib.return_types, type(r).__name__) for r in found]
        assert all(isinstance(r, tuple) and r[0] is next(iter(r)) for r in found) and found[0].values is found[0][0]
        return [str(r) for r in found]

    assert shown(minigrad) == [text.replace("torch.", "minigrad.") for text in shown(torch)]


def test_several_results_can_be_pickled() -> None:
    kept = pickle.loads(pickle.dumps(minigrad.tensor([1.0, 3.0]).topk(1)))
    assert type(kept) is minigrad.return_types.topk and kept.values.tolist() == [3.0] and kept.indices.tolist() == [1]
