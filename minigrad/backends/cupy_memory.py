"""Out of memory on the GPU: what nobody uses is given back, and the kernel tried once more."""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import wraps
from typing import Any


def patient(cupy: Any, kernel: Callable) -> Callable:
    """`kernel`, called once more if memory ran out, after what nobody uses was given back.

    CuPy does the same before it raises, but not where a limit is set for its pool, and not while the failed call still holds
    what it made on its way.
    """

    @wraps(kernel)
    def tried(*args: Any, **options: Any) -> Any:
        try:
            return kernel(*args, **options)
        except cupy.cuda.memory.OutOfMemoryError:
            pass  # beyond this line the failed call and its arrays are gone
        gc.collect()
        cupy.get_default_memory_pool().free_all_blocks()
        cupy.get_default_pinned_memory_pool().free_all_blocks()
        return kernel(*args, **options)

    return tried


def all_patient(cupy: Any, kernels: dict[str, Callable]) -> dict[str, Callable]:
    """Every kernel `patient`, but those that write in place: their work may be half done."""
    return {name: kernel if name.endswith("_") else patient(cupy, kernel) for name, kernel in kernels.items()}


def room(cupy: Any) -> tuple[int, int]:
    """Bytes that can still be had on the GPU, those that CuPy keeps among them, and bytes in all."""
    free, total = cupy.cuda.runtime.memGetInfo()
    return free + cupy.get_default_memory_pool().free_bytes(), total
