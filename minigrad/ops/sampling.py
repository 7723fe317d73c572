"""Random numbers of given distributions, drawn from uniform and normal ones; and filling tensors with them in place."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..backends import DTypeError, ShapeError, finfo, get_default_dtype
from ..backends import dtype as as_dtype
from ..core import Tensor, op
from .arithmetic import cast
from .compose import broadcast_shapes
from .create import positive_sizes, rand, randint, randn, sampled, whole_bounds
from .elementwise import exp, log1p, tan
from .operands import stored, tensor_of
from .order import searchsorted, topk
from .random import Generator, source_of, torch_source
from .reduce import sum_op
from .shape import expand, narrow
from .update import overwrite


def _uniform(x: Tensor, generator: Generator | None, dtype: Any = None) -> Tensor:
    """Uniform numbers on [0, 1) in the shape of x, and in its type if that is floating."""
    kind = dtype or (x.dtype if x.dtype.is_floating_point else None)
    return rand(*x.shape, generator=generator, dtype=kind, device=x.device)


def theirs(kind: str, x: Tensor, generator: Generator | None, dtype: Any = None, **given: Any) -> Tensor | None:
    """Numbers for all of x, in its type unless told otherwise, as PyTorch draws them; None if this isn't the generator's
    stream."""
    source = None if x.dtype.is_complex else torch_source(generator)
    return None if source is None else sampled(kind, source, tuple(x.shape), dtype or x.dtype, x.device, x, **given)


def uniform_numbers(x: Tensor, low: float, high: float, generator: Generator | None) -> Tensor:
    """Numbers uniform on [low, high) for all of x. Raises DTypeError for integers."""
    if not x.dtype.is_complex:
        floating("uniform_", x)
    drawn = theirs("uniforms", x, generator, low=float(low), high=float(high))
    if drawn is None:
        drawn = rand(*x.shape, generator=generator, dtype=x.dtype, device=x.device) * (high - low)
        drawn = drawn + low * (1 + 1j if x.dtype.is_complex else 1)
    return drawn


def normal_numbers(x: Tensor, mean: float, std: float, generator: Generator | None) -> Tensor:
    """Normal numbers of this mean and standard deviation for all of x. Raises DTypeError for integers."""
    if not x.dtype.is_complex:
        floating("normal_", x)
    drawn = theirs("normals", x, generator, mean=float(mean), std=float(std), contiguous=x.is_contiguous())
    if drawn is None:
        drawn = randn(*x.shape, generator=generator, dtype=x.dtype, device=x.device) * std + mean
    return drawn


def tosses(x: Tensor, p: Any, generator: Generator | None) -> Tensor:
    """True with probability p (a number, or a tensor of one for each element of x), else False."""
    narrow = isinstance(p, Tensor) and p.dtype.name != "float64"
    drawn = theirs("uniforms", x, generator, "float32" if narrow else "float64")
    return (_uniform(x, generator) if drawn is None else drawn) < p


def _waits(x: Tensor, generator: Generator | None) -> Tensor:
    """Exponential numbers of rate 1 in the shape of x; never 0."""
    drawn = theirs("exponentials", x, generator)
    if drawn is not None:
        return drawn
    u = _uniform(x, generator)
    return (-log1p(-u)).clamp(min=finfo(u.dtype).tiny)


def bernoulli(input: Tensor, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """0 or 1, 1 with the probability that each element of `input` gives (or `p`, for all). No gradient."""
    x = tensor_of("bernoulli", input).detach()
    if p is None:
        if not x.dtype.is_floating_point:
            raise DTypeError(f"bernoulli: the probabilities must be floating, got {x.dtype!r}. Hint: .float(), or p=")
        if x.array.size and not bool(((x >= 0) & (x <= 1)).all()):
            raise ShapeError("bernoulli: the probabilities must lie in 0 ... 1")
    elif not 0 <= p <= 1:
        raise ShapeError(f"bernoulli: p must lie in 0 ... 1, got {p}")
    like = x.contiguous() if torch_source(generator) else x  # in whose order PyTorch draws
    return cast(tosses(like, x if p is None else p, generator), dtype=x.dtype)


def multinomial(input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None) -> Tensor:
    """Positions drawn with probabilities in proportion to each row of `input`: (n), (m, n) -> (num_samples), (m,
    num_samples).

    Without replacement a position comes at most once: those of the largest p / e, e exponential.
    Source: Efraimidis & Spirakis 2006. Raises for negative, infinite or NaN weights and for a row of zeros.
    """
    x = tensor_of("multinomial", input).detach()
    if x.ndim not in (1, 2) or not x.dtype.is_floating_point:
        raise ShapeError(
            f"multinomial: expected one or more rows of floating weights, got {x.dtype!r} of shape {tuple(x.shape)}"
        )
    if num_samples < 1:
        raise ShapeError(f"multinomial: num_samples must be positive, got {num_samples}")
    if not bool(((x >= 0) & (x < math.inf)).all()) or not bool((sum_op(x, dim=(x.ndim - 1,)) > 0).all()):
        raise ShapeError("multinomial: weights must be finite and >= 0, and each row must have one that is positive")
    if (source := torch_source(generator)) and num_samples > 1 and replacement:
        shares = cast(x, dtype=x.dtype if x.dtype.name == "float64" else "float32").cumsum(-1)
        shares = shares / narrow(shares, -1, x.shape[-1] - 1, 1)
        u = sampled("uniforms", source, (*x.shape[:-1], num_samples), "float64", x.device)
        return searchsorted(cast(shares, dtype="float64"), u).clamp(max=x.shape[-1] - 1)
    if replacement and not source:
        ends = x.cumsum(-1)
        u = rand(*x.shape[:-1], num_samples, generator=generator, dtype=x.dtype, device=x.device)
        return searchsorted(ends, u * narrow(ends, -1, x.shape[-1] - 1, 1), right=True)
    least = int(cast(x > 0, dtype="int64").sum(-1).min().item())
    if num_samples > least:
        raise ShapeError(f"multinomial: can't draw {num_samples} positions, a row has {least} positive weights. "
                         "Hint: replacement=True")  # fmt: skip
    return topk(x / _waits(x, generator), num_samples).indices


@op("general", name="poisson")
def poisson_op(b, x, *, generator):
    """Whole numbers of Poisson's distribution, with the means x"""
    return b.xp.astype(b.from_host(generator.bits.poisson(b.to_host(x))), x.dtype)


