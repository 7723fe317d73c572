"""Ten thousand damaged checkpoints: each is refused with a clear error, or holds what was saved; memory stays bounded."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import random
import resource
import subprocess
import sys
import textwrap
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.io import layout
from minigrad.io.checkpoint import OURS, checksum

from .mutate import damaged, rewritten
from .test_io import entry, equal, write

CASES = 10_000


def saved(value: Any) -> bytes:
    file = io.BytesIO()
    minigrad.save(value, file)
    return file.getvalue()


def foreign() -> bytes:
    """A file of another writer, without a checksum."""
    header = {
        "__metadata__": {"format": "pt"},
        "a": entry(),
        "b.c": entry("I8", [2, 2], [8, 12]),
        "e": entry("F64", [0], [12, 12]),
    }
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(range(12))


def with_right_checksum(data: bytes) -> bytes:
    """A malicious file: its checksum is that of its content, whatever that is."""
    n = int.from_bytes(data[:8], "little")
    try:
        entries, metadata = layout.parse(data[8 : 8 + n], len(data) - 8 - n)
        about = json.loads(metadata[OURS])
        del about["crc32"]
        parts = (np.frombuffer(data[8 + n :][e.begin : e.end], np.uint8) for e in entries.values())
        about["crc32"] = checksum(entries, about, iter(list(parts)))
        header = json.loads(data[8 : 8 + n])
        header["__metadata__"][OURS] = json.dumps(about)
    except (ValueError, KeyError, TypeError):
        return data
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + n :]


VALUE = {
    "model": {"w": minigrad.arange(6.0).reshape(2, 3), "n": minigrad.tensor(3)},
    "lr": [0.1, (None, "x", float("nan"))],
    3: True,
}
FLAT = {"w": minigrad.arange(4.0), "b": minigrad.tensor([True, False])}
PLAIN = (bool, int, float, str, type(None))


def plain(value: Any) -> bool:
    """Whether a loaded value consists of tensors and of what `save` takes."""
    if isinstance(value, dict):
        return all(isinstance(key, PLAIN) and plain(v) for key, v in value.items())
    if isinstance(value, (list, tuple)):
        return all(map(plain, value))
    return isinstance(value, (minigrad.Tensor, *PLAIN))


def tried(cases: int) -> dict[str, int]:
    """Load `cases` damaged files; how many were refused, held what was saved, or something else that is plain."""
    rng = random.Random(0)
    originals = [(saved(VALUE), VALUE), (saved(FLAT), FLAT), (foreign(), None)]
    count = {"refused": 0, "same": 0, "plain": 0}
    for k in range(cases):
        data, value = originals[k % 3]
        hostile = k % 2 == 1
        bad = rewritten(rng, data) if hostile else damaged(rng, data)
        if hostile and value is not None:
            bad = with_right_checksum(bad)
        try:
            found = minigrad.load(io.BytesIO(bad))
        except ValueError as error:
            assert "load: " in str(error) and len(str(error)) < 400, error
            count["refused"] += 1
        else:
            assert plain(found), found
            same = value is not None and equal(found, value)
            assert same or hostile or value is None or OURS.encode() not in bad, "damage went unnoticed"
            count["same" if same else "plain"] += 1
    return count


def test_ten_thousand_damaged_files() -> None:
    count = tried(CASES)
    assert sum(count.values()) == CASES
    assert count["refused"] > 0.8 * CASES and count["plain"] > 0  # the mutations reach what comes after the first check


def test_structures_of_the_wrong_kind() -> None:
    """With a right checksum, since it guards against damage and not against malice."""
    for about in (
        {"tied": []}, {"tied": {"a": 1}}, {"tied": {"a": "b"}}, {"tied": {"b": "a"}}, {"tied": None},
        {"tree": {"dict": [[[], 1]]}}, {"tree": {"tensor": {}}}, {"tree": {"list": [[]]}}, {"tree": {"float": {}}},
        {"tree": {"dict": [[{}, {}]]}},
    ):  # fmt: skip
        entries = {"a": layout.Entry("uint8", (1,), 0, 1)}
        crc = checksum(entries, about, iter([np.zeros(1, np.uint8)]))
        header = {"__metadata__": {"format": OURS, OURS: json.dumps({**about, "crc32": crc})}, "a": entry("U8", [1], [0, 1])}
        text = json.dumps(header).encode()
        with pytest.raises(ValueError, match="load: .*corrupt structure"):
            minigrad.load(io.BytesIO(len(text).to_bytes(8, "little") + text + b"\0"))


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../x", "..", "C:\\x", "\\x", "a\0b", "./x"])
def test_names_like_paths(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="load: .*looks like a path"):
        minigrad.load(write(tmp_path / "f", {name: entry()}, bytes(8)))
    with pytest.raises(ValueError, match="save: .*looks like a path"):
        minigrad.save({name: minigrad.ones(2)}, tmp_path / "g")
    assert not (tmp_path / "g").exists()


def test_names_that_only_look_a_little_like_paths(tmp_path: Path) -> None:
    state = {name: minigrad.ones(1) for name in ("layer/kernel", "a..b", "..a", "c:x", "weight.", "")}
    minigrad.save(state, tmp_path / "f")
    assert list(minigrad.load(tmp_path / "f")) == list(state)


# -- what is not read, or not into much memory -------------------------------------------------------------------------


def bombs(folder: Path) -> list[Path]:
    """Files that would unpack to far more than they are."""
    zeros = bytes(10_000_000)
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as file:
        for k in range(10):
            file.writestr(f"archive/data/{k}", zeros)
    (folder / "bomb.gz").write_bytes(gzip.compress(zeros))
    (folder / "bomb.pt").write_bytes(pickle.dumps(zeros[:100_000]))
    huge = {f"t{k}": entry("U8", [2**30], [k * 2**30, (k + 1) * 2**30]) for k in range(1000)}
    return [
        folder / "bomb.zip", folder / "bomb.gz", folder / "bomb.pt",
        write(folder / "huge", huge, bytes(100)),
        write(folder / "one", {"a": entry("U8", [2**62], [0, 2**62])}, bytes(100)),
        write(folder / "long", b"{}", length=layout.LIMIT),
        write(folder / "longer", b" " * 1000, length=2**63),
        write(folder / "deep", b"[" * 1_000_000),
        write(folder / "digits", b'{"a":' + b"9" * 1_000_000 + b"}"),
        write(folder / "shape", {"a": entry("U8", [1] * 100_000, [0, 1])}, b"1"),
    ]  # fmt: skip


def test_bombs_allocate_next_to_nothing(tmp_path: Path) -> None:
    """Not more than a few times the size of the header, which is read as a whole."""
    for path in bombs(tmp_path):
        tracemalloc.start()
        try:
            with pytest.raises(ValueError, match="load: "):
                minigrad.load(path)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        n = int.from_bytes(path.read_bytes()[:8], "little")
        header = n if n < path.stat().st_size else 0
        assert peak < (1 << 20) + 10 * header, f"{path.name}: {peak} bytes"


def test_bombs_under_a_memory_limit(tmp_path: Path) -> None:
    """The process may take 64 MB more than it has when it begins."""
    program = textwrap.dedent("""
        import resource, sys
        import minigrad
        pages = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (pages + (64 << 20),) * 2)
        for path in sys.argv[1:]:
            try:
                minigrad.load(path)
            except ValueError as error:
                print(error)
    """)
    paths = bombs(tmp_path)
    told = subprocess.run([sys.executable, "-c", program, *map(str, paths)], stdout=subprocess.PIPE, text=True, check=True)
    assert told.stdout.count("load: ") == len(paths)


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_AS"), reason="no memory limits here")
def test_the_limit_of_that_test_limits() -> None:
    program = "import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 29,) * 2); bytearray(1 << 30)"
    assert b"MemoryError" in subprocess.run([sys.executable, "-c", program], stderr=subprocess.PIPE, check=False).stderr
