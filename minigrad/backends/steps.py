"""Kernels of the optimizers: one step of one parameter, in place, in the plain Array API."""

from __future__ import annotations

from typing import Any


def sgd_(b: Any, p: Any, g: Any, buf: Any, lr: Any, momentum: float, dampening: float, weight_decay: float,
         nesterov: bool, maximize: bool) -> Any:  # fmt: skip
    """buf <- momentum buf + (1 - dampening) g; p <- p - lr buf, in place; without a buffer p <- p - lr g."""
    g = -g if maximize else g
    if weight_decay:
        g = g + weight_decay * p
    if buf is not None:
        buf *= momentum
        buf += g if dampening == 0 else (1 - dampening) * g
        g = g + momentum * buf if nesterov else buf
    p -= lr * g
    return p


def adam_(b: Any, p: Any, g: Any, m: Any, v: Any, step: Any, largest: Any, lr: Any, betas: tuple, eps: float,
          weight_decay: float, decoupled: bool, maximize: bool) -> Any:  # fmt: skip
    """One step of Adam, or AdamW if the weight decay is decoupled, or AMSGrad if `largest` is given, in place."""
    xp, (beta1, beta2) = b.xp, betas
    g = -g if maximize else g
    if weight_decay and decoupled:
        p *= 1 - lr * weight_decay
    elif weight_decay:
        g = g + weight_decay * p
    step += 1
    m += (1 - beta1) * (g - m)
    v *= beta2
    v += (1 - beta2) * (g * g)
    if largest is not None:
        largest[...] = xp.maximum(largest, v)
    n = xp.astype(step, xp.float64)  # in double: 1 - 0.999 has three digits left in single precision
    size = xp.astype(lr / (1 - beta1**n), p.dtype)
    root = xp.astype((1 - beta2**n) ** 0.5, p.dtype)
    p -= size * m / (xp.sqrt(v if largest is None else largest) / root + eps)
    return p


STEPS = {f.__name__: f for f in (sgd_, adam_)}
