"""Activations: functions of each element that bend what linear layers leave straight. Compositions of ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...backends import ShapeError
from ...backends.source import advise
from ...core import Tensor
from ...ops import functions
from ...ops.arithmetic import where
from ...ops.create import rand, sampled
from ...ops.elementwise import abs, clamp, expm1, log, sigmoid, tanh
from ...ops.elementwise import gelu as gelu_op
from ...ops.elementwise import relu as relu_op
from ...ops.elementwise import softplus as softplus_op
from ...ops.index import gather
from ...ops.operands import axis, tensor_of
from ...ops.random import Generator, torch_source
from ...ops.reduce import argmax
from ...ops.shape import chunk, reshape_op
from .checks import placed, wide

SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """y = max(x, 0). Source: Nair & Hinton 2010."""
    return input.relu_() if inplace else relu_op(tensor_of("relu", input))


def kept_between(x: Tensor, low: float, high: float) -> Tensor:
    """x limited to low ... high, with slope 0 at both borders; integers to integers."""
    if not x.dtype.is_floating_point:
        low, high = int(low), int(high)
    return where(x <= low, low, where(x >= high, high, x))


def borders(x: Tensor, *limits: float) -> tuple[float, ...]:
    """The limits as numbers of the tensor's kind, so that whole numbers stay whole."""
    return tuple(map(int, limits)) if x.dtype.kind == "int" else limits


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """y = x limited to min_val ... max_val; the slope is 1 inside and 0 at the borders and beyond."""
    if min_val > max_val:
        raise ValueError(f"hardtanh: min_val cannot be greater than max_val, got {min_val} and {max_val}")
    return placed("hardtanh", input, lambda x: kept_between(x, *borders(x, min_val, max_val)), inplace)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """y = min(max(x, 0), 6). Source: Krizhevsky 2010."""
    return placed("relu6", input, lambda x: kept_between(x, *borders(x, 0.0, 6.0)), inplace)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """y = x for x > 0, else negative_slope x. Source: Maas, Hannun & Ng 2013."""
    return placed("leaky_relu", input, lambda x: where(x > 0, x, x * negative_slope), inplace)


def below(x: Tensor) -> Tensor:
    """min(x, 0), with slope 1 at 0."""
    return clamp(x, max=0)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """y = x for x > 0, else alpha (e^x - 1). Source: Clevert, Unterthiner & Hochreiter 2016."""
    return placed("elu", input, lambda x: relu_op(x) + expm1(below(x)) * alpha, inplace)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """y = 1.0507 elu(x) with alpha = 1.6733, which keep mean 0 and variance 1. Source: Klambauer et al. 2017."""
    wide = SELU_SCALE * SELU_ALPHA
    return placed("selu", input, lambda x: relu_op(x) * SELU_SCALE + expm1(below(x)) * wide, inplace)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """y = max(x, 0) + min(0, alpha (e^(x/alpha) - 1)). Raises ValueError for alpha = 0. Source: Barron 2017."""
    if alpha == 0:
        raise ValueError("celu: alpha cannot be 0. Hint: alpha=1.0")
    return placed("celu", input, lambda x: relu_op(x) + expm1(below(x) / alpha) * alpha, inplace)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """y = x Phi(x), Phi the normal distribution function; "tanh" takes Phi ~ (1 + tanh(sqrt(2/pi) (x + 0.044715
    x^3)))/2.

    Source: Hendrycks & Gimpel 2016, Gaussian error linear units.
    """
    x = tensor_of("gelu", input)
    if approximate not in ("none", "tanh"):
        raise ValueError(f"gelu: approximate must be 'none' or 'tanh', got {approximate!r}")
    return gelu_op(x, approximate=approximate)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """y = x sigmoid(x), also called swish. Source: Elfwing, Uchibe & Doya 2017."""
    return placed("silu", input, lambda x: x * sigmoid(x), inplace)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """y = x tanh(ln(1 + e^x)). Source: Misra 2019."""
    return placed("mish", input, lambda x: x * tanh(softplus_op(x)), inplace)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """y = x min(max(x + 3, 0), 6) / 6. Source: Howard et al. 2019, MobileNetV3, §5.2."""
    return placed("hardswish", input, lambda x: x * kept_between(x + 3.0, 0.0, 6.0) / 6.0, inplace)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """y = min(max(x + 3, 0), 6) / 6."""
    return placed("hardsigmoid", input, lambda x: kept_between(x + 3.0, 0.0, 6.0) / 6.0, inplace)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """y = ln(1 + e^(beta x)) / beta, and y = x where beta x > threshold."""
    x = tensor_of("softplus", input)
    scaled = x if beta == 1 else x * beta
    y = softplus_op(scaled)
    return where(scaled > threshold, x, y if beta == 1 else y / beta)


def softsign(input: Tensor) -> Tensor:
    """y = x / (1 + |x|)."""
    return input / (1 + abs(tensor_of("softsign", input)))


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """y = x moved towards 0 by lambd, and 0 within lambd of it."""
    if lambd < 0:
        raise ValueError(f"softshrink: lambd must be greater or equal to 0, got {lambd}")
    return tensor_of("softshrink", input) - clamp(input, min=-lambd, max=lambd)


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """y = x, and 0 within lambd of 0."""
    return where((tensor_of("hardshrink", input) >= -lambd) & (input <= lambd), 0.0, input)


