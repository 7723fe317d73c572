"""The distribution of von Mises, on the circle."""

from __future__ import annotations

import math
from typing import Any

from ..core import mode
from ..ops import functions, special_functions
from .constraints import positive, real
from .distribution import Distribution, together


class VonMises(Distribution):
    """p(x) = exp(concentration cos(x - loc)) / (2 pi I_0(concentration)), x an angle"""

    arg_constraints = {"loc": real, "concentration": positive}

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.concentration = together("VonMises", loc, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.loc

    mode = mean

    @property
    def variance(self) -> Any:
        return 1 - special_functions.i1e(self.concentration) / special_functions.i0e(self.concentration)

    def sample(self, sample_shape: Any = ()) -> Any:
        """Source: Best & Fisher 1979, Efficient simulation of the von Mises distribution."""
        with mode(grad=False):
            k = self.concentration.expand(self._extended_shape(sample_shape)).double()
            tau = 1 + (1 + 4 * k.square()).sqrt()
            rho = (tau - (2 * tau).sqrt()) / (2 * k)
            r = functions.where(k < 1e-5, 1 / k + k, (1 + rho.square()) / (2 * rho))  # where rho would round to 0
            x, done = functions.zeros_like(k), functions.zeros_like(k).bool()
            while not bool(done.all()):
                u, v, side = (self._noise(functions.rand, sample_shape, k) for _ in range(3))
                z = (math.pi * u).cos()
                f = (1 + r * z) / (r + z)
                c = k * (r - f)
                taken = (c * (2 - c) - v > 0) | ((c / v).log() + 1 - c >= 0)
                angle = functions.where(side < 0.5, -1.0, 1.0) * f.clamp(min=-1, max=1).acos()
                x, done = functions.where(taken, angle, x), done | taken
            return (x + math.pi + self.loc).remainder(2 * math.pi).sub(math.pi).to(self.loc.dtype)

    def log_prob(self, value: Any) -> Any:
        self._validate_sample(value)
        norm = math.log(2 * math.pi) + special_functions.i0e(self.concentration).log()
        return self.concentration * ((value - self.loc).cos() - 1) - norm
