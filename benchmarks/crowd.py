"""What a training step takes while a second training runs on the same processors: `python -m benchmarks.crowd`."""

from __future__ import annotations

import argparse
import os
import sys
from statistics import mean
from unittest.mock import patch

from tqdm import tqdm

from .machine import cores, facts
from .peers import PEERS
from .worker import Worker
from .workloads import WORKLOADS

# a name, the peer, and what the environment says of how its threads wait
WAYS: list[tuple[str, str, dict[str, str]]] = [
    ("minigrad", "minigrad", {}),
    ("minigrad, GOMP_SPINCOUNT=30000", "minigrad", {"GOMP_SPINCOUNT": "30000"}),
    ("minigrad, OMP_WAIT_POLICY=passive", "minigrad", {"OMP_WAIT_POLICY": "passive"}),
    ("PyTorch", "torch", {}),
    ("PyTorch, OMP_WAIT_POLICY=passive", "torch", {"OMP_WAIT_POLICY": "passive"}),
]


def times(workload: str, peer: str, waits: dict[str, str], threads: int, seconds: float) -> tuple[float, list[float]]:
    """Milliseconds a step, of one program alone, and of each of two at once."""
    with patch.dict(os.environ, waits):
        workers = [Worker(peer, workload, threads) for _ in range(2)]
    try:
        for worker in workers:
            worker.ask("build")
        once = min(workers[0].ask("round", 5) for _ in range(2)) / 5
        steps = max(1, round(seconds / once))
        alone = workers[0].ask("round", steps) / steps
        for worker in workers:
            worker.tell("round", steps)
        both = [worker.answer() / steps for worker in workers]
    finally:
        for worker in workers:
            worker.close()
    return alone * 1e3, [t * 1e3 for t in both]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crowd", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="WORKLOAD", choices=WORKLOADS, default=["mlp_mnist_sgd", "cnn_28"])
    parser.add_argument("--threads", type=int, default=cores(), help="threads of each program (%(default)s)")
    parser.add_argument("--seconds", type=float, default=3, help="about how long a round takes alone (%(default)s)")
    args = parser.parse_args()
    if args.threads < 1 or args.seconds <= 0:
        parser.error(f"--threads and --seconds must be positive, got {args.threads} and {args.seconds}")
    print(", ".join(f"{key} {value}" for key, value in facts().items() if value is not None))
    for workload in args.only:
        rows = []
        for name, peer, waits in tqdm(WAYS, desc=workload, leave=False):
            if trouble := PEERS[peer].trouble():
                rows.append(f"{name:36} {trouble}")
                continue
            alone, both = times(workload, peer, waits, args.threads, args.seconds)
            rows.append(f"{name:36} {alone:8.2f} {mean(both):8.2f}   {mean(both) / alone:5.1f} times")
        print(f"\n{WORKLOADS[workload].title}, {args.threads} threads: milliseconds a step, alone; and of two programs at once")
        print(*rows, sep="\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
