"""What watching a training of the demo's models costs, at every=50: `python -m benchmarks.watching`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from tqdm import tqdm

import minigrad
from minigrad import data, nn, optim, viz
from minigrad.demo import MODELS

from .machine import facts


def ratios(make: Callable[[], nn.Module], rounds: int) -> list[float]:
    """Processor time of 100 watched steps over that of 100 plain ones, the two taking turns; batches of 32 digits, AdamW."""
    minigrad.manual_seed(0)
    model, loss_of = make(), nn.CrossEntropyLoss(label_smoothing=0.1)
    optimizer = optim.AdamW(model.parameters(), lr=1e-3)
    x, target = (t[:32] for t in data.digits()[0].tensors)

    def steps(seen: Any) -> float:
        start = time.process_time()
        for _ in range(100):
            loss = loss_of(model(x), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            number = loss.item()
            if seen is not None:
                seen.step(loss=number)
        return time.process_time() - start

    found = []
    with viz.watch(model, None, every=50) as seen:
        steps(None)
        steps(seen)
        for k in tqdm(range(rounds), desc=make.__name__, leave=False):
            order = (seen, None) if k % 2 else (None, seen)
            took = {one is not None: steps(one) for one in order}
            found.append(took[True] / took[False])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.watching", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="of 100 steps each way (default: %(default)s)")
    args = parser.parse_args()
    print(", ".join(f"{key} {value}" for key, value in facts().items() if value is not None))
    for name, make in MODELS.items():
        print(f"{name:>4}: watched / plain = {median(ratios(make, args.rounds)):.3f}, the median of {args.rounds}")


if __name__ == "__main__":
    main()
