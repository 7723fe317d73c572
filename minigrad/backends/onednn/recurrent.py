"""LSTM layers on oneDNN: one layer in one direction, over steps that all have the same number of rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import recurrent
from .library import (
    BACKWARD,
    BIAS,
    DIFF_BIAS,
    DIFF_SRC,
    DIFF_WEIGHTS,
    DIFF_WEIGHTS_ITER,
    DIFF_WEIGHTS_MD,
    DST,
    LEFT_TO_RIGHT,
    RIGHT_TO_LEFT,
    SRC,
    TRAINING,
    WEIGHTS,
    WEIGHTS_ITER,
    WEIGHTS_MD,
    WORKSPACE,
    WORKSPACE_MD,
    Library,
)  # fmt: skip
from .primitive import Primitive, Reorder, compiled, fits


class Layer:
    """Forward and backward of an LSTM layer of T steps, B rows each, from D features to H."""

    def __init__(self, lib: Library, steps: int, batch: int, inputs: int, width: int, reverse: bool) -> None:
        tall, line = (steps, batch, width), (1, 1, batch, width)
        src, dst = (lib.desc(s, (batch * s[2], s[2], 1)) for s in ((steps, batch, inputs), tall))
        state = lib.desc(line, (batch * width, batch * width, width, 1))
        sizes = [(1, 1, n, 4, width) for n in (inputs, width)]
        plain = [lib.desc(s, (4 * width * s[2], 4 * width * s[2], 1, width * s[2], s[2])) for s in sizes]
        free = [lib.any(s) for s in sizes]
        bias = lib.desc((1, 1, 4, width), (4 * width, 4 * width, width, 1))
        way = RIGHT_TO_LEFT if reverse else LEFT_TO_RIGHT
        shapes = [src, state, state, *free, None, None, bias, dst, state, state]
        hint = lib.make("lstm_forward_primitive_desc_create", lib.engine, TRAINING, way, *shapes, 0, None)
        workspace = lib.chosen(hint, WORKSPACE_MD)
        self.kept = lib.size(workspace) // 4
        ins = [(SRC, src), (SRC + 1, state), (SRC + 2, state)]
        outs = [(DST, dst), (DST + 1, state), (DST + 2, state)]
        weights = [lib.chosen(hint, WEIGHTS_MD), lib.chosen(hint, WEIGHTS_MD, 1)]
        names = (WEIGHTS, WEIGHTS_ITER)
        ahead = [*ins, *zip(names, weights, strict=True), (BIAS, bias), *outs, (WORKSPACE, workspace)]
        self.forward = Primitive(lib, hint, ahead)
        self.weights = [Reorder(lib, p, w, k) for k, (p, w) in enumerate(zip(plain, weights, strict=True))]
        back = lib.make("lstm_backward_primitive_desc_create", lib.engine, BACKWARD, way, *shapes, *shapes, 0, hint, None)
        weights = [lib.chosen(back, WEIGHTS_MD), lib.chosen(back, WEIGHTS_MD, 1)]
        changes = [lib.chosen(back, DIFF_WEIGHTS_MD), lib.chosen(back, DIFF_WEIGHTS_MD, 1)]
        diffs = [(arg + DIFF_SRC - SRC, desc) for arg, desc in (*ins, *outs)]
        slots = [*ins, *zip(names, weights, strict=True), (BIAS, bias), *outs, (WORKSPACE, workspace), *diffs]
        slots += [(DIFF_WEIGHTS, changes[0]), (DIFF_WEIGHTS_ITER, changes[1]), (DIFF_BIAS, bias)]
        self.backward = Primitive(lib, back, slots)
        self.back_weights = [Reorder(lib, p, w, k) for k, (p, w) in enumerate(zip(plain, weights, strict=True))]
        self.changes = [Reorder(lib, w, p, 2 + k) for k, (p, w) in enumerate(zip(plain, changes, strict=True))]

    @staticmethod
    def work(steps: int, batch: int, inputs: int, width: int, reverse: bool) -> float:
        return 8.0 * batch * width * (inputs + width)  # of one step: threads meet after each


def layer(x: Any, w_hh: Any, sizes: tuple, reverse: bool) -> Layer | None:
    """The compiled layer, None where steps differ in size or oneDNN has none."""
    if sizes[0] != sizes[-1]:
        return None
    return compiled(Layer, len(sizes), sizes[0], x.shape[1], w_hh.shape[1], reverse)


def ends(y: np.ndarray, n: int, batch: int) -> tuple:
    """The outputs, the last h and the last c of what lies in one array."""
    return y[:n], y[n : n + batch], y[n + batch :]


def total(b_ih: Any, b_hh: Any, w_hh: np.ndarray) -> np.ndarray:
    """The sum of the biases, 0 without any."""
    return np.zeros(w_hh.shape[0], dtype=np.float32) if b_ih is None else b_ih + b_hh


def lstm(b: Any, x: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, state: Any, sizes: tuple, reverse: bool) -> tuple:
    """(y, kept), kept being oneDNN's workspace."""
    found = layer(x, w_hh, sizes, reverse) if fits(x, w_ih, w_hh, b_ih, b_hh, state) else None
    if found is None:
        return recurrent.lstm(b, x, w_ih, w_hh, b_ih, b_hh, state, sizes, reverse)
    n, batch = x.shape[0], sizes[0]
    x, w_ih, w_hh, state = map(np.ascontiguousarray, (x, w_ih, w_hh, state))
    y = np.empty((n + 2 * batch, w_hh.shape[1]), dtype=np.float32)
    kept = np.empty(found.kept, dtype=np.float32)
    weights = [r.into(w) for r, w in zip(found.weights, (w_ih, w_hh), strict=True)]
    found.forward.run(x, *state, *weights, total(b_ih, b_hh, w_hh), *ends(y, n, batch), kept)
    return y, kept


def lstm_gradients(
    b: Any, g: Any, x: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any, state: Any, y: Any, kept: Any, sizes: tuple,
    reverse: bool,
) -> tuple:  # fmt: skip
    found = layer(x, w_hh, sizes, reverse) if kept.ndim == 1 else None
    if found is None:
        return recurrent.lstm_gradients(b, g, x, w_ih, w_hh, b_ih, b_hh, state, y, kept, sizes, reverse)
    n, batch = x.shape[0], sizes[0]
    x, w_ih, w_hh, state, g = map(np.ascontiguousarray, (x, w_ih, w_hh, state, g))
    weights = [r.into(w) for r, w in zip(found.back_weights, (w_ih, w_hh), strict=True)]
    dx, dstate = np.empty_like(x), np.empty_like(state)
    dws = [np.empty_like(w) for w in (w_ih, w_hh)]
    rooms = [r.room(w) for r, w in zip(found.changes, dws, strict=True)]
    for room in rooms:
        room[...] = 0  # oneDNN adds to what is there
    db = np.zeros(w_hh.shape[0], dtype=np.float32)
    found.backward.run(
        x, *state, *weights, total(b_ih, b_hh, w_hh), *ends(y, n, batch), kept, dx, *dstate, *ends(g, n, batch), *rooms, db
    )
    dws = [r.back(w) for r, w in zip(found.changes, dws, strict=True)]
    return dx, *dws, *((None, None) if b_ih is None else (db, db.copy())), dstate
