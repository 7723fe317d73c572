"""What sparse tensors can do: products, sums, softmax, arithmetic with numbers and each other, and how they are made.

Source: the layouts are those of PyTorch's `sparse_coo` and `sparse_csr`. Every result of values is a composition of ops.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...backends import DTypeError, ShapeError
from ...core import Tensor
from .. import functions as dense
from ..index import index_add_op, index_select_op
from ..operands import axis, sizes, tensor_of, whole
from .tensor import SparseTensor, Unarrayed, counted

COO, CSR = "sparse_coo", "sparse_csr"

# -- making ----------------------------------------------------------------------------------------------------------------


def sparse_coo_tensor(
    indices: Any, values: Any = None, size: Any = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False,
    check_invariants: bool | None = None, is_coalesced: bool | None = None,
) -> SparseTensor:  # fmt: skip
    """values[k] at indices[:, k], and 0 elsewhere: indices (d, nnz), values (nnz, ...); equal places add up.

    Without a `size` it is as large as the places ask for; `sparse_coo_tensor(size)` has no values. With `requires_grad` the
    tensor is a leaf; else values that have a history keep it. Raises ShapeError for what does not fit.
    """
    if values is None:
        size, indices, values = indices if size is None else size, dense.zeros(len(indices or size), 0, dtype="int64"), []
    at, held = dense.as_tensor(indices, device=device), dense.as_tensor(values, dtype=dtype, device=device)
    if at.dtype.kind != "int" and at.array.size:
        raise DTypeError(f"sparse_coo_tensor: indices must be an integer tensor, got {at.dtype!r}")
    if at.ndim != 2 or held.ndim < 1 or at.shape[1] != held.shape[0]:
        raise ShapeError("sparse_coo_tensor: indices and values must have same nnz: expected (d, nnz) and (nnz, ...), got "
                         f"{tuple(at.shape)} and {tuple(held.shape)}")  # fmt: skip
    least = [int(row.max()) + 1 if at.array.size else 0 for row in at]
    shape = (*least, *held.shape[1:]) if size is None else tuple(int(n) for n in size)
    if len(shape) != at.shape[0] + held.ndim - 1 or shape[at.shape[0] :] != tuple(held.shape[1:]):
        raise ShapeError(f"sparse_coo_tensor: size {shape} has not the {at.shape[0]} dimensions of the indices and those of "
                         f"values {tuple(held.shape)}")  # fmt: skip
    if any(n > m for n, m in zip(least, shape, strict=False)) or (at.array.size and int(at.min()) < 0):
        raise ShapeError(f"sparse_coo_tensor: size {shape} is inconsistent with indices that need {tuple(least)} and none < 0")
    held = held.detach().clone().requires_grad_() if requires_grad else held
    return SparseTensor(at.long(), held, shape, bool(is_coalesced))


def sparse_csr_tensor(
    crow_indices: Any, col_indices: Any, values: Any, size: Any = None, *, dtype: Any = None, device: Any = None,
    requires_grad: bool = False, check_invariants: bool | None = None,
) -> SparseTensor:  # fmt: skip
    """A matrix row by row: crow_indices[i] values come before row i, in the columns col_indices."""
    ends, columns = dense.as_tensor(crow_indices, device=device).long(), dense.as_tensor(col_indices, device=device).long()
    counts = ends[1:] - ends[:-1]
    if ends.ndim != 1 or columns.ndim != 1 or int(ends[0]) or int(ends[-1]) != columns.shape[0] or bool((counts < 0).any()):
        raise ShapeError("sparse_csr_tensor: crow_indices must rise from 0 to the number of col_indices, got shapes "
                         f"{tuple(ends.shape)} and {tuple(columns.shape)}")  # fmt: skip
    rows = dense.repeat_interleave(dense.arange(counts.shape[0], device=ends.device), counts)
    shape = (counts.shape[0], int(columns.max()) + 1 if columns.array.size else 0) if size is None else size
    at = dense.stack([rows, columns])
    made = sparse_coo_tensor(at, values, shape, dtype=dtype, device=device, requires_grad=requires_grad)
    return SparseTensor(made.at, made.held, made.sizes, True, CSR)


def to_sparse(self: Tensor, sparse_dim: int | None = None, *, layout: Any = None) -> SparseTensor:
    """The elements that are not 0 (or, along the first `sparse_dim` dimensions, the slices), and where they are."""
    if isinstance(self, SparseTensor):
        return SparseTensor(self.at, self.held, self.sizes, self.coalesced, layout or COO)
    d = self.ndim if sparse_dim is None else whole("to_sparse", "sparse_dim", sparse_dim)
    if not 0 < d <= self.ndim and self.ndim:
        raise ShapeError(f"to_sparse: sparse_dim must be from 1 to {self.ndim}, got {d}")
    if layout == CSR and self.ndim != 2:
        raise ShapeError(f"to_sparse_csr: expected a matrix, got shape {tuple(self.shape)}")
    lines = self.detach() != 0
    at = dense.nonzero(lines.flatten(d).any(-1) if d < self.ndim else lines).t()
    held = index_select_op(self.reshape(-1, *self.shape[d:]), counted(at, self.shape), dim=0)
    return SparseTensor(at, held, self.shape, True, layout or COO)


def to_sparse_csr(self: Tensor, dense_dim: int | None = None) -> SparseTensor:
    """`to_sparse` of a matrix, row by row."""
    return to_sparse(self.coalesce() if isinstance(self, SparseTensor) else self, layout=CSR)


def sparse_mask(self: Tensor, mask: SparseTensor) -> SparseTensor:
    """The elements of a dense tensor at the places of `mask`."""
    if tuple(self.shape) != tuple(mask.shape):
        raise ShapeError(f"sparse_mask: operands have incompatible sizes {tuple(self.shape)} and {tuple(mask.shape)}")
    return mask.like(index_select_op(self.reshape(-1, *mask.held.shape[1:]), mask.flat(), dim=0))


# -- shapes ----------------------------------------------------------------------------------------------------------------


def permute(x: SparseTensor, *dims: Any) -> SparseTensor:
    """The dimensions in another order; those of the values stay the last."""
    order = [axis("permute", d, x.ndim) for d in sizes("permute", dims)]
    d = x.sparse_dim()
    if sorted(order) != list(range(x.ndim)) or order[d:] != list(range(d, x.ndim)):
        raise ShapeError(f"permute: expected an order of the {d} sparse dimensions, got {tuple(order)}. Hint: .to_dense()")
    return SparseTensor(x.at[order[:d]], x.held, tuple(x.sizes[k] for k in order))


def transpose(x: SparseTensor, dim0: int, dim1: int) -> SparseTensor:
    """Two sparse dimensions exchanged."""
    order = list(range(x.ndim))
    a, b = axis("transpose", dim0, x.ndim), axis("transpose", dim1, x.ndim)
    order[a], order[b] = order[b], order[a]
    return permute(x, order)


def select(x: SparseTensor, dim: int, index: int) -> Any:
    """The part at `index` of a sparse dimension; of a vector its element."""
    d = axis("select", dim, x.sparse_dim())
    if not -x.sizes[d] <= index < x.sizes[d]:
        raise IndexError(f"select: index {index} is out of range for dimension {d} with size {x.sizes[d]}")
    kept = dense.nonzero(x.at[d] == index % x.sizes[d])[:, 0]
    held = index_select_op(x.held, kept, dim=0)
    rest = [k for k in range(x.sparse_dim()) if k != d]
    return SparseTensor(x.at[rest][:, kept], held, x.sizes[:d] + x.sizes[d + 1 :]) if rest else held.sum(0)


def item_of(x: SparseTensor, index: Any) -> Any:
    """x[i] and x[i, j]: whole numbers, from the first dimension on."""
    first, *rest = index if isinstance(index, tuple) else (index,)
    if not hasattr(first, "__index__"):
        raise TypeError(f"index: a sparse tensor takes ints, got {type(first).__name__}. Hint: .to_dense()")
    part = select(x, 0, first.__index__())
    return part[tuple(rest)] if rest else part


def cat(tensors: Any, dim: int = 0) -> SparseTensor:
    """Sparse tensors one after another along a sparse dimension."""
    first = tensors[0]
    if not all(isinstance(x, SparseTensor) for x in tensors):
        raise TypeError("cat: expected all tensors sparse, or none. Hint: .to_dense()")
    d, places, offset = axis("cat", dim, first.sparse_dim()), [], 0
    for x in tensors:
        if x.sizes[:d] + x.sizes[d + 1 :] != first.sizes[:d] + first.sizes[d + 1 :]:
            raise ShapeError(f"cat: shapes must agree but for dimension {d}, got {tuple(first.sizes)} and {tuple(x.sizes)}")
        places.append(dense.stack([row + offset if k == d else row for k, row in enumerate(x.at)]))
        offset += x.sizes[d]
    sizes = (*first.sizes[:d], offset, *first.sizes[d + 1 :])
    return SparseTensor(dense.cat(places, 1), dense.cat([x.held for x in tensors]), sizes)


# -- products --------------------------------------------------------------------------------------------------------------


def matmul(input: Any, other: Any) -> Any:
    """The product of a sparse matrix with a dense matrix or vector (which is dense), or with a sparse matrix (sparse)."""
    a, b = tensor_of("matmul", input), tensor_of("matmul", other, "other")
    for x in (a, b):
        if x.ndim not in (1, 2) or (isinstance(x, SparseTensor) and (x.ndim != 2 or x.sparse_dim() != 2)):
            raise ShapeError("matmul: expected a sparse matrix, and a matrix or vector, got shapes "
                             f"{tuple(a.shape)} and {tuple(b.shape)}")  # fmt: skip
    if a.shape[-1] != b.shape[0]:
        raise ShapeError(f"matmul: shapes {tuple(a.shape)} and {tuple(b.shape)} cannot be multiplied: the inner sizes differ")
    if a.dtype is not b.dtype:
        raise DTypeError(f"matmul: expected operands of one type, got {a.dtype!r} and {b.dtype!r}. Hint: .to(dtype)")
    if not isinstance(a, SparseTensor):
        return matmul(b.t(), a.t()).t() if a.ndim == 2 else matmul(b.t(), a)
    rows, columns = a.at
    if isinstance(b, SparseTensor):
        b = b.coalesce()
        counts = index_add_op(dense.ones_like(b.at[0]), b.at[0], n=b.sizes[0], dim=0)
        many = counts[columns]  # how many values of b each value of a meets
        mine = dense.repeat_interleave(dense.arange(a._nnz(), device=a.device), many)
        nth = dense.arange(mine.shape[0], device=a.device) - (many.cumsum(0) - many)[mine]
        theirs = (counts.cumsum(0) - counts)[columns[mine]] + nth
        at = dense.stack([rows[mine], b.at[1][theirs]])
        return SparseTensor(at, a.held[mine] * b.held[theirs], (a.sizes[0], b.sizes[1])).coalesce()
    held = a.held if b.ndim == 1 else a.held.unsqueeze(1)
    return index_add_op(held * index_select_op(b, columns, dim=0), rows, n=a.sizes[0], dim=0)


def mm(input: Any, mat2: Any) -> Any:
    """The product of two matrices of which one is sparse, or both."""
    if input.ndim != 2 or mat2.ndim != 2:
        raise ShapeError(f"mm: expected two matrices, got shapes {tuple(input.shape)} and {tuple(mat2.shape)}")
    return matmul(input, mat2)


def sparse_mm(mat1: Any, mat2: Any, reduce: str | None = None) -> Any:
    """`mm`; gradients go to the values and to the dense factor. With `reduce` "mean", "amax" or "amin" not the sum, but that of
    the products of values that are there. Raises ValueError for any other."""
    if reduce in (None, "sum"):
        sparse = isinstance(mat1, SparseTensor) or isinstance(mat2, SparseTensor)
        return mm(mat1, mat2) if sparse else dense.mm(mat1, mat2)
    kind = {"max": "amax", "min": "amin"}.get(reduce, reduce)
    if kind not in ("mean", "amax", "amin", "prod"):
        raise ValueError(f"sparse.mm: reduce must be 'sum', 'mean', 'amax', 'amin' or 'prod', got {reduce!r}")
    if not isinstance(mat1, SparseTensor) or isinstance(mat2, SparseTensor) or mat1.sizes[1] != mat2.shape[0]:
        raise ShapeError(f"sparse.mm: with reduce expected a sparse and a dense matrix that fit, got {tuple(mat1.shape)} and "
                         f"{tuple(mat2.shape)}")  # fmt: skip
    x = mat1.coalesce()
    products = x.held.unsqueeze(1) * index_select_op(mat2, x.at[1], dim=0)
    nothing = mat2.detach().new_zeros(x.sizes[0], mat2.shape[1])
    return nothing.index_reduce(0, x.at[0], products, kind, include_self=False)


def addmm(input: Any, mat1: Any, mat2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """beta input + alpha mat1 mat2."""
    return add(mul(input, beta) if isinstance(input, SparseTensor) else beta * input, alpha * mm(mat1, mat2))


# -- arithmetic ------------------------------------------------------------------------------------------------------------


def add(input: Any, other: Any, *, alpha: float = 1) -> Any:
    """input + alpha other: of two sparse tensors, or dense + sparse, which is dense."""
    if not isinstance(input, SparseTensor):
        return input + (other if alpha == 1 else mul(other, alpha)).to_dense()
    if not isinstance(other, SparseTensor):
        raise RuntimeError("add: add(sparse, dense) is not supported. Hint: dense + sparse")
    if input.sizes != other.sizes or input.sparse_dim() != other.sparse_dim():
        raise ShapeError(f"add: expected sparse tensors of one shape, got {tuple(input.sizes)} and {tuple(other.sizes)}")
    at, held = dense.cat([input.at, other.at], 1), dense.cat([input.held, other.held if alpha == 1 else other.held * alpha])
    made = SparseTensor(at, held, input.sizes)
    return to_sparse(made.coalesce() if input.coalesced and other.coalesced else made, layout=input.layout)


def sub(input: Any, other: Any, *, alpha: float = 1) -> Any:
    """input - alpha other."""
    return add(input, other, alpha=-alpha)


def mul(input: Any, other: Any) -> SparseTensor:
    """The product with a number, with a dense tensor of the same shape, or where two sparse tensors both have values."""
    x, y = (input, other) if isinstance(input, SparseTensor) else (other, input)
    if not isinstance(y, Tensor) or not y.ndim:
        return x.like(x.held * y)
    if not isinstance(y, SparseTensor):
        return x.like(x.held * sparse_mask(y.expand(x.sizes), x).held)
    x = x.coalesce()
    if x.sizes != y.sizes or x.sparse_dim() != y.sparse_dim():
        raise ShapeError(f"mul: expected sparse tensors of one shape, got {tuple(x.sizes)} and {tuple(y.sizes)}")
    y = y.coalesce()
    mine, theirs = x.flat(), y.flat()
    kept = dense.nonzero(dense.isin(mine, theirs))[:, 0]
    pairs = dense.searchsorted(theirs, mine[kept])
    return SparseTensor(x.at[:, kept], x.held[kept] * y.held[pairs], x.sizes, True, x.layout)


def div(input: SparseTensor, other: Any, *, rounding_mode: str | None = None) -> SparseTensor:
    """The quotient by a number."""
    if not isinstance(input, SparseTensor) or (isinstance(other, Tensor) and other.ndim):
        raise RuntimeError("div: a sparse tensor can be divided by a number only. Hint: .to_dense()")
    return input.like(dense.div(input.held, other, rounding_mode=rounding_mode))


def power(input: SparseTensor, exponent: float) -> SparseTensor:
    """The values ^ exponent, a number; what is 0 stays so."""
    if isinstance(exponent, Tensor) and exponent.ndim:
        raise RuntimeError("pow: of a sparse tensor the exponent must be a number. Hint: .to_dense()")
    x = input.coalesce()
    return x.like(x.held**exponent)


def negative(input: SparseTensor) -> SparseTensor:
    """-input."""
    return input.like(-input.held)


def norm(input: SparseTensor, p: Any = "fro") -> Tensor:
    """The norm of all values."""
    return dense.norm(input.coalesce().held, p)


def mapped(name: str) -> Callable:
    """A function that is 0 at 0, of the values."""

    def function(input: SparseTensor) -> SparseTensor:
        x = input.coalesce()
        return x.like(getattr(dense, name)(x.held))

    return function


# -- sums ------------------------------------------------------------------------------------------------------------------


def total(input: SparseTensor, dim: Any = None, dtype: Any = None) -> Any:
    """The sum over all dimensions, or over `dim`: sparse as long as a sparse dimension remains."""
    held = input.held if dtype is None else input.held.to(dtype)
    if dim is None or (isinstance(dim, (tuple, list)) and not len(dim)):
        return held.sum()
    d = input.sparse_dim()
    dims = {axis("sum", k, input.ndim) for k in (dim if isinstance(dim, (tuple, list)) else (dim,))}
    inner = [k - d + 1 for k in dims if k >= d]
    held = held.sum(inner) if inner else held
    kept = [k for k in range(d) if k not in dims]
    if not kept:
        return held.sum(0)
    sizes = tuple(n for k, n in enumerate(input.sizes) if k not in dims)
    return SparseTensor(input.at[kept], held, sizes).coalesce()


def softmax(input: SparseTensor, dim: int, dtype: Any = None, *, log: bool = False) -> SparseTensor:
    """softmax along a sparse dimension of the values that are there; the others count as -inf."""
    x = input.coalesce()
    d = axis("softmax", dim, x.sparse_dim())
    held = x.held if dtype is None else x.held.to(dtype)
    _, line = dense.unique(group(x, d), return_inverse=True)
    n = int(line.max()) + 1 if line.array.size else 0
    most = held.detach().new_zeros(n, *held.shape[1:]).index_reduce(0, line, held.detach(), "amax", include_self=False)
    shifted = held - index_select_op(most, line, dim=0)
    e = dense.exp(shifted)
    sums = index_select_op(index_add_op(e, line, n=n, dim=0), line, dim=0)
    return x.like(shifted - dense.log(sums) if log else e / sums)


def group(x: SparseTensor, d: int) -> Tensor:
    """A number for each value: the same for those that differ in dimension d only."""
    kept = [k for k in range(x.sparse_dim()) if k != d]
    return counted(x.at[kept], tuple(x.sizes[k] for k in kept))


def log_softmax(input: SparseTensor, dim: int, dtype: Any = None) -> SparseTensor:
    """The logarithm of `softmax`."""
    return softmax(input, dim, dtype, log=True)


# -- what a public function turns to ---------------------------------------------------------------------------------------


def to(self: SparseTensor, *args: Any, **options: Any) -> SparseTensor:
    """The tensor with another dtype or on another device."""
    held = self.held.to(*args, **options)
    return SparseTensor(self.at.to(held.device), held, self.sizes, self.coalesced, self.layout)


def type_(self: SparseTensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The tensor as `dtype`; without one the name of its type: "torch.sparse.FloatTensor"."""
    head, _, kind = self.held.type().rpartition(".")
    return f"{head}.sparse.{kind}" if dtype is None else to(self, dtype)


