"""Errors at the public boundary: whatever goes wrong inside of a public function, the user reads its name, and why.

Most functions check what they must know. What slips through fails somewhere inside, in words of NumPy's or Python's that
name neither the function nor the argument. `guard` wraps the public functions and constructors so that such an error is
explained from the signature. An error that a user's own code raises, in a hook, a loss or a dataset, comes through as it is.
"""

from __future__ import annotations

import inspect
import math
import re
import sys
from collections.abc import Callable, Iterable
from functools import cache, wraps
from numbers import Integral, Real
from pathlib import Path
from traceback import walk_tb
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from .backends import Device, DType, DTypeError, ShapeError, is_array
from .core import Op, Tensor
from .ops import operands
from .ops.misfit import OF_CALLS, misfit
from .ops.sparse import Unarrayed, answer

PACKAGE = str(Path(__file__).parent)
LIBRARIES = (PACKAGE, str(Path(np.__file__).parent), str(Path(inspect.__file__).parent), "<frozen")
INSTALLED = ("site-packages", "dist-packages")
SPEAKING = re.compile(r"(?!bool:|index:)[A-Za-z_][\w.]*(\[[^\]]*\])?: ")  # `softmax: ...` speaks for an op
WHATS = ("dtype:", "device:", "requires_grad:")  # not who speaks, but of what
WORDS: dict[str, tuple[Any, str]] = {
    "Tensor": (Tensor, "a tensor"), "int": (Integral, "an int"), "float": (Real, "a number"), "bool": (bool, "True or False"),
    "str": (str, "a string"), "None": (type(None), "None"), "Sequence": ((list, tuple), "a list or tuple"),
    "Iterable": (Iterable, "an iterable"), "tuple": (tuple, "a tuple"), "list": (list, "a list"), "DType": (DType, "a dtype"),
    "dict": (dict, "a dict"), "Callable": (Callable, "a function"),
}  # fmt: skip
UNKNOWN = inspect.Parameter("unknown", inspect.Parameter.KEYWORD_ONLY)
_guarded: dict[Callable, Callable] = {}


def guarded(function: Callable, name: str, rename: bool = True) -> Callable:
    """`function` with errors that name it; `rename` also those that speak for an op within it."""
    if function in _guarded:  # under its first name
        return _guarded[function]

    @wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        try:
            return function(*args, **options)
        except Unarrayed as error:
            return answer(error, name, args, options)
        except Exception as error:
            told = explained(function, name, rename, args, options, error)
            try:
                if told is error:
                    raise
                raise told from error
            finally:
                del told  # or it and this frame would hold each other, and the arrays of the failed call with them

    if not name[0].isupper():  # a class shares its constructor with those below it
        _guarded[function] = _guarded[call] = call
    return call


def explained(function: Callable, name: str, rename: bool, args: tuple, options: dict, error: Exception) -> Exception:
    """The error itself, if it names the function or is a user's; else one that does, with what was expected and what came."""
    text = str(error.args[0] if isinstance(error, KeyError) and error.args else error)
    frames = [frame.f_code.co_filename for frame, _ in walk_tb(error.__traceback__)][1:]
    of_call = isinstance(error, TypeError) and all(map(within, frames)) and OF_CALLS.search(text)
    if of_call and (told := misfit(name, inspect.signature(function), args, options)):
        return told
    if not frames or isinstance(error, (Warning, StopIteration, OSError, ImportError)) or not all(map(within, frames)):
        return error
    spoken = SPEAKING.match(text)
    if spoken or text.startswith(f"{name} "):
        if rename and spoken and spoken.group() not in (f"{name}: ", "detect_anomaly: "):
            error.args = (f"{name}: {text if text.startswith(WHATS) else text[spoken.end() :]}",)
        return error
    misfits, got = compared(function, args, options)
    if misfits:
        return DTypeError(f"{name}: {'; '.join(misfits)}")
    ours = type(error).__module__.startswith(__package__) and len(error.args) == 1
    kind = type(error) if ours else next((new for old, new in KINDS.items() if isinstance(error, old)), RuntimeError)
    reason = text if len(text) < 160 else f"{text[:160]}..."
    return kind(f"{name}: not possible for {got}. Reason: {reason or type(error).__name__}")


