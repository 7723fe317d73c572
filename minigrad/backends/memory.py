"""Freed arrays stay with the process, for the next ones: a training step asks for the same sizes again and again.

The C library gives blocks beyond 128 KiB back to the system as soon as they are freed, and each new one then costs a page
fault for every 4 KiB, which takes longer than most kernels. GNU's can be told to keep them.
"""

from __future__ import annotations

import ctypes
import os

VARIABLE = "MINIGRAD_KEEP_MEMORY"  # "0" leaves the C library as it is
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # malloc.h's numbers for mallopt
LARGEST = 32 << 20  # bytes: the most that glibc lets its heap serve
KEPT = 1 << 30  # bytes at the end of the heap that may lie free


def keep_freed() -> bool:
    """Let the C library keep freed blocks of up to 32 MiB; whether it could be told. What is set by environment stays."""
    if os.environ.get(VARIABLE) == "0" or any(name.startswith("MALLOC_") for name in os.environ):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # another C library
        return False
    return bool(mallopt(MMAP_THRESHOLD, LARGEST) and mallopt(TRIM_THRESHOLD, KEPT))
