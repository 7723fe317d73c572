"""Bad values for every argument of everything public: what is wrong with the errors that come of it."""

from __future__ import annotations

import inspect
import signal
import traceback
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

import numpy as np

import minigrad as mg
from minigrad import data, distributions, nn, optim, vision
from minigrad.core import Op

POOL: dict[str, Callable[[], Any]] = {
    "None": lambda: None, "True": lambda: True, "-1": lambda: -1, "7": lambda: 7, "2**70": lambda: 2**70, "1.5": lambda: 1.5,
    "nan": lambda: float("nan"), "inf": lambda: float("inf"), "1j": lambda: 1j, "'x'": lambda: "x", "b'x'": lambda: b"x",
    "'cpu:7'": lambda: "cpu:7",
    "[]": list, "[1]": lambda: [1], "[1, 2, 3]": lambda: [1, 2, 3], "(0, 0)": lambda: (0, 0),
    "(-1, -2)": lambda: (-1, -2), "ragged": lambda: [[1], [1, 2]], "{}": dict, "set": lambda: {1}, "object": object,
    "strings": lambda: np.array(["a", "b"]), "objects": lambda: np.array([None, 1], dtype=object),
    "no numbers": lambda: np.zeros(0),
    "dates": lambda: np.zeros(3, "M8[s]"), "NumPy's nan": lambda: np.float64("nan"), "(2, 3)": lambda: mg.ones(2, 3),
    "()": lambda: mg.ones(()), "(0,)": lambda: mg.zeros(0), "(4, 5)": lambda: mg.ones(4, 5),
    "(1, 1, 2, 2, 2)": lambda: mg.ones(1, 1, 2, 2, 2), "integers": lambda: mg.arange(6).reshape(2, 3),
    "booleans": lambda: mg.ones(2, 3) > 0, "complex": lambda: mg.ones(2, 3) * 1j, "double": lambda: mg.ones(2, 3).double(),
    "all nan": lambda: mg.full((2, 3), float("nan")), "leaf": lambda: mg.ones(2, 3, requires_grad=True),
    "far index": lambda: mg.tensor([[99, 1, -50]]), "function": lambda: lambda *a, **k: None, "type": lambda: int,
    "slice": lambda: slice(None), "...": lambda: ..., "generator": lambda: (i for i in range(2)),
    "module": lambda: nn.Linear(3, 3),
}  # fmt: skip
OMITTED = object()
USUAL = (ValueError, TypeError, IndexError, KeyError, RuntimeError, OverflowError, ZeroDivisionError, MemoryError, OSError,
         ImportError)  # fmt: skip
NUMBERS = dict(
    in_features=3, out_features=4, in1_features=3, in2_features=3, in_channels=3, out_channels=4, kernel_size=2, num_features=3,
    num_channels=4, num_groups=2, normalized_shape=3, num_embeddings=5, embedding_dim=3, input_size=3, hidden_size=4,
    embed_dim=4, dim_feedforward=4,
    num_heads=2, d_model=4, nhead=2, output_size=2, upscale_factor=2, downscale_factor=2, scale_factor=2, p=0.5, lr=0.1, size=2,
    cutoffs=[2, 3], n_classes=5, lower=0.1, milestones=[1], dim1=1, end_dim=1, dim=0, dim0=0, start_dim=0,
)  # fmt: skip
HOME = str(Path(mg.__file__).parent)
# Left out: what changes settings for good, runs for as long as it is told to, or is a class of another kind.
OWN = ("nn.init.", "nn.utils.rnn.")  # modules that are no packages
SKIPPED = {"set_default_dtype", "set_num_threads", "set_default_tensor_type", "set_default_device", "set_printoptions", "spawn",
           "compile", "assert_close", "manual_seed", "seed"}  # fmt: skip
LARGE = {"d_model", "nhead", "dim_feedforward"}  # whose defaults make a Transformer of 44 million numbers, in a second each
ENDLESS = {"num_layers", "num_encoder_layers", "num_decoder_layers", "sentences", "output_size", "n"}


