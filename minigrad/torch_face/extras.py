"""PyTorch's functions about tensors rather than of them, and answers for what minigrad has not: compilers, hubs, clusters."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from ..autograd.tree import filled, leaves, mapped
from ..backends import dtype as as_dtype
from ..core import Tensor
from ..nn import functional
from ..ops.create import as_tensor, from_numpy, linspace
from ..ops.matmul import outer
from ..ops.random import get_rng_state, set_rng_state
from ..ops.results import returned

# -- about tensors -----------------------------------------------------------------------------------------------------


def is_tensor(obj: Any) -> bool:
    """Whether `obj` is a tensor."""
    return isinstance(obj, Tensor)


def is_nonzero(input: Tensor) -> bool:
    """Whether the only element of `input` is not 0."""
    return bool(input)


@returned("histogram")
class Histogram(NamedTuple):
    """What `histogram` gives: the counts and the borders of the bins."""

    hist: Tensor
    bin_edges: Tensor


def histogram(
    input: Tensor, bins: int | Tensor, *, range: Sequence[float] | None = None, weight: Tensor | None = None,
    density: bool = False,
) -> Histogram:  # fmt: skip
    """The number (or total `weight`) of elements in each bin, and the bins' borders; as a density its integral is 1.

    `bins` is a number of bins of equal width over `range` (from the least to the greatest element unless given), or the
    rising borders themselves. The last bin has its right border in it, elements outside count nowhere. No gradient.
    """
    x = input.detach().reshape(-1).numpy(force=True)
    w = None if weight is None else weight.detach().reshape(-1).numpy(force=True)
    if isinstance(bins, Tensor):
        borders = bins.clone()
    else:
        if range is None and not x.size:
            raise ValueError("histogram: an empty tensor has no range of its own. Hint: range=(low, high)")
        low, high = (float(x.min()), float(x.max())) if range is None else map(float, range)
        low, high = (low - 0.5, high + 0.5) if low == high else (low, high)
        borders = linspace(low, high, bins + 1, dtype=input.dtype, device=input.device)
    counts, _ = np.histogram(x, borders.numpy(force=True), weights=w, density=density)
    return Histogram(as_tensor(counts, dtype=input.dtype, device=input.device), borders)


@returned("histogramdd")
class HistogramDD(NamedTuple):
    """What `histogramdd` gives: the counts, and the borders of the bins along each dimension."""

    hist: Tensor
    bin_edges: tuple[Tensor, ...]


def histogramdd(
    input: Tensor, bins: Any, *, range: Sequence[float] | None = None, weight: Tensor | None = None, density: bool = False
) -> HistogramDD:
    """`histogram` of points (..., D) in D dimensions.

    `bins` is a number of bins, one for each dimension, or the borders of each; `range` the least and the greatest of each.
    """
    x = input.detach().reshape(-1, input.shape[-1])
    d = x.shape[1]
    each = list(bins) if isinstance(bins, (list, tuple)) else [bins] * d
    if len(each) != d or (range is not None and len(range) != 2 * d):
        raise ValueError(f"histogramdd: expected bins and two ends of the range for each of {d} dimensions, got "
                         f"{len(each)} and {None if range is None else len(range)}")  # fmt: skip
    ends = [None if range is None else range[2 * k : 2 * k + 2] for k in np.arange(d)]
    edges = [histogram(x[:, k], n, range=end).bin_edges for k, (n, end) in enumerate(zip(each, ends, strict=True))]
    w = None if weight is None else weight.detach().reshape(-1).numpy(force=True)
    host = [edge.numpy(force=True) for edge in edges]
    counts, _ = np.histogramdd(x.numpy(force=True), host, weights=w, density=density)
    return HistogramDD(as_tensor(counts, dtype=input.dtype, device=input.device), tuple(edges))


def typename(obj: Any) -> str:
    """The name of a tensor's type ("torch.FloatTensor"), else that of a class, a function or an object's class."""
    if isinstance(obj, Tensor):
        return obj.type()
    named = obj if hasattr(obj, "__qualname__") else type(obj)
    module = getattr(named, "__module__", None)
    return named.__qualname__ if module in (None, "", "builtins") else f"{module}.{named.__qualname__}"


def nextafter(input: Tensor, other: Tensor) -> Tensor:
    """The floating numbers next to those of `input`, on the way to `other`. No gradient."""
    return as_tensor(np.nextafter(input.numpy(force=True), other.numpy(force=True)), device=input.device)


@returned("frexp")
class Frexp(NamedTuple):
    """What `frexp` gives: numbers of size 1/2 to 1, and the powers of 2 that they are to be multiplied by."""

    mantissa: Tensor
    exponent: Tensor


def frexp(input: Tensor) -> Frexp:
    """input = mantissa 2^exponent, with 1/2 <= |mantissa| < 1; 0, NaN and infinities have exponent 0."""
    exponent = np.frexp(input.numpy(force=True))[1]
    half = exponent // 2  # 2^exponent itself may be too large
    scales = (as_tensor(np.ldexp(1.0, -e), dtype=input.dtype, device=input.device) for e in (half, exponent - half))
    return Frexp(input * next(scales) * next(scales), as_tensor(exponent, device=input.device))


def frombuffer(
    buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:  # fmt: skip
    """The numbers in a buffer of bytes, such as a file's; on the same memory if that may be written."""
    array = np.frombuffer(buffer, as_dtype(dtype).name, count, offset)
    return from_numpy(array if array.flags.writeable else array.copy()).requires_grad_(requires_grad)


