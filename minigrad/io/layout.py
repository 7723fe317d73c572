"""The safetensors layout: 8 bytes of header length, a JSON header, then the tensors' raw bytes, end to end.

Source: https://github.com/huggingface/safetensors#format. A reader trusts nothing: every number is checked against the
size of the file before anything is allocated.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NamedTuple

KINDS = {
    "BOOL": "bool", "U8": "uint8", "U16": "uint16", "U32": "uint32", "U64": "uint64", "I8": "int8", "I16": "int16",
    "I32": "int32", "I64": "int64", "F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64",
    "C64": "complex64",
}  # fmt: skip
CODES = {name: code for code, name in KINDS.items()}
LIMIT = 1 << 24  # bytes of header: enough for 100,000 tensors
META = "__metadata__"
ZIP = b"PK\x03\x04"  # what an archive begins with; and a file of PyTorch's from before 1.6
OLD = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46"
PATH = re.compile(r"""[/\\]|[A-Za-z]:[/\\]|.*\0|(.*[/\\])?\.\.?([/\\]|$)""", re.DOTALL)  # absolute, upwards, or cut short


class Entry(NamedTuple):
    """One tensor of a file: its dtype's name, its shape, and where its bytes begin and end after the header."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def itemsize(dtype: str) -> int:
    """Bytes of an element: the digits of the name, in bits."""
    return 1 if dtype == "bool" else int("".join(filter(str.isdigit, dtype))) // 8


def dump(entries: dict[str, Entry], metadata: dict[str, str]) -> bytes:
    """The header with its length before it, padded so that the data begins at a multiple of 8."""
    header: dict[str, Any] = {META: metadata} if metadata else {}
    for name, e in entries.items():
        header[name] = {"dtype": CODES[e.dtype], "shape": list(e.shape), "data_offsets": [e.begin, e.end]}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > LIMIT:
        raise ValueError(f"the header has {len(text)} bytes, more than the {LIMIT} allowed: too many tensors or plain values")
    return len(text).to_bytes(8, "little") + text


def is_torch_file(first: bytes) -> bool:
    """Whether a file that begins so is an archive, as PyTorch writes, or the first pickle of a file from before PyTorch 1.6."""
    return first.startswith((ZIP, OLD))


def header_size(first: bytes, size: int) -> int:
    """The length of the header, from the first 8 bytes of a file of `size` bytes."""
    if len(first) < 8:
        raise ValueError(f"truncated: {size} bytes are too few for a safetensors file")
    n = int.from_bytes(first, "little")
    if n > LIMIT and first[:1] == b"\x80":
        raise ValueError("this looks like a pickle, which may hold code and is never opened. Hint: save it as safetensors, or "
                         "with torch.save, whose files of tensors are read")  # fmt: skip
    if n > LIMIT:
        raise ValueError(f"not a safetensors file: it announces a header of {n} bytes, more than the {LIMIT} allowed")
    if n > size - 8:
        raise ValueError(f"truncated: it announces a header of {n} bytes, but has {size - 8} left")
    return n


def parse(text: bytes, room: int) -> tuple[dict[str, Entry], dict[str, str]]:
    """The entries, in the order of their data, and the metadata of a header that `room` bytes of data follow."""
    try:
        header = json.loads(text.decode(), object_pairs_hook=unique)
    except RecursionError:
        raise ValueError("corrupt header: nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"corrupt header: {error}") from None
    if not isinstance(header, dict):
        raise ValueError("corrupt header: expected a JSON object")
    metadata = header.pop(META, {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError("corrupt header: the metadata must map strings to strings")
    entries = {name: entry(name, fields) for name, fields in header.items()}
    entries = dict(sorted(entries.items(), key=lambda item: (item[1].begin, item[1].end)))
    at = 0
    for name, e in entries.items():
        if e.begin != at:
            raise ValueError(f"corrupt: tensor {name!r} begins at byte {e.begin} of the data, expected {at}: entries "
                             "overlap or leave a gap")  # fmt: skip
        at = e.end
    if at != room:
        raise ValueError(f"{'truncated' if at > room else 'corrupt'}: the entries need {at} bytes of data, the file has {room}")
    return entries, metadata


def entry(name: str, fields: Any) -> Entry:
    """One entry of the header, checked on its own."""
    check_name(name)
    if not isinstance(fields, dict) or fields.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"corrupt header: tensor {name!r} must have dtype, shape and data_offsets, and nothing else")
    kind, shape, offsets = fields["dtype"], fields["shape"], fields["data_offsets"]
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"tensor {name!r} has the unknown dtype {kind!r:.40}, expected one of {', '.join(KINDS)}")
    if not whole_numbers(shape) or len(shape) > 64:
        raise ValueError(f"corrupt header: tensor {name!r} must have a shape of at most 64 sizes >= 0, got {shape!r:.60}")
    if not whole_numbers(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise ValueError(f"corrupt header: tensor {name!r} must have data_offsets [begin, end], got {offsets!r:.60}")
    need = math.prod(shape) * itemsize(KINDS[kind])
    if offsets[1] - offsets[0] != need:
        raise ValueError(f"corrupt header: tensor {name!r} of shape {tuple(shape)} needs {need} bytes, its "
                         f"data_offsets span {offsets[1] - offsets[0]}")  # fmt: skip
    return Entry(KINDS[kind], tuple(shape), *offsets)


def check_name(name: str) -> None:
    """Raise ValueError for a tensor's name that would lead out of a folder where it is taken for a path."""
    if PATH.match(name):
        raise ValueError(f"tensor {name!r:.80} has a name that looks like a path: expected no '/' first, '..' or NUL in it")


def whole_numbers(x: Any) -> bool:
    """Whether x is a list of integers that can be sizes."""
    return isinstance(x, list) and all(type(n) is int and 0 <= n < 2**63 for n in x)


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object as a dict; raises ValueError for a name that comes twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("corrupt header: an entry appears twice")
    return found
