"""Bad input, in a table of hundreds of calls and by trying bad values on everything public.

Each is refused with an exception of the usual type, whose message names the op, what it expected and what came; and nothing
has changed afterwards.
"""

from __future__ import annotations

from typing import Any

import pytest

import minigrad
from minigrad.core import MODE

from .bad_input import layers, tensors, training, world
from .bad_values import CALLABLES, POOL, Callable_, problems

TABLE = [*tensors.ROWS, *layers.ROWS, *training.ROWS]


def state(names: dict[str, Any]) -> list:
    """All that a call could change: numbers, counts of writes, gradients, settings, the mode."""
    tensors = [value for value in names.values() if isinstance(value, minigrad.Tensor)]
    tensors += names["net"].state_dict().values()
    groups = [
        {key: value for key, value in group.items() if key not in ("params", "initial_lr")}
        for group in names["opt"].param_groups
    ]
    return [[(t.tolist(), t.dtype, t._version, t.requires_grad, t.grad) for t in tensors], groups, names["net"].training,
            repr(names["net"]), MODE.get(), minigrad.get_default_dtype(), minigrad.get_num_threads()]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "message"), TABLE, ids=[row[0][:60] for row in TABLE])
def test_the_table(call: str, kind: str, message: str) -> None:
    names = world()
    before = state(names)
    with pytest.raises(Exception) as caught:
        eval(call, names)
    error = caught.value
    text = str(error.args[0] if isinstance(error, KeyError) else error)
    assert (type(error).__name__, text[: len(message)]) == (kind, message)
    assert len(text) < 500
    assert state(names) == before


def test_the_table_is_long_and_its_types_are_the_usual_ones() -> None:
    assert len(TABLE) >= 300 and len({row[0] for row in TABLE}) == len(TABLE)
    usual = ("TypeError", "ValueError", "IndexError", "KeyError", "RuntimeError", "NotImplementedError", "AttributeError",
             "FileNotFoundError")  # fmt: skip
    ours = {"ShapeError", "DTypeError", "DeviceError", "DivisionError", "GradError", "LinAlgError"}
    assert {row[1] for row in TABLE} <= {*usual, *ours}


@pytest.mark.parametrize("what", CALLABLES, ids=lambda what: what.place)
def test_bad_values_everywhere(what: Callable_) -> None:
    """A sample of bad values for each argument; `python -m tests.reliability` tries all of them."""
    assert problems(what, part=10) == []


def test_the_pool_reaches_the_checks() -> None:
    assert len(CALLABLES) > 500 and len(POOL) > 30
