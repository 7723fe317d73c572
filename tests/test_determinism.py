"""Same seed, same bits: in any process, whatever the hash seed, the number of threads or of loader workers."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import minigrad
from minigrad.backends import determinism, threads

from .steps import digest

ROOT = Path(minigrad.__file__).parents[1]


def elsewhere(workers: int, **settings: str) -> str:
    """The digest of a run in another process."""
    command = [sys.executable, "-m", "tests.steps", str(workers)]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **settings}, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


@pytest.fixture(autouse=True)
def settings() -> object:
    yield
    minigrad.use_deterministic_algorithms(False)


@pytest.mark.parametrize(
    ("workers", "threads", "hashing"),
    [(0, "1", "0"), (0, "2", "1"), (2, "1", "2"), (3, "2", "3")],
)
def test_same_bits_in_other_processes(workers: int, threads: str, hashing: str) -> None:
    want = digest(0)
    assert elsewhere(workers, OMP_NUM_THREADS=threads, OPENBLAS_NUM_THREADS=threads, PYTHONHASHSEED=hashing).strip() == want


def test_the_digest_depends_on_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the test above can fail."""
    want, seeded = digest(0), minigrad.manual_seed
    monkeypatch.setattr(minigrad, "manual_seed", lambda n: seeded(n + 1))
    assert digest(0) != want


def test_other_random_numbers_do_not_disturb_it() -> None:
    want = digest(0)
    random.seed(3)
    other = minigrad.Generator().manual_seed(9)
    minigrad.rand(100, generator=other)
    assert digest(0) == want


def test_generators_are_independent_and_can_be_restored() -> None:
    for device in ("cpu", minigrad.device("cpu"), "cuda", "cuda:1"):
        one, two = minigrad.Generator(device).manual_seed(1), minigrad.Generator().manual_seed(1)
        assert str(one.device) == str(minigrad.device(device))
        assert minigrad.rand(3, generator=one).tolist() == minigrad.rand(3, generator=two).tolist()
        state = one.get_state()
        expected = [minigrad.randn(2, generator=one).tolist(), minigrad.randperm(9, generator=one).tolist()]
        minigrad.rand(5)  # the default stream is another
        one.set_state(state)
        assert [minigrad.randn(2, generator=one).tolist(), minigrad.randperm(9, generator=one).tolist()] == expected
    with pytest.raises(RuntimeError, match="there is one cpu"):
        minigrad.Generator("cpu:7")


def test_use_deterministic_algorithms() -> None:
    assert not minigrad.are_deterministic_algorithms_enabled()
    determinism.in_no_order("index_add")  # nobody minds
    minigrad.use_deterministic_algorithms(True)
    assert minigrad.are_deterministic_algorithms_enabled()
    assert not minigrad.is_deterministic_algorithms_warn_only_enabled()
    with pytest.raises(RuntimeError, match="index_add: on this device it adds up in no fixed order.*Hint: device='cpu'"):
        determinism.in_no_order("index_add")
    minigrad.use_deterministic_algorithms(True, warn_only=True)
    assert minigrad.is_deterministic_algorithms_warn_only_enabled()
    with pytest.warns(UserWarning, match="index_add: on this device"):
        determinism.in_no_order("index_add")
    for bad in (None, 1, "yes"):
        with pytest.raises(TypeError, match="use_deterministic_algorithms: mode must be True or False"):
            minigrad.use_deterministic_algorithms(bad)
    assert minigrad.are_deterministic_algorithms_enabled()


@pytest.fixture
def several(monkeypatch: pytest.MonkeyPatch) -> threads.Pool:
    """Three threads that share work out, and an OpenBLAS that only seems to be there."""
    count = [2]
    pool = threads.Pool(lambda n: count.__setitem__(0, n), lambda: count[0])
    monkeypatch.setattr(threads, "get_num_threads", lambda: 3)
    monkeypatch.setattr(threads, "openblas", lambda: pool)
    return pool


def test_what_threads_share_comes_in_the_order_of_the_batch(several: threads.Pool) -> None:
    def slow_at_first(part: np.ndarray) -> int:
        time.sleep(0.02 * (6 - part[0]))
        return int(part[0])

    assert threads.shared_out(slow_at_first, np.arange(6)) == [0, 2, 4]


def test_sharing_from_two_threads_leaves_openblas_its_threads(several: threads.Pool) -> None:
    def share(pause: float) -> None:
        threads.shared_out(lambda part: time.sleep(pause), np.arange(6))

    others = [threading.Thread(target=share, args=(pause,)) for pause in (0.02, 0.05)]
    for other in others:
        other.start()
        time.sleep(0.01)
    for other in others:
        other.join()
    assert several.get() == 2
