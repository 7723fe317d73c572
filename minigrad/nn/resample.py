"""Layers that change an image's size or order: upsampling, patches, pixel shuffling, unpooling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core import Tensor
from . import functional as F
from .functional.checks import ntuple, windows
from .module import Module


class Upsample(Module):
    """An image of another size: see `functional.interpolate`; (N, C, *S) -> (N, C, *size), or floor(S scale_factor)."""

    def __init__(
        self, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.size, self.mode, self.align_corners = size, mode, align_corners
        self.scale_factor = (
            tuple(map(float, scale_factor)) if isinstance(scale_factor, tuple) else scale_factor and float(scale_factor)
        )
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.interpolate(
            input, self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor
        )  # fmt: skip

    def extra_repr(self) -> str:
        wanted = f"size={self.size!r}" if self.scale_factor is None else f"scale_factor={self.scale_factor!r}"
        return f"{wanted}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """`Upsample` that repeats the nearest pixel."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """`Upsample` between the four pixels around, corner on corner."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)


class Fold(Module):
    """Columns put back as patches, which add up where they overlap; (N, C kH kW, L) -> (N, C, *output_size)."""

    def __init__(self, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> None:
        super().__init__()
        self.output_size, self.kernel_size = output_size, kernel_size
        self.dilation, self.padding, self.stride = dilation, padding, stride
        ntuple("Fold", "output_size", output_size, 2)
        windows("Fold", kernel_size, stride, padding, dilation)

    def forward(self, input: Tensor) -> Tensor:
        return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return (f"output_size={self.output_size}, kernel_size={self.kernel_size}, dilation={self.dilation}, "
                f"padding={self.padding}, stride={self.stride}")  # fmt: skip


class Unfold(Module):
    """Every patch of an image as a column; (N, C, H, W) -> (N, C kH kW, L)."""

    def __init__(self, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> None:
        super().__init__()
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride
        windows("Unfold", kernel_size, stride, padding, dilation)

    def forward(self, input: Tensor) -> Tensor:
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return (f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, "
                f"stride={self.stride}")  # fmt: skip


class PixelShuffle(Module):
    """(..., C r^2, H, W) -> (..., C, H r, W r). Source: Shi et al. 2016."""

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """(..., C, H r, W r) -> (..., C r^2, H, W): the inverse of `PixelShuffle`."""

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """Channels dealt out from `groups` groups in turn. Source: Zhang et al. 2018, §3.1."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"


class LPPool(Module):
    """What power pooling has in common in 1, 2 and 3 dimensions."""

    function: Callable[..., Tensor]

    def __init__(self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> None:
        super().__init__()
        self.norm_type, self.kernel_size, self.stride, self.ceil_mode = norm_type, kernel_size, stride, ceil_mode
        windows(type(self).__name__, kernel_size, kernel_size if stride is None else stride, 0)

    def forward(self, input: Tensor) -> Tensor:
        return type(self).function(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self) -> str:
        return (f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
                f"ceil_mode={self.ceil_mode}")  # fmt: skip


class LPPool1d(LPPool):
    """(N, C, W) -> (N, C, oW): see `LPPool2d`."""

    function = F.lp_pool1d


class LPPool2d(LPPool):
    """(sum of x^p under the window)^(1/p), p = norm_type; (N, C, H, W) -> (N, C, oH, oW)."""

    function = F.lp_pool2d


class LPPool3d(LPPool):
    """(N, C, D, H, W) -> (N, C, oD, oH, oW): see `LPPool2d`."""

    function = F.lp_pool3d


class MaxUnpool(Module):
    """What unpooling has in common in 1, 2 and 3 dimensions."""

    n: int
    function: Callable[..., Tensor]

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        who = type(self).__name__
        self.kernel_size = ntuple(who, "kernel_size", kernel_size, self.n)
        self.stride = self.kernel_size if stride is None else ntuple(who, "stride", stride, self.n)
        self.padding = ntuple(who, "padding", padding, self.n, 0)

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        return type(self).function(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(MaxUnpool):
    """(N, C, W) -> (N, C, oW): see `MaxUnpool2d`."""

    n, function = 1, F.max_unpool1d


class MaxUnpool2d(MaxUnpool):
    """Values put back where `MaxPool2d(..., return_indices=True)` took them, 0 elsewhere. Source: Zeiler & Fergus 2014."""

    n, function = 2, F.max_unpool2d


class MaxUnpool3d(MaxUnpool):
    """(N, C, D, H, W) -> (N, C, oD, oH, oW): see `MaxUnpool2d`."""

    n, function = 3, F.max_unpool3d


class LocalResponseNorm(Module):
    """x / (k + alpha/size sum of x^2 over `size` channels around)^beta. Source: Krizhevsky et al. 2012, §3.3."""

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input: Tensor) -> Tensor:
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
