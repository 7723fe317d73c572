"""KL(p || q) of two families: -H(p) - E_p log q, from the entropy of p and the few moments that log q asks for."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..ops import functions, linalg
from .bernoulli import Bernoulli
from .beta import Beta
from .binomial import Binomial
from .continuous_bernoulli import ContinuousBernoulli
from .exponential import Exponential
from .gamma import Gamma
from .gumbel import EULER, Gumbel
from .kl import register_kl
from .laplace import Laplace
from .lowrank_multivariate_normal import LowRankMultivariateNormal
from .multivariate_normal import MultivariateNormal
from .normal import Normal
from .pareto import Pareto
from .poisson import Poisson
from .uniform import Uniform

# -- moments that no distribution is asked for otherwise -------------------------------------------------------------------

# E log x
LOGARITHM: dict[type, Callable] = {
    Beta: lambda p: functions.digamma(p.concentration1) - functions.digamma(p.concentration1 + p.concentration0),
    Exponential: lambda p: -EULER - p.rate.log(),
    Pareto: lambda p: p.scale.log() + 1 / p.alpha,
    Uniform: lambda p: (functions.xlogy(p.high, p.high) - functions.xlogy(p.low, p.low)) / (p.high - p.low) - 1,
}
# E exp(-t x)
DECAY: dict[type, Callable] = {
    Exponential: lambda p, t: p.rate / (p.rate + t),
    Gamma: lambda p, t: (p.rate / (p.rate + t)) ** p.concentration,
    Normal: lambda p, t: ((t * p.scale).square() / 2 - t * p.loc).exp(),
    Uniform: lambda p, t: ((-t * p.low).exp() - (-t * p.high).exp()) / (t * (p.high - p.low)),
}


def moment(table: dict[type, Callable], p: Any, *of: Any) -> Any:
    """The moment of p by the row of the nearest class."""
    return next(table[kind] for kind in type(p).__mro__ if kind in table)(p, *of)


def within(p: Any, low: Any, high: Any, found: Any) -> Any:
    """What was found where a Uniform lies between two bounds, and inf elsewhere."""
    return functions.where((p.low < low) | (p.high > high), math.inf, found) if isinstance(p, Uniform) else found


# -- by what log q is of x -------------------------------------------------------------------------------------------------


def to_normal(p: Any, q: Any) -> Any:
    """log q is a square."""
    spread = (p.variance + (p.mean - q.loc).square()) / q.variance
    return 0.5 * (spread + math.log(2 * math.pi)) + q.scale.log() - p.entropy()


def to_exponential(p: Any, q: Any) -> Any:
    """log q is linear."""
    return within(p, 0, math.inf, q.rate * p.mean - q.rate.log() - p.entropy())


def to_gamma(p: Any, q: Any) -> Any:
    """log q is of x and log x."""
    a, norm = q.concentration, functions.lgamma(q.concentration) - functions.xlogy(q.concentration, q.rate)
    return within(p, 0, math.inf, q.rate * p.mean - (a - 1) * moment(LOGARITHM, p) + norm - p.entropy())


def to_gumbel(p: Any, q: Any) -> Any:
    """log q is of x and exp(-x)."""
    decay = (q.loc / q.scale).exp() * moment(DECAY, p, 1 / q.scale)
    return (p.mean - q.loc) / q.scale + decay + q.scale.log() - p.entropy()


def to_continuous_bernoulli(p: Any, q: Any) -> Any:
    """log q is linear on 0 ... 1."""
    return within(p, 0, 1, -(p.mean * q.logits + functions.log1p(-q.probs) + q._log_norm()) - p.entropy())


def to_uniform(p: Any, q: Any) -> Any:
    """log q is the same all over 0 ... 1, if q reaches so far."""
    inside = (q.low <= 0) & (q.high >= 1)
    return functions.where(inside, (q.high - q.low).log() - p.entropy(), math.inf)


def infinite(p: Any, q: Any) -> Any:
    """There are x which p gives and q doesn't."""
    shape = functions.broadcast_shapes(p.batch_shape, q.batch_shape)
    return functions.full(shape, math.inf, dtype=p.mean.dtype, device=p.mean.device)


