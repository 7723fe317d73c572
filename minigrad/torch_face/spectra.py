"""Short-time Fourier transforms: `stft` and `istft`, spectra of windows that step along a signal."""

from __future__ import annotations

from ..backends import ShapeError
from ..backends.source import advise
from ..core import Tensor
from ..nn.functional import pad
from ..ops.compose import unfold
from ..ops.create import ones
from ..ops.fourier import fft, ifft, irfft, rfft
from ..ops.operands import tensor_of
from ..ops.pieces import view_as_real
from ..ops.shape import expand, narrow, reshape, transpose, unfold_adjoint


def window_of(who: str, x: Tensor, n_fft: int, win_length: int | None, window: Tensor | None) -> Tensor:
    """A window, of ones unless given, filled up with zeros on both sides to n_fft."""
    n = n_fft if win_length is None else win_length
    if not 0 < n <= n_fft:
        raise ShapeError(f"{who}: expected 0 < win_length <= n_fft, got win_length={n} and n_fft={n_fft}")
    if window is not None and tuple(window.shape) != (n,):
        raise ShapeError(f"{who}: expected a 1D window tensor of size equal to win_length={n}, got shape {tuple(window.shape)}")
    found = ones(n, dtype=x.real.dtype, device=x.device) if window is None else window
    before = (n_fft - n) // 2
    return pad(found, (before, n_fft - n - before)) if n < n_fft else found


def step_of(who: str, n_fft: int, hop_length: int | None) -> int:
    """How far windows lie apart: a quarter of their length unless given."""
    hop = n_fft // 4 if hop_length is None else hop_length
    if hop <= 0:
        raise ShapeError(f"{who}: expected hop_length > 0, got {hop}")
    return hop


