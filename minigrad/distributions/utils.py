"""What distributions of your own are made with, under PyTorch's names."""

from __future__ import annotations

from typing import Any

from ..core import Tensor
from ..ops import functions
from .distribution import clamped, lazy_property, summed, together

euler_constant = 0.57721566490153286060
_sum_rightmost = summed


def broadcast_all(*values: Any) -> tuple[Any, ...]:
    """Numbers and tensors as tensors of one shape. Raises ValueError for anything else."""
    return tuple(together("broadcast_all", *values))


def clamp_probs(probs: Any) -> Any:
    """Probabilities kept off 0 and 1 by the type's eps, so that their logarithms are finite."""
    return clamped(probs)


def probs_to_logits(probs: Any, is_binary: bool = False) -> Any:
    """log p of each, or with `is_binary` log(p / (1 - p)), p kept off 0 and 1."""
    probs = clamped(probs)
    return probs.log() - functions.log1p(-probs) if is_binary else probs.log()


def logits_to_probs(logits: Any, is_binary: bool = False) -> Any:
    """softmax along the last dimension, or with `is_binary` the sigmoid of each."""
    return logits.sigmoid() if is_binary else logits.softmax(-1)


def _standard_normal(shape: Any, dtype: Any, device: Any) -> Tensor:
    """Numbers drawn from the normal distribution of mean 0 and variance 1."""
    return functions.randn(shape, dtype=dtype, device=device)


def vec_to_tril_matrix(vec: Any, diag: int = 0) -> Any:
    """(..., D (D + 1) / 2) numbers as (..., D, D) lower triangular matrices, filled row by row.

    diag   the last diagonal that is filled: 0 the main one, -1 that below it, for which D (D - 1) / 2 numbers are needed

    Raises ValueError for another count of numbers.
    """
    count, k = vec.shape[-1], 1 + 2 * diag
    size = round(((k * k + 8 * count + 4 * abs(diag) * (diag + 1)) ** 0.5 - k) / 2)
    row, column = functions.tril_indices(size, size, diag, device=vec.device)
    if len(row) != count:
        raise ValueError(f"vec_to_tril_matrix: The size of last dimension is {count} which cannot be expressed as the lower "
                         "triangular part of a square D x D matrix.")  # fmt: skip
    matrix = vec.new_zeros((*vec.shape[:-1], size, size))
    matrix[..., row, column] = vec
    return matrix


def tril_matrix_to_vec(mat: Any, diag: int = 0) -> Any:
    """The numbers of (..., D, D) matrices on and below a diagonal, row by row: (..., count).

    Raises ValueError for a diagonal that the matrices don't have.
    """
    size = mat.shape[-1]
    if diag < -size or diag >= size:
        raise ValueError(f"tril_matrix_to_vec: diag ({diag}) provided is outside [{-size}, {size - 1}].")
    row, column = functions.tril_indices(size, size, diag, device=mat.device)
    return mat[..., row, column]


__all__ = ["broadcast_all", "clamp_probs", "euler_constant", "lazy_property", "logits_to_probs", "probs_to_logits",
           "tril_matrix_to_vec", "vec_to_tril_matrix"]  # fmt: skip
