"""Saving: the old file or the new one is there, whole, whatever happens; and what belongs together stays together."""

from __future__ import annotations

import errno
import os
import resource
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import data, nn, optim
from minigrad.io import load, save

ROOT = Path(minigrad.__file__).parents[1]

# -- whole or not there ------------------------------------------------------------------------------------------------


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "f"
    save({"n": 1}, path)
    for step in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, step, lambda *args: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left on device")))
            with pytest.raises(OSError, match="save: No space left on device; what was there before is unchanged: .*f'"):
                save({"n": 2}, path)
        assert load(path) == {"n": 1}
        assert os.listdir(tmp_path) == ["f"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_permissions_follow_the_umask(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        save({"n": 1}, tmp_path / "f")
        save({"n": 2}, tmp_path / "f")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == mode


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("real")
    save({"n": 1}, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert load(tmp_path / "real") == {"n": 1}


def test_two_writers(tmp_path: Path) -> None:
    path = tmp_path / "f"
    writers = [
        threading.Thread(target=lambda i=i: [save({"i": i, "x": minigrad.ones(50) * i}, path) for _ in range(10)])
        for i in range(4)
    ]
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    found = load(path)
    assert found["x"].tolist() == [found["i"]] * 50
    assert os.listdir(tmp_path) == ["f"]


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may write everywhere, so it becomes nobody for a while."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_a_folder_that_may_not_be_written() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "f")
        save({"n": 1}, path)
        os.chmod(folder, 0o555)
        with as_nobody(), pytest.raises(PermissionError, match="save: Permission denied; what was there before is unchanged"):
            save({"n": 2}, path)
        assert load(path) == {"n": 1}
        assert os.listdir(folder) == ["f"]
        os.chmod(folder, 0o755)


@contextmanager
def files_limited(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [0, 1, 100, 4096, 100_000])
def test_a_file_size_limit(tmp_path: Path, size: int) -> None:
    path = tmp_path / "f"
    save({"n": 1}, path)
    with files_limited(size), pytest.raises(OSError, match="save: File too large; what was there before is unchanged"):
        save({"n": 2, "x": minigrad.ones(100_000)}, path)
    assert load(path) == {"n": 1}
    assert os.listdir(tmp_path) == ["f"]


def test_what_is_no_file_is_left_alone(tmp_path: Path) -> None:
    """Renaming onto /dev/null would replace the device."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", "/dev/null"):
        with pytest.raises(ValueError, match="save: .* is not a regular file"):
            save({"n": 1}, path)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert os.listdir(tmp_path) == ["pipe"]


def test_long_names(tmp_path: Path) -> None:
    name = "ü" * 125 + "x" * 5  # 255 bytes, the longest a name may be
    save({"n": 1}, tmp_path / name)
    assert load(tmp_path / name) == {"n": 1}
    with pytest.raises(OSError, match="File name too long"):
        save({"n": 1}, tmp_path / (name + "x"))
    assert os.listdir(tmp_path) == [name]


# -- killed ------------------------------------------------------------------------------------------------------------


def run(*arguments: Any) -> str:
    """What `python -m tests.killing` prints."""
    command = [sys.executable, "-m", "tests.killing", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def test_killed_at_random_moments(tmp_path: Path) -> None:
    assert int(run("moments", tmp_path / "f", 50)) == 50


def test_killed_before_every_line(tmp_path: Path) -> None:
    assert int(run("lines", tmp_path / "f")) > 50


def test_drafts_of_the_living_are_left_alone(tmp_path: Path) -> None:
    """A slow writer is at work while others save."""
    path, entered, done = tmp_path / "f", threading.Event(), threading.Event()

    class Slow(minigrad.io.checkpoint.Tensor):  # type: ignore[name-defined, misc]
        @property
        def backend(self) -> Any:
            if len(os.listdir(tmp_path)) > 1 and not entered.is_set():  # its draft is open
                entered.set()
                assert done.wait(30)
            return super().backend

    save({"n": 0}, path)
    slow = threading.Thread(target=save, args=({"n": 1, "x": Slow(np.ones(3))}, path))
    slow.start()
    assert entered.wait(30)
    for n in range(5):
        save({"n": n}, path)
    assert len(os.listdir(tmp_path)) == 2
    done.set()
    slow.join()
    assert load(path)["n"] == 1
    assert os.listdir(tmp_path) == ["f"]


# -- the version before ------------------------------------------------------------------------------------------------


def test_the_previous_version_is_kept_on_request(tmp_path: Path) -> None:
    path = tmp_path / "f"
    save({"n": 1}, path, keep_previous=True)
    assert os.listdir(tmp_path) == ["f"]
    for n in (2, 3):
        save({"n": n}, path, keep_previous=True)
        assert load(path) == {"n": n}
        assert load(f"{path}.previous") == {"n": n - 1}
    save({"n": 4}, path)
    assert load(f"{path}.previous") == {"n": 2}
    assert sorted(os.listdir(tmp_path)) == ["f", "f.previous"]


def test_the_previous_version_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*args: Any) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    path = tmp_path / "f"
    save({"n": 1}, path)
    monkeypatch.setattr(os, "link", refused)
    save({"n": 2}, path, keep_previous=True)
    assert (load(path), load(f"{path}.previous")) == ({"n": 2}, {"n": 1})
    assert sorted(os.listdir(tmp_path)) == ["f", "f.previous"]


# -- what belongs together ---------------------------------------------------------------------------------------------


def test_tensors_on_one_memory_share_it_again(tmp_path: Path) -> None:
    x = minigrad.arange(3.0)
    save({"a": x, "b": {"c": x.detach()}, "d": x.clone()}, tmp_path / "f")
    found = load(tmp_path / "f")
    found["a"].add_(1)
    assert found["b"]["c"].tolist() == [1, 2, 3] and found["d"].tolist() == [0, 1, 2]


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner, self.outer = nn.Embedding(5, 3), nn.Linear(3, 5, bias=False)
        self.outer.weight = self.inner.weight


@pytest.mark.parametrize("assign", [False, True])
@pytest.mark.parametrize("key", [None, "inner.weight", "outer.weight"])
def test_tied_weights_stay_tied(tmp_path: Path, assign: bool, key: str | None) -> None:
    """Also from files of which one name was left out, as other writers do."""
    one, other = Tied(), Tied()
    state = one.state_dict()
    save(state if key is None else {key: state[key]}, tmp_path / "f")
    assert repr(other.load_state_dict(load(tmp_path / "f"), assign=assign)) == "<All keys matched successfully>"
    assert other.inner.weight is other.outer.weight
    assert other.inner.weight.tolist() == one.inner.weight.tolist()
    with minigrad.no_grad():
        other.inner.weight.zero_()
    assert not other.outer.weight.any()


def test_a_write_from_another_thread_is_noticed(tmp_path: Path) -> None:
    """Else the file would hold a mixture, under a checksum that does not match."""

    class Restless(minigrad.io.checkpoint.Tensor):  # type: ignore[name-defined, misc]
        @property
        def backend(self) -> Any:
            self.array[0] += 1
            return super().backend

    save({"n": 1}, tmp_path / "f")
    with pytest.raises(RuntimeError, match="written to while it was being saved.*Hint"):
        save({"x": Restless(np.zeros(3))}, tmp_path / "f")
    assert load(tmp_path / "f") == {"n": 1}
    assert os.listdir(tmp_path) == ["f"]


def test_all_of_a_run_in_one_file(tmp_path: Path) -> None:
    """Model, optimizer, scheduler, random numbers, the loader's place, the step: what follows is the same, bit for bit."""

    def made() -> tuple:
        model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1))
        optimizer = optim.Adam(model.parameters(), lr=0.1)
        loader = data.DataLoader(data.TensorDataset(minigrad.arange(60.0).reshape(20, 3)), 4, shuffle=True)
        return model, optimizer, optim.lr_scheduler.ExponentialLR(optimizer, 0.9), loader

    def steps(parts: tuple, batches: Any, losses: list) -> None:
        model, optimizer, scheduler, _ = parts
        for (x,) in batches:
            loss = model(x).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())

    whole, first, second = made(), [], []  # type: ignore[var-annotated]
    order = minigrad.get_rng_state()
    batches = iter(whole[3])
    steps(whole, (next(batches) for _ in range(2)), first)
    names = ("model", "optimizer", "scheduler")
    states = {name: part.state_dict() for name, part in zip(names, whole, strict=False)}
    save({**states, "step": 2, "order": order, "random": minigrad.get_rng_state()}, tmp_path / "f")
    steps(whole, batches, first)

    saved, again = load(tmp_path / "f"), made()
    for name, part in zip(names, again, strict=False):
        part.load_state_dict(saved[name])
    minigrad.set_rng_state(saved["order"])
    batches = iter(again[3])
    for _ in range(saved["step"]):
        next(batches)
    minigrad.set_rng_state(saved["random"])
    steps(again, batches, second)
    assert len(second) == 3 and second == first[2:]


