"""Under autocast every op gives the type that it gives in PyTorch, and a training step the same loss and gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import minigrad

RNG = np.random.default_rng(0)
X, W, B = (RNG.standard_normal(shape, dtype=np.float32) for shape in ((4, 6), (5, 6), (5,)))
IMAGES, KERNEL = RNG.standard_normal((2, 3, 6, 6), dtype=np.float32), RNG.standard_normal((4, 3, 3, 3), dtype=np.float32)
CLASSES = np.array([0, 1, 2, 3])

# name: function of (lib, x, w, b), all float32, and h, which is x in bfloat16
OPS: dict[str, Callable] = {
    "linear": lambda lib, x, w, b, h: lib.nn.functional.linear(x, w, b),
    "matmul": lambda lib, x, w, b, h: x @ w.T,
    "mm": lambda lib, x, w, b, h: lib.mm(x, w.T),
    "addmm": lambda lib, x, w, b, h: lib.addmm(b, x, w.T),
    "baddbmm": lambda lib, x, w, b, h: lib.baddbmm(lib.zeros(1, 4, 4), x[None], x.T[None]),
    "einsum": lambda lib, x, w, b, h: lib.einsum("ij,kj->ik", x, w),
    "half and single": lambda lib, x, w, b, h: h @ w.T,
    "double": lambda lib, x, w, b, h: x.double() @ w.T.double(),
    "mv": lambda lib, x, w, b, h: lib.mv(x, x[0]),
    "dot": lambda lib, x, w, b, h: lib.dot(b, b),
    "prelu": lambda lib, x, w, b, h: lib.nn.functional.prelu(x, lib.ones(1)),
    "attention": lambda lib, x, w, b, h: lib.nn.functional.scaled_dot_product_attention(x[None], x[None], x[None]),
    "multihead": lambda lib, x, w, b, h: lib.nn.MultiheadAttention(6, 2)(x[None], x[None], x[None])[0],
    "lstm": lambda lib, x, w, b, h: lib.nn.LSTM(6, 3)(x[None])[0],
    "gru": lambda lib, x, w, b, h: lib.nn.GRU(6, 3)(x[None])[0],
    "rnn": lambda lib, x, w, b, h: lib.nn.RNN(6, 3)(x[None])[0],
    "lstm cell": lambda lib, x, w, b, h: lib.nn.LSTMCell(6, 3)(x)[0],
    "conv": lambda lib, x, w, b, h: lib.nn.functional.conv2d(lib.from_numpy(IMAGES), lib.from_numpy(KERNEL)),
    "conv transposed": lambda lib, x, w, b, h: lib.nn.functional.conv_transpose1d(x[None], lib.ones(4, 2, 3)),
    "conv of halves": lambda lib, x, w, b, h: lib.nn.Conv1d(4, 2, 3)(h[None]),
    "conv relu": lambda lib, x, w, b, h: lib.nn.Sequential(lib.nn.Conv1d(4, 2, 3), lib.nn.ReLU())(h[None]),
    "conv transposed of halves": lambda lib, x, w, b, h: lib.nn.ConvTranspose1d(4, 2, 3)(h[None]),
    "linear of halves": lambda lib, x, w, b, h: lib.nn.Linear(6, 2)(h),
    "lstm of halves": lambda lib, x, w, b, h: lib.nn.LSTM(6, 3, num_layers=2)(h[None])[0],
    "multihead of halves": lambda lib, x, w, b, h: lib.nn.MultiheadAttention(6, 2)(h[None], h[None], h[None])[0],
    "transformer": lambda lib, x, w, b, h: lib.nn.TransformerEncoderLayer(6, 2, 8)(x[None]),
    "bilinear layer": lambda lib, x, w, b, h: lib.nn.Bilinear(6, 6, 2)(x, x),
    "add": lambda lib, x, w, b, h: x + h,
    "relu": lambda lib, x, w, b, h: lib.relu(h),
    "exp": lambda lib, x, w, b, h: lib.exp(h),
    "sum": lambda lib, x, w, b, h: h.sum(),
    "softmax": lambda lib, x, w, b, h: lib.softmax(h, 1),
    "layer_norm": lambda lib, x, w, b, h: lib.nn.LayerNorm(6)(h),
    "batch_norm": lambda lib, x, w, b, h: lib.nn.BatchNorm1d(6)(h),
    "batch_norm evaluated": lambda lib, x, w, b, h: lib.nn.BatchNorm1d(6).eval()(h),
    "group_norm": lambda lib, x, w, b, h: lib.nn.GroupNorm(2, 6)(h),
    "embedding": lambda lib, x, w, b, h: lib.nn.functional.embedding(lib.from_numpy(CLASSES), w),
    "prod": lambda lib, x, w, b, h: h.prod(),
    "trace": lambda lib, x, w, b, h: h.trace(),
    "cdist": lambda lib, x, w, b, h: lib.cdist(h, h),
    "inv": lambda lib, x, w, b, h: lib.linalg.inv(h[:, :4]),
    "mse_loss": lambda lib, x, w, b, h: lib.nn.functional.mse_loss(h, h),
    "MSELoss": lambda lib, x, w, b, h: lib.nn.MSELoss()(h, h),
    "l1_loss": lambda lib, x, w, b, h: lib.nn.functional.l1_loss(h, h),
    "cross_entropy": lambda lib, x, w, b, h: lib.nn.functional.cross_entropy(h, lib.from_numpy(CLASSES)),
    "nll_loss": lambda lib, x, w, b, h: lib.nn.functional.nll_loss(h, lib.from_numpy(CLASSES)),
    "logits": lambda lib, x, w, b, h: lib.nn.functional.binary_cross_entropy_with_logits(h, h),
    "kl_div": lambda lib, x, w, b, h: lib.nn.functional.kl_div(h, h * h, reduction="sum"),
    "cat": lambda lib, x, w, b, h: lib.cat([x, h]),
    "cat of halves": lambda lib, x, w, b, h: lib.cat([h, h]),
    "stack": lambda lib, x, w, b, h: lib.stack([h, x]),
}

DRAWN = {"multihead", "lstm", "gru", "rnn", "lstm cell", "conv of halves", "conv relu", "conv transposed of halves",
         "transformer",          "linear of halves", "lstm of halves", "multihead of halves", "bilinear layer"}  # fmt: skip


def run(lib: Any, name: str, dtype: str) -> Any:
    x, w, b = (lib.from_numpy(a) for a in (X, W, B))
    with lib.autocast("cpu", dtype=getattr(lib, dtype)):
        return OPS[name](lib, x, w, b, x.to(getattr(lib, dtype)))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", OPS)
def test_types(name: str, dtype: str) -> None:
    if dtype == "float16" and name in ("lstm", "lstm of halves", "rnn"):
        pytest.skip("PyTorch's recurrent layers on the CPU know no float16")
    ours, theirs = run(minigrad, name, dtype), run(torch, name, dtype)
    assert str(ours.dtype).split(".")[-1] == str(theirs.dtype).split(".")[-1]
    if name not in DRAWN:  # those draw weights of their own
        tolerance = dict(rtol=0.03, atol=0.03) if name != "inv" else dict(rtol=0.2, atol=0.1)
        np.testing.assert_allclose(ours.detach().float().numpy(), theirs.detach().float().numpy(), **tolerance)


def trained(lib: Any) -> list[np.ndarray]:
    """Losses of three steps, and the parameters after them, in mixed precision."""
    nn, rng = lib.nn, np.random.default_rng(1)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 5), nn.LayerNorm(5))
    with lib.no_grad():
        for p in model.parameters():
            p.copy_(lib.from_numpy(rng.uniform(-0.3, 0.3, tuple(p.shape)).astype(np.float32)))
    optimizer, losses = lib.optim.SGD(model.parameters(), lr=0.1), []
    for _ in range(3):
        optimizer.zero_grad()
        with lib.autocast("cpu", dtype=lib.bfloat16):
            y = model(lib.from_numpy(IMAGES))
            loss = nn.functional.cross_entropy(y, lib.from_numpy(CLASSES[:2]))
        assert y.dtype == lib.bfloat16
        loss.backward()
        assert all(p.grad.dtype == lib.float32 for p in model.parameters())
        optimizer.step()
        losses.append(loss.detach().numpy())
    return [*losses, *(p.detach().numpy() for p in model.parameters())]


def test_training() -> None:
    for ours, theirs in zip(trained(minigrad), trained(torch), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0.02, atol=0.02)


def test_scaler() -> None:
    """The factor moves as PyTorch's does, over finite steps and others."""
    scales = []
    for lib in (minigrad, torch):
        p = lib.nn.Parameter(lib.ones(3))
        optimizer = lib.optim.SGD([p], lr=0.5)
        scaler = lib.amp.GradScaler("cpu", init_scale=8.0, growth_interval=2)
        seen = []
        for k in range(8):
            optimizer.zero_grad()
            loss = (p * (float("inf") if k in (3, 6) else 1.0)).sum()
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            seen.append((scaler.get_scale(), p.detach().tolist(), scaler.state_dict()))
        scales.append(seen)
    assert scales[0] == scales[1]
