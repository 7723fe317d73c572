"""Further names of PyTorch that scripts and tutorials use: what each gives, by other means."""

from __future__ import annotations

import minigrad


def test_parts_and_sums_of_a_shape_are_shapes() -> None:
    shape = minigrad.zeros(2, 3, 4).shape
    for part in (shape[1:], shape[:-1], shape + (1,), (1,) + shape, shape * 2, 2 * shape):  # noqa: RUF005
        assert type(part) is minigrad.Size
    assert shape[1:].numel() == 12 and shape[0] == 2 and ((1,) + shape).numel() == 24  # noqa: RUF005
    assert repr(minigrad.broadcast_shapes((2,), (3, 1), (1, 1, 1))) == "minigrad.Size([1, 3, 2])"
