"""Transforms of pictures and tables; pictures side by side. Numbers without a reason beside them are torchvision 0.29's."""

from __future__ import annotations

import io
import zlib
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad.data import functional, small
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


PHOTO = np.array([[[10, 200, 30], [40, 90, 255]], [[0, 128, 77], [31, 250, 6]], [[66, 12, 180], [99, 45, 160]]], np.uint8)
TILES = (np.arange(30).reshape(1, 5, 6) * 37 % 256).astype(np.uint8)
COLOURS = [
    ("adjust_brightness", (1.4,), [14, 255, 42, 56, 126, 255, 0, 179, 107, 43, 255, 8, 92, 16, 252, 138, 63, 224]),
    ("adjust_contrast", (0.6,), [41, 155, 53, 59, 89, 188, 35, 112, 81, 54, 185, 39, 75, 42, 143, 95, 62, 131]),
    ("adjust_saturation", (1.7,), [10, 244, 0, 39, 28, 255, 0, 122, 79, 24, 255, 0, 105, 0, 254, 139, 0, 204]),
    ("adjust_hue", (0.2,), [66, 46, 163, 99, 45, 255, 0, 200, 30, 31, 250, 151, 42, 12, 180, 76, 246, 6]),
    ("adjust_gamma", (0.7,), [26, 215, 57, 70, 123, 255, 0, 158, 110, 58, 252, 18, 99, 30, 200, 132, 76, 184]),
    ("invert", (), [245, 55, 225, 215, 165, 0, 255, 127, 178, 224, 5, 249, 189, 243, 75, 156, 210, 95]),
    ("solarize", (128,), [10, 55, 30, 40, 90, 0, 0, 127, 77, 31, 5, 6, 66, 12, 75, 99, 45, 95]),
    ("posterize", (3,), [0, 192, 0, 32, 64, 224, 0, 128, 64, 0, 224, 0, 64, 0, 160, 96, 32, 160]),
    ("autocontrast", (), [0, 197, 20, 31, 83, 255, 0, 130, 78, 31, 255, 6, 81, 0, 255, 132, 50, 224]),
    ("adjust_sharpness", (2.0,), [0, 37, 74, 111, 148, 185, 222, 0, 20, 77, 114, 151, 188, 255, 0, 23, 80, 117, 154, 211, 255,
                                  0, 26, 83, 120, 157, 194, 231, 12, 49]),
    ("equalize", (), [0, 37, 74, 111, 148, 185, 222, 3, 40, 77, 114, 151, 188, 225, 6, 43, 80, 117, 154, 191, 228, 9, 46, 83,
                      120, 157, 194, 231, 12, 49]),
    ("gaussian_blur", ([3, 5], [0.7, 1.2]), [103, 70, 55, 83, 120, 141, 124, 91, 65, 76, 108, 130, 156, 136, 95, 73, 85, 102,
                                             166, 166, 140, 87, 65, 73, 164, 176, 161, 99, 59, 62]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "given", "want"), COLOURS)
def test_functions_of_colours(name: str, given: tuple, want: list) -> None:
    function, picture = getattr(functional, name), PHOTO if len(want) == 18 else TILES
    assert function(minigrad.tensor(picture), *given).flatten().tolist() == want
    array = function(np.ascontiguousarray(picture.transpose(1, 2, 0)), *given)
    assert array.dtype == np.uint8 and array.transpose(2, 0, 1).reshape(-1).tolist() == want
    if name in ("equalize", "posterize"):
        with pytest.raises(TypeError, match=f"{name}: Only uint8 image tensors are supported"):
            function(minigrad.tensor(picture).float(), *given)
    elif name != "solarize":
        numbers = function(minigrad.tensor(picture) / 255, *given)
        assert (numbers * 255 - minigrad.tensor(want).reshape(numbers.shape)).abs().max() < 2  # bytes are cut off, some twice


