"""Resampling, grids, patches and pixels: numbers by hand, adjoints, inverses, derivatives, errors."""

from __future__ import annotations

import numpy as np
import pytest

import minigrad
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.autograd import gradcheck, gradgradcheck


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def wanted(*shape, seed=0):
    return minigrad.tensor(drawn(*shape, seed=seed), requires_grad=True)


def test_interpolate_by_hand():
    x = minigrad.tensor([[[1.0, 3.0]]])
    assert F.interpolate(x, 4).tolist() == [[[1, 1, 3, 3]]]
    assert F.interpolate(x, 4, mode="linear").tolist() == [[[1.0, 1.5, 2.5, 3.0]]]
    assert F.interpolate(x, 3, mode="linear", align_corners=True).tolist() == [[[1, 2, 3]]]
    assert F.interpolate(minigrad.tensor([[[1.0, 3.0, 5.0, 9.0]]]), scale_factor=0.5, mode="area").tolist() == [[[2, 7]]]


def test_cubic_interpolation_passes_through_the_pixels():
    x = drawn(1, 1, 5, 4)
    y = F.interpolate(minigrad.tensor(x), (9, 7), mode="bicubic", align_corners=True).numpy()
    np.testing.assert_allclose(y[..., ::2, ::2], x, rtol=1e-12, atol=1e-14)
    same = F.interpolate(minigrad.ones(1, 1, 5, 4), (7, 3), mode="bicubic").numpy()
    np.testing.assert_allclose(same, 1.0, rtol=1e-6)  # the weights add up to 1


@pytest.mark.parametrize("mode", ["bilinear", "bicubic", "nearest"])
@pytest.mark.parametrize("align_corners", [False, True])
def test_the_identity_grid_gives_the_image(mode, align_corners):
    x = minigrad.tensor(drawn(2, 3, 4, 5))
    theta = minigrad.tensor([[[1.0, 0, 0], [0, 1, 0]]] * 2, dtype=minigrad.float64)
    grid = F.affine_grid(theta, x.shape, align_corners)
    np.testing.assert_allclose(F.grid_sample(x, grid, mode, "border", align_corners).numpy(), x.numpy(), atol=1e-12)
    flipped = F.grid_sample(x, grid * minigrad.tensor([-1.0, 1.0], dtype=minigrad.float64), mode, "border", align_corners)
    np.testing.assert_allclose(flipped.numpy(), x.numpy()[..., ::-1], atol=1e-12)


def test_outside_of_the_image():
    x = minigrad.tensor([[[[1.0, 2.0, 3.0]]]])
    grid = minigrad.tensor([[[[-3.0, 0.0], [5.0 / 3, 0.0]]]])
    assert F.grid_sample(x, grid, align_corners=False).tolist() == [[[[0, 0]]]]
    assert F.grid_sample(x, grid, padding_mode="border", align_corners=False).tolist() == [[[[1, 3]]]]
    reflected = F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)
    np.testing.assert_allclose(reflected.numpy(), [[[[3.0, 2.5]]]], rtol=1e-6)


OPTIONS = [{"kernel_size": 2}, {"kernel_size": (2, 3), "padding": 1, "stride": 2}, {"kernel_size": 2, "dilation": 2}]


@pytest.mark.parametrize("options", OPTIONS)
def test_fold_is_the_adjoint_of_unfold(options):
    x = minigrad.tensor(drawn(2, 3, 5, 6))
    columns = F.unfold(x, **options)
    y = minigrad.tensor(drawn(*columns.shape, seed=1))
    assert (columns * y).sum().item() == pytest.approx((x * F.fold(y, (5, 6), **options)).sum().item(), rel=1e-10)


def test_unfold_times_a_matrix_is_a_convolution():
    x, w = minigrad.tensor(drawn(2, 3, 5, 6)), minigrad.tensor(drawn(4, 3, 2, 3))
    y = (w.reshape(4, -1) @ F.unfold(x, (2, 3), padding=1)).reshape(2, 4, 6, 6)
    np.testing.assert_allclose(y.numpy(), F.conv2d(x, w, padding=1).numpy(), rtol=1e-10, atol=1e-12)


def test_inverses():
    x = minigrad.tensor(drawn(2, 12, 3, 4))
    assert F.pixel_unshuffle(F.pixel_shuffle(x, 2), 2).equal(x)
    assert F.channel_shuffle(F.channel_shuffle(x, 3), 4).equal(x)
    y, at = F.max_pool2d(x, 2, return_indices=True, ceil_mode=True)
    back = F.max_unpool2d(y, at, 2, output_size=(3, 4))
    assert F.max_pool2d(back, 2, ceil_mode=True).equal(F.max_pool2d(back, 2, ceil_mode=True).maximum(y))
    assert (back == 0).sum().item() == x.numel() - y.numel()