@op("general", name="binomial")
def binomial_op(b, x, other, *, generator):
    """How many of x trials succeed, each with the probability `other`"""
    count, chance = b.to_host(x), b.to_host(other)
    return b.xp.astype(b.from_host(np.asarray(generator.bits.binomial(count.astype("int64"), chance))), x.dtype)


@op("general")
def log_gamma_draw(b, x, *, generator):
    """log of a draw of the gamma distribution with the shape x and rate 1, as PyTorch's stream has it"""
    return b.xp.astype(b.from_host(generator.bits.log_gammas(b.to_host(x))), x.dtype)


def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Whole numbers of Poisson's distribution with the means `input`, in its type. No gradient."""
    x = tensor_of("poisson", input).detach()
    if not x.dtype.is_floating_point:
        raise DTypeError(f"poisson: the means must be floating, got {x.dtype!r}. Hint: .float()")
    if bool(((x >= 0) & (x < math.inf)).logical_not().any()):
        raise ShapeError("poisson: the means must be finite and not negative")
    return poisson_op(x, generator=source_of(generator))


def binomial(count: Tensor, prob: Tensor, generator: Generator | None = None) -> Tensor:
    """How many of `count` trials succeed, each with probability `prob`; both floating, they broadcast. No gradient."""
    n, p = tensor_of("binomial", count, "count").detach(), tensor_of("binomial", prob, "prob").detach()
    if n.dtype is not p.dtype or not n.dtype.is_floating_point:
        raise DTypeError(f"binomial: expected two floating tensors of one type, got {n.dtype!r} and {p.dtype!r}")
    if bool(((n >= 0) & (n < math.inf)).logical_not().any()) or bool(((p >= 0) & (p <= 1)).logical_not().any()):
        raise ShapeError("binomial: expected counts that are finite and not negative, and probabilities in 0 ... 1")
    shape = broadcast_shapes(n.shape, p.shape)
    return binomial_op(expand(n, shape), expand(p, shape), generator=source_of(generator))


