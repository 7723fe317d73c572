"""The libraries that are compared. One with an interface of its own has a module here, a function for each workload."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any


@dataclass(frozen=True)
class Peer:
    """A library that runs workloads.

    module    what is imported
    parts     submodules that workloads use as attributes
    own       a module whose table STEPS has a function in the place of each workload; for one without PyTorch's interface
    face      a class of `own` that stands before the library, for one with PyTorch's interface
    without   workloads that it is spared, and why
    threads   sets the number of threads, where the environment (OMP_NUM_THREADS ...) and the processors are not enough
    needs     programs of which one must be on the path
    """

    name: str
    module: str
    parts: tuple[str, ...] = ()
    own: str | None = None
    face: str | None = None
    without: tuple[tuple[str, str], ...] = ()
    threads: Callable[[ModuleType, int], Any] | None = None
    needs: tuple[str, ...] = ()

    def trouble(self) -> str | None:
        """Why it can't run here; None if it can."""
        if importlib.util.find_spec(self.module) is None:
            return f"{self.name} is not installed. Hint: pip install {self.module}"
        if self.needs and not any(map(shutil.which, self.needs)):
            return f"{self.name} needs one of the programs {', '.join(self.needs)}, and none is there"
        return None

    def load(self, threads: int, device: str = "cpu") -> Any:
        """Import the library, set its threads, and have it make tensors on a device. Raises ValueError if it has none."""
        lib = importlib.import_module(self.module)
        for part in self.parts:
            importlib.import_module(f"{self.module}.{part}")
        if self.threads is not None:
            self.threads(lib, threads)
        if device != "cpu":
            if self.own is not None:
                raise ValueError(f"{self.name} is compared on the CPU only")
            place(lib, device)
        return getattr(importlib.import_module(self.own or ""), self.face)(lib) if self.face else lib

    def builder(self, workload: Any) -> Callable | None:
        """The function that builds a workload for this library, None if it has no such function."""
        if self.own is None or self.face is not None:
            return workload.build
        make = importlib.import_module(self.own).STEPS.get(workload.name)
        return make and (lambda lib: make())


def place(lib: Any, device: str) -> None:
    """Have a library with PyTorch's interface make tensors on a device, and multiply in float32 there, not in TF32."""
    lib.set_default_device(device)
    lib.backends.cudnn.allow_tf32 = lib.backends.cuda.matmul.allow_tf32 = False
    from_numpy = lib.from_numpy
    lib.from_numpy = lambda array: from_numpy(array).to(device)


_ALL = (
    Peer("minigrad", "minigrad", parts=("nn", "optim")),
    Peer(
        "kernels", "minigrad", parts=("nn", "optim"), own="benchmarks.peers.in_kernels",
        without=(("scalar_chain", "has none of its own to call: its ops are functions of NumPy"),),
    ),
    Peer("torch", "torch", threads=lambda lib, n: lib.set_num_threads(n)),
    Peer(
        "torch.compile", "torch", own="benchmarks.peers.compiled", face="Compiled",
        without=(("scalar_chain", "is spared the chain: it would unroll and compile it for minutes"),
                 ("op_adam", "is spared the optimizer: it is the eager one")),
        threads=lambda lib, n: lib.set_num_threads(n), needs=("c++", "g++", "clang++"),
    ),
    Peer("jax", "jax", parts=("numpy",), own="benchmarks.peers.in_jax"),
    Peer("tinygrad", "tinygrad", own="benchmarks.peers.in_tinygrad", needs=("clang",)),
    Peer("mygrad", "mygrad", parts=("nnet.layers", "nnet.losses"), own="benchmarks.peers.in_mygrad"),
    Peer("autograd", "autograd", parts=("numpy",), own="benchmarks.peers.in_autograd"),
)  # fmt: skip
PEERS = {peer.name: peer for peer in _ALL}
