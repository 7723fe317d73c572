"""`minigrad.load` on whatever atheris makes up: `pip install atheris`, then `python -m tests.fuzz.checkpoints CORPUS`.

Options are libFuzzer's, such as -max_total_time=60. A file is refused with a ValueError that says `load:`, or gives tensors
and plain values. The checksum is mended before, so that what comes after it is reached too.
"""

from __future__ import annotations

import io
import json
import random
import sys
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["minigrad.io"]):
    import minigrad
    from minigrad.io import layout
    from minigrad.io.checkpoint import OURS, checksum

from ..mutate import rewritten

W = minigrad.arange(6.0).reshape(2, 3)
SEEDS = [{"w": W, "b": W[0]}, {"w": W, "tied": W, "n": [1, (2.5, None), {"x": "y", 3: True}], "nan": float("nan")}, 3]
PLAIN = (minigrad.Tensor, bool, int, float, str, type(None))


def mended(data: bytes) -> bytes:
    """The file with the checksum that belongs to its content, if it has one at all."""
    try:
        n = layout.header_size(data[:8], len(data))
        entries, metadata = layout.parse(data[8 : 8 + n], len(data) - 8 - n)
        about = json.loads(metadata[OURS])
        del about["crc32"]
        about["crc32"] = checksum(entries, about, iter([memoryview(data)[8 + n :]]))  # type: ignore[list-item]
        header = json.loads(data[8 : 8 + n])
        header["__metadata__"][OURS] = json.dumps(about)
        text = json.dumps(header).encode()
        return len(text).to_bytes(8, "little") + text + data[8 + n :]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return data


def plain(value: Any) -> bool:
    """Whether a loaded value is what `save` takes."""
    if isinstance(value, dict):
        return all(map(plain, value.values()))
    return all(map(plain, value)) if isinstance(value, (list, tuple)) else isinstance(value, PLAIN)


def one(data: bytes) -> None:
    for file in (data, mended(data)):
        try:
            found = minigrad.load(io.BytesIO(file))
        except ValueError as error:
            assert "load: " in str(error), error
        else:
            assert plain(found), found


def mutated(data: bytes, limit: int, seed: int) -> bytes:
    """Every other time a change of the header's JSON, which changes of bytes rarely leave valid."""
    try:
        new = rewritten(random.Random(seed), data) if seed % 2 else atheris.Mutate(data, limit)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):  # no header that can be read
        new = atheris.Mutate(data, limit)
    return new[:limit]


if __name__ == "__main__":
    folders = [argument for argument in sys.argv[1:] if argument[:1] != "-"]
    if len(folders) != 1:
        raise SystemExit(__doc__)
    for n, value in enumerate(SEEDS):
        minigrad.save(value, Path(folders[0], f"seed{n}"))
    atheris.Setup(sys.argv, one, custom_mutator=mutated)
    atheris.Fuzz()
