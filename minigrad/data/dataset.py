"""Datasets: things with a length and cases by number, or streams of cases."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from types import GenericAlias
from typing import Any

import numpy as np

from ..backends import ShapeError
from ..backends.source import advise
from ..core import Tensor
from ..ops.create import randperm, tensor
from ..ops.index import index_select
from ..ops.random import Generator


class Dataset:
    """Cases by number: a subclass gives `__getitem__(index)` and, for most samplers, `__len__`.

    It may give `__getitems__(indices)` too, all cases of a batch at once.
    """

    __class_getitem__: Any = classmethod(GenericAlias)  # for annotations such as Dataset[int]

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__}: a dataset must define __getitem__(index)")

    def __add__(self, other: Dataset) -> ConcatDataset:
        return ConcatDataset([self, other])


class IterableDataset(Dataset):
    """A stream of cases: a subclass gives `__iter__`. Samplers and shuffling have no place here."""

    def __iter__(self) -> Iterator:
        raise NotImplementedError(f"{type(self).__name__}: an iterable dataset must define __iter__()")

    def __add__(self, other: Dataset) -> ChainDataset:  # type: ignore[override]
        return ChainDataset([self, other])


class TensorDataset(Dataset):
    """Tensors of equal length; case i is the tuple of their i-th rows. Raises ShapeError if the lengths differ."""

    def __init__(self, *tensors: Tensor) -> None:
        for t in tensors:
            if not isinstance(t, Tensor):
                raise TypeError(f"TensorDataset: expected tensors, got {type(t).__name__}. Hint: minigrad.tensor(...)")
        if not tensors or any(t.ndim == 0 for t in tensors) or len({t.shape[0] for t in tensors}) > 1:
            shapes = ", ".join(str(tuple(t.shape)) for t in tensors)
            raise ShapeError(
                f"TensorDataset: Size mismatch between tensors: expected one length for all, got {shapes or 'none'}"
            )
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(t[index] for t in self.tensors)

    def __len__(self) -> int:
        return self.tensors[0].shape[0]


class Subset(Dataset):
    """The cases of `dataset` numbered by `indices`, in that order.

    Loaders ask for the cases of a batch at once, by `__getitems__`: a subclass with a `__getitem__` of its own gives that, too,
    or its constructor raises NotImplementedError.
    """

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        kind = type(self)
        if kind.__getitem__ is not Subset.__getitem__ and kind.__getitems__ is Subset.__getitems__:
            raise NotImplementedError(f"Subset: {kind.__name__} overrides __getitem__ but not __getitems__, which loaders ask. "
                                      "Hint: def __getitems__(self, indices): return [self[i] for i in indices]")  # fmt: skip
        self.dataset, self.indices = dataset, indices

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __getitems__(self, indices: list[int]) -> list[Any]:
        inner = [self.indices[i] for i in indices]
        return batch_of(self.dataset, inner)

    def __len__(self) -> int:
        return len(self.indices)


class StackDataset(Dataset):
    """Datasets of equal length side by side: case i is the tuple of their cases i, or a dict of them if they have names.

    Raises ValueError for none, for some with and some without a name, and for different lengths.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if bool(args) == bool(kwargs):
            raise ValueError("StackDataset: expected datasets, either all with a name or all without")
        self.datasets: Any = args or kwargs
        lengths = [len(d) for d in (args or kwargs.values())]
        if len(set(lengths)) > 1:
            raise ValueError(f"StackDataset: Size mismatch between datasets: expected one length for all, got {lengths}")
        self._length = lengths[0]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(self.datasets, dict):
            return {name: dataset[index] for name, dataset in self.datasets.items()}
        return tuple(dataset[index] for dataset in self.datasets)

    def __getitems__(self, indices: list[int]) -> list[Any]:
        """All cases of a batch, each dataset asked for its own at once where it can tell them so."""
        named = isinstance(self.datasets, dict)
        columns = [batch_of(d, indices) for d in (self.datasets.values() if named else self.datasets)]
        rows = zip(*columns, strict=True)
        return [dict(zip(self.datasets, row, strict=True)) for row in rows] if named else list(rows)

    def __len__(self) -> int:
        return self._length