def zero_(self: SparseTensor) -> SparseTensor:
    """Drop all values."""
    self.at, self.held, self.coalesced = self.at[:, :0], self.held.detach()[:0], True
    return self


def in_place(function: Callable) -> Callable:
    """`function`, its result written into the tensor."""

    def written(self: SparseTensor, *args: Any, **options: Any) -> SparseTensor:
        found = function(self, *args, **options)
        self.at, self.held, self.coalesced = found.at, found.held, found.coalesced
        return self

    return written


def cast(name: str) -> Callable:
    return lambda self, *args, **options: to(self, name, *args, **options)


ZERO_AT_ZERO = """abs asin asinh atan atanh ceil erf erfinv expm1 floor log1p relu round sgn sign sin sinh sqrt square tan
    tanh trunc""".split()
CASTS = {"float": "float32", "double": "float64", "half": "float16", "bfloat16": "bfloat16", "int": "int32", "long": "int64",
         "short": "int16", "bool": "bool", "cpu": "cpu", "cuda": "cuda"}  # fmt: skip
FUNCTIONS: dict[str, Callable] = {
    **{name: mapped(name) for name in ZERO_AT_ZERO}, **{name: cast(kind) for name, kind in CASTS.items()},
    "absolute": mapped("abs"), "neg": negative, "negative": negative, "permute": permute, "transpose": transpose,
    "select": select, "cat": cat, "concat": cat, "type": type_,
    "t": lambda input: transpose(input, 0, 1) if input.ndim > 1 else input, "matmul": matmul, "mm": mm, "mv": matmul,
    "addmm": addmm, "add": add, "sub": sub, "subtract": sub, "mul": mul, "multiply": mul, "div": div, "divide": div,
    "true_divide": div, "pow": power, "sum": total, "softmax": softmax, "log_softmax": log_softmax, "to": to, "zero_": zero_,
    "mul_": in_place(mul), "div_": in_place(div), "add_": in_place(add), "sub_": in_place(sub),
    "norm": norm, "numel": lambda input: input.sizes.numel(), "nelement": lambda input: input.sizes.numel(),
    "clone": lambda input, *, memory_format=None: input.like(input.held.clone()),
    "detach": lambda self: self.like(self.held.detach()), "to_sparse": to_sparse, "to_sparse_csr": to_sparse_csr,
}  # fmt: skip


