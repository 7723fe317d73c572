"""MNIST's and CIFAR's files: written here by other means, read back, damaged in 10,000 ways, and fetched from this machine."""

from __future__ import annotations

import gzip
import hashlib
import os
import pickle
import random
import struct
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import as_torch, data
from minigrad.data import transforms as t
from minigrad.data.idx import read_cifar, read_idx
from minigrad.data.plain_pickle import read_cifar_pickle
from minigrad.torch_face.report import report

from .test_download import Server, server

__all__ = ["server"]  # a fixture

RNG = np.random.default_rng(0)
PICTURES, LABELS = RNG.integers(0, 256, (7, 28, 28), np.uint8), np.arange(7, dtype=np.uint8)
PHOTOS, KINDS = RNG.integers(0, 256, (6, 32, 32, 3), np.uint8), [3, 1, 4, 1, 5, 9]
TYPES = {"u1": 8, "i1": 9, ">i2": 11, ">i4": 12, ">f4": 13, ">f8": 14}


def idx(array: np.ndarray) -> bytes:
    """An array as an idx file."""
    big = array.astype(array.dtype.newbyteorder(">"))
    code = TYPES[big.dtype.str.lstrip("|")]
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape) + big.tobytes()


def records(photos: np.ndarray, *labels: list[int]) -> bytes:
    """Photographs as a file of CIFAR's binary version, byte by byte."""
    out = bytearray()
    for i, photo in enumerate(photos):
        out += bytes(kind[i] for kind in labels)
        for channel in range(3):
            out += bytes(photo[:, :, channel].reshape(-1).tolist())
    return bytes(out)


def mnist(folder: Path, name: str = "MNIST", zipped: bool = True) -> Path:
    raw = folder / name / "raw"
    raw.mkdir(parents=True)
    for file, array in [("train-images-idx3-ubyte", PICTURES), ("train-labels-idx1-ubyte", LABELS),
                        ("t10k-images-idx3-ubyte", PICTURES[:3]), ("t10k-labels-idx1-ubyte", LABELS[:3])]:  # fmt: skip
        (raw / (file + ".gz" * zipped)).write_bytes(gzip.compress(idx(array)) if zipped else idx(array))
    return folder


def cifar(folder: Path) -> Path:
    place = folder / "cifar-10-batches-bin"
    place.mkdir(parents=True)
    for i in range(1, 6):
        (place / f"data_batch_{i}.bin").write_bytes(records(PHOTOS[i : i + 1], KINDS[i : i + 1]))
    (place / "test_batch.bin").write_bytes(records(PHOTOS, KINDS))
    return folder


# -- the readers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("shape", [(5,), (2, 3), (2, 1, 4), (0,), (3, 0)])
@pytest.mark.parametrize("zipped", [False, True])
def test_idx(tmp_path: Path, kind: str, shape: tuple, zipped: bool) -> None:
    array = (RNG.integers(-100, 100, shape) if kind != "u1" else RNG.integers(0, 256, shape)).astype(kind)
    (tmp_path / "x").write_bytes(gzip.compress(idx(array)) if zipped else idx(array))
    found = read_idx(tmp_path / "x")
    assert found.dtype == np.dtype(kind).newbyteorder("=")
    assert found.dtype.isnative
    np.testing.assert_array_equal(found, array)
    assert found.shape == shape


