"""The updates of the optimizers as ops: each writes one parameter and its state, so a recorded step replays whole."""

from __future__ import annotations

from ..core import op


@op("update")
def sgd_(b, p, g, buf, lr, *, momentum=0, dampening=0, weight_decay=0, nesterov=False, maximize=False):
    """buf <- momentum buf + (1 - dampening) g; p <- p - lr buf, or p - lr (g + momentum buf) with Nesterov's momentum.

    g is the gradient (its negative to maximize) plus weight_decay p. Without momentum buf is None and p <- p - lr g.
    Source: Sutskever, Martens, Dahl & Hinton 2013, §2, in PyTorch's form (lr outside the buffer).
    """
    return b.sgd_(p, g, buf, lr, momentum, dampening, weight_decay, nesterov, maximize)


@op("update")
def adam_(
    b, p, g, m, v, step, largest, lr, *, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, decoupled=False, maximize=False
):
    """p <- p - lr mhat / (sqrt(vhat) + eps), with mhat = m / (1 - beta1^t), vhat = v / (1 - beta2^t), t = step + 1.

    m <- beta1 m + (1 - beta1) g, v <- beta2 v + (1 - beta2) g^2, step <- t. `largest`, if given, keeps the largest v
    and stands in its place (AMSGrad). Weight decay adds weight_decay p to g, or decoupled scales p by 1 - lr
    weight_decay.
    Source: Kingma & Ba 2015, Algorithm 1; Loshchilov & Hutter 2019, Algorithm 2; Reddi, Kale & Kumar 2018, Algorithm 2.
    """
    return b.adam_(p, g, m, v, step, largest, lr, betas, eps, weight_decay, decoupled, maximize)


sgd_.writes = (2,)
adam_.writes = (2, 3, 4, 5)
