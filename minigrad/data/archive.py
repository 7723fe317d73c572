"""Unpacking archives that somebody else made: nothing leaves its folder, nothing but files is made, nothing swells."""

from __future__ import annotations

import gzip
import os
import secrets
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

LIMIT = 1 << 32  # bytes that an archive may unpack to, and
MEMBERS = 100_000  # files and folders in it
BITE = 1 << 20  # bytes in memory at a time
DAMAGES = (ValueError, tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile, OverflowError, FileExistsError,
           NotADirectoryError)  # fmt: skip


def extract(archive: str | os.PathLike, folder: str | os.PathLike, *, limit: int = LIMIT) -> list[Path]:
    """Unpack a tar archive, plain or gzipped, into `folder`; returns the paths of its top entries there.

    They appear when everything has been unpacked and found good, in the place of older ones of the same names; until then
    nothing changes. Raises ValueError, naming the member, for a path that is absolute, has "..", a backslash or a drive,
    or comes twice; for a link, a device or anything else that is neither a file nor a folder; for more than `limit` bytes
    in all; and for an archive that is damaged or broken off.
    """
    archive, folder = Path(archive), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / f".{archive.name}.{secrets.token_hex(6)}.tmp"
    place.mkdir()
    try:
        with open(archive, "rb") as file:
            unpack(file, place, limit)
        return [placed(entry, folder / entry.name) for entry in sorted(place.iterdir())]
    except DAMAGES as error:
        raise ValueError(f"extract: {str(archive)!r}: {error}") from None
    finally:
        shutil.rmtree(place, ignore_errors=True)


def unpack(file: BinaryIO, place: Path, limit: int) -> None:
    """Write every member of an open archive into the empty folder `place`."""
    zipped = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    plain = Metered(gzip.GzipFile(fileobj=file) if zipped else file, limit)
    seen: set[PurePosixPath] = set()
    with tarfile.open(fileobj=plain, mode="r:") as members:  # type: ignore[call-overload]
        for member in members:
            name = safe(member)
            if name in seen or len(seen) >= MEMBERS:
                raise ValueError(f"{member.name!r:.80} comes twice" if name in seen else f"more than {MEMBERS} members")
            seen.add(name)
            target = place / name
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            content, left = members.extractfile(member), member.size
            with open(target, "xb") as out:
                while left and (piece := content.read(min(left, BITE))):  # type: ignore[union-attr]
                    out.write(piece)
                    left -= len(piece)
            if left:
                raise ValueError(f"broken off in {member.name!r:.80}")
        plain.seek(members.offset)  # where tarfile stopped, be it at the end or at a header that it can't read
        if not (block := plain.read(512)):
            raise ValueError("broken off: the blocks that end an archive are missing")
        while block:  # up to gzip's checksum
            if any(block):
                raise ValueError(f"a damaged header at byte {members.offset}")
            block = plain.read(BITE)
    if not seen:
        raise ValueError("an empty archive")


def safe(member: tarfile.TarInfo) -> PurePosixPath:
    """The path of a member inside its folder. Raises ValueError if it would lead out of it, or is no file or folder."""
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or not name.parts or any(c in member.name for c in "\\:\0"):
        raise ValueError(f"refused, since the path {member.name!r:.80} may lead out of the folder")
    if not (member.isdir() or member.isreg()) or member.issparse():
        raise ValueError(f"refused, since {member.name!r:.80} is neither a plain file nor a folder")
    return name


def placed(entry: Path, target: Path) -> Path:
    """Move a finished entry to its place; what is there goes."""
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    os.replace(entry, target)
    return target


class Metered:
    """A file to read, up to `limit` bytes from its start and in no bites that only an attack would take."""

    def __init__(self, file: Any, limit: int) -> None:
        self.file, self.limit, self.tell = file, limit, file.tell

    def read(self, n: int) -> bytes:
        if n > BITE:
            raise ValueError(f"refused, since a header of {n} bytes is no header")
        found = self.file.read(n)
        self.check(self.file.tell())
        return found

    def seek(self, place: int) -> int:
        self.check(place)
        return self.file.seek(place)

    def check(self, place: int) -> None:
        if place > self.limit:
            raise ValueError(f"refused, since it unpacks to more than {self.limit} bytes")
