"""The methods of Tensor: operators, PyTorch's method names, conversion to Python and NumPy, printing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..backends import DTYPES, Device, DType, ShapeError, backend_for
from ..backends import dtype as as_dtype
from ..backends.dtypes import TENSOR_TYPES
from ..core import MODE, Op, Tensor
from ..core.tensor import base_of
from . import functions
from .arithmetic import add, cast, clone, in_rows, move, mul, neg, sub
from .compare import (
    bitwise_and,
    bitwise_left_shift,
    bitwise_not,
    bitwise_or,
    bitwise_right_shift,
    bitwise_xor,
    eq,
    ge,
    gt,
    le,
    lt,
    ne,
)
from .compose import unfold
from .create import tensor
from .elementwise import floor_divide, pow, remainder, square
from .functions import div
from .index import getitem
from .likeness import NEW
from .operands import also, as_method, axis
from .pieces import fill_diagonal_, sum_to_size
from .printing import text
from .sampling import FILLS, normal_numbers, uniform_numbers
from .shape import mT, unbind
from .update import in_place, in_place_view, overwrite, setitem


def power(x: Tensor, exponent: Any) -> Tensor:
    """x ** exponent; the square of a floating tensor has an op of its own."""
    if type(exponent) in (int, float) and exponent == 2 and x.dtype.kind == "float":
        return square(x)
    return pow(x, exponent)


def counts(x: Tensor, other: Any) -> bool:
    """Whether `other * x` is a list (or text) some number of times, which Python works out by itself."""
    return other.__class__ in (list, tuple, str) and x.dtype.kind == "int" and x.array.size == 1


def to(
    self: Tensor, *args: Any, dtype: Any = None, device: Any = None, non_blocking: bool = False, copy: bool = False,
    memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """The tensor with another dtype or on another device: `.to(float64)`, `.to("cuda")`, `.to(other_tensor)`.

    `memory_format` is accepted: the layout in memory is the kernels' affair.
    """
    for a in args:
        if isinstance(a, Tensor):
            dtype, device = a.dtype, a.device
        elif isinstance(a, Device) or (isinstance(a, (str, int)) and not isinstance(a, bool) and str(a) not in DTYPES):
            device = a
        elif a is not None and not isinstance(a, bool):
            dtype = as_dtype(a)
    out = self
    if device is not None:
        b = backend_for(device)
        if b is not self.backend:
            out = move(self, device=str(b.device))
    if dtype is not None and out.dtype is not as_dtype(dtype):
        out = cast(out, dtype=as_dtype(dtype))
    return clone(out) if copy and out is self else out


def numpy(self: Tensor, *, force: bool = False) -> np.ndarray:
    """The tensor as a NumPy array on the same memory; read-only once a graph has saved it for backward.

    Raises RuntimeError, where gradients are recorded, for a tensor that requires grad (unless `force`); TypeError for one on
    another device.
    """
    if self.requires_grad and not force and MODE.get().grad:
        raise RuntimeError("numpy: Can't call numpy() on Tensor that requires grad. Hint: tensor.detach().numpy()")
    if str(self.device) == "cuda:0" and not force:
        raise TypeError("numpy: can't convert a cuda tensor. Hint: .cpu() first")
    host = self.backend.to_host(self.array)
    if self.version is not None and len(self.version) != 1 and host is self.array:
        host = host.view()
        host.flags.writeable = False
    return host


def item(self: Tensor) -> Any:
    """The only element, as a Python number. Raises RuntimeError if there is not exactly one."""
    if self.array.size != 1:
        raise ShapeError(f"item: a tensor of shape {tuple(self.shape)} has {self.array.size} elements, expected 1. "
                         "Hint: .tolist() for all of them, .mean() or an index for one")  # fmt: skip
    return self.backend.to_host(self.array).reshape(()).item()


def tolist(self: Tensor) -> Any:
    """The elements as nested Python lists."""
    return self.backend.to_host(self.array).tolist()


def size(self: Tensor, dim: int | None = None) -> Any:
    """The shape, or one of its sizes."""
    return self.shape if dim is None else self.shape[axis("size", dim, self.ndim)]


def formatted(self: Tensor, spec: str) -> str:
    """f"{t:.4f}" formats the number of a one-element tensor; so does f"{t}", if it has no dimensions."""
    if self.array.size == 1 and (spec or not self.array.ndim):
        return format(item(self), spec)
    return object.__format__(self, spec) if spec else text(self)


def truth(self: Tensor) -> bool:
    """The truth of a one-element tensor."""
    if self.array.size != 1:
        raise RuntimeError(f"bool: the truth of a tensor with {self.array.size} elements (shape {tuple(self.shape)}) is "
                           "ambiguous. Hint: .any() or .all()")  # fmt: skip
    return bool(item(self))


def position(self: Tensor) -> int:
    """A one-element integer tensor as an index."""
    if self.dtype.kind not in ("int", "bool") or self.array.size != 1:
        raise TypeError(f"index: only integer tensors of a single element can be converted to an index, got {self.dtype!r} of "
                        f"shape {tuple(self.shape)}")  # fmt: skip
    return int(item(self))


def length(self: Tensor) -> int:
    if not self.ndim:
        raise TypeError("len() of a 0-d tensor")
    return int(self.array.shape[0])


def rows(self: Tensor) -> Iterator[Tensor]:
    if not self.ndim:
        raise TypeError("iteration over a 0-d tensor")
    return iter(unbind(self))


def as_ndarray(self: Tensor, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
    return np.array(numpy(self), dtype=dtype, copy=copy)


def deepcopied(self: Tensor, memo: dict) -> Tensor:
    if self.node is not None:
        raise RuntimeError("deepcopy: only leaf tensors can be copied deeply. Hint: .detach() first")
    new = self.__class__.__new__(self.__class__)
    Tensor.__init__(new, self.backend.xp.asarray(self.array, copy=True), None, self.wants)
    memo[id(self)] = new
    new.grad = None if self.grad is None else deepcopied(self.grad, memo)
    return new


def reduced(self: Tensor) -> tuple:
    """For pickle: a leaf as its NumPy array; the gradient and the graph stay behind."""
    if self.node is not None:
        raise RuntimeError("pickle: only leaf tensors can be pickled. Hint: .detach() first")
    return (rebuilt, (type(self), self.backend.to_host(self.array), str(self.device), self.wants))


def rebuilt(kind: type, array: np.ndarray, device: str, wants: bool) -> Tensor:
    new: Tensor = kind.__new__(kind)  # type: ignore[call-overload]
    b = backend_for(device)
    array = b.from_host(array)  # of an element type that pickle made anew, while types are known by identity here
    Tensor.__init__(new, b.xp.astype(array, b.native(as_dtype(array.dtype)), copy=True), None, wants)
    return new


def strides(self: Tensor, dim: int | None = None) -> Any:
    """How many elements lie between neighbours along each dimension, or along one."""
    found = tuple(n // self.dtype.itemsize for n in self.array.strides)
    return found if dim is None else found[axis("stride", dim, self.ndim)]


def type_as(self: Tensor, other: Tensor) -> Tensor:
    """The tensor in the type and on the device of `other`."""
    return to(self, other)


def type_(self: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The tensor as `dtype`; without one the name of its type as scripts compare it: "torch.FloatTensor"."""
    if dtype is not None:
        return to(self, dtype=dtype)
    place = "torch." if self.device.type == "cpu" else f"torch.{self.device.type}."
    return next((place + name for name, kind in TENSOR_TYPES.items() if kind is self.dtype), repr(self.dtype))