BOUNDED, POSITIVE = (Beta, ContinuousBernoulli), (Exponential, Gamma)
PAIRS: list[tuple[Callable, tuple[type, ...], tuple[type, ...]]] = [
    (to_normal, (Beta, ContinuousBernoulli, Exponential, Gamma, Gumbel, Laplace, Pareto, Uniform), (Normal,)),
    (to_exponential, (Beta, ContinuousBernoulli, Gamma, Pareto, Uniform), (Exponential,)),
    (to_gamma, (Beta, Exponential, Pareto, Uniform), (Gamma,)),
    (to_gumbel, (Exponential, Gamma, Normal, Uniform), (Gumbel,)),
    (to_continuous_bernoulli, (Beta, Uniform), (ContinuousBernoulli,)),
    (to_uniform, BOUNDED, (Uniform,)),
    (infinite, BOUNDED, (Pareto,)),
    (infinite, POSITIVE, (Beta, ContinuousBernoulli, Pareto, Uniform)),
    (infinite, (Gumbel, Laplace, Normal), (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform)),
    (infinite, (Pareto,), (Beta, ContinuousBernoulli, Uniform)),
    (infinite, (Poisson,), (Bernoulli, Binomial)),
]
for _rule, _givers, _takers in PAIRS:
    for _p in _givers:
        for _q in _takers:
            register_kl(_p, _q)(_rule)


# -- one pair each ---------------------------------------------------------------------------------------------------------


@register_kl(Normal, Laplace)
def _normal_laplace(p: Any, q: Any) -> Any:
    off = (p.loc - q.loc) / p.scale
    apart = p.scale * (math.sqrt(2 / math.pi) * (-off.square() / 2).exp() + off * (off / math.sqrt(2)).erf())  # E |x - loc|
    return apart / q.scale + (2 * q.scale).log() - p.entropy()


@register_kl(Uniform, Beta)
def _uniform_beta(p: Any, q: Any) -> Any:
    a, b = q.concentration1, q.concentration0
    log_beta = functions.lgamma(a) + functions.lgamma(b) - functions.lgamma(a + b)
    mirrored = Uniform(1 - p.high, 1 - p.low, validate_args=False)
    logs = (a - 1) * moment(LOGARITHM, p) + (b - 1) * moment(LOGARITHM, mirrored)
    return within(p, 0, 1, log_beta - logs - p.entropy())


@register_kl(Uniform, Pareto)
def _uniform_pareto(p: Any, q: Any) -> Any:
    found = (q.alpha + 1) * moment(LOGARITHM, p) - q.alpha * q.scale.log() - q.alpha.log() - p.entropy()
    return within(p, q.scale, math.inf, found)


@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p: Any, q: Any) -> Any:
    return q.rate - p.probs * q.rate.log() - p.entropy()


@register_kl(LowRankMultivariateNormal, MultivariateNormal)
def _to_multivariate_normal(p: Any, q: Any) -> Any:
    batch = functions.broadcast_shapes(p.batch_shape, q.batch_shape)
    factor = q.scale_tril.expand(*batch, -1, -1)
    spread = linalg.solve_triangular(factor, root(p).expand(*batch, -1, -1), upper=False).square().sum((-2, -1))
    apart = linalg.solve_triangular(factor, (q.loc - p.loc).unsqueeze(-1), upper=False).square().sum((-2, -1))
    return between_vectors(p, q, spread + apart)


@register_kl(MultivariateNormal, LowRankMultivariateNormal)
def _multivariate_normal_to_low_rank(p: Any, q: Any) -> Any:
    return to_low_rank(p, q, p.scale_tril)


@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
def _low_rank(p: Any, q: Any) -> Any:
    return to_low_rank(p, q, root(p))


def root(p: Any) -> Any:
    """(W, D^1/2), which times its transpose is C."""
    return functions.cat([p.cov_factor, p.cov_diag.sqrt().diag_embed()], -1)


def to_low_rank(p: Any, q: Any, factor: Any) -> Any:
    """KL by a factor of p's C: tr(C_q^-1 C_p) is summed over its columns."""
    batch = functions.broadcast_shapes(p.batch_shape, q.batch_shape)
    columns = factor.expand(*batch, -1, -1).movedim(-1, 0)
    return between_vectors(p, q, q.distance(columns).sum(0) + q.distance(q.loc - p.loc))


def between_vectors(p: Any, q: Any, spread: Any) -> Any:
    """KL of normal vectors, spread being E_p (x - loc)^T C_q^-1 (x - loc)."""
    if p.event_shape != q.event_shape:
        raise ValueError("kl_divergence: KL-divergence between two (Low Rank) Multivariate Normals with different event shapes "
                         f"cannot be computed, got {tuple(p.event_shape)} and {tuple(q.event_shape)}")  # fmt: skip
    return q._half_log_det() - p._half_log_det() + 0.5 * (spread - p.event_shape[0])
