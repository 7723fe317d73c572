"""tinygrad: the whole training step, update included, is captured and compiled by `TinyJit`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinygrad import Tensor, TinyJit, nn

from ..workloads.workload import pictures, weights
from .numpy_like import CONVOLUTIONAL, PERCEPTRONS, adam, cnn_shapes, mlp_shapes, normalized_by

__all__ = ["CONVOLUTIONAL"]
