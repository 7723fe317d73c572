"""Convolution on oneDNN with both its gradients, of which the input's is also transposed convolution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import numpy_windows, reference
from ..windows import Window, out_sizes
from .library import (
    BIAS,
    CONV_DIRECT,
    DIFF_BIAS,
    DIFF_DST,
    DIFF_SRC,
    DIFF_WEIGHTS,
    DIFF_WEIGHTS_MD,
    DST,
    SRC,
    TRAINING,
    WEIGHTS,
    WEIGHTS_MD,
    Library,
)  # fmt: skip
from .primitive import (
    FLOAT32,
    Primitive,
    Reorder,
    as_channels_last,
    channels_last,
    compiled,
    finite,
    fits,
    given,
    new_channels_last,
    row_major,
)


class Convolution:
    """Forward and both gradients of one convolution: shapes, window, and whether it has a bias, and ends in a ReLU."""

    def __init__(self, lib: Library, x: tuple, w: tuple, window: Window, bias: bool, relu: bool) -> None:
        groups = window.groups
        self.y = (x[0], w[0], *out_sizes(x[2:], w[2:], window))
        grouped = (groups, w[0] // groups, *w[1:]) if groups > 1 else w
        ends = [lib.dims(v) for v in (window.stride, tuple(d - 1 for d in window.dilation), window.padding, window.padding)]
        src, dst = lib.desc(x, channels_last(x)), lib.desc(self.y, channels_last(self.y))
        weights, own = lib.any(grouped), lib.desc(grouped, row_major(grouped))
        line = lib.desc((w[0],), (1,)) if bias else None
        hint = lib.make("convolution_forward_primitive_desc_create", lib.engine, TRAINING, CONV_DIRECT, src, weights, line, dst,
                        *ends, lib.with_relu() if relu else None)  # fmt: skip
        chosen = lib.chosen(hint, WEIGHTS_MD)
        slots = [(SRC, src), (WEIGHTS, chosen), (DST, dst)]
        self.forward = Primitive(lib, hint, slots + ([(BIAS, line)] if bias else []))
        self.weights = Reorder(lib, own, chosen)
        if relu:
            return  # the gradients are those without it, once what arrives is cut off where it was 0
        back = lib.make("convolution_backward_data_primitive_desc_create", lib.engine, CONV_DIRECT, src, weights, dst, *ends,
                        hint, None)  # fmt: skip
        chosen = lib.chosen(back, WEIGHTS_MD)
        self.data = Primitive(lib, back, [(DIFF_DST, dst), (WEIGHTS, chosen), (DIFF_SRC, src)])
        self.data_weights = Reorder(lib, own, chosen)
        back = lib.make("convolution_backward_weights_primitive_desc_create", lib.engine, CONV_DIRECT, src, weights, line, dst,
                        *ends, hint, None)  # fmt: skip
        chosen = lib.chosen(back, DIFF_WEIGHTS_MD)
        slots = [(SRC, src), (DIFF_DST, dst), (DIFF_WEIGHTS, chosen)]
        self.weight = Primitive(lib, back, slots + ([(DIFF_BIAS, line)] if bias else []))
        self.weight_back = Reorder(lib, chosen, own)

    @staticmethod
    def work(x: tuple, w: tuple, window: Window, *options: Any) -> float:
        return 2.0 * x[0] * math.prod(out_sizes(x[2:], w[2:], window)) * math.prod(w)


def convolved(x: Any, w: Any, bias: Any, window: Window, relu: bool) -> np.ndarray | None:
    """conv or conv_relu; None where oneDNN has none."""
    fine = fits(x, w, bias) and finite(w)  # taps over the padding are left out, where the reference has NaN times 0
    found = compiled(Convolution, x.shape, w.shape, window, bias is not None, relu) if fine else None
    if found is None:
        return None
    y = new_channels_last(found.y)
    found.forward.run(as_channels_last(x), found.weights.into(np.ascontiguousarray(w)), y, *given(bias))
    return y


def conv(b: Any, x: Any, w: Any, bias: Any, window: Window) -> Any:
    y = convolved(x, w, bias, window, False)
    return numpy_windows.conv(b, x, w, bias, window) if y is None else y


def conv_relu(b: Any, x: Any, w: Any, bias: Any, window: Window) -> Any:
    y = convolved(x, w, bias, window, True)
    return reference.conv_relu(b, x, w, bias, window) if y is None or not finite(x, w, bias) else y


def conv_input(b: Any, g: Any, w: Any, shape: tuple, window: Window) -> Any:
    found = compiled(Convolution, tuple(shape), w.shape, window, False, False) if fits(g, w) else None
    if found is None:
        return numpy_windows.conv_input(b, g, w, shape, window)
    x = new_channels_last(tuple(shape))
    found.data.run(as_channels_last(g), found.data_weights.into(np.ascontiguousarray(w)), x)
    return x


def conv_weight(b: Any, x: Any, g: Any, kernel: tuple, window: Window) -> Any:
    shape = (g.shape[1], x.shape[1] // window.groups, *kernel)
    dw = gathered(x, g, shape, window)
    return numpy_windows.conv_weight(b, x, g, kernel, window) if dw is None else dw


def gathered(x: Any, g: Any, shape: tuple, window: Window, *db: np.ndarray) -> np.ndarray | None:
    """The gradient of the weight, and in the same pass that of the bias if there is room for it; None where oneDNN has none."""
    fine = fits(x, g) and inside(shape[2:], window)
    found = compiled(Convolution, x.shape, shape, window, bool(db), False) if fine else None
    if found is None:
        return None
    dw = np.empty(shape, FLOAT32)
    found.weight.run(as_channels_last(x), as_channels_last(g), found.weight_back.room(dw), *db)
    dw = found.weight_back.back(dw)
    return dw if finite(dw) else None  # as in `convolved`


def conv_backward(b: Any, g: Any, x: Any, w: Any, x_shape: tuple, w_shape: tuple, window: Window, wanted: tuple) -> Any:
    g = as_channels_last(g) if fits(g) else g  # once for both gradients
    if not all(wanted[1:]) or len(wanted) < 3:
        return reference.conv_backward(b, g, x, w, x_shape, w_shape, window, wanted)
    db = np.empty(w_shape[0], FLOAT32)
    dw = gathered(x, g, w_shape, window, db)
    rest = (wanted[0], dw is None, dw is None)
    dx, *others = reference.conv_backward(b, g, x, w, x_shape, w_shape, window, rest)
    return (dx, *others) if dw is None else (dx, dw, db)


def inside(kernel: tuple, window: Window) -> bool:
    """Whether no output sees the padding alone."""
    return all(p <= d * (k - 1) for k, d, p in zip(kernel, window.dilation, window.padding, strict=True))
