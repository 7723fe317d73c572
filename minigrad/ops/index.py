"""Indexing: x[...] in all its forms, gathering and scattering."""

from __future__ import annotations

from typing import Any

from ..backends import ARRAY, BACKENDS, DTypeError, Rows, ShapeError, backend_of, is_array
from ..core import MODE, Tensor, op
from .arithmetic import expand, move, sum_to, where
from .operands import axis, numpy_names, tensor_of
from .shape import reshape_op, slice_op


@op("general", name="getitem")
def getitem_op(b, x, *indices, spec):
    """x[spec], where each ARRAY in the spec stands for the next index tensor; a copy, as in NumPy"""
    return b.take_at(x, filled(spec, indices))


@op("linear", name="getitem_adjoint")
def getitem_adjoint(b, x, *indices, shape, spec):
    """Zeros of `shape` with x added at [spec]; an element taken twice adds up"""
    return b.add_at(shape, filled(spec, indices), x)


@op("general", name="setitem")
def setitem_op(b, x, value, *indices, spec):
    """x with `value` at [spec]"""
    return b.put_at(x, filled(spec, indices), value)


@op("general", name="index_select")
def index_select_op(b, x, index, *, dim, sparse=False):
    """y[..., i, ...] = x[..., index[i], ...] along `dim`; `sparse`: the gradient of x is kept as that of some rows"""
    return b.take(x, index, dim)


@op("general", name="index_add")
def index_add_op(b, x, index, *, n, dim):
    """Zeros with x[..., i, ...] added at [..., index[i], ...] of `dim`, of size n: the adjoint of `index_select`"""
    xp = b.xp
    first = (dim, *(d for d in range(x.ndim) if d != dim))
    out = b.index_add(n, index, xp.permute_dims(x, first))
    return xp.permute_dims(out, tuple(first.index(d) for d in range(x.ndim)))


@op("general", name="gather")
def gather_op(b, x, index, *, dim):
    """y[i, j, k] = x[index[i, j, k], j, k] for dim = 0, and so on"""
    lead = tuple(slice(0, n) if d != dim else slice(None) for d, n in enumerate(index.shape))
    return b.xp.take_along_axis(x[lead], index, axis=dim)


@op("general", name="scatter_add")
def scatter_add_op(b, x, index, *, dim, shape):
    """Zeros of `shape` with x[i, j, k] added at [index[i, j, k], j, k]: the adjoint of `gather`"""
    xp = b.xp
    at = []
    for d, n in enumerate(index.shape):
        line = tuple(n if k == d else 1 for k in range(index.ndim))
        at.append(index if d == dim else xp.broadcast_to(xp.reshape(xp.arange(n, dtype=index.dtype), line), index.shape))
    return b.add_at(shape, tuple(at), x)


getitem_op.vjp(x=lambda g, x_shape, indices, spec: getitem_adjoint(g, *indices, shape=x_shape, spec=spec))
getitem_adjoint.vjp(x=lambda g, indices, spec: getitem_op(g, *indices, spec=spec))
setitem_op.vjp(
    x=lambda g, indices, spec: setitem_op(g, 0.0, *indices, spec=spec),
    value=lambda g, value_shape, indices, spec: unbroadcast(
        getitem_op(g, *indices, spec=spec) if indices else g[spec], value_shape
    ),
)
index_select_op.vjp(x=lambda g, x_shape, index, dim, sparse: taken_back(g, x_shape, index, dim, sparse))
index_add_op.vjp(x=lambda g, index, dim: index_select_op(g, index, dim=dim))
gather_op.vjp(x=lambda g, x_shape, index, dim: scatter_add_op(g, index, dim=dim, shape=x_shape))
scatter_add_op.vjp(x=lambda g, index, dim: gather_op(g, index, dim=dim))


def taken_back(g: Any, shape: tuple, index: Any, dim: int, sparse: bool) -> Any:
    """The gradient of what `index_select` took from; of an ordinary pass on bare arrays as that of some rows, if `sparse`."""
    if sparse and is_array(g):
        return Rows(backend_of(g), tuple(shape), index, g)
    return index_add_op(g, index, n=shape[dim], dim=dim)


