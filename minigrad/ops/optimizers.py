"""The updates of the optimizers as ops: each writes one parameter and its state, so a recorded step replays whole."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from ..backends import is_complex
from ..core import op
from .pieces import as_complex_op, as_real_op


@op("update")
def sgd_(b, p, g, buf, lr, *, momentum=0, dampening=0, weight_decay=0, nesterov=False, maximize=False):
    """buf <- momentum buf + (1 - dampening) g; p <- p - lr buf, or p - lr (g + momentum buf) with Nesterov's momentum.

    g is the gradient (its negative to maximize) plus weight_decay p. Without momentum buf is None and p <- p - lr g.
    Source: Sutskever, Martens, Dahl & Hinton 2013, §2, in PyTorch's form (lr outside the buffer).
    """
    return b.sgd_(p, g, buf, lr, momentum, dampening, weight_decay, nesterov, maximize)


@op("update")
def adam_(b, p, g, m, v, step, largest, lr, *, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, decoupled=False, maximize=False):
    """p <- p - lr mhat / (sqrt(vhat) + eps), with mhat = m / (1 - beta1^t), vhat = v / (1 - beta2^t), t = step + 1.

    m <- beta1 m + (1 - beta1) g, v <- beta2 v + (1 - beta2) g^2, step <- t. `largest`, if given, keeps the largest v
    and stands in its place (AMSGrad). Weight decay adds weight_decay p to g, or decoupled scales p by 1 - lr
    weight_decay.
    Source: Kingma & Ba 2015, Algorithm 1; Loshchilov & Hutter 2019, Algorithm 2; Reddi, Kale & Kumar 2018, Algorithm 2.
    """
    return b.adam_(p, g, m, v, step, largest, lr, betas, eps, weight_decay, decoupled, maximize)


@op("update")
def rmsprop_(b, p, g, step, square, mean, buf, lr, *, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, maximize=False):
    """p <- p - lr g / (sqrt(square) + eps), with square <- alpha square + (1 - alpha) g^2.

    `mean`, if given, is the running mean of g, whose square is taken off (centered); `buf` sums the steps with momentum.
    Source: Tieleman & Hinton 2012, Lecture 6.5; Graves 2013, arXiv:1308.0850, eq. 38-45 (centered).
    """
    return b.rmsprop_(p, g, step, square, mean, buf, lr, alpha, eps, weight_decay, momentum, maximize)


@op("update")
def adagrad_(b, p, g, step, total, lr, *, lr_decay=0, eps=1e-10, weight_decay=0, maximize=False):
    """total <- total + g^2; p <- p - lr / (1 + step lr_decay) g / (sqrt(total) + eps); step <- step + 1.

    Source: Duchi, Hazan & Singer 2011, Figure 1 (diagonal).
    """
    return b.adagrad_(p, g, step, total, lr, lr_decay, eps, weight_decay, maximize)


@op("update")
def adadelta_(b, p, g, step, square, moved, lr, *, rho=0.9, eps=1e-6, weight_decay=0, maximize=False):
    """p <- p - lr d, with d = sqrt(moved + eps) / sqrt(square + eps) g.

    square and moved are the running means of g^2 and d^2, which keep a part rho. Source: Zeiler 2012, Algorithm 1.
    """
    return b.adadelta_(p, g, step, square, moved, lr, rho, eps, weight_decay, maximize)


@op("update")
def adamax_(b, p, g, step, m, largest, lr, *, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, maximize=False):
    """p <- p - lr / (1 - beta1^t) m / largest, with largest <- max(beta2 largest, |g| + eps), t = step + 1.

    Source: Kingma & Ba 2015, Algorithm 2.
    """
    return b.adamax_(p, g, step, m, largest, lr, betas, eps, weight_decay, maximize)


@op("update")
def nadam_(
    b, p, g, step, product, m, v, lr, *, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, momentum_decay=4e-3,
    decoupled=False, maximize=False,
):  # fmt: skip
    """p <- p - lr ((1 - u_t) / (1 - U_t) g + u_t+1 / (1 - U_t u_t+1) m) / (sqrt(vhat) + eps).

    u_t = beta1 (1 - 0.96^(t momentum_decay) / 2); product <- U_t = u_1 ... u_t; m, v and vhat as in Adam.
    Source: Dozat 2016, Algorithm 2 with its warming-up of the momentum.
    """
    return b.nadam_(p, g, step, product, m, v, lr, betas, eps, weight_decay, momentum_decay, decoupled, maximize)


@op("update")
def radam_(b, p, g, step, m, v, lr, *, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, decoupled=False, maximize=False):
    """p <- p - lr mhat r sqrt(1 - beta2^t) / (sqrt(v) + eps), or p - lr mhat while n <= 5.

    n = N - 2 t beta2^t / (1 - beta2^t), N = 2 / (1 - beta2) - 1; r^2 = (n-4)(n-2) N / ((N-4)(N-2) n); m, v, t as in Adam.
    Source: Liu et al. 2020, Algorithm 2, with PyTorch's eps.
    """
    return b.radam_(p, g, step, m, v, lr, betas, eps, weight_decay, decoupled, maximize)


@op("update")
def asgd_(
    b, p, g, step, eta, mu, ax, lr, *, lambd=1e-4, alpha=0.75, t0=1e6, weight_decay=0, maximize=False,
):  # fmt: skip
    """p <- (1 - lambd eta) p - eta g; ax <- ax + mu (p - ax); eta <- lr / (1 + lambd lr t)^alpha, mu <- 1 / max(1, t - t0).

    t = step + 1. Source: Polyak & Juditsky 1992; Bottou 2010, Large-scale machine learning with stochastic gradient descent.
    """
    return b.asgd_(p, g, step, eta, mu, ax, lr, lambd, alpha, t0, weight_decay, maximize)


@op("update")
def rprop_(b, p, g, step, prev, size, *, etas=(0.5, 1.2), step_sizes=(1e-6, 50), maximize=False):
    """p <- p - size sign(g); size <- size etas[1] where g prev > 0; size etas[0], and g <- 0, where g prev < 0; prev <- g.

    size stays in step_sizes. Source: Riedmiller & Braun 1993, RPROP, without weight backtracking.
    """
    return b.rprop_(p, g, step, prev, size, etas, step_sizes, maximize)


@op("update")
def adafactor_(b, p, g, step, row, column, square, lr, *, beta2_decay=-0.8, eps=(None, 1e-3), d=1.0, weight_decay=0,
               maximize=False):  # fmt: skip
    """p <- p - min(lr, 1 / sqrt(t)) max(eps2, RMS(p)) u / max(1, RMS(u) / d), with u = g / sqrt(v) and t = step + 1.

    v is the running mean of g^2, which keeps 1 - t^beta2_decay: `square`, or for a matrix row column / mean(row), of which
    only the means of g^2 by row and by column are kept.
    Source: Shazeer & Stern 2018, Adafactor: adaptive learning rates with sublinear memory cost, Algorithms 4 and 5.
    """
    return b.adafactor_(p, g, step, row, column, square, lr, beta2_decay, eps, d, weight_decay, maximize)


@op("update")
def muon_(b, p, g, buf, lr, *, momentum=0.95, nesterov=True, weight_decay=0.1, coefficients=(3.4445, -4.775, 2.0315), eps=1e-7,
          rounds=5, scale=1.0):  # fmt: skip
    """p <- (1 - lr weight_decay) p - lr scale o, with o the momentum buf <- momentum buf + (1 - momentum) g made orthogonal.

    That is by `rounds` of Newton and Schulz, x <- a x + b x x^T x + c (x x^T)^2 x, in bfloat16's precision.
    Source: Jordan et al. 2024, Muon: an optimizer for hidden layers in neural networks.
    """
    return b.muon_(p, g, buf, lr, momentum, nesterov, weight_decay, coefficients, eps, rounds, scale)


@op("update")
def sparse_adam_(b, p, g, step, m, v, lr, *, betas=(0.9, 0.999), eps=1e-8, maximize=False):
    """Adam's p <- p - lr sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + eps) in the rows where g is not 0, and only there."""
    return b.sparse_adam_(p, g, step, m, v, lr, betas, eps, maximize)


