"""Spectra of a signal over time: `stft`, the Fourier transforms of its windows, and `istft`, which puts it together again."""

from __future__ import annotations

from ..backends import DTypeError, ShapeError
from ..backends.source import advise
from ..core import Tensor
from ..nn.functional import pad
from ..ops.create import ones
from ..ops.fourier import fft, ifft, irfft, rfft
from ..ops.operands import tensor_of, whole
from ..ops.pieces import view_as_real
from ..ops.shape import unfold_adjoint


def settings(who: str, n_fft: int, hop_length: int | None, win_length: int | None, window: Tensor | None, x: Tensor) -> tuple:
    """(hop, win, window filled up with 0 to n_fft). Raises ShapeError for what does not go together."""
    hop = whole(who, "n_fft", n_fft) // 4 if hop_length is None else whole(who, "hop_length", hop_length)
    win = n_fft if win_length is None else whole(who, "win_length", win_length)
    if hop < 1 or not 0 < win <= n_fft:
        raise ShapeError(f"{who}: expected hop_length > 0 and 0 < win_length <= n_fft = {n_fft}, got {hop} and {win}")
    if window is None:
        window = ones(win, dtype="float64" if x.dtype.name in ("float64", "complex128") else "float32", device=x.device)
        if win > 1:
            advise(f"{who}: a window was not provided. A rectangular window is taken, which is known to cause spectral "
                   "leakage. Hint: window=minigrad.hann_window(n_fft)")  # fmt: skip
    if tuple(tensor_of(who, window, "window").shape) != (win,):
        raise ShapeError(f"{who}: expected a 1D window tensor of size win_length = {win}, got shape {tuple(window.shape)}")
    left = (n_fft - win) // 2
    return hop, win, pad(window, (left, n_fft - win - left)) if win < n_fft else window


def stft(
    input: Tensor, n_fft: int, hop_length: int | None = None, win_length: int | None = None, window: Tensor | None = None,
    center: bool = True, pad_mode: str = "reflect", normalized: bool = False, onesided: bool | None = None,
    return_complex: bool | None = None, align_to_window: bool | None = None,
) -> Tensor:  # fmt: skip
    """The Fourier transforms of windows of a signal, `hop_length` (n_fft // 4) apart: X[f, t] = sum_k window[k]
    x[t hop + k] exp(-2 pi i f k / n_fft).

    (L) -> (N, T), (B, L) -> (B, N, T), with N = n_fft // 2 + 1 frequencies, or all n_fft unless `onesided` (as is what is not
    real). `center` first pads n_fft // 2 to both ends, so that frame t is around t hop; `normalized` divides by sqrt n_fft.
    Raises RuntimeError for real input without `return_complex`; with False the last dimension is real and imaginary part.
    """
    x = tensor_of("stft", input)
    if not (x.dtype.is_floating_point or x.dtype.is_complex):
        raise DTypeError(f"stft: expected a tensor of floating point or complex values, got {x.dtype!r}. Hint: .float()")
    if x.ndim not in (1, 2):
        raise ShapeError(f"stft: expected a 1D or 2D tensor, got shape {tuple(x.shape)}")
    if center and align_to_window is not None:
        raise RuntimeError("stft: align_to_window should only be set when center is False")
    is_complex = x.dtype.is_complex or (window is not None and window.dtype.is_complex)
    if return_complex is None and not is_complex:
        raise RuntimeError("stft: requires the return_complex parameter be given for real inputs. Hint: return_complex=True")
    if onesided and is_complex:
        raise RuntimeError("stft: Cannot have onesided output if window or input is complex")
    hop, win, shape = settings("stft", n_fft, hop_length, win_length, window, x)
    rows = x.reshape(-1, x.shape[-1])
    around = n_fft // 2 if center else (n_fft - win) // 2 if align_to_window else 0
    if around:
        rows = pad(rows, (around, around), pad_mode if center else "constant")
    if not 0 < n_fft <= rows.shape[-1]:
        raise ShapeError(f"stft: expected 0 < n_fft <= {rows.shape[-1]}, the length of the signal, got {n_fft}")
    frames = rows.unfold(-1, n_fft, hop) * shape
    norm = "ortho" if normalized else None
    y = fft(frames, norm=norm) if is_complex or onesided is False else rfft(frames, norm=norm)
    y = y.transpose(1, 2).reshape(*x.shape[:-1], y.shape[2], y.shape[1])
    return view_as_real(y) if return_complex is False else y


def istft(
    input: Tensor, n_fft: int, hop_length: int | None = None, win_length: int | None = None, window: Tensor | None = None,
    center: bool = True, normalized: bool = False, onesided: bool | None = None, length: int | None = None,
    return_complex: bool = False,
) -> Tensor:  # fmt: skip
    """The signal whose `stft` with the same settings is nearest to `input`: windows added up, over the windows' squares.

    (N, T) -> (L), (B, N, T) -> (B, L). `length` is the signal's, to be cut or filled up with 0 to. Raises RuntimeError where no
    window reaches some number. Source: Griffin & Lim 1984.
    """
    x = tensor_of("istft", input)
    if not x.dtype.is_complex:
        raise RuntimeError("istft: requires a complex-valued input tensor matching the output from stft with "
                           f"return_complex=True, got {x.dtype!r}")  # fmt: skip
    if x.ndim not in (2, 3) or not x.array.size:
        raise ShapeError(f"istft: expected a tensor of 2 or 3 dimensions that is not empty, got shape {tuple(x.shape)}")
    hop, win, shape = settings("istft", n_fft, hop_length, win_length, window, x)
    if hop > win:
        raise ShapeError(f"istft: expected 0 < hop_length <= win_length = {win}, got {hop}")
    rows = x.reshape(-1, *x.shape[-2:]).transpose(1, 2)
    count, bins = rows.shape[1], rows.shape[2]
    onesided = bins != n_fft if onesided is None else onesided
    if bins != (n_fft // 2 + 1 if onesided else n_fft):
        raise ShapeError(f"istft: expected n_fft {'/ 2 + 1 ' if onesided else ''}frequencies for n_fft = {n_fft} and onesided="
                         f"{onesided}, got {bins}")  # fmt: skip
    if shape.dtype.is_complex and not return_complex or onesided and (return_complex or shape.dtype.is_complex):
        raise RuntimeError("istft: cannot have onesided input, or a real result, if window or result is complex")
    norm = "ortho" if normalized else None
    frames = ifft(rows, norm=norm) if return_complex else irfft(rows[..., : n_fft // 2 + 1], n_fft, norm=norm)
    full = n_fft + hop * (count - 1)
    total = unfold_adjoint(frames * shape, shape=(rows.shape[0], full), dim=1, step=hop)
    weight = unfold_adjoint((shape * shape).expand(1, count, n_fft), shape=(1, full), dim=1, step=hop)
    start = n_fft // 2 if center else 0
    end = full - start if length is None else start + whole("istft", "length", length)
    weight = weight[:, start:end]
    if bool((weight.abs() < 1e-11).any()):
        raise RuntimeError("istft: window overlap add min: 1. Some numbers lie in no window. Hint: a smaller hop_length, "
                           "center=True, or another window")  # fmt: skip
    y = total[:, start:end] / weight
    if end > full:
        advise("istft: the length of signal is shorter than the length parameter. Result is being padded with zeros in "
               "the tail. Hint: center and hop_length as in stft")  # fmt: skip
        y = pad(y, (0, end - full))
    return y.reshape(*x.shape[:-2], y.shape[-1])
