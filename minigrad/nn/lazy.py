"""Lazy layers: they learn the size of their input from the first one, and are ordinary layers from then on."""

from __future__ import annotations

from typing import Any

from ..core import Tensor
from ..ops.create import empty, ones, zeros
from . import norm
from .conv import (
    Conv1d,
    Conv2d,
    Conv3d,
    Convolution,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
    TransposedConvolution,
)
from .linear import Linear
from .module import Module
from .parameter import Buffer, Parameter


class UninitializedTensorMixin:
    """What tensors have in common whose shape is not known yet."""

    __slots__ = ()

    def materialize(self: Any, shape: tuple[int, ...], device: Any = None, dtype: Any = None) -> None:
        """Become a Parameter or a Buffer of this shape, to be initialised; on another device or of another type if given."""
        self.data = empty(*shape, device=self.device if device is None else device, dtype=dtype or self.dtype)
        self.__class__ = Parameter if isinstance(self, Parameter) else Buffer

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A parameter whose shape is not known yet; an optimizer may have it already. `materialize(shape)` gives it memory."""

    __slots__ = ()

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(empty(0, device=device, dtype=dtype), requires_grad)


class UninitializedBuffer(UninitializedTensorMixin, Buffer):
    """A buffer whose shape is not known yet. `materialize(shape)` gives it memory."""

    def __init__(self, requires_grad: bool = False, device: Any = None, dtype: Any = None, persistent: bool = True) -> None:
        super().__init__(empty(0, device=device, dtype=dtype), persistent=persistent)
        self.requires_grad_(requires_grad)


def is_lazy(param: Any) -> bool:
    """Whether its shape is not known yet."""
    return isinstance(param, UninitializedTensorMixin)


class Lazy(Module):
    """What lazy layers have in common: at the first input they take their final class and draw their parameters."""

    becomes: type[Module]

    def wait(self, *names: str) -> None:
        """Replace the parameters that are there by such as wait for their shape."""
        for name in names:
            p = self._parameters[name]
            if p is not None:
                self._parameters[name] = UninitializedParameter(p.requires_grad, p.device, p.dtype)

    def has_uninitialized_params(self) -> bool:
        """Whether there has been no input yet."""
        return any(isinstance(p, UninitializedParameter) for p in self._parameters.values())

    def reset_parameters(self) -> None:
        """Nothing: a layer that waits draws no numbers, so those that follow are the same as without it."""

    def settle(self, input: Tensor) -> dict[str, tuple[int, ...]]:
        """Take the input's size; gives the shapes of the parameters that wait."""
        raise NotImplementedError

    def forward(self, input: Tensor, *args: Any, **kwargs: Any) -> Any:
        waited, shapes = self.has_uninitialized_params(), self.settle(input)
        for name, shape in shapes.items():
            p = self._parameters[name]
            if isinstance(p, UninitializedParameter):
                p.materialize(shape)
        self.__class__ = self.becomes  # type: ignore[assignment]
        if waited:  # for this input, and no state was loaded meanwhile
            self.reset_parameters()
        return self.forward(input, *args, **kwargs)


class LazyLinear(Lazy, Linear):
    """`Linear` that takes in_features from its first input."""

    becomes = Linear

    def __init__(self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(0, out_features, bias, device, dtype)
        self.wait("weight", "bias")

    def settle(self, input: Tensor) -> dict[str, tuple[int, ...]]:
        self.in_features = input.shape[-1]
        return {"weight": (self.out_features, self.in_features), "bias": (self.out_features,)}


class LazyConvolution(Lazy, Convolution):
    """What lazy convolutions have in common: in_channels is that of the first input."""

    def __init__(
        self, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1, bias: bool = True, padding_mode: str = "zeros", device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            groups, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype
        )  # fmt: skip
        self.in_channels = 0
        self.wait("weight", "bias")

    def settle(self, input: Tensor) -> dict[str, tuple[int, ...]]:
        channels = input.shape[-1 - self.n]
        if channels % self.groups:
            raise ValueError(
                f"{type(self).__name__}: in_channels must be divisible by groups, got {channels} and {self.groups}"
            )
        self.in_channels = channels
        return {"weight": self.weight_shape(), "bias": (self.out_channels,)}


class LazyConv1d(LazyConvolution, Conv1d):
    """`Conv1d` that takes in_channels from its first input."""

    becomes = Conv1d


class LazyConv2d(LazyConvolution, Conv2d):
    """`Conv2d` that takes in_channels from its first input."""

    becomes = Conv2d


class LazyConv3d(LazyConvolution, Conv3d):
    """`Conv3d` that takes in_channels from its first input."""

    becomes = Conv3d


class LazyTransposedConvolution(LazyConvolution, TransposedConvolution):
    """What lazy transposed convolutions have in common."""

    def __init__(
        self, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
        groups: int = 1, bias: bool = True, dilation: int = 1, padding_mode: str = "zeros", device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super(LazyConvolution, self).__init__(
            groups, out_channels, kernel_size, stride, padding, output_padding, groups, bias, dilation, padding_mode,
            device, dtype,
        )  # fmt: skip
        self.in_channels = 0
        self.wait("weight", "bias")


class LazyConvTranspose1d(LazyTransposedConvolution, ConvTranspose1d):
    """`ConvTranspose1d` that takes in_channels from its first input."""

    becomes = ConvTranspose1d


class LazyConvTranspose2d(LazyTransposedConvolution, ConvTranspose2d):
    """`ConvTranspose2d` that takes in_channels from its first input."""

    becomes = ConvTranspose2d


class LazyConvTranspose3d(LazyTransposedConvolution, ConvTranspose3d):
    """`ConvTranspose3d` that takes in_channels from its first input."""

    becomes = ConvTranspose3d


class LazyRunning(Lazy, norm.Running):
    """What lazy batch and instance norms have in common: num_features is the channels of the first input."""

    def __init__(
        self, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True,
        device: Any = None, dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(0, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        self.wait("weight", "bias")

    def settle(self, input: Tensor) -> dict[str, tuple[int, ...]]:
        alone = isinstance(self, norm.InstanceNorm) and input.ndim < max(self.ranks)
        self.num_features = size = input.shape[0 if alone else 1]
        for name, fresh in (("running_mean", zeros), ("running_var", ones)):
            old = self._buffers[name]
            if old is not None and not old.numel():
                self._buffers[name] = fresh(size, device=old.device, dtype=old.dtype)
        return {"weight": (size,), "bias": (size,)}


class LazyBatchNorm1d(LazyRunning, norm.BatchNorm1d):
    """`BatchNorm1d` that takes num_features from its first input."""

    becomes = norm.BatchNorm1d


class LazyBatchNorm2d(LazyRunning, norm.BatchNorm2d):
    """`BatchNorm2d` that takes num_features from its first input."""

    becomes = norm.BatchNorm2d


class LazyBatchNorm3d(LazyRunning, norm.BatchNorm3d):
    """`BatchNorm3d` that takes num_features from its first input."""

    becomes = norm.BatchNorm3d


class LazyInstanceNorm1d(LazyRunning, norm.InstanceNorm1d):
    """`InstanceNorm1d` that takes num_features from its first input."""

    becomes = norm.InstanceNorm1d


class LazyInstanceNorm2d(LazyRunning, norm.InstanceNorm2d):
    """`InstanceNorm2d` that takes num_features from its first input."""

    becomes = norm.InstanceNorm2d


class LazyInstanceNorm3d(LazyRunning, norm.InstanceNorm3d):
    """`InstanceNorm3d` that takes num_features from its first input."""

    becomes = norm.InstanceNorm3d
