"""What can be said of cuDNN without a GPU: a stand-in for its package, which reads and writes through the pointers it is given
by the shapes and strides it was told, gives the reference's answers; and the real package takes the same calls.
"""

from __future__ import annotations

import ctypes
import math
import sys
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from minigrad.backends import NUMPY, Window, cupy_cudnn
from minigrad.backends.cupy_cudnn import SWITCHES, Library, strides, wide
from minigrad.backends.reference import REFERENCE

RNG = np.random.default_rng(0)


class Described:
    """A tensor of the stand-in's graph: what it was told, and the array that a pointer then stands for."""

    def __init__(self, **told: Any) -> None:
        self.told = told

    def __getattr__(self, name: str) -> Any:
        assert name.startswith("set_"), name
        return lambda value: self.told.update({name[4:]: value}) or self

    def at(self, address: int) -> np.ndarray:
        dim, step = self.told["dim"], self.told["stride"]
        assert address % (4 if self.told.get("is_pass_by_value") else 16) == 0
        dtype = np.dtype({"FLOAT": "float32", "HALF": "float16"}[self.told["data_type"]])
        size = 1 + sum((n - 1) * s for n, s in zip(dim, step, strict=True))
        memory = (ctypes.c_char * (size * dtype.itemsize)).from_address(address)
        return np.lib.stride_tricks.as_strided(np.frombuffer(memory, dtype), dim, [s * dtype.itemsize for s in step])


