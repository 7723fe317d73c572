"""Pickles, read without running them.

A pickle is a program for a stack machine that may call anything. Here is a machine that knows the instructions which dicts,
lists, numbers, strings and arrays are written with, and that calls nothing: what a pickle names and applies becomes a plain
record. Any other instruction is refused. Source: the table of instructions in CPython's pickletools.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, NamedTuple

MARK = object()
STEPS = 10_000_000  # instructions; a file of CIFAR has some 100,000
NUMBERS = {"K": (1, False), "M": (2, False), "J": (4, True)}  # bytes, and whether there is a sign
TEXTS = {"U": (1, "latin1"), "T": (4, "latin1"), "X": (4, "utf-8"), "\x8c": (1, "utf-8"), "\x8d": (8, "utf-8"),
         "C": (1, None), "B": (4, None), "\x8e": (8, None)}  # bytes of the length, and the encoding  # fmt: skip
SKIPPED = {"q": 1, "r": 4, "\x94": 0}  # instructions that remember the top of the stack, and the bytes of their place


class Name(NamedTuple):
    """A global that the pickle names."""

    module: str
    name: str


class Applied:
    """What a pickle would make by calling `what` with `arguments`, and then give `entries` and a `state`."""

    def __init__(self, what: Any, arguments: Any) -> None:
        self.what, self.arguments, self.state = what, arguments, None
        self.entries: dict[Any, Any] = {}


class Persistent(NamedTuple):
    """What lies outside of the pickle, by the name that the pickle has for it."""

    name: Any


class Machine:
    """Reads the pickle that begins at a place. `run` returns its value, with an `Applied` for each call in it."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data, self.at = data, at
        self.stack: list[Any] = []
        self.memory: dict[int, Any] = {}
        self.outside: list[Persistent] = []  # in the order in which they are named

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
        into = self.stack[-1].entries if isinstance(self.stack[-1], Applied) else self.stack[-1]
        if not isinstance(into, dict) or len(pairs) % 2 or not all(isinstance(k, (str, bytes, int)) for k in pairs[::2]):
            raise ValueError("expected entries of a dict, under strings or whole numbers")
        into.update(zip(pairs[::2], pairs[1::2], strict=True))

    def extend(self, values: list[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            raise ValueError("elements of something that is no list")
        self.stack[-1].extend(values)

    def point_outside(self) -> None:
        self.outside.append(Persistent(*self.last(1)))
        self.stack.append(self.outside[-1])

    def build(self) -> None:
        (state,) = self.last(1)
        if not isinstance(self.stack[-1], Applied):
            raise ValueError("a state for something that has none")
        self.stack[-1].state = state


STEP: dict[str, Callable[[Machine], Any]] = {
    "\x80": lambda m: m.take(1),  # the protocol
    "\x95": lambda m: m.take(8),  # the length of a frame
    "N": lambda m: m.push(None), "\x88": lambda m: m.push(True), "\x89": lambda m: m.push(False),
    "\x8a": lambda m: m.push(m.number(m.number(1), True)), "G": lambda m: m.push(*struct.unpack(">d", m.take(8))),
    "(": lambda m: m.push(MARK), "0": lambda m: m.stack.pop(),
    "}": lambda m: m.push({}), "]": lambda m: m.push([]), ")": lambda m: m.push(()),
    "\x85": lambda m: m.push(m.last(1)), "\x86": lambda m: m.push(m.last(2)), "\x87": lambda m: m.push(m.last(3)),
    "t": lambda m: m.push(tuple(m.items())),
    "s": lambda m: m.set_items(list(m.last(2))), "u": lambda m: m.set_items(m.items()),
    "a": lambda m: m.extend(list(m.last(1))), "e": lambda m: m.extend(m.items()),
    "h": lambda m: m.push(m.memory[m.number(1)]), "j": lambda m: m.push(m.memory[m.number(4)]),
    "c": lambda m: m.push(Name(m.line(), m.line())), "\x93": lambda m: m.push(Name(*m.last(2))),
    "R": lambda m: m.push(Applied(*m.last(2))), "b": lambda m: m.build(), "Q": lambda m: m.point_outside(),
}  # fmt: skip
