"""Transforms of pictures and tables; pictures side by side. Numbers without a reason beside them are torchvision 0.29's."""

from __future__ import annotations

import io
import zlib
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.data import functional as tf
from minigrad.data import small
from minigrad.data import transforms as t
from minigrad.data.grid import make_grid, png, save_image

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
    halved = t.Resize((2, 3), antialias=False)(x).numpy()
    np.testing.assert_allclose(halved, IMAGE.reshape(2, 2, 2, 3, 2).mean((2, 4)), rtol=1e-6)


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
    (lambda: t.RandomCrop(9)(minigrad.tensor(IMAGE)), r"\(9, 9\) is larger than input image size \(4, 6\)"),
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


RAMP = np.arange(24, dtype=np.float32).reshape(1, 4, 6)


def test_resizing() -> None:
    x = minigrad.tensor(RAMP)
    want = [[[5.0, 6.785714, 8.571428], [14.428572, 16.214285, 18.0]]]
    np.testing.assert_allclose(t.Resize((2, 3))(x).numpy(), want, rtol=1e-6)
    want = [[[1.25, 2.75, 4.25, 5.75], [9.25, 10.75, 12.25, 13.75], [17.25, 18.75, 20.25, 21.75]]]
    np.testing.assert_allclose(t.Resize((3, 4), antialias=False)(x).numpy(), want, rtol=1e-6)
    assert t.Resize((3, 4))(x.to(minigrad.uint8)).tolist() == [[[2, 4, 5, 7], [9, 11, 12, 14], [16, 18, 19, 21]]]  # Pillow's
    nearest = t.Resize((2, 3), t.InterpolationMode.NEAREST)(x)
    assert nearest.tolist() == RAMP[:, ::2, ::2].tolist()
    assert [tuple(t.Resize(size, max_size=most)(x).shape) for size, most in ((2, None), (4, 5), ([8], None))] == [
        (1, 2, 3), (1, 3, 5), (1, 8, 12)]  # fmt: skip
    np.testing.assert_allclose(t.Resize((9, 11))(minigrad.ones(1, 4, 6)).numpy(), 1, rtol=1e-6)  # weights sum to 1


def test_turning() -> None:
    want = [[-1, -1, 3, 4, 11, 11], [1, 1, 8, 9, 16, 17], [6, 7, 14, 15, 22, 22], [12, 12, 19, 20, -1, -1]]
    assert t.RandomRotation((30, 30), fill=-1)(minigrad.tensor(RAMP))[0].tolist() == want
    square = RAMP[:, :, :4]
    assert t.RandomRotation((90, 90))(minigrad.tensor(square)).tolist() == np.rot90(square, axes=(1, 2)).tolist()
    quarter = [[4, 10, 16, 22, -1], [3, 9, 15, 21, -1], [2, 8, 14, 20, -1], [1, 7, 13, 19, -1]]  # halves, as Pillow has them
    assert t.RandomRotation((90, 90), fill=-1)(minigrad.tensor(RAMP[:, :, :5]))[0].tolist() == quarter
    angles = {str(t.RandomRotation(20)(minigrad.tensor(RAMP)).tolist()) for _ in range(10)}
    assert len(angles) > 3


def test_flips_and_middles() -> None:
    x = minigrad.tensor(RAMP)
    assert t.RandomVerticalFlip(1.0)(x).tolist() == RAMP[:, ::-1].tolist()
    np.testing.assert_array_equal(t.CenterCrop((6, 4))(x).numpy(), np.pad(RAMP, ((0, 0), (1, 1), (0, 0)))[..., 1:5])
    halves = [t.RandomHorizontalFlip()(x)[0, 0, 0].item() for _ in range(400)]
    assert 150 < halves.count(5.0) < 250


