"""Convolution in one, two and three dimensions, and its transpose: checks and conveniences around ops/conv.py."""

from __future__ import annotations

from typing import Any

from ...backends import ShapeError, Window, out_size
from ...core import Tensor
from ...ops.arithmetic import cast
from ...ops.conv import conv, conv_input
from ...ops.operands import tensor_of
from ...ops.shape import pad_op, reshape_op, slice_op
from .checks import IMAGE, KERNEL, batched, ntuple, one_type, unbatched, vector


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """(N, C, W), (F, C/groups, kW), (F) -> (N, F, oW): see `conv2d`."""
    return convolved("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """y[n,f,o] = bias[f] + sum over c, k of weight[f,c,k] x[n,c,stride o + dilation k - padding].

    (N, C, H, W), (F, C/groups, kH, kW), (F) -> (N, F, oH, oW),
    oH = floor((H + 2 padding - dilation (kH - 1) - 1)/stride) + 1.
    `padding` is an int, a tuple, "valid" (none) or "same" (oH = H, for stride 1). A single image may come without N.
    Raises ShapeError that names the shapes. Source: Dumoulin & Visin 2016.
    """
    return convolved("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """(N, C, D, H, W), (F, C/groups, kD, kH, kW), (F) -> (N, F, oD, oH, oW): see `conv2d`."""
    return convolved("conv3d", 3, input, weight, bias, stride, padding, dilation, groups)


def convolved(
    who: str, n: int, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int, by: Any = conv
) -> Tensor:
    """Convolution over `n` spatial dimensions, by an op that may do more."""
    x, was_batched = batched(who, x, n)
    stride, dilation = ntuple(who, "stride", stride, n), ntuple(who, "dilation", dilation, n)
    groups = ntuple(who, "groups", groups, 1)[0]
    shape, w = x.array.shape, tensor_of(who, weight, "weight").array.shape
    if len(w) != n + 2 or w[1] * groups != shape[1]:
        more = f" and groups = {groups}" if groups > 1 else ""
        raise ShapeError(f"{who}: weight must be (F, C/groups, {KERNEL[n]}) with C = {shape[1]} as in input "
                         f"{tuple(shape)}{more}, got {tuple(w)}")  # fmt: skip
    if w[0] % groups:
        raise ShapeError(
            f"{who}: the number of filters F = {w[0]} must be divisible by groups = {groups}, got weight {tuple(w)}"
        )
    one_type(who, x, weight)
    vector(who, "bias", bias, w[0], "F")
    if bias is not None:
        one_type(who, x, bias, "bias")
    if isinstance(padding, str):
        x, padding = padded_for(who, x, padding, w[2:], stride, dilation)
        shape = x.array.shape
    padding = ntuple(who, "padding", padding, n, least=0)
    check_kernel(who, shape[2:], w[2:], padding, dilation)
    return unbatched(by(x, weight, bias, window=Window(stride, padding, dilation, groups)), was_batched)


def padded_for(
    who: str, x: Tensor, padding: str, kernel: tuple, stride: tuple, dilation: tuple
) -> tuple[Tensor, tuple[int, ...]]:
    """The padding that "valid" or "same" stands for; where it is one cell more at the end, that cell is added to x."""
    if padding == "valid":
        return x, (0,) * len(kernel)
    if padding != "same":
        raise ValueError(f"{who}: padding must be an int, a tuple, 'same' or 'valid', got {padding!r}")
    if any(s != 1 for s in stride):
        raise ValueError(f"{who}: padding='same' is not supported for strided convolutions, got stride {stride}")
    total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    if any(t % 2 for t in total):
        x = pad_op(x, before=(0,) * x.ndim, after=(0, 0, *(t % 2 for t in total)))
    return x, tuple(t // 2 for t in total)


def check_kernel(who: str, sizes: tuple, kernel: tuple, padding: tuple, dilation: tuple) -> None:
    """Raise ShapeError unless the spread kernel fits into the padded image."""
    image = tuple(s + 2 * p for s, p in zip(sizes, padding, strict=True))
    spread = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    if min(kernel, default=1) < 1 or any(s > i for s, i in zip(spread, image, strict=True)):
        raise ShapeError(f"{who}: the kernel must fit into the padded image: kernel ({', '.join(map(str, kernel))}) "
                         f"with dilation {dilation} spans {spread}, the image with padding {padding} is {image}. "
                         "Hint: more padding, or a smaller kernel")  # fmt: skip


def conv_transpose1d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
    output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
) -> Tensor:  # fmt: skip
    """(N, C, W), (C, F/groups, kW), (F) -> (N, F, oW): see `conv_transpose2d`."""
    return transposed("conv_transpose1d", 1, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
    output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
) -> Tensor:  # fmt: skip
    """The adjoint of `conv2d` in its input: every element of x spreads the kernel into y.

    (N, C, H, W), (C, F/groups, kH, kW), (F) -> (N, F, oH, oW),
    oH = (H - 1) stride - 2 padding + dilation (kH - 1) + output_padding + 1.
    `output_padding` picks among the sizes that a strided convolution maps to H; it is below stride or dilation.
    Source: Zeiler et al. 2010; Dumoulin & Visin 2016, §4.
    """
    return transposed("conv_transpose2d", 2, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose3d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
    output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
) -> Tensor:  # fmt: skip
    """(N, C, D, H, W), (C, F/groups, kD, kH, kW), (F) -> (N, F, oD, oH, oW): see `conv_transpose2d`."""
    return transposed("conv_transpose3d", 3, input, weight, bias, stride, padding, output_padding, groups, dilation)


def transposed(
    who: str,
    n: int,
    x: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> Tensor:
    """Transposed convolution over `n` spatial dimensions."""
    x, was_batched = batched(who, x, n)
    stride, dilation = ntuple(who, "stride", stride, n), ntuple(who, "dilation", dilation, n)
    padding, extra = ntuple(who, "padding", padding, n, 0), ntuple(who, "output_padding", output_padding, n, 0)
    groups = ntuple(who, "groups", groups, 1)[0]
    shape, w = tuple(x.shape), tuple(tensor_of(who, weight, "weight").shape)
    if len(w) != n + 2 or w[0] != shape[1] or w[0] % groups:
        raise ShapeError(f"{who}: weight must be (C, F/groups, {KERNEL[n]}) with C = {shape[1]} as in input {shape}, "
                         f"divisible by groups = {groups}, got {w}")  # fmt: skip
    one_type(who, x, weight)
    vector(who, "bias", bias, w[1] * groups, "F")
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise ShapeError(f"{who}: output padding must be smaller than either stride or dilation, got output_padding "
                         f"{extra}, stride {stride}, dilation {dilation}")  # fmt: skip
    spread = [(s - 1) * t + d * (k - 1) + 1 for s, t, d, k in zip(shape[2:], stride, dilation, w[2:], strict=True)]
    sizes = tuple(s - 2 * p + e for s, p, e in zip(spread, padding, extra, strict=True))
    if min(sizes) < 1:
        raise ShapeError(f"{who}: the output ({IMAGE[n]}) would be {sizes}, for input {shape}, weight {w}, padding "
                         f"{padding}. Hint: less padding")  # fmt: skip
    lead = (shape[0], w[1] * groups)
    adjoint = Window(stride, padding, dilation, groups)
    if tuple(map(out_size, sizes, w[2:], stride, padding, dilation)) == shape[2:]:
        y = conv_input(x, weight, shape=(*lead, *sizes), window=adjoint)
    else:  # an output padding that a convolution with this stride would see: spread without padding, then cut
        y = conv_input(x, weight, shape=(*lead, *spread), window=adjoint._replace(padding=(0,) * n))
        lack = tuple(max(p + o - s, 0) for p, o, s in zip(padding, sizes, spread, strict=True))
        y = pad_op(y, before=(0,) * y.ndim, after=(0, 0, *lack))
        y = slice_op(y, index=(..., *(slice(p, p + o) for p, o in zip(padding, sizes, strict=True))))
    if bias is not None:
        bias = bias if bias.dtype is y.dtype else cast(bias, dtype=y.dtype)  # under autocast
        y = y + reshape_op(bias, shape=(-1, *(1,) * n))
    return unbatched(y, was_batched)