sgd_.writes = (2,)
adam_.writes = (2, 3, 4, 5)
rmsprop_.writes = (2, 3, 4, 5)
adagrad_.writes = (2, 3)
adadelta_.writes = adamax_.writes = radam_.writes = (2, 3, 4)
nadam_.writes = asgd_.writes = (2, 3, 4, 5)
rprop_.writes = sparse_adam_.writes = (2, 3, 4)
adafactor_.writes = (2, 3, 4, 5)
muon_.writes = (2,)


def in_parts(kernel: Callable) -> Callable:
    """An update of complex numbers as that of their real and imaginary parts, as PyTorch has it."""

    @wraps(kernel)
    def run(b: Any, p: Any, *state: Any, **options: Any) -> Any:
        if not is_complex(p):
            return kernel(b, p, *state, **options)
        given = [p, *state]
        parts = [as_real_op.kernel(b, x) if hasattr(x, "dtype") and is_complex(x) else x for x in given]
        kernel(b, *parts, **options)
        for x, part in zip(given, parts, strict=True):
            if part is not x and not b.shares(part, x):
                x[...] = as_complex_op.kernel(b, part)
        return p

    return run


for each in (sgd_, adam_, rmsprop_, adagrad_, adadelta_, adamax_, nadam_, radam_, asgd_, rprop_):
    each.kernel = in_parts(each.kernel)
