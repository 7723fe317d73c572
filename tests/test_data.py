"""Datasets, samplers, loaders and the data that come with the package."""

from __future__ import annotations

from collections import OrderedDict, UserList, defaultdict, namedtuple
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import data
from minigrad.data.digits import FILE


def seeded(n: int = 0) -> minigrad.Generator:
    return minigrad.Generator().manual_seed(n)


def numbers(n: int) -> data.TensorDataset:
    return data.TensorDataset(minigrad.arange(n), minigrad.arange(n) * 10)


class Squares(data.Dataset):
    """Cases made one at a time, so that nothing can be selected at once."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __getitem__(self, i: int) -> tuple:
        return minigrad.tensor([i, i * i]), float(i)

    def __len__(self) -> int:
        return self.n


class Count(data.IterableDataset):
    def __init__(self, n: int) -> None:
        self.n = n

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.n))


# -- datasets ----------------------------------------------------------------------------------------------------------


def test_tensor_dataset() -> None:
    d = numbers(5)
    assert len(d) == 5
    assert [x.item() for x in d[2]] == [2, 20]
    with pytest.raises(RuntimeError, match=r"Size mismatch between tensors: expected one length for all, got \(3,\), \(4,\)"):
        data.TensorDataset(minigrad.zeros(3), minigrad.zeros(4))
    with pytest.raises(ValueError, match="Size mismatch.*got none"):
        data.TensorDataset()
    with pytest.raises(ValueError, match=r"Size mismatch.*got \(\)"):
        data.TensorDataset(minigrad.tensor(1.0))
    with pytest.raises(TypeError, match="expected tensors, got ndarray"):
        data.TensorDataset(np.zeros(3))  # type: ignore[arg-type]
    with pytest.raises(IndexError):
        d[5]


def test_subset_and_concat() -> None:
    both = numbers(3) + numbers(2)
    assert isinstance(both, data.ConcatDataset)
    assert [x[0].item() for x in both] == [0, 1, 2, 0, 1]
    assert both[-1][1].item() == 10
    assert both.cumulative_sizes == [3, 5]
    for bad, error in ((5, IndexError), (-6, ValueError)):
        with pytest.raises(error, match=f"index {bad} is out of bounds for 5 cases"):
            both[bad]
    assert [data.Subset(both, [4, 0])[i][0].item() for i in range(2)] == [1, 0]
    with pytest.raises(ValueError, match="should not be an empty iterable"):
        data.ConcatDataset([])
    with pytest.raises(TypeError, match="ChainDataset"):
        data.ConcatDataset([Count(2)])
    assert list(Count(2) + Count(3)) == [0, 1, 0, 1, 2]
    with pytest.raises(TypeError, match="expected IterableDatasets, got TensorDataset. Hint: ConcatDataset"):
        list(data.ChainDataset([Count(1), numbers(2)]))


def test_stacked_side_by_side() -> None:
    d = data.StackDataset(Squares(3), numbers(3))
    assert (len(d), d[2][0][1], d[2][1][1].item()) == (3, 2.0, 20)
    named = data.StackDataset(a=Squares(3), b=[5, 6, 7])
    assert [(x["a"][1], x["b"]) for x in (named[0], named[2])] == [(0.0, 5), (2.0, 7)]
    batch = next(iter(data.DataLoader(named, 3)))
    assert batch["b"].tolist() == [5, 6, 7]
    with pytest.raises(ValueError, match=r"expected one length for all, got \[3, 4\]"):
        data.StackDataset([1, 2, 3], [1, 2, 3, 4])

    class Batched(Squares):
        def __getitems__(self, indices: list[int]) -> list:
            return [10 * i for i in indices]

    class Short(Squares):
        def __getitems__(self, indices: list[int]) -> list:
            return [1]

    assert data.StackDataset(Batched(3), [5, 6, 7]).__getitems__([2, 0]) == [(20, 7), (0, 5)]
    assert data.StackDataset(a=Batched(3), b=[5, 6, 7]).__getitems__([1]) == [{"a": 10, "b": 6}]
    assert data.StackDataset(data.Subset(Batched(3), [1, 2]), [5, 6]).__getitems__([1]) == [(20, 6)]
    with pytest.raises(ValueError, match="Short.__getitems__: Nested dataset's output size mismatch. Expected 2, got 1"):
        data.StackDataset(Short(3), [5, 6, 7]).__getitems__([0, 1])
    for bad in (lambda: data.StackDataset(), lambda: data.StackDataset([1], a=[1])):
        with pytest.raises(ValueError, match="either all with a name or all without"):
            bad()


def test_all_cases_of_a_batch_at_once() -> None:
    class Many(Squares):
        def __getitems__(self, indices: list[int]) -> list:
            asked.append(indices)
            return [self[i] for i in indices]

    asked: list = []
    list(data.DataLoader(data.Subset(Many(9), [8, 6, 4]), 2))
    assert asked == [[8, 6], [4]]


def test_a_subclass_is_asked_in_its_own_way() -> None:
    class Doubled(data.Subset):
        def __getitem__(self, index: Any) -> Any:
            return super().__getitem__(index)[0] * 2

    with pytest.raises(
        NotImplementedError, match="^Subset: Doubled overrides __getitem__ but not __getitems__.*Hint: def __getitems__"
    ):
        Doubled(numbers(4), [0, 1])

    class Both(Doubled):
        def __getitems__(self, indices: list[int]) -> list:
            return [self[i] for i in indices]

    assert next(iter(data.DataLoader(Both(numbers(4), [1, 3]), 2))).tolist() == [2, 6]

    class Many(data.TensorDataset):
        def __getitems__(self, indices: list[int]) -> list:
            return [(self.tensors[0][i] + 1,) for i in indices]

    assert next(iter(data.DataLoader(Many(minigrad.arange(4)), 2)))[0].tolist() == [1, 2]


@pytest.mark.parametrize("part", [False, True])
def test_gradients_of_learnt_cases(part: bool) -> None:
    """Embeddings, or pictures that are learnt themselves, may lie in a dataset."""
    x = minigrad.ones(4, 2, requires_grad=True)
    cases: Any = data.TensorDataset(x, minigrad.arange(4.0))
    for rows, weights in data.DataLoader(data.Subset(cases, [3, 1]) if part else cases, 2):
        (rows * weights.unsqueeze(1)).sum().backward()
    assert x.grad is not None
    assert x.grad[:, 0].tolist() == ([0, 1, 0, 3] if part else [0, 1, 2, 3])


def test_annotations_of_what_is_in_a_dataset() -> None:
    class Mine(data.IterableDataset[int]):  # type: ignore[misc]
        pass

    assert issubclass(Mine, data.IterableDataset)
    for kind in (data.DataLoader, data.Sampler):
        assert kind[int].__origin__ is kind


@pytest.mark.parametrize(
    ("lengths", "sizes"), [([3, 7], [3, 7]), ([0.25, 0.25, 0.5], [3, 2, 5]), ([0, 10], [0, 10]), ([1.0], [10])]
)
def test_random_split(lengths: list, sizes: list) -> None:
    parts = data.random_split(range(10), lengths, seeded())
    assert [len(part) for part in parts] == sizes
    assert sorted(i for part in parts for i in part.indices) == list(range(10))
    again = data.random_split(range(10), lengths, seeded())
    assert [part.indices for part in parts] == [part.indices for part in again]


def test_random_split_warns_of_an_empty_part() -> None:
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        assert [len(part) for part in data.random_split(range(3), [0.9, 0.1, 0.0])] == [3, 0, 0]


@pytest.mark.parametrize("lengths", [[3, 8], [0.5, 0.6], [-1, 11], [5.5, 4.5], [float("nan"), 1.0]])
def test_random_split_refuses(lengths: list) -> None:
    with pytest.raises(ValueError, match="random_split"):
        data.random_split(range(10), lengths)


def test_a_dataset_without_its_method_says_so() -> None:
    with pytest.raises(NotImplementedError, match="must define __getitem__"):
        data.Dataset()[0]
    with pytest.raises(NotImplementedError, match="must define __iter__"):
        iter(data.IterableDataset())


# -- samplers ----------------------------------------------------------------------------------------------------------


def test_samplers() -> None:
    assert list(data.SequentialSampler(range(4))) == [0, 1, 2, 3]
    order = list(data.RandomSampler(range(50), generator=seeded(3)))
    assert sorted(order) == list(range(50))
    assert order != sorted(order)
    assert order == list(data.RandomSampler(range(50), generator=seeded(3)))
    many = list(data.RandomSampler(range(4), num_samples=10, generator=seeded()))
    assert len(many) == 10
    assert sorted(many[:4]) == sorted(many[4:8]) == [0, 1, 2, 3]
    drawn = data.RandomSampler(range(4), replacement=True, num_samples=100, generator=seeded())
    assert len(drawn) == 100
    assert set(drawn) == {0, 1, 2, 3}
    assert sorted(data.SubsetRandomSampler([5, 7, 9], seeded())) == [5, 7, 9]
    assert list(data.BatchSampler(data.SequentialSampler(range(5)), 2, False)) == [[0, 1], [2, 3], [4]]
    assert list(data.BatchSampler(range(5), 2, True)) == [[0, 1], [2, 3]]
    assert [len(data.BatchSampler(range(5), 2, drop)) for drop in (False, True)] == [3, 2]


def test_weighted_sampler() -> None:
    drawn = list(data.WeightedRandomSampler(minigrad.tensor([0.0, 1.0, 3.0]), 4000, generator=seeded()))
    counts = np.bincount(drawn, minlength=3)
    assert counts[0] == 0
    assert abs(counts[2] / 4000 - 0.75) < 0.03
    assert sorted(data.WeightedRandomSampler([1, 2, 3], 3, replacement=False)) == [0, 1, 2]
    for weights, n, message in [([1.0], 0, "num_samples should be a positive integer"),
                                ([float("nan")], 1, "must be finite"), ([0.0], 1, "not all zero"),
                                ([-1.0, 2], 1, "must be finite, not negative"),
                                ([[1.0]], 1, "1d sequence")]:  # fmt: skip
        with pytest.raises(ValueError, match=message):
            data.WeightedRandomSampler(weights, n)
    with pytest.raises(ValueError, match="can't draw 3 different cases from 2"):
        data.WeightedRandomSampler([1, 1, 0], 3, replacement=False)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("n", [1, 2, 10, 12])
def test_shares_of_processes(n: int, shuffle: bool, drop_last: bool) -> None:
    shares = [data.DistributedSampler(range(n), 4, rank, shuffle, seed=3, drop_last=drop_last) for rank in range(4)]
    parts = [list(share) for share in shares]
    assert {len(part) for part in parts} == {len(shares[0])} == {n // 4 if drop_last else -(-n // 4)}
    seen = [i for part in parts for i in part]
    assert len(set(seen)) == (n // 4 * 4 if drop_last else n)
    if not shuffle:
        assert parts[1] == [i % n for i in range(1, len(seen), 4)]
    elif n == 12:
        assert parts == [list(share) for share in shares]
        for share in shares:
            share.set_epoch(1)
        assert parts != [list(share) for share in shares]


def test_shares_that_make_no_sense() -> None:
    with pytest.raises(RuntimeError, match="Hint: give num_replicas and rank"):
        data.DistributedSampler(range(3))
    for rank in (-1, 2):
        with pytest.raises(ValueError, match=f"Invalid rank {rank}, rank should be in the interval .0, 1."):
            data.DistributedSampler(range(3), 2, rank)


@pytest.mark.parametrize("bad", [0, -1, 2.5, True, "3", None])
def test_sizes_must_be_positive_integers(bad: Any) -> None:
    with pytest.raises(ValueError, match="batch_size should be a positive integer value, but got batch_size="):
        data.BatchSampler(range(5), bad, False)
    if bad is not None:
        with pytest.raises(ValueError, match="num_samples should be a positive integer"):
            data.RandomSampler(range(5), num_samples=bad)
        with pytest.raises(ValueError, match="batch_size should be a positive integer"):
            data.DataLoader(range(5), batch_size=bad)


# -- the loader --------------------------------------------------------------------------------------------------------


def test_batches_in_order() -> None:
    loader = data.DataLoader(numbers(5), batch_size=2)
    batches = list(loader)
    assert len(loader) == len(batches) == 3
    assert [type(batch) for batch in batches] == [list] * 3
    assert [[t.tolist() for t in batch] for batch in batches] == [[[0, 1], [0, 10]], [[2, 3], [20, 30]], [[4], [40]]]
    loader = data.DataLoader(numbers(5), batch_size=2, drop_last=True)
    assert len(loader) == len(list(loader)) == 2


def test_shuffled_by_a_seeded_generator() -> None:
    def epochs(seed: int) -> list:
        loader = data.DataLoader(numbers(20), batch_size=6, shuffle=True, generator=seeded(seed))
        return [sum((batch[0].tolist() for batch in loader), []) for _ in range(2)]

    first, second = epochs(1)
    assert sorted(first) == sorted(second) == list(range(20))
    assert first != second
    assert epochs(1) == [first, second]
    assert epochs(2) != [first, second]
    minigrad.manual_seed(4)
    one = [batch[0].tolist() for batch in data.DataLoader(numbers(20), 5, shuffle=True)]
    minigrad.manual_seed(4)
    assert one == [batch[0].tolist() for batch in data.DataLoader(numbers(20), 5, shuffle=True)]


def test_selecting_rows_equals_stacking_cases() -> None:
    d = data.TensorDataset(minigrad.randn(11, 3), minigrad.arange(11))
    nested = data.Subset(data.Subset(d, [10, 3, 5, 7]), [3, 0, 2])
    for source in (d, nested):
        fast = list(data.DataLoader(source, 4))
        slow = list(data.DataLoader(source, 4, collate_fn=lambda cases: data.default_collate(cases)))
        for one, other in zip(fast, slow, strict=True):
            assert [t.tolist() for t in one] == [t.tolist() for t in other]
            assert [t.dtype for t in one] == [t.dtype for t in other]


def test_batches_are_copies() -> None:
    x = minigrad.zeros(4, 2)
    (batch,) = next(iter(data.DataLoader(data.TensorDataset(x), 4)))
    batch.fill_(1.0)
    assert x.sum().item() == 0


def test_a_dataset_of_ones_own() -> None:
    x, y = next(iter(data.DataLoader(Squares(5), 3)))
    assert x.tolist() == [[0, 0], [1, 1], [2, 4]]
    assert (y.tolist(), str(y.dtype)) == ([0, 1, 2], "minigrad.float64")


def test_streams() -> None:
    assert [b.tolist() for b in data.DataLoader(Count(5), 2)] == [[0, 1], [2, 3], [4]]
    assert [b.tolist() for b in data.DataLoader(Count(5), 2, drop_last=True)] == [[0, 1], [2, 3]]
    assert list(data.DataLoader(Count(3), batch_size=None)) == [0, 1, 2]
    with pytest.raises(TypeError):
        len(data.DataLoader(Count(3)))
    for options in (dict(shuffle=True), dict(sampler=[1]), dict(batch_sampler=[[1]])):
        with pytest.raises(ValueError, match="gives its own order"):
            data.DataLoader(Count(3), **options)  # type: ignore[arg-type]


def test_samplers_in_the_loader() -> None:
    assert [b[0].tolist() for b in data.DataLoader(numbers(9), 2, sampler=[8, 1, 2])] == [[8, 1], [2]]
    loader = data.DataLoader(numbers(9), batch_sampler=[[1, 2, 3], [4]])
    assert [b[0].tolist() for b in loader] == [[1, 2, 3], [4]]
    assert len(loader) == 2
    assert [x.item() for x, _ in data.DataLoader(numbers(3), batch_size=None)] == [0, 1, 2]


@pytest.mark.parametrize(("options", "error", "message"), [
    (dict(shuffle=True, sampler=[1]), ValueError, "sampler option is mutually exclusive with shuffle"),
    (dict(batch_sampler=[[1]], batch_size=2), ValueError, "batch_sampler option is mutually exclusive"),
    (dict(batch_sampler=[[1]], drop_last=True), ValueError, "batch_sampler option is mutually exclusive"),
    (dict(batch_size=None, drop_last=True), ValueError, "makes no batches"),
    (dict(num_workers=-1), ValueError, "num_workers must be an integer >= 0, got -1"),
    (dict(timeout=float("nan")), ValueError, "timeout must be a number >= 0, got nan"),
    (dict(generator=3), TypeError, "generator must be a minigrad.Generator, got int"),
    (dict(multiprocessing_context="fork"), ValueError, "multiprocessing_context='fork' needs num_workers > 0"),
    (dict(num_workers=1, multiprocessing_context="spoon"), ValueError, "must be one of .*, got 'spoon'"),
    (dict(num_workers=1, prefetch_factor=0), ValueError, "prefetch_factor should be a positive integer"),
    (dict(drop_last="yes"), TypeError, "drop_last should be a boolean value"),
])  # fmt: skip
def test_contradictions_are_refused(options: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        data.DataLoader(numbers(5), **options)


def test_an_index_out_of_range_is_named() -> None:
    with pytest.raises(IndexError, match="7 is out of bounds for dimension 0 with size 5"):
        list(data.DataLoader(numbers(5), batch_sampler=[[7]]))


def test_an_error_of_the_dataset_comes_through() -> None:
    class Broken(Squares):
        def __getitem__(self, i: int) -> tuple:
            raise OSError("my disk")

    with pytest.raises(OSError, match="my disk"):
        list(data.DataLoader(Broken(3)))


# -- collating ---------------------------------------------------------------------------------------------------------


def test_collate() -> None:
    Point = namedtuple("Point", "x y")
    cases = [{"a": np.float32(i), "b": [i, f"s{i}"], "c": Point(i + 0.5, minigrad.ones(2) * i),
              "d": np.full(3, i, np.int16), "e": i > 0} for i in range(2)]  # fmt: skip
    batch = data.default_collate(cases)
    assert str(batch["a"].dtype) == "minigrad.float32"
    assert [batch["b"][0].tolist(), batch["b"][1]] == [[0, 1], ("s0", "s1")]
    assert type(batch["c"]).__name__ == "Point"
    assert batch["c"].x.tolist() == [0.5, 1.5]
    assert batch["c"].y.tolist() == [[0, 0], [1, 1]]
    assert (tuple(batch["d"].shape), str(batch["d"].dtype)) == ((2, 3), "minigrad.int16")
    assert batch["e"].tolist() == [False, True]
    ordered = data.default_collate([OrderedDict(name="x", n=1)] * 2)
    assert (type(ordered), ordered["name"], ordered["n"].tolist()) == (OrderedDict, ["x", "x"], [1, 1])
    with pytest.raises(ValueError, match=r"should be of equal size, got sizes \[1, 2\]"):
        data.default_collate([[1], [1, 2]])
    with pytest.raises(TypeError, match="found object. Hint: pass your own collate_fn"):
        data.default_collate([object()])
    for cases in ([minigrad.zeros(2), minigrad.zeros(3)], [np.zeros(2), np.zeros(3)], [[1], [1, 2]]):
        with pytest.raises(RuntimeError, match="equal size|to be of shape"):
            data.default_collate(cases)


def test_a_batch_is_a_container_of_the_kind_of_its_cases() -> None:
    counted = defaultdict(int, a=1)
    batch = data.default_collate([counted, {"a": 2}])
    assert type(batch) is defaultdict and batch["a"].tolist() == [1, 2] and batch["b"] == 0 and counted["a"] == 1
    assert type(data.default_collate([OrderedDict(a=1)])) is OrderedDict
    assert type(data.default_collate([UserList("ab"), UserList("cd")])) is UserList
    assert type(data.default_collate([range(2), range(2)])) is list
    frozen = data.default_collate([MappingProxyType({"a": 1.5})])
    assert type(frozen) is MappingProxyType and frozen["a"].tolist() == [1.5]
    assert data.default_collate([("a", "b"), ("c", "d")]) == [("a", "c"), ("b", "d")]
    assert list(data.DataLoader([("a", 1), ("b", 2)], 2))[0][0] == ("a", "b")
    assert list(data.DataLoader(["a", "b"], 2)) == [["a", "b"]]
    assert type(data.default_convert(OrderedDict(a=1))) is OrderedDict and data.default_convert(range(2)) == [0, 1]


def test_convert() -> None:
    x = data.default_convert({"a": np.ones(2), "b": ("s", [np.int64(3)])})
    assert x["a"].tolist() == [1, 1]
    assert x["b"][0] == "s"
    assert x["b"][1][0].item() == 3


# -- the data that come along ------------------------------------------------------------------------------------------


def test_digits() -> None:
    train, test = data.digits()
    (x, y), (u, v) = train.tensors, test.tensors
    assert (tuple(x.shape), tuple(u.shape)) == ((1347, 1, 8, 8), (450, 1, 8, 8))
    assert (str(x.dtype), str(y.dtype)) == ("minigrad.float32", "minigrad.int64")
    assert (x.min().item(), x.max().item()) == (0, 1)
    counts, held = (np.bincount(t.numpy(), minlength=10) for t in (y, v))
    assert np.abs(held / (counts + held) - 0.25).max() < 0.005
    flat, _ = data.digits(flat=True)
    assert flat.tensors[0].tolist() == x.reshape(-1, 64).tolist()
    normal, _ = data.digits(normalize=True)
    assert abs(normal.tensors[0].mean().item()) < 1e-5
    assert abs(normal.tensors[0].std().item() - 1) < 1e-3


def test_digits_are_scikit_learns() -> None:
    sets = pytest.importorskip("sklearn.datasets")
    wanted = sets.load_digits()
    with np.load(FILE, allow_pickle=False) as ours:
        assert np.array_equal(ours["images"], wanted.images)
        assert np.array_equal(ours["labels"], wanted.target)
    assert (FILE.parent / "NOTICE").read_text().count("CC BY 4.0") == 1


def test_what_batches_are_made_of_is_settled_when_a_loader_is_made():
    loader = data.DataLoader(range(6), batch_size=2)
    for name in ("batch_size", "sampler", "batch_sampler", "drop_last", "dataset"):
        with pytest.raises(ValueError, match=f"DataLoader: {name} attribute should not be set after"):
            setattr(loader, name, None)
    loader.collate_fn = list
    assert list(loader) == [[0, 1], [2, 3], [4, 5]]


def test_nothing_can_not_be_shuffled():
    for make in (lambda: data.RandomSampler([]), lambda: data.DataLoader([], shuffle=True)):
        with pytest.raises(ValueError, match="num_samples should be a positive integer value, but got num_samples=0"):
            make()
    assert list(data.DataLoader([])) == []
