"""The conditional random field of a chain: how likely a sequence of tags is as a whole, and which is likeliest."""

from __future__ import annotations

from typing import Any

from ..backends import DTypeError, ShapeError
from ..core import Tensor, mode
from ..ops.arithmetic import where
from ..ops.create import arange, ones
from ..ops.operands import tensor_of
from ..ops.reduce import logsumexp
from . import init
from .functional.checks import reduced, reduction_of
from .linear import made, positive
from .module import Module


class CRF(Module):
    """log p(tags | emissions) of sequences, where each tag depends on its neighbours; and the likeliest tags.

    The score of tags y_1 ... y_T is start[y_1] + sum_t emissions[t, y_t] + sum_t transitions[y_{t-1}, y_t] + end[y_T], and
    log p = score - log sum_{y'} exp(score of y'), summed over all sequences by the forward algorithm. Called with emissions
    (T, B, num_tags), tags (T, B) and a mask (T, B), False where a sequence has ended; (B, T, ...) with `batch_first`.
    `start_transitions`, `end_transitions` (num_tags) and `transitions` (num_tags, num_tags), from row to column, start uniform
    on -0.1 ... 0.1. Raises ShapeError for shapes that do not fit, ValueError for a mask whose first step is not all True.
    Source: Lafferty, McCallum & Pereira 2001, §3.
    """

    def __init__(self, num_tags: int, batch_first: bool = False, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        positive(self, num_tags=num_tags)
        if not num_tags:
            raise ValueError("CRF: num_tags must be at least 1, got 0")
        self.num_tags, self.batch_first = num_tags, batch_first
        self.start_transitions, self.end_transitions = (made(num_tags, device=device, dtype=dtype) for _ in range(2))
        self.transitions = made(num_tags, num_tags, device=device, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        for p in self.parameters():
            init.uniform_(p, -0.1, 0.1)

    def forward(self, emissions: Tensor, tags: Tensor, mask: Tensor | None = None, reduction: str = "sum") -> Tensor:
        """log p of each sequence, (B) for "none", or their "sum", "mean", or "token_mean": the sum by the number of steps."""
        kind = reduction_of("CRF", reduction, None, None, ("token_mean",))
        x, m = self.ordered(emissions, mask)
        if tensor_of("CRF", tags, "tags").dtype.kind != "int":
            raise DTypeError(f"CRF: tags must be integers, got {tags.dtype!r}. Hint: .long()")
        y = tags.transpose(0, 1) if self.batch_first else tags
        if y.shape != m.shape:
            raise ShapeError(f"CRF: tags must be as the first two dimensions of emissions, {tuple(emissions.shape[:2])}, got "
                             f"{tuple(tags.shape)}")  # fmt: skip
        if ((y < 0) | (y >= self.num_tags))[m].any():
            raise IndexError(
                f"CRF: tags must be below num_tags = {self.num_tags} where the mask is True, got {y[m].max().item()}"
            )
        loss = self.score(x, where(m, y, 0), m) - self.total(x, m)
        return loss.sum() / m.to(x.dtype).sum() if kind == "token_mean" else reduced(loss, kind)

    def score(self, x: Tensor, y: Tensor, m: Tensor) -> Tensor:
        """The score of each sequence of tags; (T, B, num_tags), (T, B), (T, B) -> (B)."""
        steps = x.gather(2, y[:, :, None])[:, :, 0] * m.to(x.dtype)
        moves = self.transitions[y[:-1], y[1:]] * m[1:].to(x.dtype)
        last = y.gather(0, m.long().sum(0, keepdim=True) - 1)[0]
        return self.start_transitions[y[0]] + steps.sum(0) + moves.sum(0) + self.end_transitions[last]

    def total(self, x: Tensor, m: Tensor) -> Tensor:
        """log of the sum of exp(score) over all sequences of tags; (T, B, num_tags), (T, B) -> (B)."""
        alpha = self.start_transitions + x[0]  # (B, num_tags): log of the sum over all that end so
        for emitted, inside in zip(x[1:], m[1:], strict=True):
            new = logsumexp(alpha[:, :, None] + self.transitions, 1) + emitted
            alpha = where(inside[:, None], new, alpha)
        return logsumexp(alpha + self.end_transitions, 1)

    def decode(self, emissions: Tensor, mask: Tensor | None = None) -> list[list[int]]:
        """The likeliest tags of each sequence, as long as it is, by the algorithm of Viterbi 1967."""
        x, m = self.ordered(emissions, mask)
        with mode(grad=False):
            best, came = self.start_transitions + x[0], []
            for emitted, inside in zip(x[1:], m[1:], strict=True):
                found = (best[:, :, None] + self.transitions).max(1)
                best = where(inside[:, None], found.values + emitted, best)
                came.append(where(inside[:, None], found.indices, arange(self.num_tags, device=x.device)))
            tag = (best + self.end_transitions).argmax(1)
            paths = [tag]
            for step in reversed(came):
                paths.append(tag := step.gather(1, tag[:, None])[:, 0])
        lengths = m.long().sum(0).tolist()
        rows = zip(*(tags.tolist() for tags in reversed(paths)), strict=True)
        return [list(row[:length]) for row, length in zip(rows, lengths, strict=True)]

    def ordered(self, emissions: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Emissions (T, B, num_tags) and a mask (T, B), checked."""
        x = tensor_of("CRF", emissions, "emissions")
        if x.ndim != 3 or x.shape[2] != self.num_tags or not x.shape[0] or not x.shape[1]:
            raise ShapeError(f"CRF: emissions must be {'(B, T' if self.batch_first else '(T, B'}, num_tags) with num_tags = "
                             f"{self.num_tags}, got {tuple(x.shape)}")  # fmt: skip
        m = ones(*x.shape[:2], dtype="bool", device=x.device) if mask is None else tensor_of("CRF", mask, "mask")
        if m.dtype.kind != "bool" or m.shape != x.shape[:2]:
            raise ShapeError(f"CRF: mask must be booleans {tuple(x.shape[:2])}, got {m.dtype!r} {tuple(m.shape)}")
        x, m = (x.transpose(0, 1), m.transpose(0, 1)) if self.batch_first else (x, m)
        if not m[0].all():
            raise ValueError("CRF: mask of the first step must be True for every sequence, since none is empty")
        if (m[1:] & ~m[:-1]).any():
            raise ValueError("CRF: a sequence must not go on after its mask was False. Hint: padding at the end")
        return x, m

    def extra_repr(self) -> str:
        return f"num_tags={self.num_tags}" + (", batch_first=True" if self.batch_first else "")
