"""Kernels of the further optimizers: one step of one parameter, in place, in the plain Array API."""

from __future__ import annotations

from typing import Any


def rmsprop_(b: Any, p: Any, g: Any, step: Any, square: Any, mean: Any, buf: Any, lr: Any, alpha: float, eps: float,
             weight_decay: float, momentum: float, maximize: bool) -> Any:  # fmt: skip
    """The gradient over the root of its running square, less the square of its running `mean` if that is given."""
    g = climbed(p, g, weight_decay, maximize)
    step += 1
    averaged(square, g * g, alpha)
    if mean is None:
        root = b.xp.sqrt(square)
    else:
        averaged(mean, g, alpha)
        root = b.xp.sqrt(square - mean * mean)
    g = g / (root + eps)
    if buf is not None:
        buf *= momentum
        buf += g
        g = buf
    p -= lr * g
    return p


def adagrad_(b: Any, p: Any, g: Any, step: Any, total: Any, lr: Any, lr_decay: float, eps: float, weight_decay: float,
             maximize: bool) -> Any:  # fmt: skip
    """The gradient over the root of the sum of all its squares."""
    g = climbed(p, g, weight_decay, maximize)
    rate = b.xp.astype(b.xp.asarray(lr / (1 + b.xp.astype(step, b.xp.float64) * lr_decay)), p.dtype)
    step += 1
    total += g * g
    p -= rate * g / (b.xp.sqrt(total) + eps)
    return p


def adadelta_(b: Any, p: Any, g: Any, step: Any, square: Any, moved: Any, lr: Any, rho: float, eps: float,
              weight_decay: float, maximize: bool) -> Any:  # fmt: skip
    """The gradient times the running size of the updates over that of the gradients."""
    g = climbed(p, g, weight_decay, maximize)
    step += 1
    averaged(square, g * g, rho)
    move = b.xp.sqrt(moved + eps) / b.xp.sqrt(square + eps) * g
    averaged(moved, move * move, rho)
    p -= lr * move
    return p


def adamax_(b: Any, p: Any, g: Any, step: Any, m: Any, largest: Any, lr: Any, betas: tuple, eps: float,
            weight_decay: float, maximize: bool) -> Any:  # fmt: skip
    """The running mean of the gradient over its largest size, which decays."""
    xp, (beta1, beta2) = b.xp, betas
    g = climbed(p, g, weight_decay, maximize)
    step += 1
    averaged(m, g, beta1)
    largest[...] = xp.maximum(beta2 * largest, xp.abs(g) + eps)
    p -= xp.astype(xp.asarray(lr / (1 - beta1 ** xp.astype(step, xp.float64))), p.dtype) * m / largest
    return p


def nadam_(b: Any, p: Any, g: Any, step: Any, product: Any, m: Any, v: Any, lr: Any, betas: tuple, eps: float,
           weight_decay: float, momentum_decay: float, decoupled: bool, maximize: bool) -> Any:  # fmt: skip
    """Adam with Nesterov's momentum; `product` is that of the warmed-up momenta so far."""
    xp, (beta1, beta2) = b.xp, betas
    g = decayed(p, -g if maximize else g, lr, weight_decay, decoupled)
    step += 1
    t = xp.astype(step, xp.float64)
    now, after = (beta1 * (1 - 0.5 * 0.96 ** (at * momentum_decay)) for at in (t, t + 1))
    product *= xp.astype(xp.asarray(now), product.dtype)
    so_far = xp.astype(product, xp.float64)
    averaged(m, g, beta1)
    averaged(v, g * g, beta2)
    root = xp.sqrt(v / xp.astype(xp.asarray(1 - beta2**t), p.dtype)) + eps
    p -= xp.astype(xp.asarray(lr * (1 - now) / (1 - so_far)), p.dtype) * g / root
    p -= xp.astype(xp.asarray(lr * after / (1 - so_far * after)), p.dtype) * m / root
    return p


