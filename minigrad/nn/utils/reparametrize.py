"""Weights computed from other parameters before each forward: weight norm, spectral norm, weight standardisation."""

from __future__ import annotations

from typing import Any

from ...core import Tensor, mode
from ...ops.arithmetic import clone
from ...ops.create import randn
from ...ops.linalg import tensor_norm as norm
from ...ops.matmul import dot, mv
from ...ops.shape import permute_op, reshape_op
from ...ops.update import assign_
from .. import functional as F
from ..conv import TransposedConvolution
from ..module import Module
from ..parameter import Parameter


class Computed:
    """A forward pre-hook that sets the attribute `name` to what `value` computes from the module's parameters."""

    def __init__(self, name: str) -> None:
        self.name = name

    def value(self, module: Any) -> Tensor:
        """The weight."""
        raise NotImplementedError

    def __call__(self, module: Module, args: Any) -> None:
        setattr(module, self.name, self.value(module))


def hooks_of(module: Module, kind: type[Computed], name: str) -> list:
    """The keys of the hooks that compute `name`."""
    return [key for key, hook in module._forward_pre_hooks.items() if isinstance(hook, kind) and hook.name == name]


def attach(who: str, module: Module, hook: Computed, parts: dict[str, Tensor]) -> None:
    """Replace a parameter by those it is computed from. Raises if it is computed already, or not there."""
    if hooks_of(module, Computed, hook.name):
        raise RuntimeError(f"{who}: parameter {hook.name!r} is computed by another hook already. Hint: remove that first")
    del module._parameters[hook.name]
    for name, part in parts.items():
        module.register_parameter(f"{hook.name}_{name}", Parameter(part.detach()))
    module.register_forward_pre_hook(hook)


def weight_of(who: str, module: Module, name: str) -> Parameter:
    """The parameter `name`. Raises ValueError if there is none."""
    weight = module._parameters.get(name)
    if weight is None:
        computed = bool(hooks_of(module, Computed, name))
        raise (RuntimeError if computed else ValueError)(
            f"{who}: {type(module).__name__} has no parameter {name!r}"
            + (", it is computed by a hook already. Hint: remove that first" if computed else "")
        )
    return weight


def detach(who: str, module: Any, kind: type[Computed], name: str, parts: tuple[str, ...]) -> Module:
    """Make `name` a parameter again, with its present value. Raises ValueError if it is not computed by such a hook."""
    keys = hooks_of(module, kind, name)
    if not keys:
        raise ValueError(f"{who}: {kind.__name__} of {name!r} not found in {type(module).__name__}")
    hook = module._forward_pre_hooks.pop(keys[0])
    with mode(grad=False):
        weight = hook.value(module)
    for part in (name, *(f"{name}_{part}" for part in parts)):
        delattr(module, part)
    module.register_parameter(name, Parameter(weight.detach()))
    return module


# -- weight norm -----------------------------------------------------------------------------------------------------


class WeightNorm(Computed):
    """w = g v / |v|: see `weight_norm`."""

    def __init__(self, name: str, dim: int | None) -> None:
        super().__init__(name)
        self.dim = dim

    def length(self, v: Tensor) -> Tensor:
        """The norm of each slice along `dim`, or of the whole."""
        if self.dim is None:
            return norm(v)
        return norm(v, 2, [d for d in range(v.ndim) if d != self.dim % v.ndim], keepdim=True)

    def value(self, module: Any) -> Tensor:
        v = getattr(module, f"{self.name}_v")
        return v * (getattr(module, f"{self.name}_g") / self.length(v))


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """w = g v / |v|, the length g and the direction v trained apart; the norm is of each slice along `dim`, None of all.

    The parameters are `name_g` and `name_v`. Source: Salimans & Kingma 2016, equation 2.
    """
    weight, hook = weight_of("weight_norm", module, name), WeightNorm(name, dim)
    with mode(grad=False):
        attach("weight_norm", module, hook, {"g": hook.length(weight), "v": weight})
    hook(module, ())
    return module


def remove_weight_norm(module: Any, name: str = "weight") -> Any:
    """Make w one parameter again. Raises ValueError if it has no weight norm."""
    return detach("remove_weight_norm", module, WeightNorm, name, ("g", "v"))


# -- spectral norm ---------------------------------------------------------------------------------------------------


