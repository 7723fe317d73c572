"""Distributions have PyTorch's probabilities, moments, gradients and errors; their samples have the moments they promise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import minigrad
from minigrad import nn
from minigrad.backends import GradError
from minigrad.distributions import gamma

P, L, M = [0.2, 0.5, 0.3], [[0.1, -2.0, 0.7], [1.0, 0.0, -1.0]], [[2.0, 0.3], [0.3, 0.5]]
# name: (makers of one from (d, t), of which t makes a learned tensor, values)
MADE: dict[str, tuple[Callable, Any]] = {
    "Normal": (lambda d, t: d.Normal(t([0.5, -1.0]), t([1.0, 0.2])), [0.3, -0.7]),
    "Normal of numbers": (lambda d, t: d.Normal(0, t(2.0)), [[0.3], [4.0]]),
    "Uniform": (lambda d, t: d.Uniform(t([0.0, -2.0]), t([1.0, 3.0])), [0.3, 0.7]),
    "Exponential": (lambda d, t: d.Exponential(t([0.5, 2.0])), [0.3, 0.7]),
    "Laplace": (lambda d, t: d.Laplace(t([0.5, -1.0]), t([1.0, 0.2])), [0.3, -0.7]),
    "Cauchy": (lambda d, t: d.Cauchy(t([0.5, -1.0]), t([1.0, 0.2])), [0.3, -0.7]),
    "Gumbel": (lambda d, t: d.Gumbel(t([0.5, -1.0]), t([1.0, 0.2])), [0.3, -0.7]),
    "LogNormal": (lambda d, t: d.LogNormal(t([0.5, -1.0]), t([0.6, 0.2])), [0.3, 2.7]),
    "HalfNormal": (lambda d, t: d.HalfNormal(t([0.5, 2.0])), [0.3, 0.7]),
    "Geometric": (lambda d, t: d.Geometric(t([0.5, 0.7])), [0.0, 3.0]),
    "Geometric of logits": (lambda d, t: d.Geometric(logits=t([0.5, -0.4])), [2.0, 3.0]),
    "Poisson": (lambda d, t: d.Poisson(t([0.5, 4.0])), [0.0, 3.0]),
    "Bernoulli": (lambda d, t: d.Bernoulli(t(P)), [1.0, 0.0, 1.0]),
    "Bernoulli of logits": (lambda d, t: d.Bernoulli(logits=t(L)), [1.0, 0.0, 1.0]),
    "Categorical": (lambda d, t: d.Categorical(t([3 * p for p in P])), [0.0, 2.0, 1.0, 1.0]),
    "Categorical of logits": (lambda d, t: d.Categorical(logits=t(L)), [0.0, 2.0]),
    "OneHotCategorical": (lambda d, t: d.OneHotCategorical(logits=t(L)), [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]),
    "MultivariateNormal": (lambda d, t: d.MultivariateNormal(t([[0.5, 1.0], [0.0, 2.0]]), t(M)), [[0.3, 0.1], [1.0, 2.0]]),
    "MultivariateNormal of precision": (lambda d, t: d.MultivariateNormal(t([0.5, 1.0]), precision_matrix=t(M)), [0.3, 0.1]),
    "MultivariateNormal of a factor": (
        lambda d, t: d.MultivariateNormal(t([0.5, 1.0]), scale_tril=t([[1.0, 0.0], [0.4, 0.5]])), [[0.3, 0.1], [1.0, 2.0]]),
    "Independent": (lambda d, t: d.Independent(d.Normal(t(L), t([1.0, 0.5, 2.0])), 1), [[0.3, 0.1, 0.2], [1.0, 2.0, -1.0]]),
    "Independent of matrices": (lambda d, t: d.Independent(d.Gamma(t([[0.5, 1.0]] * 2), t(2.0)), 2), [[1.0, 2.0], [0.3, 0.1]]),
    "Gamma": (lambda d, t: d.Gamma(t([0.5, 3.0]), t([1.0, 0.2])), [0.3, 2.7]),
    "Chi2": (lambda d, t: d.Chi2(t([1.5, 4.0])), [0.3, 2.7]),
    "Beta": (lambda d, t: d.Beta(t([0.5, 3.0]), t([1.5, 2.0])), [0.3, 0.7]),
    "Dirichlet": (lambda d, t: d.Dirichlet(t([[0.5, 3.0, 1.0], [0.3, 0.2, 0.9]])), [P, P]),
    "StudentT": (lambda d, t: d.StudentT(t([5.0, 6.5]), t([0.5, -1.0]), t(2.0)), [0.3, 2.7]),
    "StudentT of heavy tails": (lambda d, t: d.StudentT(t([1.5, 0.5])), [0.3, 2.7]),
    "Binomial": (lambda d, t: d.Binomial(6, t([0.5, 0.7])), [2.0, 6.0]),
    "Binomial of logits": (lambda d, t: d.Binomial(6, logits=t([0.5, -0.7])), [2.0, 0.0]),
    "NegativeBinomial": (lambda d, t: d.NegativeBinomial(t(2.5), t([0.5, 0.7])), [2.0, 6.0]),
    "NegativeBinomial of logits": (lambda d, t: d.NegativeBinomial(3, logits=t([0.5, -0.7])), [2.0, 0.0]),
    "Multinomial": (lambda d, t: d.Multinomial(4, t([3 * p for p in P])), [[2.0, 1.0, 1.0], [0.0, 4.0, 0.0]]),
    "VonMises": (lambda d, t: d.VonMises(t([0.5, -1.0]), t([1.0, 4.0])), [0.3, 2.7]),
    "RelaxedBernoulli": (lambda d, t: d.RelaxedBernoulli(t(0.7), t([0.5, 0.7])), [0.3, 0.7]),
    "RelaxedBernoulli of logits": (lambda d, t: d.RelaxedBernoulli(t(0.7), logits=t([0.5, -0.7])), [0.3, 0.7]),
    "RelaxedOneHotCategorical": (lambda d, t: d.RelaxedOneHotCategorical(t(0.7), logits=t(L)), P),
    "OneHotCategoricalStraightThrough": (lambda d, t: d.OneHotCategoricalStraightThrough(t(P)), [0.0, 1.0, 0.0]),
    "MixtureSameFamily": (lambda d, t: d.MixtureSameFamily(d.Categorical(t(P)), d.Normal(t(L), t([1.0, 0.5, 2.0]))), L[0][:2]),
    "MixtureSameFamily of vectors": (lambda d, t: d.MixtureSameFamily(
        d.Categorical(logits=t([0.3, 0.1])), d.Independent(d.Normal(t(L), t([1.0, 0.5, 2.0])), 1)), [[0.3, 0.1, 1.0]]),
    "Pareto": (lambda d, t: d.Pareto(t([0.5, 1.0]), t([6.5, 4.5])), [0.6, 2.7]),
    "Pareto of heavy tails": (lambda d, t: d.Pareto(t([0.5, 1.0]), t([0.7, 1.5])), [0.6, 2.7]),
    "Weibull": (lambda d, t: d.Weibull(t([0.5, 2.0]), t([2.0, 3.5])), [0.3, 2.7]),
    "HalfCauchy": (lambda d, t: d.HalfCauchy(t([0.5, 2.0])), [0.3, 2.7]),
    "InverseGamma": (lambda d, t: d.InverseGamma(t([5.0, 6.5]), t([1.0, 0.2])), [0.3, 2.7]),
    "InverseGamma of heavy tails": (lambda d, t: d.InverseGamma(t([1.5, 0.5]), t([1.0, 0.2])), [0.3, 2.7]),
    "Kumaraswamy": (lambda d, t: d.Kumaraswamy(t([0.5, 0.7]), t([1.5, 2.0])), [0.3, 0.7]),
    "FisherSnedecor": (lambda d, t: d.FisherSnedecor(t([3.0, 4.5]), t([9.0, 12.5])), [0.3, 2.7]),
    "ContinuousBernoulli": (lambda d, t: d.ContinuousBernoulli(t([0.2, 0.5, 0.7])), [0.3, 0.7, 0.1]),
    "ContinuousBernoulli of logits": (lambda d, t: d.ContinuousBernoulli(logits=t([0.5, -2.0])), [0.3, 0.7]),
    "LogisticNormal": (lambda d, t: d.LogisticNormal(t([[0.5, -1.0]]), t([1.0, 0.2])), [P]),
    "LowRankMultivariateNormal": (lambda d, t: d.LowRankMultivariateNormal(
        t([[0.5, 1.0, -1.0], [0.0, 2.0, 1.0]]), t([[1.0], [0.4], [-0.5]]), t([0.3, 0.1, 0.2])), L),
    "LKJCholesky": (lambda d, t: d.LKJCholesky(2, t([0.5, 2.0])), [[1.0, 0.0], [0.6, 0.8]]),
    "Wishart": (lambda d, t: d.Wishart(t([4.5, 6.0]), t(M)), [[2.0, 0.3], [0.3, 1.5]]),
    "Wishart of precision": (lambda d, t: d.Wishart(t(3.5), precision_matrix=t(M)), [[2.0, 0.3], [0.3, 1.5]]),
    "Wishart of a factor": (lambda d, t: d.Wishart(3, scale_tril=t([[1.0, 0.0], [0.4, 0.5]]).tril()), [[2.0, 0.3], [0.3, 1.5]]),
    **{f"Normal, then {name}": (
        lambda d, t, make=make: d.TransformedDistribution(d.Normal(t([0.5, -1.0]), t([1.0, 0.2])), make(d, t)), values)
       for name, make, values in (
        ("exp", lambda d, t: d.ExpTransform(), [0.3, 2.7]),
        ("sigmoid", lambda d, t: [d.SigmoidTransform()], [0.3, 0.7]),
        ("tanh", lambda d, t: [d.TanhTransform(cache_size=1)], [0.3, -0.7]),
        ("softplus", lambda d, t: [d.SoftplusTransform()], [0.3, 0.7]),
        ("power", lambda d, t: [d.ExpTransform(), d.PowerTransform(t(-2.0))], [0.3, 0.7]),
        ("affine", lambda d, t: [d.TanhTransform(), d.AffineTransform(t(1.0), t([-2.0, 3.0]))], [0.3, 0.7]),
        ("affine of vectors", lambda d, t: [d.AffineTransform(0.5, t([-2.0, 3.0]), event_dim=1)], [0.3, 0.7]),
        ("inverse", lambda d, t: [d.SoftplusTransform(), d.ExpTransform().inv], [0.3, -0.7]),
        ("composed", lambda d, t: d.ComposeTransform([d.AffineTransform(0.0, 2.0), d.SigmoidTransform()]), [0.3, 0.7]),
        ("independent", lambda d, t: [d.IndependentTransform(d.TanhTransform(), 1)], [0.3, 0.7]),
        ("stick breaking", lambda d, t: [d.StickBreakingTransform()], P),
        ("reshaped", lambda d, t: [d.ReshapeTransform((2,), (1, 2)), d.ExpTransform()], [[0.3, 0.7]]),
        ("nothing", lambda d, t: [], [0.3, 0.7]),
       )},
    "Uniform, then logit": (lambda d, t: d.TransformedDistribution(d.Uniform(t([0.0, 0.0]), t(1.0)),
        [d.SigmoidTransform().inv, d.AffineTransform(t(0.5), t([2.0, 1.0]))]), [0.3, 2.7]),
}  # fmt: skip
ASKED = ["log_prob", "entropy", "mean", "mode", "variance", "stddev", "perplexity", "cdf", "icdf", "enumerate_support"]
# How exact PyTorch is: its trigamma is right to nine digits, its polynomials for I_0 and I_1 to seven and their derivatives to
# five, and it computes the multinomial's n! in single precision.
PRECISION = {"Beta": 1e-7, "Kumaraswamy": 1e-7, "StudentT": 1e-7, "VonMises": 1e-5, "Multinomial": 1e-6}


def found(lib: Any, make: Callable, values: Any, name: str) -> Any:
    """What a distribution answers, and the gradients of its parameters."""
    leaves: list = []

    def learned(data: Any) -> Any:
        leaves.append(lib.tensor(data, dtype=lib.float64, requires_grad=True))
        return leaves[-1]

    one = make(lib.distributions, learned)
    asked = getattr(one, name)
    if name == "icdf":
        values = np.full(one.batch_shape, 0.3).tolist()
    argument = [lib.tensor(values, dtype=lib.float64)] if name in ("log_prob", "cdf", "icdf") else []
    y = asked(*argument) if callable(asked) else asked
    if y.requires_grad:
        y.nan_to_num().sum().backward()
    grads = [None if leaf.grad is None else leaf.grad.numpy() for leaf in leaves]
    return [tuple(one.batch_shape), tuple(one.event_shape), y.detach().numpy(), *grads]


@pytest.mark.parametrize(("name", "asked"), [(n, a) for n in MADE for a in ASKED if (n, a) != ("Kumaraswamy", "mode")])
def test_answers_and_gradients(name: str, asked: str) -> None:
    try:
        want = found(torch, *MADE[name], asked)
    except (NotImplementedError, AttributeError):
        with pytest.raises((NotImplementedError, GradError)):
            found(minigrad, *MADE[name], asked)
        return
    for ours, theirs in zip(found(minigrad, *MADE[name], asked), want, strict=True):
        if theirs is None:
            assert ours is None or not ours.any()
        else:
            np.testing.assert_allclose(ours, theirs, rtol=PRECISION.get(name.split()[0], 1e-9), atol=1e-12)


@pytest.mark.parametrize("kind", ["Categorical", "Bernoulli", "OneHotCategorical", "Geometric"])
@pytest.mark.parametrize("given", ["probs", "logits"])
def test_what_a_draw_computed_first_has_a_gradient_later(kind: str, given: str) -> None:
    """A policy draws, and its entropy is differentiated afterwards."""

    def gradient(lib: Any) -> np.ndarray:
        leaf = lib.tensor([0.2, 0.5, 0.3], dtype=lib.float64, requires_grad=True)
        one = getattr(lib.distributions, kind)(**{given: leaf})
        one.sample()
        with lib.no_grad():
            one.mean, one.logits  # noqa: B018
        one.entropy().sum().backward()
        return leaf.grad.numpy()

    np.testing.assert_allclose(gradient(minigrad), gradient(torch), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", MADE)
def test_samples_have_the_moments(name: str) -> None:
    minigrad.manual_seed(0)
    one = MADE[name][0](minigrad.distributions, lambda data: minigrad.tensor(data, requires_grad=True))
    n = 20_000
    x = one.sample((n // 10, 10))
    assert x.shape == (n // 10, 10, *one.batch_shape, *one.event_shape) and not x.requires_grad
    one.log_prob(x)  # all are within the support
    supports = [MADE[name][0](lib.distributions, lib.tensor).support for lib in (minigrad, torch)]
    assert len({(s.event_dim, s.is_discrete) for s in supports}) == 1
    assert one.has_rsample == MADE[name][0](torch.distributions, torch.tensor).has_rsample
    assert not one.has_rsample or one.rsample((3,)).requires_grad
    if any(part in name for part in ("heavy", "VonMises", "Relaxed", "then", "HalfCauchy", "LogisticNormal", "LKJ")):
        return  # has no moments, or none that PyTorch tells
    if name.startswith("Categorical"):
        x, mean = minigrad.nn.functional.one_hot(x, 3).float(), one.probs
        variance = mean * (1 - mean)
    else:
        mean, variance = one.mean, one.variance
    if name == "Cauchy":  # which has none; within three standard deviations of a quartile
        np.testing.assert_allclose([x.flatten(0, 1).quantile(q, 0).tolist() for q in (0.25, 0.5, 0.75)],
                                   [(one.loc + k * one.scale).tolist() for k in (-1, 0, 1)], atol=0.06)  # fmt: skip
        return
    x, off = x.flatten(0, 1), 5 * (variance / n).sqrt()  # five standard deviations of a mean
    assert ((x.mean(0) - mean).abs() <= off).all()
    assert ((x.var(0) / variance - 1).abs() < 0.15).all()


@pytest.mark.parametrize(
    "name", [n for n in MADE if n not in ("Normal of numbers", "OneHotCategorical") and "Wishart" not in n]
)
def test_divergence(name: str) -> None:
    def kl(lib: Any) -> np.ndarray:
        p, q = (
            MADE[name][0](lib.distributions, lambda data, by=by: by * lib.tensor(data, dtype=lib.float64)) for by in (1, 1.25)
        )
        return np.stack([lib.distributions.kl_divergence(a, b).detach().numpy() for a, b in ((p, q), (p, p))])

    try:
        want = kl(torch)
    except NotImplementedError:
        with pytest.raises(NotImplementedError):
            kl(minigrad)
        return
    if name == "Bernoulli":
        assert kl(minigrad)[1].tolist() == pytest.approx([0, 0, 0])
    np.testing.assert_allclose(kl(minigrad), want, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("p", "q"), [(0.5, 0.0), (0.5, 1.0), (0.0, 0.0), (1.0, 1.0), (0.0, 0.3), (1.0, 0.0)])
def test_divergence_of_a_coin_that_falls_on_one_side(p: float, q: float) -> None:
    ours, theirs = (lib.distributions.kl_divergence(lib.distributions.Bernoulli(p), lib.distributions.Bernoulli(q)).item()
                    for lib in (minigrad, torch))  # fmt: skip
    assert ours == pytest.approx(theirs, rel=1e-6)


REFUSED: list[Callable] = [
    lambda d, t: d.Normal(t([0.0]), t([-1.0])),
    lambda d, t: d.Normal(t([float("nan")]), 1.0),
    lambda d, t: d.Normal(t([0.0, 1.0]), 1.0).log_prob(t([0.0, 1.0, 2.0])),
    lambda d, t: d.Normal(0.0, 1.0).log_prob(0.5),
    lambda d, t: d.Normal("a", 1.0),
    lambda d, t: d.Uniform(1.0, 1.0),
    lambda d, t: d.Uniform(0.0, 1.0).log_prob(t([2.0])),
    lambda d, t: d.Exponential(0.0),
    lambda d, t: d.Exponential(1.0).log_prob(t([-1.0])),
    lambda d, t: d.Poisson(1.0).log_prob(t([1.5])),
    lambda d, t: d.LogNormal(0.0, 1.0).log_prob(t([-1.0])),
    lambda d, t: d.HalfNormal(t([-1.0])),
    lambda d, t: d.HalfNormal(1.0).log_prob(t([-1.0])),
    lambda d, t: d.Gumbel(0.0, 0.0),
    lambda d, t: d.Cauchy(0.0, 0.0),
    lambda d, t: d.Geometric(1.2),
    lambda d, t: d.Geometric(0.5).log_prob(t([1.5])),
    lambda d, t: d.Bernoulli(t([1.2])),
    lambda d, t: d.Bernoulli(0.5).log_prob(t([0.5])),
    lambda d, t: d.Bernoulli(0.5, 0.5),
    lambda d, t: d.Bernoulli(),
    lambda d, t: d.Categorical(t([-0.5, 1.5])),
    lambda d, t: d.Categorical(t(1.0)),
    lambda d, t: d.Categorical(t([0.5, 0.5])).log_prob(t([2])),
    lambda d, t: d.Categorical(t([[0.5, 0.5]] * 3)).log_prob(t([1, 0])),
    lambda d, t: d.OneHotCategorical(t([0.5, 0.5])).log_prob(t([1.0, 1.0])),
    lambda d, t: d.MultivariateNormal(t([0.0, 0.0])),
    lambda d, t: d.MultivariateNormal(t([0.0, 0.0]), scale_tril=t([[1.0, 1.0], [0.0, 1.0]])),
    lambda d, t: d.Independent(d.Normal(0.0, 1.0), 1),
    lambda d, t: d.kl_divergence(d.Normal(0.0, 1.0), d.Poisson(1.0)),
    lambda d, t: d.Gamma(t([0.0]), 1.0),
    lambda d, t: d.Gamma(1.0, 1.0).log_prob(t([-1.0])),
    lambda d, t: d.Beta(1.0, 1.0).log_prob(t([1.5])),
    lambda d, t: d.Dirichlet(t(1.0)),
    lambda d, t: d.Dirichlet(t([1.0, 0.0])),
    lambda d, t: d.Dirichlet(t([1.0, 1.0])).log_prob(t([0.5, 0.6])),
    lambda d, t: d.Chi2(t([-1.0])),
    lambda d, t: d.StudentT(0.0),
    lambda d, t: d.Binomial(2, 0.5).log_prob(t([3.0])),
    lambda d, t: d.Binomial(-1, 0.5),
    lambda d, t: d.Binomial(2),
    lambda d, t: d.Binomial(t([1.0, 2.0]), 0.5).enumerate_support(),
    lambda d, t: d.NegativeBinomial(2, 1.0),
    lambda d, t: d.Multinomial(2, t([0.5, 0.5])).log_prob(t([2.0, 1.0])),
    lambda d, t: d.VonMises(0.0, 0.0),
    lambda d, t: d.RelaxedBernoulli(t(1.0), 1.5),
    lambda d, t: d.TransformedDistribution(d.Normal(0.0, 1.0), "exp"),
    lambda d, t: d.TransformedDistribution(d.Normal(0.0, 1.0), d.StickBreakingTransform()),
    lambda d, t: d.TransformedDistribution(d.Normal(0.0, 1.0), d.ExpTransform()).log_prob(t([-1.0])),
    lambda d, t: d.MixtureSameFamily(d.Categorical(t([0.5, 0.5])), d.Normal(t([0.0]), 1.0)),
    lambda d, t: d.MultivariateNormal(t([0.0, 0.0]), t([[1.0, 2.0], [2.0, 1.0]])),
    lambda d, t: d.Pareto(0.0, 1.0),
    lambda d, t: d.Pareto(1.0, 1.0).log_prob(t([0.5])),
    lambda d, t: d.Weibull(1.0, 0.0),
    lambda d, t: d.HalfCauchy(1.0).log_prob(t([-1.0])),
    lambda d, t: d.Kumaraswamy(1.0, 1.0).log_prob(t([1.5])),
    lambda d, t: d.FisherSnedecor(1.0, 1.0).log_prob(t([-1.0])),
    lambda d, t: d.GeneralizedPareto(0.0, 1.0, -1.0).log_prob(t([1.5])),
    lambda d, t: d.ContinuousBernoulli(0.5).log_prob(t([1.5])),
    lambda d, t: d.ContinuousBernoulli(),
    lambda d, t: d.LowRankMultivariateNormal(t([0.0, 0.0]), t([[1.0]]), t([1.0, 1.0])),
    lambda d, t: d.LowRankMultivariateNormal(t([0.0, 0.0]), t([[1.0], [1.0]]), t([1.0, -1.0])),
    lambda d, t: d.LKJCholesky(1),
    lambda d, t: d.LKJCholesky(2).log_prob(t([[1.0, 0.0], [0.6, 0.7]])),
    lambda d, t: d.Wishart(1.0, t([[1.0, 0.0], [0.0, 1.0]])),
    lambda d, t: d.Wishart(3.0, t([[1.0, 0.0], [0.0, 1.0]])).log_prob(t([[1.0, 2.0], [2.0, 1.0]])),
    lambda d, t: d.biject_to(d.constraints.lower_cholesky),
    lambda d, t: d.kl_divergence(d.Weibull(1.0, 1.0), d.Gamma(1.0, 1.0)),
]


@pytest.mark.parametrize("call", REFUSED)
def test_refusals_in_pytorchs_words(call: Callable) -> None:
    with pytest.raises((ValueError, NotImplementedError)) as theirs:
        call(torch.distributions, torch.tensor)
    with pytest.raises(type(theirs.value)) as ours:
        call(minigrad.distributions, minigrad.tensor)
    first = str(theirs.value).splitlines()[0].replace("torch.", "minigrad.")
    if isinstance(theirs.value, ValueError):
        who, _, said = str(ours.value).partition(": ")
        assert hasattr(minigrad.distributions, who) and said.startswith(first[:48].split(" of distribution")[0])


def test_printed_expanded_and_unchecked() -> None:
    def told(lib: Any) -> str:
        d, t = lib.distributions, lib.tensor
        shown = [d.Normal(0, 1), d.Normal(t([0.0, 1.0]), 1.0), d.Categorical(t(P)), d.Bernoulli(logits=t(0.5)),
                 d.Independent(d.Normal(t([0.0, 1.0]), 1.0), 1), d.Uniform(t(0.0), t([1.0, 2.0]))]  # fmt: skip
        shown += [d.Normal(0.0, 1.0).expand((3, 2)).log_prob(t(0.5)).shape, d.Categorical(t(P)).expand((4,)).entropy().shape]
        return f"{shown} {d.Uniform(0.0, 1.0, validate_args=False).log_prob(t(2.0))}".replace("torch.", "minigrad.")

    assert told(minigrad) == told(torch)
    assert repr(minigrad.distributions.Normal(0.0, 1.0).support) == repr(torch.distributions.Normal(0.0, 1.0).support)
    assert minigrad.distributions.normal.Normal is minigrad.distributions.Normal  # the places that scripts import from
    assert minigrad.distributions.categorical.Categorical is minigrad.distributions.Categorical


def test_the_gradient_of_a_gamma_draw_keeps_its_place_in_the_distribution() -> None:
    a, p = (x.flatten() for x in np.meshgrid([0.02, 0.3, 1.0, 2.5, 20.0, 300.0, 3000.0], [1e-4, 0.1, 0.5, 0.9, 0.9999]))

    def place(a: np.ndarray) -> np.ndarray:
        """log x with P(a, x) = p, by halving."""
        low, high = np.full(a.shape, -800.0), np.log(10 * a + 60)
        for _ in range(90):
            half = (low + high) / 2
            below = torch.special.gammainc(torch.tensor(a), torch.tensor(np.exp(half))).numpy() < p
            low, high = np.where(below, half, low), np.where(below, high, half)
        return half

    found = gamma.slope(minigrad.tensor(a), minigrad.tensor(place(a))).numpy()
    kept = place(a) > -700  # the rest round to 0
    assert kept.sum() > 25
    want = (place(a * 1.00001) - place(a * 0.99999)) / (0.00002 * a)  # differences: good to some six digits
    np.testing.assert_allclose(found[kept], want[kept], rtol=2e-5)


@pytest.mark.parametrize("name", ["Gamma", "Beta", "Dirichlet", "Chi2", "StudentT"])
def test_draws_move_with_the_parameters_as_the_mean_does(name: str) -> None:
    minigrad.manual_seed(0)
    learned: list = []

    def made(data: Any) -> Any:
        learned.append(minigrad.tensor(data, dtype="float64", requires_grad=True))
        return learned[-1]

    one = MADE[name][0](minigrad.distributions, made)
    weights = minigrad.arange(1.0, 1.0 + one.mean.numel(), dtype=minigrad.float64).reshape(one.mean.shape)
    want = minigrad.autograd.grad((one.mean * weights).sum(), learned, allow_unused=True, retain_graph=True)
    each = [
        minigrad.autograd.grad((one.rsample((400,)).mean(0) * weights).sum(), learned, retain_graph=True) for _ in range(30)
    ]
    for got, mean in zip(zip(*each, strict=True), want, strict=True):
        got = minigrad.stack(got)
        error = 5 * got.std(0) / 30**0.5 + 1e-12  # five standard deviations of the mean of 30
        assert ((got.mean(0) - (0 if mean is None else mean)).abs() <= error).all()


def test_small_concentrations_give_corners_and_no_nan() -> None:
    minigrad.manual_seed(0)
    a = minigrad.full((1000, 3), 0.001, requires_grad=True)
    x = minigrad.distributions.Dirichlet(a).rsample()
    x.square().sum().backward()
    assert minigrad.isfinite(a.grad).all() and ((x.sum(-1) - 1).abs() < 1e-5).all() and (x.max(-1).values > 0.99).sum() > 980
    assert (x.round().mean(0) - 1 / 3).abs().max() < 0.08


def test_relaxed_choices_round_to_choices_and_angles_gather() -> None:
    minigrad.manual_seed(0)
    d, t = minigrad.distributions, minigrad.tensor
    assert ((d.RelaxedBernoulli(0.5, t(P)).sample((9000,)) > 0.5).float().mean(0) - t(P)).abs().max() < 0.03
    chosen = d.RelaxedOneHotCategorical(0.5, t(P)).sample((9000,)).argmax(-1)
    assert (nn.functional.one_hot(chosen, 3).float().mean(0) - t(P)).abs().max() < 0.03
    angles = d.VonMises(t([3.0, 0.5]), t([2.0, 1e-7])).sample((9000,))
    assert angles.abs().max() <= np.pi + 1e-5
    towards = minigrad.stack([(angles - t([3.0, 0.5])).cos().mean(0), (angles - t([3.0, 0.5])).sin().mean(0)])
    want = t([[minigrad.special.i1(t(2.0)) / minigrad.special.i0(t(2.0)), 0.0], [0.0, 0.0]])
    assert (towards - want).abs().max() < 0.04


TRANSFORMS: dict[str, tuple[Callable, Any]] = {
    "ExpTransform()": (lambda d: d.ExpTransform(), L),
    "PowerTransform": (lambda d: d.PowerTransform(2.0), [P]),
    "SigmoidTransform()": (lambda d: d.SigmoidTransform(), L),
    "TanhTransform()": (lambda d: d.TanhTransform(), L),
    "SoftplusTransform()": (lambda d: d.SoftplusTransform(), L),
    "AffineTransform": (lambda d: d.AffineTransform(1.0, -3.0), L),
    "StickBreakingTransform()": (lambda d: d.StickBreakingTransform(), L),
    "ComposeTransform": (lambda d: d.ComposeTransform([d.StickBreakingTransform(), d.ExpTransform()]), L),
    "IndependentTransform": (lambda d: d.IndependentTransform(d.TanhTransform(), 1), L),
    "ReshapeTransform": (lambda d: d.ReshapeTransform((3,), (3, 1)), L),
    "inverse": (lambda d: d.TanhTransform().inv, [P]),
    "identity": (lambda d: d.identity_transform, L),
    "LowerCholeskyTransform()": (lambda d: d.LowerCholeskyTransform(), M),
    "SoftmaxTransform()": (lambda d: d.SoftmaxTransform(), L),
    "AbsTransform()": (lambda d: d.AbsTransform(), [[-0.2, 0.5]]),
    "PositiveDefiniteTransform()": (lambda d: d.PositiveDefiniteTransform(), M),
    "CorrCholeskyTransform()": (lambda d: d.CorrCholeskyTransform(), L),
    "CatTransform": (lambda d: d.CatTransform([d.ExpTransform(), d.TanhTransform()], -1, [1, 2]), L),
    "CatTransform of vectors": (
        lambda d: d.CatTransform([d.AffineTransform(0.0, k, event_dim=1) for k in (2.0, 3.0)], -1, [1, 2]),
        L,
    ),
    "StackTransform": (lambda d: d.StackTransform([d.ExpTransform(), d.TanhTransform()], 0), L),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms(name: str) -> None:
    make, values = TRANSFORMS[name]

    def told(lib: Any) -> list:
        t, x = make(lib.distributions), lib.tensor(values, dtype=lib.float64)
        y = t(x)
        seen = [y, t.inv(y), *(lib.tensor(s) for s in (t.forward_shape(x.shape), t.inverse_shape(y.shape)))]
        if t.bijective:
            seen.append(t.log_abs_det_jacobian(x, y))
        dims = [t.domain.event_dim, t.codomain.event_dim, t.bijective, t.inv.inv is t, t == make(lib.distributions)]
        assert t.codomain.check(y).all() and t.domain.check(x).all()
        return [*(v.numpy() for v in seen), dims]

    for ours, theirs in zip(told(minigrad), told(torch), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
    assert name[-1] != ")" or repr(make(minigrad.distributions)) == name


def test_a_squashed_policy_knows_what_it_drew() -> None:
    """tanh x rounds to 1, whose inverse is inf; the pair that is kept gives x itself."""
    policy = minigrad.distributions.TransformedDistribution(
        minigrad.distributions.Normal(minigrad.tensor([12.0], requires_grad=True), 1.0),
        [minigrad.distributions.TanhTransform(cache_size=1)],
    )
    y = policy.rsample()
    assert y.item() == 1 and np.isfinite(policy.log_prob(y).item())


def test_a_flow_of_ones_own() -> None:
    def flow(lib: Any) -> Any:
        class Cube(lib.distributions.transforms.Transform):
            domain = codomain = lib.distributions.constraints.real
            bijective, sign = True, 1

            def _call(self, x: Any) -> Any:
                return x**3

            def _inverse(self, y: Any) -> Any:
                return y.sign() * y.abs() ** (1 / 3)

            def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
                return (3 * x**2).log()

        normal, values = lib.distributions.Normal(lib.zeros(2), 1.0), lib.tensor([0.3, -2.0])
        one = lib.distributions.TransformedDistribution(normal, [Cube(), Cube().with_cache()])
        return np.concatenate([one.expand((3, 2)).log_prob(values).numpy().ravel(), one.cdf(values).numpy()])

    np.testing.assert_allclose(flow(minigrad), flow(torch), rtol=1e-5)
