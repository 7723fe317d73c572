"""Pooling layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core import Tensor
from . import functional as F
from .functional.checks import some_sizes, windows
from .module import Module


class MaxPool(Module):
    """What max pooling has in common in 1, 2 and 3 dimensions."""

    function: Callable[..., Any]

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation, self.return_indices, self.ceil_mode = padding, dilation, return_indices, ceil_mode
        windows(type(self).__name__, kernel_size, self.stride, padding, dilation)

    def forward(self, input: Tensor) -> Any:
        window = (self.kernel_size, self.stride, self.padding, self.dilation)
        return type(self).function(input, *window, ceil_mode=self.ceil_mode, return_indices=self.return_indices)

    def extra_repr(self) -> str:
        return (f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
                f"dilation={self.dilation}, ceil_mode={self.ceil_mode}")  # fmt: skip


class MaxPool1d(MaxPool):
    """(N, C, W) -> (N, C, oW): see `MaxPool2d`."""

    function = F.max_pool1d


class MaxPool2d(MaxPool):
    """The largest x under each window; (N, C, H, W) -> (N, C, oH, oW). It moves by `stride`, the kernel's size if None.

    oH = floor((H + 2 padding - dilation (kH - 1) - 1) / stride) + 1, rounded up with `ceil_mode`. With `return_indices`
    also the flat position in the image of each. Raises ShapeError if padding exceeds half of the kernel.
    """

    function = F.max_pool2d


class MaxPool3d(MaxPool):
    """(N, C, D, H, W) -> (N, C, oD, oH, oW): see `MaxPool2d`."""

    function = F.max_pool3d


class AvgPool(Module):
    """What average pooling has in common in 2 and 3 dimensions."""

    function: Callable[..., Tensor]

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True, divisor_override: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, kernel_size if stride is None else stride, padding
        windows(type(self).__name__, kernel_size, self.stride, padding)
        self.ceil_mode, self.count_include_pad, self.divisor_override = ceil_mode, count_include_pad, divisor_override

    def forward(self, input: Tensor) -> Tensor:
        window = (self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)
        return type(self).function(input, *window, self.divisor_override)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool1d(Module):
    """(N, C, W) -> (N, C, oW): see `AvgPool2d`."""

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.padding = (
            _one(kernel_size),
            _one(kernel_size if stride is None else stride),
            _one(padding),
        )
        windows(type(self).__name__, self.kernel_size, self.stride, self.padding)
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


def _one(size: Any) -> tuple:
    return size if isinstance(size, tuple) else (size,)


class AvgPool2d(AvgPool):
    """The mean of x under each window, which moves by `stride` (the kernel's size unless given); (N, C, H, W) -> (N,
    C, oH, oW).

    Cells of the padding count as 0, or not at all without `count_include_pad`; `divisor_override` replaces the count.
    """

    function = F.avg_pool2d


class AvgPool3d(AvgPool):
    """(N, C, D, H, W) -> (N, C, oD, oH, oW): see `AvgPool2d`."""

    function = F.avg_pool3d


class AdaptiveAvgPool(Module):
    """What adaptive average pooling has in common in 1, 2 and 3 dimensions."""

    function: Callable[..., Tensor]

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size
        some_sizes(type(self).__name__, output_size)

    def forward(self, input: Tensor) -> Tensor:
        return type(self).function(input, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(AdaptiveAvgPool):
    """(N, C, W) -> (N, C, output_size): see `AdaptiveAvgPool2d`."""

    function = F.adaptive_avg_pool1d


class AdaptiveAvgPool2d(AdaptiveAvgPool):
    """The means of windows that share the image out evenly; (N, C, H, W) -> (N, C, *output_size), None keeps a size."""

    function = F.adaptive_avg_pool2d


class AdaptiveAvgPool3d(AdaptiveAvgPool):
    """(N, C, D, H, W) -> (N, C, *output_size): see `AdaptiveAvgPool2d`."""

    function = F.adaptive_avg_pool3d


class AdaptiveMaxPool(Module):
    """What adaptive max pooling has in common in 1, 2 and 3 dimensions."""

    function: Callable[..., Any]

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size, self.return_indices = output_size, return_indices
        some_sizes(type(self).__name__, output_size)

    def forward(self, input: Tensor) -> Any:
        return type(self).function(input, self.output_size, self.return_indices)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveMaxPool1d(AdaptiveMaxPool):
    """(N, C, W) -> (N, C, output_size): see `AdaptiveMaxPool2d`."""

    function = F.adaptive_max_pool1d


class AdaptiveMaxPool2d(AdaptiveMaxPool):
    """The largest of windows that share the image evenly; (N, C, H, W) -> (N, C, *output_size), None keeps a size."""

    function = F.adaptive_max_pool2d


class AdaptiveMaxPool3d(AdaptiveMaxPool):
    """(N, C, D, H, W) -> (N, C, *output_size): see `AdaptiveMaxPool2d`."""

    function = F.adaptive_max_pool3d


class FractionalMaxPool(Module):
    """What fractional max pooling has in common in 2 and 3 dimensions."""

    function: Callable[..., Any]

    def __init__(
        self, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
        _random_samples: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        who = type(self).__name__
        if (output_size is None) == (output_ratio is None):
            what = "requires specifying either an output size, or a pooling ratio" if output_size is None else (
                "only one of output_size and output_ratio may be specified")  # fmt: skip
            raise ValueError(f"{who}: {what}")
        for ratio in output_ratio if isinstance(output_ratio, (tuple, list)) else (output_ratio,):
            if ratio is not None and not 0 < ratio < 1:
                raise ValueError(f"{who}: output_ratio must be between 0 and 1 (got {output_ratio})")
        self.kernel_size, self.return_indices = kernel_size, return_indices
        self.output_size, self.output_ratio = output_size, output_ratio
        self.register_buffer("_random_samples", _random_samples)

    def forward(self, input: Tensor) -> Any:
        given = (self.kernel_size, self.output_size, self.output_ratio, self.return_indices, self._random_samples)
        return type(self).function(input, *given)


class FractionalMaxPool2d(FractionalMaxPool):
    """The largest of windows at random places, drawn anew in each call; (N, C, H, W) -> (N, C, oH, oW), the output's
    size given or as a part of the input's. Raises ValueError unless one of both is. Source: Graham 2014."""

    function = F.fractional_max_pool2d


class FractionalMaxPool3d(FractionalMaxPool):
    """(N, C, D, H, W) -> (N, C, oD, oH, oW): see `FractionalMaxPool2d`."""

    function = F.fractional_max_pool3d
