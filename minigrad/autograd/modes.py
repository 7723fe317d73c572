"""The modes under the names that users know: no_grad, enable_grad, inference_mode, decompose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core import MODE, mode


def switch(doc: str, **changes: Any) -> Callable[..., Any]:
    """A mode under a name of its own: `@name`, `@name()` and `with name():` all work, as in PyTorch."""

    def named(function: Callable | None = None) -> Any:
        return mode(**changes) if function is None else mode(**changes)(function)

    named.__doc__ = doc
    return named


no_grad = switch("Record no gradients in this block: results have `requires_grad=False`.", grad=False)
enable_grad = switch("Record gradients in this block, inside `no_grad` too.", grad=True)
decompose = switch("Run composite ops (batch_norm, softmax ...) as their definitions in primitives.", decompose=True)


def inference_mode(mode_: Any = True) -> Any:
    """As `no_grad`; `inference_mode(False)` changes nothing. Usable as a context and as a decorator."""
    if callable(mode_):
        return mode(grad=False, inference=True)(mode_)
    return mode(grad=False, inference=True) if mode_ else mode()


class set_grad_enabled(mode):
    """`set_grad_enabled(False)` acts at once; as a `with` block it restores the former mode at its end."""

    def __init__(self, mode: bool) -> None:
        super().__init__(grad=bool(mode))
        self.before = MODE.get()
        MODE.set(self.before._replace(grad=bool(mode)))

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *error: Any) -> None:
        MODE.set(MODE.get()._replace(grad=self.before.grad))

    def __call__(self, function: Callable) -> Callable:
        MODE.set(self.before)
        return mode(**self.changes)(function)


def is_grad_enabled() -> bool:
    """Whether calls made now record gradients."""
    return MODE.get().grad


def is_inference_mode_enabled() -> bool:
    """Whether the block is an `inference_mode` one."""
    return MODE.get().inference
