"""cuDNN for the CuPy backend, through the package nvidia-cudnn-frontend: convolution and batch norm.

Each op is a graph of one node, described by shapes, strides and types, for which cuDNN chooses a plan; graphs are kept and run
again on bare pointers. Channels lie last in memory, as cuDNN's kernels want them. What cuDNN has no plan for, or fails at, goes
to the kernels that were there before, with one warning.
Source: "cuDNN Frontend API", docs.nvidia.com/deeplearning/cudnn/frontend.
"""

from __future__ import annotations

import importlib
import math
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .determinism import are_deterministic_algorithms_enabled
from .source import advise
from .windows import Window, out_sizes

# PyTorch's `torch.backends.cudnn`: may it serve, may float32 be rounded to TF32, must its bits be the same each time
SWITCHES = {"enabled": True, "allow_tf32": True, "deterministic": True}
TYPES = {"float32": "FLOAT", "float16": "HALF", "bfloat16": "BFLOAT16"}
ALIGNED, EIGHT, MOST_PLANS = 16, 8, 1000  # bytes; channels of half-precision arrays; plans that are kept
NUMBER = (1, 1, 1, 1)  # the shape of a number that cuDNN reads in the memory of the host
Shape = tuple[int, ...]


class Library:
    """The package `cudnn` with its plans, and how often each op was served. Raises what it raises if there is none."""

    def __init__(self, cupy: Any) -> None:
        self.cupy = cupy
        self.cudnn: Any = importlib.import_module("cudnn")
        self.plans: dict[tuple, Plan | None] = {}
        self.served: Counter[str] = Counter()
        self.trouble = ""
        self.own = threading.local()
        self.handle()

    def handle(self) -> Any:
        """This thread's handle, bound to CuPy's current stream."""
        if not hasattr(self.own, "handle"):
            self.own.handle = self.cudnn.create_handle()
        self.cudnn.set_stream(self.own.handle, self.cupy.cuda.get_current_stream().ptr)
        return self.own.handle

    def run(self, op: str, inputs: Mapping[str, Any], outputs: list[tuple[Shape, Any]], options: tuple = ()) -> list | None:
        """The outputs, of these shapes and types, of a node with these inputs and options; None if cuDNN can't serve.

        An input is an array, a number, or None where the node may go without.
        """
        arrays = {name: a for name, a in inputs.items() if hasattr(a, "shape")}
        others = tuple((name, a) for name, a in inputs.items() if name not in arrays)
        kinds = [a.dtype for a in arrays.values()] + [dtype for _, dtype in outputs]
        sizes = [math.prod(a.shape) for a in arrays.values()] + [math.prod(shape) for shape, _ in outputs]
        if not (SWITCHES["enabled"] and all(dtype.name in TYPES for dtype in kinds) and all(sizes)):
            return None
        barred = self.barred()
        described = tuple((name, a.shape, a.dtype.name) for name, a in arrays.items())
        key = (op, described, others, tuple((shape, dtype.name) for shape, dtype in outputs), options, barred)
        try:
            if key not in self.plans:
                if len(self.plans) >= MOST_PLANS:
                    del self.plans[next(iter(self.plans))]
                self.plans[key] = Plan(self, *key)
            plan = self.plans[key]
            if plan is None:
                return None
            made = [empty(self.cupy, shape, dtype) for shape, dtype in outputs]
            plan.run(self, [packed(self.cupy, a) for a in arrays.values()], made)
        except MemoryError:
            raise
        except Exception as error:
            self.plans[key] = None
            if not self.trouble:
                shapes = ", ".join(str(a.shape) for a in arrays.values())
                advise(f"cudnn: {op} of {shapes} ({kinds[0]}) failed, CuPy's kernels serve it: {first_line(error)}")
            self.trouble = self.trouble or first_line(error)
            return None
        self.served[op] += 1
        return made

    def barred(self) -> tuple[str, ...]:
        """The notes of the plans that may not be chosen."""
        tf32 = () if SWITCHES["allow_tf32"] else ("TENSOR_CORE",)
        same = SWITCHES["deterministic"] or are_deterministic_algorithms_enabled()
        return ("DOWN_CONVERT_INPUTS", *tf32, *(("NONDETERMINISTIC",) if same else ()))

    def report(self) -> str:
        """What it is and what it served."""
        served = ", ".join(f"{op} {count} times" for op, count in sorted(self.served.items())) or "nothing yet"
        return f"cuDNN {self.cudnn.backend_version()} served {served}" + (f"; failed: {self.trouble}" if self.trouble else "")


