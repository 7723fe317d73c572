"""Relatives of batch norm: the synchronised one's face, batch renormalisation, and batch norm with noise behind it."""

from __future__ import annotations

from typing import Any

from ..core import Tensor, mode
from ..ops.create import rand, randn
from ..ops.elementwise import clamp, sqrt
from ..ops.reduce import mean_op, var_op
from ..ops.shape import reshape_op
from ..ops.update import count_, lerp_
from .module import Module
from .norm import BatchNorm, BatchNorm1d, BatchNorm2d, BatchNorm3d


class SyncBatchNorm(BatchNorm):
    """Batch norm of (N, C, ...) over the batches of all processes. In one process, all there is so far, it is `BatchNorm2d`
    for any number of dimensions.

    Raises NotImplementedError for a process group.
    """

    ranks, picture = tuple(range(2, 9)), "(N, C, ...)"

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
        track_running_stats: bool = True, process_group: Any = None, device: Any = None, dtype: Any = None, *,
        bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        if process_group is not None:
            raise NotImplementedError("SyncBatchNorm: there are no process groups. Hint: process_group=None")

    @classmethod
    def convert_sync_batchnorm(cls, module: Any, process_group: Any = None) -> Module:
        """`module` with every batch norm in it replaced by a SyncBatchNorm with the same parameters and buffers."""
        if isinstance(module, BatchNorm) and not isinstance(module, cls):
            new = cls(
                module.num_features, module.eps, module.momentum, module.affine, module.track_running_stats, process_group
            )
            new._parameters.update(module._parameters)
            new._buffers.update(module._buffers)
            new.training, new.frozen = module.training, module.frozen
            return new
        for name, child in list(module.named_children()):
            module._modules[name] = cls.convert_sync_batchnorm(child, process_group)
        return module


class BatchRenorm(BatchNorm):
    """What batch renormalisation has in common for all ranks of input."""

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
        r_max: float = 3.0, d_max: float = 5.0, device: Any = None, dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, True, device, dtype, bias=bias)
        if r_max < 1 or d_max < 0:
            raise ValueError(f"{type(self).__name__}: expected r_max >= 1 and d_max >= 0, got {r_max} and {d_max}")
        self.r_max, self.d_max = r_max, d_max

    def forward(self, input: Tensor) -> Tensor:
        if not self.training or self.frozen:
            return super().forward(input)
        self._check_input_dim(input)
        if input.array.size <= self.num_features:
            raise ValueError(f"{type(self).__name__}: Expected more than 1 value per channel when training, got input size "
                             f"{tuple(input.shape)}. Hint: a larger batch, or .eval()")  # fmt: skip
        dims, line = (0, *range(2, input.ndim)), (1, self.num_features, *(1,) * (input.ndim - 2))
        mu = mean_op(input, dim=dims, keepdim=True)
        deviation = sqrt(var_op(input, dim=dims, correction=0.0, keepdim=True) + self.eps)
        with mode(grad=False):
            usual = sqrt(reshape_op(self.running_var, shape=line) + self.eps)
            r = clamp(deviation / usual, min=1 / self.r_max, max=self.r_max)
            d = clamp((mu - reshape_op(self.running_mean, shape=line)) / usual, min=-self.d_max, max=self.d_max)
        y = (input - mu) / deviation * r + d
        with mode(grad=False):
            share = self.factor()
            lerp_(self.running_mean, reshape_op(mu, shape=(-1,)), share)
            lerp_(self.running_var, var_op(input, dim=dims), share)
            count_(self.num_batches_tracked)
        y = y if self.weight is None else y * reshape_op(self.weight, shape=line)
        return y if self.bias is None else y + reshape_op(self.bias, shape=line)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, r_max={self.r_max}, d_max={self.d_max}"


class BatchRenorm1d(BatchRenorm):
    """Batch renormalisation of (N, C) or (N, C, L): see `BatchRenorm2d`."""

    ranks, picture = BatchNorm1d.ranks, BatchNorm1d.picture


class BatchRenorm2d(BatchRenorm):
    """y = weight ((x - mean_B)/s_B r + d) + bias for each channel, so that training sees what evaluation will; minigrad's own.

    r = s_B / s limited to 1/r_max ... r_max and d = (mean_B - mean) / s limited to -d_max ... d_max, without a gradient;
    s_B = sqrt(var_B + eps) is the batch's and s that of the running statistics. With r_max=1, d_max=0 it is batch norm,
    as training should begin; then set `layer.r_max` and `layer.d_max` higher. (N, C, H, W) -> same; state and
    evaluation are those of `BatchNorm2d`. Source: Ioffe 2017, Algorithm 1.
    """

    ranks, picture = BatchNorm2d.ranks, BatchNorm2d.picture


class BatchRenorm3d(BatchRenorm):
    """Batch renormalisation of (N, C, D, H, W): see `BatchRenorm2d`."""

    ranks, picture = BatchNorm3d.ranks, BatchNorm3d.picture


class NoisyBatchNorm(BatchNorm):
    """What batch norm with noise has in common for all ranks of input."""

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
        track_running_stats: bool = True, noise_mean: float = 0.5, noise_std: float = 1.25, jitter: float = 0.1,
        device: Any = None, dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        if noise_mean < 0 or noise_std < 1 or jitter < 0:
            raise ValueError(f"{type(self).__name__}: expected noise_mean >= 0, noise_std >= 1 and jitter >= 0, got "
                             f"{noise_mean}, {noise_std} and {jitter}")  # fmt: skip
        self.noise_mean, self.noise_std, self.jitter = noise_mean, noise_std, jitter

    def forward(self, input: Tensor) -> Tensor:
        y = super().forward(input)
        if not self.training:
            return y
        units, rest = (1, self.num_features), (1,) * (input.ndim - 2)
        like: Any = {"dtype": y.dtype, "device": y.device}
        with mode(grad=False):
            shift = (rand(*units, **like) * 2 - 1) * self.noise_mean  # drawn anew in each step, for each unit ...
            scale = rand(*units, **like) * (self.noise_std - 1) + 1
            own = (input.shape[0], self.num_features)  # ... and around them for each case
            shift = shift + (rand(*own, **like) * 2 - 1) * self.jitter
            scale = scale + randn(*own, **like) * self.jitter
        return y * reshape_op(scale, shape=(*own, *rest)) + reshape_op(shift, shape=(*own, *rest))

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, noise_mean={self.noise_mean}, noise_std={self.noise_std}, jitter={self.jitter}"


class NoisyBatchNorm1d(NoisyBatchNorm):
    """Batch norm with noise of (N, C) or (N, C, L): see `NoisyBatchNorm2d`."""

    ranks, picture = BatchNorm1d.ranks, BatchNorm1d.picture


class NoisyBatchNorm2d(NoisyBatchNorm):
    """y = s BN(x) + m in training: noise behind the normalisation that brings a shifting distribution back; minigrad's own.

    In each step every channel draws its mean from U(-noise_mean, noise_mean) and its scale from U(1, noise_std); each
    case then draws m within `jitter` of that mean and s normal around that scale with deviation `jitter`. In evaluation
    it is batch norm. (N, C, H, W) -> same. Source: Santurkar et al. 2018, How does batch normalization help optimization?,
    §2.1 and appendix A.
    """

    ranks, picture = BatchNorm2d.ranks, BatchNorm2d.picture


class NoisyBatchNorm3d(NoisyBatchNorm):
    """Batch norm with noise of (N, C, D, H, W): see `NoisyBatchNorm2d`."""

    ranks, picture = BatchNorm3d.ranks, BatchNorm3d.picture
