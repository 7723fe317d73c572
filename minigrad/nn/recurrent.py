"""Recurrent layers: RNN, LSTM and GRU, of many layers, both directions, over full and packed batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..backends import ShapeError
from ..backends.source import advise
from ..core import Tensor
from ..ops.create import zeros
from ..ops.index import index_select
from ..ops.operands import tensor_of
from ..ops.recurrent import KINDS, State, run_layer, unrolled
from ..ops.shape import cat, permute_op, reshape_op, stack
from . import functional as F
from .cells import uniform_by_width
from .functional.checks import one_type
from .linear import made
from .module import Module
from .utils.rnn import PackedSequence


class RNNBase(Module):
    """What recurrent layers have in common.

    Layer k, forwards and (`bidirectional`) backwards in time, has the parameters weight_ih_l{k} (gates H, width of its
    input), weight_hh_l{k} (gates H, H), with `bias` bias_ih_l{k} and bias_hh_l{k} (gates H), with `proj_size` P
    weight_hr_l{k} (P, H); those of the way backwards end in "_reverse". All start uniform on -k ... k, k = 1/sqrt(H).
    Between layers, in training, there is dropout.

    Raises ValueError for sizes that make no sense, TypeError for arguments of another type.
    """

    def __init__(
        self, mode: str, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        who = type(self).__name__
        if mode not in KINDS:
            raise ValueError(f"{who}: Unrecognized RNN mode: {mode}. Hint: one of {', '.join(KINDS)}")
        if isinstance(dropout, bool) or not isinstance(dropout, (int, float)) or not 0 <= dropout <= 1:
            raise ValueError(f"{who}: dropout should be a number in range [0, 1], got {dropout!r}")
        for name, flag in (("bias", bias), ("batch_first", batch_first)):
            if not isinstance(flag, bool):
                raise TypeError(f"{who}: {name} should be of type bool, got {flag!r}. Hint: name your arguments")
        for name, size in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
            if isinstance(size, bool) or not hasattr(size, "__index__"):
                raise TypeError(f"{who}: {name} should be of type int, got {size!r}")
            if size <= 0:
                raise ValueError(f"{who}: {name} must be greater than zero, got {size}")
        if not 0 <= proj_size < hidden_size:
            raise ValueError(f"{who}: proj_size has to be 0 (no projection) or positive and smaller than hidden_size = "
                             f"{hidden_size}, got {proj_size}")  # fmt: skip
        if dropout > 0 and num_layers == 1:
            advise(f"{who}: dropout is added after all but the last recurrent layer, so dropout={dropout} does "
                   "nothing with num_layers=1")  # fmt: skip
        self.mode, self.input_size, self.hidden_size, self.num_layers = mode, input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.proj_size = bidirectional, proj_size
        rows = KINDS[mode].gates * hidden_size
        for layer, direction in self.ways():
            inputs = input_size if layer == 0 else self.width * self.directions
            shapes = [(rows, inputs), (rows, self.width), (rows,), (rows,), (proj_size, hidden_size)]
            for key, shape in zip(self.names(layer, direction), shapes, strict=True):
                if key is not None:
                    self.register_parameter(key, made(*shape, device=device, dtype=dtype))
        self.reset_parameters()

    # -- its parameters ------------------------------------------------------------------------------------------------
    @property
    def directions(self) -> int:
        """2 if there is a way backwards, else 1."""
        return 2 if self.bidirectional else 1

    @property
    def width(self) -> int:
        """The size of h and of the output of one direction."""
        return self.proj_size or self.hidden_size

    def ways(self) -> list[tuple[int, int]]:
        """(layer, direction) in the order of the state's first dimension."""
        return [(layer, direction) for layer in range(self.num_layers) for direction in range(self.directions)]

    def names(self, layer: int, direction: int) -> list[str | None]:
        """The names of w_ih, w_hh, b_ih, b_hh, w_hr; None for what this layer has not."""
        has = {"weight_ih": True, "weight_hh": True, "bias_ih": self.bias, "bias_hh": self.bias,
               "weight_hr": self.proj_size > 0}  # fmt: skip
        suffix = "_reverse" if direction else ""
        return [f"{name}_l{layer}{suffix}" if there else None for name, there in has.items()]

    @property
    def all_weights(self) -> list[list[Tensor]]:
        """The parameters, a list for each layer and direction."""
        return [[getattr(self, name) for name in self.names(*way) if name is not None] for way in self.ways()]

    @property
    def _flat_weights(self) -> list[Tensor]:
        return [getattr(self, name) for name in self._flat_weights_names]

    @_flat_weights.setter
    def _flat_weights(self, weights: Sequence[Tensor]) -> None:
        """Put other tensors in the parameters' places, as code does that trains a copy of a module."""
        for name, weight in zip(self._flat_weights_names, weights, strict=True):
            if weight is not getattr(self, name, None):
                vars(self)[name] = weight

    @property
    def _flat_weights_names(self) -> list[str]:
        return [name for way in self.ways() for name in self.names(*way) if name is not None]

    def flatten_parameters(self) -> None:
        """Nothing: the parameters need no common memory here."""

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        uniform_by_width(self, self.hidden_size)

    # -- what it computes ----------------------------------------------------------------------------------------------
    def run(self, input: Any, hx: State | None) -> tuple[Any, State]:
        """(output, state), the state as a tuple. All kinds of input become rows, one step after another, and the
        number of rows of each step, which never grows."""
        if isinstance(input, PackedSequence):
            rows, sizes = input.data, tuple(input.batch_sizes.tolist())
            self.check_input(rows, 2)
            hx = self.first_state(rows, hx, (sizes[0],))
            if input.sorted_indices is not None:
                hx = tuple(index_select(h, 1, input.sorted_indices) for h in hx)
            rows, state = self.layers(rows, sizes, hx)
            if input.unsorted_indices is not None:
                state = tuple(index_select(h, 1, input.unsorted_indices) for h in state)
            return PackedSequence(rows, input.batch_sizes, input.sorted_indices, input.unsorted_indices), state
        batched = tensor_of(type(self).__name__, input).ndim == 3
        self.check_input(input, 3 if batched else 2)
        swapped = self.batch_first and batched
        x = permute_op(input, dims=(1, 0, 2)) if swapped else input  # (T, B, D), or (T, D)
        steps, batch = x.shape[0], x.shape[1] if batched else 1
        if not steps:
            raise ShapeError(f"{type(self).__name__}: Expected sequence length to be larger than 0, got {tuple(input.shape)}")
        hx = self.first_state(x, hx, (batch,) if batched else ())
        if not batched:
            hx = tuple(reshape_op(h, shape=(h.shape[0], 1, h.shape[1])) for h in hx)
        rows, state = self.layers(reshape_op(x, shape=(steps * batch, x.shape[-1])), (batch,) * steps, hx)
        if not batched:
            return rows, tuple(reshape_op(h, shape=(h.shape[0], h.shape[2])) for h in state)
        y = reshape_op(rows, shape=(steps, batch, rows.shape[1]))
        return permute_op(y, dims=(1, 0, 2)) if swapped else y, state

    def check_input(self, x: Tensor, ndim: int) -> None:
        """Raise unless x has `ndim` dimensions, the last of input_size, and the parameters' type."""
        who = type(self).__name__
        if x.ndim != ndim or x.shape[-1] != self.input_size:
            order = "B, T" if self.batch_first else "T, B"
            raise ShapeError(f"{who}: input must be ({order}, D), (T, D) or packed, with D = input_size = {self.input_size}, "
                             f"got {tuple(x.shape)}")  # fmt: skip
        one_type(who, x, self.weight_ih_l0)

    def first_state(self, x: Tensor, hx: State | None, batch: tuple[int, ...]) -> State:
        """The state to start from, checked; zeros if none is given."""
        n = self.num_layers * self.directions
        shapes = [(n, *batch, self.width), (n, *batch, self.hidden_size)][: KINDS[self.mode].states]
        if hx is None:
            return tuple(zeros(*shape, dtype=x.dtype, device=x.device) for shape in shapes)
        for name, h, shape in zip(("h_0", "c_0"), hx, shapes, strict=False):
            if tuple(tensor_of(type(self).__name__, h, name).shape) != shape:
                letters = "layers directions, B, H" if batch else "layers directions, H"
                raise ShapeError(f"{type(self).__name__}: Expected hidden size {shape} = ({letters}) for {name}, "
                                 f"got {list(h.shape)}")  # fmt: skip
            one_type(type(self).__name__, x, h, name)
        return tuple(hx)

    def layers(self, rows: Tensor, sizes: tuple, hx: State) -> tuple[Tensor, State]:
        """All layers over the rows of all steps; the last states are stacked."""
        finals: list[State] = []
        for layer in range(self.num_layers):
            if layer and self.dropout:
                rows = F.dropout(rows, self.dropout, self.training)
            outputs = []
            for direction in range(self.directions):
                way = tuple(h[layer * self.directions + direction] for h in hx)
                output, final = self.recurrence(layer, direction, rows, sizes, way)
                outputs.append(output)
                finals.append(final)
            rows = cat(outputs, 1) if len(outputs) > 1 else outputs[0]
        return rows, tuple(stack(parts, 0) for parts in zip(*finals, strict=True))

    def recurrence(self, layer: int, direction: int, rows: Tensor, sizes: tuple, first: State) -> tuple[Tensor, State]:
        """One layer in one direction: (outputs of all steps as rows, last state)."""
        names = self.names(layer, direction)
        weights = tuple(None if name is None else getattr(self, name) for name in names)
        kind = KINDS[self.mode]
        if self.proj_size:  # the step's h has another width than its c, for which there is no op
            return unrolled(kind.step, rows, weights, first, sizes, direction > 0)
        outputs, last = run_layer(kind, rows, weights[:4], stack(first, 0), sizes, direction > 0)
        return outputs, tuple(last[k] for k in range(kind.states))

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        text += f", proj_size={self.proj_size}" if self.proj_size else ""
        text += f", num_layers={self.num_layers}" if self.num_layers != 1 else ""
        text += f", bias={self.bias}" if not self.bias else ""
        text += f", batch_first={self.batch_first}" if self.batch_first else ""
        text += f", dropout={self.dropout}" if self.dropout else ""
        return text + (f", bidirectional={self.bidirectional}" if self.bidirectional else "")