class SpectralNorm(Computed):
    """w = orig / sigma, sigma the largest singular value: see `spectral_norm`."""

    def __init__(self, name: str, n_power_iterations: int, eps: float, dim: int) -> None:
        super().__init__(name)
        self.n_power_iterations, self.eps, self.dim = n_power_iterations, eps, dim

    def matrix(self, weight: Tensor) -> Tensor:
        """The weight as (size of `dim`, all others)."""
        order = (self.dim, *(d for d in range(weight.ndim) if d != self.dim))
        rows = weight if self.dim == 0 else permute_op(weight, dims=order)
        return reshape_op(rows, shape=(rows.shape[0], rows.numel() // rows.shape[0]))

    def value(self, module: Any) -> Tensor:
        weight, u, v = (getattr(module, f"{self.name}_{part}") for part in ("orig", "u", "v"))
        w = self.matrix(weight)
        if module.training:
            with mode(grad=False):
                for _ in range(self.n_power_iterations):
                    assign_(v, F.normalize(mv(w.t(), u), dim=0, eps=self.eps))
                    assign_(u, F.normalize(mv(w, v), dim=0, eps=self.eps))
        return weight / dot(clone(u), mv(w, clone(v)))  # copies: the next forward writes into u and v


def spectral_norm(
    module: Any, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Any:
    """w = orig / sigma, sigma the largest singular value of the weight as a matrix with `dim` first.

    sigma = u^T w v, u and v by power iteration, `n_power_iterations` in each forward of training. `name_orig` is the
    parameter, `name_u` and `name_v` are buffers. `dim` is 0, or 1 for transposed convolutions. Source: Miyato et al.
    2018, Algorithm 1.
    """
    weight = weight_of("spectral_norm", module, name)
    if n_power_iterations <= 0:
        raise ValueError(f"spectral_norm: expected n_power_iterations to be positive, got {n_power_iterations}")
    if not weight.ndim:
        raise ValueError(f"spectral_norm: {name!r} must have dimensions, got a scalar")
    dim = int(isinstance(module, TransposedConvolution)) if dim is None else dim % weight.ndim
    hook = SpectralNorm(name, n_power_iterations, eps, dim)
    attach("spectral_norm", module, hook, {"orig": weight})
    with mode(grad=False):
        for part, size in zip("uv", hook.matrix(weight).shape, strict=True):
            start = randn(size, dtype=weight.dtype, device=weight.device)
            module.register_buffer(f"{name}_{part}", F.normalize(start, dim=0, eps=eps))
    setattr(module, name, weight.detach())
    return module


def remove_spectral_norm(module: Any, name: str = "weight") -> Any:
    """Make w one parameter again. Raises ValueError if it has no spectral norm."""
    was, module.training = module.training, False  # the present value, without another power iteration
    try:
        return detach("remove_spectral_norm", module, SpectralNorm, name, ("orig", "u", "v"))
    finally:
        module.training = was


# -- weight standardisation ------------------------------------------------------------------------------------------


class WeightStandardization(Computed):
    """w = (orig - mean) / sqrt(var + eps): see `weight_standardization`."""

    def __init__(self, name: str, eps: float) -> None:
        super().__init__(name)
        self.eps = eps

    def value(self, module: Any) -> Tensor:
        weight = getattr(module, f"{self.name}_orig")
        return F.layer_norm(weight, tuple(weight.shape[1:]), eps=self.eps)


def weight_standardization(module: Any, name: str = "weight", eps: float = 1e-5) -> Any:
    """w = (orig - mean) / sqrt(var + eps), mean and biased var of each output's weights. minigrad's own.

    `name_orig` is the parameter. Raises ValueError for a weight of fewer than 2 dimensions. Source: Qiao et al. 2019,
    equations 7 to 9.
    """
    weight, hook = weight_of("weight_standardization", module, name), WeightStandardization(name, eps)
    if weight.ndim < 2:
        raise ValueError(f"weight_standardization: {name!r} must be (out, in, ...), got {tuple(weight.shape)}")
    attach("weight_standardization", module, hook, {"orig": weight})
    hook(module, ())
    return module


def remove_weight_standardization(module: Any, name: str = "weight") -> Any:
    """Make w one parameter again. Raises ValueError if it is not standardised."""
    return detach("remove_weight_standardization", module, WeightStandardization, name, ("orig",))
