"""NumPy's namespace without its RuntimeWarnings: overflow, 0/0 and their like give inf and NaN without a word, as IEEE 754 says
and as PyTorch does; the anomaly mode finds them.

A warning belongs to the line of Python that called compiled code. What this package calls itself is silenced by a filter for
its own lines. Functions that NumPy wrote in Python call from lines of NumPy's, which a user's calls reach too: here they are
called in another way.
"""

from __future__ import annotations

import warnings
from types import ModuleType
from typing import Any

import numpy as np

WORDY = ("cumulative_prod", "cumulative_sum", "full_like", "linspace", "tensordot")

warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"minigrad\.")


def total(x: Any, /, *, axis: Any = None, dtype: Any = None, keepdims: Any = False) -> Any:
    return np.add.reduce(x, axis=axis, dtype=dtype, keepdims=keepdims)


def product(x: Any, /, *, axis: Any = None, dtype: Any = None, keepdims: Any = False) -> Any:
    return np.multiply.reduce(x, axis=axis, dtype=dtype, keepdims=keepdims)


@np.errstate(all="ignore")
def mean(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:
    if x.size:
        return np.mean(x, axis=axis, keepdims=keepdims)
    return total(x, axis=axis, keepdims=keepdims) / 0  # NaN, of which np.mean would warn in words of its own


def full(shape: Any, fill_value: Any, *, dtype: Any = None) -> Any:
    out = np.empty(shape, np.asarray(fill_value).dtype if dtype is None else dtype)
    np.copyto(out, fill_value, casting="unsafe")
    return out


def astype(x: Any, dtype: Any, /, *, copy: bool = True) -> Any:
    return x.astype(dtype, copy=copy)


def quiet(library: ModuleType, names: Any, **better: Any) -> ModuleType:
    """A copy of a module, the functions of these names without warnings, and some replaced."""
    copied = ModuleType(library.__name__)
    copied.__dict__.update(vars(library))
    for name in names:
        setattr(copied, name, np.errstate(all="ignore")(getattr(library, name)))
    copied.__dict__.update(better)
    return copied


LINALG = quiet(np.linalg, [name for name in np.linalg.__all__ if name[0].islower()])
QUIET: Any = quiet(np, WORDY, sum=total, prod=product, mean=mean, full=full, astype=astype, linalg=LINALG)
