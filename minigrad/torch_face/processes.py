"""PyTorch's `multiprocessing`: Python's own, and `spawn`."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import Any, cast

from .devices import nothing

__all__ = [*multiprocessing.__all__, "get_all_sharing_strategies", "set_sharing_strategy", "spawn"]
globals().update({name: getattr(multiprocessing, name) for name in multiprocessing.__all__})
set_sharing_strategy = nothing


def get_all_sharing_strategies() -> set[str]:
    """The ways in which processes share memory: none here."""
    return set()


def spawn(
    fn: Callable, args: tuple = (), nprocs: int = 1, join: bool = True, daemon: bool = False, start_method: str = "spawn"
):
    """Run fn(rank, *args) in `nprocs` processes. Raises RuntimeError if one of them fails."""
    context = cast(Any, multiprocessing.get_context(start_method))
    processes = [context.Process(target=fn, args=(rank, *args), daemon=daemon) for rank in range(nprocs)]
    for process in processes:
        process.start()
    if not join:
        return processes
    for process in processes:
        process.join()
    failed = [rank for rank, process in enumerate(processes) if process.exitcode]
    if failed:
        raise RuntimeError(f"spawn: process {failed[0]} ended with exit code {processes[failed[0]].exitcode}")
    return None
