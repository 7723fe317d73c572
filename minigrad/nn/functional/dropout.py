"""Dropout and its kin: noise in training, nothing in evaluation. An op draws the noise, so a replay draws anew."""

from __future__ import annotations

import math

from ...backends import ShapeError
from ...core import Tensor
from ...ops.arithmetic import add, cast
from ...ops.create import empty, rand
from ...ops.operands import tensor_of
from ...ops.random import torch_source
from ...ops.sampling import tosses
from ...ops.shape import reshape_op
from .activations import SELU_ALPHA, SELU_SCALE
from .checks import placed, probability, wide


def kept(x: Tensor, p: float, whole_channels: bool) -> Tensor:
    """1 with probability 1 - p, else 0, for each element or each channel of x."""
    if torch_source(None):
        like = empty((*x.shape[:2], *(1,) * (x.ndim - 2)), dtype=x.dtype, device=x.device) if whole_channels else x
        return cast(tosses(like, 1 - p, None), dtype=x.dtype)
    shape = (*x.shape[:2], *(1,) * (x.ndim - 2)) if whole_channels else x.shape
    return cast(rand(*shape, dtype=wide(x), device=x.device) >= p, dtype=x.dtype)


def thinned(who: str, x: Tensor, p: float, training: bool, inplace: bool, whole_channels: bool = False) -> Tensor:
    """x with each element (or channel) zeroed with probability p and the others multiplied by 1 / (1 - p)."""
    probability(who, p)
    tensor_of(who, x)
    if not training or p == 0:
        return x
    if p == 1:
        return placed(who, x, lambda x: x * 0.0, inplace)
    if torch_source(None):  # divided as there, which may differ in the last bit
        return placed(who, x, lambda x: x * (kept(x, p, whole_channels).to(wide(x)) / (1 - p)).to(x.dtype), inplace)
    scale = 1 / (1 - p)
    return placed(who, x, lambda x: x * (kept(x, p, whole_channels) * scale), inplace)


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """y = x m / (1 - p), each m 1 with probability 1 - p, else 0; outside of training y = x. Source: Srivastava et al.
    2014.

    Raises ValueError unless 0 <= p <= 1.
    """
    return thinned("dropout", input, p, training, inplace)


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Dropout of whole channels; (N, C, L) or (C, L). Source: Tompson et al. 2015."""
    return _channels("dropout1d", input, p, training, inplace, (2, 3), alone=2)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Dropout of whole channels; (N, C, H, W), and (N, C, L) as PyTorch takes three dimensions. Source: Tompson et al.
    2015."""
    return _channels("dropout2d", input, p, training, inplace, (3, 4), alone=0)


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Dropout of whole channels; (N, C, D, H, W) or (C, D, H, W). Source: Tompson et al. 2015."""
    return _channels("dropout3d", input, p, training, inplace, (4, 5), alone=4)


def _channels(who: str, x: Tensor, p: float, training: bool, inplace: bool, ranks: tuple[int, int], alone: int) -> Tensor:
    """Dropout of channels; an input of `alone` dimensions is one case without the batch dimension."""
    if tensor_of(who, x).ndim not in ranks:
        raise ShapeError(f"{who}: input must have {ranks[0]} or {ranks[1]} dimensions, got {tuple(x.shape)}")
    if x.ndim != alone:
        return thinned(who, x, p, training, inplace, True)
    return reshape_op(thinned(who, reshape_op(x, shape=(1, *x.shape)), p, training, inplace, True), shape=tuple(x.shape))


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Dropout for `selu`: dropped elements become selu's lower limit, then scale and shift keep mean 0 and variance 1.

    Source: Klambauer et al. 2017, §Dropout.
    """
    return _alpha("alpha_dropout", input, p, training, inplace, False)


def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """`alpha_dropout` of whole channels."""
    return _alpha("feature_alpha_dropout", input, p, training, inplace, True)


def _alpha(who: str, x: Tensor, p: float, training: bool, inplace: bool, whole_channels: bool) -> Tensor:
    probability(who, p)
    tensor_of(who, x)
    if not training or p == 0:
        return x
    if p == 1:
        return placed(who, x, lambda x: x * 0.0, inplace)
    low = SELU_ALPHA * SELU_SCALE
    scale = 1 / math.sqrt((low * low * p + 1) * (1 - p))

    def noisy(x: Tensor) -> Tensor:
        keep = kept(x, p, whole_channels)
        return add(x * (keep * scale), (keep - (1 - p)) * (low * scale))

    return placed(who, x, noisy, inplace)
