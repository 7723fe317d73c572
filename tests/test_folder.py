"""Files in a folder for each class."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.data import DataLoader, DatasetFolder, ImageFolder, folder, transforms
from minigrad.data.grid import save_image


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for k, name in enumerate(("dog/a.npy", "cat/z/c.npy", "cat/b.NPY", "cat/notes.txt", "empty/readme.md")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if name.lower().endswith("npy"):
            with open(tmp_path / name, "wb") as file:
                np.save(file, np.full((2, 2), k, np.float32))
        else:
            (tmp_path / name).write_text("no array")
    return tmp_path


def test_files_come_class_by_class(root: Path) -> None:
    data = DatasetFolder(root, np.load, (".npy",), minigrad.tensor, lambda label: label + 10, allow_empty=True)
    assert data.classes == ["cat", "dog", "empty"] and data.class_to_idx == {"cat": 0, "dog": 1, "empty": 2}
    assert [(str(Path(path).relative_to(root)), i) for path, i in data.samples] == [
        (str(Path("cat", "b.NPY")), 0), (str(Path("cat", "z", "c.npy")), 0), (str(Path("dog", "a.npy")), 1)]  # fmt: skip
    assert data.targets == [0, 0, 1] and len(data) == 3
    x, label = data[1]
    assert x.tolist() == [[1, 1], [1, 1]] and label == 10
    ((batch, labels),) = DataLoader(data, batch_size=3)
    assert batch[:, 0, 0].tolist() == [2, 1, 0] and labels.tolist() == [10, 10, 11]
    assert repr(data).startswith(
        f"Dataset DatasetFolder\n    Number of datapoints: 3\n    Root location: {root}\n    Transform:"
    )
    only = DatasetFolder(root, np.load, is_valid_file=lambda path: path.endswith("a.npy"), allow_empty=True)
    assert [path for path, _ in only.samples] == [str(root / "dog" / "a.npy")]


def test_pictures_of_ones_own(tmp_path: Path) -> None:
    pytest.importorskip("PIL.Image")
    for k, name in enumerate(("cat", "dog")):
        (tmp_path / name).mkdir()
        save_image(minigrad.full((3, 4, 6), float(k)), tmp_path / name / "one.png")
    data = ImageFolder(tmp_path, transforms.Compose([transforms.Resize((2, 3)), transforms.ToTensor()]))
    x, label = data[1]
    assert x.shape == (3, 2, 3) and (x == 1).all() and label == 1 and data.imgs is data.samples
    assert ImageFolder(tmp_path)[0][0].size == (6, 4)
    assert folder.is_image_file("A.JPG") and not folder.is_image_file("a.txt")


def test_without_pillow_one_line_says_so(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = ImageFolder(root, is_valid_file=lambda path: path.endswith("npy"), allow_empty=True)
    monkeypatch.setattr(folder.importlib, "import_module", lambda name: builtins.__import__("no such module"))
    with pytest.raises(ImportError, match=r"needs Pillow\. Hint: pip install pillow, or a loader= of your own"):
        data[0]
    own = ImageFolder(root, loader=np.load, is_valid_file=lambda path: path.lower().endswith("npy"), allow_empty=True)
    assert own[2][0].shape == (2, 2)


@pytest.mark.parametrize("call, error, text", [
    (lambda root: DatasetFolder(root, np.load, (".npy",)), FileNotFoundError,
     r"Found no valid file for the classes empty\. Supported extensions are: \.npy"),
    (lambda root: ImageFolder(root), FileNotFoundError, "classes cat, dog, empty. Supported extensions are: .jpg, .jpeg"),
    (lambda root: ImageFolder(root / "empty"), FileNotFoundError, "Couldn't find any class folder"),
    (lambda root: ImageFolder(root / "nowhere"), FileNotFoundError, "ImageFolder: there is no folder .*nowhere"),
    (lambda root: DatasetFolder(root, np.load), ValueError, "Both extensions and is_valid_file cannot be None"),
    (lambda root: DatasetFolder(root, "load", (".npy",)), TypeError, "DatasetFolder: loader must be a function, got str"),
    (lambda root: ImageFolder(root, transforms.ToTensor), TypeError, r"got the class ToTensor. Hint: ToTensor\(\)"),
])  # fmt: skip
def test_what_is_no_such_folder_is_refused(call: Any, error: type, text: str, root: Path) -> None:
    with pytest.raises(error, match=text):
        call(root)
