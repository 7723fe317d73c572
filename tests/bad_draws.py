"""Calls of the case table with one argument spoiled: another shape or type, an index far out, None, a string, a bad option."""

from __future__ import annotations

import random
import re
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import minigrad

from .bad_values import USUAL
from .cases import CASES, Case, several

# What a case's `torch` says of a module is said of minigrad as well: the call as users make it. Two families are left out,
# whose entry calls what ends PyTorch's process when its options are wrong.
CALLED = [case for case in CASES if case.torch is not None and not case.name.startswith(("conv_weight", "conv_input"))]
HOME = str(Path(minigrad.__file__).parent)
SPEAKS = re.compile(r"[A-Za-z_][\w.]*(\[[^\]]*\])?: \S")
ARRAYS: dict[str, Callable[[np.ndarray], Any]] = {
    "one dimension more": lambda a: a[None],
    "two dimensions more": lambda a: a[None, None],
    "one dimension less": lambda a: (
        a.reshape(a.shape[1:] if a.shape[:1] == (1,) else -1)[:1] if a.ndim and a.shape[:1] != (1,) else a.reshape(a.shape[1:])
    ),
    "one longer": lambda a: np.concatenate([a, a[:1]]) if a.ndim else a,
    "last one longer": lambda a: np.concatenate([a, a[..., :1]], -1) if a.ndim else a,
    "empty": lambda a: a[:0] if a.ndim else a,
    "last empty": lambda a: a[..., :0] if a.ndim else a,
    "transposed": lambda a: a.T,
    "0-d": lambda a: a.reshape(-1)[:1].reshape(()) if a.size else np.zeros((), a.dtype),
    "of integers": lambda a: a.astype("int64"),
    "of floats": lambda a: a.astype("float64"),
    "of single floats": lambda a: a.astype("float32"),
    "of bytes": lambda a: np.abs(a).astype("uint8"),
    "of booleans": lambda a: a > 0,
    "far": lambda a: a + 100 if a.dtype.kind == "i" else a * 1e30,
    "negative": lambda a: -a - 1 if a.dtype.kind != "b" else ~a,
    "nan": lambda a: a * np.nan if a.dtype.kind == "f" else a,
    "None": lambda a: None,
    "a string": lambda a: "x",
}
OTHERS: list[Any] = [None, "x", -1, 0, 7, 1.5, float("nan"), -2.0, (), (0, 0), (7,), (-9, 1), [1, 2, 3], True]


def spoiled(seed: int) -> tuple[Case, list, dict, str]:
    """A case, its arguments and options, one of which is wrong, and what was done to it."""
    rng = random.Random(seed)
    case = rng.choice(CALLED)
    arrays, options = case.arrays(), dict(case.options)
    k = rng.randrange(len(arrays) + len(options))
    if k >= len(arrays):
        key = list(options)[k - len(arrays)]
        options[key] = rng.choice(OTHERS)
        return case, arrays, options, f"{key}={options[key]!r}"
    what = rng.choice(list(ARRAYS))
    if not isinstance(arrays[k], np.ndarray):
        arrays[k] = rng.choice(OTHERS)
        return case, arrays, options, f"argument {k} {arrays[k]!r}"
    with np.errstate(all="ignore"):
        arrays[k] = ARRAYS[what](arrays[k])
    return case, arrays, options, f"argument {k} {what}"


def outcome(module: Any, case: Case, arrays: list, options: dict) -> list | Exception:
    """The tensors that a call gives, or its error."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            xs = [module.tensor(a) if isinstance(a, (np.ndarray, np.generic)) else a for a in arrays]
            return several(case.torch(module, *xs, **options))  # type: ignore[misc]
    except Exception as error:
        return error


def unclear(error: Exception) -> str:
    """What is wrong with an error: of an unusual type, from inside a library, or without the name of who speaks; or ""."""
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    if not any(file.startswith(HOME) for file in files) or isinstance(error, AttributeError):
        return ""  # the case's own lambda failed: None has no methods
    if not isinstance(error, USUAL):
        return "is of an unusual type"
    if not files[-1].startswith(HOME):
        return "" if "positional argument" in str(error) else "comes from inside a library"
    return "" if SPEAKS.match(str(error)) or "argument" in str(error) else "names nobody"