def test_pictures_stay_what_they_are() -> None:
    """A transform of an array (H, W, C) or (H, W) gives an array, the same as of the tensor (C, H, W)."""
    photo = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    for make in (lambda: t.Pad(2, 9), lambda: t.CenterCrop(4), lambda: t.Resize(4), lambda: t.RandomCrop(3, 1),
                 lambda: t.RandomVerticalFlip(), lambda: t.RandomRotation(40), lambda: t.RandomResizedCrop(4), t.Grayscale,
                 lambda: t.Grayscale(3)):  # fmt: skip
        minigrad.manual_seed(5)
        got = make()(photo)
        minigrad.manual_seed(5)
        want = make()(minigrad.tensor(photo.transpose(2, 0, 1).copy())).numpy().transpose(1, 2, 0)
        assert (type(got), got.dtype) == (np.ndarray, np.uint8)
        np.testing.assert_array_equal(got.reshape(want.shape), want)
    assert t.CenterCrop(3)(photo[..., 0]).shape == (3, 3)


def test_an_image_of_pillow_stays_one() -> None:
    pillow = pytest.importorskip("PIL.Image")
    photo = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    for array in (photo, np.ascontiguousarray(photo[..., 0])):
        image = pillow.fromarray(array)
        for h, w in ((20, 26), (50, 66), (13, 77), (30, 40)):
            got, want = t.Resize((h, w))(image), image.resize((w, h), pillow.Resampling.BILINEAR)
            assert (got.size, got.mode) == (want.size, want.mode)
            assert got.tobytes() == want.tobytes()
            np.testing.assert_array_equal(t.Resize((h, w))(array), np.asarray(want))
    assert t.Grayscale()(pillow.fromarray(photo)).mode == "L"


def test_random_parts_of_a_picture() -> None:
    x = minigrad.tensor(RAMP)
    for _ in range(20):
        part = t.RandomResizedCrop((3, 5), scale=(0.2, 0.5))(x)
        assert tuple(part.shape) == (1, 3, 5)
        assert 0 <= part.min().item() <= part.max().item() <= 23
    whole = t.RandomResizedCrop((2, 3), scale=(1, 1), ratio=(1.5, 1.5))(x)
    np.testing.assert_allclose(whole.numpy(), t.Resize((2, 3))(x).numpy(), rtol=1e-6)
    assert tuple(t.RandomCrop((6, 8), pad_if_needed=True)(x).shape) == (1, 6, 8)


def test_random_combinations() -> None:
    add, double = t.Lambda(lambda x: x + 1), t.Lambda(lambda x: x * 2)
    assert {t.RandomOrder([add, double])(3) for _ in range(40)} == {7, 8}
    assert {t.RandomChoice([add, double])(3) for _ in range(40)} == {4, 6}
    assert {t.RandomChoice([add, double], [0, 1])(3) for _ in range(40)} == {6}
    assert {t.RandomApply([add, double], 0.5)(3) for _ in range(40)} == {3, 8}
    with pytest.raises(ValueError, match="a finite weight >= 0, not all 0, for each of 2 transforms"):
        t.RandomChoice([add, double], [0, 0])


def test_colours() -> None:
    photo = np.random.default_rng(0).random((3, 4, 5), dtype=np.float32)
    want = 0.2989 * photo[0] + 0.587 * photo[1] + 0.114 * photo[2]
    gray = t.Grayscale(3)(minigrad.tensor(photo)).numpy()
    np.testing.assert_allclose(gray, np.stack([want] * 3), rtol=1e-6)
    assert t.RandomGrayscale(1.0)(minigrad.tensor(photo)).tolist() == gray.tolist()
    assert t.RandomGrayscale(0.0)(minigrad.tensor(photo)).tolist() == photo.tolist()


