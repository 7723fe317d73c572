"""The picture collections that everybody starts with, as torchvision gives them: MNIST and its kin, CIFAR-10 and -100."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import numpy as np

from ..ops.create import tensor
from .archive import extract
from .cifar_pickle import read_cifar_pickle
from .download import download
from .folder import DatasetFolder, ImageFolder, Labelled, called
from .idx import read_cifar, read_idx

__all__ = ["CIFAR10", "CIFAR100", "KMNIST", "MNIST", "DatasetFolder", "FashionMNIST", "ImageFolder", "VisionDataset"]


class VisionDataset(Labelled):
    """Pictures `data` with labels `targets` from files under `root`: case i is (picture, label), each through its transform.

    A picture is an array of bytes, (H, W) or (H, W, C), until a transform such as `transforms.ToTensor()` makes it something
    else. (torchvision's is Pillow's; minigrad does without Pillow.) A subclass says which files it needs (`missing`), reads
    them (`read`) and gets them (`fetch`).
    """

    classes: Sequence[str] = ()
    mirrors: Sequence[str] = ()  # where the files are, tried in turn
    archive = ""  # the one file that holds all others, if there is one
    data: Any
    targets: Any

    def __init__(
        self,
        root: str | os.PathLike,
        train: bool = True,
        transform: Callable | None = None,
        target_transform: Callable | None = None,
        download: bool = False,
    ) -> None:
        called(type(self).__name__, transform=transform, target_transform=target_transform)
        self.root, self.train = os.path.expanduser(root), bool(train)
        self.transform, self.target_transform = transform, target_transform
        if download:
            self.download()
        if missing := self.missing():
            what, place = (
                (self.archive, f"unpack it in {self.root!r}") if self.archive else ("them", "put them there as they are")
            )
            raise RuntimeError(f"{type(self).__name__}: Dataset not found. You can use download=True to download it. It needs "
                               f"{', '.join(missing)} in {str(self.folder)!r}. Hint: without a network, get {what} from "
                               f"{self.mirrors[0]} by other means and {place}")  # fmt: skip
        self.data, self.targets = self.read()

    @property
    def folder(self) -> Path:
        """Where the files are."""
        raise NotImplementedError(f"{type(self).__name__}: a collection must define folder")

    def missing(self) -> list[str]:
        """The names of the files that are not there."""
        raise NotImplementedError(f"{type(self).__name__}: a collection must define missing()")

    def read(self) -> tuple[Any, Any]:
        """All pictures and labels of the part that was asked for."""
        raise NotImplementedError(f"{type(self).__name__}: a collection must define read()")

    def download(self) -> None:
        """Get what is missing. Raises DownloadError, which says what to get by hand and where to put it."""
        raise NotImplementedError(f"{type(self).__name__}: a collection must define download()")

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The label of each class by its name."""
        return {name: i for i, name in enumerate(self.classes)}

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self.transformed(np.asarray(self.data[index]), int(self.targets[index]))

    def __len__(self) -> int:
        return len(self.data)

    def extra_repr(self) -> str:
        return f"Split: {'Train' if self.train else 'Test'}"