def tanhshrink(input: Tensor) -> Tensor:
    """y = x - tanh x."""
    return tensor_of("tanhshrink", input) - tanh(input)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """y = x where x > threshold, else value."""
    return placed("threshold", input, lambda x: where(x <= threshold, value, x), inplace)


def logsigmoid(input: Tensor) -> Tensor:
    """y = ln sigmoid(x) = -ln(1 + e^-x)."""
    return -softplus_op(-tensor_of("logsigmoid", input))


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """y = a sigmoid(b), a and b the halves of x along `dim`. Source: Dauphin et al. 2017.

    Raises ShapeError for an odd size.
    """
    d = axis("glu", dim, tensor_of("glu", input).ndim)
    if not input.ndim or input.shape[d] % 2:
        raise ShapeError(f"glu: Halving dimension must be even, but dimension {d} of {tuple(input.shape)} is not")
    a, b = chunk(input, 2, d)
    return a * sigmoid(b)


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """y = x for x > 0, else weight x, with one weight, or one for each channel (dimension 1). Source: He et al.
    2015."""
    x, w = tensor_of("prelu", input), tensor_of("prelu", weight, "weight")
    channels = x.shape[1] if x.ndim > 1 else 1
    if w.ndim > 1 or w.numel() not in (1, channels):
        raise ShapeError(
            f"prelu: weight must be (1) or (C) with C = {channels} as in input {tuple(x.shape)}, got {tuple(w.shape)}"
        )
    if w.numel() > 1 or not x.ndim:
        w = reshape_op(w, shape=() if not x.ndim else (1, channels, *(1,) * (x.ndim - 2)))
    return relu_op(x) + w * below(x)


def rrelu(input: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False) -> Tensor:
    """y = x for x > 0, else a x, a uniform on lower ... upper in training and its mean otherwise. Source: Xu et al.
    2015."""
    if lower > upper:
        raise ValueError(f"rrelu: lower bound must be at most the upper bound, got {lower} and {upper}")
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)

    def bent(x: Tensor) -> Tensor:
        if source := torch_source(None):
            return (x.to(wide(x)) * slopes_below(x, lower, upper, source)).to(x.dtype)
        slope = rand(*x.shape, dtype=x.dtype, device=x.device) * (upper - lower) + lower
        return where(x > 0, x, x * slope)

    return placed("rrelu", input, bent, inplace)


def slopes_below(x: Tensor, lower: float, upper: float, source: Generator) -> Tensor:
    """Uniform numbers where x <= 0, elsewhere 1. PyTorch draws for those elements only, between bounds in the type of x."""
    below = x.detach() <= 0
    low, high = functions.tensor([lower, upper], dtype=wide(x)).tolist()
    drawn = sampled("uniforms", source, (int(below.sum().item()),), "float64", x.device) * (high - low) + low
    return functions.ones_like(x, dtype=wide(x)).masked_scatter(below, drawn.to(wide(x)))


def inplace_form(function: Callable) -> Callable:
    """The form of an activation that writes into its input, such as `relu_`."""

    def form(input: Tensor, *args: Any, **options: Any) -> Tensor:
        return function(input, *args, **options, inplace=True)

    form.__name__ = f"{function.__name__}_"
    form.__doc__ = f"`{function.__name__}`, in place."
    return form


relu_, hardtanh_, leaky_relu_, elu_ = (
    inplace_form(relu),
    inplace_form(hardtanh),
    inplace_form(leaky_relu),
    inplace_form(elu),
)
selu_, celu_, threshold_, rrelu_ = inplace_form(selu), inplace_form(celu), inplace_form(threshold), inplace_form(rrelu)


def softmax_dim(who: str, x: Tensor, dim: int | None) -> int:
    """`dim`, or where none is given PyTorch's old guess, with its warning."""
    if dim is not None:
        return dim
    advise(f"Implicit dimension choice for {who} has been deprecated. Change the call to include dim=X as an "
           f"argument.")  # fmt: skip
    return 0 if tensor_of(who, x).ndim in (0, 1, 3) else 1


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """y_i = e^x_i / sum_j e^x_j along `dim`."""
    return functions.softmax(input, softmax_dim("softmax", input, dim), dtype)


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """y_i = x_i - ln sum_j e^x_j along `dim`."""
    return functions.log_softmax(input, softmax_dim("log_softmax", input, dim), dtype)


def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """y = softmax(-x)."""
    return functions.softmax(-tensor_of("softmin", input), softmax_dim("softmin", input, dim), dtype)


def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """y = softmax((logits + g) / tau), g Gumbel noise: a random choice that has a gradient. Source: Jang et al. 2017.

    With `hard` the value is one-hot and the gradient that of the soft choice.
    """
    if source := torch_source(None):
        noise = -log(sampled("exponentials", source, tuple(logits.shape), logits.dtype, logits.device))
    else:
        u = rand(*tensor_of("gumbel_softmax", logits).shape, dtype=logits.dtype, device=logits.device)
        noise = -log(-log(1 - u))  # 1 - u lies in (0, 1]; where it is 1 the noise is infinite, in PyTorch's draw too
    soft = functions.softmax((logits + noise) / tau, dim)
    if not hard:
        return soft
    best = argmax(soft, dim, keepdim=True)
    top = gather(soft, dim, best)
    return where(soft == top, 1.0, 0.0 * soft.detach()) - soft.detach() + soft