def unbroadcast(g: Any, shape: tuple) -> Any:
    """g summed to the shape of a value that was broadcast when it was assigned."""
    lead = g.ndim - len(shape)
    return (
        g
        if tuple(g.shape) == tuple(shape)
        else sum_to(g if lead >= 0 else reshape_op(g, shape=(1,) * -lead + tuple(g.shape)), shape=tuple(shape))
    )


def filled(spec: tuple, arrays: tuple) -> tuple:
    """The spec with the arrays put in."""
    rest = iter(arrays)
    return tuple(next(rest) if item is ARRAY else item for item in spec)


# -- x[index] -----------------------------------------------------------------------------------------------------


def parse(x: Tensor, index: Any) -> tuple[tuple, tuple, list[Tensor]]:
    """An index in two steps, as PyTorch takes them: (basic, spec, tensors), with x[index] = x[basic][spec of tensors].

    `basic` holds what gives a view: ints (a 0-d tensor is one), slices, None. `spec` has an ARRAY for each index tensor and
    whole slices.
    Raises IndexError for too many indices, a position out of range or an index that is no integer or boolean.
    """
    items = index if isinstance(index, tuple) else tuple(index) if _lists(index) else (index,)
    if sum(item is Ellipsis for item in items) > 1:
        raise IndexError("index: only one ... may appear")
    dims = sum(_takes(item) for item in items)
    if dims > x.ndim:
        raise IndexError(f"index: too many indices ({dims}) for a tensor of shape {tuple(x.shape)}")
    basic: list[Any] = []
    spec: list[Any] = []
    tensors: list[Tensor] = []
    d = 0
    for item in items:
        whole = 1  # dimensions that the second step sees
        if item is Ellipsis:
            whole = x.ndim - dims
            basic += [slice(None)] * whole
            d += whole
        elif item is None:
            basic.append(None)
        elif isinstance(item, slice):
            basic.append(_slice(item))
            d += 1
        elif is_int(item) or _is_place(item):
            basic.append(_place(_number(item), x.shape[d], d))
            d, whole = d + 1, 0
        elif _is_array(item) and not _takes(item):  # one boolean: a new dimension of size 1 or 0
            basic.append(None)
            tensors.append(Tensor(x.backend.xp.zeros(int(bool(item)), dtype=x.backend.xp.int64)))
        else:
            tensors.append(_index_tensor(x, item, d))
            n = _takes(item) if tensors[-1].dtype.kind == "bool" else 1
            basic += [slice(None)] * n
            d += n
        spec += [ARRAY] if len(tensors) > spec.count(ARRAY) else [slice(None)] * whole
    return (*basic, ...), (*spec, ...), tensors


def _lists(index: Any) -> bool:
    """Whether a list stands for a tuple of indices: one that holds lists, tensors, slices, None or ..., as in PyTorch."""
    kinds = (list, tuple, Tensor, slice, type(None), type(Ellipsis))
    return isinstance(index, list) and any(isinstance(item, kinds) or is_array(item) and item.ndim for item in index)


def _is_array(item: Any) -> bool:
    """Whether an index item is a list, an array, a tensor or a boolean."""
    return not (item is None or item is Ellipsis or isinstance(item, slice) or is_int(item))


def _slice(item: slice) -> slice:
    """A slice of ints. Raises for a step below 1."""
    ends = (item.start, item.stop, item.step)
    if not all(v is None or hasattr(v, "__index__") for v in ends):
        raise TypeError(f"index: slice indices must be integers or None, got {item!r}")
    start, stop, step = (None if v is None else v.__index__() for v in ends)
    if step is not None and step < 1:
        raise ShapeError(f"index: step must be greater than zero, got {step}. Hint: minigrad.flip")
    return slice(start, stop, step)


def _place(i: int, n: int, d: int) -> int:
    """A position in dimension d of size n. Raises IndexError out of range."""
    if not -n <= i < n:
        raise IndexError(f"index: index {i} is out of bounds for dimension {d} with size {n}")
    return i


def is_whole(index: tuple) -> bool:
    """Whether an index takes everything as it is."""
    return all(item is Ellipsis or (isinstance(item, slice) and item == slice(None)) for item in index)


