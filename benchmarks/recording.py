"""What recording a training step of the demo's models costs: `python -m benchmarks.recording`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from tqdm import tqdm

import minigrad
from minigrad import data, nn, optim
from minigrad.demo import MODELS
from minigrad.trace import Program, record

from .machine import facts


def ways(make: Callable[[], nn.Module]) -> dict[str, Callable[[], Any]]:
    """The same step, with a batch of 32 digits, plain and recorded; and the numbers read that a recorded step holds."""
    minigrad.manual_seed(0)
    model, loss_of = make(), nn.CrossEntropyLoss(label_smoothing=0.1)
    optimizer = optim.AdamW(model.parameters(), lr=1e-3)
    x, target = (t[:32] for t in data.digits()[0].tensors)
    last: list[Program] = []

    def plain() -> None:
        loss = loss_of(model(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def recorded(statistics: bool) -> None:
        with record(x, target, statistics=statistics) as program:
            plain()
        last[:] = [program]

    def read() -> None:
        for variable in last[0].variables:
            assert variable.statistics is not None and variable.thumbnail is not None

    return {"plain": plain, "recorded": lambda: recorded(False), "statistics=True": lambda: recorded(True), "reading all": read}


def times(make: Callable[[], nn.Module], rounds: int) -> dict[str, list[float]]:
    """Processor times in milliseconds, the ways taking turns."""
    found: dict[str, list[float]] = {}
    steps = ways(make)
    for k in tqdm(range(rounds + 3), desc=make.__name__, leave=False):
        for name, step in steps.items():
            start = time.process_time()
            step()
            if k >= 3:
                found.setdefault(name, []).append((time.process_time() - start) * 1e3)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recording", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="steps of each kind (%(default)s)")
    rounds = parser.parse_args().rounds
    print(", ".join(f"{key} {value}" for key, value in facts().items() if value is not None))
    for name, make in MODELS.items():
        found = times(make, rounds)
        base = found["plain"]
        for way, ms in found.items():
            ratio = f"{median(ms) / median(base):.2f} of the plain step (least over least {min(ms) / min(base):.2f})"
            print(f"{name:4} {way:16} {median(ms):7.2f} ms  {ratio}")


if __name__ == "__main__":
    main()
