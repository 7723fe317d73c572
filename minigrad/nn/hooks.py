"""Backward hooks of a module: they see, and may replace, the gradients that enter and leave it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..backends import GradError
from ..core import MODE, Tensor
from ..ops.arithmetic import alias


def watched(values: Any, hook: Callable[[int, Tensor], Tensor | None]) -> Any:
    """`values` (a tensor, or a tuple or list) with each tensor that wants a gradient behind an alias that tells
    `hook(position, gradient)`."""
    if isinstance(values, Tensor):
        return watched((values,), hook)[0]
    if not isinstance(values, (tuple, list)):
        return values
    return type(values)([_alias(x, k, hook) for k, x in enumerate(values)])


def _alias(x: Any, k: int, hook: Callable) -> Any:
    if not isinstance(x, Tensor) or not x.requires_grad:
        return x
    out = alias(x)
    out.register_hook(lambda g: hook(k, g))
    return out


class Passage:
    """One call of a module with backward hooks: collects what comes in at its outputs and goes out at its inputs.

    The hooks run when every input that wants a gradient has its own; an input that the output does not depend on keeps
    them waiting. With several such inputs they can look, not replace.
    """

    def __init__(self, module: Any, before: list[Callable], after: list[Callable]) -> None:
        self.module, self.before, self.after = module, before, after
        self.arrived: dict[int, Tensor] = {}
        self.left: dict[int, Tensor] = {}

    def entered(self, args: tuple) -> tuple:
        """The arguments, watched."""
        self.waiting = sum(isinstance(x, Tensor) and x.requires_grad for x in args)
        self.count = len(args)
        return watched(args, self.leave) if MODE.get().grad else args

    def returned(self, output: Any) -> Any:
        """The output, watched."""
        self.outputs = 1 if isinstance(output, Tensor) else len(output) if isinstance(output, (tuple, list)) else 0
        return watched(output, self.arrive)

    def arrive(self, k: int, g: Tensor) -> Tensor:
        """The gradient of output `k` is known."""
        for hook in self.before:
            new = hook(self.module, self._tuple({**self.arrived, k: g}, self.outputs))
            g = g if new is None else (new[k] if isinstance(new, tuple) else new)
        self.arrived[k] = g
        if not self.waiting:
            self._tell()
        return g

    def leave(self, k: int, g: Tensor) -> Tensor:
        """The gradient of input `k` is known."""
        self.left[k] = g
        if len(self.left) < self.waiting:
            return g
        replaced = self._tell()
        self.arrived, self.left = {}, {}
        return g if replaced is None else replaced[k]

    def _tell(self) -> tuple | None:
        found = self._tuple(self.left, self.count)
        replaced = None
        for hook in self.after:
            new = hook(self.module, found, self._tuple(self.arrived, self.outputs))
            if new is None:
                continue
            if self.waiting != 1:
                raise GradError(f"{type(self.module).__name__}: a backward hook can replace the gradient of one "
                                f"input, but {self.waiting} inputs want one. Hint: return None")  # fmt: skip
            found = replaced = new if isinstance(new, tuple) else (new,)
        return replaced

    @staticmethod
    def _tuple(known: dict, count: int) -> tuple:
        return tuple(known.get(k) for k in range(count))