def test_weights_of_pytorch(tmp_path: Path) -> None:
    """In the safetensors layout, or as a dict of arrays."""
    torch = pytest.importorskip("torch")
    writer = pytest.importorskip("safetensors.torch")
    theirs = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Flatten(), torch.nn.LazyLinear(2))
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 5)).astype(np.float32)
    expected = theirs(torch.tensor(x)).detach().numpy()
    writer.save_file(theirs.state_dict(), tmp_path / "f")
    for state in (load(tmp_path / "f"), {key: value.numpy() for key, value in theirs.state_dict().items()}):
        ours = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(36, 2))
        ours.load_state_dict(state)
        np.testing.assert_allclose(ours(minigrad.tensor(x)).detach().numpy(), expected, rtol=1e-5, atol=1e-6)
    save(ours.state_dict(), tmp_path / "g")  # and back
    for key, value in writer.load_file(tmp_path / "g").items():
        np.testing.assert_array_equal(value.numpy(), ours.state_dict()[key].numpy())


def test_integers_are_not_cast_into_floats() -> None:
    net = nn.Linear(2, 1, bias=False)
    before = net.weight.tolist()
    for value in (np.array([[1, 2]]), minigrad.tensor([[True, False]]), np.array([["a", "b"]]), np.array([[None, 1.0]])):
        with pytest.raises(RuntimeError, match="weight"):
            net.load_state_dict({"weight": value})
    assert net.weight.tolist() == before