BILINEAR = t.InterpolationMode.BILINEAR
WARPS = [
    ("rotate", (33.0,), {}, [0, 3, 4, 10, 10, 2, 7, 8, 14, 15, 6, 7, 13, 14, 19, 11, 11, 17, 18, 0]),
    ("rotate", (-71.0,), {"center": [1, 2]}, [0, 0, 1, 0, 0, 11, 6, 2, 0, 0, 12, 7, 2, 0, 0, 13, 13, 8, 4, 0]),
    ("rotate", (33.0,), {"expand": True}, [
        [0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 5, 0, 0], [0, 0, 3, 4, 10, 10, 0], [0, 2, 7, 8, 14, 15, 0],
        [0, 6, 7, 13, 14, 19, 0],
        [0, 11, 11, 17, 18, 0, 0], [0, 0, 16, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0]]),
    ("affine", (21.0, [1, -1], 1.3, [5.0, -8.0]), {},
     [11, 11, 12, 8, 9, 16, 17, 12, 13, 9, 0, 17, 18, 19, 14, 0, 0, 0, 19, 20]),
    ("affine", (21.0, [1, -1], 1.3, [5.0, -8.0]), {"interpolation": BILINEAR},
     [9.672, 11.03, 9.832, 8.634, 7.436, 15.959, 14.762, 13.564, 12.366, 11.168, 5.775, 12.467, 17.296, 16.098, 14.9, 0, 0.844,
      7.713, 15.099, 18.632]),
    ("perspective", ([[0, 0], [4, 0], [4, 3], [0, 3]], [[1, 0], [3, 1], [4, 2], [0, 3]]), {},
     [2.489, 3.111, 0, 0, 0, 5.5, 9.152, 10.687, 11.167, 0, 7.329, 10.882, 14.019, 15.815, 13.5, 8.517, 11.687, 15.334, 15.681,
      9.946]),
    ("crop", (-1, 3, 3, 4), {}, [[0, 0, 0, 0], [4, 5, 0, 0], [9, 10, 0, 0]]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "given", "options", "want"), WARPS)
def test_warps(name: str, given: tuple, options: dict, want: list) -> None:
    x = minigrad.arange(1.0, 21.0).reshape(1, 4, 5)
    got = getattr(functional, name)(x, *given, **options)
    want = np.array(want)
    assert tuple(got.shape) == (1, *(want.shape if want.ndim == 2 else (4, 5)))
    np.testing.assert_allclose(got.flatten().numpy(), want.reshape(-1), atol=6e-4)


def test_what_a_warp_leaves_blank_is_filled() -> None:
    x = minigrad.ones(3, 6, 6)
    for interpolation in ("nearest", BILINEAR):
        turned = functional.rotate(x, 45.0, interpolation, fill=[0.25, 0.5, 0.75])
        np.testing.assert_allclose(turned[:, 0, 0].numpy(), [0.25, 0.5, 0.75])
        np.testing.assert_allclose(turned[:, 3, 3].numpy(), 1, rtol=1e-6)
        assert turned.min() >= 0.25 and turned.max() <= 1.000001  # an edge is between the two


def test_random_colours_warps_and_erasures() -> None:
    x = minigrad.tensor(PHOTO)
    for make in (lambda: t.ColorJitter(0.4, 0.4, 0.4, 0.1), lambda: t.GaussianBlur(1), lambda: t.RandomAdjustSharpness(2.0),
                 lambda: t.RandomAffine(30, (0.2, 0.2), (0.8, 1.2), (-5, 5, -5, 5), BILINEAR),
                 lambda: t.RandomPerspective(0.9, 1.0),
                 t.RandomAutocontrast, t.RandomEqualize, t.RandomInvert, lambda: t.RandomPosterize(2),
                 lambda: t.RandomSolarize(99), lambda: t.RandomErasing(1.0, (0.1, 0.4), value="random")):  # fmt: skip
        minigrad.manual_seed(7)
        got = [make()(x) for _ in range(5)]
        minigrad.manual_seed(7)
        assert all(minigrad.equal(a, make()(x)) and a.dtype == x.dtype and a.shape == x.shape for a in got)
    jitter = t.ColorJitter(brightness=(2.0, 2.0))
    assert jitter(x).tolist() == functional.adjust_brightness(x, 2.0).tolist() and t.ColorJitter()(x).tolist() == x.tolist()
    image = minigrad.zeros(3, 20, 20)
    shares = [t.RandomErasing(1.0, value=[1.0, 2.0, 3.0])(image) for _ in range(50)]
    assert all(set(part[2].flatten().tolist()) == {0.0, 3.0} for part in shares) and image.sum() == 0
    assert all(0.01 < (part[0] == 1).float().mean() < 0.36 for part in shares)
    assert t.RandomErasing(1.0, value=5, inplace=True)(image) is image and image.sum() > 0
    assert 20 < sum(t.RandomErasing()(minigrad.zeros(1, 9, 9) - 1).max() > -1 for _ in range(80)) < 60


