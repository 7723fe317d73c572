"""Samplers: in which order a loader takes the cases. Random ones draw from a seeded generator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from itertools import islice
from types import GenericAlias
from typing import Any

import numpy as np

from ..core import Tensor
from ..ops.create import randint, randperm, tensor
from ..ops.random import Generator, drawn_seed, source_of, torch_source
from ..ops.sampling import multinomial


def positive(who: str, name: str, value: Any) -> int:
    """`value` if it is a positive integer; raises ValueError that names it."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or value.__index__() <= 0:
        raise ValueError(f"{who}: {name} should be a positive integer value, but got {name}={value!r}")
    return value.__index__()


def yes_or_no(who: str, name: str, value: Any) -> bool:
    """`value` if it is a bool; raises TypeError that names it."""
    if not isinstance(value, bool):
        raise TypeError(f"{who}: {name} should be a boolean value, but got {name}={value!r}")
    return value


class Sampler:
    """The base: a subclass gives `__iter__` over case numbers and `__len__`. `data_source` is accepted and not used."""

    __class_getitem__: Any = classmethod(GenericAlias)  # for annotations such as Sampler[int]

    def __init__(self, data_source: Any = None) -> None:
        pass

    def __iter__(self) -> Iterator:
        raise NotImplementedError(f"{type(self).__name__}: a sampler must define __iter__()")


class SequentialSampler(Sampler):
    """0, 1, 2 ..."""

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler):
    """`num_samples` cases (default: all) in random order, each once, or drawn anew each time with `replacement`."""

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        self.data_source, self.generator = data_source, generator
        self.replacement = yes_or_no("RandomSampler", "replacement", replacement)
        self._num_samples = None if num_samples is None else positive("RandomSampler", "num_samples", num_samples)
        positive("RandomSampler", "num_samples", self.num_samples)

    @property
    def num_samples(self) -> int:
        """How many places are drawn in a run: those of the data, unless told otherwise."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        n, left = len(self.data_source), self.num_samples
        if left and not n:
            raise ValueError(f"RandomSampler: num_samples={left}, but the dataset is empty")
        if torch_source(self.generator):
            yield from self._as_torch(n, left)
            return
        if self.replacement:
            yield from randint(n, size=(left,), generator=self.generator).tolist()
            return
        while left > 0:
            yield from randperm(n, generator=self.generator).tolist()[:left]
            left -= n

    def _as_torch(self, n: int, count: int) -> Iterator[int]:
        """In PyTorch's order of draws: a seed for a generator of its own, then 32 numbers at a time, or whole orders, the last
        one even if none of it is needed."""
        generator = self.generator or Generator(stream="torch").manual_seed(drawn_seed())
        each = 32 if self.replacement else n
        for left in range(count, -1, -each):
            if self.replacement:
                yield from randint(n, size=(min(left, 32),), generator=generator).tolist()
            else:
                yield from randperm(n, generator=generator).tolist()[:left]

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler):
    """The given case numbers in random order."""

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices, self.generator = indices, generator

    def __iter__(self) -> Iterator[int]:
        for i in randperm(len(self.indices), generator=self.generator).tolist():
            yield self.indices[i]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler):
    """`num_samples` case numbers, i with a probability in proportion to `weights[i]`."""

    def __init__(self, weights: Any, num_samples: int, replacement: bool = True, generator: Generator | None = None) -> None:
        who = "WeightedRandomSampler"
        self.num_samples = positive(who, "num_samples", num_samples)
        self.replacement = yes_or_no(who, "replacement", replacement)
        self.weights = np.asarray(weights.tolist() if isinstance(weights, Tensor) else list(weights), dtype=np.float64)
        self.generator = generator
        if self.weights.ndim != 1:
            raise ValueError(f"{who}: weights should be a 1d sequence, got shape {self.weights.shape}")
        if not np.isfinite(self.weights).all() or (self.weights < 0).any() or not self.weights.sum() > 0:
            raise ValueError(f"{who}: weights must be finite, not negative and not all zero")
        if not replacement and np.count_nonzero(self.weights) < num_samples:
            raise ValueError(
                f"{who}: can't draw {num_samples} different cases from {np.count_nonzero(self.weights)} with weight"
            )

    def __iter__(self) -> Iterator[int]:
        if torch_source(self.generator):
            drawn = multinomial(tensor(self.weights), self.num_samples, self.replacement, generator=self.generator)
            return iter(drawn.tolist())
        bits = source_of(self.generator).bits
        p = self.weights / self.weights.sum()
        return iter(bits.choice(len(p), size=self.num_samples, replace=self.replacement, p=p).tolist())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler):
    """The numbers of another sampler in lists of `batch_size`; the last, shorter one is dropped on `drop_last`."""

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        self.batch_size = positive("BatchSampler", "batch_size", batch_size)
        self.drop_last = yes_or_no("BatchSampler", "drop_last", drop_last)
        self.sampler = sampler

    def __iter__(self) -> Iterator[list[int]]:
        numbers = iter(self.sampler)
        while batch := list(islice(numbers, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        n = len(self.sampler)  # type: ignore[arg-type]
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)


class DistributedSampler(Sampler):
    """The share of the process `rank` among `num_replicas`: every so-many-th case, in an order that all processes agree on.

    shuffle     a new order each epoch, drawn from `seed` and the number of the epoch, which `set_epoch` must tell
    drop_last   leave out cases at the end, so that all shares are equal; otherwise cases from the front come again

    Raises ValueError for a rank that is not below the number of processes, RuntimeError if either is not given, since
    there is no group of processes to ask.
    """

    def __init__(self, dataset: Sized, num_replicas: int | None = None, rank: int | None = None, shuffle: bool = True,
                 seed: int = 0, drop_last: bool = False) -> None:  # fmt: skip
        if num_replicas is None or rank is None:
            raise RuntimeError("DistributedSampler: there is no process group to ask. Hint: give num_replicas and rank")
        replicas = positive("DistributedSampler", "num_replicas", num_replicas)
        if not 0 <= rank < replicas:
            raise ValueError(f"DistributedSampler: Invalid rank {rank}, rank should be in the interval [0, {replicas - 1}]")
        self.dataset, self.num_replicas, self.rank = dataset, replicas, rank
        self.shuffle, self.seed, self.drop_last, self.epoch = shuffle, seed, drop_last, 0
        n = len(dataset)
        self.num_samples = n // replicas if drop_last else -(-n // replicas)
        self.total_size = self.num_samples * replicas

    def __iter__(self) -> Iterator[int]:
        order = list(range(len(self.dataset)))
        if self.shuffle:
            order = randperm(len(order), generator=Generator().manual_seed(self.seed + self.epoch)).tolist()
        while 0 < len(order) < self.total_size:
            order += order[: self.total_size - len(order)]
        return iter(order[: self.total_size][self.rank :: self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Tell the number of the epoch that begins, so that its order is another one."""
        self.epoch = epoch