def caster(name: str) -> Callable:
    def method(self: Tensor, memory_format: Any = None) -> Tensor:
        return to(self, dtype=name)

    method.__doc__ = f"The tensor as {name}."
    return method


def compared(op: Op, x: Tensor, other: Any) -> Any:
    """x == other or x != other; of what is no tensor and no number x is different, as in PyTorch."""
    try:
        return op(x, other)
    except TypeError:
        return NotImplemented


# Plain functions, not the ops themselves: Python calls a function's method faster than any other callable's.
OPERATORS: dict[str, Callable] = {
    "add": lambda x, other: add(x, other),
    "radd": lambda x, other: add(x, other),  # x first, as PyTorch has it in the graph
    "sub": lambda x, other: sub(x, other),
    "rsub": lambda x, other: sub(other, x),
    "mul": lambda x, other: mul(x, other),
    "rmul": lambda x, other: NotImplemented if counts(x, other) else mul(x, other),
    "truediv": lambda x, other: div(x, other),
    "rtruediv": lambda x, other: div(other, x),
    "floordiv": lambda x, other: floor_divide(x, other),
    "rfloordiv": lambda x, other: floor_divide(other, x),
    "mod": lambda x, other: remainder(x, other),
    "rmod": lambda x, other: remainder(other, x),
    "pow": power,
    "rpow": lambda x, other: pow(other, x),
    "matmul": lambda x, other: functions.matmul(x, other),
    "rmatmul": lambda x, other: functions.matmul(other, x),
    "and": lambda x, other: bitwise_and(x, other),
    "rand": lambda x, other: bitwise_and(other, x),
    "or": lambda x, other: bitwise_or(x, other),
    "ror": lambda x, other: bitwise_or(other, x),
    "xor": lambda x, other: bitwise_xor(x, other),
    "rxor": lambda x, other: bitwise_xor(other, x),
    "lshift": lambda x, other: bitwise_left_shift(x, other),
    "rlshift": lambda x, other: bitwise_left_shift(other, x),
    "rshift": lambda x, other: bitwise_right_shift(x, other),
    "rrshift": lambda x, other: bitwise_right_shift(other, x),
    "eq": lambda x, other: compared(eq, x, other),
    "ne": lambda x, other: compared(ne, x, other),
    "lt": lambda x, other: lt(x, other),
    "le": lambda x, other: le(x, other),
    "gt": lambda x, other: gt(x, other),
    "ge": lambda x, other: ge(x, other),
    "neg": lambda x: neg(x),
    "pos": lambda x: functions.positive(x),
    "abs": lambda x: functions.abs(x),
    "invert": lambda x: bitwise_not(x),
    **{
        f"i{name}": in_place(name, function)
        for name, function in {"add": add, "sub": sub, "mul": mul, "truediv": div, "floordiv": floor_divide, "mod": remainder,
                               "pow": power, "and": bitwise_and, "or": bitwise_or, "xor": bitwise_xor,
                               "lshift": bitwise_left_shift, "rshift": bitwise_right_shift}.items()
    },
    "getitem": getitem,
    "setitem": setitem,
    "len": length,
    "iter": rows,
    "reversed": lambda x: functions.flip(x, 0) if x.ndim else x,
    "bool": truth,
    "int": lambda x: int(item(x)),
    "float": lambda x: float(item(x)),
    "index": position,
    "hash": object.__hash__,
    "contains": lambda x, value: bool(functions.any(eq(x, value))),
    "repr": text,
    "format": formatted,
    "complex": lambda x: complex(item(x)),
    "array": as_ndarray,
    "array_wrap": lambda x, array, *_: functions.from_numpy(np.asarray(array)),  # what np.sqrt(x) gives; masks stay boolean
    "deepcopy": deepcopied,
    "reduce": reduced,
}  # fmt: skip
for name, method in OPERATORS.items():
    setattr(Tensor, f"__{name}__", method)

