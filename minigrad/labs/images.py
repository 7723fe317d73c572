"""Images for the labs: the digits that come with the package, and MNIST and CIFAR-10 where the user has put their files."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..core import Tensor
from ..data import digits
from ..ops.create import tensor

FOLDER = Path("data")  # where folders `mnist` and `cifar10` are looked for
DATA = ("digits", "mnist", "cifar10")
MNIST = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
CIFAR = tuple(f"data_batch_{k}.bin" for k in range(1, 6)), ("test_batch.bin",)
SOURCES = {
    "mnist": "the four files of MNIST (http://yann.lecun.com/exdb/mnist, mirror "
             "https://ossci-datasets.s3.amazonaws.com/mnist), with or without .gz",
    "cifar10": "the six .bin files of https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
}  # fmt: skip


class Images(NamedTuple):
    """Images (N, C, H, W), float32, less the mean and over the deviation of all training pixels; labels (N,), int64."""

    x: Tensor
    y: Tensor
    test_x: Tensor
    test_y: Tensor


def place(data: str) -> tuple[str, Path]:
    """The set and the folder that `NAME` or `NAME:FOLDER` means. Raises ValueError for an unknown name."""
    name, _, folder = data.partition(":")
    if name not in DATA:
        raise ValueError(f"data: expected one of {', '.join(DATA)}, got {name!r}")
    return name, Path(folder) if folder else FOLDER / name


def files_of(name: str, folder: Path) -> list[Path]:
    """The files of a set that is not in the package. Raises FileNotFoundError that says what to get and where to put it."""
    found = []
    for file in MNIST if name == "mnist" else CIFAR[0] + CIFAR[1] if name == "cifar10" else ():
        paths = [folder / file, folder / f"{file}.gz"]
        if not any(path.is_file() for path in paths):
            raise FileNotFoundError(f"data: there is no {paths[0]}. Hint: get {SOURCES[name]}, and put them into {folder}/, "
                                    f"or name their folder: --data {name}:FOLDER")  # fmt: skip
        found.append(next(path for path in paths if path.is_file()))
    return found


def checked_data(data: str) -> str:
    """`data`, once it is sure that it is known and its files are there."""
    files_of(*place(data))
    return data


def images(data: str = "digits", *, flat: bool = False, limit: int | None = None, device: str = "cpu") -> Images:
    """A set of images, as `NAME` or `NAME:FOLDER`: digits, mnist or cifar10; `flat` gives rows (N, C H W).

    limit   the largest number of training images (the first ones); none for the digits' 1,347
    Raises ValueError for an unknown name or a file that is damaged, FileNotFoundError for missing files.
    """
    name, folder = place(data)
    if name == "digits":
        train, test = digits()
        x, y, test_x, test_y = (t.numpy() for part in (train, test) for t in part.tensors)
    else:
        files = files_of(name, folder)
        x, y, test_x, test_y = [idx(file) for file in files] if name == "mnist" else cifar(files)
    if limit is not None:
        if limit < 1:
            raise ValueError(f"images: limit must be at least 1, got {limit}")
        x, y = x[:limit], y[:limit]
    x, test_x = x.astype(np.float32), test_x.astype(np.float32)
    mean, deviation = x.mean(), x.std()
    rows = [((part - mean) / deviation).reshape(len(part), -1) for part in (x, test_x)]
    shape = x.shape[1:] if x.ndim == 4 else (1, *x.shape[1:])
    pixels = rows if flat else [row.reshape(-1, *shape) for row in rows]
    made = [tensor(a).to(device) for a in (pixels[0], y.astype(np.int64), pixels[1], test_y.astype(np.int64))]
    return Images(*made)


def opened(path: Path) -> bytes:
    """A file's bytes, unpacked if it ends in .gz."""
    data = path.read_bytes()
    try:
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError) as error:
        raise ValueError(f"data: {path} is damaged: {error}") from None


def idx(path: Path) -> np.ndarray:
    """An array of bytes in the IDX format of MNIST. Raises ValueError if it is anything else."""
    data = opened(path)
    ndim = data[3] if len(data) > 3 and data[:3] == b"\0\0\x08" else 0
    shape = tuple(np.frombuffer(data, ">u4", ndim, 4)) if ndim and len(data) >= 4 + 4 * ndim else (-1,)
    if len(data) != 4 + 4 * ndim + int(np.prod(shape, dtype=np.int64)):
        raise ValueError(f"data: {path} is no whole IDX file of bytes")
    return np.frombuffer(data, np.uint8, offset=4 + 4 * ndim).reshape(shape)


def cifar(files: list[Path]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(x, y, test_x, test_y) of CIFAR-10's binary files: a label and 3 x 32 x 32 pixels in each record."""
    parts = []
    for path in files:
        data = np.frombuffer(opened(path), np.uint8)
        if not data.size or data.size % 3073 or data[::3073].max() > 9:
            raise ValueError(f"data: {path} is no whole file of CIFAR-10 in its binary version")
        parts.append(data.reshape(-1, 3073))
    train, test = np.concatenate(parts[:-1]), parts[-1]
    return train[:, 1:].reshape(-1, 3, 32, 32), train[:, 0], test[:, 1:].reshape(-1, 3, 32, 32), test[:, 0]
