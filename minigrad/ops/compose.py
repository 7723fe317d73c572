"""Functions composed of other ops: einsum, products with a sum, distances, differences, repetition."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import combinations
from typing import Any

from ..backends import DTypeError, ShapeError, Size
from ..core import Tensor, op
from .arithmetic import add, apart, cast, mul
from .compare import logical_xor
from .create import arange, tensor
from .diagonal import diagonal
from .index import index_select_op
from .matmul import bmm, mm, mv, outer, tensordot
from .operands import axis, common_type, named, number, numpy_names, sizes, tensor_of, whole
from .order import searchsorted
from .reduce import sum_op
from .shape import cat, expand, flatten, narrow, permute, repeat, reshape, roll, unfold_op

# -- einsum ----------------------------------------------------------------------------------------------------------


@op("general")
def contract(b, x, other, *, spec):
    """y = the sum of products of x and other over the labels that y lacks; `spec` labels the dimensions of x, other and y"""
    return b.contract(x, other, *spec)


contract.vjp(
    x=lambda g, other, spec: contract(g, other, spec=(spec[2], spec[1], spec[0])),
    other=lambda g, x, spec: contract(x, g, spec=(spec[0], spec[2], spec[1])),
)


def einsum(equation: Any, *operands: Any) -> Tensor:
    """The sum of products that the equation says: einsum("bij,bjk->bik", x, y).

    Each letter names a dimension; letters that are not in the output are summed over; "..." stands for further
    dimensions,
    which broadcast. Without "->" the output has, in alphabetical order, the letters that occur once. Also
    einsum(x, [0, 1], y, [1, 2], [0, 2]). Computed pair by pair, the cheapest first.
    """
    if isinstance(equation, Tensor):
        equation, operands = _lettered((equation, *operands))
    elif len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    for k, x in enumerate(operands):
        tensor_of("einsum", x, f"operand {k}")
    terms, output = _parsed(equation, tuple(tuple(x.shape) for x in operands))
    full: dict[Any, int] = {}
    for term, x in zip(terms, operands, strict=True):
        for label, n in zip(term, x.shape, strict=True):
            known = full.get(label, 1)
            if 1 not in (n, known) and n != known:
                raise ShapeError(f"einsum: {label!r} is {known} in one operand and {n} in another in {equation!r}, "
                                 f"shapes {', '.join(str(tuple(x.shape)) for x in operands)}")  # fmt: skip
            full[label] = max(known, n) if n and known else 0
    parts = [_simple(x, term, full) for x, term in zip(operands, terms, strict=True)]
    while len(parts) > 1:
        i, j = _cheapest(parts, output, full)
        right, left = parts.pop(j), parts.pop(i)
        kept = set(output).union(*(labels for _, labels in parts))
        parts.insert(0, _pair(left, right, kept))
    x, labels = _summed(*parts[0], set(output))
    return permute(x, [labels.index(label) for label in output]) if labels != output else x


def _lettered(given: tuple) -> tuple[str, tuple]:
    """einsum(x, [0, 1], ..., output) as an equation."""
    lists, output = given[1::2], "->" + _word(given[-1]) if len(given) % 2 else ""
    return ",".join(map(_word, lists)) + output, given[0 : 2 * len(lists) : 2] if not output else given[:-1:2]


def _word(labels: Any) -> str:
    return "".join("..." if n is Ellipsis else chr(ord("A") + n if n < 26 else ord("a") + n - 26) for n in labels)


@lru_cache(maxsize=256)
def _parsed(equation: str, shapes: tuple) -> tuple[list[list], list]:
    """The labels of each operand and of the output; a dimension of "..." is labelled by its place from the right."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    words = left.split(",")
    if len(words) != len(shapes):
        raise ShapeError(f"einsum: equation {equation!r} has {len(words)} operands, got {len(shapes)}")
    terms = []
    for word, shape in zip(words, shapes, strict=True):
        lead, dots, tail = word.partition("...")
        more = len(shape) - len(lead) - len(tail)
        if not all(c.isascii() and c.isalpha() for c in lead + tail):
            raise ShapeError(f"einsum: expected letters, '...', ',' and '->', got {equation!r}")
        if more < 0 or (more and not dots):
            raise ShapeError(f"einsum: {word!r} in {equation!r} does not fit an operand of shape {shape}")
        terms.append([*lead, *range(-more, 0), *tail])
    labels = [label for term in terms for label in term]
    dims = sorted({label for label in labels if isinstance(label, int)})
    if not arrow:
        return terms, [*dims, *sorted(c for c in set(labels) - set(dims) if labels.count(c) == 1)]
    lead, dots, tail = right.partition("...")
    output = [*lead, *(dims if dots else ()), *tail]
    if len(set(output)) < len(output) or not set(output) <= set(labels) | set(dims):
        raise ShapeError(f"einsum: each letter of the output must occur once there and in an operand, got {equation!r}")
    return terms, output


