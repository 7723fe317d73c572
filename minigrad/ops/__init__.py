"""The calculus: each op's forward beside its derivative, one file a family."""

from . import (
    conv,
    formulas,  # last: it writes the rules into the docstrings of them all
    functions,
    leaf,
    losses,
    matmul,
    methods,
    norm,
    update,
)

__all__ = ["conv", "formulas", "functions", "leaf", "losses", "matmul", "methods", "norm", "update"]
