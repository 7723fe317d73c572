"""Worker processes that load batches for a DataLoader: in order, seeded, and never left behind."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import wait
from multiprocessing.reduction import ForkingPickler
from queue import SimpleQueue
from typing import Any

import numpy as np

from ..backends import set_num_threads
from ..core import Tensor, mode
from ..ops.random import default_generator

PATIENCE = 5.0  # seconds without a batch until a warning tells where the worker is


@dataclass
class WorkerInfo:
    """What a worker process knows of itself."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


_here: list[WorkerInfo] = []


def get_worker_info() -> WorkerInfo | None:
    """In a worker process: its `id`, `num_workers`, `seed` and copy of the `dataset`. None in the main process."""
    return _here[0] if _here else None


@contextlib.contextmanager
def seeded(seed: int, k: int) -> Iterator[None]:
    """A block in which the default generator's stream is that of batch k; it goes on undisturbed afterwards.

    With PyTorch's numbers, as there, it draws from the stream itself.
    """
    if default_generator.stream == "torch":
        yield
        return
    kept = default_generator.bits, default_generator.seeded
    default_generator.manual_seed((seed + k * 0x9E3779B97F4A7C15) % 2**64)
    try:
        yield
    finally:
        default_generator.bits, default_generator.seeded = kept


# -- in the worker -----------------------------------------------------------------------------------------------------


