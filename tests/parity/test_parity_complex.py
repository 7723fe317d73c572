"""Complex numbers as scripts train with them: values and gradients as PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import minigrad

BITS = np.random.default_rng(5)


def r(*size: int) -> np.ndarray:
    return BITS.standard_normal(size)


def z(*size: int) -> np.ndarray:
    return r(*size) + 1j * r(*size)


def rotary(m: Any, x: Any, weight: Any) -> Any:
    """Rotary positions, as in Llama."""
    angles = m.outer(m.arange(6).double(), 1.0 / (100.0 ** (m.arange(0, 8, 2).double() / 8)))
    turns = m.polar(m.ones_like(angles), angles)
    pairs = m.view_as_complex((x * weight).reshape(*x.shape[:-1], -1, 2))
    return m.view_as_real(pairs * turns.view(1, 6, 1, 4)).flatten(3)


def fourier_layer(m: Any, x: Any, low: Any, high: Any) -> Any:
    """A spectral convolution, as in Fourier neural operators."""
    found = m.fft.rfft2(x)
    out = m.zeros(2, 4, x.size(-2), x.size(-1) // 2 + 1, dtype=m.cdouble)
    out[:, :, :2, :3] = m.einsum("bixy,ioxy->boxy", found[:, :, :2, :3], low)
    out[:, :, -2:, :3] = m.einsum("bixy,ioxy->boxy", found[:, :, -2:, :3], high)
    return m.fft.irfft2(out, s=(x.size(-2), x.size(-1)))


def state_space(m: Any, x: Any, a: Any, c: Any, log_step: Any) -> Any:
    """A diagonal state space model by its kernel, as in S4D."""
    da = a * m.exp(log_step).unsqueeze(-1)
    powers = m.exp(da.unsqueeze(-1) * m.arange(8))
    kernel = 2 * m.einsum("hn,hnl->hl", c * (m.exp(da) - 1.0) / a, powers).real
    return m.fft.irfft(m.fft.rfft(x, n=16) * m.fft.rfft(kernel, n=16), n=16)[..., :8]


def recurrent(m: Any, x: Any, nu: Any, theta: Any, b: Any) -> Any:
    """A linear recurrent unit."""
    decay, h, ys = m.exp(m.complex(-m.exp(nu), m.exp(theta))), m.zeros(3, dtype=m.cdouble), []
    for row in x:
        h = decay * h + b @ row.to(m.cdouble)
        ys.append(h.real)
    return m.stack(ys)


def in_place(m: Any, a: Any) -> Any:
    y = a * 1
    y.mul_(2j)
    y[1] = y[0] * 3
    y += 1
    y.real.mul_(3)
    m.view_as_real(y)[2] = 7
    return y


SCRIPTS: dict[str, tuple[Callable, tuple]] = {
    "rotary": (rotary, (r(2, 6, 3, 8), r(8))),
    "FNet": (lambda m, x: m.fft.fft(m.fft.fft(x, dim=-1), dim=-2).real, (r(2, 5, 6),)),
    "FNO": (fourier_layer, (r(2, 3, 6, 7), z(3, 4, 2, 3), z(3, 4, 2, 3))),
    "S4D": (state_space, (r(4, 2, 8), z(2, 3) - 3, z(2, 3), r(2))),
    "LRU": (recurrent, (r(5, 2), r(3), r(3), z(3, 2))),
    "spectral loss": (lambda m, x, y: (m.fft.rfft(x, norm="ortho").abs() - m.fft.rfft(y, norm="ortho").abs()).abs().mean(),
                      (r(3, 16), r(3, 16))),
    "log spectrum": (lambda m, x: m.log(m.fft.fft(x).abs() ** 2 + 1e-3), (r(3, 16),)),
    "spectrogram": (lambda m, x: m.stft(x, 16, 4, 12, m.hann_window(12, dtype=m.float64), normalized=True, return_complex=True),
                    (r(2, 40),)),
    "signal of a spectrogram": (lambda m, a: m.istft(a, 16, 4, window=m.hann_window(16, dtype=m.float64), length=30),
                                (z(2, 9, 10),)),
    "convolution theorem": (lambda m, x, k: m.fft.irfft(m.fft.rfft(x, n=20) * m.fft.rfft(k, n=20), n=20), (r(3, 12), r(9))),
    "unitary": (lambda m, a, x: m.matrix_exp(a - a.mH) @ x, (z(3, 3), z(3, 2))),
    "complex layers": (lambda m, x, w, b: m.nn.functional.linear(x, w, b).tanh() + m.nn.functional.normalize(x @ w.mT),
                       (z(4, 3), z(3, 3), z(3))),
    "convolution": (lambda m, x, w: m.nn.functional.conv2d(x, w, stride=2, padding=1), (z(2, 3, 5, 5), z(4, 3, 3, 3))),
    "mixed with numbers": (lambda m, x, a: m.arange(4) * a / 2j + (1 + 2j) * x - x**2 * 1j, (r(4), z(4))),
    "in place": (in_place, (z(4),)),
    "matrices": (lambda m, a, b: m.linalg.solve(a, b) * m.linalg.det(a) + m.linalg.inv(a) @ b, (z(3, 3), z(3, 3))),
    "eigenvalues": (lambda m, x: m.linalg.eigvals(x).abs().sum() + m.linalg.eigvalsh((x - x.mT) * 1j).exp().sum(), (r(4, 4),)),
    "singular values": (lambda m, a: m.linalg.svdvals(a) + m.linalg.matrix_norm(a, "nuc") + m.linalg.norm(a), (z(3, 4),)),
    "where and cat": (lambda m, a, b: m.cat([m.where(a.abs() > 1, a, b), a.masked_fill(a.real > 0, 0)]), (z(5), z(5))),
}  # fmt: skip


@pytest.mark.parametrize("name", SCRIPTS)
def test_values_and_both_gradients(name: str) -> None:
    function, arrays = SCRIPTS[name]
    found = []
    for m, made in ((torch, torch.from_numpy), (minigrad, minigrad.from_numpy)):
        inputs = [made(a.copy()).requires_grad_() for a in arrays]
        y = function(m, *inputs)
        loss = (y.abs() ** 2).sum() if y.is_complex() else (y**3).sum()
        first = m.autograd.grad(loss, inputs, create_graph=True)
        slopes = [g for g in first if g.requires_grad]
        again = sum((g.abs() ** 2).sum() for g in slopes)
        second = m.autograd.grad(again, inputs, allow_unused=True, materialize_grads=True)
        found.append([v.detach().resolve_conj().numpy() for v in (y, *first, *second)])
    for theirs, ours in zip(*found, strict=True):
        assert theirs.dtype == ours.dtype
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-9 * max(1.0, np.abs(theirs).max(initial=0.0)))


def test_the_slope_of_the_modulus_at_zero_is_zero() -> None:
    for m in (torch, minigrad):
        a = m.tensor([0j, 3 + 4j], requires_grad=True)
        (a.abs().sum() + a.sgn().abs().sum() + a.norm() * 0).backward()
        np.testing.assert_allclose(a.grad.numpy(), [0, 0.6 + 0.8j], atol=1e-6)


@pytest.mark.parametrize(
    ("name", "options"),
    [("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}), ("Adam", {"amsgrad": True}), ("AdamW", {}),
     ("RMSprop", {"centered": True}), ("Adagrad", {"initial_accumulator_value": 0.1}), ("NAdam", {}), ("Rprop", {})],
)  # fmt: skip
def test_optimizers(name: str, options: dict) -> None:
    start, x, found = z(5, 3), z(5, 2), []
    for m, made in ((torch, torch.from_numpy), (minigrad, minigrad.from_numpy)):
        w, u = m.nn.Parameter(made(start.copy())), m.nn.Parameter(made(np.array(1 + 2j)))
        optimizer = getattr(m.optim, name)([w, u], lr=0.01, **options)
        for _ in range(5):
            optimizer.zero_grad()
            ((w.mT @ made(x) * u).abs() ** 2).mean().backward()
            m.nn.utils.clip_grad_norm_([w, u], 1.0)
            optimizer.step()
        state = optimizer.state_dict()["state"][0]
        kept = {key: tuple(v.shape) for key, v in state.items() if getattr(v, "ndim", 0)}
        found.append([w.detach().numpy(), u.detach().numpy(), kept])
    np.testing.assert_allclose(found[1][0], found[0][0], rtol=1e-9)
    np.testing.assert_allclose(found[1][1], found[0][1], rtol=1e-9)
    assert found[0][2] == found[1][2]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: m.ones(2, dtype=m.cfloat, requires_grad=True).sum().backward(), "real scalar outputs"),
        (lambda m: m.stft(m.ones(20), 8), "return_complex parameter"),
        (lambda m: m.stft(m.ones(4), 8, window=m.ones(8), center=False, return_complex=True), "0 < n_fft <"),
        (lambda m: m.stft(m.ones(20) * 1j, 8, onesided=True), "Cannot have onesided output"),
        (lambda m: m.istft(m.ones(5, 4), 8), "requires a complex-valued input"),
        (lambda m: m.istft(m.ones(5, 4) * 1j, 8, window=m.hann_window(8), center=False), "window overlap add min"),
        (lambda m: m.ones(2) @ (m.ones(2) * 1j), "type"),
        (lambda m: m.ones(2).add_(1j), "can't be cast"),
    ],
)
def test_refused_as_in_pytorch(call: Callable, words: str) -> None:
    for m in (torch, minigrad):
        with pytest.raises((RuntimeError, TypeError), match=words):
            call(m)
