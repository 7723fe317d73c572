"""Further recurrent cells: an LSTM whose gates see its memory, a unit with a single gate, and an LSTM of trees."""

from __future__ import annotations

from typing import Any

from ..backends import ShapeError
from ..core import Tensor
from ..ops.elementwise import sigmoid, tanh
from ..ops.operands import tensor_of
from ..ops.recurrent import State, parts
from . import functional as F
from .cells import RNNCellBase, uniform_by_width
from .linear import made, positive
from .module import Module


class PeepholeLSTMCell(RNNCellBase):
    """An LSTM whose gates also see the memory c; (B, input_size), ((B, H), (B, H)) -> ((B, H), (B, H)), or without B.

    i = s(a_i + p_i c), f = s(a_f + p_f c), c' = f c + i tanh(a_g), o = s(a_o + p_o c'), h' = o tanh(c'), with
    a = W_ih x + b_ih + W_hh h + b_hh in the order i, f, g, o, s the sigmoid and `weight_ch` (3, H) the p of i, f, o. Without
    `hx` the state starts at 0. Source: Gers, Schraudolph & Schmidhuber 2002, §2.
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)
        self.weight_ch = made(3, hidden_size, device=device, dtype=dtype)
        self.reset_parameters()

    def step(self, x: Tensor, state: State, w_hh: Tensor, b_hh: Tensor | None, w_hr: Tensor | None) -> State:
        h, c = state
        a_i, a_f, a_g, a_o = parts(x + F.linear(h, w_hh, b_hh), 4)
        p_i, p_f, p_o = self.weight_ch
        c = sigmoid(a_f + p_f * c) * c + sigmoid(a_i + p_i * c) * tanh(a_g)
        return sigmoid(a_o + p_o * c) * tanh(c), c

    def forward(self, input: Tensor, hx: State | None = None) -> State:
        return self.stepped(self.step, 2, input, hx)


class MGUCell(RNNCellBase):
    """The minimal gated unit, a GRU with one gate; (B, input_size), (B, H) -> (B, H), or without B.

    f = s(W_f x + U_f h), n = tanh(W_n x + U_n (f h)), h' = (1 - f) h + f n, each product with its bias. The rows of the
    parameters are f, n. Without `hx` the state starts at 0. Source: Zhou et al. 2016, §3.
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(input_size, hidden_size, bias, 2, device, dtype)

    def step(self, x: Tensor, state: State, w_hh: Tensor, b_hh: Tensor | None, w_hr: Tensor | None) -> State:
        (h,), (x_f, x_n), (u_f, u_n) = state, parts(x, 2), w_hh.chunk(2)
        b_f, b_n = (None, None) if b_hh is None else b_hh.chunk(2)
        f = sigmoid(x_f + F.linear(h, u_f, b_f))
        return ((1 - f) * h + f * tanh(x_n + F.linear(f * h, u_n, b_n)),)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self.stepped(self.step, 1, input, None if hx is None else (hx,))[0]


class TreeLSTMCell(Module):
    """An LSTM's step at a node of a tree, from the states of its children, in whatever order; the child-sum Tree-LSTM.

    (B, input_size), ((B, K, H), (B, K, H)) -> ((B, H), (B, H)): with s the sigmoid and sums over the K children,
    (i, o, u) = W x + U sum_k h_k + b, f_k = s(W_f x + U_f h_k + b_f), c = s(i) tanh(u) + sum_k f_k c_k, h = s(o) tanh(c).
    The rows of `weight_ih` and `bias` are i, o, u, f, those of `weight_hh` i, o, u, that of the forget gates is `weight_fh`.
    A leaf has no children: leave out `children`, or K is 0. Children that some cases of the batch lack are zeros.
    Raises ShapeError for other shapes. Source: Tai, Socher & Manning 2015, §3.1.
    """

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        positive(self, input_size=input_size, hidden_size=hidden_size)
        self.input_size, self.hidden_size = input_size, hidden_size
        self.weight_ih = made(4 * hidden_size, input_size, device=device, dtype=dtype)
        self.weight_hh = made(3 * hidden_size, hidden_size, device=device, dtype=dtype)
        self.weight_fh = made(hidden_size, hidden_size, device=device, dtype=dtype)
        self.register_parameter("bias", made(4 * hidden_size, device=device, dtype=dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew: uniform on -k ... k, k = 1/sqrt(H)."""
        uniform_by_width(self, self.hidden_size)

    def forward(self, input: Tensor, children: State | None = None) -> State:
        x, width = tensor_of("TreeLSTMCell", input), self.hidden_size
        if x.ndim != 2 or x.shape[1] != self.input_size:
            raise ShapeError(f"TreeLSTMCell: input must be (B, input_size) with input_size = {self.input_size}, got "
                             f"{tuple(x.shape)}")  # fmt: skip
        i, o, u, f = parts(F.linear(x, self.weight_ih, self.bias), 4)
        kept: Any = 0.0
        if children is not None:
            shapes = [tuple(tensor_of("TreeLSTMCell", t, "children").shape) for t in children]
            if len(shapes) != 2 or shapes[0] != shapes[1] or (shapes[0][0], *shapes[0][2:]) != (len(x), width):
                raise ShapeError(
                    f"TreeLSTMCell: children must be h and c, each (B, K, H) = ({len(x)}, K, {width}), got {shapes}"
                )
            h, c = children
            more = parts(F.linear(h.sum(1), self.weight_hh), 3)
            i, o, u = (gate + part for gate, part in zip((i, o, u), more, strict=True))
            kept = (sigmoid(f[:, None] + F.linear(h, self.weight_fh)) * c).sum(1)
        c = sigmoid(i) * tanh(u) + kept
        return sigmoid(o) * tanh(c), c

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias is not None else ", bias=False")