class Graph:
    """A stand-in for `cudnn.pygraph` that computes with the reference kernels."""

    made: list[Graph] = []
    fails = ""

    def __init__(self, **types: Any) -> None:
        self.types, self.tensors = types, []
        self.calls: list[tuple] = []
        self.steps: list[tuple] = []
        Graph.made.append(self)

    def tensor(
        self, *, dim: list, stride: list, data_type: str, uid: int, name: str, is_pass_by_value: bool = False
    ) -> Described:
        self.tensors.append(Described(dim=dim, stride=stride, data_type=data_type, uid=uid, is_pass_by_value=is_pass_by_value))
        return self.tensors[-1]

    def node(self, op: str, outputs: int, ports: dict, options: dict) -> Any:
        made = [Described() for _ in range(outputs)]
        self.calls.append((op, ports, options, made))
        return made[0] if outputs == 1 else made

    def conv_fprop(self, image: Any, weight: Any, **options: list) -> Any:
        return self.node("conv_fprop", 1, {"image": image, "weight": weight}, options)

    def conv_dgrad(self, loss: Any, filter: Any, **options: list) -> Any:
        return self.node("conv_dgrad", 1, {"loss": loss, "filter": filter}, options)

    def conv_wgrad(self, image: Any, loss: Any, **options: list) -> Any:
        return self.node("conv_wgrad", 1, {"image": image, "loss": loss}, options)

    def batchnorm(self, input: Any, scale: Any, bias: Any, in_running_mean: Any, in_running_var: Any, epsilon: Any,
                  momentum: Any) -> Any:  # fmt: skip
        assert in_running_mean is in_running_var is momentum is None
        given = {"input": input, "scale": scale, "bias": bias, "epsilon": epsilon}
        return [*self.node("batchnorm", 3, given, {}), None, None]

    def batchnorm_backward(self, grad: Any, input: Any, scale: Any, mean: Any, inv_variance: Any) -> Any:
        given = {"grad": grad, "input": input, "scale": scale, "mean": mean, "inv_variance": inv_variance}
        return self.node("batchnorm_backward", 3, given, {})

    def __getattr__(self, step: str) -> Any:
        def taken(*args: Any) -> None:
            self.steps.append((step, *args))
            if step == Graph.fails:
                raise RuntimeError("no plan for this graph")

        return taken

    def get_workspace_size(self) -> int:
        return 64

    def execute(self, pack: dict[int, int], workspace: int, handle: Any) -> None:
        assert handle.stream == 7 and workspace and self.steps[-1] == ("build_plans",)
        (op, ports, options, made), = self.calls  # fmt: skip
        expected = {t.told["uid"] for t in (*ports.values(), *made)}
        assert set(pack) == expected and len(expected) == len(ports) + len(made)
        given = {name: t.at(pack[t.told["uid"]]) for name, t in ports.items()}
        for t, value in zip(made, getattr(self, f"run_{op}")(made, options, **given), strict=True):
            t.at(pack[t.told["uid"]])[...] = value

    @staticmethod
    def window(options: dict, groups: int) -> Window:
        stride, padding, dilation = (tuple(options[name]) for name in ("stride", "padding", "dilation"))
        return Window(stride, padding, dilation, groups)

    def run_conv_fprop(self, made: Any, options: dict, image: Any, weight: Any) -> list:
        window = self.window(options, image.shape[1] // weight.shape[1])
        return [REFERENCE["conv"](NUMPY, image, weight, None, window)]

    def run_conv_dgrad(self, made: Any, options: dict, loss: Any, filter: Any) -> list:
        shape = tuple(made[0].told["dim"])
        return [REFERENCE["conv_input"](NUMPY, loss, filter, shape, self.window(options, shape[1] // filter.shape[1]))]

    def run_conv_wgrad(self, made: Any, options: dict, image: Any, loss: Any) -> list:
        shape = made[0].told["dim"]
        window = self.window(options, image.shape[1] // shape[1])
        return [REFERENCE["conv_weight"](NUMPY, image, loss, tuple(shape[2:]), window)]

    def run_batchnorm(self, made: Any, options: dict, input: Any, scale: Any, bias: Any, epsilon: Any) -> list:
        x = input.astype(np.float32)
        y, mean, var = REFERENCE["batch_norm"](NUMPY, x, scale.ravel(), bias.ravel(), epsilon.item())
        return [y, mean, 1 / np.sqrt(var + epsilon)]

    def run_batchnorm_backward(self, made: Any, options: dict, grad: Any, input: Any, scale: Any, mean: Any,
                               inv_variance: Any) -> list:  # fmt: skip
        eps = 1e-5
        var = 1 / inv_variance**2 - eps
        x, g = input.astype(np.float32), grad.astype(np.float32)
        dx, dw, db = REFERENCE["batch_norm_backward"](NUMPY, g, x, scale.ravel(), mean, var, eps)
        return [dx, dw.reshape(scale.shape), db.reshape(scale.shape)]


class Names:
    """An enumeration of whatever is asked for."""

    def __getattr__(self, name: str) -> str:
        return name


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    """cuDNN with a stand-in for its package and NumPy in the place of CuPy."""
    package = SimpleNamespace(
        pygraph=Graph, data_type=Names(), heur_mode=Names(), numerical_note=Names(), create_handle=SimpleNamespace,
        set_stream=lambda handle, stream: setattr(handle, "stream", stream), backend_version=lambda: 91000,
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "cudnn", package)
    monkeypatch.setattr(cupy_cudnn, "pointer", lambda array: array.ctypes.data)
    monkeypatch.setattr(Graph, "made", [])
    monkeypatch.setattr(Graph, "fails", "")
    names = ("empty", "moveaxis", "ascontiguousarray", "full", "float32", "uint8", "maximum", "sqrt")
    cuda = SimpleNamespace(get_current_stream=lambda: SimpleNamespace(ptr=7))
    before = dict(SWITCHES)
    yield Library(SimpleNamespace(cuda=cuda, **{name: getattr(np, name) for name in names}))
    SWITCHES.update(before)


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape, dtype=np.float32)


CONVOLUTIONS = [
    ((2, 3, 9, 8), (5, 3, 3, 2), Window((2, 1), (1, 0), (1, 2), 1)),
    ((2, 4, 7, 7), (6, 2, 3, 3), Window((1, 1), (1, 1), (1, 1), 2)),
    ((3, 2, 11), (4, 2, 3), Window((2,), (1,), (1,), 1)),
    ((2, 2, 5, 6, 4), (3, 2, 2, 3, 1), Window((1, 2, 1), (0, 1, 0), (1, 1, 1), 1)),
    ((2, 1, 6, 6), (4, 1, 3, 3), Window((1, 1), (0, 0), (1, 1), 1)),
]


@pytest.mark.parametrize(("x_shape", "w_shape", "window"), CONVOLUTIONS)
def test_convolution(library: Library, x_shape: tuple, w_shape: tuple, window: Window) -> None:
    kernels = cupy_cudnn.kernels(library, {})  # nothing to fall back on
    x, w, bias = normal(*x_shape), normal(*w_shape), normal(w_shape[0])
    want = REFERENCE["conv"](NUMPY, x, w, bias, window)
    g = normal(*want.shape)
    calls = {"conv": (x, w, bias, window), "conv_input": (g, w, x_shape, window), "conv_weight": (x, g, w_shape[2:], window)}
    for name, args in calls.items():
        ours = kernels[name](NUMPY, *args)
        np.testing.assert_allclose(ours, REFERENCE[name](NUMPY, *args), rtol=1e-5, atol=1e-5)
        again = kernels[name](NUMPY, *args)
        assert np.array_equal(ours, again) and ours.dtype == np.float32
    assert len(Graph.made) == 3 and set(library.served.values()) == {2}, "a plan serves every call of its shapes"


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("shape", [(4, 8, 5, 3), (6, 8), (4, 8, 7)])
def test_batch_norm(library: Library, shape: tuple, dtype: Any) -> None:
    plain = {"relu_backward": REFERENCE["relu_backward"]}
    if len(shape) == 2:
        plain |= {name: REFERENCE[name] for name in ("batch_norm", "batch_norm_relu", "batch_norm_backward")}
    kernels = cupy_cudnn.kernels(library, plain)
    x, g = normal(*shape).astype(dtype), normal(*shape).astype(dtype)
    weight, bias = normal(8).astype(dtype), normal(8).astype(dtype)
    near = 1e-4 if dtype is np.float32 else 2e-2
    for args in ((x, weight, bias, 1e-5), (x, None, None, 1e-5)):
        for name in ("batch_norm", "batch_norm_relu"):
            for ours, want in zip(kernels[name](NUMPY, *args), REFERENCE[name](NUMPY, *args), strict=True):
                np.testing.assert_allclose(ours, want, rtol=near, atol=near / 5)
                assert ours.dtype == want.dtype and ours.shape == want.shape
        y, mean, var, room = REFERENCE["batch_norm_relu"](NUMPY, *args)
        calls = {"batch_norm_backward": (g, x, args[1], mean, var, 1e-5),
                 "batch_norm_relu_backward": (g, x, args[1], mean, var, y, room, 1e-5)}  # fmt: skip
        for name, given in calls.items():
            for ours, want in zip(kernels[name](NUMPY, *given), REFERENCE[name](NUMPY, *given), strict=True):
                np.testing.assert_allclose(ours, want, rtol=near, atol=near / 5)
                assert ours.dtype == want.dtype and ours.shape == want.shape
    assert bool(library.served) == (len(shape) > 2)


def test_half_precision_comes_in_eights(library: Library) -> None:
    kernels = cupy_cudnn.kernels(library, REFERENCE)
    window = Window((1, 1), (1, 1), (1, 1), 1)
    for channels, served in ((8, 1), (4, 0)):
        library.served.clear()
        x, w = normal(2, channels, 5, 5).astype(np.float16), normal(16, channels, 3, 3).astype(np.float16)
        ours = kernels["conv"](NUMPY, x, w, None, window)
        np.testing.assert_allclose(ours, REFERENCE["conv"](NUMPY, x, w, None, window), rtol=2e-2, atol=2e-2)
        assert library.served["conv_fprop"] == served and ours.dtype == np.float16
    types = Graph.made[0].types
    assert (types["io_data_type"], types["compute_data_type"]) == ("HALF", "FLOAT")
    x64, w64 = normal(2, 8, 5, 5).astype(np.float64), normal(8, 8, 3, 3).astype(np.float64)
    assert kernels["conv"](NUMPY, x64, w64, None, window).dtype == np.float64 and len(Graph.made) == 1


def test_what_lies_right_is_not_copied(library: Library) -> None:
    x = cupy_cudnn.empty(np, (2, 3, 4, 5), np.dtype("float32"))
    assert x.shape == (2, 3, 4, 5) and tuple(s // 4 for s in x.strides) == strides(x.shape) == (60, 1, 15, 3)
    assert cupy_cudnn.packed(np, x) is x
    one = normal(2, 1, 4, 5)
    assert cupy_cudnn.packed(np, one) is one or cupy_cudnn.pointer(one) % 16
    for other in (normal(2, 3, 4, 5), normal(2, 3, 4, 10)[..., ::2], normal(4, 5)[None, None].repeat(3, 1)):
        y = cupy_cudnn.packed(np, other)
        assert np.array_equal(y, other) and tuple(s // 4 for s in y.strides) == strides(y.shape)
    assert wide((2, 3, 7)) == (2, 3, 1, 7) and wide((2, 3)) == (2, 3, 1, 1) and wide((1, 2, 3, 4, 5)) == (1, 2, 3, 4, 5)


def test_switches(library: Library) -> None:
    face = sys.modules["minigrad.backends.cudnn"]  # `torch.backends.cudnn` of a script
    kernels, window = cupy_cudnn.kernels(library, REFERENCE), Window((1, 1), (0, 0), (1, 1), 1)
    x, w = normal(1, 2, 4, 4), normal(2, 2, 3, 3)
    for tf32, same, want in (
        (True, False, ["DOWN_CONVERT_INPUTS"]),
        (False, False, ["DOWN_CONVERT_INPUTS", "TENSOR_CORE"]),
        (False, True, ["DOWN_CONVERT_INPUTS", "TENSOR_CORE", "NONDETERMINISTIC"]),
    ):
        face.allow_tf32, face.deterministic = tf32, same
        kernels["conv"](NUMPY, x, w, None, window)
        steps = [step[0] for step in Graph.made[-1].steps]
        assert ("deselect_numeric_notes", want) in Graph.made[-1].steps
        assert steps.index("create_execution_plans") < steps.index("deselect_numeric_notes") < steps.index("check_support")
    assert len(Graph.made) == 3
    face.enabled = False
    kernels["conv"](NUMPY, x, w, None, window)
    assert library.served["conv_fprop"] == 3 and not face.enabled


@pytest.mark.parametrize("step", ["validate", "create_execution_plans", "check_support", "build_plans"])
def test_failure_falls_back_with_one_warning(library: Library, step: str) -> None:
    kernels, window = cupy_cudnn.kernels(library, REFERENCE), Window((1, 1), (0, 0), (1, 1), 1)
    x, w = normal(1, 2, 4, 4), normal(2, 2, 3, 3)
    Graph.fails = step
    with pytest.warns(UserWarning, match=r"cudnn: conv_fprop of \(1, 2, 4, 4\).*no plan for this graph"):
        y = kernels["conv"](NUMPY, x, w, None, window)
    np.testing.assert_array_equal(y, REFERENCE["conv"](NUMPY, x, w, None, window))
    with warnings.catch_warnings(action="error"):
        kernels["conv"](NUMPY, x, w, None, window)
        kernels["conv"](NUMPY, normal(1, 2, 5, 5), w, None, window)
    assert len(Graph.made) == 2 and not library.served and "no plan" in library.report()


def test_out_of_memory_is_no_reason_to_fall_back(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    kernels, window = cupy_cudnn.kernels(library, {}), Window((1, 1), (0, 0), (1, 1), 1)
    x, w = normal(1, 2, 4, 4), normal(2, 2, 3, 3)
    with monkeypatch.context() as patch, pytest.raises(MemoryError):
        patch.setattr(Graph, "execute", lambda *args, **options: (_ for _ in ()).throw(MemoryError()))
        kernels["conv"](NUMPY, x, w, None, window)
    np.testing.assert_allclose(
        kernels["conv"](NUMPY, x, w, None, window), REFERENCE["conv"](NUMPY, x, w, None, window), rtol=1e-5, atol=1e-6
    )


def test_looked_for_and_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cupy_cudnn, "_found", [])
    monkeypatch.setattr(cupy_cudnn, "_why", [""])
    monkeypatch.setitem(sys.modules, "cudnn", None)
    with warnings.catch_warnings(action="error"):
        assert cupy_cudnn.found_kernels(None, {}) == {} and "pip install" in cupy_cudnn.report()

    def broken() -> None:
        raise RuntimeError("Unable to find symbol cudnnCreate")

    monkeypatch.setitem(sys.modules, "cudnn", SimpleNamespace(create_handle=broken))
    with pytest.warns(UserWarning, match="Unable to find symbol"):
        assert cupy_cudnn.found_kernels(None, {}) == {} and "can't be used" in cupy_cudnn.report()


NODES: list[tuple[str, dict, list, tuple]] = [
    ("conv_fprop", {"image": (4, 8, 9, 9), "weight": (16, 8, 3, 3)}, [(4, 16, 5, 5)], (1, 2, 1)),
    ("conv_dgrad", {"loss": (4, 16, 5, 5), "filter": (16, 8, 3, 3)}, [(4, 8, 9, 9)], (1, 2, 1)),
    ("conv_wgrad", {"image": (4, 8, 9, 9), "loss": (4, 16, 5, 5)}, [(16, 8, 3, 3)], (1, 2, 1)),
    ("batchnorm", {"input": (4, 8, 9, 9), "scale": (1, 8, 1, 1), "bias": (1, 8, 1, 1), "in_running_mean": None,
                   "in_running_var": None, "epsilon": 1e-5, "momentum": None}, [(4, 8, 9, 9)] + [(1, 8, 1, 1)] * 2, ()),
    ("batchnorm_backward", {"grad": (4, 8, 9, 9), "input": (4, 8, 9, 9),
                            **dict.fromkeys(("scale", "mean", "inv_variance"), (1, 8, 1, 1))},
     [(4, 8, 9, 9)] + [(1, 8, 1, 1)] * 2, ()),
]  # fmt: skip


@pytest.mark.skipif(find_spec("cudnn") is None, reason="needs nvidia-cudnn-frontend, which imports without a GPU")
@pytest.mark.parametrize(("op", "inputs", "outputs", "ends"), NODES, ids=[node[0] for node in NODES])
def test_the_real_package_takes_the_calls(
    library: Library, monkeypatch: pytest.MonkeyPatch, op: str, inputs: dict, outputs: list, ends: tuple
) -> None:
    """Up to `validate`, which asks for a driver, and with the calls after it replaced by notes that they exist."""
    monkeypatch.delitem(sys.modules, "cudnn")
    real = pytest.importorskip("cudnn")
    made: list[Any] = []

    class Real(real.pygraph):  # type: ignore[misc, name-defined]
        def __init__(self, **types: Any) -> None:
            super().__init__(**types)
            made.append(self)

        def get_workspace_size(self) -> int:
            return 0

    for step in ("validate", "build_operation_graph", "create_execution_plans", "check_support", "build_plans"):
        assert callable(getattr(real.pygraph, step))
        monkeypatch.setattr(Real, step, lambda self, *args: None)
    public = {name: getattr(real, name) for name in ("data_type", "heur_mode", "numerical_note")}
    library.cudnn = SimpleNamespace(pygraph=Real, create_handle=lambda: None, set_stream=lambda *args: None, **public)
    assert callable(real.create_handle) and callable(real.set_stream) and callable(real.backend_version)
    options = tuple((name, (n, n)) for name, n in zip(("padding", "stride", "dilation"), ends, strict=False))
    arrays = tuple((name, shape, "float32") for name, shape in inputs.items() if isinstance(shape, tuple))
    others = tuple((name, value) for name, value in inputs.items() if not isinstance(value, tuple))
    described = tuple((shape, "float32") for shape in outputs)
    cupy_cudnn.Plan(library, op, arrays, others, described, options, ("DOWN_CONVERT_INPUTS", "TENSOR_CORE", "NONDETERMINISTIC"))
    (graph,) = made
    (node,) = graph.nodes
    assert {name: tuple(t.dim) for name, t in node.inputs.items() if not t.is_pass_by_value} == {
        name: shape for name, shape, _ in arrays
    }
    for name, t in node.inputs.items():
        assert t.is_pass_by_value or tuple(t.stride) == strides(inputs[name])
    found = [t for t in node.outputs.values() if t is not None][: len(outputs)]
    assert [tuple(t.dim) for t in found] == outputs and not any(t.get_is_virtual() for t in found)
    uids = [t.get_uid() for t in (*node.inputs.values(), *found)]
    assert len(set(uids)) == len(uids) and math.prod(uids) > 0
    node.infer_properties(graph.context)
    node.validate()
    assert all(getattr(real.pygraph, name, None) for name in ("execute", "deselect_numeric_notes", "get_workspace_size"))
