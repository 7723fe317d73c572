"""First values of parameters. Each function fills a tensor in place, outside of any graph, and returns it."""

from __future__ import annotations

import math
from typing import Any

from ..backends import ShapeError
from ..backends.source import advise
from ..core import Tensor
from ..core import mode as engine_mode
from ..ops.arithmetic import where
from ..ops.create import eye as eye_matrix
from ..ops.create import rand, randn, randperm
from ..ops.elementwise import clamp, erfinv, log
from ..ops.likeness import empty_like
from ..ops.operands import tensor_of
from ..ops.random import torch_source
from ..ops.sampling import normal_numbers, uniform_numbers
from ..ops.update import assign_, setitem

GAINS = {"linear": 1.0, "conv1d": 1.0, "conv2d": 1.0, "conv3d": 1.0, "conv_transpose1d": 1.0, "conv_transpose2d": 1.0,
         "conv_transpose3d": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4}  # fmt: skip


def calculate_gain(nonlinearity: str, param: Any = None) -> float:
    """The factor by which weights grow to make up for what an activation takes from the variance.

    1 for linear maps and sigmoid, 5/3 tanh, sqrt 2 relu, sqrt(2 / (1 + slope^2)) leaky_relu (slope `param`, 0.01 by
    default), 3/4 selu. Raises ValueError for another name.
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(f"calculate_gain: negative_slope {param!r} not a valid number")
        return math.sqrt(2 / (1 + slope**2))
    if nonlinearity not in GAINS:
        raise ValueError(
            f"calculate_gain: Unsupported nonlinearity {nonlinearity!r}. Hint: {', '.join([*GAINS, 'leaky_relu'])}"
        )
    return GAINS[nonlinearity]


def fans(tensor: Tensor) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight: how many numbers an output is made of, and how many outputs a number goes into.

    (out, in) gives (in, out); (F, C, *K) gives (C |K|, F |K|).
    """
    if tensor.ndim < 2:
        raise ShapeError(
            f"fan in and fan out can not be computed for tensor with fewer than 2 dimensions, got {tuple(tensor.shape)}"
        )
    taps = math.prod(tensor.shape[2:])
    return tensor.shape[1] * taps, tensor.shape[0] * taps


_calculate_fan_in_and_fan_out = fans


def fan(tensor: Tensor, which: str) -> int:
    """fan_in or fan_out."""
    which = which.lower()
    if which not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {which!r} not supported, please use one of fan_in, fan_out")
    return fans(tensor)[which == "fan_out"]


def filled(tensor: Tensor, value: Any) -> Tensor:
    """`tensor` with the value, a number or a tensor, written into it."""
    with engine_mode(grad=False):
        assign_(tensor_of("init", tensor, "tensor"), value)
    return tensor


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Numbers uniform on [a, b). Raises ShapeError if a > b."""
    if a > b:
        raise ShapeError(f"uniform_: expects to return a [from, to) range, but found from={a} > to={b}")
    return filled(tensor, uniform_numbers(tensor, a, b, generator))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """Normal numbers of the given mean and standard deviation. Raises ShapeError for a negative one."""
    if std < 0:
        raise ShapeError(f"normal_: expects std >= 0.0, but found std {std}")
    return filled(tensor, normal_numbers(tensor, mean, std, generator))


def trunc_normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, generator: Any = None
) -> Tensor:
    """Normal numbers within a ... b: the inverse of the distribution function at uniform numbers. Raises ShapeError for
    a > b."""
    if a > b:
        raise ShapeError(f"trunc_normal_: expects a range [a, b], but found a={a} > b={b}")
    if mean < a - 2 * std or mean > b + 2 * std:
        advise("mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of values may "
               "be incorrect.")  # fmt: skip
    low, high = (math.erf((end - mean) / (std * math.sqrt(2))) for end in (a, b))
    if torch_source(generator):
        return filled(tensor, drawn_again(tensor, mean, std, a, b, (high - low) / 2 > 0.3, generator))
    u = rand(*tensor.shape, generator=generator, dtype="float64", device=tensor.device) * (high - low) + low
    drawn = clamp(erfinv(u) * (std * math.sqrt(2)) + mean, min=a, max=b)
    return filled(tensor, drawn.to(tensor.dtype))


def drawn_again(tensor: Tensor, mean: float, std: float, a: float, b: float, normal: bool, generator: Any) -> Tensor:
    """Normal numbers within a ... b as PyTorch draws them: all anew until each was accepted once.

    Proposed are normal numbers, where most of them lie within, else uniform ones, accepted in proportion to the density.
    """
    peak = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2

    def drawn(like: Tensor) -> tuple[Tensor, Tensor]:
        """Proposals, and which are refused."""
        if normal:
            x = normal_numbers(like, mean, std, generator)
            return x, (x < a) | (x > b)
        x = uniform_numbers(like, a, b, generator)
        return x, log(uniform_numbers(empty_like(like), 0.0, 1.0, generator)) > ((x - mean) / std) ** 2 * -0.5 - peak

    with engine_mode(grad=False):
        out, pending = drawn(tensor)
        while bool(pending.any()):
            x, refused = drawn(empty_like(tensor))
            out, pending = where(pending, x, out), pending & refused
    return out


def constant_(tensor: Tensor, val: float) -> Tensor:
    """One value everywhere."""
    return filled(tensor, val)


def ones_(tensor: Tensor) -> Tensor:
    """Ones."""
    return filled(tensor, 1)


def zeros_(tensor: Tensor) -> Tensor:
    """Zeros."""
    return filled(tensor, 0)


def eye_(tensor: Tensor) -> Tensor:
    """The identity matrix: a linear layer that passes on as much of its input as fits."""
    if tensor.ndim != 2:
        raise ShapeError(f"eye_: Only tensors with 2 dimensions are supported, got {tuple(tensor.shape)}")
    return filled(tensor, eye_matrix(*tensor.shape, dtype=tensor.dtype, device=tensor.device))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """A convolution's weight, (F, C/groups, *K), that passes on as many channels of each group as fit."""
    if tensor.ndim not in (3, 4, 5) or tensor.shape[0] % groups:
        raise ShapeError(f"dirac_: Only tensors with 3, 4, or 5 dimensions and F divisible by groups={groups} are "
                         f"supported, got {tuple(tensor.shape)}")  # fmt: skip
    each = tensor.shape[0] // groups
    middle = tuple(k // 2 for k in tensor.shape[2:])
    zeros_(tensor)
    with engine_mode(grad=False):
        for g in range(groups):
            for d in range(min(each, tensor.shape[1])):
                setitem(tensor, (g * each + d, d, *middle), 1.0)
    return tensor


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Uniform on -b ... b, b = gain sqrt(6 / (fan_in + fan_out)). Source: Glorot & Bengio 2010, eq. 16."""
    bound = gain * math.sqrt(6 / sum(fans(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Normal, std = gain sqrt(2 / (fan_in + fan_out)). Source: Glorot & Bengio 2010."""
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(fans(tensor))), generator)


