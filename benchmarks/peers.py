"""The libraries that are compared, and how each is told the number of threads."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any


@dataclass(frozen=True)
class Peer:
    """A library that runs workloads.

    module    what is imported
    parts     submodules that workloads use as attributes
    own       a module whose functions, named as workloads are, replace them; for a library without PyTorch's interface
    threads   sets the number of threads, where the environment (OMP_NUM_THREADS ...) is not enough
    """

    name: str
    module: str
    parts: tuple[str, ...] = ()
    own: str | None = None
    threads: Callable[[ModuleType, int], Any] | None = None

    def is_installed(self) -> bool:
        return importlib.util.find_spec(self.module) is not None

    def load(self, threads: int) -> ModuleType:
        """Import the library and set its threads."""
        lib = importlib.import_module(self.module)
        for part in self.parts:
            importlib.import_module(f"{self.module}.{part}")
        if self.threads is not None:
            self.threads(lib, threads)
        return lib

    def builder(self, workload: Any) -> Callable | None:
        """The function that builds a workload for this library, None if it has no such function."""
        if self.own is None:
            return workload.build
        return getattr(importlib.import_module(self.own), workload.name, None)


_ALL = (
    Peer("minigrad", "minigrad", parts=("nn", "optim")),
    Peer("torch", "torch", threads=lambda lib, n: lib.set_num_threads(n)),
)
PEERS = {peer.name: peer for peer in _ALL}
