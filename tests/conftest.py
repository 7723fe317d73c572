"""What every suite shares: each test starts from the same random numbers and modes; `--device` says where tensors are made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import minigrad
from minigrad.core import MODE, Mode, Tensor
from minigrad.ops.random import stream

from .strict_cupy import stand_in


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--device", choices=("cpu", "cuda", "stand-in"), default="cpu",
        help="where tensors are made unless a test says so itself: on the CPU, on the GPU, or on the stand-in for one",
    )  # fmt: skip


PLAIN = Tensor.numpy, minigrad.from_numpy
ON_THE_CPU = {f"test_parity_{name}.py" for name in ("amp", "as_torch", "bad_draws", "printing")}  # what they ask names it


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return True if config.getoption("--device") != "cpu" and collection_path.name in ON_THE_CPU else None


@pytest.fixture(autouse=True, scope="session")
def placed(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tensors are made on the device that was asked for; `from_numpy` brings arrays there, and `numpy()` takes them back."""
    device = request.config.getoption("--device")
    if device == "cpu":
        yield
        return
    patch = pytest.MonkeyPatch()
    if device == "stand-in":
        stand_in(patch)
    numpy, from_numpy = PLAIN

    def to_numpy(self: Tensor, *, force: bool = False) -> Any:
        return numpy(self if self.requires_grad and not force else self.detach().cpu(), force=force)

    patch.setattr(Tensor, "numpy", to_numpy)
    patch.setattr(minigrad, "from_numpy", lambda ndarray: from_numpy(ndarray).to("cuda"))
    minigrad.set_default_device("cuda")
    yield
    minigrad.set_default_device(None)
    patch.undo()


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """A seeded generator before each test; no mode left over after it."""
    minigrad.manual_seed(0)
    yield
    minigrad.set_printoptions(profile="default")
    assert MODE.get() == Mode(), "the test left a mode behind"


@pytest.fixture
def torch_stream() -> Iterator[None]:
    """A test whose random numbers are PyTorch's."""
    before = minigrad.get_rng_state()
    stream("torch")
    yield
    stream("pcg64")
    minigrad.set_rng_state(before)
