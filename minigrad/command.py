"""The small commands, `python -m minigrad.gallery` and its like: functions of texts."""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Callable


def command(main: Callable[..., None]) -> None:
    """Run a function as the command that this process is: its parameters are arguments that may be left out, and its
    docstring is the help. What is wrong with an argument or a file is said in a line, with exit status 2."""
    spec = sys.modules["__main__"].__spec__
    parser = argparse.ArgumentParser(f"python -m {spec.name}" if spec else None, description=main.__doc__)
    for name, parameter in inspect.signature(main).parameters.items():
        parser.add_argument(name, nargs="?", default=parameter.default, help="default: %(default)s")
    given = vars(parser.parse_args())
    try:
        main(**given)
    except (OSError, ValueError) as error:
        parser.error(str(error))