def batch_of(dataset: Any, indices: list[int]) -> list[Any]:
    """The cases of a dataset at these indices. Raises ValueError if its own `__getitems__` gives another number of them."""
    if not callable(getattr(dataset, "__getitems__", None)):
        return [dataset[i] for i in indices]
    found = dataset.__getitems__(indices)
    if len(found) != len(indices):
        raise ValueError(f"{type(dataset).__name__}.__getitems__: Nested dataset's output size mismatch. Expected "
                         f"{len(indices)}, got {len(found)}")  # fmt: skip
    return found


class ConcatDataset(Dataset):
    """Several datasets one after another. Raises ValueError for none, TypeError for a stream.

    An index from the end that goes too far is a ValueError, as in PyTorch.
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset: datasets should not be an empty iterable")
        if any(isinstance(d, IterableDataset) for d in self.datasets):
            raise TypeError("ConcatDataset: an IterableDataset has no cases by number. Hint: ChainDataset")
        self.cumulative_sizes = list(accumulate(len(d) for d in self.datasets))

    def __getitem__(self, index: int) -> Any:
        n = len(self)
        if not -n <= index < n:
            raise (IndexError if index >= n else ValueError)(f"ConcatDataset: index {index} is out of bounds for {n} cases")
        which = bisect_right(self.cumulative_sizes, index % n)
        return self.datasets[which][index % n - (self.cumulative_sizes[which - 1] if which else 0)]

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]


class ChainDataset(IterableDataset):
    """Several streams one after another."""

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = datasets

    def __iter__(self) -> Iterator:
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                raise TypeError(f"ChainDataset: expected IterableDatasets, got {type(dataset).__name__}. Hint: ConcatDataset")
            yield from dataset

    def __len__(self) -> int:
        return sum(len(dataset) for dataset in self.datasets)  # type: ignore[arg-type]


def random_split(dataset: Any, lengths: Sequence[float], generator: Generator | None = None) -> list[Subset]:
    """Disjoint subsets drawn at random, of the given lengths, or of the given fractions if these sum to 1.

    With fractions, cases left over by rounding go to the first subsets in turn. Raises ValueError if lengths don't sum
    up.
    """
    n = len(dataset)
    sizes = list(lengths)
    if any(not size >= 0 for size in sizes):
        raise ValueError(f"random_split: lengths must not be negative, got {sizes}")
    if math.isclose(sum(sizes), 1) and sum(sizes) <= 1 + 1e-9 and any(isinstance(size, float) for size in sizes):
        sizes = [math.floor(n * fraction) for fraction in sizes]
        for i in range(n - int(sum(sizes))):
            sizes[i % len(sizes)] += 1
        if 0 in sizes:
            advise(f"random_split: Length of split at index {sizes.index(0)} is 0. This might result in an empty "
                   "dataset.")  # fmt: skip
    if sum(sizes) != n or any(size != int(size) for size in sizes):
        raise ValueError("random_split: Sum of input lengths does not equal the length of the input dataset: expected "
                         f"lengths that sum to {n}, or fractions that sum to 1, got {list(lengths)}")  # fmt: skip
    order = randperm(n, generator=generator).tolist()
    ends = list(accumulate(map(int, sizes)))
    return [Subset(dataset, order[end - int(size) : end]) for end, size in zip(ends, sizes, strict=True)]


def rows_of(dataset: Any, indices: Sequence[int]) -> list[Tensor] | None:
    """The batch of the numbered cases of a TensorDataset, or a subset of one, by `index_select`; None for others."""
    if type(dataset) is Subset:
        return rows_of(dataset.dataset, [dataset.indices[i] for i in indices])
    plain = isinstance(dataset, TensorDataset) and type(dataset).__getitem__ is TensorDataset.__getitem__
    if not plain or hasattr(dataset, "__getitems__"):
        return None
    at = tensor(np.asarray(indices, np.int64))
    return [index_select(t, 0, at.to(t.device)) for t in dataset.tensors]