def kaiming_uniform_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> Tensor:
    """Uniform on -b ... b, b = gain sqrt(3 / fan); `a` is leaky_relu's slope. Source: He et al. 2015, §2.2."""
    if 0 in tensor.shape:
        return nothing(tensor)
    bound = calculate_gain(nonlinearity, a) * math.sqrt(3 / fan(tensor, mode))
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> Tensor:
    """Normal, std = gain / sqrt(fan); `a` is leaky_relu's slope. Source: He et al. 2015, §2.2."""
    if 0 in tensor.shape:
        return nothing(tensor)
    return normal_(tensor, 0.0, calculate_gain(nonlinearity, a) / math.sqrt(fan(tensor, mode)), generator)


def nothing(tensor: Tensor) -> Tensor:
    """A tensor without elements, as it is, with a warning."""
    advise("Initializing zero-element tensors is a no-op")
    return tensor


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Any = None) -> Tensor:
    """A random matrix (rows, rest) with orthonormal rows or columns, whichever are fewer, times gain. Source: Saxe et
    al. 2013.

    It is the Q of the QR decomposition of a normal matrix, with the signs of R's diagonal.
    """
    if tensor.ndim < 2:
        raise ShapeError(f"orthogonal_: Only tensors with 2 or more dimensions are supported, got {tuple(tensor.shape)}")
    if not tensor.numel():
        return tensor
    rows, columns = tensor.shape[0], tensor.numel() // tensor.shape[0]
    xp = tensor.backend.xp
    if torch_source(generator):
        drawn = randn(rows, columns, generator=generator, dtype=tensor.dtype, device=tensor.device).to("float64")
        drawn = drawn if rows >= columns else drawn.T
    else:
        shape = (max(rows, columns), min(rows, columns))
        drawn = randn(*shape, generator=generator, dtype="float64", device=tensor.device)
    q, r = xp.linalg.qr(drawn.array)
    q = Tensor(q * xp.sign(xp.linalg.diagonal(r)))
    q = q if rows >= columns else q.T
    return filled(tensor, (q.reshape(*tensor.shape) * gain).to(tensor.dtype))


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Any = None) -> Tensor:
    """A matrix of normal numbers with the share `sparsity` of each column set to 0. Source: Martens 2010."""
    if tensor.ndim != 2:
        raise ShapeError(f"sparse_: Only tensors with 2 dimensions are supported, got {tuple(tensor.shape)}")
    rows, columns = tensor.shape
    count = math.ceil(sparsity * rows)
    normal_(tensor, 0.0, std, generator)
    with engine_mode(grad=False):
        for column in range(columns):
            setitem(tensor, (randperm(rows, generator=generator, device=tensor.device)[:count], column), 0.0)
    return tensor
