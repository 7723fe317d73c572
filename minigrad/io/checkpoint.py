"""`save` and `load`: checkpoints that are whole or not there, and never hold code."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..backends import NUMPY, backend_for
from ..backends import dtype as as_dtype
from ..core import Tensor
from ..late import Late
from . import layout
from .layout import Entry
from .replace import replacing
from .tree import put_together, taken_apart

TORCH_FILE = Late("minigrad.io.torch_file", "read_torch_file")
OURS = "minigrad"  # the metadata's "format", and the key of our own part of it


def save(
    obj: Any, f: str | os.PathLike | BinaryIO, pickle_module: Any = None, pickle_protocol: Any = None,
    _use_new_zipfile_serialization: bool = True, *, keep_previous: bool = False,
) -> None:  # fmt: skip
    """Write tensors, or nested dicts, lists and tuples of tensors, numbers, strings and None, to a safetensors file.

    A flat dict of tensors, such as `model.state_dict()`, makes a file that every safetensors reader understands; other
    structure goes into the metadata, and sparse tensors, whose places and values are saved. Tensors that share one array share
    it again after `load`. The file appears at once and whole: a crash, a kill or a full disk leaves what was there before (but
    a file that is already open, such as an `io.BytesIO`, is simply written to). With `keep_previous` what was there before
    stays as `f` + ".previous". A checksum guards it. The arguments between are PyTorch's, accepted and not used: nothing is
    pickled.

    Raises TypeError, naming the place, for a value of another type; ValueError for names like paths ("/etc/x", "../x") and
    for what is no regular file; RuntimeError if another thread wrote into a tensor meanwhile; OSError if the disk refuses.
    """
    target: Any = f if hasattr(f, "write") else file_path("save", f)
    if target is not f and target.exists() and not target.is_file():
        raise ValueError(f"save: {str(target)!r} is not a regular file")
    tensors: dict[str, Tensor] = {}
    try:
        tree = taken_apart(obj, "", tensors)
        tensors = dict(sorted(tensors.items(), key=lambda item: -item[1].dtype.itemsize))  # so that each is aligned
        flat_dict = isinstance(obj, Mapping) and list(obj) == list(tensors)
        about: dict[str, Any] = {} if flat_dict else {"tree": tree}
        if tied := ties(tensors):
            about["tied"] = tied
        entries = placed(tensors)
        found = checksum(entries, about, map(raw, tensors.values()))
        ours = json.dumps({**about, "crc32": found}, separators=(",", ":"))
        header = layout.dump(entries, {"format": OURS, OURS: ours})
    except TypeError as error:
        raise TypeError(f"save: {error}") from None
    except ValueError as error:
        raise ValueError(f"save: {error}") from None
    except RecursionError:
        raise ValueError("save: the value is nested too deeply, or contains itself") from None
    out: Any = nullcontext(target) if target is f else replacing(target, keep_previous)
    with out as file:
        file.write(header)
        if checksum(entries, about, (put(file, raw(x)) for x in tensors.values())) != found:
            raise RuntimeError("save: a tensor was written to while it was being saved. Hint: save copies, or in one thread")


def put(file: BinaryIO, data: np.ndarray) -> np.ndarray:
    """Write bytes, and give them back as they were written."""
    file.write(data.data)
    return data


def load(
    f: str | os.PathLike | BinaryIO, map_location: Any = None, pickle_module: Any = None, *, weights_only: bool = True,
    mmap: bool | None = None, **pickle_load_args: Any,
) -> Any:  # fmt: skip
    """Read what `save` wrote, any other safetensors file as a dict of tensors, or what PyTorch's `torch.save` wrote if it
    holds tensors and plain values only, such as a `state_dict()`; to the device `map_location` (CPU).

    `f` may also be an open file that can be read and sought. Tensors come back without gradient. The other arguments are
    PyTorch's, accepted and not used: nothing but weights and plain values is ever read, no code run.

    Raises FileNotFoundError if there is no such file, and ValueError, before much is allocated, if it is truncated, corrupt, of
    another format or was changed since it was written.
    """
    wanted = None if callable(map_location) or isinstance(map_location, Mapping) else map_location
    device = backend_for(wanted).device
    is_open = hasattr(f, "readinto")
    target: Any = f if is_open else file_path("load", f)
    if not is_open and not target.exists():
        raise FileNotFoundError(f"load: there is no file {str(target)!r}. Hint: minigrad.save(obj, path) makes one")
    if not is_open and not target.is_file():
        raise ValueError(f"load: {str(target)!r} is not a regular file")
    with nullcontext(target) if is_open else open(target, "rb") as file:
        try:
            return read(file, device)
        except (ValueError, RecursionError) as error:
            text = "nested too deeply" if isinstance(error, RecursionError) else error
            raise ValueError(f"load: {str(target)!r}: {text}") from None


def read(file: BinaryIO, device: Any) -> Any:
    """What an open file holds."""
    start = file.tell()
    size = file.seek(0, os.SEEK_END) - start
    file.seek(start)
    first = file.read(8)
    if layout.is_torch_file(first):
        file.seek(start)
        return TORCH_FILE.load()(file, size, device)
    n = layout.header_size(first, size)
    entries, metadata = layout.parse(file.read(n), size - 8 - n)
    ours = metadata.get("format") == OURS
    if ours != (OURS in metadata):
        raise ValueError("corrupt header: its metadata names minigrad only in part")
    arrays = {name: array(file, name, e) for name, e in entries.items()}
    tensors = {name: Tensor(x).to(device) for name, x in arrays.items()}
    if not ours:
        return tensors
    about = json.loads(metadata[OURS], object_pairs_hook=layout.unique)
    if not isinstance(about, dict) or not {"crc32"} <= about.keys() <= {"tree", "tied", "crc32"}:
        raise ValueError("corrupt header: expected a checksum, and perhaps a structure, in its metadata")
    if about.pop("crc32") != checksum(entries, about, map(flat, arrays.values())):
        raise ValueError("corrupt: the checksum does not match, so the file was damaged or changed after it was written")
    tied = about.get("tied", {})
    if not isinstance(tied, dict) or not all(isinstance(v, str) and {k, v} <= tensors.keys() for k, v in tied.items()):
        raise ValueError("corrupt structure: tensors that share memory must be in the file")
    tensors |= {name: tensors[first] for name, first in tied.items()}
    return put_together(about["tree"], tensors) if "tree" in about else tensors


def array(file: BinaryIO, name: str, e: Entry) -> np.ndarray:
    """The next tensor of the file."""
    x = np.empty(e.shape, dtype=NUMPY.native(as_dtype(e.dtype)))
    if file.readinto(flat(x)) != x.nbytes:  # type: ignore[attr-defined]
        raise ValueError(f"truncated in tensor {name!r}")
    if e.dtype == "bool" and (flat(x) > 1).any():
        raise ValueError(f"corrupt: tensor {name!r} of booleans holds other values than 0 and 1")
    return x if np.little_endian else x.byteswap(inplace=True)


def flat(x: np.ndarray) -> np.ndarray:
    """The bytes of a contiguous array."""
    return x.reshape(-1).view(np.uint8)


def raw(x: Tensor) -> np.ndarray:
    """The bytes of a tensor in the file's order: by rows, little-endian."""
    host = np.ascontiguousarray(x.backend.to_host(x.array))
    return flat(host if np.little_endian else host.byteswap())