@stored
def normal(mean: Any, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None, dtype: Any = None,
           device: Any = None, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """Normal numbers of the given means and standard deviations: tensors that broadcast, or numbers and a `size`."""
    least = std if not isinstance(std, Tensor) else std.min().item() if std.array.size else 0.0
    if least < 0:
        raise ShapeError(f"normal: std must be >= 0, got {least}")
    if isinstance(mean, Tensor) or isinstance(std, Tensor):
        like = mean + std
        drawn = randn(*like.shape, generator=generator, dtype=like.dtype, device=like.device)
        m, s = (t.detach() if isinstance(t, Tensor) else t for t in (mean, std))
        return drawn * s + m
    if size is None:
        raise TypeError("normal: size must be given if mean and std are numbers")
    if source := torch_source(generator):
        shape, kind = positive_sizes("normal", (size,)), dtype or get_default_dtype()
        drawn = sampled("normals", source, shape, kind, device, mean=float(mean), std=float(std))
    else:
        drawn = randn(size, generator=generator, dtype=dtype, device=device) * float(std) + float(mean)
    return drawn.requires_grad_() if requires_grad else drawn


@stored
def randint_like(
    input: Tensor, low: int = 0, high: int | None = None, *, generator: Generator | None = None, dtype: Any = None,
    device: Any = None, requires_grad: bool = False, memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """Whole numbers uniform on low ... high - 1 (0 ... low - 1 if there is no high) in the shape and type of
    `input`."""
    low, high = (0, low) if high is None else (low, high)
    kind, device = as_dtype(dtype) if dtype else input.dtype, device or input.device
    whole_bounds("randint_like", low, high, kind)
    if source := torch_source(generator):
        out = sampled("whole", source, tuple(input.shape), kind, device, input, low=low, high=high)
    else:
        out = randint(low, high, tuple(input.shape), generator=generator, dtype=kind, device=device)
    return out.requires_grad_() if requires_grad else out


# -- filling in place ------------------------------------------------------------------------------------------------


def bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Fill with 0 and 1, 1 with probability p (a number, or a tensor of one for each element). Raises ShapeError for a number
    outside of 0 ... 1."""
    p = p.detach() if isinstance(p, Tensor) else p
    if not isinstance(p, Tensor) and not 0 <= p <= 1:
        raise ShapeError(f"bernoulli_: expects p to be in [0, 1], but got p={p}")
    return overwrite("bernoulli_", self, cast(tosses(self, p, generator), dtype=self.dtype))


def floating(who: str, x: Tensor) -> None:
    """Raises DTypeError unless x is floating."""
    if not x.dtype.is_floating_point:
        raise DTypeError(f"{who}: the distribution is continuous, so dtype must be a floating point, got {x.dtype!r}")


def exponential_(self: Tensor, lambd: float = 1, *, generator: Generator | None = None) -> Tensor:
    """Fill with exponential numbers of rate lambd: density lambd e^(-lambd x) for x > 0. Raises for integers."""
    floating("exponential_", self)
    if not lambd > 0:
        raise ShapeError(f"exponential_: lambd must be positive, got {lambd}")
    drawn = theirs("exponentials", self, generator, lambd=float(lambd))
    return overwrite("exponential_", self, _waits(self, generator) / lambd if drawn is None else drawn)


def geometric_(self: Tensor, p: float, *, generator: Generator | None = None) -> Tensor:
    """Fill with the number of trials up to the first success of probability p: 1, 2, 3 ..."""
    if not 0 < p < 1:
        raise ShapeError(f"geometric_: p must lie between 0 and 1, got {p}")
    trials = theirs("geometrics", self, generator, p=float(p))
    if trials is None:
        trials = (_waits(self, generator) / -math.log1p(-p)).ceil()
    return overwrite("geometric_", self, cast(trials, dtype=self.dtype) if trials.dtype is not self.dtype else trials)


def cauchy_(self: Tensor, median: float = 0, sigma: float = 1, *, generator: Generator | None = None) -> Tensor:
    """Fill with Cauchy numbers: median + sigma tan(pi (u - 1/2)). Raises ShapeError unless sigma > 0, and for integers."""
    floating("cauchy_", self)
    if not sigma > 0:
        raise ShapeError(f"cauchy_: expects sigma > 0.0, but found sigma={sigma}")
    drawn = theirs("cauchys", self, generator, median=float(median), sigma=float(sigma))
    if drawn is None:
        drawn = tan((_uniform(self, generator) - 0.5) * math.pi) * sigma + median
    return overwrite("cauchy_", self, drawn)


def log_normal_(self: Tensor, mean: float = 1, std: float = 2, *, generator: Generator | None = None) -> Tensor:
    """Fill with numbers whose logarithm is normal of the given mean and standard deviation. Raises ShapeError unless
    std > 0, and for integers."""
    floating("log_normal_", self)
    if not std > 0:
        raise ShapeError(f"log_normal_: expects std > 0.0, but found std={std}")
    drawn = theirs("log_normals", self, generator, mean=float(mean), std=float(std))
    return overwrite("log_normal_", self, exp(normal_numbers(self, mean, std, generator)) if drawn is None else drawn)


def random_(self: Tensor, *bounds: Any, to: int | None = None, generator: Generator | None = None) -> Tensor:
    """Fill with whole numbers: random_(high) 0 ... high - 1, random_(low, high), or as far as the type is exact."""
    bounds = bounds if to is None else (*bounds, to)
    low, high = (0, *bounds)[-2:] if bounds else (0, None)
    if high is not None:
        whole_bounds("random_", low, high, self.dtype)
    drawn = theirs("whole", self, generator, low=low, high=high)
    if drawn is not None:
        return overwrite("random_", self, drawn)
    exact = {"bool": 2, "float16": 2**11, "bfloat16": 2**8, "float32": 2**24, "float64": 2**53, "uint8": 2**8}
    top = exact.get(self.dtype.name, 2 ** (8 * self.dtype.itemsize - 1)) if high is None else high
    drawn = randint(low, min(top, 2**63 - 1), tuple(self.shape), generator=generator, device=self.device)
    return overwrite("random_", self, cast(drawn, dtype=self.dtype))


FILLS = (bernoulli_, exponential_, geometric_, cauchy_, log_normal_, random_)
