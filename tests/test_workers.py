"""Worker processes of the loader: the same batches, errors with their traceback, deaths and hangs noticed, nothing left."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import data
from minigrad.data import transforms

OTHERS: set[Any] = set()  # processes that tests before this one have left, in the same process


@pytest.fixture(autouse=True)
def before() -> None:
    OTHERS.update(multiprocessing.active_children())


def running() -> set[Any]:
    """The processes that this test has started and that are still there."""
    return set(multiprocessing.active_children()) - OTHERS


class Noisy(data.Dataset):
    """Cases with noise from the default generator."""

    def __init__(self, n: int = 23) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int) -> Any:
        return minigrad.tensor(float(i)) + minigrad.rand(2), i


class Does(data.Dataset):
    """Case 5 does something."""

    def __init__(self, what: Any) -> None:
        self.what = what

    def __len__(self) -> int:
        return 12

    def __getitem__(self, i: int) -> int:
        if i == 5:
            self.what()
        return i


class Count(data.IterableDataset):
    def __iter__(self) -> Any:
        info = data.get_worker_info()
        step, start = (info.num_workers, info.id) if info else (1, 0)
        yield from range(start, 10, step)


def epochs(workers: int, n: int = 2, **options: Any) -> list:
    minigrad.manual_seed(3)
    loader = data.DataLoader(Noisy(), 4, shuffle=True, num_workers=workers, **options)
    return [[(x.tolist(), i.tolist()) for x, i in loader] for _ in range(n)]


def test_the_same_batches_whatever_the_number_of_workers() -> None:
    alone = epochs(0)
    assert sorted(i for _, numbers in alone[0] for i in numbers) == list(range(23))
    assert alone[0] != alone[1]
    assert epochs(1) == alone
    assert epochs(3, prefetch_factor=1) == alone
    assert epochs(2, persistent_workers=True) == alone
    assert not running()


@pytest.mark.parametrize("method", [m for m in ("spawn", "forkserver") if m in multiprocessing.get_all_start_methods()])
def test_other_ways_to_start_workers(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data.workers, "PATIENCE", 60.0)  # a new process imports everything first, perhaps slowly
    alone = epochs(0)
    assert epochs(2, multiprocessing_context=method, persistent_workers=True) == alone
    assert epochs(2, n=1, multiprocessing_context=multiprocessing.get_context(method)) == alone[:1]
    with pytest.raises(KeyError, match="mine") as caught:
        list(data.DataLoader(Does(fail), 2, num_workers=2, multiprocessing_context=method))
    assert "in fail" in "".join(caught.value.__notes__)
    assert not [p for p in multiprocessing.active_children() if p.name.startswith("Process")]


class Augmented(Noisy):
    """Cases with a random transform, and numbers of every kind of random stream."""

    crop = transforms.RandomCrop(4, padding=2)

    def __getitem__(self, i: int) -> Any:
        return self.crop(minigrad.arange(64.0).reshape(1, 8, 8)), transforms.RandomHorizontalFlip()(minigrad.arange(3.0)[None])


def test_augmentation_is_the_same_whatever_the_number_of_workers() -> None:
    def batches(workers: int) -> list:
        minigrad.manual_seed(1)
        loader = data.DataLoader(Augmented(12), 3, shuffle=True, num_workers=workers)
        return [[x.tolist() for x in batch] for _ in range(2) for batch in loader]

    alone = batches(0)
    assert alone == batches(1) == batches(3)
    assert len({str(x) for x in alone}) == len(alone)


def test_other_random_streams_differ_between_workers_and_epochs() -> None:
    class Draws(Noisy):
        def __getitem__(self, i: int) -> tuple:
            return random.random(), np.random.rand()

    minigrad.manual_seed(1)
    drawn = [x for _ in range(2) for batch in data.DataLoader(Draws(8), 2, num_workers=2) for x in batch[0].tolist()]
    assert len(set(drawn)) == 16


def test_streams_are_shared_out() -> None:
    loader = data.DataLoader(Count(), 2, num_workers=2)
    assert [b.tolist() for b in loader] == [[0, 2], [1, 3], [4, 6], [5, 7], [8], [9]]
    assert data.get_worker_info() is None


def test_workers_know_themselves_and_are_seeded() -> None:
    class Who(data.Dataset):
        def __len__(self) -> int:
            return 4

        def __getitem__(self, i: int) -> tuple:
            info = data.get_worker_info()
            return info.id, info.num_workers, info.seed % 2**40, started[0]

    started: list = []
    rows = list(data.DataLoader(Who(), None, num_workers=2, worker_init_fn=lambda i: started.append(10 + i)))
    assert [row[0] for row in rows] == [0, 1, 0, 1]
    assert [row[3] for row in rows] == [10, 11, 10, 11]
    assert {row[1] for row in rows} == {2}
    assert rows[0][2] != rows[1][2]


def fail() -> None:
    raise KeyError("mine")


def test_an_error_comes_through_with_the_workers_traceback() -> None:
    with pytest.raises(KeyError, match="mine") as caught:
        list(data.DataLoader(Does(fail), 2, num_workers=2))
    note = "".join(caught.value.__notes__)
    assert "DataLoader worker 0, batch 2" in note
    assert "in fail" in note
    assert not running()


class Stubborn(Exception):
    """An exception that can be pickled, but not put together again."""

    def __init__(self, one: int, other: int) -> None:
        super().__init__(f"{one} and {other}")


def stubborn() -> None:
    raise Stubborn(1, 2)


def test_an_error_that_can_not_travel_is_told() -> None:
    with pytest.raises(RuntimeError, match="Stubborn: 1 and 2") as caught:
        list(data.DataLoader(Does(stubborn), 2, num_workers=2))
    assert "in stubborn" in "".join(caught.value.__notes__)


def test_a_batch_that_can_not_travel_is_told() -> None:
    with pytest.raises(Exception, match="pickle|get local object"):
        list(data.DataLoader(range(4), 2, num_workers=1, collate_fn=lambda cases: lambda: 0))  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{}, {"num_workers": 2}, {"num_workers": 1, "persistent_workers": True}])
def test_an_error_costs_one_batch(options: dict) -> None:
    def checked(cases: list[int]) -> list[int]:
        if 2 in cases:
            raise ValueError("two")
        return cases

    loader = data.DataLoader(range(8), 2, collate_fn=checked, **options)  # type: ignore[arg-type]
    for _ in range(2):
        batches = iter(loader)
        assert len(batches) == 4 and next(batches) == [0, 1]  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="two"):
            next(batches)
        assert list(batches) == [[4, 5], [6, 7]]


def test_a_stop_iteration_of_the_data_does_not_end_the_epoch() -> None:
    with pytest.raises(RuntimeError, match="raised StopIteration"):
        list(data.DataLoader(range(4), 2, collate_fn=lambda cases: next(iter(()))))  # type: ignore[arg-type]


def test_an_error_of_worker_init_fn_comes_through() -> None:
    def init(i: int) -> None:
        raise ValueError(f"no worker {i}")

    with pytest.raises(ValueError, match="no worker 0"):
        list(data.DataLoader(Noisy(), 2, num_workers=2, worker_init_fn=init))


@pytest.mark.parametrize(("how", "words"), [
    (lambda: os.kill(os.getpid(), signal.SIGKILL), "killed by signal 9"), (lambda: os._exit(3), "ended with exit code 3"),
])  # fmt: skip
def test_a_dead_worker_is_noticed(how: Any, words: str) -> None:
    begun = time.monotonic()
    with pytest.raises(RuntimeError, match=f"worker 0 .* exited unexpectedly: it (was )?{words}"):
        list(data.DataLoader(Does(how), 2, num_workers=2))
    assert time.monotonic() - begun < 5
    assert not running()


def test_a_hanging_worker_is_an_error_after_the_timeout() -> None:
    with pytest.raises(RuntimeError, match=r"(?s)timed out after 0.5 seconds: worker 0 has not given batch 2.*time.sleep"):
        list(data.DataLoader(Does(lambda: time.sleep(60)), 2, num_workers=2, timeout=0.5))
    assert not running()


def test_a_slow_worker_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data.workers, "PATIENCE", 0.3)
    with pytest.warns(RuntimeWarning, match=r"(?s)worker 0 has worked on batch 2 for .*time.sleep"):
        assert len(list(data.DataLoader(Does(lambda: time.sleep(1)), 2, num_workers=2))) == 6


def test_leaving_an_epoch_ends_the_workers() -> None:
    batches = iter(data.DataLoader(Noisy(), 2, num_workers=2))
    next(batches)
    assert len(running()) == 2
    batches.close()  # type: ignore[attr-defined]
    assert not running()


def alive(stat: Path) -> bool:
    """Whether the process with this file is there and no zombie."""
    try:
        return stat.read_text().split()[2] != "Z"
    except OSError:
        return False


def test_nothing_is_left_when_the_parent_is_killed() -> None:
    script = (
        "import time, multiprocessing\nfrom minigrad import data, zeros\n"
        "class Slow(data.Dataset):\n"
        "    def __len__(self): return 9\n"
        "    def __getitem__(self, i):\n        time.sleep(i)\n        return i\n"
        "it = iter(data.DataLoader(Slow(), 1, num_workers=2)); next(it)\n"
        "print(*(p.pid for p in multiprocessing.active_children()), flush=True)\ntime.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert len(pids) == 2
    for _ in range(100):
        left = [pid for pid in pids if alive(Path(f"/proc/{pid}/stat"))]
        if not left:
            break
        time.sleep(0.1)
    assert not left


@pytest.mark.parametrize("where", ["waiting", "between"])
def test_ctrl_c_ends_everything_at_once(where: str) -> None:
    """SIGINT to the whole group of processes, as a terminal sends it, while the loader waits or the user's code runs."""
    script = (
        "import signal, sys, time, multiprocessing\nfrom minigrad import data\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # which a test that runs in the background has not
        "class Slow(data.Dataset):\n"
        "    def __len__(self): return 9\n"
        "    def __getitem__(self, i):\n        time.sleep(30 * (i > 0 and sys.argv[1] == 'waiting'))\n        return i\n"
        "for _ in data.DataLoader(Slow(), 1, num_workers=2):\n"
        "    print(*(p.pid for p in multiprocessing.active_children()), flush=True)\n"
        "    time.sleep(30 * (sys.argv[1] == 'between'))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, where], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              start_new_session=True)  # fmt: skip
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    time.sleep(0.3)
    begun = time.monotonic()
    os.killpg(parent.pid, signal.SIGINT)
    _, errors = parent.communicate(timeout=10)
    assert time.monotonic() - begun < 5
    assert parent.returncode == -signal.SIGINT
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert errors.count("Traceback") == 1  # the parent's; workers keep quiet
    assert len(pids) == 2
    assert not [pid for pid in pids if alive(Path(f"/proc/{pid}/stat"))]


def test_options_that_need_workers() -> None:
    for options in (dict(prefetch_factor=2), dict(persistent_workers=True)):
        with pytest.raises(ValueError, match="need num_workers > 0"):
            data.DataLoader(Noisy(), **options)  # type: ignore[arg-type]


def test_kernels_take_what_comes_from_workers_as_any_other() -> None:
    """An array out of a pickle has a dtype that equals float32 but is not the same object."""
    (one,), (other,) = (list(data.DataLoader([np.linspace(0, 3, 40, dtype=np.float32)], 1, num_workers=n)) for n in (0, 1))  # type: ignore[arg-type]
    for f in (lambda x: x.log_softmax(1), lambda x: x @ x.T, lambda x: minigrad.nn.functional.layer_norm(x, (40,))):
        assert f(one).tolist() == f(other).tolist()
