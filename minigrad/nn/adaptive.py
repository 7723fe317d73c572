"""Adaptive softmax: a classifier for very many classes, in which rare ones share smaller layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..backends import ShapeError
from ..core import Tensor
from ..ops.arithmetic import where
from ..ops.create import zeros
from ..ops.functions import argmax, nonzero
from ..ops.index import gather_op, index_select
from ..ops.reduce import mean
from ..ops.scatter import index_add
from ..ops.shape import cat, reshape_op
from . import functional as F
from .containers import ModuleList, Sequential
from .linear import Linear
from .module import Module


class ASMoutput(NamedTuple):
    """The log-probability of each target, and minus their mean."""

    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """log softmax over `n_classes` classes, sorted from the most to the least frequent, cut into clusters at `cutoffs`.

    The head decides between the classes before the first cutoff and the clusters behind it; cluster i has a layer of its
    own, through in_features / div_value^(i + 1) features. (N, in_features), (N) -> `ASMoutput` of (N) and (), or without N.
    Parameters: head.weight, tail.i.0.weight, tail.i.1.weight, and head.bias with `head_bias`.
    Raises ValueError for cutoffs that are not increasing between 1 and n_classes - 1, RuntimeError for targets out of range.
    Source: Grave et al. 2017.
    """

    def __init__(
        self, in_features: int, n_classes: int, cutoffs: Sequence[int], div_value: float = 4.0, head_bias: bool = False,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        cutoffs = list(cutoffs)
        if not cutoffs:
            raise ValueError("AdaptiveLogSoftmaxWithLoss: cutoffs should be a sequence of length larger than 0")
        rising = all(a < b for a, b in zip([0, *cutoffs], [*cutoffs, n_classes], strict=True))
        if not rising or any(int(c) != c for c in cutoffs):
            raise ValueError("AdaptiveLogSoftmaxWithLoss: cutoffs should be a sequence of unique, positive integers sorted in "
                             f"an increasing order, where each value is between 1 and n_classes-1, got {cutoffs} for "
                             f"{n_classes} classes")  # fmt: skip
        self.in_features, self.n_classes, self.cutoffs = in_features, n_classes, [*cutoffs, n_classes]
        self.div_value, self.head_bias = div_value, head_bias
        self.shortlist_size, self.n_clusters = cutoffs[0], len(cutoffs)
        self.head_size = self.shortlist_size + self.n_clusters
        made = {"device": device, "dtype": dtype}
        self.head = Linear(in_features, self.head_size, bias=head_bias, **made)
        self.tail = ModuleList()
        for i in range(self.n_clusters):
            hidden, count = int(in_features // div_value ** (i + 1)), self.cutoffs[i + 1] - self.cutoffs[i]
            layers = (Linear(in_features, hidden, bias=False, **made), Linear(hidden, count, bias=False, **made))
            self.tail.append(Sequential(*layers))

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        for layer in self.modules():
            if isinstance(layer, Linear):
                layer.reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor) -> ASMoutput:
        who = "AdaptiveLogSoftmaxWithLoss"
        if target_.ndim > 1:
            raise ShapeError(f"{who}: 0D or 1D target tensor expected, multi-target not supported, got {tuple(target_.shape)}")
        if input_.ndim != target_.ndim + 1 or input_.shape[:-1] != target_.shape:
            raise ShapeError(f"{who}: Input and target should have the same size in the batch dimension, "
                             f"got {tuple(input_.shape)} and {tuple(target_.shape)}")  # fmt: skip
        x, target = (input_, target_) if target_.ndim else (input_.unsqueeze(0), target_.unsqueeze(0))
        if target.numel() and not 0 <= int(target.min()) <= int(target.max()) < self.n_classes:
            raise RuntimeError(f"{who}: Target values should be in [0, {self.n_classes - 1}], but values in range "
                               f"[{int(target.min())}, {int(target.max())}] were found.")  # fmt: skip
        entry = target  # the class in the head: its own, or that of its cluster
        for i in range(self.n_clusters):
            entry = where(target >= self.cutoffs[i], self.shortlist_size + i, entry)
        head = F.log_softmax(self.head(x), dim=1)
        output = reshape_op(gather_op(head, reshape_op(entry, shape=(-1, 1)), dim=1), shape=tuple(target.shape))
        for i, (low, high) in enumerate(zip(self.cutoffs, self.cutoffs[1:], strict=False)):
            rows = reshape_op(nonzero((target >= low) & (target < high)), shape=(-1,))
            if rows.numel():
                local = F.log_softmax(self.tail[i](index_select(x, 0, rows)), dim=1)
                at = reshape_op(index_select(target, 0, rows) - low, shape=(-1, 1))
                output = index_add(output, 0, rows, reshape_op(gather_op(local, at, dim=1), shape=(-1,)))
        loss = mean(-output)
        return ASMoutput(output if target_.ndim else reshape_op(output, shape=()), loss)

    def _all(self, x: Tensor, head: Tensor) -> Tensor:
        """The log-probabilities of all classes, from the head's outputs."""
        head = F.log_softmax(head, dim=1)
        short = self.shortlist_size
        parts = [head[:, :short]]
        parts += [F.log_softmax(tail(x), dim=1) + head[:, short + i : short + i + 1] for i, tail in enumerate(self.tail)]
        return cat(parts, 1)

    def log_prob(self, input: Tensor) -> Tensor:
        """The log-probabilities of all classes; (N, in_features) -> (N, n_classes)."""
        return self._all(input, self.head(input))

    def predict(self, input: Tensor) -> Tensor:
        """The most probable class; (N, in_features) -> (N). Clusters that can't win are not computed."""
        head = self.head(input)
        output = argmax(head, dim=1)
        tail = output >= self.shortlist_size
        if not bool(tail.any()):
            return output
        rows = reshape_op(nonzero(tail), shape=(-1,))
        best = argmax(self._all(index_select(input, 0, rows), index_select(head, 0, rows)), dim=1)
        base = where(tail, zeros(*output.shape, dtype=output.dtype, device=output.device), output)
        return index_add(base, 0, rows, best)
