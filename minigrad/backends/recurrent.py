"""Kernels of recurrent layers: one layer in one direction over a whole sequence, forwards and back through time.

x (N, D) holds the rows of all steps, one step after another; `sizes` are the rows of each step, which never grow, so a
sequence that ends keeps its place among the first rows. With `reverse` time runs from the last step to the first. A kernel
gives (y, kept): y (N + states B, H) has the outputs of all steps and below them the last state; `kept` is what its
gradients need. Gates lie first in every array, (gates, N, H), so that each is dense in memory.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np


def spans(sizes: tuple, reverse: bool) -> list[slice]:
    """The rows of each step, in the order of time."""
    ends = np.cumsum((0, *sizes)).tolist()
    steps = [slice(start, stop) for start, stop in pairwise(ends)]
    return steps[::-1] if reverse else steps


def split(b: Any, rows: Any, gates: int) -> Any:
    """(N, gates H) as (gates, N, H), dense."""
    width = rows.shape[1] // gates
    return b.xp.stack([rows[:, k * width : (k + 1) * width] for k in range(gates)])


def joined(b: Any, parts: Any) -> Any:
    """(gates, N, H) as (N, gates H)."""
    gates, n, width = parts.shape
    return b.xp.reshape(b.xp.permute_dims(parts, (1, 0, 2)), (n, gates * width))


def matrices(b: Any, w: Any, gates: int, transposed: bool) -> Any:
    """(gates H, H) as a matrix for each gate, dense; transposed if it is to be multiplied from the right."""
    width = w.shape[1]
    each = [w[k * width : (k + 1) * width, :] for k in range(gates)]
    return b.xp.stack([m.T if transposed else m for m in each])


def both(b_ih: Any, b_hh: Any) -> Any:
    """The sum of two biases, or None."""
    return None if b_ih is None else b_ih + b_hh


def halves(b: Any, x: Any, gates: int) -> Any:
    """1/2 for the gates i, f and o, 1 for g: sigmoid(x) = (1 + tanh(x / 2)) / 2, so that one tanh serves all gates."""
    return b.xp.reshape(b.xp.asarray([0.5, 0.5, 1.0, 0.5], dtype=x.dtype), (gates, 1, 1))


def input_gradients(b: Any, d: Any, x: Any, w_ih: Any, bias: Any) -> tuple:
    """The gradients of x, w_ih and b_ih from those of W_ih x + b_ih."""
    return b.matmul(d, w_ih), b.matmul(d.T, x), None if bias is None else b.xp.sum(d, axis=0)


def lstm(b: Any, x: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, state: Any, sizes: tuple, reverse: bool) -> tuple:
    """(y, kept), kept (7, N, H): the tanh of each gate, h and c before the step, tanh of c after it."""
    xp, (n, width), batch = b.xp, (x.shape[0], w_hh.shape[1]), sizes[0]
    half = halves(b, x, 4)
    gates = split(b, b.linear(x, w_ih, both(b_ih, b_hh)), 4) * half
    w = matrices(b, w_hh, 4, True) * half
    kept = xp.empty((7, n, width), dtype=x.dtype)
    y = xp.empty((n + 2 * batch, width), dtype=x.dtype)
    now = xp.asarray(state, copy=True)
    for s in spans(sizes, reverse):
        size = s.stop - s.start
        before = now if size == batch else now[:, :size, :]
        a = xp.matmul(before[0, ...], w)
        a += gates[:, s, :]
        a = xp.tanh(a)
        kept[:4, s, :], kept[4:6, s, :] = a, before
        c = a[1, ...] * before[1, ...]
        c += before[1, ...]
        new = a[0, ...] * a[2, ...]
        new += a[2, ...]
        c += new
        c *= 0.5
        t = xp.tanh(c)
        h = a[3, ...] * t
        h += t
        h *= 0.5
        kept[6, s, :], y[s, :] = t, h
        now[0, :size, :], now[1, :size, :] = h, c
    y[n:, :] = xp.reshape(now, (2 * batch, width))
    return y, kept


def lstm_gradients(
    b: Any, g: Any, x: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, state: Any, y: Any, kept: Any, sizes: tuple,
    reverse: bool,
) -> tuple:  # fmt: skip
    """The gradients of x, w_ih, w_hh, b_ih, b_hh and state, given that of y."""
    xp, n = b.xp, x.shape[0]
    i, f, cell, o, h, c, t = (kept[k, ...] for k in range(7))
    half = halves(b, x, 4)
    slopes = (1 - kept[:4, ...] * kept[:4, ...]) * (half * half)  # of each gate; then of c, and for o of h, by its input
    slopes[0, ...] = slopes[0, ...] * cell
    slopes[1, ...] = slopes[1, ...] * c
    slopes[2, ...] = slopes[2, ...] * (i + 1) * 0.5
    slopes[3, ...] = slopes[3, ...] * t
    forget, through = (f + 1) * 0.5, (1 - t * t) * (o + 1) * 0.5
    w = matrices(b, w_hh, 4, False)
    past = xp.asarray(xp.reshape(g[n:, :], state.shape), copy=True)
    for s in reversed(spans(sizes, reverse)):
        size = s.stop - s.start
        dh = past[0, :size, :] + g[s, :]
        dc = dh * through[s, :]
        dc += past[1, :size, :]
        slopes[:3, s, :] = slopes[:3, s, :] * dc
        slopes[3, s, :] = slopes[3, s, :] * dh
        past[0, :size, :] = xp.sum(xp.matmul(slopes[:, s, :], w), axis=0)
        past[1, :size, :] = dc * forget[s, :]
    d = joined(b, slopes)
    dx, dw, db = input_gradients(b, d, x, w_ih, b_ih)
    return dx, dw, b.matmul(d.T, h), db, None if db is None else db + 0, past


def gru(b: Any, x: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, state: Any, sizes: tuple, reverse: bool) -> tuple:
    """(y, kept), kept (5, N, H): r, z, n, what r is applied to, and h before the step."""
    xp, (n, width), batch = b.xp, (x.shape[0], w_hh.shape[1]), sizes[0]
    gates = split(b, b.linear(x, w_ih, b_ih), 3)
    w = matrices(b, w_hh, 3, True)
    bias = None if b_hh is None else xp.reshape(b_hh, (3, 1, width))
    kept = xp.empty((5, n, width), dtype=x.dtype)
    y = xp.empty((n + batch, width), dtype=x.dtype)
    now = xp.asarray(state[0, ...], copy=True)
    for s in spans(sizes, reverse):
        size = s.stop - s.start
        h = now if size == batch else now[:size, :]
        u = xp.matmul(h, w)
        if bias is not None:
            u += bias
        a = gates[:2, s, :] + u[:2, ...]
        a *= 0.5
        a = xp.tanh(a)  # sigmoid(x) = (1 + tanh(x / 2)) / 2
        a *= 0.5
        a += 0.5
        new = xp.tanh(a[0, ...] * u[2, ...] + gates[2, s, :])
        kept[:2, s, :], kept[2, s, :], kept[3, s, :], kept[4, s, :] = a, new, u[2, ...], h
        h = (h - new) * a[1, ...]
        h += new
        y[s, :] = h
        now[:size, :] = h
    y[n:, :] = now
    return y, kept


def gru_gradients(
    b: Any, g: Any, x: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, state: Any, y: Any, kept: Any, sizes: tuple,
    reverse: bool,
) -> tuple:  # fmt: skip
    """The gradients of x, w_ih, w_hh, b_ih, b_hh and state, given that of y."""
    xp, n = b.xp, x.shape[0]
    r, z, new, u, h = (kept[k, ...] for k in range(5))
    past = xp.asarray(g[n:, :], copy=True)
    slopes = xp.empty((3, n, h.shape[1]), dtype=x.dtype)  # of h by what each gate of W_hh h + b_hh is
    to_new = (1 - z) * (1 - new * new)
    slopes[2, ...] = to_new * r
    slopes[0, ...] = to_new * u * r * (1 - r)
    slopes[1, ...] = (h - new) * z * (1 - z)
    w = matrices(b, w_hh, 3, False)
    for s in reversed(spans(sizes, reverse)):
        size = s.stop - s.start
        dh = past[:size, :] + g[s, :]
        e = slopes[:, s, :] * dh
        slopes[:, s, :] = e
        to_new[s, :] = to_new[s, :] * dh
        dh *= z[s, :]
        dh += xp.sum(xp.matmul(e, w), axis=0)
        past[:size, :] = dh
    d_hh = joined(b, slopes)  # of a single row or column this is a view: done with before the slopes change
    dw_hh, db_hh = b.matmul(d_hh.T, h), None if b_ih is None else xp.sum(d_hh, axis=0)
    slopes[2, ...] = to_new
    dx, dw, db = input_gradients(b, joined(b, slopes), x, w_ih, b_ih)
    return dx, dw, dw_hh, db, db_hh, past[None, ...]


def rnn(b: Any, x: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, state: Any, sizes: tuple, reverse: bool, act: Any) -> tuple:
    """(y, kept), kept (N, H): h before the step."""
    xp, (n, width), batch = b.xp, (x.shape[0], w_hh.shape[1]), sizes[0]
    inputs = b.linear(x, w_ih, both(b_ih, b_hh))
    kept = xp.empty((n, width), dtype=x.dtype)
    y = xp.empty((n + batch, width), dtype=x.dtype)
    now, w = xp.asarray(state[0, ...], copy=True), matrices(b, w_hh, 1, True)[0, ...]
    for s in spans(sizes, reverse):
        size = s.stop - s.start
        h = now if size == batch else now[:size, :]
        kept[s, :] = h
        h = act(xp.matmul(h, w) + inputs[s, :])
        y[s, :] = h
        now[:size, :] = h
    y[n:, :] = now
    return y, kept


def rnn_gradients(
    b: Any, g: Any, x: Any, w_ih: Any, w_hh: Any, b_ih: Any, state: Any, kept: Any, sizes: tuple, reverse: bool, slopes: Any
) -> tuple:
    """The gradients of x, w_ih, w_hh, b_ih, b_hh and state, given that of y and the slopes of the outputs."""
    xp, n = b.xp, x.shape[0]
    past = xp.asarray(g[n:, :], copy=True)
    for s in reversed(spans(sizes, reverse)):
        size = s.stop - s.start
        e = (past[:size, :] + g[s, :]) * slopes[s, :]
        slopes[s, :] = e
        past[:size, :] = xp.matmul(e, w_hh)
    dx, dw, db = input_gradients(b, slopes, x, w_ih, b_ih)
    return dx, dw, b.matmul(slopes.T, kept), db, None if db is None else db + 0, past[None, ...]


def rnn_tanh(b: Any, x: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, state: Any, sizes: tuple, reverse: bool) -> tuple:
    return rnn(b, x, w_ih, w_hh, b_ih, b_hh, state, sizes, reverse, b.xp.tanh)


def rnn_relu(b: Any, x: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, state: Any, sizes: tuple, reverse: bool) -> tuple:
    return rnn(b, x, w_ih, w_hh, b_ih, b_hh, state, sizes, reverse, lambda v: b.xp.where(v > 0, v, 0 * v))


def rnn_tanh_gradients(
    b: Any, g: Any, x: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, state: Any, y: Any, kept: Any, sizes: tuple,
    reverse: bool,
) -> tuple:  # fmt: skip
    h = y[: x.shape[0], :]
    return rnn_gradients(b, g, x, w_ih, w_hh, b_ih, state, kept, sizes, reverse, 1 - h * h)


def rnn_relu_gradients(
    b: Any, g: Any, x: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, state: Any, y: Any, kept: Any, sizes: tuple,
    reverse: bool,
) -> tuple:  # fmt: skip
    on = b.xp.astype(y[: x.shape[0], :] > 0, x.dtype)
    return rnn_gradients(b, g, x, w_ih, w_hh, b_ih, state, kept, sizes, reverse, on)


_KERNELS = [lstm, lstm_gradients, gru, gru_gradients, rnn_tanh, rnn_tanh_gradients, rnn_relu, rnn_relu_gradients]
RECURRENT = {f.__name__: f for f in _KERNELS}
