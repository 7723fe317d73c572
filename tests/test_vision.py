"""Boxes, regions and blocks for pictures: against slow loops that follow the definitions, and gradients by differences."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn, vision
from minigrad.autograd import gradcheck

RNG = np.random.default_rng(0)
BOXES = minigrad.tensor([[0.0, 0, 10, 10], [1, 1, 11, 11], [20, 20, 30, 30], [0, 0, 9, 9], [2, 3, 2, 8]])


def at(x: np.ndarray, row: float, column: float) -> Any:
    """A point between the pixels of (..., H, W); pixels outside are 0."""
    total, (top, left) = 0.0, (math.floor(row), math.floor(column))
    for y, down in ((top, 1 - (row - top)), (top + 1, row - top)):
        for z, right in ((left, 1 - (column - left)), (left + 1, column - left)):
            if 0 <= y < x.shape[-2] and 0 <= z < x.shape[-1]:
                total = total + down * right * x[..., y, z]
    return total


def aligned_by_points(x: np.ndarray, box: list, size: tuple, scale: float, ratio: int, aligned: bool) -> np.ndarray:
    """RoIAlign of one region of (C, H, W), point by point."""
    x1, y1, x2, y2 = (v * scale - 0.5 * aligned for v in box)
    h, w = ((max(b - a, 0 if aligned else 1)) for a, b in ((y1, y2), (x1, x2)))
    rows, columns = (ratio if ratio > 0 else math.ceil(side / bins) for side, bins in ((h, size[0]), (w, size[1])))
    out = np.zeros((len(x), *size))
    for i in range(size[0]):
        for j in range(size[1]):
            for a in range(rows):
                for b in range(columns):
                    y, z = y1 + (i + (a + 0.5) / rows) * h / size[0], x1 + (j + (b + 0.5) / columns) * w / size[1]
                    if -1 <= y <= x.shape[1] and -1 <= z <= x.shape[2]:
                        y, z = min(max(y, 0), x.shape[1] - 1), min(max(z, 0), x.shape[2] - 1)
                        out[:, i, j] += at(x, y, z) / (rows * columns)
    return out


REGIONS = [[0, 1.0, 1, 7, 6], [1, 2, 3, 4.5, 8.2], [1, -3, -2, 20, 20], [0, 4, 4, 4, 4]]


@pytest.mark.parametrize("scale, ratio, aligned", [(1.0, -1, False), (1.0, -1, True), (0.5, 2, False), (0.25, 3, True)])
def test_roi_align_is_the_mean_of_its_points(scale: float, ratio: int, aligned: bool) -> None:
    x = RNG.standard_normal((2, 3, 9, 10))
    t = minigrad.tensor(x, requires_grad=True)
    options = {"spatial_scale": scale, "sampling_ratio": ratio, "aligned": aligned}
    regions = minigrad.tensor(REGIONS, dtype=minigrad.float64)
    y = vision.roi_align(t, regions, (3, 2), **options)
    expected = [aligned_by_points(x[int(k)], box, (3, 2), scale, ratio, aligned) for k, *box in REGIONS]
    np.testing.assert_allclose(y.detach().numpy(), np.stack(expected), rtol=1e-9, atol=1e-12)
    listed = [regions[regions[:, 0] == k, 1:] for k in (0, 1)]
    again = vision.RoIAlign((3, 2), scale, ratio, aligned)(t, listed)
    np.testing.assert_array_equal(again.detach().numpy(), y.detach().numpy()[[0, 3, 1, 2]])
    assert gradcheck(lambda x: vision.roi_align(x, regions, (3, 2), **options), (t,))


def test_roi_pool_takes_the_largest_pixel() -> None:
    x = minigrad.arange(48.0).reshape(1, 1, 6, 8).requires_grad_()
    y = vision.RoIPool(2, 1.0)(x, minigrad.tensor([[0, 1.0, 1, 4, 4], [0, 5, 3, 20, 4], [0, 9, 9, 12, 12]]))
    assert y.squeeze(1).tolist() == [[[18, 20], [34, 36]], [[31, 0], [39, 0]], [[0, 0], [0, 0]]]
    y[0].sum().backward()
    assert x.grad is not None and x.grad.nonzero()[:, 2:].tolist() == [[2, 2], [2, 4], [4, 2], [4, 4]]
    flat = minigrad.ones(1, 1, 2, 2, requires_grad=True)
    vision.roi_pool(flat, minigrad.tensor([[0, 0.0, 0, 1, 1]]), 1).backward(minigrad.ones(1, 1, 1, 1))
    assert flat.grad is not None and flat.grad.tolist() == [[[[1, 0], [0, 0]]]]  # of equals the first
    assert (
        vision.roi_pool(flat, minigrad.zeros(0, 5), 3).shape
        == vision.roi_align(flat, minigrad.zeros(0, 5), 3).shape
        == (0, 1, 3, 3)
    )


@pytest.mark.parametrize("groups, own, masked", [(1, 1, False), (2, 1, True), (1, 2, True), (4, 4, False)])
def test_deformable_convolution_is_a_convolution_of_moved_points(groups: int, own: int, masked: bool) -> None:
    x, w = RNG.standard_normal((2, 4, 6, 7)), RNG.standard_normal((4, 4 // groups, 3, 2))
    stride, padding, dilation = (2, 1), (1, 0), (1, 2)
    h, v = (6 + 2 - 2 - 1) // 2 + 1, (7 - 2 - 1) // 1 + 1
    offset, mask = RNG.standard_normal((2, 2 * own * 6, h, v)), RNG.uniform(size=(2, own * 6, h, v))
    expected = np.zeros((2, 4, h, v))
    for n, o, i, j in np.ndindex(expected.shape):
        for c, a, b in np.ndindex(w.shape[1:]):
            channel = c + o // (4 // groups) * w.shape[1]
            k = channel // (4 // own) * 6 + a * 2 + b
            row, column = i * 2 - 1 + a + offset[n, 2 * k, i, j], j + b * 2 + offset[n, 2 * k + 1, i, j]
            expected[n, o, i, j] += w[o, c, a, b] * at(x[n, channel], row, column) * (mask[n, k, i, j] if masked else 1)
    tensors = [minigrad.tensor(t, requires_grad=True) for t in (x, offset, w, mask)]

    def called(x: Any, offset: Any, w: Any, mask: Any) -> Any:
        return vision.deform_conv2d(x, offset, w, None, stride, padding, dilation, mask if masked else None)

    np.testing.assert_allclose(called(*tensors).detach().numpy(), expected, rtol=1e-9, atol=1e-12)
    assert gradcheck(lambda *ts: called(*ts[:3], tensors[3]), tensors[:3])


def test_deformable_convolution_without_offsets_is_a_convolution() -> None:
    """And has the slope to the right at offsets of 0, where bilinear functions have two."""
    layer = vision.DeformConv2d(4, 6, 3, padding=1, groups=2)
    x, offset = minigrad.randn(2, 4, 5, 5), minigrad.zeros(2, 18, 5, 5, requires_grad=True)
    plain = nn.functional.conv2d(x, layer.weight, layer.bias, padding=1, groups=2)
    assert minigrad.allclose(layer(x, offset), plain, atol=1e-6)
    layer(x, offset).sum().backward()
    step = 1e-3
    moved = offset.detach().clone()
    moved[0, 3, 2, 2] = step
    slope = (layer(x, moved).double().sum() - layer(x, offset).double().sum()) / step
    assert offset.grad is not None and abs(offset.grad[0, 3, 2, 2].item() - slope.item()) < 1e-2
    assert repr(layer) == "DeformConv2d(4, 6, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), groups=2)"


def test_boxes() -> None:
    assert vision.box_area(BOXES).tolist() == [100, 100, 100, 81, 0]
    assert vision.box_area(minigrad.tensor([0, 0, 300, 300], dtype=minigrad.float16)).item() == 90000  # beyond float16
    assert vision.box_convert(BOXES[:2], "xyxy", "cxcywh").tolist() == [[5, 5, 10, 10], [6, 6, 10, 10]]
    for fmt in ("xywh", "cxcywh", "xyxy"):
        there = vision.box_convert(BOXES, "xyxy", fmt)
        np.testing.assert_array_equal(vision.box_convert(there, fmt, "xyxy").numpy(), BOXES.numpy())
    assert vision.box_convert(minigrad.tensor([1.0, 2, 4, 6]), "xywh", "cxcywh").tolist() == [3, 5, 4, 6]
    assert vision.clip_boxes_to_image(BOXES[1:3], (10, 25)).tolist() == [[1, 1, 11, 10], [20, 10, 25, 10]]
    assert vision.remove_small_boxes(BOXES, 10).tolist() == [0, 1, 2]
    masks = minigrad.zeros(2, 5, 6)
    masks[0, 1:3, 2:5], masks[1, 4, 0] = 1, 1
    assert vision.masks_to_boxes(masks).tolist() == [[2, 1, 4, 2], [0, 4, 0, 4]]


def test_overlaps_of_each_with_each() -> None:
    a, b = BOXES[:3], BOXES[[1, 2]]
    iou = 81 / 119
    np.testing.assert_allclose(vision.box_iou(a, b).numpy(), [[iou, 0], [1, 0], [0, 1]], rtol=1e-6)
    hull = [[iou - (121 - 119) / 121, -(900 - 200) / 900], [1, -(841 - 200) / 841], [-(841 - 200) / 841, 1]]
    np.testing.assert_allclose(vision.generalized_box_iou(a, b).numpy(), hull, rtol=1e-6)
    centres = [[iou - 2 / 242, -800 / 1800], [1, -722 / 1682], [-722 / 1682, 1]]
    np.testing.assert_allclose(vision.distance_box_iou(a, b).numpy(), centres, rtol=1e-6)
    np.testing.assert_allclose(vision.complete_box_iou(a, b).numpy(), centres, rtol=1e-6)  # all of them squares
    assert vision.box_iou(BOXES.long(), BOXES.long()[:1])[3].item() == pytest.approx(0.81)


def test_box_losses() -> None:
    a = minigrad.tensor([[0.0, 0, 4, 2], [5, 5, 9, 6]], dtype=minigrad.float64, requires_grad=True)
    b = minigrad.tensor([[1.0, 0, 4, 3], [0, 0, 2, 5]], dtype=minigrad.float64)
    iou, hull, centre, diagonal = np.array([6 / 11, 0]), np.array([12, 54]), np.array([0.5, 45]), np.array([25, 117])
    giou = 1 - iou + (hull - np.array([11, 14])) / hull
    np.testing.assert_allclose(vision.generalized_box_iou_loss(a, b).detach().numpy(), giou, rtol=1e-6)
    diou = 1 - iou + centre / diagonal
    np.testing.assert_allclose(vision.distance_box_iou_loss(a, b).detach().numpy(), diou, rtol=1e-6)
    v = 4 / math.pi**2 * (np.arctan([2, 4]) - np.arctan([1, 0.4])) ** 2
    ciou = diou + v * v / (1 - iou + v)
    np.testing.assert_allclose(vision.complete_box_iou_loss(a, b, "mean").item(), ciou.mean(), rtol=1e-6)
    for loss in (vision.generalized_box_iou_loss, vision.distance_box_iou_loss):
        assert gradcheck(lambda a, loss=loss: loss(a, b, "sum"), (a,))
    assert vision.generalized_box_iou_loss(a[:0], b[:0], "mean").item() == 0


def test_focal_loss() -> None:
    x, t = RNG.standard_normal(6), np.array([0.0, 1, 1, 0, 1, 0])
    p = 1 / (1 + np.exp(-x))
    right, alpha = np.where(t == 1, p, 1 - p), np.where(t == 1, 0.3, 0.7)
    expected = -alpha * (1 - right) ** 1.5 * np.log(right)
    given = minigrad.tensor(x, requires_grad=True), minigrad.tensor(t)
    np.testing.assert_allclose(vision.sigmoid_focal_loss(*given, 0.3, 1.5).detach().numpy(), expected, rtol=1e-7)
    assert gradcheck(lambda x: vision.sigmoid_focal_loss(x, given[1], 0.3, 1.5, "mean"), given[:1])
    plain = nn.functional.binary_cross_entropy_with_logits(*given)
    assert vision.sigmoid_focal_loss(*given, -1, 0, "mean").item() == pytest.approx(plain.item())


def test_suppression_of_what_is_not_the_best() -> None:
    scores = minigrad.tensor([0.5, 0.9, 0.3, 0.8, 0.1])
    assert vision.nms(BOXES, scores, 0.5).tolist() == [1, 2, 4]
    assert vision.nms(BOXES, scores, 0.6).tolist() == [1, 3, 2, 4]
    assert vision.nms(BOXES, minigrad.ones(5), 1.0).tolist() == [0, 1, 2, 3, 4]  # ties by position
    assert vision.batched_nms(BOXES, scores, minigrad.tensor([0, 1, 0, 0, 2]), 0.5).tolist() == [1, 3, 2, 4]
    assert vision.batched_nms(BOXES - 50, scores, minigrad.tensor([0, 1, 0, 0, 2]), 0.5).tolist() == [1, 3, 2, 4]
    assert (
        vision.nms(BOXES[:0], scores[:0], 0.5).dtype is vision.batched_nms(BOXES[:0], scores[:0], scores[:0].long(), 0.5).dtype
    )


def test_dropped_paths_keep_the_mean() -> None:
    minigrad.manual_seed(0)
    x = minigrad.ones(4000, 2)
    rows = vision.StochasticDepth(0.3, "row")(x)
    assert {round(v, 5) for v in rows.unique().tolist()} == {0.0, round(1 / 0.7, 5)} and (rows[:, 0] == rows[:, 1]).all()
    assert rows.mean().item() == pytest.approx(1, abs=0.05)
    whole = vision.stochastic_depth(x, 0.5, "batch")
    assert len(whole.unique()) == 1 and vision.StochasticDepth(0.5, "row").eval()(x) is x
    assert not vision.stochastic_depth(x, 1.0, "row").any()


@pytest.mark.parametrize("size", [1, 3, 4, 50])
def test_dropped_blocks_are_blocks(size: int) -> None:
    minigrad.manual_seed(1)
    x = minigrad.ones(16, 4, 20, 24)
    y = vision.DropBlock2d(0.2, size)(x)
    gone, side = (y == 0).numpy(), min(size, 20)
    assert 0.05 < gone.mean() < 0.35 and y.mean().item() == pytest.approx(1, abs=1e-4)
    sums = np.lib.stride_tricks.sliding_window_view(gone, (side, side), (2, 3)).all((-1, -2))
    covered = np.zeros_like(gone)
    for n, c, i, j in np.argwhere(sums):
        covered[n, c, i : i + side, j : j + side] = True
    np.testing.assert_array_equal(covered, gone)  # every pixel that is 0 lies in a block of zeros
    assert vision.DropBlock3d(0.3, 2)(minigrad.ones(2, 2, 4, 5, 6)).shape == (2, 2, 4, 5, 6)
    assert vision.drop_block2d(x, 0.2, size, inplace=True) is x and vision.DropBlock2d(0.5, 3).eval()(x) is x


def test_blocks() -> None:
    block = vision.Conv2dNormActivation(3, 8, (3, 5), dilation=2, activation_layer=nn.SiLU)
    assert [type(layer).__name__ for layer in block] == ["Conv2d", "BatchNorm2d", "SiLU"]
    assert block[0].bias is None and block(minigrad.randn(2, 3, 9, 9)).shape == (2, 8, 9, 9) and block.out_channels == 8
    bare = vision.Conv3dNormActivation(2, 4, 1, norm_layer=None, activation_layer=None)
    assert len(bare) == 1 and bare[0].bias is not None and bare(minigrad.randn(1, 2, 3, 3, 3)).shape == (1, 4, 3, 3, 3)
    layer, x = vision.SqueezeExcitation(6, 2), minigrad.randn(2, 6, 4, 4)
    scale = minigrad.sigmoid(layer.fc2(minigrad.relu(layer.fc1(x.mean((2, 3), keepdim=True)))))
    assert minigrad.allclose(layer(x), x * scale)
    kinds = [type(m).__name__ for m in vision.MLP(3, [4, 5, 2], norm_layer=nn.LayerNorm, dropout=0.1)]
    assert kinds == ["Linear", "LayerNorm", "ReLU", "Dropout"] * 2 + ["Linear", "Dropout"]
    assert vision.Permute([0, 2, 1])(minigrad.zeros(2, 3, 4)).shape == (2, 4, 3)


def test_a_frozen_batch_norm_is_batch_norm_in_evaluation() -> None:
    plain, frozen = nn.BatchNorm2d(4), vision.FrozenBatchNorm2d(4)
    plain(minigrad.randn(8, 4, 3, 3) * 2 + 1)
    state = plain.state_dict()
    frozen.load_state_dict(state)
    assert "num_batches_tracked" in state and not list(frozen.parameters())
    x = minigrad.randn(2, 4, 3, 3)
    assert minigrad.allclose(frozen(x), plain.eval()(x), atol=1e-6) and repr(frozen) == "FrozenBatchNorm2d(4, eps=1e-05)"


@pytest.mark.parametrize("call, error, text", [
    (lambda: vision.box_iou(BOXES, BOXES[:, :3]), ValueError, r"box_iou: boxes2 must be \(\.\.\., 4\), got \(5, 3\)"),
    (lambda: vision.box_convert(BOXES, "xyxy", "yxyx"), ValueError, "box_convert: out_fmt must be one of xyxy, xywh, cxcywh"),
    (lambda: vision.nms(BOXES, minigrad.ones(4), 0.5), ValueError, r"nms: expected boxes \(N, 4\) and scores \(N\)"),
    (lambda: vision.roi_align(minigrad.ones(1, 1, 4, 4), minigrad.ones(2, 4), 2), ValueError, r"boxes must be \(K, 5\)"),
    (lambda: vision.roi_pool(minigrad.ones(1, 1, 4, 4), minigrad.ones(2, 5), 2), IndexError, "boxes name image 1, but there"),
    (lambda: vision.roi_pool(minigrad.ones(1, 1, 4, 4), [BOXES, BOXES], 2), ValueError, "for each of the 1 images"),
    (lambda: vision.deform_conv2d(minigrad.ones(1, 2, 4, 4), minigrad.ones(1, 4, 2, 2), minigrad.ones(1, 2, 3, 3)),
     ValueError, r"offset must be \(N, 2 G kh kw, outH, outW\) = \(1, 18 G, 2, 2\)"),
    (lambda: vision.DeformConv2d(3, 4, 3, groups=2), ValueError, "divisible by groups, got 3, 4 and 2"),
    (lambda: vision.stochastic_depth(BOXES, 0.5, "col"), ValueError, "mode has to be either 'batch' or 'row', got 'col'"),
    (lambda: vision.stochastic_depth(BOXES, 1.5, "row"), ValueError, "between 0 and 1, but got 1.5"),
    (lambda: vision.drop_block2d(BOXES, 0.5, 3), ValueError, "drop_block2d: input must have 4 dimensions"),
    (lambda: vision.masks_to_boxes(minigrad.zeros(1, 2, 2)), ValueError, "mask 0 is empty"),
    (lambda: vision.generalized_box_iou_loss(BOXES, BOXES[:1]), ValueError, "must have one shape"),
    (lambda: vision.batched_nms(BOXES, BOXES[:, 0], BOXES[:, 0], 0.5), TypeError, "idxs must be whole numbers"),
])  # fmt: skip
def test_bad_input_is_refused(call: Any, error: type, text: str) -> None:
    with pytest.raises(error, match=text):
        call()


def test_torchvisions_places() -> None:
    names: dict = {}
    home = "from minigrad.torchvision.ops"
    exec(f"{home} import nms\n{home}.misc import SqueezeExcitation\n{home}.focal_loss import sigmoid_focal_loss", names)
    assert names["nms"] is vision.nms and names["SqueezeExcitation"] is vision.SqueezeExcitation
    assert names["sigmoid_focal_loss"] is vision.sigmoid_focal_loss