def _simple(x: Tensor, term: list, full: dict) -> tuple[Tensor, list]:
    """An operand with different labels: repeated ones made a diagonal, sizes 1 that broadcast dropped."""
    labels = list(term)
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            i = labels.index(label)
            j = labels.index(label, i + 1)
            if x.shape[i] != x.shape[j]:
                raise ShapeError(f"einsum: {label!r} is {x.shape[i]} and {x.shape[j]} in one operand of shape {tuple(x.shape)}")
            x = diagonal(x, 0, i, j)
            labels = [*(c for k, c in enumerate(labels) if k not in (i, j)), label]
    keep = [k for k, label in enumerate(labels) if x.shape[k] == full[label]]
    if len(keep) < len(labels):
        x, labels = reshape(x, [x.shape[k] for k in keep]), [labels[k] for k in keep]
    return x, labels


def _cheapest(parts: list, output: list, full: dict) -> tuple[int, int]:
    """The pair of operands whose product is smallest."""
    if len(parts) == 2:
        return 0, 1

    def size(pair: tuple[int, int]) -> int:
        rest = set(output).union(*(labels for k, (_, labels) in enumerate(parts) if k not in pair))
        return math.prod(full[c] for c in rest.intersection(parts[pair[0]][1] + parts[pair[1]][1]))

    return min(combinations(range(len(parts)), 2), key=size)


def _summed(x: Tensor, labels: list, kept: set) -> tuple[Tensor, list]:
    """The operand with the labels that nobody needs summed over."""
    gone = tuple(k for k, label in enumerate(labels) if label not in kept)
    x = cast(x, dtype="int64") if gone and x.dtype.kind in ("bool", "int") else x
    return (sum_op(x, dim=gone, quick=True), [label for label in labels if label in kept]) if gone else (x, labels)


def _pair(left: tuple[Tensor, list], right: tuple[Tensor, list], kept: set) -> tuple[Tensor, list]:
    """The sum of products of two operands over the labels that are not kept."""
    x, xs = _summed(*left, kept.union(right[1]))
    w, ws = _summed(*right, kept.union(xs))
    labels = list(dict.fromkeys([*xs, *ws]))
    # stacked dimensions first, then rows, then columns: the order in which matrix products lie
    out = [c for c in xs if c in ws and c in kept] + [c for c in xs if c not in ws] + [c for c in ws if c not in xs]
    return contract(x, w, spec=tuple(tuple(map(labels.index, part)) for part in (xs, ws, out))), out


# -- products with a sum ---------------------------------------------------------------------------------------------


def _plus(who: str, input: Tensor, product: Tensor, beta: float, alpha: float) -> Tensor:
    """beta input + alpha product; with beta 0 the input does not count, not even its NaN."""
    if tensor_of(who, input).dtype is not product.dtype:
        raise DTypeError(f"{who}: expected operands of one type, got {input.dtype!r} and {product.dtype!r}. Hint: .to(dtype)")
    if product.dtype.kind in ("bool", "int"):  # as in PyTorch
        beta, alpha = int(beta), int(alpha)
    product = product if alpha == 1 else product * alpha
    if beta == 0:
        return expand(product, product.shape)
    try:
        expand(input, product.shape)
    except ShapeError:
        raise ShapeError(
            f"{who}: the input of shape {tuple(input.shape)} does not broadcast to {tuple(product.shape)}"
        ) from None
    return add(input if beta == 1 else input * beta, product)


