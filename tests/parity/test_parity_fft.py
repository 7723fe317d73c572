"""Fourier transforms beside PyTorch, and beside their definition as a sum."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad

from .alike import compare, drawn, tensors, torch

ONE = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
SEVERAL = ("fft2", "ifft2", "rfft2", "irfft2", "fftn", "ifftn", "rfftn", "irfftn", "hfft2", "ihfft2", "hfftn", "ihfftn")
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "one": [{}, {"n": 3}, {"n": 8, "dim": 0}, {"dim": 1, "norm": "ortho"}, {"norm": "forward"}, {"norm": "backward"}],
    "several": [{}, {"s": (3, 8)}, {"dim": (1, 0)}, {"dim": 0}, {"s": (-1, 3), "dim": (0, 2), "norm": "ortho"},
                {"norm": "forward"}],
}  # fmt: skip
CALLS = [(name, o) for name in ONE for o in OPTIONS["one"]] + [(name, o) for name in SEVERAL for o in OPTIONS["several"]]
PRECISE = {"float32": 2e-6, "float64": 1e-13, "complex64": 2e-6, "complex128": 1e-13, "int64": 2e-6, "bool": 2e-6}


@pytest.mark.parametrize("dtype", PRECISE)
@pytest.mark.parametrize(("name", "options"), CALLS, ids=lambda x: str(x))
def test_as_in_pytorch(name: str, options: dict[str, Any], dtype: str) -> None:
    x = 3 * drawn(4, 5, 6)
    x = (x + 1j * drawn(4, 5, 6, seed=1) if dtype.startswith("complex") else x).astype(dtype)
    if dtype.startswith("complex") and name.startswith(("rfft", "ihfft")):
        with pytest.raises(TypeError, match=f"fft.{name}: not possible for minigrad.{dtype}"):
            getattr(minigrad.fft, name)(minigrad.tensor(x), **options)
        return
    got = getattr(minigrad.fft, name)(minigrad.tensor(x), **options).numpy()
    want = getattr(torch.fft, name)(torch.tensor(x), **options).resolve_conj().numpy()
    assert got.dtype == want.dtype and got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=PRECISE[dtype], atol=PRECISE[dtype] * max(np.abs(want).max(), 1))


@pytest.mark.parametrize("n", [1, 2, 7, 8])
def test_a_transform_is_its_sum_and_its_inverse_takes_it_back(n: int) -> None:
    x = drawn(n) + 1j * drawn(n, seed=1)
    k = np.arange(n)
    by_hand = np.exp(-2j * np.pi * np.outer(k, k) / n) @ x
    y = minigrad.fft.fft(minigrad.tensor(x))
    np.testing.assert_allclose(y.numpy(), by_hand, atol=1e-12)
    np.testing.assert_allclose(minigrad.fft.ifft(y).numpy(), x, atol=1e-13)
    back = minigrad.fft.irfft(minigrad.fft.rfft(minigrad.tensor(x.real)), n=n)
    np.testing.assert_allclose(back.numpy(), x.real, atol=1e-13)
    for d in (1.0, 0.1):
        for name in ("fftfreq", "rfftfreq"):
            np.testing.assert_allclose(getattr(minigrad.fft, name)(n, d).numpy(), getattr(np.fft, name)(n, d), rtol=1e-6)


def test_a_filter_and_a_convolution() -> None:
    a, b = drawn(16), drawn(16, seed=1)
    spectrum = minigrad.fft.fft(minigrad.tensor(a)) * minigrad.fft.fft(minigrad.tensor(b))
    circular = [sum(a[j] * b[(i - j) % 16] for j in range(16)) for i in range(16)]
    np.testing.assert_allclose(minigrad.fft.ifft(spectrum).real.numpy(), circular, atol=1e-12)
    low = minigrad.fft.rfft(minigrad.tensor(a)) * (minigrad.fft.rfftfreq(16) < 0.2)
    want = np.fft.irfft(np.fft.rfft(a) * (np.fft.rfftfreq(16) < 0.2))
    np.testing.assert_allclose(minigrad.fft.irfft(low).numpy(), want, atol=1e-12)


@pytest.mark.parametrize("dim", [None, 0, (0, 1), -1])
def test_shifts_have_gradients(dim: Any) -> None:
    for name in ("fftshift", "ifftshift"):
        ours, theirs = tensors([drawn(4, 5)])
        compare(getattr(minigrad.fft, name)(*ours, dim), getattr(torch.fft, name)(*theirs, dim), ours, theirs)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: m.fft.fft(m.ones(3), n=0), "Invalid number of data points"),
        (lambda m: m.fft.fft(m.ones(3), n=2.5), "a size must be"),
        (lambda m: m.fft.irfft(m.ones(1)), "Invalid number of data points"),
        (lambda m: m.fft.fft(m.ones(3), dim=1), "Dimension out of range"),
        (lambda m: m.fft.fft2(m.ones(3, 3), dim=(0, 0)), "dims must be unique"),
        (lambda m: m.fft.fft2(m.ones(3, 3), s=(3,)), "one size for each"),
        (lambda m: m.fft.fftn(m.ones(3), s=(3, 3)), "only 1 dimensions"),
        (lambda m: m.fft.fft(m.ones(3), norm="none"), "norm must be"),
        (lambda m: m.fft.rfft(m.ones(3) * 1j), "not possible for"),
        (lambda m: m.fft.fft(m.ones(3).half()), "not possible for"),
    ],
)
def test_refused_as_in_pytorch(call: Any, words: str) -> None:
    with pytest.raises((RuntimeError, IndexError, TypeError)):
        call(torch)
    with pytest.raises((RuntimeError, IndexError, TypeError), match=words):
        call(minigrad)


def test_each_example_alone() -> None:
    batch = minigrad.vmap(minigrad.fft.rfft)(minigrad.ones(3, 4))
    assert batch.shape == (3, 3) and batch.real[:, 0].tolist() == [4, 4, 4]
