"""The gamma distribution, and how it is drawn so that the draw has a gradient."""

from __future__ import annotations

from typing import Any

from ..autograd import Function
from ..backends import finfo
from ..core import Tensor
from ..ops import functions, special_functions
from ..ops.random import torch_source
from ..ops.sampling import log_gamma_draw
from .constraints import nonnegative, positive
from .distribution import together
from .exp_family import ExponentialFamily


class Gamma(ExponentialFamily):
    """p(x) = rate^concentration x^(concentration - 1) exp(-rate x) / Gamma(concentration) for x > 0"""

    has_rsample = True
    arg_constraints = {"concentration": positive, "rate": positive}
    support = nonnegative

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        self.concentration, self.rate = together(type(self).__name__, concentration, rate)
        super().__init__(self.concentration.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.concentration / self.rate

    @property
    def mode(self) -> Any:
        return ((self.concentration - 1) / self.rate).clamp(min=0)

    @property
    def variance(self) -> Any:
        return self.concentration / self.rate.square()

    def rsample(self, sample_shape: Any = ()) -> Any:
        x = log_standard_gamma(self.concentration.expand(self._extended_shape(sample_shape))).exp() / self.rate
        return x.clamp(min=finfo(x.dtype).tiny)

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        return (functions.xlogy(self.concentration, self.rate) + functions.xlogy(self.concentration - 1, value)
                - self.rate * value - functions.lgamma(self.concentration))  # fmt: skip

    def entropy(self) -> Any:
        a = self.concentration
        return a - self.rate.log() + functions.lgamma(a) + (1 - a) * functions.digamma(a)

    def cdf(self, value: Any) -> Any:
        self._validate_sample(value)
        return special_functions.gammainc(self.concentration, self.rate * value)


def log_standard_gamma(concentration: Tensor) -> Any:
    """The logarithm of a draw for each concentration, at rate 1: small draws would round to 0. It has a gradient."""
    return _Drawn.apply(concentration)


class _Drawn(Function):
    """A draw whose gradient keeps its place in the distribution: dx/da = -(dP(a, x)/da) / p(x).

    Source: Figurnov, Mohamed & Mnih 2018, Implicit Reparameterization Gradients.
    """

    @staticmethod
    def forward(ctx: Any, a: Any) -> Any:  # type: ignore[override]
        x = drawn(a)
        ctx.save_for_backward(a, x)
        return x

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:  # type: ignore[override]
        a, x = ctx.saved_tensors
        return g * slope(a.double(), x.double()).to(g.dtype)


def drawn(a: Tensor) -> Any:
    """log x for draws x: d (1 + c z)^3 for z normal, some of which are refused; below a = 1 from a + 1 and a uniform number.

    Source: Marsaglia & Tsang 2000, A simple method for generating gamma variables.
    """
    if source := torch_source(None):
        return log_gamma_draw(a, generator=source)
    options: dict[str, Any] = {"dtype": a.dtype, "device": a.device}
    small = a < 1
    d = functions.where(small, a + 1, a) - 1 / 3
    c = 1 / (3 * d.sqrt())
    x, open_ = functions.zeros_like(a), functions.ones_like(a).bool()
    while bool(open_.any()):
        z, u = functions.randn(*a.shape, **options), 1 - functions.rand(*a.shape, **options)
        v = (1 + c * z).clamp(min=finfo(a.dtype).tiny).log() * 3  # beyond -1 / c the logarithm is so low that none is taken
        taken = open_ & (u.log() < z.square() / 2 + d * (1 - v.exp() + v))
        x, open_ = functions.where(taken, d.log() + v, x), open_ & ~taken
    u = 1 - functions.rand(*a.shape, **options)
    return x + functions.where(small, u.log() / a, 0.0)


def slope(a: Any, log: Any) -> Any:
    """d log x / da at a fixed P(a, x), in double precision: from the series of P, or where x is far above a that of 1 - P.

    P = p x sum t_n,  t_n = x^n Gamma(a) / Gamma(a + n + 1);  1 - P = p sum s_k,  s_k = (a - 1) ... (a - k) / x^k

    Beyond a = 1000, where the series are long, (x / a)^(1/3) is all but normal, of mean 1 - 1 / (9 a) and variance 1 / (9 a),
    which is good to some six digits. Source: Wilson & Hilferty 1931.
    """
    many, root = a > 1000, ((log - a.log()) / 3).exp()
    z = 3 * a.sqrt() * (root - 1 + 1 / (9 * a))
    by_normal = 1 / a + (1 / (3 * a.square()) - z / (2 * a**1.5)) / root
    a, log = functions.where(many, 1.0, a), functions.where(many, 0.0, log)
    x = log.exp()
    far = x > a + 6 * a.sqrt() + 12
    near, beyond = functions.where(far, a, x), functions.where(far, x, a + 6 * a.sqrt() + 13)
    psi = functions.digamma(a)
    above = functions.where(far, a.log(), log)
    n, t, psi_n = 0, 1 / a, psi + 1 / a
    part = low = t * (above - psi_n)
    while bool(((part.abs() > 1e-14 * low.abs()) | (near > a + n)).any()):
        n += 1
        t, psi_n = t * near / (a + n), psi_n + 1 / (a + n)
        part = t * (above - psi_n)
        low = low + part
    k, s, ds = 0, functions.ones_like(a), functions.zeros_like(a)
    high, slopes = s, ds
    while bool((s.abs() + ds.abs() > 1e-14).any()):
        k += 1
        more = k < beyond  # after which the terms grow
        s, ds = functions.where(more, s * (a - k) / beyond, 0.0), functions.where(more, (ds * (a - k) + s) / beyond, 0.0)
        high, slopes = high + s, slopes + ds
    by_series = functions.where(far, ((beyond.log() - psi) * high + slopes) / beyond, -low)
    return functions.where(many, by_normal, by_series)
