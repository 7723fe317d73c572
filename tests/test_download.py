"""Downloads from a server on this machine that breaks off, starts anew, lies or is silent; archives that mean harm."""

from __future__ import annotations

import gzip
import hashlib
import io
import multiprocessing
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minigrad.data import archive, download
from minigrad.data.archive import extract
from minigrad.data.download import download as get

CONTENT = np.random.default_rng(0).bytes(300_000)
MD5, SHA = hashlib.md5(CONTENT).hexdigest(), hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `files`; `ranges` says whether it can begin in the middle, `cuts` after how many bytes each answer breaks off."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {"/file.bin": CONTENT}
        self.ranges, self.cuts, self.asked, self.sent = True, [], [], 0  # type: ignore[var-annotated]
        self.statuses: list[int] = []
        self.etag, self.silent, self.shift = '"1"', False, 0
        self.later: tuple[bytes, str] | None = None  # what the file and its version become after the first answer

    def url(self, name: str = "file.bin") -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, wanted = self.server, self.headers.get("Range")
        server.asked.append(wanted)
        if server.silent:
            threading.Event().wait(3)
            return
        if server.statuses and (status := server.statuses.pop(0)) != 200:
            self.send_error(status)
            return
        content = server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and server.ranges else 0
        if self.headers.get("If-Range", server.etag) != server.etag:
            start = 0
        if start and start >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.end_headers()
            return
        body = content[start:]
        self.send_response(206 if start else 200)
        if start:
            first = start + server.shift
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", server.etag)
        self.end_headers()
        body = body[: server.cuts.pop(0)] if server.cuts else body
        server.sent += len(body)
        self.wfile.write(body)
        if server.later:
            server.files[self.path], server.etag = server.later

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(download, "PAUSE", 0.01)
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def only(folder: Path, *names: str) -> bool:
    return sorted(path.name for path in folder.iterdir()) == sorted(names)


def test_a_file_comes_whole_and_once(server: Server, tmp_path: Path) -> None:
    path = get(server.url(), tmp_path / "deep" / "x.bin", md5=MD5, sha256=SHA, progress=False)
    assert path.read_bytes() == CONTENT
    assert only(path.parent, "x.bin")
    get(server.url(), path, md5=MD5.upper(), progress=False)
    assert len(server.asked) == 1  # what is there is not asked for again
    path.write_bytes(b"damaged")
    assert get(server.url(), path, md5=MD5, progress=False).read_bytes() == CONTENT


def test_it_goes_on_where_a_transfer_broke_off(server: Server, tmp_path: Path) -> None:
    server.cuts = [100_000, 50_000]
    assert get(server.url(), tmp_path / "x", md5=MD5, progress=False).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=100000-", "bytes=150000-"]
    assert server.sent == len(CONTENT)


def test_a_later_call_goes_on_too(server: Server, tmp_path: Path) -> None:
    server.cuts = [100_000]
    with pytest.raises(RuntimeError, match="broke off after 100000 of 300000 bytes"):
        get(server.url(), tmp_path / "x", md5=MD5, retries=0, progress=False)
    assert only(tmp_path, "x.part")
    assert get(server.url(), tmp_path / "x", md5=MD5, progress=False).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=100000-"]
    assert only(tmp_path, "x")


def test_without_a_checksum_nothing_of_an_earlier_call_is_trusted(server: Server, tmp_path: Path) -> None:
    (tmp_path / "x.part").write_bytes(b"something else")
    assert get(server.url(), tmp_path / "x", progress=False).read_bytes() == CONTENT
    assert server.asked == [None]


def test_a_server_that_always_begins_anew(server: Server, tmp_path: Path) -> None:
    server.ranges, server.cuts = False, [100_000, 200_000]
    assert get(server.url(), tmp_path / "x", md5=MD5, progress=False).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=100000-", "bytes=200000-"]


def test_a_file_that_changes_meanwhile_is_begun_anew(server: Server, tmp_path: Path) -> None:
    server.cuts, server.later = [100_000], (CONTENT[::-1], '"2"')
    assert get(server.url(), tmp_path / "x", progress=False).read_bytes() == CONTENT[::-1]
    assert server.asked == [None, "bytes=100000-"]


