"""Further names of PyTorch, beside PyTorch: windows, copies, transforms, special functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad

from .beside import torch

# -- windows -----------------------------------------------------------------------------------------------------------------

WINDOWS: list[tuple[str, dict[str, Any]]] = [
    ("bartlett", {}), ("blackman", {}), ("cosine", {}), ("exponential", {}), ("exponential", {"tau": 3.0}), ("gaussian", {}),
    ("gaussian", {"std": 2.0}), ("general_cosine", {"a": [0.46, 0.23, 0.31]}), ("general_hamming", {}), ("hamming", {}),
    ("general_hamming", {"alpha": 0.7}), ("hann", {}), ("kaiser", {}), ("kaiser", {"beta": 3.0}), ("nuttall", {}),
]  # fmt: skip


@pytest.mark.parametrize("sym", [True, False])
@pytest.mark.parametrize(("name", "options"), WINDOWS)
def test_windows(name: str, options: dict, sym: bool) -> None:
    for n in (0, 1, 2, 7, 10):
        got = getattr(minigrad.signal.windows, name)(n, sym=sym, dtype=minigrad.float64, **options)
        want = getattr(torch.signal.windows, name)(n, sym=sym, dtype=torch.float64, **options)
        np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize(
    "call",
    [
        lambda m: m.exponential(3, center=1.0), lambda m: m.exponential(3, tau=0), lambda m: m.gaussian(3, std=-1),
        lambda m: m.general_cosine(3, a=[]), lambda m: m.kaiser(3, beta=-1), lambda m: m.hann(-1),
        lambda m: m.hann(3, dtype="int64"), lambda m: m.hann(3, True), lambda m: m.general_cosine(3, a=1),
    ],
)  # fmt: skip
def test_windows_refuse_what_pytorch_refuses(call: Any) -> None:
    for module in (minigrad, torch):
        with pytest.raises((ValueError, TypeError)):
            call(module.signal.windows)