KINDS: dict[type, type[Exception]] = {
    TypeError: DTypeError, AttributeError: DTypeError, NotImplementedError: NotImplementedError, MemoryError: MemoryError,
    RuntimeError: RuntimeError, IndexError: IndexError, OverflowError: OverflowError, ZeroDivisionError: ShapeError,
    LookupError: ShapeError, ValueError: ShapeError, AssertionError: ShapeError,
}  # fmt: skip


METHODS = {"int": "__index__", "float": "__float__", "bool": "__class__"}  # what a number of each type has


def looking(constructor: Callable, name: str) -> Callable:
    """A layer's constructor that looks at numbers which it only puts aside, to fail, or worse, not to, when it is called."""

    @wraps(constructor)
    def made(*args: Any, **options: Any) -> None:
        constructor(*args, **options)
        names, wanted = numbers(constructor)
        for key, value in (*zip(names, args, strict=False), *options.items()):
            kinds = wanted.get(key)
            if kinds is None or (value is None and "None" in kinds):
                continue
            if isinstance(value, Tensor) and value.ndim:
                raise DTypeError(f"{name}: {key} must be {WORDS[kinds[0]][1]}, got {described(value)}. Hint: {name}(...)(x)")
            if not hasattr(value, METHODS[kinds[0]]):
                raise DTypeError(f"{name}: {key} must be {WORDS[kinds[0]][1]}, got {described(value)}")
            if isinstance(value, float) and math.isnan(value) and key != "value":  # with which one may pad
                raise ValueError(f"{name}: {key} must be a number, got nan")

    return made


@cache
def numbers(constructor: Callable) -> tuple[list[str], dict[str, list[str]]]:
    """The names of a constructor's arguments; and of those that are numbers, or may be None, the types."""
    parameters = inspect.signature(constructor).parameters
    kinds = {key: str(parameter.annotation).split(" | ") for key, parameter in parameters.items()}
    return list(parameters), {k: of for k, of in kinds.items() if of[0] in METHODS and of[1:] in ([], ["None"])}


def within(file: str) -> bool:
    """Whether code is minigrad's, NumPy's or Python's own, and not a user's."""
    return file.startswith(LIBRARIES[:2]) or (file.startswith(LIBRARIES[2:]) and not any(i in file for i in INSTALLED))


def compared(function: Callable, args: tuple, options: dict) -> tuple[list[str], str]:
    """Which arguments are of another type than the signature says; and all of them in words."""
    signature = inspect.signature(function)
    misfits, words = [], []
    try:
        given = signature.bind(*args, **options).arguments
    except TypeError:  # by a name that the signature does not show, such as NumPy's `axis`
        given = {**dict(zip(signature.parameters, args, strict=False)), **options}
    for key, value in given.items():
        parameter = signature.parameters.get(key, UNKNOWN)
        if (key == "self" and function.__name__[:2] == "__") or parameter.kind is parameter.VAR_KEYWORD:
            continue
        words.append(f"{key} {described(value)}")
        wanted = str(parameter.annotation)
        kinds = [WORDS[kind] for kind in re.split(r"\s*\|\s*", re.sub(r"\[.*\]", "", wanted)) if kind in WORDS]
        complete = len(kinds) == wanted.count(" | ") + 1 and parameter.kind is not parameter.VAR_POSITIONAL
        if complete and not isinstance(value, tuple(kind for kind, _ in kinds)):
            expected = " or ".join(word for _, word in kinds)
            hint = ". Hint: minigrad.tensor(...)" if "a tensor" in expected and not isinstance(value, str) else ""
            misfits.append(f"{key} must be {expected}, got {described(value)}{hint}")
    return misfits, ", ".join(words) or "no arguments"


