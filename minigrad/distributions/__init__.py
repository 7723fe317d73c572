"""Probability distributions, under PyTorch's names: `sample()`, `log_prob(value)`, `entropy()`; `rsample()` has a gradient.

Loaded when first asked for.
"""

from ..guard import guard as _guard
from .bernoulli import Bernoulli
from .categorical import Categorical
from .distribution import Distribution
from .exponential import Exponential
from .independent import Independent
from .kl import kl_divergence, register_kl
from .laplace import Laplace
from .multivariate_normal import MultivariateNormal
from .normal import Normal
from .one_hot_categorical import OneHotCategorical
from .poisson import Poisson
from .uniform import Uniform

__all__ = ["Bernoulli", "Categorical", "Distribution", "Exponential", "Independent", "Laplace", "MultivariateNormal", "Normal",
           "OneHotCategorical", "Poisson", "Uniform", "kl_divergence", "register_kl"]  # fmt: skip

_guard(__name__)