# Functions of a tensor that are methods too, and those that have an in-place form.
METHODS = """abs absolute acos acosh add addbmm addcdiv addcmul addmm addmv addr adjoint alias all allclose amax
    amin aminmax angle any arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin argsort argwhere as_strided asin
    asinh atan atan2 atanh baddbmm bernoulli bincount bitwise_and bitwise_left_shift bitwise_not bitwise_or
    bitwise_right_shift bitwise_xor bmm broadcast_to ceil cholesky cholesky_inverse cholesky_solve chunk clamp
    clamp_max clamp_min clip clone conj copysign corrcoef cos cosh count_nonzero cov cross cummax cummin cumprod
    cumsum deg2rad det diag diag_embed diagflat diagonal diagonal_scatter diff digamma dist div divide dot dsplit eq
    equal erf erfc erfinv exp exp2 expand expm1 fix flatten flip fliplr flipud float_power floor floor_divide fmax
    fmin fmod frac gather gcd ge greater greater_equal gt heaviside histc hsplit hypot i0 igamma igammac index_add
    index_copy index_fill index_put index_reduce index_select inner inverse is_same_size is_signed isclose isfinite
    isinf isnan isneginf isposinf isreal kron kthvalue lcm ldexp le lerp less less_equal lgamma log log10 log1p log2
    log_softmax logaddexp logaddexp2 logcumsumexp logdet logical_and logical_not logical_or logical_xor logit
    logsumexp lt lu lu_solve masked_fill masked_scatter masked_select matmul matrix_exp matrix_power max maximum
    mean median min minimum mm mode moveaxis movedim msort mul multinomial multiply mv mvlgamma nan_to_num nanmean
    nanmedian nanquantile nansum narrow narrow_copy ne neg negative nonzero norm not_equal orgqr outer permute
    pinverse polygamma positive pow prod put qr quantile rad2deg ravel reciprocal relu remainder renorm repeat
    repeat_interleave reshape resolve_conj resolve_neg roll rot90 round rsqrt scatter scatter_add scatter_reduce
    select select_scatter sgn sigmoid sign signbit sin sinc sinh slice_scatter slogdet softmax sort split
    split_with_sizes sqrt square squeeze std sub subtract sum svd swapaxes swapdims t take take_along_dim tan tanh
    tensor_split tile topk trace transpose tril triu true_divide trunc unbind unflatten unique unique_consecutive
    unsqueeze var vdot vsplit xlogy""".split()