def described(value: Any) -> str:
    """A value in a few words: its type, and what else there is to see."""
    if isinstance(value, Tensor) or is_array(value):
        return f"{type(value).__name__} {tuple(value.shape)} of {value.dtype}"
    if isinstance(value, (list, tuple)):
        if len(value) < 9 and all(isinstance(v, (bool, int, float, str)) for v in value):
            return f"{value!r:.60}"
        return f"{type(value).__name__} of {len(value)}"
    if value is None or isinstance(value, (bool, int, float, complex, str)):
        return f"{type(value).__name__} {value!r:.60}" if value is not None else "None"
    return type(value).__name__


# -- what is guarded ---------------------------------------------------------------------------------------------------


# Where an error that speaks for an op within a function speaks for the function; and modules that run users' functions.
RENAMING = ("", "nn.functional", "ops.linalg", "linalg", "special", "signal.windows", "nn.init", "nn", "nn.utils",
            "nn.utils.rnn", "optim", "optim.lr_scheduler", "optim.swa_utils", "testing", "random")  # fmt: skip
OTHERS = ("autograd", "autograd.functional", "func", "fft")


def guard_all(top: str) -> None:
    """Guard the functions of modules, the constructors of their classes, Tensor's methods, and the layers' `forward`.

    Modules that are loaded later guard themselves.
    """
    for names, rename in ((RENAMING, True), (OTHERS, False)):
        for name in names:
            guard(f"{top}.{name}".rstrip("."), rename)
    for name, value in list(vars(Tensor).items()):
        if name[0] != "_" and ours(value):
            setattr(Tensor, name, guarded(value, name, name != "backward"))  # which any op's rule may end
    layers: list[Any] = list(vars(sys.modules[f"{top}.nn"]).values())
    for kind in layers:
        if isinstance(kind, type) and ours(getattr(kind, "forward", None)):
            type.__setattr__(kind, "forward", guarded(kind.forward, kind.__name__, False))  # type: ignore[attr-defined]


def guard(name: str, rename: bool = False) -> None:
    """Guard the public functions of a module, and the constructors of its classes."""
    module = sys.modules[name]
    for key, value in list(vars(module).items()):
        if key[0] != "_" and ours(value) and (whole(module) or at_home(module, value)):
            guard_one(module, key, value, rename)


def ours(value: Any) -> bool:
    """Whether a value is a function or class of this package. Ops are not: they explain their errors themselves."""
    kinds = isinstance(value, (FunctionType, type)) and not isinstance(value, Op)
    return kinds and (value.__module__ or "").partition(".")[0] == __package__ and value.__module__ != operands.__name__


def whole(module: ModuleType) -> bool:
    """Whether all of a module is offered: it is a package, or one of PyTorch's places, which come from no file."""
    return hasattr(module, "__path__") or module.__spec__ is None


def at_home(module: ModuleType, value: Any) -> bool:
    """Whether a function is a module's own, or from beside it: a plain module imports others for its own use."""
    folder = module.__name__.rpartition(".")[0]
    beside = "." in folder and value.__module__.startswith(f"{folder}.")
    return isinstance(value, FunctionType) and (beside or value.__module__ == module.__name__)


def guard_one(module: ModuleType, name: str, value: Any, rename: bool) -> None:
    if isinstance(value, type):
        made: Any = getattr(value, "__init__", None)  # of a base, perhaps
        if ours(made) and not (issubclass(value, (BaseException, Device)) or value is Tensor or made is Tensor.__init__):
            made = looking(made, value.__name__) if module.__name__.endswith(".nn") else made
            type.__setattr__(value, "__init__", guarded(made, value.__name__))
        return
    wrapped = guarded(value, name, rename)
    setattr(module, name, wrapped)
    home = sys.modules[value.__module__]
    if vars(home).get(value.__name__) is value:  # there as well, so that it can be pickled
        setattr(home, value.__name__, wrapped)  # type: ignore[union-attr]