@pytest.mark.parametrize(("content", "message"), [
    (b"", "not an idx file"), (b"\0\0\x08", "not an idx file"), (b"\0\1\x08\1" + bytes(4), "not an idx file"),
    (b"\0\0\x07\1" + bytes(4), "not an idx file"), (b"\0\0\x08\0", "not an idx file"),
    (b"\0\0\x08\xff" * 400, "not an idx file"),
    (b"\0\0\x08\3" + bytes(8), "truncated in its header"), (b"\0\0\x08\1\0\0\0\5abc", "needs 5 bytes, the file has 3"),
    (b"\0\0\x08\1\0\0\0\2abc", "corrupt.*the file has more"), (b"\0\0\x0e\2" + b"\xff" * 8, "more than the 2147483648 allowed"),
    (b"\0\0\x08\1\x7f\xff\xff\xffabc", "truncated"), (gzip.compress(idx(PICTURES))[:-9], "read_idx"),
    (gzip.compress(idx(PICTURES))[:-8] + bytes(8), "CRC"),
])  # fmt: skip
def test_idx_refuses(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_idx(tmp_path / "x")


def test_cifar_records(tmp_path: Path) -> None:
    coarse = [7, 0, 19, 3, 4, 5]
    (tmp_path / "x").write_bytes(records(PHOTOS, coarse, KINDS))
    photos, labels = read_cifar(tmp_path / "x", (20, 100))
    np.testing.assert_array_equal(photos, PHOTOS)
    assert labels.T.tolist() == [coarse, KINDS]
    for content, message in [(b"", "0 bytes are no whole number"), (bytes(3074 * 2 - 1), "truncated or another file"),
                             (records(PHOTOS, [20] * 6, KINDS), "expected labels below")]:  # fmt: skip
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(ValueError, match=message):
            read_cifar(tmp_path / "x", (20, 100))


def pickled(protocol: int, **more: Any) -> bytes:
    """A file as CIFAR's version for Python has them."""
    rows = np.ascontiguousarray(PHOTOS.transpose(0, 3, 1, 2)).reshape(6, -1)
    return pickle.dumps({"batch_label": "training batch 1 of 5", "labels": KINDS, "data": rows,
                         "filenames": [f"{i}.png" for i in KINDS], **more}, protocol)  # fmt: skip


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_pickles_are_read_and_not_run(tmp_path: Path, protocol: int, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_bytes(pickled(protocol))
    monkeypatch.setattr(pickle, "Unpickler", None)
    photos, labels = read_cifar_pickle(tmp_path / "x", "labels", 10)
    np.testing.assert_array_equal(photos, PHOTOS)
    assert labels.tolist() == KINDS


class Harm:
    def __reduce__(self) -> tuple:
        return os.mkdir, ("harm",)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_a_harmful_pickle_does_nothing(tmp_path: Path, protocol: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for content in (pickled(protocol, data=Harm()), pickled(protocol, labels=Harm()), pickle.dumps(Harm(), protocol),
                    pickle.dumps({Harm(): 1}, protocol)):  # fmt: skip
        Path("x").write_bytes(content)
        with pytest.raises(ValueError, match="read_cifar_pickle: 'x': "):
            read_cifar_pickle("x", "labels", 10)
    Path("x").write_bytes(pickled(min(max(protocol, 2), 4), filenames=Harm()))  # named, never called
    assert len(read_cifar_pickle("x", "labels", 10)[1]) == 6
    assert sorted(os.listdir()) == ["x"]


def damaged(whole: bytes, bits: random.Random) -> bytes:
    """A file with something wrong: cut, lengthened, bytes changed, swapped, repeated, or with a size blown up."""
    out = bytearray(whole)
    for _ in range(bits.randint(1, 4)):
        at = bits.randrange(len(out) + 1) if bits.random() < 0.5 else bits.randrange(min(len(out), 40) + 1)
        piece = bits.choice(
            [b"", b"\0", b"\xff" * 4, b"\x7f\xff\xff\xff", bits.randbytes(bits.randint(1, 9)), bytes(out[at : at + 40])]
        )
        out[at : at + bits.choice([0, len(piece), bits.randrange(len(out) + 1)])] = piece
    return bytes(out)


READERS: dict[str, tuple[bytes, Callable]] = {
    "idx": (idx(PICTURES[:2, :6]), read_idx),
    "idx.gz": (gzip.compress(idx(PICTURES[:2, :6])), read_idx),
    "cifar": (records(PHOTOS[:1], KINDS), read_cifar),
    "pickle-2": (pickled(2), lambda path: read_cifar_pickle(path, "labels", 10)),
    "pickle-4": (pickled(4), lambda path: read_cifar_pickle(path, "labels", 10)),
}


@pytest.mark.parametrize("name", READERS)
def test_2000_damaged_files_each(tmp_path: Path, name: str) -> None:
    """10,000 in all: each is read, or refused with a ValueError that names the file, in no time."""
    whole, read = READERS[name]
    bits, refused, slowest = random.Random(name), 0, 0.0
    for _ in range(2000):
        (tmp_path / "x").write_bytes(damaged(whole, bits))
        begun = time.perf_counter()
        try:
            read(tmp_path / "x")
        except ValueError as error:
            assert "x': " in str(error), error
            refused += 1
        slowest = max(slowest, time.perf_counter() - begun)
    assert refused > 400
    assert slowest < 5


def test_a_pickle_built_to_hang(tmp_path: Path) -> None:
    """A tuple of a tuple of ..., each twice: to hash it takes 2^60 steps."""
    (tmp_path / "x").write_bytes(b"\x80\x02})" + b"q\0h\0\x86" * 60 + b"K\1s.")
    with pytest.raises(ValueError, match="under strings"):
        read_cifar_pickle(tmp_path / "x", "labels", 10)


# -- the collections ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [data.MNIST, data.FashionMNIST, data.KMNIST])
@pytest.mark.parametrize("zipped", [False, True])
def test_mnist_and_its_kin(tmp_path: Path, kind: Any, zipped: bool) -> None:
    root = mnist(tmp_path, kind.__name__, zipped)
    train, test = kind(root), kind(str(root), train=False, transform=t.ToTensor(), target_transform=lambda y: -y)
    assert (len(train), len(test)) == (7, 3)
    assert (train.data.dtype, train.targets.dtype) == (minigrad.uint8, minigrad.int64)
    np.testing.assert_array_equal(train.data.numpy(), PICTURES)
    picture, label = train[4]
    assert (picture.dtype, picture.shape, label) == (np.uint8, (28, 28), 4)
    x, y = test[2]
    np.testing.assert_allclose(x.numpy(), PICTURES[2][None] / 255, rtol=1e-6)
    assert y == -2
    assert len(train.classes) == 10
    assert train.class_to_idx[train.classes[3]] == 3
    assert "Number of datapoints: 7" in repr(train)
    with pytest.raises(IndexError):
        train[7]


def test_in_a_loader(tmp_path: Path) -> None:
    both = t.Compose([t.ToTensor(), t.Normalize((0.5,), (0.5,))])
    loader = data.DataLoader(data.MNIST(mnist(tmp_path), transform=both), 4)
    x, y = next(iter(loader))
    assert (tuple(x.shape), x.dtype, y.tolist()) == ((4, 1, 28, 28), minigrad.float32, [0, 1, 2, 3])
    np.testing.assert_allclose(x.numpy()[:, 0], PICTURES[:4] / 127.5 - 1, atol=1e-6)


def test_cifar10(tmp_path: Path) -> None:
    train, test = data.CIFAR10(cifar(tmp_path)), data.CIFAR10(tmp_path, train=False)
    np.testing.assert_array_equal(train.data, PHOTOS[1:])
    assert train.targets == KINDS[1:]
    assert test.targets == KINDS
    assert (test[0][0].shape, test[0][1], test.classes[3], len(train)) == ((32, 32, 3), 3, "cat", 5)


def test_cifar100_takes_the_fine_labels(tmp_path: Path) -> None:
    place = tmp_path / "cifar-100-binary"
    place.mkdir()
    (place / "train.bin").write_bytes(records(PHOTOS, [0] * 6, [99, 1, 2, 3, 4, 5]))
    train = data.CIFAR100(tmp_path)
    assert train.targets == [99, 1, 2, 3, 4, 5]
    assert len(set(train.classes)) == 100
    assert train.classes == sorted(train.classes)
    assert train.classes[99] == "worm"


def test_cifars_pickles_where_they_are_there(tmp_path: Path) -> None:
    place = tmp_path / "cifar-10-batches-py"
    place.mkdir()
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        (place / name).write_bytes(pickled(2))
    train = data.CIFAR10(tmp_path, download=True)  # nothing is missing, so nothing is asked for
    np.testing.assert_array_equal(train.data, np.concatenate([PHOTOS] * 5))
    assert train.targets == KINDS * 5


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    words = (r"MNIST: Dataset not found. You can use download=True.*It needs train-images-idx3-ubyte.gz, "
             r"train-labels-idx1-ubyte.gz in .*MNIST/raw'.*https://.*put them there")  # fmt: skip
    with pytest.raises(RuntimeError, match=words):
        data.MNIST(tmp_path)
    with pytest.raises(
        RuntimeError, match=r"CIFAR10: .* needs test_batch.bin in .*get cifar-10-binary.tar.gz from https://.* and unpack it"
    ):
        data.CIFAR10(tmp_path, train=False)
    with pytest.raises(TypeError, match="transform must be a function, got int"):
        data.MNIST(tmp_path, transform=3)  # type: ignore[arg-type]


def test_files_that_do_not_fit_together(tmp_path: Path) -> None:
    raw = mnist(tmp_path) / "MNIST/raw"
    labels = raw / "train-labels-idx1-ubyte.gz"
    for array, message in [(LABELS[:6], "don't fit together"), (PICTURES, "don't fit together"), (LABELS + 9, "the label 15")]:
        labels.write_bytes(gzip.compress(idx(array)))
        with pytest.raises(ValueError, match=message):
            data.MNIST(tmp_path)


def test_download(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = mnist(tmp_path / "source") / "MNIST/raw"
    files = {path.name: path.read_bytes() for path in source.iterdir()}
    server.files |= {f"/{name}": content for name, content in files.items()}
    sums = [(name, hashlib.md5(files[name]).hexdigest()) for name, _ in data.MNIST.resources]
    monkeypatch.setattr(data.MNIST, "resources", sums)
    monkeypatch.setattr(data.MNIST, "mirrors", [server.url("nowhere/"), server.url("")])
    for _ in range(2):
        assert len(data.MNIST(tmp_path / "here", download=True)) == 7
    assert len(server.asked) == 8  # each file from the second mirror, once
    monkeypatch.setattr(data.MNIST, "mirrors", ["http://127.0.0.1:9/"])
    with pytest.raises(
        RuntimeError, match=r"(?s)train-images-idx3-ubyte.gz could not be had.*put it at .*there/MNIST/raw/train-images"
    ):
        data.MNIST(tmp_path / "there", download=True)


def test_download_of_an_archive(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cifar(tmp_path / "source")
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as file:
        file.add(tmp_path / "source/cifar-10-batches-bin", "cifar-10-batches-bin")
    content = (tmp_path / "x.tar.gz").read_bytes()
    server.files["/cifar-10-binary.tar.gz"] = content
    server.cuts = [len(content) // 2]
    monkeypatch.setattr(data.CIFAR10, "mirrors", [server.url("")])
    monkeypatch.setattr(data.CIFAR10, "md5", hashlib.md5(content).hexdigest())
    for train in (True, False):
        assert len(data.CIFAR10(tmp_path / "here", train, download=True)) == (5 if train else 6)
    assert len(server.asked) == 2


SCRIPT = """
import torch
import torch.nn as nn
import torchvision
import torchvision.transforms as transforms
from torch.utils.data import DataLoader
from torch.utils.data.distributed import DistributedSampler
from torchvision import datasets
from torchvision.utils import save_image

torch.manual_seed(0)
transform = transforms.Compose([
    transforms.RandomCrop(28, padding=4),
    transforms.RandomHorizontalFlip(),
    transforms.ToTensor(),
    transforms.Normalize((0.1307,), (0.3081,)),
])
train_set = datasets.MNIST(root=ROOT, train=True, download=True, transform=transform)
test_set = torchvision.datasets.MNIST(ROOT, train=False, transform=transforms.ToTensor())
loader = DataLoader(train_set, batch_size=4, shuffle=True, num_workers=1)
model = nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.001)
losses = []
for epoch in range(3):
    for data, target in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(data), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
save_image(next(iter(DataLoader(test_set, 3)))[0], ROOT + "/digits.png", nrow=2)
"""


def test_a_script_with_torchvision(tmp_path: Path) -> None:
    mnist(tmp_path)
    (tmp_path / "script.py").write_text(SCRIPT.replace("ROOT", repr(str(tmp_path))))
    names = as_torch.run(tmp_path / "script.py", numbers="pcg64")  # PyTorch's own differ with the number of workers
    assert len(names["losses"]) == 6
    (tmp_path / "alone.py").write_text((tmp_path / "script.py").read_text().replace("num_workers=1", "num_workers=0"))
    assert as_torch.run(tmp_path / "alone.py", numbers="pcg64")["losses"] == names["losses"]
    assert (tmp_path / "digits.png").read_bytes().startswith(b"\x89PNG")
    text, missing = report(tmp_path / "script.py")
    assert missing == 0
    assert "torchvision.transforms.RandomCrop" in text


def test_what_torchvision_has_and_minigrad_has_not(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        "import torchvision.models\nfrom torchvision import transforms\ntransforms.RandomCrap(3)\n"
    )
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'torchvision.models' in minigrad"):
        as_torch.run(tmp_path / "script.py")
    text, missing = report(tmp_path / "script.py")
    assert missing == 2
    assert "nearest: torchvision.transforms.RandomCrop" in text
    assert "torchvision" not in sys.modules