def stft(
    input: Tensor, n_fft: int, hop_length: int | None = None, win_length: int | None = None, window: Tensor | None = None,
    center: bool = True, pad_mode: str = "reflect", normalized: bool = False, onesided: bool | None = None,
    return_complex: bool | None = None, align_to_window: bool | None = None,
) -> Tensor:  # fmt: skip
    """X[k, t] = sum over j of window[j] input[t hop_length + j] exp(-2 pi i j k / n_fft); (..., L) -> (..., N, T).

    With `center` the signal is padded by n_fft // 2 at both ends first, so that window t is around t hop_length. `onesided`
    (for real numbers unless told otherwise) gives the first n_fft // 2 + 1 frequencies only, `normalized` divides by
    sqrt(n_fft). `return_complex` must be given for real numbers; False gives real and imaginary parts in a last dimension.
    Source: Allen & Rabiner 1977.
    """
    x = tensor_of("stft", input)
    real = not x.dtype.is_complex and not (window is not None and window.dtype.is_complex)
    if return_complex is None:
        if real:
            raise RuntimeError("stft: requires the return_complex parameter be given for real inputs. Hint: "
                               "return_complex=True")  # fmt: skip
        return_complex = True
    if x.ndim not in (1, 2) or not x.dtype.is_inexact:
        raise ShapeError(f"stft: expected a 1D or 2D tensor of floating or complex values, got {x.dtype!r} {tuple(x.shape)}")
    if align_to_window is not None and center:
        raise ValueError("stft: align_to_window should only be set when center = false")
    shape, x = tuple(x.shape[:-1]), reshape(x, (-1, x.shape[-1]))
    if center:
        x = reshape(pad(reshape(x, (1, *x.shape)), (n_fft // 2, n_fft // 2), mode=pad_mode), (x.shape[0], -1))
    if not 0 < n_fft <= x.shape[-1]:
        raise ShapeError(f"stft: expected 0 < n_fft <= {x.shape[-1]}, the length of the signal, got n_fft={n_fft}")
    hop, frame = step_of("stft", n_fft, hop_length), window_of("stft", x, n_fft, win_length, window)
    if align_to_window and win_length is not None and win_length < n_fft:
        before = (n_fft - win_length) // 2
        x = pad(x, (before, n_fft - win_length - before))
    frames = unfold(x, -1, n_fft, hop) * frame
    onesided = real if onesided is None else onesided
    if onesided and not real:
        raise RuntimeError("stft: Cannot have onesided output if window or input is complex")
    norm = "ortho" if normalized else "backward"
    y = transpose(rfft(frames, norm=norm) if onesided else fft(frames, norm=norm), -1, -2)
    y = reshape(y, (*shape, *y.shape[-2:]))
    return y if return_complex else view_as_real(y)


def istft(
    input: Tensor, n_fft: int, hop_length: int | None = None, win_length: int | None = None, window: Tensor | None = None,
    center: bool = True, normalized: bool = False, onesided: bool | None = None, length: int | None = None,
    return_complex: bool = False,
) -> Tensor:  # fmt: skip
    """The signal whose `stft` comes closest to `input`, in the sense of least squares; (..., N, T) -> (..., L).

    The frames' inverse transforms times the window, added up where they lie, over the sum of the windows' squares there.
    Raises RuntimeError where that is 0. Source: Griffin & Lim 1984, Signal estimation from modified short-time Fourier
    transform, eq. 6.
    """
    x = tensor_of("istft", input)
    if not x.dtype.is_complex:
        raise RuntimeError("istft: requires a complex-valued input tensor matching the output from stft with "
                           "return_complex=True")  # fmt: skip
    if x.ndim not in (2, 3) or not x.array.size:
        raise ShapeError(f"istft: expected (frequencies, frames) or (batch, frequencies, frames), got {tuple(x.shape)}")
    onesided = x.shape[-2] != n_fft if onesided is None else onesided
    if x.shape[-2] != (n_fft // 2 + 1 if onesided else n_fft):
        raise ShapeError(f"istft: expected {n_fft // 2 + 1 if onesided else n_fft} frequencies for n_fft={n_fft} and "
                         f"onesided={onesided}, got {x.shape[-2]}")  # fmt: skip
    if return_complex and onesided:
        raise RuntimeError("istft: cannot have onesided output if window or input is complex. Hint: onesided=False")
    hop, frame = step_of("istft", n_fft, hop_length), window_of("istft", x, n_fft, win_length, window)
    if hop > (n_fft if win_length is None else win_length):
        raise ShapeError(f"istft: expected 0 < hop_length <= win_length, got {hop}")
    norm = "ortho" if normalized else "backward"
    frames = transpose(x, -1, -2)
    if return_complex:
        frames = ifft(frames, norm=norm)
    else:  # of all frequencies the first half says it
        frames = irfft(narrow(frames, -1, 0, n_fft // 2 + 1), n=n_fft, norm=norm)
    total = n_fft + hop * (frames.shape[-2] - 1)

    def laid(parts: Tensor) -> Tensor:
        """Frames (..., T, n_fft) added up where they lie in the signal."""
        lead = tuple(parts.shape[:-2])
        return unfold_adjoint(parts, shape=(*lead, total), dim=len(lead), step=hop)

    signal = laid(frames * frame)
    weight = laid(expand(frame * frame, (x.shape[-1], n_fft)))
    start = n_fft // 2 if center else 0
    end = start + length if length is not None else total - n_fft // 2 if center else total
    short = end - total
    end = min(end, total)
    signal, weight = narrow(signal, -1, start, end - start), narrow(weight, -1, start, end - start)
    least = float(weight.detach().abs().min())
    if not least > 1e-11:
        raise RuntimeError(f"istft: window overlap add min: {least:g}: the windows leave places of the signal uncovered")
    signal = signal / weight
    if short > 0:
        advise("istft: The length of signal is shorter than the length parameter. Result is being padded with zeros.")
        signal = pad(signal, (0, short))
    return signal


SPECTRA = {"stft": stft, "istft": istft}
