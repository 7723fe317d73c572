"""Blocks of networks for pictures: layers with their norm and activation, attention to channels, paths that are dropped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..backends import ShapeError
from ..core import Tensor
from ..nn import (
    AdaptiveAvgPool2d,
    BatchNorm2d,
    BatchNorm3d,
    Conv2d,
    Conv3d,
    Dropout,
    Linear,
    Module,
    ReLU,
    Sequential,
    Sigmoid,
)
from ..nn import functional as F
from ..nn.functional.checks import probability
from ..ops.create import empty, ones, zeros
from ..ops.operands import tensor_of


class ConvNormActivation(Sequential):
    """A convolution, a norm and an activation, one after the other; (N, C, ...) -> (N, out_channels, ...).

    Without `padding` it keeps the image's size, if stride is 1. The convolution has a bias unless a norm follows. `norm_layer`
    and `activation_layer` are classes, or None to leave them out.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any = 3, stride: Any = 1, padding: Any = None, groups: int = 1,
        norm_layer: Callable[..., Module] | None = BatchNorm2d, activation_layer: Callable[..., Module] | None = ReLU,
        dilation: Any = 1, inplace: bool | None = True, bias: bool | None = None,
        conv_layer: Callable[..., Module] = Conv2d,
    ) -> None:  # fmt: skip
        if padding is None:
            n = next((len(v) for v in (kernel_size, dilation) if isinstance(v, Sequence)), 0)
            kernel, reach = (tuple(v) if isinstance(v, Sequence) else (v,) * max(n, 1) for v in (kernel_size, dilation))
            found = tuple((k - 1) // 2 * d for k, d in zip(kernel, reach, strict=True))
            padding = found if n else found[0]
        bias = norm_layer is None if bias is None else bias
        layers = [
            conv_layer(in_channels, out_channels, kernel_size, stride, padding, dilation=dilation, groups=groups, bias=bias)
        ]
        if norm_layer is not None:
            layers.append(norm_layer(out_channels))
        if activation_layer is not None:
            layers.append(activation_layer(**({} if inplace is None else {"inplace": inplace})))
        super().__init__(*layers)
        self.out_channels = out_channels


class Conv2dNormActivation(ConvNormActivation):
    """`ConvNormActivation` of images; (N, C, H, W) -> (N, out_channels, H, W)."""


class Conv3dNormActivation(ConvNormActivation):
    """`ConvNormActivation` of volumes; (N, C, D, H, W) -> (N, out_channels, D, H, W)."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any = 3, stride: Any = 1, padding: Any = None, groups: int = 1,
        norm_layer: Callable[..., Module] | None = BatchNorm3d, activation_layer: Callable[..., Module] | None = ReLU,
        dilation: Any = 1, inplace: bool | None = True, bias: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, groups, norm_layer, activation_layer,
                         dilation, inplace, bias, Conv3d)  # fmt: skip


class SqueezeExcitation(Module):
    """y = x s(x), a scale for each channel: the sigmoid of two 1x1 convolutions of the channels' means; (N, C, H, W) -> same.

    Source: Hu, Shen & Sun 2018, §3.
    """

    def __init__(
        self, input_channels: int, squeeze_channels: int, activation: Callable[..., Module] = ReLU,
        scale_activation: Callable[..., Module] = Sigmoid,
    ) -> None:  # fmt: skip
        super().__init__()
        self.avgpool = AdaptiveAvgPool2d(1)
        self.fc1, self.fc2 = Conv2d(input_channels, squeeze_channels, 1), Conv2d(squeeze_channels, input_channels, 1)
        self.activation, self.scale_activation = activation(), scale_activation()

    def forward(self, input: Tensor) -> Tensor:
        return input * self.scale_activation(self.fc2(self.activation(self.fc1(self.avgpool(input)))))


class MLP(Sequential):
    """Linear layers of `hidden_channels` outputs: behind each but the last a norm and an activation, behind each dropout."""

    def __init__(
        self, in_channels: int, hidden_channels: Sequence[int], norm_layer: Callable[..., Module] | None = None,
        activation_layer: Callable[..., Module] | None = ReLU, inplace: bool | None = None, bias: bool = True,
        dropout: float = 0.0,
    ) -> None:  # fmt: skip
        written = {} if inplace is None else {"inplace": inplace}
        layers: list[Module] = []
        for i, (before, after) in enumerate(zip([in_channels, *hidden_channels], hidden_channels, strict=False)):
            layers.append(Linear(before, after, bias=bias))
            if i < len(hidden_channels) - 1:
                layers += [norm_layer(after)] if norm_layer is not None else []
                layers += [activation_layer(**written)] if activation_layer is not None else []
            layers.append(Dropout(dropout, **written))
        super().__init__(*layers)


class Permute(Module):
    """x with its dimensions in the order `dims`."""

    def __init__(self, dims: Sequence[int]) -> None:
        super().__init__()
        self.dims = list(dims)

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(self.dims)

    def extra_repr(self) -> str:
        return f"dims={self.dims}"


class FrozenBatchNorm2d(Module):
    """Batch norm whose statistics, weight and bias are buffers and never move; (N, C, H, W) -> same.

    y = weight (x - running_mean) / sqrt(running_var + eps) + bias for each channel.
    """

    def __init__(self, num_features: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        for name, start in (("weight", ones), ("bias", zeros), ("running_mean", zeros), ("running_var", ones)):
            self.register_buffer(name, start(num_features))

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *rest: Any) -> None:
        """As every module does, but for the count of batches, which this one does not have."""
        state_dict.pop(f"{prefix}num_batches_tracked", None)
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def forward(self, x: Tensor) -> Tensor:
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)

    def extra_repr(self) -> str:
        return f"{len(self.weight)}, eps={self.eps}"


# -- what is dropped in training -----------------------------------------------------------------------------------------


def stochastic_depth(input: Tensor, p: float, mode: str, training: bool = True) -> Tensor:
    """0 with probability p, else x / (1 - p): the whole `mode="batch"` at once, or each `"row"` of it; (N, ...) -> same.

    A residual block's branch that is dropped leaves the block shorter. Raises ValueError unless 0 <= p <= 1, and for another
    mode. Source: Huang et al. 2016, §3.
    """
    probability("stochastic_depth", p)
    if mode not in ("batch", "row"):
        raise ValueError(f"stochastic_depth: mode has to be either 'batch' or 'row', got {mode!r}")
    x = tensor_of("stochastic_depth", input)
    if not training or p == 0:
        return input
    shape = (x.shape[0] if mode == "row" else 1, *(1,) * (x.ndim - 1))
    kept = empty(*shape, dtype=x.dtype, device=x.device).bernoulli_(1 - p)
    return x * (kept / (1 - p) if p < 1 else kept)


def dropped_blocks(who: str, input: Tensor, p: float, block_size: int, inplace: bool, eps: float, training: bool) -> Tensor:
    """Drop block in two or three dimensions of space: blocks that begin at random places are 0, and what is left is scaled."""
    probability(who, p)
    n = {"drop_block2d": 2, "drop_block3d": 3}[who]
    if tensor_of(who, input).ndim != n + 2:
        raise ShapeError(f"{who}: input must have {n + 2} dimensions, (N, C and {n} of space), got {tuple(input.shape)}")
    if not training or p == 0:
        return input
    size = min(block_size, *input.shape[2:])
    rate = p / size**n
    for s in input.shape[2:]:
        rate *= s / (s - size + 1)
    starts = empty(*input.shape[:2], *(s - size + 1 for s in input.shape[2:]), dtype=input.dtype, device=input.device)
    pool = F.max_pool2d if n == 2 else F.max_pool3d
    kept = 1 - pool(F.pad(starts.bernoulli_(rate), (size - 1,) * (2 * n)), size, 1)  # of each start a block of ones
    y = input * (kept * (kept.numel() / (eps + kept.sum())))
    return input.copy_(y) if inplace else y


def drop_block2d(
    input: Tensor, p: float, block_size: int, inplace: bool = False, eps: float = 1e-6, training: bool = True
) -> Tensor:
    """Squares of block_size^2 pixels 0, a share p of all, the others scaled so that their mean stays; (N, C, H, W) -> same.

    Raises ValueError unless 0 <= p <= 1. Source: Ghiasi, Lin & Le 2018, Algorithm 1.
    """
    return dropped_blocks("drop_block2d", input, p, block_size, inplace, eps, training)


def drop_block3d(
    input: Tensor, p: float, block_size: int, inplace: bool = False, eps: float = 1e-6, training: bool = True
) -> Tensor:
    """`drop_block2d` of volumes; (N, C, D, H, W) -> same."""
    return dropped_blocks("drop_block3d", input, p, block_size, inplace, eps, training)


class StochasticDepth(Module):
    """`stochastic_depth` as a layer: in evaluation it does nothing."""

    def __init__(self, p: float, mode: str) -> None:
        super().__init__()
        self.p, self.mode = p, mode

    def forward(self, input: Tensor) -> Tensor:
        return stochastic_depth(input, self.p, self.mode, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}, mode={self.mode}"


class DropBlock2d(Module):
    """`drop_block2d` as a layer: in evaluation it does nothing."""

    function = staticmethod(drop_block2d)

    def __init__(self, p: float, block_size: int, inplace: bool = False, eps: float = 1e-6) -> None:
        super().__init__()
        self.p, self.block_size, self.inplace, self.eps = p, block_size, inplace, eps

    def forward(self, input: Tensor) -> Tensor:
        return self.function(input, self.p, self.block_size, self.inplace, self.eps, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}, block_size={self.block_size}, inplace={self.inplace}"


class DropBlock3d(DropBlock2d):
    """`drop_block3d` as a layer: in evaluation it does nothing."""

    function = staticmethod(drop_block3d)
