"""Layers that PyTorch lacks: convolution without shared weights, pooling over a pyramid, noise in place of a softmax."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..backends import DTypeError, ShapeError
from ..core import Tensor, mode
from ..ops.create import as_tensor
from ..ops.operands import tensor_of
from ..ops.sampling import multinomial
from ..ops.shape import cat, flatten
from . import functional as F
from . import init
from .cells import uniform_by_width
from .functional.checks import ntuple, reduced, reduction_of
from .linear import made, positive
from .module import Module


class LocallyConnected2d(Module):
    """A convolution with weights of its own for every place; (N, in_channels, H, W) -> (N, out_channels, outH, outW).

    y(p) = W_p x(patch at p) + b_p. `input_size` is (H, W); weight (outH outW, out_channels, in_channels kh kw) and bias
    (out_channels, outH, outW) start uniform on -k ... k, k = 1/sqrt(in_channels kh kw). Raises ShapeError for an image of
    another size. Source: Gregor & LeCun 2010; Taigman et al. 2014, §3.
    """

    def __init__(
        self, in_channels: int, out_channels: int, input_size: Any, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        bias: bool = True, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        who = type(self).__name__
        positive(self, in_channels=in_channels, out_channels=out_channels)
        self.in_channels, self.out_channels = in_channels, out_channels
        self.input_size, self.kernel_size = ntuple(who, "input_size", input_size, 2), ntuple(who, "kernel_size", kernel_size, 2)
        self.stride, self.padding = ntuple(who, "stride", stride, 2), ntuple(who, "padding", padding, 2, 0)
        self.output_size = tuple(
            (n + 2 * p - k) // s + 1
            for n, k, s, p in zip(self.input_size, self.kernel_size, self.stride, self.padding, strict=True)
        )
        if min(self.output_size) < 1:
            raise ShapeError(f"{who}: kernel_size {self.kernel_size} is larger than the padded image {self.input_size}")
        (h, w), (kh, kw) = self.output_size, self.kernel_size
        self.weight = made(h * w, out_channels, in_channels * kh * kw, device=device, dtype=dtype)
        self.register_parameter("bias", made(out_channels, h, w, device=device, dtype=dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        uniform_by_width(self, self.weight.shape[2])

    def forward(self, input: Tensor) -> Tensor:
        x = tensor_of("LocallyConnected2d", input)
        if x.ndim != 4 or tuple(x.shape[1:]) != (self.in_channels, *self.input_size):
            raise ShapeError(f"LocallyConnected2d: input must be (N, {self.in_channels}, {self.input_size[0]}, "
                             f"{self.input_size[1]}), got {tuple(x.shape)}")  # fmt: skip
        patches = F.unfold(x, self.kernel_size, 1, self.padding, self.stride)  # (N, C kh kw, places)
        y = (self.weight @ patches.permute(2, 1, 0)).permute(2, 1, 0)  # (places, O, N), the other way round
        y = y.reshape(len(x), self.out_channels, *self.output_size)
        return y if self.bias is None else y + self.bias

    def extra_repr(self) -> str:
        return (f"{self.in_channels}, {self.out_channels}, input_size={self.input_size}, kernel_size={self.kernel_size}, "
                f"stride={self.stride}, padding={self.padding}, bias={self.bias is not None}")  # fmt: skip


class SpatialPyramidPool2d(Module):
    """Images of any size as vectors of one: pooled to n x n bins for each n of `sizes`; (N, C, H, W) -> (N, C sum n^2).

    `pool` is "max" or "avg". Raises ValueError for another. Source: He, Zhang, Ren & Sun 2015, §2.2.
    """

    def __init__(self, sizes: Sequence[int] = (1, 2, 4), pool: str = "max") -> None:
        super().__init__()
        if pool not in ("max", "avg"):
            raise ValueError(f"SpatialPyramidPool2d: pool must be 'max' or 'avg', got {pool!r}")
        self.sizes, self.pool = tuple(sizes), pool

    def forward(self, input: Tensor) -> Tensor:
        pooled = F.adaptive_max_pool2d if self.pool == "max" else F.adaptive_avg_pool2d
        if tensor_of("SpatialPyramidPool2d", input).ndim != 4:
            raise ShapeError(f"SpatialPyramidPool2d: input must be (N, C, H, W), got {tuple(input.shape)}")
        return cat([flatten(pooled(input, n), 1) for n in self.sizes], 1)

    def extra_repr(self) -> str:
        return f"sizes={self.sizes}, pool={self.pool}"


class NegativeSamplingLoss(Module):
    """-log s(x w_t) - sum over `samples` drawn classes k of log s(-x w_k), in the place of a softmax of very many classes.

    input (B, D), target (B) -> () or, without reduction, (B). s is the sigmoid.
    `counts` says how often each class occurs; classes are drawn in proportion to counts^power. weight (classes, D), a vector
    for each class, starts as zeros. Raises IndexError for a target that is no class. Source: Mikolov et al. 2013,
    Distributed representations of words and phrases, §2.2.
    """

    def __init__(
        self, embedding_dim: int, counts: Any, samples: int = 5, power: float = 0.75, reduction: str = "mean",
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        positive(self, embedding_dim=embedding_dim, samples=samples)
        often = as_tensor(counts, dtype="float32", device=device)
        if often.ndim != 1 or not len(often) or not (often >= 0).all() or not often.any():
            raise ValueError("NegativeSamplingLoss: counts must be a vector of numbers of at least 0, not all of them 0, got "
                             f"shape {tuple(often.shape)}")  # fmt: skip
        self.samples, self.power, self.reduction = samples, power, reduction_of("NegativeSamplingLoss", reduction, None, None)
        self.register_buffer("noise", often**power)
        self.weight = made(len(often), embedding_dim, device=device, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """All vectors 0."""
        init.zeros_(self.weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        x, t = tensor_of("NegativeSamplingLoss", input), tensor_of("NegativeSamplingLoss", target, "target")
        if t.dtype.kind != "int":
            raise DTypeError(f"NegativeSamplingLoss: target must be integers, got {t.dtype!r}. Hint: .long()")
        if x.ndim != 2 or x.shape[1] != self.weight.shape[1] or tuple(t.shape) != (len(x),):
            raise ShapeError(f"NegativeSamplingLoss: expected input (B, {self.weight.shape[1]}) and target (B), got "
                             f"{tuple(x.shape)} and {tuple(t.shape)}")  # fmt: skip
        with mode(grad=False):
            drawn = multinomial(self.noise, len(x) * self.samples, True).reshape(len(x), self.samples)
        right = F.logsigmoid((x * F.embedding(t, self.weight)).sum(1))
        wrong = F.logsigmoid(-(F.embedding(drawn, self.weight) @ x[:, :, None])[:, :, 0]).sum(1)
        return reduced(-right - wrong, self.reduction)

    def extra_repr(self) -> str:
        return f"{self.weight.shape[1]}, classes={len(self.weight)}, samples={self.samples}, power={self.power}"