def test_derivatives():
    grid = minigrad.tensor(np.random.default_rng(3).uniform(-0.9, 0.9, (1, 2, 3, 2)), requires_grad=True)
    for f, inputs in (
        (lambda x: F.interpolate(x, (5, 3), mode="bicubic"), (wanted(1, 2, 3, 4),)),
        (lambda x: F.interpolate(x, scale_factor=1.5, mode="bilinear"), (wanted(1, 2, 3, 4),)),
        (lambda x: F.interpolate(x, (2, 3), mode="bilinear", antialias=True), (wanted(1, 2, 5, 4),)),
        (lambda x: F.interpolate(x, (2, 3), mode="bicubic", antialias=True), (wanted(1, 1, 5, 6),)),
        (lambda x, g: F.grid_sample(x, g, align_corners=False), (wanted(1, 2, 4, 4), grid)),
        (lambda x, g: F.grid_sample(x, g, "bicubic", align_corners=True), (wanted(1, 2, 4, 4), grid)),
        (lambda t: F.affine_grid(t, (1, 1, 2, 3), align_corners=False), (wanted(1, 2, 3),)),
        (lambda x: F.fold(F.unfold(x, 2, padding=1), (3, 4), 2, padding=1), (wanted(1, 2, 3, 4),)),
        (lambda x: F.local_response_norm(x, 3, 0.4), (wanted(1, 4, 3),)),
    ):
        assert gradcheck(f, inputs)
        assert gradgradcheck(f, inputs)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda x: F.interpolate(x), ValueError, "either size or scale_factor should be defined"),
        (lambda x: F.interpolate(x, 3, 2.0), ValueError, "only one of size or scale_factor"),
        (lambda x: F.interpolate(x, 3, mode="linear"), NotImplementedError, "got 4D input for mode 'linear'"),
        (lambda x: F.interpolate(x, 3, mode="cubic"), NotImplementedError, "bicubic takes 4D"),
        (lambda x: F.interpolate(x, 3, align_corners=True), ValueError, "align_corners option can only be set with"),
        (lambda x: F.interpolate(x, 3, mode="nearest", antialias=True), ValueError, "restricted to bilinear and bicubic"),
        (lambda x: F.interpolate(x, (3, 3, 3)), ValueError, "must be a number or 2 of them"),
        (lambda x: F.interpolate(x, 0), RuntimeError, "sizes should be greater than 0"),
        (lambda x: F.grid_sample(x, x, align_corners=True), RuntimeError, r"expected input \(N, C, H, W\) and grid"),
        (lambda x: F.grid_sample(x, x, mode="linear"), ValueError, "expected mode 'bilinear'"),
        (lambda x: F.affine_grid(x, (2, 3, 4, 5), align_corners=True), RuntimeError, r"expected theta \(N, 2, 3\)"),
        (lambda x: F.unfold(x, 9), RuntimeError, r"no patch of kernel_size \(9, 9\) fits"),
        (lambda x: F.fold(x[0], (4, 5), 3), RuntimeError, r"expected input \(N, C kH kW, L\) with kH kW = 9 and L = 6"),
        (lambda x: F.pixel_shuffle(x, 2), RuntimeError, r"pixel_shuffle: expected input \(..., C r\^2, H, W\) with r = 2"),
        (lambda x: F.channel_shuffle(x, 2), RuntimeError, "groups = 2 dividing C"),
        (lambda x: F.max_unpool2d(x, x[:, :, 1:].long(), 2), RuntimeError, "input and indices must have one shape"),
        (lambda x: F.max_unpool2d(x, x.long(), 2, output_size=(99, 9)), ValueError, r"within a stride of \(8, 10\)"),
        (lambda x: nn.ReflectionPad2d(9)(x), RuntimeError, "Padding size should be at most 3"),
        (lambda x: nn.ReplicationPad1d((1, 2, 3)), TypeError, "padding must be an int or a tuple of 2 ints"),
        (lambda x: nn.CircularPad3d(1)(x[0]), RuntimeError, r"CircularPad3d: input must be \(N, C, D, H, W\)"),
    ],
)
def test_errors(call, error, says):
    with pytest.raises(error, match=says):
        call(minigrad.tensor(drawn(2, 3, 4, 5)))
