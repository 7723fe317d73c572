"""Hooks on tensors: functions that see, and may replace, a gradient on its way back."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from ..backends import GradError
from ..backends import dtype as as_dtype
from ..core import Node, Tensor, node_of
from ..ops.arithmetic import conj_op


class Hook:
    """A registered hook, the last or the `first`; `remove()` takes it off again, and `others` with it. Usable as a context."""

    def __init__(self, hooks: dict, hook: Any, *others: Hook, key: Any = None, first: bool = False) -> None:
        self.hooks, self.key, self.others = hooks, key or object(), others
        before = list(hooks) if first else ()
        hooks[self.key] = hook
        for key in before:
            hooks[key] = hooks.pop(key)
        ordered(hooks)

    def remove(self) -> None:
        """Never call the hook again."""
        self.hooks.pop(self.key, None)
        for other in self.others:
            other.remove()

    @property
    def id(self) -> Any:
        """Its key among the hooks."""
        return self.key

    def __enter__(self) -> Hook:
        return self

    def __exit__(self, *error: Any) -> None:
        self.remove()


def ordered(hooks: dict) -> None:
    """Let what retain_grad keeps be what all hooks of the tensor leave; the hooks of its node come after that."""
    for key in sorted((k for k in hooks if type(k) is tuple), key=lambda k: k[0] != "retained"):
        hooks[key] = hooks.pop(key)


def hooks_of(owner: Tensor | Node) -> dict:
    """The hooks of a leaf tensor or a node, in the order of registration."""
    if isinstance(owner, Tensor):
        return owner.__dict__.setdefault("hooks", {})
    if owner.hooks is None:
        owner.hooks = {}
    return owner.hooks


def register_hook(self: Tensor, hook: Callable[[Tensor], Tensor | None]) -> Hook:
    """Call `hook(grad)` when this tensor's whole gradient is known; what it returns, unless None, replaces it."""
    if not self.requires_grad:
        raise GradError("register_hook: cannot register a hook on a tensor that doesn't require gradient. "
                        "Hint: set requires_grad=True first")  # fmt: skip
    checked_hook("register_hook", hook)
    return Hook(hooks_of(node_of(self) or self), facing(self, lambda g: alike(hook(g), g)))


def facing(owner: Tensor | Node, hook: Callable) -> Callable:
    """A hook of a tensor or node as the engine calls it: a complex gradient comes, and goes, as its conjugate."""
    return (lambda g: conj_op(hook(conj_op(g)))) if as_dtype(owner.dtype).is_complex else hook


def checked_hook(who: str, hook: Any) -> None:
    """Raise TypeError for what can't be called."""
    if not callable(hook):
        raise TypeError(f"{who}: expected a function, got {type(hook).__name__}")


def alike(new: Any, g: Any) -> Any:
    """What a hook gave in the place of a gradient, None for no change; raises GradError for another shape or type."""
    if new is None:
        return g
    if not isinstance(new, Tensor) or g is None or new.shape != g.shape or new.dtype is not g.dtype:
        expected = "" if g is None else f" or a gradient of shape {tuple(g.shape)}, {g.dtype!r}"
        got = f"a tensor of shape {tuple(new.shape)}, {new.dtype!r}" if isinstance(new, Tensor) else type(new).__name__
        raise GradError(f"hook: expected None{expected}, got {got}")
    return new


def retain_grad(self: Tensor) -> None:
    """Keep the gradient of this intermediate tensor, as its hooks leave it, in `.grad`, as a leaf does."""
    if not self.requires_grad:
        raise GradError("retain_grad: can't retain_grad on Tensor that has requires_grad=False. "
                        "Hint: set requires_grad=True on an input")  # fmt: skip
    if self.node is None or self.retains_grad:
        return
    this = weakref.ref(self)

    def keep(g: Tensor) -> Tensor:
        tensor = this()
        if tensor is not None:
            kept = g.clone()
            tensor.grad = kept if tensor.grad is None else tensor.grad + kept
        return g

    hooks = hooks_of(self.node)
    hooks["retained", id(self)] = facing(self, keep)
    ordered(hooks)
    self.__dict__["retained"] = True


def register_post_accumulate_grad_hook(self: Tensor, hook: Callable[[Tensor], None]) -> Hook:
    """Call `hook(tensor)` after each backward pass that added to this leaf's `.grad`. Raises GradError for other tensors."""
    if not self.wants or self.node is not None:
        raise GradError("register_post_accumulate_grad_hook: expected a leaf tensor that requires grad. Hint: register_hook")
    checked_hook("register_post_accumulate_grad_hook", hook)
    return Hook(self.__dict__.setdefault("accumulated", {}), hook)


Tensor.register_post_accumulate_grad_hook = register_post_accumulate_grad_hook  # type: ignore[attr-defined]
Tensor.register_hook = register_hook  # type: ignore[attr-defined]
Tensor.retain_grad = retain_grad  # type: ignore[attr-defined]
Tensor.retains_grad = property(lambda self: "retained" in self.__dict__)  # type: ignore[attr-defined]
