"""Deformable convolution: a kernel whose points are moved, at every place, by offsets that a network learns."""

from __future__ import annotations

from typing import Any

from ..backends import ShapeError
from ..core import Tensor
from ..nn.functional.checks import ntuple, vector
from ..nn.linear import made, uniform_by_fan
from ..nn.module import Module
from ..ops.create import arange
from ..ops.elementwise import clamp, floor
from ..ops.index import gather
from ..ops.operands import tensor_of


def deform_conv2d(
    input: Tensor, offset: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """y(p) = sum over the kernel's points k of weight_k x(p + k + offset_k(p)) mask_k(p); x is bilinear, and 0 outside.

    input (N, C, H, W), offset (N, 2 G kh kw, outH, outW) with (dy, dx) for each point, weight (O, C / groups, kh, kw),
    mask (N, G kh kw, outH, outW) -> (N, O, outH, outW); G groups of channels have offsets of their own.
    Raises ShapeError if they don't fit. Source: Dai et al. 2017, §2.1; the mask: Zhu et al. 2019, §3.2.
    """
    who = "deform_conv2d"
    x, w = tensor_of(who, input), tensor_of(who, weight, "weight")
    if x.ndim != 4 or w.ndim != 4 or x.shape[1] % max(w.shape[1], 1) or w.shape[1] == 0:
        raise ShapeError(f"{who}: expected input (N, C, H, W) and weight (O, C / groups, kh, kw), got {tuple(x.shape)} and "
                         f"{tuple(w.shape)}")  # fmt: skip
    (n, c, _, _), (o, share, kh, kw), points = x.shape, w.shape, w.shape[2] * w.shape[3]
    (sy, sx), (py, px), (dy, dx) = (
        ntuple(who, name, value, 2, least)
        for name, value, least in (("stride", stride, 1), ("padding", padding, 0), ("dilation", dilation, 1))
    )
    height = (x.shape[2] + 2 * py - dy * (kh - 1) - 1) // sy + 1
    width = (x.shape[3] + 2 * px - dx * (kw - 1) - 1) // sx + 1
    own = tensor_of(who, offset, "offset").shape[1] // (2 * points) if offset.ndim == 4 else 0
    if not own or tuple(offset.shape) != (n, 2 * own * points, height, width) or c % own:
        raise ShapeError(f"{who}: offset must be (N, 2 G kh kw, outH, outW) = ({n}, {2 * points} G, {height}, {width}), G a "
                         f"divisor of the {c} channels, got {tuple(offset.shape)}")  # fmt: skip
    if mask is not None and tuple(tensor_of(who, mask, "mask").shape) != (n, own * points, height, width):
        raise ShapeError(f"{who}: mask must be ({n}, {own * points}, {height}, {width}), got {tuple(mask.shape)}")
    groups = c // share
    if o % groups:
        raise ShapeError(f"{who}: {o} output channels must be divisible by {groups} groups")
    vector(who, "bias", bias, o, "O")
    moved = offset.reshape(n, own, kh, kw, 2, height, width)
    rows = arange(kh, device=x.device)[:, None, None, None] * dy + arange(height, device=x.device)[:, None] * sy - py
    columns = arange(kw, device=x.device)[:, None, None] * dx + arange(width, device=x.device) * sx - px
    seen = sampled(x.reshape(n, own, c // own, *x.shape[2:]), rows + moved[:, :, :, :, 0], columns + moved[:, :, :, :, 1])
    if mask is not None:
        seen = seen * mask.reshape(n, own, 1, kh, kw, height, width)
    patches = seen.reshape(n, groups, share * points, height * width)
    y = (w.reshape(groups, o // groups, share * points) @ patches).reshape(n, o, height, width)
    return y if bias is None else y + bias[:, None, None]


def sampled(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """x at points between its pixels: (N, G, C, H, W) at rows and columns (N, G, ...) -> (N, G, C, ...). Outside it is 0."""
    (n, g, c, height, width), shape = x.shape, rows.shape[2:]
    flat, total = x.reshape(n, g, c, height * width), 0.0
    top, left = floor(rows.detach()), floor(columns.detach())
    down, right = rows - top, columns - left
    for y, share in ((top, 1 - down), (top + 1, down)):
        for z, part in ((left, 1 - right), (left + 1, right)):
            inside = (y >= 0) & (y < height) & (z >= 0) & (z < width)
            at = (clamp(y, min=0, max=height - 1) * width + clamp(z, min=0, max=width - 1)).long().reshape(n, g, 1, -1)
            found = gather(flat, 3, at.expand(n, g, c, at.shape[3])).reshape(n, g, c, *shape)
            total = total + found * (share * part * inside.to(x.dtype)).reshape(n, g, 1, *shape)
    return total  # type: ignore[return-value]


class DeformConv2d(Module):
    """`deform_conv2d` as a layer: called with an input, offsets and, if there is one, a mask.

    weight (out_channels, in_channels / groups, kh, kw) and bias start as those of `Conv2d`.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
        groups: int = 1, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(f"DeformConv2d: in_channels and out_channels must be divisible by groups, got {in_channels}, "
                             f"{out_channels} and {groups}")  # fmt: skip
        who = type(self).__name__
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = ntuple(who, "kernel_size", kernel_size, 2)
        self.stride, self.dilation = ntuple(who, "stride", stride, 2), ntuple(who, "dilation", dilation, 2)
        self.padding = ntuple(who, "padding", padding, 2, 0)
        self.weight = made(out_channels, in_channels // groups, *self.kernel_size, device=None, dtype=None)
        self.register_parameter("bias", made(out_channels, device=None, dtype=None) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew: uniform on -k ... k, k = 1/sqrt(fan_in)."""
        uniform_by_fan(self.weight, self.bias)

    def forward(self, input: Tensor, offset: Tensor, mask: Tensor | None = None) -> Tensor:
        return deform_conv2d(input, offset, self.weight, self.bias, self.stride, self.padding, self.dilation, mask)

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        text += f", padding={self.padding}" if self.padding != (0, 0) else ""
        text += f", dilation={self.dilation}" if self.dilation != (1, 1) else ""
        text += f", groups={self.groups}" if self.groups != 1 else ""
        return text + ("" if self.bias is not None else ", bias=False")