def test_a_part_that_is_whole_or_too_long(server: Server, tmp_path: Path) -> None:
    (tmp_path / "x.part").write_bytes(CONTENT)
    assert get(server.url(), tmp_path / "x", md5=MD5, progress=False).read_bytes() == CONTENT
    (tmp_path / "y.part").write_bytes(CONTENT + b"more")
    assert get(server.url(), tmp_path / "y", md5=MD5, progress=False).read_bytes() == CONTENT


def test_a_wrong_checksum_leaves_nothing(server: Server, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"(?s)x could not be had.*the checksum does not match.*put it at '.*x'") as caught:
        get(server.url(), tmp_path / "x", md5="0" * 32, progress=False)
    assert isinstance(caught.value, OSError)
    assert only(tmp_path)


def test_a_damaged_start_is_replaced(server: Server, tmp_path: Path) -> None:
    (tmp_path / "x.part").write_bytes(bytes(1000))
    with pytest.raises(RuntimeError, match="checksum"):
        get(server.url(), tmp_path / "x", md5=MD5, progress=False)
    assert get(server.url(), tmp_path / "x", md5=MD5, progress=False).read_bytes() == CONTENT


def test_mirrors_are_tried_in_turn(server: Server, tmp_path: Path) -> None:
    server.files["/bad.bin"] = b"wrong"
    urls = [server.url("none.bin"), server.url("bad.bin"), "http://127.0.0.1:9/x", server.url()]
    assert get(urls, tmp_path / "x", md5=MD5, progress=False).read_bytes() == CONTENT
    with pytest.raises(
        RuntimeError, match=r"(?s)none.bin: the server answers 404.*bad.bin: the checksum.*127.0.0.1:9/x: .*refused"
    ):
        get(urls[:3], tmp_path / "y", md5=MD5, progress=False)


def test_a_busy_server_is_asked_again(server: Server, tmp_path: Path) -> None:
    server.statuses = [503, 500]
    assert get(server.url(), tmp_path / "x", md5=MD5, progress=False).read_bytes() == CONTENT
    server.statuses = [403]
    with pytest.raises(RuntimeError, match="answers 403"):
        get(server.url(), tmp_path / "y", progress=False)
    assert len(server.asked) == 4  # a refusal is final


def test_a_silent_server(server: Server, tmp_path: Path) -> None:
    server.silent = True
    with pytest.raises(RuntimeError, match="timed out"):
        get(server.url(), tmp_path / "x", retries=0, timeout=0.2, progress=False)


def test_an_answer_to_another_question(server: Server, tmp_path: Path) -> None:
    server.cuts, server.shift = [100_000], 5
    with pytest.raises(RuntimeError, match="another part than the one asked for"):
        get(server.url(), tmp_path / "x", md5=MD5, retries=1, progress=False)


def test_too_much_is_refused(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "LIMIT", 1000)
    with pytest.raises(RuntimeError, match="announces 300000 bytes, more than the 1000"):
        get(server.url(), tmp_path / "x", retries=0, progress=False)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "x"])
def test_only_the_web(url: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="begin with http"):
        get(url, tmp_path / "x")


