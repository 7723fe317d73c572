"""Resampling, patches, pixels and unpooling against PyTorch: values, gradients and second gradients."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad
import minigrad.nn.functional as F

from .alike import compare, drawn, same, tensors, torch

TF = torch.nn.functional
IMAGES = {1: (9,), 2: (8, 7), 3: (5, 6, 4)}


def call(name, arrays, options, second=True):
    ours, theirs = tensors(arrays)
    compare(getattr(F, name)(*ours, **options), getattr(TF, name)(*theirs, **options), ours, theirs, second)


# -- interpolate ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "area"])
def test_interpolate_by_cells(n, mode):
    x = drawn(2, 3, *IMAGES[n])
    for options in ({"size": 5}, {"size": (13, 3, 4)[:n]}, {"scale_factor": 2}, {"scale_factor": (0.6, 1.7, 2.5)[:n]}):
        call("interpolate", [x], {**options, "mode": mode})
    call("interpolate", [x], {"scale_factor": 1.7, "mode": mode, "recompute_scale_factor": True})


@pytest.mark.parametrize(("n", "mode"), [(1, "linear"), (2, "bilinear"), (2, "bicubic"), (3, "trilinear")])
@pytest.mark.parametrize("align_corners", [None, False, True])
def test_interpolate_between_cells(n, mode, align_corners):
    x = drawn(2, 3, *IMAGES[n])
    for options in ({"size": 5}, {"size": 1}, {"size": IMAGES[n]}, {"size": (13, 3, 4)[:n]}, {"scale_factor": 2},
                    {"scale_factor": (0.6, 1.7, 2.6)[:n]}, {"scale_factor": 1.7, "recompute_scale_factor": True}):  # fmt: skip
        call("interpolate", [x], {**options, "mode": mode, "align_corners": align_corners}, n < 3)


@pytest.mark.parametrize("align_corners", [None, False, True])
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_interpolate_with_antialias(mode, align_corners):
    x = drawn(2, 3, 7, 9)
    for options in ({"size": (3, 4)}, {"size": (7, 9)}, {"size": (14, 5)}, {"size": 1}, {"scale_factor": (0.3, 1.7)},
                    {"scale_factor": 0.5, "recompute_scale_factor": True}):  # fmt: skip
        call("interpolate", [x], {**options, "mode": mode, "align_corners": align_corners, "antialias": True})


def test_interpolate_one_wide_and_float32():
    call("interpolate", [drawn(2, 3, 1, 4)], {"size": (3, 9), "mode": "bilinear"})
    for mode in ("nearest", "nearest-exact"):
        for out in range(1, 40):  # positions that fall on a border are computed in the same precision
            x = drawn(1, 1, 11).astype(np.float32)
            same(F.interpolate(minigrad.tensor(x), out, mode=mode), TF.interpolate(torch.tensor(x), out, mode=mode))


# -- sampling ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["bilinear", "bicubic", "nearest"])
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("align_corners", [False, True])
def test_grid_sample(mode, padding_mode, align_corners):
    options = {"mode": mode, "padding_mode": padding_mode, "align_corners": align_corners}
    grid = drawn(2, 4, 6, 2) * 1.3
    if mode == "nearest":
        (x,), (t,) = tensors([drawn(2, 3, 5, 7)])
        y, u = F.grid_sample(x, minigrad.tensor(grid), **options), TF.grid_sample(t, torch.tensor(grid), **options)
        compare(y, u, [x], [t], second=False)
    else:
        call("grid_sample", [drawn(2, 3, 5, 7), grid], options, second=False)
    if mode == "bilinear":
        call("grid_sample", [drawn(2, 3, 5, 7, 4), drawn(2, 2, 3, 2, 3) * 1.3], options, second=False)


@pytest.mark.parametrize("align_corners", [False, True])
def test_affine_grid(align_corners):
    call("affine_grid", [drawn(2, 2, 3)], {"size": (2, 3, 4, 5), "align_corners": align_corners})
    call("affine_grid", [drawn(2, 3, 4)], {"size": (2, 3, 4, 2, 5), "align_corners": align_corners})


# -- patches and pixels --------------------------------------------------------------------------------------------------

PATCHES = [
    {"kernel_size": 3}, {"kernel_size": (2, 3), "stride": (2, 1)}, {"kernel_size": 2, "padding": (1, 0)},
    {"kernel_size": 3, "dilation": 2, "padding": 2, "stride": 2},
]  # fmt: skip


@pytest.mark.parametrize("options", PATCHES)
def test_unfold_and_fold(options):
    call("unfold", [drawn(2, 3, 8, 7)], options)
    call("unfold", [drawn(3, 8, 7)], options)
    columns = TF.unfold(torch.tensor(drawn(2, 3, 8, 7)), **options).numpy()
    call("fold", [columns], {"output_size": (8, 7), **options})
    call("fold", [columns[0]], {"output_size": (8, 7), **options})


def test_pixels_and_channels():
    call("pixel_shuffle", [drawn(2, 12, 3, 4)], {"upscale_factor": 2})
    call("pixel_shuffle", [drawn(9, 3, 4)], {"upscale_factor": 3})
    call("pixel_unshuffle", [drawn(2, 3, 6, 4)], {"downscale_factor": 2})
    for shape in ((2, 6, 5), (2, 6, 3, 4)):
        x = drawn(*shape)
        same(F.channel_shuffle(minigrad.tensor(x), 3), TF.channel_shuffle(torch.tensor(x), 3))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_lp_pool(n):
    x = np.abs(drawn(2, 3, *IMAGES[n])) + 0.1
    for options in ({}, {"stride": 1}, {"ceil_mode": True}):
        for p in (1, 2, 3.0):
            call(f"lp_pool{n}d", [x], {"norm_type": p, "kernel_size": 2, **options}, n < 3)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("p", [1, 2, 2.5])
def test_lp_pools_slope_is_0_where_the_sum_is(n, p):
    x = np.abs(drawn(2, 3, *IMAGES[n]))
    x[0] = 0
    call(f"lp_pool{n}d", [x], {"norm_type": p, "kernel_size": 2}, False)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("window", [(2,), (3, 2), (3, 2, 1)])
def test_max_unpool(n, window):
    x = drawn(2, 3, *IMAGES[n])
    pool, unpool = f"max_pool{n}d", f"max_unpool{n}d"
    y, at = getattr(TF, pool)(torch.tensor(x), *window, return_indices=True)
    size = {"output_size": IMAGES[n]}
    call(unpool, [y.numpy(), at.numpy(), *window], size, second=False)
    call(unpool, [y.numpy()[0], at.numpy()[0], *window], size, second=False)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_local_response_norm(size):
    for shape in ((2, 4, 5), (2, 4, 3, 5), (2, 4, 2, 3, 2)):
        call("local_response_norm", [drawn(*shape)], {"size": size, "alpha": 0.3, "beta": 0.6, "k": 1.5})
    call("local_response_norm", [drawn(2, 4, 5)], {"size": size})
