"""The command line: `python -m minigrad demo`, `python -m minigrad predict`, `python -m minigrad lab`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from . import __version__
from .demo import demo, predict
from .labs.lab import add_options
from .labs.runner import run


def whole(low: int) -> type:
    """An argument's type: an integer not below `low`."""

    def number(text: str) -> int:
        n = int(text)
        if n < low:
            raise argparse.ArgumentTypeError(f"expected an integer >= {low}, got {n}")
        return n

    number.__name__ = "int"
    return number  # type: ignore[return-value]


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser("python -m minigrad", description="minigrad: an autograd engine from scratch.")
    top.add_argument("--version", action="version", version=f"minigrad {__version__}")
    commands = top.add_subparsers(dest="command", metavar="command", required=True)
    p = commands.add_parser("demo", help="train an MLP and a CNN with batch norm on handwritten digits, and draw batch norm")
    p.add_argument("--seed", type=whole(0), default=0, help="seed of all random numbers (default: %(default)s)")
    p.add_argument("--epochs", type=whole(1), default=15, help="passes over the training digits (default: %(default)s)")
    p.add_argument("--out", type=Path, default=Path("runs/demo"), help="folder to write to (default: %(default)s)")
    p.add_argument("--quick", action="store_true", help="one epoch only, to see that all works")
    p.set_defaults(run=lambda a: demo(a.seed, a.epochs, a.out, a.quick))
    p = commands.add_parser("predict", help="show what a trained model makes of held-out digits")
    p.add_argument("--checkpoint", type=Path, default=Path("runs/demo/cnn.safetensors"), help="default: %(default)s")
    p.add_argument("--index", type=int, help="number of the held-out digit (default: the first few)")
    p.set_defaults(run=lambda a: predict(a.checkpoint, a.index))
    p = commands.add_parser("lab", help="measure what is claimed about batch norm: lists the labs, or runs some of them")
    p.add_argument("names", nargs="*", metavar="NAME", help="a lab's name or number, a section (A to G), or all")
    add_options(p)
    p.add_argument(
        "--jobs", type=whole(1), default=min(os.cpu_count() or 1, 4), help="how many at a time (default: %(default)s)"
    )
    p.add_argument("--resume", action="store_true", help="leave out those that are done, with the same options")
    p.set_defaults(run=lambda a: run(a.names, a))
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; 0 if it worked, 1 with one line on stderr if a file was missing or bad, 130 if interrupted."""
    arguments = parser().parse_args(argv)
    try:
        arguments.run(arguments)
    except KeyboardInterrupt:
        print("minigrad: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read our lines has left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (OSError, ValueError, RuntimeError) as error:
        print(f"minigrad: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
