"""What the larger ops compute, in NumPy and plain loops: slow, short, and written without looking at the kernels."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import product
from statistics import NormalDist

import numpy as np


def sum_to(x, shape):
    out = np.zeros(shape)
    for at in np.ndindex(x.shape):
        tail = at[len(at) - len(shape) :]
        out[tuple(i if n > 1 else 0 for i, n in zip(tail, shape, strict=True))] += x[at]
    return out


def zeros_with(x, shape, index):
    out = np.zeros(shape)
    np.add.at(out, index, x)
    return out


def assigned(x, value, index):
    out = x.copy()
    out[index] = value
    return out


def pad(x, before, after, value):
    return np.pad(x, list(zip(before, after, strict=True)), constant_values=value)


def attention(query, key, value, scale, causal):
    out = np.zeros((*query.shape[:-1], value.shape[-1]))
    for at in np.ndindex(query.shape[:-1]):
        seen = at[-1] + 1 if causal else key.shape[-2]
        fit = np.exp([scale * np.sum(query[at] * k) for k in key[at[:-1]][:seen]])
        out[at] = sum(f * v for f, v in zip(fit, value[at[:-1]][:seen], strict=True)) / sum(fit)
    return out


def gather(x, index, dim):
    out = np.zeros(index.shape)
    for at in np.ndindex(index.shape):
        out[at] = x[(*at[:dim], index[at], *at[dim + 1 :])]
    return out


def scatter_add(x, index, dim, shape):
    out = np.zeros(shape)
    for at in np.ndindex(index.shape):
        out[(*at[:dim], index[at], *at[dim + 1 :])] += x[at]
    return out


def index_add(x, index, n, dim):
    out = np.zeros((*x.shape[:dim], n, *x.shape[dim + 1 :]))
    for i, place in enumerate(index):
        out[(slice(None),) * dim + (place,)] += x[(slice(None),) * dim + (i,)]
    return out


def logsumexp(x, dim, keepdim=False):
    return np.log(np.sum(np.exp(x), axis=dim, keepdims=keepdim))


def softmax(x, dim):
    return np.exp(x) / np.sum(np.exp(x), axis=dim, keepdims=True)


def cross_entropy(x, target):
    return np.array([0.0 if t < 0 else -np.log(softmax(row, 0)[t]) for row, t in zip(x, target, strict=True)])


def cross_entropy_input(g, target, logp):
    rows = [0 * p if t < 0 else g_n * (np.exp(p) - np.eye(len(p))[t]) for g_n, t, p in zip(g, target, logp, strict=True)]
    return np.stack(rows)


def line(v, x):
    """A value for each channel, laid along dimension 1 of x."""
    return np.reshape(v, (1, -1, *(1,) * (x.ndim - 2)))


def batch_norm_eval(x, weight, bias, mean, var, eps):
    y = (x - line(mean, x)) / np.sqrt(line(var, x) + eps)
    y = y if weight is None else y * line(weight, x)
    return y if bias is None else y + line(bias, x)


def batch_norm(x, weight, bias, running_mean=None, running_var=None, momentum=None, *, eps):
    flat = np.moveaxis(x, 1, 0).reshape(x.shape[1], -1)
    return batch_norm_eval(x, weight, bias, flat.mean(1), flat.var(1), eps)


def conv_relu(*inputs, window):
    return np.maximum(conv(*inputs, window=window), 0)


def batch_norm_relu(*inputs, eps):
    return np.maximum(batch_norm(*inputs, eps=eps), 0)


def batch_norm_input(g, x, weight, mean, var, eps):
    """One channel at a time, by the full matrix dxhat/dx = (I - 1/n - xhat xhat^T / n) / s."""
    out = np.zeros_like(x)
    for c in range(x.shape[1]):
        at, s = x[:, c].reshape(-1), np.sqrt(var.reshape(-1)[c] + eps)
        xhat = (at - mean.reshape(-1)[c]) / s
        n = at.size
        slope = (np.eye(n) - 1 / n - np.outer(xhat, xhat) / n) / s
        w = 1.0 if weight is None else weight[c]
        out[:, c] = (w * slope @ g[:, c].reshape(-1)).reshape(out[:, c].shape)
    return out


def layer_norm(x, weight, bias, dims, eps):
    y = (x - x.mean(dims, keepdims=True)) / np.sqrt(x.var(dims, keepdims=True) + eps)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def group_norm(x, weight, bias, groups, eps):
    y = np.empty_like(x)
    for case, out in zip(x, y, strict=True):
        for part, place in zip(np.split(case, groups), np.split(out, groups), strict=True):
            place[...] = (part - part.mean()) / np.sqrt(part.var() + eps)
    line = (-1, *(1,) * (x.ndim - 2))
    y = y if weight is None else y * weight.reshape(line)
    return y if bias is None else y + bias.reshape(line)


def layer_norm_relu(*inputs, dims, eps):
    return np.maximum(layer_norm(*inputs, dims=dims, eps=eps), 0)


def group_norm_relu(*inputs, groups, eps):
    return np.maximum(group_norm(*inputs, groups=groups, eps=eps), 0)


def visits(shape, kernel, sizes, window):
    """Every (output place, tap, input place) of a sliding window; the input place is None in the padding."""
    for o, k in product(np.ndindex(*sizes), np.ndindex(*kernel)):
        at = [s * i + d * j - p for i, j, s, d, p in zip(o, k, window.stride, window.dilation, window.padding, strict=True)]
        inside = all(0 <= i < n for i, n in zip(at, shape, strict=True))
        yield o, k, tuple(at) if inside else None


def sizes_of(shape, kernel, window):
    return tuple(
        len([start for start in range(-p, n + p) if (start + p) % s == 0 and start + d * (k - 1) < n + p])
        for n, k, s, p, d in zip(shape, kernel, window.stride, window.padding, window.dilation, strict=True)
    )


def conv(x, weight, bias=None, *, window):
    each, per = x.shape[1] // window.groups, weight.shape[0] // window.groups
    sizes = sizes_of(x.shape[2:], weight.shape[2:], window)
    y = np.zeros((x.shape[0], weight.shape[0], *sizes))
    for f, c in product(range(weight.shape[0]), range(each)):
        for o, k, at in visits(x.shape[2:], weight.shape[2:], sizes, window):
            if at is not None:
                y[(slice(None), f, *o)] += weight[(f, c, *k)] * x[(slice(None), f // per * each + c, *at)]
    return y if bias is None else y + line(bias, y)


def conv_input(out, weight, shape, window):
    """The matrix of the linear map x -> conv(x, weight), transposed, times out."""
    units = np.eye(int(np.prod(shape))).reshape(-1, *shape)
    return np.array([np.sum(conv(unit, weight, window=window) * out) for unit in units]).reshape(shape)


def conv_weight(x, out, kernel, window):
    shape = (out.shape[1], x.shape[1] // window.groups, *kernel)
    units = np.eye(int(np.prod(shape))).reshape(-1, *shape)
    return np.array([np.sum(conv(x, unit, window=window) * out) for unit in units]).reshape(shape)


def max_pool(x, kernel, window, sizes):
    return pooled(x, kernel, window, sizes)[0]


def max_pool_places(x, best, kernel, window):
    return pooled(x, kernel, window, best.shape[2:])[1]


def max_pool_input(out, x, best, kernel, window):
    return put_places(out, max_pool_places(x, best, kernel, window), x.shape)


def max_pool_take(v, x, best, kernel, window):
    return take_places(v, max_pool_places(x, best, kernel, window))


def pooled(x, kernel, window, sizes):
    best = np.full((*x.shape[:2], *sizes), -np.inf)
    where = np.full(best.shape, -1)
    for n, c in np.ndindex(x.shape[:2]):
        for o, _, at in visits(x.shape[2:], kernel, sizes, window):
            if at is not None and x[(n, c, *at)] > best[(n, c, *o)]:
                best[(n, c, *o)] = x[(n, c, *at)]
                where[(n, c, *o)] = np.ravel_multi_index(at, x.shape[2:])
    return best, where


def take_places(x, places):
    flat = x.reshape(*x.shape[:2], -1)
    return np.stack([[flat[n, c][places[n, c]] for c in range(x.shape[1])] for n in range(x.shape[0])])


def put_places(x, places, shape):
    out = np.zeros((*shape[:2], int(np.prod(shape[2:]))))
    for at in np.ndindex(x.shape):
        out[at[0], at[1], places[at]] += x[at]
    return out.reshape(shape)


def sum_pool(x, kernel, window, sizes):
    y = np.zeros((*x.shape[:2], *sizes))
    for o, _, at in visits(x.shape[2:], kernel, sizes, window):
        if at is not None:
            y[(..., *o)] += x[(..., *at)]
    return y


def sum_pool_input(x, shape, kernel, window):
    y = np.zeros(shape)
    for o, _, at in visits(shape[2:], kernel, x.shape[2:], window):
        if at is not None:
            y[(..., *at)] += x[(..., *o)]
    return y


def erfinv(x):
    return np.vectorize(NormalDist().inv_cdf)((x + 1) / 2) / np.sqrt(2)


def sgd(p, g, buf, lr, momentum=0, dampening=0, weight_decay=0, nesterov=False, maximize=False):
    g = (-1 if maximize else 1) * g + weight_decay * p
    buf = momentum * buf + (1 - dampening) * g
    return p - lr * (g + momentum * buf if nesterov else buf)


def adam(p, g, m, v, step, largest, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, decoupled=False):
    b1, b2 = betas
    if decoupled:
        p = p - lr * weight_decay * p
    else:
        g = g + weight_decay * p
    m, v, t = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2, step + 1
    v = v if largest is None else np.maximum(v, largest)
    return p - lr * m / (1 - b1**t) / (np.sqrt(v / (1 - b2**t)) + eps)


def rmsprop(p, g, step, square, mean, buf, lr, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, maximize=False):
    g = (-1 if maximize else 1) * g + weight_decay * p
    centre = 0 if mean is None else alpha * mean + (1 - alpha) * g
    move = g / (np.sqrt(alpha * square + (1 - alpha) * g**2 - centre**2) + eps)
    return p - lr * (move if buf is None else momentum * buf + move)


def adagrad(p, g, step, total, lr, lr_decay=0):
    return p - lr / (1 + step * lr_decay) * g / (np.sqrt(total + g**2) + 1e-10)


def adadelta(p, g, step, square, moved, lr, rho=0.9, eps=1e-6):
    return p - lr * g * np.sqrt((moved + eps) / (rho * square + (1 - rho) * g**2 + eps))


def adamax(p, g, step, m, largest, lr):
    return p - lr / (1 - 0.9 ** (step + 1)) * (0.9 * m + 0.1 * g) / np.maximum(0.999 * largest, abs(g) + 1e-8)


def nadam(p, g, step, product, m, v, lr, weight_decay=0):
    g, t = g + weight_decay * p, step + 1
    m, root = 0.9 * m + 0.1 * g, np.sqrt((0.999 * v + 0.001 * g**2) / (1 - 0.999**t)) + 1e-8
    now, after = (0.9 * (1 - 0.5 * 0.96 ** (0.004 * k)) for k in (t, t + 1))
    u = product * now
    return p - lr * ((1 - now) / (1 - u) * g + after / (1 - u * after) * m) / root


def radam(p, g, step, m, v, lr, weight_decay=0, decoupled=False):
    p, g, t = (p * (1 - lr * weight_decay), g, step + 1) if decoupled else (p, g + weight_decay * p, step + 1)
    mhat, v = (0.9 * m + 0.1 * g) / (1 - 0.9**t), 0.999 * v + 0.001 * g**2
    most = 2 / 0.001 - 1
    n = most - 2 * t * 0.999**t / (1 - 0.999**t)
    if n <= 5:
        return p - lr * mhat
    r = np.sqrt((n - 4) * (n - 2) * most / ((most - 4) * (most - 2) * n))
    return p - lr * mhat * r * np.sqrt(1 - 0.999**t) / (np.sqrt(v) + 1e-8)


def asgd(p, g, step, eta, mu, ax, lr, lambd, t0, weight_decay):
    return p - eta * (g + weight_decay * p) - lambd * eta * p


def rprop(p, g, step, prev, size, maximize):
    agreement = np.sign(-g * prev)
    return p + np.sign(g) * size * np.select([agreement > 0, agreement < 0], [1.2, 0.0], 1.0)


def adafactor(p, g, step, row, column, square, lr, beta2_decay, eps, d, weight_decay, maximize=False):
    new, t, norm = (step + 1) ** beta2_decay, step + 1, np.linalg.norm
    if square is None:
        rows, columns = (((1 - new) * old + new * (g**2).mean(axis))
                         for old, axis in ((row[:, 0], 1), (column[0], 0)))  # fmt: skip
        v = np.outer(rows, columns) / rows.mean()
    else:
        v = (1 - new) * square + new * g**2
    u = (-g if maximize else g) / np.sqrt(v)
    rate = max(eps[1], norm(p) / p.size**0.5) * min(lr, t**-0.5)
    return p * (1 - lr * weight_decay) - rate * u / max(1, norm(u) / p.size**0.5 / d)


def muon(p, g, buf, lr, momentum, coefficients, rounds, scale):
    u, s, v = np.linalg.svd(momentum * (momentum * buf + (1 - momentum) * g) + (1 - momentum) * g)
    s = s / np.sqrt((s**2).sum())
    for _ in range(rounds):
        s = sum(c * s**k for c, k in zip(coefficients, (1, 3, 5), strict=True))
    return p * (1 - 0.1 * lr) - lr * scale * (u * s) @ v


def sparse_adam(p, g, step, m, v, lr):
    t, (m, v) = step + 1, (0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2)
    move = lr * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(v) + 1e-8)
    return np.where(abs(g).sum(1, keepdims=True) > 0, p - move, p)


def polygamma(x, n):
    """Differences of ln gamma, to a few digits."""
    log = np.vectorize(math.lgamma)
    if n == 0:
        h = 1e-5
        return (8 * (log(x + h) - log(x - h)) - (log(x + 2 * h) - log(x - 2 * h))) / (12 * h)
    return sum((x + k) ** -2.0 for k in range(2000)) + 1 / (x + 2000 - 0.5)  # trigamma, with the tail's integral


def running_places(x, best):
    """The last position, so far, of the running extreme along dimension 1."""
    top = best.accumulate(x, 1)
    return np.stack(
        [np.max(np.where(x[:, : i + 1] == top[:, i : i + 1], np.arange(i + 1), -1), 1) for i in range(x.shape[1])], 1
    )


def recurrence(a, u, dim):
    out = u.copy()
    for i in range(1, u.shape[1]):
        out[:, i] += a[:, i] * out[:, i - 1]
    return out


def singular_vectors(x):
    u, _, v = np.linalg.svd(x, full_matrices=False)
    return np.concatenate([u, v.T])


def logistic(x):
    return 1 / (1 + np.exp(-x))


def recurrent_step(kind, x, state, w_ih, w_hh, b_ih, b_hh):
    """The next state of one sequence, by the formulas of the textbook."""
    a, u, h = w_ih @ x + b_ih, w_hh @ state[0] + b_hh, state[0]
    if kind == "lstm":
        i, f, g, o = np.split(a + u, 4)
        c = logistic(f) * state[1] + logistic(i) * np.tanh(g)
        return [logistic(o) * np.tanh(c), c]
    if kind == "gru":
        (a_r, a_z, a_n), (u_r, u_z, u_n) = np.split(a, 3), np.split(u, 3)
        z = logistic(a_z + u_z)
        return [(1 - z) * np.tanh(a_n + logistic(a_r + u_r) * u_n) + z * h]
    return [np.tanh(a + u) if kind == "rnn_tanh" else np.maximum(a + u, 0)]


def recurrent(kind, x, w_ih, w_hh, b_ih, b_hh, state, sizes, reverse):
    """One sequence after another; the rows of step t begin at starts[t]."""
    no = np.zeros(len(w_hh))
    starts, y, last = np.cumsum((0, *sizes)), np.empty((len(x), w_hh.shape[1])), state.copy()
    for i in range(sizes[0]):
        rows = [starts[t] + i for t, size in enumerate(sizes) if size > i]
        for row in rows[::-1] if reverse else rows:
            bias = [no if v is None else v for v in (b_ih, b_hh)]
            last[:, i] = recurrent_step(kind, x[row], last[:, i], w_ih, w_hh, *bias)
            y[row] = last[0, i]
    return np.concatenate([y, last.reshape(-1, y.shape[1])])


def recurrent_gradient(kind, k, g, *inputs, sizes, reverse):
    """The slope of sum(g y) by input k, from central differences."""

    def weighed(value):
        return (g * recurrent(kind, *inputs[:k], value, *inputs[k + 1 :], sizes, reverse)).sum()

    slope = np.empty_like(inputs[k])
    for place in np.ndindex(slope.shape):
        step = np.zeros_like(slope)
        step[place] = 1e-5
        slope[place] = (weighed(inputs[k] + step) - weighed(inputs[k] - step)) / 2e-5
    return slope


def cofactor_change(x: np.ndarray, other: np.ndarray) -> np.ndarray:
    """How the cofactors change along `other`: a minor is linear in each of its rows, so one row at a time is exchanged."""
    n = x.shape[-1]
    out = np.zeros_like(x)
    for at in np.ndindex(x.shape):
        *lead, i, j = at
        a, c = (np.delete(np.delete(m[tuple(lead)], i, 0), j, 1) for m in (x, other))
        for k in range(n - 1):
            changed = a.copy()
            changed[k] = c[k]
            out[at] += (-1) ** (i + j) * np.linalg.det(changed)
    return out


# -- Bessel functions and their kin ------------------------------------------------------------------------------------


def integral(values: np.ndarray, width: float) -> np.ndarray:
    """Simpson's rule over the last axis, of an odd number of samples."""
    weights = np.full(values.shape[-1], 2.0)
    weights[1::2] = 4.0
    weights[[0, -1]] = 1.0
    return (values * weights).sum(-1) * width / (values.shape[-1] - 1) / 3


