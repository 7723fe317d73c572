"""PyTorch's `torch.hub` as far as it brings weights: a file is had from its address once, and read without running it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from .. import io
from ..late import Late
from .extras import refusal

DOWNLOAD = Late("minigrad.data.download", "download")
HASH_REGEX = re.compile(r"-([a-f0-9]*)\.")  # the first digits of a file's SHA-256, in its name
REASON = "minigrad does not download code. Hint: build the model, and hub.load_state_dict_from_url brings its weights"
_chosen: list[str] = []


def _get_torch_home() -> str:
    """The folder under which PyTorch keeps what it has downloaded: the environment's TORCH_HOME, or ~/.cache/torch."""
    cache = os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")
    return str(Path(os.environ.get("TORCH_HOME", Path(cache) / "torch")).expanduser())


def get_dir() -> str:
    """The folder for downloads: what `set_dir` chose, or PyTorch's own, so that what it has brought is found."""
    return _chosen[-1] if _chosen else str(Path(_get_torch_home()) / "hub")


def set_dir(d: str | os.PathLike) -> None:
    """Choose the folder for downloads."""
    _chosen[:] = [os.path.expanduser(d)]


def download_url_to_file(url: str, dst: str | os.PathLike, hash_prefix: str | None = None, progress: bool = True) -> None:
    """Bring the file of an address to `dst`, unless it is there. Raises DownloadError if it can't be had, or if its SHA-256
    does not begin with `hash_prefix`."""
    DOWNLOAD.load()(url, dst, sha256=hash_prefix, progress=progress)


def load_state_dict_from_url(
    url: str, model_dir: str | os.PathLike | None = None, map_location: Any = None, progress: bool = True,
    check_hash: bool = False, file_name: str | None = None, weights_only: bool = True,
) -> Any:  # fmt: skip
    """What a file of PyTorch's, or of minigrad's, holds: of its address, or of `model_dir` where it has been brought before.

    `model_dir` is <get_dir()>/checkpoints; `check_hash` compares the file with the digits in its name (net-0a1b2c3d.pth).
    Nothing in the file is run (see `minigrad.load`). Raises DownloadError if the file can't be had, ValueError if it holds
    anything but tensors and plain values, or has no digits in its name that `check_hash` could compare.
    """
    name = file_name or os.path.basename(urlparse(url).path)
    digits = HASH_REGEX.search(name) if check_hash else None
    if check_hash and not digits:
        raise ValueError(f"load_state_dict_from_url: check_hash needs digits in the name, as in net-0a1b2c3d.pth, got {name!r}")
    path = Path(model_dir or Path(get_dir()) / "checkpoints", name)
    download_url_to_file(url, path, digits[1] if digits else None, progress)
    return io.load(path, map_location)


HUB = {"_get_torch_home": _get_torch_home, "get_dir": get_dir, "set_dir": set_dir, "HASH_REGEX": HASH_REGEX,
       "urlparse": urlparse,
       "download_url_to_file": download_url_to_file, "load_state_dict_from_url": load_state_dict_from_url,
       **{name: refusal(f"hub.{name}", REASON) for name in ("load", "list", "help")}}  # fmt: skip
MODEL_ZOO = {"load_url": load_state_dict_from_url}
