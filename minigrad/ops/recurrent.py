"""Recurrent layers: the formulas of one step, and composite ops that take a layer over a whole sequence in one direction."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..backends import backend_of
from ..core import MODE, Op, Tensor, mode, op, propagate
from .arithmetic import alias
from .elementwise import relu, sigmoid, tanh
from .matmul import linear_op
from .shape import cat, reshape_op, slice_op

State = tuple[Tensor, ...]


class Kind(NamedTuple):
    """A kind of recurrence: how many gates it has, how many tensors its state, its step, and the op for whole sequences.

    `step(x, state, w_hh, b_hh, w_hr)` takes x = W_ih x_t + b_ih, (B, gates H), to the next state, of which the first
    tensor is the output.
    """

    gates: int
    states: int
    step: Callable[..., State]
    layer: Op


def parts(x: Tensor, n: int) -> list[Tensor]:
    """The gates: (B, n H) as n times (B, H)."""
    width = x.array.shape[1] // n
    return [slice_op(x, index=(slice(None), slice(k * width, (k + 1) * width))) for k in range(n)]


def tanh_step(x: Tensor, state: State, w_hh: Tensor, b_hh: Tensor | None, w_hr: Tensor | None) -> State:
    """h' = tanh(x + W_hh h + b_hh). Source: Elman 1990."""
    return (tanh(x + linear_op(state[0], w_hh, b_hh)),)


def relu_step(x: Tensor, state: State, w_hh: Tensor, b_hh: Tensor | None, w_hr: Tensor | None) -> State:
    """h' = max(x + W_hh h + b_hh, 0). Source: Le, Jaitly & Hinton 2015."""
    return (relu(x + linear_op(state[0], w_hh, b_hh)),)


def lstm_step(x: Tensor, state: State, w_hh: Tensor, b_hh: Tensor | None, w_hr: Tensor | None) -> State:
    """(i, f, g, o) = x + W_hh h + b_hh; c' = s(f) c + s(i) tanh(g); h' = s(o) tanh(c'), or W_hr of that; s the sigmoid.

    Source: Hochreiter & Schmidhuber 1997; the forget gate f: Gers et al. 2000; the projection W_hr: Sak et al. 2014.
    """
    h, c = state
    i, f, g, o = parts(x + linear_op(h, w_hh, b_hh), 4)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    h = sigmoid(o) * tanh(c)
    return (h if w_hr is None else linear_op(h, w_hr)), c


def gru_step(x: Tensor, state: State, w_hh: Tensor, b_hh: Tensor | None, w_hr: Tensor | None) -> State:
    """r = s(x_r + u_r), z = s(x_z + u_z), n = tanh(x_n + r u_n), u = W_hh h + b_hh; h' = (1 - z) n + z h.

    Source: Cho et al. 2014, with r applied after the product, as cuDNN does.
    """
    h = state[0]
    x_r, x_z, x_n = parts(x, 3)
    u_r, u_z, u_n = parts(linear_op(h, w_hh, b_hh), 3)
    n = tanh(x_n + sigmoid(x_r + u_r) * u_n)
    return (n + sigmoid(x_z + u_z) * (h - n),)


# -- whole sequences, step by step -----------------------------------------------------------------------------------


def unrolled(
    step: Callable[..., State], rows: Tensor, weights: tuple, first: State, sizes: tuple, reverse: bool
) -> tuple[Tensor, State]:
    """(outputs of all steps as rows, last state), from (w_ih, w_hh, b_ih, b_hh, w_hr) and the first state.

    `sizes` are the rows of each step, which never grow; with `reverse` time runs from the last step to the first.
    """
    w_ih, w_hh, b_ih, b_hh, w_hr = weights
    inputs = pieces(linear_op(rows, w_ih, b_ih), sizes)  # one product for all steps
    outputs, ended = [], []
    before = sizes[-1] if reverse else sizes[0]
    state = head(first, before)
    for t in range(len(sizes) - 1, -1, -1) if reverse else range(len(sizes)):
        size = sizes[t]
        if size < before:  # sequences that end here keep their state
            ended.append(tail(state, size))
            state = head(state, size)
        elif size > before:  # backwards in time, sequences that end here begin
            state = tuple(cat([h, h0[before:size]], 0) for h, h0 in zip(state, first, strict=True))
        before = size
        state = step(inputs[t], state, w_hh, b_hh, w_hr)
        outputs.append(state[0])
    if ended:
        state = tuple(cat(each, 0) for each in zip(state, *reversed(ended), strict=True))
    return cat(outputs[::-1] if reverse else outputs, 0), state


