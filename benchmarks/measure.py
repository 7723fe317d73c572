"""Timing the workers of one workload in turn."""

from __future__ import annotations

import math
from statistics import median
from typing import Any

from .peers import PEERS
from .worker import Worker
from .workloads import Workload


def measure(
    workload: Workload, peers: list[str], threads: int, rounds: int, seconds: float, device: str = "cpu"
) -> dict[str, Any]:  # fmt: skip
    """Run a workload in `rounds` rounds of about `seconds` for each peer: times a step, memory, and ratios to minigrad.

    A peer that fails gets an "error", one that has no such workload, or is spared it, "missing" and why. In each round every
    peer has one turn, in changing order. The ratio is the median over the rounds of peer's time / minigrad's time.
    """
    spared = {name: dict(PEERS[name].without) for name in peers}
    workers = {name: Worker(name, workload.name, threads, device) for name in peers if workload.name not in spared[name]}
    found: dict[str, dict[str, Any]] = {
        name: {"missing": spared[name][workload.name]} for name in peers if name not in workers
    }  # fmt: skip
    try:
        for name, worker in workers.items():
            try:
                built = worker.ask("build")
                found[name] = built or {"missing": "no such workload"}
            except RuntimeError as error:
                found[name] = {"error": str(error)}
        running = {name: worker for name, worker in workers.items() if "results" in found[name]}
        steps = {}
        for name, worker in running.items():
            once = min(worker.ask("round", 3) for _ in range(2)) / 3
            steps[name] = max(1, math.ceil(seconds / once))
            found[name]["times"] = []
        for k in range(rounds):
            for name in list(running)[:: 1 if k % 2 == 0 else -1]:
                found[name]["times"].append(running[name].ask("round", steps[name]) / steps[name])
        for name, worker in running.items():
            found[name]["memory"] = worker.ask("memory")
    finally:
        for worker in workers.values():
            worker.close()
    summarize(found, workload)
    return {"workload": workload.name, "title": workload.title, "unit": workload.unit, "peers": found}


def summarize(found: dict[str, dict[str, Any]], workload: Workload) -> None:
    """Add to each peer's results the median and least time, and both in units of minigrad's."""
    own = found.get("minigrad", {})
    for name, result in found.items():
        if "times" not in result:
            continue
        result["times"] = [t / workload.parts for t in result["times"]]
        result["median"], result["least"] = median(result["times"]), min(result["times"])
        if "times" not in own or name == "minigrad":
            continue
        result["ratio"] = median(t / o for t, o in zip(result["times"], own["times"], strict=True))
        result["ratio_least"] = result["least"] / own["least"]
        pairs = zip(result["results"], own["results"], strict=True)
        result["agrees"] = all(math.isclose(a, b, rel_tol=1e-3, abs_tol=1e-6) for a, b in pairs)


def choose(peers: list[str] | None) -> list[str]:
    """The peers asked for, or all that can run here; minigrad first. Raises ValueError for one that can't, and says why."""
    names = list(PEERS) if peers is None else list(dict.fromkeys(["minigrad", *peers]))
    unknown = [name for name in names if name not in PEERS]
    if unknown:
        raise ValueError(f"no peer {unknown[0]!r}; known are {', '.join(PEERS)}")
    troubles = {name: trouble for name in names if (trouble := PEERS[name].trouble())}
    if peers is not None and troubles:
        raise ValueError(next(iter(troubles.values())))
    return [name for name in names if name not in troubles]
