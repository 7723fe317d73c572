"""Checkpoints: what goes in comes out; what is damaged, hostile or foreign is refused; a crash loses nothing."""

from __future__ import annotations

import json
import math
import os
import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.io import load, save
from minigrad.io.checkpoint import checksum
from minigrad.io.tree import put_together

DTYPES = [
    "bool",
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "float32",
    "float64",
    "complex64",
]


def equal(x: Any, y: Any) -> bool:
    """Equal in structure, types and bits."""
    if isinstance(x, minigrad.Tensor):
        return isinstance(y, minigrad.Tensor) and x.dtype is y.dtype and x.shape == y.shape and x.tolist() == y.tolist()
    if isinstance(x, dict):
        return type(y) is dict and list(x) == list(y) and all(equal(x[k], y[k]) for k in x)
    if isinstance(x, (list, tuple)):
        return type(x) is type(y) and len(x) == len(y) and all(map(equal, x, y))
    return type(x) is type(y) and (x == y or (x != x and y != y))


def write(path: Path, header: Any, data: bytes = b"", length: int | None = None) -> Path:
    """A file with any header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(text) if length is None else length).to_bytes(8, "little") + text + data)
    return path


def entry(dtype: Any = "F32", shape: Any = (2,), offsets: Any = (0, 8)) -> dict:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


# -- there and back ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DTYPES)
def test_every_type(tmp_path: Path, name: str) -> None:
    x = minigrad.tensor(np.random.default_rng(0).integers(0, 2 if name == "bool" else 100, (3, 4)).astype(name))
    save({"x": x}, tmp_path / "f")
    assert equal(load(tmp_path / "f"), {"x": x})


def test_nested(tmp_path: Path) -> None:
    value = {
        "model": {"weight": minigrad.randn(2, 3), "steps": minigrad.tensor(7), "empty": minigrad.zeros(0, 3)},
        "optimizer": {"state": {0: {"step": minigrad.tensor(3.0)}},
                      "param_groups": [{"lr": 0.1, "betas": (0.9, 0.999), "params": [0]}]},
        "model.weight": minigrad.ones(1), "__metadata__": minigrad.ones(2), "epoch": 2**70, "yes": True, "none": None,
        "text": "ü\n\0 \"",
        "odd": [math.nan, math.inf, -math.inf, -0.0, 5e-324], "": {}, "nothing": [[], ()], 3: "three",
    }  # fmt: skip
    save(value, tmp_path / "f")
    assert equal(load(str(tmp_path / "f")), value)


@pytest.mark.parametrize("make", [
    lambda: minigrad.eye(3).to_sparse(), lambda: minigrad.eye(3).to_sparse_csr(), lambda: minigrad.eye(3).to_sparse(1),
    lambda: minigrad.sparse_coo_tensor([[1, 0], [1, 1]], [1.0, 2.0], (2, 3)), lambda: minigrad.zeros(2, 3).to_sparse(),
])  # fmt: skip
def test_sparse_tensors(tmp_path: Path, make: Any) -> None:
    x = make()
    save({"adjacency": x, "more": [x]}, tmp_path / "f")
    got = load(tmp_path / "f")
    for y in (got["adjacency"], got["more"][0]):
        assert (y.layout, y.is_coalesced(), y.shape) == (x.layout, x.is_coalesced(), x.shape)
        assert minigrad.equal(y._values(), x._values()) and minigrad.equal(y._indices(), x._indices())
    layer, other = minigrad.nn.Linear(2, 2), minigrad.nn.Linear(2, 2)
    layer.register_buffer("adjacency", x)
    other.register_buffer("adjacency", held := 0 * x)
    save(layer.state_dict(), tmp_path / "f")
    other.load_state_dict(load(tmp_path / "f"))
    assert other.adjacency is held and minigrad.equal(held.to_dense(), x.to_dense())
    with pytest.raises(RuntimeError, match=f"layout mismatch for adjacency: expected a {x.layout} tensor .* got strided"):
        other.load_state_dict(layer.state_dict() | {"adjacency": x.to_dense()})


@pytest.mark.parametrize("value", [1, "text", None, [], {}, [1.5, (2,)], True])
def test_without_a_tensor(tmp_path: Path, value: Any) -> None:
    save(value, tmp_path / "f")
    assert equal(load(tmp_path / "f"), value)


def test_the_arguments_are_pytorchs(tmp_path: Path) -> None:
    minigrad.save(obj={"a": minigrad.ones(2)}, f=tmp_path / "a", pickle_protocol=4, _use_new_zipfile_serialization=False)
    state = minigrad.load(f=tmp_path / "a", map_location="cpu", pickle_module=json, encoding="latin1")
    assert state["a"].tolist() == [1.0, 1.0]


def test_one_tensor_alone(tmp_path: Path) -> None:
    save(minigrad.arange(3), tmp_path / "f")
    assert equal(load(tmp_path / "f"), minigrad.arange(3))


def test_views_and_numpy_scalars(tmp_path: Path) -> None:
    x = minigrad.arange(24).reshape(2, 3, 4)
    value = {"t": x.permute(2, 0, 1), "s": x[:, ::2, 1:3], "e": minigrad.ones(1, 3).expand(4, 3)}
    save({**value, "n": np.float64(1.5), "i": np.int32(2)}, tmp_path / "f")
    assert equal(load(tmp_path / "f"), {**value, "n": 1.5, "i": 2})


def test_loaded_tensors_are_leaves_that_can_be_written(tmp_path: Path) -> None:
    save({"w": minigrad.ones(3, requires_grad=True)}, tmp_path / "f")
    w = load(tmp_path / "f")["w"]
    assert not w.requires_grad
    w.fill_(2.0)
    assert w.tolist() == [2, 2, 2]


def test_the_layout_is_safetensors(tmp_path: Path) -> None:
    """Read by hand, as any other reader would: aligned, contiguous, in little-endian rows."""
    x, y = minigrad.tensor([1, 2, 3], dtype="int8"), minigrad.randn(2, 2, dtype="float64").T
    save({"x": x, "y": y}, tmp_path / "f")
    raw = (tmp_path / "f").read_bytes()
    n = int.from_bytes(raw[:8], "little")
    header, body = json.loads(raw[8 : 8 + n]), raw[8 + n :]
    assert n % 8 == 0
    assert all(isinstance(v, str) for v in header.pop("__metadata__").values())
    assert header == {"y": entry("F64", [2, 2], [0, 32]), "x": entry("I8", [3], [32, 35])}
    assert np.frombuffer(body[:32], "<f8").reshape(2, 2).tolist() == y.tolist()
    assert list(body[32:]) == [1, 2, 3]


def test_a_file_of_another_writer(tmp_path: Path) -> None:
    header = {
        "__metadata__": {"format": "pt"},
        "fc.weight": entry("F32", [1, 2], [0, 8]),
        "n": entry("I64", [], [8, 16]),
    }
    path = write(tmp_path / "f", header, np.array([1, 2], "<f4").tobytes() + np.array(5, "<i8").tobytes())
    assert equal(load(path), {"fc.weight": minigrad.tensor([[1.0, 2.0]]), "n": minigrad.tensor(5)})


# -- what save refuses -------------------------------------------------------------------------------------------------


def test_what_cannot_be_saved(tmp_path: Path) -> None:
    loop: list = []
    loop.append(loop)
    for value, error, message in [
        ({"a": {"b": object()}}, TypeError, "save: expected tensors, numbers.*got object at 'a.b'"),
        ([1, {2, 3}], TypeError, "got set at '1'"),
        ({"a": np.zeros(2)}, TypeError, r"got ndarray at 'a'. Hint: minigrad.tensor"),
        (lambda: 1, TypeError, "got function at the top"),
        ({1.5: 1}, TypeError, "keys that are strings or integers, got float 1.5"),
        ({"z": minigrad.tensor(1j, dtype="complex128")}, TypeError, "which safetensors can't hold"),
        (loop, ValueError, "nested too deeply, or contains itself"),
        ({"\ud800": minigrad.ones(1)}, ValueError, "save: .*surrogate"),
    ]:
        with pytest.raises(error, match=message):
            save(value, tmp_path / "f")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(TypeError, match="path must be a string or a path, got int"):
        save({}, 3)  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        save({}, tmp_path / "none" / "f")


# -- what load refuses -------------------------------------------------------------------------------------------------


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="load: there is no file .*nowhere"):
        load(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="is not a regular file"):
        load(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="is not a regular file"):
        load(tmp_path / "pipe")
    with pytest.raises(TypeError, match="path must be a string or a path, got NoneType"):
        load(None)  # type: ignore[arg-type]


def test_every_truncation_and_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "f"
    save({"a": minigrad.randn(2), "b": {"c": minigrad.arange(2), "n": 1.5}}, path)
    whole = path.read_bytes()
    for n in range(len(whole)):
        path.write_bytes(whole[:n])
        with pytest.raises(ValueError, match="load: "):
            load(path)
    for i in range(8 * len(whole)):
        bad = bytearray(whole)
        bad[i // 8] ^= 1 << i % 8
        path.write_bytes(bad)
        with pytest.raises(ValueError, match="load: "):
            load(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(ValueError, match="the entries need 24 bytes of data, the file has 25"):
        load(path)


@pytest.mark.parametrize(("header", "data", "message"), [
    (b"", b"", "corrupt header"),
    (b"[]", b"", "expected a JSON object"),
    (b"{nonsense", b"", "corrupt header"),
    (b"\xff\xfe", b"", "load: "),
    (b"[" * 100_000, b"", "nested too deeply"),
    (b'{"a":' * 50_000, b"", "nested too deeply"),
    (b'{"a":' + b"9" * 5000 + b"}", b"", "load: "),
    (b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"1",
     "appears twice"),
    (b'{"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}}', b"1", "appears twice"),
    ({"a": 5}, b"", "tensor 'a' must have dtype, shape and data_offsets"),
    ({"a": {"dtype": "F32"}}, b"", "must have dtype, shape and data_offsets"),
    ({"a": {**entry(), "code": "x"}}, bytes(8), "and nothing else"),
    ({"a": entry("F99")}, bytes(8), "unknown dtype 'F99'"),
    ({"a": entry(["F32"])}, bytes(8), "unknown dtype"),
    ({"a": entry(shape=[-2])}, bytes(8), "sizes >= 0, got"),
    ({"a": entry(shape=[-1, -2])}, bytes(8), "sizes >= 0, got"),
    ({"a": entry(shape=[2.0])}, bytes(8), "sizes >= 0, got"),
    ({"a": entry(shape=[True, 2])}, bytes(8), "sizes >= 0, got"),
    ({"a": entry(shape="2")}, bytes(8), "sizes >= 0, got"),
    ({"a": entry(shape=[1] * 70 + [2])}, bytes(8), "at most 64 sizes"),
    ({"a": entry(shape=[2**62, 2**62])}, bytes(8), "its data_offsets span 8"),
    ({"a": entry(shape=[2**40], offsets=[0, 2**42])}, bytes(8), "entries need 4398046511104 bytes of data"),
    ({"a": entry(shape=[0, 2**62, 2**62], offsets=[0, 0])}, b"", "load: "),
    ({"a": entry(offsets=[8, 0])}, bytes(8), r"data_offsets \[begin, end\]"),
    ({"a": entry(offsets=[0, 8, 8])}, bytes(8), r"data_offsets \[begin, end\]"),
    ({"a": entry(offsets=[-8, 0])}, bytes(8), r"data_offsets \[begin, end\]"),
    ({"a": entry(offsets=[0, 4])}, bytes(4), "needs 8 bytes, its data_offsets span 4"),
    ({"a": entry(), "b": entry()}, bytes(8), "overlap or leave a gap"),
    ({"a": entry(), "b": entry(offsets=[4, 12])}, bytes(12), "overlap or leave a gap"),
    ({"a": entry(offsets=[8, 16])}, bytes(16), "overlap or leave a gap"),
    ({"a": entry()}, bytes(9), "the entries need 8 bytes of data, the file has 9"),
    ({"a": entry()}, bytes(7), "truncated: the entries need 8 bytes"),
    ({"a": entry("BOOL", [2], [0, 2])}, b"\1\2", "other values than 0 and 1"),
    ({"__metadata__": {"a": 1}}, b"", "metadata must map strings to strings"),
    ({"__metadata__": ["a"]}, b"", "metadata must map strings to strings"),
    ({"__metadata__": {"format": "minigrad"}}, b"", "names minigrad only in part"),
    ({"__metadata__": {"format": "minigrad", "minigrad": "{}"}}, b"", "expected a checksum"),
    ({"__metadata__": {"format": "minigrad", "minigrad": "["}}, b"", "load: "),
])  # fmt: skip
def test_hostile_headers(tmp_path: Path, header: Any, data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load(write(tmp_path / "f", header, data))


@pytest.mark.parametrize("tree", [
    {"tensor": "b"}, {"tensor": ["a"]}, {"tensor": 1}, {"list": "abc"}, {"list": None}, {"dict": [["a"]]}, {"dict": 5},
    {"dict": [[["a"], 1]]}, {"code": "print()"}, {}, {"list": [], "tuple": []}, [1], {"float": "1"}, {"float": []},
])  # fmt: skip
def test_hostile_structures(tmp_path: Path, tree: Any) -> None:
    """With a right checksum: it guards against damage, not against malice."""
    about = json.dumps({"tree": tree, "crc32": checksum({}, {"tree": tree}, iter(()))})
    with pytest.raises(ValueError, match="corrupt structure"):
        load(write(tmp_path / "f", {"__metadata__": {"format": "minigrad", "minigrad": about}}))


@pytest.mark.parametrize("parts", [
    ["i", "v"], ["i", "v", [2, 2], True, "sparse_coo", 0], ["i", "x", [2, 2], True, "sparse_coo"],
    ["i", "v", [2, 1], True, "sparse_coo"], ["i", "v", [2**40, 2**40], True, "sparse_coo"],
    ["i", "v", [2, -2], True, "sparse_coo"], ["i", "v", [2, 2], 1, "sparse_coo"],
    ["i", "v", [2, 2], False, "sparse_csr"], ["i", "v", [2, 2], True, "code"], ["v", "v", [2, 2], True, "sparse_coo"],
    ["j", "v", [2, 2], True, "sparse_coo"], ["j", "v", [2, 2], True, "sparse_csr"],
])  # fmt: skip
def test_hostile_sparse_tensors(parts: list) -> None:
    at = {"i": minigrad.tensor([[0, 1], [0, 1]]), "j": minigrad.tensor([[1, 0], [0, 1]]), "v": minigrad.ones(2)}
    with pytest.raises(ValueError):
        put_together({"sparse": parts}, at)
    assert put_together({"sparse": ["j", "v", [2, 2], False, "sparse_coo"]}, at).shape == (2, 2)


def test_headers_too_long_are_not_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="it announces a header of 18446744073709551615 bytes, more than"):
        load(write(tmp_path / "f", b"{}", length=2**64 - 1))
    with pytest.raises(ValueError, match="truncated: it announces a header of 1000000 bytes, but has 2 left"):
        load(write(tmp_path / "f", b"{}", length=1_000_000))


def test_pickles_are_never_opened(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple:
            return (Path.touch, (tmp_path / "exploded",))

    (tmp_path / "f").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ValueError, match="looks like a pickle, which may hold code and is never opened. Hint: save it as"):
        load(tmp_path / "f")
    assert not (tmp_path / "exploded").exists()


def test_a_refused_file_allocates_next_to_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "f", {"a": entry(shape=[2**40], offsets=[0, 2**42])}, bytes(8))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError):
            load(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_nothing_imports_pickle() -> None:
    for file in Path(minigrad.io.__file__).parent.glob("*.py"):
        assert "import pickle" not in file.read_text()
