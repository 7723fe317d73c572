"""Sequences of unequal lengths: padded to one length, or packed without gaps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ...backends import ShapeError
from ...core import Tensor
from ...ops.create import full, tensor
from ...ops.index import index_select
from ...ops.operands import tensor_of
from ...ops.order import argsort
from ...ops.shape import cat, pad_op, reshape_op, stack, transpose


class _Packed(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Packed):
    """Sequences without gaps, step by step: first the first element of each, longest sequence first, then the second ...

    data              all elements, (sum of lengths, ...)
    batch_sizes       how many sequences reach each step, int64 on the CPU
    sorted_indices    which sequence of the batch is the longest, the second longest ..., or None if they came sorted
    unsorted_indices  the inverse of it

    Made by `pack_padded_sequence` and `pack_sequence`; recurrent layers take it and give it back.
    """

    def __new__(
        cls, data: Tensor, batch_sizes: Tensor | None = None, sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> PackedSequence:  # fmt: skip
        if batch_sizes is None:
            if not isinstance(data, (list, tuple)) or len(data) != 2:
                raise TypeError("PackedSequence: expected data and batch_sizes. Hint: pack_sequence makes one")
            data, batch_sizes = data
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)  # type: ignore[arg-type]

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """With `data` on another device or of another type."""
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        orders = (None if t is None else t.to(device=data.device) for t in (self.sorted_indices, self.unsorted_indices))
        return type(self)(data, self.batch_sizes, *orders)

    def cpu(self) -> PackedSequence:
        """On the CPU."""
        return self.to("cpu")

    def cuda(self, device: Any = None) -> PackedSequence:
        """On the GPU."""
        return self.to("cuda" if device is None else device)

    def float(self) -> PackedSequence:
        """As float32."""
        return self.to("float32")

    def double(self) -> PackedSequence:
        """As float64."""
        return self.to("float64")

    @property
    def is_cuda(self) -> bool:
        """Whether `data` is on a GPU."""
        return self.data.is_cuda


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes a permutation."""
    return None if permutation is None else argsort(permutation)


def as_lengths(who: str, lengths: Any, batch: int) -> list[int]:
    """Lengths, a tensor or a list, as positive ints, one for each sequence of the batch."""
    given = [int(n) for n in (lengths.tolist() if hasattr(lengths, "tolist") else lengths)]
    if len(given) != batch:
        raise ShapeError(f"{who}: Expected `len(lengths)` to be equal to batch_size = {batch}, but got {len(given)}")
    return given


