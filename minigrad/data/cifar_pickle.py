"""CIFAR's version for Python, whose files are pickles, read without running them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from ..plain_pickle import Applied, Machine, Name
from .idx import LIMIT, PIXELS


def read_cifar_pickle(path: str | os.PathLike, key: str, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 32, 32, 3), uint8, and the labels (N,) that stand under `key`, of a file of CIFAR's version for Python.

    Nothing in the file is run. Raises ValueError for a file that is anything but a dict with both, or is damaged.
    """
    path = Path(path)
    size = path.stat().st_size
    try:
        if size > LIMIT:
            raise ValueError(f"{size} bytes are more than the {LIMIT} allowed")
        found = Machine(path.read_bytes()).run()
        if not isinstance(found, dict):
            raise ValueError("expected a dict")
        entries = {k.decode("latin1") if isinstance(k, bytes) else k: v for k, v in found.items()}
        pixels, labels = byte_array(entries["data"]), entries[key]
        if pixels.ndim != 2 or pixels.shape[1] != PIXELS or not isinstance(labels, list) or len(labels) != len(pixels):
            raise ValueError(f"expected pixels (N, {PIXELS}) and N labels, got {pixels.shape}")
        if any(type(label) is not int or not 0 <= label < classes for label in labels):
            raise ValueError(f"expected labels from 0 to {classes - 1}")
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"read_cifar_pickle: {str(path)!r}: {error or type(error).__name__}") from None
    return pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy(), np.array(labels, np.int64)


def byte_array(made: Any) -> np.ndarray:
    """The array of bytes that NumPy would make of a call `_reconstruct(...)` with the state (1, shape, dtype, order, data)."""
    if not isinstance(made, Applied) or made.what.name != "_reconstruct" or not isinstance(made.state, tuple):
        raise ValueError("expected an array")
    _, shape, kind, by_columns, data = made.state
    if isinstance(data, Applied) and data.what == Name("_codecs", "encode"):  # bytes, as Python 3 writes them for Python 2
        data = data.arguments[0]
    raw = data.encode("latin1") if isinstance(data, str) else data
    if kind.what.name != "dtype" or kind.arguments[0] not in ("u1", "uint8") or not isinstance(raw, bytes):
        raise ValueError("expected an array of bytes")
    return np.frombuffer(raw, np.uint8).reshape(shape, order="F" if by_columns else "C")
