"""CIFAR's version for Python, whose files are pickles, read without running them.

A pickle is a program for a stack machine that may call anything. Here is a machine that knows the few instructions which
dicts, lists, numbers, strings and arrays of bytes are written with, and that calls nothing: what a pickle names and applies
becomes a plain record. Any other instruction is refused. Source: the table of instructions in CPython's pickletools.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .idx import LIMIT, PIXELS

MARK = object()
STEPS = 10_000_000  # instructions; a CIFAR file has some 100,000
NUMBERS = {"K": (1, False), "M": (2, False), "J": (4, True)}  # bytes, and whether there is a sign
TEXTS = {"U": (1, "latin1"), "T": (4, "latin1"), "X": (4, "utf-8"), "\x8c": (1, "utf-8"), "\x8d": (8, "utf-8"),
         "C": (1, None), "B": (4, None), "\x8e": (8, None)}  # bytes of the length, and the encoding  # fmt: skip
SKIPPED = {"q": 1, "r": 4, "\x94": 0}  # instructions that remember the top of the stack, and the bytes of their place


class Name(NamedTuple):
    """A global that the pickle names."""

    module: str
    name: str


class Applied:
    """What a pickle would make by calling `what` with `arguments`, and then give a `state`."""

    def __init__(self, what: Any, arguments: Any) -> None:
        self.what, self.arguments, self.state = what, arguments, None


class Machine:
    """Reads one pickle. `run` returns its value, with an `Applied` for each call in it."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0
        self.stack: list[Any] = []
        self.memory: dict[int, Any] = {}

    def take(self, n: int) -> bytes:
        piece = self.data[self.at : self.at + n]
        if len(piece) < n:
            raise ValueError("truncated")
        self.at += n
        return piece

    def number(self, n: int, signed: bool = False) -> int:
        return int.from_bytes(self.take(n), "little", signed=signed)

    def line(self) -> str:
        end = self.data.find(b"\n", self.at, self.at + 200)
        if end < 0:
            raise ValueError("truncated")
        text, self.at = self.data[self.at : end].decode(), end + 1
        return text

    def items(self) -> list[Any]:
        """What lies above the last mark, which goes too."""
        place = len(self.stack) - 1
        while self.stack[place] is not MARK:
            place -= 1
            if place < 0:
                raise ValueError("a mark is missing")
        found = self.stack[place + 1 :]
        del self.stack[place:]
        return found

    def run(self) -> Any:
        for _ in range(STEPS):
            code = self.take(1).decode("latin1")
            if code == ".":
                return self.stack.pop()
            if code in NUMBERS:
                self.stack.append(self.number(*NUMBERS[code]))
            elif code in TEXTS:
                width, encoding = TEXTS[code]
                raw = self.take(self.number(width))
                self.stack.append(raw.decode(encoding) if encoding else raw)
            elif code in SKIPPED:
                self.memory[self.number(SKIPPED[code]) if SKIPPED[code] else len(self.memory)] = self.stack[-1]
            elif code in STEP:
                STEP[code](self)
            else:
                raise ValueError(f"refused: the instruction {code!r} is none that plain data needs")
        raise ValueError("refused: it does not come to an end")

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def last(self, n: int) -> tuple:
        """The last n values, taken from the stack."""
        if len(self.stack) < n or MARK in self.stack[len(self.stack) - n :]:
            raise ValueError("the stack is too short")
        found = tuple(self.stack[len(self.stack) - n :])
        del self.stack[len(self.stack) - n :]
        return found

    def set_items(self, pairs: list[Any]) -> None:
        if not isinstance(self.stack[-1], dict) or len(pairs) % 2 or not all(isinstance(k, (str, bytes)) for k in pairs[::2]):
            raise ValueError("expected entries of a dict, under strings")
        self.stack[-1].update(zip(pairs[::2], pairs[1::2], strict=True))

    def extend(self, values: list[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            raise ValueError("elements of something that is no list")
        self.stack[-1].extend(values)

    def build(self) -> None:
        (state,) = self.last(1)
        if not isinstance(self.stack[-1], Applied):
            raise ValueError("a state for something that has none")
        self.stack[-1].state = state


STEP: dict[str, Callable[[Machine], Any]] = {
    "\x80": lambda m: m.take(1),  # the protocol
    "\x95": lambda m: m.take(8),  # the length of a frame
    "N": lambda m: m.push(None), "\x88": lambda m: m.push(True), "\x89": lambda m: m.push(False),
    "\x8a": lambda m: m.push(m.number(m.number(1), True)),
    "(": lambda m: m.push(MARK), "0": lambda m: m.stack.pop(),
    "}": lambda m: m.push({}), "]": lambda m: m.push([]), ")": lambda m: m.push(()),
    "\x85": lambda m: m.push(m.last(1)), "\x86": lambda m: m.push(m.last(2)), "\x87": lambda m: m.push(m.last(3)),
    "t": lambda m: m.push(tuple(m.items())),
    "s": lambda m: m.set_items(list(m.last(2))), "u": lambda m: m.set_items(m.items()),
    "a": lambda m: m.extend(list(m.last(1))), "e": lambda m: m.extend(m.items()),
    "h": lambda m: m.push(m.memory[m.number(1)]), "j": lambda m: m.push(m.memory[m.number(4)]),
    "c": lambda m: m.push(Name(m.line(), m.line())), "\x93": lambda m: m.push(Name(*m.last(2))),
    "R": lambda m: m.push(Applied(*m.last(2))), "b": lambda m: m.build(),
}  # fmt: skip


def read_cifar_pickle(path: str | os.PathLike, key: str, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 32, 32, 3), uint8, and the labels (N,) that stand under `key`, of a file of CIFAR's version for Python.

    Nothing in the file is run. Raises ValueError for a file that is anything but a dict with both, or is damaged.
    """
    path = Path(path)
    size = path.stat().st_size
    try:
        if size > LIMIT:
            raise ValueError(f"{size} bytes are more than the {LIMIT} allowed")
        found = Machine(path.read_bytes()).run()
        if not isinstance(found, dict):
            raise ValueError("expected a dict")
        entries = {k.decode("latin1") if isinstance(k, bytes) else k: v for k, v in found.items()}
        pixels, labels = byte_array(entries["data"]), entries[key]
        if pixels.ndim != 2 or pixels.shape[1] != PIXELS or not isinstance(labels, list) or len(labels) != len(pixels):
            raise ValueError(f"expected pixels (N, {PIXELS}) and N labels, got {pixels.shape}")
        if any(type(label) is not int or not 0 <= label < classes for label in labels):
            raise ValueError(f"expected labels from 0 to {classes - 1}")
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"read_cifar_pickle: {str(path)!r}: {error or type(error).__name__}") from None
    return pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy(), np.array(labels, np.int64)


def byte_array(made: Any) -> np.ndarray:
    """The array of bytes that NumPy would make of a call `_reconstruct(...)` with the state (1, shape, dtype, order, data)."""
    if not isinstance(made, Applied) or made.what.name != "_reconstruct" or not isinstance(made.state, tuple):
        raise ValueError("expected an array")
    _, shape, kind, by_columns, data = made.state
    if isinstance(data, Applied) and data.what == Name("_codecs", "encode"):  # bytes, as Python 3 writes them for Python 2
        data = data.arguments[0]
    raw = data.encode("latin1") if isinstance(data, str) else data
    if kind.what.name != "dtype" or kind.arguments[0] not in ("u1", "uint8") or not isinstance(raw, bytes):
        raise ValueError("expected an array of bytes")
    return np.frombuffer(raw, np.uint8).reshape(shape, order="F" if by_columns else "C")