class RNN(RNNBase):
    """h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh), or relu of it, layer over layer.

    input (T, B, D), (B, T, D) if `batch_first`, (T, D) or a PackedSequence; h_0 (layers directions, B, H) or zeros
    -> output (T, B, directions H) in the form of the input, and h_n in that of h_0.
    Raises ShapeError for another width or state. Source: Elman 1990.
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh", bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"RNN: Unknown nonlinearity {nonlinearity!r}. Select from 'tanh' or 'relu'.")
        super().__init__(
            f"RNN_{nonlinearity.upper()}", input_size, hidden_size, num_layers, bias, batch_first, dropout,
            bidirectional, 0, device, dtype,
        )  # fmt: skip
        self.nonlinearity = nonlinearity

    def forward(self, input: Any, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        output, (h,) = self.run(input, None if hx is None else (hx,))
        return output, h


class LSTM(RNNBase):
    """Long short-term memory: the step is `ops.recurrent.lstm_step`, the gates are in the order i, f, g, o.

    input (T, B, D), (B, T, D) if `batch_first`, (T, D) or a PackedSequence; (h_0, c_0), each (layers directions, B, H),
    or zeros -> output (T, B, directions H) in the form of the input, and (h_n, c_n). With `proj_size` P the outputs and
    h have width P, c has H. Raises ShapeError for another width or state. Source: Hochreiter & Schmidhuber 1997.
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            "LSTM", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size, device,
            dtype,
        )  # fmt: skip

    def forward(self, input: Any, hx: State | None = None) -> tuple[Any, State]:
        if hx is not None and (not isinstance(hx, (tuple, list)) or len(hx) != 2):
            raise TypeError(f"LSTM: hx must be a pair (h_0, c_0), got {type(hx).__name__}")
        return self.run(input, hx)


class GRU(RNNBase):
    """Gated recurrent units: the step is `ops.recurrent.gru_step`, the gates are in the order r, z, n.

    input (T, B, D), (B, T, D) if `batch_first`, (T, D) or a PackedSequence; h_0 (layers directions, B, H) or zeros
    -> output (T, B, directions H) in the form of the input, and h_n in that of h_0.
    Raises ShapeError for another width or state. Source: Cho et al. 2014.
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            "GRU", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype
        )

    def forward(self, input: Any, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        output, (h,) = self.run(input, None if hx is None else (hx,))
        return output, h
