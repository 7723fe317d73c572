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


class OutOfMemoryError(MemoryError, RuntimeError):
    """More memory was asked for than there is."""


def out_of_memory(who: str, reason: str, room: tuple[int, int] | None, written: bool) -> OutOfMemoryError:
    """What was asked for, in the allocator's own words, and what is free; `written` if `who` may have written already."""
    free = f" {in_units(room[0])} of {in_units(room[1])} are free." if room else ""
    kept = "" if written else " Nothing was changed."
    reason = reason.rstrip(".") or "out of memory"
    return OutOfMemoryError(f"{who}: {reason}.{free}{kept} Hint: a smaller batch, or no_grad() where no gradient is needed")


def in_units(size: float) -> str:
    """Bytes as people read them."""
    units = ["bytes", "KiB", "MiB", "GiB", "TiB"]
    while size >= 1024 and len(units) > 1:
        size, units = size / 1024, units[1:]
    return f"{size:.4g} {units[0]}"
