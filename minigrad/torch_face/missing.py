"""What a script gets that asks for a name which is not here: the name, the nearest one, and the script's own line."""

from __future__ import annotations

import difflib
import linecache
import sys
from collections.abc import Callable, Mapping
from typing import Any

from ..late import Late


class Missing(AttributeError):
    """An attribute that is not here. The text is put together when it is read, so that `hasattr` costs nothing."""

    def __init__(self, owner: str, attribute: str, names: Callable[[], list[str]], file: str, line: int) -> None:
        super().__init__(f"{owner} has no {attribute!r}", name=attribute)
        self.owner, self.attribute, self.names, self.file, self.line = owner, attribute, names, file, line

    def __str__(self) -> str:
        known = [name for name in self.names() if not name.startswith("_")]
        near = nearest(self.attribute, known)
        source = linecache.getline(self.file, self.line).strip()
        where = f" ({self.file}, line {self.line}{': ' + source if source else ''})"
        return f"{self.owner} has no {self.attribute!r}{where}" + (f". Nearest: {self.owner}.{near}" if near else "")


def nearest(name: str, known: list[str]) -> str | None:
    """The name among `known` that is most like `name`, in upper and lower case too if possible; None if none is near."""
    lower = {k.lower(): k for k in known}
    found = difflib.get_close_matches(name, known, n=1, cutoff=0.7)
    found = found or [lower[k] for k in difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.6)]
    return found[0] if found else None


def answer(owner: str, here: dict[str, Any], late: Late | Mapping[str, Late]) -> Callable[[str], Any]:
    """A module's `__getattr__`: loads what is to be loaded late, and raises `Missing` for what is not there."""

    def __getattr__(name: str) -> Any:
        if isinstance(late, Late):
            offered = late.load().__all__
            here.update({key: getattr(late.load(), key) for key in offered}, __all__=offered)
        elif name in late:
            here[name] = late[name].load()
        if name in here:
            return here[name]
        frame = sys._getframe(1)
        while frame.f_back and "importlib" in frame.f_code.co_filename:  # `from minigrad import name`
            frame = frame.f_back
        raise Missing(owner, name, lambda: [*here, *late], frame.f_code.co_filename, frame.f_lineno)

    return __getattr__