class MNIST(VisionDataset):
    """Handwritten digits, 60,000 to train and 10,000 to test, of 28 by 28 pixels; needs its files in <root>/MNIST/raw.

    `data` is (N, 28, 28), uint8, `targets` (N,), int64. Files are read gzipped as they come, or unpacked. With `download`,
    those that are missing are brought there. Raises RuntimeError that names the files if some are missing, DownloadError if
    they can't be had, ValueError if one is damaged or they don't fit together.
    Source: Y. LeCun, C. Cortes and C. Burges, http://yann.lecun.com/exdb/mnist/.
    """

    mirrors = ["https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"]
    resources = [  # name and MD5
        ("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        ("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
        ("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
        ("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
    ]
    classes: Sequence[str] = ["0 - zero", "1 - one", "2 - two", "3 - three", "4 - four", "5 - five", "6 - six", "7 - seven",
                              "8 - eight", "9 - nine"]  # fmt: skip

    @property
    def folder(self) -> Path:
        return Path(self.root, type(self).__name__, "raw")

    @property
    def raw_folder(self) -> str:
        """The folder of the files, under torchvision's name."""
        return str(self.folder)

    def file(self, name: str) -> Path | None:
        """Where a file is, gzipped or not; None if it is not there."""
        both = (self.folder / name, self.folder / name.removesuffix(".gz"))
        return next((path for path in both if path.is_file()), None)

    @property
    def names(self) -> list[str]:
        """The files of the part that was asked for: pictures and labels."""
        return [os.path.basename(name) for name, _ in self.resources[0 if self.train else 2 :][:2]]

    def missing(self) -> list[str]:
        return [name for name in self.names if self.file(name) is None]

    def download(self) -> None:
        for name, md5 in self.resources:
            if self.file(base := os.path.basename(name)) is None:
                download([urljoin(mirror, name) for mirror in self.mirrors], self.folder / base, md5=md5)

    def read(self) -> tuple[Any, Any]:
        pictures, labels = (read_idx(self.file(name)) for name in self.names)  # type: ignore[arg-type]
        if pictures.dtype != np.uint8 or labels.dtype != np.uint8 or pictures.ndim != 3 or labels.shape != pictures.shape[:1]:
            raise ValueError(f"{type(self).__name__}: {self.names} don't fit together: expected bytes (N, H, W) and (N,), got "
                             f"{pictures.dtype} {pictures.shape} and {labels.dtype} {labels.shape}")  # fmt: skip
        if labels.size and labels.max() >= len(self.classes):
            raise ValueError(f"{type(self).__name__}: corrupt: the label {labels.max()} in {self.names[1]!r} is not below "
                             f"{len(self.classes)}")  # fmt: skip
        return tensor(pictures, device="cpu"), tensor(labels.astype(np.int64), device="cpu")


class FashionMNIST(MNIST):
    """Pictures of clothes in MNIST's format, in <root>/FashionMNIST/raw. Source: H. Xiao, K. Rasul and R. Vollgraf 2017,
    https://arxiv.org/abs/1708.07747; licence MIT."""

    mirrors = ["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
               "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"]  # fmt: skip
    resources = [
        ("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        ("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
        ("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
        ("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
    ]
    classes = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]


class KMNIST(MNIST):
    """Cursive Japanese letters in MNIST's format, in <root>/KMNIST/raw. Source: T. Clanuwat et al. 2018,
    https://arxiv.org/abs/1812.01718, https://codh.rois.ac.jp/kmnist/; licence CC BY-SA 4.0."""

    mirrors = ["http://codh.rois.ac.jp/kmnist/dataset/kmnist/"]
    resources = [
        ("train-images-idx3-ubyte.gz", "bdb82020997e1d708af4cf47b453dcf7"),
        ("train-labels-idx1-ubyte.gz", "e144d726b3acfaa3e44228e80efcd344"),
        ("t10k-images-idx3-ubyte.gz", "5c965bf0a639b31b8f53240b1b52f4d7"),
        ("t10k-labels-idx1-ubyte.gz", "7320c461ea6c1c855c0b718fb2a4b134"),
    ]
    classes = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]


class CIFAR10(VisionDataset):
    """Photographs of 32 by 32 pixels in ten classes, 50,000 to train and 10,000 to test, in <root>/cifar-10-batches-bin.

    `data` is an array (N, 32, 32, 3), uint8, `targets` a list of integers. The binary version is downloaded and read. The
    version for Python, in <root>/cifar-10-batches-py, is read where it is there already: its pickles are parsed, never run.
    Raises RuntimeError that names the files if some are missing, DownloadError if the archive can't be had, ValueError if
    one is damaged.
    Source: A. Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html.
    """

    mirrors = ["https://www.cs.toronto.edu/~kriz/", "https://cave.cs.toronto.edu/kriz/"]
    archive = "cifar-10-binary.tar.gz"
    md5 = "c32a1d4ab5d03f1284b67883e8d87530"
    base_folder, python_folder = "cifar-10-batches-bin", "cifar-10-batches-py"
    parts = {True: [f"data_batch_{i}.bin" for i in range(1, 6)], False: ["test_batch.bin"]}
    sizes: tuple[int, ...] = (10,)  # how many labels of each kind there are; the last kind is the target
    label_key = "labels"
    classes: Sequence[str] = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]

    @property
    def folder(self) -> Path:
        return Path(self.root, self.base_folder)

    @property
    def python_files(self) -> list[Path]:
        """The files of the version for Python, if all are there."""
        files = [Path(self.root, self.python_folder, name.removesuffix(".bin")) for name in self.parts[self.train]]
        return files if all(file.is_file() for file in files) else []

    def missing(self) -> list[str]:
        return [] if self.python_files else [n for n in self.parts[self.train] if not (self.folder / n).is_file()]

    def download(self) -> None:
        if self.missing():
            urls = [urljoin(mirror, self.archive) for mirror in self.mirrors]
            extract(download(urls, Path(self.root, self.archive), md5=self.md5), self.root)

    def read(self) -> tuple[Any, Any]:
        if self.missing_binary():
            parts = [read_cifar_pickle(file, self.label_key, self.sizes[-1]) for file in self.python_files]
        else:
            found = (read_cifar(self.folder / name, self.sizes) for name in self.parts[self.train])
            parts = [(pictures, labels[:, -1]) for pictures, labels in found]
        pictures, labels = zip(*parts, strict=True)
        return np.concatenate(pictures), np.concatenate(labels).tolist()

    def missing_binary(self) -> bool:
        """Whether a file of the binary version is not there."""
        return not all((self.folder / name).is_file() for name in self.parts[self.train])


class CIFAR100(CIFAR10):
    """Photographs as in CIFAR10, in a hundred classes, in <root>/cifar-100-binary or <root>/cifar-100-python."""

    archive = "cifar-100-binary.tar.gz"
    md5 = "03b5dce01913d631647c71ecec9e9cb8"
    base_folder, python_folder = "cifar-100-binary", "cifar-100-python"
    parts = {True: ["train.bin"], False: ["test.bin"]}
    sizes = (20, 100)  # coarse and fine
    label_key = "fine_labels"
    classes = """apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can
        castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant
        flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree
        motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy
        porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel
        streetcar sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle wardrobe whale
        willow_tree wolf woman worm""".split()