def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta input + alpha mat1 mat2, for matrices; the input broadcasts."""
    return _plus("addmm", input, mm(mat1, mat2), beta, alpha)


def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta input + alpha mat vec."""
    return _plus("addmv", input, mv(mat, vec), beta, alpha)


def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta input + alpha vec1 vec2^T."""
    product = outer(vec1, vec2)
    if product.dtype.kind in ("bool", "int") and (isinstance(beta, float) or isinstance(alpha, float)):
        raise DTypeError(f"addr: beta and alpha must not be floating point numbers for integers, got {beta} and {alpha}")
    y = _plus("addr", input, product, beta, alpha)
    return cast(y, dtype="bool") if product.dtype.kind == "bool" else y


def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta input + alpha batch1 batch2, for stacks of matrices."""
    return _plus("baddbmm", input, bmm(batch1, batch2), beta, alpha)


def addbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta input + alpha times the sum of batch1 batch2 over the stack."""
    return _plus("addbmm", input, sum_op(bmm(batch1, batch2), dim=(0,)), beta, alpha)


def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    """input + value tensor1 tensor2."""
    return add(input, tensor1 * tensor2, alpha=number(value))


def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    """input + value tensor1 / tensor2. Raises DTypeError if both are integers."""
    if common_type((tensor1, tensor2)).kind in ("int", "bool"):
        raise DTypeError("addcdiv: integer division is not supported. Hint: .float(), or addcmul")
    return add(input, tensor1 / tensor2, alpha=number(value))


def lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    """input + weight (end - input)."""
    if tensor_of("lerp", input).dtype is not tensor_of("lerp", end, "end").dtype:
        raise DTypeError(f"lerp: expected one type, got {input.dtype!r} and {end.dtype!r}. Hint: .to(dtype)")
    return input + weight * (end - input)


def inner(input: Tensor, other: Tensor) -> Tensor:
    """The sum of products over the last dimension of both; a number multiplies."""
    if not tensor_of("inner", input).ndim or not tensor_of("inner", other, "other").ndim:
        return mul(input, other)
    if input.shape[-1] != other.shape[-1]:
        raise ShapeError(f"inner: the last dimensions must agree, got shapes {tuple(input.shape)} and {tuple(other.shape)}")
    return tensordot(input, other, dims=([-1], [-1]))


def kron(input: Tensor, other: Tensor) -> Tensor:
    """Kronecker's product: each element of `input` times the whole of `other`, laid out as blocks."""
    n = max(tensor_of("kron", input).ndim, tensor_of("kron", other, "other").ndim)
    a, c = ((1,) * (n - x.ndim) + tuple(x.shape) for x in (input, other))
    x = reshape(input, [m for size in a for m in (size, 1)])
    w = reshape(other, [m for size in c for m in (1, size)])
    return reshape(x * w, [p * q for p, q in zip(a, c, strict=True)])


@numpy_names
def cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """The vector product along `dim` (the first of size 3 if None): (x1 y2 - x2 y1, x2 y0 - x0 y2, x0 y1 - x1 y0)."""
    if dim is None:
        dim = next((d for d, n in enumerate(tensor_of("cross", input).shape) if n == 3), -1)
    return cross_along("cross", input, other, dim)


def cross_along(who: str, input: Tensor, other: Tensor, dim: int) -> Tensor:
    """The vector product along `dim`, which must be of size 3 in both."""
    if tensor_of(who, input).ndim != tensor_of(who, other, "other").ndim:
        raise ShapeError(f"{who}: expected as many dimensions, got shapes {tuple(input.shape)} and {tuple(other.shape)}")
    d = axis(who, dim, input.ndim)
    if not input.ndim or input.shape[d] != 3 or other.shape[d] != 3:
        raise ShapeError(f"{who}: dimension {dim} must have size 3, got shapes {tuple(input.shape)} and {tuple(other.shape)}")
    return roll(input, -1, d) * roll(other, -2, d) - roll(input, -2, d) * roll(other, -1, d)


# -- differences and repetition --------------------------------------------------------------------------------------


