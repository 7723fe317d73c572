"""Arrays in files: MNIST's idx format and CIFAR's binary records. A reader trusts no number that a file says."""

from __future__ import annotations

import gzip
import math
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np

LIMIT = 1 << 31  # bytes that an array may have
BITE = 1 << 20  # bytes read at a time, so that an empty promise costs no memory
KINDS = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
PIXELS = 3 * 32 * 32


def read_idx(path: str | os.PathLike, limit: int = LIMIT) -> np.ndarray:
    """The array of an idx file, plain or gzipped, in the machine's byte order.

    The format: two zero bytes, one for the type, one for the number of dimensions, a big-endian 32-bit integer for each
    size, then the elements by rows. Raises ValueError, before much is allocated, for a file that is something else, is
    damaged, ends too early or too late, or holds more than `limit` bytes.
    Source: Y. LeCun, http://yann.lecun.com/exdb/mnist/.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            return parsed(gzip.GzipFile(fileobj=file) if zipped else file, limit)
    except (ValueError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"read_idx: {str(path)!r}: {error}") from None


def parsed(file: Any, limit: int) -> np.ndarray:
    """The array of an open idx file."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in KINDS or not 1 <= magic[3] <= 32:
        raise ValueError(f"not an idx file: it begins with {magic!r}, expected two zero bytes, a type and 1 to 32 dimensions")
    head = file.read(4 * magic[3])
    shape = [int.from_bytes(head[i : i + 4], "big") for i in range(0, len(head), 4)]
    if len(head) < 4 * magic[3]:
        raise ValueError("truncated in its header")
    kind = np.dtype(KINDS[magic[2]])
    size = math.prod(shape) * kind.itemsize
    if size > limit:
        raise ValueError(f"it announces the shape {tuple(shape)}, {size} bytes, more than the {limit} allowed")
    data = bytearray()
    while len(data) <= size and (piece := file.read(min(BITE, size + 1 - len(data)))):
        data += piece
    if len(data) != size:
        what, has = ("truncated", len(data)) if len(data) < size else ("corrupt", "more")
        raise ValueError(f"{what}: the shape {tuple(shape)} needs {size} bytes, the file has {has}")
    return np.frombuffer(data, kind).reshape(shape).astype(kind.newbyteorder("="), copy=False)


def read_cifar(path: str | os.PathLike, classes: tuple[int, ...] = (10,)) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 32, 32, 3) and labels (N, len(classes)), both uint8, of a file of CIFAR's binary version.

    A record is one byte a label, each below its number of `classes`, then 1,024 bytes of red, of green and of blue, by rows.
    Raises ValueError for a file that is not made of whole records, has none, is too large, or has other labels.
    Source: A. Krizhevsky, https://www.cs.toronto.edu/~kriz/cifar.html.
    """
    path, width = Path(path), len(classes) + PIXELS
    size = path.stat().st_size
    if not 0 < size <= LIMIT or size % width:
        raise ValueError(f"read_cifar: {str(path)!r}: {size} bytes are no whole number of records of {width}, so it is "
                         "truncated or another file")  # fmt: skip
    records = np.fromfile(path, np.uint8).reshape(-1, width)
    labels = records[:, : len(classes)]
    if (labels >= classes).any():
        raise ValueError(f"read_cifar: {str(path)!r}: corrupt: expected labels below {classes}, got {labels.max(0).tolist()}")
    return records[:, len(classes) :].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy(), labels.copy()
