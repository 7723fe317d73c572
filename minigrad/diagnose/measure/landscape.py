"""The loss around a point: directions with the norms of the filters, slices along one, contours over two."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from ...core import Tensor, mode
from ...ops.functions import randn_like
from .vectors import Loss, Parameters, flat, kept, move, parameters_of


def direction(model: Parameters, normalise: str = "filter") -> Tensor:
    """A random direction in the space of the parameters, as a vector.

    normalise   "filter": each filter (row of a weight of two or more dimensions) gets the norm of the model's own, and biases,
                γ and β are left where they are, as the paper does; "layer": the same for whole weights; "none": plain normal
                numbers, of the length of all parameters together
    The numbers come from the default generator. Source: Li, Xu, Taylor, Studer & Goldstein 2018, §4.
    """
    if normalise not in ("filter", "layer", "none"):
        raise ValueError(f"direction: expected normalise to be filter, layer or none, got {normalise!r}")
    parts = []
    with mode(grad=False):
        for p in parameters_of(model):
            w, d = p.detach(), randn_like(p)
            if normalise == "none":
                parts.append(d)
            elif p.ndim < 2:
                parts.append(d * 0.0)
            else:
                dims = tuple(range(1 if normalise == "filter" else 0, p.ndim))
                lengths = [(x * x).sum(dims, keepdim=True).sqrt() for x in (w, d)]
                parts.append(d * (lengths[0] / lengths[1]))
        whole = flat(parts)
        if normalise == "none":
            point = flat(parameters_of(model))
            whole = whole * ((point * point).sum() / (whole * whole).sum()).sqrt()
    return whole


def slice_along(loss: Loss, model: Parameters, d: Tensor, at: Sequence[float], progress: bool = False) -> np.ndarray:
    """The loss at p + a d for each a of `at`; then p (and a model's buffers) are put back. A result that overflows is inf."""
    return contour(loss, model, (d, d * 0.0), at, [0.0], progress)[0]


def contour(
    loss: Loss, model: Parameters, directions: tuple[Tensor, Tensor], across: Sequence[float], up: Sequence[float],
    progress: bool = False,
) -> np.ndarray:  # fmt: skip
    """The loss at p + a d1 + b d2, for each b of `up` (rows) and a of `across` (columns); then p is put back."""
    rows = np.empty((len(up), len(across)))
    with kept(model) as parameters, mode(grad=False):
        start = flat(parameters)
        for i, b in enumerate(tqdm(up, desc="contour", leave=False, disable=not progress)):
            for k, a in enumerate(across):
                move(parameters, start + a * directions[0] + b * directions[1])
                value = loss().item()
                rows[i, k] = value if np.isfinite(value) else np.inf
    return rows