class Plan:
    """A graph of one node, built, and the identity numbers of its tensors: inputs from 1, outputs behind them."""

    def __init__(self, library: Library, op: str, inputs: tuple, others: tuple, outputs: tuple, options: tuple,
                 barred: tuple) -> None:  # fmt: skip
        cudnn = library.cudnn
        kinds = {name: getattr(cudnn.data_type, kind) for name, kind in TYPES.items()}
        single = kinds["float32"]
        half = any(kind != "float32" for _, _, kind in inputs)
        self.graph = cudnn.pygraph(
            io_data_type=kinds[inputs[0][2]], intermediate_data_type=single, compute_data_type=single, handle=library.handle()
        )
        self.numbers: dict[int, np.ndarray] = {}  # kept alive: cuDNN reads them at each run
        ports: dict[str, Any] = {}
        for name, shape, kind in inputs:
            ports[name] = self.graph.tensor(
                dim=list(wide(shape)), stride=list(strides(wide(shape))), data_type=kinds[kind], name=name, uid=len(ports) + 1
            )
        first = len(inputs) + len(others) + 1
        for uid, (name, number) in enumerate(others, len(inputs) + 1):
            ports[name] = None if number is None else self.graph.tensor(
                dim=list(NUMBER), stride=list(NUMBER), data_type=single, is_pass_by_value=True, name=name, uid=uid
            )  # fmt: skip
            if number is not None:
                self.numbers[uid] = np.full(NUMBER, number, np.float32)
        made = getattr(self.graph, op)(**ports, **{name: list(value) for name, value in options})
        made = made if isinstance(made, (list, tuple)) else [made]
        for uid, (y, (shape, kind)) in enumerate(zip(made, outputs, strict=False), first):  # others are not asked for
            y.set_output(True).set_uid(uid).set_data_type(kinds[kind])
            y.set_dim(list(wide(shape))).set_stride(list(strides(wide(shape))))
        self.first = first
        self.graph.validate()
        self.graph.build_operation_graph()
        self.graph.create_execution_plans([cudnn.heur_mode.A, cudnn.heur_mode.FALLBACK])
        notes = [note for note in barred if not (half and note != "NONDETERMINISTIC")]  # half precision is what was asked for
        self.graph.deselect_numeric_notes([getattr(cudnn.numerical_note, note) for note in notes])
        self.graph.check_support()
        self.graph.build_plans()
        self.workspace = self.graph.get_workspace_size()

    def run(self, library: Library, inputs: list, outputs: list) -> None:
        pack = {uid: pointer(a) for uid, a in enumerate(inputs, 1)} | {
            uid: pointer(a) for uid, a in enumerate(outputs, self.first)
        }
        pack |= {uid: number.ctypes.data for uid, number in self.numbers.items()}
        room = library.cupy.empty(max(self.workspace, 1), dtype=library.cupy.uint8)
        self.graph.execute(pack, pointer(room), handle=library.handle())


# -- memory ----------------------------------------------------------------------------------------------------------------


def wide(shape: Shape) -> Shape:
    """At least two dimensions of space: cuDNN has no convolution along a line."""
    return (*shape[:2], *(1,) * (4 - len(shape)), *shape[2:])


def strides(shape: Shape) -> Shape:
    """In elements, of an array whose channels, its dimension 1, lie last in memory."""
    space, found = [], shape[1]
    for size in reversed(shape[2:]):
        space.append(found)
        found *= size
    return (found, 1, *reversed(space))


def empty(cupy: Any, shape: Shape, dtype: Any) -> Any:
    """An array with its channels last in memory."""
    return cupy.moveaxis(cupy.empty((shape[0], *shape[2:], shape[1]), dtype=dtype), -1, 1)


def packed(cupy: Any, x: Any) -> Any:
    """`x` with its channels last in memory at an aligned address: itself if it lies so, else a copy."""
    wanted = zip(x.shape, x.strides, strides(x.shape), strict=True)
    if all(size == 1 or given == step * x.dtype.itemsize for size, given, step in wanted) and pointer(x) % ALIGNED == 0:
        return x
    y = empty(cupy, x.shape, x.dtype)
    y[...] = x
    return y


def pointer(array: Any) -> int:
    """The address of an array's first element on the GPU."""
    return array.data.ptr


def first_line(error: Exception) -> str:
    return f"{type(error).__name__} {error}".strip().splitlines()[0][:200]


# -- kernels ---------------------------------------------------------------------------------------------------------------