@contextmanager
def fork_rng(devices: Any = None, enabled: bool = True) -> Iterator[None]:
    """A block after which the default generator goes on where it was before."""
    state = get_rng_state()
    try:
        yield
    finally:
        if enabled:
            set_rng_state(state)


def swap_tensors(t1: Tensor, t2: Tensor) -> None:
    """Exchange two tensors: whatever holds the one has all that the other was, its class and attributes too.

    Raises RuntimeError for a tensor that an operation made: its graph would go on to lead to the other.
    """
    if t1.grad_fn is not None or t2.grad_fn is not None:
        raise RuntimeError("swap_tensors: expected two leaves, got a tensor that an operation made. Hint: .detach()")
    (state1, class1), (state2, class2) = ((parts(t), type(t)) for t in (t1, t2))
    for tensor, kind, state in ((t1, class2, state2), (t2, class1, state1)):
        tensor.__class__ = kind
        for name in Tensor.__slots__[:-2]:
            if name in state:
                setattr(tensor, name, state[name])
            elif hasattr(tensor, name):
                delattr(tensor, name)
        tensor.__dict__.clear()
        tensor.__dict__.update(state["__dict__"])


def parts(tensor: Tensor) -> dict[str, Any]:
    """What lies in a tensor's slots, and its attributes."""
    held = {name: getattr(tensor, name) for name in Tensor.__slots__[:-2] if hasattr(tensor, name)}
    return held | {"__dict__": dict(tensor.__dict__)}


def itself(model: Any = None, *_: Any, **__: Any) -> Any:
    """`model` itself, for `compile` and `jit.script`: what is not compiled gives the same numbers. Decorates, too."""
    return itself if model is None else model


def numel(input: Tensor) -> int:
    """The number of elements."""
    return input.numel()


SAME_ORDER = """adaptive_avg_pool1d alpha_dropout avg_pool1d bilinear celu celu_ channel_shuffle conv1d conv2d
    conv3d conv_transpose1d conv_transpose2d conv_transpose3d cosine_similarity dropout feature_alpha_dropout
    group_norm hardshrink layer_norm max_pool1d max_pool2d max_pool3d pairwise_distance pixel_shuffle
    pixel_unshuffle prelu rms_norm rrelu rrelu_ selu selu_ threshold threshold_""".split()  # of nn.functional
TORCH = {name: getattr(functional, name) for name in SAME_ORDER if hasattr(functional, name)}
IN_PLACE = """abs acos acosh addmv arccos arccosh arcsin arcsinh arctan arctanh asin asinh atan atanh ceil clamp clamp_max
    clamp_min clip cos cosh deg2rad detach erf erfc exp exp2 expm1 fill fix floor frac gcd i0 index_put lcm ldexp log log10
    log1p log2 logit nan_to_num neg negative rad2deg reciprocal round rsqrt sigmoid sin sinc sinh sqrt square tan tanh trunc
    xlogy zero""".split()  # methods that PyTorch has as functions as well
TORCH |= {f"{name}_": vars(Tensor)[f"{name}_"] for name in IN_PLACE} | {"relu_": functional.relu_}
TORCH |= {"is_tensor": is_tensor, "is_nonzero": is_nonzero, "compile": itself, "numel": numel, "frombuffer": frombuffer,
          "is_floating_point": vars(Tensor)["is_floating_point"], "is_complex": vars(Tensor)["is_complex"],
          "detach": vars(Tensor)["detach"], "newaxis": None, "ger": outer,
          "histogramdd": histogramdd, "typename": typename}  # fmt: skip
PYTREE = {"tree_map": mapped, "tree_leaves": leaves, "tree_flatten": lambda tree: (leaves(tree), tree),
          "tree_unflatten": lambda leaves, treespec: filled(treespec, leaves)}  # fmt: skip
JIT = {"script": itself, "trace": itself, "ignore": itself, "export": itself, "unused": itself, "is_scripting": lambda: False,
       "is_tracing": lambda: False}  # fmt: skip

# -- what is not here --------------------------------------------------------------------------------------------------


def refusal(name: str, reason: str) -> Callable:
    """A function that raises RuntimeError with the reason why there is none."""

    def refused(*_: Any, **__: Any) -> Any:
        raise RuntimeError(f"{name}: {reason}")

    refused.__name__ = name.rpartition(".")[2]
    return refused


ALONE = "there is one process. Hint: run the script without its distributed part, on one process"
RPC = {name: refusal(f"distributed.rpc.{name}", ALONE) for name in ("init_rpc", "shutdown", "rpc_sync", "rpc_async", "remote")}
FSDP = {name: refusal(f"distributed.fsdp.{name}", ALONE) for name in ("FullyShardedDataParallel", "fully_shard")}
FX_REASON = "minigrad records calls instead of rewriting code. Hint: with minigrad.record() as program: model(x)"
ONNX_REASON = "minigrad can't export to ONNX from here"
ONNX = {"is_in_onnx_export": lambda: False, "export": refusal("onnx.export", ONNX_REASON)}


def SummaryWriter(*args: Any, **kwargs: Any) -> Any:
    """A writer of TensorBoard's logs, from the package tensorboardX. Raises ImportError where it is not installed."""
    if importlib.util.find_spec("tensorboardX") is None:
        raise ImportError(
            "SummaryWriter: needs the package tensorboardX, which is not installed. Hint: pip install tensorboardX"
        )
    return importlib.import_module("tensorboardX").SummaryWriter(*args, **kwargs)
