"""Batch norm that also takes the correlation between channels away."""

from __future__ import annotations

from typing import Any

from ..backends import ShapeError
from ..core import Tensor, mode
from ..ops.create import eye, zeros
from ..ops.elementwise import sqrt
from ..ops.operands import tensor_of
from ..ops.update import count_, lerp_
from .linear import positive
from .module import Module
from .norm import one_and_zero, scale_and_shift


class DecorrelatedBatchNorm(Module):
    """y = weight (W (x - mean)) + bias, W W = (cov + eps I)^-1: of each group of channels mean 0 and covariance I in a batch.

    (N, C, ...) -> same. cov is the covariance (C/groups, C/groups) over cases and places, and W its inverse square root, by
    Newton's iteration, which has a gradient where eigenvalues coincide: from Y = cov / tr cov and Z = I, `iterations` times
    H = (3 I - Z Y) / 2, Y <- Y H, Z <- H Z, then W = Z / sqrt(tr cov). Few iterations whiten the main directions only. In
    training the running mean and the running W move towards the batch's by `momentum`; in evaluation they normalise. weight
    (C) starts at 1, bias (C) at 0. Raises ValueError unless groups divides C, and in training on one value per channel.
    Source: Huang, Yang, Lang & Deng 2018; by iteration: Huang, Zhou, Zhu, Liu & Shao 2019, Algorithm 1, here in the coupled
    form, which rounding does not upset (Higham 2008, §6.3).
    """

    def __init__(
        self, num_features: int, groups: int = 1, iterations: int = 5, eps: float = 1e-5, momentum: float = 0.1,
        affine: bool = True, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        positive(self, num_features=num_features, groups=groups, iterations=iterations)
        if not groups or num_features % groups:
            raise ValueError(f"DecorrelatedBatchNorm: groups must divide num_features, got {groups} and {num_features}")
        self.num_features, self.groups, self.iterations = num_features, groups, iterations
        self.eps, self.momentum = eps, momentum
        scale_and_shift(self, num_features, affine, True, device, dtype)
        size = num_features // groups
        self.register_buffer("running_mean", zeros(num_features, dtype=dtype, device=device))
        self.register_buffer("running_whitening", eye(size, dtype=dtype, device=device).repeat(groups, 1, 1))
        self.register_buffer("num_batches_tracked", zeros((), dtype="int64", device=device))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weight 1 and bias 0."""
        one_and_zero(self)

    def forward(self, input: Tensor) -> Tensor:
        x = tensor_of("DecorrelatedBatchNorm", input)
        if x.ndim < 2 or x.shape[1] != self.num_features:
            raise ShapeError(f"DecorrelatedBatchNorm: input must be (N, {self.num_features}, ...), got {tuple(x.shape)}")
        rows = x.transpose(0, 1).reshape(self.num_features, -1)  # (C, values of a channel)
        mean, whitening = self.running_mean, self.running_whitening
        if self.training:
            if rows.shape[1] < 2:
                raise ValueError("DecorrelatedBatchNorm: Expected more than 1 value per channel when training, got input size "
                                 f"{tuple(x.shape)}")  # fmt: skip
            mean = rows.mean(1)
            whitening = self.inverse_root((rows - mean[:, None]).reshape(self.groups, -1, rows.shape[1]))
            with mode(grad=False):
                lerp_(self.running_mean, mean.detach(), self.momentum)
                lerp_(self.running_whitening, whitening.detach(), self.momentum)
                count_(self.num_batches_tracked)
        y = whitening @ (rows - mean[:, None]).reshape(self.groups, -1, rows.shape[1])
        y = y.reshape(self.num_features, x.shape[0], *x.shape[2:]).transpose(0, 1)
        if self.weight is None:
            return y
        line = (-1, *(1,) * (x.ndim - 2))
        return y * self.weight.reshape(line) + self.bias.reshape(line)

    def inverse_root(self, centred: Tensor) -> Tensor:
        """(cov + eps I)^(-1/2) of the rows of each group; (groups, C/groups, values) -> (groups, C/groups, C/groups)."""
        size, many = centred.shape[1:]
        unit = eye(size, dtype=centred.dtype, device=centred.device)
        cov = centred @ centred.transpose(1, 2) / many + self.eps * unit
        trace = (cov * unit).sum((1, 2), keepdim=True)
        y, z = cov / trace, unit
        for left in reversed(range(self.iterations)):
            half = (3 * unit - z @ y) / 2
            z = half @ z
            y = y @ half if left else y  # the last is not asked for
        return z / sqrt(trace)

    def extra_repr(self) -> str:
        return (f"{self.num_features}, groups={self.groups}, iterations={self.iterations}, eps={self.eps}, "
                f"momentum={self.momentum}, affine={self.weight is not None}")  # fmt: skip
