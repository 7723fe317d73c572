"""A process that runs one workload with one library, a round at a time, when told to over a pipe."""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import Any

from .peers import PEERS
from .workloads import WORKLOADS

try:
    import resource
except ImportError:  # not a Unix
    resource = None  # type: ignore[assignment]

CHECKED = 3  # steps from equal weights whose results the libraries must agree on
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS")


class Worker:
    """The parent's handle on a worker process. Raises RuntimeError with the worker's own message if it fails."""

    def __init__(self, peer: str, workload: str, threads: int, device: str = "cpu") -> None:
        os.environ.update(dict.fromkeys(THREADS, str(threads)))  # read by the libraries when the worker imports them
        context = multiprocessing.get_context("spawn")
        self.peer = peer
        self.pipe, far = context.Pipe()
        self.process = context.Process(target=serve, args=(far, peer, workload, threads, device), daemon=True)
        self.process.start()
        far.close()

    def ask(self, command: str, *args: Any) -> Any:
        self.tell(command, *args)
        return self.answer()

    def tell(self, command: str, *args: Any) -> None:
        self.told = command
        self.pipe.send((command, *args))

    def answer(self) -> Any:
        try:
            failed, answer = self.pipe.recv()
        except EOFError:
            raise RuntimeError(f"{self.peer}: the worker died at {self.told!r}") from None
        if failed:
            raise RuntimeError(f"{self.peer}: {answer}")
        return answer

    def close(self) -> None:
        self.pipe.close()
        self.process.join(timeout=5)
        if self.process.is_alive():
            self.process.terminate()


def serve(pipe: Connection, peer: str, workload: str, threads: int, device: str) -> None:
    """Answer commands until the pipe is closed: (failed, answer)."""
    worker = Serving(peer, workload, threads, device)
    while True:
        try:
            command, *args = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send((False, getattr(worker, command)(*args)))
        except Exception as error:
            pipe.send((True, f"{type(error).__name__}: {error}"))


class Serving:
    """What runs in the worker process: a method for each command."""

    def __init__(self, peer: str, workload: str, threads: int, device: str) -> None:
        self.peer, self.workload, self.threads, self.device = PEERS[peer], workload, threads, device
        if hasattr(os, "sched_setaffinity"):  # for libraries that take as many threads as there are processors
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])

    def build(self) -> dict[str, Any] | None:
        """Load the library and build the step: version, memory so far and the first results; None if it has no such
        workload."""
        lib = self.peer.load(self.threads, self.device)
        make = self.peer.builder(WORKLOADS[self.workload])
        if make is None:
            return None
        before, data = peak_memory(), status("RssAnon")
        self.step = make(lib)
        return {
            "version": getattr(lib, "__version__", "?"),
            "results": [self.step() for _ in range(CHECKED)],
            "memory_before": before,
            "data_before": data,
        }

    def round(self, steps: int) -> float:
        """Seconds for so many steps."""
        step = self.step
        start = perf_counter()
        for _ in range(steps):
            step()
        return perf_counter() - start

    def memory(self) -> float | None:
        """The most memory this process has held, in MiB."""
        return peak_memory()

    def collector(self, on: bool) -> None:
        """Switch Python's collector of reference cycles on or off."""
        (gc.enable if on else gc.disable)()

    def held(self) -> dict[str, float | None]:
        """What is held now: memory in MiB, how much of it is data and no file's code, and the objects that Python tracks."""
        if gc.isenabled():
            gc.collect()
        return {"memory": status("VmRSS"), "data": status("RssAnon"), "objects": len(gc.get_objects())}


def status(name: str) -> float | None:
    """A line of Linux's account of this process, in MiB; None on another system."""
    file = Path("/proc/self/status")
    lines = file.read_text().splitlines() if file.exists() else []
    return next((int(line.split()[1]) / 2**10 for line in lines if line.startswith(f"{name}:")), None)


def peak_memory() -> float | None:
    """The most memory this process has held, in MiB; None where the system doesn't say."""
    found = status("VmHWM")
    if found is not None or resource is None:  # getrusage may count what the parent held before this process began
        return found
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
