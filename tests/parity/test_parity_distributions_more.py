"""Pairs of families, constraints and their registries, and distributions that PyTorch has in single precision only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import minigrad

ONE: dict[str, list[Callable]] = {
    "Bernoulli": [lambda d, t: d.Bernoulli(t([0.3, 0.8]))],
    "Binomial": [lambda d, t: d.Binomial(3, t([0.3, 0.8]))],
    "Poisson": [lambda d, t: d.Poisson(t([0.3, 2.8]))],
    "Beta": [lambda d, t: d.Beta(t([0.5, 3.0]), t([1.5, 2.0]))],
    "ContinuousBernoulli": [lambda d, t: d.ContinuousBernoulli(t([0.3, 0.8]))],
    "Exponential": [lambda d, t: d.Exponential(t([0.3, 2.8]))],
    "Gamma": [lambda d, t: d.Gamma(t([0.5, 3.0]), t([1.5, 2.0]))],
    "Chi2": [lambda d, t: d.Chi2(t([0.5, 3.0]))],
    "Gumbel": [lambda d, t: d.Gumbel(t([0.5, -1.0]), t([1.5, 2.0]))],
    "Laplace": [lambda d, t: d.Laplace(t([0.5, -1.0]), t([1.5, 2.0]))],
    "Normal": [lambda d, t: d.Normal(t([0.5, -1.0]), t([1.5, 2.0]))],
    "HalfNormal": [lambda d, t: d.HalfNormal(t([0.5, 1.0]))],
    "Pareto": [lambda d, t: d.Pareto(t([0.5, 0.1]), t([2.5, 4.5])), lambda d, t: d.Pareto(t([1.0, 2.0]), t([0.5, 1.5]))],
    "Uniform": [lambda d, t: d.Uniform(t([0.25, 0.1]), t([0.75, 0.9])), lambda d, t: d.Uniform(t([0.1, -1.0]), t([0.3, 2.0])),
                lambda d, t: d.Uniform(t([-1.0, -2.0]), t([2.0, 1.5]))],
    "MultivariateNormal": [lambda d, t: d.MultivariateNormal(t([0.5, -1.0, 2.0]), scale_tril=t(
        [[[1.0, 0.0, 0.0], [0.3, 2.0, 0.0], [0.1, -1.0, 0.5]]]))],
    "LowRankMultivariateNormal": [
        lambda d, t: d.LowRankMultivariateNormal(t([[0.0, 1.0, 1.0]] * 2), t([[1.0, 0.3], [0.4, 2.0], [0.1, 0.2]]),
                                                 t([0.3, 1.0, 2.0])),
        lambda d, t: d.LowRankMultivariateNormal(t([0.1, 1.5, 1.0]), t([[1.0], [0.4], [-0.2]]), t([0.5, 1.0, 0.2]))],
}  # fmt: skip


def same_or_refused(told: Callable[[Any], list], refusal: str, rtol: float, atol: float) -> None:
    """What both libraries tell is the same; where PyTorch has no rule, ours says so too."""
    try:
        want = told(torch)
    except NotImplementedError:
        with pytest.raises(NotImplementedError, match=refusal):
            told(minigrad)
        return
    for ours, theirs in zip(told(minigrad), want, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol)


@pytest.mark.parametrize("q", ONE)
@pytest.mark.parametrize("p", ONE)
def test_divergence_of_one_family_from_another(p: str, q: str) -> None:
    def kl(lib: Any) -> list:
        answers = []
        for one in ONE[p]:
            for other in ONE[q]:
                leaves: list = []

                def learned(data: Any, lib: Any = lib, leaves: list = leaves) -> Any:
                    leaves.append(lib.tensor(data, dtype=lib.float64, requires_grad=True))
                    return leaves[-1]

                found = lib.distributions.kl_divergence(one(lib.distributions, learned), other(lib.distributions, learned))
                shown = found.detach().numpy()
                answers.append(shown)
                if np.isfinite(shown).all() and found.requires_grad:
                    found.sum().backward()
                    answers += [0 if leaf.grad is None else leaf.grad.numpy() for leaf in leaves]
        return answers

    same_or_refused(kl, "kl_divergence", rtol=1e-7, atol=1e-8)  # PyTorch's trigamma is right to nine digits


def test_divergences_that_pytorch_has_otherwise() -> None:
    """Of Wisharts it says less than 0, and inf of a Uniform that shares an end with the support; here by drawing."""
    minigrad.manual_seed(0)
    d, t = minigrad.distributions, minigrad.tensor
    c = t([[2.0, 0.3], [0.3, 0.5]])
    unit, coin = d.Uniform(0.0, 1.0), d.ContinuousBernoulli(0.3)
    for p, q in ((d.Wishart(4.5, c), d.Wishart(6.0, 1.5 * c)), (unit, coin), (coin, unit)):
        x = p.sample((40_000,))
        apart = p.log_prob(x) - q.log_prob(x)
        error = 5 * apart.std() / 40_000**0.5
        assert (d.kl_divergence(p, q) - apart.mean()).abs() < error
        assert d.kl_divergence(p, p).abs() < 1e-6


def test_the_mode_of_kumaraswamy_is_where_the_density_is_greatest() -> None:
    """PyTorch has NaN there."""
    one = minigrad.distributions.Kumaraswamy(minigrad.tensor([3.0, 2.0]), minigrad.tensor([2.0, 5.0]))
    x = minigrad.linspace(0.001, 0.999, 999).unsqueeze(-1)
    assert (x[one.log_prob(x).argmax(0), 0] - one.mode).abs().max() < 0.001
    assert minigrad.isnan(minigrad.distributions.Kumaraswamy(0.5, 2.0).mode)


def test_a_family_of_ones_own() -> None:
    """Entropy and divergence follow from the normalizer alone, here of an exponential distribution."""

    def told(lib: Any) -> np.ndarray:
        class Waiting(lib.distributions.ExponentialFamily):
            arg_constraints = {"rate": lib.distributions.constraints.positive}
            _mean_carrier_measure = 0

            def __init__(self, rate: Any) -> None:
                self.rate = rate
                super().__init__(rate.shape)

            @property
            def _natural_params(self) -> tuple:
                return (-self.rate,)

            def _log_normalizer(self, x: Any) -> Any:
                return -(-x).log()

        p, q = (Waiting(lib.tensor(rate, dtype=lib.float64)) for rate in ([0.5, 2.0], [1.5, 1.0]))
        return np.stack([v.detach().numpy() for v in (p.entropy(), lib.distributions.kl_divergence(p, q))])

    np.testing.assert_allclose(told(minigrad), told(torch), rtol=1e-12)
    rates = minigrad.tensor([0.5, 2.0]), minigrad.tensor([1.5, 1.0])
    plain = [minigrad.distributions.Exponential(rate) for rate in rates]
    np.testing.assert_allclose(told(minigrad)[1], minigrad.distributions.kl_divergence(*plain).numpy(), rtol=1e-6)


TAILS: dict[str, tuple[Callable, Any]] = {
    "GeneralizedPareto": (lambda d, t: d.GeneralizedPareto(
        t([0.5, -1.0, 0.0, 0.0]), t([1.0, 0.2, 2.0, 1.0]), t([0.1, -0.5, 0.0, -1.0])), [0.7, -0.9, 2.0, 0.5]),
    "GeneralizedPareto of heavy tails": (lambda d, t: d.GeneralizedPareto(t([0.5, 0.0]), t(1.0), t([0.7, 1.5])), [0.7, 2.0]),
    "FisherSnedecor of heavy tails": (lambda d, t: d.FisherSnedecor(t([1.0, 4.5]), t([3.0, 1.5])), [0.3, 2.7]),
    "LKJCholesky": (lambda d, t: d.LKJCholesky(3, t([0.5, 2.0])), [[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.48, 0.6, 0.64]]),
}  # fmt: skip


@pytest.mark.parametrize("asked", ["log_prob", "cdf", "icdf", "entropy", "mean", "mode", "variance", "log_survival_function"])
@pytest.mark.parametrize("name", TAILS)
def test_tails(name: str, asked: str) -> None:
    make, values = TAILS[name]

    def told(lib: Any) -> np.ndarray:
        one = make(lib.distributions, lib.tensor)
        value = lib.tensor(values if asked != "icdf" else [0.3] * len(values))
        found = getattr(one, asked)
        return (found(value) if asked in ("log_prob", "cdf", "icdf", "log_survival_function") else found() if callable(found)
                else found).numpy()  # fmt: skip

    try:
        want = told(torch)
    except (NotImplementedError, AttributeError) as error:
        with pytest.raises(type(error)):
            told(minigrad)
        return
    np.testing.assert_allclose(told(minigrad), want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("make", [
    lambda d: d.Pareto(0.5, 0.7), lambda d: d.HalfCauchy(2.0), lambda d: d.Weibull(2.0, 0.7), lambda d: d.Kumaraswamy(0.5, 3.0),
    lambda d: d.GeneralizedPareto(0.5, 2.0, 1.5), lambda d: d.GeneralizedPareto(0.5, 2.0, -0.7),
    lambda d: d.ContinuousBernoulli(0.9), lambda d: d.InverseGamma(1.5, 2.0),
])  # fmt: skip
def test_samples_lie_where_the_cdf_says(make: Callable) -> None:
    minigrad.manual_seed(0)
    one = make(minigrad.distributions)
    below = one.cdf(one.sample((4000,))).sort().values.numpy()
    assert np.abs(below - (np.arange(4000) + 0.5) / 4000).max() < 1.95 / 4000**0.5  # Kolmogorov's test, at one in 1000


def test_samples_of_correlations_have_the_density() -> None:
    """At concentration 1 each correlation of three is Beta(1.5, 1.5) on -1 ... 1, of variance 1 / 4; at 2 of variance 1 / 6."""
    minigrad.manual_seed(0)
    one = minigrad.distributions.LKJCholesky(3, minigrad.tensor([1.0, 2.0]))
    factors = one.sample((8000,))
    assert factors.shape == (8000, 2, 3, 3) and minigrad.isfinite(one.log_prob(factors)).all()
    matrices = factors @ factors.mT
    for i, j in ((1, 0), (2, 0), (2, 1)):
        assert (matrices[..., i, j].mean(0)).abs().max() < 0.03
        assert (matrices[..., i, j].var(0) - minigrad.tensor([1 / 4, 1 / 6])).abs().max() < 0.012


def test_samples_that_sum_to_one_are_transformed_normals() -> None:
    minigrad.manual_seed(0)
    one = minigrad.distributions.LogisticNormal(minigrad.tensor([0.5, -1.0]), minigrad.tensor([1.0, 0.2]))
    x = one.sample((8000,))
    z = one.transforms[0].inv(x)
    assert x.shape == (8000, 3) and one.expand((4,)).sample().shape == (4, 3)
    assert (z.mean(0) - one.loc).abs().max() < 0.05 and (z.std(0) / one.scale - 1).abs().max() < 0.05


CONSTRAINTS: list[tuple[Callable, Any]] = [
    (lambda c, t: c.real, [0.3, float("nan")]),
    (lambda c, t: c.positive, [0.3, 0.0, -1.0]),
    (lambda c, t: c.nonnegative, [0.3, 0.0, -1.0]),
    (lambda c, t: c.greater_than(2.0), [2.0, 3.0]),
    (lambda c, t: c.greater_than_eq(t(2.0)), [2.0, 1.0]),
    (lambda c, t: c.less_than(2.0), [2.0, 1.0]),
    (lambda c, t: c.interval(-1.0, 2.0), [-1.0, 2.0, 2.5]),
    (lambda c, t: c.half_open_interval(-1.0, 2.0), [-1.0, 2.0]),
    (lambda c, t: c.unit_interval, [0.0, 1.0, 1.5]),
    (lambda c, t: c.integer_interval(0, 3), [0.0, 1.5, 4.0]),
    (lambda c, t: c.positive_integer, [0.0, 1.5, 4.0]),
    (lambda c, t: c.boolean, [0.0, 1.0, 0.5]),
    (lambda c, t: c.one_hot, [[0.0, 1.0], [1.0, 1.0]]),
    (lambda c, t: c.simplex, [[0.3, 0.7], [0.3, 0.8], [-0.3, 1.3]]),
    (lambda c, t: c.real_vector, [[0.3, 0.7], [0.3, float("nan")]]),
    (lambda c, t: c.independent(c.positive, 1), [[0.3, 0.7], [0.3, -0.8]]),
    (lambda c, t: c.lower_triangular, [[[1.0, 0.0], [2.0, -1.0]], [[1.0, 1.0], [2.0, 1.0]]]),
    (lambda c, t: c.lower_cholesky, [[[1.0, 0.0], [2.0, 1.0]], [[1.0, 0.0], [2.0, -1.0]]]),
    (lambda c, t: c.corr_cholesky, [[[1.0, 0.0], [0.6, 0.8]], [[1.0, 0.0], [0.6, 0.7]]]),
    (lambda c, t: c.square, [[[1.0, 0.0], [0.6, 0.8]]]),
    (lambda c, t: c.square, [[[1.0, 0.0]]]),
    (lambda c, t: c.symmetric, [[[1.0, 0.5], [0.5, 0.8]], [[1.0, 0.5], [0.6, 0.7]]]),
    (lambda c, t: c.positive_definite, [[[1.0, 0.5], [0.5, 0.8]], [[1.0, 2.0], [2.0, 1.0]]]),
    (lambda c, t: c.positive_semidefinite, [[[1.0, 1.0], [1.0, 1.0]], [[1.0, 2.0], [2.0, 1.0]]]),
    (lambda c, t: c.cat([c.positive, c.unit_interval], -1, [1, 2]), [[0.3, 0.7, 1.0], [-0.3, 0.7, 1.5]]),
    (lambda c, t: c.stack([c.positive, c.unit_interval], -1), [[0.3, 0.7], [3.0, 1.5]]),
]


@pytest.mark.parametrize(("make", "values"), CONSTRAINTS)
def test_constraints(make: Callable, values: Any) -> None:
    def told(lib: Any) -> list:
        c = make(lib.distributions.constraints, lib.tensor)
        shown = "" if type(c).__name__.lstrip("_") in ("Cat", "Stack") else repr(c)
        return [c.check(lib.tensor(values)).tolist(), c.event_dim, c.is_discrete, shown]

    assert told(minigrad) == told(torch)


@pytest.mark.parametrize("registry", ["biject_to", "transform_to"])
@pytest.mark.parametrize(("make", "values"), CONSTRAINTS)
def test_from_all_numbers_to_a_constraint_and_back(registry: str, make: Callable, values: Any) -> None:
    def told(lib: Any) -> list:
        d = lib.distributions
        c = make(d.constraints, lib.tensor)
        t = getattr(d, registry)(c)
        x = lib.tensor([[0.3, -1.0, 0.2], [0.7, 0.1, -2.0], [1.0, 0.4, 0.6]])
        x = x[:, :2] if type(c).__name__.lstrip("_") == "Stack" else x
        y = t(x)
        assert c.check(y).all()
        return [y.numpy(), t.inv(y).numpy(), [t.bijective]]

    same_or_refused(told, "Cannot transform", rtol=1e-5, atol=1e-6)


def test_a_constraint_and_a_registry_of_ones_own() -> None:
    def told(lib: Any) -> list:
        d, c = lib.distributions, lib.distributions.constraints

        class _Even(c.Constraint):
            event_dim = 1

            def check(self, value: Any) -> Any:
                return (value % 2 == 0).all(-1)

        class Doubled(d.Distribution):
            arg_constraints = {"high": c.dependent}

            def __init__(self, high: Any) -> None:
                self.high = high
                super().__init__(high.shape)

            @c.dependent_property(is_discrete=False, event_dim=0)
            def support(self) -> Any:
                return c.interval(0.0, 2 * self.high)

            def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
                new = self._get_checked_instance(Doubled, _instance)
                new.high = self.high.expand(batch_shape)
                super(Doubled, new).__init__(batch_shape, validate_args=False)
                return new

            def log_prob(self, value: Any) -> Any:
                self._validate_sample(value)
                return -(2 * self.high).log() + 0 * value

        registry = d.constraint_registry.ConstraintRegistry()

        @registry.register(_Even)
        def _(constraint: Any) -> Any:
            return d.AffineTransform(0.0, 2.0)

        one = Doubled(lib.tensor(1.5)).expand((2,))
        assert c.is_dependent(Doubled.support) and not c.is_dependent(one.support)
        with pytest.raises(ValueError, match="within the support"):
            Doubled(lib.tensor(1.5)).log_prob(lib.tensor(4.0))
        with pytest.raises(TypeError, match="Expected constraint to be either a Constraint subclass or instance"):
            registry.register(3, lambda c: c)
        return [repr(_Even()), registry(_Even())(lib.tensor(3.0)).item(), one.log_prob(lib.tensor(2.0)).tolist(),
                Doubled.support.event_dim, one._batch_shape == (2,), tuple(one._extended_shape((3,))),
                d.Normal.support is c.real]  # fmt: skip

    assert told(minigrad) == told(torch)


def test_helpers_for_distributions_of_ones_own() -> None:
    def told(lib: Any) -> list:
        u, t = lib.distributions.utils, lib.tensor
        rows = t([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
        matrix = u.vec_to_tril_matrix(rows, -1)
        with pytest.raises(ValueError, match="cannot be expressed as the lower triangular part"):
            u.vec_to_tril_matrix(t([1.0, 2.0]))
        seen = [matrix, u.tril_matrix_to_vec(matrix, -1), u.vec_to_tril_matrix(rows), *u.broadcast_all(t([1.0, 2.0]), 0.5),
                u.probs_to_logits(t([0.0, 0.3])), u.probs_to_logits(t([0.2, 1.0]), True), u.logits_to_probs(t([0.2, 1.0])),
                u.logits_to_probs(t([0.2, 1.0]), is_binary=True), u.clamp_probs(t([0.0, 1.0]))]  # fmt: skip
        return [x.numpy() for x in seen]

    for ours, theirs in zip(told(minigrad), told(torch), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_probabilities_of_a_distribution_as_a_transform() -> None:
    def told(lib: Any) -> list:
        normal = lib.distributions.Normal(*(lib.tensor(v, dtype=lib.float64) for v in (0.5, 2.0)))
        t, x = lib.distributions.CumulativeDistributionTransform(normal), lib.tensor([0.3, -1.0], dtype=lib.float64)
        return [v.numpy() for v in (t(x), t.inv(t(x)), t.log_abs_det_jacobian(x, t(x)))]

    for ours, theirs in zip(told(minigrad), told(torch), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)
