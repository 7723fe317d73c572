"""Run a script written for PyTorch (and torchvision) on minigrad: `python -m minigrad.as_torch script.py [its arguments]`.

`python -m minigrad.as_torch --report script.py` reads the script without running it and lists what it needs and what is
missing. In a program, `with minigrad.as_torch.redirected():` makes every `import torch` inside find minigrad.
"""

from __future__ import annotations

import argparse
import importlib
import re
import runpy
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from .nn.functional import checks
from .ops.random import STREAMS, stream
from .torch_face.missing import nearest
from .torch_face.places import PLACES, home
from .torch_face.report import report


class Version(str):
    """PyTorch's version, ordered by its numbers: "2.13" is above "2.2", and both may be compared with a tuple."""

    __slots__ = ()

    @staticmethod
    def numbers(version: Any) -> tuple[int, ...]:
        """The first three numbers of a version, a string or a tuple; 0 for those that it leaves away."""
        found = re.findall(r"\d+", version.partition("+")[0]) if isinstance(version, str) else version
        return (*map(int, found[:3]), 0, 0, 0)[:3]

    def __lt__(self, other: Any) -> bool:
        return self.numbers(self) < self.numbers(other)

    def __le__(self, other: Any) -> bool:
        return self.numbers(self) <= self.numbers(other)

    def __gt__(self, other: Any) -> bool:
        return self.numbers(self) > self.numbers(other)

    def __ge__(self, other: Any) -> bool:
        return self.numbers(self) >= self.numbers(other)


VERSION = Version("2.13.0+minigrad")  # of the PyTorch whose names these are: scripts ask for it


class Redirect:
    """An entry of `sys.meta_path` that answers `import torch.x.y` with minigrad.x.y; torchvision likewise."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """The module's spec; None for other packages. Raises ModuleNotFoundError, naming the nearest, if there is none."""
        here = home(name)
        if here is None:
            return None
        try:
            module = importlib.import_module(here)
        except ModuleNotFoundError as error:
            if error.name != here:
                raise
            near = nearest(name, [place if place.startswith("torchvision") else f"torch.{place}" for place in PLACES if place])
            text = f"No module named {name!r} in minigrad" + (f". Nearest: {near}" if near else "")
            raise ModuleNotFoundError(text, name=name) from None
        return ModuleSpec(name, self, loader_state=(module, module.__spec__))  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return spec.loader_state[0]

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = module.__spec__.loader_state[1]  # type: ignore[union-attr]  # it keeps its own place and name


@contextmanager
def redirected() -> Iterator[None]:
    """A block in which `import torch` finds minigrad, whether PyTorch is installed or not.

    As in PyTorch, losses broadcast inside, with a warning; and `torch.__version__` is PyTorch's.
    """
    others = {name: sys.modules.pop(name) for name in list(sys.modules) if home(name)}
    top: Any = sys.modules[__package__]
    own = top.__version__
    finder = Redirect()
    sys.meta_path.insert(0, finder)  # type: ignore[arg-type]
    try:
        top.__version__ = top.version.__version__ = VERSION
        with checks.broadcasting():
            yield
    finally:
        top.__version__ = top.version.__version__ = own
        sys.meta_path.remove(finder)  # type: ignore[arg-type]
        for name in [name for name in sys.modules if home(name)]:
            del sys.modules[name]
        sys.modules.update(others)


def run(script: str | Path, arguments: Sequence[str] = (), numbers: str = "torch") -> dict[str, Any]:
    """Run a script as `python script.py arguments` would, with minigrad as torch; returns its global names.

    Random numbers are PyTorch's, so `torch.manual_seed(0)` gives the weights that it gives there; numbers="pcg64" is minigrad's
    own stream.
    """
    argv, path, before = sys.argv, sys.path[:], stream(numbers)
    sys.argv = [str(script), *arguments]
    sys.path.insert(0, str(Path(script).resolve().parent))
    try:
        with redirected():
            return runpy.run_path(str(script), run_name="__main__")
    finally:
        sys.argv, sys.path[:] = argv, path
        stream(before)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line. With --report 0 if nothing is missing, else 1."""
    parser = argparse.ArgumentParser("minigrad.as_torch", description="Run a PyTorch script on minigrad.")
    parser.add_argument("--report", action="store_true", help="list what the script needs and what is missing; don't run it")
    parser.add_argument("--random", choices=STREAMS, default="torch", help="whose random numbers: PyTorch's or minigrad's own")
    parser.add_argument("script", type=Path, help="the script")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="arguments of the script")
    given = parser.parse_args(argv)
    if not given.script.is_file():
        parser.error(f"there is no file {str(given.script)!r}")
    if given.report:
        text, missing = report(given.script)
        print(text)
        return int(missing > 0)
    run(given.script, given.arguments, given.random)
    return 0


if __name__ == "__main__":
    sys.exit(main())