def bessel_i(x: np.ndarray, n: int, scaled: bool = False) -> np.ndarray:
    """Bessel's integral with 4001 samples."""
    t = np.linspace(0, np.pi, 4001)
    size = np.abs(x) if scaled else np.zeros_like(x)
    return integral(np.exp(x[..., None] * np.cos(t) - size[..., None]) * np.cos(n * t), np.pi) / np.pi


def bessel_j(x: np.ndarray, n: int) -> np.ndarray:
    """Bessel's integral with 4001 samples."""
    t = np.linspace(0, np.pi, 4001)
    return integral(np.cos(n * t - x[..., None] * np.sin(t)), np.pi) / np.pi


def bessel_y(x: np.ndarray, n: int) -> np.ndarray:
    """Schlaefli's integrals with 8001 samples."""
    t, u = np.linspace(0, np.pi, 8001), np.linspace(0, 12, 8001)
    x = x[..., None]
    fall = np.exp(np.clip(n * u - x * np.sinh(u), -700, None)) + (-1) ** n * np.exp(
        np.clip(-n * u - x * np.sinh(u), -700, None)
    )
    return (integral(np.sin(x * np.sin(t) - n * t), np.pi) - integral(fall, 12.0)) / np.pi


def bessel_k(x: np.ndarray, n: int, scaled: bool = False) -> np.ndarray:
    """The integral of e^(-x cosh t) cosh(n t) with 8001 samples."""
    t = np.linspace(0, 10, 8001)
    return integral(np.exp(-x[..., None] * (np.cosh(t) - scaled)) * np.cosh(n * t), 10.0)


