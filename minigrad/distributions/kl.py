"""KL(p || q) = E_p[log p - log q], for pairs of distributions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..nn.functional import softplus
from ..ops import functions, linalg
from .bernoulli import Bernoulli
from .beta import Beta
from .binomial import Binomial
from .categorical import Categorical
from .cauchy import Cauchy
from .continuous_bernoulli import ContinuousBernoulli
from .dirichlet import Dirichlet
from .distribution import Distribution, summed
from .exp_family import ExponentialFamily
from .exponential import Exponential
from .gamma import Gamma
from .geometric import Geometric
from .gumbel import EULER, Gumbel
from .half_cauchy import HalfCauchy
from .half_normal import HalfNormal
from .independent import Independent
from .laplace import Laplace
from .log_normal import LogNormal
from .multivariate_normal import MultivariateNormal
from .normal import Normal
from .pareto import Pareto
from .poisson import Poisson
from .transformed_distribution import TransformedDistribution
from .uniform import Uniform
from .wishart import Wishart

_RULES: dict[tuple[type, type], Callable] = {}


def register_kl(type_p: type, type_q: type) -> Callable[[Callable], Callable]:
    """A decorator for a function of (p, q) that is KL(p || q) where p is a `type_p` and q a `type_q`."""

    def enter(rule: Callable) -> Callable:
        _RULES[type_p, type_q] = rule
        return rule

    return enter


def kl_divergence(p: Distribution, q: Distribution) -> Any:
    """KL(p || q), by the rule for the nearest classes. Raises NotImplementedError if there is none."""
    for kind in type(p).__mro__:
        for other in type(q).__mro__:
            if (kind, other) in _RULES:
                return _RULES[kind, other](p, q)
    raise NotImplementedError(
        f"kl_divergence: No KL(p || q) is implemented for p type {type(p).__name__} and q type {type(q).__name__}"
    )


@register_kl(Normal, Normal)
def _normal(p: Any, q: Any) -> Any:
    ratio = (p.scale / q.scale).square()
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).square() - 1 - ratio.log())


@register_kl(HalfCauchy, HalfCauchy)
@register_kl(HalfNormal, HalfNormal)
@register_kl(LogNormal, LogNormal)
def _of_the_base(p: Any, q: Any) -> Any:
    return kl_divergence(p.base_dist, q.base_dist)


@register_kl(Cauchy, Cauchy)
def _cauchy(p: Any, q: Any) -> Any:
    apart = (p.scale + q.scale).square() + (p.loc - q.loc).square()
    return apart.log() - (4 * p.scale * q.scale).log()


@register_kl(Geometric, Geometric)
def _geometric(p: Any, q: Any) -> Any:
    return -p.entropy() - functions.log1p(-q.probs) / p.probs - q.logits


@register_kl(Gumbel, Gumbel)
def _gumbel(p: Any, q: Any) -> Any:
    ratio, apart = p.scale / q.scale, (q.loc - p.loc) / q.scale
    return -ratio.log() - apart + ratio * EULER + (apart + functions.lgamma(1 + ratio)).exp() - (1 + EULER)


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p: Any, q: Any) -> Any:
    one = weighed(p.probs, q.probs, softplus(-q.logits) - softplus(-p.logits))
    return one + weighed(1 - p.probs, 1 - q.probs, softplus(q.logits) - softplus(p.logits))


@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _continuous_bernoulli(p: Any, q: Any) -> Any:
    apart = p._log_norm() + functions.log1p(-p.probs) - q._log_norm() - functions.log1p(-q.probs)
    return p.mean * (p.logits - q.logits) + apart


@register_kl(Categorical, Categorical)
def _categorical(p: Any, q: Any) -> Any:
    return weighed(p.probs, q.probs, p.logits - q.logits).sum(-1)


def weighed(p: Any, q: Any, ratio: Any) -> Any:
    """p log(p / q), given the logarithm: inf where q alone is 0, and 0 where p is."""
    return functions.where(p == 0, 0.0, functions.where(q == 0, math.inf, p * ratio))


@register_kl(Uniform, Uniform)
def _uniform(p: Any, q: Any) -> Any:
    found = ((q.high - q.low) / (p.high - p.low)).log()
    return functions.where((q.low > p.low) | (q.high < p.high), math.inf, found)


@register_kl(Pareto, Pareto)
def _pareto(p: Any, q: Any) -> Any:
    ratio = q.alpha / p.alpha
    found = q.alpha * (p.scale / q.scale).log() - ratio.log() + ratio - 1
    return functions.where(p.scale < q.scale, math.inf, found)


@register_kl(Exponential, Exponential)
def _exponential(p: Any, q: Any) -> Any:
    ratio = q.rate / p.rate
    return -ratio.log() + ratio - 1


@register_kl(Laplace, Laplace)
def _laplace(p: Any, q: Any) -> Any:
    ratio, apart = p.scale / q.scale, (p.loc - q.loc).abs()
    return -ratio.log() + apart / q.scale + ratio * (-apart / p.scale).exp() - 1


@register_kl(Poisson, Poisson)
def _poisson(p: Any, q: Any) -> Any:
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(Gamma, Gamma)
def _gamma(p: Any, q: Any) -> Any:
    a, b = p.concentration, q.concentration
    return (b * (p.rate / q.rate).log() + functions.lgamma(b) - functions.lgamma(a) + (a - b) * functions.digamma(a)
            + (q.rate - p.rate) * (a / p.rate))  # fmt: skip


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p: Any, q: Any) -> Any:
    a, b, total = p.concentration, q.concentration, p.concentration.sum(-1)
    norms = functions.lgamma(total) - functions.lgamma(b.sum(-1)) + (functions.lgamma(b) - functions.lgamma(a)).sum(-1)
    return norms + ((a - b) * (functions.digamma(a) - functions.digamma(total).unsqueeze(-1))).sum(-1)


@register_kl(Beta, Beta)
def _beta(p: Any, q: Any) -> Any:
    return _dirichlet(p._dirichlet, q._dirichlet)


@register_kl(Binomial, Binomial)
def _binomial(p: Any, q: Any) -> Any:
    if bool((q.total_count < p.total_count).any()):
        raise NotImplementedError("kl_divergence: KL between Binomials where q.total_count < p.total_count is not implemented")
    return p.total_count * (p.probs * (p.logits - q.logits) + softplus(q.logits) - softplus(p.logits))


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p: Any, q: Any) -> Any:
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError("kl_divergence: the two distributions must be transformed alike")
    return summed(kl_divergence(p.base_dist, q.base_dist), len(p.event_shape) - len(p.base_dist.event_shape))


@register_kl(MultivariateNormal, MultivariateNormal)
def _multivariate_normal(p: Any, q: Any) -> Any:
    if p.event_shape != q.event_shape:
        raise ValueError(
            "kl_divergence: KL-divergence between two Multivariate Normals with different event shapes cannot be computed"
        )
    batch = functions.broadcast_shapes(p.scale_tril.shape, q.scale_tril.shape)
    factor = q.scale_tril.expand(batch)
    spread = linalg.solve_triangular(factor, p.scale_tril.expand(batch), upper=False).square().sum((-2, -1))
    apart = linalg.solve_triangular(factor, (q.loc - p.loc).unsqueeze(-1), upper=False).square().sum((-2, -1))
    return q._half_log_det() - p._half_log_det() + 0.5 * (spread + apart - p.event_shape[0])


@register_kl(Wishart, Wishart)
def _wishart(p: Any, q: Any) -> Any:
    if p.event_shape != q.event_shape:
        raise ValueError("kl_divergence: the two Wisharts must be of matrices of one shape, got "
                         f"{tuple(p.event_shape)} and {tuple(q.event_shape)}")  # fmt: skip
    size = p.event_shape[-1]
    batch = functions.broadcast_shapes(p.scale_tril.shape, q.scale_tril.shape)
    spread = linalg.solve_triangular(q.scale_tril.expand(batch), p.scale_tril.expand(batch), upper=False)
    norms = functions.mvlgamma(q.df / 2, size) - functions.mvlgamma(p.df / 2, size)
    return (norms + (p.df - q.df) / 2 * functions.digamma(p._halves()).sum(-1) + q.df * (q._half_log_det() - p._half_log_det())
            + p.df / 2 * (spread.square().sum((-2, -1)) - size))  # fmt: skip


@register_kl(ExponentialFamily, ExponentialFamily)
def _exponential_family(p: Any, q: Any) -> Any:
    """F(q) - F(p) - (q - p) . dF(p): the divergence of Bregman between natural parameters."""
    if type(p) is not type(q):
        raise NotImplementedError("kl_divergence: The cross KL-divergence between different exponential families cannot be "
                                  f"computed, got {type(p).__name__} and {type(q).__name__}")  # fmt: skip
    norm, natural, slopes = p._normalizer()
    apart = [summed((b - a) * d, len(q.event_shape)) for a, b, d in zip(natural, q._natural_params, slopes, strict=True)]
    return q._log_normalizer(*q._natural_params) - norm - sum(apart)


@register_kl(Independent, Independent)
def _independent(p: Any, q: Any) -> Any:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError("kl_divergence: the two Independents must reinterpret as many dimensions, got "
                                  f"{p.reinterpreted_batch_ndims} and {q.reinterpreted_batch_ndims}")  # fmt: skip
    return p.summed(kl_divergence(p.base_dist, q.base_dist))
