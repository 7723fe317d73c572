"""Pictures, or any files, in a folder for each class, as torchvision reads them."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .dataset import Dataset

__all__ = ["IMG_EXTENSIONS", "DatasetFolder", "ImageFolder", "default_loader", "find_classes", "has_file_allowed_extension",
           "is_image_file", "make_dataset", "pil_loader"]  # fmt: skip

IMG_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


class Labelled(Dataset):
    """Cases (sample, label) from under a folder, each part through its transform."""

    root: str
    transform: Callable | None
    target_transform: Callable | None

    def transformed(self, sample: Any, target: Any) -> tuple[Any, Any]:
        """A case as it is given."""
        return (
            sample if self.transform is None else self.transform(sample),
            target if self.target_transform is None else self.target_transform(target),
        )

    def extra_repr(self) -> str:
        """A further line that says what it is."""
        return ""

    def __repr__(self) -> str:
        lines = [f"Dataset {type(self).__name__}", f"    Number of datapoints: {len(self)}", f"    Root location: {self.root}"]  # type: ignore[arg-type]
        lines += [f"    {self.extra_repr()}"] if self.extra_repr() else []
        given = (("Transform", self.transform), ("Target transform", self.target_transform))
        return "\n".join(lines + [f"    {name}: {what!r}" for name, what in given if what is not None])


def called(who: str, **functions: Any) -> None:
    """Raise TypeError unless each of these is a function, or None."""
    for name, function in functions.items():
        if function is not None and not callable(function):
            raise TypeError(f"{who}: {name} must be a function, got {type(function).__name__}")
        if isinstance(function, type) and "__call__" in dir(function):  # a class of functions
            raise TypeError(f"{who}: {name} must be a function, got the class {function.__name__}. Hint: {function.__name__}()")


def has_file_allowed_extension(filename: str, extensions: str | Sequence[str]) -> bool:
    """Whether a file's name ends in one of these, in capitals or not."""
    return filename.lower().endswith(extensions if isinstance(extensions, str) else tuple(extensions))


def is_image_file(filename: str) -> bool:
    """Whether a file's name is that of a picture."""
    return has_file_allowed_extension(filename, IMG_EXTENSIONS)


def pil_loader(path: str | os.PathLike) -> Any:
    """A file as a picture of Pillow's, in red, green and blue. Raises ImportError where Pillow is not installed."""
    try:
        images: Any = importlib.import_module("PIL.Image")
    except ImportError:
        raise ImportError("pil_loader: to read picture files needs Pillow. Hint: pip install pillow, or a loader= of your own "
                          "that makes an array of a path") from None  # fmt: skip
    with open(path, "rb") as file:
        return images.open(file).convert("RGB")


default_loader = pil_loader


def find_classes(directory: str | os.PathLike) -> tuple[list[str], dict[str, int]]:
    """The names of the folders in a folder, sorted, and the number of each. Raises FileNotFoundError if there are none."""
    classes = sorted(entry.name for entry in os.scandir(os.fspath(directory)) if entry.is_dir())
    if not classes:
        raise FileNotFoundError(f"find_classes: Couldn't find any class folder in {str(directory)!r}. "
                                "Hint: <root>/<class>/<file>")  # fmt: skip
    return classes, {name: i for i, name in enumerate(classes)}


def make_dataset(
    directory: str | os.PathLike, class_to_idx: dict[str, int] | None = None, extensions: str | Sequence[str] | None = None,
    is_valid_file: Callable[[str], bool] | None = None, allow_empty: bool = False,
) -> list[tuple[str, int]]:  # fmt: skip
    """(path, number of the class) of all files below the folders of the classes, class by class and sorted.

    Those count whose names end in `extensions`, or those that `is_valid_file(path)` takes. Raises ValueError unless exactly one
    of the two is given, FileNotFoundError for a class without a file, unless `allow_empty`.
    """
    class_to_idx = find_classes(directory)[1] if class_to_idx is None else class_to_idx
    if (extensions is None) == (is_valid_file is None):
        raise ValueError("make_dataset: Both extensions and is_valid_file cannot be None or not None at the same time")
    if not class_to_idx:
        raise ValueError("make_dataset: 'class_to_idx' must have at least one entry to collect any samples.")
    fits = is_valid_file or (lambda path: has_file_allowed_extension(path, extensions or ()))
    found = []
    for name in sorted(class_to_idx):
        walked = sorted(os.walk(Path(os.path.expanduser(directory), name), followlinks=True))
        found += [(path, class_to_idx[name]) for folder, _, files in walked for file in sorted(files)
                  if fits(path := os.path.join(folder, file))]  # fmt: skip
    seen = {label for _, label in found}
    lacking = [name for name in sorted(class_to_idx) if class_to_idx[name] not in seen]
    if lacking and not allow_empty:
        ends = "" if extensions is None else extensions if isinstance(extensions, str) else ", ".join(extensions)
        raise FileNotFoundError(f"make_dataset: Found no valid file for the classes {', '.join(lacking)}."
                                + (f" Supported extensions are: {ends}" if ends else ""))  # fmt: skip
    return found


class DatasetFolder(Labelled):
    """Files in a folder for each class, <root>/<class>/.../<file>: case i is (what `loader` makes of the path, class).

    Each goes through its transform. `classes` are the folders' names, sorted, `class_to_idx` their numbers, `samples` the
    pairs (path, number), `targets` the numbers. Raises what `find_classes` and `make_dataset` raise.
    """

    def __init__(
        self, root: str | os.PathLike, loader: Callable[[str], Any], extensions: Sequence[str] | None = None,
        transform: Callable | None = None, target_transform: Callable | None = None,
        is_valid_file: Callable[[str], bool] | None = None, allow_empty: bool = False,
    ) -> None:  # fmt: skip
        called(type(self).__name__, loader=loader, transform=transform, target_transform=target_transform,
               is_valid_file=is_valid_file)  # fmt: skip
        self.root, self.loader, self.extensions = os.path.expanduser(root), loader, extensions
        self.transform, self.target_transform = transform, target_transform
        if not os.path.isdir(self.root):
            raise FileNotFoundError(f"{type(self).__name__}: there is no folder {self.root!r}. Hint: <root>/<class>/<file>")
        self.classes, self.class_to_idx = self.find_classes(self.root)
        self.samples = self.make_dataset(self.root, self.class_to_idx, extensions, is_valid_file, allow_empty)
        self.targets = [target for _, target in self.samples]

    find_classes = staticmethod(find_classes)
    make_dataset = staticmethod(make_dataset)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        path, target = self.samples[index]
        return self.transformed(self.loader(path), target)

    def __len__(self) -> int:
        return len(self.samples)


class ImageFolder(DatasetFolder):
    """Pictures in a folder for each class, <root>/<class>/.../<file>: case i is (picture, class), each through its transform.

    Without a `loader` of yours pictures are Pillow's, which must be installed.
    """

    def __init__(
        self, root: str | os.PathLike, transform: Callable | None = None, target_transform: Callable | None = None,
        loader: Callable[[str], Any] = default_loader, is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> None:  # fmt: skip
        ends = IMG_EXTENSIONS if is_valid_file is None else None
        super().__init__(root, loader, ends, transform, target_transform, is_valid_file, allow_empty)
        self.imgs = self.samples
