"""Where arrays live: "cpu", "cuda", "cuda:1", or the name of another array namespace."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

# Where tensors are made unless told otherwise: the last one. `set_default_device` sets the first, each block adds one.
DEFAULT: ContextVar[tuple[str, ...]] = ContextVar("minigrad_device", default=("cpu",))


class Device:
    """A place for arrays: `device("cuda:0")`, `device("cuda", 0)`. Has `type` and `index` (None where there is one).

    In a `with device(...):` block, new tensors of this thread are made there unless told otherwise.
    """

    __slots__ = ("type", "index")

    def __init__(self, type: Any, index: int | None = None) -> None:
        if isinstance(type, Device):
            type, index = type.type, type.index if index is None else index
        elif isinstance(type, int) and not isinstance(type, bool):
            type, index = "cuda", type
        if not isinstance(type, str):
            raise TypeError(f"device: expected a name such as 'cpu' or 'cuda:0', got {type!r}")
        name, colon, number = type.partition(":")
        if colon:
            if index is not None or not number.isdecimal():
                raise RuntimeError(f"device: expected 'name' or 'name:index', got {type!r}. Hint: 'cuda:0'")
            index = int(number)
        if name == "cpu" and index not in (None, 0):
            raise RuntimeError(f"device: there is one cpu, got 'cpu:{index}'. Hint: device('cpu')")
        self.type, self.index = name, index if name != "cpu" else None

    def __enter__(self) -> Device:
        DEFAULT.set((*DEFAULT.get(), str(self)))
        return self

    def __exit__(self, *error: object) -> None:
        DEFAULT.set(DEFAULT.get()[:-1])

    def __repr__(self) -> str:
        return f"device(type={self.type!r}" + (")" if self.index is None else f", index={self.index})")

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))