def is_int(item: Any) -> bool:
    """Whether an index item is one integer, Python's or NumPy's."""
    return hasattr(item, "__index__") and not isinstance(item, (bool, Tensor)) and not getattr(item, "ndim", 0)


def _is_place(item: Any) -> bool:
    """Whether an index item is a 0-d tensor that stands for one integer; inside vmap it stands for many, bytes are masks."""
    scalar = isinstance(item, Tensor) and not item.ndim and item.dtype.kind == "int" and item.dtype.name != "uint8"
    return scalar and item.backend.name != "vmap"


def _number(item: Any) -> int:
    """The integer of an index item. A program that is recorded is told if a tensor of its own gave it: it can't follow that."""
    for listener in MODE.get().listeners if isinstance(item, Tensor) else ():
        if hasattr(listener, "unheard") and listener.of(item) is not None:
            listener.unheard("the position in x[i] was read from a 0-d tensor (index_select is followed)")
    return int(item)


def _takes(item: Any) -> int:
    """How many dimensions an index item uses up."""
    if item is None or item is Ellipsis or isinstance(item, bool):
        return 0
    if isinstance(item, list):
        item = BACKENDS["cpu"].xp.asarray(item)
    kind = getattr(item, "dtype", None)
    return item.ndim if getattr(kind, "kind", "") in ("bool", "b") or getattr(kind, "name", "") == "uint8" else 1


def _index_tensor(x: Tensor, item: Any, d: int) -> Tensor:
    """An index list, array or tensor, checked against dimension d of x and wrapped to non-negative positions."""
    b = x.backend
    if not isinstance(item, Tensor):
        if not (is_array(item) or isinstance(item, (list, tuple, range, bool))):
            raise IndexError("index: expected integers, slices (:), ellipsis (...), None, boolean or integer tensors, "
                             f"got {type(item).__name__}")  # fmt: skip
        host = BACKENDS["cpu"].xp.asarray(list(item) if isinstance(item, range) else item)
        if host.size == 0 and host.dtype.kind == "f":
            host = host.astype("int64")
        item = Tensor(b.from_host(host))
    elif item.backend is not b:
        item = move(item, device=str(x.device))
    if item.dtype.name == "uint8":  # PyTorch's former masks
        item = item != 0
    kind = item.dtype.kind
    if kind == "bool":
        if tuple(item.shape) != tuple(x.shape[d : d + item.ndim]):
            raise IndexError(
                f"index: the mask of shape {tuple(item.shape)} does not match the indexed dimensions of shape "
                f"{tuple(x.shape[d : d + item.ndim])}"
            )
        return item
    if kind != "int":
        raise IndexError(f"index: tensors used as indices must be integer or boolean, got {item.dtype!r}. Hint: .long()")
    return in_range("index", item, x.shape[d], d)


def in_range(who: str, index: Tensor, n: int, dim: int, least: int | None = None) -> Tensor:
    """The index tensor, after a check that every entry names one of the n positions of `dim`, from `least` (-n) on."""
    least = -n if least is None else least
    array = index.array
    if array.size:
        xp = index.backend.xp
        low, high = int(xp.min(array)), int(xp.max(array))
        if low < least or high >= n:
            bad = low if low < least else high
            raise IndexError(f"{who}: index {bad} is out of bounds for dimension {dim} with size {n}")
    return index


def from_start(who: str, index: Tensor, n: int, dim: int) -> Tensor:
    """The index tensor, after a check that every entry is one of 0 ... n - 1."""
    return in_range(who, index, n, dim, 0)


def getitem(x: Tensor, index: Any) -> Tensor:
    """x[index]: a view for slices, integers (0-d tensors too), None and ...; a copy if another array or a list takes part."""
    common = isinstance(index, Tensor) and index.ndim == 1 and x.ndim and index.dtype.kind == "int"
    if common and index.dtype.name != "uint8" and type(index.array) is type(x.array):  # at once; bytes are masks
        n = x.shape[0]
        return index_select_op(x, nonnegative(in_range("index", index, n, 0), n), dim=0)
    basic, spec, tensors = parse(x, index)
    if not tensors:
        return slice_op(x, index=basic)
    x = x if is_whole(basic) else slice_op(x, index=basic)
    if len(tensors) == 1 and tensors[0].ndim == 1 and tensors[0].dtype.kind == "int":
        dim = spec.index(ARRAY)
        return index_select_op(x, nonnegative(tensors[0], x.shape[dim]), dim=dim)
    return getitem_op(x, *tensors, spec=spec)