def radam_(b: Any, p: Any, g: Any, step: Any, m: Any, v: Any, lr: Any, betas: tuple, eps: float, weight_decay: float,
           decoupled: bool, maximize: bool) -> Any:  # fmt: skip
    """Adam whose second moment counts only once enough gradients stand behind it (`length` > 5)."""
    xp, (beta1, beta2) = b.xp, betas
    g = decayed(p, -g if maximize else g, lr, weight_decay, decoupled)
    step += 1
    t = xp.astype(step, xp.float64)
    averaged(m, g, beta1)
    averaged(v, g * g, beta2)
    move, left = xp.astype(xp.asarray(lr / (1 - beta1**t)), p.dtype) * m, 1 - beta2**t
    most = 2 / (1 - beta2) - 1
    if most <= 5:  # it never counts
        p -= move
        return p
    length = xp.asarray(most - 2 * t * beta2**t / left)
    long = xp.where(length > 5, length, xp.asarray(5.0, dtype=xp.float64))  # so that the root exists in either case
    factor = ((long - 4) * (long - 2) * most / ((most - 4) * (most - 2) * long) * left) ** 0.5
    p -= xp.where(length > 5, move * (xp.astype(xp.asarray(factor), p.dtype) / (xp.sqrt(v) + eps)), move)
    return p


def asgd_(b: Any, p: Any, g: Any, step: Any, eta: Any, mu: Any, ax: Any, lr: Any, lambd: float, alpha: float, t0: float,
          weight_decay: float, maximize: bool) -> Any:  # fmt: skip
    """A step of the rate eta, and the running average of where it leads; then the rates of the next."""
    xp = b.xp
    g = climbed(p, g, weight_decay, maximize)
    step += 1
    p *= 1 - lambd * eta
    p -= eta * g
    ax[...] = xp.where(mu == 1, p, ax + mu * (p - ax))
    t = xp.astype(step, xp.float64)
    eta[...] = xp.astype(xp.asarray(lr / (1 + lambd * lr * t) ** alpha), p.dtype)
    mu[...] = xp.astype(1 / xp.maximum(t - t0, xp.ones_like(t)), p.dtype)
    return p


def rprop_(b: Any, p: Any, g: Any, step: Any, prev: Any, size: Any, etas: tuple, step_sizes: tuple, maximize: bool) -> Any:
    """A step along the gradient's sign, of a size that grows while the sign stays and shrinks where it turned."""
    xp = b.xp
    g = climbed(p, g, 0, maximize)
    step += 1
    turned, stayed = g * prev < 0, g * prev > 0
    grown = xp.where(turned, size * etas[0], xp.where(stayed, size * etas[1], size))
    size[...] = xp.clip(grown, *step_sizes)
    prev[...] = xp.where(turned, xp.zeros_like(g), g)
    p -= xp.sign(prev) * size
    return p


def adafactor_(b: Any, p: Any, g: Any, step: Any, row: Any, column: Any, square: Any, lr: Any, beta2_decay: float, eps: tuple,
               d: float, weight_decay: float, maximize: bool) -> Any:  # fmt: skip
    """The gradient over the root of its running square, or of the product of that square's means by row and by column."""
    xp = b.xp
    g = -g if maximize else g
    step += 1
    t = xp.astype(step, xp.float64)
    keep, tiny = xp.astype(xp.asarray(1 - t**beta2_decay), p.dtype), eps[0]
    if tiny is None:
        tiny = float(xp.finfo(p.dtype).eps)
    rate = xp.minimum(xp.asarray(lr, dtype=xp.float64), xp.asarray(t**-0.5)) * xp.clip(size(xp, p), eps[1], None)
    if weight_decay:
        p *= 1 - lr * weight_decay
    if square is None:
        averaged(row, xp.mean(g * g, axis=-1, keepdims=True), keep)
        averaged(column, xp.mean(g * g, axis=-2, keepdims=True), keep)
        square = row * column / xp.clip(xp.mean(row, axis=-2, keepdims=True), tiny, None)
    else:
        averaged(square, g * g, keep)
    move = g / xp.sqrt(xp.clip(square, tiny * tiny, None))
    p -= xp.astype(xp.asarray(rate / xp.clip(size(xp, move) / d, 1.0, None)), p.dtype) * move
    return p


