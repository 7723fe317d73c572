"""DOT text to SVG, PNG or PDF: by the `dot` program, or by the Graphviz inside pygraphviz's wheel."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

FORMATS = ("svg", "png", "pdf", "dot", "mmd", "txt")
ALIASES = {"gv": "dot", "mermaid": "mmd", "text": "txt"}
MISSING = "no Graphviz found. Hint: pip install minigrad[viz], or install Graphviz so that `dot` is on the path"


class NoGraphviz(RuntimeError):
    """Neither the `dot` program nor pygraphviz is there."""


def rendered(dot: str, format: str) -> bytes:
    """The picture that DOT text describes. Raises NoGraphviz, or RuntimeError with Graphviz's own words."""
    if format == "dot":
        return dot.encode("utf-8", "replace")
    dpi = {"dpi": "144"} if format == "png" else {}
    if shutil.which("dot"):
        flags = [f"-G{name}={value}" for name, value in dpi.items()]
        done = subprocess.run(["dot", f"-T{format}", *flags], input=dot.encode(), capture_output=True, check=False)
        if done.returncode or not done.stdout:
            raise RuntimeError(f"draw: Graphviz failed: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout
    try:
        import pygraphviz  # noqa: PLC0415 (optional, and only for drawing)
    except ImportError:
        raise NoGraphviz(f"draw: {MISSING}") from None
    graph = pygraphviz.AGraph(string=dot)
    graph.graph_attr.update(dpi)
    try:
        return bytes(graph.draw(format=format, prog=graph.graph_attr.get("layout") or "dot"))
    except (ValueError, OSError) as error:
        raise RuntimeError(f"draw: Graphviz failed: {error}") from None
    finally:
        graph.close()


def format_of(path: Path, format: str | None) -> str:
    """The format asked for, or the one that the path's suffix says. Raises ValueError for any other."""
    wanted = (format or path.suffix.lstrip(".")).lower()
    wanted = ALIASES.get(wanted, wanted)
    if wanted not in FORMATS:
        given = f"format {format!r}" if format else f"suffix {path.suffix!r} of {str(path)!r}"
        raise ValueError(f"draw: expected one of {', '.join(FORMATS)}, got {given}. Hint: draw(y, 'graph.svg')")
    return wanted


def write(path: Path, data: bytes, who: str = "draw") -> None:
    """Write a file whole or not at all. Raises OSError that names the path."""
    if path.is_dir():
        raise IsADirectoryError(f"{who}: expected a file to write, got the folder {str(path)!r}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{who}: the folder of {str(path)!r} does not exist")
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
    except OSError as error:
        raise type(error)(f"{who}: can't write {str(path)!r}: {error.strerror}") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)
        os.replace(name, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(name)
        if isinstance(error, OSError):
            raise type(error)(f"{who}: can't write {str(path)!r}: {error.strerror}") from None
        raise


def svg_of(dot: str) -> str:
    """An SVG to embed in a page: without the XML header, sized in points."""
    text = rendered(dot, "svg").decode("utf-8")
    return re.sub(r"^.*?(?=<svg)", "", text, count=1, flags=re.DOTALL)
