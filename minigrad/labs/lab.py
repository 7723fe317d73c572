"""A lab: its options, what it measures with, and what it leaves behind."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from tqdm import tqdm

from ..backends import backend_for
from ..diagnose.measure import spread, sweep
from ..ops.functions import manual_seed
from ..viz.render import write
from .images import DATA, place
from .pictures import drawn
from .report import beyond_chance, check_report, judged, machine, plain, sentence, short, words

Item = TypeVar("Item")
OUT = Path("runs/labs")
LEFT_OUT = 3  # the exit status of a lab that needs a package that is not there


def seeds_of(text: str) -> list[int]:
    """The seeds that an argument asks for: `5` is 0 to 4, `3,8` these two (`3,` the one)."""
    try:
        numbers = [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number of seeds, or seeds with commas, got {text!r}") from None
    if "," not in text and len(numbers) == 1:
        if not 1 <= numbers[0] <= 1000:
            raise argparse.ArgumentTypeError(f"expected 1 to 1000 seeds, got {numbers[0]}")
        return list(range(numbers[0]))
    if not numbers or len(set(numbers)) < len(numbers) or not all(0 <= n < 2**32 for n in numbers):
        raise argparse.ArgumentTypeError(f"expected different seeds from 0 to {2**32 - 1}, got {text!r}")
    return numbers


def device_of(text: str) -> str:
    """The name of a device, once it is sure that it is there."""
    try:
        return str(backend_for(text).device)
    except (ValueError, RuntimeError) as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that all labs have."""
    parser.add_argument("--quick", action="store_true", help="smaller sizes and fewer seeds, in seconds")
    parser.add_argument("--seeds", type=seeds_of, help="how many seeds, or which (`3,8`); the default is the lab's")
    parser.add_argument("--data", default="digits", help=f"{', '.join(DATA)} or NAME:FOLDER (default: %(default)s)")
    parser.add_argument("--device", type=device_of, default="cpu", help="where to compute (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=OUT, help="folder to write to (default: %(default)s)")


class Run:
    """One run of a lab: its options as attributes, and what it measures with.

    name, quick, data, device, out   as given
    seeds                            the list of seeds
    extra                            {name: whether it was given} of the lab's own switches
    """

    def __init__(
        self, path: Path, quick: bool, seeds: list[int], data: str, device: str, out: Path, extra: dict[str, bool] | None = None
    ) -> None:
        self.path, self.words = path, words(path)
        self.name = self.words.name
        self.quick, self.seeds, self.data, self.device, self.out = quick, seeds, data, device, out
        self.extra = extra or {}
        self.measurements: dict[str, Any] = {}
        self.tables: list[dict] = []
        self.findings: list[dict] = []
        self.picture: str | None = None
        self.start = time.perf_counter()

    @property
    def settings(self) -> dict[str, Any]:
        return {"quick": self.quick, "seeds": self.seeds, "data": self.data, "device": self.device}

    @property
    def cells(self) -> Path:
        """Where a sweep keeps its finished cells until the lab has ended."""
        return self.out / f"{self.name}.cells.jsonl"

    def pick(self, full: Item, quick: Item) -> Item:
        """The full value, or with --quick the other."""
        return quick if self.quick else full

    def bar(self, items: Iterable[Item], what: str = "") -> Iterable[Item]:
        """The items, with a progress bar."""
        return tqdm(items, desc=f"{self.name} {what}".strip(), dynamic_ncols=True, mininterval=0.3, leave=False)

    def sweep(self, cell: Callable[..., Any], **axes: Iterable) -> list[dict[str, Any]]:
        """`cell(**values)` for every combination of the axes, with a progress bar, as `diagnose.measure.sweep` does it.

        Each cell starts from `manual_seed(seed)` if there is an axis `seed`. Finished cells are kept in the folder --out until
        the lab has ended, so that an interrupted run goes on where it stopped, unless the lab's file or its options changed.
        """
        code = self.path.read_bytes() + json.dumps([self.quick, self.data, self.device, self.extra]).encode()
        key = f"{cell.__name__} {hashlib.sha256(code).hexdigest()[:16]}"

        def seeded(**values: Any) -> Any:
            if "seed" in values:
                manual_seed(values["seed"])
            return plain(cell(**values))

        return sweep(seeded, {name: list(values) for name, values in axes.items()}, self.cells, key, self.name)

    def keep(self, **measured: Any) -> None:
        """Enter measurements into the report by name: numbers, tensors, arrays, lists and dicts of them."""
        self.measurements |= {name: plain(value) for name, value in measured.items()}

    def table(self, columns: Sequence[str], rows: Iterable[Sequence], title: str = "", featured: bool = False) -> None:
        """Print a table and enter it into the report. A `featured` one also stands at the top of the page of all labs."""
        kept = [[plain(x) for x in row] for row in rows]
        self.tables.append({"title": title, "columns": list(columns), "rows": kept, "featured": featured})
        lines = [list(columns), *([short(x) for x in row] for row in kept)]
        widths = [max(len(line[k]) for line in lines) for k in range(len(columns))]
        print("\n" + (title or self.words.title))
        for line in lines:
            print("  " + "  ".join(f"{text:{'<' if k == 0 else '>'}{widths[k]}}" for k, text in enumerate(line)))

    def check(self, statement: str, holds: Any, under: str = "", **numbers: Any) -> None:
        """Enter a finding: whether a part of the claim holds, and the numbers that it was decided by.

        `under` is the condition it was measured under: a statement that holds under one only makes the verdict
        `depends`. Give `holds` as a comparison of what was measured.
        """
        self.findings.append({"statement": statement, "under": under, "holds": bool(holds), "numbers": plain(numbers)})

    def ahead(self, statement: str, under: str = "", by: float = 0.0, **measured: Sequence[float | None]) -> None:
        """Enter a finding: that the first of two quantities exceeds the second by more than `by`, beyond chance.

        measured   the two, by name, each as measured for every seed in turn; None for a number that was not finite, which
                   counts for neither. They are compared seed by seed.
        It holds if the medians say so, and so many of the seeds that fair coins would do it in less than one case of twenty
        (the sign test: all of five, nine of ten). Fewer than five seeds can't be sure, and all have to say so.
        Raises ValueError unless there are two quantities of as many numbers.
        """
        first, second = measured.values()
        apart = [None if a is None or b is None else a - b for a, b in zip(first, second, strict=True)]
        agree = sum(d is not None and d > by for d in apart)
        middle = {name: spread(values)["median"] for name, values in measured.items()}
        high, low = middle.values()
        told = high is not None and low is not None and high - low > by
        self.check(statement, told and beyond_chance(agree, len(apart)), under, **middle, seeds_that_agree=agree, of=len(apart))

    def draw(self, draw: Callable, rows: int = 1, columns: int = 1, size: tuple[float, float] | None = None) -> None:
        """Save the lab's one picture, drawn by `draw(*axes)`; without matplotlib a line says what to install."""
        self.out.mkdir(parents=True, exist_ok=True)
        if drawn(self.out / f"{self.name}.png", draw, rows, columns, size, self.words.title):
            self.picture = f"{self.name}.png"

    def report(self) -> dict[str, Any]:
        """Everything, as `check_report` describes it."""
        verdict, said = judged(self.findings), self.words._asdict()
        return {
            "schema": 1, **said, "settings": self.settings, "measurements": self.measurements, "tables": self.tables,
            "findings": self.findings, "verdict": verdict, "sentence": f"{verdict}: {sentence(self.findings)}",
            "picture": self.picture, "seconds": round(time.perf_counter() - self.start, 3), "machine": machine(),
        }  # fmt: skip

    def finish(self) -> dict[str, Any]:
        """Judge, print the verdict and save the report."""
        report = self.report()
        check_report(report)
        self.out.mkdir(parents=True, exist_ok=True)
        path = self.out / f"{self.name}.json"
        write(path, json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False).encode("utf-8"), "lab")
        self.cells.unlink(missing_ok=True)
        print(f"\n{report['sentence']}\nwrote {path}" + (f" and {self.picture}" if self.picture else ""))
        return report


