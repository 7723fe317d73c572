"""Weights from an address: brought once, found where PyTorch keeps them, checked by the digits in their name."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import minigrad
from minigrad import hub
from minigrad.backends import DownloadError

from .test_download import Server

CONTENT = (Path(__file__).parent / "torch_files" / "archive.pt").read_bytes()
DIGITS = hashlib.sha256(CONTENT).hexdigest()[:8]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    serving = Server()
    serving.files = {
        "/net.pth": CONTENT,
        "/net.pth?version=2": CONTENT,
        f"/net-{DIGITS}.pth": CONTENT,
        "/net-00000000.pth": CONTENT,
        "/page.pth": b"<html>",
    }
    threading.Thread(target=serving.serve_forever, daemon=True).start()
    yield serving
    serving.shutdown()
    serving.server_close()


def test_weights_are_brought_once(server: Server, tmp_path: Path) -> None:
    for _ in range(2):
        found = hub.load_state_dict_from_url(server.url("net.pth?version=2"), progress=False)
        server.files["/net.pth?version=2"] = b""  # it is not asked for again
    assert found["epoch"] == 3 and (tmp_path / "hub" / "checkpoints" / "net.pth").read_bytes() == CONTENT
    minigrad.nn.Sequential(minigrad.nn.Linear(2, 3), minigrad.nn.BatchNorm1d(3)).load_state_dict(found["model"])


def test_what_pytorch_has_brought_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    (tmp_path / "hub" / "checkpoints" / "net.pth").write_bytes(CONTENT)
    assert hub.load_state_dict_from_url("https://nowhere.invalid/net.pth")["epoch"] == 3
    assert minigrad.utils.model_zoo.load_url("https://nowhere.invalid/x", tmp_path / "hub/checkpoints", file_name="net.pth")


def test_the_digits_of_a_name_are_compared(server: Server, tmp_path: Path) -> None:
    assert hub.load_state_dict_from_url(server.url(f"net-{DIGITS}.pth"), check_hash=True, progress=False)["epoch"] == 3
    with pytest.raises(DownloadError, match="the checksum does not match"):
        hub.load_state_dict_from_url(server.url("net-00000000.pth"), check_hash=True, progress=False)
    with pytest.raises(ValueError, match=r"check_hash needs digits in the name, as in net-0a1b2c3d\.pth, got 'net\.pth'"):
        hub.load_state_dict_from_url(server.url("net.pth"), check_hash=True)
    hub.download_url_to_file(server.url("net.pth"), tmp_path / "mine.pth", DIGITS, progress=False)
    assert (tmp_path / "mine.pth").read_bytes() == CONTENT


def test_what_is_no_file_of_weights_is_refused(server: Server) -> None:
    with pytest.raises(ValueError, match="load: .*truncated: 6 bytes are too few"):
        hub.load_state_dict_from_url(server.url("page.pth"), progress=False)
    with pytest.raises(RuntimeError, match=r"hub\.load: minigrad does not download code\. Hint: build the model, and"):
        hub.load("pytorch/vision", "resnet18")


def test_the_folder_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minigrad.torch_face.hub._chosen", [])
    hub.set_dir(tmp_path)
    assert hub.get_dir() == str(tmp_path)