def test_the_state_of_another_schedule_is_refused() -> None:
    optimizer = optim.SGD([minigrad.ones(1, requires_grad=True)], lr=0.1)
    schedule = optim.lr_scheduler.StepLR(optimizer, 3)
    chain = optim.lr_scheduler.ChainedScheduler([schedule])
    for one, state in [
        (schedule, {}),
        (schedule, {**schedule.state_dict(), "T_max": 3}),
        (schedule, optim.lr_scheduler.CosineAnnealingLR(optimizer, 3).state_dict()),
        (chain, {"_last_lr": [5.0]}),
        (chain, {**chain.state_dict(), "_schedulers": []}),
    ]:
        before = one.state_dict()
        with pytest.raises(ValueError, match="load_state_dict: expected the state"):
            one.load_state_dict(state)
        assert one.state_dict() == before


@pytest.mark.parametrize("kind", [">f4", ">f8", ">f2", ">i8", ">i2", ">c8"])
def test_arrays_of_the_other_byte_order_keep_their_values(kind: str, tmp_path: Path) -> None:
    """NumPy calls both orders by one name, while kernels and files read the bytes."""
    x = np.arange(-3, 3).astype(kind).reshape(2, 3)
    for made in (minigrad.tensor(x), minigrad.as_tensor(x), minigrad.asarray(x), minigrad.tensor([x[0], x[1]])):
        assert made.array.dtype.isnative
        save({"w": made}, tmp_path / "f")
        assert load(tmp_path / "f")["w"].tolist() == made.tolist() == x.tolist()
