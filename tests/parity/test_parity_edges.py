"""Documented arguments at their edges beside PyTorch: sizes of one that stand for many, empty inputs, small integer types."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import minigrad

from .alike import compare, drawn, same, tensors, torch, whole

CALLS = {  # what is called, and with which arrays
    "cosine_similarity along a size of one": (
        lambda m, a, b: m.nn.functional.cosine_similarity(a, b, dim=-2), drawn(1, 2, 3), drawn(2, 1, 3)),
    "cosine_similarity with fewer dimensions": (
        lambda m, a, b: m.nn.functional.cosine_similarity(a, b, dim=0), drawn(2, 3), drawn(3)),
    "cosine_similarity of numbers": (lambda m, a, b: m.nn.functional.cosine_similarity(a, b, dim=0), drawn(), drawn(seed=1)),
    "cov of one variable": (lambda m, a: m.cov(a), drawn(1, 4)),
    "corrcoef of one variable": (lambda m, a: m.corrcoef(a), drawn(1, 4)),
    "diff of order 0": (lambda m, a, b: m.diff(a, 0, prepend=b), drawn(3, 4), drawn(3, 1)),
    "gradient without spacing": (lambda m, a: m.gradient(a, spacing=None, dim=None), drawn(4, 5)),
    "aminmax beside an empty dimension": (lambda m, a: m.aminmax(a, dim=0), drawn(3, 0, 2)),
    "take_along_dim, the input repeated": (lambda m, a, i: m.take_along_dim(a, i, 1), drawn(1, 5), whole(5, 4, 2)),
    "take_along_dim, indices repeated": (lambda m, a, i: m.take_along_dim(a, i, 1), drawn(4, 5), whole(5, 1, 2)),
    "take_along_dim from the end": (lambda m, a, i: m.take_along_dim(a, i, -1), drawn(4, 5), whole(5, 4, 5) - 5),
    "tensordot over a size of one": (lambda m, a, b: m.tensordot(a, b, ([0, 2], [1, 0])), drawn(1, 2, 3), drawn(3, 4, 2)),
    "unflatten of nothing": (lambda m, a: a.unflatten(1, (2, 0, 3)), drawn(4, 0)),
    "group_norm of nothing": (lambda m, a: m.nn.functional.group_norm(a, 1), drawn(0, 2)),
    "gaussian_nll_loss, one target": (
        lambda m, a, t, v: m.nn.functional.gaussian_nll_loss(a, t, v.exp()), drawn(4, 3), drawn(1, 3), drawn(4, 1)),
    "gaussian_nll_loss, one variance": (
        lambda m, a, t, v: m.nn.functional.gaussian_nll_loss(a, t, v.exp()), drawn(4, 3), drawn(4, 1), drawn(1, 3)),
    "tensorsolve with other sizes": (
        lambda m, a, b: m.linalg.tensorsolve(a, b, dims=(0, 2)), drawn(2, 3, 6), drawn(2, 3)),
    "cholesky_ex of nothing": (lambda m, a: m.linalg.cholesky_ex(a)[0], drawn(0, 3, 3)),
    "attention with a flat key bias": (
        lambda m, x, w, b, k: m.nn.functional.multi_head_attention_forward(
            x, x, x, 4, 2, w, None, b, k, False, 0.0, w[:4], None)[0],
        drawn(3, 2, 4), drawn(12, 4), drawn(4), drawn(4, seed=1)),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_as_in_pytorch(name: str) -> None:
    call, *arrays = CALLS[name]
    ours, theirs = tensors(arrays)
    compare(call(minigrad, *ours), call(torch, *theirs), ours, theirs, second=False)


WHOLE = {  # of integers: the type of the result
    "relu6": lambda m, x: m.nn.functional.relu6(x),
    "hardtanh": lambda m, x: m.nn.functional.hardtanh(x, -1.5, 2.5),
    "log_ndtr": lambda m, x: m.special.log_ndtr(x),
    "xlog1py": lambda m, x: m.special.xlog1py(x, x.abs()),
    "poisson_nll_loss": lambda m, x: m.nn.functional.poisson_nll_loss(x, x.abs(), full=True),
    "cumprod": lambda m, x: m.cumprod(x, 0, dtype=m.int32),
    "cumprod of bytes": lambda m, x: m.cumprod(x.abs(), 0, dtype=m.uint8),
    "cummax": lambda m, x: m.cummax(x.short(), 0)[0],
    "tensordot": lambda m, x: m.tensordot(x[:1].byte(), x.abs().byte(), ([0], [0])),
    "matrix_rank, a limit for each": lambda m, x: m.linalg.matrix_rank(
        m.diag_embed(m.stack([x, x]).double()), atol=m.tensor([0.5, 4.5], dtype=m.float64)),
    "matrix_rank, relative limits": lambda m, x: m.linalg.matrix_rank(
        m.diag_embed(m.stack([x, x]).double()), rtol=m.tensor([0.1, 0.7], dtype=m.float64)),
    "linspace, below 0": lambda m, x: m.linspace(-2, -3, 7, dtype=m.int64),
    "linspace between floats": lambda m, x: m.linspace(4.3, 0, 10, dtype=m.int32),
    "logspace": lambda m, x: m.logspace(0, 1.2, 4, dtype=m.int64),
    "complex numbers as pairs": lambda m, x: m.view_as_real(m.view_as_complex(m.stack([x, x + 1], -1).float()) ** 2),
    "ger and newaxis": lambda m, x: m.ger(x, x)[m.newaxis],
    "histogram": lambda m, x: x.float().histogram(4)[0],
    "masked_fill of bytes from the end": lambda m, x: x.abs().byte().masked_fill(x > 1, -3),
    "masked_fill with infinity": lambda m, x: x.half().masked_fill(x > 1, -float("inf")),
    "polynomials of a fractional degree": lambda m, x: m.special.hermite_polynomial_h(
        x.float(), m.tensor([0.5, 1, 2.7, 3, -1.2])),
    "a cast with a memory format": lambda m, x: x.float(memory_format=m.preserve_format),
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
def test_integers_as_in_pytorch(name: str) -> None:
    x = np.array([-3, 1, 9, 2, 5])
    same(WHOLE[name](minigrad, minigrad.tensor(x)), WHOLE[name](torch, torch.tensor(x)))


REFUSED: dict[str, Any] = {
    "gradient: a dimension appears several": lambda m: m.gradient(m.ones(3, 3), dim=(1, 1)),
    "gradient: expected a spacing for each": lambda m: m.gradient(m.ones(3, 3), spacing=[0.1], dim=(1, 0)),
    "aminmax: expected a non-empty": lambda m: m.aminmax(m.ones(3, 0), dim=1),
    "take_along_dim: expected indices with 2": lambda m: m.take_along_dim(m.ones(3, 2), m.zeros(2, dtype=m.int64), 1),
    "unflatten: sizes": lambda m: m.ones(4, 3).unflatten(1, (2, 0)),
    "tensordot: paired dimensions": lambda m: m.tensordot(m.ones(2, 3), m.ones(3, 3), ([0], [0])),
    "view_as_complex: Tensor must have a last dimension": lambda m: m.view_as_complex(m.ones(3)),
    "view_as_real: expected complex": lambda m: m.view_as_real(m.ones(2)),
    "masked_fill: value cannot be converted to minigrad.float16": lambda m: m.ones(3).half().masked_fill(m.ones(3) > 0, -1e9),
    "masked_fill: value cannot be converted to minigrad.int8": lambda m: m.ones(3).char().masked_fill(m.ones(3) > 0, 300),
    "masked_fill: value cannot be converted to minigrad.float32": lambda m: m.ones(3).masked_fill(m.ones(3) > 0, 1j),
    "masked_fill: value cannot be converted to minigrad.int64": lambda m: m.ones(3).long().masked_fill(m.ones(3) > 0, math.inf),
    "target must have one shape": lambda m: m.nn.functional.gaussian_nll_loss(m.ones(4, 3), m.ones(2, 3), m.ones(4, 3)),
}


@pytest.mark.parametrize("words", REFUSED)
def test_refused_as_in_pytorch(words: str) -> None:
    with pytest.raises((RuntimeError, IndexError)):
        REFUSED[words](torch)
    with pytest.raises((RuntimeError, ValueError, IndexError), match=words):
        REFUSED[words](minigrad)


def test_pixels_of_nothing() -> None:
    assert minigrad.nn.functional.pixel_shuffle(minigrad.ones(2, 0, 3, 2), 2).shape == (2, 0, 6, 4)
    assert minigrad.nn.functional.pixel_unshuffle(minigrad.ones(2, 3, 0, 2), 2).shape == (2, 12, 0, 1)


def test_memory_of_the_accelerator_is_asked_as_that_of_cuda() -> None:
    for name in ("memory_allocated", "max_memory_allocated", "memory_reserved", "max_memory_reserved"):
        assert getattr(minigrad.accelerator, name)() == getattr(minigrad.cuda, name)()
    assert {"empty_cache", "reset_peak_memory_stats", "get_memory_info"} <= set(dir(minigrad.accelerator))
