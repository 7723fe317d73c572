"""Distributions have PyTorch's probabilities, moments, gradients and errors; their samples have the moments they promise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import minigrad

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
}  # fmt: skip
ASKED = ["log_prob", "entropy", "mean", "mode", "variance", "stddev", "perplexity", "cdf", "icdf", "enumerate_support"]


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


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("name", MADE)
def test_answers_and_gradients(name: str, asked: str) -> None:
    try:
        want = found(torch, *MADE[name], asked)
    except (NotImplementedError, AttributeError):
        with pytest.raises(NotImplementedError):
            found(minigrad, *MADE[name], asked)
        return
    for ours, theirs in zip(found(minigrad, *MADE[name], asked), want, strict=True):
        if theirs is None:
            assert ours is None or not ours.any()
        else:
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", MADE)
def test_samples_have_the_moments(name: str) -> None:
    minigrad.manual_seed(0)
    one = MADE[name][0](minigrad.distributions, lambda data: minigrad.tensor(data, requires_grad=True))
    n = 20_000
    x = one.sample((n // 10, 10))
    assert x.shape == (n // 10, 10, *one.batch_shape, *one.event_shape) and not x.requires_grad
    one.log_prob(x)  # all are within the support
    if "Categorical" in name and "Hot" not in name:
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
    assert one.has_rsample == MADE[name][0](torch.distributions, torch.tensor).has_rsample
    assert not one.has_rsample or one.rsample((3,)).requires_grad


@pytest.mark.parametrize("name", [n for n in MADE if n not in ("Normal of numbers", "OneHotCategorical")])
def test_divergence(name: str) -> None:
    def kl(lib: Any) -> np.ndarray:
        p, q = (
            MADE[name][0](lib.distributions, lambda data, by=by: by * lib.tensor(data, dtype=lib.float64)) for by in (1, 1.25)
        )
        return np.stack([lib.distributions.kl_divergence(a, b).numpy() for a, b in ((p, q), (p, p))])

    if name == "Bernoulli":
        assert kl(minigrad)[1].tolist() == pytest.approx([0, 0, 0])
    np.testing.assert_allclose(kl(minigrad), kl(torch), rtol=1e-9, atol=1e-12)


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
