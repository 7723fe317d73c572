"""The figures of docs/reliability.md: `python -m tests.reliability` counts what was tried, and fails where it finds a fault."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from tqdm import tqdm

from .bad_values import CALLABLES, fault, tried
from .cases import CASES
from .test_bad_input import TABLE
from .test_damaged_files import CASES as FILES
from .test_damaged_files import tried as files_tried
from .test_determinism import ROOT

KILLS = 200


def killed(*arguments: str) -> int:
    """The kills that the checkpoints of `tests.killing` survived."""
    with tempfile.TemporaryDirectory() as folder:
        what, *more = arguments
        command = [sys.executable, "-m", "tests.killing", what, str(Path(folder, "f")), *more]
        return int(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout)


def bad_values() -> tuple[int, int, list[str]]:
    """Calls with a bad value, how many of them were refused, and what is wrong with the errors."""
    calls, refused, wrong = 0, 0, []
    with np.errstate(all="ignore"), tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):  # some write files
        for what in tqdm(CALLABLES, desc="bad values", unit="function"):
            for label, error in tried(what, 1):
                calls, refused = calls + 1, refused + (error is not None)
                if error is not None and (text := fault(error, what.names)):
                    wrong.append(f"{what.place}({label}): {text}")
    return calls, refused, wrong


def main() -> None:
    calls, refused, wrong = bad_values()
    files = files_tried(FILES)
    rows = [
        ("calls in the table of bad input", len(TABLE)),
        ("public functions, methods, classes and layers given bad values", len(CALLABLES)),
        ("calls with a bad value", calls),
        ("of these refused, with an error that names the function", refused - len(wrong)),
        ("errors that do not (must be 0)", len(wrong)),
        ("damaged checkpoints", sum(files.values())),
        ("of these refused", files["refused"]),
        ("kill -9 at random moments of saving, survived", killed("moments", str(KILLS))),
        ("kill -9 before each line of saving, survived", killed("lines")),
        ("cases whose float32 is compared with float64", len(CASES)),
    ]
    for text, count in rows:
        print(f"| {text} | {count:,} |")
    if wrong:
        raise SystemExit("\n".join(wrong))


if __name__ == "__main__":
    main()
