"""Kernels on oneDNN, of the same names and meaning as the reference's, which serves whatever these can't."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..numpy_kernels import NUMPY_KERNELS
from ..reference import REFERENCE
from .attention import attention, attention_backward
from .convolution import conv, conv_backward, conv_input, conv_relu, conv_weight
from .elementwise import (
    gelu,
    gelu_backward,
    log_softmax_backward,
    relu_backward,
    sigmoid,
    softmax,
    softmax_backward,
)
from .library import Unsupported
from .normalization import (
    batch_norm,
    batch_norm_backward,
    batch_norm_input,
    batch_norm_relu,
    batch_norm_relu_backward,
    layer_norm,
    layer_norm_backward,
    layer_norm_input,
)
from .pooling import max_pool, max_pool_input, sum_pool, sum_pool_input
from .primitive import lacking
from .product import linear, linear_relu, matmul
from .recurrent import lstm, lstm_gradients
from .steps import adam_, sgd_

_KERNELS: list[Callable] = [
    conv, conv_input, conv_weight, conv_backward, conv_relu, max_pool, max_pool_input, sum_pool, sum_pool_input, batch_norm,
    batch_norm_backward, batch_norm_input, batch_norm_relu, batch_norm_relu_backward, layer_norm, layer_norm_input,
    layer_norm_backward, matmul, linear, linear_relu, relu_backward, sigmoid, gelu, gelu_backward, softmax,
    softmax_backward, log_softmax_backward, lstm, lstm_gradients, attention, attention_backward, adam_, sgd_,
]  # fmt: skip


def guarded(kernel: Callable) -> Callable:
    """The kernel, and NumPy's for a call on which it fails."""
    name = kernel.__name__

    @functools.wraps(kernel)
    def run(b: Any, *args: Any) -> Any:
        try:
            return kernel(b, *args)
        except Unsupported as error:
            lacking(name, error)
            return (NUMPY_KERNELS.get(name) or REFERENCE[name])(b, *args)

    return run


ONEDNN: dict[str, Any] = {f.__name__: guarded(f) for f in _KERNELS}
