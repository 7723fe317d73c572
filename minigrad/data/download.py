"""Files from the network: taken up where a transfer broke off, checked, and in their place only when they are whole."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import importlib
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from tqdm import tqdm

from ..backends import DownloadError

CHUNK = 1 << 16
PAUSE = 0.5  # seconds before the second attempt at an address; twice as many before each further one
LIMIT = 1 << 32  # bytes beyond which no file is taken


def download(
    urls: str | Sequence[str], path: str | os.PathLike, *, md5: str | None = None, sha256: str | None = None,
    retries: int = 3, timeout: float = 30.0, progress: bool = True,
) -> Path:  # fmt: skip
    """Bring a file to `path` from the first of `urls` that gives it, unless it is there already; returns the path.

    It grows as `<path>.part`. What a broken transfer left there is not transferred again if the server can go on in the
    middle (HTTP Range) and a checksum (`md5` or `sha256`, in hexadecimal; the first digits will do) guards the whole. Each
    address gets 1 + `retries` attempts, with growing pauses; `timeout` is the longest silence in seconds. Two processes that
    want the same file take turns. Raises DownloadError, with the reason for each address and where to put the file by hand;
    ValueError for an address that is neither http nor https.
    """
    addresses, path = [urls] if isinstance(urls, str) else list(urls), Path(path)
    for url in addresses:
        if not url.lower().startswith(("http://", "https://")):
            raise ValueError(f"download: expected addresses that begin with http:// or https://, got {url!r}")
    if intact(path, md5, sha256):
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part, reasons = path.with_name(path.name + ".part"), []
    with alone(path.parent):
        if intact(path, md5, sha256):  # another process has just brought it
            return path
        for url in addresses:
            if not (md5 or sha256):
                part.unlink(missing_ok=True)  # it may be of another file
            try:
                fetch(url, part, retries, timeout, progress)
            except OSError as error:
                reasons.append(f"{url}: {getattr(error, 'reason', None) or error}")
                continue
            if intact(part, md5, sha256):
                os.replace(part, path)
                return path
            part.unlink()
            reasons.append(f"{url}: the checksum does not match, so the file there is damaged or another one")
    raise DownloadError(f"download: {path.name} could not be had.\n  " + "\n  ".join(reasons) +
                        f"\nHint: get it by other means and put it at {str(path)!r}")  # fmt: skip


def intact(path: Path, md5: str | None, sha256: str | None) -> bool:
    """Whether the file is there and has the checksums asked for."""
    wanted = {name: value.lower() for name, value in (("md5", md5), ("sha256", sha256)) if value}
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        for name, value in wanted.items():
            file.seek(0)
            digest = hashlib.file_digest(file, lambda name=name: hashlib.new(name, usedforsecurity=False))  # type: ignore[misc]
            if not digest.hexdigest().startswith(value):
                return False
    return True


def fetch(url: str, part: Path, retries: int, timeout: float, progress: bool) -> None:
    """Bring the whole file of `url` to `part`. Raises OSError when the last attempt has failed."""
    with open(part, "ab") as file:
        transfer = Transfer(url, file, timeout, progress)
        for attempt in range(retries + 1):
            if attempt:
                time.sleep(PAUSE * 2 ** (attempt - 1))
            try:
                transfer.attempt()
            except urllib.error.HTTPError as error:
                error.close()
                if attempt == retries or error.code < 500:
                    raise OSError(f"the server answers {error.code} {error.reason}") from None
            except http.client.HTTPException as error:
                if attempt == retries:
                    raise OSError(f"the server's answer makes no sense ({type(error).__name__})") from None
            except OSError:
                if attempt == retries:
                    raise
            else:
                file.flush()
                os.fsync(file.fileno())
                return


class Transfer:
    """What of `url` is in `file`, which is open to append, and of which version if the server tells."""

    def __init__(self, url: str, file: BinaryIO, timeout: float, progress: bool) -> None:
        self.url, self.file, self.timeout, self.progress = url, file, timeout, progress
        self.have, self.version = file.seek(0, os.SEEK_END), ""

    def attempt(self) -> None:
        """Append what is missing, or all if the server begins anew. Raises OSError if the transfer breaks off."""
        headers = {"User-Agent": "minigrad", "Accept-Encoding": "identity"}
        if self.have:
            headers |= {"Range": f"bytes={self.have}-", **({"If-Range": self.version} if self.version else {})}
        try:
            answer = urllib.request.urlopen(urllib.request.Request(self.url, headers=headers), timeout=self.timeout)
        except urllib.error.HTTPError as error:
            if error.code != 416:
                raise
            error.close()  # nothing lies behind what we have: it is whole, or of another file
            if error.headers.get("Content-Range", "") != f"bytes */{self.have}":
                self.empty()
                self.attempt()
            return
        with answer:
            self.take(answer)

    def empty(self) -> None:
        self.file.truncate(0)
        self.have, self.version = 0, ""

    def take(self, answer: Any) -> None:
        """Append the body of an answer."""
        begins, total = extent(answer)
        if begins not in (0, self.have):
            raise OSError("the server sends another part than the one asked for")
        if total is not None and total > LIMIT:
            raise OSError(f"the server announces {total} bytes, more than the {LIMIT} that are taken")
        if not begins:
            self.empty()
        self.version = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
        with tqdm(total=total, initial=self.have, desc=self.url.rpartition("/")[2], unit="B", unit_scale=True,
                  disable=not self.progress) as bar:  # fmt: skip
            while chunk := answer.read(CHUNK):
                if self.have + len(chunk) > LIMIT:
                    raise OSError(f"the server sends more than the {LIMIT} bytes that are taken")
                self.have += self.file.write(chunk)
                bar.update(len(chunk))
        if total is not None and self.have != total:
            raise OSError(f"the transfer broke off after {self.have} of {total} bytes")


def extent(answer: Any) -> tuple[int, int | None]:
    """Where in the file an answer begins, and the file's length if it says so."""
    if answer.status == 206:
        first, _, total = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        begins = first.partition("-")[0]
        if not begins.isdigit():
            raise OSError("the server sends a part of the file and does not say which")
        return int(begins), int(total) if total.isdigit() else None
    length = answer.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else None


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """A block that one process at a time is in, for each folder. (On Windows, which has no fcntl, it may be more.)"""
    try:
        fcntl: Any = importlib.import_module("fcntl")
    except ImportError:
        yield
        return
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)
