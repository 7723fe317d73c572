"""Files damaged on purpose: seeded mutations of bytes, and of the header of a safetensors file."""

from __future__ import annotations

import json
import random
from typing import Any

ODD: list[Any] = [
    None, True, 0, -1, 1, 2**31, 2**63, 2**64, -(2**70), 0.5, float("nan"), float("inf"), "", "F32", "BOOL", "../x", "/x", "\0",
    "__metadata__", "minigrad", [], [0], [0, 0], [-1], [2**40], [2**62, 4], [[]], {}, {"a": {}}, {"tensor": "a"},
    {"list": [{"dict": []}]}, {"tuple": [1]}, {"float": "nan"},
]  # fmt: skip
MAGIC = [b"PK\x03\x04", b"\x80\x02", b"\x1f\x8b", b"\x93NUMPY", b"\xff" * 8, bytes(8), b"{}", b"\x00\x00\x08\x03"]


def damaged(rng: random.Random, data: bytes) -> bytes:
    """`data` after one to three mutations of its bytes."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(out) + 1)
        what = rng.randrange(7)
        if what == 0 and at < len(out):
            out[at] ^= 1 << rng.randrange(8)
        elif what == 1:
            out[at : at + rng.randint(1, 8)] = rng.randbytes(rng.randint(0, 8))
        elif what == 2:
            del out[at:]
        elif what == 3:
            del out[at : at + rng.randint(1, 40)]
        elif what == 4:
            out[at:at] = out[rng.randrange(len(out) + 1) :][: rng.randint(1, 40)]
        elif what == 5:
            magic = rng.choice(MAGIC)
            start = rng.choice((0, at))
            out[start : start + len(magic)] = magic
        else:
            out[:8] = rng.choice((len(out), max(len(out) - 8, 0), 1 << 24, 1 << 40, rng.randrange(1 << 64))).to_bytes(
                8, "little"
            )
    return bytes(out)


def rewritten(rng: random.Random, data: bytes) -> bytes:
    """A safetensors file in which values or keys of the header, or of the structure in it, were exchanged."""
    n = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + n])
    ours = header.get("__metadata__", {}).get("minigrad")
    if ours is not None and rng.random() < 0.5:
        header["__metadata__"]["minigrad"] = json.dumps(altered(rng, json.loads(ours)))
    else:
        header = altered(rng, header)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + n :]


def altered(rng: random.Random, value: Any) -> Any:
    """JSON in which something, somewhere, is something else, is missing or comes twice."""
    if isinstance(value, (dict, list)) and value and rng.random() < 0.85:
        out = value.copy()
        key = rng.choice(list(out)) if isinstance(out, dict) else rng.randrange(len(out))
        what = rng.randrange(8)
        if what == 0:
            del out[key]
        elif what == 1 and isinstance(out, dict):
            out[str(rng.choice(ODD))] = out.pop(key)
        elif what == 1:
            out.insert(key, rng.choice(ODD))
        else:
            out[key] = altered(rng, out[key])
        return out
    if type(value) is int and rng.random() < 0.5:
        return value + rng.choice((-8, -1, 1, 4, 8, 2**20))
    return rng.choice(ODD)