def test_parts_of_pictures() -> None:
    x = minigrad.tensor(IMAGE)
    five, ten = t.FiveCrop((2, 3))(x), t.TenCrop((2, 3), vertical_flip=True)(x)
    assert [tuple(part.shape) for part in ten] == [(2, 2, 3)] * 10 and len(five) == 5
    np.testing.assert_array_equal(five[3].numpy(), IMAGE[:, 2:, 3:])
    np.testing.assert_array_equal(ten[5].numpy(), IMAGE[:, ::-1][:, :2, :3])
    assert [part.shape for part in t.FiveCrop(2)(PHOTO.transpose(1, 2, 0))] == [(2, 2, 3)] * 5
    with pytest.raises(ValueError, match="bigger than input size"):
        t.FiveCrop(9)(x)
    assert functional.get_dimensions(x) == [2, 4, 6] and functional.get_image_size(x) == [6, 4]
    assert functional.resized_crop(x, 1, 1, 2, 4, (3, 3)).shape == (2, 3, 3)
    assert minigrad.equal(functional.hflip(functional.hflip(x)), x) and functional.vflip(x)[0, 0, 0] == IMAGE[0, -1, 0]
    assert functional.erase(x, 1, 2, 2, 2, -1.0).min() == -1 and x.min() == 0


def test_pictures_of_pillows() -> None:
    images = pytest.importorskip("PIL.Image")
    picture = t.ToPILImage()(minigrad.tensor(PHOTO))
    assert (picture.mode, picture.size) == ("RGB", (3, 2)) and np.asarray(picture).transpose(2, 0, 1).tolist() == PHOTO.tolist()
    assert minigrad.equal(
        functional.pil_to_tensor(functional.to_pil_image(minigrad.tensor(PHOTO) / 255)), minigrad.tensor(PHOTO)
    )
    assert t.ToPILImage("L")(PHOTO.transpose(1, 2, 0)).mode == "L" and t.ToPILImage()(minigrad.ones(4, 5)).mode == "L"
    assert t.ToTensor()(images.fromarray(TILES[0])).shape == (1, 5, 6)
    with pytest.raises(ValueError, match="pic should be 2/3 dimensional"):
        t.ToPILImage()(minigrad.ones(4))