def main(
    measure: Callable[[Run], None], seeds: int = 5, quick_seeds: int = 2, extra: Mapping[str, str] | None = None,
    argv: Sequence[str] | None = None,
) -> None:  # fmt: skip
    """Run the lab whose function `measure(run)` is, with the options of the command line.

    `seeds` and `quick_seeds` are how many it takes by default; `extra` {name: help} are switches of its own. Ends the process
    with 2 for bad options, with 1 and one line on stderr for missing data, with 3 if a package is missing, and with 130 if
    interrupted, which keeps the finished cells of a sweep.
    """
    path = Path(measure.__code__.co_filename)
    said = words(path)
    parser = argparse.ArgumentParser(path.name, description=f"{said.title}. Claim: {said.claim}".replace("%", "%%"))
    add_options(parser)
    for name, text in (extra or {}).items():
        parser.add_argument(f"--{name}", action="store_true", help=text)
    options = parser.parse_args(argv)
    asked = options.seeds or list(range(quick_seeds if options.quick else seeds))
    try:
        place(options.data)
        switches = {name: getattr(options, name.replace("-", "_")) for name in extra or ()}
        run = Run(path, options.quick, asked, options.data, options.device, options.out, switches)
        manual_seed(asked[0])
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # that a net diverges is a measurement
            measure(run)
        run.finish()
    except KeyboardInterrupt:
        print(f"{said.name}: interrupted; finished cells are kept, the same command goes on from there", file=sys.stderr)
        sys.exit(130)
    except (OSError, ValueError) as error:
        where = f" (writing to {options.out})" if isinstance(error, OSError) and error.errno and not error.filename else ""
        print(f"{said.name}: {error}{where}", file=sys.stderr)
        sys.exit(1)
    except ImportError as error:
        print(f"{said.name}: {error}", file=sys.stderr)
        sys.exit(LEFT_OUT)