IN_PLACE = """abs absolute acos acosh add addbmm addcdiv addcmul addmm addmv addr arccos arccosh arcsin arcsinh
    arctan arctan2 arctanh asin asinh atan atan2 atanh baddbmm bitwise_and bitwise_left_shift bitwise_not bitwise_or
    bitwise_right_shift bitwise_xor ceil clamp clamp_max clamp_min clip copysign cos cosh cumprod cumsum deg2rad
    digamma div divide eq erf erfc erfinv exp exp2 expm1 fix float_power floor floor_divide fmod frac gcd ge greater
    greater_equal gt heaviside hypot i0 igamma igammac index_add index_copy index_fill index_put index_reduce lcm
    ldexp le lerp less less_equal lgamma log log10 log1p log2 logical_and logical_not logical_or logical_xor logit
    lt masked_fill masked_scatter mul multiply mvlgamma nan_to_num ne neg negative not_equal polygamma pow put
    rad2deg reciprocal relu remainder renorm round rsqrt scatter scatter_add scatter_reduce sgn sigmoid sign sin
    sinc sinh sqrt square sub subtract tan tanh tril triu true_divide trunc xlogy""".split()


for name in METHODS:
    function = getattr(functions, name)
    setattr(Tensor, name, as_method(function) if isinstance(function, Op) else function)
for name in IN_PLACE:
    setattr(Tensor, f"{name}_", in_place(name, getattr(functions, name)))
for name in ("as_strided", "squeeze", "unsqueeze", "t", "transpose", "swapaxes", "swapdims"):
    setattr(Tensor, f"{name}_", in_place_view(name, getattr(functions, name)))
for method in (to, numpy, item, tolist, size, type_as):
    setattr(Tensor, method.__name__, method)
for name in ("float", "double", "half", "bfloat16", "int", "long", "short", "bool"):
    setattr(Tensor, name, caster(name))


def cpu(self: Tensor) -> Tensor:
    """The tensor on the CPU."""
    return to(self, device="cpu")


def cuda(self: Tensor, device: Any = None) -> Tensor:
    """The tensor on the GPU."""
    return to(self, device="cuda" if device is None else device)


def is_contiguous(self: Tensor, memory_format: Any = None) -> bool:
    """Whether the elements lie in memory one after another, in row-major order."""
    expected = 1
    for n, stride in zip(reversed(self.shape), reversed(strides(self)), strict=True):
        if n > 1 and stride != expected:
            return not self.array.size
        expected *= n
    return True


