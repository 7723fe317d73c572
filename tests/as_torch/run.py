"""Running the scripts: `losses(path)` under minigrad, or under PyTorch in a process of its own.

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
    """The losses of scripts by their names, from PyTorch."""
    found = {}
    for script in scripts:
        done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
        found[script.stem] = parsed(done.stdout)
    return found


if __name__ == "__main__":
    EXPECTED.write_text(json.dumps(under_torch(SCRIPTS), indent=1).replace("\n  ", " ").replace("\n ]", "]") + "\n")