def work(conn: Any, info: WorkerInfo, fetching: Callable[[], Callable], init: Callable | None, stream: str) -> None:
    """The life of a worker: tasks (epoch, k, seed, indices) come in, answers (epoch, k, what, content) go out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which then ends its workers
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # whatever the parent does with it
    _here[:] = [info]
    set_num_threads(1)
    tasks: SimpleQueue = SimpleQueue()
    lock = threading.Lock()
    parent: Any = multiprocessing.parent_process()
    starter = os.getppid()  # the parent, or the server that forks for it, which ends when it does

    def answer(*message: Any) -> None:
        with lock:
            conn.send(message)

    def listen(worker: int) -> None:
        """Take in tasks at once, say where the worker is when asked, and end it when the parent is gone."""
        with contextlib.suppress(EOFError, OSError):
            while os.getppid() == starter and parent.is_alive():
                if not conn.poll(0.5):
                    continue
                task = conn.recv()
                if task == "where":
                    answer(-1, -1, "where", "".join(traceback.format_stack(sys._current_frames()[worker])))
                else:
                    tasks.put(task)
        os._exit(1)

    threading.Thread(target=listen, args=(threading.get_ident(),), daemon=True).start()
    fetch, now, broken = None, -1, None
    default_generator.stream, as_torch = stream, stream == "torch"
    try:
        random.seed(info.seed)
        np.random.seed(numpy_seed(info) if as_torch else info.seed % 2**32)
        default_generator.manual_seed(info.seed)
        if init is not None:
            init(info.id)
    except Exception as error:
        broken = error
    while (task := tasks.get()) is not None:
        epoch, k, seed, indices = task
        try:
            if broken is not None:
                raise broken
            if epoch != now or fetch is None:
                fetch, now = fetching(), epoch
            with seeded(seed, k), mode(grad=True):
                if not as_torch:
                    random.seed(seed + k)
                    np.random.seed((seed + k) % 2**32)
                batch = fetch(indices)
            answer(epoch, k, "batch", batch)
        except Exception as error:
            if indices is None and isinstance(error, StopIteration):  # a stream has ended
                answer(epoch, k, "end", None)
                continue
            answer(epoch, k, "error", (portable(error), traceback.format_exc()))


def numpy_seed(info: WorkerInfo) -> np.ndarray:
    """What PyTorch seeds NumPy with in a worker."""
    base = (info.seed - info.id) % 2**64
    return np.random.SeedSequence([info.id, base % 2**32, base >> 32, 0]).generate_state(4)


def portable(error: Exception) -> Exception:
    """The exception itself, or one that tells of it if it can't travel between processes."""
    try:
        ForkingPickler.loads(ForkingPickler.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


# -- in the parent -----------------------------------------------------------------------------------------------------


class Pool:
    """`n` workers, each with a pipe of its own, so that one that dies can't block the others. Batch k is worker k mod n's."""

    def __init__(self, n: int, dataset: Any, fetching: Callable[[], Callable], seed: int, init: Callable | None, timeout: float,
                 context: Any) -> None:  # fmt: skip
        self.timeout, self.epoch, self.workers, self.pipes = timeout, 0, [], []  # type: ignore[var-annotated]
        self.early: list[list] = [[] for _ in range(n)]  # answers that came while another was awaited
        if context is None:  # forked workers share the dataset's memory, and it needn't be picklable
            context = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
        methods: Any = multiprocessing.get_context(context) if isinstance(context, str) else context
        try:
            for i in range(n):
                ours, theirs = methods.Pipe()
                info = WorkerInfo(i, n, (seed + i) % 2**64, dataset)
                given = (theirs, info, fetching, init, default_generator.stream)
                worker = methods.Process(target=work, args=given, daemon=True)
                with warnings.catch_warnings():  # the threads it warns of are those of the kernels, which a worker has anew
                    warnings.filterwarnings("ignore", ".*fork.*", DeprecationWarning)
                    worker.start()
                theirs.close()
                self.workers.append(worker)
                self.pipes.append(ours)
        except BaseException:
            self.close()
            raise

    def run(self, tasks: Iterator[Any], seed: int, ahead: int) -> Iterator[Callable[[], Any]]:
        """Functions that give the batches of the index lists `tasks`, or their errors, in order, with `ahead` of them in work
        for each worker."""
        n = len(self.workers)
        self.epoch += 1
        sent = 0
        ended: set[int] = set()
        waiting: list[int] = []  # the numbers of the batches that were asked for, in order
        tasks = iter(tasks)
        more = True
        while True:
            while more and len(waiting) < ahead * n and len(ended) < n:
                if sent % n not in ended:
                    try:
                        indices = next(tasks)
                    except StopIteration:
                        more = False
                        break
                    self.send(sent % n, (self.epoch, sent, seed, indices))
                    waiting.append(sent)
                sent += 1
            if not waiting:
                return
            k = waiting.pop(0)
            what, content = self.receive(k % n, k)
            if what == "end":
                ended.add(k % n)
            elif what == "error":
                error, text = content
                error.add_note(f"Raised in DataLoader worker {k % n}, batch {k}:\n{text}")
                yield partial(given, None, error)
            else:
                yield partial(given, content)

    def send(self, i: int, task: Any) -> None:
        try:
            self.pipes[i].send(task)
        except (BrokenPipeError, ConnectionResetError):
            raise self.dead(i) from None

    def receive(self, i: int, k: int) -> tuple[str, Any]:
        """The answer of worker i to task k. Raises RuntimeError if it dies, or exceeds the time limit; warns if it is slow."""
        begun, asked = time.monotonic(), False
        while True:
            if self.early[i]:
                epoch, number, what, content = self.early[i].pop(0)
                if (epoch, number) == (self.epoch, k):
                    return what, content
                continue
            limit = (self.timeout or PATIENCE) - (time.monotonic() - begun)
            if limit <= 0 and self.timeout:
                raise RuntimeError(f"DataLoader timed out after {self.timeout} seconds: worker {i} has not given batch {k}; "
                                   f"it is at:\n{self.where(i)}")  # fmt: skip
            if limit <= 0 and not asked:
                asked, place = True, self.where(i)
                if self.early[i]:  # it has answered just now
                    continue
                warnings.warn(f"DataLoader: worker {i} has worked on batch {k} for {PATIENCE:g} s; it is at:\n{place}"
                              "Hint: timeout=... makes this an error", RuntimeWarning, 5)  # fmt: skip
            ready = wait([self.pipes[i], self.workers[i].sentinel], max(limit, 0) if not asked else None)
            if self.pipes[i] in ready:
                try:
                    self.early[i].append(self.pipes[i].recv())
                except (EOFError, ConnectionResetError):
                    raise self.dead(i) from None
            elif ready:
                raise self.dead(i)

    def where(self, i: int) -> str:
        """The stack of a worker, as it says itself."""
        self.send(i, "where")
        with contextlib.suppress(EOFError, ConnectionResetError):
            while self.pipes[i].poll(1.0):
                message = self.pipes[i].recv()
                if message[2] == "where":
                    return message[3]
                self.early[i].append(message)
        return "(it does not answer)\n"

    def dead(self, i: int) -> RuntimeError:
        worker = self.workers[i]
        worker.join(1)
        code = worker.exitcode
        how = f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"
        return RuntimeError(f"DataLoader worker {i} (pid {worker.pid}) exited unexpectedly: it {how}. "
                            "Hint: num_workers=0 runs the dataset in this process")  # fmt: skip

    def close(self) -> None:
        """End every worker, at the latest by force."""
        for pipe in self.pipes:
            with contextlib.suppress(OSError):
                pipe.close()
        for worker in self.workers:
            worker.terminate()
        for worker in self.workers:
            worker.join(1)
            if worker.is_alive():
                worker.kill()
                worker.join()


def given(content: Any, error: Exception | None = None) -> Any:
    """The content, if there is no error."""
    if error is not None:
        raise error
    return content


def carried(x: Tensor) -> tuple:
    """A tensor on its way between processes: its numbers, without a history."""
    return arrived, (x.backend.to_host(x.array), x.device, x.requires_grad and x.is_leaf)


def arrived(array: np.ndarray, device: Any, wants: bool) -> Tensor:
    x = Tensor(array).to(device)
    x.wants = wants
    return x


ForkingPickler.register(Tensor, carried)
