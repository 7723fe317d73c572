"""Processes that save and are killed: run by tests/test_saving.py and counted by `python -m tests.reliability`.

`python -m tests.killing moments PATH N` kills N children that save over and over, at random moments. `lines PATH` kills a
saving child before every line that the writing of a file runs through. Both print the number of kills, or fail.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import minigrad
from minigrad.io import checkpoint, replace

SIZE = 50_000
FILES = {checkpoint.__file__, replace.__file__}


def save(n: int, path: str) -> None:
    minigrad.save({"n": n, "x": minigrad.full((SIZE,), float(n))}, path, keep_previous=True)


def number(path: str) -> int:
    """The number that a whole file holds."""
    found = minigrad.load(path)
    assert set(found["x"].tolist()) == {float(found["n"])}, f"{path} is torn"
    return found["n"]


def killed(work: Callable[[], Any], after: float | None = None) -> bool:
    """Run `work` in a forked process, killed `after` so many seconds if it was not before; whether it was killed."""
    child = os.fork()
    if not child:
        work()
        os._exit(0)
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def checked(path: str, least: int) -> int:
    """The number in the file, which must not have gone back, and nor may the file before it be torn or newer."""
    n = number(path)
    assert n >= least, f"{n} after {least}"
    if os.path.exists(f"{path}.previous"):
        assert number(f"{path}.previous") <= n
    return n


def at_random_moments(path: str, kills: int) -> int:
    """Kill `kills` children that save as fast as they can."""
    rng, n = random.Random(0), 0
    save(n, path)
    for _ in range(kills):

        def endlessly(first: int = n) -> None:
            for k in range(first + 1, sys.maxsize):
                save(k, path)

        assert killed(endlessly, rng.uniform(0, 0.03))
        n = checked(path, n)
    return kills


def at_every_line(path: str) -> int:
    """Kill a child before the k-th line of saving, for k = 1, 2 ... until a child gets to the end."""
    save(0, path)
    n = kills = 0
    while True:

        def traced(left: int = kills, n: int = n) -> None:
            def trace(frame: Any, event: str, argument: Any) -> Any:
                nonlocal left
                if frame.f_code.co_filename not in FILES:
                    return None
                if event == "line":
                    if left == 0:
                        os.kill(os.getpid(), signal.SIGKILL)
                    left -= 1
                return trace

            sys.settrace(trace)
            save(n + 1, path)

        if not killed(traced):
            return kills
        kills += 1
        found = checked(path, n)
        assert found - n in (0, 1)
        n = found


if __name__ == "__main__":
    what, path, *count = sys.argv[1:]
    kills = at_every_line(path) if what == "lines" else at_random_moments(path, int(count[0]))
    save(0, path)  # the next save finds nothing in its way, and leaves nothing behind
    name = os.path.basename(path)
    assert sorted(os.listdir(os.path.dirname(path))) == [name, f"{name}.previous"], os.listdir(os.path.dirname(path))
    print(kills)
