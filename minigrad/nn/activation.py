"""Activations as modules. Formulas and sources stand with the functions they call, in functional/activations.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core import Tensor
from ..ops.create import empty
from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter


class Plain(Module):
    """An activation without settings."""

    function: Callable[..., Tensor]

    def forward(self, input: Tensor) -> Tensor:
        return type(self).function(input)


class InPlace(Module):
    """An activation whose only setting is whether it writes into its input."""

    function: Callable[..., Tensor]

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return type(self).function(input, inplace=self.inplace)

    def extra_repr(self) -> str:
        return inplace_text(self).removeprefix(", ")


def inplace_text(module: Any) -> str:
    return ", inplace=True" if module.inplace else ""


class Sigmoid(Plain):
    """y = 1 / (1 + e^-x)"""

    function = F.sigmoid


class Tanh(Plain):
    """y = tanh x"""

    function = F.tanh


class Softsign(Plain):
    """y = x / (1 + |x|)"""

    function = F.softsign


class Tanhshrink(Plain):
    """y = x - tanh x"""

    function = F.tanhshrink


class LogSigmoid(Plain):
    """y = -ln(1 + e^-x)"""

    function = F.logsigmoid


class ReLU(InPlace):
    """y = max(x, 0)"""

    function = F.relu


class ReLU6(InPlace):
    """y = min(max(x, 0), 6)"""

    function = F.relu6


class SELU(InPlace):
    """y = 1.0507 elu(x) with alpha = 1.6733"""

    function = F.selu


class SiLU(InPlace):
    """y = x sigmoid(x)"""

    function = F.silu


class Mish(InPlace):
    """y = x tanh(ln(1 + e^x))"""

    function = F.mish


class Hardswish(InPlace):
    """y = x min(max(x + 3, 0), 6) / 6"""

    function = F.hardswish

    def extra_repr(self) -> str:
        return ""  # as PyTorch's, which says nothing of inplace here


class Hardsigmoid(InPlace):
    """y = min(max(x + 3, 0), 6) / 6"""

    function = F.hardsigmoid
    extra_repr = Hardswish.extra_repr


class Hardtanh(Module):
    """y = x limited to min_val ... max_val"""

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        if not max_val > min_val:
            raise ValueError(f"Hardtanh: max_val must be larger than min_val, got {min_val} and {max_val}")
        self.min_val, self.max_val, self.inplace = min_val, max_val, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}{inplace_text(self)}"


class LeakyReLU(Module):
    """y = x for x > 0, else negative_slope x"""

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope, self.inplace = negative_slope, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}{inplace_text(self)}"


class ELU(Module):
    """y = x for x > 0, else alpha (e^x - 1)"""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha, self.inplace = alpha, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.elu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}{inplace_text(self)}"


class CELU(Module):
    """y = max(x, 0) + min(0, alpha (e^(x/alpha) - 1))"""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha, self.inplace = alpha, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.celu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}{inplace_text(self)}"


class GELU(Module):
    """y = x Phi(x), Phi the normal distribution function, or its approximation by tanh"""

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        return F.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class Softplus(Module):
    """y = ln(1 + e^(beta x)) / beta, and y = x where beta x > threshold"""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta, self.threshold = beta, threshold

    def forward(self, input: Tensor) -> Tensor:
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class Shrink(Module):
    """What the two shrinking activations have in common."""

    function: Callable[..., Tensor]

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        return type(self).function(input, self.lambd)

    def extra_repr(self) -> str:
        return str(self.lambd)


class Softshrink(Shrink):
    """y = x moved towards 0 by lambd, and 0 within lambd of it"""

    function = F.softshrink


class Hardshrink(Shrink):
    """y = x, and 0 within lambd of 0"""

    function = F.hardshrink


class Threshold(Module):
    """y = x where x > threshold, else value"""

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold, self.value, self.inplace = threshold, value, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        return f"threshold={self.threshold}, value={self.value}{inplace_text(self)}"


class GLU(Module):
    """y = a sigmoid(b), a and b the halves of x along `dim`"""

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class PReLU(Module):
    """y = x for x > 0, else weight x; one weight, or one a channel, that is learned and starts at `init`"""

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters, self.init = num_parameters, init
        self.weight = Parameter(empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """All weights as at first."""
        init.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class RReLU(Module):
    """y = x for x > 0, else a x, a uniform on lower ... upper in training and its mean in evaluation"""

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False) -> None:
        super().__init__()
        self.lower, self.upper, self.inplace = lower, upper, inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"lower={self.lower}, upper={self.upper}{inplace_text(self)}"


class AlongDim(Module):
    """What the softmax family has in common."""

    function: Callable[..., Tensor]

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return type(self).function(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmax(AlongDim):
    """y_i = e^x_i / sum_j e^x_j along `dim`"""

    function = F.softmax


class LogSoftmax(AlongDim):
    """y_i = x_i - ln sum_j e^x_j along `dim`"""

    function = F.log_softmax


class Softmin(AlongDim):
    """y = softmax(-x) along `dim`"""

    function = F.softmin


class Softmax2d(Module):
    """Softmax over the channels of (N, C, H, W) or (C, H, W)"""

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in (3, 4):
            raise ValueError(f"Softmax2d: expected 3D or 4D input, got {tuple(input.shape)}")
        return F.softmax(input, -3)
