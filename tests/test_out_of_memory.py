"""Out of memory: what was asked for is said, what can be given back is, and nothing changes."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import minigrad
from minigrad import nn, optim
from minigrad.backends import NUMPY
from minigrad.backends.cupy_memory import all_patient, room
from minigrad.backends.errors import in_units


class OutOfMemoryError(MemoryError):
    """CuPy's, which is a MemoryError of its own."""


SAYS = "Out of memory allocating 1,073,741,824 bytes (allocated so far: 3,221,225,472 bytes)."


class Card:
    """A graphics card with little memory: kernel number `bad` fails until free blocks are given back, or for ever."""

    def __init__(self) -> None:
        self.calls, self.bad, self.helps, self.freed = 0, -1, False, 0
        pool = SimpleNamespace(free_all_blocks=self.free, free_bytes=lambda: 2**20)
        self.cuda = SimpleNamespace(
            memory=SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
            runtime=SimpleNamespace(memGetInfo=lambda: (511 * 2**20, 2**33)),
        )
        self.get_default_memory_pool = lambda: pool
        self.get_default_pinned_memory_pool = lambda: SimpleNamespace(free_all_blocks=lambda: None)

    def free(self) -> None:
        self.freed += 1
        if self.helps:
            self.bad = -1

    def counted(self, name: str, kernel: Callable) -> Callable:
        """`kernel`, if it makes new arrays: what writes in place needs little."""
        if name.endswith("_"):
            return kernel

        def called(*args: Any, **options: Any) -> Any:
            if self.calls == self.bad:
                raise OutOfMemoryError(SAYS)
            self.calls += 1
            return kernel(*args, **options)

        return called


@pytest.fixture
def card() -> Iterator[Card]:
    """The CPU's kernels as they would be on a card that can run out of memory."""
    found, before = Card(), NUMPY.kernels
    NUMPY.replace_kernels(all_patient(found, {name: found.counted(name, kernel) for name, kernel in before.items()}))
    object.__setattr__(NUMPY, "room", lambda: room(found))
    try:
        yield found
    finally:
        NUMPY.replace_kernels(before)
        object.__setattr__(NUMPY, "room", lambda: None)


def training() -> tuple[nn.Module, optim.Optimizer, Callable]:
    minigrad.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))
    x, target = minigrad.randn(5, 1, 8, 8), minigrad.tensor([0, 1, 2, 0, 1])
    return model, optim.Adam(model.parameters(), lr=0.01), lambda: nn.functional.cross_entropy(model(x), target)


def state(model: nn.Module, optimizer: optim.Optimizer) -> list[np.ndarray]:
    kept = [*model.state_dict().values(), *(p.grad for p in model.parameters() if p.grad is not None)]
    kept += [v for one in optimizer.state_dict()["state"].values() for v in one.values() if isinstance(v, minigrad.Tensor)]
    return [np.array(t.detach().numpy()) for t in kept]


def test_what_is_free_is_given_back_and_the_kernel_tried_again(card: Card) -> None:
    model, optimizer, loss_of = training()
    want = loss_of().item()
    first = card.calls
    for k in range(first):
        model, optimizer, loss_of = training()
        card.calls, card.bad, card.helps, card.freed = 0, k, True, 0
        assert loss_of().item() == want and card.freed <= 1
    assert first > 5


def test_failing_for_good_says_what_was_asked_for(card: Card) -> None:
    x = minigrad.ones(4, 4)
    card.bad, card.calls = 0, 0
    with pytest.raises(MemoryError) as caught:
        minigrad.matmul(x, x)
    text = str(caught.value)
    for part in (
        "matmul: ",
        "1,073,741,824 bytes",
        "512 MiB of 8 GiB are free",
        "Nothing was changed",
        "Hint: a smaller batch",
    ):
        assert part in text, (part, text)
    assert card.freed == 1


def test_forward_that_fails_in_its_first_layers_changes_nothing(card: Card) -> None:
    model, optimizer, loss_of = training()
    loss_of().backward()
    optimizer.step()
    before, version = state(model, optimizer), card.calls
    card.calls, card.bad = 0, 0
    with pytest.raises(MemoryError, match=r"conv\w+: .*1,073,741,824 bytes.*Nothing was changed"):
        loss_of()
    after = state(model, optimizer)
    assert version and len(before) == len(after) and all(map(np.array_equal, before, after))
    card.bad = -1
    loss_of().backward()  # and training goes on
    optimizer.step()


def test_an_op_that_fails_changes_nothing_of_its_own(card: Card) -> None:
    x, norm = minigrad.randn(6, 3), nn.BatchNorm1d(3)
    kept = [np.array(t.numpy()) for t in norm.buffers()]
    card.bad, card.calls = 0, 0
    with pytest.raises(MemoryError, match="batch_norm: "):
        norm(x)
    card.bad = -1
    assert all(np.array_equal(a, b.numpy()) for a, b in zip(kept, norm.buffers(), strict=True))


def test_on_the_processor_the_op_and_the_size_are_named() -> None:
    small = minigrad.ones(2**20, 1)
    with pytest.raises(
        MemoryError, match=r"mul: Unable to allocate 4(\.00)? TiB .*shape \(1048576, 1048576\).*Nothing was changed"
    ):
        small * minigrad.ones(2**20)
    with pytest.raises(MemoryError, match=r"allocate .* TiB"):
        minigrad.zeros(2**21, 2**21)


def test_what_a_failed_call_made_is_let_go(card: Card) -> None:
    x = minigrad.ones(1000, 1000)
    tracemalloc.start()
    try:
        card.bad, card.calls = 0, 0
        begun = tracemalloc.get_traced_memory()[0]
        with pytest.raises(MemoryError):
            minigrad.matmul(x * 2.0, x)
        assert tracemalloc.get_traced_memory()[0] - begun < 2**20
    finally:
        tracemalloc.stop()


def test_units() -> None:
    assert [in_units(n) for n in (12, 2048, 3 * 2**19, 2**40, 2**52)] == ["12 bytes", "2 KiB", "1.5 MiB", "1 TiB", "4096 TiB"]
