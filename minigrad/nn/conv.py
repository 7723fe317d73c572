"""Convolution layers and their transposes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core import Tensor
from ..ops.conv import conv, conv_relu
from . import functional as F
from .functional.checks import ntuple
from .functional.conv import convolved
from .linear import made, uniform_by_fan
from .module import Module


class Convolution(Module):
    """What convolutions in 1, 2 and 3 dimensions have in common. A subclass gives `n`."""

    n: int
    transposed = False
    padding_modes: tuple[str, ...] = ("zeros", "reflect", "replicate", "circular")

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        dilation: Any = 1, groups: int = 1, bias: bool = True, padding_mode: str = "zeros", device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        who = type(self).__name__
        ntuple(who, "in_channels", in_channels, 1), ntuple(who, "out_channels", out_channels, 1)
        if not isinstance(groups, int) or groups < 1:
            raise ValueError(f"{who}: groups must be a positive integer, got {groups!r}")
        for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
            if channels % groups:
                raise ValueError(f"{who}: {name} must be divisible by groups, got {channels} and {groups}")
        if padding_mode not in self.padding_modes:
            raise ValueError(f"{who}: padding_mode must be one of {', '.join(self.padding_modes)}, got {padding_mode!r}")
        self.in_channels, self.out_channels, self.groups, self.padding_mode = (
            in_channels,
            out_channels,
            groups,
            padding_mode,
        )
        self.kernel_size = ntuple(who, "kernel_size", kernel_size, self.n)
        self.stride = ntuple(who, "stride", stride, self.n)
        self.dilation = ntuple(who, "dilation", dilation, self.n)
        self.output_padding = (0,) * self.n
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(f"{who}: padding must be an int, a tuple, 'same' or 'valid', got {padding!r}")
            if padding == "same" and any(s != 1 for s in self.stride):
                raise ValueError(f"{who}: padding='same' is not supported for strided convolutions, got stride {self.stride}")
        self.padding = padding if isinstance(padding, str) else ntuple(who, "padding", padding, self.n, least=0)
        self.weight = made(*self.weight_shape(), device=device, dtype=dtype)
        self.register_parameter("bias", made(out_channels, device=device, dtype=dtype) if bias else None)
        self.reset_parameters()

    def weight_shape(self) -> tuple[int, ...]:
        return (self.out_channels, self.in_channels // self.groups, *self.kernel_size)

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        uniform_by_fan(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, self.weight, self.bias)

    def rectified(self, input: Tensor) -> Tensor:
        """max(forward(input), 0), in one op."""
        return self._conv_forward(input, self.weight, self.bias, conv_relu)

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None, by: Any = conv) -> Tensor:
        """The convolution of the input by another weight, as layers ask for that change theirs on the way."""
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            input, padding = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode), 0
        who = f"conv{self.n}d"
        return convolved(who, self.n, input, weight, bias, self.stride, padding, self.dilation, self.groups, by)

    @property
    def _reversed_padding_repeated_twice(self) -> list[int]:
        """The padding as `functional.pad` takes it: (left, right) of the last dimension first."""
        if self.padding == "valid":
            return [0] * 2 * self.n
        if isinstance(self.padding, str):
            total = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True)]
            return [side for t in reversed(total) for side in (t // 2, t - t // 2)]
        return [p for p in reversed(self.padding) for _ in range(2)]

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        text += f", padding={self.padding}" if self.padding != (0,) * self.n else ""
        text += f", dilation={self.dilation}" if self.dilation != (1,) * self.n else ""
        text += self.output_text()
        text += f", groups={self.groups}" if self.groups != 1 else ""
        text += ", bias=False" if self.bias is None else ""
        return text + (f", padding_mode={self.padding_mode}" if self.padding_mode != "zeros" else "")

    def output_text(self) -> str:
        return ""


class Conv1d(Convolution):
    """(N, in_channels, W) -> (N, out_channels, oW): see `Conv2d`."""

    n = 1


class Conv2d(Convolution):
    """y[n,f,o] = bias[f] + sum over c, k of weight[f,c,k] x[n,c,stride o + dilation k - padding].

    (N, in_channels, H, W) -> (N, out_channels, oH, oW), oH = floor((H + 2 padding - dilation (kH - 1) - 1)/stride) + 1.
    weight (F, C/groups, kH, kW) and bias (F) start uniform on -k ... k, k = 1/sqrt(C/groups kH kW): for the weight that
    is `kaiming_uniform_` with a = sqrt 5. `padding` is an int, a tuple, "valid" or "same"; `padding_mode` what it is
    made of. Raises ShapeError that names the shapes. Source: LeCun et al. 1989; Dumoulin & Visin 2016.
    """

    n = 2


class Conv3d(Convolution):
    """(N, in_channels, D, H, W) -> (N, out_channels, oD, oH, oW): see `Conv2d`."""

    n = 3


class TransposedConvolution(Convolution):
    """What transposed convolutions have in common. A subclass gives the function it calls."""

    function: Callable[..., Tensor]
    transposed = True
    padding_modes = ("zeros",)

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        output_padding: Any = 0, groups: int = 1, bias: bool = True, dilation: Any = 1, padding_mode: str = "zeros",
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype
        )
        self.output_padding = ntuple(type(self).__name__, "output_padding", output_padding, self.n, least=0)

    def weight_shape(self) -> tuple[int, ...]:
        return (self.in_channels, self.out_channels // self.groups, *self.kernel_size)

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        extra = self.output_padding if output_size is None else self.padding_for(input, output_size)
        function = type(self).function
        return function(input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation)

    def padding_for(self, input: Tensor, output_size: Any) -> tuple[int, ...]:
        """The output padding that gives `output_size`. Raises ValueError if none does."""
        wanted = tuple(output_size)[-self.n :]
        parts: Any = zip(input.shape[-self.n :], self.stride, self.padding, self.dilation, self.kernel_size, strict=True)
        least = [(s - 1) * t - 2 * p + d * (k - 1) + 1 for s, t, p, d, k in parts]
        extra = tuple(w - m for w, m in zip(wanted, least, strict=True))
        if any(not 0 <= e < t for e, t in zip(extra, self.stride, strict=True)):
            most = [m + t - 1 for m, t in zip(least, self.stride, strict=True)]
            raise ValueError(f"{type(self).__name__}: requested an output size of {wanted}, but valid sizes range "
                             f"from {least} to {most} for an input of {tuple(input.shape)}")  # fmt: skip
        return extra

    def output_text(self) -> str:
        return f", output_padding={self.output_padding}" if self.output_padding != (0,) * self.n else ""


class ConvTranspose1d(TransposedConvolution):
    """(N, in_channels, W) -> (N, out_channels, oW): see `ConvTranspose2d`."""

    n, function = 1, F.conv_transpose1d


class ConvTranspose2d(TransposedConvolution):
    """The adjoint of a convolution as a layer: it enlarges by its stride. (N, in_channels, H, W) -> (N, out_channels,
    oH, oW).

    oH = (H - 1) stride - 2 padding + dilation (kH - 1) + output_padding + 1, or `output_size` when called with it.
    weight (C, F/groups, kH, kW) and bias (F) start uniform on -k ... k, k = 1/sqrt(F/groups kH kW).
    Source: Zeiler et al. 2010.
    """

    n, function = 2, F.conv_transpose2d


class ConvTranspose3d(TransposedConvolution):
    """(N, in_channels, D, H, W) -> (N, out_channels, oD, oH, oW): see `ConvTranspose2d`."""

    n, function = 3, F.conv_transpose3d
