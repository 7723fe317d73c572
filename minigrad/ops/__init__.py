"""The calculus: each op's forward beside its derivative, one file a family."""

from . import conv, functions, matmul, methods, norm, update

__all__ = ["conv", "functions", "matmul", "methods", "norm", "update"]
