"""The command line: `python -m benchmarks --help`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .machine import cores, facts
from .measure import choose, measure
from .peers import PEERS
from .report import table, write
from .workloads import WORKLOADS


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Times training steps of minigrad and of other libraries side by side, in one run, taking turns.",
        epilog=f"Workloads: {', '.join(WORKLOADS)}. Peers: {', '.join(PEERS)}.",
    )
    parser.add_argument("--quick", action="store_true", help="5 short rounds in place of 15: a look, not a measurement")
    parser.add_argument("--only", nargs="+", metavar="WORKLOAD", choices=WORKLOADS, help="these workloads alone")
    parser.add_argument("--peers", nargs="*", metavar="PEER", help="compare with these (default: all installed)")
    parser.add_argument("--threads", type=int, default=cores(), help="threads of each library (%(default)s)")
    parser.add_argument("--device", default="cpu", help="where they compute (%(default)s); on others, only minigrad and torch")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks"), help="where results go (%(default)s)")
    return parser


def main() -> int:
    parser = arguments()
    args = parser.parse_args()
    if args.threads < 1:
        parser.error(f"--threads must be at least 1, got {args.threads}")
    try:
        peers = choose(args.peers)
    except ValueError as error:
        parser.error(str(error))
    for name, peer in PEERS.items():
        if args.peers is None and name not in peers:
            print(f"left out: {peer.trouble()}")
    if args.device != "cpu":
        peers = [name for name in peers if PEERS[name].own is None]
    rounds, seconds = (5, 0.1) if args.quick else (15, 0.3)
    machine = {**facts(), "threads": args.threads, "rounds": rounds, "seconds": seconds}
    print(", ".join(f"{key} {value}" for key, value in machine.items() if value is not None))
    print("ratio: time / minigrad's time, median of the rounds; above 1 minigrad is faster. memory: beyond the import")
    results = []
    for name in args.only or WORKLOADS:
        results.append(measure(WORKLOADS[name], peers, args.threads, rounds, seconds, args.device))
        print("\n" + table(results[-1]), flush=True)
    print("\nwritten:", *write(args.out, machine, results))
    found = [peer for result in results for peer in result["peers"].values()]
    return int(any("error" in peer or peer.get("agrees") is False for peer in found))


if __name__ == "__main__":
    sys.exit(main())