@numpy_names
def diff(input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None) -> Tensor:
    """x_(i+1) - x_i along `dim`, n times over; `prepend` and `append` join the input first. Booleans: whether they
    differ."""
    d = axis("diff", dim, tensor_of("diff", input).ndim)
    if not input.ndim:
        raise ShapeError("diff: expected at least 1 dimension, got a 0-d tensor")
    if n < 0:
        raise ShapeError(f"diff: n must be >= 0, got {n}")
    joined = [t for t in (prepend, input, append) if t is not None]
    x = cat(joined, d) if n and len(joined) > 1 else input
    for _ in range(min(n, x.shape[d])):
        more, less = narrow(x, d, 1, x.shape[d] - 1), narrow(x, d, 0, x.shape[d] - 1)
        x = logical_xor(more, less) if x.dtype.kind == "bool" else more - less
    return apart(x, input)


def unfold(self: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """All windows of `size` along `dimension`, `step` apart, each as a new last dimension: a view, which can be written
    only where its windows don't overlap."""
    d = axis("unfold", dimension, tensor_of("unfold", self).ndim)
    n, size, step = self.shape[d] if self.ndim else 1, whole("unfold", "size", size), whole("unfold", "step", step)
    if not 0 <= size <= n or step < 1:
        raise ShapeError(f"unfold: expected 0 <= size <= {n} and step >= 1, got size {size} and step {step}")
    if not self.ndim:
        return narrow(reshape(self, 1), 0, 0, size)
    return unfold_op(self, dim=d, size=size, step=step)


@named("dims", 1)
def tile(input: Tensor, *dims: Any) -> Tensor:
    """`input` laid out `dims` times along its last dimensions."""
    times = sizes("tile", dims)
    return repeat(input, (1,) * (tensor_of("tile", input).ndim - len(times)) + times)


@numpy_names
def repeat_interleave(
    input: Any = None, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Each slice along `dim` (each element if None) repeated in place, `repeats` times or by a number for each.

    repeat_interleave(repeats) alone gives the positions: 0 repeats[0] times, 1 repeats[1] times ...
    """
    if repeats is None or input is None:
        return _spread_out(tensor_of("repeat_interleave", repeats if input is None else input))
    x = flatten(tensor_of("repeat_interleave", input)) if dim is None else input
    d = axis("repeat_interleave", 0 if dim is None else dim, x.ndim)
    n = x.shape[d]
    times = repeats if isinstance(repeats, Tensor) else tensor(repeats, device=x.device)
    if times.numel() == 1:
        times = expand(flatten(times), (n,))
    if times.ndim != 1 or times.shape[0] != n:
        raise ShapeError(f"repeat_interleave: repeats must be a number or {n} of them, got shape {tuple(times.shape)}")
    return index_select_op(x, _spread_out(times), dim=d)


def _spread_out(times: Tensor) -> Tensor:
    """0 times[0] times, 1 times[1] times ..."""
    if times.ndim != 1 or times.dtype.kind != "int" or (times.shape[0] and int(times.min().item()) < 0):
        raise ShapeError(f"repeat_interleave: repeats must be integers >= 0, got {times.dtype!r} of shape {tuple(times.shape)}")
    ends = times.cumsum(0)
    total = int(ends[-1].item()) if times.shape[0] else 0
    return searchsorted(ends, arange(total, device=times.device), right=True)


def broadcast_shapes(*shapes: Any) -> Size:
    """The shape that several shapes broadcast to. Raises ShapeError naming them if there is none."""
    given = [(s,) if isinstance(s, int) else tuple(s) for s in shapes]
    out = []
    for column in zip(*((1,) * (max(map(len, given)) - len(s)) + s for s in given), strict=True) if given else ():
        wide = {n for n in column if n != 1}
        if len(wide) > 1:
            raise ShapeError(f"broadcast_shapes: expected shapes that broadcast together, got {', '.join(map(str, given))}")
        out.append(wide.pop() if wide else 1)
    return Size(out)


def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """The tensors expanded, without copying, to the shape that they broadcast to."""
    given = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
    shape = broadcast_shapes(*(tensor_of("broadcast_tensors", x).shape for x in given))
    return tuple(expand(x, shape) for x in given)


def ravel(input: Tensor) -> Tensor:
    """The elements as a vector."""
    return flatten(input)
