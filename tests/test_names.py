"""Further names of PyTorch that scripts and tutorials use: what each gives, by other means."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad
from minigrad.backends import ShapeError


def test_parts_and_sums_of_a_shape_are_shapes() -> None:
    shape = minigrad.zeros(2, 3, 4).shape
    for part in (shape[1:], shape[:-1], shape + (1,), (1,) + shape, shape * 2, 2 * shape):
        assert type(part) is minigrad.Size
    assert shape[1:].numel() == 12 and shape[0] == 2 and ((1,) + shape).numel() == 24
    assert repr(minigrad.broadcast_shapes((2,), (3, 1), (1, 1, 1))) == "minigrad.Size([1, 3, 2])"


def test_windows_of_signals_have_requires_grad_and_speak_for_themselves() -> None:
    windows = minigrad.signal.windows
    assert windows.hann(5).tolist() == minigrad.hann_window(5, periodic=False).tolist()
    assert windows.gaussian(5, requires_grad=True).requires_grad
    with pytest.raises(ShapeError, match="^hann: "):
        windows.hann(-1)
    with pytest.raises(TypeError, match=r"^hann: .* int, got float 3\.5"):
        windows.hann(3.5)


def test_istft_is_the_inverse_of_stft() -> None:
    x, window = minigrad.randn(2, 50, dtype="float64"), minigrad.hann_window(12, dtype="float64")
    spectrum = x.stft(12, 4, window=window, return_complex=True)
    assert spectrum.shape == (2, 7, 13)
    assert minigrad.allclose(spectrum.istft(12, 4, window=window, length=50), x)
    by_hand = minigrad.fft.rfft(minigrad.nn.functional.pad(x, (6, 6), "reflect")[1, 8:20] * window)
    assert np.allclose(spectrum[1, :, 2].numpy(), by_hand.numpy())