def nonnegative(index: Tensor, n: int) -> Tensor:
    """Positions counted from the end made positions from the start."""
    array = index.array
    if array.size and int(index.backend.xp.min(array)) < 0:
        return where(index < 0, index + n, index)
    return index


@numpy_names
def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    """y[i, j, k] = x[index[i, j, k], j, k] for dim = 0, and so on. Raises IndexError for an index out of range."""
    d = axis("gather", dim, tensor_of("gather", input).ndim)
    _like_input("gather", input, d, tensor_of("gather", index, "index"))
    if not input.ndim:
        return reshape_op(gather_op(reshape_op(input, shape=(1,)), reshape_op(index, shape=(1,)), dim=0), shape=index.shape)
    return gather_op(input, index, dim=d)


def _like_input(who: str, x: Tensor, d: int, index: Tensor) -> None:
    if index.dtype.kind != "int":
        raise DTypeError(f"{who}: index must be an integer tensor, got {index.dtype!r}. Hint: .long()")
    if max(index.ndim, 1) != max(x.ndim, 1):
        raise ShapeError(f"{who}: index must have as many dimensions as the input {tuple(x.shape)}, got {tuple(index.shape)}")
    for k, (n, m) in enumerate(zip(index.shape, x.shape, strict=False)):
        if k != d and n > m:
            raise ShapeError(
                f"{who}: index of shape {tuple(index.shape)} exceeds the input's {tuple(x.shape)} in dimension {k}"
            )
    from_start(who, index, x.shape[d] if x.ndim else 1, d)


@numpy_names
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The slices of `input` along `dim` at the positions in the 1-d `index`, in that order.

    Raises IndexError for a position out of range; negative ones are.
    """
    d = axis("index_select", dim, tensor_of("index_select", input).ndim)
    if tensor_of("index_select", index, "index").ndim > 1 or index.dtype.kind != "int":
        raise ShapeError(f"index_select: index must be a vector of integers, got {index.dtype!r} of shape {tuple(index.shape)}")
    at = reshape_op(index, shape=(-1,)) if index.ndim == 0 else index
    if not input.ndim and at.shape[0] != 1:
        raise ShapeError(f"index_select: a scalar takes an index of 1 position, got shape {tuple(index.shape)}")
    x = input if input.ndim else reshape_op(input, shape=(1,))
    y = index_select_op(x, from_start("index_select", at, x.shape[d], d), dim=d)
    return y if input.ndim else reshape_op(y, shape=())


@numpy_names
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """`gather` with input and indices broadcast in all other dimensions, negative indices counted from the end; over the
    flattened input if dim is None."""
    if dim is None:
        return gather(reshape_op(input, shape=(-1,)), 0, reshape_op(indices, shape=(-1,)))
    d = axis("take_along_dim", dim, input.ndim)
    if indices.ndim != input.ndim:
        raise ShapeError(f"take_along_dim: expected indices with {input.ndim} dimensions, got shape {tuple(indices.shape)}")
    others = [n if m == 1 else m for m, n in zip(input.shape, indices.shape, strict=True)]
    x, at = (expand(t, shape=(*others[:d], t.shape[d], *others[d + 1 :])) for t in (input, indices))
    n = x.shape[d]
    return gather(x, d, nonnegative(in_range("take_along_dim", at, n, d), n))


def embedding_rows(weight: Tensor, index: Tensor, sparse: bool = False) -> Tensor:
    """weight[index] for an index tensor of any shape: (n, D), (...) -> (..., D)."""
    flat = index_select_op(weight, reshape_op(index, shape=(-1,)), dim=0, sparse=sparse)
    return reshape_op(flat, shape=(*index.shape, *weight.shape[1:]))