def pack_padded_sequence(input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True) -> PackedSequence:
    """(T, B, ...), or (B, T, ...) if `batch_first`, without what lies beyond each sequence's length.

    Sequences come sorted, longest first, unless `enforce_sorted` is False. Raises ShapeError for a length that is not
    in 1 ... T, another number of lengths than B, or sequences that are not sorted.
    """
    who = "pack_padded_sequence"
    if tensor_of(who, input).ndim < 2:
        raise ShapeError(f"{who}: input must be (T, B, ...) or with batch_first (B, T, ...), got {tuple(input.shape)}")
    batch, steps = (input.shape[0], input.shape[1]) if batch_first else (input.shape[1], input.shape[0])
    sizes = as_lengths(who, lengths, batch)
    if not sizes or min(sizes) < 1 or max(sizes) > steps:
        raise ShapeError(f"{who}: Length of all samples has to be greater than 0 and at most T = {steps}, got {sizes}")
    order = list(range(batch))
    if not enforce_sorted:
        order.sort(key=lambda i: -sizes[i])
    elif sizes != sorted(sizes, reverse=True):
        raise ShapeError(f"{who}: `lengths` array must be sorted in decreasing order when `enforce_sorted` is True, got "
                         f"{sizes}. Hint: enforce_sorted=False")  # fmt: skip
    reaching = [sum(n > t for n in sizes) for t in range(max(sizes))]
    rows = [order[i] * steps + t if batch_first else t * batch + order[i] for t, n in enumerate(reaching) for i in range(n)]
    flat = reshape_op(input, shape=(batch * steps, *input.shape[2:]))
    data = index_select(flat, 0, tensor(rows, dtype="int64", device=input.device))
    indices = None if enforce_sorted else tensor(order, dtype="int64", device=input.device)
    return PackedSequence(data, tensor(reaching, dtype="int64", device="cpu"), indices)


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """The inverse of `pack_padded_sequence`: the padded sequences, in the order they came, and their lengths.

    They are as long as the longest of them, or `total_length`. Raises ValueError if that is shorter.
    """
    who = "pad_packed_sequence"
    if not isinstance(sequence, PackedSequence):
        raise TypeError(f"{who}: expected a PackedSequence, got {type(sequence).__name__}")
    data, reaching = sequence.data, sequence.batch_sizes.tolist()
    steps, batch = len(reaching), reaching[0]
    if total_length is not None and total_length < steps:
        raise ValueError(f"{who}: Expected total_length to be at least the length of the longest sequence in input, but got "
                         f"total_length={total_length} and max sequence length being {steps}")  # fmt: skip
    starts = [sum(reaching[:t]) for t in range(steps)]
    lengths = [sum(n > i for n in reaching) for i in range(batch)]
    order = range(batch) if sequence.unsorted_indices is None else sequence.unsorted_indices.tolist()
    beyond = data.shape[0]  # the row of padding, put behind all others

    def row(i: int, t: int) -> int:
        return starts[t] + i if t < lengths[i] else beyond

    total = range(steps if total_length is None else total_length)
    rows = [row(i, t) for i in order for t in total] if batch_first else [row(i, t) for t in total for i in order]
    padding = full((1, *data.shape[1:]), padding_value, dtype=data.dtype, device=data.device)
    flat = index_select(cat([data, padding], 0), 0, tensor(rows, dtype="int64", device=data.device))
    shape = (batch, len(total)) if batch_first else (len(total), batch)
    return reshape_op(flat, shape=(*shape, *data.shape[1:])), tensor([lengths[i] for i in order], dtype="int64", device="cpu")


def pad_sequence(
    sequences: Iterable[Tensor], batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Sequences (L_i, ...) made as long as the longest, T, and stacked: (T, B, ...), or (B, T, ...) if `batch_first`.

    Raises ShapeError if they differ in more than their length.
    """
    if padding_side not in ("left", "right"):
        raise ValueError(f"pad_sequence: padding_side must be 'left' or 'right', got {padding_side!r}")
    if isinstance(sequences, Tensor):
        sequences = [sequences[i] for i in range(sequences.shape[0])]
    given = list(sequences)
    if not given:
        raise ShapeError("pad_sequence: expected at least one sequence")
    for s in given:
        if tensor_of("pad_sequence", s, "each sequence").ndim < 1 or s.shape[1:] != given[0].shape[1:]:
            raise ShapeError("pad_sequence: sequences must be (L_i, ...) and differ in length only, got "
                             f"{tuple(given[0].shape)} and {tuple(s.shape)}")  # fmt: skip
    longest = max(s.shape[0] for s in given)
    padded = []
    for s in given:
        gap, none = (longest - s.shape[0], *(0,) * (s.ndim - 1)), (0,) * s.ndim
        before, after = (gap, none) if padding_side == "left" else (none, gap)
        padded.append(pad_op(s, before=before, after=after, value=padding_value))
    return stack(padded, 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Any, batch_first: bool = False) -> list[Tensor]:
    """The inverse of `pad_sequence`: a list of sequences (L_i, ...)."""
    x = padded_sequences if batch_first else transpose(tensor_of("unpad_sequence", padded_sequences), 0, 1)
    return [x[i, :n] for i, n in enumerate(as_lengths("unpad_sequence", lengths, x.shape[0]))]


def pack_sequence(sequences: Iterable[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Sequences (L_i, ...), packed."""
    given = list(sequences)
    return pack_padded_sequence(pad_sequence(given), [s.shape[0] for s in given], enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The inverse of `pack_sequence`."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
