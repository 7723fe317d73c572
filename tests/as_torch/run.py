"""Running the scripts: under minigrad in this process, or under PyTorch in one of their own.

`python -m tests.as_torch.run` writes expected.json anew from PyTorch.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from minigrad import as_torch

FOLDER = Path(__file__).parent
SCRIPTS = sorted(path for path in (FOLDER / "scripts").glob("*.py") if path.stem != "start")
EXPECTED = FOLDER / "expected.json"
SHARED = "start"  # the module that scripts share


def parsed(output: str) -> list[float]:
    """The losses, from the last line that a script prints."""
    word, *numbers = output.strip().splitlines()[-1].split()
    assert word == "losses", output
    return [float(n) for n in numbers]


def under_minigrad(script: Path) -> list[float]:
    """The losses of a script, run in this process with minigrad as torch."""
    output = StringIO()
    with redirect_stdout(output):
        as_torch.run(script)
    sys.modules.pop(SHARED, None)
    return parsed(output.getvalue())


def under_torch(scripts: Sequence[Path]) -> dict[str, list[float]]:
    """The losses of scripts by their names, from PyTorch: all in one process, since importing it takes longer than most."""
    done = subprocess.run(
        [sys.executable, "-c", ONE_AFTER_ANOTHER, *map(str, scripts)], capture_output=True, text=True, check=True
    )
    outputs = done.stdout.split(BORDER)[1:]
    return {script.stem: parsed(output) for script, output in zip(scripts, outputs, strict=True)}


BORDER = "-- script --\n"
ONE_AFTER_ANOTHER = f"""
import os, runpy, sys, torch
for script in sys.argv[1:]:
    print({BORDER!r}, end="")
    sys.path.insert(0, os.path.dirname(script))
    sys.modules.pop({SHARED!r}, None)
    torch.set_default_dtype(torch.float32)
    runpy.run_path(script, run_name="__main__")
"""

if __name__ == "__main__":
    EXPECTED.write_text(json.dumps(under_torch(SCRIPTS), indent=1).replace("\n  ", " ").replace("\n ]", "]") + "\n")