def kernels(library: Library, plain: Mapping[str, Callable]) -> dict[str, Callable]:
    """Convolution and batch norm on cuDNN; `plain` are the kernels that serve where it can't."""
    cupy, run = library.cupy, library.run

    def ends(window: Window) -> tuple:
        """What cuDNN calls the parts of a window; along a line it slides over one row of a picture."""
        line = len(window.stride) == 1
        return tuple((name, ((blank, *value) if line else value)) for name, value, blank in (
            ("padding", window.padding, 0), ("stride", window.stride, 1), ("dilation", window.dilation, 1)))  # fmt: skip

    def suits(one: Any, two: Any, channels: int, filters: int, groups: int) -> bool:
        """Whether types agree, and half precision comes in eights."""
        eights = one.dtype.name == "float32" or not (channels // groups % EIGHT or filters // groups % EIGHT)
        return one.dtype == two.dtype and eights and one.ndim > 2

    def conv(b: Any, x: Any, w: Any, bias: Any, window: Window) -> Any:
        shape = (x.shape[0], w.shape[0], *out_sizes(x.shape[2:], w.shape[2:], window))
        fine = suits(x, w, x.shape[1], w.shape[0], window.groups)
        found = run("conv_fprop", {"image": x, "weight": w}, [(shape, x.dtype)], ends(window)) if fine else None
        if found is None:
            return plain["conv"](b, x, w, bias, window)
        if bias is not None:
            found[0] += bias.reshape(1, -1, *(1,) * (x.ndim - 2))
        return found[0]

    def conv_input(b: Any, g: Any, w: Any, shape: Shape, window: Window) -> Any:
        fine = suits(g, w, shape[1], w.shape[0], window.groups)
        found = run("conv_dgrad", {"loss": g, "filter": w}, [(tuple(shape), g.dtype)], ends(window)) if fine else None
        return plain["conv_input"](b, g, w, shape, window) if found is None else found[0]

    def conv_weight(b: Any, x: Any, g: Any, kernel: Shape, window: Window) -> Any:
        shape = (g.shape[1], x.shape[1] // window.groups, *kernel)
        fine = suits(x, g, x.shape[1], g.shape[1], window.groups)
        found = run("conv_wgrad", {"image": x, "loss": g}, [(shape, x.dtype)], ends(window)) if fine else None
        return plain["conv_weight"](b, x, g, kernel, window) if found is None else cupy.ascontiguousarray(found[0])

    def line(v: Any, x: Any, value: float) -> Any:
        """A number of each channel, in single precision, shaped to broadcast over x; `value` where there is none."""
        shape = (1, x.shape[1], *(1,) * (x.ndim - 2))
        return cupy.full(shape, value, cupy.float32) if v is None else v.reshape(shape).astype(cupy.float32, copy=False)

    def normalized(x: Any, weight: Any, bias: Any, eps: float) -> tuple | None:
        given = {"input": x, "scale": line(weight, x, 1), "bias": line(bias, x, 0), "in_running_mean": None,
                 "in_running_var": None, "epsilon": eps, "momentum": None}  # fmt: skip
        single = (given["scale"].shape, given["scale"].dtype)
        found = run("batchnorm", given, [(x.shape, x.dtype), single, single]) if suits(x, x, x.shape[1], EIGHT, 1) else None
        if found is None:
            return None
        y, mean, rstd = found
        return y, mean, cupy.maximum(1 / (rstd * rstd) - cupy.float32(eps), 0)

    def batch_norm(b: Any, x: Any, weight: Any, bias: Any, eps: float) -> tuple:
        return normalized(x, weight, bias, eps) or plain["batch_norm"](b, x, weight, bias, eps)

    def batch_norm_relu(b: Any, x: Any, weight: Any, bias: Any, eps: float) -> tuple:
        found = normalized(x, weight, bias, eps)
        if found is None:
            return plain["batch_norm_relu"](b, x, weight, bias, eps)
        return cupy.maximum(found[0], 0), *found[1:], cupy.empty(0, dtype=cupy.uint8)

    def batch_norm_backward(b: Any, g: Any, x: Any, weight: Any, mean: Any, var: Any, eps: float) -> tuple:
        rstd = 1 / cupy.sqrt(line(var, x, 0) + cupy.float32(eps))
        given = {"grad": g, "input": x, "scale": line(weight, x, 1), "mean": line(mean, x, 0), "inv_variance": rstd}
        single = (rstd.shape, rstd.dtype)
        fine = suits(g, x, x.shape[1], EIGHT, 1)
        found = run("batchnorm_backward", given, [(x.shape, x.dtype), single, single]) if fine else None
        if found is None:
            return plain["batch_norm_backward"](b, g, x, weight, mean, var, eps)
        dx, *rest = found
        return (dx, *(v.reshape(-1).astype(x.dtype, copy=False) for v in rest))

    def batch_norm_relu_backward(b: Any, g: Any, x: Any, weight: Any, mean: Any, var: Any, y: Any, workspace: Any,
                                 eps: float) -> tuple:  # fmt: skip
        return batch_norm_backward(b, plain["relu_backward"](b, g, y), x, weight, mean, var, eps)

    made = (conv, conv_input, conv_weight, batch_norm, batch_norm_relu, batch_norm_backward, batch_norm_relu_backward)
    return {f.__name__: f for f in made}


# -- finding it ------------------------------------------------------------------------------------------------------------

_found: list[Library] = []
_why = ["cuDNN is looked for with the GPU"]


def found_kernels(cupy: Any, plain: Mapping[str, Callable]) -> dict[str, Callable]:
    """`kernels`, if the package and cuDNN are there; nothing where the package is not; one warning where it can't be used."""
    try:
        _found[:] = [Library(cupy)]
    except ImportError as error:
        _why[:] = [f"cuDNN is not used: {first_line(error)}. Hint: pip install nvidia-cudnn-frontend nvidia-cudnn-cu13"]
        return {}
    except Exception as error:
        _why[:] = [f"cuDNN can't be used: {first_line(error)}. Hint: pip install nvidia-cudnn-cu13 (or -cu12)"]
        advise(f"cudnn: {_why[0]}")
        return {}
    return kernels(_found[0], plain)


def serves() -> bool:
    """Whether cuDNN has served anything."""
    return bool(_found and _found[0].served)


def report() -> str:
    """What cuDNN served, or why it does not."""
    return _found[0].report() if _found else _why[0]
