"""The measurements as a table, as JSON and as a picture."""

from __future__ import annotations

import importlib
import importlib.util
import json
from pathlib import Path
from typing import Any

UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"))
HEAD = ("", "median", "least", "ratio", "of least", "memory")
WIDTHS = (14, 10, 10, 8, 9, 10)


def duration(seconds: float) -> str:
    """Three digits and a unit."""
    size, unit = next((u for u in UNITS if seconds >= u[0]), UNITS[-1])
    return f"{seconds / size:.3g} {unit}"


def table(result: dict[str, Any]) -> str:
    """A workload's lines: for each peer the time of a step, its ratio to minigrad's, and memory beyond the import."""
    lines = [f"{result['title']}  (time of one {result['unit']})", row(HEAD)]
    for name, peer in result["peers"].items():
        if "times" not in peer:
            lines.append(f"{name:{WIDTHS[0]}}{peer.get('error') or peer['missing']}")
            continue
        ratios = [f"{peer[key]:.2f} x" if key in peer else "" for key in ("ratio", "ratio_least")]
        memory = "" if peer["memory"] is None else f"{peer['memory'] - peer['memory_before']:.0f} MiB"
        lines.append(row((name, duration(peer["median"]), duration(peer["least"]), *ratios, memory)))
        if not peer.get("agrees", True):
            lines.append(f"{'':{WIDTHS[0]}}does not compute the same numbers as minigrad: the ratio means nothing")
    return "\n".join(lines)


def row(cells: tuple[str, ...]) -> str:
    first, *rest = cells
    return f"{first:{WIDTHS[0]}}" + "".join(f"{cell:>{width}}" for cell, width in zip(rest, WIDTHS[1:], strict=True))


def write(folder: Path, facts: dict[str, Any], results: list[dict[str, Any]]) -> list[Path]:
    """Write results.json, and results.png if matplotlib is installed; returns what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "results.json"
    path.write_text(json.dumps({"machine": facts, "results": results}, indent=1) + "\n")
    written = [path]
    if importlib.util.find_spec("matplotlib"):
        written.append(draw(folder / "results.png", facts, results))
    return written


def draw(path: Path, facts: dict[str, Any], results: list[dict[str, Any]]) -> Path:
    """A bar for each peer and workload: its time in units of minigrad's; every round a dot."""
    figure_module = importlib.import_module("matplotlib.figure")
    shown = [r for r in results if "times" in r["peers"].get("minigrad", {})]
    names = [n for n in dict.fromkeys(n for r in shown for n in r["peers"]) if n != "minigrad"]
    figure = figure_module.Figure(figsize=(8, 1.2 + 0.6 * len(shown) * max(len(names), 1)), layout="constrained")
    axes = figure.subplots()
    height = 0.8 / max(len(names), 1)
    for k, name in enumerate(names):
        for i, result in enumerate(shown):
            peer = result["peers"].get(name, {})
            if "ratio" not in peer:
                continue
            own = result["peers"]["minigrad"]["times"]
            ratios = [t / o for t, o in zip(peer["times"], own, strict=True)]
            at = i + (k - (len(names) - 1) / 2) * height
            axes.barh(at, peer["ratio"], height * 0.9, color=f"C{k}", label=name if i == 0 else None)
            axes.plot(ratios, [at] * len(ratios), ".", color="black", alpha=0.4, markersize=4)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_yticks(range(len(shown)), [r["workload"] for r in shown])
    axes.invert_yaxis()
    axes.set_xlabel("time / minigrad's time (beyond 1: minigrad is faster)")
    axes.set_title(f"{facts['processor']}, {facts['threads']} thread{'s' if facts['threads'] > 1 else ''}", fontsize=9)
    if names:
        axes.legend(loc="best")
    figure.savefig(path, dpi=150)
    return path
