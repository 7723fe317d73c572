"""Errors that teach: each is of Python's usual type and of PyTorch's (RuntimeError) at once."""

from __future__ import annotations


class ShapeError(RuntimeError, ValueError):
    """Shapes or sizes that do not fit the op."""


class DTypeError(RuntimeError, TypeError):
    """Element types that do not fit the op."""


class DeviceError(RuntimeError, ValueError):
    """Operands on different devices, or a device that is not there."""


class DivisionError(RuntimeError, ZeroDivisionError):
    """A division of integers by zero."""


class GradError(RuntimeError):
    """A request that backpropagation can't honour."""


class LinAlgError(RuntimeError, ValueError):
    """A matrix that the op can't take: singular, not positive definite, no convergence."""


class DownloadError(RuntimeError, OSError):
    """A file that could not be had from any of its addresses."""
