"""Cells: RNN, LSTM and GRU one step per call, by the formulas of `ops/recurrent.py`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..backends import ShapeError
from ..core import Tensor
from ..ops.create import zeros
from ..ops.operands import tensor_of
from ..ops.recurrent import KINDS, State, gru_step, lstm_step
from ..ops.shape import reshape_op
from . import functional as F
from . import init
from .linear import made, positive
from .module import Module


def uniform_by_width(layer: Module, width: int) -> None:
    """All parameters uniform on -k ... k, k = 1/sqrt(width)."""
    bound = 1 / math.sqrt(width) if width else 0.0
    for p in layer.parameters():
        init.uniform_(p, -bound, bound)


class RNNCellBase(Module):
    """What the cells have in common: parameters weight_ih (gates H, input_size), weight_hh (gates H, H), bias_ih and
    bias_hh (gates H), all uniform on -k ... k with k = 1/sqrt(H), H the hidden_size."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        positive(self, input_size=input_size, hidden_size=hidden_size)
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        self.weight_ih = made(num_chunks * hidden_size, input_size, device=device, dtype=dtype)
        self.weight_hh = made(num_chunks * hidden_size, hidden_size, device=device, dtype=dtype)
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, made(num_chunks * hidden_size, device=device, dtype=dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        uniform_by_width(self, self.hidden_size)

    def stepped(self, step: Callable[..., State], states: int, input: Tensor, hx: State | None) -> State:
        """The next state, of so many tensors, by a step of `ops.recurrent.Kind`; vectors are a batch of one."""
        who = type(self).__name__
        if states == 2 and hx is not None and (not isinstance(hx, (tuple, list)) or len(hx) != 2):
            raise TypeError(f"{who}: hx must be a pair (h, c), got {type(hx).__name__}")
        if tensor_of(who, input).ndim not in (1, 2) or input.shape[-1] != self.input_size:
            raise ShapeError(f"{who}: input must be (B, input_size) or (input_size) with input_size = {self.input_size}, "
                             f"got {tuple(input.shape)}")  # fmt: skip
        batch = tuple(input.shape[:-1])
        shape = (*batch, self.hidden_size)
        if hx is None:
            hx = (zeros(*shape, dtype=input.dtype, device=input.device),) * states
        for h in hx:
            if tuple(tensor_of(who, h, "hx").shape) != shape:
                raise ShapeError(f"{who}: hx must be {shape} for input {tuple(input.shape)}, got {tuple(h.shape)}")
        x = F.linear(input, self.weight_ih, self.bias_ih)
        if batch:
            return step(x, hx, self.weight_hh, self.bias_hh, None)
        rows = [reshape_op(t, shape=(1, *t.shape)) for t in (x, *hx)]
        new = step(rows[0], tuple(rows[1:]), self.weight_hh, self.bias_hh, None)
        return tuple(reshape_op(h, shape=shape) for h in new)

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else f", bias={self.bias}")


class RNNCell(RNNCellBase):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu of it; (B, input_size), (B, H) -> (B, H), or without B.

    Without `hx` the state starts at 0. Raises ShapeError for another width. Source: Elman 1990.
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        kind = KINDS.get(f"RNN_{self.nonlinearity.upper()}")
        if kind is None:
            raise RuntimeError(f"RNNCell: Unknown nonlinearity: {self.nonlinearity}. Hint: 'tanh' or 'relu'")
        return self.stepped(kind.step, kind.states, input, None if hx is None else (hx,))[0]

    def extra_repr(self) -> str:
        return super().extra_repr() + ("" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity}")


class LSTMCell(RNNCellBase):
    """One step of an LSTM: (B, input_size), ((B, H), (B, H)) -> ((B, H), (B, H)), or without B; see `ops.recurrent.lstm_step`.

    The rows of the parameters are the gates i, f, g, o. Without `hx` the state starts at 0.
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: State | None = None) -> State:
        return self.stepped(lstm_step, 2, input, hx)


class GRUCell(RNNCellBase):
    """One step of a GRU: (B, input_size), (B, H) -> (B, H), or without B; see `ops.recurrent.gru_step`.

    The rows of the parameters are the gates r, z, n. Without `hx` the state starts at 0.
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self.stepped(gru_step, 1, input, None if hx is None else (hx,))[0]