def contiguous(self: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor itself if it is contiguous, else a copy that is."""
    return self if is_contiguous(self) else in_rows(self)


def view(self: Tensor, *shape: Any, size: Any = None, dtype: DType | None = None) -> Tensor:
    """The elements in another shape (or type) on the same memory.

    Raises ShapeError for a view, such as a transposed one, whose elements do not lie in the order that the shape needs.
    """
    shape = (*shape, *(x for x in (size, dtype) if x is not None))
    if len(shape) == 1 and isinstance(shape[0], DType):
        return Tensor(self.array.view(self.backend.native(shape[0])))
    out = functions.reshape(self, *shape)
    if out.base is None and self.base is not None and self.array.size and is_contiguous(owner(self)):
        raise ShapeError(f"view: shape {tuple(out.shape)} does not lie in the memory of the view of shape {tuple(self.shape)} "
                         f"and strides {strides(self)}. Hint: .contiguous().view(...) or .reshape(...)")  # fmt: skip
    return out


def owner(x: Tensor) -> Tensor:
    """The tensor that a view, or a view of a view, was taken from."""
    while (base := base_of(x)) is not None:
        x = base
    return x


def copy_(self: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Write `src`, broadcast, cast and brought from its device, into this tensor."""
    return overwrite("copy_", self, to(src if isinstance(src, Tensor) else tensor(src), self.device, self.dtype))


def fill_(self: Tensor, value: Any) -> Tensor:
    """Write one value (a number or a 0-d tensor) into every element."""
    if isinstance(value, Tensor) and value.ndim:
        raise ShapeError(f"fill_: expected a number or a 0-d tensor, got shape {tuple(value.shape)}. Hint: copy_")
    return overwrite("fill_", self, cast(value, dtype=self.dtype) if isinstance(value, Tensor) else value)


def zero_(self: Tensor) -> Tensor:
    """Write 0 into every element."""
    return overwrite("zero_", self, 0)


@also(**{"from": "a", "to": "b"})
def uniform_(self: Tensor, a: float = 0, b: float = 1, *, generator: Any = None) -> Tensor:
    """Fill with numbers uniform on [a, b). Raises ShapeError if a > b."""
    if a > b:
        raise ShapeError(f"uniform_: expected a <= b, got {a} and {b}")
    return overwrite("uniform_", self, uniform_numbers(self, a, b, generator))


def normal_(self: Tensor, mean: float = 0, std: float = 1, *, generator: Any = None) -> Tensor:
    """Fill with normal numbers of the given mean and standard deviation. Raises ShapeError for a negative one."""
    if not std >= 0:
        raise ShapeError(f"normal_: std must be >= 0, got {std}")
    return overwrite("normal_", self, normal_numbers(self, mean, std, generator))


for method in (cpu, cuda, is_contiguous, contiguous, view, copy_, fill_, zero_, uniform_, normal_, *FILLS, *NEW):
    setattr(Tensor, method.__name__, method)


def adjoint_of_matrix(x: Tensor) -> Tensor:
    """x transposed, and conjugated if it is complex. Raises ShapeError unless it has 2 dimensions or none."""
    if x.ndim not in (0, 2):
        raise ShapeError(f"H: expected a matrix, got shape {tuple(x.shape)}. Hint: mH for batches of matrices")
    return functions.adjoint(x) if x.ndim else x


PROPERTIES: dict[str, Callable] = {
    "T": lambda x: functions.permute(x, *reversed(range(x.ndim))),
    "mT": lambda x: mT(x),
    "H": adjoint_of_matrix,
    "mH": lambda x: functions.adjoint(x),
    "real": lambda x: functions.real(x),
    "imag": lambda x: functions.imag(x),
    "is_cuda": lambda x: x.device.type == "cuda",
    "is_cpu": lambda x: x.device.type == "cpu",
    "is_mps": lambda x: False,
    "is_sparse": lambda x: False,
    "is_sparse_csr": lambda x: False,
    "layout": lambda x: "strided",
    "is_quantized": lambda x: False,
    "nbytes": lambda x: x.array.size * x.dtype.itemsize,
    "itemsize": lambda x: x.dtype.itemsize,
}
for name, get in PROPERTIES.items():
    setattr(Tensor, name, property(get))
SIMPLE: dict[str, Callable] = {
    "dim": lambda x: x.ndim,
    "numel": lambda x: x.array.size,
    "nelement": lambda x: x.array.size,
    "element_size": lambda x: x.dtype.itemsize,
    "is_floating_point": lambda x: x.dtype.is_floating_point,
    "is_complex": lambda x: x.dtype.is_complex,
    "ndimension": lambda x: x.ndim,
    "unfold": unfold,
    "type": type_,
    "where": lambda x, condition, other: functions.where(condition, x, other),
    "expand_as": lambda x, other: x.expand(other.shape),
    "view_as": lambda x, other: x.view(other.shape),
    "reshape_as": lambda x, other: x.reshape(other.shape),
    "byte": caster("uint8"),
    "char": caster("int8"),
    "ger": functions.outer,
    "sum_to_size": sum_to_size,
    "fill_diagonal_": fill_diagonal_,
    "cfloat": caster("complex64"),
    "cdouble": caster("complex128"),
    "get_device": lambda x: -1 if x.device.type == "cpu" else x.device.index or 0,
    "pin_memory": lambda x, device=None: x,
    "is_pinned": lambda x: False,
    "share_memory_": lambda x: x,
    "is_nonzero": truth,
    "data_ptr": lambda x: x.array.ctypes.data if hasattr(x.array, "ctypes") else x.array.data.ptr,
    "stride": strides,
}
for name, method in SIMPLE.items():
    setattr(Tensor, name, method)
