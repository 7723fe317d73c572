"""The modes under the names that users know: no_grad, enable_grad, inference_mode, decompose."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any

from ..backends import GradError
from ..core import MODE, Op, Tensor, mode
from .listener import Listener


class switched(mode):
    """A mode that a function can be decorated with: a generator function is in it at each of its steps, a coroutine while
    it runs, any other function at each call; of a class, as in PyTorch, the constructor alone."""

    def __call__(self, function: Callable) -> Any:
        if inspect.isclass(function):
            warnings.warn("Decorating classes is deprecated: only the constructor runs in the mode. Hint: decorate __init__",
                          FutureWarning, stacklevel=2)  # fmt: skip
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


class named(switched):
    """A mode that needs no arguments: `@name`, `@name()` and `with name():` all work, as in PyTorch."""

    def __new__(cls, function: Callable | None = None) -> Any:
        made = super().__new__(cls)
        if function is None:
            return made
        made.__init__()  # type: ignore[misc]
        return made(function)

    def _recreate_cm(self) -> named:
        return type(self)()


class no_grad(named):
    """Record no gradients in this block: results have `requires_grad=False`."""

    def __init__(self) -> None:
        super().__init__(grad=False)


class enable_grad(named):
    """Record gradients in this block, inside `no_grad` too. Inside `inference_mode` it changes nothing."""

    def __init__(self) -> None:
        super().__init__(grad=True)

    def __enter__(self) -> Any:
        self.changes = {"grad": not MODE.get().inference}
        return super().__enter__()


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


def decompose(function: Callable | None = None) -> Any:
    """Run composite ops (batch_norm, softmax ...) as their definitions in primitives."""
    return Decompose() if function is None else Decompose()(function)


class Untracked(list):
    """The write counter of tensors made in inference mode: whoever would save it for a backward pass is refused, and so is
    whoever asks for the whole of it, as those do who are about to write."""

    def __getitem__(self, which: Any) -> Any:
        if type(which) is slice:
            self.append(True)
        return 0

    def __setitem__(self, which: Any, value: Any) -> None:
        self.append(True)

    def append(self, saved: Any) -> None:
        if not MODE.get().inference:
            raise GradError("inference_mode: Inference tensors cannot be saved for backward, made to require grad, nor written "
                            "in place, outside of inference mode. Hint: .clone() makes a normal tensor; or use "
                            "no_grad()")  # fmt: skip


UNTRACKED = Untracked([0])


class Marker(Listener):
    """Marks every tensor made in inference mode. Views of a tensor from outside stay normal."""

    def heard(self, op: Op, args: tuple, options: dict, output: Tensor, extras: Any) -> None:
        if op.kind != "update" and (op.kind != "view" or output.version is None):
            output.version = UNTRACKED


class inference_mode(switched):
    """As `no_grad`, and what is made inside can't take part in a recorded computation later: it raises GradError there.

    `inference_mode(False)` is a block in which gradients are recorded, inside of another too. Usable as a context and as a
    decorator, with or without parentheses.
    """

    def __new__(cls, mode: Any = True) -> Any:
        made = super().__new__(cls)
        if not callable(mode):
            return made
        made.__init__()  # type: ignore[misc]
        return made(mode)

    def __init__(self, mode: bool = True) -> None:
        super().__init__()
        self.mode = bool(mode)

    def __enter__(self) -> Any:
        others = tuple(x for x in MODE.get().listeners if not isinstance(x, Marker))
        listeners = (*others, Marker()) if self.mode else others
        self.changes = {"grad": not self.mode, "inference": self.mode, "listeners": listeners}
        return super().__enter__()

    def _recreate_cm(self) -> inference_mode:
        return type(self)(self.mode)


def is_inference(self: Tensor) -> bool:
    """Whether the tensor was made in inference mode."""
    return self.version is UNTRACKED


Tensor.is_inference = is_inference  # type: ignore[attr-defined]


class set_grad_enabled(switched):
    """`set_grad_enabled(False)` acts at once; as a `with` block it restores the former mode at its end, and a function that
    it decorates runs in it. Inside `inference_mode` gradients stay off."""

    def __init__(self, mode: bool) -> None:
        if not isinstance(mode, (bool, int)):
            raise TypeError(f"set_grad_enabled: expected True or False, got {type(mode).__name__}")
        before = MODE.get()
        self.mode, self.prev = bool(mode), before.grad
        super().__init__(grad=self.mode and not before.inference)
        MODE.set(before._replace(**self.changes))

    def __enter__(self) -> Any:
        MODE.set(MODE.get()._replace(**self.changes))
        return self

    def __exit__(self, *error: Any) -> None:
        MODE.set(MODE.get()._replace(grad=self.prev))

    def __call__(self, function: Callable) -> Any:
        MODE.set(MODE.get()._replace(grad=self.prev))
        return super().__call__(function)

    def _recreate_cm(self) -> Any:
        return mode(**self.changes)


def is_grad_enabled() -> bool:
    """Whether calls made now record gradients."""
    return MODE.get().grad


def is_inference_mode_enabled() -> bool:
    """Whether the block is an `inference_mode` one."""
    return MODE.get().inference