class Callable_(NamedTuple):
    place: str
    function: Callable
    names: tuple[str, ...]  # one of which an error must name


class Timeout(BaseException):
    """A call took too long."""


def plausible(name: str, parameter: inspect.Parameter) -> Any:
    """A value that the argument might take."""
    tensors = ("input", "x", "a", "tensor", "mat1", "other", "b", "mat2", "y", "end", "value", "target", "values", "src",
               "source", "query", "key", "memory", "tgt", "input1", "input2", "x1", "x2", "self")  # fmt: skip
    made: dict[str, Callable[[], Any]] = {
        "params": lambda: [nn.Parameter(mg.ones(2))], "tensors": lambda: [mg.ones(2, 3), mg.ones(2, 3)],
        "optimizer": lambda: optim.SGD([nn.Parameter(mg.ones(2))], lr=0.1), "lr_lambda": lambda: lambda epoch: 0.5,
        "dataset": lambda: data.TensorDataset(mg.ones(4, 2)), "datasets": lambda: [data.TensorDataset(mg.ones(4, 2))],
        "sampler": lambda: data.SequentialSampler([1, 2, 3]), "index": lambda: mg.zeros(2, 3, dtype=mg.int64),
        "indices": lambda: mg.zeros(2, 3, dtype=mg.int64), "weight": lambda: mg.ones(4, 3),
        "encoder_layer": lambda: nn.TransformerEncoderLayer(4, 2), "decoder_layer": lambda: nn.TransformerDecoderLayer(4, 2),
    }  # fmt: skip
    if parameter.default is not inspect.Parameter.empty and name not in LARGE:
        return OMITTED
    if name in NUMBERS:
        return NUMBERS[name]
    return made[name]() if name in made else mg.ones(2, 3) if name in tensors else 1


def arguments(parameters: list[inspect.Parameter], varied: str, value: Any) -> tuple[list, dict]:
    """Plausible arguments, but for one."""
    args: list = []
    options: dict[str, Any] = {}
    for parameter in parameters:
        given = value if parameter.name == varied else plausible(parameter.name, parameter)
        if parameter.kind is parameter.VAR_POSITIONAL and parameter.name == varied:
            args.append(given)
        elif parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) or given is OMITTED:
            continue
        elif parameter.kind is parameter.POSITIONAL_ONLY:
            args.append(given)
        else:
            options[parameter.name] = given
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters) and args:
        return [
            *[options.pop(p.name) for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD and p.name in options],
            *args,
        ], options
    return args, options


def fault(error: BaseException, names: tuple[str, ...]) -> str:
    """What is wrong with an error, or ""."""
    text, files = str(error), [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, Timeout):
        return "takes too long"
    if not any(file.startswith(HOME) for file in files):  # Python's own: a missing or unexpected argument
        return "" if isinstance(error, TypeError) else "raised elsewhere"
    if not isinstance(error, USUAL):
        return "is of an unusual type"
    if not files[-1].startswith(HOME) and not isinstance(error, (MemoryError, OSError)):
        return "comes from inside a library"
    if not any(name.lower() in text.lower() for name in names) and "required positional argument" not in text:
        return "does not name the function"
    return ""


def problems(what: Callable_, part: int = 1) -> list[str]:
    """What is wrong with the errors of one callable, for every `part`-th of the bad values, others for each argument."""
    found = []
    for label, error in tried(what, part):
        if error is not None and (wrong := fault(error, what.names)):
            found.append(f"{what.place}({label}): {wrong}: {type(error).__name__}: {str(error)[:200]}")
    return found


def tried(what: Callable_, part: int) -> Iterator[tuple[str, BaseException | None]]:
    """Each call, and the error that came of it."""
    parameters = signed(what.function)
    for parameter in parameters:
        if parameter.kind is parameter.VAR_KEYWORD or parameter.name == "self":
            continue
        first = zlib.crc32(f"{what.place}.{parameter.name}".encode()) % part
        for label, make in list(POOL.items())[first::part]:
            if label == "2**70" and parameter.name in ENDLESS:
                continue
            yield f"{parameter.name}={label}", outcome(what.function, parameters, parameter.name, make())