def test_types_of_pictures() -> None:
    bytes_ = minigrad.tensor(np.array([[0, 51, 255]], np.uint8))
    numbers = t.ConvertImageDtype(minigrad.float64)(bytes_)
    np.testing.assert_allclose(numbers.numpy(), [[0, 0.2, 1]])
    assert t.ConvertImageDtype(minigrad.uint8)(numbers).tolist() == [[0, 51, 255]]
    assert t.PILToTensor()(np.array([[7]], np.uint8)).dtype == minigrad.uint8
    with pytest.raises(TypeError, match="should be a float tensor. Got a tensor of"):
        t.Normalize((0.5,), (0.5,))(bytes_[None])
    with pytest.raises(TypeError, match="Got a tensor"):
        t.ToTensor()(bytes_)
    x = minigrad.ones(1, 2, 2)
    assert t.Normalize((0.5,), (0.25,), inplace=True)(x) is x
    assert x.tolist() == [[[2, 2], [2, 2]]]


def test_scalers_remember() -> None:
    table = small.body().double()
    for make in (t.MinMaxScaler, t.ZScore):
        scaler, other = make(), make()
        out = scaler.fit_transform(table)
        assert scaler.transform(table).tolist() == out.tolist()
        other.load_state_dict(scaler.state_dict())
        np.testing.assert_allclose(other.inverse_transform(out).numpy(), table.numpy())
        for bad in (table[:, :3], table[:2, 0]):
            with pytest.raises(ValueError, match=r"expected \(..., 4\) as in the data"):
                scaler(bad)
    for bad in (minigrad.zeros(0, 3), minigrad.zeros(2, 3, 4), minigrad.arange(3)):
        with pytest.raises(ValueError, match="expected floating-point data"):
            t.ZScore().fit(bad)
    assert t.ZScore().fit(minigrad.tensor([1.0, 3.0]))(minigrad.tensor(5.0)).item() == 3


def test_pictures_side_by_side() -> None:
    images = minigrad.arange(5.0).reshape(5, 1, 1, 1).expand(5, 1, 2, 3)
    grid = make_grid(images, nrow=2, padding=1, pad_value=9.0).numpy()
    assert grid.shape == (3, 10, 9)
    want = np.full((10, 9), 9.0)
    for i in range(5):
        want[1 + i // 2 * 3 :, 1 + i % 2 * 4 :][:2, :3] = i
    np.testing.assert_array_equal(grid, np.stack([want] * 3))
    assert make_grid(images, normalize=True).max().item() == 1
    assert tuple(make_grid(images[0]).shape) == (3, 2, 3)
    with pytest.raises(ValueError, match=r"expected images \(N, C, H, W\)"):
        make_grid(minigrad.zeros(3))


def test_a_png_file(tmp_path: Any) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8)
    content = png(pixels)
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    at = content.index(b"IDAT")
    size = int.from_bytes(content[at - 4 : at], "big")
    rows = np.frombuffer(zlib.decompress(content[at + 4 : at + 4 + size]), np.uint8).reshape(4, 16)
    np.testing.assert_array_equal(rows[:, 1:].reshape(4, 5, 3), pixels)
    file = io.BytesIO()
    save_image(minigrad.tensor(pixels.transpose(2, 0, 1) / 255), file)
    save_image(minigrad.tensor(pixels.transpose(2, 0, 1) / 255), tmp_path / "x.png")
    assert file.getvalue() == content == (tmp_path / "x.png").read_bytes()
    with pytest.raises(ValueError, match="only PNG files can be written, got the format 'jpg'"):
        save_image(minigrad.zeros(1, 2, 2), tmp_path / "x.jpg")


COLOURS = [[[10, 200], [90, 30]], [[250, 20], [90, 60]], [[40, 60], [90, 120]]]


