"""Whether ops may give other bits each time. On the CPU none does; on a GPU those that add up in no fixed order."""

from __future__ import annotations

from .source import advise
from .threads import hold_to_one

_wanted = {"deterministic": False, "warn_only": False}


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """With `mode` True, an op that can't promise the same bits each time raises RuntimeError (or, with `warn_only`, warns).

    Kernels on the CPU then run on one thread, since the bits of a long sum depend on how many share it.
    """
    for name, value in (("mode", mode), ("warn_only", warn_only)):
        if not isinstance(value, bool):
            raise TypeError(f"use_deterministic_algorithms: {name} must be True or False, got {type(value).__name__}")
    _wanted.update(deterministic=mode, warn_only=warn_only)
    hold_to_one(mode)


def are_deterministic_algorithms_enabled() -> bool:
    """Whether `use_deterministic_algorithms(True)` holds."""
    return _wanted["deterministic"]


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Whether it only warns."""
    return _wanted["deterministic"] and _wanted["warn_only"]


def in_no_order(who: str) -> None:
    """A kernel is about to add up in no fixed order. Raises RuntimeError, or warns, if that is not wanted."""
    if not _wanted["deterministic"]:
        return
    text = (f"{who}: on this device it adds up in no fixed order, so its bits differ from run to run, but you set "
            "use_deterministic_algorithms(True). Hint: device='cpu', or warn_only=True")  # fmt: skip
    if not _wanted["warn_only"]:
        raise RuntimeError(text)
    advise(text)