def answer(error: Unarrayed, name: str, args: tuple, options: dict) -> Any:
    """What the function `name` of sparse tensors gives. Raises the error if there is none, with that name."""
    name = name.rpartition(".")[2]
    function = FUNCTIONS.get(name)
    if function is None:
        error.args = (f"{name}: not possible for a sparse tensor. Hint: .to_dense()",)
        raise error
    return function(*args, **options)


OPERATORS: dict[str, Callable] = {
    "matmul": matmul, "rmatmul": lambda x, other: matmul(other, x), "add": add, "radd": lambda x, other: add(other, x),
    "sub": sub, "rsub": lambda x, other: sub(other, x), "mul": mul, "rmul": mul, "truediv": div, "pow": power,
    "neg": negative, "abs": FUNCTIONS["abs"], "getitem": item_of,
    "eq": lambda x, other: x.none(), "ne": lambda x, other: x.none(),  # which else would say whether it is the same object
}  # fmt: skip
for name, function in OPERATORS.items():
    setattr(SparseTensor, f"__{name}__", function)
for name, function in FUNCTIONS.items():
    setattr(SparseTensor, name, function)
METHODS: dict[str, Callable] = {"to_sparse": to_sparse, "to_sparse_coo": to_sparse, "to_sparse_csr": to_sparse_csr,
                                "sparse_mask": sparse_mask}  # fmt: skip
NEW = {"sparse_coo_tensor": sparse_coo_tensor, "sparse_csr_tensor": sparse_csr_tensor, "sparse_coo": COO, "sparse_csr": CSR,
       "spmm": sparse_mm}  # fmt: skip
SPARSE: dict[str, Any] = {"mm": sparse_mm, "addmm": addmm, "sum": total, "softmax": softmax, "log_softmax": log_softmax}
