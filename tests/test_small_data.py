"""The small data that come with the package or are made by it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import data
from minigrad.data import tables


def seeded(n: int = 0) -> minigrad.Generator:
    return minigrad.Generator().manual_seed(n)


def test_a_table_of_people() -> None:
    want = [[25, 35000, 170, 65], [30, 50000, 175, 72], [28, 42000, 168, 60], [35, 65000, 180, 78]]
    assert data.body().tolist() == want


@pytest.mark.parametrize("name", ["iris", "wine"])
def test_tables_are_scikit_learns(name: str) -> None:
    table: Any = getattr(data, name)()
    wanted = getattr(pytest.importorskip("sklearn.datasets"), f"load_{name}")()
    np.testing.assert_array_equal(table.tensors[0].numpy(), wanted.data.astype(np.float32))
    np.testing.assert_array_equal(table.tensors[1].numpy(), wanted.target)
    assert len(table.columns) == wanted.data.shape[1]
    assert len(table.classes) == 3


def test_tables_in_a_loader() -> None:
    assert [len(data.iris()), len(data.wine())] == [150, 178]
    x, y = next(iter(data.DataLoader(data.iris(), 4)))
    assert (tuple(x.shape), y.tolist(), x.dtype) == ((4, 4), [0] * 4, minigrad.float32)
    assert (tables.FILE.parent / "NOTICE").read_text().count("10.24432/C5") == 3


@pytest.mark.parametrize("make", [data.two_moons, data.circles, data.spirals, data.blobs])
def test_points(make: Any) -> None:
    x, y = make(60, seed=3).tensors
    assert (tuple(x.shape), x.dtype, y.dtype) == ((60, 2), minigrad.float32, minigrad.int64)
    counts = y.bincount().tolist()
    assert set(counts) == {60 // len(counts)}
    assert x.tolist() == make(60, generator=seeded(3)).tensors[0].tolist() != make(60, seed=4).tensors[0].tolist()
    with pytest.raises(ValueError, match="a generator or a seed, got both"):
        make(seed=1, generator=seeded())
    for bad in (dict(n=0), dict(noise=float("nan")), dict(noise=-1.0)):
        with pytest.raises(ValueError, match=f"{make.__name__}: .*n|noise"):
            make(**bad)


def test_two_moons() -> None:
    x, y = data.two_moons(101, 0.0).tensors
    assert (tuple(x.shape), y.sum().item()) == ((101, 2), 50)
    points = x.numpy().astype(np.float64)
    lower = y.numpy() == 1
    radius = np.hypot(*(np.where(lower[:, None], points - [1, 0.5], points)).T)
    np.testing.assert_allclose(radius, 1, atol=1e-6)
    assert (points[~lower, 1] > -1e-6).all()
    assert (points[lower, 1] < 0.5 + 1e-6).all()


def test_circles() -> None:
    x, y = data.circles(21, 0.0, 0.3).tensors
    assert y.sum().item() == 10
    radius = np.hypot(*x.numpy().T)
    np.testing.assert_allclose(radius, np.where(y.numpy() == 1, 0.3, 1), rtol=1e-5)
    assert len({tuple(np.round(point, 4)) for point in x.numpy()}) == 21  # no point comes twice
    with pytest.raises(ValueError, match=r"factor must be in \[0, 1\)"):
        data.circles(factor=1.0)


def test_spirals() -> None:
    points, labels = data.spirals(300, 3, noise=0, seed=0).tensors
    assert labels.bincount().tolist() == [100, 100, 100]
    np.testing.assert_allclose(points[99].numpy(), [1, 0], atol=1e-6)
    with pytest.raises(ValueError, match="n >= arms >= 1"):
        data.spirals(2, 3)


def test_blobs() -> None:
    x, y = data.blobs(4000, [[0.0, 0, 9], [5, 5, 5]], 0.5, seed=0).tensors
    for k, middle in enumerate(([0, 0, 9], [5, 5, 5])):
        cloud = x.numpy()[y.numpy() == k]
        np.testing.assert_allclose(cloud.mean(0), middle, atol=0.06)  # 0.5 / sqrt(2000) is 0.011
        np.testing.assert_allclose(cloud.std(0), 0.5, atol=0.05)
    assert data.blobs(10, 3).tensors[1].bincount().tolist() == [4, 3, 3]
    for bad in ([[1.0], [1.0, 2.0]], [], 0):
        with pytest.raises(ValueError, match="a number of centers >= 1 or rows of equal length"):
            data.blobs(10, bad)


def test_text() -> None:
    assert data.text(50) == data.text(50) != data.text(50, seed=1)
    assert data.text(200).count(".") == 200