def size(xp: Any, x: Any) -> Any:
    """The root of the mean square, as a number in double precision."""
    return xp.astype(xp.sqrt(xp.mean(x * x)), xp.float64)


def muon_(b: Any, p: Any, g: Any, buf: Any, lr: Any, momentum: float, nesterov: bool, weight_decay: float, coefficients: tuple,
          eps: float, rounds: int, scale: float) -> Any:  # fmt: skip
    """The momentum, with its singular values brought near 1."""
    averaged(buf, g, momentum)
    move = orthogonal(b.xp, momentum * buf + (1 - momentum) * g if nesterov else buf, coefficients, eps, rounds)
    p *= 1 - lr * weight_decay
    p -= lr * scale * b.xp.astype(move, p.dtype)
    return p


def orthogonal(xp: Any, x: Any, coefficients: tuple, eps: float, rounds: int) -> Any:
    """x <- a x + (b s + c s^2) x with s = x x^T, again and again, from x / |x|; on bfloat16's few digits, as in PyTorch."""
    first, second, third = coefficients
    tall = x.shape[0] > x.shape[1]
    x = short(xp, xp.astype(xp.matrix_transpose(x) if tall else x, xp.float32))
    x = short(xp, x / xp.clip(short(xp, xp.sqrt(xp.sum(x * x))), eps, None))
    for _ in range(rounds):
        s = short(xp, xp.matmul(x, xp.matrix_transpose(x)))
        s = short(xp, second * s + third * xp.matmul(s, s))
        x = short(xp, first * x + xp.matmul(s, x))
    return xp.matrix_transpose(x) if tall else x


def short(xp: Any, x: Any) -> Any:
    """x in single precision rounded to 8 binary digits. Source: Dekker 1971, A floating-point technique, (5.7)."""
    high = 65537 * x
    return high - (high - x)


def sparse_adam_(b: Any, p: Any, g: Any, step: Any, m: Any, v: Any, lr: Any, betas: tuple, eps: float, maximize: bool) -> Any:
    """Adam for the rows that have a gradient; all others, and their state, stay as they are."""
    xp, (beta1, beta2) = b.xp, betas
    g = -g if maximize else g
    step += 1
    t = xp.astype(step, xp.float64)
    there = xp.any(g != 0, axis=tuple(range(1, g.ndim)), keepdims=True) if g.ndim > 1 else g != 0
    m[...] = xp.where(there, beta1 * m + (1 - beta1) * g, m)
    v[...] = xp.where(there, beta2 * v + (1 - beta2) * g * g, v)
    rate = xp.astype(xp.asarray(lr * (1 - beta2**t) ** 0.5 / (1 - beta1**t)), p.dtype)
    p -= xp.where(there, rate * m / (xp.sqrt(v) + eps), xp.zeros_like(p))
    return p


def averaged(mean: Any, value: Any, keep: Any) -> None:
    """mean <- keep mean + (1 - keep) value, in place."""
    mean *= keep
    mean += (1 - keep) * value


def climbed(p: Any, g: Any, weight_decay: float, maximize: bool) -> Any:
    """The gradient to descend along, with the weight decay in it."""
    g = -g if maximize else g
    return g + weight_decay * p if weight_decay else g


def decayed(p: Any, g: Any, lr: Any, weight_decay: float, decoupled: bool) -> Any:
    """The gradient with the weight decay in it, unless that is decoupled: then the parameter shrinks here, in place."""
    if weight_decay and decoupled:
        p *= 1 - lr * weight_decay
    return g + weight_decay * p if weight_decay and not decoupled else g


KERNELS = (rmsprop_, adagrad_, adadelta_, adamax_, nadam_, radam_, asgd_, rprop_, adafactor_, muon_, sparse_adam_)
ADAPTIVE = {f.__name__: f for f in KERNELS}