@pytest.mark.parametrize(("call", "message"), [
    (lambda: t.ColorJitter(-0.1), "brightness is a single number, it must be non negative"),
    (lambda: t.ColorJitter(hue=0.6), r"hue values should be \(low, high\) between -0.5 and 0.5"),
    (lambda: t.ColorJitter(contrast=(2, 1)), "contrast values should be"),
    (lambda: functional.adjust_hue(PHOTO, 0.7), "adjust_hue: the factor must be from -0.5 to 0.5"),
    (lambda: functional.adjust_brightness(minigrad.ones(2, 3, 3), 0.7), "C = 1 or 3"),
    (lambda: functional.gaussian_blur(PHOTO, 4), "kernel_size should be odd"),
    (lambda: functional.gaussian_blur(TILES[0], 3, -1.0), "sigma should have positive values"),
    (lambda: t.GaussianBlur(9)(minigrad.tensor(PHOTO)), "too small for a kernel"),
    (lambda: t.RandomAffine(10, translate=(2, 0)), "translation values should be"),
    (lambda: t.RandomAffine(10, scale=(0, 1)), "scale values should be"),
    (lambda: t.RandomRotation((3, 1)), "degrees must be"),
    (lambda: functional.affine(PHOTO, 0, [0, 0], 0.0, 0), "scale should be positive"),
    (lambda: t.RandomErasing(value="noise"), "it should be 'random'"),
    (lambda: t.RandomErasing(1.0, value=[1, 2])(minigrad.ones(3, 9, 9)), "should have either a single value or 3"),
    (lambda: t.RandomPerspective(1.5), "must be a probability"),
])  # fmt: skip
def test_what_transforms_of_colours_and_places_refuse(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


FOUR = [[[10, 200], [90, 30]], [[250, 20], [90, 60]], [[40, 60], [90, 120]]]


@pytest.mark.parametrize(("name", "value", "want"), [
    ("adjust_brightness", 1.5, [[[15, 255], [135, 45]], [[255, 30], [135, 90]], [[60, 90], [135, 180]]]),
    ("adjust_contrast", 0.5, [[[52, 147], [92, 62]], [[172, 57], [92, 77]], [[67, 77], [92, 107]]]),
    ("adjust_saturation", 2.0, [[[0, 255], [91, 3]], [[255, 0], [91, 63]], [[0, 42], [91, 183]]]),
    ("adjust_hue", 0.25, [[[10, 150], [90, 120]], [[100, 200], [90, 30]], [[250, 20], [90, 105]]]),
    ("adjust_hue", -0.4, [[[250, 20], [90, 96]], [[10, 132], [90, 120]], [[76, 200], [90, 30]]]),
])  # fmt: skip
def test_colours_adjusted(name: str, value: float, want: list) -> None:
    x = minigrad.tensor(FOUR, dtype=minigrad.uint8)
    assert getattr(functional, name)(x, value).tolist() == want
    assert getattr(functional, name)(x.numpy().transpose(1, 2, 0), value).tolist() == np.transpose(want, (1, 2, 0)).tolist()
    close = getattr(functional, name)(x.double() / 255, value) * 255
    np.testing.assert_allclose(close.numpy(), want, atol=1.01)  # bytes are rounded
    grey = x[:1]
    if name in ("adjust_saturation", "adjust_hue"):
        assert getattr(functional, name)(grey, value).tolist() == grey.tolist()


def test_jitter_draws_torchvisions_numbers(torch_stream: None) -> None:
    minigrad.manual_seed(1)
    jitter = t.ColorJitter(0.4, 0.4, 0.4, 0.1)
    got = jitter(minigrad.tensor(FOUR, dtype=minigrad.uint8)).tolist()
    assert got == [[[22, 210], [108, 57]], [[243, 46], [108, 93]], [[22, 102], [108, 140]]]
    assert minigrad.rand(1).item() == 0.7543719410896301
    with pytest.raises(ValueError, match=r"hue values should be \(low, high\) between"):
        t.ColorJitter(hue=0.6)
    with pytest.raises(ValueError, match="If contrast is a single number, it must be non negative"):
        t.ColorJitter(contrast=-1)


def test_functions_of_pictures() -> None:
    x = minigrad.tensor(RAMP)
    assert functional.hflip(x).tolist() == RAMP[..., ::-1].tolist() and functional.vflip(x).tolist() == RAMP[:, ::-1].tolist()
    assert functional.crop(x, 1, 2, 2, 3).tolist() == RAMP[:, 1:3, 2:5].tolist()
    assert functional.crop(x, -1, 4, 3, 4).tolist() == np.pad(RAMP, ((0, 0), (1, 0), (0, 2)))[:, :3, 4:].tolist()
    assert functional.resized_crop(x, 0, 0, 2, 4, (2, 4)).tolist() == RAMP[:, :2, :4].tolist()
    assert functional.get_dimensions(RAMP[0]) == [1, 4, 6] and functional.get_image_size(x) == [6, 4]
    assert functional.rotate(x[..., :4], 90).tolist() == np.rot90(RAMP[..., :4], axes=(1, 2)).tolist()
    picture = RAMP[0].astype(np.uint8)
    np.testing.assert_array_equal(np.asarray(functional.to_pil_image(picture)), picture)
    np.testing.assert_array_equal(np.asarray(t.ToPILImage()(functional.to_tensor(picture))), picture)
    assert t.ToPILImage("RGB")(x).mode == "RGB"
    with pytest.raises(TypeError, match="ToPILImage: expected 1 to 4 channels"):
        t.ToPILImage()(minigrad.ones(5, 3, 3))


def test_the_place_of_a_crop_is_told() -> None:
    image = minigrad.ones(1, 9, 7)
    assert t.RandomCrop.get_params(image, (9, 7)) == (0, 0, 9, 7)
    for _ in range(20):
        top, left, h, w = t.RandomCrop.get_params(image, (4, 3))
        assert 0 <= top <= 5 and 0 <= left <= 4 and (h, w) == (4, 3)
        top, left, h, w = t.RandomResizedCrop.get_params(image, (0.2, 0.5), (0.8, 1.2))
        assert 0 <= top <= 9 - h and 0 <= left <= 7 - w
