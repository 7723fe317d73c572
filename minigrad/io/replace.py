"""Files that are replaced whole or not at all, whatever happens meanwhile."""

from __future__ import annotations

import glob
import importlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

fcntl: Any = importlib.import_module("fcntl") if os.name == "posix" else None


@contextmanager
def replacing(target: Path, keep_previous: bool = False) -> Iterator[BinaryIO]:
    """A file that takes the place of `target` at the block's end, and vanishes if the block fails.

    It is written beside the target, under a name of its own, reaches the disk, and is renamed. With `keep_previous` what
    it replaces becomes `target` + ".previous". A draft that a killed process left is removed by the next one: its lock
    tells that nobody writes it any more. Raises OSError that names the target; what was there before is unchanged then.
    """
    draft = None
    try:
        with alone_in(target.parent):
            sweep(target)
            draft = spare(target)
            file = os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666), "wb")
            lock(file.fileno())
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if fcntl is None:  # Windows renames no open file
                file.close()
            with alone_in(target.parent) as folder:
                if keep_previous:
                    keep(target)
                os.replace(draft, target)
                if folder is not None:
                    os.fsync(folder)  # the rename itself must reach the disk too
    except BaseException as error:
        if draft is not None:
            draft.unlink(missing_ok=True)
        if not isinstance(error, OSError) or error.errno is None:
            raise
        if not target.parent.is_dir():
            raise FileNotFoundError(f"save: there is no folder {str(target.parent)!r}. Hint: make it first") from None
        reason = os.strerror(error.errno)
        raise OSError(error.errno, f"save: {reason}; what was there before is unchanged", str(target)) from error


def spare(target: Path) -> Path:
    """A name beside the target that nobody has; short, so that a long name of the target leaves room for it."""
    return target.with_name(f".{target.name[:48]}.{secrets.token_hex(6)}.tmp")


def keep(target: Path) -> None:
    """Let `target` + ".previous" be what `target` is now. At no moment is either missing or half written."""
    link = spare(target)
    try:
        try:
            os.link(target, link)
        except FileNotFoundError:  # nothing to keep
            return
        except OSError:  # a file system without links
            shutil.copy2(target, link)
        os.replace(link, target.with_name(f"{target.name}.previous"))
    finally:
        link.unlink(missing_ok=True)  # renaming a file to another name of itself does nothing


def sweep(target: Path) -> None:
    """Remove the drafts that nobody has locked: their writers are gone."""
    if fcntl is None:
        return
    for path in target.parent.glob(f".{glob.escape(target.name[:48])}.*.tmp"):
        with suppress(OSError), open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def lock(descriptor: int) -> None:
    """Lock an open file, or wait until that is possible; not where the file system knows no locks."""
    if fcntl is not None:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)


@contextmanager
def alone_in(folder: Path) -> Iterator[int | None]:
    """A block during which no other save makes, renames or sweeps a draft in the folder; gives the open folder."""
    descriptor = None
    if fcntl is not None:
        with suppress(OSError):  # it is missing, or may not be read
            descriptor = os.open(folder, os.O_RDONLY)
            lock(descriptor)
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)