def airy(x: np.ndarray, order: int = 0) -> np.ndarray:
    """The power series of Airy's function, or of its slope, in exact fractions but for the two constants."""
    found = []
    for at in x.ravel():
        parts, p = [Fraction(0), Fraction(0)], Fraction(float(at))
        for start in (0, 1):
            c = Fraction(1)
            for m in range(start, start + 240, 3):
                parts[start] += c * p**m if not order else (m * c * p ** (m - 1) if m else 0)
                c /= (m + 2) * (m + 3)
        with localcontext(prec=60):
            a, b = (Decimal(v.numerator) / Decimal(v.denominator) for v in parts)
            found.append(float(a * Decimal(AIRY[0]) - b * Decimal(AIRY[1])))
    return np.array(found).reshape(x.shape)


AIRY = "0.35502805388781723926006318600418317639797917419917752", "0.25881940379280679840518356018920396347909113835493458"


def gammainc(a: np.ndarray, x: np.ndarray, upper: bool = False) -> np.ndarray:
    """Euler's integral with t = s^4, so that it has no pole at 0."""
    s = np.linspace(0, 1, 20001) * x[..., None] ** 0.25
    part = integral(4 * s ** (4 * a[..., None] - 1) * np.exp(-(s**4)), 1.0) * x**0.25
    y = part / np.vectorize(math.gamma)(a)
    return 1 - y if upper else y