def test_progress_is_shown(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    get(server.url(), tmp_path / "x", md5=MD5)
    assert "file.bin: 100%" in capsys.readouterr().err


def test_two_processes_take_turns(server: Server, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    both = [
        context.Process(target=get, args=(server.url(), tmp_path / "x"), kwargs=dict(md5=MD5, progress=False)) for _ in "ab"
    ]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    assert (tmp_path / "x").read_bytes() == CONTENT
    assert len(server.asked) == 1


# -- archives ----------------------------------------------------------------------------------------------------------


def member(name: str, content: bytes = b"", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def tar(path: Path, *members: tuple[tarfile.TarInfo, bytes], mode: str = "w:gz", format: int = tarfile.GNU_FORMAT) -> Path:
    with tarfile.open(path, mode, format=format) as file:  # type: ignore[call-overload]
        for info, content in members:
            file.addfile(info, io.BytesIO(content))
    return path


GOOD = (member("set", type=tarfile.DIRTYPE), member("set/a.bin", b"one" * 1000), member("set/deep/b.txt", b""),
        member("top.txt", b"x" * 512))  # fmt: skip


@pytest.mark.parametrize("mode", ["w:gz", "w"])
@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_a_good_archive(tmp_path: Path, mode: str, format: int) -> None:
    source = tar(tmp_path / "good.tar", *GOOD, mode=mode, format=format)
    out = tmp_path / "out"
    assert extract(source, out) == [out / "set", out / "top.txt"]
    assert (out / "set/a.bin").read_bytes() == b"one" * 1000
    assert (out / "set/deep/b.txt").read_bytes() == b""
    (out / "set/old").write_text("of an earlier version")
    extract(source, out)
    assert not (out / "set/old").exists()
    assert only(out, "set", "top.txt")


@pytest.mark.parametrize(("bad", "message"), [
    (member("/etc/x", b"1"), "may lead out"), (member("../x", b"1"), "may lead out"),
    (member("a/../../x", b"1"), "may lead out"),
    (member("a\\..\\x", b"1"), "may lead out"), (member("c:x", b"1"), "may lead out"), (member(".", b"1"), "may lead out"),
    (member("l", type=tarfile.SYMTYPE, linkname="/etc"), "neither a plain file nor a folder"),
    (member("l", type=tarfile.LNKTYPE, linkname="set/a.bin"), "neither a plain file nor a folder"),
    (member("d", type=tarfile.CHRTYPE), "neither a plain file"), (member("p", type=tarfile.FIFOTYPE), "neither a plain file"),
    (member("d", type=tarfile.BLKTYPE), "neither a plain file"), (member("set/a.bin", b"2"), "comes twice"),
    (member("./set/a.bin", b"2"), "comes twice"), (member("set/a.bin/x", b"2"), "exists|directory"),
    (member("bomb", bytes(3_000_000)), "unpacks to more than 2000000 bytes"),
])  # fmt: skip
def test_a_harmful_archive_leaves_nothing(tmp_path: Path, bad: Any, message: str) -> None:
    source = tar(tmp_path / "bad.tar.gz", *GOOD, bad)
    (tmp_path / "out/set").mkdir(parents=True)
    (tmp_path / "out/set/old").write_text("stays")
    with pytest.raises(ValueError, match=message):
        extract(source, tmp_path / "out", limit=2_000_000)
    assert only(tmp_path / "out", "set")
    assert only(tmp_path / "out/set", "old")
    assert only(tmp_path, "out", "bad.tar.gz")


def test_a_header_that_swells_is_refused_with_little_memory(tmp_path: Path) -> None:
    header = member("x", type=tarfile.XHDTYPE, size=1 << 30)[0].tobuf()
    with gzip.open(tmp_path / "x.gz", "wb") as file:
        file.write(header)
        for _ in range(32):
            file.write(bytes(1 << 20))
    with pytest.raises(ValueError, match="is no header"):
        extract(tmp_path / "x.gz", tmp_path / "out")


def test_too_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MEMBERS", 5)
    with pytest.raises(ValueError, match="more than 5 members"):
        extract(tar(tmp_path / "x", *(member(f"f{i}") for i in range(6))), tmp_path / "out")


@pytest.mark.parametrize("mode", ["w:gz", "w"])
def test_damage_is_noticed_wherever_it_is(tmp_path: Path, mode: str) -> None:
    """Every cut, and a flipped bit in every byte that a checksum covers: all of them with gzip, a member's name without."""
    whole = tar(tmp_path / "x.tar", *GOOD, mode=mode).read_bytes()
    zipped = mode == "w:gz"
    end = len(whole) if zipped else 512 * 11  # the headers and contents; then come blocks of zeros
    for cut in range(0, end, 1 if zipped else 64):
        (tmp_path / "cut").write_bytes(whole[:cut])
        with pytest.raises(ValueError, match="extract: "):
            extract(tmp_path / "cut", tmp_path / "out")
    for at in range(whole.index(b"\0", 10) + 1, end) if zipped else range(512, 512 + len("set/a.bin")):
        damaged = bytearray(whole)
        damaged[at] ^= 4
        (tmp_path / "bad").write_bytes(damaged)
        with pytest.raises(ValueError, match="extract: "):
            extract(tmp_path / "bad", tmp_path / "out")
    assert only(tmp_path / "out")


def test_garbage_is_no_archive(tmp_path: Path) -> None:
    for content in (b"", b"\x1f\x8b", CONTENT, bytes(10_240)):
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(ValueError, match="extract: "):
            extract(tmp_path / "x", tmp_path / "out")
    with pytest.raises(FileNotFoundError):
        extract(tmp_path / "none", tmp_path / "out")
