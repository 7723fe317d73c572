"""Distributions against PyTorch: log-probabilities, entropies, moments, divergences, their gradients; draws by statistics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import distributions

torch = pytest.importorskip("torch")

A, B = np.array([[0.3, -1.2, 2.0]]), np.array([[0.5], [1.7]])
P = np.array([[0.2, 0.5, 0.3], [0.6, 0.4, 0.0]])
LOGITS = np.random.default_rng(0).standard_normal((2, 3))
CASES: dict[str, tuple[str, dict[str, Any], Any]] = {
    "normal": ("Normal", {"loc": A, "scale": B}, LOGITS),
    "uniform": ("Uniform", {"low": A, "high": A + B}, A + 0.3 * B),
    "exponential": ("Exponential", {"rate": B}, B + 1),
    "bernoulli": ("Bernoulli", {"probs": P}, np.array([1.0, 0.0, 0.0])),
    "bernoulli logits": ("Bernoulli", {"logits": LOGITS}, np.array([1.0, 0.0, 1.0])),
    "categorical": ("Categorical", {"probs": 2 * P}, np.array([1, 0])),
    "categorical logits": ("Categorical", {"logits": LOGITS}, np.array([[2, 0], [1, 1], [0, 2]])),
}


def made(lib: Any, name: str, options: dict[str, Any]) -> tuple[Any, list]:
    parameters = {k: lib.tensor(v, requires_grad=True) for k, v in options.items()}
    return getattr(lib.distributions, name)(**parameters), list(parameters.values())


def close(ours: Any, theirs: Any) -> None:
    assert tuple(ours.shape) == tuple(theirs.shape)
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients(case: str) -> None:
    name, options, value = CASES[case]
    (ours, mine), (theirs, their) = made(minigrad, name, options), made(torch, name, options)
    assert (tuple(ours.batch_shape), tuple(ours.event_shape)) == (tuple(theirs.batch_shape), tuple(theirs.event_shape))
    assert ours.has_rsample == theirs.has_rsample
    for what in ("mean", "variance", "stddev", "mode"):
        if what != "mode" or name != "Uniform":
            close(getattr(ours, what), getattr(theirs, what))
    results = [(d.log_prob(lib.tensor(value)), d.entropy()) for lib, d in ((minigrad, ours), (torch, theirs))]
    close(ours.perplexity(), theirs.perplexity())
    for x, y in zip(*results, strict=True):
        close(x, y)
    for found in results:
        (found[0].sum() + found[1].sum() * 2).backward()
    for p, q in zip(mine, their, strict=True):
        close(p.grad, q.grad)
    if name in ("Normal", "Uniform", "Exponential"):
        unchecked = getattr(torch.distributions, name)(*their, validate_args=False)
        close(ours.cdf(minigrad.tensor(np.abs(value) + 0.1)), unchecked.cdf(torch.tensor(np.abs(value) + 0.1)))
        close(ours.icdf(minigrad.tensor(0.3)), theirs.icdf(torch.tensor(0.3, dtype=torch.float64)))


@pytest.mark.parametrize("case", CASES)
def test_draws(case: str) -> None:
    name, options, _ = CASES[case]
    ours, mine = made(minigrad, name, options)
    minigrad.manual_seed(0)
    drawn = ours.sample((4000,))
    assert tuple(drawn.shape) == (4000, *ours.batch_shape) and not drawn.requires_grad
    assert tuple(ours.sample().shape) == tuple(ours.batch_shape)
    if name == "Categorical":
        shares = np.stack([(drawn.numpy() == k).mean(0) for k in range(3)], -1)
        np.testing.assert_allclose(shares, ours.probs.detach().numpy(), atol=0.04)
    else:  # the mean of n draws is within 5 standard errors
        error = 5 * ours.stddev.detach().numpy() / 4000**0.5
        assert (np.abs(drawn.numpy().mean(0) - ours.mean.detach().numpy()) <= error).all()
    if ours.has_rsample:
        ours.rsample((2,)).sum().backward()
        assert all(p.grad is not None for p in mine)
    else:
        with pytest.raises(NotImplementedError):
            ours.rsample()


PAIRS = [("Normal", {"loc": A, "scale": B}, {"loc": 2 * A, "scale": B + 1}), ("Exponential", {"rate": B}, {"rate": 3 * B}),
         ("Categorical", {"logits": LOGITS}, {"probs": P}), ("Categorical", {"probs": P}, {"logits": LOGITS}),
         ("Bernoulli", {"logits": LOGITS}, {"logits": -2 * LOGITS}),
         ("Uniform", {"low": A, "high": A + B}, {"low": A - 1, "high": A + B + 0.5})]  # fmt: skip


@pytest.mark.parametrize(("name", "first", "second"), PAIRS)
def test_divergence(name: str, first: dict, second: dict) -> None:
    ours, theirs = ([made(lib, name, o) for o in (first, second)] for lib in (minigrad, torch))
    found = [lib.distributions.kl_divergence(p[0], q[0]) for lib, (p, q) in ((minigrad, ours), (torch, theirs))]
    close(*found)
    for y, lib in zip(found, (minigrad, torch), strict=True):
        y[lib.isfinite(y)].sum().backward()
    for p, q in zip((x for _, xs in ours for x in xs), (x for _, xs in theirs for x in xs), strict=True):
        close(minigrad.nan_to_num(p.grad), torch.nan_to_num(q.grad))


def test_independent_adds_up() -> None:
    found = []
    for lib in (minigrad, torch):
        p, q = (lib.distributions.Independent(made(lib, "Normal", {"loc": k * A, "scale": B})[0], 1) for k in (1, 2))
        found.append([p.log_prob(lib.tensor(LOGITS)), p.entropy(), p.mean, lib.distributions.kl_divergence(p, q)])
        assert tuple(p.batch_shape) == (2,) and tuple(p.event_shape) == (3,) and p.rsample((5,)).shape == (5, 2, 3)
    for x, y in zip(*found, strict=True):
        close(x, y)


@pytest.mark.parametrize("make", [
    lambda d, t: d.Normal(0.0, -1.0), lambda d, t: d.Normal(float("nan"), 1.0), lambda d, t: d.Uniform(1.0, 0.0),
    lambda d, t: d.Exponential(0.0), lambda d, t: d.Bernoulli(1.5), lambda d, t: d.Bernoulli(),
    lambda d, t: d.Bernoulli(0.5, 0.1), lambda d, t: d.Categorical(t(0.3)),
    lambda d, t: d.Categorical(t([-1.0, 2.0])), lambda d, t: d.Categorical(),
    lambda d, t: d.Categorical(t([0.5, 0.5])).log_prob(t(2)), lambda d, t: d.Bernoulli(0.5).log_prob(t(0.3)),
    lambda d, t: d.Uniform(0.0, 1.0).log_prob(t(3.0)), lambda d, t: d.Independent(d.Normal(0.0, 1.0), 1),
    lambda d, t: d.Exponential(1.0).log_prob(t(-1.0)),
])  # fmt: skip
def test_what_is_refused(make: Any) -> None:
    for lib in (minigrad, torch):
        with pytest.raises(ValueError):
            make(lib.distributions, lib.tensor)


def test_numbers_reprs_and_what_is_not_checked() -> None:
    assert repr(distributions.Normal(0.0, 1.0)) == repr(torch.distributions.Normal(0.0, 1.0)) == "Normal(loc: 0.0, scale: 1.0)"
    assert distributions.Normal(0, 1).log_prob(minigrad.tensor(0.0)).dtype is minigrad.float32
    assert distributions.Normal(0.0, -1.0, validate_args=False).scale.item() == -1
    close(distributions.Categorical(minigrad.tensor(P)).enumerate_support(), torch.distributions.Categorical(
        torch.tensor(P)).enumerate_support())  # fmt: skip
    with pytest.raises(NotImplementedError, match="No KL"):
        distributions.kl_divergence(distributions.Normal(0.0, 1.0), distributions.Uniform(0.0, 1.0))
