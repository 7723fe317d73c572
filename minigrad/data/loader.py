"""DataLoader: batches of a dataset, in order or shuffled by a seeded generator."""

from __future__ import annotations

import math
import multiprocessing
import weakref
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice, repeat
from numbers import Real
from types import GenericAlias
from typing import Any

from ..ops.random import Generator, drawn_seed
from . import collate
from .dataset import IterableDataset, rows_of
from .sampler import BatchSampler, RandomSampler, SequentialSampler, positive
from .workers import Pool, seeded


class DataLoader:
    """Batches of `dataset`, to be iterated once an epoch.

    dataset        cases by number (`__getitem__` and `__len__`), or an IterableDataset
    batch_size     cases a batch; None gives single cases
    shuffle        a new random order each epoch, drawn from `generator` (default: the one `manual_seed` seeds)
    sampler        which cases in which order, instead of `shuffle`; batch_sampler: whole lists of them
    collate_fn     list of cases -> batch, by default `default_collate`
    drop_last      leave out a last batch that is short

    num_workers    processes that load ahead, `prefetch_factor` (2) batches each; 0 loads in this process. Batches come in
                   the same order, and with the same random numbers of `manual_seed`'s stream, whatever their number. An
                   error comes through with the worker's traceback, and who catches it may go on with the next batch; a
                   worker that dies is a RuntimeError, one that takes more than `timeout` seconds too (0: a warning that
                   tells where it is)
    worker_init_fn called in each worker with its number; `get_worker_info()` there tells more
    persistent_workers  keep the processes for the next epoch
    multiprocessing_context  "fork" (default where there is one), "spawn" or "forkserver"; all but the first need a dataset
                   and functions that can be pickled

    Each worker of an IterableDataset runs through a stream of its own. `pin_memory` is accepted. A TensorDataset, or a
    subset of one, is not taken apart into cases: each batch is one `index_select` a tensor.
    Raises ValueError for options that contradict each other or are out of range.
    """

    __class_getitem__: Any = classmethod(GenericAlias)  # for annotations such as DataLoader[int]

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable | None = None,
        batch_sampler: Iterable | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        if isinstance(num_workers, bool) or not isinstance(num_workers, int) or num_workers < 0:
            raise ValueError(f"DataLoader: num_workers must be an integer >= 0, got {num_workers!r}")
        if isinstance(timeout, bool) or not isinstance(timeout, Real) or not timeout >= 0:
            raise ValueError(f"DataLoader: timeout must be a number >= 0, got {timeout!r}")
        if not num_workers and (prefetch_factor is not None or persistent_workers):
            raise ValueError("DataLoader: prefetch_factor and persistent_workers need num_workers > 0")
        if num_workers:
            prefetch_factor = positive("DataLoader", "prefetch_factor", 2 if prefetch_factor is None else prefetch_factor)
        check_context(multiprocessing_context, num_workers)
        if generator is not None and not isinstance(generator, Generator):
            raise TypeError(f"DataLoader: generator must be a minigrad.Generator, got {type(generator).__name__}")
        streams = isinstance(dataset, IterableDataset)
        if not streams and not hasattr(dataset, "__getitem__"):
            raise TypeError(f"DataLoader: dataset must have __getitem__ or be an IterableDataset, got {type(dataset).__name__}")
        if streams and (shuffle or sampler is not None or batch_sampler is not None):
            raise ValueError(
                "DataLoader: an IterableDataset gives its own order: expected no shuffle, sampler or batch_sampler"
            )
        if sampler is not None and shuffle:
            raise ValueError("DataLoader: sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError("DataLoader: batch_sampler option is mutually exclusive with batch_size, shuffle, "
                                 "sampler and drop_last")  # fmt: skip
            batch_size, drop_last = None, False
        elif batch_size is None:
            if drop_last:
                raise ValueError("DataLoader: batch_size=None makes no batches, and is mutually exclusive with drop_last")
        else:
            batch_size = positive("DataLoader", "batch_size", batch_size)
        if not streams and sampler is None and batch_sampler is None:
            sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
        if not streams and batch_size is not None and sampler is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.dataset, self.batch_size, self.drop_last = dataset, batch_size, drop_last
        self.sampler, self.batch_sampler, self.generator = sampler, batch_sampler, generator
        self.batches = batch_size is not None or batch_sampler is not None
        self.collate_fn: Callable = collate_fn or (
            collate.default_collate if self.batches else collate.default_convert  # by their public names, as pickle finds them
        )
        self.num_workers, self.pin_memory, self.timeout = num_workers, pin_memory, timeout
        self.worker_init_fn, self.multiprocessing_context = worker_init_fn, multiprocessing_context
        self.prefetch_factor, self.persistent_workers, self.in_order = prefetch_factor, persistent_workers, in_order
        self.pin_memory_device = pin_memory_device
        self._pool: Pool | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        if name in SETTLED and "_pool" in self.__dict__:  # batches are made from what was there at first
            raise ValueError(f"DataLoader: {name} attribute should not be set after DataLoader is initialized. "
                             "Hint: make another loader")  # fmt: skip
        super().__setattr__(name, value)

    def __iter__(self) -> Iterator:
        seed = drawn_seed(self.generator)  # drawn whatever the number of workers, so that what follows stays the same
        tasks = (
            repeat(None) if isinstance(self.dataset, IterableDataset) else self.batch_sampler if self.batches else self.sampler
        )
        return Epoch(self, (self._by_workers if self.num_workers else self._here)(iter(tasks), seed))  # type: ignore[arg-type]

    def _here(self, tasks: Iterator, seed: int) -> Iterator[Callable[[], Any]]:
        if isinstance(self.dataset, IterableDataset):
            yield from self._stream(iter(self.dataset))
        else:
            yield from (partial(self._made, indices, seed, k) for k, indices in enumerate(tasks))

    def _made(self, indices: Any, seed: int, k: int) -> Any:
        batch = self._rows(indices)
        if batch is None:
            with seeded(seed, k):
                batch = self._case(indices)
        return batch

    def _by_workers(self, tasks: Iterator, seed: int) -> Iterator[Callable[[], Any]]:
        pool = self._pool or Pool(self.num_workers, self.dataset, self._fetching, seed, self.worker_init_fn, self.timeout,
                                  self.multiprocessing_context)  # fmt: skip
        self._pool = None  # an epoch begun within this one gets a pool of its own
        done = False
        try:
            yield from pool.run(tasks, seed, self.prefetch_factor)  # type: ignore[arg-type]
            done = True
        finally:
            if done and self.persistent_workers and self._pool is None:
                self._pool = pool
                weakref.finalize(self, pool.close)
            else:
                pool.close()

    def _fetching(self) -> Callable[[Any], Any]:
        """What a worker calls with the indices of each batch of an epoch."""
        if not isinstance(self.dataset, IterableDataset):
            return self._case
        batches = self._stream(iter(self.dataset))
        return lambda _: next(batches)()

    def _case(self, indices: Any) -> Any:
        if not self.batches:
            return self.collate_fn(self.dataset[indices])
        rows = self._rows(indices)
        return self._batch(indices) if rows is None else rows

    def _stream(self, cases: Iterator) -> Iterator[Callable[[], Any]]:
        if not self.batches:
            yield from (partial(self.collate_fn, case) for case in cases)
            return
        while batch := list(islice(cases, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield partial(self.collate_fn, batch)

    def _rows(self, indices: Any) -> Any:
        """The batch of a dataset of tensors, taken at once, with their history; None for others."""
        if not self.batches or self.collate_fn is not collate.default_collate:
            return None
        return rows_of(self.dataset, indices)

    def _batch(self, indices: Any) -> Any:
        if hasattr(self.dataset, "__getitems__"):
            return self.collate_fn(self.dataset.__getitems__(indices))
        return self.collate_fn([self.dataset[i] for i in indices])

    def __len__(self) -> int:
        """The number of batches in an epoch. Raises TypeError where the dataset or sampler has no length."""
        if not isinstance(self.dataset, IterableDataset):
            return len(self.batch_sampler if self.batches else self.sampler)  # type: ignore[arg-type]
        n = len(self.dataset)  # type: ignore[arg-type]
        if self.batch_size is None:
            return n
        return n // self.batch_size if self.drop_last else math.ceil(n / self.batch_size)


class Epoch:
    """The batches of one pass. An error is that of one batch: whoever catches it may go on with the next."""

    def __init__(self, loader: DataLoader, makers: Any) -> None:
        self.loader, self.makers = loader, makers

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Epoch:
        return self

    def close(self) -> None:
        """End the pass, and its workers."""
        self.makers.close()

    def __next__(self) -> Any:
        make = next(self.makers)
        del self  # which a traceback would keep, and the workers with it, when nobody goes on
        try:
            return make()
        except StopIteration as error:
            raise RuntimeError("DataLoader: the dataset or collate_fn raised StopIteration") from error


SETTLED = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")


def check_context(context: Any, num_workers: int) -> None:
    """Raises ValueError for a way to start processes that is not there, or is asked for without workers."""
    if context is None:
        return
    if not num_workers:
        raise ValueError(f"DataLoader: multiprocessing_context={context!r} needs num_workers > 0")
    known = multiprocessing.get_all_start_methods()
    if context not in known and not hasattr(context, "Process"):
        raise ValueError(f"DataLoader: multiprocessing_context must be one of {known} or a context of multiprocessing, "
                         f"got {context!r}")  # fmt: skip
