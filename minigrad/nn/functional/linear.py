"""Linear maps and look-up tables."""

from __future__ import annotations

from typing import Any

from ...backends import DTypeError, ShapeError
from ...core import Tensor, mode
from ...ops.arithmetic import cast, where
from ...ops.create import arange, ones_like
from ...ops.elementwise import reciprocal
from ...ops.index import embedding_rows, index_add_op
from ...ops.linalg import tensor_norm as norm
from ...ops.matmul import linear_op, matmul
from ...ops.operands import tensor_of
from ...ops.shape import reshape_op
from ...ops.update import assign_
from .checks import one_type, vector


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """y = x weight^T + bias; (..., in), (out, in), (out) -> (..., out).

    Raises ShapeError that names both shapes if the inner sizes differ.
    """
    return mapped(linear_op, input, weight, bias)


def mapped(by: Any, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`linear` by an op, once its arguments are checked."""
    x, w = tensor_of("linear", input).array, tensor_of("linear", weight, "weight").array
    if w.ndim == 1 and x.ndim and x.shape[-1] == w.shape[0]:
        if bias is not None and tensor_of("linear", bias, "bias").ndim:
            raise ShapeError(f"linear: for a weight vector {tuple(w.shape)} expected bias (), got {tuple(bias.shape)}")
        y = matmul(input, weight)
        return y if bias is None else y + bias
    if w.ndim != 2 or not x.ndim or x.shape[-1] != w.shape[1]:
        raise ShapeError(f"linear: expected input (..., in) and weight (out, in), got {tuple(x.shape)} and "
                         f"{tuple(w.shape)}. Hint: the last size of the input must be in_features")  # fmt: skip
    one_type("linear", input, weight)
    if bias is None:
        return by(input, weight)
    if tuple(tensor_of("linear", bias, "bias").array.shape) not in (w.shape[:1], ()):
        vector("linear", "bias", bias, w.shape[0], "out")
    one_type("linear", input, bias, "bias")
    return by(input, weight, bias if bias.array.ndim else bias.expand(w.shape[0]))


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """y_o = x1^T weight_o x2 + bias_o; (..., in1), (..., in2), (out, in1, in2), (out) -> (..., out)."""
    x1, x2, w = tensor_of("bilinear", input1), tensor_of("bilinear", input2), tensor_of("bilinear", weight, "weight")
    fits = w.ndim == 3 and x1.ndim and x2.ndim and x1.shape[:-1] == x2.shape[:-1]
    if not fits or (x1.shape[-1], x2.shape[-1]) != tuple(w.shape[1:]):
        raise ShapeError("bilinear: expected inputs (..., in1) and (..., in2) and weight (out, in1, in2), got "
                         f"{tuple(x1.shape)}, {tuple(x2.shape)} and {tuple(w.shape)}")  # fmt: skip
    out, in1, in2 = w.shape
    vector("bilinear", "bias", bias, out, "out")
    rows = reshape_op(x1, shape=(-1, in1)) @ reshape_op(w.permute(1, 0, 2), shape=(in1, out * in2))  # (n, out in2)
    pairs = reshape_op(rows, shape=(rows.shape[0], out, in2)) * reshape_op(x2, shape=(rows.shape[0], 1, in2))
    y = reshape_op(pairs.sum(-1, dtype=pairs.dtype), shape=(*x1.shape[:-1], out))
    return y if bias is None else y + bias


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """The rows of `weight` at the whole numbers of `input`; (...), (V, D) -> (..., D).

    The row `padding_idx` gets no gradient; `max_norm` first shortens, in place, the rows that are used and longer;
    `scale_grad_by_freq` divides a row's gradient by how often it is used. With `sparse`
    the gradient of a leaf is a sparse tensor, for SGD, Adagrad and SparseAdam, unless it has hooks or the pass is recorded.
    Raises IndexError that names an index out of range.
    """
    index, w = tensor_of("embedding", input), tensor_of("embedding", weight, "weight")
    if index.dtype.kind != "int":
        raise DTypeError(f"embedding: input must be an integer tensor, got {index.dtype!r}. Hint: .long()")
    if w.ndim != 2:
        raise ShapeError(f"embedding: weight must be (V, D), got {tuple(w.shape)}")
    rows = w.shape[0]
    check_range("embedding", index, rows)
    if padding_idx is not None:
        padding_idx = padding_index(padding_idx, rows)
    if max_norm is not None:
        shorten(index, w, float(max_norm), float(norm_type))
    y = embedding_rows(w, index, sparse and w.is_leaf and not w.__dict__.get("hooks"))
    if not w.requires_grad or (padding_idx is None and not scale_grad_by_freq):
        return y
    flat = reshape_op(index, shape=(-1,))
    share = ones_like(flat, dtype=w.dtype)
    if scale_grad_by_freq:
        share = reciprocal(embedding_rows(index_add_op(share, flat, n=rows, dim=0), flat))
    if padding_idx is not None:
        share = where(flat == padding_idx, 0.0, share)
    fixed = y.detach()
    return fixed + (y - fixed) * reshape_op(share, shape=(*index.shape, 1))  # the value is y, the slope is the share


def padding_index(padding_idx: int, rows: int) -> int:
    """`padding_idx` counted from the start. Raises ValueError if there is no such row."""
    if not -rows <= padding_idx < rows:
        raise ValueError(f"embedding: padding_idx must be within num_embeddings = {rows}, got {padding_idx}")
    return padding_idx % rows


def check_range(who: str, index: Tensor, n: int) -> None:
    """Raise IndexError unless every entry is one of 0 ... n - 1."""
    if index.array.size:
        xp = index.backend.xp
        low, high = int(xp.min(index.array)), int(xp.max(index.array))
        if low < 0 or high >= n:
            raise IndexError(f"{who}: index {low if low < 0 else high} is out of range for dimension 0 with size {n}")


def shorten(index: Tensor, weight: Tensor, max_norm: float, norm_type: float) -> None:
    """Scale the rows of `weight` that `index` names to a norm of at most max_norm, in place."""
    with mode(grad=False):
        flat = reshape_op(index, shape=(-1,))
        used = index_add_op(ones_like(flat, dtype=weight.dtype), flat, n=weight.shape[0], dim=0) > 0
        length = norm(weight, norm_type, 1)
        scale = where(used & (length > max_norm), max_norm / (length + 1e-7), 1.0)
        assign_(weight, weight * reshape_op(scale, shape=(-1, 1)))


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """int64 rows that are 1 at the given class and 0 elsewhere; (...) -> (..., num_classes).

    With -1 there are as many classes as the largest of `tensor` asks for. Raises for classes out of range.
    """
    index = tensor_of("one_hot", tensor)
    if index.dtype.kind != "int":
        raise DTypeError(f"one_hot: expected an integer tensor, got {index.dtype!r}. Hint: .long()")
    if num_classes == -1:
        if not index.array.size:
            raise ShapeError("one_hot: Can not infer total number of classes from empty tensor. Hint: give num_classes")
        num_classes = int(index.backend.xp.max(index.array)) + 1
    elif num_classes < 1:
        raise ShapeError(f"one_hot: num_classes must be positive or -1, got {num_classes}")
    check_range("one_hot", index, num_classes)
    classes = arange(num_classes, dtype=index.dtype, device=index.device)
    return cast(reshape_op(index, shape=(*index.shape, 1)) == classes, dtype="int64")
