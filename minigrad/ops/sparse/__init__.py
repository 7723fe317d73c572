"""Sparse tensors: the numbers that are not 0, and where they are."""

from .functions import FUNCTIONS, METHODS, NEW, SPARSE, answer, sparse_coo_tensor
from .tensor import SparseTensor, Unarrayed, from_rows

__all__ = ["FUNCTIONS", "METHODS", "NEW", "SPARSE", "SparseTensor", "Unarrayed", "answer", "from_rows",
           "sparse_coo_tensor"]  # fmt: skip