@pytest.mark.parametrize(("name", "value", "want"), [
    ("adjust_brightness", 1.5, [[[15, 255], [135, 45]], [[255, 30], [135, 90]], [[60, 90], [135, 180]]]),
    ("adjust_contrast", 0.5, [[[52, 147], [92, 62]], [[172, 57], [92, 77]], [[67, 77], [92, 107]]]),
    ("adjust_saturation", 2.0, [[[0, 255], [91, 3]], [[255, 0], [91, 63]], [[0, 42], [91, 183]]]),
    ("adjust_hue", 0.25, [[[10, 150], [90, 120]], [[100, 200], [90, 30]], [[250, 20], [90, 105]]]),
    ("adjust_hue", -0.4, [[[250, 20], [90, 96]], [[10, 132], [90, 120]], [[76, 200], [90, 30]]]),
])  # fmt: skip
def test_colours_adjusted(name: str, value: float, want: list) -> None:
    x = minigrad.tensor(COLOURS, dtype=minigrad.uint8)
    assert getattr(tf, name)(x, value).tolist() == want
    assert getattr(tf, name)(x.numpy().transpose(1, 2, 0), value).tolist() == np.transpose(want, (1, 2, 0)).tolist()
    close = getattr(tf, name)(x.double() / 255, value) * 255
    np.testing.assert_allclose(close.numpy(), want, atol=1.01)  # bytes are rounded
    grey = x[:1]
    if name in ("adjust_saturation", "adjust_hue"):
        assert getattr(tf, name)(grey, value).tolist() == grey.tolist()


def test_jitter_draws_torchvisions_numbers(torch_stream: None) -> None:
    minigrad.manual_seed(1)
    jitter = t.ColorJitter(0.4, 0.4, 0.4, 0.1)
    got = jitter(minigrad.tensor(COLOURS, dtype=minigrad.uint8)).tolist()
    assert got == [[[22, 210], [108, 57]], [[243, 46], [108, 93]], [[22, 102], [108, 140]]]
    assert minigrad.rand(1).item() == 0.7543719410896301
    with pytest.raises(ValueError, match="ColorJitter: hue values should be between"):
        t.ColorJitter(hue=0.6)
    with pytest.raises(ValueError, match="If contrast is a single number, it must be non negative"):
        t.ColorJitter(contrast=-1)


def test_functions_of_pictures() -> None:
    x = minigrad.tensor(RAMP)
    assert tf.hflip(x).tolist() == RAMP[..., ::-1].tolist() and tf.vflip(x).tolist() == RAMP[:, ::-1].tolist()
    assert tf.crop(x, 1, 2, 2, 3).tolist() == RAMP[:, 1:3, 2:5].tolist()
    assert tf.crop(x, -1, 4, 3, 4).tolist() == np.pad(RAMP, ((0, 0), (1, 0), (0, 2)))[:, :3, 4:].tolist()
    assert tf.resized_crop(x, 0, 0, 2, 4, (2, 4)).tolist() == RAMP[:, :2, :4].tolist()
    assert tf.get_dimensions(RAMP[0]) == [1, 4, 6] and tf.get_image_size(x) == [6, 4]
    assert tf.rotate(x[..., :4], 90).tolist() == np.rot90(RAMP[..., :4], axes=(1, 2)).tolist()
    picture = RAMP[0].astype(np.uint8)
    np.testing.assert_array_equal(np.asarray(tf.to_pil_image(picture)), picture)
    np.testing.assert_array_equal(np.asarray(t.ToPILImage()(tf.to_tensor(picture))), picture)
    assert t.ToPILImage("RGB")(x).mode == "RGB"
    with pytest.raises(ValueError, match="ToPILImage: expected 1, 3 or 4 channels"):
        t.ToPILImage()(minigrad.ones(2, 3, 3))


def test_the_place_of_a_crop_is_told() -> None:
    image = minigrad.ones(1, 9, 7)
    assert t.RandomCrop.get_params(image, (9, 7)) == (0, 0, 9, 7)
    for _ in range(20):
        top, left, h, w = t.RandomCrop.get_params(image, (4, 3))
        assert 0 <= top <= 5 and 0 <= left <= 4 and (h, w) == (4, 3)
        top, left, h, w = t.RandomResizedCrop.get_params(image, (0.2, 0.5), (0.8, 1.2))
        assert 0 <= top <= 9 - h and 0 <= left <= 7 - w
