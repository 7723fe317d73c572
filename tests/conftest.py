"""What every suite shares: each test starts from the same random numbers and modes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import minigrad
from minigrad.core import MODE, Mode


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """A seeded generator before each test; no mode left over after it."""
    minigrad.manual_seed(0)
    yield
    minigrad.set_printoptions(profile="default")
    assert MODE.get() == Mode(), "the test left a mode behind"
