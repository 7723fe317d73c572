"""The calculus: each op's forward beside its derivative, one file a family."""

from . import bfloat16, conv, functions, leaf, losses, matmul, methods, norm, update

# isort: split
from . import formulas  # last: it writes the rules into the docstrings of all ops

__all__ = ["bfloat16", "conv", "formulas", "functions", "leaf", "losses", "matmul", "methods", "norm", "update"]
