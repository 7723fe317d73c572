"""Files of PyTorch's: what `torch.save` wrote is read without being run; what is damaged or hostile is refused."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import load, nn, optim

FOLDER = Path(__file__).parent / "torch_files"
FILES = ["archive.pt", "stream.pt"]  # since PyTorch 1.6, and before; made by make_torch_files.py


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_pytorchs_is_read(name: str) -> None:
    found = load(FOLDER / name)
    assert isinstance(found["model"], OrderedDict) and found["model"]._metadata[""] == {"version": 1}  # type: ignore[attr-defined]
    assert (found["epoch"], found["best"], found["name"]) == (3, 0.25, "net") and type(found["best"]) is float
    ramp = np.arange(6, dtype="f").reshape(2, 3)
    np.testing.assert_array_equal(found["turned"].numpy(), ramp.T)
    assert found["turned"].stride() == (1, 3) and found["row"].tolist() == [3, 4, 5]
    assert found["empty"].shape == (0, 3) and found["number"].item() == 7 and found["number"].shape == ()
    assert found["weight"] is found["model"]["0.weight"] and not found["weight"].requires_grad  # what was one stays one
    assert [t.dtype.name for t in found["types"]] == ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16",
                                                      "int8", "uint8", "bool", "complex64", "complex128"]  # fmt: skip
    assert all(t.tolist() == ([True, False, True] if t.dtype.kind == "bool" else [1, 0, 2]) for t in found["types"])
    assert found["plain"][:8] == (True, None, -1.5, 2**70, 3 - 2j, b"bytes", {1, 2}, {5: "five"})
    assert found["plain"][8:] == (minigrad.Size((2, 3)), minigrad.float16, minigrad.device("cpu"))
    assert found["sparse"].to_dense().tolist() == [[0, 2], [3, 0]]


@pytest.mark.parametrize("name", FILES)
def test_a_model_and_its_optimizer_go_on(name: str) -> None:
    """The state, and the step after it, are those of the training that saved it."""
    found = load(FOLDER / name)
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    optimizer = optim.Adam(model.parameters())
    model.load_state_dict(found["model"])
    optimizer.load_state_dict(found["optimizer"])
    assert model[1].num_batches_tracked.item() == 1 and optimizer.state[model[0].weight]["step"].item() == 1
    before = model[0].weight.detach().clone()
    model(minigrad.arange(8.0).reshape(4, 2)).square().sum().backward()
    optimizer.step()
    assert 0 < (model[0].weight - before).abs().max() < 2e-3


def test_an_open_file_is_read_where_it_stands() -> None:
    assert load(io.BytesIO((FOLDER / "archive.pt").read_bytes()))["epoch"] == 3
    file = io.BytesIO(b"something" + (FOLDER / "stream.pt").read_bytes())
    file.seek(9)
    assert load(file)["epoch"] == 3


def archive(pickled: bytes, compression: int = zipfile.ZIP_STORED, **memory: bytes) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as out:
        out.writestr("x/data.pkl", pickled)
        for key, data in memory.items():
            out.writestr(f"x/data/{key.removeprefix('_')}", data)
    file.seek(0)
    return file


class Bomb:
    def __reduce__(self) -> tuple:
        return (os.mkdir, ("exploded",))


def test_code_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for value in (Bomb(), {"state": [Bomb()]}, OrderedDict(a=Bomb())):
        with pytest.raises(
            ValueError, match=r"holds (posix|nt)\.mkdir, which is no tensor and no plain value, and code is never"
        ):
            load(archive(pickle.dumps(value, 2)))
    with pytest.raises(ValueError, match=r"it holds minigrad.nn.linear.Linear|refused: the instruction"):
        load(archive(pickle.dumps(nn.Linear(2, 3), 2)))
    for code in (b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.", b"\x80\x02cbuiltins\neval\nX\x01\x00\x00\x001\x85R."):
        with pytest.raises(ValueError, match=r"holds (os\.system|builtins\.eval)"):
            load(archive(code))
    assert not list(tmp_path.iterdir())


LAUGHS = b"\x80\x02]q\x00" + b"".join(b"](" + b"h\x00" * 9 + b"eq\x00" for _ in range(40)) + b"."
WEIGHT = (b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000"
          b"X\x03\x00\x00\x00cpuK\x04tQ%s\x89}tR.")  # fmt: skip


@pytest.mark.parametrize("file, text", [
    (lambda: archive(pickle.dumps({"a": 1}, 2), zipfile.ZIP_DEFLATED), "entries must be stored"),
    (lambda: archive(b"\x80\x02]q\x00h\x00a."), "nested too deeply, or in itself"),
    (lambda: archive(b"\x80\x02" + b"](" * 900 + b"e" * 900 + b"."), "nested too deeply"),
    (lambda: archive(b"\x80\x02i os\nsystem\n."), "the instruction 'i' is none that plain data needs"),
    (lambda: archive(b"\x80\x02}"), "truncated"),
    (lambda: archive(WEIGHT % b"K\x00K\x04\x85K\x01\x85", _0=bytes(15)), "the memory '0' has 15 bytes, expected 16"),
    (lambda: archive(WEIGHT % b"K\x00K\x05\x85K\x01\x85", _0=bytes(16)), r"a tensor of shape \(5,\) and strides \(1,\)"),
    (lambda: archive(WEIGHT % b"K\x01K\x04\x85K\x01\x85", _0=bytes(16)), "in a memory of 4"),
    (lambda: archive(WEIGHT % b"K\x00K\x02\x85K\x04\x85", _0=bytes(16)), "in a memory of 4"),
    (lambda: archive(WEIGHT % b"K\x00J\xff\xff\xff\x7f\x85K\x00\x85", _0=bytes(16)), "in a memory of 4"),
    (lambda: archive(WEIGHT % b"K\x00J\xff\xff\xff\xff\x85K\x01\x85", _0=bytes(16)), r"a tensor of shape \(-1,\)"),
    (lambda: archive(WEIGHT % b"K\x00K\x04\x85K\x01\x85"), "corrupt"),
    (lambda: io.BytesIO(b"PK\x03\x04" + bytes(60)), "corrupt archive"),
])  # fmt: skip
def test_what_is_damaged_or_hostile_is_refused(file: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        load(file())


def test_a_good_tensor_by_hand_and_shared_lists() -> None:
    assert load(archive(WEIGHT % b"K\x01K\x02\x85K\x02\x85", _0=np.arange(4, dtype="<f4").tobytes())).tolist() == [1, 3]
    assert load(archive(LAUGHS)) is not None  # 9^40 lists, of which each is one


def test_an_archive_of_numpys_is_told(tmp_path: Path) -> None:
    np.savez(tmp_path / "f.npz", a=np.zeros(2))
    with pytest.raises(ValueError, match=r"that torch.save did not write .* Hint: numpy.load reads .npz files"):
        load(tmp_path / "f.npz")


@pytest.mark.parametrize("name", FILES)
def test_any_damage_is_a_value_error(name: str) -> None:
    whole = (FOLDER / name).read_bytes()
    rng, refused = np.random.default_rng(0), 0
    for k in range(600):
        data = bytearray(whole)
        if k % 3 == 0:
            del data[int(rng.integers(1, len(data))) :]
        else:
            for at in rng.integers(0, len(data), k % 7 + 1):
                data[at] = int(rng.integers(256))
        try:
            load(io.BytesIO(bytes(data)))
        except ValueError as error:
            assert str(error).startswith("load: ")
            refused += 1
    assert refused > 200
