"""Normalization layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..backends import ShapeError
from ..backends.source import advise
from ..core import Tensor
from ..ops.arithmetic import cast
from ..ops.create import ones, tensor, zeros
from ..ops.elementwise import reciprocal, relu
from ..ops.norm import batch_norm_op, batch_norm_relu_op, group_norm_relu_op, layer_norm_relu_op
from ..ops.shape import reshape_op
from ..ops.update import count_
from . import functional as F
from . import init
from .functional.norm import group_normalized, layer_normalized, normalized
from .linear import made
from .module import Module


def one_and_zero(layer: Any) -> None:
    """Weight 1 and bias 0, where the layer has them."""
    if layer.weight is not None:
        init.ones_(layer.weight)
    if layer.bias is not None:
        init.zeros_(layer.bias)


def scale_and_shift(layer: Module, channels: int, affine: bool, bias: bool, device: Any, dtype: Any) -> None:
    """Give the layer a weight and a bias for each channel, or None in the place of those that are not wanted."""
    layer.register_parameter("weight", made(channels, device=device, dtype=dtype) if affine else None)
    layer.register_parameter("bias", made(channels, device=device, dtype=dtype) if affine and bias else None)


def hint_at_keras() -> None:
    """Warn that a momentum may be meant as Keras means it."""
    advise(
        "momentum >= 0.5 looks like Keras' convention, where it is the share of the old running value; here it is that of "
        "the new batch (0.1 by default). Hint: nn.utils.momentum_from_keras(0.9) is 0.1"
    )


class Running(Module):
    """What batch and instance norm have in common: weight and bias, and running statistics as buffers."""

    ranks: tuple[int, ...]
    picture: str  # the inputs they take, for errors
    _version = 2  # the first had no `num_batches_tracked`

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
        track_running_stats: bool = True, device: Any = None, dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        who = type(self).__name__
        if not hasattr(num_features, "__index__") or num_features < 0:
            raise ValueError(f"{who}: num_features must be a non-negative int, got {num_features!r}")
        if not eps >= 0:
            raise ValueError(f"{who}: eps must not be negative, got {eps}")
        if momentum is not None and not 0 <= momentum <= 1:
            raise ValueError(f"{who}: momentum must be in 0 ... 1, or None for the cumulative average, got {momentum}")
        if momentum is not None and momentum >= 0.5:
            hint_at_keras()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        scale_and_shift(self, num_features, affine, bias, device, dtype)
        tracked = track_running_stats
        self.register_buffer("running_mean", zeros(num_features, device=device, dtype=dtype) if tracked else None)
        self.register_buffer("running_var", ones(num_features, device=device, dtype=dtype) if tracked else None)
        self.register_buffer("num_batches_tracked", tensor(0, dtype="int64", device=device) if tracked else None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Running mean 0, running variance 1, no batch seen."""
        if self.track_running_stats:
            init.zeros_(self.running_mean)
            init.ones_(self.running_var)
            init.zeros_(self.num_batches_tracked)

    def reset_parameters(self) -> None:
        """Weight 1, bias 0, running statistics as at first."""
        self.reset_running_stats()
        one_and_zero(self)

    def _load_from_state_dict(self, state_dict: dict, prefix: str, local_metadata: dict, *rest: Any) -> None:
        if self.track_running_stats and (local_metadata.get("version") or 1) < 2:
            state_dict.setdefault(f"{prefix}num_batches_tracked", self.num_batches_tracked)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

    def _check_input_dim(self, input: Tensor) -> None:
        """Raise ValueError for an input of the wrong number of dimensions or channels."""
        if input.array.ndim not in self.ranks:
            raise ValueError(
                f"{type(self).__name__}: expected input {self.picture}, got {input.ndim}D input of shape {tuple(input.shape)}"
            )

    def factor(self) -> Any:
        """The weight of the present batch: momentum or, for the cumulative average, 1 / batches seen (a tensor, so
        that a recorded step that is played again sees the count grow)."""
        if self.momentum is not None:
            return self.momentum
        return reciprocal(cast(self.num_batches_tracked + 1, dtype=self.running_mean.dtype))

    def extra_repr(self) -> str:
        return (f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
                f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}")  # fmt: skip


class BatchNorm(Running):
    """What batch norm has in common for all ranks of input. While `frozen` it works as in evaluation."""

    frozen = False

    def forward(self, input: Tensor) -> Tensor:
        return self.normalized(input, batch_norm_op)[0]

    def rectified(self, input: Tensor) -> Tensor:
        """max(forward(input), 0), in one op where the batch's own statistics normalise."""
        y, own = self.normalized(input, batch_norm_relu_op)
        return y if own else relu(y)

    def normalized(self, input: Tensor, by_batch: Any) -> tuple[Tensor, bool]:
        """The output, and whether the batch's own statistics normalised, which `by_batch`, an op, then does."""
        self._check_input_dim(input)
        training = self.training and not self.frozen
        mean, var = self.running_mean, self.running_var
        moving, own = training and self.track_running_stats and mean is not None, training or mean is None
        used = (None, None) if training and not moving else (mean, var)
        factor = self.factor() if moving else 0.0
        y = normalized(by_batch, input, used[0], used[1], self.weight, self.bias, own, factor, self.eps)
        if moving:
            count_(self.num_batches_tracked)
        return y, own


class BatchNorm1d(BatchNorm):
    """Batch norm of (N, C) or (N, C, L): see `BatchNorm2d`."""

    ranks, picture = (2, 3), "(N, C) or (N, C, L)"


