"""Memory of training steps: its peak beside other libraries', and whether it stays flat: `python -m benchmarks.memory`."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from tqdm import tqdm

from .machine import cores, facts
from .measure import choose
from .worker import Worker
from .workloads import WORKLOADS

CHOSEN = ("mlp_sgd", "mlp_mnist_adam", "cnn_digits", "cnn_28", "gpt")
PEAK_STEPS = 20  # the same batch each time: the peak is that of any one of them
PARTS = 5  # of a run; the first of them is the warm-up
ALLOWED = 64 / 2**10  # MiB in 1,000 steps: a few pages
LOOSE = 50  # objects more or less over a run: what Python itself caches


def peak(name: str, peer: str, threads: int) -> dict[str, float] | None:
    """The most memory of a step in MiB beyond what importing the library took, and how much of what stays is data, not code.

    None if the peer has no such workload, or the system doesn't say.
    """
    worker = Worker(peer, name, threads)
    try:
        built = worker.ask("build")
        if not built or built["memory_before"] is None:
            return None
        worker.ask("round", PEAK_STEPS)
        return {
            "peak": worker.ask("memory") - built["memory_before"],
            "data": worker.ask("held")["data"] - built["data_before"],
        }
    finally:
        worker.close()


def flatness(name: str, steps: int, threads: int, collector: bool) -> list[dict[str, float]]:
    """What minigrad holds after each fifth of `steps` steps, Python's collector of cycles on or off."""
    worker, found = Worker("minigrad", name, threads), []
    try:
        worker.ask("build")
        worker.ask("collector", collector)
        worker.ask("held")  # counting has caches of its own
        with tqdm(total=steps, desc=f"{name}, collector {'on' if collector else 'off'}", leave=False) as bar:
            for _ in range(PARTS):
                for _ in range(10):
                    worker.ask("round", steps // PARTS // 10)
                    bar.update(steps // PARTS // 10)
                found.append(worker.ask("held"))
    finally:
        worker.close()
    return found


def growth(found: list[dict[str, float]], steps: int) -> tuple[float, float]:
    """From the end of the first fifth to that of the last: MiB in 1,000 steps, and objects over all of them."""
    first, last = found[0], found[-1]
    return (last["memory"] - first["memory"]) / (steps * (PARTS - 1) / PARTS) * 1000, last["objects"] - first["objects"]


def flat(found: list[dict[str, float]], steps: int) -> bool:
    """Whether memory grows by no more than a few pages in 1,000 steps, and objects do not pile up."""
    memory, objects = growth(found, steps)
    return memory <= ALLOWED and objects <= LOOSE


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--steps", type=int, default=5000, help="how many steps memory must stay flat for (%(default)s)")
    parser.add_argument("--peers", nargs="*", default=["torch"], metavar="PEER", help="peaks beside these (default: torch)")
    parser.add_argument("--only", nargs="+", metavar="WORKLOAD", choices=WORKLOADS, default=CHOSEN, help="these workloads")
    parser.add_argument("--threads", type=int, default=cores(), help="threads of each library (%(default)s)")
    args = parser.parse_args(arguments)
    if args.steps < 10 * PARTS:
        parser.error(f"--steps must be at least {10 * PARTS}, got {args.steps}")
    try:
        peers = choose(args.peers)
    except ValueError as error:
        parser.error(str(error))
    print(", ".join(f"{key} {value}" for key, value in {**facts(), "threads": args.threads}.items() if value is not None))
    print(f"peak: MiB of {PEAK_STEPS} steps beyond the import; data: what stays of it that is no code of a library")
    bad = 0
    for name in args.only:
        print(f"\n{name}: {WORKLOADS[name].title}")
        for peer in peers:
            print(f"  {peer:12} {said(peak(name, peer, args.threads))}", flush=True)
        for collector in (True, False):
            found = flatness(name, args.steps, args.threads, collector)
            if found[0]["memory"] is None:
                print("  this system doesn't say how much memory a process holds")
                return 2
            bad += not flat(found, args.steps)
            print(f"  collector {'on ' if collector else 'off'} {trend(found, args.steps)}", flush=True)
    print(f"\n{'flat' if not bad else f'{bad} runs are not flat'}: no more than {ALLOWED * 1024:.0f} KiB in 1,000 steps")
    return int(bad > 0)


def said(found: dict[str, float] | None) -> str:
    return "no such workload" if found is None else f"peak {found['peak']:6.1f} MiB, data {found['data']:6.1f} MiB"


def trend(found: list[dict[str, Any]], steps: int) -> str:
    """A run in words: what was held early and late, and what that comes to."""
    memory, objects = growth(found, steps)
    early, late = found[0]["memory"], found[-1]["memory"]
    word = "flat" if flat(found, steps) else "GROWS"
    return (f"after {steps // PARTS} steps {early:.2f} MiB, after {steps} {late:.2f} MiB: "
            f"{memory * 1024:+.0f} KiB in 1,000 steps, {objects:+.0f} objects: {word}")  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
