"""Images for the labs: the digits that come with the package, and the collections whose files the user has."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..core import Tensor
from ..data import CIFAR10, KMNIST, MNIST, FashionMNIST, digits
from ..ops.create import tensor

FOLDER = Path("data")  # where collections are looked for
COLLECTIONS = {"mnist": MNIST, "fashion": FashionMNIST, "kmnist": KMNIST, "cifar10": CIFAR10}
DATA = ("digits", *COLLECTIONS)


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
    return name, Path(folder) if folder else FOLDER


def arrays(name: str, folder: Path, seed: int) -> list[np.ndarray]:
    """Images (N, C, H, W) and labels (N), of training and of test. Raises FileNotFoundError for missing files."""
    if name == "digits":
        (x, y), (test_x, test_y) = ([t.numpy() for t in part.tensors] for part in digits())
        return split(x, y, test_x, test_y, seed) if seed else [x, y, test_x, test_y]
    found = []
    for train in (True, False):
        try:
            part = COLLECTIONS[name](folder, train)
        except RuntimeError as error:  # it says which files, where to get them and where to put them
            raise FileNotFoundError(f"data: {error}; or name their folder: --data {name}:FOLDER") from None
        pixels = np.asarray(part.data)
        found += [pixels.transpose(0, 3, 1, 2) if pixels.ndim == 4 else pixels[:, None], np.asarray(part.targets)]
    return found


def split(x: np.ndarray, y: np.ndarray, test_x: np.ndarray, test_y: np.ndarray, seed: int) -> list[np.ndarray]:
    """Another division of the same images, in another order, with as many of each class in the test part as before."""
    draw = np.random.default_rng(seed)
    images, labels = np.concatenate([x, test_x]), np.concatenate([y, test_y])
    order = draw.permutation(len(labels))
    test = np.concatenate([order[labels[order] == c][: (test_y == c).sum()] for c in np.unique(labels)])
    train = order[~np.isin(order, test)]
    return [images[train], labels[train], images[test], labels[test]]


@lru_cache(maxsize=16)
def prepared(name: str, folder: Path, flat: bool, limit: int | None, device: str, seed: int) -> Images:
    """What `images` returns."""
    x, y, test_x, test_y = arrays(name, folder, seed)
    x, y = x[:limit].astype(np.float32), y[:limit]
    mean, deviation = x.mean(), x.std()
    pixels = [(part.astype(np.float32) - mean) / deviation for part in (x, test_x)]
    pixels = [part.reshape(len(part), -1) for part in pixels] if flat else pixels
    return Images(*(tensor(a).to(device) for a in (pixels[0], y.astype(np.int64), pixels[1], test_y.astype(np.int64))))


def images(data: str = "digits", *, flat: bool = False, limit: int | None = None, device: str = "cpu", seed: int = 0) -> Images:
    """A set of images, as `NAME` or `NAME:FOLDER` (see `DATA`), normalized; `flat` gives rows (N, C H W).

    limit   the largest number of training images (the first ones); all if None
    seed    which division of the digits into training and test images: 0 is the package's own, any other one drawn anew;
            collections keep the one they are published with
    Raises ValueError for an unknown name or a file that is damaged, FileNotFoundError for missing files.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"images: limit must be at least 1, got {limit}")
    name, folder = place(data)
    return prepared(name, folder, flat, limit, device, seed if name == "digits" else 0)