class BatchNorm2d(BatchNorm):
    """y = weight (x - mean) / sqrt(var + eps) + bias for each channel; (N, C, H, W) -> (N, C, H, W).

    In training mean and var are those of the batch: var is biased (divided by n), and the running statistics move
    towards mean and the unbiased var (divided by n - 1): running <- (1 - momentum) running + momentum batch.
    `momentum=None` makes them the plain average over all batches. In evaluation the running statistics normalise; with
    `track_running_stats=False` there are none and the batch's always do. weight (C) starts at 1, bias (C) at 0;
    `affine=False` has neither. Raises ValueError in training on one value per channel. Source: Ioffe & Szegedy 2015.
    """

    ranks, picture = (4,), "(N, C, H, W)"


class BatchNorm3d(BatchNorm):
    """Batch norm of (N, C, D, H, W): see `BatchNorm2d`."""

    ranks, picture = (5,), "(N, C, D, H, W)"


class InstanceNorm(Running):
    """What instance norm has in common for all ranks of input."""

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = False,
        track_running_stats: bool = False, device: Any = None, dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def _check_input_dim(self, input: Tensor) -> None:
        super()._check_input_dim(input)
        channels = input.shape[1 if input.ndim == max(self.ranks) else 0]
        if channels != self.num_features:
            told = f"{type(self).__name__}: expected {self.num_features} channels, got input {tuple(input.shape)}"
            if self.affine or self.track_running_stats:
                raise ShapeError(told)
            advise(f"{told}, which makes no difference without affine and running statistics")

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        alone = input.ndim < max(self.ranks)
        x = reshape_op(input, shape=(1, *input.shape)) if alone else input
        own = self.training or not self.track_running_stats or self.running_mean is None
        y = F.instance_norm(x, self.running_mean, self.running_var, self.weight, self.bias, own, self.momentum or 0.0, self.eps)
        return reshape_op(y, shape=tuple(input.shape)) if alone else y


class InstanceNorm1d(InstanceNorm):
    """Instance norm of (N, C, L) or (C, L): see `InstanceNorm2d`."""

    ranks, picture = (2, 3), "(N, C, L) or (C, L)"


class InstanceNorm2d(InstanceNorm):
    """y = weight (x - mean) / sqrt(var + eps) + bias, mean and biased var of each channel of each image.

    (N, C, H, W) or (C, H, W) -> same. Without `affine` (the default) there is no weight and bias; with
    `track_running_stats` running statistics normalise in evaluation. Source: Ulyanov, Vedaldi & Lempitsky 2016.
    """

    ranks, picture = (3, 4), "(N, C, H, W) or (C, H, W)"


class InstanceNorm3d(InstanceNorm):
    """Instance norm of (N, C, D, H, W) or (C, D, H, W): see `InstanceNorm2d`."""

    ranks, picture = (4, 5), "(N, C, D, H, W) or (C, D, H, W)"


def sizes_of(normalized_shape: Any) -> tuple[int, ...]:
    """An int or several as a tuple."""
    return tuple(normalized_shape) if isinstance(normalized_shape, Sequence) else (normalized_shape,)


class LayerNorm(Module):
    """y = weight (x - mean) / sqrt(var + eps) + bias, mean and biased var of each case over its last dimensions.

    (..., *normalized_shape) -> same. weight starts at 1, bias at 0, both of the normalized shape;
    `elementwise_affine=False` has neither, `bias=False` no bias. Source: Ba, Kiros & Hinton 2016.
    """

    def __init__(
        self, normalized_shape: Any, eps: float = 1e-5, elementwise_affine: bool = True, bias: bool = True,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.normalized_shape, self.eps, self.elementwise_affine = sizes_of(normalized_shape), eps, elementwise_affine
        shape, affine = self.normalized_shape, elementwise_affine
        self.register_parameter("weight", made(*shape, device=device, dtype=dtype) if affine else None)
        self.register_parameter("bias", made(*shape, device=device, dtype=dtype) if affine and bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weight 1, bias 0."""
        one_and_zero(self)

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def rectified(self, input: Tensor) -> Tensor:
        """max(forward(input), 0), in one op."""
        return layer_normalized(layer_norm_relu_op, input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class GroupNorm(Module):
    """Each case's channels in `num_groups` groups, each normalised by its mean and biased var; (N, C, ...) -> same.

    weight (C) starts at 1, bias (C) at 0. Raises ValueError unless num_groups divides num_channels. Source: Wu & He
    2018.
    """

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, device: Any = None,
        dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(f"GroupNorm: num_channels must be divisible by num_groups, got {num_channels} and {num_groups}")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        scale_and_shift(self, num_channels, affine, bias, device, dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weight 1, bias 0."""
        one_and_zero(self)

    def forward(self, input: Tensor) -> Tensor:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def rectified(self, input: Tensor) -> Tensor:
        """max(forward(input), 0), in one op."""
        return group_normalized(group_norm_relu_op, input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, bias={self.bias is not None}"


class RMSNorm(Module):
    """y = weight x / sqrt(mean(x^2) + eps), the mean over the last dimensions; eps None is the type's resolution.

    weight, of the normalized shape, starts at 1. Source: Zhang & Sennrich 2019.
    """

    def __init__(
        self,
        normalized_shape: Any,
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape, self.eps, self.elementwise_affine = sizes_of(normalized_shape), eps, elementwise_affine
        made_weight = made(*self.normalized_shape, device=device, dtype=dtype) if elementwise_affine else None
        self.register_parameter("weight", made_weight)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weight 1."""
        if self.weight is not None:
            init.ones_(self.weight)

    def forward(self, input: Tensor) -> Tensor:
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
