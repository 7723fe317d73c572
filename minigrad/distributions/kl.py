"""The divergence of one distribution from another, where it has a closed form."""

from __future__ import annotations

from collections.abc import Callable

from ..core import Tensor
from ..nn import functional as F
from ..ops import functions
from .bernoulli import Bernoulli
from .categorical import Categorical
from .distribution import Distribution
from .exponential import Exponential
from .independent import Independent
from .normal import Normal
from .uniform import Uniform

KNOWN: dict[tuple[type, type], Callable] = {}


def register_kl(type_p: type, type_q: type) -> Callable:
    """A decorator: the function computes `kl_divergence(p, q)` for these classes."""

    def registered(function: Callable) -> Callable:
        KNOWN[type_p, type_q] = function
        return function

    return registered


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """The mean, under p, of log p(x) - log q(x). Raises NotImplementedError for a pair without a closed form here."""
    for (one, other), function in reversed(KNOWN.items()):
        if isinstance(p, one) and isinstance(q, other):
            return function(p, q)
    raise NotImplementedError(f"No KL(p || q) is implemented for p type {type(p).__name__} and q type {type(q).__name__}")


@register_kl(Normal, Normal)
def normals(p: Normal, q: Normal) -> Tensor:
    ratio = (p.scale / q.scale) ** 2
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale) ** 2 - 1 - ratio.log())


@register_kl(Categorical, Categorical)
def categoricals(p: Categorical, q: Categorical) -> Tensor:
    terms = p.probs * (p.logits - q.logits)
    terms = functions.where((q.probs == 0).expand_as(terms), float("inf"), terms)
    return functions.where((p.probs == 0).expand_as(terms), 0.0, terms).sum(-1)


@register_kl(Bernoulli, Bernoulli)
def bernoullis(p: Bernoulli, q: Bernoulli) -> Tensor:
    one = p.probs * (F.softplus(-q.logits) - F.softplus(-p.logits))
    return one + (1 - p.probs) * (F.softplus(q.logits) - F.softplus(p.logits))


@register_kl(Exponential, Exponential)
def exponentials(p: Exponential, q: Exponential) -> Tensor:
    ratio = q.rate / p.rate
    return ratio - ratio.log() - 1


@register_kl(Uniform, Uniform)
def uniforms(p: Uniform, q: Uniform) -> Tensor:
    outside = (q.low > p.low) | (q.high < p.high)
    return functions.where(outside, float("inf"), ((q.high - q.low) / (p.high - p.low)).log())


@register_kl(Independent, Independent)
def independents(p: Independent, q: Independent) -> Tensor:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError("kl_divergence: both must count the same number of dimensions as the event's")
    return p.summed(kl_divergence(p.base_dist, q.base_dist))
