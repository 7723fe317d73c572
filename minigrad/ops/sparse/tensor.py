"""SparseTensor: values and their places, two ordinary tensors. So whatever is computed from the values has gradients.

There is no array behind it. An op that asks for one gets `Unarrayed`, and the public function in which that happens turns to
the function of the same name in `functions.py`, if there is one (`guard.py`).
"""

from __future__ import annotations

import copy
import math
from typing import Any

from ...backends import DTypeError, Rows, Size
from ...core import Tensor
from ..index import index_add_op
from ..order import unique
from ..pieces import unravel_index
from ..printing import body, history, suffixed, usual
from ..shape import reshape, stack


class Unarrayed(DTypeError, NotImplementedError):
    """A sparse tensor came to something that knows only arrays."""


class SparseTensor(Tensor):
    """values[k] (numbers, or slices of the last dimensions) at the place at[:, k], and 0 elsewhere; equal places add up.

    at         (sparse dimensions, nnz) whole numbers
    held       (nnz, *dense dimensions) the values, with the history that they have
    coalesced  whether the places are in order and each is there once
    layout     "sparse_coo", or "sparse_csr": a coalesced matrix that shows its rows as `crow_indices`
    """

    __slots__ = ("at", "held", "sizes", "coalesced", "layout")

    def __init__(self, at: Tensor, held: Tensor, sizes: tuple, coalesced: bool = False, layout: str = "sparse_coo") -> None:
        self.at, self.held, self.sizes, self.layout = at, held, Size(sizes), layout
        self.coalesced = coalesced or at.shape[1] < 2
        self.node, self.wants, self._grad, self.version, self.base = None, False, None, None, None

    def like(self, held: Tensor) -> SparseTensor:
        """Other values at the same places."""
        return SparseTensor(self.at, held, self.sizes, self.coalesced, self.layout)

    # what every tensor has
    def none(self) -> Any:
        raise Unarrayed("sparse: not possible for a sparse tensor. Hint: .to_dense()")

    array = property(none)
    shape = property(lambda self: self.sizes)
    ndim = property(lambda self: len(self.sizes))
    dtype = property(lambda self: self.held.dtype)
    backend = property(lambda self: self.held.backend)
    device = property(lambda self: self.held.device)
    is_sparse = property(lambda self: self.layout == "sparse_coo")
    is_sparse_csr = property(lambda self: self.layout == "sparse_csr")
    requires_grad = property(lambda self: self.held.requires_grad, lambda self, wanted: self.requires_grad_(wanted))
    is_leaf = property(lambda self: self.held.is_leaf)
    grad_fn = property(lambda self: self.held.grad_fn)
    T = property(lambda self: self.t())

    @property
    def grad(self) -> SparseTensor | None:
        """The gradient of the values of a leaf, at their places."""
        return None if self.held.grad is None else self.like(self.held.grad)

    @grad.setter
    def grad(self, g: SparseTensor | None) -> None:
        self.held.grad = None if g is None else g.held

    def requires_grad_(self, requires_grad: bool = True) -> SparseTensor:
        """Set `requires_grad` of the values in place and return the tensor."""
        self.held.requires_grad_(requires_grad)
        return self

    # values and places
    def _indices(self) -> Tensor:
        """The places as they are."""
        return self.at

    def _values(self) -> Tensor:
        """The values as they are."""
        return self.held

    def _nnz(self) -> int:
        """How many values there are."""
        return self.at.shape[1]

    def sparse_dim(self) -> int:
        """How many dimensions the places have."""
        return self.at.shape[0]

    def dense_dim(self) -> int:
        """How many dimensions a value has."""
        return self.held.ndim - 1

    def is_coalesced(self) -> bool:
        """Whether the places are in order and each is there once."""
        return self.coalesced

    def once(self, what: str) -> SparseTensor:
        if not self.coalesced:
            raise RuntimeError(f"{what}: Cannot get {what} on an uncoalesced tensor, please call .coalesce() first")
        return self

    def indices(self) -> Tensor:
        """The places, (sparse dimensions, nnz). Raises RuntimeError unless coalesced."""
        return self.once("indices").at

    def values(self) -> Tensor:
        """The values, (nnz, *dense dimensions). Raises RuntimeError unless coalesced."""
        return self.once("values").held

    def col_indices(self) -> Tensor:
        """The column of each value of a CSR matrix."""
        return self.at[1]

    def crow_indices(self) -> Tensor:
        """For each row of a CSR matrix how many values come before it, and how many there are. Raises RuntimeError for COO."""
        if self.layout != "sparse_csr":
            raise RuntimeError("crow_indices: expected a sparse_csr tensor, got sparse_coo. Hint: .to_sparse_csr()")
        rows = index_add_op(self.at[0] * 0 + 1, self.at[0] + 1, n=self.sizes[0] + 1, dim=0)
        return rows.cumsum(0)

    def flat(self) -> Tensor:
        """The places counted in row-major order."""
        return counted(self.at, self.sizes)

    def coalesce(self) -> SparseTensor:
        """The same tensor with its places in order, the values at equal places added up."""
        if self.coalesced:
            return self
        kept, run = unique(self.flat(), return_inverse=True)
        at = stack(unravel_index(kept, self.sizes[: self.sparse_dim()]), 0)
        return SparseTensor(at, index_add_op(self.held, run, n=kept.shape[0], dim=0), self.sizes, True)

    def to_dense(self, dtype: Any = None, *, masked_grad: bool = True) -> Tensor:
        """The tensor with all its zeros."""
        if self.dtype.kind == "bool":
            return self.like(self.held.to("uint8")).to_dense() != 0
        front = self.sizes[: self.sparse_dim()]
        whole = index_add_op(self.held, self.flat(), n=math.prod(front), dim=0)
        return reshape(whole, self.sizes).to(dtype=dtype)

    # Python's own
    def __len__(self) -> int:
        return self.sizes[0]

    def __iter__(self) -> Any:
        return iter(self[i] for i in range(len(self)))

    def __deepcopy__(self, memo: dict) -> SparseTensor:
        return SparseTensor(self.at, copy.deepcopy(self.held, memo), self.sizes, self.coalesced, self.layout)

    def __reduce__(self) -> tuple:
        return SparseTensor, (self.at, self.held, tuple(self.sizes), self.coalesced, self.layout)

    def __repr__(self) -> str:
        csr, lead = self.layout == "sparse_csr", len("tensor(")
        places = [("crow_indices", self.crow_indices()), ("col_indices", self.col_indices())] if csr else [("indices", self.at)]
        parts = []
        for name, x in (*places, ("values", self.held.detach())):
            before = f"{name}=tensor("
            size = "" if x.array.size else f", size={tuple(x.shape)}"
            parts.append(f"{before}{body(x.backend.to_host(x.array), lead + len(before))}{size})")
        more = [f"device='{self.device}'"] if self.device.type != "cpu" else []
        more += [f"size={tuple(self.sizes)}", f"nnz={self._nnz()}"]
        more += [] if usual(self.dtype) else [f"dtype={self.dtype!r}"]
        more += [f"layout=minigrad.{self.layout}", *history(self.held)]
        return suffixed("tensor(" + (",\n" + " " * lead).join(parts), lead, more, not csr)

    def __format__(self, spec: str) -> str:
        return repr(self) if not spec else object.__format__(self, spec)


def counted(at: Tensor, sizes: tuple) -> Tensor:
    """The places at[:, k] in a tensor of `sizes`, counted in row-major order."""
    found = at.sum(0) * 0
    for row, n in zip(at, sizes, strict=False):
        found = found * n + row
    return found


def from_rows(g: Rows) -> SparseTensor:
    """A gradient of some rows, as the backward pass hands it on."""
    return SparseTensor(Tensor(g.index).reshape(1, -1), Tensor(g.piece), g.shape)
