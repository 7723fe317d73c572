"""Transforms of images and tables, and the small data made here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import data
from minigrad.data import small
from minigrad.data import transforms as t

IMAGE = np.arange(2 * 4 * 6, dtype=np.float32).reshape(2, 4, 6)


def test_to_tensor() -> None:
    picture = np.array([[[0, 51, 255]] * 4] * 2, dtype=np.uint8)
    x = t.ToTensor()(picture)
    assert tuple(x.shape) == (3, 2, 4)
    np.testing.assert_allclose(x[:, 0, 0].numpy(), [0, 0.2, 1], rtol=1e-6)
    assert tuple(t.ToTensor()(picture[..., 0]).shape) == (1, 2, 4)
    with pytest.raises(ValueError, match="2 or 3 dimensions"):
        t.ToTensor()(np.zeros(3))


def test_geometry() -> None:
    x = minigrad.tensor(IMAGE)
    np.testing.assert_array_equal(t.CenterCrop((2, 4))(x).numpy(), IMAGE[:, 1:3, 1:5])
    np.testing.assert_array_equal(t.RandomHorizontalFlip(1.0)(x).numpy(), IMAGE[..., ::-1])
    np.testing.assert_array_equal(t.RandomHorizontalFlip(0.0)(x).numpy(), IMAGE)
    padded = t.Pad((1, 2, 3, 0), fill=7)(x).numpy()
    np.testing.assert_array_equal(padded, np.pad(IMAGE, ((0, 0), (2, 0), (1, 3)), constant_values=7))
    mirrored = t.Pad(2, padding_mode="reflect")(x).numpy()
    np.testing.assert_array_equal(mirrored, np.pad(IMAGE, ((0, 0), (2, 2), (2, 2)), mode="reflect"))
    assert tuple(t.Resize(8)(x).shape) == (2, 8, 12)
    assert tuple(t.Resize((2, 3))(x).shape) == (2, 2, 3)
    np.testing.assert_allclose(t.Resize((2, 3))(x).numpy(), IMAGE.reshape(2, 2, 2, 3, 2).mean((2, 4)), rtol=1e-6)


def test_random_crops_are_parts_and_seeded() -> None:
    def crops(seed: int) -> list:
        crop = t.RandomCrop(3, padding=1, generator=minigrad.Generator().manual_seed(seed))
        return [crop(minigrad.tensor(IMAGE)).tolist() for _ in range(20)]

    whole = np.pad(IMAGE, ((0, 0), (1, 1), (1, 1)))
    parts = [whole[:, i : i + 3, j : j + 3].tolist() for i in range(4) for j in range(6)]
    assert crops(1) == crops(1) != crops(2)
    assert all(crop in parts for crop in crops(1))
    assert len({str(crop) for crop in crops(1)}) > 5


def test_normalize_and_compose() -> None:
    both = t.Compose([t.Lambda(lambda x: x * 2), t.Normalize([1.0, 2.0], [4.0, 5.0])])
    want = (IMAGE * 2 - np.array([1, 2])[:, None, None]) / np.array([4, 5])[:, None, None]
    np.testing.assert_allclose(both(minigrad.tensor(IMAGE)).numpy(), want, rtol=1e-6)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: t.Normalize([0.0], [0.0]), "std must be above 0"),
    (lambda: t.Normalize([0.0] * 3, [1.0] * 3)(minigrad.tensor(IMAGE)), "with C = 3"),
    (lambda: t.Pad((1, 2, 3)), "padding must be 1, 2 or 4"), (lambda: t.RandomCrop(0), "integers >= 1"),
    (lambda: t.RandomCrop(9)(minigrad.tensor(IMAGE)), r"at least \(9, 9\), got \(2, 4, 6\)"),
    (lambda: t.RandomHorizontalFlip(1.5), "must be a probability"), (lambda: t.ZScore()(small.body()), "not fitted yet"),
    (lambda: t.MinMaxScaler(1, 1), "low < high"),
])  # fmt: skip
def test_bad_input(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_fitted_scalers() -> None:
    x = small.body().double()
    table = x.numpy()
    scaler, z = t.MinMaxScaler(-1, 1).fit(x), t.ZScore().fit(x)
    np.testing.assert_allclose(scaler(x).numpy(), 2 * (table - table.min(0)) / np.ptp(table, 0) - 1, atol=1e-12)
    np.testing.assert_allclose(z(x).numpy(), (table - table.mean(0)) / table.std(0), atol=1e-12)
    for fitted in (scaler, z):
        np.testing.assert_allclose(fitted.inverse(fitted(x)).numpy(), table, rtol=1e-12)
    assert t.ZScore().fit(minigrad.ones(3, 1))(minigrad.ones(3, 1)).tolist() == [[0], [0], [0]]


def test_body_spirals_and_text() -> None:
    assert small.body().tolist()[3] == [35, 65000, 180, 78]
    points, labels = small.spirals(300, 3, noise=0, seed=0).tensors
    assert tuple(points.shape) == (300, 2)
    assert labels.bincount().tolist() == [100, 100, 100]
    np.testing.assert_allclose(points[99].numpy(), [1, 0], atol=1e-6)
    assert small.spirals(30, seed=1).tensors[0].tolist() == small.spirals(30, seed=1).tensors[0].tolist()
    assert small.text(50) == small.text(50) != small.text(50, seed=1)
    assert small.text(200).count(".") == 200
    with pytest.raises(ValueError, match="n >= arms >= 1"):
        small.spirals(2, 3)
    assert data.spirals is small.spirals