def signed(function: Callable) -> list[inspect.Parameter]:
    """A function's parameters; those of an op are its inputs."""
    op = getattr(function, "__func__", None)
    return list(inspect.signature(through_the_door(op) if isinstance(op, Op) else function).parameters.values())


def outcome(function: Callable, parameters: list[inspect.Parameter], varied: str, value: Any) -> BaseException | None:
    """The error that a call raises, if it does. Settings and the random numbers' place are as before afterwards."""

    def alarm(*_: Any) -> None:
        raise Timeout

    before, state = signal.signal(signal.SIGALRM, alarm), mg.get_rng_state()
    try:
        with warnings.catch_warnings(), mg.enable_grad(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            args, options = arguments(parameters, varied, value)
            signal.setitimer(signal.ITIMER_REAL, 10)
            function(*args, **options)
    except (Exception, Timeout) as error:
        return error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        mg.set_rng_state(state)
    return None


# -- what is public ----------------------------------------------------------------------------------------------------


def public() -> Iterator[Callable_]:
    """Functions, methods, constructors, and the layers themselves."""
    spaces: list[tuple[str, ModuleType]] = [
        ("", mg), ("nn.functional.", nn.functional), ("nn.init.", nn.init), ("linalg.", mg.linalg), ("nn.utils.", nn.utils),
        ("nn.utils.rnn.", nn.utils.rnn), ("data.", data), ("vision.", vision),
    ]  # fmt: skip
    for lead, space in spaces:
        for name, value in vars(space).items():
            if name[0] == "_" or name in SKIPPED or not (getattr(value, "__module__", None) or "").startswith("minigrad"):
                continue
            if value.__module__ in ("minigrad.ops.operands", "minigrad.nn.functional.checks"):
                continue
            if isinstance(value, FunctionType) and (lead not in OWN or value.__module__ == space.__name__):
                yield Callable_(lead + name, value, (name, value.__name__))
            elif isinstance(value, Op) and lead == "" and not name.endswith("_op"):
                yield Callable_(name, through_the_door(value), (name, value.name))
    for name, value in vars(mg.Tensor).items():
        if name[0] != "_" and isinstance(value, FunctionType) and name not in SKIPPED:
            yield Callable_(f"Tensor.{name}", bound(name), (name, name.rstrip("_")))
    kinds = (("nn.", nn), ("optim.", optim), ("optim.lr_scheduler.", optim.lr_scheduler), ("data.", data),
             ("distributions.", distributions), ("vision.", vision))  # fmt: skip
    for lead, space in kinds:
        for name, kind in vars(space).items():
            if name[0] != "_" and isinstance(kind, type) and kind.__module__.startswith("minigrad"):
                yield Callable_(lead + name, kind, (name, kind.__name__))
                if issubclass(kind, nn.Module) and (layer := built(kind)) is not None:
                    yield Callable_(f"{lead}{name}()", layer.forward, ("",))  # it names the layer or the op


def through_the_door(op: Op) -> Callable:
    """An op as a function of its inputs, of which the first is a tensor: bare arrays are for its rules."""
    names = op.inputs
    namespace: dict[str, Any] = {"op": op, "Tensor": mg.Tensor, "np": np}
    body = f"op({', '.join(names)}) if not isinstance({names[0]}, (np.ndarray, np.generic)) else None"
    return eval(f"lambda {', '.join(names)}: {body}", namespace)


def bound(name: str) -> Callable:
    """A method of a tensor that may be written."""
    return getattr(mg.ones(2, 3), name)


def built(kind: type) -> Any:
    """A layer of this kind, if plausible arguments make one."""
    try:
        return kind(**arguments(list(inspect.signature(kind).parameters.values()), "", None)[1])
    except Exception:
        return None


CALLABLES = list(public())
