"""The modes under the names that users know: no_grad, enable_grad, inference_mode, decompose."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

from ..backends import GradError
from ..core import MODE, Op, Tensor, mode
from .listener import Listener


class switched(mode):
    """A mode that a function can be decorated with: a generator function is in it at each of its steps, a coroutine while
    it runs, any other function at each call."""

    def __call__(self, function: Callable) -> Any:
        if inspect.isgeneratorfunction(function):
            return stepped(function, self._recreate_cm)
        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def wrapped(*args: Any, **kwargs: Any) -> Any:
                with self._recreate_cm():
                    return await function(*args, **kwargs)

            return wrapped
        return super().__call__(function)


def stepped(function: Callable, block: Callable[[], mode]) -> Callable:
    """A generator function whose every step runs in a mode, and nothing between the steps does."""

    @wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        with block():
            steps = function(*args, **kwargs)
        resume, given = steps.send, None
        while True:
            try:
                with block():
                    value = resume(given)
            except StopIteration as end:
                return end.value
            try:
                given = yield value
                resume = steps.send
            except GeneratorExit:
                with block():
                    steps.close()
                raise
            except BaseException as error:
                resume, given = steps.throw, error

    return wrapped


def switch(doc: str, **changes: Any) -> Callable[..., Any]:
    """A mode under a name of its own: `@name`, `@name()` and `with name():` all work, as in PyTorch."""

    def named(function: Callable | None = None) -> Any:
        return switched(**changes) if function is None else switched(**changes)(function)

    named.__doc__ = doc
    return named


def opened(op: Op, args: tuple) -> Callable:
    """A composite op's definition in primitives; any other op itself."""
    return op.definition or op


class Decompose(switched):
    """Opens composite ops, unless something that opens them too (`vmap`) is at work already."""

    def __enter__(self) -> Any:
        self.changes = {"instead": MODE.get().instead or opened}
        return super().__enter__()

    def _recreate_cm(self) -> Decompose:
        return Decompose()


no_grad = switch("Record no gradients in this block: results have `requires_grad=False`.", grad=False)
enable_grad = switch("Record gradients in this block, inside `no_grad` too.", grad=True)


def decompose(function: Callable | None = None) -> Any:
    """Run composite ops (batch_norm, softmax ...) as their definitions in primitives."""
    return Decompose() if function is None else Decompose()(function)


class Untracked(list):
    """The write counter of tensors made in inference mode: whoever would save it for a backward pass is refused."""

    def __getitem__(self, which: Any) -> Any:
        if MODE.get().inference:
            return 0
        raise GradError("inference_mode: Inference tensors cannot be saved for backward, nor written in place, outside of "
                        "inference mode. Hint: .clone() makes a normal tensor; or use no_grad()")  # fmt: skip

    def __setitem__(self, which: Any, value: Any) -> None: ...


UNTRACKED = Untracked([0])


class Marker(Listener):
    """Marks every tensor made in inference mode. Views of a tensor from outside stay normal."""

    def heard(self, op: Op, args: tuple, options: dict, output: Tensor, extras: Any) -> None:
        if op.kind != "update" and (op.kind != "view" or output.version is None):
            output.version = UNTRACKED


class Inference(switched):
    """The block of `inference_mode()`."""

    def __enter__(self) -> Any:
        now = MODE.get()
        self.changes = {"grad": False, "inference": True}
        if not now.inference:
            self.changes["listeners"] = (*now.listeners, Marker())
        return super().__enter__()

    def _recreate_cm(self) -> Inference:
        return Inference()


def inference_mode(mode: Any = True) -> Any:
    """As `no_grad`, and what is made inside can't take part in a recorded computation later: it raises GradError there.

    `inference_mode(False)` changes nothing. Usable as a context and as a decorator, with or without parentheses.
    """
    if callable(mode):
        return Inference()(mode)
    return Inference() if mode else switched()


def is_inference(self: Tensor) -> bool:
    """Whether the tensor was made in inference mode."""
    return self.version is UNTRACKED


Tensor.is_inference = is_inference  # type: ignore[attr-defined]


class set_grad_enabled(mode):
    """`set_grad_enabled(False)` acts at once; as a `with` block it restores the former mode at its end."""

    def __init__(self, mode: bool) -> None:
        if not isinstance(mode, (bool, int)):
            raise TypeError(f"set_grad_enabled: expected True or False, got {type(mode).__name__}")
        super().__init__(grad=bool(mode))
        self.before = MODE.get()
        MODE.set(self.before._replace(grad=bool(mode)))

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *error: Any) -> None:
        MODE.set(MODE.get()._replace(grad=self.before.grad))

    def __call__(self, function: Callable) -> Any:
        MODE.set(self.before)
        return mode(**self.changes)(function)


def is_grad_enabled() -> bool:
    """Whether calls made now record gradients."""
    return MODE.get().grad


def is_inference_mode_enabled() -> bool:
    """Whether the block is an `inference_mode` one."""
    return MODE.get().inference