def ties(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """For each tensor that shares its array with one before it, the name of the first of them."""
    first: dict[int, str] = {}
    return {name: first[id(x.array)] for name, x in tensors.items() if first.setdefault(id(x.array), name) != name}


def placed(tensors: Mapping[str, Tensor]) -> dict[str, Entry]:
    """Where each tensor goes, one after the other."""
    entries, at = {}, 0
    for name, x in tensors.items():
        if x.dtype.name not in layout.CODES:
            raise TypeError(f"{name!r} has the type {x.dtype!r}, which safetensors can't hold. Hint: .to(minigrad.complex64)")
        layout.check_name(name)
        end = at + x.array.size * x.dtype.itemsize
        entries[name] = Entry(x.dtype.name, tuple(x.shape), at, end)
        at = end
    return entries


def checksum(entries: Mapping[str, Entry], about: dict, data: Iterator[np.ndarray]) -> int:
    """CRC-32 over all that the file says: names, types, shapes, structure and bytes."""
    found = zlib.crc32(json.dumps([list(entries.items()), about], separators=(",", ":")).encode())
    for part in data:
        found = zlib.crc32(part.data, found)
    return found


def file_path(who: str, path: Any) -> Path:
    """`path` with its links followed, so that a write replaces the file and not a link to it."""
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"{who}: path must be a string or a path, got {type(path).__name__}")
    return Path(os.path.realpath(path))
