"""The calculus: each op's forward beside its derivative, one file a family."""

from . import conv, functions, leaf, matmul, methods, norm, update

__all__ = ["conv", "functions", "leaf", "matmul", "methods", "norm", "update"]
