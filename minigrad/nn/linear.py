"""Linear layers, look-up tables, and the layers that only change shapes."""

from __future__ import annotations

import math
from typing import Any

from ..core import Tensor
from ..ops.create import empty
from ..ops.matmul import linear_relu_op
from ..ops.shape import flatten, unflatten
from . import functional as F
from . import init
from .functional.linear import mapped, padding_index
from .module import Module
from .parameter import Parameter


def made(*shape: int, device: Any, dtype: Any) -> Parameter:
    """A parameter of this shape, to be initialised."""
    return Parameter(empty(*shape, device=device, dtype=dtype))


def positive(layer: Module, **sizes: Any) -> None:
    """Raise unless every size is a non-negative int."""
    for name, size in sizes.items():
        if isinstance(size, bool) or not hasattr(size, "__index__"):
            raise TypeError(f"{type(layer).__name__}: {name} must be an int, got {size!r}")
        if size < 0:
            raise ValueError(f"{type(layer).__name__}: {name} must not be negative, got {size}")


class Identity(Module):
    """y = x, whatever its arguments."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        return input


class Linear(Module):
    """y = x W^T + b; (..., in_features) -> (..., out_features).

    weight (out_features, in_features) and bias (out_features) start uniform on -k ... k with k = 1/sqrt(in_features):
    for the weight that is `kaiming_uniform_` with a = sqrt 5. Source of the bound: LeCun et al. 1998, Efficient
    BackProp, §4.6. Raises ShapeError naming both shapes for an input of another width.
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        positive(self, in_features=in_features, out_features=out_features)
        self.in_features, self.out_features = in_features, out_features
        self.weight = made(out_features, in_features, device=device, dtype=dtype)
        self.register_parameter("bias", made(out_features, device=device, dtype=dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        uniform_by_fan(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, self.weight, self.bias)

    def rectified(self, input: Tensor) -> Tensor:
        """max(forward(input), 0), in one op."""
        return mapped(linear_relu_op, input, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


def uniform_by_fan(weight: Parameter, bias: Parameter | None) -> None:
    """PyTorch's default for linear layers and convolutions: uniform on -k ... k, k = 1/sqrt(fan_in) of the weight."""
    if weight.numel():
        init.kaiming_uniform_(weight, a=math.sqrt(5))
    if bias is not None:
        bound = 1 / math.sqrt(max(init.fans(weight)[0], 1))
        init.uniform_(bias, -bound, bound)


class Bilinear(Module):
    """y_o = x1^T W_o x2 + b_o; (..., in1), (..., in2) -> (..., out).

    weight (out, in1, in2) and bias (out) start uniform on -k ... k with k = 1/sqrt(in1_features).
    """

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if in1_features <= 0:
            raise ValueError(f"Bilinear: in1_features must be > 0, but got {in1_features}")
        positive(self, in2_features=in2_features, out_features=out_features)
        self.in1_features, self.in2_features, self.out_features = in1_features, in2_features, out_features
        self.weight = made(out_features, in1_features, in2_features, device=device, dtype=dtype)
        self.register_parameter("bias", made(out_features, device=device, dtype=dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        bound = 1 / math.sqrt(self.in1_features)
        for p in self.parameters():
            init.uniform_(p, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        return F.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
                f"out_features={self.out_features}, bias={self.bias is not None}")  # fmt: skip


class Embedding(Module):
    """A table of vectors, looked up by whole numbers; (...) -> (..., embedding_dim).

    weight (num_embeddings, embedding_dim) starts standard normal, the row `padding_idx` as zeros; that row gets no
    gradient. For the other arguments see `functional.embedding`. Raises IndexError for a number outside of the table.
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None, max_norm: float | None = None,
        norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False, _weight: Tensor | None = None,
        _freeze: bool = False, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        positive(self, num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = None if padding_idx is None else padding_index(padding_idx, num_embeddings)
        self.max_norm, self.norm_type, self.scale_grad_by_freq, self.sparse = (
            max_norm,
            norm_type,
            scale_grad_by_freq,
            sparse,
        )
        if _weight is None:
            self.weight = Parameter(empty(num_embeddings, embedding_dim, device=device, dtype=dtype), not _freeze)
            self.reset_parameters()
        else:
            if tuple(_weight.shape) != (num_embeddings, embedding_dim):
                raise ValueError(f"Embedding: Shape of weight does not match num_embeddings and embedding_dim: "
                                 f"expected {(num_embeddings, embedding_dim)}, got {tuple(_weight.shape)}")  # fmt: skip
            self.weight = Parameter(_weight, not _freeze)

    def reset_parameters(self) -> None:
        """Draw the table anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            init.zeros_(self.weight.detach()[self.padding_idx])

    @classmethod
    def from_pretrained(cls, embeddings: Tensor, freeze: bool = True, **options: Any) -> Embedding:
        """A layer around a given table (rows, columns), frozen unless told otherwise."""
        if embeddings.ndim != 2:
            raise ValueError(
                f"from_pretrained: Embeddings parameter is expected to be 2-dimensional, got {tuple(embeddings.shape)}"
            )
        rows, columns = embeddings.shape
        return cls(rows, columns, _weight=embeddings, _freeze=freeze, **options)

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(
            input, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.sparse
        )

    def extra_repr(self) -> str:
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        text += f", padding_idx={self.padding_idx}" if self.padding_idx is not None else ""
        text += f", max_norm={self.max_norm}" if self.max_norm is not None else ""
        text += f", norm_type={self.norm_type}" if self.norm_type != 2 else ""
        text += f", scale_grad_by_freq={self.scale_grad_by_freq}" if self.scale_grad_by_freq else ""
        return text + (", sparse=True" if self.sparse else "")


class Flatten(Module):
    """The dimensions from `start_dim` to `end_dim` made one: (N, C, H, W) -> (N, C H W)."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: Tensor) -> Tensor:
        return flatten(input, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Dimension `dim` taken apart into `unflattened_size`: (N, 12) -> (N, 3, 4)."""

    def __init__(self, dim: int, unflattened_size: Any) -> None:
        super().__init__()
        if not hasattr(dim, "__index__"):
            raise TypeError(f"Unflatten: dim must be an int, got {dim!r}")
        if not isinstance(unflattened_size, (tuple, list)) or not all(hasattr(n, "__index__") for n in unflattened_size):
            raise TypeError(f"Unflatten: unflattened_size must be a tuple of ints, got {unflattened_size!r}")
        self.dim, self.unflattened_size = dim, unflattened_size

    def forward(self, input: Tensor) -> Tensor:
        return unflatten(input, self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
