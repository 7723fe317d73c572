"""Scopes: which module a call belongs to. Kept only while somebody listens."""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from typing import Any

from ..core import MODE

PATH: ContextVar[tuple[str, ...]] = ContextVar("minigrad_path", default=())
QUIET = contextlib.nullcontext()


class _Scope:
    """A block whose calls belong to the module `label` of the enclosing scope."""

    def __init__(self, label: str, module: Any) -> None:
        self.label, self.module = label, module

    def __enter__(self) -> None:
        outer, path, n = PATH.get(), (*PATH.get(), self.label), 1
        listeners = [listener for listener in MODE.get().listeners if hasattr(listener, "entered")]
        while any(listener.modules.get(path, self.module) is not self.module for listener in listeners):
            n += 1  # another module has this path, such as a second Linear that no module holds
            path = (*outer, f"{self.label}_{n}")
        self.token = PATH.set(path)
        for listener in listeners:
            listener.entered(path, self.module)

    def __exit__(self, *error: Any) -> None:
        PATH.reset(self.token)


def scope(label: str, module: Any = None) -> Any:
    """`with scope("bn1", module):` files the calls of the block under a module; nothing happens if nobody listens."""
    return _Scope(label, module) if MODE.get().listeners else QUIET