def pieces(rows: Tensor, sizes: tuple) -> list[Tensor]:
    """Rows cut into steps of the given sizes. By halves: a slice's gradient is as large as what it was cut from, so T
    slices of the whole would cost T T, not T log T."""
    if len(sizes) == 1:
        return [rows]
    half = len(sizes) // 2
    at = sum(sizes[:half])
    first, second = (slice_op(rows, index=(part, ...)) for part in (slice(0, at), slice(at, None)))
    return pieces(first, sizes[:half]) + pieces(second, sizes[half:])


def head(state: State, size: int) -> State:
    """The first `size` rows of each tensor of a state."""
    return state if state[0].array.shape[0] == size else tuple(h[:size] for h in state)


def tail(state: State, size: int) -> State:
    """The other rows."""
    return tuple(h[size:] for h in state)


# -- whole sequences, at once ----------------------------------------------------------------------------------------


def layer_op(name: str, step: Callable[..., State]) -> Op:
    """The composite op of a layer: `unrolled` by `step` is its definition, the backend's kernel `name` its speed."""

    def layer(b, x, w_ih, w_hh, b_ih, b_hh, state, *, sizes, reverse):
        return getattr(b, name)(x, w_ih, w_hh, b_ih, b_hh, state, sizes, reverse)

    layer.__doc__ = f"""One direction of a layer over all steps, x = W_ih x_t + b_ih in each: {(step.__doc__ or "").strip()}

    (N, D), (gates H, D), (gates H, H), (gates H) twice, (states, B, H) -> (N + states B, H): the outputs of all steps, and
    below them the last state. `sizes` are the rows of each step, which never grow; with `reverse` time runs backwards.
    """
    whole = op("general", name=name, saves=("kept",))(layer)

    @op("general", name=f"{name}_gradient")
    def gradient(b, g, x, w_ih, w_hh, b_ih, b_hh, state, y, kept, *, sizes, reverse, k):
        """What a recurrent layer sends to its input k, by one walk back through time. Source: Werbos 1990."""
        return gradients(b, g, x, w_ih, w_hh, b_ih, b_hh, state, y, kept, sizes, reverse)[k]

    def gradients(b, *values):
        return getattr(b, f"{name}_gradients")(*values)

    def rule(at: int) -> Callable:
        return lambda g, x, w_ih, w_hh, b_ih, b_hh, state, y, kept, sizes, reverse: gradient(
            g, x, w_ih, w_hh, b_ih, b_hh, state, y, kept, sizes=sizes, reverse=reverse, k=at
        )

    whole.vjp(**{each: rule(at) for at, each in enumerate(whole.inputs)})
    whole.fused = lambda g, x, w_ih, w_hh, b_ih, b_hh, state, y, kept, sizes, reverse: gradients(
        backend_of(g), g, x, w_ih, w_hh, b_ih, b_hh, state, y, kept, sizes, reverse
    )

    @whole.define
    def definition(x, w_ih, w_hh, b_ih, b_hh, state, *, sizes, reverse):
        first = tuple(state[k] for k in range(state.shape[0]))
        rows, last = unrolled(step, x, (w_ih, w_hh, b_ih, b_hh, None), first, sizes, reverse)
        return cat([rows, *last], 0)

    @gradient.define
    def by_steps(g, x, w_ih, w_hh, b_ih, b_hh, state, y, kept, *, sizes, reverse, k):
        given = [x, w_ih, w_hh, b_ih, b_hh, state]
        with mode(grad=True):
            end = given[k] = alias(given[k])
            if end.node is None:  # it has no history, so the pass ends at it
                end.base, end.wants = None, True
            out = whole.definition(*given, sizes=sizes, reverse=reverse)  # type: ignore[misc]
        return propagate([out], [g], [end.node or end], True, MODE.get().grad)[end.node or end]

    return whole


KINDS = {
    "RNN_TANH": Kind(1, 1, tanh_step, layer_op("rnn_tanh", tanh_step)),
    "RNN_RELU": Kind(1, 1, relu_step, layer_op("rnn_relu", relu_step)),
    "LSTM": Kind(4, 2, lstm_step, layer_op("lstm", lstm_step)),
    "GRU": Kind(3, 1, gru_step, layer_op("gru", gru_step)),
}


def run_layer(kind: Kind, rows: Tensor, weights: tuple, state: Tensor, sizes: tuple, reverse: bool) -> tuple[Tensor, Tensor]:
    """(outputs of all steps as rows, last state (states, B, H)), from (w_ih, w_hh, b_ih, b_hh) and the first state."""
    y = kind.layer(rows, *weights, state, sizes=sizes, reverse=reverse)
    n = rows.shape[0]
    outputs, last = (slice_op(y, index=(part, ...)) for part in (slice(0, n), slice(n, None)))
    return outputs, reshape_op(last, shape=tuple(state.shape))
