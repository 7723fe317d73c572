"""Same seed, same bits: in any process, whatever the hash seed, the number of threads or of loader workers."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

import minigrad
from minigrad.backends import determinism

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