def zeta(s: np.ndarray, q: np.ndarray) -> np.ndarray:
    """200,000 terms, and an integral with half a term for the others."""
    k = np.arange(200000)
    end = 200000 + q
    return ((k + q[..., None]) ** -s[..., None]).sum(-1) + end ** (1 - s) / (s - 1) + 0.5 * end**-s


def ndtri(x: np.ndarray) -> np.ndarray:
    """Bisection of the normal distribution function."""
    low, high = np.full_like(x, -9.0), np.full_like(x, 9.0)
    for _ in range(80):
        middle = (low + high) / 2
        below = 0.5 * np.vectorize(math.erfc)(-middle / math.sqrt(2)) < x
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return low


def lu_packed(x: np.ndarray) -> np.ndarray:
    """Crout's formulas, entry by entry."""
    y = x.copy()
    m, n = x.shape[-2:]
    for i in range(m):
        for j in range(n):
            k = min(i, j)
            y[..., i, j] -= (y[..., i, :k] * y[..., :k, j]).sum(-1)
            if i > j:
                y[..., i, j] /= y[..., j, j]
    return y


def lu_pivots(x: np.ndarray) -> np.ndarray:
    """Gauss's elimination with row exchanges, matrix by matrix."""
    found = []
    for a in x.copy().reshape(-1, *x.shape[-2:]):
        pivots = []
        for j in range(min(a.shape)):
            at = j + int(np.abs(a[j:, j]).argmax())
            pivots.append(at + 1)
            a[[j, at]] = a[[at, j]]
            a[j + 1 :] -= np.outer(a[j + 1 :, j] / a[j, j], a[j])
        found.append(pivots)
    return np.array(found, dtype=np.int32).reshape(*x.shape[:-2], min(x.shape[-2:]))
